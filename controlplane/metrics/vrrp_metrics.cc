#include "controlplane/metrics/vrrp_metrics.h"

#include <array>

namespace director::metrics {
namespace {

template <typename Function>
void each_instance(const Snapshot& snapshot, Function function) {
    for (const server::VrrpInstanceView& instance : snapshot.vrrp.instances) {
        function(Labels{{"vrrp_instance", instance.name}}, instance);
    }
}

constexpr std::array kVrrpMetrics{
    Metric{"director_vrrp_state",
           kGauge,
           "1 for the state that a VRRP instance is in, 0 for the others.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_instance(snapshot, [&](const Labels& labels, const auto& instance) {
                   for (const auto& [state, count] : instance.transitions) {
                       samples.add(with(labels, "state", lower(state)),
                                   state == instance.state ? 1 : 0);
                   }
               });
           }},
    Metric{"director_vrrp_priority",
           kGauge,
           "Priority of a VRRP instance, with what trackers made of it.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_instance(snapshot, [&](const Labels& labels, const auto& instance) {
                   samples.add(labels, instance.priority);
               });
           }},
    Metric{"director_vrrp_transitions_total",
           kCounter,
           "Transitions of a VRRP instance into a state.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_instance(snapshot, [&](const Labels& labels, const auto& instance) {
                   for (const auto& [state, count] : instance.transitions) {
                       samples.add(with(labels, "state", lower(state)), count);
                   }
               });
           }},
    Metric{"director_vrrp_adverts_total",
           kCounter,
           "VRRP advertisements that an instance sent, or received and believed.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_instance(snapshot, [&](const Labels& labels, const auto& instance) {
                   samples.add(with(labels, "direction", "sent"), instance.adverts_sent);
                   samples.add(with(labels, "direction", "received"), instance.adverts_received);
               });
           }},
    // A packet that belongs to no instance has the label empty, which to Prometheus is none.
    Metric{"director_vrrp_refused_total",
           kCounter,
           "VRRP packets that were not believed.",
           [](const Snapshot& snapshot, Samples& samples) {
               if (snapshot.vrrp.instances.empty()) {
                   return;
               }
               for (const server::VrrpRefusalView& reason : snapshot.vrrp.refused) {
                   samples.add({{"vrrp_instance", ""}, {"reason", reason.name}}, reason.packets);
               }
               each_instance(snapshot, [&](const Labels& labels, const auto& instance) {
                   for (const auto& [reason, packets] : instance.refused) {
                       samples.add(with(labels, "reason", reason), packets);
                   }
               });
           }},
};

}  // namespace

std::span<const Metric> vrrp_metrics() {
    return kVrrpMetrics;
}

}  // namespace director::metrics
