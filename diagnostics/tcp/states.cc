#include "diagnostics/tcp/tcp_steps.h"

namespace director::diagnostics::tcp_steps {
namespace {

// No stack sends these (RFC 9293 section 3.10.7); scanners do.
bool is_evil(const Step& step) {
    const uint16_t flags = step.segment.header->flags & 0x3f;
    const auto has_all = [flags](uint16_t wanted) { return (flags & wanted) == wanted; };
    return flags == 0 || has_all(kSyn | kFin) || has_all(kSyn | kRst) ||
           has_all(kFin | kPsh | kUrg) || (flags & (kFin | kAck | kRst)) == kFin;
}

void establish(Step& step) {
    TcpPair& pair = step.pair;
    const bool is_syn = step.has(kSyn);
    const bool is_ack = step.has(kAck);
    if (is_syn && !is_ack && !step.has(kFin)) {
        if (!pair.has_syn) {
            pair.has_syn = true;
            pair.client = step.direction;
        }
        return;
    }
    if (is_syn && is_ack) {
        if (!pair.has_syn || step.direction == pair.client) {
            step.finding.states |= kStatesEstablishment;
        }
        pair.has_syn_ack = true;
        return;
    }
    if (is_ack && pair.has_syn && pair.has_syn_ack) {
        if (step.direction == pair.client) {
            pair.has_handshake = true;
        }
        pair.state = TcpState::kEstablished;
        return;
    }
    // An ACK while the SYN-ACK is awaited, or the middle of a connection.
    step.finding.states |= kStatesEstablishment;
    pair.is_midstream = pair.is_midstream || !pair.has_syn;
    if (is_ack && step.peer != nullptr) {
        pair.state = TcpState::kEstablished;
    }
}

void tear_down(Step& step) {
    TcpPair& pair = step.pair;
    if (step.has(kFin)) {
        step.self.has_fin = true;
        pair.state = TcpState::kClosing;
    }
    if (step.peer != nullptr && step.peer->has_fin && step.has(kAck) &&
        !is_before(step.acknowledgement(), step.peer->next)) {
        step.peer->fin_is_acknowledged = true;
        if (step.self.fin_is_acknowledged && step.self.has_fin) {
            pair.state = TcpState::kClosed;
            pair.has_ended = true;
        }
    }
}

}  // namespace

void follow_states(Step& step) {
    TcpPair& pair = step.pair;
    uint8_t& states = step.finding.states;
    if (is_evil(step)) {
        states |= kStatesEvil;
        if (pair.state == TcpState::kNew) {
            states |= kStatesEstablishment;
            // A scan by itself, from whomever.
            step.finding.anomaly |= kAnomalyScan;
        } else {
            states |= kStatesFlags;
        }
    }
    if (step.has(kRst)) {
        states |= kStatesResetFromSender;
        pair.state = TcpState::kReset;
        return;
    }
    switch (pair.state) {
        case TcpState::kNew:
            if ((states & kStatesEvil) == 0) {
                establish(step);
            }
            break;
        case TcpState::kEstablished:
        case TcpState::kClosing:
            // A SYN that is no repetition of the handshake's.
            if (step.has(kSyn) && (step.finding.anomaly & kAnomalySynRetransmission) == 0) {
                states |= kStatesFlags;
            }
            break;
        case TcpState::kClosed:
            if (step.segment.payload_bytes > 0 || step.has(kSyn)) {
                states |= kStatesAfterTeardown;
            }
            break;
        case TcpState::kReset:
            states |= kStatesAfterReset;
            return;
    }
    if (pair.state != TcpState::kNew) {
        tear_down(step);
    } else if (step.has(kFin)) {
        step.self.has_fin = true;
    }
}

void conclude_states(TcpFacts& facts, const TcpPair& pair) {
    if (!pair.has_handshake) {
        facts.states |= kStatesEstablishment;
    }
    if (!pair.has_ended) {
        facts.states |= kStatesTeardown;
    }
}

}  // namespace director::diagnostics::tcp_steps
