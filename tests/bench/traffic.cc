#include "tests/bench/traffic.h"

#include <emmintrin.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "common/assert.h"
#include "common/checksum.h"
#include "dataplane/core/codecs/frame.h"

namespace director::bench {
namespace {

using dataplane::Direction;

constexpr uint32_t kFlowsMax = 1U << 24;
constexpr uint32_t kHostsMax = 1000;
constexpr uint32_t kIpOffset = kEthernetBytes;
constexpr uint32_t kTcpOffset = kIpOffset + dataplane::kIpv4Bytes;
constexpr uint16_t kIpLength = dataplane::kIpv4Bytes + dataplane::kTcpBytes;

void put_be16(uint8_t* at, uint16_t value) {
    dataplane::store_raw16(at, __builtin_bswap16(value));
}

void put_endpoint(uint8_t* address, uint8_t* port, const Endpoint& endpoint) {
    const Ipv4Address ipv4 = endpoint.address.ipv4();
    std::memcpy(address, &ipv4.bits.raw, 4);
    std::memcpy(port, &endpoint.port.raw, 2);
}

// All that frames have in common.
std::array<uint8_t, FramePool::kFrameBytes> frame_template() {
    std::array<uint8_t, FramePool::kFrameBytes> frame{};
    put_be16(frame.data() + kEtherTypeOffset, kEtherTypeIpv4);
    uint8_t* const ip = frame.data() + kIpOffset;
    ip[0] = 0x45;
    put_be16(ip + dataplane::kIpLengthOffset, kIpLength);
    ip[dataplane::kIpTtlOffset] = 64;
    ip[dataplane::kIpProtocolOffset] = static_cast<uint8_t>(Protocol::kTcp);
    uint8_t* const tcp = frame.data() + kTcpOffset;
    tcp[dataplane::kTcpDataOffset] = 5 << 4;
    put_be16(tcp + 14, 65535);  // window
    return frame;
}

// A step through n things that visits each once and looks random to a prefetcher.
uint32_t permutation_step(uint32_t n) {
    uint32_t step = static_cast<uint32_t>(uint64_t{n} * 618034 / 1000000) | 1;
    while (std::gcd(step, n) != 1) {
        step += 2;
    }
    return step;
}

}  // namespace

Endpoint client_of(uint32_t flow) {
    // An odd factor permutes the 2^24 addresses of 20.0.0.0/8.
    const uint32_t host = flow * 0x9e3779b1U & (kFlowsMax - 1);
    const uint64_t mixed = multiply_fold(flow + 1, 0xd1342543de82ef95U);
    return {Ipv4Address::from_host(20U << 24 | host),
            Be16::from_host(static_cast<uint16_t>(1024 + mixed % 60000))};
}

Endpoint service_endpoint(uint32_t service) {
    return {Ipv4Address::from_host((198U << 24 | 18U << 16) + service), Be16::from_host(80)};
}

Ipv4Address host_address(uint32_t host) {
    return Ipv4Address::from_host((10U << 24 | 1U << 16) + 256 + host);
}

Endpoint server_endpoint(uint32_t server) {
    return {host_address(server % kHostsMax),
            Be16::from_host(static_cast<uint16_t>(8000 + server / kHostsMax))};
}

uint32_t host_count(const Scene& scene) {
    return std::min(scene.servers, kHostsMax);
}

Ipv4Address gateway_address() {
    return Ipv4Address::of(172, 31, 0, 1);
}

const char* to_string(Mix mix) {
    switch (mix) {
        case Mix::kClientToServer:
            return "client_to_server";
        case Mix::kServerToClient:
            return "server_to_client";
        case Mix::kMixed:
            break;
    }
    return "mixed";
}

FramePool::FramePool(std::span<uint8_t> memory)
    : memory_(memory.data()), mask_(memory.size() / kSlotBytes - 1) {
    DIRECTOR_ASSERT((slots() & mask_) == 0);
}

uint8_t* FramePool::next() {
    // An odd factor permutes the slots: neighbours in time lie a third of the pool apart.
    const size_t slot = ++taken_ * 0x9e3779b97f4a7c15U & mask_;
    return memory_ + slot * kSlotBytes;
}

void write_frame(uint8_t* frame,
                 Direction direction,
                 const Endpoint& source,
                 const Endpoint& destination,
                 uint8_t tcp_flags) {
    static const auto kTemplate = frame_template();
    std::array<uint8_t, FramePool::kFrameBytes> built = kTemplate;
    const MacAddress& mac =
        direction == Direction::kClientToServer ? kClientPortMac : kServerPortMac;
    std::memcpy(built.data(), mac.bytes.data(), 6);
    built[6] = 0x02;
    built[11] = 0x77;
    uint8_t* const ip = built.data() + kIpOffset;
    uint8_t* const tcp = built.data() + kTcpOffset;
    put_endpoint(ip + dataplane::kIpSourceOffset, tcp, source);
    put_endpoint(ip + dataplane::kIpDestinationOffset, tcp + 2, destination);
    tcp[dataplane::kTcpFlagsOffset] = tcp_flags;
    const uint16_t ip_sum = checksum_fold(checksum_add(0, ip, dataplane::kIpv4Bytes));
    dataplane::store_raw16(ip + dataplane::kIpChecksumOffset, static_cast<uint16_t>(~ip_sum));
    const uint64_t pseudo = checksum_pseudo_ipv4(source.address.ipv4().bits.raw,
                                                 destination.address.ipv4().bits.raw,
                                                 static_cast<uint8_t>(Protocol::kTcp),
                                                 dataplane::kTcpBytes);
    const uint16_t tcp_sum = checksum_fold(checksum_add(pseudo, tcp, dataplane::kTcpBytes));
    dataplane::store_raw16(tcp + dataplane::kTcpChecksumOffset, static_cast<uint16_t>(~tcp_sum));
    std::memcpy(frame, built.data(), built.size());
}

FrameWriter::FrameWriter(FramePool& pool, const Scene& scene, uint64_t seed)
    : pool_(pool), scene_(scene), random_(seed) {}

uint8_t* FrameWriter::add_slot(Batch& batch, uint32_t flow, Direction direction) {
    uint8_t* const frame = pool_.next();
    batch.frames.push_back(frame);
    batch.ports.push_back(direction == Direction::kClientToServer ? kClientPort : kServerPort);
    batch.flows.push_back(flow);
    return frame;
}

void FrameWriter::add(Batch& batch,
                      uint32_t flow,
                      Direction direction,
                      uint8_t flags,
                      const ServersOfFlows& servers) {
    uint8_t* const frame = add_slot(batch, flow, direction);
    const Endpoint client = client_of(flow);
    if (direction == Direction::kClientToServer) {
        write_frame(frame, direction, client, service_endpoint(flow % scene_.services), flags);
    } else {
        write_frame(frame, direction, servers[flow], client, flags);
    }
}

void FrameWriter::fill_established(Batch& batch,
                                   size_t count,
                                   Mix mix,
                                   const ServersOfFlows& servers) {
    batch = {};
    for (size_t i = 0; i < count; ++i) {
        const uint32_t flow = static_cast<uint32_t>(random_.below(scene_.connections));
        const bool from_client =
            mix == Mix::kClientToServer || (mix == Mix::kMixed && random_.below(2) == 0);
        add(batch,
            flow,
            from_client ? Direction::kClientToServer : Direction::kServerToClient,
            kAck,
            servers);
    }
    evict(batch);
}

void FrameWriter::fill_flows(Batch& batch,
                             uint32_t first,
                             size_t count,
                             Direction direction,
                             uint8_t flags,
                             const ServersOfFlows& servers,
                             uint32_t shuffle_over) {
    batch = {};
    const uint64_t step = shuffle_over > 0 ? permutation_step(shuffle_over) : 0;
    for (size_t i = 0; i < count; ++i) {
        const uint64_t position = first + i;
        const uint64_t flow = shuffle_over > 0 ? position * step % shuffle_over : position;
        add(batch, static_cast<uint32_t>(flow), direction, flags, servers);
    }
    evict(batch);
}

void FrameWriter::fill_routed(Batch& batch, size_t count) {
    batch = {};
    for (size_t i = 0; i < count; ++i) {
        const uint32_t flow = static_cast<uint32_t>(random_.below(scene_.connections));
        uint8_t* const frame = add_slot(batch, flow, Direction::kClientToServer);
        const Endpoint server{host_address(flow % host_count(scene_)), Be16::from_host(22)};
        write_frame(frame, Direction::kClientToServer, client_of(flow), server, kAck);
    }
    evict(batch);
}

void evict(const Batch& batch) {
    for (const uint8_t* frame : batch.frames) {
        _mm_clflush(frame);
    }
    _mm_mfence();
}

Endpoint destination_of(const uint8_t* frame) {
    Endpoint endpoint{dataplane::load_address(frame + kIpOffset + dataplane::kIpDestinationOffset),
                      {}};
    std::memcpy(&endpoint.port.raw, frame + kTcpOffset + 2, 2);
    return endpoint;
}

}  // namespace director::bench
