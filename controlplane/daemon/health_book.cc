#include "controlplane/daemon/health_book.h"

#include <algorithm>
#include <unordered_map>

#include "controlplane/plan/translate.h"

namespace director::daemon {

using dataplane::ServiceId;
using metrics::ObservedRow;

namespace {

bool is_watched(const plan::ServiceEntry* entry) {
    return entry != nullptr && !entry->is_retired && !entry->source_nat;
}

// By slot: a service may have a hundred thousand.
std::unordered_map<uint32_t, Endpoint> served(const plan::ServiceEntry& entry) {
    std::unordered_map<uint32_t, Endpoint> endpoints;
    endpoints.reserve(entry.servers.size());
    for (const plan::RealServerEntry& server : entry.servers) {
        if (!server.is_retired) {
            endpoints.emplace(index(server.id), server.settings.endpoint);
        }
    }
    return endpoints;
}

metrics::ObservedEnd end_view(const diagnostics::EndFacts& facts) {
    return {.packets = facts.packets,
            .sent_again = facts.data_packets_again,
            .zero_windows = facts.zero_windows,
            .resets = facts.resets,
            .trips = {facts.trips.buckets.begin(), facts.trips.buckets.end()},
            .trip_seconds = facts.trips.sum_s};
}

ObservedRow row_of(const diagnostics::ServerFacts& facts) {
    ObservedRow row;
    row.opened = facts.opened;
    row.unanswered = facts.unanswered;
    row.unfinished = facts.unfinished;
    row.scans = facts.scans;
    row.client = end_view(facts.client);
    row.server = end_view(facts.server);
    return row;
}

ObservedRow row_of(const dataplane::ServiceKey& key, const diagnostics::ServerFacts& facts) {
    ObservedRow row = row_of(facts);
    row.protocol = key.mark != 0 ? "fwm" : to_string(key.protocol);
    row.address = to_string(key.address);
    row.port = key.port.host();
    row.mark = key.mark;
    return row;
}

}  // namespace

// `servers` is ordered by service.
void HealthBook::add(const std::vector<ServerHealth>& servers, const plan::Catalogue& catalogue) {
    for (auto begin = servers.begin(); begin != servers.end();) {
        const auto end = std::find_if(
            begin, servers.end(), [&](const auto& each) { return each.service != begin->service; });
        const plan::ServiceEntry* const entry = catalogue.find(begin->service);
        if (is_watched(entry)) {
            Service& service =
                services_.try_emplace(index(begin->service), Service{plan::key_of(entry->settings)})
                    .first->second;
            learn(service, {begin, end}, *entry);
            for (auto each = begin; each != end; ++each) {
                facts_.add(each->facts);
                service.facts.add(each->facts);
                if (const auto found = service.servers.find(index(each->server));
                    found != service.servers.end()) {
                    found->second.facts.add(each->facts);
                }
            }
        }
        begin = end;
    }
}

void HealthBook::learn(Service& service,
                       std::span<const ServerHealth> seen,
                       const plan::ServiceEntry& entry) {
    const bool are_known = std::all_of(seen.begin(), seen.end(), [&](const ServerHealth& each) {
        return service.servers.contains(index(each.server));
    });
    if (are_known) {
        return;
    }
    const auto endpoints = served(entry);
    for (const ServerHealth& each : seen) {
        if (const auto found = endpoints.find(index(each.server)); found != endpoints.end()) {
            servers_ +=
                service.servers.try_emplace(index(each.server), Server{found->second}).second ? 1U
                                                                                              : 0U;
        }
    }
}

void HealthBook::forget_gone(const plan::Catalogue& catalogue) {
    std::erase_if(services_, [&](const auto& each) {
        const plan::ServiceEntry* const entry = catalogue.find(ServiceId{each.first});
        return !is_watched(entry) || plan::key_of(entry->settings) != each.second.key;
    });
    servers_ = 0;
    for (auto& [slot, service] : services_) {
        const auto endpoints = served(*catalogue.find(ServiceId{slot}));
        std::erase_if(service.servers, [&](const auto& each) {
            const auto found = endpoints.find(each.first);
            return found == endpoints.end() || found->second != each.second.endpoint;
        });
        servers_ += service.servers.size();
    }
}

void HealthBook::clear() {
    *this = HealthBook();
}

std::vector<ObservedRow> HealthBook::rows(size_t rows_max) const {
    std::vector<ObservedRow> rows;
    if (services_.empty()) {
        return rows;
    }
    if (services_.size() > rows_max && servers_ > rows_max) {
        rows.push_back(row_of(facts_));
        return rows;
    }
    for (const auto& [slot, service] : services_) {
        if (servers_ > rows_max) {
            rows.push_back(row_of(service.key, service.facts));
            continue;
        }
        for (const auto& [server_slot, server] : service.servers) {
            ObservedRow row = row_of(service.key, server.facts);
            row.server_address = to_string(server.endpoint.address);
            row.server_port = server.endpoint.port.host();
            rows.push_back(std::move(row));
        }
    }
    return rows;
}

}  // namespace director::daemon
