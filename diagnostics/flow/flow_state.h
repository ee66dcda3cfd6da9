// A flow while it is followed. Plain data within the Analyzer; FlowRecord is what becomes of it.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "common/hash.h"
#include "common/wide.h"
#include "diagnostics/flow/flow_record.h"
#include "diagnostics/flow/index_hash.h"
#include "diagnostics/flow/running.h"
#include "diagnostics/ip/ip_analysis.h"
#include "diagnostics/tcp/tcp_connection.h"

namespace director::diagnostics {

// The 6-tuple without a direction: the lower end first.
struct PackedKey {
    std::array<uint64_t, 2> low{};
    std::array<uint64_t, 2> high{};
    uint64_t rest = 0;  // low port, high port, VLAN, protocol

    // Without a branch for each word.
    friend bool operator==(const PackedKey& a, const PackedKey& b) {
        return ((a.low[0] ^ b.low[0]) | (a.low[1] ^ b.low[1]) | (a.high[0] ^ b.high[0]) |
                (a.high[1] ^ b.high[1]) | (a.rest ^ b.rest)) == 0;
    }
};

struct DirectedKey {
    PackedKey packed;
    bool is_from_low = false;
};

[[nodiscard]] inline DirectedKey pack(const Headers& headers, bool has_ports) {
    const auto source = std::bit_cast<std::array<uint64_t, 2>>(headers.ip.source.bytes);
    const auto target = std::bit_cast<std::array<uint64_t, 2>>(headers.ip.destination.bytes);
    const uint64_t from = has_ports ? headers.source_port : 0;
    const uint64_t to = has_ports ? headers.destination_port : 0;
    // Any order will do, if it is the same for both directions.
    const bool is_same_address = ((source[0] ^ target[0]) | (source[1] ^ target[1])) == 0;
    const bool is_lower = source[1] != target[1] ? source[1] < target[1] : source[0] < target[0];
    const bool is_from_low = is_same_address ? from <= to : is_lower;
    const uint64_t vlan = headers.vlan_count > 0 ? headers.vlans[0] : 0;
    const uint64_t ports = is_from_low ? from << 48 | to << 32 : to << 48 | from << 32;
    return {{is_from_low ? source : target,
             is_from_low ? target : source,
             ports | vlan << 8 | headers.ip.protocol},
            is_from_low};
}

[[nodiscard]] inline uint64_t hash_of(const HashKey& key, const PackedKey& packed) {
    const uint64_t low = multiply_fold(packed.low[0] ^ key.first, packed.low[1] ^ key.second);
    const uint64_t high = multiply_fold(packed.high[0] ^ key.second, packed.high[1] ^ key.first);
    return multiply_fold(low ^ packed.rest ^ key.first, high ^ std::rotl(key.second, 32) ^ 1);
}

// A flow of more packets ends, and another begins: so they can be counted in 32 bits.
inline constexpr uint32_t kFlowPacketsMax = 0xffffffff;

// One direction. What each packet changes fills the first two cache lines: where many connections
// are open, each lies in no cache, and lines are what a packet costs.
struct alignas(64) FlowHalf {
    int64_t last_ns = 0;
    uint64_t bytes = 0;  // of layer 7
    uint64_t wire_bytes = 0;
    uint32_t packets = 0;
    // Sizes of packets as layer 7 has them; squares of distances to the first.
    uint32_t size_first = 0;
    uint32_t size_min = 0;
    uint32_t size_max = 0;
    double size_squares = 0;
    // Seconds between packets, the first one's gap being 0.
    int64_t gap_min_ns = 0;
    int64_t gap_max_ns = 0;
    double gap_sum = 0;
    double gap_squares = 0;
    IpAnalysis ip;  // the last of what each packet changes, but for its end

    uint32_t fragments = 0;
    uint32_t point = 0;
    LinkType link = LinkType::kEthernet;
    std::array<uint8_t, 6> source_mac{};
    std::array<uint8_t, 6> destination_mac{};
    uint16_t ether_type = 0;
    bool has_macs = false;
    uint8_t vlan_count = 0;
    uint8_t tunnel_depth = 0;
    uint8_t icmp_type = 0;
    uint8_t icmp_code = 0;
    bool has_bad_coverage = false;
    int64_t first_ns = 0;
    uint64_t first_number = 0;
    Running answers;

    // `last_ns` of the first packet is its own time.
    void count(int64_t now_ns, uint32_t payload_bytes, uint32_t frame_bytes);
    [[nodiscard]] Spread sizes() const;
    [[nodiscard]] Spread gaps() const;

    static constexpr size_t kHotBytes = 2 * size_t{64};
};
static_assert(sizeof(FlowHalf) == 4 * 64);
static_assert(offsetof(FlowHalf, answers) >= 3 * size_t{64});

inline void FlowHalf::count(int64_t now_ns, uint32_t payload_bytes, uint32_t frame_bytes) {
    if (packets == 0) {
        size_first = size_min = size_max = payload_bytes;
    }
    const int64_t gap_ns = now_ns - last_ns;
    const double gap_s = static_cast<double>(gap_ns) * 1e-9;
    const double distance = static_cast<double>(payload_bytes) - static_cast<double>(size_first);
    ++packets;
    bytes += payload_bytes;
    wire_bytes += frame_bytes;
    last_ns = now_ns;
    size_min = std::min(size_min, payload_bytes);
    size_max = std::max(size_max, payload_bytes);
    size_squares += distance * distance;
    gap_min_ns = std::min(gap_min_ns, gap_ns);
    gap_max_ns = std::max(gap_max_ns, gap_ns);
    gap_sum += gap_s;
    gap_squares += gap_s * gap_s;
}

inline Spread FlowHalf::sizes() const {
    const double first = size_first;
    const double sum = static_cast<double>(bytes) - static_cast<double>(packets) * first;
    return spread_of(packets, size_min, size_max, first, sum, size_squares);
}

inline Spread FlowHalf::gaps() const {
    const auto seconds = [](int64_t ns) { return static_cast<double>(ns) * 1e-9; };
    return spread_of(packets, seconds(gap_min_ns), seconds(gap_max_ns), 0, gap_sum, gap_squares);
}

struct Flow {
    PackedKey key;
    uint64_t number = 0;
    // A's and B's, in the Analyzer's slabs.
    std::array<uint32_t, 2> halves{IndexHash::kNone, IndexHash::kNone};
    std::array<uint32_t, 2> tcp{IndexHash::kNone, IndexHash::kNone};
    bool a_is_low = true;
    bool is_accounted = false;  // told to Sources
    bool has_payload = false;
    Direction speaker = Direction::kA;  // who sent payload last, and when
    int64_t spoken_ns = 0;
    Layer3 layer3 = Layer3::kNone;
    Layer4 layer4 = Layer4::kNone;
    TcpPair pair;

    [[nodiscard]] Direction direction_of(bool is_from_low) const {
        return is_from_low == a_is_low ? Direction::kA : Direction::kB;
    }
    // `half` sends payload: an answer, if it was the other's turn.
    void speak(Direction direction, int64_t now_ns, FlowHalf& half) {
        if (has_payload && speaker != direction) {
            half.answers.add(static_cast<double>(now_ns - spoken_ns) * 1e-9);
        }
        has_payload = true;
        speaker = direction;
        spoken_ns = now_ns;
    }
    // The key as packets of `direction` have it.
    [[nodiscard]] FlowKey key_of(Direction direction) const {
        const bool from_low = a_is_low == (direction == Direction::kA);
        const auto low_port = static_cast<uint16_t>(key.rest >> 48);
        const auto high_port = static_cast<uint16_t>(key.rest >> 32);
        const auto address = [](const std::array<uint64_t, 2>& words) {
            return IpAddress(std::bit_cast<std::array<uint8_t, 16>>(words));
        };
        return {address(from_low ? key.low : key.high),
                address(from_low ? key.high : key.low),
                from_low ? low_port : high_port,
                from_low ? high_port : low_port,
                static_cast<uint16_t>(key.rest >> 8 & 0xffff),
                static_cast<uint8_t>(key.rest & 0xff)};
    }
};

// "flowStat".
[[nodiscard]] uint64_t flow_status(const Flow& flow, Direction direction, const FlowHalf& half);

// scan_try.cc: how a flow looks to a scan detector. A's and B's TCP parts, either may be absent.
struct ScanTry;
[[nodiscard]] ScanTry judge_scan(const Flow& flow,
                                 const FlowHalf& a,
                                 const TcpHalf* tcp_a,
                                 const FlowHalf* b,
                                 const TcpHalf* tcp_b,
                                 const AnalysisSettings& settings);

}  // namespace director::diagnostics
