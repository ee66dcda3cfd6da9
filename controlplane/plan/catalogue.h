// The catalogue of virtual services and real servers: which slot each has in the workers' tables,
// and what must change there when the configuration does. Pure: no clock, no socket, no DPDK.
//
// A service or server that leaves the configuration is retired, not gone: its slot stays taken as
// long as connections refer to it, and when it comes back before the last of them ended it finds
// its counters again. forget_*() frees a slot once the workers say that nothing refers to it.
//
// A rule of source NAT is a service without a table, with one server: its connections need slots.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "common/result.h"
#include "config/model.h"
#include "controlplane/plan/prefix_lists.h"
#include "dataplane/api/ids.h"
#include "dataplane/api/service.h"
#include "dataplane/api/tables.h"

namespace director::plan {

struct RealServerEntry {
    dataplane::RealServerId id = dataplane::kNoRealServer;
    config::RealServer settings;
    bool is_retired = false;
    bool is_draining = false;  // on demand, until the next reload
    uint32_t last_weight = 0;  // the last configured one above 0
    bool is_out = false;       // health checks: its slot is kept, but it is not in the table
    std::optional<uint32_t> checked_weight = {};  // what health checks say instead of `settings`

    // Whether the workers' table has it.
    [[nodiscard]] bool is_served() const { return !is_retired && !is_out; }
    // What counts for new connections.
    [[nodiscard]] uint32_t weight() const {
        return !is_served() || is_draining ? 0 : checked_weight.value_or(settings.weight);
    }
};

// What health checks leave of a service's table: these servers with these weights. The sorry server
// may be one of them.
struct ServingRow {
    Endpoint server;
    uint32_t weight = 0;

    friend bool operator==(const ServingRow&, const ServingRow&) = default;
};
using ServingTable = std::vector<ServingRow>;
// By place in config::Model::virtual_services; nothing: as configured.
using ServingTables = std::vector<std::optional<ServingTable>>;

struct ServiceEntry {
    dataplane::ServiceId id = dataplane::kNoService;
    config::VirtualService settings;
    bool is_retired = false;
    // Those of the configuration in LVS's order (the last of the file first), the sorry server,
    // then the retired ones.
    std::vector<RealServerEntry> servers;
    std::optional<config::SourceNat> source_nat;  // it is such a rule; `settings` mean nothing

    [[nodiscard]] const RealServerEntry* find(dataplane::RealServerId server) const;
};

// "tcp 192.0.2.1:80", "mark 1".
[[nodiscard]] std::string service_name(const config::VirtualService& service);
// The same, or "source-nat 10.0.0.0/8".
[[nodiscard]] std::string to_string(const ServiceEntry& service);

// Real servers as an operator names them: by address and port (0: any) in every service, or in the
// one with this address or name (to_string).
struct ServerName {
    Endpoint server;
    std::optional<std::string> service;

    [[nodiscard]] bool fits(const ServiceEntry& entry, const RealServerEntry& candidate) const;
};
[[nodiscard]] std::string to_string(const ServerName& name);

enum class Draining : uint8_t { kStart, kStop };

// Which of the tables that kPutTables sends are other ones.
struct ChangedTables {
    bool match_rules = false;
    bool source_nat = false;
    bool prefix_lists = false;

    [[nodiscard]] bool any() const { return match_rules || source_nat || prefix_lists; }
    friend bool operator==(const ChangedTables&, const ChangedTables&) = default;
};

// One thing that the workers have to be told.
struct Change {
    enum class Kind : uint8_t {
        kPutPool,         // a pool of local addresses is new or changed
        kPutTables,       // match rules, source NAT or prefix lists changed
        kPutService,      // new, or more than weights changed: build its table anew
        kRetireService,   // left the configuration
        kSetWeight,       // one server's weight changed
        kEndConnections,  // of a server that left its service's table
    };
    Kind kind = Kind::kPutService;
    dataplane::ServiceId service = dataplane::kNoService;
    dataplane::RealServerId server = dataplane::kNoRealServer;  // kSetWeight, kEndConnections
    uint32_t position = 0;                                      // kSetWeight
    uint32_t weight = 0;                                        // kSetWeight
    uint16_t pool = 0;                                          // kPutPool
    ChangedTables tables = {};                                  // kPutTables

    friend bool operator==(const Change&, const Change&) = default;
};

class Catalogue {
  public:
    Catalogue(uint32_t services_max, uint32_t real_servers_max);

    // Makes what `wanted` says of services, pools and source NAT what is served, and answers what
    // to tell the workers, in order. Ends all draining. On error (slots run out, because retired
    // ones still have connections) nothing has changed.
    //
    // After carrying out the changes, call forget_leaving_lists(); when it says so, kPutTables is
    // due once more.
    [[nodiscard]] Result<std::vector<Change>> update(const config::Model& wanted,
                                                     const ServingTables& serving = {});
    [[nodiscard]] bool forget_leaving_lists();
    // Whether update() would do it.
    [[nodiscard]] Result<void> try_out(const config::Model& wanted) const;

    // No new connections for these servers, or as many as configured again. An error if there is
    // none of the name.
    [[nodiscard]] Result<std::vector<Change>> set_draining(const ServerName& name, Draining what);

    // Makes `rows` the table of one service, and answers the differences; what is not served by it
    // now stays known. Nothing if there is no such service.
    [[nodiscard]] std::vector<Change> set_serving(const dataplane::ServiceKey& service,
                                                  const ServingTable& rows);

    // The table of a service that is not retired, but for what belongs to the scheduler.
    [[nodiscard]] dataplane::ServiceTable table_of(dataplane::ServiceId id) const;
    // Match rules and source NAT; prefix lists are by number in prefix_lists().
    [[nodiscard]] dataplane::Tables tables() const;
    [[nodiscard]] std::vector<PrefixList> prefix_lists() const { return lists_.lists(); }
    // The configured pools by number.
    [[nodiscard]] const std::map<uint16_t, config::LocalPool>& pools() const { return pools_; }

    // Every service, retired ones and source NAT included, in the order of their keys.
    [[nodiscard]] std::vector<const ServiceEntry*> services() const;
    [[nodiscard]] const ServiceEntry* find(dataplane::ServiceId id) const;

    void forget_service(dataplane::ServiceId id);
    void forget_real_server(dataplane::ServiceId service, dataplane::RealServerId id);

    // One above the highest slot ever used: how much of the workers' counters is worth asking for.
    [[nodiscard]] uint32_t services_end() const { return service_slots_.end; }
    [[nodiscard]] uint32_t real_servers_end() const { return server_slots_.end; }

  private:
    // Mark, address, port, protocol; what else there is of a rule of source NAT.
    using Key = std::tuple<uint32_t, IpAddress, uint16_t, uint8_t, std::string>;

    // Numbers 0 .. max - 1, the lowest free one first.
    struct Slots {
        uint32_t max = 0;
        uint32_t end = 0;
        std::vector<uint32_t> free;

        [[nodiscard]] size_t free_count() const { return free.size() + (max - end); }
        [[nodiscard]] std::optional<uint32_t> take();
        void give_back(uint32_t slot);
    };

    [[nodiscard]] static Key key_of(const dataplane::ServiceKey& key);
    [[nodiscard]] static Key key_of(const config::VirtualService& service);
    [[nodiscard]] static Key key_of(const config::SourceNat& rule);
    // Whether there were slots even if all of it were new.
    [[nodiscard]] bool has_plenty_of_slots_for(const config::Model& wanted) const;
    // The entry for writing: this catalogue's own.
    [[nodiscard]] static ServiceEntry& edit(std::shared_ptr<ServiceEntry>& entry);
    // Leaves nothing to use when it fails.
    [[nodiscard]] Result<std::vector<Change>> update_in_place(const Catalogue& before,
                                                              const config::Model& wanted,
                                                              const ServingTables& serving);
    void put_pools(const config::Model& wanted, std::vector<Change>& changes);
    void retire_others(const config::Model& wanted, std::vector<Change>& changes);
    [[nodiscard]] Result<dataplane::ServiceId> put(const config::VirtualService& wanted,
                                                   const std::optional<ServingTable>& serving,
                                                   std::vector<Change>& changes);
    [[nodiscard]] Result<void> put(const config::SourceNat& wanted);
    [[nodiscard]] Result<dataplane::ServiceId> take_slot(const std::string& what);
    [[nodiscard]] Result<std::vector<RealServerEntry>> merge_servers(
        const std::vector<RealServerEntry>& present, const config::VirtualService& wanted);
    [[nodiscard]] uint16_t pool_number(const std::string& name) const;
    [[nodiscard]] ChangedTables tables_changed_from(const Catalogue& before) const;

    // Copies of a catalogue share the entries that do not differ, so that a change of one service
    // among thousands costs little: write through edit() alone.
    std::map<Key, std::shared_ptr<ServiceEntry>> services_;
    std::map<uint32_t, Key> keys_;  // by service slot
    Slots service_slots_;
    Slots server_slots_;
    std::map<std::string, uint16_t> pool_numbers_;  // also of pools that were configured once
    std::map<uint16_t, config::LocalPool> pools_;
    std::vector<dataplane::MatchRule> match_rules_;
    std::vector<dataplane::SourceNatRule> source_nat_;
    PrefixLists lists_;
};

}  // namespace director::plan
