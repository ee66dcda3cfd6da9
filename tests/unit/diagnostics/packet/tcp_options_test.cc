// TCP's options, one by one and as they go wrong.
#include "diagnostics/packet/tcp_options.h"

#include <gtest/gtest.h>

#include "tests/unit/diagnostics/packet/decode_support.h"

namespace director::diagnostics {
namespace {

using Bytes = std::vector<uint8_t>;

struct Decoded {
    TcpHeader tcp;
    uint16_t faults = 0;
};

[[nodiscard]] Decoded decode_bytes(const Bytes& bytes, uint32_t wire = 0) {
    Decoded result;
    const auto size = static_cast<uint32_t>(bytes.size());
    result.faults = decode_tcp_options({bytes.data(), size, std::max(wire, size)}, result.tcp);
    return result;
}

TEST(TcpOptions, ASynOfLinux) {
    const Decoded syn =
        decode_bytes({2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0x12, 0x34, 0, 0, 0, 0, 1, 3, 3, 7});
    EXPECT_EQ(syn.faults, 0);
    EXPECT_EQ(syn.tcp.mss, 1460);
    EXPECT_TRUE(syn.tcp.has_window_shift);
    EXPECT_EQ(syn.tcp.window_shift, 7);
    EXPECT_TRUE(syn.tcp.has_timestamps);
    EXPECT_EQ(syn.tcp.timestamp, 0x1234U);
    EXPECT_EQ(syn.tcp.option_count, 5);
    EXPECT_EQ(syn.tcp.options_seen, 0x11eU);
    EXPECT_EQ(syn.tcp.option_order, 0x24813U);
}

TEST(TcpOptions, TimestampsAloneTakeTheShortWay) {
    const Bytes alone = {1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 8};
    const Decoded fast = decode_bytes(alone);
    Bytes longer = alone;
    longer.resize(16);  // EOL and padding: the long way
    const Decoded slow = decode_bytes(longer);
    EXPECT_EQ(fast.tcp.timestamp, slow.tcp.timestamp);
    EXPECT_EQ(fast.tcp.timestamp_echo, slow.tcp.timestamp_echo);
    EXPECT_EQ(fast.tcp.option_order << 4 | TcpHeader::kOrderEnd, slow.tcp.option_order);
    EXPECT_EQ(fast.tcp.option_count + 1, slow.tcp.option_count);
    EXPECT_EQ(fast.tcp.options_seen | 1U, slow.tcp.options_seen);
}

TEST(TcpOptions, SackBlocks) {
    Bytes bytes = {1, 1, 5, 34};
    for (uint8_t i = 0; i < 32; ++i) {
        bytes.push_back(i);
    }
    const Decoded found = decode_bytes(bytes);
    EXPECT_EQ(found.faults, 0);
    EXPECT_EQ(found.tcp.sack_count, 4);
    EXPECT_EQ(found.tcp.sack[0].left, 0x00010203U);
    EXPECT_EQ(found.tcp.sack[3].right, 0x1c1d1e1fU);
}

TEST(TcpOptions, EveryMptcpSubtype) {
    const auto only = [](const Bytes& bytes) {
        const Decoded found = decode_bytes(bytes);
        EXPECT_EQ(found.faults, 0);
        EXPECT_EQ(found.tcp.mptcp_count, 1);
        EXPECT_EQ(found.tcp.options_seen, 1U << 30);
        return found.tcp.mptcp[0];
    };
    const auto padded = [](Bytes bytes, size_t length) {
        bytes.resize(length);
        return bytes;
    };
    const MptcpOption capable = only(padded({30, 12, 0x01, 0x81}, 12));
    EXPECT_EQ(capable.subtype, 0);
    EXPECT_EQ(capable.version, 1);
    EXPECT_EQ(capable.flags, 0x81);
    const MptcpOption join = only(padded({30, 12, 0x11, 9}, 12));
    EXPECT_EQ(join.subtype, 1);
    EXPECT_EQ(join.flags, 1);
    EXPECT_EQ(join.address_id, 9);
    EXPECT_EQ(only(padded({30, 24, 0x10, 9}, 24)).address_id, 0);
    const MptcpOption dss = only(padded({30, 20, 0x20, 0xf5}, 20));
    EXPECT_EQ(dss.subtype, 2);
    EXPECT_EQ(dss.flags, 0x15);
    EXPECT_EQ(only({30, 8, 0x34, 3, 10, 1, 1, 1}).address_id, 3);
    EXPECT_EQ(only({30, 4, 0x40, 5}).address_id, 5);
    EXPECT_EQ(only({30, 4, 0x51, 6}).flags, 1);
    EXPECT_EQ(only(padded({30, 12, 0x60, 0}, 12)).subtype, 6);
    EXPECT_EQ(only(padded({30, 12, 0x70, 0}, 12)).subtype, 7);
    EXPECT_EQ(only({30, 4, 0x84, 2}).subtype, 8);
    EXPECT_EQ(only({30, 4, 0xf0, 2}).subtype, 15);
}

TEST(TcpOptions, MoreMptcpOptionsThanThereIsRoomFor) {
    Bytes bytes;
    for (int i = 0; i < 10; ++i) {
        bytes.insert(bytes.end(), {30, 4, 0x40, 5});
    }
    EXPECT_EQ(decode_bytes(bytes).tcp.mptcp_count, 4);
    EXPECT_EQ(decode_bytes(bytes).tcp.option_count, 10);
}

TEST(TcpOptions, KindsAbove30ShareABit) {
    EXPECT_EQ(decode_bytes({34, 2, 254, 2}).tcp.options_seen, 1U << 31);
    EXPECT_EQ(decode_bytes({34, 2, 254, 2}).tcp.option_order, 0xffU);
}

TEST(TcpOptions, WrongLengths) {
    for (const Bytes& bytes : {Bytes{2, 3, 5, 0},        // MSS of three
                               Bytes{3, 4, 7, 0},        // scale of four
                               Bytes{4, 3, 0, 0},        // SACK permitted of three
                               Bytes{5, 6, 0, 0, 0, 0},  // SACK without a whole block
                               Bytes{8, 4, 0, 0},        // timestamps of four
                               Bytes{30, 2, 1, 1},       // MPTCP without a subtype
                               Bytes{1, 1, 1, 2},        // no room for a length
                               Bytes{99, 1, 1, 1},       // a length of one
                               Bytes{99, 0, 1, 1},       // of none
                               Bytes{99, 5, 1, 1}}) {    // past the header
        const Decoded found = decode_bytes(bytes);
        EXPECT_EQ(found.faults, kFaultTcpOptions) << int{bytes[0]} << ' ' << int{bytes[1]};
        EXPECT_EQ(found.tcp.mss, 0);
        EXPECT_FALSE(found.tcp.has_window_shift);
        EXPECT_FALSE(found.tcp.has_timestamps);
    }
}

TEST(TcpOptions, ACutIsNoMistake) {
    EXPECT_EQ(decode_bytes({2, 4, 5, 0xb4, 8, 10, 0}, 16).faults, kFaultCut);
    EXPECT_EQ(decode_bytes({2, 4, 5, 0xb4, 8}, 16).faults, kFaultCut);
    EXPECT_EQ(decode_bytes({2, 4, 5, 0xb4}, 16).tcp.mss, 1460);
}

}  // namespace
}  // namespace director::diagnostics
