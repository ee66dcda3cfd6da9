#include "diagnostics/match/vote.h"

#include <algorithm>

namespace director::diagnostics::matching {
namespace {

constexpr uint32_t kSeveral = kNoIndex - 1;

// Keys -> the first packet that has it; kSeveral where packets of two connections have it.
HashIndex index_keys(const Unlinked& side, const KeyOf& key_of) {
    const VantagePoint& point = *side.point;
    HashIndex index;
    for (uint32_t i = 0; i < point.sightings.size(); ++i) {
        const Sighting& sighting = point.sightings[i];
        if (!side.is_open[sighting.connection]) {
            continue;
        }
        const uint64_t key = key_of(point.connections[sighting.connection], sighting);
        if (key == 0) {
            continue;
        }
        uint32_t& first = index.at(key);
        if (first == kNoIndex) {
            first = i;
        } else if (first != kSeveral && point.sightings[first].connection != sighting.connection) {
            first = kSeveral;
        }
    }
    return index;
}

// Best and second best of one connection.
struct Choice {
    uint32_t best = kNoIndex;  // vote
    uint32_t weight = 0;
    uint32_t second_weight = 0;

    void consider(uint32_t vote, uint32_t its_weight) {
        if (its_weight > weight) {
            second_weight = weight;
            weight = its_weight;
            best = vote;
        } else {
            second_weight = std::max(second_weight, its_weight);
        }
    }
    [[nodiscard]] bool is_clear() const { return second_weight * 2 <= weight; }
};

}  // namespace

void Ballot::add(uint32_t a, uint32_t b, uint32_t weight, bool is_flipped) {
    uint32_t& place = index_.at(Key(a).add(b).value());
    if (place == kNoIndex) {
        place = static_cast<uint32_t>(votes_.size());
        votes_.push_back({a, b, 0, 0});
    }
    votes_[place].weight += weight;
    votes_[place].flipped += is_flipped ? weight : 0;
}

std::vector<Vote> Ballot::decide(const Unlinked& a,
                                 const Unlinked& b,
                                 std::vector<AmbiguousConnection>& ambiguous) const {
    std::vector<Choice> of_a(a.is_open.size());
    std::vector<Choice> of_b(b.is_open.size());
    for (uint32_t i = 0; i < votes_.size(); ++i) {
        of_a[votes_[i].a].consider(i, votes_[i].weight);
        of_b[votes_[i].b].consider(i, votes_[i].weight);
    }
    std::vector<Vote> chosen;
    HashIndex unclear;
    for (uint32_t i = 0; i < votes_.size(); ++i) {
        const Vote& one = votes_[i];
        if (of_a[one.a].best == i && of_b[one.b].best == i && of_a[one.a].is_clear() &&
            of_b[one.b].is_clear()) {
            chosen.push_back(one);
        } else if (!of_a[one.a].is_clear() && one.weight * 2 > of_a[one.a].weight) {
            uint32_t& place = unclear.at(Key(one.a).value());
            if (place == kNoIndex) {
                place = static_cast<uint32_t>(ambiguous.size());
                ambiguous.push_back({one.a, {}});
            }
            if (ambiguous[place].candidates.size() < kCandidatesListed) {
                ambiguous[place].candidates.push_back(one.b);
            }
        }
    }
    return chosen;
}

Ballot vote(const Unlinked& a, const Unlinked& b, const KeyOf& key_of, const WeightOf& weight_of) {
    const HashIndex keys_a = index_keys(a, key_of);
    const HashIndex keys_b = index_keys(b, key_of);
    Ballot ballot;
    for (uint32_t i = 0; i < a.point->sightings.size(); ++i) {
        const Sighting& sighting = a.point->sightings[i];
        if (!a.is_open[sighting.connection]) {
            continue;
        }
        const uint64_t key = key_of(a.point->connections[sighting.connection], sighting);
        if (key == 0 || keys_a.get(key) != i) {  // once a key, by its first packet
            continue;
        }
        const uint32_t other = keys_b.get(key);
        if (other < kSeveral) {
            const Sighting& twin = b.point->sightings[other];
            if (const uint32_t weight = weight_of(sighting, twin); weight > 0) {
                ballot.add(sighting.connection,
                           twin.connection,
                           weight,
                           sighting.is_from_client != twin.is_from_client);
            }
        }
    }
    return ballot;
}

}  // namespace director::diagnostics::matching
