#include "diagnostics/match/proxy.h"

#include <algorithm>
#include <limits>

#include "diagnostics/match/clock.h"
#include "diagnostics/match/stream.h"
#include "diagnostics/match/turns.h"
#include "diagnostics/match/vote.h"

namespace director::diagnostics::matching {
namespace {

constexpr size_t kPrefixMin = 64;  // of a stream: less is a protocol's greeting
constexpr size_t kSeriesMax = 64;  // connections with the same content that time is asked about
constexpr uint8_t kTlsHandshake = 22;

enum KeyKind : uint64_t {
    kByEndpoint = 101,
    kByForwarded,
    kByFingerprint,
    kByRequest,
    kByResponse
};

// The client's connection, of which addresses count; or the proxy's own, which may name them.
enum class Whose : uint8_t { kClients, kProxys };

// Something that a connection says, as a key.
struct Saying {
    uint64_t key = 0;
    uint32_t connection = 0;
    uint32_t weight = 0;
    Evidence evidence = Evidence::kNone;
};

struct Sayings {
    std::vector<Saying> all;
    std::vector<bool> is_tls;          // by connection
    std::vector<uint64_t> request;     // by connection: its request's key; 0: none
    std::vector<int64_t> request_ns;   // last packet of the first request
    std::vector<int64_t> response_ns;  // first packet of its response
};

void say(Sayings& sayings, uint32_t connection, Key key, uint32_t weight, Evidence evidence) {
    sayings.all.push_back({key.value(), connection, weight, evidence});
}

// Prefixes of doubling length: streams that were captured to different lengths share the shorter.
void say_prefixes(Sayings& sayings,
                  uint32_t connection,
                  KeyKind kind,
                  std::span<const uint8_t> stream,
                  Evidence evidence) {
    Key key(kind);
    size_t done = 0;
    for (size_t length = kPrefixMin; length <= stream.size(); length *= 2) {
        key.add(stream.subspan(done, length - done));
        done = length;
        say(sayings, connection, key, 1, evidence);
    }
}

void say_request(Sayings& sayings,
                 uint32_t connection,
                 const ConnectionSeen& seen,
                 Whose whose,
                 std::span<const uint8_t> stream) {
    if (whose == Whose::kClients) {
        say(sayings, connection, Key(kByEndpoint).add(seen.client), 8, Evidence::kProxyHeader);
    }
    if (const ProxyHeader header = read_proxy_header(stream); header.is_known) {
        say(sayings, connection, Key(kByEndpoint).add(header.client), 8, Evidence::kProxyHeader);
        stream = stream.subspan(std::min(stream.size(), header.bytes));
    }
    const RequestHead head = read_request(stream);
    if (!head.is_http) {
        say_prefixes(sayings, connection, kByRequest, stream, Evidence::kRequest);
        const size_t length = std::min(stream.size(), kPrefixMin);
        sayings.request[connection] =
            length == 0 ? 0 : Key(kByRequest).add(stream.subspan(0, length)).value();
        return;
    }
    sayings.request[connection] = Key(kByFingerprint).add(head.fingerprint).value();
    sayings.all.push_back({sayings.request[connection], connection, 2, Evidence::kRequest});
    const auto from = [&](const IpAddress& client) {
        return Key(kByForwarded).add(head.fingerprint).add(client);
    };
    if (whose == Whose::kClients) {
        say(sayings, connection, from(seen.client.address), 6, Evidence::kForwardedFor);
    }
    for (const IpAddress& client : head.forwarded_for) {
        say(sayings, connection, from(client), 6, Evidence::kForwardedFor);
    }
}

Sayings listen(const Unlinked& side, Whose whose) {
    const VantagePoint& point = *side.point;
    const size_t connections = point.connections.size();
    Sayings sayings;
    sayings.is_tls.resize(connections);
    sayings.request.resize(connections);
    sayings.request_ns.assign(connections, 0);
    sayings.response_ns.assign(connections, std::numeric_limits<int64_t>::max());
    for (uint32_t i = 0; i < connections; ++i) {
        const ConnectionSeen& seen = point.connections[i];
        if (!side.is_open[i] || seen.protocol != Protocol::kTcp) {
            continue;
        }
        const std::vector<Turn> turns = turns_of(point, i);
        if (turns.empty()) {
            continue;
        }
        for (const Turn& turn : turns) {
            if (turn.last[kClient] != kNoIndex) {
                sayings.request_ns[i] = point.sightings[turn.last[kClient]].time_ns;
                if (turn.first[kServer] != kNoIndex) {
                    sayings.response_ns[i] = point.sightings[turn.first[kServer]].time_ns;
                }
                break;
            }
        }
        const std::vector<uint8_t> request = stream_head(point, i, kClient);
        sayings.is_tls[i] = request.size() > 2 && request[0] == kTlsHandshake && request[1] == 3;
        say_request(sayings, i, seen, whose, request);
        say_prefixes(sayings, i, kByResponse, stream_head(point, i, kServer), Evidence::kStream);
    }
    return sayings;
}

constexpr uint32_t kSeveral = kNoIndex - 1;

// Keys that one connection alone says.
HashIndex index_sayings(const Sayings& sayings) {
    HashIndex index(sayings.all.size());
    for (uint32_t i = 0; i < sayings.all.size(); ++i) {
        uint32_t& first = index.at(sayings.all[i].key);
        if (first == kNoIndex) {
            first = i;
        } else if (first != kSeveral &&
                   sayings.all[first].connection != sayings.all[i].connection) {
            first = kSeveral;
        }
    }
    return index;
}

ConnectionLink proxied(uint32_t of_a, uint32_t of_b, Evidence evidence, uint32_t agreeing) {
    ConnectionLink link;
    link.a = of_a;
    link.b = of_b;
    link.kind = LinkKind::kProxied;
    link.evidence = evidence;
    link.agreeing = agreeing;
    return link;
}

void accept(Unlinked& a, Unlinked& b, const ConnectionLink& link, LinkResult& result) {
    a.is_open[link.a] = false;
    b.is_open[link.b] = false;
    result.links.push_back(link);
}

void link_unique(
    Unlinked& a, Unlinked& b, const Sayings& of_a, const Sayings& of_b, LinkResult& result) {
    const HashIndex keys_a = index_sayings(of_a);
    const HashIndex keys_b = index_sayings(of_b);
    Ballot ballot;
    HashIndex strongest;  // of a pair: its evidence
    for (uint32_t i = 0; i < of_a.all.size(); ++i) {
        const Saying& one = of_a.all[i];
        const uint32_t other = keys_a.get(one.key) == i ? keys_b.get(one.key) : kNoIndex;
        if (other >= kSeveral) {
            continue;
        }
        const Saying& twin = of_b.all[other];
        ballot.add(one.connection, twin.connection, one.weight, false);
        uint32_t& evidence = strongest.at(Key(one.connection).add(twin.connection).value());
        evidence = std::min(evidence, static_cast<uint32_t>(one.evidence));
    }
    for (const Vote& vote : ballot.decide(a, b, result.ambiguous)) {
        const uint32_t evidence = strongest.get(Key(vote.a).add(vote.b).value());
        accept(a, b, proxied(vote.a, vote.b, static_cast<Evidence>(evidence), vote.weight), result);
    }
}

// What the linked connections' first turns say of the clocks.
OffsetBounds bounds_of(const Sayings& of_a, const Sayings& of_b, const LinkResult& result) {
    std::vector<ClockPair> pairs;
    for (const ConnectionLink& link : result.links) {
        if (link.kind != LinkKind::kProxied) {
            continue;
        }
        const int64_t request = of_a.request_ns[link.a];
        pairs.push_back({request, of_b.request_ns[link.b] - request, true, 0});
        const int64_t response = of_a.response_ns[link.a];
        if (response != std::numeric_limits<int64_t>::max() &&
            of_b.response_ns[link.b] != std::numeric_limits<int64_t>::max()) {
            pairs.push_back({response, of_b.response_ns[link.b] - response, false, 0});
        }
    }
    return bound_offset(pairs);
}

// Connections with one request each that are all alike: those whose turn lies within the other's.
class SameRequests {
  public:
    SameRequests(const Sayings& of_a, const Sayings& of_b, const OffsetBounds& clock)
        : of_a_(of_a), of_b_(of_b), clock_(clock) {}

    void add(uint64_t key, uint32_t connection, bool is_a) {
        uint32_t& place = index_.at(key);
        if (place == kNoIndex) {
            place = static_cast<uint32_t>(series_.size());
            series_.emplace_back();
        }
        (is_a ? series_[place].a : series_[place].b).push_back(connection);
    }

    void link(Unlinked& a, Unlinked& b, LinkResult& result) {
        for (Series& series : series_) {
            if (!series.a.empty() && !series.b.empty()) {
                link_series(series, a, b, result);
            }
        }
    }

  private:
    struct Series {
        std::vector<uint32_t> a;
        std::vector<uint32_t> b;
    };

    [[nodiscard]] bool fits(uint32_t of_a, uint32_t of_b) const {
        if (!clock_.is_bounded()) {
            return true;
        }
        const int64_t response_a = of_a_.response_ns[of_a];
        const int64_t response_b = of_b_.response_ns[of_b];
        constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
        const bool is_request_after =
            of_b_.request_ns[of_b] >= of_a_.request_ns[of_a] + clock_.lower_ns;
        const bool is_response_before = response_a == kNever || response_b == kNever ||
                                        response_b <= response_a + clock_.upper_ns;
        const bool is_within =
            response_a == kNever || of_b_.request_ns[of_b] <= response_a + clock_.upper_ns;
        return is_request_after && is_response_before && is_within;
    }

    void link_series(Series& series, Unlinked& a, Unlinked& b, LinkResult& result) const {
        std::sort(series.b.begin(), series.b.end(), [&](uint32_t one, uint32_t other) {
            return of_b_.request_ns[one] < of_b_.request_ns[other];
        });
        std::vector<std::vector<uint32_t>> candidates(series.a.size());
        std::vector<uint32_t> wanted(b.point->connections.empty() ? 0 : series.b.size(), 0);
        for (size_t i = 0; i < series.a.size(); ++i) {
            const int64_t from = clock_.is_bounded()
                                     ? of_a_.request_ns[series.a[i]] + clock_.lower_ns
                                     : std::numeric_limits<int64_t>::min();
            auto one = std::lower_bound(
                series.b.begin(), series.b.end(), from, [&](uint32_t of_b, int64_t time) {
                    return of_b_.request_ns[of_b] < time;
                });
            for (size_t tried = 0; one != series.b.end() && tried < kSeriesMax; ++one, ++tried) {
                if (fits(series.a[i], *one)) {
                    const auto place = static_cast<size_t>(one - series.b.begin());
                    candidates[i].push_back(static_cast<uint32_t>(place));
                    ++wanted[place];
                }
            }
        }
        for (size_t i = 0; i < series.a.size(); ++i) {
            if (candidates[i].size() == 1 && wanted[candidates[i][0]] == 1) {
                accept(a,
                       b,
                       proxied(series.a[i], series.b[candidates[i][0]], Evidence::kRequest, 1),
                       result);
            } else if (!candidates[i].empty()) {
                AmbiguousConnection unclear{series.a[i], {}};
                for (const uint32_t place : candidates[i]) {
                    if (unclear.candidates.size() < kCandidatesListed) {
                        unclear.candidates.push_back(series.b[place]);
                    }
                }
                result.ambiguous.push_back(std::move(unclear));
            }
        }
    }

    const Sayings& of_a_;
    const Sayings& of_b_;
    OffsetBounds clock_;
    HashIndex index_;
    std::vector<Series> series_;
};

// The server's packets with what of the stream each carries, first come first.
struct Part {
    uint32_t begin = 0;
    uint32_t end = 0;
    uint32_t sighting = 0;
};

std::vector<Part> parts_of(const VantagePoint& point, uint32_t connection) {
    std::vector<Part> parts;
    uint32_t known = 0;
    for (const uint32_t i : point.of(connection)) {
        const Sighting& one = point.sightings[i];
        const uint32_t begin = one.sequence - point.connections[connection].base[kServer];
        const uint32_t end = begin + one.payload_bytes;
        if (!one.is_from_client && one.payload_bytes > 0 && begin < 0x7fffffff && end > known) {
            parts.push_back({begin, end, i});
            known = end;
        }
    }
    return parts;
}

// A's packet could leave once its last byte was there.
void pair_streams(const VantagePoint& a,
                  const VantagePoint& b,
                  const ConnectionLink& link,
                  size_t equal,
                  PairResult& result) {
    const std::vector<Part> of_b = parts_of(b, link.b);
    size_t j = 0;
    for (const Part& part : parts_of(a, link.a)) {
        while (j < of_b.size() && of_b[j].end < part.end) {
            ++j;
        }
        if (j < of_b.size() && part.end <= equal && of_b[j].begin < part.end) {
            result.pairs.push_back(
                {part.sighting, of_b[j].sighting, Evidence::kStream, false, false});
        }
    }
}

size_t equal_bytes(const std::vector<uint8_t>& one, const std::vector<uint8_t>& other) {
    const size_t length = std::min(one.size(), other.size());
    const auto end = one.begin() + static_cast<std::ptrdiff_t>(length);
    return static_cast<size_t>(std::mismatch(one.begin(), end, other.begin()).first - one.begin());
}

}  // namespace

void link_proxied(Unlinked& a, Unlinked& b, LinkResult& result) {
    const Sayings of_a = listen(a, Whose::kClients);
    const Sayings of_b = listen(b, Whose::kProxys);
    link_unique(a, b, of_a, of_b, result);
    SameRequests same(of_a, of_b, bounds_of(of_a, of_b, result));
    for (uint32_t i = 0; i < a.is_open.size(); ++i) {
        if (a.is_open[i] && of_a.request[i] != 0) {
            same.add(of_a.request[i], i, true);
        }
    }
    for (uint32_t i = 0; i < b.is_open.size(); ++i) {
        if (b.is_open[i] && of_b.request[i] != 0) {
            same.add(of_b.request[i], i, false);
        }
    }
    same.link(a, b, result);
    link_by_turns(a, b, of_a.is_tls, result);
}

PairResult pair_proxied(const VantagePoint& a, const VantagePoint& b, const ConnectionLink& link) {
    PairResult result;
    const std::vector<Turn> turns_a = turns_of(a, link.a);
    const std::vector<Turn> turns_b = turns_of(b, link.b);
    const size_t equal =
        equal_bytes(stream_head(a, link.a, kServer), stream_head(b, link.b, kServer));
    const bool is_stream_equal = equal >= kPrefixMin;
    // TLS's own turns come first and need not be as many: what is last is the same.
    const size_t turns = std::min(turns_a.size(), turns_b.size());
    const bool is_from_end = link.evidence == Evidence::kTurns;
    for (size_t i = 0; i < turns; ++i) {
        const Turn& one = turns_a[is_from_end ? turns_a.size() - turns + i : i];
        const Turn& other = turns_b[is_from_end ? turns_b.size() - turns + i : i];
        if (one.last[kClient] != kNoIndex && other.last[kClient] != kNoIndex) {
            result.pairs.push_back(
                {one.last[kClient], other.last[kClient], link.evidence, false, false});
        }
        if (!is_stream_equal && one.first[kServer] != kNoIndex &&
            other.first[kServer] != kNoIndex) {
            result.pairs.push_back(
                {one.first[kServer], other.first[kServer], Evidence::kTurns, false, false});
        }
    }
    if (is_stream_equal) {
        pair_streams(a, b, link, equal, result);
    }
    return result;
}

}  // namespace director::diagnostics::matching
