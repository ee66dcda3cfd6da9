// A packet on its way through the stages, and the burst it travels in.
//
// The I/O layer fills the input part for up to 32 frames, calls Worker::process, and then acts on
// each verdict. Frames stay where they are (mbufs); the stages change them in place.
#pragma once

#include <array>
#include <cstdint>

#include "common/address.h"
#include "dataplane/api/drop_reason.h"
#include "dataplane/api/ids.h"

namespace director::dataplane {

inline constexpr uint32_t kBurstMax = 32;

// What becomes of a packet. Exactly one, decided once.
enum class Verdict : uint8_t {
    kUndecided,         // still in the stages; never seen outside process()
    kForward,           // send on `out_port`
    kPunt,              // give to the control plane, for the kernel interface beside `in_port`
    kPuntForNeighbour,  // give to the control plane: ready but for the next hop's MAC address
    kDrop,              // free; `drop_reason` says why and has been counted
    kHandOver,          // give to worker `owner`, which holds the connection
};

// Which way a packet of a balanced connection goes.
enum class Direction : uint8_t { kClientToServer, kServerToClient };

// What the port found out about checksums while receiving.
enum class ChecksumCheck : uint8_t { kUnknown, kGood, kBad };

// One end of a flow: address, port and protocol in one word, so that tables hash and compare all
// three at once.
struct FlowEnd {
    uint64_t bits = 0;

    [[nodiscard]] static constexpr FlowEnd of(Protocol protocol,
                                              Ipv4Address address,
                                              Be16 port = {}) {
        return {uint64_t{address.bits.raw} | uint64_t{port.raw} << 32 |
                uint64_t{static_cast<uint8_t>(protocol)} << 48};
    }
    [[nodiscard]] static constexpr FlowEnd of(Protocol protocol, const Endpoint& endpoint) {
        return of(protocol, endpoint.address, endpoint.port);
    }
    // For an end whose port is still 0.
    [[nodiscard]] constexpr FlowEnd with_port(Be16 port) const {
        return {bits | uint64_t{port.raw} << 32};
    }
    [[nodiscard]] constexpr Ipv4Address address() const {
        return {Be32{static_cast<uint32_t>(bits)}};
    }
    [[nodiscard]] constexpr Be16 port() const { return {static_cast<uint16_t>(bits >> 32)}; }
    [[nodiscard]] constexpr Protocol protocol() const {
        return static_cast<Protocol>(static_cast<uint8_t>(bits >> 48));
    }
    [[nodiscard]] constexpr Endpoint endpoint() const { return {address(), port()}; }
    friend constexpr bool operator==(FlowEnd, FlowEnd) = default;
};

struct Packet {
    // In, by the I/O layer; `data`, `length_bytes` and `contiguous_bytes` are updated when the
    // frame's Ethernet header grows or shrinks (VLAN tag added or removed).
    uint8_t* data = nullptr;    // first byte of the Ethernet header
    uint32_t length_bytes = 0;  // whole frame
    uint32_t contiguous_bytes =
        0;                        // bytes that lie at `data` in one piece; headers must be in there
    uint32_t headroom_bytes = 0;  // writable bytes before `data`
    PortId in_port{};
    ChecksumCheck ip_checksum = ChecksumCheck::kUnknown;
    ChecksumCheck l4_checksum = ChecksumCheck::kUnknown;
    bool is_handed_over = false;  // came from another worker: process here, whatever the hash says

    // Between the stages. What a packet needs on its usual way fits the first 64 bytes.
    Direction direction{};
    Protocol protocol{};
    bool is_group_frame = false;  // Ethernet broadcast or multicast
    Verdict verdict = Verdict::kUndecided;
    bool is_ipv4 = false;
    bool has_ports = false;  // a whole TCP or UDP packet: both ends have their ports
    uint8_t tcp_flags = 0;
    uint32_t connection = 0;  // index in the connection table, kNoConnection without one
    ServiceId service = kNoService;
    uint16_t l3_offset = 0;
    uint16_t l4_offset = 0;
    uint16_t ip_length = 0;  // host order
    uint16_t vlan = 0;       // 0 = untagged
    FlowEnd source;
    FlowEnd destination;
    uint64_t hash = 0;  // of the client's end

    // Out, beside `verdict`.
    DropReason drop_reason{};
    PortId out_port{};            // kForward, kPuntForNeighbour
    WorkerId owner{};             // kHandOver
    InterfaceId out_interface{};  // kPuntForNeighbour
    Ipv4Address next_hop;         // kPuntForNeighbour: whose MAC address is missing
};

// Up to kBurstMax packets.
struct Burst {
    uint32_t count = 0;
    std::array<Packet, kBurstMax> packets;

    [[nodiscard]] Packet* begin() { return packets.data(); }
    [[nodiscard]] Packet* end() { return packets.data() + count; }
    [[nodiscard]] const Packet* begin() const { return packets.data(); }
    [[nodiscard]] const Packet* end() const { return packets.data() + count; }
};

}  // namespace director::dataplane
