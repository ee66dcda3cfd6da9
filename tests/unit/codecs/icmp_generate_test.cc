// Errors and resets that Director sends itself, compared with packets built from nothing, and each
// rule about when to say nothing.
#include "dataplane/core/codecs/icmp_generate.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "dataplane/core/codecs/tcp_reset.h"
#include "tests/unit/codecs/plain_packets.h"

namespace director::dataplane {
namespace {

using namespace director::test;

const IpAddress kOwn4 = *IpAddress::parse("192.0.2.254");
const IpAddress kOwn6 = *IpAddress::parse("2001:db8::fe");

PlainIp from_to(const char* source, const char* destination) {
    PlainIp ip;
    ip.source = *IpAddress::parse(source);
    ip.destination = *IpAddress::parse(destination);
    return ip;
}
PlainIp usual4() {
    return from_to("198.51.100.7", "192.0.2.1");
}
PlainIp usual6() {
    return from_to("2001:db8:1::7", "2001:db8::1");
}

OffendingPacket offending(const Bytes& bytes) {
    OffendingPacket packet;
    packet.ip = bytes.data();
    packet.available_bytes = packet.ip_length = static_cast<uint32_t>(bytes.size());
    packet.l4_offset = bytes[0] >> 4 == 6 ? 40 : 20;
    packet.protocol = bytes[bytes[0] >> 4 == 6 ? 6 : 9];
    return packet;
}

Bytes build(const IcmpError& error, const OffendingPacket& packet) {
    Bytes out(kIcmpErrorBytesMax);
    out.resize(build_icmp_error(error, packet, out.data()));
    return out;
}

struct Expected {
    IcmpCause cause;
    uint8_t type4;
    uint8_t code4;
    uint8_t type6;
    uint8_t code6;
};

constexpr Expected kExpected[] = {
    {IcmpCause::kTooBig, 3, 4, 2, 0},
    {IcmpCause::kTimeExceeded, 11, 0, 3, 0},
    {IcmpCause::kPortUnreachable, 3, 3, 1, 4},
    {IcmpCause::kHostUnreachable, 3, 1, 1, 3},
    {IcmpCause::kNetUnreachable, 3, 0, 1, 0},
    {IcmpCause::kProhibited, 3, 13, 1, 1},
};

TEST(IcmpGenerate, EachCauseHasItsTypeAndQuotesWhatFits) {
    Random random(50);
    for (const Expected& expected : kExpected) {
        for (const size_t payload :
             {0U, 8U, 500U, 527U, 528U, 529U, 1200U, 1231U, 1232U, 1233U, 5000U}) {
            IcmpError error{expected.cause, 1400, kOwn4, 61};
            const bool is_mtu = expected.cause == IcmpCause::kTooBig;
            PlainIp ip = usual4();
            ip.traffic_class = 0x2b;  // class 10, and congestion bits that are not the answer's
            const Bytes packet4 = ip.wrap(random_bytes(random, payload));
            PlainIp answer = from_to("192.0.2.254", "198.51.100.7");
            answer.hop_limit = 61;
            answer.traffic_class = 0xc8;
            EXPECT_EQ(hex(build(error, offending(packet4))),
                      hex(plain_icmp(answer,
                                     expected.type4,
                                     expected.code4,
                                     is_mtu ? 1400 : 0,
                                     first_bytes(packet4, 576 - 28))));
            error.source = kOwn6;
            const Bytes packet6 = usual6().wrap(random_bytes(random, payload));
            answer = from_to("2001:db8::fe", "2001:db8:1::7");
            answer.hop_limit = 61;
            EXPECT_EQ(hex(build(error, offending(packet6))),
                      hex(plain_icmp(answer,
                                     expected.type6,
                                     expected.code6,
                                     is_mtu ? 1400 : 0,
                                     first_bytes(packet6, 1280 - 48))));
        }
    }
}

TEST(IcmpGenerate, MtuIsWithinItsFieldAndItsVersionsMinimum) {
    const Bytes packet4 = usual4().wrap(Bytes(8, 0));
    const Bytes packet6 = usual6().wrap(Bytes(8, 0));
    const Bytes big = build({IcmpCause::kTooBig, 70000, kOwn4}, offending(packet4));
    EXPECT_EQ(hex(Bytes(big.begin() + 24, big.begin() + 28)), "0000ffff");
    const Bytes small = build({IcmpCause::kTooBig, 1240, kOwn6}, offending(packet6));
    EXPECT_EQ(hex(Bytes(small.begin() + 44, small.begin() + 48)), "00000500");
}

TEST(IcmpGenerate, OnlyWhatIsAtHandIsQuoted) {
    const Bytes packet = usual4().wrap(Bytes(1000, 7));
    OffendingPacket cut = offending(packet);
    cut.available_bytes = 60;
    EXPECT_EQ(build({IcmpCause::kTimeExceeded, 0, kOwn4}, cut).size(), 28U + 60);
}

TEST(IcmpGenerate, SilentAboutWhatMustNotBeAnswered) {
    const auto is_silent = [](const PlainIp& ip,
                              const Bytes& payload = Bytes(8, 0),
                              IcmpCause cause = IcmpCause::kTimeExceeded) {
        const Bytes packet = ip.wrap(payload);
        return build({cause, 1400, ip.source.is_ipv4() ? kOwn4 : kOwn6}, offending(packet)).empty();
    };
    EXPECT_FALSE(is_silent(usual4()));
    EXPECT_FALSE(is_silent(usual6()));
    for (const char* source :
         {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.5", "240.0.0.1", "255.255.255.255"}) {
        EXPECT_TRUE(is_silent(from_to(source, "192.0.2.1"))) << source;
    }
    for (const char* destination : {"224.0.0.5", "239.1.1.1", "255.255.255.255"}) {
        EXPECT_TRUE(is_silent(from_to("198.51.100.7", destination))) << destination;
    }
    for (const char* source : {"::", "::1", "ff02::1"}) {
        EXPECT_TRUE(is_silent(from_to(source, "2001:db8::1"))) << source;
    }
    const PlainIp group6 = from_to("2001:db8:1::7", "ff0e::5");
    EXPECT_TRUE(is_silent(group6));
    EXPECT_FALSE(is_silent(group6, Bytes(8, 0), IcmpCause::kTooBig));
}

TEST(IcmpGenerate, SilentAboutGroupFramesAndLaterFragments) {
    const Bytes packet4 = usual4().wrap(Bytes(8, 0));
    const Bytes packet6 = usual6().wrap(Bytes(8, 0));
    OffendingPacket group = offending(packet4);
    group.is_group_frame = true;
    EXPECT_FALSE(may_send_icmp_error(IcmpCause::kTooBig, group));
    OffendingPacket group6 = offending(packet6);
    group6.is_group_frame = true;
    EXPECT_FALSE(may_send_icmp_error(IcmpCause::kTimeExceeded, group6));
    EXPECT_TRUE(may_send_icmp_error(IcmpCause::kTooBig, group6));
    OffendingPacket later = offending(packet4);
    later.is_later_fragment = true;
    EXPECT_FALSE(may_send_icmp_error(IcmpCause::kTooBig, later));
    OffendingPacket later6 = offending(packet6);
    later6.is_later_fragment = true;
    EXPECT_TRUE(may_send_icmp_error(IcmpCause::kTooBig, later6));
    later6.protocol = 58;
    EXPECT_FALSE(may_send_icmp_error(IcmpCause::kTooBig, later6));
}

TEST(IcmpGenerate, SilentAboutIcmpErrors) {
    const std::set<int> queries = {0, 8, 9, 10, 13, 14, 15, 16, 17, 18};
    for (int type = 0; type < 256; ++type) {
        PlainIp ip = usual4();
        ip.protocol = 1;
        const Bytes packet4 = ip.wrap(Bytes(8, static_cast<uint8_t>(type)));
        EXPECT_EQ(may_send_icmp_error(IcmpCause::kTimeExceeded, offending(packet4)),
                  queries.contains(type))
            << type;
        ip = usual6();
        ip.protocol = 58;
        const Bytes packet6 = ip.wrap(Bytes(8, static_cast<uint8_t>(type)));
        EXPECT_EQ(may_send_icmp_error(IcmpCause::kTooBig, offending(packet6)),
                  type >= 128 && type != 137)
            << type;
    }
}

TEST(IcmpGenerate, SilentAboutIcmpWhoseTypeIsNotAtHand) {
    for (PlainIp ip : {usual4(), usual6()}) {
        const bool is_v4 = ip.source.is_ipv4();
        ip.protocol = is_v4 ? 1 : 58;
        const Bytes packet = ip.wrap(Bytes(8, is_v4 ? 8 : 128));
        OffendingPacket cut = offending(packet);
        EXPECT_TRUE(may_send_icmp_error(IcmpCause::kTimeExceeded, cut));
        cut.available_bytes = cut.l4_offset;
        EXPECT_FALSE(may_send_icmp_error(IcmpCause::kTimeExceeded, cut));
    }
}

// --- resets ---

Bytes answer(const PlainIp& ip, const Bytes& tcp) {
    const Bytes packet = ip.wrap(tcp);
    Bytes out(kTcpResetBytesMax);
    out.resize(answer_with_tcp_reset(packet.data(),
                                     static_cast<uint32_t>(packet.size()),
                                     static_cast<uint32_t>(packet.size() - tcp.size()),
                                     out.data()));
    return out;
}

Bytes tcp_segment(uint8_t flags, uint32_t sequence, uint32_t acknowledgement, size_t data) {
    Bytes tcp;
    append16(tcp, 40000);
    append16(tcp, 80);
    append32(tcp, sequence);
    append32(tcp, acknowledgement);
    append32(tcp, 6U << 28 | static_cast<uint32_t>(flags) << 16);
    append32(tcp, 0);
    append32(tcp, 0x01010101);  // options
    tcp.resize(tcp.size() + data);
    return tcp;
}

Bytes expected_reset(PlainIp ip, uint8_t flags, uint32_t sequence, uint32_t acknowledgement) {
    Bytes tcp;
    append16(tcp, 80);
    append16(tcp, 40000);
    append32(tcp, sequence);
    append32(tcp, acknowledgement);
    append32(tcp, 5U << 28 | static_cast<uint32_t>(flags) << 16);
    append32(tcp, 0);
    std::swap(ip.source, ip.destination);
    ip.traffic_class &= 0xfc;
    ip.hop_limit = 64;
    ip.options.clear();
    set16(tcp, 16, transport_checksum(ip.source, ip.destination, 6, tcp));
    return ip.wrap(tcp);
}

TEST(TcpReset, AnswersByTheRulesOfRfc9293) {
    for (PlainIp ip : {usual4(), usual6()}) {
        ip.traffic_class = 0x2b;
        ip.hop_limit = 9;
        if (!ip.source.is_ipv4()) {
            ip.options = {6, 0, 1, 4, 0, 0, 0, 0};
            ip.first_header = 60;
        }
        // With an ACK: its number is the sequence, nothing is acknowledged.
        EXPECT_EQ(hex(answer(ip, tcp_segment(0x10, 1000, 7777, 5))),
                  hex(expected_reset(ip, 0x04, 7777, 0)));
        EXPECT_EQ(hex(answer(ip, tcp_segment(0x12, 1000, 7777, 0))),
                  hex(expected_reset(ip, 0x04, 7777, 0)));
        // Without: data, SYN and FIN are acknowledged, over the wrap too.
        EXPECT_EQ(hex(answer(ip, tcp_segment(0x02, 0xffffffff, 0, 0))),
                  hex(expected_reset(ip, 0x14, 0, 0)));
        EXPECT_EQ(hex(answer(ip, tcp_segment(0x03, 1000, 0, 30))),
                  hex(expected_reset(ip, 0x14, 0, 1032)));
        EXPECT_EQ(hex(answer(ip, tcp_segment(0x00, 1000, 5, 30))),
                  hex(expected_reset(ip, 0x14, 0, 1030)));
        EXPECT_TRUE(answer(ip, tcp_segment(0x04, 1000, 0, 0)).empty());
        EXPECT_TRUE(answer(ip, tcp_segment(0x14, 1000, 0, 0)).empty());
    }
}

TEST(TcpReset, SaysNothingToOrForGroups) {
    for (const auto& [source, destination] :
         std::initializer_list<std::pair<const char*, const char*>>{
             {"198.51.100.7", "224.0.0.1"},
             {"255.255.255.255", "192.0.2.1"},
             {"0.0.0.0", "192.0.2.1"},
             {"2001:db8::7", "ff02::1"},
             {"::", "2001:db8::1"}}) {
        EXPECT_TRUE(answer(from_to(source, destination), tcp_segment(0x02, 1, 0, 0)).empty());
    }
}

}  // namespace
}  // namespace director::dataplane
