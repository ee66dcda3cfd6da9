#include "diagnostics/flow/end_counts.h"

#include <algorithm>

namespace director::diagnostics {
namespace {

void count_layer3(EndReport& report, const Headers& headers) {
    switch (headers.layer3) {
        case Layer3::kIpv4:
            ++report.ipv4;
            break;
        case Layer3::kIpv6:
            ++report.ipv6;
            break;
        case Layer3::kArp:
            ++report.arp;
            break;
        case Layer3::kNone:
        case Layer3::kOther:
            ++report.other_l3;
            break;
    }
}

// By protocol number, so that later fragments count as what they belong to.
void count_layer4(EndReport& report, const Headers& headers) {
    switch (headers.ip.protocol) {
        case 6:
            ++report.tcp;
            break;
        case 17:
            ++report.udp;
            break;
        case 136:
            ++report.udp_lite;
            break;
        case 132:
            ++report.sctp;
            break;
        case 1:
            ++report.icmp;
            break;
        case 58:
            ++report.icmpv6;
            break;
        default:
            ++report.other_l4;
            break;
    }
}

void count_checksums(EndReport& report, const Headers& headers) {
    const auto is = [](const Checksum& sum, ChecksumVerdict verdict) {
        return sum.verdict == verdict ? 1U : 0U;
    };
    report.bad_l3_checksums += is(headers.ip.checksum, ChecksumVerdict::kBad);
    report.bad_l4_checksums += is(headers.l4_checksum, ChecksumVerdict::kBad);
    report.offloaded_checksums += is(headers.ip.checksum, ChecksumVerdict::kOffloaded) |
                                  is(headers.l4_checksum, ChecksumVerdict::kOffloaded);
}

}  // namespace

void count_packet(EndReport& report, const Packet& packet, const Headers& headers) {
    if (report.packets == 0) {
        report.first_ns = report.last_ns = packet.time_ns;
    }
    ++report.packets;
    report.first_ns = std::min(report.first_ns, packet.time_ns);
    report.last_ns = std::max(report.last_ns, packet.time_ns);
    report.bytes += packet.bytes.size();
    report.wire_bytes += packet.wire_bytes;
    report.cut_packets += packet.is_cut() ? 1U : 0U;
    count_layer3(report, headers);
    report.vlan += headers.vlan_count > 0 ? 1U : 0U;
    if (!headers.is_ip()) {
        report.unreadable += (headers.faults & kFaultCut) != 0 ? 1U : 0U;
        return;
    }
    count_layer4(report, headers);
    count_checksums(report, headers);
    report.fragments += headers.ip.is_fragment ? 1U : 0U;
    report.tunnelled += headers.tunnel_depth > 0 ? 1U : 0U;
    report.unreadable += (headers.faults & (kFaultCut | kFaultTcpHeader)) != 0 ? 1U : 0U;
    report.ip_tos |= headers.ip.tos;
}

void count_flow(EndReport& report, const FlowRecord& record) {
    const bool is_a = record.direction == Direction::kA;
    (is_a ? report.packets_a : report.packets_b) += record.packets;
    (is_a ? report.bytes_a : report.bytes_b) += record.wire_bytes;
    ++(is_a ? report.flows_a : report.flows_b);
    report.flows_evicted += is_a && record.end == FlowEnd::kTableFull ? 1U : 0U;
    report.ip_flags |= record.ip.flags;
    report.flow_status |= record.status;
    report.tcp_status |= record.tcp.status;
    report.tcp_flags |= record.tcp.flags;
    report.tcp_anomaly |= record.tcp.anomaly;
    report.tcp_states |= record.tcp.states;

    const OptionFacts& options = record.tcp.options;
    report.mptcp_subtypes |= options.mptcp_subtypes;
    report.mptcp_flags |= options.mptcp_flags;
    report.mptcp_dss_flags |= options.mptcp_dss_flags;
    report.mptcp_packets += options.mptcp_packets;
    report.mptcp_options += options.mptcp_options;

    const SequenceFacts& sequence = record.tcp.sequence;
    report.syn_retransmissions += sequence.syn_retransmissions;
    report.timeout_retransmissions += sequence.timeout_retransmissions;
    report.fast_retransmissions += sequence.fast_retransmissions;
    report.spurious_retransmissions += sequence.spurious_retransmissions;
    report.sequence_retransmissions += sequence.timeout_retransmissions +
                                       sequence.fast_retransmissions +
                                       sequence.spurious_retransmissions;
    report.duplicate_acks += sequence.duplicate_acks;
    report.out_of_order += sequence.out_of_order;
    report.previous_not_captured += sequence.previous_not_captured;
    report.acks_of_unseen += sequence.acks_of_unseen;
    report.zero_windows += record.tcp.window.zero_windows;
    report.windows_below_min += record.tcp.window.below_min;
    report.resets += record.tcp.resets;
}

}  // namespace director::diagnostics
