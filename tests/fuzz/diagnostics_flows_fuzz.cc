// Packets of any bytes, in any order and at any time -> the flow analysis. Whatever comes: each
// packet of IP is in one flow record, tables stay as small as they were told to, and no number
// contradicts another.
//
// An input is a byte for the way (2 more: packets may wait for others), a byte for the settings,
// then packets. Way 0: link type, time step, length and bytes as they are on the wire. Way 1:
// headers made of ten bytes, so that a fuzzer need not find addresses and checksums first: who,
// flags, sequence, acknowledgement, window, payload and time step.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "common/assert.h"
#include "diagnostics/flow/analyzer.h"

namespace {

using namespace director;
using namespace director::diagnostics;

constexpr std::array<LinkType, 4> kLinks{
    LinkType::kEthernet, LinkType::kRaw, LinkType::kPpp, LinkType::kLinuxCooked};

class CheckingSink final : public RecordSink {
  public:
    void take_flow(const FlowRecord& record) override {
        packets += record.packets;
        DIRECTOR_ASSERT(record.packets > 0);
        DIRECTOR_ASSERT(record.packet_bytes.count == record.packets);
        DIRECTOR_ASSERT(record.direction == Direction::kA || record.has_opposite);
        DIRECTOR_ASSERT(record.has_opposite == (record.packets_received > 0));
        check(record.packet_bytes);
        check(record.arrival_gap_s);
        check(record.tcp.trips.ack_trip);
        check(record.tcp.trips.timestamp_trip);
        const WindowFacts& window = record.tcp.window;
        DIRECTOR_ASSERT(window.min <= window.max);
        DIRECTOR_ASSERT(window.below_min <= record.packets);
        DIRECTOR_ASSERT(window.zero_longest_ns <= window.zero_total_ns);
        DIRECTOR_ASSERT(record.tcp.sequence.retransmissions() <= record.packets);
        const TimestampFacts& clock = record.tcp.timestamps;
        DIRECTOR_ASSERT(!clock.is_usable() || (clock.has_any && clock.tick_s > 0));
        DIRECTOR_ASSERT(clock.is_usable() || clock.boot_s == 0);
    }
    void take_packet(const PacketRecord& record) override {
        DIRECTOR_ASSERT(record.packet != nullptr && record.headers != nullptr);
        packet_records += record.flow != 0 ? 1U : 0U;
    }

    uint64_t packets = 0;
    uint64_t packet_records = 0;

  private:
    static void check(const Spread& spread) {
        DIRECTOR_ASSERT(spread.count == 0 || spread.min <= spread.max);
        DIRECTOR_ASSERT(!std::isnan(spread.mean) && !std::isnan(spread.deviation));
        DIRECTOR_ASSERT(spread.deviation >= 0);
    }
};

AnalysisSettings small_settings(uint8_t choice) {
    AnalysisSettings settings;
    settings.flows_max = 1 + choice % 5;
    settings.scan_sources_max = 1 + choice % 3;
    settings.scan_targets_min = 2;
    settings.fragments.datagrams_max = 4;
    settings.fragments.held_packets_max = 4;
    settings.with_packets = true;
    settings.with_relative_sequences = (choice & 1) != 0;
    settings.decode.looks_into_tunnels = (choice & 2) != 0;
    return settings;
}

// A byte of time: back a little, on a little, or far.
int64_t step_ns(uint8_t byte) {
    const int64_t step = int64_t{byte} - 32;
    return byte < 128 ? step * kMillisecond : step * kSecond;
}

class Input {
  public:
    Input(const uint8_t* data, size_t size) : data_(data), left_(size) {}
    [[nodiscard]] size_t left() const { return left_; }
    uint8_t byte() {
        const uint8_t value = *data_;
        ++data_;
        --left_;
        return value;
    }
    std::span<const uint8_t> bytes(size_t count) {
        const std::span<const uint8_t> result(data_, std::min(count, left_));
        data_ += result.size();
        left_ -= result.size();
        return result;
    }

  private:
    const uint8_t* data_;
    size_t left_;
};

Headers made_headers(Input& input) {
    const uint8_t who = input.byte();
    const bool is_back = (who & 1) != 0;
    const Ipv4Address client = Ipv4Address::of(10, 0, 0, who >> 1 & 3);
    const Ipv4Address server = Ipv4Address::of(10, 0, 1, who >> 3 & 3);
    Headers headers;
    headers.layer3 = Layer3::kIpv4;
    headers.layer4 = (who & 0x80) != 0 ? Layer4::kUdp : Layer4::kTcp;
    headers.ip.protocol = (who & 0x80) != 0 ? 17 : 6;
    headers.ip.source = is_back ? server : client;
    headers.ip.destination = is_back ? client : server;
    const uint16_t port = who >> 5 & 3;
    headers.source_port = is_back ? 80 : port;
    headers.destination_port = is_back ? port : 80;
    TcpHeader& tcp = headers.tcp;
    tcp.flags = input.byte();
    // Around the wrap.
    tcp.sequence = 0xffffff80U + input.byte();
    tcp.acknowledgement = 0xffffff80U + input.byte();
    tcp.window = static_cast<uint16_t>(input.byte() / 4);
    const uint8_t options = input.byte();
    tcp.option_count = options & 3;
    tcp.has_timestamps = (options & 4) != 0;
    tcp.timestamp = options * 1000U;
    tcp.timestamp_echo = options * 1000U;
    tcp.has_window_shift = (options & 8) != 0;
    tcp.window_shift = options;
    tcp.sack_count = (options & 16) != 0 ? 2 : 0;
    tcp.sack[0] = {tcp.sequence, tcp.acknowledgement};
    tcp.mptcp_count = options >> 5 & 3;
    tcp.mptcp[0].subtype = options & 15;
    headers.payload_wire_bytes = input.byte() / 8;
    return headers;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2) {
        return 0;
    }
    Input input(data, size);
    const uint8_t way = input.byte();
    const bool is_made = (way & 1) != 0;
    const bool is_soon = (way & 2) != 0;
    AnalysisSettings settings = small_settings(input.byte());
    settings.with_packets = !is_soon;
    CheckingSink sink;
    Analyzer analyzer(settings, sink);
    Packet packet;
    packet.time_ns = 1'700'000'000 * kSecond;
    constexpr size_t kMadeBytes = 8;  // at least three of the other way
    while (input.left() >= kMadeBytes) {
        ++packet.number;
        packet.time_ns += step_ns(input.byte());
        if (is_made) {
            const Headers headers = made_headers(input);
            packet.wire_bytes = 60;
            analyzer.see(packet, headers);
        } else {
            packet.link = kLinks[input.byte() % kLinks.size()];
            const uint8_t length = input.byte();
            packet.bytes = input.bytes(length);
            packet.wire_bytes = static_cast<uint32_t>(packet.bytes.size()) + (length % 16 == 0);
            if (is_soon) {
                analyzer.see_soon(packet);
            } else {
                analyzer.see(packet);
            }
        }
        DIRECTOR_ASSERT(analyzer.flows_in_memory() <= settings.flows_max);
    }
    analyzer.finish();
    const EndReport report = analyzer.report();
    DIRECTOR_ASSERT(analyzer.flows_in_memory() == 0);
    DIRECTOR_ASSERT(sink.packets == report.ipv4 + report.ipv6);
    DIRECTOR_ASSERT(sink.packet_records == (is_soon ? 0 : sink.packets));
    DIRECTOR_ASSERT(report.packets_a + report.packets_b == sink.packets);
    DIRECTOR_ASSERT(report.packets == packet.number);
    DIRECTOR_ASSERT(report.scans_successful <= report.scans_attempted);
    return 0;
}
