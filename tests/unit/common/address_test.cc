// Addresses as operators write them: what is read is printed back unchanged, and every kind of
// mistake is refused.
#include "common/address.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "common/random.h"

namespace director {
namespace {

constexpr uint64_t kSeed = 20240917;

TEST(Ipv4Address, RoundTrip) {
    for (const char* const text :
         {"0.0.0.0", "255.255.255.255", "1.2.3.4", "170.210.122.104", "10.0.0.255", "127.0.0.1"}) {
        const auto address = Ipv4Address::parse(text);
        ASSERT_TRUE(address.has_value()) << text;
        EXPECT_EQ(to_string(*address), text);
    }
    Random random(kSeed);
    for (int i = 0; i < 10000; ++i) {
        const auto address = Ipv4Address::from_host(static_cast<uint32_t>(random.next()));
        EXPECT_EQ(Ipv4Address::parse(to_string(address)), address);
    }
}

class MalformedIpv4Address : public ::testing::TestWithParam<const char*> {};

TEST_P(MalformedIpv4Address, IsRefused) {
    const std::string text = GetParam();
    EXPECT_FALSE(Ipv4Address::parse(text).has_value()) << text;
    EXPECT_FALSE(Ipv4Prefix::parse(text).has_value()) << text;
    EXPECT_FALSE(Ipv4Prefix::parse(text + "/8").has_value()) << text;
    EXPECT_FALSE(Endpoint::parse(text + ":80").has_value()) << text;
}

INSTANTIATE_TEST_SUITE_P(Kinds,
                         MalformedIpv4Address,
                         ::testing::Values("",
                                           ".",
                                           "...",
                                           "1",
                                           "1.2.3",
                                           "1.2.3.",
                                           ".1.2.3",
                                           "1..2.3",
                                           "1.2.3.4.",
                                           "1.2.3.4.5",
                                           "256.2.3.4",
                                           "1.2.3.256",
                                           "1.2.3.1000",
                                           "1.2.3.4294967297",
                                           "1.2.3.99999999999999999999",
                                           "01.2.3.4",
                                           "1.2.3.04",
                                           "1.2.3.00",
                                           "1.2.3.-4",
                                           "1.2.3.+4",
                                           " 1.2.3.4",
                                           "1.2.3.4 ",
                                           "1. 2.3.4",
                                           "1.2.3.4\n",
                                           "0x1.2.3.4",
                                           "1.2.3.a",
                                           "a.b.c.d",
                                           "1,2,3,4",
                                           "1.2.3.4x",
                                           "::1",
                                           "localhost"));

TEST(Ipv4Address, EmbeddedZeroIsRefused) {
    EXPECT_FALSE(Ipv4Address::parse(std::string_view("1.2.3.4\0", 8)).has_value());
    EXPECT_FALSE(Ipv4Address::parse(std::string_view("1.2\0.3.4", 8)).has_value());
}

TEST(Ipv4Address, LiesInNetworkOrder) {
    const auto address = Ipv4Address::of(1, 2, 3, 4);
    EXPECT_EQ(address.host(), 0x01020304U);
    using Bytes = std::array<uint8_t, 4>;
    EXPECT_EQ(std::bit_cast<Bytes>(address), (Bytes{1, 2, 3, 4}));
}

TEST(Ipv4Address, OrdersAsNumbers) {
    EXPECT_LT(Ipv4Address::of(9, 0, 0, 1), Ipv4Address::of(10, 0, 0, 0));
    EXPECT_LT(Ipv4Address::of(1, 0, 0, 255), Ipv4Address::of(1, 0, 1, 0));
}

TEST(Ipv4Address, Kinds) {
    EXPECT_TRUE(Ipv4Address::of(224, 0, 0, 0).is_multicast());
    EXPECT_TRUE(Ipv4Address::of(239, 255, 255, 255).is_multicast());
    EXPECT_FALSE(Ipv4Address::of(223, 255, 255, 255).is_multicast());
    EXPECT_FALSE(Ipv4Address::of(240, 0, 0, 0).is_multicast());
    EXPECT_TRUE(Ipv4Address::of(255, 255, 255, 255).is_broadcast());
    EXPECT_FALSE(Ipv4Address::of(255, 255, 255, 254).is_broadcast());
    EXPECT_TRUE(Ipv4Address::of(127, 255, 0, 1).is_loopback());
    EXPECT_FALSE(Ipv4Address::of(128, 0, 0, 1).is_loopback());
    EXPECT_TRUE(Ipv4Address::of(0, 1, 2, 3).is_this_network());
    EXPECT_FALSE(Ipv4Address::of(1, 0, 0, 0).is_this_network());
}

TEST(Ipv4Prefix, RoundTrip) {
    for (const char* const text : {"0.0.0.0/0", "10.0.0.0/8", "192.168.0.104/25", "1.2.3.4/32"}) {
        const auto prefix = Ipv4Prefix::parse(text);
        ASSERT_TRUE(prefix.has_value()) << text;
        EXPECT_EQ(to_string(*prefix), text);
    }
    EXPECT_EQ(to_string(Ipv4Prefix::parse("1.2.3.4").value()), "1.2.3.4/32");
}

TEST(Ipv4Prefix, MalformedLength) {
    for (const char* const text : {"1.2.3.4/",
                                   "1.2.3.4/33",
                                   "1.2.3.4/-1",
                                   "1.2.3.4/+8",
                                   "1.2.3.4/08",
                                   "1.2.3.4/00",
                                   "1.2.3.4/ 8",
                                   "1.2.3.4/8 ",
                                   "1.2.3.4/8/8",
                                   "1.2.3.4//8",
                                   "1.2.3.4/255.0.0.0",
                                   "1.2.3.4/4294967304",
                                   "1.2.3.4/x",
                                   "/8"}) {
        EXPECT_FALSE(Ipv4Prefix::parse(text).has_value()) << text;
    }
}

TEST(Ipv4Prefix, Contains) {
    const auto lab = Ipv4Prefix::parse("170.210.122.104/25").value();
    EXPECT_EQ(to_string(lab.network()), "170.210.122.0");
    EXPECT_TRUE(lab.contains(Ipv4Address::of(170, 210, 122, 0)));
    EXPECT_TRUE(lab.contains(Ipv4Address::of(170, 210, 122, 127)));
    EXPECT_FALSE(lab.contains(Ipv4Address::of(170, 210, 122, 128)));
    EXPECT_FALSE(lab.contains(Ipv4Address::of(170, 210, 121, 255)));

    const auto all = Ipv4Prefix::parse("0.0.0.0/0").value();
    EXPECT_TRUE(all.contains(Ipv4Address::of(255, 255, 255, 255)));
    EXPECT_EQ(all.mask(), 0U);
    const auto one = Ipv4Prefix::parse("1.2.3.4/32").value();
    EXPECT_TRUE(one.contains(Ipv4Address::of(1, 2, 3, 4)));
    EXPECT_FALSE(one.contains(Ipv4Address::of(1, 2, 3, 5)));
}

TEST(Endpoint, RoundTrip) {
    for (const char* const text : {"1.2.3.4:1", "170.210.122.104:80", "0.0.0.0:65535"}) {
        const auto endpoint = Endpoint::parse(text);
        ASSERT_TRUE(endpoint.has_value()) << text;
        EXPECT_EQ(to_string(*endpoint), text);
    }
}

TEST(Endpoint, Malformed) {
    for (const char* const text : {"",
                                   ":",
                                   ":80",
                                   "1.2.3.4",
                                   "1.2.3.4:",
                                   "1.2.3.4:0",
                                   "1.2.3.4:65536",
                                   "1.2.3.4:65616",
                                   "1.2.3.4:080",
                                   "1.2.3.4:-1",
                                   "1.2.3.4:+80",
                                   "1.2.3.4: 80",
                                   "1.2.3.4:80 ",
                                   "1.2.3.4:80:80",
                                   "1.2.3.4:http",
                                   "1.2.3.4/32:80",
                                   "[::1]:80"}) {
        EXPECT_FALSE(Endpoint::parse(text).has_value()) << text;
    }
}

// Ports order as numbers, not as their bytes lie in memory: 0x00ff < 0x0100.
TEST(Endpoint, Orders) {
    EXPECT_LT(Endpoint::parse("1.2.3.4:255").value(), Endpoint::parse("1.2.3.4:256").value());
    EXPECT_LT(Endpoint::parse("1.2.3.4:999").value(), Endpoint::parse("1.2.3.5:1").value());
    EXPECT_EQ(Endpoint::parse("1.2.3.4:5").value(), Endpoint::parse("1.2.3.4:5").value());
}

TEST(MacAddress, RoundTrip) {
    for (const char* const text : {"00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "02:00:5e:10:9a:bf"}) {
        const auto mac = MacAddress::parse(text);
        ASSERT_TRUE(mac.has_value()) << text;
        EXPECT_EQ(to_string(*mac), text);
    }
    EXPECT_EQ(MacAddress::parse("02:00:5E:10:9A:BF"), MacAddress::parse("02:00:5e:10:9a:bf"));
}

TEST(MacAddress, Malformed) {
    for (const char* const text : {"",
                                   "02:00:00:00:00",
                                   "02:00:00:00:00:0",
                                   "02:00:00:00:00:00:00",
                                   "02:00:00:00:00:000",
                                   "2:0:0:0:0:0",
                                   "02-00-00-00-00-00",
                                   "02:00:00:00-00:00",
                                   "020000000000",
                                   "0200.0000.0000...",
                                   "0g:00:00:00:00:00",
                                   "g0:00:00:00:00:00",
                                   "02:00:00:00:00:-1",
                                   "+2:00:00:00:00:00",
                                   " 2:00:00:00:00:00",
                                   "02:00:00:00:00:0 ",
                                   "0x:00:00:00:00:00"}) {
        EXPECT_FALSE(MacAddress::parse(text).has_value()) << text;
    }
}

TEST(MacAddress, GroupBit) {
    EXPECT_TRUE(MacAddress::parse("ff:ff:ff:ff:ff:ff")->is_group());
    EXPECT_TRUE(MacAddress::parse("01:00:5e:00:00:12")->is_group());
    EXPECT_FALSE(MacAddress::parse("02:01:01:01:01:01")->is_group());
}

TEST(Protocol, Names) {
    EXPECT_EQ(to_string(Protocol::kTcp), "tcp");
    EXPECT_EQ(to_string(Protocol::kUdp), "udp");
    EXPECT_EQ(to_string(Protocol::kIcmp), "icmp");
    EXPECT_EQ(to_string(static_cast<Protocol>(99)), "unknown");
}

}  // namespace
}  // namespace director
