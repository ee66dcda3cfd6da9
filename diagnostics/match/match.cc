#include <algorithm>
#include <numeric>
#include <utility>

#include "diagnostics/match/conversation.h"
#include "diagnostics/match/matching.h"
#include "diagnostics/match/proxy.h"

namespace director::diagnostics::matching {
namespace {

using Points = std::span<const VantagePoint>;

// Which conversation each connection belongs to, by point.
class Grouping {
  public:
    explicit Grouping(Points points) : points_(points) {
        for (const VantagePoint& point : points) {
            conversation_of_.emplace_back(point.connections.size(), kNoIndex);
        }
    }

    void run(Matching& matching) {
        for (uint32_t q = 0; q < points_.size(); ++q) {
            for (uint32_t back = 1; back <= q; ++back) {
                link(q - back, q, LinkKind::kSamePackets, matching);
            }
            for (uint32_t back = 1; back <= q; ++back) {
                link(q - back, q, LinkKind::kProxied, matching);
            }
            for (uint32_t i = 0; i < points_[q].connections.size(); ++i) {
                if (conversation_of_[q][i] == kNoIndex) {
                    conversation_of_[q][i] = static_cast<uint32_t>(matching.conversations.size());
                    Conversation conversation;
                    conversation.connections.assign(points_.size(), kNoIndex);
                    conversation.is_flipped.assign(points_.size(), false);
                    conversation.connections[q] = i;
                    matching.conversations.push_back(std::move(conversation));
                }
            }
        }
    }

  private:
    void link(uint32_t p, uint32_t q, LinkKind kind, Matching& matching) {
        Unlinked a{&points_[p], std::vector<bool>(points_[p].connections.size())};
        Unlinked b{&points_[q], std::vector<bool>(points_[q].connections.size())};
        for (uint32_t i = 0; i < a.is_open.size(); ++i) {
            a.is_open[i] =
                matching.conversations[conversation_of_[p][i]].connections[q] == kNoIndex;
        }
        for (uint32_t i = 0; i < b.is_open.size(); ++i) {
            b.is_open[i] = conversation_of_[q][i] == kNoIndex;
        }
        LinkResult result;
        if (kind == LinkKind::kSamePackets) {
            link_same_packets(a, b, result);
        } else {
            link_proxied(a, b, result);
        }
        for (const ConnectionLink& one : result.links) {
            const uint32_t number = conversation_of_[p][one.a];
            Conversation& conversation = matching.conversations[number];
            conversation_of_[q][one.b] = number;
            conversation.connections[q] = one.b;
            conversation.is_flipped[q] = conversation.is_flipped[p] != one.is_flipped;
            conversation.is_proxied = conversation.is_proxied || kind == LinkKind::kProxied;
            conversation.links.push_back({q, p, one, {}});
        }
        for (AmbiguousConnection& one : result.ambiguous) {
            // What stronger or weaker evidence decided after all is not ambiguous.
            if (a.is_open[one.a]) {
                tell(p, q, std::move(one), b, matching);
            }
        }
    }

    static void tell(
        uint32_t p, uint32_t q, AmbiguousConnection one, const Unlinked& b, Matching& matching) {
        std::erase_if(one.candidates, [&](uint32_t candidate) { return !b.is_open[candidate]; });
        const bool is_known =
            std::any_of(matching.ambiguous_connections.begin(),
                        matching.ambiguous_connections.end(),
                        [&](const AmbiguousLink& link) {
                            return link.a == p && link.b == q && link.connection.a == one.a;
                        });
        if (!is_known && !one.candidates.empty() &&
            matching.ambiguous_connections.size() < kAmbiguousConnectionsListed) {
            matching.ambiguous_connections.push_back({p, q, std::move(one)});
        }
    }

    Points points_;
    std::vector<std::vector<uint32_t>> conversation_of_;
};

// All pairs of two points.
struct PairsOfPoints {
    std::vector<PacketPair> pairs;
    std::vector<ClockPair> clock;
    // How the TTL says that packets of the client, and of the server, went.
    std::array<uint32_t, 2> with_the_order{};
    std::array<uint32_t, 2> against_the_order{};
};

class Clocks {
  public:
    Clocks(Points points, const MatchSettings& settings)
        : points_(points), settings_(settings), of_(points.size() * points.size()) {}

    void add(uint32_t p, uint32_t q, const PacketPair& pair, bool is_from_client) {
        PairsOfPoints& all = of_[p * points_.size() + q];
        const Sighting& a = points_[p].sightings[pair.a];
        const Sighting& b = points_[q].sightings[pair.b];
        all.clock.push_back({a.time_ns,
                             b.time_ns - a.time_ns,
                             is_from_client,
                             static_cast<uint32_t>(all.pairs.size())});
        all.pairs.push_back(pair);
        const size_t side = is_from_client ? kClient : kServer;
        if (a.ttl != b.ttl) {
            ++((a.ttl > b.ttl) == is_from_client ? all.with_the_order
                                                 : all.against_the_order)[side];
        }
    }

    void fit(Matching& matching) {
        for (uint32_t q = 0; q < points_.size(); ++q) {
            for (uint32_t p = 0; p < q; ++p) {
                PairsOfPoints& all = of_[p * points_.size() + q];
                if (!all.pairs.empty()) {
                    matching.clocks.push_back(fit_one(p, q, all));
                }
            }
        }
    }

  private:
    PointPair fit_one(uint32_t p, uint32_t q, PairsOfPoints& all) {
        PointPair fitted;
        fitted.a = p;
        fitted.b = q;
        fitted.pairs = static_cast<uint32_t>(all.pairs.size());
        // Both sides' packets lose hops the other way: the captures were given in the wrong order.
        fitted.is_reversed = all.against_the_order[kClient] > all.with_the_order[kClient] &&
                             all.against_the_order[kServer] > all.with_the_order[kServer];
        if (fitted.is_reversed) {
            for (ClockPair& pair : all.clock) {
                pair.is_forward = !pair.is_forward;
            }
        }
        const int64_t resolution = std::max(points_[p].resolution_ns, points_[q].resolution_ns);
        fitted.clock = settings_.is_one_clock ? one_clock(all.clock, resolution)
                                              : fit_clock(all.clock, resolution);
        for (const Outlier& outlier : fitted.clock.outliers) {
            fitted.outliers.push_back(all.pairs[outlier.pair]);
        }
        return fitted;
    }

    Points points_;
    MatchSettings settings_;
    std::vector<PairsOfPoints> of_;
};

void order_rows(Points points, Matching& matching) {
    const auto time_of = [&](std::span<const Cell> row) {
        for (uint32_t p = 0; p < row.size(); ++p) {
            if (row[p].sighting != kNoIndex) {
                return matching.on_first_clock(p, points[p].sightings[row[p].sighting].time_ns);
            }
        }
        return int64_t{0};
    };
    std::vector<int64_t> begins;
    for (Conversation& conversation : matching.conversations) {
        std::vector<std::pair<int64_t, uint32_t>> order;
        for (uint32_t i = 0; i < conversation.row_count; ++i) {
            order.emplace_back(time_of(matching.row(conversation.row_begin + i)), i);
        }
        std::sort(order.begin(), order.end());
        std::vector<Cell> sorted;
        sorted.reserve(size_t{conversation.row_count} * points.size());
        for (const auto& [time, i] : order) {
            const auto row = matching.row(conversation.row_begin + i);
            sorted.insert(sorted.end(), row.begin(), row.end());
        }
        const size_t begin = size_t{conversation.row_begin} * points.size();
        std::copy(sorted.begin(),
                  sorted.end(),
                  matching.cells.begin() + static_cast<std::ptrdiff_t>(begin));
        begins.push_back(order.empty() ? 0 : order.front().first);
    }
    std::vector<uint32_t> order(begins.size());
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(
        order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return begins[a] < begins[b]; });
    std::vector<uint32_t> place(order.size());
    std::vector<Conversation> sorted;
    sorted.reserve(order.size());
    for (const uint32_t number : order) {
        place[number] = static_cast<uint32_t>(sorted.size());
        sorted.push_back(std::move(matching.conversations[number]));
    }
    matching.conversations = std::move(sorted);
    for (AmbiguousGroup& group : matching.ambiguous_packets) {
        group.conversation = place[group.conversation];
    }
}

}  // namespace

const PointPair* Matching::clock_of(uint32_t b) const {
    const PointPair* best = nullptr;
    for (const PointPair& pair : clocks) {
        if (pair.b == b && (best == nullptr || pair.pairs > best->pairs)) {
            best = &pair;
        }
    }
    return best;
}

int64_t Matching::on_first_clock(uint32_t point, int64_t time_ns) const {
    while (const PointPair* pair = point == 0 ? nullptr : clock_of(point)) {
        time_ns = pair->clock.to_a(time_ns);
        point = pair->a;
    }
    return time_ns;
}

Matching match(Points points, const MatchSettings& settings) {
    Matching matching;
    matching.points = static_cast<uint32_t>(points.size());
    Grouping(points).run(matching);
    Clocks clocks(points, settings);
    for (uint32_t i = 0; i < matching.conversations.size(); ++i) {
        Conversation& conversation = matching.conversations[i];
        ConversationRows rows(points, conversation);
        rows.pair_all([&](uint32_t p, uint32_t q, const PacketPair& pair, bool is_from_client) {
            clocks.add(p, q, pair, is_from_client);
        });
        rows.tell_ambiguous(i, matching.ambiguous_packets);
        rows.append_to(matching.cells, conversation);
    }
    clocks.fit(matching);
    order_rows(points, matching);
    return matching;
}

}  // namespace director::diagnostics::matching
