// The MSS option: random option lists against a plain search, and the checksum recomputed.
#include "dataplane/core/codecs/mss_clamp.h"

#include <gtest/gtest.h>

#include "tests/unit/codecs/plain_packets.h"

namespace director::dataplane {
namespace {

using namespace director::test;

const IpAddress kSource = *IpAddress::parse("192.0.2.1");
const IpAddress kDestination = *IpAddress::parse("192.0.2.2");

Bytes syn(Bytes options, uint8_t flags = 0x02, const Bytes& data = {}) {
    while (options.size() % 4 != 0) {
        options.push_back(0);
    }
    Bytes tcp;
    append32(tcp, 0x9c400050);
    append32(tcp, 1);
    append32(tcp, 0);
    append32(tcp, (5 + options.size() / 4) << 28 | size_t{flags} << 16 | 0xffff);
    append32(tcp, 0);
    append(tcp, options);
    append(tcp, data);
    set16(tcp, 16, transport_checksum(kSource, kDestination, 6, tcp));
    return tcp;
}

MssClamp clamp(Bytes& tcp, uint16_t mss) {
    return clamp_mss(tcp.data(), static_cast<uint32_t>(tcp.size()), mss);
}

TEST(MssClamp, RandomOptionListsAreWalkedToTheMss) {
    Random random(70);
    for (int round = 0; round < 20000; ++round) {
        // Options before the MSS, at even and odd offsets.
        Bytes before;
        while (random.below(3) != 0 && before.size() < 30) {
            if (random.below(2) != 0) {
                before.push_back(1);
            } else {
                const uint8_t length = static_cast<uint8_t>(2 + random.below(5));
                before.push_back(static_cast<uint8_t>(3 + random.below(250)));
                before.push_back(length);
                append(before, random_bytes(random, length - 2U));
            }
        }
        const uint16_t told = static_cast<uint16_t>(random.next());
        const uint16_t limit = static_cast<uint16_t>(random.next());
        const bool has_mss = random.below(4) != 0;
        const auto with = [&](uint16_t mss) {
            Bytes options = before;
            if (has_mss) {
                append(options, {2, 4, static_cast<uint8_t>(mss >> 8), static_cast<uint8_t>(mss)});
            }
            return syn(options, 0x12, Bytes(3, 9));
        };
        Bytes tcp = with(told);
        const MssClamp result = clamp(tcp, limit);
        const bool is_lowered = has_mss && told > limit;
        EXPECT_EQ(result,
                  !has_mss     ? MssClamp::kNoOption
                  : is_lowered ? MssClamp::kLowered
                               : MssClamp::kLowEnough);
        ASSERT_EQ(hex(tcp), hex(with(is_lowered ? limit : told))) << "round " << round;
    }
}

TEST(MssClamp, OnlyHandshakesAreTouched) {
    Bytes tcp = syn({2, 4, 5, 0xb4}, 0x10);
    const Bytes original = tcp;
    EXPECT_EQ(clamp(tcp, 100), MssClamp::kNotSyn);
    EXPECT_EQ(tcp, original);
}

TEST(MssClamp, WrongChecksumStaysWrong) {
    Bytes tcp = syn({2, 4, 5, 0xb4});
    tcp[16] ^= 1;
    EXPECT_EQ(clamp(tcp, 1000), MssClamp::kLowered);
    EXPECT_NE(transport_checksum(kSource, kDestination, 6, tcp), 0);
}

TEST(MssClamp, BadOptionListsAreLeftAlone) {
    for (const Bytes& options : {Bytes{3, 0, 2, 4, 5, 0xb4, 0, 0},
                                 Bytes{3, 1, 2, 4, 5, 0xb4, 0, 0},
                                 Bytes{3, 9, 2, 4, 5, 0xb4, 0, 0},
                                 Bytes{2, 3, 5, 0xb4},
                                 Bytes{2, 5, 5, 0xb4, 1, 1, 1, 1},
                                 Bytes{1, 1, 1, 2},
                                 Bytes{1, 2, 4, 5}}) {
        Bytes tcp = syn(options);
        const Bytes original = tcp;
        EXPECT_EQ(clamp(tcp, 100), MssClamp::kBadOptions) << hex(options);
        EXPECT_EQ(tcp, original);
    }
    Bytes ended = syn({0, 2, 4, 5, 0xb4});
    EXPECT_EQ(clamp(ended, 100), MssClamp::kNoOption);
}

TEST(MssClamp, NothingBehindWhatIsThereIsRead) {
    const Bytes whole = syn({1, 1, 3, 3, 7, 1, 2, 4, 5, 0xb4});
    for (size_t available = 20; available < 30; ++available) {
        Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(available));
        cut.shrink_to_fit();
        EXPECT_NE(clamp(cut, 100), MssClamp::kLowered);
    }
}

TEST(MssClamp, MssLeavesTheHeadersOut) {
    EXPECT_EQ(mss_for_mtu(1500, false), 1460);
    EXPECT_EQ(mss_for_mtu(1500, true), 1440);
    EXPECT_EQ(mss_for_mtu(40, false), 0);
    EXPECT_EQ(mss_for_mtu(39, false), 0);
    EXPECT_EQ(mss_for_mtu(100000, false), 65535);
}

}  // namespace
}  // namespace director::dataplane
