// Tunnelled packets equal ones built from nothing, for every kind, family and checksum; a receiver
// that does what Linux's does with the remote checksum option gets the packet that was sent.
#include "dataplane/core/codecs/tunnel.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "dataplane/core/codecs/icmp_translate.h"
#include "dataplane/core/codecs/wire.h"
#include "tests/unit/codecs/plain_packets.h"

namespace director::dataplane {
namespace {

using namespace director::test;

constexpr Family kFamilies[] = {Family::kIpv4, Family::kIpv6};

// A packet with room in front.
class Roomy {
  public:
    explicit Roomy(const Bytes& packet) : bytes_(kRoom + packet.size()), size_(packet.size()) {
        std::copy(packet.begin(), packet.end(), bytes_.begin() + kRoom);
    }
    [[nodiscard]] uint8_t* inner() { return bytes_.data() + kRoom; }
    [[nodiscard]] uint32_t size() const { return static_cast<uint32_t>(size_); }
    // The packet with so many bytes before it.
    [[nodiscard]] Bytes with(uint32_t outer_bytes) const {
        return {bytes_.end() - static_cast<std::ptrdiff_t>(size_ + outer_bytes), bytes_.end()};
    }

  private:
    static constexpr size_t kRoom = std::max(kTunnelBytesMax, OuterHeader::kBytes);
    Bytes bytes_;
    size_t size_;
};

struct Case {
    Encapsulation how;
    PlainIp inner;
    Bytes packet;
};

Case random_case(Random& random, Family inner, Family outer) {
    Case result;
    result.inner.source = random_address(random, inner);
    result.inner.destination = random_address(random, inner);
    result.inner.hop_limit = static_cast<uint8_t>(random.next());
    result.inner.traffic_class = static_cast<uint8_t>(random.next());
    result.inner.fragment = random.below(2) != 0 ? 0x4000 : 0;
    result.inner.id = static_cast<uint16_t>(random.next());
    constexpr uint8_t kProtocols[] = {6, 17, 132};
    result.inner.protocol = kProtocols[random.below(3)];
    const Endpoint source{result.inner.source, Be16::from_host(1234)};
    const Endpoint destination{result.inner.destination, Be16::from_host(80)};
    result.packet = result.inner.wrap(plain_transport(
        result.inner.protocol, source, destination, random_bytes(random, random.below(200))));
    Encapsulation& how = result.how;
    how.tunnel.kind = static_cast<TunnelKind>(random.below(3));
    how.tunnel.checksum = static_cast<TunnelChecksum>(random.below(3));
    how.tunnel.port = Be16::from_host(6080);
    how.source = random_address(random, outer);
    how.destination = random_address(random, outer);
    how.flow_hash = static_cast<uint32_t>(random.next());
    how.id = static_cast<uint16_t>(random.next());
    how.honours_df = random.below(2) != 0;
    return result;
}

Bytes expected_of(const Case& given) {
    const Encapsulation& how = given.how;
    const bool is_v4 = given.inner.source.is_ipv4();
    PlainIp outer;
    outer.source = how.source;
    outer.destination = how.destination;
    outer.hop_limit = given.inner.hop_limit;
    outer.traffic_class = given.inner.traffic_class;
    outer.flow_label = how.flow_hash & 0xfffff;
    const bool has_df = is_v4 && given.inner.fragment == 0x4000 && how.honours_df;
    outer.fragment = has_df ? 0x4000 : 0;
    outer.id = has_df ? uint16_t{0} : how.id;
    const uint8_t inner_protocol = is_v4 ? 4 : 41;
    Bytes payload;
    switch (how.tunnel.kind) {
        case TunnelKind::kIpIp:
            outer.protocol = inner_protocol;
            return outer.wrap(given.packet);
        case TunnelKind::kGre:
            outer.protocol = 47;
            append16(payload, how.tunnel.checksum == TunnelChecksum::kFull ? 0x8000 : 0);
            append16(payload, is_v4 ? 0x0800 : 0x86dd);
            if (how.tunnel.checksum == TunnelChecksum::kFull) {
                append32(payload, 0);
            }
            append(payload, given.packet);
            if (how.tunnel.checksum == TunnelChecksum::kFull) {
                set16(payload, 4, plain_checksum(payload));
            }
            return outer.wrap(payload);
        case TunnelKind::kGue:
            break;
    }
    outer.protocol = 17;
    append16(payload, 49152 + how.flow_hash % 16384);
    append16(payload, 6080);
    append16(payload, 8 + 4 + given.packet.size());
    append16(payload, 0);
    append32(payload, static_cast<uint32_t>(inner_protocol) << 16);
    append(payload, given.packet);
    if (how.tunnel.checksum != TunnelChecksum::kNone) {
        const uint16_t checksum = transport_checksum(how.source, how.destination, 17, payload);
        set16(payload, 6, checksum == 0 ? 0xffff : checksum);
    }
    return outer.wrap(payload);
}

TEST(Tunnel, RandomPacketsAreWrappedAsIfBuiltFromNothing) {
    Random random(60);
    for (int round = 0; round < 20000; ++round) {
        Case given = random_case(random, kFamilies[random.below(2)], kFamilies[random.below(2)]);
        Roomy roomy(given.packet);
        const uint32_t bytes = encapsulate(given.how, roomy.inner(), roomy.size());
        ASSERT_EQ(hex(roomy.with(bytes)), hex(expected_of(given))) << "round " << round;
        EXPECT_LE(bytes, tunnel_header_bytes(given.how.tunnel, given.how.source.family()));
    }
}

// Made for another packet of the tunnel, copied, filled in.
TEST(OuterHeader, IsWhatEncapsulateWrites) {
    constexpr uint32_t kPathMtu = 1500;
    Random random(61);
    int usable = 0;
    for (int round = 0; round < 20000; ++round) {
        const Case given =
            random_case(random, kFamilies[random.below(2)], kFamilies[random.below(2)]);
        const Tunnel& tunnel = given.how.tunnel;
        const bool has_checksum =
            tunnel.kind != TunnelKind::kIpIp && tunnel.checksum != TunnelChecksum::kNone;
        Encapsulation other = given.how;
        other.flow_hash = static_cast<uint32_t>(random.next());
        other.id = static_cast<uint16_t>(random.next());
        const OuterHeader outer = make_outer_header(other, !given.inner.source.is_ipv4(), kPathMtu);
        ASSERT_EQ(outer.header_bytes == 0, has_checksum);
        if (has_checksum || !given.how.honours_df) {
            ASSERT_TRUE(!has_checksum || outer.inner_mtu == 0);
            continue;
        }
        EXPECT_EQ(outer.inner_mtu, tunnel_mtu(tunnel, given.how.source.family(), kPathMtu));
        Roomy roomy(given.packet);
        put_outer_header(outer, given.how.flow_hash, given.how.id, roomy.inner(), roomy.size());
        ASSERT_EQ(hex(roomy.with(outer.header_bytes)), hex(expected_of(given)))
            << "round " << round;
        const uint16_t type = wire::load16(roomy.inner() - outer.header_bytes - 2);
        EXPECT_EQ(type, given.how.source.is_ipv4() ? 0x0800 : 0x86dd);
        ++usable;
    }
    EXPECT_GT(usable, 4000);
}

// Linux's receiver: what lies from `start` on, with the sum in the field, gives the checksum.
void undo_remote_checksum(Bytes& inner, size_t start, size_t field) {
    const Bytes covered(inner.begin() + static_cast<std::ptrdiff_t>(start), inner.end());
    set16(inner, field, plain_checksum(covered));
}

TEST(Tunnel, RemoteChecksumIsMadeAnewByTheReceiver) {
    Random random(61);
    int with_option = 0;
    for (int round = 0; round < 5000; ++round) {
        const Family outer = kFamilies[random.below(2)];
        Case given = random_case(random, kFamilies[random.below(2)], outer);
        given.how.tunnel.kind = TunnelKind::kGue;
        given.how.tunnel.checksum = TunnelChecksum::kRemote;
        given.how.is_inner_checksum_good = true;
        given.how.inner_protocol = given.inner.protocol;
        given.how.inner_l4_offset = given.inner.source.is_ipv4() ? 20 : 40;
        Roomy roomy(given.packet);
        const uint32_t bytes = encapsulate(given.how, roomy.inner(), roomy.size());
        if (given.inner.protocol == 132) {
            ASSERT_EQ(hex(roomy.with(bytes)), hex(expected_of(given)));
            continue;
        }
        ++with_option;
        ASSERT_EQ(bytes, tunnel_header_bytes(given.how.tunnel, outer));
        const Bytes whole = roomy.with(bytes);
        const size_t ip = outer == Family::kIpv4 ? 20 : 40;
        const Bytes udp(whole.begin() + static_cast<std::ptrdiff_t>(ip), whole.end());
        EXPECT_EQ(transport_checksum(given.how.source, given.how.destination, 17, udp), 0);
        EXPECT_EQ(udp[8], 2);  // option words
        EXPECT_EQ(hex(Bytes(udp.begin() + 10, udp.begin() + 16)), "000180000000");
        Bytes inner(udp.begin() + 20, udp.end());
        undo_remote_checksum(inner, udp[16] * 256U + udp[17], udp[18] * 256U + udp[19]);
        // 0 and 0xffff are the same to a receiver; a UDP sender writes 0xffff.
        if (given.inner.protocol == 17 && given.packet[given.how.inner_l4_offset + 6U] == 0xff &&
            given.packet[given.how.inner_l4_offset + 7U] == 0xff) {
            continue;
        }
        ASSERT_EQ(hex(inner), hex(given.packet));
    }
    EXPECT_GT(with_option, 1000);
}

TEST(Tunnel, ZeroUdpChecksumOfAnInnerPacketStaysZero) {
    Random random(62);
    Case given = random_case(random, Family::kIpv4, Family::kIpv4);
    given.inner.protocol = 17;
    const Endpoint end{given.inner.source, Be16::from_host(53)};
    given.packet = given.inner.wrap(plain_transport(17, end, end, Bytes(20, 1), false));
    given.how.tunnel = {TunnelKind::kGue, TunnelChecksum::kRemote, Be16::from_host(6080)};
    given.how.is_inner_checksum_good = true;
    given.how.inner_protocol = 17;
    given.how.inner_l4_offset = 20;
    Roomy roomy(given.packet);
    const uint32_t bytes = encapsulate(given.how, roomy.inner(), roomy.size());
    EXPECT_EQ(hex(roomy.with(bytes)), hex(expected_of(given)));
}

// Whose outer checksum comes out as 0, which would mean that there is none.
TEST(Tunnel, OuterUdpChecksumNeverBecomesNone) {
    Random random(65);
    Case given = random_case(random, Family::kIpv4, Family::kIpv6);
    given.how.tunnel = {TunnelKind::kGue, TunnelChecksum::kFull, Be16::from_host(6080)};
    Bytes expected;
    for (uint32_t word = 0; word < 65536; ++word) {
        given.packet = given.inner.wrap(
            {0, 0, 0, 0, static_cast<uint8_t>(word >> 8), static_cast<uint8_t>(word)});
        expected = expected_of(given);
        if (expected[46] == 0xff && expected[47] == 0xff) {
            break;
        }
    }
    ASSERT_EQ(expected[46] & expected[47], 0xff);
    Roomy roomy(given.packet);
    const uint32_t bytes = encapsulate(given.how, roomy.inner(), roomy.size());
    EXPECT_EQ(hex(roomy.with(bytes)), hex(expected));
}

TEST(Tunnel, MtuIsThePathsWithoutTheHeaders) {
    const auto mtu = [](TunnelKind kind, TunnelChecksum checksum, Family outer, uint32_t path) {
        return tunnel_mtu({kind, checksum, {}}, outer, path);
    };
    using enum TunnelKind;
    using enum TunnelChecksum;
    EXPECT_EQ(mtu(kIpIp, kNone, Family::kIpv4, 1500), 1480U);
    EXPECT_EQ(mtu(kIpIp, kNone, Family::kIpv6, 1500), 1460U);
    EXPECT_EQ(mtu(kGue, kNone, Family::kIpv4, 1500), 1468U);
    EXPECT_EQ(mtu(kGue, kFull, Family::kIpv6, 1500), 1448U);
    EXPECT_EQ(mtu(kGue, kRemote, Family::kIpv4, 1500), 1460U);
    EXPECT_EQ(mtu(kGre, kNone, Family::kIpv4, 1500), 1476U);
    EXPECT_EQ(mtu(kGre, kFull, Family::kIpv4, 1500), 1472U);
    EXPECT_EQ(mtu(kIpIp, kNone, Family::kIpv4, 88), 68U);
    EXPECT_EQ(mtu(kIpIp, kNone, Family::kIpv4, 87), 0U);
    EXPECT_EQ(mtu(kIpIp, kNone, Family::kIpv4, 0), 0U);
}

TEST(Tunnel, TooLongPacketsGoByTheRuleOfIpvs) {
    Random random(63);
    PlainIp ip;
    ip.source = ip.destination = random_address(random, Family::kIpv4);
    const Bytes forbids = ip.wrap(Bytes(100, 0));
    ip.fragment = 0;
    const Bytes allows = ip.wrap(Bytes(100, 0));
    ip.source = ip.destination = random_address(random, Family::kIpv6);
    const Bytes v6 = ip.wrap(Bytes(100, 0));
    EXPECT_EQ(fits_tunnel(forbids.data(), 1480, 1480, true), TunnelFit::kFits);
    EXPECT_EQ(fits_tunnel(forbids.data(), 1481, 1480, true), TunnelFit::kTooBig);
    EXPECT_EQ(fits_tunnel(forbids.data(), 1481, 1480, false), TunnelFit::kNeedsFragments);
    EXPECT_EQ(fits_tunnel(allows.data(), 1481, 1480, true), TunnelFit::kNeedsFragments);
    EXPECT_EQ(fits_tunnel(v6.data(), 1481, 1480, false), TunnelFit::kTooBig);
    EXPECT_EQ(fits_tunnel(v6.data(), 1280, 1260, true), TunnelFit::kNeedsFragments);
    EXPECT_EQ(fits_tunnel(v6.data(), 1281, 1260, true), TunnelFit::kTooBig);
}

TEST(Tunnel, WhatItsLengthFieldCannotSayIsRefused) {
    Encapsulation how;
    how.source = how.destination = *IpAddress::parse("192.0.2.1");
    Roomy roomy(PlainIp{how.source, how.destination}.wrap(Bytes(65515, 0)));
    EXPECT_EQ(roomy.size(), 65535U);
    EXPECT_EQ(encapsulate(how, roomy.inner(), 65516), 0U);
    EXPECT_EQ(encapsulate(how, roomy.inner(), 65515), 20U);
    how.source = how.destination = *IpAddress::parse("2001:db8::1");
    EXPECT_EQ(encapsulate(how, roomy.inner(), 65535), 40U);
    how.tunnel.kind = TunnelKind::kGre;
    EXPECT_EQ(encapsulate(how, roomy.inner(), 65532), 0U);
    EXPECT_EQ(encapsulate(how, roomy.inner(), 65531), 44U);
}

// An error from a router on the tunnel's way leads to the client's packet inside.
TEST(Tunnel, PacketInsideAQuoteIsFound) {
    Random random(64);
    for (int round = 0; round < 5000; ++round) {
        const Family outer = kFamilies[random.below(2)];
        Case given = random_case(random, kFamilies[random.below(2)], outer);
        Roomy roomy(given.packet);
        const uint32_t bytes = encapsulate(given.how, roomy.inner(), roomy.size());
        PlainIp router;
        router.source = random_address(random, outer);
        router.destination = given.how.source;
        const bool is_v4 = outer == Family::kIpv4;
        const uint32_t icmp = is_v4 ? 20 : 40;
        const Bytes error =
            plain_icmp(router, is_v4 ? 3 : 2, is_v4 ? 4 : 0, 1400, roomy.with(bytes));
        const uint32_t size = static_cast<uint32_t>(error.size());
        const QuotedPacket tunnel = parse_quoted(error.data(), size, size, icmp);
        const auto offset = tunnel_payload_offset(tunnel.protocol,
                                                  error.data() + tunnel.l4_offset,
                                                  uint32_t{tunnel.end_offset} - tunnel.l4_offset,
                                                  Be16::from_host(6080));
        ASSERT_TRUE(offset.has_value());
        const QuotedPacket inner =
            parse_quoted_at(error.data(), tunnel.l4_offset + *offset, tunnel.end_offset);
        ASSERT_TRUE(inner.is_good);
        EXPECT_EQ(inner.family, given.inner.source.family());
        EXPECT_EQ(inner.source.address, given.inner.source);
        EXPECT_EQ(inner.destination.port.host(), 80);
    }
}

TEST(Tunnel, WhatIsNoTunnelHasNothingInside) {
    const auto inside = [](uint8_t protocol, Bytes l4) {
        l4.shrink_to_fit();
        return tunnel_payload_offset(
            protocol, l4.data(), static_cast<uint32_t>(l4.size()), Be16::from_host(6080));
    };
    const Bytes gue = {0xc0, 0, 0x17, 0xc0, 0, 100, 0, 0, 0, 4, 0, 0};
    EXPECT_EQ(inside(17, gue), 12U);
    Bytes changed = gue;
    changed[3] = 0xc1;  // another port
    EXPECT_FALSE(inside(17, changed));
    changed = gue;
    changed[8] = 0x20;  // a control message
    EXPECT_FALSE(inside(17, changed));
    changed[8] = 1;  // options that are not there
    EXPECT_FALSE(inside(17, changed));
    changed[8] = 0;
    changed[9] = 6;
    EXPECT_FALSE(inside(17, changed));
    EXPECT_FALSE(inside(17, first_bytes(gue, 11)));
    EXPECT_EQ(inside(47, {0, 0, 8, 0}), 4U);
    EXPECT_EQ(inside(47, {0x80, 0, 0x86, 0xdd, 0, 0, 0, 0}), 8U);
    EXPECT_FALSE(inside(47, {0x80, 0, 0x86, 0xdd}));
    EXPECT_FALSE(inside(47, {0x20, 0, 8, 0}));  // a key
    EXPECT_FALSE(inside(47, {0, 0, 8}));
    EXPECT_EQ(inside(4, {}), 0U);
    EXPECT_EQ(inside(41, {}), 0U);
    EXPECT_FALSE(inside(6, Bytes(20, 0)));
}

}  // namespace
}  // namespace director::dataplane
