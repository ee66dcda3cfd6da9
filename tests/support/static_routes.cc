#include "tests/support/static_routes.h"

namespace director::test {

StaticRoutes::StaticRoutes(std::vector<StaticRoute> routes) {
    table_.lookup = {this, look_up_ipv4, look_up_ipv6};
    table_.routes.push_back({});
    for (const StaticRoute& entry : routes) {
        prefixes_.push_back(entry.prefix);
        table_.routes.push_back(entry.route);
    }
}

uint16_t StaticRoutes::find(const IpAddress& address) const {
    int best_length = -1;
    uint16_t best = 0;
    for (size_t p = 0; p < prefixes_.size(); ++p) {
        if (prefixes_[p].contains(address) && prefixes_[p].length > best_length) {
            best_length = prefixes_[p].length;
            best = static_cast<uint16_t>(p + 1);
        }
    }
    return best;
}

void StaticRoutes::look_up_ipv4(const void* fib,
                                const uint32_t* addresses,
                                uint16_t* route_indexes,
                                uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
        route_indexes[i] =
            static_cast<const StaticRoutes*>(fib)->find(Ipv4Address::from_host(addresses[i]));
    }
}

void StaticRoutes::look_up_ipv6(const void* fib,
                                const IpAddress* addresses,
                                uint16_t* route_indexes,
                                uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
        route_indexes[i] = static_cast<const StaticRoutes*>(fib)->find(addresses[i]);
    }
}

}  // namespace director::test
