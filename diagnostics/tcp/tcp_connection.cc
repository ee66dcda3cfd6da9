#include "diagnostics/tcp/tcp_connection.h"

#include "diagnostics/tcp/tcp_steps.h"

namespace director::diagnostics {
namespace {

using tcp_steps::Step;

// "tcpPSeqCnt" and what goes with it: by the numbers of the packet before, whatever it was.
void count_differences(Step& step) {
    TcpHalf& self = step.self;
    TcpFinding& finding = step.finding;
    if (!self.has_packets) {
        self.first_sequence = step.sequence();
    } else {
        finding.sequence_difference = sequence_distance(step.sequence(), self.last_sequence);
        self.sequence_changes += finding.sequence_difference != 0 ? 1U : 0U;
        // The SYN's own number is no byte.
        const int64_t bytes = finding.sequence_difference - (self.last_was_syn ? 1 : 0);
        if (bytes > 0) {
            finding.sequence_length = static_cast<uint64_t>(bytes);
            self.sent_bytes += finding.sequence_length;
        }
    }
    if (!step.has(kAck)) {
        return;
    }
    if (!self.has_ack) {
        self.first_acknowledgement = step.acknowledgement();
        return;
    }
    finding.acknowledgement_difference = sequence_distance(step.acknowledgement(), self.last_ack);
    self.acknowledgement_changes += finding.acknowledgement_difference != 0 ? 1U : 0U;
    if (finding.acknowledgement_difference > 0) {
        finding.acknowledgement_length = static_cast<uint64_t>(finding.acknowledgement_difference);
        self.acknowledged_bytes += finding.acknowledgement_length;
    } else if (finding.acknowledgement_difference < 0) {
        ++step.rare().sequence.acknowledgement_faults;
    }
}

void count_packet(Step& step) {
    if (step.has(kSyn | kFin | kRst)) {
        TcpHalf& self = step.self;
        self.syns += step.has(kSyn) ? 1U : 0U;
        self.fins += step.has(kFin) ? 1U : 0U;
        self.resets += step.has(kRst) ? 1U : 0U;
    }
    TcpFinding& finding = step.finding;
    finding.flags = flag_bits(step.segment.header->flags);
    if (step.self.has_packets) {
        finding.status |= kStatusInterDistance;
    }
    if (step.segment.is_fragment) {
        finding.status |= kStatusL4Checksum;
    }
    if (step.has(kSyn) && step.segment.payload_bytes > 0) {
        finding.anomaly |= kAnomalySynWithData;
    }
}

}  // namespace

const TcpHalf& tcp_steps::Step::other() const {
    static const TcpHalf kNobody;
    return peer != nullptr ? *peer : kNobody;
}

TcpRare& tcp_steps::Step::rare() const {
    if (self.rare == TcpHalf::kNone) {
        self.rare = rares.acquire();
    }
    return rares[self.rare];
}

TcpFacts facts_so_far(const TcpHalf& half, const TcpRares& rares) {
    TcpFacts facts;
    facts.status = half.status;
    facts.flags = half.flags;
    facts.anomaly = half.anomaly;
    facts.states = half.states;
    facts.syns = half.syns;
    facts.fins = half.fins;
    facts.resets = half.resets;
    if (half.rare != TcpHalf::kNone) {
        const TcpRare& rare = rares[half.rare];
        facts.sequence = rare.sequence;
        facts.window = rare.window;
        facts.options = rare.options;
    }
    facts.sequence.first = half.first_sequence;
    facts.sequence.first_acknowledgement = half.first_acknowledgement;
    facts.sequence.changes = half.sequence_changes;
    facts.sequence.acknowledgement_changes = half.acknowledgement_changes;
    facts.sequence.sent_bytes = half.sent_bytes;
    facts.sequence.acknowledged_bytes = half.acknowledged_bytes;
    facts.sequence.in_flight_max = half.in_flight_max;
    facts.sequence.unacknowledged_payload_max = half.unacknowledged_payload_max;
    facts.window.initial = half.first_window;
    facts.window.min = half.window_min;
    facts.window.max = half.window_max;
    facts.window.last = half.last_window;
    facts.window.downs = half.window_downs;
    facts.window.ups = half.window_ups;
    facts.window.turns = half.window_turns;
    facts.options.packets = half.option_packets;
    facts.options.count = half.option_count;
    facts.options.kinds = half.option_kinds;
    facts.options.mss = half.mss;
    facts.options.has_window_shift = half.has_window_shift;
    facts.options.window_shift = half.window_shift;
    facts.timestamps.has_any = half.has_timestamps;
    facts.timestamps.last = half.has_timestamps ? half.on_the_way.last_timestamp() : 0;
    facts.timestamps.last_echo = half.last_echo;
    facts.trips.has_handshake = half.has_handshake;
    facts.trips.handshake = static_cast<double>(half.handshake_ns) / 1e9;
    return facts;
}

uint16_t flag_bits(uint16_t header_flags) {
    const auto has_all = [header_flags](uint16_t wanted) {
        return (header_flags & wanted) == wanted;
    };
    uint32_t bits = header_flags & 0xffU;
    bits |= has_all(kFin | kAck) ? unsigned{kFlagFinAck} : 0U;
    bits |= has_all(kSyn | kAck) ? unsigned{kFlagSynAck} : 0U;
    bits |= has_all(kRst | kAck) ? unsigned{kFlagRstAck} : 0U;
    bits |= (header_flags & 0x3f) == 0 ? unsigned{kFlagNull} : 0U;
    bits |= has_all(kSyn | kFin) ? unsigned{kFlagSynFin} : 0U;
    bits |= has_all(kSyn | kFin | kRst) ? unsigned{kFlagSynFinRst} : 0U;
    bits |= has_all(kFin | kRst) ? unsigned{kFlagFinRst} : 0U;
    bits |= has_all(kFin | kPsh | kUrg) ? unsigned{kFlagXmas} : 0U;
    return static_cast<uint16_t>(bits);
}

TcpFinding see_segment(TcpPair& pair,
                       TcpHalf& self,
                       TcpHalf* peer,
                       Direction direction,
                       const TcpSegment& segment,
                       const TcpContext& context) {
    TcpFinding finding;
    Step step{pair, self, peer, direction, segment, context.settings, context.rares, finding};
    count_packet(step);
    count_differences(step);
    tcp_steps::read_options(step);
    finding.window = tcp_steps::effective_window(step);
    tcp_steps::judge_numbers(step);
    tcp_steps::follow_window(step);
    tcp_steps::time_answers(step);
    tcp_steps::follow_states(step);
    tcp_steps::remember_numbers(step);

    self.status |= finding.status;
    self.flags |= finding.flags;
    self.anomaly |= finding.anomaly;
    self.states |= finding.states;
    return finding;
}

bool begins_anew(const TcpPair& pair,
                 const TcpHalf* self,
                 const TcpHalf* peer,
                 const TcpSegment& segment) {
    if ((segment.header->flags & (kSyn | kAck | kRst | kFin)) != kSyn) {
        return false;
    }
    if (self != nullptr && self->has_packets) {
        return segment.header->sequence != self->first_sequence;
    }
    // A SYN from the side that was silent: two SYNs that cross belong together (RFC 9293 section
    // 3.5), the rest of a connection before does not.
    return pair.state == TcpState::kReset || pair.state == TcpState::kClosed ||
           (peer != nullptr && !peer->has_syn);
}

TcpFacts conclude(const TcpPair& pair,
                  const TcpHalf& self,
                  const TcpHalf* peer,
                  const TcpRares& rares) {
    TcpFacts facts = facts_so_far(self, rares);
    facts.status |= kStatusInterDistance;
    facts.has_established = pair.has_handshake;
    tcp_steps::conclude_window(facts, self, peer, rares);
    tcp_steps::conclude_trips(facts, pair, self, peer);
    tcp_steps::conclude_states(facts, pair);
    return facts;
}

int64_t state_timeout_ns(TcpState state, const AnalysisSettings& settings) {
    switch (state) {
        case TcpState::kNew:
            return settings.new_timeout_ns;
        case TcpState::kEstablished:
            return settings.established_timeout_ns;
        case TcpState::kClosing:
            return settings.closing_timeout_ns;
        case TcpState::kClosed:
            return settings.closed_timeout_ns;
        case TcpState::kReset:
            return settings.reset_timeout_ns;
    }
    return settings.new_timeout_ns;
}

}  // namespace director::diagnostics
