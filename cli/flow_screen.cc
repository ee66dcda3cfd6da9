#include "cli/flow_screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cli/units.h"
#include "diagnostics/report/cells.h"
#include "diagnostics/report/end_report.h"
#include "diagnostics/report/packet_table.h"

namespace director::cli {
namespace {

using diagnostics::append;
using diagnostics::Blame;
using diagnostics::Explanation;
using diagnostics::FlowRecord;

const std::vector<Column> kTitles = {{"FLOW", Align::kRight},
                                     {"CLIENT"},
                                     {"SERVER"},
                                     {"PROTOCOL"},
                                     {"PACKETS", Align::kRight},
                                     {"BYTES", Align::kRight},
                                     {"DURATION", Align::kRight},
                                     {"RTT CLIENT", Align::kRight},
                                     {"RTT SERVER", Align::kRight},
                                     {"SENT AGAIN", Align::kRight},
                                     {"ZERO WINDOW", Align::kRight},
                                     {"ANOMALIES"},
                                     {"TO BLAME"}};

std::string endpoint_of(const IpAddress& address, uint16_t port) {
    std::string text = to_string(address);
    if (port == 0) {
        return text;
    }
    return address.is_ipv4() ? fmt::format("{}:{}", text, port)
                             : fmt::format("[{}]:{}", text, port);
}

std::string protocol_of(const FlowRecord& flow) {
    diagnostics::TextBuffer out;
    diagnostics::put_chain(out,
                           {diagnostics::LinkType::kRaw,
                            false,
                            0,
                            0,
                            diagnostics::Layer3::kNone,
                            flow.layer4,
                            flow.key.protocol});
    return out.size() > 0 ? fmt::to_string(out) : fmt::to_string(flow.key.protocol);
}

std::string trip_of(const FlowRecord* flow) {
    if (flow == nullptr || !flow->is_tcp() || !flow->tcp.trips.has_handshake) {
        return "";
    }
    return diagnostics::duration_text(flow->tcp.trips.handshake);
}

uint64_t again(const FlowRecord* flow) {
    return flow == nullptr ? 0 : flow->tcp.sequence.retransmissions();
}

std::string zero_of(const FlowRecord& a, const FlowRecord* b) {
    const int64_t total =
        a.tcp.window.zero_total_ns + (b == nullptr ? 0 : b->tcp.window.zero_total_ns);
    const uint64_t count =
        a.tcp.window.zero_windows + (b == nullptr ? 0 : b->tcp.window.zero_windows);
    return count == 0 ? "" : diagnostics::duration_text(static_cast<double>(total) / 1e9);
}

Style style_of(const Explanation& explanation) {
    return explanation.blame == Blame::kNeither ? Style::kPlain
           : explanation.cost_s >= 1            ? Style::kBad
                                                : Style::kWarning;
}

std::vector<Cell> row_of(const FlowRecord& a, const FlowRecord* b, const Explanation& explanation) {
    const diagnostics::Sides sides = diagnostics::sides_of(a, b);
    const bool is_turned = sides.client != &a;
    const std::string first = endpoint_of(a.key.source, a.key.source_port);
    const std::string second = endpoint_of(a.key.destination, a.key.destination_port);
    const int64_t begin = b == nullptr ? a.first_ns : std::min(a.first_ns, b->first_ns);
    const int64_t end = b == nullptr ? a.last_ns : std::max(a.last_ns, b->last_ns);
    const unsigned anomalies = a.tcp.anomaly | (b == nullptr ? 0U : b->tcp.anomaly);
    const uint64_t sent_again = again(&a) + again(b);
    return {
        {fmt::to_string(a.flow)},
        {is_turned ? second : first},
        {is_turned ? first : second},
        {protocol_of(a)},
        {fmt::to_string(a.packets + (b == nullptr ? 0 : b->packets))},
        {human_bytes(a.wire_bytes + (b == nullptr ? 0 : b->wire_bytes))},
        {diagnostics::duration_text(static_cast<double>(end - begin) / 1e9)},
        // The client's way shows in the server's SYN-ACK and its answer, and the other way round.
        {trip_of(sides.server)},
        {trip_of(sides.client)},
        {sent_again == 0 ? "" : fmt::to_string(sent_again)},
        {zero_of(a, b)},
        {anomalies == 0 ? "" : fmt::format("0x{:04x}", anomalies)},
        {std::string(blame_name(explanation.blame)), style_of(explanation)}};
}

}  // namespace

FlowScreen::FlowScreen(const Settings& settings, const FlowsRequest& request, TextFile file)
    : settings_(settings), request_(request), file_(std::move(file)) {}

void FlowScreen::take_packet(const diagnostics::PacketRecord& record) {
    diagnostics::TextBuffer& out = file_.buffer();
    if (!has_packet_header_) {
        has_packet_header_ = true;
        write_header(out, diagnostics::packet_columns());
    }
    write_row(out, diagnostics::packet_columns(), record, request_.table);
    file_.flush_if_full();
}

void FlowScreen::add_connection(const FlowRecord& a, const FlowRecord* b) {
    ++connections_;
    const Explanation explanation = explain(a, b, request_.explain);
    Shown shown{explanation.cost_s, a.flow, {}, {}};
    const auto is_above = [](const Shown& one, const Shown& other) { return one.is_above(other); };
    const bool is_full = shown_.size() >= request_.connections_shown;
    if (is_full && (shown_.empty() || !shown.is_above(shown_.front()))) {
        return;
    }
    if (is_full) {
        std::ranges::pop_heap(shown_, is_above);
        shown_.pop_back();
    }
    if (request_.is_explained) {
        shown.explanation = show_explanation(a, b, explanation);
    } else {
        shown.row = row_of(a, b, explanation);
    }
    shown_.push_back(std::move(shown));
    std::ranges::push_heap(shown_, is_above);
}

Result<void> FlowScreen::finish(const diagnostics::EndReport& report) {
    std::ranges::sort(shown_,
                      [](const Shown& one, const Shown& other) { return one.is_above(other); });
    std::string text = has_packet_header_ ? "\n" : "";
    Table table(kTitles);
    for (Shown& shown : shown_) {
        if (request_.is_explained) {
            text += shown.explanation;
        } else {
            table.add(std::move(shown.row));
        }
    }
    if (!request_.is_explained) {
        text += table.render(settings_.colour);
    }
    if (connections_ > shown_.size()) {
        text += fmt::format("The worst {} of {} connections; --top shows more, -w writes all.\n",
                            shown_.size(),
                            connections_);
    }
    append(file_.buffer(), text + "\n" + show_end_report(report, request_.analysis));
    return file_.close();
}

}  // namespace director::cli
