// The configuration as typed, validated, plain values. The only place where defaults are written:
// `directord --print-defaults` prints what stands here.
//
// parse.cc turns libconfig text into a Model, or into every mistake it found; nothing of libconfig
// shows outside it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/address.h"
#include "common/log.h"
#include "config/model_checks.h"
#include "config/model_sync.h"
#include "config/model_vrrp.h"

namespace director::config {

enum class IdleMode { kPoll, kAdaptive };
enum class WhenFull { kRefuse, kEvictHalfOpen };
enum class PortSide { kBoth, kClients, kServers };
enum class ForwardingMethod { kNat, kDirect, kTunnel, kFullNat, kLocal };
enum class TunnelType { kIpIp, kGue, kGre };
enum class TunnelChecksum { kNone, kFull, kRemote };
enum class SchedulerFlag { kHashPort, kHashFallback, kLikeIpvs };
enum class ClientAddress { kNothing, kProxyV2, kTcpOption };
enum class SynProxy { kOff, kUnderAttack, kAlways };
enum class WhenServerGone { kExpire, kReset, kLeave };

// Start-up only: a reload that changes any of these is refused.
struct Dataplane {
    std::vector<std::string> eal_arguments;
    uint16_t main_cpu = 0;
    std::vector<uint16_t> worker_cpus{1};
    IdleMode idle = IdleMode::kAdaptive;
    uint16_t realtime_priority = 0;  // of the workers, the control plane's is one more; 0: usual
    uint32_t pool_frames = 32768;
    uint32_t ring_entries = 1024;
    uint32_t connections_max = 1U << 20;  // all workers together
    // Of connections_max, how many may be more than NAT of IPv4: IPv6, full NAT, persistent.
    // 0: all.
    uint32_t detailed_connections_max = 0;
    uint32_t templates_max = 65536;  // persistence: clients remembered
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
    uint16_t id = 0;         // 1..4094
    uint16_t outer_id = 0;   // of the 802.1ad tag around it (QinQ); 0: there is none
    uint16_t mtu_bytes = 0;  // 0: its port's
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

// What the kernel calls a VLAN's interface: "inside.10", with an outer tag "inside.100.10".
inline std::string interface_name(const std::string& port, uint16_t id, uint16_t outer_id) {
    const std::string outer = outer_id == 0 ? "" : "." + std::to_string(outer_id);
    return port + outer + "." + std::to_string(id);
}

inline std::string interface_name(const Port& port, const Vlan& vlan) {
    return interface_name(port.name, vlan.id, vlan.outer_id);
}

struct Route {
    IpPrefix to;
    IpAddress via;

    friend bool operator==(const Route&, const Route&) = default;
};

struct Tunnel {
    TunnelType type = TunnelType::kIpIp;
    uint16_t port = 0;  // GUE
    TunnelChecksum checksum = TunnelChecksum::kNone;

    friend bool operator==(const Tunnel&, const Tunnel&) = default;
};

struct RealServer {
    Endpoint endpoint;
    uint32_t weight = 1;
    ForwardingMethod forwarding = ForwardingMethod::kNat;
    Tunnel tunnel;
    uint32_t upper_threshold = 0;  // connections; 0 = none
    uint32_t lower_threshold = 0;
    uint64_t quic_id = 0;  // its number in QUIC connection ids
    ServerHealth health;

    friend bool operator==(const RealServer&, const RealServer&) = default;
};

// Serves while too few real servers do. Never checked.
struct SorryServer {
    Endpoint endpoint;  // Endpoint{}: there is none
    uint32_t weight = 1;
    ForwardingMethod forwarding = ForwardingMethod::kNat;
    Tunnel tunnel;
    bool inhibit = false;

    [[nodiscard]] bool is_set() const { return endpoint != Endpoint{}; }
    friend bool operator==(const SorryServer&, const SorryServer&) = default;
};

// Addresses from `first` to `last`, both included, of one family.
struct AddressRange {
    IpAddress first = Ipv4Address();
    IpAddress last = Ipv4Address();

    friend bool operator==(const AddressRange&, const AddressRange&) = default;
};

struct PortRange {
    uint16_t first = 0;
    uint16_t last = 65535;

    friend bool operator==(const PortRange&, const PortRange&) = default;
};

// What a service by match rules answers for.
struct Match {
    AddressRange addresses;
    PortRange ports;
    Protocol protocol = Protocol::kTcp;

    friend bool operator==(const Match&, const Match&) = default;
};

struct Persistence {
    uint32_t timeout = 0;  // seconds; 0 = off
    uint8_t prefix = 0;    // bits of the client's address that count; 0 = all
    bool drop_when_quiesced = true;

    friend bool operator==(const Persistence&, const Persistence&) = default;
};

// Where a QUIC connection id holds the real server's own.
struct Quic {
    uint8_t id_offset = 0;
    uint8_t id_length = 0;  // bytes; 0 = off

    friend bool operator==(const Quic&, const Quic&) = default;
};

// 0 = no limit.
struct Limits {
    uint32_t connections_per_second = 0;
    uint32_t connections_max = 0;
    uint8_t client_prefix_ipv4 = 32;
    uint8_t client_prefix_ipv6 = 64;
    uint32_t client_connections_per_second = 0;
    uint32_t client_connections_max = 0;

    friend bool operator==(const Limits&, const Limits&) = default;
};

// What a SYN proxy tells clients of the real servers before one of them is asked.
struct SynProxyOffer {
    uint16_t mss_ipv4 = 1460;
    uint16_t mss_ipv6 = 1440;
    uint8_t window_scale = 7;
    bool sack = true;
    bool timestamps = true;

    friend bool operator==(const SynProxyOffer&, const SynProxyOffer&) = default;
};

// What turns syn_proxy = "under-attack" on and off.
struct SynFlood {
    uint16_t half_open_on = 25;  // percent of the connection table
    uint16_t half_open_off = 12;
    uint32_t syns_on = 50000;  // per second; 0 = whatever comes
    uint32_t syns_off = 25000;
    uint32_t hold = 10;  // seconds

    friend bool operator==(const SynFlood&, const SynFlood&) = default;
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
    uint32_t tcp_listen = 120;
    uint32_t tcp_syn_ack = 120;
    uint32_t udp = 300;
    uint32_t icmp = 30;
    uint32_t sctp_init1 = 4;
    uint32_t sctp_init = 61;
    uint32_t sctp_cookie_sent = 61;
    uint32_t sctp_cookie_replied = 61;
    uint32_t sctp_cookie_wait = 61;
    uint32_t sctp_cookie = 61;
    uint32_t sctp_cookie_echoed = 61;
    uint32_t sctp_established = 900;
    uint32_t sctp_shutdown_sent = 61;
    uint32_t sctp_shutdown_received = 61;
    uint32_t sctp_shutdown_ack_sent = 61;
    uint32_t sctp_rejected = 4;
    uint32_t sctp_closed = 61;

    friend bool operator==(const Timeouts&, const Timeouts&) = default;
};

// A service's own; 0 = as those of all services. Half-open connections are kept as long as all
// others are, and ICMP is no service's.
struct ServiceTimeouts {
    uint32_t tcp_established = 0;
    uint32_t tcp_syn_sent = 0;
    uint32_t tcp_fin_wait = 0;
    uint32_t tcp_time_wait = 0;
    uint32_t tcp_close = 0;
    uint32_t tcp_close_wait = 0;
    uint32_t tcp_last_ack = 0;
    uint32_t tcp_listen = 0;
    uint32_t udp = 0;
    uint32_t sctp_init1 = 0;
    uint32_t sctp_init = 0;
    uint32_t sctp_cookie_sent = 0;
    uint32_t sctp_cookie_replied = 0;
    uint32_t sctp_cookie_wait = 0;
    uint32_t sctp_cookie = 0;
    uint32_t sctp_cookie_echoed = 0;
    uint32_t sctp_established = 0;
    uint32_t sctp_shutdown_sent = 0;
    uint32_t sctp_shutdown_received = 0;
    uint32_t sctp_shutdown_ack_sent = 0;
    uint32_t sctp_rejected = 0;
    uint32_t sctp_closed = 0;

    friend bool operator==(const ServiceTimeouts&, const ServiceTimeouts&) = default;
};

struct VirtualService {
    Endpoint endpoint;  // Endpoint{}: by mark and match rules
    Protocol protocol = Protocol::kTcp;
    std::string scheduler = "wrr";
    std::vector<RealServer> real_servers;
    uint32_t mark = 0;  // 0: by address, port and protocol
    std::vector<Match> match;
    std::vector<SchedulerFlag> flags;
    // maglev: of its fair share of all connections, what a server gets at most; 0: no bound.
    uint16_t load_bound_percent = 125;
    Persistence persistence;
    bool one_packet = false;
    bool sloppy_tcp = false;
    bool ftp = false;
    bool clamp_mss = false;
    bool stateless_when_full = true;
    ClientAddress client_address = ClientAddress::kNothing;
    SynProxy syn_proxy = SynProxy::kOff;
    SynProxyOffer syn_proxy_offer;
    SynFlood syn_flood;
    WhenServerGone when_server_gone = WhenServerGone::kLeave;
    std::string local_pool;  // of `local_pools`, for full NAT
    Quic quic;
    Limits limits;
    ServiceTimeouts timeouts;
    std::vector<IpPrefix> allow;  // empty, and no file: everyone
    std::string allow_file;
    std::vector<IpPrefix> deny;
    std::string deny_file;
    ServiceHealth health;
    SorryServer sorry_server;

    // The family of the clients.
    [[nodiscard]] Family family() const {
        return mark == 0 || match.empty() ? endpoint.address.family()
                                          : match.front().addresses.first.family();
    }
    friend bool operator==(const VirtualService&, const VirtualService&) = default;
};

// Local addresses and ports, for full NAT and source NAT.
struct LocalPool {
    std::string name;
    std::vector<IpAddress> addresses;
    PortRange ports{1024, 65535};

    friend bool operator==(const LocalPool&, const LocalPool&) = default;
};

// Connections from here to there leave with an address of the pool.
struct SourceNat {
    IpPrefix from;
    IpPrefix to{Ipv4Address(), 0};  // by default everywhere, in IPv6 too
    std::string pool;

    friend bool operator==(const SourceNat&, const SourceNat&) = default;
};

// What the files named by `allow_file` and `deny_file` hold, by their names.
class PrefixFiles {
  public:
    using Prefixes = std::vector<IpPrefix>;

    void put(const std::string& name, Prefixes prefixes) {
        files_[name] = std::make_shared<const Prefixes>(std::move(prefixes));
    }
    [[nodiscard]] bool contains(const std::string& name) const { return files_.contains(name); }
    // Null if there is none of this name.
    [[nodiscard]] std::shared_ptr<const Prefixes> find(const std::string& name) const {
        const auto found = files_.find(name);
        return found != files_.end() ? found->second : nullptr;
    }
    friend bool operator==(const PrefixFiles& a, const PrefixFiles& b) {
        return std::equal(a.files_.begin(),
                          a.files_.end(),
                          b.files_.begin(),
                          b.files_.end(),
                          [](const auto& one, const auto& other) {
                              return one.first == other.first && *one.second == *other.second;
                          });
    }

  private:
    std::map<std::string, std::shared_ptr<const Prefixes>> files_;  // shared: they may be large
};

// A FIFO that tells of changes, and the program that reads it, with its arguments; the path is
// added as the last one.
struct NotifyFifo {
    std::string path;  // empty: none
    std::vector<std::string> program;

    friend bool operator==(const NotifyFifo&, const NotifyFifo&) = default;
};

struct Control {
    std::string socket = "/run/directord.sock";
    std::string metrics_address;           // "[::1]:9142"; empty = no HTTP listener
    uint32_t metrics_servers_max = 10000;  // with more, a service's real servers are summed up
    std::string admin_group;   // who may ask the socket for everything; empty: nobody besides
    std::string reader_group;  // who may ask it for what changes nothing; empty: nobody
    LogLevel log_level = LogLevel::kInfo;
    std::string log_file;         // empty: standard error, which is the journal's under systemd
    NotifyFifo notify_fifo;       // of everything
    NotifyFifo vrrp_notify_fifo;  // of VRRP
    NotifyFifo lvs_notify_fifo;   // of real servers and virtual services

    friend bool operator==(const Control&, const Control&) = default;
};

// What is observed of connections while they pass. The numbers bound what it may cost.
struct Observation {
    bool health = false;                    // all the time, for metrics and the status page
    uint32_t sample = 1;                    // one in so many clients
    uint32_t packets_per_second = 500'000;  // that each worker tells of; 0: all
    uint32_t flows_max = 1U << 17;          // followed at once
    uint32_t servers_max = 1000;            // with series of their own

    friend bool operator==(const Observation&, const Observation&) = default;
};

struct Model {
    Control control;
    Dataplane dataplane;
    Timeouts timeouts;
    HealthChecks health_checks;
    Sync sync;
    Observation diagnostics;
    std::vector<Port> ports;
    std::vector<Route> routes;
    std::vector<LocalPool> local_pools;
    std::vector<VirtualService> virtual_services;
    std::vector<SourceNat> source_nat;
    std::vector<VrrpInstance> vrrp_instances;
    std::vector<VrrpGroup> vrrp_groups;
    std::vector<VrrpTracker> vrrp_trackers;
    PrefixFiles prefix_files;

    friend bool operator==(const Model&, const Model&) = default;
};

}  // namespace director::config
