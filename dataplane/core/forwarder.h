// Where packets go next: interfaces, neighbours and routes as the control plane mirrors them from
// the kernel, and the answer "which Ethernet header, which port" that a connection remembers.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "common/flat_map.h"
#include "common/hash.h"
#include "dataplane/api/forwarding.h"
#include "dataplane/core/packet.h"
#include "dataplane/core/tables/conn_table.h"

namespace director::dataplane {

// A resolved next hop: all that is written in front of the IP header.
struct alignas(32) Adjacency {
    std::array<uint8_t, 12> macs{};  // destination, source
    VlanTags vlan;
    uint16_t mtu_bytes = 0;
    uint16_t plain_mtu_bytes = 0;  // mtu_bytes, or 0 when sending takes more than the macs
    PortId port{};
    InterfaceId interface {};
    bool is_up = false;      // the interface is
    bool is_failed = false;  // the neighbour does not answer
};

// The answer to "how do I reach this address?".
struct NextHop {
    enum class Kind : uint8_t {
        kAdjacent,    // through `adjacency`
        kUnknownMac,  // ask for the MAC address of `address` on `interface`
        kLocal,       // this machine itself
        kNone,        // nowhere
    };
    Kind kind = Kind::kNone;
    uint16_t adjacency = kNoAdjacency;
    InterfaceId interface {};
    IpAddress address;
};

class Forwarder {
  public:
    Forwarder(uint32_t neighbours_max, const HashKey& key);

    // False when the id is out of range.
    [[nodiscard]] bool put_interface(InterfaceId id, const Interface& interface);
    // Whether the virtual router's MAC address is the interface's too. False when the interface's
    // id is out of range.
    [[nodiscard]] bool set_virtual_mac(InterfaceId id, Family family, uint8_t router, bool is_ours);
    // False when the table is full.
    [[nodiscard]] bool put_neighbour(const NeighbourKey& key, const Neighbour& neighbour);
    void remove_neighbour(const NeighbourKey& key);
    // Returns the table that was installed before, or nullptr.
    [[nodiscard]] const RouteTable* put_routes(const RouteTable* routes);

    // The interface that frames with this VLAN (0 = untagged) on this port belong to, or nullptr.
    [[nodiscard]] const Interface* interface_of(PortId port, VlanTags vlan) const {
        const InterfaceId id = interface_id_of(port, vlan);
        return id != kNoInterface ? &interface(id) : nullptr;
    }
    // Whether a frame without a VLAN has the interface's own MAC address, which is no group's, as
    // destination. What is false may still be ours: interface_of() knows all.
    [[nodiscard]] bool is_plainly_ours(PortId port, VlanTags vlan, const uint8_t* frame) const {
        const size_t place = size_t{index(port)} | size_t{vlan.inner} << 16;
        return place < own_macs_.size() && mac_bits(frame) == own_macs_[place];
    }
    // Whether a frame's destination is the MAC address of a virtual router that is ours there.
    [[nodiscard]] bool is_to_virtual_mac(PortId port, VlanTags vlan, const uint8_t* frame) const;
    [[nodiscard]] const Interface& interface(InterfaceId id) const {
        return interfaces_[index(id)].facts;
    }

    // An answer for each destination.
    void resolve(std::span<const IpAddress> destinations, std::span<NextHop> answers) const;

    [[nodiscard]] const Adjacency& adjacency(uint16_t number) const { return adjacencies_[number]; }
    // Changes whenever a remembered adjacency, or what was made of an interface's addresses, may no
    // longer be right.
    [[nodiscard]] uint32_t generation() const { return generation_; }

  private:
    struct Slot {
        Interface facts;
        bool is_known = false;
        // Virtual routers whose MAC address is ours, by family and number.
        std::array<std::bitset<256>, 2> virtual_macs{};
    };
    struct NeighbourHash {
        HashKey key;
        size_t operator()(const NeighbourKey& neighbour) const {
            return keyed_hash(key,
                              FlowEnd::of(key, Protocol::kAny, neighbour.address).bits ^
                                  uint64_t{index(neighbour.interface)} << 32);
        }
    };

    static constexpr InterfaceId kNoInterface{0xffff};
    static constexpr uint64_t kNoMac = ~uint64_t{0};  // whose last two bytes no mac_bits() has

    // The first six of at least eight bytes, for comparison.
    [[nodiscard]] static uint64_t mac_bits(const uint8_t* bytes) {
        uint64_t bits = 0;
        std::memcpy(&bits, bytes, sizeof(bits));
        return bits << 16;
    }

    [[nodiscard]] InterfaceId interface_id_of(PortId port, VlanTags vlan) const {
        return vlan.is_untagged() && index(port) < untagged_.size() ? untagged_[index(port)]
                                                                    : search_interface(port, vlan);
    }
    [[nodiscard]] InterfaceId search_interface(PortId port, VlanTags vlan) const;
    // As many as a group of a burst (worker.cc): what is not needed need not be set up.
    static constexpr size_t kAtOnce = 8;
    void resolve_some(std::span<const IpAddress> destinations, std::span<NextHop> answers) const;
    [[nodiscard]] NextHop resolve_route(const Route& route, const IpAddress& destination) const;
    [[nodiscard]] uint64_t own_mac_bits(InterfaceId id) const;
    void fill_from_interface(Adjacency& adjacency) const;

    std::array<Slot, kInterfacesMax> interfaces_;
    // By port: the interface without a VLAN, and its MAC address's mac_bits().
    std::array<InterfaceId, kInterfacesMax> untagged_{};
    std::array<uint64_t, kInterfacesMax> own_macs_{};
    FlatMap<NeighbourKey, uint16_t, NeighbourHash> neighbours_;
    std::vector<Adjacency> adjacencies_;
    std::vector<uint16_t> free_adjacencies_;
    const RouteTable* routes_ = nullptr;
    uint32_t generation_ = 1;  // a new connection's 0 never matches
};

}  // namespace director::dataplane
