// One direction of a TCP connection while it is followed: what was counted so far (TcpFacts), and
// what the next packet is compared with. Plain data, of fixed size; changed by TcpConnection alone.
#pragma once

#include <array>
#include <cstdint>

#include "diagnostics/flow/flow_record.h"
#include "diagnostics/flow/running.h"
#include "diagnostics/tcp/sequence.h"

namespace director::diagnostics {

// The first segments on the way that await their ACK, oldest first. When it is full, later ones
// go untimed: a round trip needs a sample now and then, not each.
class SegmentsOnTheWay {
  public:
    void sent(uint32_t end, int64_t time_ns) {
        if (count_ < segments_.size()) {
            segments_[count_++] = {end, time_ns};
        }
    }

    // An ACK of a segment sent twice tells nothing (Karn's rule, RFC 6298 section 3): what ends
    // after `start` is forgotten.
    void sent_again_from(uint32_t start) {
        while (count_ > 0 && is_after(segments_[count_ - 1].end, start)) {
            --count_;
        }
    }

    // When the segment was sent that ends where `acknowledgement` says, or 0: what it covers of
    // others may have waited for the receiver. Covered ones are gone.
    int64_t acknowledged(uint32_t acknowledgement) {
        uint8_t covered = 0;
        while (covered < count_ && !is_after(segments_[covered].end, acknowledgement)) {
            ++covered;
        }
        if (covered == 0) {
            return 0;
        }
        const Segment last = segments_[covered - 1U];
        for (uint8_t i = covered; i < count_; ++i) {
            segments_[i - covered] = segments_[i];
        }
        count_ = static_cast<uint8_t>(count_ - covered);
        return last.end == acknowledgement ? last.time_ns : 0;
    }

  private:
    struct Segment {
        uint32_t end = 0;
        int64_t time_ns = 0;
    };
    std::array<Segment, 6> segments_{};
    uint8_t count_ = 0;
};

// The last different TSvals sent, and when each was sent first (RFC 7323 section 4.1).
class TimestampsOnTheWay {
  public:
    void sent(uint32_t value, int64_t time_ns) {
        if (values_[last_].time_ns != 0 && values_[last_].value == value) {
            return;
        }
        last_ = (last_ + 1) % values_.size();
        values_[last_] = {value, time_ns};
    }

    // When `value` was sent, or 0. Asked a second time: 0.
    int64_t echoed(uint32_t value) {
        for (Value& each : values_) {
            if (each.time_ns != 0 && each.value == value && !each.echoed) {
                each.echoed = true;
                return each.time_ns;
            }
        }
        return 0;
    }

  private:
    struct Value {
        uint32_t value = 0;
        int64_t time_ns = 0;
        bool echoed = false;
    };
    std::array<Value, 4> values_{};
    size_t last_ = 0;
};

struct TcpHalf {
    // What each packet touches stands first.
    bool has_packets = false;
    bool has_next = false;
    bool has_ack = false;
    bool last_was_syn = false;
    bool has_syn = false;
    bool has_fin = false;
    bool fin_is_acknowledged = false;  // by the peer
    bool is_flight_known = false;
    bool window_counts_up = false;
    uint16_t last_mptcp_subtypes = 0;
    uint16_t last_anomaly = 0;
    uint16_t last_status = 0;
    uint32_t next = 0;        // after the highest sequence number sent
    uint32_t contiguous = 0;  // up to here all was seen, and may be acknowledged
    uint32_t last_sequence = 0;
    uint32_t last_ack = 0;
    uint32_t last_window = 0;  // scaled
    uint32_t duplicates = 0;   // of the last ACK, in a row
    uint32_t flight_low = 0;
    uint32_t flight_high = 0;
    uint64_t unacknowledged_payload = 0;
    int64_t next_time_ns = 0;   // when `next` was reached
    int64_t last_ns = 0;        // the last packet
    int64_t zero_since_ns = 0;  // 0: the window is open
    uint64_t payload_bytes = 0;

    SegmentsOnTheWay on_the_way;
    TimestampsOnTheWay timestamps_on_the_way;
    Running ack_trip;
    Running timestamp_trip;
    double window_sum = 0;
    uint64_t window_packets = 0;
    uint64_t packets = 0;

    uint32_t first_timestamp = 0;
    int64_t first_timestamp_ns = 0;
    int64_t last_timestamp_ns = 0;
    bool timestamp_falls = false;

    TcpFacts facts;
};

}  // namespace director::diagnostics
