// An operator's words as a tap; what is not his words is pcap-filter's.
#include "controlplane/daemon/tap_filter.h"

#include <gtest/gtest.h>

namespace director::daemon {
namespace {

TEST(TapFilterTest, NothingIsEverything) {
    const auto filter = parse_tap_filter("  ");
    ASSERT_TRUE(filter);
    EXPECT_TRUE(filter->tap.is_on);
    EXPECT_EQ(filter->tap.clients.length, 0);
    EXPECT_TRUE(filter->bpf.empty());
}

TEST(TapFilterTest, KnowsEachWord) {
    const auto filter = parse_tap_filter(
        "vip 192.0.2.1:80 and client 10.0.0.0/8 server [2001:db8::1]:8080 host 10.1.2.3 port 80 "
        "proto tcp");
    ASSERT_TRUE(filter) << filter.error().message;
    EXPECT_EQ(filter->tap.virtual_addresses.length, 32);
    EXPECT_EQ(filter->tap.virtual_port.host(), 80);
    EXPECT_EQ(filter->tap.clients.length, 8);
    EXPECT_EQ(filter->tap.client_port.host(), 0);
    EXPECT_EQ(filter->tap.servers.length, 128);
    EXPECT_EQ(filter->tap.server_port.host(), 8080);
    EXPECT_EQ(filter->tap.hosts.length, 32);
    EXPECT_EQ(filter->tap.port.host(), 80);
    EXPECT_EQ(filter->tap.protocol, Protocol::kTcp);
    EXPECT_TRUE(filter->bpf.empty());
    EXPECT_TRUE(parse_tap_filter("client :5000"));
    EXPECT_TRUE(parse_tap_filter("client 2001:db8::/32"));
}

TEST(TapFilterTest, AnyOtherWordMakesItAnExpression) {
    const auto filter = parse_tap_filter("udp and port 53");
    ASSERT_TRUE(filter);
    EXPECT_EQ(filter->bpf, "udp and port 53");
    EXPECT_EQ(filter->tap.port.raw, 0);
}

TEST(TapFilterTest, SaysWhatIsMissing) {
    for (const char* text : {"vip",
                             "vip 1.2.3",
                             "client 10.0.0.1:0",
                             "client [",
                             "server :",
                             "port 0",
                             "port 70000",
                             "port 80x",
                             "proto ip",
                             "host 10.0.0.1:80",
                             "vip 192.0.2.1/33",
                             "vip 192.0.2.1 and"}) {
        const auto filter = parse_tap_filter(text);
        EXPECT_TRUE(!filter || !filter->bpf.empty()) << text;
    }
    EXPECT_EQ(parse_tap_filter("port 0").error().message,
              "\"port\" needs a port from 1 to 65535 behind it");
}

}  // namespace
}  // namespace director::daemon
