#include "diagnostics/report/packet_table.h"

#include "diagnostics/report/cells.h"

namespace director::diagnostics {
namespace {

using Out = TextBuffer;
using Set = TableSettings;

constexpr auto kText = CellKind::kText;
constexpr auto kNumber = CellKind::kNumber;

HeaderChain chain_of(const PacketRecord& record) {
    const Headers& headers = *record.headers;
    return {record.packet->link,
            headers.has_macs,
            headers.vlan_count,
            headers.tunnel_depth,
            headers.layer3,
            headers.layer4,
            headers.ip.protocol};
}

bool has_ports(const PacketRecord& record) {
    const Layer4 layer4 = record.headers->layer4;
    return layer4 == Layer4::kTcp || layer4 == Layer4::kUdp || layer4 == Layer4::kUdpLite ||
           layer4 == Layer4::kSctp || record.headers->ip.is_fragment;
}

bool has_l4_checksum(const PacketRecord& record) {
    return record.headers->l4_checksum.verdict != ChecksumVerdict::kAbsent ||
           record.headers->l4_checksum.found != 0;
}

// "0x02;0x04": bytes as they are.
void put_bytes(Out& out, std::span<const uint8_t> bytes) {
    for (size_t i = 0; i < bytes.size(); ++i) {
        if (i > 0) {
            out.push_back(';');
        }
        put_hex(out, bytes[i], 2);
    }
}

void put_content(Out& out, std::span<const uint8_t> payload, const Set& settings) {
    for (const uint8_t byte :
         payload.first(std::min<size_t>(payload.size(), settings.content_max))) {
        out.push_back(byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : '.');
    }
}

void put_sequence(Out& out, uint32_t sequence, const Set& settings) {
    if (settings.has_hex_sequences) {
        put_hex(out, sequence, 8);
    } else {
        put_number(out, sequence);
    }
}

// Two options of a packet: "2;3".
void put_mptcp_types(Out& out, const TcpHeader& tcp) {
    for (uint8_t i = 0; i < tcp.mptcp_count; ++i) {
        if (i > 0) {
            out.push_back(';');
        }
        put_number(out, tcp.mptcp[i].subtype);
    }
}

constexpr uint8_t kMptcpCapable = 0;
constexpr uint8_t kMptcpJoin = 1;
constexpr uint8_t kMptcpDss = 2;

uint8_t mptcp_flags(const TcpHeader& tcp) {
    uint8_t flags = 0;
    for (uint8_t i = 0; i < tcp.mptcp_count; ++i) {
        const bool has_flags =
            tcp.mptcp[i].subtype == kMptcpCapable || tcp.mptcp[i].subtype == kMptcpJoin;
        flags = static_cast<uint8_t>(flags | (has_flags ? tcp.mptcp[i].flags : 0));
    }
    return flags;
}

uint8_t dss_flags(const TcpHeader& tcp) {
    uint8_t flags = 0;
    for (uint8_t i = 0; i < tcp.mptcp_count; ++i) {
        const bool is_dss = tcp.mptcp[i].subtype == kMptcpDss;
        flags = static_cast<uint8_t>(flags | (is_dss ? tcp.mptcp[i].flags : 0));
    }
    return flags;
}

uint8_t mptcp_address(const TcpHeader& tcp) {
    uint8_t address = 0;
    for (uint8_t i = 0; i < tcp.mptcp_count; ++i) {
        address = tcp.mptcp[i].address_id != 0 ? tcp.mptcp[i].address_id : address;
    }
    return address;
}

// A column: NAME, what JSON has it as, and what writes it of `record` to `out`. The TCP_ ones are
// empty where a packet has no TCP header.
#define COLUMN(name, kind, statement)                                      \
    Column<PacketRecord> {                                                 \
        name, kind,                                                        \
            []([[maybe_unused]] Out& out,                                  \
               [[maybe_unused]] const PacketRecord& record,                \
               [[maybe_unused]] const Set& settings) {                     \
                [[maybe_unused]] const Headers& headers = *record.headers; \
                statement;                                                 \
            }                                                              \
    }
#define NUMBER(name, value) COLUMN(name, kNumber, put_number(out, value))
#define IP(name, kind, statement) \
    COLUMN(                       \
        name, kind, if (headers.is_ip()) { statement; })
#define TCP(name, kind, statement) \
    COLUMN(                        \
        name, kind, if (record.has_tcp) { statement; })
#define TCP_NUMBER(name, value) TCP(name, kNumber, put_number(out, value))
#define TCP_SIGNED(name, value) TCP(name, kNumber, put_signed(out, value))
#define TCP_HEX(name, value, digits) TCP(name, kText, put_hex(out, value, digits))

constexpr Column<PacketRecord> kColumns[] = {
    NUMBER("pktNo", record.packet->number),
    NUMBER("flowInd", record.flow),
    COLUMN("flowStat", kText, put_hex(out, record.flow_status, 16)),
    COLUMN("time", kNumber, put_time(out, record.packet->time_ns)),
    COLUMN("pktIAT", kNumber, put_time(out, record.gap_ns)),
    COLUMN("pktTrip", kNumber, put_time(out, record.trip_ns)),
    COLUMN("flowDuration", kNumber, put_time(out, record.duration_ns)),
    NUMBER("numHdrs", chain_length(chain_of(record))),
    COLUMN("hdrDesc", kText, put_chain(out, chain_of(record))),
    COLUMN("ethVlanID", kNumber, if (headers.vlan_count > 0) put_number(out, headers.vlans[0])),
    COLUMN("srcMac", kText, if (headers.has_macs) put_mac(out, headers.source_mac)),
    COLUMN("dstMac", kText, if (headers.has_macs) put_mac(out, headers.destination_mac)),
    COLUMN("ethType", kText, put_hex(out, headers.ether_type, 4)),
    IP("srcIP", kText, put_address(out, headers.ip.source)),
    {"srcIPCC", kText},
    {"srcIPOrg", kText},
    COLUMN("srcPort", kNumber, if (has_ports(record)) put_number(out, record.key.source_port)),
    IP("dstIP", kText, put_address(out, headers.ip.destination)),
    {"dstIPCC", kText},
    {"dstIPOrg", kText},
    COLUMN("dstPort", kNumber, if (has_ports(record)) put_number(out, record.key.destination_port)),
    IP("l4Proto", kNumber, put_number(out, headers.ip.protocol)),
    NUMBER("pktLen", record.packet->wire_bytes),
    NUMBER("l7Len", headers.payload_wire_bytes),
    IP("ipToS", kText, put_tos(out, headers.ip.tos, settings)),
    IP("ipID", kNumber, put_number(out, headers.ip.identification)),
    IP("ipIDDiff", kNumber, put_signed(out, record.id_difference)),
    IP("ipFrag", kText, put_hex(out, headers.ip.flags_and_offset, 4)),
    IP("ipTTL", kNumber, put_number(out, headers.ip.ttl)),
    IP("ipHdrChkSum", kText, put_hex(out, headers.ip.checksum.found, 4)),
    IP("ipCalChkSum", kText, put_hex(out, headers.ip.checksum.computed, 4)),
    COLUMN("l4HdrChkSum",
           kText,
           if (has_l4_checksum(record)) put_hex(out, headers.l4_checksum.found, 4)),
    COLUMN("l4CalChkSum",
           kText,
           if (has_l4_checksum(record)) put_hex(out, headers.l4_checksum.computed, 4)),
    COLUMN("ipFlags", kText, put_hex(out, record.ip_flags, 4)),
    IP("ip6HHOptLen", kNumber, put_number(out, headers.ip.hop_by_hop.size())),
    IP("ip6HHOpts", kText, put_bytes(out, headers.ip.hop_by_hop)),
    IP("ip6DOptLen", kNumber, put_number(out, headers.ip.destination_options.size())),
    IP("ip6DOpts", kText, put_bytes(out, headers.ip.destination_options)),
    IP("ipOptLen", kNumber, put_number(out, headers.ip.options.size())),
    IP("ipOpts", kText, put_bytes(out, headers.ip.options)),
    TCP("seq", kNumber, put_sequence(out, record.sequence, settings)),
    TCP("ack", kNumber, put_sequence(out, record.acknowledgement, settings)),
    TCP("seqMax", kNumber, put_sequence(out, record.sequence_max, settings)),
    TCP_SIGNED("seqDiff", record.sequence_difference),
    TCP_SIGNED("ackDiff", record.acknowledgement_difference),
    TCP_NUMBER("seqLen", record.sequence_length),
    TCP_NUMBER("ackLen", record.acknowledgement_length),
    TCP_NUMBER("seqFlowLen", record.sequence_sum),
    TCP_NUMBER("ackFlowLen", record.acknowledgement_sum),
    TCP_NUMBER("tcpMLen", record.payload_sum),
    TCP_NUMBER("tcpBFlgt", record.in_flight),
    TCP_HEX("tcpFStat", record.status, 4),
    TCP_HEX("tcpFlags", record.flags, 4),
    TCP_HEX("tcpAnomaly", record.anomaly, 4),
    TCP_NUMBER("tcpWin", record.window),
    TCP_NUMBER("tcpWS", record.window_scale),
    TCP_NUMBER("tcpMSS", headers.tcp.mss),
    TCP_NUMBER("tcpTmS", headers.tcp.timestamp),
    TCP_NUMBER("tcpTmER", headers.tcp.timestamp_echo),
    TCP_NUMBER("tcpOptLen", headers.tcp.options.size()),
    TCP("tcpOpts", kText, put_bytes(out, headers.tcp.options)),
    TCP_HEX("tcpStatesAFlags", record.states, 2),
    COLUMN("l7Content", kText, put_content(out, headers.payload, settings)),
    // Of MPTCP mode.
    TCP("tcpMPTyp", kText, put_mptcp_types(out, headers.tcp)),
    TCP_HEX("tcpMPF", mptcp_flags(headers.tcp), 2),
    TCP_NUMBER("tcpMPAID", mptcp_address(headers.tcp)),
    TCP_HEX("tcpMPDSSF", dss_flags(headers.tcp), 2),
    // Director's own.
    COLUMN("dir",
           kText,
           if (record.flow != 0) append(out, record.direction == Direction::kA ? "A" : "B")),
    TCP_NUMBER("tcpUnacked", record.unacknowledged_payload),
    TCP("tcpAckTrip", kNumber, put_time(out, record.ack_trip_ns)),
    TCP("tcpRtrDelay", kNumber, put_time(out, record.retransmission_delay_ns)),
    TCP_NUMBER("tcpDupAckNum", record.duplicate_ack),
};

#undef COLUMN
#undef NUMBER
#undef IP
#undef TCP
#undef TCP_NUMBER
#undef TCP_SIGNED
#undef TCP_HEX

}  // namespace

Columns<PacketRecord> packet_columns() {
    return kColumns;
}

}  // namespace director::diagnostics
