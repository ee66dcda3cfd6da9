#include "controlplane/metrics/status_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

namespace director::metrics {
namespace {

using nlohmann::json;

constexpr size_t kDropsShown = 8;

template <typename Service>
auto key_of(const Service& service) {
    return std::tuple(service.protocol, service.address, service.port, service.mark);
}

json top_drops(const server::DropsView& drops) {
    std::vector<const server::DropReasonView*> reasons;
    for (const server::DropReasonView& reason : drops.reasons) {
        if (reason.packets > 0) {
            reasons.push_back(&reason);
        }
    }
    std::stable_sort(reasons.begin(), reasons.end(), [](const auto* a, const auto* b) {
        return a->packets > b->packets;
    });
    json top = json::array();
    for (size_t i = 0; i < std::min(reasons.size(), kDropsShown); ++i) {
        top.push_back({{"name", reasons[i]->name},
                       {"help", reasons[i]->help},
                       {"packets", reasons[i]->packets}});
    }
    return top;
}

}  // namespace

std::string status_json(const Snapshot& snapshot) {
    const auto& services = snapshot.services.services;
    json shown = json::array();
    std::set<decltype(key_of(server::ServiceView{}))> keys;
    size_t total = 0;
    for (const server::ServiceView& service : services) {
        total += service.is_retired ? 0U : 1U;
        if (!service.is_retired && shown.size() < kServicesShown) {
            shown.push_back(service);
            keys.insert(key_of(service));
        }
    }
    json checks = json::array();
    for (const server::CheckedServiceView& service : snapshot.checks.services) {
        if (keys.contains(key_of(service))) {
            checks.push_back(service);
        }
    }
    const ObservedView& observed = snapshot.observed;
    const json all{{"status", snapshot.status},
                   {"workers", snapshot.workers},
                   {"services", std::move(shown)},
                   {"services_total", total},
                   {"checks", {{"services", std::move(checks)}}},
                   {"vrrp", snapshot.vrrp},
                   {"health",
                    {{"is_on", observed.is_on},
                     {"observed_seconds", observed.observed_seconds},
                     {"packets", observed.packets},
                     {"missed", observed.missed + observed.limited},
                     {"verdicts", json(observed.verdicts)},
                     {"verdicts_in_all", observed.verdicts_in_all}}},
                   {"drops", top_drops(snapshot.drops)},
                   {"events", json(snapshot.events)}};
    // A name of a script or instance may be in any encoding.
    return all.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace director::metrics
