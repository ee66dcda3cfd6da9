#include "diagnostics/match/link.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "diagnostics/match/vote.h"

namespace director::diagnostics::matching {
namespace {

// Which of a connection's ends are believed to be the same at both points: from all to nothing.
enum class Ends : uint8_t { kBoth, kServer, kClient, kNeither };
constexpr std::array kAllEnds = {Ends::kBoth, Ends::kServer, Ends::kClient, Ends::kNeither};

constexpr uint16_t kFlagsCompared = kSyn | kFin | kRst | kAck;  // others may be set on the way

enum KeyKind : uint64_t { kBySequence = 1, kByIpId, kByTimestamps, kByRelative, kByDatagram };

Key key_with(KeyKind kind, Ends ends, const ConnectionSeen& seen) {
    Key key(kind);
    key.add(static_cast<uint64_t>(seen.protocol)).add(static_cast<uint64_t>(ends));
    if (ends == Ends::kBoth || ends == Ends::kClient) {
        key.add(seen.client);
    }
    if (ends == Ends::kBoth || ends == Ends::kServer) {
        key.add(seen.server);
    }
    return key;
}

bool is_tcp(const ConnectionSeen& seen) {
    return seen.protocol == Protocol::kTcp;
}

uint32_t acknowledged(const Sighting& sighting) {
    return sighting.has(kAck) ? sighting.acknowledgement : 0;
}

// Without the length: a frame before segmentation begins as its first segment does.
uint64_t sequence_key(Ends ends, const ConnectionSeen& seen, const Sighting& sighting) {
    if (!is_tcp(seen) || (sighting.sequence | acknowledged(sighting)) == 0) {
        return 0;
    }
    return key_with(kBySequence, ends, seen)
        .add(uint64_t{sighting.sequence} << 32 | acknowledged(sighting))
        .add(sighting.flags & (kSyn | kRst))
        .value();
}

uint64_t ip_id_key(Ends ends, const ConnectionSeen& seen, const Sighting& sighting) {
    if (!is_tcp(seen) || sighting.ip_id == 0) {
        return 0;
    }
    return key_with(kByIpId, ends, seen)
        .add(uint64_t{sighting.ip_id} << 32 | sighting.payload_bytes)
        .add(sighting.flags & kFlagsCompared)
        .value();
}

// RFC 7323: 64 bits that a firewall leaves alone when it shifts sequence numbers.
uint64_t timestamps_key(Ends ends, const ConnectionSeen& seen, const Sighting& sighting) {
    if (!is_tcp(seen) || !sighting.has_timestamps) {
        return 0;
    }
    return key_with(kByTimestamps, ends, seen)
        .add(uint64_t{sighting.timestamp} << 32 | sighting.timestamp_echo)
        .add(sighting.payload_bytes)
        .add(sighting.flags & kFlagsCompared)
        .value();
}

uint64_t relative_key(Ends ends, const ConnectionSeen& seen, const Sighting& sighting) {
    if (!is_tcp(seen) || !seen.is_base_certain[kClient] || !seen.is_base_certain[kServer] ||
        !sighting.has(kAck)) {
        return 0;
    }
    const uint32_t sequence = sighting.sequence - seen.base[sighting.side()];
    const uint32_t acknowledged = sighting.acknowledgement - seen.base[1 - sighting.side()];
    return key_with(kByRelative, ends, seen)
        .add(uint64_t{sequence} << 32 | acknowledged)
        .add(sighting.payload_bytes)
        .add(sighting.flags & kFlagsCompared)
        .add(sighting.side())
        .value();
}

uint64_t application_key_of(const ConnectionSeen& /*seen*/, const Sighting& sighting) {
    return sighting.application;
}

uint64_t datagram_key(Ends ends, const ConnectionSeen& seen, const Sighting& sighting) {
    if (is_tcp(seen) || (sighting.digest == 0 && sighting.ip_id == 0)) {
        return 0;
    }
    return key_with(kByDatagram, ends, seen)
        .add(sighting.digest != 0 ? sighting.digest : sighting.ip_id)
        .add(sighting.payload_bytes)
        .add(sighting.side())
        .value();
}

uint32_t one_each(const Sighting& /*a*/, const Sighting& /*b*/) {
    return 1;
}

// 64 bits of sequence numbers are proof; 32 of a SYN alone are not, among a million connections.
uint32_t weight_of_sequence(const Sighting& a, const Sighting& b) {
    const bool is_id_equal = a.ip_id != 0 && a.ip_id == b.ip_id;
    return ((a.sequence != 0 && acknowledged(a) != 0) ? 2U : 1U) + (is_id_equal ? 1U : 0U);
}

void accept(Unlinked& a, Unlinked& b, ConnectionLink link, LinkResult& result) {
    a.is_open[link.a] = false;
    b.is_open[link.b] = false;
    result.links.push_back(link);
}

void link_by_sequence(Unlinked& a, Unlinked& b, LinkResult& result) {
    for (const Ends ends : kAllEnds) {
        const Ballot ballot = vote(
            a,
            b,
            [ends](const ConnectionSeen& seen, const Sighting& sighting) {
                return sequence_key(ends, seen, sighting);
            },
            weight_of_sequence);
        for (const Vote& one : ballot.decide(a, b, result.ambiguous)) {
            if (one.weight < 2 && ends == Ends::kNeither) {
                continue;
            }
            ConnectionLink link{one.a, one.b};
            link.is_flipped = one.flipped * 2 > one.weight;
            link.evidence = is_translated(a.point->connections[one.a], b.point->connections[one.b])
                                ? Evidence::kTranslated
                                : Evidence::kTuple;
            link.agreeing = one.weight;
            accept(a, b, link, result);
        }
    }
}

// What identifies a packet within one connection besides its sequence number.
uint64_t identity(const Sighting& sighting) {
    if (sighting.ip_id == 0 && !sighting.has_timestamps) {
        return 0;
    }
    Key key(sighting.ip_id);
    key.add(sighting.payload_bytes).add(sighting.flags & kFlagsCompared).add(sighting.side());
    if (sighting.ip_id == 0) {
        key.add(sighting.timestamp).add(sighting.timestamp_echo);
    }
    return key.value();
}

// Packets that are the same but for sequence numbers: how much these differ, by side.
class ShiftMeasure {
  public:
    ShiftMeasure(const VantagePoint& a, uint32_t of_a, const VantagePoint& b, uint32_t of_b) {
        std::unordered_map<uint64_t, const Sighting*> known;
        for (const uint32_t i : a.of(of_a)) {
            const uint64_t key = identity(a.sightings[i]);
            comparable_a_[a.sightings[i].side()] += key != 0 ? 1U : 0U;
            if (key != 0 && !known.try_emplace(key, &a.sightings[i]).second) {
                known[key] = nullptr;  // twice: says nothing
            }
        }
        for (const uint32_t i : b.of(of_b)) {
            const uint64_t key = identity(b.sightings[i]);
            comparable_b_[b.sightings[i].side()] += key != 0 ? 1U : 0U;
            const auto found = key == 0 ? known.end() : known.find(key);
            if (found != known.end() && found->second != nullptr) {
                const Sighting& twin = b.sightings[i];
                ++joined_;
                count(twin.side(), found->second->sequence, twin.sequence);
            }
        }
        for (const size_t side : {kClient, kServer}) {
            for (const auto& [shift, one] : counts_[side]) {
                if (one.packets > agreeing_[side]) {
                    agreeing_[side] = one.packets;
                    places_[side] = one.places;
                    shift_[side] = shift;
                }
            }
        }
        settle(a.connections[of_a], b.connections[of_b]);
    }

    // Most of what can be compared, in both directions and at several places of the streams: ACKs
    // without data all have one number, and prove no more than one packet. Two servers that count
    // IP IDs, and send full segments, agree in one direction by chance alone.
    [[nodiscard]] bool is_constant() const {
        const uint32_t agreeing = this->agreeing();
        const uint32_t places = places_[kClient] + places_[kServer];
        const uint32_t client = std::min(comparable_a_[kClient], comparable_b_[kClient]);
        const uint32_t server = std::min(comparable_a_[kServer], comparable_b_[kServer]);
        if (client == 0 || server == 0) {
            return places > kPlacesOfChance && agreeing == joined_ &&
                   agreeing * 10 >= (client + server) * 9;
        }
        const bool is_both_ways = agreeing_[kClient] > 0 && agreeing_[kServer] > 0;
        const bool is_long =
            places > kPlacesOfChance && agreeing * 2 > joined_ && agreeing * 4 >= client + server;
        const bool is_whole =
            places == kPlacesOfChance && agreeing == joined_ && agreeing * 2 >= client + server;
        return is_both_ways && (is_long || is_whole);
    }
    [[nodiscard]] uint32_t agreeing() const { return agreeing_[kClient] + agreeing_[kServer]; }
    [[nodiscard]] uint32_t joined() const { return joined_; }
    [[nodiscard]] std::array<uint32_t, 2> shift() const { return shift_; }

  private:
    // Two hosts that count IP IDs alike by chance agree in a SYN and the ACK behind it.
    static constexpr uint32_t kPlacesOfChance = 2;

    struct Count {
        uint32_t packets = 0;
        uint32_t places = 0;
        uint32_t last = 0;  // sequence number
    };

    void count(size_t side, uint32_t sequence, uint32_t twin) {
        Count& one = counts_[side][twin - sequence];
        one.places += one.packets == 0 || one.last != sequence ? 1U : 0U;
        one.last = sequence;
        ++one.packets;
    }

    // The handshake tells the shift where no packet of that side could be compared.
    void settle(const ConnectionSeen& a, const ConnectionSeen& b) {
        for (const size_t side : {kClient, kServer}) {
            if (agreeing_[side] == 0 && a.has_base[side] && b.has_base[side]) {
                shift_[side] = b.base[side] - a.base[side];
            }
        }
    }

    std::array<std::unordered_map<uint32_t, Count>, 2> counts_;  // by shift
    std::array<uint32_t, 2> agreeing_{};
    std::array<uint32_t, 2> places_{};
    std::array<uint32_t, 2> shift_{};
    uint32_t joined_ = 0;
    std::array<uint32_t, 2> comparable_a_{};  // by side
    std::array<uint32_t, 2> comparable_b_{};
};

using KeyByEnds = uint64_t (*)(Ends, const ConnectionSeen&, const Sighting&);

void link_by_shift(Unlinked& a, Unlinked& b, KeyByEnds key_by, Ends ends, LinkResult& result) {
    std::vector<AmbiguousConnection> unclear;  // a chance's votes: told only where the shift agrees
    const Ballot ballot = vote(
        a,
        b,
        [=](const ConnectionSeen& seen, const Sighting& sighting) {
            return key_by(ends, seen, sighting);
        },
        one_each);
    for (const Vote& one : ballot.decide(a, b, unclear)) {
        const ShiftMeasure measure(*a.point, one.a, *b.point, one.b);
        const bool is_by_relative = key_by == relative_key && one.weight >= 2;
        if (one.flipped * 2 > one.weight || (!measure.is_constant() && !is_by_relative)) {
            continue;
        }
        ConnectionLink link{one.a, one.b};
        link.evidence = Evidence::kShifted;
        link.shift = measure.shift();
        link.agreeing = is_by_relative ? one.weight : measure.agreeing();
        link.contradicting = measure.joined() - measure.agreeing();
        accept(a, b, link, result);
    }
}

void link_datagrams(
    Unlinked& a, Unlinked& b, const KeyOf& key_of, Evidence by, LinkResult& result) {
    const Ballot ballot = vote(a, b, key_of, one_each);
    for (const Vote& one : ballot.decide(a, b, result.ambiguous)) {
        ConnectionLink link{one.a, one.b};
        link.is_flipped = one.flipped * 2 > one.weight;
        link.evidence = by;
        link.agreeing = one.weight;
        accept(a, b, link, result);
    }
}

}  // namespace

bool is_translated(const ConnectionSeen& a, const ConnectionSeen& b) {
    const bool is_same = a.client == b.client && a.server == b.server;
    const bool is_exchanged = a.client == b.server && a.server == b.client;
    return !is_same && !is_exchanged;
}

void link_same_packets(Unlinked& a, Unlinked& b, LinkResult& result) {
    link_by_sequence(a, b, result);
    link_by_shift(a, b, relative_key, Ends::kBoth, result);
    link_by_shift(a, b, timestamps_key, Ends::kNeither, result);
    for (const Ends ends : kAllEnds) {
        link_by_shift(a, b, ip_id_key, ends, result);
    }
    link_datagrams(a, b, application_key_of, Evidence::kApplication, result);
    for (const Ends ends : kAllEnds) {
        const auto key_of = [ends](const ConnectionSeen& seen, const Sighting& sighting) {
            return datagram_key(ends, seen, sighting);
        };
        link_datagrams(a, b, key_of, Evidence::kDatagram, result);
    }
}

}  // namespace director::diagnostics::matching
