// One direction of a TCP connection while it is followed: what was counted so far, and what the
// next packet is compared with. Plain data, of fixed size; changed by see_segment() alone.
//
// Where many connections are open, each lies in no cache, and what a packet costs is the cache
// lines that it touches. So what an ordinary packet needs stands together, line by line, and what
// most connections never have is a TcpRare, which a half gets when it needs one. Counts of 32 bits
// count packets of a flow, which has fewer (kFlowPacketsMax in diagnostics/flow).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "diagnostics/flow/flow_record.h"
#include "diagnostics/flow/running.h"
#include "diagnostics/flow/slab.h"
#include "diagnostics/tcp/sequence.h"

namespace director::diagnostics {

// What awaits its answer.
//
// Of segments the first on the way, oldest first. When it is full, later ones go untimed: a round
// trip needs a sample now and then, not each. Of TSvals the last different ones, and when each was
// sent first (RFC 7323 section 4.1).
class OnTheWay {
  public:
    void sent(uint32_t end, int64_t time_ns) {
        if (count_ < kSegments) {
            ends_[count_] = end;
            sent_ns_[count_] = time_ns;
            ++count_;
        }
    }

    // An ACK of a segment sent twice tells nothing (Karn's rule, RFC 6298 section 3): what ends
    // after `start` is forgotten.
    void sent_again_from(uint32_t start) {
        while (count_ > 0 && is_after(ends_[count_ - 1U], start)) {
            --count_;
        }
    }

    // When the segment was sent that ends where `acknowledgement` says, or 0: what it covers of
    // others may have waited for the receiver. Covered ones are gone.
    int64_t acknowledged(uint32_t acknowledgement) {
        uint8_t covered = 0;
        while (covered < count_ && !is_after(ends_[covered], acknowledgement)) {
            ++covered;
        }
        if (covered == 0) {
            return 0;
        }
        const bool is_its_end = ends_[covered - 1U] == acknowledgement;
        const int64_t time_ns = sent_ns_[covered - 1U];
        for (uint8_t i = covered; i < count_; ++i) {
            ends_[i - covered] = ends_[i];
            sent_ns_[i - covered] = sent_ns_[i];
        }
        count_ = static_cast<uint8_t>(count_ - covered);
        return is_its_end ? time_ns : 0;
    }

    void sent_timestamp(uint32_t value, int64_t time_ns) {
        if (stamped_ns_[last_] != 0 && values_[last_] == value) {
            return;
        }
        last_ = static_cast<uint8_t>((last_ + 1U) % kTimestamps);
        values_[last_] = value;
        stamped_ns_[last_] = time_ns;
        echoed_ = static_cast<uint8_t>(echoed_ & ~(1U << last_));
    }

    // When `value` was sent, or 0. Asked a second time: 0.
    int64_t echoed(uint32_t value) {
        for (size_t i = 0; i < kTimestamps; ++i) {
            if (stamped_ns_[i] != 0 && values_[i] == value && (echoed_ >> i & 1U) == 0) {
                echoed_ = static_cast<uint8_t>(echoed_ | 1U << i);
                return stamped_ns_[i];
            }
        }
        return 0;
    }

    // The last TSval sent.
    [[nodiscard]] uint32_t last_timestamp() const { return values_[last_]; }

  private:
    static constexpr size_t kSegments = 6;
    static constexpr size_t kTimestamps = 4;

    std::array<uint32_t, kSegments> ends_{};
    uint8_t count_ = 0;
    uint8_t last_ = 0;
    uint8_t echoed_ = 0;  // a bit for each value
    std::array<uint32_t, kTimestamps> values_{};
    std::array<int64_t, kSegments> sent_ns_{};
    std::array<int64_t, kTimestamps> stamped_ns_{};
};

// What most connections never have. Of the facts those that TcpHalf does not have itself.
struct TcpRare {
    int64_t zero_since_ns = 0;  // while TcpHalf::is_window_zero
    SequenceFacts sequence;
    WindowFacts window;
    OptionFacts options;
};

struct alignas(64) TcpHalf {
    static constexpr uint32_t kNone = 0xffffffff;

    // The first line: what packets of both directions look at.
    uint32_t next = 0;        // after the highest sequence number sent
    uint32_t contiguous = 0;  // up to here all was seen, and may be acknowledged
    uint32_t last_ack = 0;
    uint32_t last_window = 0;  // scaled
    uint32_t duplicates = 0;   // of the last ACK, in a row
    uint32_t flight_low = 0;
    uint32_t flight_high = 0;
    uint16_t last_mptcp_subtypes = 0;
    uint16_t last_anomaly = 0;
    uint16_t last_status = 0;
    uint16_t status = 0;  // of all packets together, as are the next three
    uint16_t flags = 0;
    uint16_t anomaly = 0;
    uint8_t states = 0;
    bool has_packets = false;
    bool has_next = false;
    bool has_ack = false;
    bool last_was_syn = false;
    bool has_syn = false;
    bool has_fin = false;
    bool fin_is_acknowledged = false;  // by the peer
    bool is_flight_known = false;
    bool is_window_zero = false;
    bool window_counts_up = false;
    bool has_window_shift = false;
    uint8_t window_shift = 0;  // as applied: at most 14
    bool has_timestamps = false;
    bool timestamp_falls = false;
    uint64_t unacknowledged_payload = 0;

    // Two lines: what this direction sends, and the other answers.
    OnTheWay on_the_way;

    // Two lines: what a packet of this direction changes.
    int64_t next_time_ns = 0;  // when `next` was reached
    int64_t last_ns = 0;       // the last packet
    int64_t last_timestamp_ns = 0;
    uint64_t payload_bytes = 0;
    uint64_t sent_bytes = 0;
    uint64_t acknowledged_bytes = 0;
    uint64_t unacknowledged_payload_max = 0;
    uint64_t option_count = 0;
    double window_sum = 0;
    uint32_t option_kinds = 0;
    uint32_t option_packets = 0;
    uint32_t last_echo = 0;
    uint32_t last_sequence = 0;
    uint32_t in_flight_max = 0;
    uint32_t packets = 0;
    uint32_t sequence_changes = 0;
    uint32_t acknowledgement_changes = 0;
    uint32_t window_packets = 0;
    uint32_t window_min = 0;
    uint32_t window_max = 0;
    uint32_t window_downs = 0;
    uint32_t window_ups = 0;
    uint32_t window_turns = 0;

    // What a packet of the other direction changes.
    Running ack_trip;
    Running timestamp_trip;

    // What few packets touch.
    uint32_t rare = kNone;  // of a Slab of TcpRare
    uint32_t first_sequence = 0;
    uint32_t first_acknowledgement = 0;
    uint32_t first_window = 0;
    int64_t handshake_ns = 0;  // from the SYN or SYN-ACK to its answer
    bool has_handshake = false;
    uint16_t mss = 0;
    uint32_t first_timestamp = 0;
    int64_t first_timestamp_ns = 0;
    uint32_t syns = 0;
    uint32_t fins = 0;
    uint32_t resets = 0;

    // What a packet touches of its own half; of the other, from the start and from `ack_trip` on.
    static constexpr size_t kOwnBytes = 5 * size_t{64};
    static constexpr size_t kPeerBytes = 3 * size_t{64};
    static constexpr size_t kAnswersBytes = 2 * size_t{64};
};
static_assert(sizeof(TcpHalf) == 8 * 64);
static_assert(offsetof(TcpHalf, on_the_way) == 64);
static_assert(offsetof(TcpHalf, next_time_ns) == 3 * size_t{64});
static_assert(offsetof(TcpHalf, ack_trip) == 5 * size_t{64});

using TcpRares = Slab<TcpRare>;

// What was counted so far, without what is known only at the end (conclude() in tcp_connection.h).
[[nodiscard]] TcpFacts facts_so_far(const TcpHalf& half, const TcpRares& rares);

}  // namespace director::diagnostics
