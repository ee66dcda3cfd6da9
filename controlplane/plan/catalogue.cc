#include "controlplane/plan/catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/assert.h"

namespace director::plan {

using dataplane::RealServerId;
using dataplane::ServiceId;

std::optional<uint32_t> Catalogue::Slots::take() {
    if (!free.empty()) {
        const uint32_t slot = free.back();
        free.pop_back();
        return slot;
    }
    return end < max ? std::optional(end++) : std::nullopt;
}

void Catalogue::Slots::give_back(uint32_t slot) {
    free.push_back(slot);
}

Catalogue::Catalogue(uint32_t services_max, uint32_t real_servers_max) {
    service_slots_.max = services_max;
    server_slots_.max = real_servers_max;
}

Catalogue::Key Catalogue::key_of(const config::VirtualService& service) {
    return {service.endpoint.address,
            service.endpoint.port.host(),
            static_cast<uint8_t>(service.protocol)};
}

// The wanted servers with the slots they have or get, then those that are retired by this.
Result<std::vector<RealServerEntry>> Catalogue::merge_servers(
    const std::vector<RealServerEntry>& present, const std::vector<config::RealServer>& wanted) {
    std::map<Endpoint, const RealServerEntry*> known;
    for (const RealServerEntry& entry : present) {
        known.emplace(entry.settings.endpoint, &entry);
    }
    std::vector<RealServerEntry> merged;
    // LVS puts every server that is added at the head of its list.
    for (auto settings = wanted.rbegin(); settings != wanted.rend(); ++settings) {
        RealServerEntry entry{dataplane::kNoRealServer, *settings, false};
        if (const auto found = known.find(settings->endpoint); found != known.end()) {
            entry.id = found->second->id;
            known.erase(found);
        } else if (const auto slot = server_slots_.take()) {
            entry.id = RealServerId{*slot};
        } else {
            return failure(fmt::format(
                "no slot is left for real server {}: {} are configured or still have connections "
                "(raise dataplane.real_servers_max and restart)",
                to_string(settings->endpoint),
                server_slots_.max));
        }
        merged.push_back(entry);
    }
    for (const RealServerEntry& entry : present) {
        if (known.contains(entry.settings.endpoint)) {
            merged.push_back({entry.id, entry.settings, true});
        }
    }
    return merged;
}

namespace {

// Changes that need no new table: the same servers in the same places, only weights differ. nullopt
// when the table has to be built anew.
std::optional<std::vector<Change>> weight_changes(const ServiceEntry& before,
                                                  const ServiceEntry& after) {
    const bool is_same_service = !before.is_retired &&
                                 before.settings.scheduler == after.settings.scheduler &&
                                 before.servers.size() == after.servers.size();
    if (!is_same_service) {
        return std::nullopt;
    }
    std::vector<Change> changes;
    for (uint32_t i = 0; i < after.servers.size(); ++i) {
        const RealServerEntry& old_server = before.servers[i];
        const RealServerEntry& new_server = after.servers[i];
        config::RealServer same_but_weight = old_server.settings;
        same_but_weight.weight = new_server.settings.weight;
        if (old_server.id != new_server.id || old_server.is_retired != new_server.is_retired ||
            same_but_weight != new_server.settings) {
            return std::nullopt;
        }
        if (old_server.settings.weight != new_server.settings.weight) {
            changes.push_back(
                {Change::Kind::kSetWeight, after.id, new_server.id, i, new_server.settings.weight});
        }
    }
    return changes;
}

}  // namespace

Result<void> Catalogue::put(const config::VirtualService& wanted, std::vector<Change>& changes) {
    const auto found = services_.find(key_of(wanted));
    const ServiceEntry before = found != services_.end() ? found->second : ServiceEntry{};
    ServiceEntry after{before.id, wanted, false, {}};
    if (found == services_.end()) {
        const auto slot = service_slots_.take();
        if (!slot) {
            return failure(fmt::format(
                "no slot is left for virtual service {} {}: {} are configured or still have "
                "connections (raise dataplane.services_max and restart)",
                to_string(wanted.protocol),
                to_string(wanted.endpoint),
                service_slots_.max));
        }
        after.id = ServiceId{*slot};
    }
    auto servers = merge_servers(before.servers, wanted.real_servers);
    if (!servers) {
        return Failure(servers.error());
    }
    after.servers = std::move(*servers);
    const auto weights = found != services_.end() ? weight_changes(before, after) : std::nullopt;
    if (weights) {
        changes.insert(changes.end(), weights->begin(), weights->end());
    } else {
        changes.push_back({Change::Kind::kPutService, after.id, {}, 0, 0});
    }
    keys_[index(after.id)] = key_of(wanted);
    services_[key_of(wanted)] = std::move(after);
    return {};
}

Result<std::vector<Change>> Catalogue::update(const std::vector<config::VirtualService>& wanted) {
    // Work on a copy, so that running out of slots half way changes nothing.
    Catalogue next = *this;
    std::vector<Change> changes;
    std::set<Key> kept;
    for (const config::VirtualService& service : wanted) {
        kept.insert(key_of(service));
    }
    for (auto& [key, entry] : next.services_) {
        if (kept.contains(key) || entry.is_retired) {
            continue;
        }
        entry.is_retired = true;
        for (RealServerEntry& server : entry.servers) {
            server.is_retired = true;
        }
        changes.push_back({Change::Kind::kRetireService, entry.id, {}, 0, 0});
    }
    for (const config::VirtualService& service : wanted) {
        if (auto done = next.put(service, changes); !done) {
            return Failure(done.error());
        }
    }
    *this = std::move(next);
    return changes;
}

dataplane::ServiceTable Catalogue::table_of(ServiceId id) const {
    const ServiceEntry* const entry = find(id);
    DIRECTOR_ASSERT(entry != nullptr && !entry->is_retired);
    dataplane::ServiceTable table;
    table.id = id;
    table.key = entry->key();
    for (const RealServerEntry& server : entry->servers) {
        if (!server.is_retired) {
            dataplane::RealServerSlot slot;
            slot.id = server.id;
            slot.endpoint = server.settings.endpoint;
            slot.weight = server.settings.weight;
            table.servers.push_back(slot);
        }
    }
    return table;
}

std::vector<const ServiceEntry*> Catalogue::services() const {
    std::vector<const ServiceEntry*> all;
    all.reserve(services_.size());
    for (const auto& [key, entry] : services_) {
        all.push_back(&entry);
    }
    return all;
}

const ServiceEntry* Catalogue::find(ServiceId id) const {
    const auto key = keys_.find(index(id));
    return key != keys_.end() ? &services_.at(key->second) : nullptr;
}

void Catalogue::forget_service(ServiceId id) {
    const ServiceEntry* const entry = find(id);
    DIRECTOR_ASSERT(entry != nullptr && entry->is_retired && entry->servers.empty());
    service_slots_.give_back(index(id));
    services_.erase(key_of(entry->settings));
    keys_.erase(index(id));
}

void Catalogue::forget_real_server(ServiceId service, RealServerId id) {
    const ServiceEntry* const entry = find(service);
    DIRECTOR_ASSERT(entry != nullptr);
    auto& servers = services_.at(key_of(entry->settings)).servers;
    const auto gone = std::find_if(servers.begin(), servers.end(), [id](const auto& server) {
        return server.id == id && server.is_retired;
    });
    DIRECTOR_ASSERT(gone != servers.end());
    servers.erase(gone);
    server_slots_.give_back(index(id));
}

}  // namespace director::plan
