#include "diagnostics/report/column_texts.h"

#include <fmt/format.h>

#include <algorithm>

#include "diagnostics/report/flow_table.h"
#include "diagnostics/report/packet_table.h"

namespace director::diagnostics {
namespace {

struct ColumnText {
    std::string_view name;
    std::string_view text;
};

constexpr std::string_view kEmptyText = "left empty on purpose: Director has no such database";

constexpr ColumnText kTexts[] = {
    {"dir", "A: the way of the first packet; B: the other"},
    {"flowInd", "number of the flow, the same in both directions"},
    {"flowStat", "bits: what kind of flow"},
    {"timeFirst", "when its first packet came: seconds since 1970, UTC"},
    {"timeLast", "when its last packet came"},
    {"duration", "seconds between the two"},
    {"numHdrDesc", "kinds of header chains seen: always 1, that of the first packet"},
    {"numHdrs", "headers of a packet, the link layer's included"},
    {"hdrDesc", "those headers"},
    {"srcMac", "sender on the link"},
    {"dstMac", "receiver on the link"},
    {"ethType", "EtherType of the network layer"},
    {"ethVlanID", "VLAN, the outermost; empty without"},
    {"srcIP", "sender"},
    {"srcIPCC", kEmptyText},
    {"srcIPOrg", kEmptyText},
    {"srcPort", "sender's port; of a later fragment, its datagram's"},
    {"dstIP", "receiver"},
    {"dstIPCC", kEmptyText},
    {"dstIPOrg", kEmptyText},
    {"dstPort", "receiver's port"},
    {"l4Proto", "IP protocol"},
    {"numPktsSnt", "packets in this direction"},
    {"numPktsRcvd", "packets in the other"},
    {"numBytesSnt", "bytes of layer 7 in this direction"},
    {"numBytesRcvd", "bytes of layer 7 in the other"},
    {"minPktSz", "least bytes of layer 7 in a packet"},
    {"maxPktSz", "most bytes of layer 7 in a packet"},
    {"avePktSize", "their mean"},
    {"stdPktSize", "their standard deviation"},
    {"minIAT", "least seconds between packets; the first packet counts as 0"},
    {"maxIAT", "most seconds between packets"},
    {"aveIAT", "their mean"},
    {"stdIAT", "their standard deviation"},
    {"pktps", "packets per second"},
    {"bytps", "bytes per second"},
    {"pktAsm", "(sent - received) / (sent + received), of packets"},
    {"bytAsm", "the same of bytes"},
    {"tcpFStat", "bits: state of the TCP analysis"},
    {"ipMindIPID", "least rise of the IP ID from packet to packet; 65535: none"},
    {"ipMaxdIPID", "greatest rise: how busy the host is with others"},
    {"ipMinTTL", "least TTL, or hop limit"},
    {"ipMaxTTL", "greatest TTL"},
    {"ipTTLChg", "how often the TTL changed: the route did"},
    {"ipToS", "DSCP and ECN; of a flow, the bits of all packets together"},
    {"ipFlags", "bits: anomalies of IP and of checksums"},
    {"ipOptCnt", "IPv4 options"},
    {"ipOptCpCl_Num", "bits: 2^(copied and class), and 2^number, of IPv4 options"},
    {"ip6OptCntHH_D", "IPv6 hop-by-hop and destination options"},
    {"ip6OptHH_D", "bits: 2^(type mod 32) of those"},
    {"tcpISeqN", "the first sequence number seen"},
    {"tcpPSeqCnt", "packets whose sequence number was not the one before's"},
    {"tcpSeqSntBytes", "bytes sent, by differences of sequence numbers"},
    {"tcpSeqFaultCnt", "packets whose sequence number stepped back or left a gap"},
    {"tcpPAckCnt", "packets whose acknowledgement number was not the one before's"},
    {"tcpFlwLssAckRcvdBytes", "bytes acknowledged to the other direction without fault"},
    {"tcpAckFaultCnt", "acknowledgement numbers that stepped back or stood still"},
    {"tcpBFlgtMx", "most bytes in flight, by sequence numbers"},
    {"tcpInitWinSz", "the first receive window, scaled"},
    {"tcpAveWinSz", "mean window"},
    {"tcpMinWinSz", "least window"},
    {"tcpMaxWinSz", "greatest window"},
    {"tcpWinSzDwnCnt", "how often the window fell"},
    {"tcpWinSzUpCnt", "how often it rose"},
    {"tcpWinSzChgDirCnt", "how often it turned from falling to rising or back"},
    {"tcpWinSzThRt", "share of packets with a window below --window-min"},
    {"tcpFlags", "bits: TCP flags, and combinations within one packet"},
    {"tcpAnomaly", "bits: retransmissions, duplicate ACKs, gaps, scans"},
    {"tcpOptPktCnt", "packets with TCP options"},
    {"tcpOptCnt", "TCP options, NOPs included"},
    {"tcpOptions", "bits: 2^kind of TCP options"},
    {"tcpMSS", "maximum segment size announced; 0: none"},
    {"tcpWS", "multiplier of the window; 0: no such option"},
    {"tcpMPTBF", "bits: 2^subtype of MPTCP options"},
    {"tcpMPF", "bits: flags of MP_CAPABLE and MP_JOIN"},
    {"tcpMPAID", "MPTCP's address id, the last"},
    {"tcpMPdssF", "bits: flags of MPTCP's DSS"},
    {"tcpTmS", "the last timestamp (TSval)"},
    {"tcpTmER", "the last echo (TSecr)"},
    {"tcpEcI", "seconds a tick of the sender's timestamp clock"},
    {"tcpUtm", "seconds since the sender's clock began, by its timestamps"},
    {"tcpBtm", "when that was: seconds since 1970"},
    {"tcpSSASAATrip", "A: SYN to SYN-ACK, B: SYN-ACK to ACK, in seconds"},
    {"tcpRTTAckTripMin", "least seconds from data to its ACK by this direction; 65535: none"},
    {"tcpRTTAckTripMax", "most of them"},
    {"tcpRTTAckTripAve", "their mean"},
    {"tcpRTTAckTripJitAve", "their jitter"},
    {"tcpRTTSseqAA", "A: SYN to ACK; B: mean from ACK to ACK"},
    {"tcpRTTAckJitAve", "jitter of it"},
    {"tcpStatesAFlags", "bits: anomalies of the TCP states"},
    {"tcpSynRtrCnt", "SYNs sent again"},
    {"tcpTimeoutRtrCnt", "segments sent again after a timeout"},
    {"tcpFastRtrCnt", "segments sent again after duplicate ACKs"},
    {"tcpSpuriousRtrCnt", "segments sent again that were acknowledged"},
    {"tcpRtrBytes", "bytes sent again"},
    {"tcpRtrDelayMax", "longest seconds from a segment to its repetition"},
    {"tcpDupAckCnt", "duplicate ACKs"},
    {"tcpKeepAliveCnt", "keep-alives"},
    {"tcpKeepAliveAckCnt", "ACKs of keep-alives"},
    {"tcpOutOfOrderCnt", "segments that were overtaken"},
    {"tcpAckUnseenCnt", "ACKs for what the capture does not have"},
    {"tcpPrevLostCnt", "segments behind a gap"},
    {"tcpMissingBytes", "bytes of those gaps"},
    {"tcpUnackedMx", "Tranalyzer's bytes in flight: payload since the last ACK, repeated too"},
    {"tcpWinZeroCnt", "packets with a window of zero, but for SYN, FIN and RST"},
    {"tcpWinZeroEpisodes", "how often the window stood at zero"},
    {"tcpWinZeroTime", "for how many seconds in all"},
    {"tcpWinZeroTimeMax", "longest of them"},
    {"tcpWinProbeCnt", "probes of the other's zero window"},
    {"tcpWinProbeAckCnt", "answers to such probes"},
    {"tcpWinUpdateCnt", "window updates"},
    {"tcpWinFullCnt", "segments that filled the other's window"},
    {"tcpSackPktCnt", "packets with selective ACKs"},
    {"tcpDsackPktCnt", "... that report what came twice (RFC 2883)"},
    {"tcpMPPktCnt", "packets with MPTCP options"},
    {"tcpMPOptCnt", "MPTCP options"},
    {"tcpEcISrc", "how the tick was found: measured, guessed; or the clock is unusable"},
    {"tcpHost", "which host behind the sender's address, by its boot time"},
    {"tcpTmTripMin", "least seconds from a timestamp to its echo by this direction"},
    {"tcpTmTripMax", "most of them"},
    {"tcpTmTripAve", "their mean"},
    {"tcpRstCnt", "resets"},
    {"ipFragCnt", "fragments"},
    {"ipIDKind", "how the sender numbers packets: constant, counter, random"},
    {"ipHostPps", "packets a second that the sender sent to all, by its counter; 0: unknown"},
    {"ipOS", "likely system of the sender, by TTL, window and options of its SYN"},
    {"answerCnt", "answers: payload after payload of the other direction"},
    {"answerMin", "least seconds from the other's last payload to the answer"},
    {"answerMax", "most of them"},
    {"answerAve", "their mean"},
    {"scan", "kind of scan that the flow is part of"},
    {"flowEnd",
     "why the flow ended: finished, idle, the table was full, or it goes on as another one (live, "
     "with an active timeout)"},
    {"pktNoFirst", "number of its first packet"},
    // Of packets alone.
    {"pktNo", "number of the packet in the capture"},
    {"time", "when it came: seconds since 1970, UTC"},
    {"pktIAT", "seconds since the one before in this direction"},
    {"pktTrip", "seconds since the last one of the other direction"},
    {"flowDuration", "seconds since the first one of this direction"},
    {"pktLen", "bytes on the wire"},
    {"l7Len", "bytes of layer 7"},
    {"ipID", "IP identification"},
    {"ipIDDiff", "its difference from the packet before's"},
    {"ipFrag", "flags and fragment offset, as they are"},
    {"ipTTL", "TTL, or hop limit"},
    {"ipHdrChkSum", "IPv4 checksum in the header"},
    {"ipCalChkSum", "what it should be"},
    {"l4HdrChkSum", "checksum of layer 4 in the header"},
    {"l4CalChkSum", "what it should be; 0 where the packet is cut or a fragment"},
    {"ip6HHOptLen", "bytes of hop-by-hop options"},
    {"ip6HHOpts", "those bytes"},
    {"ip6DOptLen", "bytes of destination options"},
    {"ip6DOpts", "those bytes"},
    {"ipOptLen", "bytes of IPv4 options"},
    {"ipOpts", "those bytes"},
    {"seq", "sequence number"},
    {"ack", "acknowledgement number"},
    {"seqMax", "the sequence number that was to come"},
    {"seqDiff", "difference from the sequence number before"},
    {"ackDiff", "difference from the acknowledgement number before"},
    {"seqLen", "seqDiff where it is positive"},
    {"ackLen", "ackDiff where it is positive"},
    {"seqFlowLen", "sum of seqLen"},
    {"ackFlowLen", "sum of ackLen"},
    {"tcpMLen", "payload so far"},
    {"tcpBFlgt", "bytes in flight, by sequence numbers"},
    {"tcpWin", "window, scaled"},
    {"tcpOptLen", "bytes of TCP options"},
    {"tcpOpts", "those bytes"},
    {"l7Content", "what layer 7 begins with; a dot for what cannot be printed"},
    {"tcpMPTyp", "subtypes of its MPTCP options"},
    {"tcpMPDSSF", "bits: flags of MPTCP's DSS"},
    {"tcpUnacked", "Tranalyzer's bytes in flight: payload since the last ACK, repeated too"},
    {"tcpAckTrip", "seconds from the segment that it acknowledges; 0: none"},
    {"tcpRtrDelay", "seconds since the segment was sent before"},
    {"tcpDupAckNum", "the how manieth duplicate of the same ACK"},
};

template <typename Record, typename Line>
void each_column(Columns<Record> columns, Line line) {
    size_t number = 0;
    for (const Column<Record>& column : columns) {
        line(++number, column.name);
    }
}

}  // namespace

std::string_view column_text(std::string_view name) {
    const auto* const found = std::ranges::find(kTexts, name, &ColumnText::name);
    return found == std::end(kTexts) ? std::string_view() : found->text;
}

std::string show_columns() {
    std::string out = "# The flow table: number, column, what it tells.\n";
    const auto line = [&out](size_t number, std::string_view name) {
        out += fmt::format("{}\t{}\t{}\n", number, name, column_text(name));
    };
    each_column(flow_columns(), line);
    out += "# The packet table.\n";
    each_column(packet_columns(), line);
    return out;
}

std::string columns_as_markdown() {
    std::string out = "| flow column | what it tells |\n|---|---|\n";
    const auto line = [&out](size_t /*number*/, std::string_view name) {
        out += fmt::format("| {} | {} |\n", name, column_text(name));
    };
    each_column(flow_columns(), line);
    out += "\n| packet column | what it tells |\n|---|---|\n";
    each_column(packet_columns(), line);
    return out;
}

}  // namespace director::diagnostics
