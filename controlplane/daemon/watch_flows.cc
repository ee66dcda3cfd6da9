#include "controlplane/daemon/watch_flows.h"

#include <fmt/format.h>

#include "common/hash.h"
#include "diagnostics/report/flow_table.h"
#include "diagnostics/report/table.h"

namespace director::daemon {

using diagnostics::FlowKey;
using diagnostics::FlowRecord;

namespace {

constexpr size_t kOwnersMax = 1U << 20;

FlowKey reversed(const FlowKey& key) {
    FlowKey other = key;
    std::swap(other.source, other.destination);
    std::swap(other.source_port, other.destination_port);
    return other;
}

}  // namespace

size_t WatchFlows::KeyHash::operator()(const FlowKey& key) const {
    std::array<uint64_t, 4> words{};
    std::memcpy(words.data(), key.source.bytes.data(), 16);
    std::memcpy(words.data() + 2, key.destination.bytes.data(), 16);
    const uint64_t ports =
        uint64_t{key.source_port} << 32 | uint64_t{key.destination_port} << 16 | key.protocol;
    const HashKey secret{words[0] ^ words[1] * 3, words[2] ^ words[3] * 5};
    return keyed_hash(secret, ports);
}

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
    if (headers.is_ip() && record.server != dataplane::kNoRealServer &&
        owners_.size() < kOwnersMax) {
        const FlowKey key{headers.ip.source,
                          headers.ip.destination,
                          headers.source_port,
                          headers.destination_port,
                          headers.vlan_count != 0 ? headers.vlans[0] : uint16_t{0},
                          headers.ip.protocol};
        owners_.try_emplace(is_from_client ? key : reversed(key),
                            Known{record.service, record.server});
    }
    analyzer_.see(own, headers);
}

void WatchFlows::take_flow(const FlowRecord& record) {
    const auto as_client = owners_.find(record.key);
    if (as_client != owners_.end()) {
        take(record, {as_client->second.service, as_client->second.server, true});
        return;
    }
    const auto as_server = owners_.find(reversed(record.key));
    const Known known = as_server != owners_.end()
                            ? as_server->second
                            : Known{dataplane::kNoService, dataplane::kNoRealServer};
    take(record, {known.service, known.server, as_server == owners_.end()});
}

void WatchFlows::end_flows() {
    analyzer_.finish();
    owners_.clear();
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

void WatchFlowStream::take(const FlowRecord& record, const Owner& /*owner*/) {
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

WatchHealth::WatchHealth(uint8_t tap,
                         const diagnostics::AnalysisSettings& settings,
                         int64_t duration_ns,
                         Tell tell)
    : WatchFlows(tap, settings), duration_ns_(duration_ns), tell_(std::move(tell)) {}

void WatchHealth::take(const FlowRecord& record, const Owner& owner) {
    if (pending_ && (record.flow != pending_->first.flow)) {
        add_pending();
    }
    if (!pending_) {
        pending_.emplace(record, owner);
        if (!record.has_opposite) {
            add_pending();
        }
        return;
    }
    const FlowRecord first = pending_->first;
    const Owner first_owner = pending_->second;
    pending_.reset();
    if (first_owner.service == dataplane::kNoService) {
        return;
    }
    const FlowRecord* const client = first_owner.is_from_client ? &first : &record;
    const FlowRecord* const server = first_owner.is_from_client ? &record : &first;
    facts_[{index(first_owner.service), index(first_owner.server)}].add(client, server, now_ns_);
}

void WatchHealth::add_pending() {
    const auto [record, owner] = *pending_;
    pending_.reset();
    if (owner.service != dataplane::kNoService) {
        facts_[{index(owner.service), index(owner.server)}].add(
            owner.is_from_client ? &record : nullptr,
            owner.is_from_client ? nullptr : &record,
            now_ns_);
    }
}

void WatchHealth::turn(int64_t now_ns) {
    now_ns_ = now_ns;
    began_ns_ = began_ns_ == 0 ? now_ns : began_ns_;
}

bool WatchHealth::is_over(int64_t now_ns) {
    return began_ns_ != 0 && now_ns - began_ns_ >= duration_ns_;
}

void WatchHealth::finish(int64_t now_ns, const TapCounts& counts) {
    now_ns_ = now_ns;
    end_flows();
    if (pending_) {
        add_pending();
    }
    HealthReport report;
    report.observed_s = static_cast<double>(now_ns - began_ns_) / 1e9;
    report.packets = packets();
    report.counts = counts;
    for (const auto& [key, facts] : facts_) {
        report.servers.push_back({names().service(dataplane::ServiceId{key.first}),
                                  names().server(dataplane::RealServerId{key.second}),
                                  facts});
    }
    tell_(std::move(report));
}

}  // namespace director::daemon
