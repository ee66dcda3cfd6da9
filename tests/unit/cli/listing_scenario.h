// The table that ipvsadm's golden files were made from (tests/data/ipvsadm/how-made.md).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "controlplane/server/protocol.h"

namespace director::cli {

inline server::ServerView server(std::string address,
                                 uint16_t port,
                                 std::string forwarding,
                                 uint32_t weight) {
    server::ServerView view;
    view.address = std::move(address);
    view.port = port;
    view.forwarding = std::move(forwarding);
    view.weight = weight;
    return view;
}

inline server::ServiceView service(std::string protocol,
                                   std::string address,
                                   uint16_t port,
                                   std::string scheduler,
                                   std::string flags) {
    server::ServiceView view;
    view.protocol = std::move(protocol);
    view.address = std::move(address);
    view.port = port;
    view.scheduler = std::move(scheduler);
    view.flags = std::move(flags);
    return view;
}

// The table that the golden files were made from, in the kernel's order.
inline std::vector<server::ServiceView> listing_scenario() {
    server::ServiceView web = service("TCP", "192.168.201.15", 80, "wlc", "persistent 360");
    web.stats = {12345, 99999999, 100000000, 1234567890, 123456789012};
    web.rates = {12, 345, 6789, 123456, 987654321};
    server::ServerView third = server("10.1.1.3", 8080, "nat", 2);
    third.active = 10;
    third.inactive = 5;
    third.stats = {6000, 50000000, 50000000, 600000000, 60000000000};
    third.rates = {6, 170, 3000, 60000, 400000000};
    server::ServerView second = server("10.1.1.2", 80, "nat", 1);
    second.active = 7;
    second.inactive = 3;
    second.upper_threshold = 200;
    second.lower_threshold = 150;
    second.stats = {6345, 49999999, 50000001, 634567890, 63456789012};
    second.rates = {6, 175, 3789, 63456, 587654321};
    server::ServerView quiet = server("172.16.0.9", 80, "direct", 0);
    quiet.inactive = 12;
    web.servers = {third, second, quiet};

    server::ServiceView dns = service("UDP", "10.0.0.1", 53, "rr", "ops");
    dns.stats = {1, 2, 3, 4, 5};
    dns.servers = {server("10.1.1.4", 53, "direct", 1)};

    server::ServiceView sip =
        service("UDP", "10.0.0.100", 5060, "mh", "(mh-fallback,mh-port) persistent 600 pe sip");
    sip.servers = {server("10.1.1.7", 5060, "tunnel", 1),
                   server("10.1.1.8", 5060, "tunnel", 1),
                   server("10.1.1.9", 5060, "tunnel", 1),
                   server("10.1.1.10", 5060, "tunnel", 1)};

    sip.servers[0].tunnel = "ipip";
    sip.servers[1].tunnel = "gue:6080:-c";
    sip.servers[2].tunnel = "gue:6080:r+c";
    sip.servers[3].tunnel = "gre:+c";

    server::ServiceView web6 = service("TCP", "2001:db8::1", 443, "sh", "(sh-fallback,sh-port)");
    web6.servers = {server("2001:db8::10", 443, "direct", 1),
                    server("2001:db8:1111:2222:3333:4444:5555:6666", 443, "direct", 100)};
    for (server::ServerView& each : web6.servers) {
        each.active = 3;
        each.inactive = 4;
    }

    server::ServiceView first_mark =
        service("FWM", "0.0.0.0", 0, "wrr", "persistent 1800 mask 255.255.255.0");
    first_mark.mark = 1;
    first_mark.servers = {server("192.168.10.5", 0, "direct", 100)};
    server::ServiceView second_mark = service("FWM", "::", 0, "rr", "persistent 300 mask 64");
    second_mark.mark = 2;
    second_mark.servers = {server("2001:db8::20", 0, "direct", 1)};

    server::ServiceView diameter = service("SCTP", "203.0.113.5", 3868, "sed", "");
    diameter.servers = {server("10.2.2.2", 3868, "local", 1)};

    server::ServiceView long_name =
        service("TCP", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", 65535, "lblcr", "");
    long_name.servers = {server("10.1.1.1", 65535, "tunnel", 1)};
    long_name.servers[0].tunnel = "ipip";

    return {web,
            dns,
            web6,
            first_mark,
            second_mark,
            sip,
            diameter,
            service("TCP", "192.168.0.1", 21, "rr", "(flag-1,flag-3)"),
            long_name};
}

}  // namespace director::cli
