// What a worker has told its director's twin of each connection, and which connections the twin
// should hear of next. One 8-byte mark per entry of the connection table, beside it, because only a
// director with a twin reads them; and two bounded queues of entry numbers.
//
// When a connection is told is Linux's ip_vs_sync_conn_needed() (net/netfilter/ipvs/ip_vs_sync.c),
// asked for packets from the client alone. What is told is looked up when the control plane fetches
// it, so a connection that changes five times meanwhile is told once, as it is then. A connection
// that finds its queue full is tried again with its client's next packet: those that live on get
// through, and those that the twin knows already have a queue of their own, which goes first.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/api/conn_state.h"
#include "dataplane/api/sync.h"
#include "dataplane/core/tables/table_memory.h"

namespace director::dataplane {

// Of a connection, as of a packet from its client.
struct SyncView {
    Protocol protocol{};
    ConnState state{};
    bool has_template = false;
    uint32_t timeout = 0;   // ticks, of its state
    uint32_t deadline = 0;  // tick
    uint32_t tick = 0;      // now
};

// Whether the twin hears of connections in this state at all.
[[nodiscard]] bool is_told_in(Protocol protocol, ConnState state);

class SyncMarks {
  public:
    // `queue_max` 0: there is no twin, ever, and nothing is allocated but a byte.
    SyncMarks(uint32_t entries, uint32_t queue_max, const TableMemory& memory);

    [[nodiscard]] bool is_allocated() const;
    [[nodiscard]] static uint64_t bytes(uint32_t entries, uint32_t queue_max);
    [[nodiscard]] bool exists() const { return queue_max_ != 0; }

    // False, changing nothing: nonsense, or there are no marks.
    [[nodiscard]] bool set_policy(const SyncPolicy& policy);
    [[nodiscard]] const SyncPolicy& policy() const { return policy_; }
    // The one question that a director without a twin asks, once per group of packets.
    [[nodiscard]] bool is_on() const { return policy_.is_on; }

    void prefetch(uint32_t entry) const { __builtin_prefetch(&marks_[entry], 1); }
    // A packet of the connection came from its client: counted, and the connection queued if the
    // twin should hear of it now.
    void on_client_packet(uint32_t entry, const SyncView& view);

    // The entry is another connection's from now on.
    void forget(uint32_t entry) {
        if (exists()) {
            marks_[entry] = {};
        }
    }
    // The twin told us of it: IPVS has it told again a period after the next packet here.
    void adopt(uint32_t entry, ConnState state);
    // Whether the last that was heard of a connection came from its own packets, not from the twin.
    [[nodiscard]] bool is_seen_here(uint32_t entry) const {
        return exists() && (marks_[entry].flags & kFromTwin) == 0;
    }

    // The next entry to tell, those that the twin knows first; kNone when there is none.
    static constexpr uint32_t kNone = 0xffffffffU;
    struct Next {
        uint32_t entry = kNone;
        bool is_known_to_twin = false;
    };
    [[nodiscard]] Next take();
    [[nodiscard]] uint32_t waiting() const { return lanes_[0].count + lanes_[1].count; }
    [[nodiscard]] const SyncCounters& counters() const { return counters_; }

  private:
    enum Flag : uint8_t {
        kQueued = 1,
        kTold = 2,      // at least once, or by the twin
        kOwed = 4,      // the queue was full when it was its turn
        kFromTwin = 8,  // no packet since
        kRetryOne = 16,
        kRetryBits = 48,
    };
    struct Mark {
        uint32_t told_deadline;  // tick
        uint16_t packets;        // from the client: threshold .. threshold + period - 1, in turns
        uint8_t told_state;      // ConnState; 0 (kNone) at first, as IPVS's old_state
        uint8_t flags;           // Flag, and how often it was repeated in kRetryOne's bits
    };
    static_assert(sizeof(Mark) == 8);
    // A ring of entry numbers within queue_.
    struct Lane {
        uint32_t first = 0;
        uint32_t count = 0;
    };

    static void clear(Mark& mark, uint32_t bits) {
        mark.flags = static_cast<uint8_t>(mark.flags & ~bits);
    }
    void count_packet(Mark& mark) const;
    [[nodiscard]] bool is_due(Mark& mark, const SyncView& view) const;
    [[nodiscard]] bool is_refreshed(Mark& mark, const SyncView& view) const;
    [[nodiscard]] bool push(size_t lane, uint32_t entry);

    uint32_t queue_max_;
    SyncPolicy policy_;
    SyncCounters counters_;
    std::array<Lane, 2> lanes_;  // 0: known to the twin; 1: new to it
    TableArray<Mark> marks_;
    TableArray<uint32_t> queue_;
};

}  // namespace director::dataplane
