// The benchmark's world: clients, virtual services, real servers, and the frames they send.
//
// Clients are reached through one gateway on port 0, real servers are neighbours on port 1. Flow
// numbers stand for clients; every client has one connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "common/address.h"
#include "common/random.h"
#include "dataplane/core/packet.h"

namespace director::bench {

inline constexpr dataplane::PortId kClientPort{0};
inline constexpr dataplane::PortId kServerPort{1};
inline constexpr MacAddress kClientPortMac{{0x02, 0, 0, 0, 0x01, 0x01}};
inline constexpr MacAddress kServerPortMac{{0x02, 0, 0, 0, 0x02, 0x02}};

struct Scene {
    uint32_t connections = 1000;
    uint32_t services = 1;
    uint32_t servers = 8;  // of all services together; a multiple of `services`
    std::string_view scheduler = "rr";
};

// Where things are. Pure arithmetic: nothing of it is in a cache.
[[nodiscard]] Endpoint client_of(uint32_t flow);
[[nodiscard]] Endpoint service_endpoint(uint32_t service);
[[nodiscard]] Endpoint server_endpoint(uint32_t server);
// Machines that the real servers share, and their addresses.
[[nodiscard]] uint32_t host_count(const Scene& scene);
[[nodiscard]] Ipv4Address host_address(uint32_t host);
[[nodiscard]] Ipv4Address gateway_address();

enum class Mix : uint8_t { kClientToServer, kServerToClient, kMixed };
[[nodiscard]] const char* to_string(Mix mix);

inline constexpr uint8_t kFin = 0x01;
inline constexpr uint8_t kSyn = 0x02;
inline constexpr uint8_t kRst = 0x04;
inline constexpr uint8_t kAck = 0x10;

// Frames that wait to be received, in that order.
struct Batch {
    std::vector<uint8_t*> frames;
    std::vector<dataplane::PortId> ports;
    std::vector<uint32_t> flows;

    [[nodiscard]] size_t size() const { return frames.size(); }
};

// Frame buffers of 64 bytes for frames of 60: a frame is one cache line, as it is in a packet
// buffer. Hands them out in an order that no prefetcher guesses, round and round.
class FramePool {
  public:
    static constexpr size_t kSlotBytes = 64;
    static constexpr uint32_t kFrameBytes = 60;

    // `memory` is aligned to a cache line and holds a power of two of slots.
    explicit FramePool(std::span<uint8_t> memory);

    [[nodiscard]] size_t slots() const { return mask_ + 1; }
    [[nodiscard]] uint8_t* next();

  private:
    uint8_t* memory_;
    size_t mask_;
    uint64_t taken_ = 0;
};

// The servers that a balancer gave to the flows, learned from what it made of their SYNs.
using ServersOfFlows = std::vector<Endpoint>;

// Writes a frame with right lengths and checksums.
void write_frame(uint8_t* frame,
                 dataplane::Direction direction,
                 const Endpoint& source,
                 const Endpoint& destination,
                 uint8_t tcp_flags);

class FrameWriter {
  public:
    FrameWriter(FramePool& pool, const Scene& scene, uint64_t seed);

    // Packets of established connections, flows and, where mixed, directions at random.
    void fill_established(Batch& batch, size_t count, Mix mix, const ServersOfFlows& servers);

    // One packet of each of `count` flows from `first` on: SYN, SYN-ACK, ACK, RST as `flags` say.
    // With `shuffle_over` above 0 the flows come in the order of a permutation of so many.
    void fill_flows(Batch& batch,
                    uint32_t first,
                    size_t count,
                    dataplane::Direction direction,
                    uint8_t flags,
                    const ServersOfFlows& servers,
                    uint32_t shuffle_over = 0);

    // Packets of no service between clients and machines behind the director.
    void fill_routed(Batch& batch, size_t count);

  private:
    void add(Batch& batch,
             uint32_t flow,
             dataplane::Direction direction,
             uint8_t flags,
             const ServersOfFlows& servers);
    uint8_t* add_slot(Batch& batch, uint32_t flow, dataplane::Direction direction);

    FramePool& pool_;
    Scene scene_;
    Random random_;
};

// Sends the lines of all frames to memory, so that the packet path meets them cold.
void evict(const Batch& batch);

// The endpoint that a forwarded client's frame now goes to.
[[nodiscard]] Endpoint destination_of(const uint8_t* frame);

}  // namespace director::bench
