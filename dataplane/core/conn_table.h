// The connection table of one worker.
//
// An established packet costs two cache lines that were not there before: a bucket and an entry.
// Both directions of a connection find the same entry, because the bucket is chosen by protocol and
// client endpoint, which NAT leaves alone. Fixed size, no heap after construction, one thread.
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
#include "dataplane/core/packet.h"
#include "dataplane/core/table_memory.h"
#include "dataplane/core/timer_lists.h"

namespace director::dataplane {

inline constexpr uint32_t kNoConnection = 0xffffffffU;

// Index of a neighbour's Adjacency (forward.h); kNoAdjacency = not looked up yet.
inline constexpr uint16_t kNoAdjacency = 0xffff;

// One connection: everything that a packet of it needs, in one cache line.
struct alignas(64) Connection {
    FlowEnd client;
    // By direction, the other end that a packet shows: the virtual service for client to server,
    // the real server for server to client.
    std::array<FlowEnd, 2> peer;
    ConnState state{};
    uint32_t deadline = 0;  // tick (timer_lists.h) at which an idle connection ends
    ServiceId service = kNoService;
    RealServerId server = kNoRealServer;
    // Checksum deltas (checksum.h) of the translation client to server; their complements serve the
    // way back.
    uint16_t ip_delta = 0;
    uint16_t l4_delta = 0;
    // By direction: where the packet goes next, valid while `generation` is the forwarder's.
    std::array<uint16_t, 2> adjacency{kNoAdjacency, kNoAdjacency};
    uint32_t generation = 0;
    uint32_t overflow_next = kNoConnection;  // overflow chain, or free list

    [[nodiscard]] Protocol protocol() const { return client.protocol(); }
    [[nodiscard]] Endpoint virtual_service() const { return peer[0].endpoint(); }
    [[nodiscard]] Endpoint real_server() const { return peer[1].endpoint(); }
};
static_assert(sizeof(Connection) == 64);

// What a lookup compares: a packet's two ends, sorted into client and peer.
struct ConnectionKey {
    Direction direction{};
    FlowEnd client;
    FlowEnd peer;
};

// The key of a packet whose `direction` is known.
[[nodiscard]] inline ConnectionKey connection_key_of(const Packet& packet) {
    const bool is_from_client = packet.direction == Direction::kClientToServer;
    const uint64_t source = packet.source.bits;
    const uint64_t destination = packet.destination.bits;
    return {packet.direction,
            FlowEnd{select(is_from_client, source, destination)},
            FlowEnd{select(is_from_client, destination, source)}};
}

class ConnTable {
  public:
    // Entries per bucket on average when the table is full; a bucket holds ten.
    static constexpr uint32_t kEntriesPerBucket = 5;
    // An overflow chain that gets this long takes no more: only a client that opens hundreds of
    // connections from one single port makes one.
    static constexpr uint32_t kOverflowMax = 64;

    ConnTable(uint32_t connections_max, const HashKey& key, const TableMemory& memory);

    [[nodiscard]] bool is_allocated() const;
    [[nodiscard]] static uint64_t bytes(uint32_t connections_max);

    [[nodiscard]] uint64_t hash(FlowEnd client) const { return keyed_hash(key_, client.bits); }

    // The three steps of a lookup, so that a burst can overlap their cache misses: prefetch all
    // buckets, then take all candidates and prefetch them, then compare.
    void prefetch_bucket(uint64_t hash) const { __builtin_prefetch(&buckets_[bucket_of(hash)]); }
    // The first entry whose tag fits, or kNoConnection; it is prefetched for writing.
    [[nodiscard]] uint32_t candidate(uint64_t hash) const;
    // The connection, or kNoConnection. `first` is what candidate() answered.
    [[nodiscard]] uint32_t find(uint64_t hash, const ConnectionKey& key, uint32_t first) const {
        const bool is_first = first != kNoConnection && matches(first, key);
        return is_first ? first : find_other(hash, key, first);
    }

    // Adds an entry under `hash` and returns its index: only the caller-owned fields are copied
    // from `connection`. kNoConnection when the table (or, hostile, the chain) is full. The caller
    // arms a timer on it.
    [[nodiscard]] uint32_t insert(uint64_t hash, const Connection& connection);

    // Removes an entry and disarms its timer.
    void remove(uint32_t index);

    [[nodiscard]] Connection& operator[](uint32_t index) { return entries_[index]; }
    [[nodiscard]] const Connection& operator[](uint32_t index) const { return entries_[index]; }
    [[nodiscard]] TimerLists& timers() { return timers_; }

    [[nodiscard]] uint32_t size() const { return size_; }
    // How many entries were ever removed: tells whether an index may have changed hands.
    [[nodiscard]] uint64_t removals() const { return removals_; }
    [[nodiscard]] uint32_t capacity() const { return capacity_; }
    // Indexes ever used are below this: how far a listing has to walk.
    [[nodiscard]] uint32_t high_water() const { return high_water_; }
    // Whether an index below high_water() holds a connection now.
    [[nodiscard]] bool is_used(uint32_t index) const {
        return entries_[index].service != kNoService;
    }

  private:
    static constexpr uint32_t kTags = 10;
    struct alignas(64) Bucket {
        std::array<uint16_t, kTags> tags;  // 0 = empty
        uint32_t overflow;  // entry number + 1; 0 = none, so that zeroed memory is empty
        std::array<uint32_t, kTags> entries;
    };
    static_assert(sizeof(Bucket) == 64);

    [[nodiscard]] static uint32_t bucket_count(uint32_t connections_max);
    [[nodiscard]] static uint16_t tag_of(uint64_t hash) {
        return static_cast<uint16_t>(hash | 1);  // 0 means empty
    }
    [[nodiscard]] size_t bucket_of(uint64_t hash) const {
        return static_cast<size_t>((hash >> 32) * bucket_count_ >> 32);
    }
    [[nodiscard]] static uint32_t matching_tags(const Bucket& bucket, uint16_t tag);
    [[nodiscard]] bool matches(uint32_t index, const ConnectionKey& key) const {
        const Connection& entry = entries_[index];
        const uint64_t peer = entry.peer[static_cast<size_t>(key.direction)].bits;
        return ((entry.client.bits ^ key.client.bits) | (peer ^ key.peer.bits)) == 0;
    }
    [[nodiscard]] uint32_t find_other(uint64_t hash,
                                      const ConnectionKey& key,
                                      uint32_t first) const;
    [[nodiscard]] uint32_t take_free_entry();
    [[nodiscard]] static bool is_chain_full(const TableArray<Connection>& entries,
                                            const Bucket& bucket);
    void unlink_from_chain(Bucket& bucket, uint32_t index);
    void refill_from_chain(Bucket& bucket, uint32_t slot);

    HashKey key_;
    uint32_t capacity_;
    uint32_t bucket_count_;
    uint32_t size_ = 0;
    uint32_t high_water_ = 0;
    uint32_t free_ = kNoConnection;
    uint64_t removals_ = 0;
    TableArray<Bucket> buckets_;
    TableArray<Connection> entries_;
    TimerLists timers_;
};

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
    const uint32_t index = found != 0 ? bucket.entries[static_cast<size_t>(std::countr_zero(found))]
                                      : bucket.overflow - 1;  // 0 - 1 is kNoConnection
    if (index != kNoConnection) {
        __builtin_prefetch(&entries_[index], 1);
    }
    return index;
}

}  // namespace director::dataplane
