// What the flow analysis costs: packets a second on one core, from memory and from a file in the
// page cache, everything on.
//
//   diagnostics_flows_bench [CONNECTIONS] [AT_ONCE] [PAYLOAD]
//   diagnostics_flows_bench FILE...
//
// With files, each is analysed from the page cache, as often as it takes to tell (make_capture
// makes such files, of any number of connections open at once). Generated traffic: connections of
// 18 packets each (handshake, a request, five segments of answer each with its ACK, teardown),
// AT_ONCE of them interleaved. Also measured: one packet each of as many flows (a flood), which is
// the worst for memory; and decoding alone.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "common/assert.h"
#include "common/random.h"
#include "diagnostics/files/capture_file.h"
#include "diagnostics/flow/analyzer.h"
#include "diagnostics/packet/decode.h"
#include "tests/support/packet_builder.h"

namespace {

using namespace director;
using namespace director::diagnostics;
using test::PacketBuilder;

class CountingSink final : public RecordSink {
  public:
    void take_flow(const FlowRecord& record) override {
        flows += 1;
        packets += record.packets;
    }
    void take_packet(const PacketRecord& record) override { packet_records += record.flow; }

    uint64_t flows = 0;
    uint64_t packets = 0;
    uint64_t packet_records = 0;
};

// A capture in memory, as a pcap file has it.
class Traffic {
  public:
    Traffic() {
        const auto put32 = [this](uint32_t value) { append(&value, sizeof(value)); };
        put32(0xa1b23c4d);  // nanoseconds
        put32(0x00040002);
        put32(0);
        put32(0);
        put32(262144);
        put32(1);
    }

    void add(const test::Frame& frame) {
        time_ns_ += 1000;
        const auto length = static_cast<uint32_t>(frame.size());
        const std::array<uint32_t, 4> header{static_cast<uint32_t>(time_ns_ / 1'000'000'000),
                                             static_cast<uint32_t>(time_ns_ % 1'000'000'000),
                                             length,
                                             length};
        append(header.data(), sizeof(header));
        Packet packet;
        packet.number = packets_.size() + 1;
        packet.time_ns = time_ns_;
        packet.wire_bytes = length;
        packets_.push_back(packet);
        offsets_.push_back(bytes_.size());
        append(frame.data(), frame.size());
    }

    // To be called when all is added.
    void settle() {
        for (size_t i = 0; i < packets_.size(); ++i) {
            packets_[i].bytes = {bytes_.data() + offsets_[i], packets_[i].wire_bytes};
        }
    }
    [[nodiscard]] const std::vector<Packet>& packets() const { return packets_; }
    [[nodiscard]] const std::vector<uint8_t>& file() const { return bytes_; }

  private:
    void append(const void* data, size_t length) {
        const auto* const from = static_cast<const uint8_t*>(data);
        bytes_.insert(bytes_.end(), from, from + length);
    }

    int64_t time_ns_ = 1'700'000'000'000'000'000;
    std::vector<uint8_t> bytes_;
    std::vector<Packet> packets_;
    std::vector<size_t> offsets_;
};

struct Conversation {
    Ipv4Address client;
    uint16_t port = 0;
    uint32_t client_next = 0;
    uint32_t server_next = 0;
    uint32_t step = 0;
};

constexpr uint32_t kSteps = 18;

test::Frame next_frame(Conversation& talk, size_t payload, uint32_t clock) {
    const Ipv4Address server = Ipv4Address::of(203, 0, 113, 10);
    const uint32_t step = talk.step++;
    const bool is_data = step >= 5 && step < 15 && step % 2 == 1;
    const bool is_from_server = step == 1 || step == 4 || is_data || step == 15;
    const size_t length = step == 3 ? 300 : is_data ? payload : 0;
    const bool is_syn = step <= 1;
    const bool is_fin = step == 15 || step == 16;
    std::vector<uint8_t> options{1, 1, 8, 10};
    for (const uint32_t value : {clock, clock - 1}) {
        for (int shift = 24; shift >= 0; shift -= 8) {
            options.push_back(static_cast<uint8_t>(value >> shift));
        }
    }
    if (is_syn) {
        options.insert(options.end(), {2, 4, 5, 180, 1, 3, 3, 7});
    }
    const auto flags =
        static_cast<uint8_t>((step == 0 ? 0 : test::kTcpAck) | (is_syn ? test::kTcpSyn : 0) |
                             (is_fin ? test::kTcpFin : 0));
    uint32_t& own = is_from_server ? talk.server_next : talk.client_next;
    const uint32_t other = is_from_server ? talk.client_next : talk.server_next;
    PacketBuilder builder;
    builder.ipv4(is_from_server ? server : talk.client, is_from_server ? talk.client : server)
        .dont_fragment()
        .ip_id(static_cast<uint16_t>(clock))
        .tcp(is_from_server ? 80 : talk.port, is_from_server ? talk.port : 80)
        .tcp_flags(flags)
        .seq(own)
        .ack(step == 0 ? 0 : other)
        .window(static_cast<uint16_t>(500 + step))
        .tcp_options(options)
        .payload_size(length);
    own += static_cast<uint32_t>(length) + (is_syn || is_fin ? 1 : 0);
    return builder.build();
}

Traffic conversations(uint32_t count, uint32_t at_once, size_t payload) {
    Traffic traffic;
    Random random(1);
    std::vector<Conversation> open;
    uint32_t begun = 0;
    uint32_t clock = 0;
    while (begun < count || !open.empty()) {
        while (open.size() < at_once && begun < count) {
            Conversation talk;
            talk.client = Ipv4Address::from_host(0x0a000000U + begun / 20);
            talk.port = static_cast<uint16_t>(1024 + begun % 60000);
            talk.client_next = static_cast<uint32_t>(random.next());
            talk.server_next = static_cast<uint32_t>(random.next());
            open.push_back(talk);
            ++begun;
        }
        const size_t i = random.below(open.size());
        traffic.add(next_frame(open[i], payload, ++clock));
        if (open[i].step == kSteps) {
            open[i] = open.back();
            open.pop_back();
        }
    }
    traffic.settle();
    return traffic;
}

Traffic flood(uint32_t count) {
    Traffic traffic;
    for (uint32_t i = 0; i < count; ++i) {
        traffic.add(
            PacketBuilder()
                .ipv4(Ipv4Address::from_host(0x0b000000U + i), Ipv4Address::of(203, 0, 113, 10))
                .tcp(static_cast<uint16_t>(i % 60000 + 1), 80)
                .tcp_flags(test::kTcpSyn)
                .seq(i)
                .build());
    }
    traffic.settle();
    return traffic;
}

template <typename Work>
void measure(const std::string& name, uint64_t packets, Work&& work) {
    double best = 0;
    for (int round = 0; round < 3; ++round) {
        // Time of the processor, not of the wall: other programs do not count.
        const std::clock_t begin = std::clock();
        work();
        const double took_s = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
        best = std::max(best, static_cast<double>(packets) / took_s);
    }
    fmt::print("{:<40} {:>8.2f} million packets/s {:>7.1f} ns\n", name, best / 1e6, 1e9 / best);
    std::fflush(stdout);
}

void analyze(const Traffic& traffic, const AnalysisSettings& settings) {
    CountingSink sink;
    Analyzer analyzer(settings, sink);
    for (const Packet& packet : traffic.packets()) {
        analyzer.see_soon(packet);
    }
    analyzer.finish();
    DIRECTOR_ASSERT(sink.packets == traffic.packets().size());
}

// How many packets were in flows.
uint64_t analyze_file(const std::string& path) {
    CountingSink sink;
    Analyzer analyzer({}, sink);
    auto file = CaptureFile::open(path);
    DIRECTOR_ASSERT(file.has_value());
    while (const Packet* const packet = file->next()) {
        analyzer.see_soon(*packet);
    }
    analyzer.finish();
    return sink.packets;
}

void run_file(const std::string& path) {
    const uint64_t packets = analyze_file(path);
    measure(path, packets, [&] { DIRECTOR_ASSERT(analyze_file(path) == packets); });
}

void run(uint32_t connections, uint32_t at_once, size_t payload) {
    const Traffic traffic = conversations(connections, at_once, payload);
    const uint64_t packets = traffic.packets().size();
    fmt::print("{} packets of {} connections, {} at once, {} bytes\n",
               packets,
               connections,
               at_once,
               traffic.file().size());
    measure("decode alone", packets, [&] {
        uint64_t sum = 0;
        for (const Packet& packet : traffic.packets()) {
            sum += decode(packet).payload_wire_bytes;
        }
        DIRECTOR_ASSERT(sum > 0);
    });
    AnalysisSettings settings;
    measure("flows, from memory", packets, [&] { analyze(traffic, settings); });
    settings.decode.checksums = ChecksumMode::kNone;
    measure("flows, without checksums", packets, [&] { analyze(traffic, settings); });
    settings.decode.checksums = ChecksumMode::kAll;
    settings.with_packets = true;
    measure("flows and packet records", packets, [&] { analyze(traffic, settings); });

    const std::string path = fmt::format("/tmp/diagnostics_flows_bench.{}.pcap", ::getpid());
    FILE* const out = std::fopen(path.c_str(), "wb");
    DIRECTOR_ASSERT(out != nullptr);
    DIRECTOR_ASSERT(std::fwrite(traffic.file().data(), 1, traffic.file().size(), out) ==
                    traffic.file().size());
    DIRECTOR_ASSERT(std::fclose(out) == 0);
    measure("flows, from a file", packets, [&] { DIRECTOR_ASSERT(analyze_file(path) == packets); });
    DIRECTOR_ASSERT(std::remove(path.c_str()) == 0);

    const Traffic syns = flood(connections);
    measure("flood: a flow per packet", connections, [&] { analyze(syns, {}); });
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::strtoul(argv[1], nullptr, 10) == 0) {
        for (int i = 1; i < argc; ++i) {
            run_file(argv[i]);
        }
        return 0;
    }
    const auto argument = [&](int i, uint32_t otherwise) {
        return argc > i ? static_cast<uint32_t>(std::strtoul(argv[i], nullptr, 10)) : otherwise;
    };
    run(argument(1, 100'000), argument(2, 10'000), argument(3, 1200));
    return 0;
}
