// Two captures from bytes through the whole matcher: conversations, pairs, clocks, findings,
// picture. Whatever comes in, each packet stands in one row at least, no row is empty, and only a
// frame that was cut, or a stream's part, stands in several. An input is a list of packets of 12
// bytes each, and then text which is their content.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "common/assert.h"
#include "diagnostics/match/findings.h"
#include "diagnostics/match/matching.h"
#include "diagnostics/match/sequence_diagram.h"
#include "diagnostics/match/summary.h"

namespace {

using director::Ipv4Address;
using director::diagnostics::Headers;
using director::diagnostics::Layer3;
using director::diagnostics::Layer4;
using director::diagnostics::Packet;
using namespace director::diagnostics::matching;  // NOLINT(google-build-using-namespace)

constexpr size_t kPacketBytes = 12;
constexpr size_t kPacketsMax = 512;

// Few addresses, ports and numbers, so that packets meet.
Headers headers_from(std::span<const uint8_t> bytes, std::span<const uint8_t> text) {
    Headers headers;
    const uint8_t kind = bytes[0] >> 5;
    headers.layer3 = kind == 7 ? Layer3::kArp : Layer3::kIpv4;
    headers.layer4 = kind >= 5 ? Layer4::kUdp : Layer4::kTcp;
    headers.ip.source = Ipv4Address::of(10, 0, 0, bytes[1] & 3);
    headers.ip.destination = Ipv4Address::of(10, 0, 0, bytes[1] >> 2 & 3);
    headers.source_port = (bytes[1] & 0x10) != 0 ? 53 : static_cast<uint16_t>(66 + (bytes[1] >> 5));
    headers.destination_port =
        (bytes[1] & 0x20) != 0 ? 80 : static_cast<uint16_t>(67 + (bytes[1] >> 6));
    headers.ip.identification = bytes[2];
    headers.ip.ttl = bytes[3] & 0x3f;
    headers.tcp.flags = bytes[4];
    // Sequence numbers near the wrap too.
    headers.tcp.sequence = (bytes[5] - 128U) * 16U;
    headers.tcp.acknowledgement = (bytes[6] - 128U) * 16U;
    headers.tcp.window = bytes[7];
    headers.tcp.has_timestamps = (bytes[0] & 8) != 0;
    headers.tcp.timestamp = bytes[7];
    headers.payload_wire_bytes = bytes[8] * 16U;
    const size_t at = std::min<size_t>(text.size(), bytes[9]);
    headers.payload =
        text.subspan(at, std::min<size_t>(text.size() - at, headers.payload_wire_bytes));
    return headers;
}

void check(std::span<const VantagePoint> points, const Matching& matching) {
    std::vector<std::vector<bool>> is_seen;
    for (const VantagePoint& point : points) {
        is_seen.emplace_back(point.sightings.size(), false);
    }
    for (size_t i = 0; i * points.size() < matching.cells.size(); ++i) {
        const auto row = matching.row(static_cast<uint32_t>(i));
        bool is_empty = true;
        for (size_t p = 0; p < row.size(); ++p) {
            if (row[p].sighting != kNoIndex) {
                DIRECTOR_ASSERT(row[p].sighting < is_seen[p].size());
                is_seen[p][row[p].sighting] = true;
                is_empty = false;
            }
        }
        DIRECTOR_ASSERT(!is_empty);
    }
    for (const auto& seen : is_seen) {
        DIRECTOR_ASSERT(std::all_of(seen.begin(), seen.end(), [](bool is) { return is; }));
    }
    const std::vector<PointSummary> summaries = summarize(points, matching);
    for (size_t p = 0; p < points.size(); ++p) {
        const PointSummary& one = summaries[p];
        DIRECTOR_ASSERT(one.matched + one.copies + one.only_here + one.outside + one.own +
                            one.unlinked ==
                        points[p].sightings.size());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::span<const uint8_t> input(data, size);
    const size_t packets =
        size == 0 ? 0 : std::min({size_t{data[0]} * 4, kPacketsMax, (size - 1) / kPacketBytes});
    const auto text = input.subspan(std::min(size, 1 + packets * kPacketBytes));
    std::vector<PointBuilder> builders;
    const size_t count = size > 1 && (data[1] & 1) != 0 ? 3 : 2;
    for (size_t p = 0; p < count; ++p) {
        builders.emplace_back("point", PointSettings{256});
    }
    std::array<int64_t, 3> times{};
    std::array<uint64_t, 3> numbers{};
    for (size_t i = 0; i < packets; ++i) {
        const auto bytes = input.subspan(1 + i * kPacketBytes, kPacketBytes);
        const size_t point = bytes[0] % count;
        // Mostly forward; steps of up to seconds.
        times[point] += (bytes[10] - 8) * (int64_t{1} << (bytes[11] % 36));
        Packet packet;
        packet.number = ++numbers[point];
        packet.time_ns = times[point];
        builders[point].add(packet, headers_from(bytes, text));
    }
    std::vector<VantagePoint> points;
    points.reserve(builders.size());
    for (PointBuilder& builder : builders) {
        points.push_back(std::move(builder).finish());
    }
    const Matching matching = match(points, {(size & 1) != 0});
    check(points, matching);
    (void)find_all(points, matching);
    for (uint32_t i = 0; i < std::min<size_t>(matching.conversations.size(), 4); ++i) {
        (void)time_spent(points, matching, matching.conversations[i]);
        (void)sequence_diagram(points, matching, i);
    }
    return 0;
}
