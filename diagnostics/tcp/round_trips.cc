#include <cmath>

#include "diagnostics/tcp/tcp_steps.h"

namespace director::diagnostics::tcp_steps {
namespace {

double seconds(int64_t ns) {
    return static_cast<double>(ns) / 1e9;
}

void time_handshake(Step& step) {
    TcpPair& pair = step.pair;
    const bool is_client = step.direction == pair.client;
    const int64_t now = step.segment.time_ns;
    if (step.has(kRst | kFin)) {
        return;
    }
    if (step.has(kSyn) && !step.has(kAck) && !pair.has_syn_ack) {
        pair.syn_ns = now;
    } else if (step.has(kSyn) && step.has(kAck) && pair.has_syn && !is_client &&
               !pair.has_handshake) {
        if (!pair.has_syn_ack && step.peer != nullptr) {
            step.peer->handshake_ns = now - pair.syn_ns;
            step.peer->has_handshake = true;
        }
        pair.syn_ack_ns = now;
    } else if (step.has(kAck) && !step.has(kSyn) && is_client && pair.has_syn_ack &&
               !pair.has_handshake && step.peer != nullptr) {
        step.peer->handshake_ns = now - pair.syn_ack_ns;
        step.peer->has_handshake = true;
        pair.first_trip_ns = now - pair.syn_ns;
    }
}

}  // namespace

void time_answers(Step& step) {
    time_handshake(step);
    TcpHalf* const peer = step.peer;
    const TcpHeader& header = *step.segment.header;
    const int64_t now = step.segment.time_ns;
    if (peer != nullptr && step.has(kAck)) {
        if (const int64_t sent = peer->on_the_way.acknowledged(step.acknowledgement()); sent != 0) {
            step.finding.ack_trip_ns = now - sent;
            peer->ack_trip.add(seconds(now - sent));
        }
    }
    if (!header.has_timestamps) {
        return;
    }
    step.self.on_the_way.sent_timestamp(header.timestamp, now);
    // RFC 7323 section 3.2: without ACK the echo means nothing.
    if (peer != nullptr && step.has(kAck)) {
        if (const int64_t sent = peer->on_the_way.echoed(header.timestamp_echo); sent != 0) {
            peer->timestamp_trip.add(seconds(now - sent));
        }
    }
}

void conclude_trips(TcpFacts& all, const TcpPair& pair, const TcpHalf& self, const TcpHalf* peer) {
    RoundTripFacts& facts = all.trips;
    facts.ack_trip = self.ack_trip.spread();
    facts.ack_trip_jitter = facts.ack_trip.deviation;
    facts.timestamp_trip = self.timestamp_trip.spread();
    const bool is_client = pair.has_syn && peer != nullptr && self.has_syn && self.has_handshake &&
                           pair.first_trip_ns > 0 && (self.flags & kFlagSynAck) == 0;
    if (is_client) {
        facts.sequence_mean = seconds(pair.first_trip_ns);
    } else if (peer != nullptr && self.ack_trip.count() > 0 && peer->ack_trip.count() > 0) {
        const Spread theirs = peer->ack_trip.spread();
        facts.sequence_mean = facts.ack_trip.mean + theirs.mean;
        facts.sequence_jitter = std::hypot(facts.ack_trip.deviation, theirs.deviation);
    }
}

}  // namespace director::diagnostics::tcp_steps
