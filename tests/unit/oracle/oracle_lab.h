// A director with three links on each side (untagged, VLAN, QinQ), both families on each, and a
// service for every combination of forwarding method, families and protocol.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/support/worker_fleet.h"
#include "tests/unit/oracle/oracle_packet.h"

namespace director::test::oracle {

inline constexpr uint16_t kLinks = 3;
inline constexpr dataplane::PortId kOutside{0};
inline constexpr dataplane::PortId kInside{1};
inline constexpr MacAddress kDirectorMac{{0x02, 0, 0, 0, 0, 0xd1}};
inline constexpr uint16_t kGuePort = 6080;

// One service with one server.
struct Story {
    dataplane::ForwardingMethod method = dataplane::ForwardingMethod::kNat;
    Family outside = Family::kIpv4;
    Family inside = Family::kIpv4;  // of the server's address
    Protocol protocol = Protocol::kTcp;
    dataplane::Tunnel tunnel = {};
    uint16_t server_link = 0;
    Endpoint service;
    Endpoint server;
};

struct LabSettings {
    uint16_t workers = 1;
    bool decrements_ttl = true;
    dataplane::WorkerSettings worker = {};  // all else of them
    uint32_t tailroom_bytes = 0;            // behind each frame: what answers to senders need
    uint32_t templates_max = 0;
    uint16_t local_port_last = 65535;  // of full NAT's; the first is 1024
};

class OracleLab {
  public:
    explicit OracleLab(const LabSettings& settings);

    [[nodiscard]] WorkerFleet& fleet() { return fleet_; }
    [[nodiscard]] const std::vector<Story>& stories() const { return stories_; }

    // One more service than those of all combinations, with the local pool and on a port of its
    // own below 1000; `story` without endpoints.
    void add_story(Story story, const dataplane::ServiceOptions& options, uint16_t port);
    // Servers' own connections leave with the local pool's addresses.
    void add_source_nat();
    void change_mtu(dataplane::InterfaceId interface, uint16_t mtu_bytes);

    // A client behind the router of an outside link.
    [[nodiscard]] static Endpoint client(Random& random, Family family, uint16_t link);
    // The server of an inside link.
    [[nodiscard]] static IpAddress server(Family family, uint16_t link);
    // The Ethernet header of a frame on an outside or inside link, to and from the director.
    [[nodiscard]] static Link to_director(dataplane::PortId side, uint16_t link);
    [[nodiscard]] static Link from_director(dataplane::PortId side, uint16_t link);
    // The director's own address on an inside link: the source of tunnels.
    [[nodiscard]] static IpAddress own_address(uint16_t link, Family family);
    [[nodiscard]] static bool is_local_address(const IpAddress& address);

  private:
    void add_links();
    void add_stories();
    void add_story(Story story);

    WorkerFleet fleet_;
    std::vector<dataplane::Interface> interfaces_;  // by id
    std::vector<Story> stories_;
};

}  // namespace director::test::oracle
