// How a real server behind full NAT learns who its client is: PROXY protocol headers and the TCP
// option, byte for byte, with every checksum computed anew.
#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/random.h"
#include "dataplane/core/codecs/proxy_protocol.h"
#include "dataplane/core/codecs/toa.h"
#include "tests/support/tcp_frame.h"

namespace director::dataplane {
namespace {

using test::fault_of;
using test::number_at;
using test::payload_of;
using test::TestFrame;

[[nodiscard]] Endpoint endpoint(const char* text) {
    return Endpoint::parse(text).value();
}

const Endpoint kClient4 = endpoint("192.0.2.1:4660");
const Endpoint kService4 = endpoint("203.0.113.10:443");
const Endpoint kClient6 = endpoint("[2001:db8::1]:4660");
const Endpoint kService6 = endpoint("[2001:db8::2]:443");

// haproxy's doc/proxy-protocol.txt section 2.2, written out by hand.
const std::vector<uint8_t> kHeader4{0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49,
                                    0x54, 0x0a, 0x21, 0x11, 0x00, 0x0c, 192,  0,    2,    1,
                                    203,  0,    113,  10,   0x12, 0x34, 0x01, 0xbb};

TEST(ProxyProtocol, HeadersAreThoseOfTheSpecification) {
    std::array<uint8_t, kProxyHeaderBytesIpv6> out{};
    ASSERT_EQ(write_proxy_header(Protocol::kTcp, kClient4, kService4, out), 28U);
    EXPECT_EQ(std::vector<uint8_t>(out.begin(), out.begin() + 28), kHeader4);
    ASSERT_EQ(write_proxy_header(Protocol::kUdp, kClient6, kService6, out), 52U);
    EXPECT_EQ(number_at(out.data() + 12, 4), 0x21220024U);
    EXPECT_EQ(number_at(out.data() + 16, 4), 0x20010db8U);
    EXPECT_EQ(out[31], 1);
    EXPECT_EQ(out[47], 2);
    EXPECT_EQ(number_at(out.data() + 48, 4), 0x123401bbU);
    (void)write_proxy_header(Protocol::kSctp, kClient4, kService4, out);
    EXPECT_EQ(out[13], 0x10);
}

TEST(ProxyProtocol, StandsBeforeTheFirstBytes) {
    TcpAdjustment adjustment;
    // Odd payload and an IPv4 option: neither may matter.
    test::FrameSpec spec{kClient4, kService4, 100, 5, kTcpFlagAck, 7, {1, 1, 1, 0}, "hello"};
    spec.has_vlan = true;
    spec.ip_option_bytes = 4;
    spec.padding_bytes = 3;
    for (int time = 0; time < 2; ++time) {
        TestFrame frame(spec);
        ASSERT_TRUE(insert_proxy_header(frame.bytes, kClient4, kService4, adjustment));
        ASSERT_EQ(fault_of(frame.bytes), "");
        const std::string header(kHeader4.begin(), kHeader4.end());
        EXPECT_EQ(payload_of(frame.bytes), header + "hello");
        EXPECT_EQ(frame.bytes.headroom_bytes, 64U - 28U);
        EXPECT_EQ(adjustment.sent[0].delta, 28) << "once, however often it is sent";
        EXPECT_EQ(adjustment.sent[0].init_sequence, 100U);
    }
    TestFrame tight(spec, 27);
    const std::vector<uint8_t> before = tight.memory;
    EXPECT_FALSE(insert_proxy_header(tight.bytes, kClient4, kService4, adjustment));
    EXPECT_EQ(tight.memory, before);
}

// The TCP frame's bytes serve as a datagram, too: its header becomes UDP's and a payload.
TEST(ProxyProtocol, StandsInEveryDatagram) {
    for (const bool is_ipv4 : {true, false}) {
        const Endpoint& client = is_ipv4 ? kClient4 : kClient6;
        const Endpoint& service = is_ipv4 ? kService4 : kService6;
        TestFrame frame({client, service, 0, 0, 0, 0, {}, "odd"});
        FrameBytes& bytes = frame.bytes;
        bytes.ip()[is_ipv4 ? 9 : 6] = 17;
        if (is_ipv4) {
            bytes.ip()[10] = bytes.ip()[11] = 0;
        }
        const uint32_t udp_length = bytes.l3_offset + bytes.ip_length() - bytes.l4_offset;
        bytes.l4()[4] = 0;
        bytes.l4()[5] = static_cast<uint8_t>(udp_length);
        const auto checksum_now = [&] {
            uint64_t sum = 17 + number_at(bytes.l4() + 4, 2);
            const uint32_t from = is_ipv4 ? 12 : 8;
            for (uint32_t i = from; i < (is_ipv4 ? 20U : 40U); i += 2) {
                sum += number_at(bytes.ip() + i, 2);
            }
            const uint32_t length = number_at(bytes.l4() + 4, 2);
            for (uint32_t i = 0; i < length; ++i) {
                const bool is_field = i == 6 || i == 7;
                sum += is_field ? 0 : uint64_t{bytes.l4()[i]} << (i % 2 == 0 ? 8 : 0);
            }
            while (sum >> 16 != 0) {
                sum = (sum & 0xffff) + (sum >> 16);
            }
            return static_cast<uint32_t>(~sum & 0xffff);
        };
        const uint32_t right = checksum_now();
        bytes.l4()[6] = static_cast<uint8_t>(right >> 8);
        bytes.l4()[7] = static_cast<uint8_t>(right);
        ASSERT_TRUE(insert_proxy_header_udp(bytes, client, service));
        const uint32_t grown = is_ipv4 ? 28 : 52;
        EXPECT_EQ(number_at(bytes.l4() + 4, 2), udp_length + grown);
        EXPECT_EQ(bytes.l3_offset + bytes.ip_length() - bytes.l4_offset, udp_length + grown);
        EXPECT_EQ(number_at(bytes.l4() + 6, 2), checksum_now());
        EXPECT_EQ(bytes.l4()[8 + 13], is_ipv4 ? 0x12 : 0x22);
    }
}

TEST(Toa, IsTheFirstOption) {
    TestFrame frame({kClient4, kService4, 100, 5, kTcpFlagSyn, 7, {2, 4, 5, 0xb4}, "hello"});
    ASSERT_TRUE(insert_toa(frame.bytes, kClient4));
    ASSERT_EQ(fault_of(frame.bytes), "");
    const uint8_t* const options = frame.bytes.l4() + 20;
    EXPECT_EQ(number_at(options, 4), 0xfe081234U);
    EXPECT_EQ(number_at(options + 4, 4), 0xc0000201U);
    EXPECT_EQ(number_at(options + 8, 4), 0x020405b4U);
    EXPECT_EQ(payload_of(frame.bytes), "hello");
    TestFrame ipv6({kClient6, kService6, 100, 5, kTcpFlagAck, 7, {}, "hello"});
    ASSERT_TRUE(insert_toa(ipv6.bytes, kClient6));
    ASSERT_EQ(fault_of(ipv6.bytes), "");
    EXPECT_EQ(number_at(ipv6.bytes.l4() + 20, 4), 0xfd141234U);
    EXPECT_EQ(number_at(ipv6.bytes.l4() + 24, 4), 0x20010db8U);
    EXPECT_EQ(payload_of(ipv6.bytes), "hello");
}

// An IPv6 client of an IPv4 server: the option's family is the client's.
TEST(Toa, FamilyIsTheClients) {
    TestFrame frame({kClient4, kService4});
    ASSERT_TRUE(insert_toa(frame.bytes, kClient6));
    ASSERT_EQ(fault_of(frame.bytes), "");
    EXPECT_EQ(frame.bytes.l4()[20], 253);
}

TEST(Toa, NeedsRoomAmongTheOptionsAndBeforeTheFrame) {
    for (uint32_t words = 0; words <= 10; ++words) {
        const std::vector<uint8_t> options(words * 4, 1);
        TestFrame frame({kClient4, kService4, 1, 2, kTcpFlagAck, 3, options, "x"});
        EXPECT_EQ(insert_toa(frame.bytes, kClient4), words <= 8) << words;
        EXPECT_EQ(fault_of(frame.bytes), "");
        TestFrame larger({kClient4, kService4, 1, 2, kTcpFlagAck, 3, options, "x"});
        EXPECT_EQ(insert_toa(larger.bytes, kClient6), words <= 5) << words;
        EXPECT_EQ(fault_of(larger.bytes), "");
    }
    TestFrame tight({kClient4, kService4}, 7);
    EXPECT_FALSE(insert_toa(tight.bytes, kClient4));
    EXPECT_EQ(fault_of(tight.bytes), "");
}

// What was wrong before stays wrong, for the server to see.
TEST(ClientAddress, AWrongChecksumStaysWrong) {
    TcpAdjustment adjustment;
    TestFrame frame({kClient4, kService4, 1, 2, kTcpFlagAck, 3, {}, "payload"});
    frame.bytes.l4()[25] ^= 1;
    ASSERT_EQ(fault_of(frame.bytes), "TCP checksum");
    ASSERT_TRUE(insert_toa(frame.bytes, kClient4));
    EXPECT_EQ(fault_of(frame.bytes), "TCP checksum");
    ASSERT_TRUE(insert_proxy_header(frame.bytes, kClient4, kService4, adjustment));
    EXPECT_EQ(fault_of(frame.bytes), "TCP checksum");
}

}  // namespace
}  // namespace director::dataplane
