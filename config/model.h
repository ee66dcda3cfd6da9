// The configuration as typed, validated, plain values. The only place where defaults are written:
// `directord --print-defaults` prints what stands here.
//
// parse.cc turns libconfig text into a Model, or into every mistake it found; nothing of libconfig
// shows outside it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/address.h"
#include "common/log.h"

namespace director::config {

enum class IdleMode { kPoll, kAdaptive };
enum class WhenFull { kRefuse, kEvictHalfOpen };
enum class PortSide { kBoth, kClients, kServers };
enum class ForwardingMethod { kNat };

// Start-up only: a reload that changes any of these is refused.
struct Dataplane {
    std::vector<std::string> eal_arguments;
    uint16_t main_cpu = 0;
    std::vector<uint16_t> worker_cpus{1};
    IdleMode idle = IdleMode::kAdaptive;
    uint32_t pool_frames = 32768;
    uint32_t ring_entries = 1024;
    uint32_t connections_max = 1U << 20;  // all workers together
    uint32_t services_max = 1024;
    uint32_t real_servers_max = 8192;
    uint32_t neighbours_max = 4096;
    uint32_t punts_per_second = 20000;  // each worker
    WhenFull when_full = WhenFull::kEvictHalfOpen;
    bool decrement_ttl = true;

    friend bool operator==(const Dataplane&, const Dataplane&) = default;
};

// One VLAN on a port, with addresses of its own.
struct Vlan {
    uint16_t id = 0;  // 1..4094
    std::vector<IpPrefix> addresses;

    friend bool operator==(const Vlan&, const Vlan&) = default;
};

struct Port {
    std::string name;    // also the kernel interface's name: at most 15 characters
    std::string device;  // PCI address, or vdev name with arguments
    PortSide side = PortSide::kBoth;
    uint16_t mtu_bytes = 1500;
    uint16_t rx_descriptors = 1024;
    uint16_t tx_descriptors = 1024;
    std::vector<IpPrefix> addresses;
    std::vector<Vlan> vlans;

    friend bool operator==(const Port&, const Port&) = default;
};

struct Route {
    IpPrefix to;
    IpAddress via;

    friend bool operator==(const Route&, const Route&) = default;
};

struct RealServer {
    Endpoint endpoint;
    uint32_t weight = 1;
    ForwardingMethod forwarding = ForwardingMethod::kNat;

    friend bool operator==(const RealServer&, const RealServer&) = default;
};

struct VirtualService {
    Endpoint endpoint;
    Protocol protocol = Protocol::kTcp;
    std::string scheduler = "wrr";
    std::vector<RealServer> real_servers;

    friend bool operator==(const VirtualService&, const VirtualService&) = default;
};

// Seconds that an idle connection is kept, by state (IPVS's defaults).
struct Timeouts {
    uint32_t tcp_established = 900;
    uint32_t tcp_syn_sent = 120;
    uint32_t tcp_syn_recv = 60;
    uint32_t tcp_fin_wait = 120;
    uint32_t tcp_time_wait = 120;
    uint32_t tcp_close = 10;
    uint32_t tcp_close_wait = 60;
    uint32_t tcp_last_ack = 30;
    uint32_t udp = 300;

    friend bool operator==(const Timeouts&, const Timeouts&) = default;
};

struct Control {
    std::string socket = "/run/directord.sock";
    std::string metrics_address;  // "127.0.0.1:9142"; empty = no HTTP listener
    LogLevel log_level = LogLevel::kInfo;

    friend bool operator==(const Control&, const Control&) = default;
};

struct Model {
    Control control;
    Dataplane dataplane;
    Timeouts timeouts;
    std::vector<Port> ports;
    std::vector<Route> routes;
    std::vector<VirtualService> virtual_services;

    friend bool operator==(const Model&, const Model&) = default;
};

}  // namespace director::config
