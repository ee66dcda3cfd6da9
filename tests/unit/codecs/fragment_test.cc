// What is read from a fragment of either IP version, and which are refused by themselves.
#include "dataplane/core/codecs/fragment.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/unit/codecs/plain_packets.h"

namespace director::dataplane {
namespace {

using namespace director::test;
using enum FragmentFault;

Bytes ipv4_fragment(uint8_t protocol, uint16_t field, size_t bytes, size_t option_bytes = 0) {
    PlainIp ip;
    ip.source = *IpAddress::parse("198.51.100.7");
    ip.destination = *IpAddress::parse("192.0.2.1");
    ip.protocol = protocol;
    ip.fragment = field;
    ip.id = 0x1234;
    ip.options = Bytes(option_bytes, 1);
    Bytes data(bytes, 0);
    for (size_t i = 0; i < std::min<size_t>(bytes, 4); ++i) {
        data[i] = static_cast<uint8_t>(i + 1);
    }
    return ip.wrap(data);
}

Fragment parse4(const Bytes& packet) {
    const uint32_t size = static_cast<uint32_t>(packet.size());
    return parse_ipv4_fragment(packet.data(), size, size);
}

TEST(Fragment, Ipv4FieldsAreRead) {
    const Fragment first = parse4(ipv4_fragment(17, 0x2000, 1480, 8));
    EXPECT_EQ(first.fault, kNone);
    EXPECT_TRUE(first.is_first());
    EXPECT_FALSE(first.is_last);
    EXPECT_EQ(first.data_bytes, 1480);
    EXPECT_EQ(first.id, 0x1234U);
    EXPECT_EQ(first.source_port.host(), 0x0102);
    EXPECT_EQ(first.destination_port.host(), 0x0304);
    EXPECT_EQ(to_string(first.source), "198.51.100.7");
    const Fragment last = parse4(ipv4_fragment(17, 185, 13));
    EXPECT_EQ(last.fault, kNone);
    EXPECT_TRUE(last.is_last);
    EXPECT_EQ(last.offset_bytes, 1480);
    EXPECT_EQ(last.source_port.host(), 0);
    EXPECT_TRUE(is_ipv4_fragment(ipv4_fragment(17, 0x2000, 8).data()));
    EXPECT_TRUE(is_ipv4_fragment(ipv4_fragment(17, 1, 8).data()));
    EXPECT_FALSE(is_ipv4_fragment(ipv4_fragment(17, 0x4000, 8).data()));
}

TEST(Fragment, HostileIpv4FragmentsAreRefused) {
    EXPECT_EQ(parse4(ipv4_fragment(17, 0x2000, 12)).fault, kBadLength);
    EXPECT_EQ(parse4(ipv4_fragment(17, 1, 0)).fault, kBadLength);
    EXPECT_EQ(parse4(ipv4_fragment(17, 0x1fff, 9)).fault, kTooLong);
    EXPECT_EQ(parse4(ipv4_fragment(17, 8189, 3)).fault, kNone);  // 65512 + 3 + 20 = 65535
    EXPECT_EQ(parse4(ipv4_fragment(17, 8189, 4)).fault, kTooLong);
    EXPECT_EQ(parse4(ipv4_fragment(17, 8189, 3, 4)).fault, kTooLong);
    EXPECT_EQ(parse4(ipv4_fragment(6, 0x2000, 16)).fault, kTinyFirst);
    EXPECT_EQ(parse4(ipv4_fragment(6, 0x2000, 24)).fault, kNone);
    EXPECT_EQ(parse4(ipv4_fragment(6, 1, 24)).fault, kTinyFirst);
    EXPECT_EQ(parse4(ipv4_fragment(6, 2, 24)).fault, kTinyFirst);
    EXPECT_EQ(parse4(ipv4_fragment(6, 3, 24)).fault, kNone);
    EXPECT_EQ(parse4(ipv4_fragment(17, 1, 24)).fault, kNone);
    EXPECT_EQ(parse4(ipv4_fragment(17, 0x2000, 8)).fault, kNone);
    EXPECT_EQ(parse4(ipv4_fragment(132, 0x2000, 8)).fault, kTinyFirst);
    const Bytes cut = ipv4_fragment(17, 0x2000, 64);
    EXPECT_EQ(parse_ipv4_fragment(cut.data(), 27, 84).fault, kTinyFirst);
}

Fragment parse6(const Bytes& extensions, uint8_t first_header, size_t bytes) {
    PlainIp ip;
    ip.source = *IpAddress::parse("2001:db8::7");
    ip.destination = *IpAddress::parse("2001:db8::1");
    ip.options = extensions;
    ip.first_header = first_header;
    const Bytes packet = ip.wrap(Bytes(bytes, 5));
    const uint32_t size = static_cast<uint32_t>(packet.size());
    const Ipv6Walk walk = walk_ipv6(packet.data(), size, size);
    EXPECT_TRUE(walk.is_good);
    EXPECT_TRUE(walk.is_fragment);
    return parse_ipv6_fragment(packet.data(), size, size, walk);
}

TEST(Fragment, Ipv6FieldsAreRead) {
    // A first fragment whose share begins with destination options.
    const Fragment first =
        parse6({60, 0, 0, 1, 0xaa, 0xbb, 0xcc, 0xdd, 17, 0, 1, 4, 0, 0, 0, 0}, 44, 1000);
    EXPECT_EQ(first.fault, kNone);
    EXPECT_EQ(first.id, 0xaabbccddU);
    EXPECT_EQ(first.data_bytes, 1008);
    EXPECT_EQ(first.protocol, 17);
    EXPECT_EQ(first.source_port.host(), 0x0505);
    EXPECT_FALSE(first.is_last);
    const Fragment last = parse6({17, 0, 3, 0xf0, 0, 0, 0, 1}, 44, 3);
    EXPECT_EQ(last.fault, kNone);
    EXPECT_EQ(last.offset_bytes, 1008);
    EXPECT_TRUE(last.is_last);
    EXPECT_EQ(last.source_port.host(), 0);
    EXPECT_EQ(parse6({6, 0, 0, 1, 0, 0, 0, 1}, 44, 16).fault, kTinyFirst);
    EXPECT_EQ(parse6({6, 0, 0, 8, 0, 0, 0, 1}, 44, 0).fault, kBadLength);
}

}  // namespace
}  // namespace director::dataplane
