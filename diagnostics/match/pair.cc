#include "diagnostics/match/pair.h"

#include <algorithm>
#include <functional>

#include "diagnostics/match/pair_rows.h"

namespace director::diagnostics::matching {
namespace {

constexpr uint16_t kFlagsCompared = kSyn | kFin | kRst | kAck;
constexpr size_t kAmbiguousListed = 64;  // packets of one group; the others are as they are

using ComparableKey = std::function<uint64_t(const Comparable&)>;

// Packets of both points with equal keys, each in order of time.
struct Group {
    std::span<const uint32_t> a;  // places in Comparables
    std::span<const uint32_t> b;
};

// Lists of one side by group: a counting sort.
class Lists {
  public:
    Lists(const std::vector<uint32_t>& group_of, uint32_t groups) : begin_(groups + 1, 0) {
        for (const uint32_t group : group_of) {
            begin_[group == kNoIndex ? groups : group] += group == kNoIndex ? 0U : 1U;
        }
        uint32_t sum = 0;
        for (uint32_t& begin : begin_) {
            sum += begin;
            begin = sum;
        }
        items_.resize(sum);
        for (size_t i = group_of.size(); i-- > 0;) {
            if (group_of[i] != kNoIndex) {
                items_[--begin_[group_of[i]]] = static_cast<uint32_t>(i);
            }
        }
    }
    [[nodiscard]] std::span<const uint32_t> of(uint32_t group) const {
        return std::span(items_).subspan(begin_[group], begin_[group + 1] - begin_[group]);
    }

  private:
    std::vector<uint32_t> begin_;
    std::vector<uint32_t> items_;
};

void for_each_group(const Comparables& all,
                    const ComparableKey& key_of,
                    const std::function<void(const Group&)>& visit) {
    HashIndex index(all.a.size());
    uint32_t groups = 0;
    const auto number = [&](const std::vector<Comparable>& side) {
        std::vector<uint32_t> group_of(side.size(), kNoIndex);
        for (size_t i = 0; i < side.size(); ++i) {
            const uint64_t key = side[i].is_taken ? 0 : key_of(side[i]);
            if (key != 0) {
                uint32_t& group = index.at(key);
                group = group == kNoIndex ? groups++ : group;
                group_of[i] = group;
            }
        }
        return group_of;
    };
    const std::vector<uint32_t> groups_a = number(all.a);
    const std::vector<uint32_t> groups_b = number(all.b);
    const Lists a(groups_a, groups);
    const Lists b(groups_b, groups);
    for (uint32_t i = 0; i < groups; ++i) {
        if (!a.of(i).empty() && !b.of(i).empty()) {
            visit({a.of(i), b.of(i)});
        }
    }
}

class Pairing {
  public:
    Pairing(const VantagePoint& a, const VantagePoint& b, const ConnectionLink& link)
        : link_(link), is_tcp_(a.connections[link.a].protocol == Protocol::kTcp) {
        collect(a, link.a, all_.a);
        collect(b, link.b, all_.b);
        for (Comparable& one : all_.a) {
            translate(one);
        }
        are_digests_known_ = are_digests_known(all_.a) && are_digests_known(all_.b);
        evidence_ = link.shift != std::array<uint32_t, 2>{} ? Evidence::kShifted
                    : !is_tcp_                              ? Evidence::kDatagram
                    : is_translated(a.connections[link.a], b.connections[link.b])
                        ? Evidence::kTranslated
                        : Evidence::kTuple;
    }

    Comparables& all() { return all_; }

    PairResult run() {
        learn_whether_ids_are_kept();
        by_ip_id();
        by_fingerprint();
        by_order();
        if (is_tcp_) {
            pair_super_frames(all_, result_);
            by_ip_id_alone();
        }
        return std::move(result_);
    }

  private:
    static void collect(const VantagePoint& point,
                        uint32_t connection,
                        std::vector<Comparable>& to) {
        const auto places = point.of(connection);
        to.reserve(places.size());
        for (uint32_t place = 0; place < places.size(); ++place) {
            Comparable one;
            one.index = places[place];
            one.place = place;
            one.sighting = &point.sightings[one.index];
            one.sequence = one.sighting->sequence;
            one.acknowledgement = one.sighting->has(kAck) ? one.sighting->acknowledgement : 0;
            one.side = static_cast<uint8_t>(one.sighting->side());
            to.push_back(one);
        }
    }

    // SACK blocks are not compared: some firewalls forget to shift them.
    void translate(Comparable& one) const {
        const size_t side = one.sighting->side();
        // The RST that answers a SYN has sequence number 0, which stays.
        const bool is_bare = one.sighting->has(kRst) && one.sequence == 0;
        one.sequence += is_bare ? 0 : link_.shift[side];
        one.acknowledgement += one.sighting->has(kAck) ? link_.shift[1 - side] : 0;
        one.side = static_cast<uint8_t>(link_.is_flipped ? 1 - side : side);
    }

    static bool are_digests_known(const std::vector<Comparable>& side) {
        return std::all_of(side.begin(), side.end(), [](const Comparable& one) {
            return one.sighting->payload_bytes == 0 || one.sighting->digest != 0;
        });
    }

    [[nodiscard]] Key key_of(const Comparable& one) const {
        const Sighting& sighting = *one.sighting;
        Key key(one.side);
        key.add(sighting.payload_bytes);
        if (is_tcp_) {
            key.add(uint64_t{one.sequence} << 32 | one.acknowledgement);
            key.add(sighting.flags & kFlagsCompared);
        } else if (sighting.application != 0) {
            key.add(sighting.application);
        } else if (are_digests_known_) {
            key.add(sighting.digest);
        }
        return key;
    }

    // From packets that are alone of their kind on both sides. By side, where it has any.
    void learn_whether_ids_are_kept() {
        std::array<uint32_t, 2> equal{};
        std::array<uint32_t, 2> different{};
        for_each_group(
            all_,
            [&](const Comparable& one) {
                return one.sighting->ip_id == 0 ? 0 : key_of(one).value();
            },
            [&](const Group& group) {
                if (group.a.size() == 1 && group.b.size() == 1) {
                    const Comparable& one = all_.a[group.a[0]];
                    const bool is_equal = one.sighting->ip_id == all_.b[group.b[0]].sighting->ip_id;
                    ++(is_equal ? equal : different)[one.side];
                }
            });
        for (const size_t side : {kClient, kServer}) {
            const bool is_known = equal[side] + different[side] > 0;
            const size_t by = is_known ? side : 1 - side;
            all_.are_ids_kept[side] = equal[by] * 2 >= different[by];
        }
    }

    void pair(uint32_t place_a, uint32_t place_b, Evidence evidence, bool is_ambiguous) {
        Comparable& one = all_.a[place_a];
        Comparable& other = all_.b[place_b];
        one.is_taken = other.is_taken = true;
        const Sighting& seen = *one.sighting;
        const bool is_application = seen.application != 0 && evidence == Evidence::kDatagram;
        result_.pairs.push_back({one.index,
                                 other.index,
                                 is_application ? Evidence::kApplication : evidence,
                                 seen.ip_id != 0 && seen.ip_id == other.sighting->ip_id,
                                 is_ambiguous});
    }

    // Equal in all, the IP ID included: one packet, and copies of it.
    void by_ip_id() {
        for_each_group(
            all_,
            [&](const Comparable& one) {
                const uint16_t id = one.sighting->ip_id;
                return id == 0 ? 0 : key_of(one).add(id).value();
            },
            [&](const Group& group) {
                const size_t both = std::min(group.a.size(), group.b.size());
                for (size_t i = 0; i < both; ++i) {
                    pair(group.a[i], group.b[i], evidence_, false);
                }
                take_copies(group.a.subspan(both), all_.a, result_.copies_a);
                take_copies(group.b.subspan(both), all_.b, result_.copies_b);
            });
    }

    static void take_copies(std::span<const uint32_t> places,
                            std::vector<Comparable>& side,
                            std::vector<uint32_t>& copies) {
        for (const uint32_t place : places) {
            side[place].is_taken = true;
            copies.push_back(side[place].index);
        }
    }

    // Where IP IDs are kept, a packet that has one and found no other with it has no twin.
    [[nodiscard]] bool is_told_by_id(const Comparable& one) const {
        return all_.are_ids_kept[one.side] && one.sighting->ip_id != 0;
    }

    void by_fingerprint() {
        for_each_group(
            all_,
            [&](const Comparable& one) {
                const Sighting& sighting = *one.sighting;
                if (!is_tcp_ || is_told_by_id(one)) {
                    return uint64_t{0};
                }
                return key_of(one)
                    .add(uint64_t{sighting.timestamp} << 32 | sighting.timestamp_echo)
                    .add(sighting.window)
                    .value();
            },
            [&](const Group& group) {
                if (group.a.size() == 1 && group.b.size() == 1) {
                    pair(group.a[0], group.b[0], evidence_, false);
                }
            });
    }

    void by_order() {
        for_each_group(
            all_,
            [&](const Comparable& one) { return is_told_by_id(one) ? 0 : key_of(one).value(); },
            [&](const Group& group) {
                const bool is_single = group.a.size() == 1 && group.b.size() == 1;
                if (group.a.size() == group.b.size()) {
                    for (size_t i = 0; i < group.a.size(); ++i) {
                        pair(group.a[i],
                             group.b[i],
                             is_single ? evidence_ : Evidence::kOrder,
                             !is_single);
                    }
                }
                if (!is_single) {
                    tell_ambiguous(group);
                }
            });
    }

    void tell_ambiguous(const Group& group) {
        AmbiguousPackets packets;
        const auto list = [](std::span<const uint32_t> places,
                             std::vector<Comparable>& side,
                             std::vector<uint32_t>& to) {
            for (const uint32_t place : places) {
                side[place].is_taken = true;  // no weaker evidence may decide
                if (to.size() < kAmbiguousListed) {
                    to.push_back(side[place].index);
                }
            }
        };
        list(group.a, all_.a, packets.a);
        list(group.b, all_.b, packets.b);
        result_.ambiguous.push_back(std::move(packets));
    }

    // Behind a device that changes lengths elsewhere in the stream, the shift is no longer
    // constant.
    void by_ip_id_alone() {
        for_each_group(
            all_,
            [&](const Comparable& one) {
                if (!is_told_by_id(one)) {
                    return uint64_t{0};
                }
                return Key(one.side)
                    .add(one.sighting->ip_id)
                    .add(one.sighting->payload_bytes)
                    .add(one.sighting->flags & kFlagsCompared)
                    .value();
            },
            [&](const Group& group) {
                if (group.a.size() == 1 && group.b.size() == 1) {
                    pair(group.a[0], group.b[0], Evidence::kIpId, false);
                }
            });
    }

    const ConnectionLink& link_;
    bool is_tcp_;
    bool are_digests_known_ = false;
    Evidence evidence_ = Evidence::kNone;
    Comparables all_;
    PairResult result_;
};

}  // namespace

PairResult pair_packets(const VantagePoint& a,
                        const VantagePoint& b,
                        const ConnectionLink& link,
                        std::vector<bool>& is_taken_a,
                        std::vector<bool>& is_taken_b) {
    Pairing pairing(a, b, link);
    Comparables& all = pairing.all();
    for (Comparable& one : all.a) {
        one.is_taken = is_taken_a[one.place];
    }
    for (Comparable& one : all.b) {
        one.is_taken = is_taken_b[one.place];
    }
    PairResult result = pairing.run();
    for (const Comparable& one : all.a) {
        is_taken_a[one.place] = one.is_taken;
    }
    for (const Comparable& one : all.b) {
        is_taken_b[one.place] = one.is_taken;
    }
    return result;
}

}  // namespace director::diagnostics::matching
