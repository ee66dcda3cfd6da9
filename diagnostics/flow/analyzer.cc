#include "diagnostics/flow/analyzer.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "common/random.h"
#include "diagnostics/flow/analyzer_impl.h"
#include "diagnostics/flow/end_counts.h"

namespace director::diagnostics {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

}  // namespace

Analyzer::Impl::Impl(const AnalysisSettings& settings, RecordSink& sink)
    : settings_(settings),
      sink_(sink),
      // A capture may have been made by who wants its analysis to be slow.
      key_{system_random(), system_random()},
      sources_(settings, key_),
      fragments_(settings.fragments, key_),
      now_ns_(std::numeric_limits<int64_t>::min()),
      next_expiry_ns_(kNever) {}

void Analyzer::Impl::see(const Packet& packet, const Headers& headers) {
    count_packet(report_, packet, headers);
    pass_time(packet.time_ns);
    if (!headers.is_ip()) {
        if (settings_.with_packets) {
            PacketRecord record;
            record.packet = &packet;
            record.headers = &headers;
            emit_packet(record);
        }
        return;
    }
    if (headers.ip.is_fragment) {
        fragments_.follow(packet, headers, *this);
    } else {
        analyze(packet, headers, {});
    }
}

// What needs a packet's bytes later cannot wait: they are the caller's.
void Analyzer::Impl::see_soon(const Packet& packet) {
    Waiting& waiting = waiting_[waiting_count_];
    // Made in its place: headers are too large to be copied without need.
    new (&waiting.headers) Headers(decode(packet, settings_.decode));
    const Headers& headers = waiting.headers;
    const IpHeaders& ip = headers.ip;
    if (settings_.with_packets || !headers.is_ip() || ip.is_fragment || !ip.options.empty() ||
        !ip.hop_by_hop.empty() || !ip.destination_options.empty()) {
        const Headers now = headers;
        see_waiting();
        see(packet, now);
        return;
    }
    waiting.packet = packet;
    const DirectedKey key = pack(headers, true);
    waiting.hash = hash_of(key_, key.packed);
    waiting.is_from_low = key.is_from_low;
    index_.prefetch(waiting.hash);
    if (++waiting_count_ == kTogether) {
        see_waiting();
    }
}

// In rounds: what one asks memory for has come when the next needs it.
void Analyzer::Impl::see_waiting() {
    const size_t count = std::exchange(waiting_count_, 0);
    std::array<uint32_t, kTogether> flows{};
    for (size_t i = 0; i < count; ++i) {
        flows[i] = index_.likely(waiting_[i].hash);
        if (flows[i] != IndexHash::kNone) {
            flows_.prefetch(flows[i]);
            ages_.prefetch(flows[i]);
        }
    }
    for (size_t i = 0; i < count; ++i) {
        if (flows[i] != IndexHash::kNone) {
            const Flow& flow = flows_[flows[i]];
            prefetch(flow,
                     flow.direction_of(waiting_[i].is_from_low),
                     waiting_[i].headers.payload_wire_bytes > 0);
        }
    }
    for (size_t i = 0; i < count; ++i) {
        see(waiting_[i].packet, waiting_[i].headers);
    }
}

void Analyzer::Impl::pass_time(int64_t now_ns) {
    if (now_ns <= now_ns_) {
        return;
    }
    now_ns_ = now_ns;
    fragments_.expire(now_ns_, *this);
    if (now_ns_ >= next_expiry_ns_) {
        expire();
    }
}

void Analyzer::Impl::take(const Packet& packet,
                          const Headers& headers,
                          const FragmentFinding& fragment) {
    analyze(packet, headers, fragment);
}

void Analyzer::Impl::see_unfinished(const Headers& headers) {
    const DirectedKey key = pack(headers, headers.layer4 != Layer4::kNone);
    const uint32_t index = find(key, hash_of(key_, key.packed));
    if (index == IndexHash::kNone) {
        return;
    }
    const Flow& flow = flows_[index];
    if (FlowHalf* const half = half_of(flow, flow.direction_of(key.is_from_low))) {
        half->ip.see_unfinished();
    }
}

// The way of a packet: to its flow, then through each part of the analysis.
void Analyzer::Impl::analyze(const Packet& packet,
                             const Headers& headers,
                             const FragmentFinding& fragment) {
    const bool has_ports = !headers.ip.is_fragment || fragment.has_ports;
    const DirectedKey key = pack(headers, has_ports);
    const uint32_t index = find_or_begin(key, packet, headers);
    Flow& flow = flows_[index];
    const Direction direction = flow.direction_of(key.is_from_low);
    uint32_t& half_index = flow.halves[static_cast<size_t>(direction)];
    if (half_index == IndexHash::kNone) {
        half_index = halves_.acquire();
        begin_half(flow, halves_[half_index], packet, headers);
    }
    FlowHalf& half = halves_[half_index];
    PacketRecord record;
    if (settings_.with_packets) {
        record = begin_record(flow, direction, packet, headers);
    }
    count_basics(half, packet, headers, fragment);
    if (headers.payload_wire_bytes > 0) {
        flow.speak(direction, packet.time_ns, half);
    }
    const IpFinding ip = half.ip.update(headers, packet.time_ns, fragment);
    record.id_difference = ip.id_difference;
    record.ip_flags = ip.flags;
    // Only what has the header itself: later fragments carry no numbers.
    if (headers.is_tcp() && headers.ip.fragment_offset == 0) {
        const TcpFinding finding = analyze_tcp(flow, direction, packet, headers);
        if (settings_.with_packets) {
            add_tcp(record, flow, headers.tcp, finding);
        }
    }
    ages_.touch(index, list_of(flow), now_ns_);
    next_expiry_ns_ = std::min(next_expiry_ns_, now_ns_ + timeout_ns(list_of(flow)));
    if (settings_.with_packets) {
        emit_packet(record);
    }
    if (half.packets == kFlowPacketsMax) {
        end_flow(index, FlowEnd::kFinished);
    }
}

void Analyzer::Impl::begin_half(Flow& flow,
                                FlowHalf& half,
                                const Packet& packet,
                                const Headers& headers) {
    if (flow.layer4 == Layer4::kNone) {
        flow.layer4 = headers.layer4;
    }
    half.first_ns = half.last_ns = packet.time_ns;
    half.first_number = packet.number;
    half.point = packet.point;
    half.link = packet.link;
    half.source_mac = headers.source_mac;
    half.destination_mac = headers.destination_mac;
    half.has_macs = headers.has_macs;
    half.ether_type = headers.ether_type;
    half.vlan_count = headers.vlan_count;
    half.tunnel_depth = headers.tunnel_depth;
    half.icmp_type = headers.icmp_type;
    half.icmp_code = headers.icmp_code;
}

void Analyzer::Impl::count_basics(FlowHalf& half,
                                  const Packet& packet,
                                  const Headers& headers,
                                  const FragmentFinding& fragment) {
    half.count(packet.time_ns, headers.payload_wire_bytes, packet.wire_bytes);
    if (headers.ip.is_fragment) {
        ++half.fragments;
    }
    if ((headers.faults & kFaultCoverage) != 0) {
        half.has_bad_coverage = true;
    }
    if (fragment.is_whole && fragment.reassembled.verdict == ChecksumVerdict::kBad) {
        ++report_.bad_l4_checksums;
    }
}

TcpFinding Analyzer::Impl::analyze_tcp(Flow& flow,
                                       Direction direction,
                                       const Packet& packet,
                                       const Headers& headers) {
    uint32_t& index = flow.tcp[static_cast<size_t>(direction)];
    if (index == IndexHash::kNone) {
        index = tcp_.acquire();
    }
    TcpSegment segment;
    segment.header = &headers.tcp;
    segment.time_ns = packet.time_ns;
    segment.payload_bytes = headers.payload_wire_bytes;
    segment.is_fragment = headers.ip.is_fragment;
    segment.has_broken_options = (headers.faults & kFaultTcpOptions) != 0;
    return see_segment(flow.pair,
                       tcp_[index],
                       tcp_of(flow, opposite(direction)),
                       direction,
                       segment,
                       {settings_, rares_});
}

PacketRecord Analyzer::Impl::begin_record(const Flow& flow,
                                          Direction direction,
                                          const Packet& packet,
                                          const Headers& headers) const {
    PacketRecord record;
    record.packet = &packet;
    record.headers = &headers;
    record.flow = flow.number;
    record.direction = direction;
    record.key = flow.key_of(direction);
    record.flow_status = flow_status(flow, direction, *half_of(flow, direction));
    const FlowHalf& half = *half_of(flow, direction);
    record.gap_ns = packet.time_ns - half.last_ns;
    record.duration_ns = packet.time_ns - half.first_ns;
    if (const FlowHalf* const other = half_of(flow, opposite(direction))) {
        record.trip_ns = packet.time_ns - other->last_ns;
    }
    return record;
}

void Analyzer::Impl::add_tcp(PacketRecord& record,
                             const Flow& flow,
                             const TcpHeader& header,
                             const TcpFinding& finding) const {
    const TcpHalf& half = *tcp_of(flow, record.direction);
    const TcpHalf* const other = tcp_of(flow, opposite(record.direction));
    const bool is_relative = settings_.with_relative_sequences;
    const uint32_t base = is_relative ? half.first_sequence : 0;
    uint32_t ack_base = 0;
    if (is_relative && (header.flags & kAck) != 0) {
        ack_base = other != nullptr ? other->first_sequence : half.first_acknowledgement - 1;
    }
    record.has_tcp = true;
    record.sequence = header.sequence - base;
    record.acknowledgement = header.acknowledgement - ack_base;
    record.sequence_max = finding.expected - base;
    record.sequence_difference = finding.sequence_difference;
    record.acknowledgement_difference = finding.acknowledgement_difference;
    record.sequence_length = finding.sequence_length;
    record.acknowledgement_length = finding.acknowledgement_length;
    record.sequence_sum = half.sent_bytes;
    record.acknowledgement_sum = half.acknowledged_bytes;
    record.payload_sum = half.payload_bytes;
    record.in_flight = finding.in_flight;
    record.unacknowledged_payload = half.unacknowledged_payload;
    record.status = finding.status;
    record.flags = finding.flags;
    record.anomaly = finding.anomaly;
    record.states = finding.states;
    record.window = finding.window;
    record.window_scale = half.has_window_shift ? 1U << half.window_shift : 0;
    record.ack_trip_ns = finding.ack_trip_ns;
    record.retransmission_delay_ns = finding.retransmission_delay_ns;
    record.duplicate_ack = finding.duplicate_ack;
}

Analyzer::Analyzer(const AnalysisSettings& settings, RecordSink& sink)
    : impl_(std::make_unique<Impl>(settings, sink)) {}

Analyzer::~Analyzer() = default;

void Analyzer::see(const Packet& packet) {
    impl_->see_waiting();
    impl_->see(packet, decode(packet, impl_->settings().decode));
}

void Analyzer::see_soon(const Packet& packet) {
    impl_->see_soon(packet);
}

void Analyzer::see(const Packet& packet, const Headers& headers) {
    impl_->see_waiting();
    impl_->see(packet, headers);
}

void Analyzer::pass_time(int64_t now_ns) {
    impl_->see_waiting();
    impl_->pass_time(now_ns);
}

void Analyzer::finish() {
    impl_->see_waiting();
    impl_->finish();
}

EndReport Analyzer::report() const {
    return impl_->report();
}

size_t Analyzer::flows_in_memory() const {
    return impl_->flows_in_memory();
}

}  // namespace director::diagnostics
