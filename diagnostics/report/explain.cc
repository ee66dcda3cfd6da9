#include "diagnostics/report/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "diagnostics/report/flow_table.h"

namespace director::diagnostics {
namespace {

// What an event costs where its own time is not known: a retransmission by timeout waits for the
// timer (RFC 6298: a second before the first measurement, 200 ms in practice after it), a fast one
// for about a round trip.
constexpr double kSynTimeoutCost = 1.0;
constexpr double kTimeoutCost = 0.2;
constexpr double kFastCost = 0.02;
constexpr double kReorderCost = 0.001;
constexpr double kFailedCost = 3.0;
constexpr double kResetCost = 0.5;
constexpr double kDamageCost = 0.2;
constexpr double kFullCost = 0.005;

double seconds_of(int64_t nanoseconds) {
    return static_cast<double>(nanoseconds) / 1e9;
}

std::string times_text(uint64_t count) {
    return count == 1 ? "once" : count == 2 ? "twice" : fmt::format("{} times", count);
}

std::string counted(uint64_t count, std::string_view one, std::string_view many) {
    return fmt::format("{} {}", count, count == 1 ? one : many);
}

// One direction, by the role of who sends.
struct Side {
    const FlowRecord* flow = nullptr;  // null: nothing was sent
    std::string_view name;             // "client"
    Blame self = Blame::kNeither;
    Blame network = Blame::kNeither;
};

class Findings {
  public:
    void add(Blame blame, double cost_s, std::string text) {
        list_.push_back({blame, cost_s, std::move(text)});
    }
    [[nodiscard]] std::vector<Finding> take() { return std::move(list_); }

  private:
    std::vector<Finding> list_;
};

void explain_losses(const Side& sender, const Side& receiver, Findings& findings) {
    const SequenceFacts& sequence = sender.flow->tcp.sequence;
    const uint64_t passed = sequence.timeout_retransmissions + sequence.fast_retransmissions;
    if (passed > 0) {
        const double wait = seconds_of(sequence.retransmission_delay_max_ns);
        const double cost = static_cast<double>(sequence.timeout_retransmissions) * kTimeoutCost +
                            static_cast<double>(sequence.fast_retransmissions) * kFastCost;
        findings.add(receiver.network,
                     std::max(cost, wait),
                     fmt::format("{} of the {} had passed here and came again ({} after a timeout, "
                                 "longest wait {}): lost between here and the {}",
                                 counted(passed, "segment", "segments"),
                                 sender.name,
                                 sequence.timeout_retransmissions,
                                 duration_text(wait),
                                 receiver.name));
    }
    if (sequence.spurious_retransmissions > 0) {
        findings.add(sender.network,
                     static_cast<double>(sequence.spurious_retransmissions) * kFastCost,
                     fmt::format("{} of the {} came again although the {}'s ACK had passed here: "
                                 "that ACK was lost or late between here and the {}",
                                 counted(sequence.spurious_retransmissions, "segment", "segments"),
                                 sender.name,
                                 receiver.name,
                                 sender.name));
    }
}

// Gaps at the capture: lost before here, unless the receiver acknowledges what was never seen here:
// then it is the capture that has a hole.
void explain_gaps(const Side& sender, const Side& receiver, Findings& findings) {
    const SequenceFacts& sequence = sender.flow->tcp.sequence;
    const uint64_t unseen =
        receiver.flow == nullptr ? 0 : receiver.flow->tcp.sequence.acks_of_unseen;
    const uint64_t holes = std::min(unseen, sequence.previous_not_captured);
    const uint64_t lost = sequence.previous_not_captured - holes;
    if (holes > 0) {
        findings.add(
            Blame::kNeither,
            0,
            fmt::format("the capture missed packets of the {} {}: the {} acknowledged what "
                        "is not in it",
                        sender.name,
                        times_text(holes),
                        receiver.name));
    }
    if (lost > 0) {
        findings.add(sender.network,
                     static_cast<double>(lost) * kFastCost,
                     fmt::format("data of the {} was missing here {} ({} bytes): lost, or "
                                 "overtaken, between the {} and here",
                                 sender.name,
                                 times_text(lost),
                                 sequence.missing_bytes,
                                 sender.name));
    }
    if (sequence.out_of_order > 0) {
        findings.add(sender.network,
                     static_cast<double>(sequence.out_of_order) * kReorderCost,
                     fmt::format("{} of the {} came out of order: the way from the {} to here "
                                 "reorders packets",
                                 counted(sequence.out_of_order, "segment", "segments"),
                                 sender.name,
                                 sender.name));
    }
}

void explain_windows(const Side& sender, const Side& receiver, Findings& findings) {
    const WindowFacts& window = sender.flow->tcp.window;
    if (window.zero_windows > 0) {
        const double total = seconds_of(window.zero_total_ns);
        findings.add(
            sender.self,
            std::max(total, kFullCost),
            fmt::format("the {} advertised a zero window {}, {} in all: its application is "
                        "not reading",
                        sender.name,
                        times_text(window.zero_windows),
                        duration_text(total)));
    }
    if (window.full > 0 && receiver.flow != nullptr) {
        findings.add(
            receiver.self,
            static_cast<double>(window.full) * kFullCost,
            fmt::format("the {} filled the {}'s receive window {}: that window (at most {}) "
                        "limits the transfer",
                        sender.name,
                        receiver.name,
                        times_text(window.full),
                        bytes_text(receiver.flow->tcp.window.max)));
    }
}

void explain_damage(const Side& sender, Findings& findings) {
    const uint16_t flags = sender.flow->ip.flags;
    if ((flags & (kIpL3Checksum | kIpL4Checksum)) != 0) {
        findings.add(
            sender.network,
            kDamageCost,
            fmt::format("packets of the {} have wrong checksums: damaged between the {} and "
                        "here, or altered by whoever wrote the capture",
                        sender.name,
                        sender.name));
    }
    if ((flags & (kIpFragmentPosition | kIpFragmentSequence | kIpFragmentOutOfRange)) != 0) {
        findings.add(sender.network,
                     kDamageCost,
                     fmt::format("fragments of the {} overlap, are missing or exceed the datagram",
                                 sender.name));
    }
}

void explain_reset(const Side& sender, const Side& receiver, Findings& findings) {
    if (sender.flow->tcp.resets == 0 || !sender.flow->tcp.has_established) {
        return;
    }
    // After both have said FIN, a reset ends nothing that anyone still wants.
    const bool is_late =
        sender.flow->tcp.fins > 0 && (receiver.flow == nullptr || receiver.flow->tcp.fins > 0);
    findings.add(
        is_late ? Blame::kNeither : sender.self,
        is_late ? 0 : kResetCost,
        fmt::format(
            "the {} reset the connection{}", sender.name, is_late ? " after it was closed" : ""));
}

// Of a connection that never came up.
void explain_failure(const Side& client, const Side& server, Findings& findings) {
    const uint64_t tries = client.flow->tcp.syns;
    if (server.flow == nullptr || server.flow->packets == 0) {
        findings.add(Blame::kServer,
                     kFailedCost + static_cast<double>(tries) * kSynTimeoutCost,
                     fmt::format("the client asked {} for a connection and nothing came back: the "
                                 "server is down, or something before it drops the packets",
                                 times_text(tries)));
    } else if (server.flow->tcp.syns == 0 && server.flow->tcp.resets > 0) {
        findings.add(Blame::kServer,
                     kFailedCost,
                     "the server refused the connection: nothing listens at that port, or a "
                     "firewall answers for it");
    } else if (server.flow->tcp.syns > 0 && client.flow->tcp.resets > 0) {
        findings.add(
            Blame::kClient,
            kFailedCost,
            "the client answered the server's SYN-ACK with a reset: it had given up, or it "
            "scans");
    } else if (server.flow->tcp.syns > 0) {
        findings.add(Blame::kClientNetwork,
                     kFailedCost,
                     fmt::format("the server's SYN-ACK passed here {} and was never answered: lost "
                                 "between here and the client, or the client is gone",
                                 times_text(server.flow->tcp.syns)));
    }
}

void explain_handshake(const Side& client, const Side& server, Findings& findings) {
    const TcpFacts& tcp = client.flow->tcp;
    if (tcp.syns == 0) {
        return;  // the capture begins in the middle
    }
    if (!tcp.has_established) {
        explain_failure(client, server, findings);
        return;
    }
    const uint64_t again = tcp.sequence.syn_retransmissions;
    if (again == 0) {
        return;
    }
    const bool was_answered = server.flow != nullptr && server.flow->tcp.syns > 1;
    findings.add(
        was_answered ? Blame::kClientNetwork : Blame::kServerNetwork,
        static_cast<double>(again) * kSynTimeoutCost,
        was_answered
            ? fmt::format("the client sent its SYN again {} although a SYN-ACK had passed "
                          "here: lost between here and the client",
                          times_text(again))
            : fmt::format("the client's SYN passed here and was answered only after it came "
                          "again {}: lost between here and the server, or the server's "
                          "backlog was full",
                          times_text(again)));
}

// Best knowledge of the round trip from here to a host and back, by what `sender` sent to it: the
// handshake's, which no application delays, else the shortest of its ACKs.
double round_trip(const FlowRecord* sender) {
    if (sender == nullptr) {
        return 0;
    }
    const RoundTripFacts& trips = sender->tcp.trips;
    return trips.has_handshake ? trips.handshake : trips.ack_trip.min;
}

void explain_trips(const Side& client,
                   const Side& server,
                   const ExplainSettings& settings,
                   Findings& findings) {
    const double to_client = round_trip(server.flow);
    const double to_server = round_trip(client.flow);
    if (to_client > settings.slow_client_s) {
        findings.add(Blame::kClientNetwork,
                     to_client,
                     fmt::format("from here to the client and back takes {} (to the server and "
                                 "back: {})",
                                 duration_text(to_client),
                                 duration_text(to_server)));
    }
    if (to_server > settings.slow_server_s) {
        findings.add(Blame::kServerNetwork,
                     to_server,
                     fmt::format("from here to the server and back takes {} (to the client and "
                                 "back: {})",
                                 duration_text(to_server),
                                 duration_text(to_client)));
    }
}

// What the server itself takes: its answers, without the way to it and back.
void explain_answers(const Side& client,
                     const Side& server,
                     const ExplainSettings& settings,
                     Findings& findings) {
    if (server.flow == nullptr || server.flow->answer_s.count == 0) {
        return;
    }
    const Spread& answers = server.flow->answer_s;
    const double way = round_trip(client.flow);
    if (answers.max - way <= settings.slow_answer_s) {
        return;
    }
    findings.add(Blame::kServer,
                 answers.max - way,
                 fmt::format("the server took up to {} to answer, {} in the mean of {} (the way to "
                             "it and back: {}): its application is slow, or waits for others",
                             duration_text(answers.max),
                             duration_text(answers.mean),
                             counted(answers.count, "answer", "answers"),
                             duration_text(way)));
}

std::string endpoint_text(const IpAddress& address, uint16_t port) {
    std::string text = to_string(address);
    if (port == 0) {
        return text;
    }
    return address.is_ipv4() ? fmt::format("{}:{}", text, port)
                             : fmt::format("[{}]:{}", text, port);
}

std::string_view protocol_text(const FlowRecord& flow) {
    switch (flow.layer4) {
        case Layer4::kTcp:
            return "TCP";
        case Layer4::kUdp:
            return "UDP";
        case Layer4::kUdpLite:
            return "UDP-Lite";
        case Layer4::kSctp:
            return "SCTP";
        case Layer4::kIcmp:
            return "ICMP";
        case Layer4::kIcmpv6:
            return "ICMPv6";
        default:
            return "IP";
    }
}

// The blame whose findings cost most together.
Blame heaviest(const std::vector<Finding>& findings) {
    std::array<double, 5> costs{};
    for (const Finding& finding : findings) {
        costs[static_cast<size_t>(finding.blame)] += finding.cost_s;
    }
    costs[static_cast<size_t>(Blame::kNeither)] = 0;
    const auto* const most = std::ranges::max_element(costs);
    return static_cast<Blame>(*most > 0 ? most - costs.begin() : 0);
}

void explain_tcp(const Sides& sides, const ExplainSettings& settings, Findings& findings) {
    const Side client{sides.client, "client", Blame::kClient, Blame::kClientNetwork};
    const Side server{sides.server, "server", Blame::kServer, Blame::kServerNetwork};
    if (client.flow != nullptr) {
        explain_handshake(client, server, findings);
    }
    for (const auto& [sender, receiver] : {std::pair(client, server), std::pair(server, client)}) {
        if (sender.flow == nullptr) {
            continue;
        }
        explain_losses(sender, receiver, findings);
        explain_gaps(sender, receiver, findings);
        explain_windows(sender, receiver, findings);
        explain_damage(sender, findings);
        explain_reset(sender, receiver, findings);
    }
    explain_trips(client, server, settings, findings);
    explain_answers(client, server, settings, findings);
}

}  // namespace

std::string_view blame_name(Blame blame) {
    switch (blame) {
        case Blame::kClientNetwork:
            return "client's network";
        case Blame::kServerNetwork:
            return "server's network";
        case Blame::kClient:
            return "client";
        case Blame::kServer:
            return "server";
        default:
            return "neither";
    }
}

Sides sides_of(const FlowRecord& a, const FlowRecord* b) {
    const bool a_answers = a.is_tcp() && (a.tcp.flags & kFlagSynAck) != 0;
    const bool b_asks = b != nullptr && b->tcp.syns > 0 && (b->tcp.flags & kFlagSynAck) == 0;
    const bool is_middle = a.is_tcp() && a.tcp.syns == 0 && (b == nullptr || b->tcp.syns == 0);
    const bool is_lower = a.key.source_port != 0 && a.key.source_port < a.key.destination_port;
    if (a_answers || b_asks || (is_middle && is_lower)) {
        return {b, &a};
    }
    return {&a, b};
}

Explanation explain(const FlowRecord& a, const FlowRecord* b, const ExplainSettings& settings) {
    Findings findings;
    const Sides sides = sides_of(a, b);
    if (a.scan != ScanKind::kNone) {
        findings.add(
            Blame::kNeither,
            0,
            fmt::format("part of a {} scan by {}", scan_name(a.scan), to_string(a.key.source)));
    } else if (a.is_tcp()) {
        explain_tcp(sides, settings, findings);
    } else {
        const Side client{sides.client, "client", Blame::kClient, Blame::kClientNetwork};
        const Side server{sides.server, "server", Blame::kServer, Blame::kServerNetwork};
        for (const auto& side : {client, server}) {
            if (side.flow != nullptr) {
                explain_damage(side, findings);
            }
        }
        explain_answers(client, server, settings, findings);
    }
    Explanation explanation;
    explanation.findings = findings.take();
    std::ranges::stable_sort(explanation.findings, std::greater{}, &Finding::cost_s);
    explanation.blame = heaviest(explanation.findings);
    for (const Finding& finding : explanation.findings) {
        explanation.cost_s += finding.cost_s;
    }
    return explanation;
}

std::string show_explanation(const FlowRecord& a,
                             const FlowRecord* b,
                             const Explanation& explanation) {
    const Sides sides = sides_of(a, b);
    const bool is_turned = sides.client != &a;
    const std::string first = endpoint_text(a.key.source, a.key.source_port);
    const std::string second = endpoint_text(a.key.destination, a.key.destination_port);
    const int64_t begin = b == nullptr ? a.first_ns : std::min(a.first_ns, b->first_ns);
    const int64_t end = b == nullptr ? a.last_ns : std::max(a.last_ns, b->last_ns);
    std::string out =
        fmt::format("flow {}: {} {} -> {}, {}, {} in {}: {}\n",
                    a.flow,
                    protocol_text(a),
                    is_turned ? second : first,
                    is_turned ? first : second,
                    counted(a.packets + (b == nullptr ? 0 : b->packets), "packet", "packets"),
                    bytes_text(a.wire_bytes + (b == nullptr ? 0 : b->wire_bytes)),
                    duration_text(seconds_of(end - begin)),
                    blame_name(explanation.blame));
    for (const Finding& finding : explanation.findings) {
        out += fmt::format("  {:<16}  {}\n", blame_name(finding.blame), finding.text);
    }
    if (explanation.findings.empty()) {
        out += "  nothing in it explains a delay\n";
    }
    return out;
}

std::string duration_text(double seconds) {
    if (seconds <= 0) {
        return "0 s";
    }
    if (seconds < 1e-3) {
        return fmt::format("{:.0f} us", seconds * 1e6);
    }
    if (seconds < 0.9995) {
        return fmt::format("{:.3g} ms", seconds * 1e3);
    }
    if (seconds < 120) {
        return fmt::format("{:.3g} s", seconds);
    }
    const auto whole = static_cast<uint64_t>(seconds);
    return whole < 3600 ? fmt::format("{}m {:02}s", whole / 60, whole % 60)
                        : fmt::format("{}h {:02}m", whole / 3600, whole / 60 % 60);
}

std::string bytes_text(uint64_t bytes) {
    if (bytes < 1000) {
        return fmt::format("{} B", bytes);
    }
    auto scaled = static_cast<double>(bytes);
    constexpr std::string_view kUnits = "kMGTPE";
    size_t unit = 0;
    for (scaled /= 1000; scaled >= 999.5 && unit + 1 < kUnits.size(); scaled /= 1000) {
        ++unit;
    }
    return fmt::format("{:.3g} {}B", scaled, kUnits[unit]);
}

}  // namespace director::diagnostics
