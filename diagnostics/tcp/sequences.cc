// The kinds of packets by their numbers, in the order in which Wireshark looks for them: a packet
// may be of several.
#include <algorithm>

#include "diagnostics/tcp/tcp_steps.h"

namespace director::diagnostics::tcp_steps {
namespace {

constexpr uint16_t kOpenOrClose = kSyn | kFin | kRst;

// A byte, or none, sent to a peer whose window is zero, to hear of it again (RFC 9293 section
// 3.8.6.1). Linux sends no byte but the number before the next; Wireshark calls that a keep-alive.
bool is_zero_window_probe(const Step& step) {
    const TcpHalf& self = step.self;
    const TcpHalf& other = step.other();
    if (!other.has_ack || other.last_window != 0 || other.window_packets == 0 || !self.has_next ||
        step.has(kOpenOrClose)) {
        return false;
    }
    const uint32_t length = step.segment.payload_bytes;
    return (length == 1 && step.sequence() == self.next) ||
           (length <= 1 && step.sequence() == self.next - 1);
}

void judge_before(Step& step) {
    const TcpHalf& self = step.self;
    if (self.has_next && is_after(step.sequence(), self.next) && !step.has(kRst)) {
        step.finding.anomaly |= kAnomalyPreviousNotCaptured;
        SequenceFacts& facts = step.rare().sequence;
        ++facts.previous_not_captured;
        facts.missing_bytes += step.sequence() - self.next;
    }
    if (self.has_next && step.segment.payload_bytes <= 1 && step.sequence() == self.next - 1 &&
        !step.has(kOpenOrClose)) {
        step.finding.anomaly |= kAnomalyKeepAlive;
        ++step.rare().sequence.keep_alives;
    }
}

// Whether the packet says nothing but what the one before said, save its window.
bool repeats_numbers(const Step& step) {
    const TcpHalf& self = step.self;
    return step.segment.payload_bytes == 0 && step.has(kAck) && !step.has(kOpenOrClose) &&
           self.has_ack && self.has_next && step.sequence() == self.next &&
           step.acknowledgement() == self.last_ack;
}

bool is_probe_ack(const Step& step) {
    const TcpHalf& self = step.self;
    const bool acknowledges =
        step.acknowledgement() == self.last_ack || step.acknowledgement() == self.last_ack + 1;
    return step.segment.payload_bytes == 0 && step.has(kAck) && !step.has(kOpenOrClose) &&
           self.has_ack && self.has_next && step.sequence() == self.next && acknowledges &&
           step.finding.window == 0 && self.last_window == 0 &&
           (step.other().last_status & kStatusZeroWindowProbe) != 0;
}

// A byte of a probe that the receiver took after all moves what its sender sends next.
void take_probed_byte(Step& step) {
    if (step.peer != nullptr && step.acknowledgement() == step.self.last_ack + 1) {
        step.peer->next = step.acknowledgement();
        step.peer->contiguous = step.acknowledgement();
    }
}

uint16_t mptcp_subtypes(const TcpHeader& header) {
    uint32_t subtypes = 0;
    for (size_t i = 0; i < std::min<size_t>(header.mptcp_count, header.mptcp.size()); ++i) {
        subtypes |= 1U << (header.mptcp[i].subtype & 15U);
    }
    return static_cast<uint16_t>(subtypes);
}

void judge_repeated_ack(Step& step) {
    TcpHalf& self = step.self;
    if (step.finding.window != self.last_window || step.finding.window == 0) {
        return;
    }
    if ((step.other().last_anomaly & kAnomalyKeepAlive) != 0) {
        step.finding.anomaly |= kAnomalyKeepAliveAck;
        ++step.rare().sequence.keep_alive_acks;
        return;
    }
    // MPTCP signals on ACKs that repeat the others (RFC 8684 section 3.3.1).
    const uint16_t subtypes = mptcp_subtypes(*step.segment.header);
    if (subtypes != self.last_mptcp_subtypes) {
        return;
    }
    ++self.duplicates;
    step.finding.duplicate_ack = self.duplicates;
    step.finding.anomaly |= kAnomalyDuplicateAck;
    SequenceFacts& facts = step.rare().sequence;
    ++facts.duplicate_acks;
    ++facts.acknowledgement_faults;
}

void judge_window(Step& step) {
    const TcpHalf& other = step.other();
    const uint32_t window = step.finding.window;
    if (repeats_numbers(step) && window != 0 && window != step.self.last_window) {
        step.finding.status |= kStatusWindowUpdate;
        ++step.rare().window.updates;
    }
    if (step.segment.payload_bytes > 0 && other.has_ack && other.has_syn &&
        step.payload_end() == other.last_ack + other.last_window && !step.has(kOpenOrClose)) {
        step.finding.status |= kStatusWindowFull;
        ++step.rare().window.full;
    }
}

void judge_ack_of_unseen(Step& step) {
    TcpHalf* const peer = step.peer;
    if (!step.has(kAck) || peer == nullptr || !peer->has_next ||
        !is_after(step.acknowledgement(), peer->contiguous)) {
        return;
    }
    step.finding.anomaly |= kAnomalyAckOfUnseen;
    if (step.has(kRst)) {
        // A reset of what nobody was seen to send: the tutorial's "sequence mess".
        step.finding.anomaly |= kAnomalySpurious;
    }
    SequenceFacts& facts = step.rare().sequence;
    ++facts.acks_of_unseen;
    ++facts.acknowledgement_faults;
    // Not to be told again.
    peer->contiguous = peer->next;
}

bool is_fast_retransmission(const Step& step) {
    const TcpHalf& other = step.other();
    return other.duplicates >= step.settings.fast_retransmission_duplicate_acks &&
           other.last_ack == step.sequence() &&
           step.segment.time_ns - other.last_ns < step.settings.fast_retransmission_within_ns;
}

// Close enough behind the highest segment to have been overtaken on the way.
bool came_late(const Step& step) {
    const int64_t within_ns = step.pair.first_trip_ns > 0 ? step.pair.first_trip_ns
                                                          : step.settings.out_of_order_within_ns;
    return step.segment.time_ns - step.self.next_time_ns < within_ns &&
           step.end() != step.self.next;
}

void count_retransmission(Step& step, uint64_t SequenceFacts::*counter) {
    SequenceFacts& facts = step.rare().sequence;
    ++(facts.*counter);
    ++facts.faults;
    facts.retransmitted_bytes += step.segment.payload_bytes;
    step.finding.retransmission_delay_ns = step.segment.time_ns - step.self.next_time_ns;
    facts.retransmission_delay_max_ns =
        std::max(facts.retransmission_delay_max_ns, step.finding.retransmission_delay_ns);
}

void judge_repetition(Step& step) {
    TcpHalf& self = step.self;
    const TcpHalf& other = step.other();
    uint16_t& anomaly = step.finding.anomaly;
    const uint32_t length = step.segment.payload_bytes;
    if ((length == 0 && !step.has(kSyn | kFin)) || (anomaly & kAnomalyKeepAlive) != 0 ||
        (step.finding.status & kStatusZeroWindowProbe) != 0 || !self.has_next) {
        return;
    }
    // A segment that starts with the byte of a zero window probe is new.
    const bool repeats =
        is_before(step.sequence(), self.next) && !(length > 1 && step.sequence() == self.next - 1);
    if (length > 0 && other.has_ack && !is_after(step.payload_end(), other.last_ack)) {
        anomaly |= kAnomalySpurious;
        // The tutorial sets both where a segment also stands out of its place in time.
        if (repeats && came_late(step)) {
            anomaly |= kAnomalyOutOfOrder;
        }
        count_retransmission(step, &SequenceFacts::spurious_retransmissions);
    } else if (!repeats) {
        return;
    } else if (step.has(kSyn)) {
        anomaly |= kAnomalySynRetransmission;
        count_retransmission(step, &SequenceFacts::syn_retransmissions);
    } else if (is_fast_retransmission(step)) {
        anomaly |= kAnomalyFastRetransmission;
        count_retransmission(step, &SequenceFacts::fast_retransmissions);
    } else if (came_late(step)) {
        anomaly |= kAnomalyOutOfOrder;
        SequenceFacts& facts = step.rare().sequence;
        ++facts.out_of_order;
        ++facts.faults;
    } else {
        anomaly |= kAnomalyTimeoutRetransmission;
        count_retransmission(step, &SequenceFacts::timeout_retransmissions);
    }
}

// The highest number so far, and up to where none is missing. `next` of a probe stays: its byte
// is most often refused. A reset's number may be anything.
void advance(Step& step) {
    TcpHalf& self = step.self;
    const bool is_probe = (step.finding.status & kStatusZeroWindowProbe) != 0;
    if (is_probe || step.has(kRst)) {
        return;
    }
    const bool is_first = !self.has_next;
    if (is_first || is_after(step.end(), self.next)) {
        self.next = step.end();
        self.next_time_ns = step.segment.time_ns;
        self.has_next = true;
    }
    if (is_first || step.sequence() == self.contiguous) {
        self.contiguous = self.next;
    }
}

void measure_flight(Step& step) {
    TcpHalf& self = step.self;
    if (step.segment.payload_bytes == 0 && !step.has(kSyn | kFin)) {
        return;
    }
    if (!self.is_flight_known) {
        self.is_flight_known = true;
        self.flight_low = step.sequence();
        self.flight_high = step.end();
    } else {
        self.flight_low =
            is_before(step.sequence(), self.flight_low) ? step.sequence() : self.flight_low;
        self.flight_high = is_after(step.end(), self.flight_high) ? step.end() : self.flight_high;
    }
    if (step.segment.payload_bytes > 0) {
        // SYN and FIN take a number, and are no bytes.
        const uint32_t in_flight =
            self.flight_high - self.flight_low - (step.has(kSyn | kFin) ? 1U : 0U);
        step.finding.in_flight = in_flight;
        self.in_flight_max = std::max(self.in_flight_max, in_flight);
    }
    self.unacknowledged_payload += step.segment.payload_bytes;
    self.unacknowledged_payload_max =
        std::max(self.unacknowledged_payload_max, self.unacknowledged_payload);
}

void land_flight(TcpHalf& peer, uint32_t acknowledgement) {
    peer.unacknowledged_payload = 0;
    if (!peer.is_flight_known) {
        return;
    }
    if (!is_after(peer.flight_high, acknowledgement)) {
        peer.is_flight_known = false;
    } else if (is_after(acknowledgement, peer.flight_low)) {
        peer.flight_low = acknowledgement;
    }
}

}  // namespace

void judge_numbers(Step& step) {
    TcpHalf& self = step.self;
    step.finding.expected = self.has_next ? self.next : step.sequence();
    if (is_zero_window_probe(step)) {
        step.finding.status |= kStatusZeroWindowProbe;
        ++step.rare().window.zero_window_probes;
    } else {
        judge_before(step);
        judge_window(step);
        if (is_probe_ack(step)) {
            step.finding.status |= kStatusZeroWindowProbeAck;
            ++step.rare().window.zero_window_probe_acks;
            take_probed_byte(step);
        } else if (repeats_numbers(step)) {
            judge_repeated_ack(step);
        }
    }
    if (step.has(kAck) && step.acknowledgement() != self.last_ack) {
        self.duplicates = 0;
    }
    judge_ack_of_unseen(step);
    judge_repetition(step);
}

void remember_numbers(Step& step) {
    TcpHalf& self = step.self;
    if (self.has_next && is_before(step.sequence(), self.next) &&
        (step.segment.payload_bytes > 0 || step.has(kSyn | kFin))) {
        self.on_the_way.sent_again_from(step.sequence());
    } else if ((step.segment.payload_bytes > 0 || step.has(kSyn | kFin)) && !step.has(kRst)) {
        self.on_the_way.sent(step.end(), step.segment.time_ns);
    }
    advance(step);
    measure_flight(step);
    if (step.has(kAck)) {
        if (step.peer != nullptr) {
            land_flight(*step.peer, step.acknowledgement());
        }
        self.has_ack = true;
        self.last_ack = step.acknowledgement();
    }
    self.has_syn = self.has_syn || step.has(kSyn);
    self.last_was_syn = step.has(kSyn);
    self.last_sequence = step.sequence();
    self.last_mptcp_subtypes = mptcp_subtypes(*step.segment.header);
    self.last_anomaly = step.finding.anomaly;
    self.last_status = step.finding.status;
    self.last_ns = step.segment.time_ns;
    self.payload_bytes += step.segment.payload_bytes;
    self.has_packets = true;
    ++self.packets;
}

}  // namespace director::diagnostics::tcp_steps
