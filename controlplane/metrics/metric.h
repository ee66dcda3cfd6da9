// One metric of the page, and what takes its samples. Metrics are listed in metrics.cc,
// health_metrics.cc and vrrp_metrics.cc.
#pragma once

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

// `labels` and one more.
[[nodiscard]] Labels with(Labels labels, std::string name, std::string value);

// Values of labels are in lower case.
[[nodiscard]] std::string lower(std::string text);

}  // namespace director::metrics
