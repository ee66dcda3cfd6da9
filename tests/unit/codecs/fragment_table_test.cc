// Virtual reassembly: every fragment gets its first one's ports, whatever the order; random and
// hostile streams are followed beside a slow model that keeps every byte of every datagram.
#include "dataplane/core/fragment_table.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <tuple>

#include <gtest/gtest.h>

#include "tests/unit/codecs/plain_packets.h"

namespace director::dataplane {
namespace {

using namespace director::test;
using namespace std::chrono_literals;
using enum FragmentFault;

constexpr TimePoint kStart{std::chrono::hours(5)};

Fragment piece(uint32_t id, uint32_t offset, uint32_t bytes, bool is_last) {
    Fragment fragment;
    fragment.source = *IpAddress::parse("198.51.100.7");
    fragment.destination = *IpAddress::parse("192.0.2.1");
    fragment.protocol = 17;
    fragment.id = id;
    fragment.offset_bytes = static_cast<uint16_t>(offset);
    fragment.data_bytes = static_cast<uint16_t>(bytes);
    fragment.is_last = is_last;
    if (offset == 0) {
        fragment.source_port = Be16::from_host(static_cast<uint16_t>(id + 1000));
        fragment.destination_port = Be16::from_host(53);
    }
    return fragment;
}

class FragmentTableTest : public testing::Test {
  protected:
    void make(FragmentTableSettings settings) {
        table_.emplace(settings, plain_table_memory());
        ASSERT_TRUE(table_->is_allocated());
    }
    FragmentResult add(const Fragment& fragment) { return table_->add(fragment, now_); }
    FragmentFault fault(const Fragment& fragment) { return add(fragment).fault; }
    std::vector<uint16_t> released() {
        std::vector<uint16_t> slots;
        while (const auto slot = table_->take_released()) {
            slots.push_back(*slot);
        }
        return slots;
    }
    std::vector<std::pair<uint16_t, FragmentFault>> dropped() {
        std::vector<std::pair<uint16_t, FragmentFault>> slots;
        while (const auto held = table_->take_dropped()) {
            slots.emplace_back(held->slot, held->fault);
        }
        return slots;
    }

    std::optional<FragmentTable> table_{
        std::in_place, FragmentTableSettings{}, plain_table_memory()};
    TimePoint now_ = kStart;
};

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

// --- the slow model ---

// One datagram: what is known of each byte.
struct ModelDatagram {
    TimePoint created;
    bool is_refused = false;
    bool has_first = false;
    Be16 port;
    uint32_t end = 0;
    std::set<uint32_t> seen;  // units of 8 bytes; the datagrams here are whole units long
    std::deque<uint16_t> held;
    TimePoint held_since;

    [[nodiscard]] uint32_t seen_end() const { return seen.empty() ? 0 : (*seen.rbegin() + 1) * 8; }
    [[nodiscard]] bool is_whole() const { return end != 0 && seen.size() * 8 == end; }
};

class Model {
  public:
    explicit Model(FragmentTableSettings settings) : settings_(settings) {}

    // What the table should answer; kTooManyHoles is not modelled, the streams stay below.
    FragmentResult add(const Fragment& fragment, TimePoint now) {
        FragmentResult result;
        const uint32_t id = fragment.id;
        if (datagrams_.contains(id) && now - datagrams_[id].created >= settings_.datagram_timeout) {
            forget(id, kHeldTooLong);
        }
        if (!datagrams_.contains(id)) {
            if (order_.size() == settings_.datagrams_max) {
                forget(order_.front(), kTableFull);
            }
            order_.push_back(id);
            datagrams_[id].created = now;
        }
        ModelDatagram& datagram = datagrams_[id];
        if (datagram.is_refused) {
            result.fault = kRefused;
            return result;
        }
        const uint32_t end = fragment.end_bytes();
        const bool wrong_end = fragment.is_last ? end < datagram.seen_end() ||
                                                      (datagram.end != 0 && end != datagram.end)
                                                : datagram.end != 0 && end > datagram.end;
        size_t known = 0;
        for (uint32_t unit = fragment.offset_bytes / 8; unit < end / 8; ++unit) {
            known += datagram.seen.contains(unit) ? 1U : 0U;
        }
        if (wrong_end) {
            return refuse(datagram, kContradiction);
        }
        if (known == fragment.data_bytes / 8U) {
            result.fault = kDuplicate;
            return result;
        }
        if (known != 0) {
            return refuse(datagram, kOverlap);
        }
        for (uint32_t unit = fragment.offset_bytes / 8; unit < end / 8; ++unit) {
            datagram.seen.insert(unit);
        }
        datagram.end = fragment.is_last ? end : datagram.end;
        if (!fragment.is_first() && !datagram.has_first) {
            if (datagram.held.size() == settings_.held_per_datagram_max) {
                return refuse(datagram, kTooManyHeld);
            }
            // What this very fragment has thrown out still occupies its slots.
            if (held() + dropped.size() == settings_.held_max) {
                return refuse(datagram, kHoldFull);
            }
            result.verdict = FragmentVerdict::kHold;
            return result;  // the caller tells us the slot
        }
        if (fragment.is_first()) {
            datagram.has_first = true;
            datagram.port = fragment.source_port;
            released.insert(released.end(), datagram.held.begin(), datagram.held.end());
            datagram.held.clear();
        }
        result.verdict = FragmentVerdict::kPass;
        result.source_port = datagram.port;
        if (datagram.is_whole()) {
            forget(id, kNone);
        }
        return result;
    }
    void held_in(uint32_t id, uint16_t slot, TimePoint now) {
        if (datagrams_[id].held.empty()) {
            datagrams_[id].held_since = now;
        }
        datagrams_[id].held.push_back(slot);
    }
    void expire(TimePoint now) {
        const std::deque<uint32_t> all = order_;
        for (const uint32_t id : all) {
            const ModelDatagram& datagram = datagrams_[id];
            if (now - datagram.created >= settings_.datagram_timeout ||
                (!datagram.held.empty() && now - datagram.held_since >= settings_.held_timeout)) {
                forget(id, kHeldTooLong);
            }
        }
    }
    [[nodiscard]] size_t held() const {
        size_t count = 0;
        for (const auto& [id, datagram] : datagrams_) {
            count += datagram.held.size();
        }
        return count;
    }
    [[nodiscard]] size_t datagrams() const { return datagrams_.size(); }

    std::vector<uint16_t> released;
    std::set<std::pair<uint16_t, FragmentFault>> dropped;

  private:
    FragmentResult refuse(ModelDatagram& datagram, FragmentFault fault) {
        datagram.is_refused = true;
        drop(datagram, fault);
        FragmentResult result;
        result.fault = fault;
        return result;
    }
    void drop(ModelDatagram& datagram, FragmentFault fault) {
        for (const uint16_t slot : datagram.held) {
            dropped.emplace(slot, fault);
        }
        datagram.held.clear();
    }
    void forget(uint32_t id, FragmentFault fault) {
        drop(datagrams_[id], fault);
        datagrams_.erase(id);
        order_.erase(std::find(order_.begin(), order_.end(), id));
    }

    FragmentTableSettings settings_;
    std::map<uint32_t, ModelDatagram> datagrams_;
    std::deque<uint32_t> order_;
};

TEST_F(FragmentTableTest, RandomStreamsAreFollowedAsTheModelDoes) {
    for (uint64_t seed = 0; seed < 200; ++seed) {
        Random random(8100 + seed);
        FragmentTableSettings settings;
        settings.datagrams_max = static_cast<uint32_t>(2 + random.below(8));
        settings.held_max = static_cast<uint16_t>(2 + random.below(12));
        settings.held_per_datagram_max = static_cast<uint16_t>(1 + random.below(6));
        make(settings);
        Model model(settings);
        std::set<std::pair<uint16_t, FragmentFault>> table_dropped;
        const auto collect = [&] {
            for (const auto& held : dropped()) {
                table_dropped.insert(held);
            }
            ASSERT_EQ(table_dropped, model.dropped) << "seed " << seed;
            table_dropped.clear();
            model.dropped.clear();
        };
        for (int step = 0; step < 1000; ++step) {
            now_ += random.below(20) == 0 ? std::chrono::milliseconds(random.below(40000))
                                          : std::chrono::milliseconds(random.below(60));
            if (random.below(3) == 0) {
                table_->expire(now_, 1000);
                model.expire(now_);
                collect();
            }
            // Mostly well cut pieces of a datagram of 6 units, sometimes anything.
            const uint32_t id = static_cast<uint32_t>(random.below(12));
            uint32_t unit = static_cast<uint32_t>(random.below(6));
            uint32_t units = 1;
            bool is_last = unit == 5;
            if (random.below(12) == 0) {
                unit = static_cast<uint32_t>(random.below(8));
                units = static_cast<uint32_t>(1 + random.below(4));
                is_last = random.below(3) == 0;
            }
            const Fragment fragment = piece(id, unit * 8, units * 8, is_last);
            const FragmentResult expected = model.add(fragment, now_);
            const FragmentResult result = add(fragment);
            ASSERT_EQ(result.verdict, expected.verdict) << "seed " << seed << " step " << step;
            ASSERT_EQ(result.fault, expected.fault) << "seed " << seed << " step " << step;
            ASSERT_EQ(result.source_port, expected.source_port);
            if (result.verdict == FragmentVerdict::kHold) {
                model.held_in(id, result.slot, now_);
            }
            ASSERT_EQ(released(), model.released);
            model.released.clear();
            collect();
            ASSERT_EQ(table_->held(), model.held());
            ASSERT_EQ(table_->datagrams(), model.datagrams());
        }
    }
}

// --- parsing ---

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
