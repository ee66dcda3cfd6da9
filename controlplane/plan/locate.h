// Where a connection that another director speaks of stands here: IPVS's way to a destination
// (ip_vs_find_dest), by what service and server are called.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "common/address.h"
#include "controlplane/plan/catalogue.h"

namespace director::plan {

// How a connection names its service and server.
struct ConnectionName {
    Protocol protocol = Protocol::kTcp;
    Endpoint virtual_service;
    uint32_t mark = 0;
    Endpoint real_server;  // port 0 in templates of services for any port
};

struct Location {
    dataplane::ServiceId service = dataplane::kNoService;  // kNoService: none of this name
    dataplane::RealServerId server = dataplane::kNoRealServer;
    bool has_ftp = false;  // all connections of a client belong to one worker
};

// An index over the services of a catalogue as it is now; build it anew after each change.
class Locator {
  public:
    explicit Locator(const Catalogue& catalogue);

    // By mark; else by address and port, then the address's service for any port, then its FTP
    // service, whose data connections come to other ports.
    [[nodiscard]] Location find(const ConnectionName& name) const;

  private:
    struct Key {
        uint32_t mark = 0;
        Endpoint endpoint;
        Protocol protocol{};

        friend bool operator==(const Key&, const Key&) = default;
    };
    struct KeyHash {
        size_t operator()(const Key& key) const;
    };
    struct Service {
        dataplane::ServiceId id{};
        bool has_ftp = false;
        std::unordered_map<Key, dataplane::RealServerId, KeyHash> servers;
        std::unordered_map<Key, dataplane::RealServerId, KeyHash> by_address;
    };

    [[nodiscard]] const Service* find_service(const ConnectionName& name) const;

    std::unordered_map<Key, Service, KeyHash> services_;
    std::unordered_map<Key, Key, KeyHash> ftp_services_;  // by address alone
};

}  // namespace director::plan
