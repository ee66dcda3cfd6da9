// What the catalogue says of its slots, and how they become free.
#include <algorithm>

#include "common/assert.h"
#include "controlplane/plan/catalogue.h"
#include "controlplane/plan/translate.h"

namespace director::plan {

using dataplane::RealServerId;
using dataplane::ServiceId;

dataplane::ServiceTable Catalogue::table_of(ServiceId id) const {
    const ServiceEntry* const entry = find(id);
    DIRECTOR_ASSERT(entry != nullptr && !entry->is_retired && !entry->source_nat);
    dataplane::ServiceTable table;
    table.id = id;
    table.key = plan::key_of(entry->settings);
    table.flags = flags_of(entry->settings);
    table.options = options_of(entry->settings);
    table.options.allow_list = lists_.number(id, ListKind::kAllow);
    table.options.deny_list = lists_.number(id, ListKind::kDeny);
    table.options.local_pool = pool_number(entry->settings.local_pool);
    for (const RealServerEntry& server : entry->servers) {
        if (server.is_served()) {
            dataplane::RealServerSlot slot = slot_of(server.settings);
            slot.id = server.id;
            slot.weight = server.weight();
            slot.last_weight = server.last_weight;
            table.servers.push_back(slot);
        }
    }
    return table;
}

dataplane::Tables Catalogue::tables() const {
    dataplane::Tables tables;
    tables.match_rules = match_rules_;
    tables.source_nat = source_nat_;
    return tables;
}

std::vector<const ServiceEntry*> Catalogue::services() const {
    std::vector<const ServiceEntry*> all;
    all.reserve(services_.size());
    for (const auto& [key, entry] : services_) {
        all.push_back(entry.get());
    }
    return all;
}

const ServiceEntry* Catalogue::find(ServiceId id) const {
    const auto key = keys_.find(index(id));
    return key != keys_.end() ? services_.at(key->second).get() : nullptr;
}

void Catalogue::forget_service(ServiceId id) {
    const ServiceEntry* const entry = find(id);
    DIRECTOR_ASSERT(entry != nullptr && entry->is_retired && entry->servers.empty());
    service_slots_.give_back(index(id));
    services_.erase(Key(keys_.at(index(id))));
    keys_.erase(index(id));
}

void Catalogue::forget_real_server(ServiceId service, RealServerId id) {
    const ServiceEntry* const entry = find(service);
    DIRECTOR_ASSERT(entry != nullptr);
    auto& servers = edit(services_.at(keys_.at(index(service)))).servers;
    const auto gone = std::find_if(servers.begin(), servers.end(), [id](const auto& server) {
        return server.id == id && server.is_retired;
    });
    DIRECTOR_ASSERT(gone != servers.end());
    servers.erase(gone);
    server_slots_.give_back(index(id));
}

}  // namespace director::plan
