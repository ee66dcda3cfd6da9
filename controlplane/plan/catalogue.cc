#include "controlplane/plan/catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/assert.h"
#include "controlplane/plan/translate.h"
#include "dataplane/api/local_pool.h"

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
    return key_of(plan::key_of(service));
}

Catalogue::Key Catalogue::key_of(const dataplane::ServiceKey& key) {
    return {key.mark, key.address, key.port.host(), static_cast<uint8_t>(key.protocol), ""};
}

Catalogue::Key Catalogue::key_of(const config::SourceNat& rule) {
    // Beside the services by address; 255 is no protocol of theirs.
    return {0,
            rule.from.address,
            0,
            uint8_t{255},
            fmt::format("{} {} {}", to_string(rule.from), to_string(rule.to), rule.pool)};
}

const RealServerEntry* ServiceEntry::find(RealServerId server) const {
    const auto found = std::find_if(
        servers.begin(), servers.end(), [server](const auto& entry) { return entry.id == server; });
    return found != servers.end() ? &*found : nullptr;
}

std::string service_name(const config::VirtualService& service) {
    if (service.mark != 0) {
        return fmt::format(
            "mark {}{}", service.mark, service.family() == Family::kIpv6 ? " ipv6" : "");
    }
    return fmt::format("{} {}", to_string(service.protocol), to_string(service.endpoint));
}

std::string to_string(const ServiceEntry& service) {
    return service.source_nat ? "source-nat " + to_string(service.source_nat->from)
                              : service_name(service.settings);
}

bool ServerName::fits(const ServiceEntry& entry, const RealServerEntry& candidate) const {
    const Endpoint& endpoint = candidate.settings.endpoint;
    const bool is_service =
        !service || to_string(entry) == *service || to_string(entry.settings.endpoint) == *service;
    return is_service && !candidate.is_retired && !entry.source_nat &&
           endpoint.address == server.address &&
           (server.port == Be16{} || endpoint.port == server.port);
}

std::string to_string(const ServerName& name) {
    const std::string server =
        name.server.port == Be16{} ? to_string(name.server.address) : to_string(name.server);
    return server + (name.service ? " in service " + *name.service : "");
}

namespace {

// In the order of the catalogue. LVS puts every server that is added at the head of its list.
std::vector<config::RealServer> wanted_servers(const config::VirtualService& service) {
    std::vector<config::RealServer> servers(service.real_servers.rbegin(),
                                            service.real_servers.rend());
    for (config::RealServer& server : servers) {
        server.health = {};  // changes nothing of a table
    }
    const config::SorryServer& sorry = service.sorry_server;
    const bool is_apart =
        std::none_of(servers.begin(), servers.end(), [&sorry](const config::RealServer& server) {
            return server.endpoint == sorry.endpoint;
        });
    if (sorry.is_set() && is_apart) {
        config::RealServer& added = servers.emplace_back();
        added.endpoint = sorry.endpoint;
        added.weight = sorry.weight;
        added.forwarding = sorry.forwarding;
        added.tunnel = sorry.tunnel;
    }
    return servers;
}

// All real servers, and the sorry server waits.
ServingTable as_configured(const config::VirtualService& service) {
    ServingTable rows;
    for (const config::RealServer& server : service.real_servers) {
        rows.push_back({server.endpoint, server.weight});
    }
    return rows;
}

// Notes what health checks say. By address: a large service has thousands of servers.
void note_serving(std::vector<RealServerEntry>& servers, const ServingTable& rows) {
    std::map<Endpoint, uint32_t> weights;
    for (const ServingRow& row : rows) {
        weights.emplace(row.server, row.weight);
    }
    for (RealServerEntry& server : servers) {
        const auto row = weights.find(server.settings.endpoint);
        server.is_out = row == weights.end();
        server.checked_weight = server.is_out ? std::nullopt : std::optional(row->second);
    }
}

// Whether note_serving() would change nothing.
bool are_noted(const std::vector<RealServerEntry>& servers, const ServingTable& rows) {
    std::vector<std::pair<Endpoint, uint32_t>> weights;
    weights.reserve(rows.size());
    for (const ServingRow& row : rows) {
        weights.emplace_back(row.server, row.weight);
    }
    std::stable_sort(weights.begin(), weights.end(), [](const auto& a, const auto& b) {
        return a.first < b.first;
    });
    return std::all_of(servers.begin(), servers.end(), [&weights](const RealServerEntry& server) {
        const auto row = std::lower_bound(
            weights.begin(),
            weights.end(),
            server.settings.endpoint,
            [](const auto& one, const Endpoint& endpoint) { return one.first < endpoint; });
        const bool is_out = row == weights.end() || row->first != server.settings.endpoint;
        return server.is_out == is_out &&
               server.checked_weight == (is_out ? std::nullopt : std::optional(row->second));
    });
}

// Whether put() would make the same of it. Draining ends with every update.
bool is_as_wanted(const ServiceEntry& entry,
                  const config::VirtualService& wanted,
                  const std::optional<ServingTable>& serving) {
    const auto has = [&entry](auto is_it) {
        return std::any_of(entry.servers.begin(), entry.servers.end(), is_it);
    };
    if (entry.is_retired || entry.source_nat || !(entry.settings == wanted) ||
        has([](const RealServerEntry& server) { return server.is_draining; })) {
        return false;
    }
    if (serving) {
        return are_noted(entry.servers, *serving);
    }
    return wanted.sorry_server.is_set()
               ? are_noted(entry.servers, as_configured(wanted))
               : !has([](const RealServerEntry& server) {
                     return server.is_out || server.checked_weight.has_value();
                 });
}

}  // namespace

// The wanted servers with the slots they have or get, then those that are retired by this.
Result<std::vector<RealServerEntry>> Catalogue::merge_servers(
    const std::vector<RealServerEntry>& present, const config::VirtualService& wanted) {
    std::map<Endpoint, const RealServerEntry*> known;
    for (const RealServerEntry& entry : present) {
        known.emplace(entry.settings.endpoint, &entry);
    }
    std::vector<RealServerEntry> merged;
    for (const config::RealServer& settings : wanted_servers(wanted)) {
        RealServerEntry entry{dataplane::kNoRealServer, settings, false, false, settings.weight};
        if (const auto found = known.find(settings.endpoint); found != known.end()) {
            entry.id = found->second->id;
            entry.last_weight = settings.weight != 0 ? settings.weight : found->second->last_weight;
            known.erase(found);
        } else if (const auto slot = server_slots_.take()) {
            entry.id = RealServerId{*slot};
        } else {
            return failure(fmt::format(
                "no slot is left for real server {}: {} are configured or still have connections "
                "(raise dataplane.real_servers_max and restart)",
                to_string(settings.endpoint),
                server_slots_.max));
        }
        merged.push_back(entry);
    }
    for (const RealServerEntry& entry : present) {
        if (known.contains(entry.settings.endpoint)) {
            merged.push_back({entry.id, entry.settings, true, false, entry.last_weight});
        }
    }
    return merged;
}

namespace {

// Whether nothing but servers and what decides on them differs.
bool are_same_but_servers(config::VirtualService a, config::VirtualService b) {
    for (config::VirtualService* const service : {&a, &b}) {
        service->real_servers.clear();
        service->health = {};
        service->sorry_server = {};
    }
    return a == b;
}

// In the order of the workers' table.
std::vector<const RealServerEntry*> served(const std::vector<RealServerEntry>& servers) {
    std::vector<const RealServerEntry*> list;
    for (const RealServerEntry& server : servers) {
        if (server.is_served()) {
            list.push_back(&server);
        }
    }
    return list;
}

Change change_of(Change::Kind kind, ServiceId service) {
    Change change;
    change.kind = kind;
    change.service = service;
    return change;
}

// Changes that need no new table: the same servers in the same places, only weights differ. nullopt
// when the table has to be built anew.
std::optional<std::vector<Change>> weight_changes(ServiceId service,
                                                  const std::vector<RealServerEntry>& before,
                                                  const std::vector<RealServerEntry>& after) {
    const auto old_servers = served(before);
    const auto new_servers = served(after);
    if (old_servers.size() != new_servers.size()) {
        return std::nullopt;
    }
    std::vector<Change> changes;
    for (uint32_t i = 0; i < new_servers.size(); ++i) {
        const RealServerEntry& old_server = *old_servers[i];
        const RealServerEntry& new_server = *new_servers[i];
        config::RealServer same_but_weight = old_server.settings;
        same_but_weight.weight = new_server.settings.weight;
        if (old_server.id != new_server.id || same_but_weight != new_server.settings) {
            return std::nullopt;
        }
        if (old_server.weight() != new_server.weight()) {
            changes.push_back(
                {Change::Kind::kSetWeight, service, new_server.id, i, new_server.weight(), 0});
        }
    }
    return changes;
}

// What to tell the workers of a service whose servers change, and nothing else of it.
void add_server_changes(ServiceId service,
                        const std::vector<RealServerEntry>& before,
                        const std::vector<RealServerEntry>& after,
                        bool is_same_service,
                        std::vector<Change>& changes) {
    const auto weights = is_same_service ? weight_changes(service, before, after) : std::nullopt;
    if (weights) {
        changes.insert(changes.end(), weights->begin(), weights->end());
        return;
    }
    changes.push_back(change_of(Change::Kind::kPutService, service));
    std::set<RealServerId> were_served;
    for (const RealServerEntry* const server : served(before)) {
        were_served.insert(server->id);
    }
    for (const RealServerEntry& server : after) {
        if (!server.is_served() && were_served.contains(server.id)) {
            Change change = change_of(Change::Kind::kEndConnections, service);
            change.server = server.id;
            changes.push_back(change);
        }
    }
}

}  // namespace

Result<ServiceId> Catalogue::take_slot(const std::string& what) {
    if (const auto slot = service_slots_.take()) {
        return ServiceId{*slot};
    }
    return failure(
        fmt::format("no slot is left for {}: {} are configured or still have connections (raise "
                    "dataplane.services_max and restart)",
                    what,
                    service_slots_.max));
}

Result<ServiceId> Catalogue::put(const config::VirtualService& wanted,
                                 const std::optional<ServingTable>& serving,
                                 std::vector<Change>& changes) {
    const auto found = services_.find(key_of(wanted));
    if (found != services_.end() && is_as_wanted(*found->second, wanted, serving)) {
        return found->second->id;
    }
    const auto known = found != services_.end() ? found->second : std::make_shared<ServiceEntry>();
    const ServiceEntry& before = *known;
    ServiceEntry after{before.id, wanted, false, {}, {}};
    if (found == services_.end()) {
        const auto slot = take_slot("virtual service " + to_string(after));
        if (!slot) {
            return Failure(slot.error());
        }
        after.id = *slot;
    }
    auto servers = merge_servers(before.servers, wanted);
    if (!servers) {
        return Failure(servers.error());
    }
    after.servers = std::move(*servers);
    if (serving) {
        note_serving(after.servers, *serving);
    } else if (wanted.sorry_server.is_set()) {
        note_serving(after.servers, as_configured(wanted));
    }
    const bool is_same_service = found != services_.end() && !before.is_retired &&
                                 are_same_but_servers(before.settings, after.settings);
    add_server_changes(after.id, before.servers, after.servers, is_same_service, changes);
    const ServiceId id = after.id;
    keys_[index(id)] = key_of(wanted);
    services_[key_of(wanted)] = std::make_shared<ServiceEntry>(std::move(after));
    return id;
}

Result<void> Catalogue::put(const config::SourceNat& wanted) {
    const auto found = services_.find(key_of(wanted));
    if (found != services_.end()) {
        ServiceEntry& known = edit(found->second);
        known.is_retired = false;
        for (RealServerEntry& server : known.servers) {
            server.is_retired = false;
        }
        if (!known.servers.empty()) {
            return {};
        }
    }
    ServiceEntry entry;
    entry.source_nat = wanted;
    if (found != services_.end()) {
        entry.id = found->second->id;
    } else {
        const auto service = take_slot(to_string(entry));
        if (!service) {
            return Failure(service.error());
        }
        entry.id = *service;
    }
    const auto server = server_slots_.take();
    if (!server) {
        return failure(
            fmt::format("no slot is left for {} (raise dataplane.real_servers_max and restart)",
                        to_string(entry)));
    }
    entry.servers = {{RealServerId{*server}, {}, false, false}};
    keys_[index(entry.id)] = key_of(wanted);
    services_[key_of(wanted)] = std::make_shared<ServiceEntry>(std::move(entry));
    return {};
}

// Pools keep their numbers as long as there are enough: connections may still hold ports of one
// that left the configuration.
void Catalogue::put_pools(const config::Model& wanted, std::vector<Change>& changes) {
    std::map<uint16_t, config::LocalPool> before;
    before.swap(pools_);
    std::set<std::string> names;
    for (const config::LocalPool& pool : wanted.local_pools) {
        names.insert(pool.name);
    }
    for (const config::LocalPool& pool : wanted.local_pools) {
        if (!pool_numbers_.contains(pool.name) &&
            pool_numbers_.size() + 1 >= dataplane::kLocalPoolsMax) {
            std::erase_if(pool_numbers_,
                          [&names](const auto& known) { return !names.contains(known.first); });
        }
        const auto [entry, is_new] = pool_numbers_.try_emplace(pool.name, uint16_t{0});
        if (is_new) {
            std::set<uint16_t> taken;
            for (const auto& [name, number] : pool_numbers_) {
                taken.insert(number);
            }
            while (taken.contains(entry->second)) {
                ++entry->second;
            }
        }
        const auto old = before.find(entry->second);
        if (old == before.end() || old->second != pool) {
            Change change;
            change.kind = Change::Kind::kPutPool;
            change.pool = entry->second;
            changes.push_back(change);
        }
        pools_[entry->second] = pool;
    }
}

void Catalogue::retire_others(const config::Model& wanted, std::vector<Change>& changes) {
    std::vector<Key> kept;
    kept.reserve(wanted.virtual_services.size() + wanted.source_nat.size());
    for (const config::VirtualService& service : wanted.virtual_services) {
        kept.push_back(key_of(service));
    }
    for (const config::SourceNat& rule : wanted.source_nat) {
        kept.push_back(key_of(rule));
    }
    std::sort(kept.begin(), kept.end());
    auto next_kept = kept.begin();
    for (auto& [key, shared] : services_) {
        while (next_kept != kept.end() && *next_kept < key) {
            ++next_kept;
        }
        if (shared->is_retired || (next_kept != kept.end() && *next_kept == key)) {
            continue;
        }
        ServiceEntry& entry = edit(shared);
        entry.is_retired = true;
        if (!entry.source_nat) {
            changes.push_back(change_of(Change::Kind::kRetireService, entry.id));
        }
        for (RealServerEntry& server : entry.servers) {
            if (!server.is_retired && !entry.source_nat) {
                changes.push_back(change_of(Change::Kind::kEndConnections, entry.id));
                changes.back().server = server.id;
            }
            server.is_retired = true;
            server.is_draining = false;
        }
    }
}

ServiceEntry& Catalogue::edit(std::shared_ptr<ServiceEntry>& entry) {
    if (entry.use_count() > 1) {
        entry = std::make_shared<ServiceEntry>(*entry);
    }
    return *entry;
}

ChangedTables Catalogue::tables_changed_from(const Catalogue& before) const {
    return {match_rules_ != before.match_rules_,
            source_nat_ != before.source_nat_,
            lists_.is_changed()};
}

Result<std::vector<Change>> Catalogue::update(const config::Model& wanted,
                                              const ServingTables& serving) {
    // Work on a copy, so that running out of slots half way changes nothing.
    Catalogue next = *this;
    auto changes = next.update_in_place(*this, wanted, serving);
    if (changes) {
        *this = std::move(next);
    }
    return changes;
}

bool Catalogue::has_plenty_of_slots_for(const config::Model& wanted) const {
    const size_t services = wanted.virtual_services.size() + wanted.source_nat.size();
    size_t servers = wanted.source_nat.size();
    for (const config::VirtualService& service : wanted.virtual_services) {
        servers += service.real_servers.size() + 1;  // and a sorry server
    }
    return services <= service_slots_.free_count() && servers <= server_slots_.free_count();
}

// Slots are all that can run out. Comparing every server is for when they may.
Result<void> Catalogue::try_out(const config::Model& wanted) const {
    if (has_plenty_of_slots_for(wanted)) {
        return {};
    }
    Catalogue next = *this;
    const auto changes = next.update_in_place(*this, wanted, {});
    return changes ? Result<void>() : Failure(changes.error());
}

Result<std::vector<Change>> Catalogue::update_in_place(const Catalogue& before,
                                                       const config::Model& wanted,
                                                       const ServingTables& serving) {
    std::vector<Change> pools;
    std::vector<Change> changes;
    put_pools(wanted, pools);
    retire_others(wanted, changes);
    lists_.begin_update();
    match_rules_.clear();
    source_nat_.clear();
    for (size_t i = 0; i < wanted.virtual_services.size(); ++i) {
        const config::VirtualService& service = wanted.virtual_services[i];
        const auto rows = i < serving.size() ? serving[i] : std::nullopt;
        const auto id = put(service, rows, changes);
        if (!id) {
            return Failure(id.error());
        }
        for (const config::Match& match : service.match) {
            match_rules_.push_back(rule_of(match, *id));
        }
        const auto want = [&](ListKind kind, const auto& prefixes, const std::string& file) {
            static_cast<void>(lists_.want(*id, kind, prefixes, wanted.prefix_files.find(file)));
        };
        want(ListKind::kAllow, service.allow, service.allow_file);
        want(ListKind::kDeny, service.deny, service.deny_file);
    }
    for (const config::SourceNat& rule : wanted.source_nat) {
        if (auto done = put(rule); !done) {
            return Failure(done.error());
        }
        const ServiceEntry& entry = *services_.at(key_of(rule));
        dataplane::SourceNatRule to = rule_of(rule);
        to.local_pool = pool_number(rule.pool);
        to.service = entry.id;
        to.server = entry.servers.front().id;
        source_nat_.push_back(to);
    }
    // Tables first: services refer to lists by number.
    if (const ChangedTables tables = tables_changed_from(before); tables.any()) {
        Change change = change_of(Change::Kind::kPutTables, dataplane::kNoService);
        change.tables = tables;
        pools.push_back(change);
    }
    pools.insert(pools.end(), changes.begin(), changes.end());
    return pools;
}

bool Catalogue::forget_leaving_lists() {
    const bool had_leaving = lists_.has_leaving();
    lists_.end_update();
    return had_leaving;
}

std::vector<Change> Catalogue::set_serving(const dataplane::ServiceKey& service,
                                           const ServingTable& rows) {
    const auto found = services_.find(key_of(service));
    if (found == services_.end() || found->second->is_retired) {
        return {};
    }
    ServiceEntry& entry = edit(found->second);
    std::vector<RealServerEntry> before = entry.servers;
    note_serving(entry.servers, rows);
    std::vector<Change> changes;
    add_server_changes(entry.id, before, entry.servers, true, changes);
    return changes;
}

Result<std::vector<Change>> Catalogue::set_draining(const ServerName& name, Draining what) {
    std::vector<Change> changes;
    bool is_found = false;
    for (auto& [key, shared] : services_) {
        const ServiceEntry& present = *shared;
        const bool is_concerned =
            std::any_of(present.servers.begin(), present.servers.end(), [&](const auto& server) {
                return name.fits(present, server);
            });
        if (!is_concerned) {
            continue;
        }
        ServiceEntry& entry = edit(shared);
        uint32_t position = 0;
        for (RealServerEntry& server : entry.servers) {
            const uint32_t here = position;
            position += server.is_served() ? 1U : 0U;
            if (!name.fits(entry, server)) {
                continue;
            }
            is_found = true;
            const uint32_t before = server.weight();
            server.is_draining = what == Draining::kStart;
            if (server.weight() != before) {
                changes.push_back(
                    {Change::Kind::kSetWeight, entry.id, server.id, here, server.weight(), 0});
            }
        }
    }
    if (!is_found) {
        return failure("there is no real server " + to_string(name));
    }
    return changes;
}

uint16_t Catalogue::pool_number(const std::string& name) const {
    const auto found = pool_numbers_.find(name);
    return found != pool_numbers_.end() ? found->second : uint16_t{0};
}

}  // namespace director::plan
