// Random and hostile streams of fragments, followed beside a slow model that keeps every byte of
// every datagram.
#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "common/random.h"
#include "dataplane/core/tables/fragment_table.h"
#include "tests/unit/codecs/fragment_table_fixture.h"

namespace director::dataplane {
namespace {

// One datagram: what is known of each byte.
struct ModelDatagram {
    TimePoint created;
    bool is_refused = false;
    bool has_first = false;
    bool is_ready = false;
    bool is_sctp = false;
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
        const bool was_ready = datagram.is_ready;
        if (fragment.is_first()) {
            datagram.has_first = true;
            datagram.is_sctp = fragment.protocol == 132;
            datagram.port = fragment.source_port;
        }
        datagram.is_ready = datagram.has_first && (!datagram.is_sctp || datagram.end != 0);
        if (!was_ready && !(fragment.is_first() && datagram.is_ready)) {
            if (datagram.held.size() == settings_.held_per_datagram_max) {
                return refuse(datagram, kTooManyHeld);
            }
            // What this very fragment has thrown out still occupies its slots.
            if (held() + dropped.size() == settings_.held_max) {
                return refuse(datagram, kHoldFull);
            }
            result.verdict = FragmentVerdict::kHold;
            result.source_port = datagram.is_ready ? datagram.port : Be16{};
            return result;  // the caller tells us the slot
        }
        release(datagram);
        result.verdict = FragmentVerdict::kPass;
        result.source_port = datagram.port;
        if (datagram.is_whole()) {
            forget(id, kNone);
        }
        return result;
    }
    void held_in(const Fragment& fragment, uint16_t slot, TimePoint now) {
        ModelDatagram& datagram = datagrams_[fragment.id];
        if (datagram.held.empty()) {
            datagram.held_since = now;
        }
        datagram.held.insert(fragment.is_first() ? datagram.held.begin() : datagram.held.end(),
                             slot);
        if (datagram.is_ready) {
            release(datagram);
            if (datagram.is_whole()) {
                forget(fragment.id, kNone);
            }
        }
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
    void release(ModelDatagram& datagram) {
        released.insert(released.end(), datagram.held.begin(), datagram.held.end());
        datagram.held.clear();
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
            Fragment fragment = piece(id, unit * 8, units * 8, is_last);
            fragment.protocol = id % 3 == 0 ? 132 : 17;
            const FragmentResult expected = model.add(fragment, now_);
            const FragmentResult result = add(fragment);
            ASSERT_EQ(result.verdict, expected.verdict) << "seed " << seed << " step " << step;
            ASSERT_EQ(result.fault, expected.fault) << "seed " << seed << " step " << step;
            ASSERT_EQ(result.source_port, expected.source_port);
            if (result.verdict == FragmentVerdict::kHold) {
                model.held_in(fragment, result.slot, now_);
            }
            ASSERT_EQ(released(), model.released);
            model.released.clear();
            collect();
            ASSERT_EQ(table_->held(), model.held());
            ASSERT_EQ(table_->datagrams(), model.datagrams());
        }
    }
}

}  // namespace
}  // namespace director::dataplane
