#include "diagnostics/tcp/tcp_connection.h"

#include "diagnostics/tcp/tcp_steps.h"

namespace director::diagnostics {
namespace {

using tcp_steps::Step;

// "tcpPSeqCnt" and what goes with it: by the numbers of the packet before, whatever it was.
void count_differences(Step& step) {
    TcpHalf& self = step.self;
    SequenceFacts& facts = self.facts.sequence;
    TcpFinding& finding = step.finding;
    if (!self.has_packets) {
        facts.first = step.sequence();
    } else {
        finding.sequence_difference = sequence_distance(step.sequence(), self.last_sequence);
        facts.changes += finding.sequence_difference != 0 ? 1U : 0U;
        // The SYN's own number is no byte.
        const int64_t bytes = finding.sequence_difference - (self.last_was_syn ? 1 : 0);
        if (bytes > 0) {
            finding.sequence_length = static_cast<uint64_t>(bytes);
            facts.sent_bytes += finding.sequence_length;
        }
    }
    if (!step.has(kAck)) {
        return;
    }
    if (!self.has_ack) {
        facts.first_acknowledgement = step.acknowledgement();
        return;
    }
    finding.acknowledgement_difference = sequence_distance(step.acknowledgement(), self.last_ack);
    facts.acknowledgement_changes += finding.acknowledgement_difference != 0 ? 1U : 0U;
    if (finding.acknowledgement_difference > 0) {
        finding.acknowledgement_length = static_cast<uint64_t>(finding.acknowledgement_difference);
        facts.acknowledged_bytes += finding.acknowledgement_length;
    } else if (finding.acknowledgement_difference < 0) {
        ++facts.acknowledgement_faults;
    }
}

void count_packet(Step& step) {
    TcpFacts& facts = step.self.facts;
    facts.syns += step.has(kSyn) ? 1U : 0U;
    facts.fins += step.has(kFin) ? 1U : 0U;
    facts.resets += step.has(kRst) ? 1U : 0U;
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
                       const AnalysisSettings& settings) {
    TcpFinding finding;
    Step step{pair, self, peer, direction, segment, settings, finding};
    count_packet(step);
    count_differences(step);
    tcp_steps::read_options(step);
    finding.window = tcp_steps::effective_window(step);
    tcp_steps::judge_numbers(step);
    tcp_steps::follow_window(step);
    tcp_steps::time_answers(step);
    tcp_steps::follow_states(step);
    tcp_steps::remember_numbers(step);

    TcpFacts& facts = self.facts;
    facts.status |= finding.status;
    facts.flags |= finding.flags;
    facts.anomaly |= finding.anomaly;
    facts.states |= finding.states;
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
        return segment.header->sequence != self->facts.sequence.first;
    }
    // A SYN from the side that was silent: two SYNs that cross belong together (RFC 9293 section
    // 3.5), the rest of a connection before does not.
    return pair.state == TcpState::kReset || pair.state == TcpState::kClosed ||
           (peer != nullptr && !peer->has_syn);
}

void conclude(const TcpPair& pair, TcpHalf& self, const TcpHalf* peer) {
    self.facts.status |= kStatusInterDistance;
    self.facts.has_established = pair.has_handshake;
    tcp_steps::conclude_window(self, peer);
    tcp_steps::conclude_trips(pair, self, peer);
    tcp_steps::conclude_states(pair, self);
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
