#include "diagnostics/report/end_report.h"

#include <algorithm>

#include "diagnostics/report/bit_names.h"
#include "diagnostics/report/cells.h"
#include "diagnostics/report/flow_table.h"

namespace director::diagnostics {
namespace {

constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;

std::string seconds_text(int64_t nanoseconds) {
    TextBuffer out;
    put_time(out, nanoseconds);
    return fmt::to_string(out);
}

// "13h 57m 56s"; nothing under a minute.
std::string long_text(int64_t nanoseconds) {
    const int64_t seconds = nanoseconds / kNanosecondsPerSecond;
    if (seconds < 60) {
        return "";
    }
    const int64_t days = seconds / 86'400;
    std::string text = " (";
    if (days > 0) {
        text += fmt::format("{}d ", days);
    }
    return text + fmt::format("{}h {}m {}s)", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
}

// " (5.90 K)" behind large numbers.
std::string rounded_text(uint64_t value) {
    constexpr std::string_view kUnits = "KMGTPE";
    if (value < 1000) {
        return "";
    }
    auto scaled = static_cast<double>(value);
    size_t unit = 0;
    for (scaled /= 1000; scaled >= 1000 && unit + 1 < kUnits.size(); scaled /= 1000) {
        ++unit;
    }
    return fmt::format(" ({:.2f} {})", scaled, kUnits[unit]);
}

// " [12.34%]"; nothing of nothing, where a share means nothing.
std::string share_text(uint64_t part, uint64_t whole) {
    if (whole == 0) {
        return "";
    }
    return fmt::format(" [{:.2f}%]",
                       100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

double quotient(uint64_t part, double whole) {
    return whole > 0 ? static_cast<double>(part) / whole : 0;
}

class Text {
  public:
    void line(std::string_view title, const std::string& value) {
        out_ += fmt::format("{}: {}\n", title, value);
    }
    void count(std::string_view title, uint64_t value) {
        line(title, fmt::format("{}{}", value, rounded_text(value)));
    }
    // Only where there is something.
    void share(std::string_view title, uint64_t part, uint64_t whole) {
        if (part > 0) {
            line(title, fmt::format("{}{}{}", part, rounded_text(part), share_text(part, whole)));
        }
    }
    void bits(std::string_view field_name, uint64_t value) {
        const BitField& field = *find_bit_field(field_name);
        std::string names;
        for (const BitName& name : meanings_of(field, value).set) {
            names += fmt::format("{}{}", names.empty() ? "" : ", ", name.text);
        }
        out_ += fmt::format("Aggregated {}=0x{:0{}x}\n", field.name, value, field.hex_digits);
        if (value != 0 && field.name != "flowStat") {
            out_ += fmt::format("    {}\n", names);
        }
    }
    void rule() { out_ += std::string(80, '-') + "\n"; }
    [[nodiscard]] std::string take() { return std::move(out_); }

  private:
    std::string out_;
};

void show_amounts(Text& text, const EndReport& report) {
    const int64_t duration = report.last_ns - report.first_ns;
    text.line("Dump start", seconds_text(report.first_ns) + " sec");
    text.line("Dump stop ", seconds_text(report.last_ns) + " sec");
    text.line("Total dump duration", seconds_text(duration) + " sec" + long_text(duration));
    text.count("Number of processed packets", report.packets);
    text.count("Number of captured bytes", report.bytes);
    text.count("Number of bytes on the wire", report.wire_bytes);
    text.share("Number of cut packets", report.cut_packets, report.packets);
    text.share("Number of unreadable packets", report.unreadable, report.packets);
    text.share("Number of A packets", report.packets_a, report.packets);
    text.share("Number of B packets", report.packets_b, report.packets);
    text.share("Number of A bytes", report.bytes_a, report.wire_bytes);
    text.share("Number of B bytes", report.bytes_b, report.wire_bytes);
}

void show_protocols(Text& text, const EndReport& report) {
    text.share("Number of IPv4 packets", report.ipv4, report.packets);
    text.share("Number of IPv6 packets", report.ipv6, report.packets);
    text.share("Number of ARP packets", report.arp, report.packets);
    text.share("Number of other packets", report.other_l3, report.packets);
    text.share("Number of VLAN packets", report.vlan, report.packets);
    text.share("Number of tunnelled packets", report.tunnelled, report.packets);
    text.share("Number of fragmented packets", report.fragments, report.ipv4 + report.ipv6);
    text.share("Number of TCP packets", report.tcp, report.packets);
    text.share("Number of UDP packets", report.udp, report.packets);
    text.share("Number of UDP-Lite packets", report.udp_lite, report.packets);
    text.share("Number of SCTP packets", report.sctp, report.packets);
    text.share("Number of ICMP packets", report.icmp, report.packets);
    text.share("Number of ICMPv6 packets", report.icmpv6, report.packets);
    text.share("Number of packets of other layer 4 protocols", report.other_l4, report.packets);
}

void show_tcp(Text& text, const EndReport& report) {
    text.line("Number of TCP SYN retries, seq retries",
              fmt::format("{}, {}", report.syn_retransmissions, report.sequence_retransmissions));
    text.share("  by timeout", report.timeout_retransmissions, report.tcp);
    text.share("  fast", report.fast_retransmissions, report.tcp);
    text.share(
        "  spurious: the data had been acknowledged", report.spurious_retransmissions, report.tcp);
    text.share("Number of duplicate ACKs", report.duplicate_acks, report.tcp);
    text.share("Number of segments out of order", report.out_of_order, report.tcp);
    text.share(
        "Number of segments after one not captured", report.previous_not_captured, report.tcp);
    text.share("Number of ACKs for what was not seen", report.acks_of_unseen, report.tcp);
    text.share("Number of resets", report.resets, report.tcp);
}

void show_rest(Text& text, const EndReport& report, const AnalysisSettings& settings) {
    text.share(fmt::format("Number WinSz below {}", settings.window_min),
               report.windows_below_min,
               report.tcp);
    text.share("Number of zero windows", report.zero_windows, report.tcp);
    text.share("Number of MPTCP packets", report.mptcp_packets, report.tcp);
    if (report.mptcp_options > 0) {
        text.count("Number of MPTCP options", report.mptcp_options);
    }
    text.share("Number of bad L3 checksums", report.bad_l3_checksums, report.ipv4);
    text.share("Number of bad L4 checksums", report.bad_l4_checksums, report.packets);
    text.share("Number of L4 checksums left to the sender's card",
               report.offloaded_checksums,
               report.packets);
}

void show_scans(Text& text, const EndReport& report) {
    // The share is of the tries: without any, there is none to print.
    text.line("Number of scans attempted, successful",
              fmt::format("{}, {}{}",
                          report.scans_attempted,
                          report.scans_successful,
                          share_text(report.scans_successful, report.scans_attempted)));
    const size_t listed = std::min<size_t>(report.scanner_count, report.scanners.size());
    for (const ScanSource& source : std::span(report.scanners).first(listed)) {
        text.line("  scanned by",
                  fmt::format("{}: {} scan, {} targets, {} tries, {} answered",
                              to_string(source.source),
                              scan_name(source.kind),
                              source.targets,
                              source.attempted,
                              source.successful));
    }
    if (report.scanners_in_all > listed) {
        text.count("  further sources that scanned", report.scanners_in_all - listed);
    }
}

void show_flows(Text& text, const EndReport& report) {
    const uint64_t flows = report.flows_a + report.flows_b;
    const double seconds = static_cast<double>(report.last_ns - report.first_ns) / 1e9;
    text.count("Number of processed   flows", flows);
    text.share("Number of processed A flows", report.flows_a, flows);
    text.share("Number of processed B flows", report.flows_b, flows);
    const double all = static_cast<double>(flows);
    const double difference =
        static_cast<double>(report.flows_a) - static_cast<double>(report.flows_b);
    text.line("Total A/B    flow asymmetry", fmt::format("{:.2f}", all > 0 ? difference / all : 0));
    text.line("Number of processed   packets/flows",
              fmt::format("{:.2f}", quotient(report.packets_a + report.packets_b, all)));
    text.line(
        "Number of processed A packets/flows",
        fmt::format("{:.2f}", quotient(report.packets_a, static_cast<double>(report.flows_a))));
    text.line(
        "Number of processed B packets/flows",
        fmt::format("{:.2f}", quotient(report.packets_b, static_cast<double>(report.flows_b))));
    text.line("Number of processed packets/s",
              fmt::format("{:.2f}", quotient(report.packets, seconds)));
    text.line("Average full raw bandwidth",
              fmt::format("{:.0f} b/s", 8 * quotient(report.wire_bytes, seconds)));
    text.count("Max number of flows in memory", report.flows_in_memory_max);
    text.share("Number of flows emitted early, the table being full", report.flows_evicted, flows);
}

// "name":value pairs of an object.
class Members {
  public:
    explicit Members(TextBuffer& out) : out_(out) {}
    void number(std::string_view name, uint64_t value) {
        begin(name);
        put_number(out_, value);
    }
    void time(std::string_view name, int64_t nanoseconds) {
        begin(name);
        put_time(out_, nanoseconds);
    }
    void hex(std::string_view name, uint64_t value, int digits) {
        begin(name);
        out_.push_back('"');
        put_hex(out_, value, digits);
        out_.push_back('"');
    }
    void text(std::string_view name, std::string_view value) {
        begin(name);
        out_.push_back('"');
        append_json_text(out_, value);
        out_.push_back('"');
    }
    void begin(std::string_view name) {
        out_.push_back(before_);
        before_ = ',';
        out_.push_back('"');
        append(out_, name);
        append(out_, "\":");
    }

  private:
    TextBuffer& out_;
    char before_ = '{';
};

void write_counts(Members& to, const EndReport& report) {
    to.time("timeFirst", report.first_ns);
    to.time("timeLast", report.last_ns);
    to.time("duration", report.last_ns - report.first_ns);
    to.number("packets", report.packets);
    to.number("capturedBytes", report.bytes);
    to.number("wireBytes", report.wire_bytes);
    to.number("cutPackets", report.cut_packets);
    to.number("unreadablePackets", report.unreadable);
    to.number("ipv4Packets", report.ipv4);
    to.number("ipv6Packets", report.ipv6);
    to.number("arpPackets", report.arp);
    to.number("otherL3Packets", report.other_l3);
    to.number("vlanPackets", report.vlan);
    to.number("tunnelledPackets", report.tunnelled);
    to.number("fragments", report.fragments);
    to.number("tcpPackets", report.tcp);
    to.number("udpPackets", report.udp);
    to.number("udpLitePackets", report.udp_lite);
    to.number("sctpPackets", report.sctp);
    to.number("icmpPackets", report.icmp);
    to.number("icmpv6Packets", report.icmpv6);
    to.number("otherL4Packets", report.other_l4);
    to.number("aPackets", report.packets_a);
    to.number("aBytes", report.bytes_a);
    to.number("bPackets", report.packets_b);
    to.number("bBytes", report.bytes_b);
    to.number("aFlows", report.flows_a);
    to.number("bFlows", report.flows_b);
    to.number("flowsInMemoryMax", report.flows_in_memory_max);
    to.number("flowsEvicted", report.flows_evicted);
}

void write_anomalies(Members& to, const EndReport& report) {
    to.hex("flowStat", report.flow_status, 16);
    to.hex("ipFlags", report.ip_flags, 4);
    to.hex("ipToS", report.ip_tos, 2);
    to.hex("tcpFStat", report.tcp_status, 4);
    to.hex("tcpFlags", report.tcp_flags, 4);
    to.hex("tcpAnomaly", report.tcp_anomaly, 4);
    to.hex("tcpStatesAFlags", report.tcp_states, 2);
    to.hex("tcpMPTBF", report.mptcp_subtypes, 4);
    to.hex("tcpMPF", report.mptcp_flags, 2);
    to.hex("tcpMPdssF", report.mptcp_dss_flags, 2);
    to.number("mptcpPackets", report.mptcp_packets);
    to.number("mptcpOptions", report.mptcp_options);
    to.number("synRetries", report.syn_retransmissions);
    to.number("seqRetries", report.sequence_retransmissions);
    to.number("timeoutRetransmissions", report.timeout_retransmissions);
    to.number("fastRetransmissions", report.fast_retransmissions);
    to.number("spuriousRetransmissions", report.spurious_retransmissions);
    to.number("duplicateAcks", report.duplicate_acks);
    to.number("outOfOrder", report.out_of_order);
    to.number("previousNotCaptured", report.previous_not_captured);
    to.number("acksOfUnseen", report.acks_of_unseen);
    to.number("zeroWindows", report.zero_windows);
    to.number("windowsBelowMin", report.windows_below_min);
    to.number("resets", report.resets);
    to.number("badL3Checksums", report.bad_l3_checksums);
    to.number("badL4Checksums", report.bad_l4_checksums);
    to.number("offloadedChecksums", report.offloaded_checksums);
    to.number("scansAttempted", report.scans_attempted);
    to.number("scansSuccessful", report.scans_successful);
    to.number("scanners", report.scanners_in_all);
}

}  // namespace

std::string show_end_report(const EndReport& report, const AnalysisSettings& settings) {
    Text text;
    show_amounts(text, report);
    text.rule();
    show_protocols(text, report);
    text.rule();
    text.bits("ipFlags", report.ip_flags);
    text.bits("ipToS", report.ip_tos);
    text.bits("tcpFStat", report.tcp_status);
    text.bits("tcpFlags", report.tcp_flags);
    text.bits("tcpAnomaly", report.tcp_anomaly);
    text.bits("tcpStatesAFlags", report.tcp_states);
    if (report.mptcp_options > 0) {
        text.bits("tcpMPTBF", report.mptcp_subtypes);
        text.bits("tcpMPF", report.mptcp_flags);
        text.bits("tcpMPdssF", report.mptcp_dss_flags);
    }
    show_tcp(text, report);
    show_rest(text, report, settings);
    show_scans(text, report);
    text.bits("flowStat", report.flow_status);
    text.rule();
    show_flows(text, report);
    return text.take();
}

void write_end_report_json(TextBuffer& out, const EndReport& report) {
    Members members(out);
    write_counts(members, report);
    write_anomalies(members, report);
    members.begin("scannedBy");
    out.push_back('[');
    const size_t listed = std::min<size_t>(report.scanner_count, report.scanners.size());
    for (size_t i = 0; i < listed; ++i) {
        const ScanSource& source = report.scanners[i];
        append(out, i > 0 ? "," : "");
        Members one(out);
        one.text("source", to_string(source.source));
        one.text("kind", scan_name(source.kind));
        one.number("targets", source.targets);
        one.number("attempted", source.attempted);
        one.number("successful", source.successful);
        out.push_back('}');
    }
    append(out, "]}");
}

}  // namespace director::diagnostics
