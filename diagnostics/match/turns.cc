#include "diagnostics/match/turns.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "diagnostics/match/clock.h"

namespace director::diagnostics::matching {
namespace {

// How much a proxy may add to a request (header fields, TLS records), and to a response.
constexpr uint32_t kRequestSlack = 600;
constexpr uint32_t kResponseSlack = 512;
constexpr double kResponseShare = 0.04;
constexpr uint32_t kAlertBytes = 64;    // a last packet up to that long is a good-bye
constexpr size_t kTurnsCompared = 16;   // the last ones
constexpr size_t kHandshakeTurns = 2;   // that one side may have and the other not
constexpr size_t kCandidatesMax = 256;  // of one size; more are not told apart by sizes
constexpr double kBucket = 0.2;         // of the logarithm: wider than what is allowed above

struct Shape {
    uint32_t connection = 0;
    std::vector<Turn> turns;
    std::vector<std::array<int64_t, 2>> times;  // first of the request, first of the response
};

int32_t bucket_of(uint32_t bytes) {
    return static_cast<int32_t>(std::log(static_cast<double>(bytes) + kResponseSlack) / kBucket);
}

std::vector<Shape> shapes_of(const Unlinked& side, const std::vector<bool>* wanted) {
    std::vector<Shape> shapes;
    for (uint32_t i = 0; i < side.is_open.size(); ++i) {
        const bool is_tcp = side.point->connections[i].protocol == Protocol::kTcp;
        if (!side.is_open[i] || !is_tcp || (wanted != nullptr && !(*wanted)[i])) {
            continue;
        }
        Shape shape{i, turns_of(*side.point, i), {}};
        std::erase_if(shape.turns, [](const Turn& turn) {
            return turn.first[kClient] == kNoIndex || turn.first[kServer] == kNoIndex ||
                   (turn.bytes[kClient] <= kAlertBytes && turn.bytes[kServer] <= kAlertBytes);
        });
        for (const Turn& turn : shape.turns) {
            shape.times.push_back({side.point->sightings[turn.first[kClient]].time_ns,
                                   side.point->sightings[turn.first[kServer]].time_ns});
        }
        if (!shape.turns.empty()) {
            shapes.push_back(std::move(shape));
        }
    }
    return shapes;
}

bool is_near(uint32_t one, uint32_t other, uint32_t slack) {
    return (one > other ? one - other : other - one) <= slack;
}

bool is_same_size(const Turn& one, const Turn& other) {
    const uint32_t more = std::max(one.bytes[kServer], other.bytes[kServer]);
    const auto slack = kResponseSlack + static_cast<uint32_t>(more * kResponseShare);
    return is_near(one.bytes[kClient], other.bytes[kClient], kRequestSlack) &&
           is_near(one.bytes[kServer], other.bytes[kServer], slack);
}

// The clocks' offsets that let each turn of b lie within its turn of a.
struct Fit {
    size_t turns = 0;
    int64_t lower_ns = std::numeric_limits<int64_t>::min();
    int64_t upper_ns = std::numeric_limits<int64_t>::max();

    [[nodiscard]] bool is_possible() const { return turns > 0 && lower_ns <= upper_ns; }
};

Fit compare(const Shape& a, const Shape& b) {
    Fit fit;
    const size_t both = std::min({a.turns.size(), b.turns.size(), kTurnsCompared});
    for (size_t back = 1; back <= both; ++back) {
        const size_t i = a.turns.size() - back;
        const size_t j = b.turns.size() - back;
        if (!is_same_size(a.turns[i], b.turns[j])) {
            break;
        }
        const int64_t upper = std::min(fit.upper_ns, b.times[j][kClient] - a.times[i][kClient]);
        const int64_t lower = std::max(fit.lower_ns, b.times[j][kServer] - a.times[i][kServer]);
        if (lower > upper) {
            break;
        }
        fit = {back, lower, upper};
    }
    const size_t needed = both > kHandshakeTurns ? both - kHandshakeTurns : 1;
    return fit.turns >= needed ? fit : Fit{};
}

// Shapes of b by the size of their last response.
class Buckets {
  public:
    explicit Buckets(const std::vector<Shape>& shapes) {
        for (uint32_t i = 0; i < shapes.size(); ++i) {
            uint32_t& place = index_.at(key(bucket_of(shapes[i].turns.back().bytes[kServer])));
            if (place == kNoIndex) {
                place = static_cast<uint32_t>(lists_.size());
                lists_.emplace_back();
            }
            lists_[place].emplace_back(shapes[i].times.back()[kClient], i);
        }
        for (auto& list : lists_) {
            std::sort(list.begin(), list.end());
        }
    }

    // Those of about that size, whose request was seen between the two times; false: too many.
    bool find(uint32_t bytes, int64_t from, int64_t to, std::vector<uint32_t>& found) const {
        found.clear();
        const int32_t bucket = bucket_of(bytes);
        for (int32_t near = bucket - 1; near <= bucket + 1; ++near) {
            const uint32_t place = index_.get(key(near));
            if (place == kNoIndex) {
                continue;
            }
            const auto& list = lists_[place];
            for (auto one =
                     std::lower_bound(list.begin(), list.end(), std::pair(from, uint32_t{0}));
                 one != list.end() && one->first <= to;
                 ++one) {
                if (found.size() == kCandidatesMax) {
                    return false;
                }
                found.push_back(one->second);
            }
        }
        return true;
    }

  private:
    static uint64_t key(int32_t bucket) {
        return Key(1).add(static_cast<uint64_t>(static_cast<int64_t>(bucket))).value();
    }
    HashIndex index_;
    std::vector<std::vector<std::pair<int64_t, uint32_t>>> lists_;
};

struct Candidate {
    uint32_t a = 0;
    uint32_t b = 0;
    Fit fit;
};

// All pairs that sizes and times allow, with clocks as `clock` says.
std::vector<Candidate> candidates_of(const std::vector<Shape>& of_a,
                                     const std::vector<Shape>& of_b,
                                     const Buckets& buckets,
                                     const OffsetBounds& clock) {
    std::vector<Candidate> candidates;
    std::vector<uint32_t> found;
    for (uint32_t i = 0; i < of_a.size(); ++i) {
        const Shape& a = of_a[i];
        const bool is_bounded = clock.is_bounded();
        const int64_t from = is_bounded ? a.times.back()[kClient] + clock.lower_ns
                                        : std::numeric_limits<int64_t>::min();
        const int64_t to = is_bounded ? a.times.back()[kServer] + clock.upper_ns
                                      : std::numeric_limits<int64_t>::max();
        if (!buckets.find(a.turns.back().bytes[kServer], from, to, found)) {
            continue;
        }
        for (const uint32_t j : found) {
            const Fit fit = compare(a, of_b[j]);
            const bool is_in_time =
                !is_bounded || (fit.lower_ns <= clock.upper_ns && clock.lower_ns <= fit.upper_ns);
            if (fit.is_possible() && is_in_time) {
                candidates.push_back({i, j, fit});
            }
        }
    }
    return candidates;
}

// Those that are each other's only ones, or agree in more turns than any other.
std::vector<Candidate> clear_ones(const std::vector<Candidate>& all, size_t of_a, size_t of_b) {
    struct Best {
        size_t turns = 0;
        size_t second = 0;
        void take(size_t one) {
            second = one > turns ? turns : std::max(second, one);
            turns = std::max(turns, one);
        }
    };
    std::vector<Best> best_a(of_a);
    std::vector<Best> best_b(of_b);
    for (const Candidate& one : all) {
        best_a[one.a].take(one.fit.turns);
        best_b[one.b].take(one.fit.turns);
    }
    std::vector<Candidate> clear;
    for (const Candidate& one : all) {
        const Best& a = best_a[one.a];
        const Best& b = best_b[one.b];
        if (one.fit.turns == a.turns && one.fit.turns == b.turns && a.second < a.turns &&
            b.second < b.turns) {
            clear.push_back(one);
        }
    }
    return clear;
}

}  // namespace

std::vector<Turn> turns_of(const VantagePoint& point, uint32_t connection) {
    std::vector<Turn> turns;
    std::array<uint32_t, 2> next{};
    std::array<bool, 2> is_begun{};
    for (const uint32_t i : point.of(connection)) {
        const Sighting& one = point.sightings[i];
        const size_t side = one.side();
        const uint32_t end = one.sequence + one.payload_bytes;
        const bool is_old = is_begun[side] && static_cast<int32_t>(end - next[side]) <= 0;
        if (one.payload_bytes == 0 || is_old) {
            continue;
        }
        is_begun[side] = true;
        next[side] = end;
        if (turns.empty() || (side == kClient && turns.back().first[kServer] != kNoIndex)) {
            turns.emplace_back();
        }
        Turn& turn = turns.back();
        turn.bytes[side] += one.payload_bytes;
        turn.first[side] = turn.first[side] == kNoIndex ? i : turn.first[side];
        turn.last[side] = i;
    }
    return turns;
}

void link_by_turns(Unlinked& a,
                   Unlinked& b,
                   const std::vector<bool>& is_tls_a,
                   LinkResult& result) {
    const std::vector<Shape> of_a = shapes_of(a, &is_tls_a);
    if (of_a.empty()) {
        return;
    }
    const std::vector<Shape> of_b = shapes_of(b, nullptr);
    const Buckets buckets(of_b);
    // First what is clear whatever the clocks; these tell the clocks for the others.
    const std::vector<Candidate> first =
        clear_ones(candidates_of(of_a, of_b, buckets, {}), of_a.size(), of_b.size());
    std::vector<ClockPair> pairs;
    for (const Candidate& one : first) {
        pairs.push_back({0, one.fit.upper_ns, true, 0});
        pairs.push_back({0, one.fit.lower_ns, false, 0});
    }
    const OffsetBounds clock = bound_offset(pairs);
    const std::vector<Candidate> all = candidates_of(of_a, of_b, buckets, clock);
    for (const Candidate& one : clear_ones(all, of_a.size(), of_b.size())) {
        ConnectionLink link;
        link.a = of_a[one.a].connection;
        link.b = of_b[one.b].connection;
        link.kind = LinkKind::kProxied;
        link.evidence = Evidence::kTurns;
        link.agreeing = static_cast<uint32_t>(one.fit.turns);
        a.is_open[link.a] = b.is_open[link.b] = false;
        result.links.push_back(link);
    }
    for (const Candidate& one : all) {
        const uint32_t of = of_a[one.a].connection;
        if (!a.is_open[of]) {
            continue;
        }
        if (result.ambiguous.empty() || result.ambiguous.back().a != of) {
            result.ambiguous.push_back({of, {}});
        }
        if (result.ambiguous.back().candidates.size() < kCandidatesListed) {
            result.ambiguous.back().candidates.push_back(of_b[one.b].connection);
        }
    }
}

}  // namespace director::diagnostics::matching
