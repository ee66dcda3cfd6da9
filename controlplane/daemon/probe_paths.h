// How a probe's packets go the way of its clients' packets: to the virtual address, by direct
// routing or in the tunnel, so that a real server is up only if it would take a client's.
//
// The probe's socket stands in a network of its own (healthcheck/probes/private_network.h), with an
// address there for each path. Here that address and its port become the director's own address
// and a port that nothing of its kernel uses, so that answers find their way back; and the packet
// becomes a frame as the workers send one. Pure: packets in, packets out, `now` as an argument.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "common/address.h"
#include "common/time.h"
#include "dataplane/api/forwarding.h"
#include "dataplane/api/service.h"

namespace director::daemon {

// From a virtual service to one of its real servers.
struct ProbePath {
    IpAddress virtual_address;
    IpAddress server;
    dataplane::ForwardingMethod forwarding = dataplane::ForwardingMethod::kDirect;
    dataplane::Tunnel tunnel;
    std::optional<IpAddress> source;  // nothing: that of the interface towards the server

    friend bool operator==(const ProbePath&, const ProbePath&) = default;
};

// The same for equal paths, also in another run; never 0 (healthcheck::Target::path).
[[nodiscard]] uint64_t number_of(const ProbePath& path);

// Where the next frame towards an address goes.
struct ProbeWay {
    dataplane::InterfaceId id{};
    dataplane::Interface interface;
    IpAddress next_hop;
};

class ProbePaths {
  public:
    // Ports of the director that probes come from, below those that Linux gives to its own sockets
    // (ip_local_port_range begins at 32768).
    static constexpr uint16_t kFirstPort = 10000;
    static constexpr uint16_t kPorts = 22768;
    // A port is not given to another probe so soon after its last packet, if there are others.
    static constexpr Duration kPortRest = std::chrono::seconds(10);

    // Replaces what was; paths that stay keep their addresses and what is under way.
    void put(const std::vector<ProbePath>& paths);
    // The address that a path's probes have in their own network.
    [[nodiscard]] std::optional<IpAddress> inner_address(uint64_t number) const;

    // Whose packet this is, an IP packet out of the probes' network.
    [[nodiscard]] const ProbePath* path_of(std::span<const uint8_t> packet) const;
    // The Ethernet frame for such a packet of `path`, but for the destination's MAC address. Empty:
    // it cannot be sent, for it is no packet of a probe, or there is no address to send it from.
    [[nodiscard]] std::vector<uint8_t> wrapped(const ProbePath& path,
                                               std::span<const uint8_t> packet,
                                               const ProbeWay& way,
                                               TimePoint now);
    // The packet for the probes' network out of a frame, if it answers one of theirs.
    [[nodiscard]] std::optional<std::vector<uint8_t>> answer_in(std::span<const uint8_t> frame,
                                                                TimePoint now);

    [[nodiscard]] bool is_empty() const { return slots_.empty(); }

  private:
    // Who a probe is in its own network: its address's slot, protocol, port (or echo identifier).
    using Inner = std::tuple<uint32_t, uint8_t, uint16_t>;
    struct Flow {
        bool is_used = false;
        Inner inner;
        IpAddress source;  // of ours
        uint16_t server_port = 0;
        TimePoint last;
    };

    [[nodiscard]] uint16_t port_for(const Inner& inner, TimePoint now);
    [[nodiscard]] static IpAddress address_of(uint32_t slot, Family family);
    void forget_flows_of(uint32_t slot);

    std::map<uint64_t, uint32_t> slots_;           // by a path's number
    std::vector<std::optional<ProbePath>> paths_;  // by slot
    std::map<Inner, uint16_t> ports_;
    std::vector<Flow> flows_;  // by port
    uint16_t next_port_ = 0;
    uint16_t next_id_ = 0;  // of outer IPv4 headers
};

}  // namespace director::daemon
