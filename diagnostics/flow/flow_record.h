// What is known of a flow, of one packet within it, and of all: the facts behind the columns of
// the tables, as plain numbers. Filled by the Analyzer (analyzer.h), read by reports and verdicts.
//
// A flow is a 6-tuple (addresses, ports, protocol, VLAN); a FlowRecord is one direction of it: A as
// the first packet went, B the other way. Names in quotes are the columns of Tranalyzer's tcpFlags.
#pragma once

#include <array>
#include <cstdint>

#include "common/address.h"
#include "diagnostics/ip/ip_facts.h"
#include "diagnostics/packet/headers.h"
#include "diagnostics/packet/packet.h"

namespace director::diagnostics {

// "dir".
enum class Direction : uint8_t { kA, kB };

[[nodiscard]] constexpr Direction opposite(Direction direction) {
    return direction == Direction::kA ? Direction::kB : Direction::kA;
}

// "tcpFStat".
enum StatusBit : uint16_t {
    kStatusInterDistance = 0x0001,  // packet good for inter-distance assessment
    kStatusOptionInit = 0x0002,     // the timestamp option was seen
    kStatusTimestampFalls = 0x0004,
    kStatusOptionsCorrupt = 0x0008,  // or not acquired
    kStatusWindowInit = 0x0010,
    kStatusWindowUpdate = 0x0020,
    kStatusZeroWindowProbe = 0x0040,
    kStatusZeroWindowProbeAck = 0x0080,
    kStatusWindowBelowMin = 0x0100,
    kStatusWindowScaled = 0x0200,
    kStatusWindowFull = 0x0400,
    kStatusWindowCountsUp = 0x0800,  // window state machine: up 1, down 0
    kStatusL4Checksum = 0x1000,      // calculated though the datagram came in fragments
    kStatusCoverage = 0x2000,        // UDP-Lite coverage error
    kStatusSack = 0x4000,
    kStatusMptcp = 0x8000,
};

// "tcpFlags": the low byte as in the header, then combinations seen within one packet.
enum FlagBit : uint16_t {
    kFlagFinAck = 0x0100,
    kFlagSynAck = 0x0200,
    kFlagRstAck = 0x0400,
    kFlagNull = 0x0800,
    kFlagSynFin = 0x1000,
    kFlagSynFinRst = 0x2000,
    kFlagFinRst = 0x4000,
    kFlagXmas = 0x8000,
};

// "tcpAnomaly".
enum AnomalyBit : uint16_t {
    kAnomalySynRetransmission = 0x0001,
    kAnomalyTimeoutRetransmission = 0x0002,
    kAnomalyFastRetransmission = 0x0004,
    kAnomalyDuplicateAck = 0x0008,
    kAnomalyKeepAlive = 0x0010,
    kAnomalyKeepAliveAck = 0x0020,
    kAnomalyOutOfOrder = 0x0040,
    kAnomalySpurious = 0x0080,
    kAnomalyAckOfUnseen = 0x0100,
    kAnomalyPreviousNotCaptured = 0x0200,
    kAnomalyScan = 0x1000,
    kAnomalyScanSuccessful = 0x2000,
    kAnomalySynWithData = 0x4000,
};

// "tcpStatesAFlags".
enum StatesBit : uint8_t {
    kStatesEstablishment = 0x01,  // malformed establishment
    kStatesTeardown = 0x02,       // malformed teardown
    kStatesFlags = 0x04,          // malformed flags while established
    kStatesAfterTeardown = 0x08,  // packets after teardown
    kStatesAfterReset = 0x10,     // packets after reset
    kStatesResetFromSender = 0x40,
    kStatesEvil = 0x80,  // a scan's flags
};

// "flowStat", as far as ours go: numbers as in Tranalyzer.
enum FlowStatusBit : uint64_t {
    kFlowInverted = 0x1,  // direction B
    kFlowNoEthernet = 0x2,
    kFlowVlan = 0x100,
    kFlowIpv4 = 0x4000,
    kFlowIpv6 = 0x8000,
};

// Why a flow was emitted. kGoesOn: it lasted for the active timeout, and is another one from here.
enum class FlowEnd : uint8_t { kFinished, kIdle, kTableFull, kGoesOn };

// The minimum, maximum, mean and spread of a series; all 0 of an empty one.
struct Spread {
    uint64_t count = 0;
    double min = 0;
    double max = 0;
    double mean = 0;
    double deviation = 0;  // standard deviation of the series itself (divided by count)
};

struct FlowKey {
    IpAddress source;
    IpAddress destination;
    uint16_t source_port = 0;  // 0 of what has no ports: ICMP
    uint16_t destination_port = 0;
    uint16_t vlan = 0;  // the outermost, 0: none
    uint8_t protocol = 0;

    friend bool operator==(const FlowKey&, const FlowKey&) = default;
};

// How a timestamp clock of a host was found, or why it cannot be told.
enum class TickSource : uint8_t {
    kNone,      // no timestamps
    kMeasured,  // from timestamps over time, put to the nearest usual one
    kGuessed,   // too few or too close: the one that gives the likeliest boot time
    kUnusable,  // the value is not a clock's (4294967295, falls, or boots before 1990)
};

// Retransmissions and their like, sent in this direction.
struct SequenceFacts {
    uint32_t first = 0;  // "tcpISeqN"
    uint32_t first_acknowledgement = 0;
    uint64_t changes = 0;                  // "tcpPSeqCnt"
    uint64_t acknowledgement_changes = 0;  // "tcpPAckCnt"
    uint64_t sent_bytes = 0;               // "tcpSeqSntBytes"
    uint64_t faults = 0;                   // "tcpSeqFaultCnt"
    uint64_t acknowledgement_faults = 0;   // "tcpAckFaultCnt"
    uint64_t acknowledged_bytes = 0;       // "tcpFlwLssAckRcvdBytes"
    // Largest distance from the peer's last ACK to the end of what was sent (as tshark has it).
    uint64_t in_flight_max = 0;  // "tcpBFlgtMx"
    // The tutorial's: payload seen since the peer's last ACK, what was sent again included.
    uint64_t unacknowledged_payload_max = 0;

    uint64_t syn_retransmissions = 0;
    uint64_t timeout_retransmissions = 0;
    uint64_t fast_retransmissions = 0;
    uint64_t spurious_retransmissions = 0;
    uint64_t duplicate_acks = 0;
    uint64_t keep_alives = 0;
    uint64_t keep_alive_acks = 0;
    uint64_t out_of_order = 0;
    uint64_t acks_of_unseen = 0;
    uint64_t previous_not_captured = 0;
    uint64_t retransmitted_bytes = 0;
    uint64_t missing_bytes = 0;               // in gaps before segments, filled later or not
    int64_t retransmission_delay_max_ns = 0;  // from the segment before to the one sent again

    // Data segments sent again, for whatever reason; spurious ones of them, too.
    [[nodiscard]] uint64_t retransmissions() const {
        return syn_retransmissions + timeout_retransmissions + fast_retransmissions +
               spurious_retransmissions;
    }
};

// The receive windows this direction advertised, in bytes, scaled where both SYNs had the option.
struct WindowFacts {
    uint32_t initial = 0;  // "tcpInitWinSz"
    uint32_t min = 0;      // "tcpMinWinSz"
    uint32_t max = 0;      // "tcpMaxWinSz"
    uint32_t last = 0;
    double mean = 0;                  // "tcpAveWinSz"
    uint64_t downs = 0;               // "tcpWinSzDwnCnt"
    uint64_t ups = 0;                 // "tcpWinSzUpCnt"
    uint64_t turns = 0;               // "tcpWinSzChgDirCnt"
    uint64_t below_min = 0;           // packets with a window below AnalysisSettings::window_min
    double below_min_share = 0;       // "tcpWinSzThRt": of all packets
    uint64_t zero_windows = 0;        // packets, other than SYN, FIN and RST
    uint64_t zero_window_probes = 0;  // sent in this direction, as are all below
    uint64_t zero_window_probe_acks = 0;
    uint64_t updates = 0;
    uint64_t full = 0;  // segments that filled the peer's window
    // Times in which this direction's window stood at zero.
    uint32_t zero_episodes = 0;
    int64_t zero_total_ns = 0;
    int64_t zero_longest_ns = 0;
};

struct OptionFacts {
    uint64_t packets = 0;  // "tcpOptPktCnt": packets with options
    uint64_t count = 0;    // "tcpOptCnt": NOPs included
    uint32_t kinds = 0;    // "tcpOptions": bit k for kind k, bit 31 for all above 30
    uint16_t mss = 0;      // "tcpMSS"; 0: none
    bool has_window_shift = false;
    uint8_t window_shift = 0;  // as applied: at most 14
    uint64_t sack_packets = 0;
    uint64_t sack_blocks = 0;
    uint64_t dsack_packets = 0;  // RFC 2883: the first block tells of what came twice
    // MPTCP.
    uint16_t mptcp_subtypes =
        0;                    // "tcpMPTBF": 0x0001 MP_CAPABLE .. 0x0080 FASTCLOSE, 0x0100 TCPRST
    uint8_t mptcp_flags = 0;  // "tcpMPF"
    uint8_t mptcp_address_id = 0;  // "tcpMPAID": the last
    uint8_t mptcp_dss_flags = 0;   // "tcpMPdssF"
    uint64_t mptcp_packets = 0;
    uint64_t mptcp_options = 0;

    // "tcpWS": the multiplier; 0 without the option.
    [[nodiscard]] uint32_t window_multiplier() const {
        return has_window_shift ? 1U << window_shift : 0;
    }
};

struct TimestampFacts {
    bool has_any = false;
    uint32_t last = 0;       // "tcpTmS"
    uint32_t last_echo = 0;  // "tcpTmER"
    TickSource source = TickSource::kNone;
    float tick_s = 0;   // "tcpEcI": seconds per tick
    double up_s = 0;    // "tcpUtm": as of the last packet with a timestamp
    double boot_s = 0;  // "tcpBtm": since 1970; 0 where unusable
    // Which of the hosts behind this source address: 1 for the first boot time seen, 2 for the
    // next that is another, 0 where unknown. Also not 0: how many hosts there are, at the end.
    uint32_t host = 0;

    [[nodiscard]] bool is_usable() const {
        return source == TickSource::kMeasured || source == TickSource::kGuessed;
    }
};

// Round trips, in seconds, from where packets were captured: a record of direction X has the time
// from what X sent to the peer's answer, so the way from the capture to the *peer's* host and back.
// Of a client's record this is the server's side, of a server's the client's.
struct RoundTripFacts {
    // "tcpSSASAATrip": of the client's record SYN to SYN-ACK, of the server's SYN-ACK to ACK.
    double handshake = 0;
    bool has_handshake = false;
    // From data, SYN or FIN sent in this direction to the ACK that ends with it:
    // "tcpRTTAckTripMin", Max, Ave. A sample of them, without what was sent twice (Karn). No count:
    // none.
    Spread ack_trip;
    double ack_trip_jitter = 0;  // "tcpRTTAckTripJitAve": ack_trip.deviation
    // "tcpRTTSseqAA", "tcpRTTAckJitAve": of the client's record SYN to ACK and 0; of the server's
    // the sum of both means, and both deviations together.
    double sequence_mean = 0;
    double sequence_jitter = 0;
    // From a TSval sent in this direction to its echo (RFC 7323 section 4).
    Spread timestamp_trip;
};

struct TcpFacts {
    uint16_t status = 0;   // StatusBit: "tcpFStat"
    uint16_t flags = 0;    // "tcpFlags"
    uint16_t anomaly = 0;  // AnomalyBit: "tcpAnomaly"
    uint8_t states = 0;    // StatesBit: "tcpStatesAFlags"
    SequenceFacts sequence;
    WindowFacts window;
    OptionFacts options;
    TimestampFacts timestamps;
    RoundTripFacts trips;
    uint64_t resets = 0;
    uint64_t fins = 0;
    uint64_t syns = 0;
    bool has_established = false;  // of the pair: SYN, SYN-ACK and ACK were seen
};

// Which kind of scan a flow's packets look like.
enum class ScanKind : uint8_t { kNone, kSynScan, kConnectScan, kFinScan, kNullScan, kXmasScan };

struct FlowRecord {
    uint64_t flow = 0;  // "flowInd": from 1, the same in both directions
    Direction direction = Direction::kA;
    bool has_opposite = false;  // the other direction has packets as well
    FlowEnd end = FlowEnd::kFinished;
    uint64_t status = 0;  // "flowStat": FlowStatusBit
    FlowKey key;          // source: who sent these packets
    Layer3 layer3 = Layer3::kNone;
    Layer4 layer4 = Layer4::kNone;
    LinkType link = LinkType::kEthernet;
    uint32_t point = 0;  // where the first packet was seen
    std::array<uint8_t, 6> source_mac{};
    std::array<uint8_t, 6> destination_mac{};
    bool has_macs = false;
    uint16_t ether_type = 0;
    uint8_t vlan_count = 0;
    uint8_t tunnel_depth = 0;
    uint8_t icmp_type = 0;  // of the first packet
    uint8_t icmp_code = 0;

    uint64_t first_number = 0;  // the first packet's number in its source
    int64_t first_ns = 0;       // "timeFirst"
    int64_t last_ns = 0;        // "timeLast"

    // basicStats. Bytes are those of layer 7, as the tutorial counts.
    uint64_t packets = 0;           // "numPktsSnt"
    uint64_t packets_received = 0;  // "numPktsRcvd": the other direction's
    uint64_t bytes = 0;             // "numBytesSnt"
    uint64_t bytes_received = 0;
    uint64_t wire_bytes = 0;  // of frames
    uint64_t fragments = 0;
    Spread packet_bytes;   // "minPktSz", "maxPktSz", "avePktSize", "stdPktSize"
    Spread arrival_gap_s;  // "minIAT" ..: the first packet's is 0 and counts, as in the tutorial

    // From the last payload of the other direction to the first that this one sends then, which is
    // how long an answer takes: of a server, its round trip from here and the time it thinks.
    Spread answer_s;

    IpFacts ip;
    TcpFacts tcp;  // all 0 of other protocols but for `status`
    ScanKind scan = ScanKind::kNone;

    [[nodiscard]] bool is_tcp() const { return layer4 == Layer4::kTcp; }
    [[nodiscard]] double duration_s() const {
        return static_cast<double>(last_ns - first_ns) / 1e9;
    }
    // "pktps", "bytps": 0 of a flow without duration.
    [[nodiscard]] double packets_per_second() const { return per_second(packets); }
    [[nodiscard]] double bytes_per_second() const { return per_second(bytes); }
    // "pktAsm", "bytAsm": 1 if all went this way, -1 if all came back.
    [[nodiscard]] double packet_asymmetry() const { return asymmetry(packets, packets_received); }
    [[nodiscard]] double byte_asymmetry() const { return asymmetry(bytes, bytes_received); }

  private:
    [[nodiscard]] double per_second(uint64_t count) const {
        return last_ns > first_ns ? static_cast<double>(count) / duration_s() : 0;
    }
    [[nodiscard]] static double asymmetry(uint64_t sent, uint64_t received) {
        const double all = static_cast<double>(sent) + static_cast<double>(received);
        return all > 0 ? (static_cast<double>(sent) - static_cast<double>(received)) / all : 0;
    }
};

// One packet within its flow. Refers to the packet and its headers, which live until the sink
// returns; the rest is what they do not say by themselves.
struct PacketRecord {
    const Packet* packet = nullptr;
    const Headers* headers = nullptr;
    uint64_t flow = 0;  // 0: of no flow (not IP)
    Direction direction = Direction::kA;
    uint64_t flow_status = 0;  // "flowStat"
    FlowKey key;  // of the flow, in this packet's direction: later fragments have their ports here
    int64_t gap_ns = 0;       // "pktIAT": since the one before of the same direction
    int64_t trip_ns = 0;      // "pktTrip": since the last of the other direction
    int64_t duration_ns = 0;  // "flowDuration": since the first of the same direction

    int32_t id_difference = 0;  // "ipIDDiff"
    uint16_t ip_flags = 0;      // "ipFlags"

    // TCP.
    bool has_tcp = false;                    // false of later fragments, too
    uint32_t sequence = 0;                   // "seq", relative if asked for
    uint32_t acknowledgement = 0;            // "ack"
    uint32_t sequence_max = 0;               // "seqMax": the next expected before this packet
    int64_t sequence_difference = 0;         // "seqDiff"
    int64_t acknowledgement_difference = 0;  // "ackDiff"
    uint64_t sequence_length = 0;            // "seqLen"
    uint64_t acknowledgement_length = 0;     // "ackLen"
    uint64_t sequence_sum = 0;               // "seqFlowLen"
    uint64_t acknowledgement_sum = 0;        // "ackFlowLen"
    uint64_t payload_sum = 0;                // "tcpMLen"
    uint64_t in_flight = 0;                  // as tshark has it: by sequence
    uint64_t unacknowledged_payload = 0;     // as the tutorial has it: "tcpBFlgt"
    uint16_t status = 0;                     // StatusBit
    uint16_t flags = 0;
    uint16_t anomaly = 0;
    uint8_t states = 0;
    uint32_t window = 0;        // scaled
    uint32_t window_scale = 0;  // multiplier of the direction, 0: none in use
    int64_t ack_trip_ns = 0;    // to the segment this one acknowledges; 0: none
    int64_t retransmission_delay_ns = 0;
    uint32_t duplicate_ack = 0;  // the how manieth of the same
};

// A source that scanned.
struct ScanSource {
    IpAddress source;
    ScanKind kind = ScanKind::kNone;  // the one most tries were of
    uint64_t targets = 0;             // different addresses and ports tried, as far as told apart
    uint64_t attempted = 0;
    uint64_t successful = 0;  // a service answered
};

struct Talker {
    IpAddress address;
    std::array<uint8_t, 6> mac{};
    uint64_t packets = 0;
    uint64_t bytes = 0;
};

// All together: what the tutorial prints at the end.
struct EndReport {
    int64_t first_ns = 0;
    int64_t last_ns = 0;
    uint64_t packets = 0;
    uint64_t bytes = 0;       // captured
    uint64_t wire_bytes = 0;  // as they were on the wire
    uint64_t cut_packets = 0;
    uint64_t unreadable = 0;  // headers cut or contradictory beyond use

    uint64_t ipv4 = 0;
    uint64_t ipv6 = 0;
    uint64_t arp = 0;
    uint64_t other_l3 = 0;
    uint64_t tcp = 0;
    uint64_t udp = 0;
    uint64_t udp_lite = 0;
    uint64_t sctp = 0;
    uint64_t icmp = 0;
    uint64_t icmpv6 = 0;
    uint64_t other_l4 = 0;
    uint64_t fragments = 0;
    uint64_t vlan = 0;
    uint64_t tunnelled = 0;

    uint64_t packets_a = 0;
    uint64_t bytes_a = 0;  // of frames
    uint64_t packets_b = 0;
    uint64_t bytes_b = 0;
    uint64_t flows_a = 0;
    uint64_t flows_b = 0;
    uint64_t flows_in_memory_max = 0;
    uint64_t flows_evicted = 0;  // emitted before their time, the table being full

    // What was seen of each field, over all.
    uint16_t ip_flags = 0;
    uint16_t tcp_status = 0;
    uint16_t tcp_flags = 0;
    uint16_t tcp_anomaly = 0;
    uint8_t tcp_states = 0;
    uint8_t ip_tos = 0;
    uint64_t flow_status = 0;
    uint16_t mptcp_subtypes = 0;
    uint8_t mptcp_flags = 0;
    uint8_t mptcp_dss_flags = 0;
    uint64_t mptcp_packets = 0;
    uint64_t mptcp_options = 0;

    uint64_t syn_retransmissions = 0;
    uint64_t sequence_retransmissions = 0;  // timeout, fast and spurious
    uint64_t timeout_retransmissions = 0;
    uint64_t fast_retransmissions = 0;
    uint64_t spurious_retransmissions = 0;
    uint64_t duplicate_acks = 0;
    uint64_t out_of_order = 0;
    uint64_t previous_not_captured = 0;
    uint64_t acks_of_unseen = 0;
    uint64_t zero_windows = 0;
    uint64_t windows_below_min = 0;
    uint64_t resets = 0;
    uint64_t bad_l3_checksums = 0;
    uint64_t bad_l4_checksums = 0;
    uint64_t offloaded_checksums = 0;

    uint64_t scans_attempted = 0;
    uint64_t scans_successful = 0;
    std::array<ScanSource, 16> scanners{};  // the busiest first
    uint32_t scanner_count = 0;             // of `scanners`
    uint64_t scanners_in_all = 0;
};

}  // namespace director::diagnostics
