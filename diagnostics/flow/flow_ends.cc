// Flows found, begun and ended.
#include <algorithm>
#include <limits>

#include "diagnostics/flow/analyzer_impl.h"
#include "diagnostics/flow/end_counts.h"

namespace director::diagnostics {

uint64_t flow_status(const Flow& flow, Direction direction, const FlowHalf& half) {
    uint64_t status = direction == Direction::kB ? uint64_t{kFlowInverted} : 0;
    status |= half.has_macs ? 0 : uint64_t{kFlowNoEthernet};
    status |= half.vlan_count > 0 ? uint64_t{kFlowVlan} : 0;
    status |= flow.layer3 == Layer3::kIpv4 ? uint64_t{kFlowIpv4} : 0;
    status |= flow.layer3 == Layer3::kIpv6 ? uint64_t{kFlowIpv6} : 0;
    return status;
}

size_t Analyzer::Impl::list_of(const Flow& flow) const {
    return static_cast<size_t>(flow.pair.state);
}

int64_t Analyzer::Impl::timeout_ns(size_t list) const {
    return state_timeout_ns(static_cast<TcpState>(list), settings_);
}

uint32_t Analyzer::Impl::find_or_begin(const DirectedKey& key,
                                       const Packet& packet,
                                       const Headers& headers) {
    const uint64_t hash = hash_of(key_, key.packed);
    const uint32_t index = find(key, hash);
    if (index != IndexHash::kNone) {
        const Flow& flow = flows_[index];
        if (ages_.seen_ns(index) + timeout_ns(list_of(flow)) <= now_ns_) {
            end_flow(index, FlowEnd::kIdle);
        } else if (is_another(flow, key, packet, headers)) {
            end_flow(index, FlowEnd::kFinished);
        } else if (has_lasted(flow)) {
            end_flow(index, FlowEnd::kGoesOn);
        } else {
            return index;
        }
    }
    if (index_.size() >= std::max<size_t>(1, settings_.flows_max)) {
        evict_oldest();
    }
    return begin_flow(key, hash, headers);
}

bool Analyzer::Impl::has_lasted(const Flow& flow) const {
    return settings_.active_timeout_ns != 0 &&
           now_ns_ - half_of(flow, Direction::kA)->first_ns >= settings_.active_timeout_ns;
}

bool Analyzer::Impl::is_another(const Flow& flow,
                                const DirectedKey& key,
                                const Packet& packet,
                                const Headers& headers) const {
    if (!headers.is_tcp() || !headers.has(kSyn)) {
        return false;
    }
    TcpSegment segment;
    segment.header = &headers.tcp;
    segment.time_ns = packet.time_ns;
    const Direction direction = flow.direction_of(key.is_from_low);
    return begins_anew(
        flow.pair, tcp_of(flow, direction), tcp_of(flow, opposite(direction)), segment);
}

uint32_t Analyzer::Impl::begin_flow(const DirectedKey& key, uint64_t hash, const Headers& headers) {
    const uint32_t index = flows_.acquire();
    Flow& flow = flows_[index];
    flow.key = key.packed;
    flow.number = ++flows_begun_;
    flow.a_is_low = key.is_from_low;
    flow.layer3 = headers.layer3;
    flow.layer4 = headers.layer4;
    index_.insert(hash, index);
    ages_.add(index, list_of(flow), now_ns_);
    report_.flows_in_memory_max = std::max<uint64_t>(report_.flows_in_memory_max, index_.size());
    return index;
}

void Analyzer::Impl::expire() {
    next_expiry_ns_ = std::numeric_limits<int64_t>::max();
    for (size_t list = 0; list < kLists; ++list) {
        for (uint32_t index = ages_.oldest(list); index != IndexHash::kNone;
             index = ages_.oldest(list)) {
            const int64_t ends_ns = ages_.seen_ns(index) + timeout_ns(list);
            if (ends_ns > now_ns_) {
                next_expiry_ns_ = std::min(next_expiry_ns_, ends_ns);
                break;
            }
            const uint32_t next = ages_.after(index);
            prefetch_end(next, next == IndexHash::kNone ? next : ages_.after(next));
            end_flow(index, FlowEnd::kIdle);
        }
    }
}

void Analyzer::Impl::evict_oldest() {
    uint32_t oldest = IndexHash::kNone;
    for (size_t list = 0; list < kLists; ++list) {
        const uint32_t index = ages_.oldest(list);
        if (index != IndexHash::kNone &&
            (oldest == IndexHash::kNone || ages_.seen_ns(index) < ages_.seen_ns(oldest))) {
            oldest = index;
        }
    }
    if (oldest != IndexHash::kNone) {
        // Most likely the next to go.
        const uint32_t next = ages_.after(oldest);
        prefetch_end(next, next == IndexHash::kNone ? next : ages_.after(next));
        end_flow(oldest, FlowEnd::kTableFull);
    }
}

ScanTry Analyzer::Impl::scan_try(const Flow& flow) const {
    return judge_scan(flow,
                      *half_of(flow, Direction::kA),
                      tcp_of(flow, Direction::kA),
                      half_of(flow, Direction::kB),
                      tcp_of(flow, Direction::kB),
                      settings_);
}

void Analyzer::Impl::account(Flow& flow) {
    if (!flow.is_accounted && flow.layer4 == Layer4::kTcp) {
        sources_.count_flow(flow.key_of(Direction::kA), scan_try(flow), now_ns_);
    }
    flow.is_accounted = true;
}

void Analyzer::Impl::end_flow(uint32_t index, FlowEnd end) {
    Flow& flow = flows_[index];
    account(flow);
    const ScanTry tried = scan_try(flow);
    emit(flow, Direction::kA, end, tried);
    if (half_of(flow, Direction::kB) != nullptr) {
        emit(flow, Direction::kB, end, tried);
    }
    release(index);
}

void Analyzer::Impl::emit(Flow& flow, Direction direction, FlowEnd end, const ScanTry& tried) {
    FlowRecord record = make_record(flow, direction);
    record.end = end;
    if (const TcpHalf* const half = tcp_of(flow, direction);
        half != nullptr && record.tcp.timestamps.has_any) {
        const TimestampSeries series{half->first_timestamp,
                                     record.tcp.timestamps.last,
                                     half->first_timestamp_ns,
                                     half->last_timestamp_ns,
                                     half->timestamp_falls};
        sources_.identify(record.key.source, series, now_ns_, record.tcp.timestamps);
    }
    if (direction == Direction::kA && tried.kind != ScanKind::kNone &&
        (tried.is_evil || sources_.is_scanner(record.key.source))) {
        record.scan = tried.kind;
        record.tcp.anomaly |= kAnomalyScan;
        if (tried.is_answered) {
            record.tcp.anomaly |= kAnomalyScanSuccessful;
        }
    }
    count_flow(report_, record);
    sink_.take_flow(record);
}

FlowRecord Analyzer::Impl::make_record(const Flow& flow, Direction direction) const {
    const FlowHalf& half = *half_of(flow, direction);
    const FlowHalf* const other = half_of(flow, opposite(direction));
    FlowRecord record;
    record.flow = flow.number;
    record.direction = direction;
    record.has_opposite = other != nullptr;
    record.status = flow_status(flow, direction, half);
    record.key = flow.key_of(direction);
    record.layer3 = flow.layer3;
    record.layer4 = flow.layer4;
    record.link = half.link;
    record.point = half.point;
    record.source_mac = half.source_mac;
    record.destination_mac = half.destination_mac;
    record.has_macs = half.has_macs;
    record.ether_type = half.ether_type;
    record.vlan_count = half.vlan_count;
    record.tunnel_depth = half.tunnel_depth;
    record.icmp_type = half.icmp_type;
    record.icmp_code = half.icmp_code;
    record.first_number = half.first_number;
    record.first_ns = half.first_ns;
    record.last_ns = half.last_ns;
    record.packets = half.packets;
    record.packets_received = other != nullptr ? other->packets : 0;
    record.bytes = half.bytes;
    record.bytes_received = other != nullptr ? other->bytes : 0;
    record.wire_bytes = half.wire_bytes;
    record.fragments = half.fragments;
    record.packet_bytes = half.sizes();
    record.arrival_gap_s = half.gaps();
    record.answer_s = half.answers.spread();
    record.ip = half.ip.facts();
    if (const TcpHalf* const tcp = tcp_of(flow, direction)) {
        record.tcp = conclude(flow.pair, *tcp, tcp_of(flow, opposite(direction)), rares_);
    } else {
        record.tcp.status = kStatusInterDistance;
    }
    if (half.has_bad_coverage) {
        record.tcp.status |= kStatusCoverage;
    }
    return record;
}

void Analyzer::Impl::release(uint32_t index) {
    const Flow& flow = flows_[index];
    for (const uint32_t half : flow.halves) {
        if (half != IndexHash::kNone) {
            halves_.release(half);
        }
    }
    for (const uint32_t half : flow.tcp) {
        if (half != IndexHash::kNone) {
            if (tcp_[half].rare != TcpHalf::kNone) {
                rares_.release(tcp_[half].rare);
            }
            tcp_.release(half);
        }
    }
    ages_.remove(index);
    index_.erase(hash_of(key_, flow.key), index);
    flows_.release(index);
}

// In two rounds, so that a scanner's first flows are known as its own, too.
void Analyzer::Impl::finish() {
    fragments_.finish(*this);
    for (size_t list = 0; list < kLists; ++list) {
        for (uint32_t index = ages_.oldest(list); index != IndexHash::kNone;
             index = ages_.after(index)) {
            account(flows_[index]);
        }
    }
    std::vector<uint32_t> left;
    left.reserve(index_.size());
    for (size_t list = 0; list < kLists; ++list) {
        for (uint32_t index = ages_.oldest(list); index != IndexHash::kNone;
             index = ages_.after(index)) {
            left.push_back(index);
        }
    }
    std::sort(left.begin(), left.end(), [this](uint32_t a, uint32_t b) {
        return flows_[a].number < flows_[b].number;
    });
    left.resize(left.size() + 2, IndexHash::kNone);
    for (size_t i = 0; i + 2 < left.size(); ++i) {
        prefetch_end(left[i + 1], left[i + 2]);
        end_flow(left[i], FlowEnd::kFinished);
    }
    next_expiry_ns_ = std::numeric_limits<int64_t>::max();
}

EndReport Analyzer::Impl::report() const {
    EndReport report = report_;
    sources_.fill(report);
    return report;
}

}  // namespace director::diagnostics
