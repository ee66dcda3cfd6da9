// Addresses as operators write them: what is read is printed back unchanged, and every kind of
// mistake is refused.
#include "common/address.h"

#include <arpa/inet.h>

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
    EXPECT_FALSE(IpAddress::parse(text).has_value()) << text;
    EXPECT_FALSE(IpPrefix::parse(text).has_value()) << text;
    EXPECT_FALSE(IpPrefix::parse(text + "/8").has_value()) << text;
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

// RFC 5952: the longest run of zeros is shortened, the first of equals, in lower case.
TEST(IpAddress, RoundTrip) {
    for (const char* const text : {"::",
                                   "::1",
                                   "2001:db8::1",
                                   "2001:db8:0:1:1:1:1:1",
                                   "2001:db8::1:0:0:1",
                                   "fe80::ab:cdef",
                                   "ff02::1:ff00:1",
                                   "1:2:3:4:5:6:7:8",
                                   "10.0.0.1"}) {
        const auto address = IpAddress::parse(text);
        ASSERT_TRUE(address.has_value()) << text;
        EXPECT_EQ(to_string(*address), text);
    }
    EXPECT_EQ(IpAddress::parse("2001:DB8:0:0:0:0:0:1"), IpAddress::parse("2001:db8::1"));
    EXPECT_EQ(IpAddress::parse("64:ff9b::192.0.2.33"), IpAddress::parse("64:ff9b::c000:221"));
    EXPECT_EQ(IpAddress::parse("1:2:3:4:5:6:7::"), IpAddress::parse("1:2:3:4:5:6:7:0"));
    EXPECT_EQ(IpAddress::parse("::2:3:4:5:6:7:8"), IpAddress::parse("0:2:3:4:5:6:7:8"));
    Random random(kSeed);
    for (int i = 0; i < 10000; ++i) {
        IpAddress address;
        for (uint8_t& byte : address.bytes) {
            byte = random.below(2) == 0 ? uint8_t{0} : static_cast<uint8_t>(random.next());
        }
        if (!address.is_ipv4()) {
            ASSERT_EQ(IpAddress::parse(to_string(address)), address) << to_string(address);
        }
    }
}

// The C library's inet_pton as a judge of what is an address, over texts that are nearly some.
TEST(IpAddress, ReadsWhatTheCLibraryReads) {
    constexpr std::string_view kAlphabet = "0123abF:::.";
    Random random(kSeed);
    int accepted = 0;
    for (int i = 0; i < 200000; ++i) {
        std::string text;
        for (uint64_t length = 1 + random.below(18); length > 0; --length) {
            text += kAlphabet[random.below(kAlphabet.size())];
        }
        IpAddress expected;
        const bool is_address = inet_pton(AF_INET6, text.c_str(), expected.bytes.data()) == 1;
        const auto address = IpAddress::parse(text);
        if (Ipv4Address::parse(text)) {
            continue;
        }
        ASSERT_EQ(address.has_value(), is_address && !expected.is_ipv4()) << text;
        if (address) {
            ++accepted;
            ASSERT_EQ(*address, expected) << text;
        }
    }
    EXPECT_GT(accepted, 1000);
}

TEST(IpAddress, IsRefused) {
    for (const char* const text : {"",
                                   ":",
                                   ":::",
                                   "1::2::3",
                                   "1:2:3:4:5:6:7",
                                   "1:2:3:4:5:6:7:8:9",
                                   "1:2:3:4::5:6:7:8",
                                   "1:2:3:4:5:6:7:",
                                   ":1:2:3:4:5:6:7",
                                   "1::2:",
                                   "1:2:3:4:5:6:7:1.2.3.4",
                                   "::1.2.3.4:5",
                                   "::1.2.3",
                                   "1:+2::",
                                   "1:0x2::",
                                   "12345::",
                                   "g::",
                                   "::1 ",
                                   " ::1",
                                   "[::1]",
                                   "fe80::1%eth0",
                                   "::ffff:1.2.3.4",
                                   "::ffff:102:304",
                                   "::1/64"}) {
        EXPECT_FALSE(IpAddress::parse(text).has_value()) << text;
    }
    EXPECT_FALSE(IpAddress::parse(std::string_view("::1\0", 4)).has_value());
}

TEST(IpAddress, KeepsFamiliesApart) {
    const IpAddress four = Ipv4Address::of(10, 1, 2, 3);
    EXPECT_EQ(four.family(), Family::kIpv4);
    EXPECT_EQ(four.ipv4(), Ipv4Address::of(10, 1, 2, 3));
    const IpAddress six = IpAddress::parse("::a01:203").value();
    EXPECT_EQ(six.family(), Family::kIpv6);
    EXPECT_NE(four, six);
    EXPECT_LT(IpAddress(Ipv4Address::of(255, 255, 255, 255)), IpAddress());
    EXPECT_LT(IpAddress::parse("2001:db8::1").value(), IpAddress::parse("2001:db8::2").value());
}

TEST(IpAddress, Kinds) {
    const auto ip = [](const char* text) { return IpAddress::parse(text).value(); };
    EXPECT_TRUE(ip("::").is_any() && ip("0.0.0.0").is_any() && !ip("::1").is_any());
    EXPECT_TRUE(ip("ff02::1").is_multicast() && ip("224.0.0.5").is_multicast());
    EXPECT_FALSE(ip("fe80::1").is_multicast());
    EXPECT_TRUE(ip("::1").is_loopback() && ip("127.0.0.9").is_loopback());
    EXPECT_FALSE(ip("::2").is_loopback());
    EXPECT_TRUE(ip("fe80::1").is_link_local() && ip("febf::1").is_link_local());
    EXPECT_TRUE(ip("169.254.1.1").is_link_local());
    EXPECT_FALSE(ip("fec0::1").is_link_local() || ip("169.253.1.1").is_link_local());
}

TEST(IpPrefix, ContainsNothingOfTheOtherFamily) {
    const auto ip = [](const char* text) { return IpAddress::parse(text).value(); };
    EXPECT_FALSE(IpPrefix::parse("0.0.0.0/0")->contains(ip("::1")));
    EXPECT_FALSE(IpPrefix::parse("::/0")->contains(ip("10.0.0.1")));
    const auto odd = IpPrefix::parse("2001:db8:8000::/33").value();
    EXPECT_TRUE(odd.contains(ip("2001:db8:ffff::1")));
    EXPECT_FALSE(odd.contains(ip("2001:db8:7fff:ffff::1")));
    EXPECT_EQ(to_string(IpPrefix::masked(ip("2001:db8:ffff::1"), 33)), "2001:db8:8000::");
    EXPECT_EQ(IpPrefix::masked(ip("2001:db8::1"), 128), ip("2001:db8::1"));
    EXPECT_EQ(IpPrefix::masked(ip("2001:db8::1"), 0), IpAddress());
    EXPECT_EQ(IpPrefix::masked(ip("10.1.2.3"), 0), ip("0.0.0.0"));
}

TEST(IpPrefix, RoundTrip) {
    for (const char* const text : {"0.0.0.0/0",
                                   "10.0.0.0/8",
                                   "192.168.0.104/25",
                                   "1.2.3.4/32",
                                   "::/0",
                                   "2001:db8::/32",
                                   "fe80::1/64",
                                   "::1/128"}) {
        const auto prefix = IpPrefix::parse(text);
        ASSERT_TRUE(prefix.has_value()) << text;
        EXPECT_EQ(to_string(*prefix), text);
    }
    EXPECT_EQ(to_string(IpPrefix::parse("1.2.3.4").value()), "1.2.3.4/32");
    EXPECT_EQ(to_string(IpPrefix::parse("2001:db8::1").value()), "2001:db8::1/128");
}

TEST(IpPrefix, MalformedLength) {
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
                                   "::/129",
                                   "::1/",
                                   "::ffff:1.2.3.4/96",
                                   "/8"}) {
        EXPECT_FALSE(IpPrefix::parse(text).has_value()) << text;
    }
}

TEST(IpPrefix, Contains) {
    const auto lab = IpPrefix::parse("170.210.122.104/25").value();
    EXPECT_EQ(to_string(lab.network()), "170.210.122.0");
    EXPECT_TRUE(lab.contains(Ipv4Address::of(170, 210, 122, 0)));
    EXPECT_TRUE(lab.contains(Ipv4Address::of(170, 210, 122, 127)));
    EXPECT_FALSE(lab.contains(Ipv4Address::of(170, 210, 122, 128)));
    EXPECT_FALSE(lab.contains(Ipv4Address::of(170, 210, 121, 255)));

    const auto all = IpPrefix::parse("0.0.0.0/0").value();
    EXPECT_TRUE(all.contains(Ipv4Address::of(255, 255, 255, 255)));
    const auto one = IpPrefix::parse("1.2.3.4/32").value();
    EXPECT_TRUE(one.contains(Ipv4Address::of(1, 2, 3, 4)));
    EXPECT_FALSE(one.contains(Ipv4Address::of(1, 2, 3, 5)));
}

TEST(Endpoint, RoundTrip) {
    for (const char* const text : {"1.2.3.4:1",
                                   "170.210.122.104:80",
                                   "0.0.0.0:65535",
                                   "1.2.3.4:0",
                                   "[::]:0",
                                   "[2001:db8::1]:443",
                                   "[1:2:3:4:5:6:7:8]:65535"}) {
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
                                   "[1.2.3.4]:80",
                                   "::1:80",
                                   "[::1:80",
                                   "::1]:80",
                                   "[::1]",
                                   "[::1]80",
                                   "[]:80",
                                   "[::ffff:1.2.3.4]:80",
                                   "[fe80::1%eth0]:80"}) {
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
