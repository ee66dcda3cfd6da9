// A route table over a handful of prefixes of both families: longest match by looking at each.
#pragma once

#include <vector>

#include "common/address.h"
#include "dataplane/api/forwarding.h"

namespace director::test {

struct StaticRoute {
    IpPrefix prefix;
    dataplane::Route route;
};

// Stays where it is made: workers hold a pointer to its table.
class StaticRoutes {
  public:
    explicit StaticRoutes(std::vector<StaticRoute> routes);
    StaticRoutes(const StaticRoutes&) = delete;
    StaticRoutes& operator=(const StaticRoutes&) = delete;

    [[nodiscard]] const dataplane::RouteTable* table() const { return &table_; }

  private:
    [[nodiscard]] uint16_t find(const IpAddress& address) const;
    static void look_up_ipv4(const void* fib,
                             const uint32_t* addresses,
                             uint16_t* route_indexes,
                             uint32_t count);
    static void look_up_ipv6(const void* fib,
                             const IpAddress* addresses,
                             uint16_t* route_indexes,
                             uint32_t count);

    std::vector<IpPrefix> prefixes_;  // prefix i leads to route i + 1
    dataplane::RouteTable table_;
};

}  // namespace director::test
