#include "controlplane/daemon/watch_flows.h"

#include <fmt/format.h>

#include "diagnostics/report/flow_table.h"
#include "diagnostics/report/table.h"

namespace director::daemon {

using diagnostics::FlowRecord;

WatchFlows::WatchFlows(uint8_t tap, const diagnostics::AnalysisSettings& settings)
    : Watch(tap), analyzer_(settings, *this) {}

void WatchFlows::see(const dataplane::io::MirroredPacket& packet,
                     uint16_t /*worker*/,
                     int64_t time_ns) {
    const dataplane::MirrorRecord& record = packet.record;
    if (!record.has(dataplane::kMirrorOfService)) {
        return;
    }
    // Clients' packets as they come, servers' as they leave.
    const bool is_from_client = record.has(dataplane::kMirrorFromClient);
    const bool is_arrival = record.has(dataplane::kMirrorArrival) && is_from_client;
    const bool is_departure = record.has(dataplane::kMirrorDeparture) && !is_from_client &&
                              record.outcome != dataplane::MirrorOutcome::kAnswered &&
                              record.outcome != dataplane::MirrorOutcome::kLost;
    if (!is_arrival && !is_departure) {
        return;
    }
    diagnostics::Packet own;
    own.number = ++packets_;
    own.time_ns = time_ns;
    own.bytes = is_arrival ? packet.in : packet.out;
    own.wire_bytes = is_arrival ? record.wire_in_bytes : record.wire_out_bytes;
    const diagnostics::Headers headers = diagnostics::decode(own);
    analyzer_.see(own, headers);
    note(record, headers);
}

WatchFlowStream::WatchFlowStream(uint8_t tap,
                                 const diagnostics::AnalysisSettings& settings,
                                 int64_t duration_ns,
                                 bool is_json,
                                 int descriptor)
    : WatchFlows(tap, settings), duration_ns_(duration_ns), is_json_(is_json), output_(descriptor) {
    if (!is_json_) {
        diagnostics::TextBuffer header;
        diagnostics::write_header(header, diagnostics::flow_columns());
        output_.add_last({header.data(), header.size()});
    }
}

void WatchFlowStream::take_flow(const FlowRecord& record) {
    diagnostics::TextBuffer line;
    if (is_json_) {
        diagnostics::write_json(line, diagnostics::flow_columns(), record, {});
        line.push_back('\n');
    } else {
        diagnostics::write_row(line, diagnostics::flow_columns(), record, {});
    }
    if (!output_.add({line.data(), line.size()})) {
        ++unread_;
    }
}

void WatchFlowStream::turn(int64_t now_ns) {
    began_ns_ = began_ns_ == 0 ? now_ns : began_ns_;
    pass_time(now_ns);
    output_.flush();
}

bool WatchFlowStream::is_over(int64_t now_ns) {
    const bool is_late = duration_ns_ != 0 && began_ns_ != 0 && now_ns - began_ns_ >= duration_ns_;
    return is_late || output_.has_ended();
}

void WatchFlowStream::finish(int64_t /*now_ns*/, const TapCounts& counts) {
    end_flows();
    // The last line is for the program at the other end.
    output_.add_last(
        fmt::format("{{\"end\":{{\"packets\":{},\"missed\":{},\"limited\":{},\"unread\":{}}}}}\n",
                    packets(),
                    counts.missed,
                    counts.limited,
                    unread_));
    output_.flush();
}

}  // namespace director::daemon
