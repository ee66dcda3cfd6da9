// Both directions of a TCP connection, packet by packet: retransmissions and their like, windows,
// round trips, options and states. Sans-IO: knows packets' headers and times, nothing else.
//
// Which packet is a retransmission, out of order, a keep-alive and so on follows the rules that
// Wireshark documents for tcp.analysis.* ("TCP Analysis" in its User's Guide, 7.5), so that both
// say the same of a capture; deliberate differences are in docs/diagnostics.md.
#pragma once

#include <cstdint>

#include "diagnostics/flow/flow_record.h"
#include "diagnostics/flow/settings.h"
#include "diagnostics/tcp/tcp_half.h"

namespace director::diagnostics {

enum class TcpState : uint8_t { kNew, kEstablished, kClosing, kClosed, kReset };

// What both directions share.
struct TcpPair {
    TcpState state = TcpState::kNew;
    bool has_syn = false;
    bool has_syn_ack = false;
    bool has_handshake = false;        // SYN, SYN-ACK and ACK were seen
    bool is_midstream = false;         // the first packet was no SYN
    bool has_ended = false;            // both FINs are acknowledged
    Direction client = Direction::kA;  // who sent the SYN
    int64_t syn_ns = 0;
    int64_t syn_ack_ns = 0;
    int64_t first_trip_ns = 0;  // SYN to ACK, 0: unknown
};

// A TCP packet as the analysis needs it.
struct TcpSegment {
    const TcpHeader* header = nullptr;
    int64_t time_ns = 0;
    uint32_t payload_bytes = 0;
    bool is_fragment = false;         // the first of several
    bool has_broken_options = false;  // or cut off
};

// What one packet was found to be.
struct TcpFinding {
    uint16_t status = 0;
    uint16_t flags = 0;
    uint16_t anomaly = 0;
    uint8_t states = 0;
    uint32_t window = 0;
    uint32_t expected = 0;  // the next sequence number before this packet
    int64_t sequence_difference = 0;
    int64_t acknowledgement_difference = 0;
    uint64_t sequence_length = 0;
    uint64_t acknowledgement_length = 0;
    uint64_t in_flight = 0;
    int64_t ack_trip_ns = 0;
    int64_t retransmission_delay_ns = 0;
    uint32_t duplicate_ack = 0;
};

// What all connections share.
struct TcpContext {
    const AnalysisSettings& settings;
    TcpRares& rares;
};

// `peer` is the other direction, nullptr while no packet of it was seen.
[[nodiscard]] TcpFinding see_segment(TcpPair& pair,
                                     TcpHalf& self,
                                     TcpHalf* peer,
                                     Direction direction,
                                     const TcpSegment& segment,
                                     const TcpContext& context);

// Whether `segment`, a SYN, begins another connection on the ports of this one.
[[nodiscard]] bool begins_anew(const TcpPair& pair,
                               const TcpHalf* self,
                               const TcpHalf* peer,
                               const TcpSegment& segment);

// All facts of a connection that is over: means, spreads and malformed teardown as well. `peer` as
// above.
[[nodiscard]] TcpFacts conclude(const TcpPair& pair,
                                const TcpHalf& self,
                                const TcpHalf* peer,
                                const TcpRares& rares);

// How long a flow in `state` may be idle.
[[nodiscard]] int64_t state_timeout_ns(TcpState state, const AnalysisSettings& settings);

// "tcpFlags" of one packet: the header's low byte and its combinations.
[[nodiscard]] uint16_t flag_bits(uint16_t header_flags);

}  // namespace director::diagnostics
