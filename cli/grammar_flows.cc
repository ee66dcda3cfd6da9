// The commands of flow diagnostics: of captured packets, without a directord.
#include <charconv>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "cli/flow_bits_command.h"
#include "cli/flows_command.h"
#include "cli/grammar.h"

namespace director::cli {
namespace {

using diagnostics::AnalysisSettings;
using Request = std::shared_ptr<FlowsRequest>;

constexpr const char* kWhy = "Why is it slow";
constexpr const char* kThresholds = "Thresholds";

constexpr const char* kFlowsExample = R"(Examples:
  directorctl flows -r trace.pcapng                    the connections that are worst off, and a report
  directorctl flows -r trace.pcapng --explain          who is to blame for each, and by which evidence
  directorctl flows -r trace.pcapng -w out --packets   out_flows.txt, out_packets.txt, out_report.txt
  directorctl flows -r trace.pcap --filter 'host 192.0.2.1 and tcp port 80'
  tcpdump -w - -i eth0 -c 10000 | directorctl --json flows -r - | jq -c 'select(.flow).flow'
  directorctl flows bits tcpAnomaly=0x02cc             what the bits of a column mean

Needs no directord. The columns are those of Tranalyzer's tcpFlags; docs/diagnostics.md explains
each, and where Director decides otherwise. Seen from where the packets were captured, the time to
the client and the time to the server are told apart.

Exit codes: 0 done, 1 the capture is cut or a file cannot be written, 2 not a capture, or wrong usage.)";

// "20ms", "1.5s", "2m", "300us"; a number alone is of seconds. In nanoseconds.
std::optional<int64_t> parse_span(std::string_view text) {
    double value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, failed] = std::from_chars(text.data(), end, value);
    const std::string_view unit(stop, static_cast<size_t>(end - stop));
    constexpr double kYear = 366.0 * 24 * 3600;
    const double scale = unit.empty() || unit == "s" ? 1
                         : unit == "us"              ? 1e-6
                         : unit == "ms"              ? 1e-3
                         : unit == "m"               ? 60
                         : unit == "h"               ? 3600
                                                     : 0;
    if (failed != std::errc{} || scale == 0 || !(value >= 0 && value * scale <= kYear)) {
        return std::nullopt;
    }
    return std::llround(value * scale * 1e9);
}

std::string check_span(const std::string& text) {
    return parse_span(text) ? "" : "expected a time such as 300us, 20ms, 3s or 2m";
}

// Hands each value to `take`, in nanoseconds.
template <typename Take>
void add_span(CLI::App* command, const char* name, const char* help, Take take) {
    command
        ->add_option_function<std::string>(
            name, [take](const std::string& text) { take(*parse_span(text)); }, help)
        ->check(check_span)
        ->type_name("TIME")
        ->group(kThresholds);
}

struct SpanOption {
    const char* name;
    int64_t AnalysisSettings::*field;
    const char* help;
};

constexpr SpanOption kSpans[] = {
    {"--fast-within",
     &AnalysisSettings::fast_retransmission_within_ns,
     "a repeated segment within this time of the last duplicate ACK is a fast one [20ms]"},
    {"--out-of-order-within",
     &AnalysisSettings::out_of_order_within_ns,
     "an old segment within this time is out of order, not sent again; until a round trip is known "
     "[3ms]"},
    {"--new-timeout", &AnalysisSettings::new_timeout_ns, "of a flow without handshake [120s]"},
    {"--established-timeout", &AnalysisSettings::established_timeout_ns, "of connections [610s]"},
    {"--closing-timeout", &AnalysisSettings::closing_timeout_ns, "after the first FIN [120s]"},
    {"--closed-timeout", &AnalysisSettings::closed_timeout_ns, "after both FINs [10s]"},
    {"--reset-timeout", &AnalysisSettings::reset_timeout_ns, "after a reset [100ms]"},
    {"--tick-span",
     &AnalysisSettings::tick_span_min_ns,
     "timestamps tell a host's clock from this span on [10ms]"},
    {"--same-boot",
     &AnalysisSettings::same_boot_within_ns,
     "boot times within this time are one host's [1s]"},
};

template <typename Number>
struct CountOption {
    const char* name;
    Number AnalysisSettings::*field;
    const char* help;
};

constexpr CountOption<uint32_t> kCounts[] = {
    {"--window-min", &AnalysisSettings::window_min, "windows below this are counted [1]"},
    {"--fast-acks",
     &AnalysisSettings::fast_retransmission_duplicate_acks,
     "duplicate ACKs before a fast retransmission [2]"},
    {"--scan-packets",
     &AnalysisSettings::scan_packets_max,
     "a flow of at most so many packets may be a scan's try [4]"},
    {"--scan-targets",
     &AnalysisSettings::scan_targets_min,
     "so many targets without a useful answer make a scanner [20]"},
    {"--scan-share",
     &AnalysisSettings::scan_share_percent,
     "... if they are so many percent of its flows [50]"},
};

constexpr CountOption<size_t> kLimits[] = {
    {"--scan-sources", &AnalysisSettings::scan_sources_max, "sources followed at once [65536]"},
    {"--flows-max", &AnalysisSettings::flows_max, "flows held in memory at once [1048576]"},
};

void add_thresholds(CLI::App* command, const Request& request) {
    for (const SpanOption& option : kSpans) {
        add_span(command, option.name, option.help, [request, field = option.field](int64_t span) {
            request->analysis.*field = span;
        });
    }
    const auto add_count = [&](const auto& option) {
        command->add_option(option.name, request->analysis.*(option.field), option.help)
            ->type_name("NUMBER")
            ->group(kThresholds);
    };
    for (const auto& option : kCounts) {
        add_count(option);
    }
    for (const auto& option : kLimits) {
        add_count(option);
    }
    const auto seconds_into = [request](double diagnostics::ExplainSettings::*field) {
        return [request, field](int64_t span) {
            request->explain.*field = static_cast<double>(span) / 1e9;
        };
    };
    add_span(command,
             "--slow-client",
             "a round trip to the client above this is slow [150ms]",
             seconds_into(&diagnostics::ExplainSettings::slow_client_s));
    add_span(command,
             "--slow-server",
             "a round trip to the server above this is slow [20ms]",
             seconds_into(&diagnostics::ExplainSettings::slow_server_s));
    add_span(command,
             "--slow-answer",
             "a server's answer that takes longer is slow [500ms]",
             seconds_into(&diagnostics::ExplainSettings::slow_answer_s));
}

void add_formats(Grammar& grammar, CLI::App* command, const Request& request) {
    command->add_flag("--relative-seq",
                      request->analysis.with_relative_sequences,
                      "Sequence numbers count from each direction's first");
    command->add_flag("--hex-seq", request->table.has_hex_sequences, "... and are hexadecimal");
    const std::map<std::string, diagnostics::TosFormat> tos{
        {"hex", diagnostics::TosFormat::kHex},
        {"dscp", diagnostics::TosFormat::kDscpEcn},
        {"precedence", diagnostics::TosFormat::kPrecedenceEcn}};
    grammar.offer(
        command->add_option_function<std::string>(
            "--tos",
            [request, tos](const std::string& name) { request->table.tos = tos.at(name); },
            "ipToS as 0xb8, as DSCP_ECN, or as precedence_ECN"),
        {"hex", "dscp", "precedence"});
    command->add_option("--content", request->table.content_max, "characters of l7Content [60]")
        ->type_name("NUMBER");
    const std::map<std::string, diagnostics::ChecksumMode> checksums{
        {"none", diagnostics::ChecksumMode::kNone},
        {"l3", diagnostics::ChecksumMode::kLayer3},
        {"all", diagnostics::ChecksumMode::kAll}};
    grammar.offer(command->add_option_function<std::string>(
                      "--checksums",
                      [request, checksums](const std::string& name) {
                          request->analysis.decode.checksums = checksums.at(name);
                      },
                      "which are verified; all if nothing is said"),
                  {"none", "l3", "all"});
    command->add_flag("--tunnels",
                      request->analysis.decode.looks_into_tunnels,
                      "Look into IP-in-IP, GRE and GUE: the innermost packet counts");
}

CLI::App* add_flows(Grammar& grammar) {
    const auto request = std::make_shared<FlowsRequest>();
    CLI::App* command = grammar.add_top(
        kWhy,
        "flows",
        "Flows of captured packets: what is wrong with each, and who is to blame",
        [request](const Settings& settings) { return run_flows(settings, *request); },
        kFlowsExample);
    grammar.offer(
        command
            ->add_option("-r,--read", request->file, "a pcap or pcapng file; - for standard input")
            ->type_name("FILE"),
        Words::kFile);
    command
        ->add_option("-w,--write",
                     request->prefix,
                     "write PREFIX_flows.txt, PREFIX_report.txt ... (with --json: .json)")
        ->type_name("PREFIX");
    command->add_flag("--packets", request->with_packets, "The table of packets, too");
    command->add_flag("--explain", request->is_explained, "Say for each connection what is wrong");
    command
        ->add_option("--filter", request->filter, "only packets that pcap-filter(7) lets through")
        ->type_name("BPF");
    command
        ->add_option("--top", request->connections_shown, "connections shown, the worst first [40]")
        ->type_name("NUMBER");
    add_formats(grammar, command, request);
    add_thresholds(command, request);
    return command;
}

void add_bits(Grammar& grammar, CLI::App* noun) {
    auto words = std::make_shared<std::vector<std::string>>();
    CLI::App* bits = grammar.add(
        noun,
        "bits",
        "What the bits of a column mean",
        [words](const Settings& settings) { return run_flow_bits(settings, *words); },
        R"(Examples:
  directorctl flows bits tcpAnomaly=0x02cc
  directorctl flows bits ipFlags=0x0044 tcpFStat=0x4ff1 ipOptCpCl_Num=0x10_0x00100000
  directorctl --json flows bits tcpOptions=0x4000011e)");
    bits->add_option("FIELD=VALUE", *words, "a column of the flow or packet table, and its value")
        ->required();
}

}  // namespace

void add_flow_commands(Grammar& grammar) {
    CLI::App* const flows = add_flows(grammar);
    add_bits(grammar, flows);
    add_live_commands(grammar, flows);
}

}  // namespace director::cli
