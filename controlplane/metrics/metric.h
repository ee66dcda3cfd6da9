// One metric of the page, and what takes its samples. Metrics are listed in metrics.cc and the
// files *_metrics.cc beside it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>

#include "controlplane/metrics/metrics.h"

namespace director::metrics {

using Labels = std::vector<prometheus::ClientMetric::Label>;

class Samples {
  public:
    explicit Samples(prometheus::MetricFamily& family) : family_(family) {}

    template <typename Number>
    void add(Labels labels, Number value) {
        prometheus::ClientMetric sample;
        sample.label = std::move(labels);
        if (family_.type == prometheus::MetricType::Counter) {
            sample.counter.value = static_cast<double>(value);
        } else {
            sample.gauge.value = static_cast<double>(value);
        }
        family_.metric.push_back(std::move(sample));
    }

    // `counts` by bucket, whose upper bounds are `bounds`; the last one is of what is above.
    void add_histogram(Labels labels,
                       std::span<const double> bounds,
                       std::span<const uint64_t> counts,
                       double sum);

  private:
    prometheus::MetricFamily& family_;
};

struct Metric {
    std::string_view name;
    prometheus::MetricType type;
    std::string_view help;
    void (*read)(const Snapshot& snapshot, Samples& samples);
};

inline constexpr prometheus::MetricType kCounter = prometheus::MetricType::Counter;
inline constexpr prometheus::MetricType kGauge = prometheus::MetricType::Gauge;
inline constexpr prometheus::MetricType kHistogram = prometheus::MetricType::Histogram;

// `labels` and one more.
[[nodiscard]] Labels with(Labels labels, std::string name, std::string value);

[[nodiscard]] Labels service_labels(const std::string& protocol,
                                    const std::string& address,
                                    uint16_t port);
// Those of a service: protocol, address, port, and the mark of one by match rules.
template <typename Service>
[[nodiscard]] Labels labels_of_service(const Service& service) {
    Labels labels = service_labels(service.protocol, service.address, service.port);
    return service.mark != 0 ? with(std::move(labels), "mark", std::to_string(service.mark))
                             : labels;
}

// Those of a service's server.
[[nodiscard]] Labels labels_of_server(const Labels& service,
                                      const std::string& address,
                                      uint16_t port);

// Whether a service's real servers are summed up: their series have the service's labels alone.
[[nodiscard]] bool are_summed_up(const Snapshot& snapshot);

// Values of labels are in lower case.
[[nodiscard]] std::string lower(std::string text);

}  // namespace director::metrics
