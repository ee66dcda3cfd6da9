// The connection table of one worker.
//
// An established packet costs two cache lines that were not there before: a bucket and an entry.
// Both directions of a connection find the same entry, because the bucket is chosen by protocol and
// client endpoint, which NAT leaves alone. Full NAT does not: its entries have a second place,
// under the client as the server sees it. Fixed size, no heap after construction, one thread.
//
// What only some connections have (IPv6 addresses, a second place, adjusted sequence numbers, ...)
// is in a table of its own, ConnectionDetails, which others never touch.
//
// A bucket is one cache line: ten 16-bit tags, ten entry numbers, and the head of an overflow chain
// for the 1 % of entries whose bucket is full at the density that kEntriesPerBucket gives. Expiry
// is deadline-based: a packet only writes the new deadline into the entry, the timer that fires
// looks whether the deadline has moved (timers: timer_lists.h).
#pragma once

#include <emmintrin.h>

#include <array>
#include <bit>
#include <cstdint>

#include "common/hash.h"
#include "common/select.h"
#include "dataplane/api/conn_state.h"
#include "dataplane/api/ids.h"
#include "dataplane/api/service.h"
#include "dataplane/core/codecs/frame.h"
#include "dataplane/core/codecs/seq_adjust.h"
#include "dataplane/core/packet.h"
#include "dataplane/core/tables/ftp_table.h"
#include "dataplane/core/tables/limits.h"
#include "dataplane/core/tables/persistence.h"
#include "dataplane/core/tables/table_memory.h"
#include "dataplane/core/tables/timer_lists.h"

namespace director::dataplane {

inline constexpr uint32_t kNoConnection = 0xffffffffU;

// Index of a neighbour's Adjacency (forward.h); kNoAdjacency = not looked up yet.
inline constexpr uint16_t kNoAdjacency = 0xffff;

inline constexpr uint32_t kNoDetails = 0xffffffffU;

// The two networks that a connection goes through, and the two ends that a packet shows in each:
//
//                 client                            server
//   kOutside      the client                        the virtual service
//   kInside       the client as the server sees     the real server
//                 it: itself, or a local address
enum class Side : uint8_t { kOutside, kInside };
enum class Role : uint8_t { kClient, kServer };

// The side that a packet comes from, which is where its ends are compared.
[[nodiscard]] constexpr Side side_of(Direction direction) {
    return static_cast<Side>(direction);
}
[[nodiscard]] constexpr Side other(Side side) {
    return side == Side::kOutside ? Side::kInside : Side::kOutside;
}

struct FlowEnds {
    FlowEnd client;
    FlowEnd server;

    friend constexpr bool operator==(FlowEnds, FlowEnds) = default;
};

// What is unusual about a connection, as bits of Connection::traits: none of them costs the others
// more than one branch.
enum ConnectionTrait : uint8_t {
    kIsIpv6 = 1,          // on either side: addresses are in the details
    kHasSecondPlace = 2,  // inside client differs from the outside one: full NAT, source NAT
    kHasAdjustment = 4,   // a helper looks at its packets and may change them: adjust.h
    kHasTemplate = 8,     // persistent: refers to a template
    kIsLimited = 64,      // counts against a limit
    kClampsMss = 32,      // handshakes are told a segment size that fits the way
    kIsEnding = 16,       // its server is gone: whoever still speaks gets a reset
    kIsHeard = 128,       // while it waits for its server: that has answered (server_signs.h)
    // Of one that is ending: which end has got its reset. No handshake is left then.
    kClientKnows = kIsHeard,
    kServerKnows = kClampsMss,
};

// How the headers of a connection's packets change between the sides.
enum class Translation : uint8_t {
    kIpv4,
    kIpv6,
    kSixToFour,  // IPv6 outside, IPv4 inside
    kNone,       // direct routing, tunnel, local
};

// One connection: everything that a packet of it needs, in one cache line.
struct alignas(64) Connection {
    std::array<FlowEnds, 2> sides;  // by Side
    uint32_t deadline = 0;          // tick (timer_lists.h) at which an idle connection ends
    RealServerId server = kNoRealServer;
    // Checksum deltas (checksum.h) of the translation client to server; their complements serve the
    // way back. The first is IPv4's header's.
    uint16_t ip_delta = 0;
    uint16_t l4_delta = 0;
    // By direction: where the packet goes next, valid while `generation` is the forwarder's.
    std::array<uint16_t, 2> adjacency{kNoAdjacency, kNoAdjacency};
    uint32_t generation = 0;
    uint32_t overflow_next = kNoConnection;  // overflow chain of the outside place, or free list
    uint32_t details = kNoDetails;           // index of its ConnectionDetails
    ConnState state{};
    ForwardingMethod forwarding{};
    Translation translation{};
    uint8_t traits = 0;  // ConnectionTrait

    [[nodiscard]] Protocol protocol() const { return sides[0].client.protocol(); }
    [[nodiscard]] const FlowEnds& ends(Side side) const { return sides[static_cast<size_t>(side)]; }
    [[nodiscard]] bool has(ConnectionTrait trait) const { return (traits & trait) != 0; }
};
static_assert(sizeof(Connection) == 64);

// Whose place in the FtpTable a connection holds.
enum class FtpRole : uint8_t { kNone, kControl, kData };

// What only some connections have. By side and role.
struct alignas(64) ConnectionDetails {
    std::array<std::array<IpAddress, 2>, 2> addresses;
    uint32_t inside_next = kNoConnection;    // overflow chain of the inside place, or free list
    uint32_t ftp = kNoFtp;                   // its place in the FtpTable, by ftp_role
    TemplateRef template_ref = kNoTemplate;  // kHasTemplate
    LimitRef limit_ref = kNoLimit;           // kIsLimited
    uint16_t local_pool = 0;                 // kHasSecondPlace: whose port the inside client is
    // kHasAdjustment: what of adjust.h the connection has.
    ClientAddressVia client_address = ClientAddressVia::kNothing;
    FtpRole ftp_role = FtpRole::kNone;
    // kTcpOption: of the server's first byte. SYN proxy, before the server has answered: of the
    // client's SYN.
    uint32_t server_sequence = 0;
    TcpAdjustment adjustment;
};
static_assert(sizeof(ConnectionDetails) == 128);

// What a lookup compares: a packet's two ends, sorted into client and server.
struct ConnectionKey {
    Direction direction{};
    FlowEnds ends;
    const Packet* packet = nullptr;  // IPv6: where the addresses are
};

// The key of a packet whose `direction` is known.
[[nodiscard]] inline ConnectionKey connection_key_of(const Packet& packet) {
    const bool is_from_client = packet.direction == Direction::kClientToServer;
    const uint64_t source = packet.source.bits;
    const uint64_t destination = packet.destination.bits;
    return {packet.direction,
            {FlowEnd{select(is_from_client, source, destination)},
             FlowEnd{select(is_from_client, destination, source)}},
            &packet};
}

// The addresses behind `source` and `destination` of an IPv6 packet, 16 bytes each: its own, or of
// what an ICMP error quotes, the other way round.
struct Ipv6Ends {
    const uint8_t* source;
    const uint8_t* destination;
};
[[nodiscard]] inline Ipv6Ends ipv6_ends_of(const Packet& packet) {
    if (packet.is_icmp_error) {
        const uint8_t* const quoted = packet.data + packet.quoted_offset;
        return {quoted + kIpv6DestinationOffset, quoted + kIpv6SourceOffset};
    }
    const uint8_t* const ip = packet.data + packet.l3_offset;
    return {ip + kIpv6SourceOffset, ip + kIpv6DestinationOffset};
}

class ConnTable {
  public:
    // Entries per bucket on average when the table is full; a bucket holds ten.
    static constexpr uint32_t kEntriesPerBucket = 5;
    // An overflow chain that gets this long takes no more: only a client that opens hundreds of
    // connections from one single port makes one.
    static constexpr uint32_t kOverflowMax = 64;

    // No more than this: a place's link has a bit for its side.
    static constexpr uint32_t kConnectionsMax = 1U << 30;

    // Entries beyond connections_max, for connections that end with the packet that opens them
    // while the table is full.
    static constexpr uint32_t kReserved = kBurstMax;

    ConnTable(uint32_t connections_max,
              uint32_t details_max,
              const HashKey& key,
              const TableMemory& memory);

    [[nodiscard]] bool is_allocated() const;
    [[nodiscard]] static uint64_t bytes(uint32_t connections_max, uint32_t details_max);

    [[nodiscard]] uint64_t hash(FlowEnd client) const { return keyed_hash(key_, client.bits); }

    // The three steps of a lookup, so that a burst can overlap their cache misses: prefetch all
    // buckets, then take all candidates and prefetch them, then compare.
    void prefetch_bucket(uint64_t hash) const { __builtin_prefetch(&buckets_[bucket_of(hash)]); }
    // The first place whose tag fits, or kNoConnection; its entry is prefetched for writing.
    [[nodiscard]] uint32_t candidate(uint64_t hash) const;
    // Between the two, of a table that has_details(): what packets of the connection at `first`,
    // which is what candidate() answered, need besides its entry.
    // Inline by force: GCC 12 takes a function that only prefetches for one without effect, and
    // leaves out calls of it.
    [[nodiscard]] bool has_details() const { return details_used_ != 0; }
    [[gnu::always_inline]] void prefetch_details(uint32_t first) const {
        const Connection& entry = entries_[entry_of(first)];
        if (entry.has(kIsIpv6)) {
            __builtin_prefetch(&details_[entry.details]);
        }
        if (entry.has(kHasAdjustment)) {
            __builtin_prefetch(&details_[entry.details].adjustment);
        }
    }
    [[nodiscard]] bool is_six_to_four(uint32_t first) const {
        return entries_[entry_of(first)].translation == Translation::kSixToFour;
    }
    // The connection, or kNoConnection. `first` is what candidate() answered.
    [[nodiscard]] uint32_t find(uint64_t hash, const ConnectionKey& key, uint32_t first) const {
        const bool is_first = first != kNoConnection && matches(first, key);
        return is_first ? entry_of(first) : find_other(hash, key, first);
    }

    // Adds an entry and returns its index. Its places follow from its ends and traits; only the
    // caller-owned fields are copied from `connection` and, where it is not nullptr, `details`.
    // kNoConnection when the table, its details (or, hostile, a chain) are full: see is_full(). The
    // caller arms a timer on it.
    enum class Room : uint8_t { kOrdinary, kReserved };
    [[nodiscard]] uint32_t insert(const Connection& connection,
                                  const ConnectionDetails* details,
                                  Room room = Room::kOrdinary);

    // Whether a new entry, with details or without, finds no room.
    [[nodiscard]] bool is_full(bool with_details) const {
        return size_ >= capacity_ || (with_details && details_used_ == details_.size());
    }

    // Removes an entry and disarms its timer.
    void remove(uint32_t index);

    [[nodiscard]] Connection& operator[](uint32_t index) { return entries_[index]; }
    [[nodiscard]] const Connection& operator[](uint32_t index) const { return entries_[index]; }
    [[nodiscard]] ConnectionDetails& details(const Connection& entry) {
        return details_[entry.details];
    }
    [[nodiscard]] const ConnectionDetails& details(const Connection& entry) const {
        return details_[entry.details];
    }
    // One end's address and port.
    [[nodiscard]] Endpoint endpoint(const Connection& entry, Side side, Role role) const;
    [[nodiscard]] TimerLists& timers() { return timers_; }
    [[nodiscard]] const TimerLists& timers() const { return timers_; }

    [[nodiscard]] uint32_t size() const { return size_; }
    // How many entries were ever removed: tells whether an index may have changed hands.
    [[nodiscard]] uint64_t removals() const { return removals_; }
    [[nodiscard]] uint32_t capacity() const { return capacity_; }
    // Indexes ever used are below this: how far a listing has to walk.
    [[nodiscard]] uint32_t high_water() const { return high_water_; }
    // Whether an index below high_water() holds a connection now.
    [[nodiscard]] bool is_used(uint32_t index) const {
        return entries_[index].server != kNoRealServer;
    }

  private:
    static constexpr uint32_t kTags = 10;
    struct alignas(64) Bucket {
        std::array<uint16_t, kTags> tags;  // 0 = empty
        uint32_t overflow;                 // link + 1; 0 = none, so that zeroed memory is empty
        std::array<uint32_t, kTags> links;
    };
    static_assert(sizeof(Bucket) == 64);

    [[nodiscard]] static uint32_t bucket_count(uint32_t connections_max, uint32_t details_max);
    [[nodiscard]] static uint16_t tag_of(uint64_t hash) {
        return static_cast<uint16_t>(hash | 1);  // 0 means empty
    }
    [[nodiscard]] size_t bucket_of(uint64_t hash) const {
        return static_cast<size_t>((hash >> 32) * bucket_count_ >> 32);
    }
    [[nodiscard]] static uint32_t matching_tags(const Bucket& bucket, uint16_t tag);
    // A link names one of an entry's places: its index, and this bit for the inside one.
    static constexpr uint32_t kInsideLink = 1U << 30;
    [[nodiscard]] static uint32_t entry_of(uint32_t link) { return link & (kInsideLink - 1); }

    [[nodiscard]] bool matches(uint32_t link, const ConnectionKey& key) const {
        const Connection& entry = entries_[entry_of(link)];
        const FlowEnds& ends = entry.sides[static_cast<size_t>(key.direction)];
        const bool are_words_equal = ((ends.client.bits ^ key.ends.client.bits) |
                                      (ends.server.bits ^ key.ends.server.bits)) == 0;
        return are_words_equal && (!entry.has(kIsIpv6) || matches_ipv6(entry, key));
    }
    [[nodiscard]] bool matches_ipv6(const Connection& entry, const ConnectionKey& key) const;
    [[nodiscard]] uint32_t find_other(uint64_t hash,
                                      const ConnectionKey& key,
                                      uint32_t first) const;
    [[nodiscard]] FlowEnd key_of(uint32_t link) const {
        const Connection& entry = entries_[entry_of(link)];
        return entry.sides[(link & kInsideLink) != 0 ? 1 : 0].client;
    }
    // The link behind `link` in its overflow chain.
    [[nodiscard]] uint32_t& next_of(uint32_t link) {
        Connection& entry = entries_[entry_of(link)];
        return (link & kInsideLink) != 0 ? details_[entry.details].inside_next
                                         : entry.overflow_next;
    }
    [[nodiscard]] uint32_t next_of(uint32_t link) const {
        return const_cast<ConnTable*>(this)->next_of(link);
    }
    [[nodiscard]] uint32_t take_free_entry();
    [[nodiscard]] uint32_t take_free_details();
    void give_back_details(uint32_t index);
    [[nodiscard]] bool is_chain_full(const Bucket& bucket) const;
    [[nodiscard]] bool has_place(FlowEnd client) const;
    void add_place(uint32_t link);
    void remove_place(uint32_t link);
    void unlink_from_chain(Bucket& bucket, uint32_t link);
    void refill_from_chain(Bucket& bucket, uint32_t slot);

    HashKey key_;
    uint32_t capacity_;
    uint32_t bucket_count_;
    uint32_t size_ = 0;
    uint32_t high_water_ = 0;
    uint32_t free_ = kNoConnection;
    uint32_t details_used_ = 0;
    uint32_t details_high_water_ = 0;
    uint32_t free_details_ = kNoDetails;
    uint64_t removals_ = 0;
    TableArray<Bucket> buckets_;
    TableArray<Connection> entries_;
    TableArray<ConnectionDetails> details_;
    TimerLists timers_;
};

inline bool ConnTable::matches_ipv6(const Connection& entry, const ConnectionKey& key) const {
    const size_t side = static_cast<size_t>(side_of(key.direction));
    if (!entry.sides[side].client.is_ipv6()) {
        return true;  // IPv4 on this side: the words said it all
    }
    // The client is the source on its way in, and the destination on the way back.
    const size_t source = static_cast<size_t>(key.direction);
    const Ipv6Ends ends = ipv6_ends_of(*key.packet);
    const std::array<IpAddress, 2>& addresses = details(entry).addresses[side];
    return std::memcmp(addresses[source].bytes.data(), ends.source, kIpv6AddressBytes) == 0 &&
           std::memcmp(addresses[1 - source].bytes.data(), ends.destination, kIpv6AddressBytes) ==
               0;
}

// One bit per tag that equals `tag`. The second load reaches beyond the tags, into the rest of the
// same cache line; the mask takes that away.
inline uint32_t ConnTable::matching_tags(const Bucket& bucket, uint16_t tag) {
    const char* const line = reinterpret_cast<const char*>(&bucket);
    const __m128i wanted = _mm_set1_epi16(static_cast<short>(tag));
    const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(line));
    const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(line + 16));
    const __m128i equal =
        _mm_packs_epi16(_mm_cmpeq_epi16(low, wanted), _mm_cmpeq_epi16(high, wanted));
    return static_cast<uint32_t>(_mm_movemask_epi8(equal)) & ((1U << kTags) - 1);
}

inline uint32_t ConnTable::candidate(uint64_t hash) const {
    const Bucket& bucket = buckets_[bucket_of(hash)];
    const uint32_t found = matching_tags(bucket, tag_of(hash));
    const uint32_t link = found != 0 ? bucket.links[static_cast<size_t>(std::countr_zero(found))]
                                     : bucket.overflow - 1;  // 0 - 1 is kNoConnection
    if (link != kNoConnection) {
        __builtin_prefetch(&entries_[entry_of(link)], 1);
    }
    return link;
}

}  // namespace director::dataplane
