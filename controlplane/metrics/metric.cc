#include "controlplane/metrics/metric.h"

#include <algorithm>
#include <cctype>
#include <limits>

#include "common/assert.h"

namespace director::metrics {

void Samples::add_histogram(Labels labels,
                            std::span<const double> bounds,
                            std::span<const uint64_t> counts,
                            double sum) {
    DIRECTOR_ASSERT(counts.empty() || counts.size() == bounds.size() + 1);
    prometheus::ClientMetric sample;
    sample.label = std::move(labels);
    uint64_t up_to_here = 0;
    for (size_t i = 0; i < counts.size(); ++i) {
        up_to_here += counts[i];
        const double bound =
            i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
        sample.histogram.bucket.push_back({up_to_here, bound});
    }
    sample.histogram.sample_count = up_to_here;
    sample.histogram.sample_sum = sum;
    family_.metric.push_back(std::move(sample));
}

Labels with(Labels labels, std::string name, std::string value) {
    labels.push_back({std::move(name), std::move(value)});
    return labels;
}

Labels service_labels(const std::string& protocol, const std::string& address, uint16_t port) {
    return {{"protocol", lower(protocol)}, {"address", address}, {"port", std::to_string(port)}};
}

Labels labels_of_server(const Labels& service, const std::string& address, uint16_t port) {
    Labels labels;
    labels.reserve(service.size() + 3);  // and perhaps a direction
    labels = service;
    labels.push_back({"server_address", address});
    labels.push_back({"server_port", std::to_string(port)});
    return labels;
}

bool are_summed_up(const Snapshot& snapshot) {
    size_t servers = 0;
    for (const server::ServiceView& service : snapshot.services.services) {
        servers += service.servers.size();
    }
    return servers > snapshot.servers_max;
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
    });
    return text;
}

}  // namespace director::metrics
