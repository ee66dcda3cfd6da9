#include "tests/support/static_routes.h"

namespace director::test {

StaticRoutes::StaticRoutes(std::vector<StaticRoute> routes) {
    table_.fib = this;
    table_.lookup = look_up;
    table_.routes.push_back({});
    for (const StaticRoute& entry : routes) {
        prefixes_.push_back(entry.prefix);
        table_.routes.push_back(entry.route);
    }
}

void StaticRoutes::look_up(const void* fib,
                           const uint32_t* addresses,
                           uint16_t* route_indexes,
                           uint32_t count) {
    const auto& self = *static_cast<const StaticRoutes*>(fib);
    for (uint32_t i = 0; i < count; ++i) {
        int best_length = -1;
        route_indexes[i] = 0;
        for (size_t p = 0; p < self.prefixes_.size(); ++p) {
            const Ipv4Prefix& prefix = self.prefixes_[p];
            if (prefix.contains(Ipv4Address::from_host(addresses[i])) &&
                prefix.length > best_length) {
                best_length = prefix.length;
                route_indexes[i] = static_cast<uint16_t>(p + 1);
            }
        }
    }
}

}  // namespace director::test
