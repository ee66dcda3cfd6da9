// Packet matching with growing captures: what a packet costs must not grow with them.
//
// Two points, a NAT between them; connections of 20 packets each. Prints times a packet for 4
// sizes, and fails if the largest costs more than three times the smallest a packet: caches account
// for some of it, a search through all packets would cost a hundred times.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "common/random.h"
#include "diagnostics/match/matching.h"

namespace {

using director::Be16;
using director::Endpoint;
using director::Ipv4Address;
using director::Random;
using director::diagnostics::Headers;
using director::diagnostics::Layer3;
using director::diagnostics::Layer4;
using director::diagnostics::Packet;
using namespace director::diagnostics::matching;  // NOLINT(google-build-using-namespace)

constexpr uint32_t kPacketsEach = 20;
constexpr double kGrowthMax = 3;

struct Times {
    double build_ns = 0;  // a packet of both captures
    double match_ns = 0;
    size_t packets = 0;
    uint32_t matched = 0;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void add_packet(PointBuilder& builder,
                uint32_t connection,
                uint32_t i,
                bool is_behind,
                const std::pair<uint32_t, uint32_t>& starts,
                uint64_t number) {
    const bool is_from_client = i % 2 == 0;
    const Ipv4Address client = is_behind ? Ipv4Address::of(198, 51, 100, 1)
                                         : Ipv4Address::from_host(0x0a000000 + connection / 40000);
    const auto port = static_cast<uint16_t>(1024 + connection % 40000);
    const Ipv4Address server = Ipv4Address::from_host(0xac100000 + connection / 40000);
    Headers headers;
    headers.layer3 = Layer3::kIpv4;
    headers.layer4 = Layer4::kTcp;
    headers.ip.source = is_from_client ? client : server;
    headers.ip.destination = is_from_client ? server : client;
    headers.source_port = is_from_client ? port : uint16_t{80};
    headers.destination_port = is_from_client ? uint16_t{80} : port;
    headers.ip.identification = (starts.first + i) & 0xffff;
    headers.tcp.flags = i == 0 ? 2 : i == 1 ? 0x12 : 0x10;
    headers.tcp.sequence = (is_from_client ? starts.first : starts.second) + (i / 2) * 100;
    headers.tcp.acknowledgement =
        i == 0 ? 0 : (is_from_client ? starts.second : starts.first) + (i / 2) * 100;
    headers.payload_wire_bytes = i > 2 ? 100 : 0;
    Packet packet;
    packet.number = number;
    packet.time_ns =
        int64_t{connection} * 1000 + int64_t{i} * 1'000'000 + (is_behind ? 300'000 : 0);
    builder.add(packet, headers);
}

Times run(uint32_t connections) {
    Times times;
    const auto start = std::chrono::steady_clock::now();
    std::vector<VantagePoint> points;
    for (const bool is_behind : {false, true}) {
        Random random(6);
        std::vector<std::pair<uint32_t, uint32_t>> starts;
        for (uint32_t i = 0; i < connections; ++i) {
            starts.emplace_back(static_cast<uint32_t>(random.next()),
                                static_cast<uint32_t>(random.next()));
        }
        PointBuilder builder(is_behind ? "b" : "a", {});
        uint64_t number = 0;
        for (uint32_t begin = 0; begin < connections; begin += 256) {
            for (uint32_t i = 0; i < kPacketsEach; ++i) {
                for (uint32_t one = begin; one < std::min(connections, begin + 256); ++one) {
                    add_packet(builder, one, i, is_behind, starts[one], ++number);
                }
            }
        }
        points.push_back(std::move(builder).finish());
        times.packets += points.back().sightings.size();
    }
    times.build_ns = seconds_since(start) * 1e9 / static_cast<double>(times.packets);
    const auto built = std::chrono::steady_clock::now();
    const Matching matching = match(points, {});
    times.match_ns = seconds_since(built) * 1e9 / static_cast<double>(times.packets);
    for (const PointPair& pair : matching.clocks) {
        times.matched += pair.pairs;
    }
    return times;
}

}  // namespace

int main() {
    fmt::print(
        "{:>10} {:>14} {:>14} {:>10}\n", "packets", "read ns/pkt", "match ns/pkt", "matched");
    double smallest = 0;
    double largest = 0;
    for (const uint32_t connections : {1'000U, 10'000U, 50'000U, 100'000U}) {
        const Times times = run(connections);
        fmt::print("{:>10} {:>14.0f} {:>14.0f} {:>10}\n",
                   times.packets,
                   times.build_ns,
                   times.match_ns,
                   times.matched);
        smallest = smallest == 0 ? times.match_ns : smallest;
        largest = times.match_ns;
        if (times.matched * 2 != times.packets) {
            fmt::print("not all packets were matched\n");
            return 1;
        }
    }
    fmt::print("a packet of the largest costs {:.2f} times one of the smallest\n",
               largest / smallest);
    return largest < smallest * kGrowthMax ? 0 : 1;
}
