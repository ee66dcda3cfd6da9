// What `ipvsadm -Z` does: listings count from then on. The counters themselves only ever grow,
// since Prometheus and the rates need them so.
#pragma once

#include <map>
#include <string>

#include "controlplane/server/protocol.h"

namespace director::daemon {

class ZeroedCounters {
  public:
    // Takes what a listing says now as the new zero: of one service ("TCP 192.0.2.1:80", "FWM 7"),
    // or of all for an empty name. False: there is no such service.
    bool zero(const server::ServicesView& now, const std::string& service);
    // Takes the zeros away from a listing. A counter that is below its zero has begun anew.
    void subtract(server::ServicesView& view) const;

  private:
    std::map<std::string, server::TrafficStats> zeros_;  // by service, or service and server
};

// "TCP 192.0.2.1:80", "FWM 7 IPv6": as config::to_string(ServiceKey) writes it.
[[nodiscard]] std::string name_of(const server::ServiceView& service);

}  // namespace director::daemon
