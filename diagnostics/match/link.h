// Which connection at one point is which at another, where packets survive the device between:
// routed, translated (NAT, PAT), or with shifted sequence numbers. What a full proxy does is in
// proxy.h.
//
// Every packet gives a key by what survives. A key that belongs to exactly one connection at each
// point is a vote for that pair; keys that several share say nothing. A pair is linked if each is
// the other's clear first choice. So one pass over the packets a kind of evidence, and no search.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "diagnostics/match/vantage_point.h"

namespace director::diagnostics::matching {

// By what a pair was made. The strongest that applies, in this order.
enum class Evidence : uint8_t {
    kNone,
    kTuple,         // addresses, ports, sequence numbers: all the same
    kTranslated,    // sequence numbers, behind translated addresses or ports
    kShifted,       // relative sequence numbers: a constant shift by the device
    kSuperFrame,    // a segment of a frame that the NIC cuts or has put together (TSO, GRO)
    kIpId,          // IP ID, length, flags
    kApplication,   // the id of a DNS or DHCP message
    kDatagram,      // the whole payload of a datagram
    kProxyHeader,   // a PROXY protocol header names the client's endpoint
    kForwardedFor,  // X-Forwarded-For names the client, in the same request
    kRequest,       // the same request, through a proxy
    kStream,        // the same bytes of the response's stream, through a proxy
    kTurns,         // sizes and times of requests and responses
    kOrder,         // order in time among identical packets: ambiguous
};

enum class LinkKind : uint8_t { kSamePackets, kProxied };

struct ConnectionLink {
    uint32_t a = kNoIndex;  // connections of the two points
    uint32_t b = kNoIndex;
    LinkKind kind = LinkKind::kSamePackets;
    Evidence evidence = Evidence::kNone;
    bool is_flipped = false;          // b's client is a's server
    std::array<uint32_t, 2> shift{};  // b's sequence number - a's, of a's client and server
    uint32_t agreeing = 0;            // packets, or facts, that say so
    uint32_t contradicting = 0;       // packets that vote for another connection
};

// A connection that has several equally good counterparts.
struct AmbiguousConnection {
    uint32_t a = kNoIndex;
    std::vector<uint32_t> candidates;  // of b, at most kCandidatesListed
};
inline constexpr size_t kCandidatesListed = 8;

// Connections that still look for their counterpart.
struct Unlinked {
    const VantagePoint* point = nullptr;
    std::vector<bool> is_open;  // by connection
};

struct LinkResult {
    std::vector<ConnectionLink> links;
    std::vector<AmbiguousConnection> ambiguous;
};

// Links are appended, and what is linked is no longer open.
void link_same_packets(Unlinked& a, Unlinked& b, LinkResult& result);

// Whether b's addresses or ports are not a's.
[[nodiscard]] bool is_translated(const ConnectionSeen& a, const ConnectionSeen& b);

}  // namespace director::diagnostics::matching
