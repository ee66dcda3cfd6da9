// Names of services and real servers as somebody types them, and numbers as somebody reads them.
#include "cli/objects.h"

#include <gtest/gtest.h>

#include "cli/show_services.h"
#include "cli/units.h"

namespace director::cli {
namespace {

server::ServiceView service(const char* protocol, const char* address, uint16_t port) {
    server::ServiceView view;
    view.protocol = protocol;
    view.address = address;
    view.port = port;
    return view;
}

server::ServiceView by_mark(uint32_t mark, const char* any) {
    server::ServiceView view = service("FWM", any, 0);
    view.mark = mark;
    return view;
}

TEST(ObjectsTest, EveryWayToNameAServiceFindsIt) {
    const std::vector<server::ServiceView> services{service("TCP", "192.0.2.1", 80),
                                                    service("UDP", "192.0.2.1", 53),
                                                    service("TCP", "2001:db8::1", 443),
                                                    by_mark(7, "0.0.0.0"),
                                                    by_mark(7, "::")};
    const auto found = [&](const char* name) {
        const auto one = find_service(services, name);
        return one ? to_word(**one) : one.error().message;
    };
    EXPECT_EQ(found("192.0.2.1:80"), "tcp/192.0.2.1:80");
    EXPECT_EQ(found("tcp/192.0.2.1:80"), "tcp/192.0.2.1:80");
    EXPECT_EQ(found("TCP 192.0.2.1:80"), "tcp/192.0.2.1:80");
    EXPECT_EQ(found("192.0.2.1:53"), "udp/192.0.2.1:53");
    EXPECT_EQ(found("[2001:db8::1]:443"), "tcp/[2001:db8::1]:443");
    EXPECT_EQ(found("mark/7"), "mark/7");
    EXPECT_EQ(found("FWM 7"), "mark/7");
    EXPECT_EQ(found("FWM 7 IPv6"), "mark6/7");
    EXPECT_EQ(found("udp/192.0.2.1:80"),
              "there is no service udp/192.0.2.1:80; `directorctl service list` shows all");
    for (const server::ServiceView& one : services) {
        EXPECT_EQ(found(to_word(one).c_str()), to_word(one));
        EXPECT_EQ(found(to_string(one).c_str()), to_word(one));
    }
}

TEST(ObjectsTest, TwoThatFitAreNotGuessedBetween) {
    std::vector<server::ServiceView> services{service("TCP", "192.0.2.1", 53),
                                              service("UDP", "192.0.2.1", 53)};
    EXPECT_EQ(find_service(services, "192.0.2.1:53").error().message,
              "there are tcp/192.0.2.1:53 and udp/192.0.2.1:53: say which");
    services.front().is_retired = true;
    EXPECT_TRUE(find_service(services, "192.0.2.1:53").has_value());
}

TEST(ObjectsTest, WhatNamesNothing) {
    for (const char* text : {"",
                             "192.0.2.1",
                             "http/192.0.2.1:80",
                             "tcp/",
                             "tcp/192.0.2.1:99999",
                             "mark/0",
                             "mark/",
                             "mark/7x",
                             "FWM 7 IPv4",
                             "2001:db8::1"}) {
        EXPECT_FALSE(ServiceName::parse(text).has_value()) << text;
    }
    EXPECT_FALSE(parse_server("web1", 80).has_value());
    EXPECT_EQ(to_string(*parse_server("10.0.0.1", 80)), "10.0.0.1:80");
    EXPECT_EQ(to_string(*parse_server("10.0.0.1:81", 80)), "10.0.0.1:81");
    EXPECT_EQ(to_string(*parse_server("2001:db8::1", 80)), "[2001:db8::1]:80");
}

TEST(ObjectsTest, DrainGetsItsOwnWords) {
    const auto text = [](const char* name) { return drain_text(*ServiceName::parse(name)); };
    EXPECT_EQ(text("udp/192.0.2.1:53"), "udp 192.0.2.1:53");
    EXPECT_EQ(text("192.0.2.1:53"), "192.0.2.1:53");
    EXPECT_EQ(text("mark/7"), "mark 7");
    EXPECT_EQ(text("mark6/7"), "mark 7 ipv6");
}

TEST(UnitsTest, ThreeDigitsAndAPrefix) {
    EXPECT_EQ(human_count(0), "0");
    EXPECT_EQ(human_count(999), "999");
    EXPECT_EQ(human_count(1000), "1.00 k");
    EXPECT_EQ(human_count(12345), "12.3 k");
    EXPECT_EQ(human_count(999499), "999 k");
    EXPECT_EQ(human_count(999999), "1.00 M");
    EXPECT_EQ(human_count(UINT64_MAX), "18.4 E");
    EXPECT_EQ(human_bit_rate(125), "1.00 kbit/s");
    EXPECT_EQ(human_bit_rate(1), "8 bit/s");
    EXPECT_EQ(human_bit_rate(UINT64_MAX), "18.4 Ebit/s");
    EXPECT_EQ(human_bytes(1500), "1.50 kB");
    EXPECT_EQ(human_duration(2 * 86400 + 65), "2 d 00:01:05");
}

TEST(ShowServicesTest, StatesAndRates) {
    server::ServiceView web = service("TCP", "192.0.2.1", 80);
    web.scheduler = "wrr";
    web.rates = {1234, 0, 0, 125'000, 1'250'000'000};
    server::ServerView up;
    up.address = "10.0.0.1";
    up.port = 80;
    up.weight = 2;
    up.active = 1500;
    server::ServerView out = up;
    out.address = "10.0.0.2";
    out.is_out = true;
    web.servers = {out, up};
    EXPECT_EQ(show_services({web}, Colour::kNever),
              "SERVICE           SCHEDULER  SERVERS  CONN/S           IN          OUT  ACTIVE  "
              "INACTIVE  STATE\n"
              "TCP 192.0.2.1:80  wrr            1/2  1.23 k  1.00 Mbit/s  10.0 Gbit/s  3.00 k  "
              "       0  up\n");
    EXPECT_EQ(
        show_servers({web}, Colour::kNever),
        "SERVICE           SERVER       FORWARDING  WEIGHT  CONN/S       IN      OUT  ACTIVE  "
        "INACTIVE  STATE\n"
        "TCP 192.0.2.1:80  10.0.0.1:80  nat              2       0  0 bit/s  0 bit/s  1.50 k  "
        "       0  up\n"
        "TCP 192.0.2.1:80  10.0.0.2:80  nat              2       0  0 bit/s  0 bit/s  1.50 k  "
        "       0  out\n");
    web.servers[1].is_draining = true;
    EXPECT_EQ(state_of(web).text, "no server");
    EXPECT_EQ(state_of(web.servers[1]).text, "draining");
}

}  // namespace
}  // namespace director::cli
