// Virtual reassembly: every fragment gets its first one's ports, whatever the order; what is held
// is bounded in number and time; hostile datagrams are refused whole.
#include "dataplane/core/tables/fragment_table.h"

#include <algorithm>
#include <array>

#include <gtest/gtest.h>

#include "common/random.h"
#include "tests/unit/codecs/fragment_table_fixture.h"

namespace director::dataplane {
namespace {

TEST_F(FragmentTableTest, LaterFragmentsHaveThePortsOfTheFirst) {
    for (const Fragment& fragment :
         {piece(7, 0, 1480, false), piece(7, 1480, 1480, false), piece(7, 2960, 100, true)}) {
        const FragmentResult result = add(fragment);
        EXPECT_EQ(result.verdict, FragmentVerdict::kPass);
        EXPECT_EQ(result.protocol, 17);
        EXPECT_EQ(result.source_port.host(), 1007);
        EXPECT_EQ(result.destination_port.host(), 53);
    }
    EXPECT_EQ(table_->datagrams(), 0U);  // all has passed
}

TEST_F(FragmentTableTest, EarlyFragmentsWaitAndFollowInOrderOfArrival) {
    std::vector<uint16_t> held;
    for (const Fragment& fragment :
         {piece(7, 2960, 100, true), piece(8, 1480, 20, true), piece(7, 1480, 1480, false)}) {
        const FragmentResult result = add(fragment);
        ASSERT_EQ(result.verdict, FragmentVerdict::kHold);
        held.push_back(result.slot);
    }
    EXPECT_EQ(table_->held(), 3U);
    EXPECT_EQ(add(piece(7, 0, 1480, false)).verdict, FragmentVerdict::kPass);
    EXPECT_EQ(released(), (std::vector<uint16_t>{held[0], held[2]}));
    EXPECT_EQ(table_->held(), 1U);
    EXPECT_EQ(table_->datagrams(), 1U);
    EXPECT_EQ(add(piece(8, 0, 1480, false)).source_port.host(), 1008);
    EXPECT_EQ(released(), (std::vector<uint16_t>{held[1]}));
    EXPECT_EQ(table_->datagrams(), 0U);
    EXPECT_TRUE(dropped().empty());
}

// RFC 9260 section 6.8: the checksum of the first counts the whole datagram.
TEST_F(FragmentTableTest, SctpWaitsForItsLastFragmentAndItsFirstGoesFirst) {
    std::array<uint32_t, 3> order{0, 1, 2};
    do {
        SCOPED_TRACE(testing::Message() << order[0] << order[1] << order[2]);
        std::array<uint16_t, 3> slots{};
        std::array<bool, 3> is_held{};
        FragmentResult result;
        for (const uint32_t number : order) {
            Fragment fragment = piece(7, number * 1480, number == 2 ? 99 : 1480, number == 2);
            fragment.protocol = 132;
            result = add(fragment);
            is_held.at(number) = result.verdict == FragmentVerdict::kHold;
            slots.at(number) = result.slot;
            const bool is_ready = std::find(order.begin(), order.end(), 0) <=
                                      std::find(order.begin(), order.end(), number) &&
                                  std::find(order.begin(), order.end(), 2) <=
                                      std::find(order.begin(), order.end(), number);
            if (!is_ready) {
                EXPECT_TRUE(is_held.at(number));
                EXPECT_TRUE(released().empty());
                continue;
            }
            EXPECT_EQ(result.source_port.host(), 1007);
            EXPECT_EQ(result.following_bytes, 1480 + 99);
            std::vector<uint16_t> expected;
            for (const uint32_t seen : order) {
                if (is_held.at(seen)) {
                    expected.insert(seen == 0 ? expected.begin() : expected.end(), slots.at(seen));
                }
                if (seen == number) {
                    break;
                }
            }
            for (size_t i = 0; i < expected.size(); ++i) {
                const auto held = table_->take_released();
                ASSERT_TRUE(held.has_value());
                EXPECT_EQ(held->slot, expected[i]);
                EXPECT_EQ(held->is_first, is_held[0] && i == 0);
            }
            EXPECT_TRUE(released().empty());
            is_held = {};
        }
        EXPECT_EQ(table_->held(), 0U);
        EXPECT_EQ(table_->datagrams(), 0U);
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(FragmentTableTest, EverythingInTheKeyCounts) {
    EXPECT_EQ(add(piece(7, 0, 8, false)).verdict, FragmentVerdict::kPass);
    Fragment other = piece(7, 8, 8, true);
    other.protocol = 6;
    EXPECT_EQ(add(other).verdict, FragmentVerdict::kHold);
    other = piece(7, 8, 8, true);
    other.source = *IpAddress::parse("198.51.100.8");
    EXPECT_EQ(add(other).verdict, FragmentVerdict::kHold);
    other = piece(7, 8, 8, true);
    other.destination = *IpAddress::parse("192.0.2.2");
    EXPECT_EQ(add(other).verdict, FragmentVerdict::kHold);
    EXPECT_EQ(add(piece(8, 8, 8, true)).verdict, FragmentVerdict::kHold);
    EXPECT_EQ(add(piece(7, 8, 8, true)).verdict, FragmentVerdict::kPass);
}

TEST_F(FragmentTableTest, Ipv6IsToldApartByIdAlone) {
    Fragment first = piece(7, 0, 8, false);
    first.source = first.destination = *IpAddress::parse("2001:db8::1");
    Fragment later = piece(7, 8, 8, true);
    later.source = later.destination = first.source;
    later.protocol = 60;  // only the first one's counts
    EXPECT_EQ(add(later).verdict, FragmentVerdict::kHold);
    EXPECT_EQ(add(first).protocol, 17);
    EXPECT_EQ(released().size(), 1U);
}

TEST_F(FragmentTableTest, OverlapRefusesTheWholeDatagram) {
    EXPECT_EQ(fault(piece(7, 0, 800, false)), kNone);
    const FragmentResult held = add(piece(8, 800, 800, false));
    EXPECT_EQ(fault(piece(7, 792, 16, false)), kOverlap);
    EXPECT_EQ(fault(piece(7, 800, 800, true)), kRefused);
    EXPECT_EQ(fault(piece(7, 0, 800, false)), kRefused);
    EXPECT_EQ(fault(piece(8, 1592, 800, true)), kOverlap);
    EXPECT_EQ(dropped(), (std::vector{std::pair(held.slot, kOverlap)}));
    // Refused as long as a datagram is followed.
    now_ += 29s;
    EXPECT_EQ(fault(piece(7, 0, 800, false)), kRefused);
    now_ += 1s;
    EXPECT_EQ(fault(piece(7, 0, 800, false)), kNone);
}

TEST_F(FragmentTableTest, ExactDuplicatesAreNoOverlap) {
    EXPECT_EQ(fault(piece(7, 0, 800, false)), kNone);
    EXPECT_EQ(fault(piece(7, 800, 800, false)), kNone);
    EXPECT_EQ(fault(piece(7, 0, 800, false)), kDuplicate);
    EXPECT_EQ(fault(piece(7, 800, 800, false)), kDuplicate);
    EXPECT_EQ(fault(piece(7, 1600, 8, true)), kNone);
    EXPECT_EQ(table_->datagrams(), 0U);
}

TEST_F(FragmentTableTest, OneEndOnly) {
    EXPECT_EQ(fault(piece(1, 800, 8, true)), kNone);
    EXPECT_EQ(fault(piece(1, 808, 8, false)), kContradiction);  // behind the end
    EXPECT_EQ(fault(piece(2, 800, 8, true)), kNone);
    EXPECT_EQ(fault(piece(2, 816, 8, true)), kContradiction);  // another end
    EXPECT_EQ(fault(piece(3, 800, 8, false)), kNone);
    EXPECT_EQ(fault(piece(3, 8, 8, true)), kContradiction);  // an end before what has been seen
    EXPECT_EQ(dropped().size(), 3U);
}

TEST_F(FragmentTableTest, HeldFragmentsWaitASecond) {
    const FragmentResult first = add(piece(7, 800, 8, true));
    now_ += 500ms;
    const FragmentResult second = add(piece(8, 800, 8, true));
    now_ += 499ms;
    table_->expire(now_, 8);
    EXPECT_TRUE(dropped().empty());
    now_ += 1ms;
    table_->expire(now_, 8);
    EXPECT_EQ(dropped(), (std::vector{std::pair(first.slot, kHeldTooLong)}));
    now_ += 500ms;
    table_->expire(now_, 8);
    EXPECT_EQ(dropped(), (std::vector{std::pair(second.slot, kHeldTooLong)}));
    EXPECT_EQ(table_->datagrams(), 0U);
}

TEST_F(FragmentTableTest, ExpiryTakesNoMoreStepsThanAllowed) {
    for (uint32_t id = 0; id < 10; ++id) {
        EXPECT_EQ(fault(piece(id, 0, 8, false)), kNone);
    }
    now_ += 30s;
    table_->expire(now_, 4);
    EXPECT_EQ(table_->datagrams(), 6U);
    // What is over is over, even before expire() comes by.
    EXPECT_EQ(add(piece(9, 8, 8, true)).verdict, FragmentVerdict::kHold);
    table_->expire(now_, 100);
    EXPECT_EQ(table_->datagrams(), 1U);
}

TEST_F(FragmentTableTest, HoldingIsBoundedPerDatagramAndOverAll) {
    FragmentTableSettings settings;
    settings.held_max = 5;
    settings.held_per_datagram_max = 3;
    make(settings);
    for (uint32_t i = 1; i <= 3; ++i) {
        EXPECT_EQ(add(piece(7, i * 8, 8, false)).verdict, FragmentVerdict::kHold);
    }
    EXPECT_EQ(fault(piece(7, 32, 8, false)), kTooManyHeld);
    EXPECT_EQ(dropped().size(), 3U);
    EXPECT_EQ(fault(piece(7, 0, 8, false)), kRefused);
    for (uint32_t id = 10; id < 15; ++id) {
        EXPECT_EQ(add(piece(id, 8, 8, false)).verdict, FragmentVerdict::kHold);
    }
    EXPECT_EQ(fault(piece(15, 8, 8, false)), kHoldFull);
    EXPECT_TRUE(dropped().empty());
    EXPECT_EQ(add(piece(10, 0, 8, false)).verdict, FragmentVerdict::kPass);
    // Not taken yet: its frame is still in the slot.
    EXPECT_EQ(fault(piece(16, 8, 8, false)), kHoldFull);
    EXPECT_EQ(released().size(), 1U);
    EXPECT_EQ(add(piece(17, 8, 8, false)).verdict, FragmentVerdict::kHold);
}

TEST_F(FragmentTableTest, NewDatagramsTakeTheOldestOnesPlace) {
    FragmentTableSettings settings;
    settings.datagrams_max = 3;
    make(settings);
    const FragmentResult held = add(piece(1, 8, 8, true));
    for (uint32_t id = 2; id < 5; ++id) {
        EXPECT_EQ(fault(piece(id, 0, 8, false)), kNone);
    }
    EXPECT_EQ(dropped(), (std::vector{std::pair(held.slot, kTableFull)}));
    EXPECT_EQ(table_->datagrams(), 3U);
    EXPECT_EQ(add(piece(2, 8, 8, true)).verdict, FragmentVerdict::kPass);
    EXPECT_EQ(add(piece(1, 8, 8, true)).verdict, FragmentVerdict::kHold);
}

TEST_F(FragmentTableTest, TooManyHolesAreRefused) {
    FragmentTableSettings settings;
    settings.held_per_datagram_max = 100;
    make(settings);
    for (uint32_t i = 0; i < FragmentTable::kRangesMax; ++i) {
        EXPECT_EQ(fault(piece(7, i * 16 + 8, 8, false)), kNone);
    }
    EXPECT_EQ(fault(piece(7, 2000, 8, false)), kTooManyHoles);
    EXPECT_EQ(dropped().size(), size_t{FragmentTable::kRangesMax});
}

TEST_F(FragmentTableTest, SixtyFourKibibytesInAnyOrderPass) {
    Random random(80);
    for (uint32_t round = 0; round < 300; ++round) {
        std::vector<Fragment> pieces;
        for (uint32_t offset = 0; offset < 65507; offset += 1480) {
            const uint32_t bytes = std::min(1480U, 65507 - offset);
            pieces.push_back(piece(round, offset, bytes, offset + bytes == 65507));
        }
        for (size_t i = pieces.size(); i > 1; --i) {
            std::swap(pieces[i - 1], pieces[random.below(i)]);
        }
        size_t passed = 0;
        for (const Fragment& fragment : pieces) {
            const FragmentResult result = add(fragment);
            ASSERT_EQ(result.fault, kNone);
            passed += result.verdict == FragmentVerdict::kPass ? 1U : 0U;
            passed += released().size();
        }
        EXPECT_EQ(passed, pieces.size());
        EXPECT_EQ(table_->datagrams(), 0U);
        EXPECT_EQ(table_->held(), 0U);
    }
}

}  // namespace
}  // namespace director::dataplane
