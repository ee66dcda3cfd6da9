// The catalogue of virtual services and real servers: which slot each has in the workers' tables,
// and what must change there when the configuration does. Pure: no clock, no socket, no DPDK.
//
// A service or server that leaves the configuration is retired, not gone: its connections go on,
// its slot stays taken, and when it comes back before the last of them ended it finds its counters
// again. forget_*() frees a slot once the workers say that nothing refers to it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "common/result.h"
#include "config/model.h"
#include "dataplane/api/ids.h"
#include "dataplane/api/service.h"

namespace director::plan {

struct RealServerEntry {
    dataplane::RealServerId id = dataplane::kNoRealServer;
    config::RealServer settings;
    bool is_retired = false;
};

struct ServiceEntry {
    dataplane::ServiceId id = dataplane::kNoService;
    config::VirtualService settings;
    bool is_retired = false;
    // Those of the configuration in LVS's order (the last of the file first), then the retired
    // ones.
    std::vector<RealServerEntry> servers;

    [[nodiscard]] dataplane::ServiceKey key() const {
        return {settings.endpoint.address, settings.endpoint.port, settings.protocol, 0};
    }
};

// One thing that the workers have to be told.
struct Change {
    enum class Kind : uint8_t {
        kPutService,     // new, or its scheduler or list of servers changed: build its table anew
        kRetireService,  // left the configuration
        kSetWeight,      // one server's weight changed and nothing else
    };
    Kind kind = Kind::kPutService;
    dataplane::ServiceId service = dataplane::kNoService;
    dataplane::RealServerId server = dataplane::kNoRealServer;  // kSetWeight
    uint32_t position = 0;                                      // kSetWeight
    uint32_t weight = 0;                                        // kSetWeight

    friend bool operator==(const Change&, const Change&) = default;
};

class Catalogue {
  public:
    Catalogue(uint32_t services_max, uint32_t real_servers_max);

    // Makes `wanted` what is served, and answers what to tell the workers, in order. On error
    // (slots run out, because retired ones still have connections) nothing has changed.
    [[nodiscard]] Result<std::vector<Change>> update(
        const std::vector<config::VirtualService>& wanted);

    // The table of a service that is not retired, but for the scheduler and its tree, which belong
    // to dataplane/core.
    [[nodiscard]] dataplane::ServiceTable table_of(dataplane::ServiceId id) const;

    // Every service, retired ones included, in the order of their keys.
    [[nodiscard]] std::vector<const ServiceEntry*> services() const;
    [[nodiscard]] const ServiceEntry* find(dataplane::ServiceId id) const;

    void forget_service(dataplane::ServiceId id);
    void forget_real_server(dataplane::ServiceId service, dataplane::RealServerId id);

    // One above the highest slot ever used: how much of the workers' counters is worth asking for.
    [[nodiscard]] uint32_t services_end() const { return service_slots_.end; }
    [[nodiscard]] uint32_t real_servers_end() const { return server_slots_.end; }

  private:
    using Key = std::tuple<IpAddress, uint16_t, uint8_t>;

    // Numbers 0 .. max - 1, the lowest free one first.
    struct Slots {
        uint32_t max = 0;
        uint32_t end = 0;
        std::vector<uint32_t> free;

        [[nodiscard]] std::optional<uint32_t> take();
        void give_back(uint32_t slot);
    };

    [[nodiscard]] static Key key_of(const config::VirtualService& service);
    [[nodiscard]] Result<void> put(const config::VirtualService& wanted,
                                   std::vector<Change>& changes);
    [[nodiscard]] Result<std::vector<RealServerEntry>> merge_servers(
        const std::vector<RealServerEntry>& present, const std::vector<config::RealServer>& wanted);

    std::map<Key, ServiceEntry> services_;
    std::map<uint32_t, Key> keys_;  // by service slot
    Slots service_slots_;
    Slots server_slots_;
};

}  // namespace director::plan
