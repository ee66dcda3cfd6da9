#include "diagnostics/report/flow_table.h"

#include "diagnostics/ip/ip_analysis.h"
#include "diagnostics/ip/os_guess.h"
#include "diagnostics/report/cells.h"

namespace director::diagnostics {
namespace {

using Out = TextBuffer;
using Flow = FlowRecord;
using Set = TableSettings;

constexpr auto kText = CellKind::kText;
constexpr auto kNumber = CellKind::kNumber;

HeaderChain chain_of(const Flow& flow) {
    return {flow.link,
            flow.has_macs,
            flow.vlan_count,
            flow.tunnel_depth,
            flow.layer3,
            flow.layer4,
            flow.key.protocol};
}

double shortest_or_none(const Spread& trips) {
    // The tutorial's value where there was no ACK with a trip.
    constexpr double kNone = 65535;
    return trips.count == 0 ? kNone : trips.min;
}

std::string_view end_name(FlowEnd end) {
    switch (end) {
        case FlowEnd::kFinished:
            return "finished";
        case FlowEnd::kIdle:
            return "idle";
        case FlowEnd::kTableFull:
            return "table full";
        case FlowEnd::kGoesOn:
            return "goes on";
    }
    return "";
}

std::string_view tick_name(TickSource source) {
    switch (source) {
        case TickSource::kMeasured:
            return "measured";
        case TickSource::kGuessed:
            return "guessed";
        case TickSource::kUnusable:
            return "unusable";
        default:
            return "";
    }
}

// One column: NAME, what JSON has it as, and the statement that writes it of `flow` to `out`.
#define COLUMN(name, kind, statement)                               \
    Column<FlowRecord> {                                            \
        name, kind,                                                 \
            []([[maybe_unused]] Out& out,                           \
               [[maybe_unused]] const Flow& flow,                   \
               [[maybe_unused]] const Set& settings) { statement; } \
    }
#define NUMBER(name, value) COLUMN(name, kNumber, put_number(out, value))
#define HEX(name, value, digits) COLUMN(name, kText, put_hex(out, value, digits))
#define REAL(name, value) COLUMN(name, kNumber, put_float(out, value))
#define SECONDS(name, value) COLUMN(name, kNumber, put_seconds(out, value))
#define TEXT(name, value) COLUMN(name, kText, append(out, value))

constexpr Column<FlowRecord> kColumns[] = {
    TEXT("dir", flow.direction == Direction::kA ? "A" : "B"),
    NUMBER("flowInd", flow.flow),
    HEX("flowStat", flow.status, 16),
    COLUMN("timeFirst", kNumber, put_time(out, flow.first_ns)),
    COLUMN("timeLast", kNumber, put_time(out, flow.last_ns)),
    COLUMN("duration", kNumber, put_time(out, flow.last_ns - flow.first_ns)),
    NUMBER("numHdrDesc", 1),
    NUMBER("numHdrs", chain_length(chain_of(flow))),
    COLUMN("hdrDesc", kText, put_chain(out, chain_of(flow))),
    COLUMN("srcMac", kText, if (flow.has_macs) put_mac(out, flow.source_mac)),
    COLUMN("dstMac", kText, if (flow.has_macs) put_mac(out, flow.destination_mac)),
    HEX("ethType", flow.ether_type, 4),
    COLUMN("ethVlanID", kNumber, if (flow.vlan_count > 0) put_number(out, flow.key.vlan)),
    COLUMN("srcIP", kText, put_address(out, flow.key.source)),
    {"srcIPCC", kText},
    {"srcIPOrg", kText},
    NUMBER("srcPort", flow.key.source_port),
    COLUMN("dstIP", kText, put_address(out, flow.key.destination)),
    {"dstIPCC", kText},
    {"dstIPOrg", kText},
    NUMBER("dstPort", flow.key.destination_port),
    NUMBER("l4Proto", flow.key.protocol),
    // basicStats.
    NUMBER("numPktsSnt", flow.packets),
    NUMBER("numPktsRcvd", flow.packets_received),
    NUMBER("numBytesSnt", flow.bytes),
    NUMBER("numBytesRcvd", flow.bytes_received),
    REAL("minPktSz", flow.packet_bytes.min),
    REAL("maxPktSz", flow.packet_bytes.max),
    REAL("avePktSize", flow.packet_bytes.mean),
    REAL("stdPktSize", flow.packet_bytes.deviation),
    REAL("minIAT", flow.arrival_gap_s.min),
    REAL("maxIAT", flow.arrival_gap_s.max),
    REAL("aveIAT", flow.arrival_gap_s.mean),
    REAL("stdIAT", flow.arrival_gap_s.deviation),
    REAL("pktps", flow.packets_per_second()),
    REAL("bytps", flow.bytes_per_second()),
    REAL("pktAsm", flow.packet_asymmetry()),
    REAL("bytAsm", flow.byte_asymmetry()),
    // tcpFlags.
    HEX("tcpFStat", flow.tcp.status, 4),
    NUMBER("ipMindIPID", flow.ip.id_difference_min),
    NUMBER("ipMaxdIPID", flow.ip.id_difference_max),
    NUMBER("ipMinTTL", flow.ip.ttl_min),
    NUMBER("ipMaxTTL", flow.ip.ttl_max),
    NUMBER("ipTTLChg", flow.ip.ttl_changes),
    COLUMN("ipToS", kText, put_tos(out, flow.ip.tos, settings)),
    HEX("ipFlags", flow.ip.flags, 4),
    NUMBER("ipOptCnt", flow.ip.options),
    COLUMN("ipOptCpCl_Num", kText, put_hex(out, flow.ip.option_classes, 2); out.push_back('_');
           put_hex(out, flow.ip.option_numbers, 8)),
    COLUMN("ip6OptCntHH_D", kText, put_number(out, flow.ip.hop_by_hop_options); out.push_back('_');
           put_number(out, flow.ip.destination_options)),
    COLUMN("ip6OptHH_D", kText, put_hex(out, flow.ip.hop_by_hop_types, 8); out.push_back('_');
           put_hex(out, flow.ip.destination_types, 8)),
    COLUMN("tcpISeqN", kNumber, put_number(out, flow.tcp.sequence.first)),
    NUMBER("tcpPSeqCnt", flow.tcp.sequence.changes),
    NUMBER("tcpSeqSntBytes", flow.tcp.sequence.sent_bytes),
    NUMBER("tcpSeqFaultCnt", flow.tcp.sequence.faults),
    NUMBER("tcpPAckCnt", flow.tcp.sequence.acknowledgement_changes),
    NUMBER("tcpFlwLssAckRcvdBytes", flow.tcp.sequence.acknowledged_bytes),
    NUMBER("tcpAckFaultCnt", flow.tcp.sequence.acknowledgement_faults),
    NUMBER("tcpBFlgtMx", flow.tcp.sequence.in_flight_max),
    NUMBER("tcpInitWinSz", flow.tcp.window.initial),
    REAL("tcpAveWinSz", flow.tcp.window.mean),
    NUMBER("tcpMinWinSz", flow.tcp.window.min),
    NUMBER("tcpMaxWinSz", flow.tcp.window.max),
    NUMBER("tcpWinSzDwnCnt", flow.tcp.window.downs),
    NUMBER("tcpWinSzUpCnt", flow.tcp.window.ups),
    NUMBER("tcpWinSzChgDirCnt", flow.tcp.window.turns),
    REAL("tcpWinSzThRt", flow.tcp.window.below_min_share),
    HEX("tcpFlags", flow.tcp.flags, 4),
    HEX("tcpAnomaly", flow.tcp.anomaly, 4),
    NUMBER("tcpOptPktCnt", flow.tcp.options.packets),
    NUMBER("tcpOptCnt", flow.tcp.options.count),
    HEX("tcpOptions", flow.tcp.options.kinds, 8),
    NUMBER("tcpMSS", flow.tcp.options.mss),
    NUMBER("tcpWS", flow.tcp.options.window_multiplier()),
    HEX("tcpMPTBF", flow.tcp.options.mptcp_subtypes, 4),
    HEX("tcpMPF", flow.tcp.options.mptcp_flags, 2),
    NUMBER("tcpMPAID", flow.tcp.options.mptcp_address_id),
    HEX("tcpMPdssF", flow.tcp.options.mptcp_dss_flags, 2),
    NUMBER("tcpTmS", flow.tcp.timestamps.last),
    NUMBER("tcpTmER", flow.tcp.timestamps.last_echo),
    REAL("tcpEcI", static_cast<double>(flow.tcp.timestamps.tick_s)),
    SECONDS("tcpUtm", flow.tcp.timestamps.up_s),
    SECONDS("tcpBtm", flow.tcp.timestamps.boot_s),
    REAL("tcpSSASAATrip", flow.tcp.trips.handshake),
    REAL("tcpRTTAckTripMin", shortest_or_none(flow.tcp.trips.ack_trip)),
    REAL("tcpRTTAckTripMax", flow.tcp.trips.ack_trip.max),
    REAL("tcpRTTAckTripAve", flow.tcp.trips.ack_trip.mean),
    REAL("tcpRTTAckTripJitAve", flow.tcp.trips.ack_trip_jitter),
    REAL("tcpRTTSseqAA", flow.tcp.trips.sequence_mean),
    REAL("tcpRTTAckJitAve", flow.tcp.trips.sequence_jitter),
    HEX("tcpStatesAFlags", flow.tcp.states, 2),
    // Director's own.
    NUMBER("tcpSynRtrCnt", flow.tcp.sequence.syn_retransmissions),
    NUMBER("tcpTimeoutRtrCnt", flow.tcp.sequence.timeout_retransmissions),
    NUMBER("tcpFastRtrCnt", flow.tcp.sequence.fast_retransmissions),
    NUMBER("tcpSpuriousRtrCnt", flow.tcp.sequence.spurious_retransmissions),
    NUMBER("tcpRtrBytes", flow.tcp.sequence.retransmitted_bytes),
    COLUMN("tcpRtrDelayMax", kNumber, put_time(out, flow.tcp.sequence.retransmission_delay_max_ns)),
    NUMBER("tcpDupAckCnt", flow.tcp.sequence.duplicate_acks),
    NUMBER("tcpKeepAliveCnt", flow.tcp.sequence.keep_alives),
    NUMBER("tcpKeepAliveAckCnt", flow.tcp.sequence.keep_alive_acks),
    NUMBER("tcpOutOfOrderCnt", flow.tcp.sequence.out_of_order),
    NUMBER("tcpAckUnseenCnt", flow.tcp.sequence.acks_of_unseen),
    NUMBER("tcpPrevLostCnt", flow.tcp.sequence.previous_not_captured),
    NUMBER("tcpMissingBytes", flow.tcp.sequence.missing_bytes),
    NUMBER("tcpUnackedMx", flow.tcp.sequence.unacknowledged_payload_max),
    NUMBER("tcpWinZeroCnt", flow.tcp.window.zero_windows),
    NUMBER("tcpWinZeroEpisodes", flow.tcp.window.zero_episodes),
    COLUMN("tcpWinZeroTime", kNumber, put_time(out, flow.tcp.window.zero_total_ns)),
    COLUMN("tcpWinZeroTimeMax", kNumber, put_time(out, flow.tcp.window.zero_longest_ns)),
    NUMBER("tcpWinProbeCnt", flow.tcp.window.zero_window_probes),
    NUMBER("tcpWinProbeAckCnt", flow.tcp.window.zero_window_probe_acks),
    NUMBER("tcpWinUpdateCnt", flow.tcp.window.updates),
    NUMBER("tcpWinFullCnt", flow.tcp.window.full),
    NUMBER("tcpSackPktCnt", flow.tcp.options.sack_packets),
    NUMBER("tcpDsackPktCnt", flow.tcp.options.dsack_packets),
    NUMBER("tcpMPPktCnt", flow.tcp.options.mptcp_packets),
    NUMBER("tcpMPOptCnt", flow.tcp.options.mptcp_options),
    TEXT("tcpEcISrc", tick_name(flow.tcp.timestamps.source)),
    NUMBER("tcpHost", flow.tcp.timestamps.host),
    REAL("tcpTmTripMin", flow.tcp.trips.timestamp_trip.min),
    REAL("tcpTmTripMax", flow.tcp.trips.timestamp_trip.max),
    REAL("tcpTmTripAve", flow.tcp.trips.timestamp_trip.mean),
    NUMBER("tcpRstCnt", flow.tcp.resets),
    NUMBER("ipFragCnt", flow.fragments),
    TEXT("ipIDKind", to_string(flow.ip.id_behaviour)),
    REAL("ipHostPps", flow.ip.host_packets_per_second(flow.duration_s())),
    TEXT("ipOS", flow.ip.os == OsGuess::kUnknown ? "" : to_string(flow.ip.os)),
    NUMBER("answerCnt", flow.answer_s.count),
    REAL("answerMin", flow.answer_s.min),
    REAL("answerMax", flow.answer_s.max),
    REAL("answerAve", flow.answer_s.mean),
    TEXT("scan", scan_name(flow.scan)),
    TEXT("flowEnd", end_name(flow.end)),
    NUMBER("pktNoFirst", flow.first_number),
};

#undef COLUMN
#undef NUMBER
#undef HEX
#undef REAL
#undef SECONDS
#undef TEXT

}  // namespace

Columns<FlowRecord> flow_columns() {
    return kColumns;
}

std::string_view scan_name(ScanKind kind) {
    switch (kind) {
        case ScanKind::kSynScan:
            return "SYN";
        case ScanKind::kConnectScan:
            return "connect";
        case ScanKind::kFinScan:
            return "FIN";
        case ScanKind::kNullScan:
            return "NULL";
        case ScanKind::kXmasScan:
            return "Xmas";
        default:
            return "";
    }
}

}  // namespace director::diagnostics
