// A virtual service as the control plane hands it to a worker.
//
// Each worker gets a ServiceTable of its own: built by the control plane, installed with
// CommandKind::kPutService, changed by that worker alone while installed (the scheduler's position,
// a weight, the load of a server), and handed back with EventKind::kServiceReturned when replaced
// or removed. The control plane then frees it.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "common/address.h"
#include "dataplane/api/conn_state.h"
#include "dataplane/api/ids.h"

namespace director::dataplane {

// How a real server is reached: LVS's five methods, and full NAT.
enum class ForwardingMethod : uint8_t {
    kNat,      // ipvsadm "Masq": the destination is translated; replies come back through us
    kDirect,   // ipvsadm "Route": only the MAC address changes; the server holds the VIP
    kTunnel,   // ipvsadm "Tunnel": wrapped in an outer IP packet; the server holds the VIP
    kFullNat,  // both ends are translated: replies come back wherever the server is
    kLocal,    // ipvsadm "Local": to this machine's own kernel
};

// What a tunnelled packet is wrapped in (ipvsadm --tun-type).
enum class TunnelKind : uint8_t { kIpIp, kGue, kGre };

// ipvsadm --tun-nocsum, --tun-csum, --tun-remcsum.
enum class TunnelChecksum : uint8_t { kNone, kFull, kRemote };

struct Tunnel {
    TunnelKind kind = TunnelKind::kIpIp;
    TunnelChecksum checksum = TunnelChecksum::kNone;
    Be16 port;  // of GUE

    friend constexpr bool operator==(const Tunnel&, const Tunnel&) = default;
};

// What a client addresses: the key of a virtual service. A service by match rules has its mark as
// key (LVS's firewall mark), the family in `address`, and neither port nor protocol.
struct ServiceKey {
    IpAddress address = Ipv4Address();
    Be16 port;  // 0: any port
    Protocol protocol = Protocol::kTcp;
    uint32_t mark = 0;  // 0: by address, port and protocol

    friend constexpr bool operator==(const ServiceKey&, const ServiceKey&) = default;
};

// One real server in a service's list.
struct RealServerSlot {
    RealServerId id = kNoRealServer;
    Endpoint endpoint;  // port 0: the port that the client asked for
    ForwardingMethod forwarding = ForwardingMethod::kNat;
    Tunnel tunnel = {};  // kTunnel
    uint32_t weight = 0;
    uint32_t last_weight = 0;  // the last weight above 0, when it is 0: what IPVS's mh goes by
    uint32_t connections_upper = 0;  // overloaded from here on; 0: never
    uint32_t connections_lower = 0;  // until below this; 0: until below 3/4 of the upper one
    uint64_t quic_id = 0;            // its number in QUIC connection ids (ServiceOptions)
    // The worker's: all workers' connections as far as it knows (docs/architecture.md says how
    // stale), and whether the thresholds say that it gets no new one.
    uint32_t active = 0;
    uint32_t total = 0;
    uint32_t others_active = 0;  // of these, the other workers'
    uint32_t others_total = 0;
    bool is_overloaded = false;
};

// Weights above this are refused by the configuration, so that sums fit 64 bits with room to spare
// (IPVS: 65535).
inline constexpr uint32_t kWeightMax = 65535;

// Node of the scheduler's search tree over the list: the heaviest weight and the greatest common
// divisor of the weights below it, and the heaviest of those that are not overloaded. Filled by
// core::build_weight_tree.
struct WeightNode {
    uint32_t weight_max = 0;
    uint32_t weight_gcd = 0;
    uint32_t available_max = 0;

    friend constexpr bool operator==(const WeightNode&, const WeightNode&) = default;
};

// Node of the tournament over the list: the server below it with the least cost per weight, the
// first of equals. The default is "none": dearer than any. Filled by core::build_load_tree.
struct LoadNode {
    uint64_t cost = 1;
    uint32_t weight = 0;  // 0: none is available
    uint32_t position = 0;

    friend constexpr bool operator==(const LoadNode&, const LoadNode&) = default;
};

// A server that lblc or lblcr remembers; `position` is where it was seen last.
struct LocalityServer {
    RealServerId server = kNoRealServer;
    uint32_t position = 0;
};

// The servers that get the connections to one destination address (lblc: one). One cache line.
struct LocalityEntry {
    static constexpr uint32_t kServersMax = 6;

    uint32_t destination = 0;  // folded to 32 bits
    uint32_t last_use = 0;     // seconds
    uint32_t last_change = 0;  // seconds: when a server was added or dropped
    uint32_t count = 0;        // of servers; 0: the entry is free
    std::array<LocalityServer, kServersMax> servers;
};
static_assert(sizeof(LocalityEntry) == 64);

// ipvsadm -b: what each means depends on the scheduler.
struct SchedulerFlags {
    bool hash_port = false;      // sh-port, mh-port: the client's port counts too
    bool hash_fallback = false;  // sh-fallback, mh-fallback: an unavailable server's clients go on
    bool like_ipvs = false;  // IPVS's own behaviour where docs/lvs-differences.md names a better
    uint16_t load_bound_percent = 125;  // maglev: of its fair share, what a server gets at most
                                        // (above 100); 0: no bound

    friend constexpr bool operator==(const SchedulerFlags&, const SchedulerFlags&) = default;
};

// Where the scheduler stands. What each field means is the scheduler's own business. The vectors
// have their size from core::prepare_scheduler; a worker changes what is in them, not how many.
struct SchedulerState {
    uint32_t position = 0;           // index in `servers` of the last choice
    uint32_t current_weight = 0;     // wrr: the weight that a server needs in this pass
    bool started = false;            // rr: `position` is a choice made, not where to begin
    uint64_t random = 0;             // twos
    std::vector<LoadNode> loads;     // tournament: lc wlc sed nq fo ovf lblc lblcr maglev
    std::vector<uint64_t> sums;      // tree of sums of weights: twos
    std::vector<uint32_t> slots;     // indexes in `servers` by hash: sh dh mh maglev
    uint64_t load_sum = 0;           // maglev: connections of the available servers
    uint64_t weight_sum = 0;         // maglev: their weights
    std::vector<uint8_t> has_spare;  // lblc, lblcr: by server: less than half of its weight is used
    uint32_t spare_count = 0;        // lblc, lblcr: how many have
    std::vector<uint32_t> by_id;     // lblc, lblcr: indexes in `servers` in the order of the ids
    std::vector<LocalityEntry> destinations;  // lblc, lblcr
};

// How the client's own address reaches a server that sees a translated one.
enum class ClientAddressVia : uint8_t { kNothing, kProxyV2, kTcpOption };

// When TCP handshakes are finished before a server hears of them (SYN cookies).
enum class SynProxy : uint8_t { kOff, kUnderAttack, kAlways };

// What the service's real servers can do, and a SYN proxy's clients are told before one of them is
// asked. What a server cannot do must be off here; a server's own window scale may be another.
struct SynProxyOffer {
    uint16_t mss_ipv4 = 1460;
    uint16_t mss_ipv6 = 1440;
    uint8_t window_scale = 7;
    bool has_sack = true;
    bool has_timestamps = true;  // without, there is no window scale either: a cookie has no room

    friend constexpr bool operator==(const SynProxyOffer&, const SynProxyOffer&) = default;
};

// From when on SynProxy::kUnderAttack finishes handshakes, and from when on no more: when both
// signs have been at or below `off` for so long.
struct AttackThresholds {
    uint16_t half_open_on_percent = 25;  // of a worker's connection table
    uint16_t half_open_off_percent = 12;
    uint32_t syns_on_per_second = 50000;  // all workers together; 0: whatever comes
    uint32_t syns_off_per_second = 25000;
    uint32_t hold_seconds = 10;

    friend constexpr bool operator==(const AttackThresholds&, const AttackThresholds&) = default;
};

// What happens to connections of a server that failed or was removed.
enum class WhenServerGone : uint8_t {
    kExpire,  // forgotten at once: the client's next packet is a stranger's
    kReset,   // TCP: both ends get a reset
    kLeave,   // as long as they last; UDP expires all the same
};

// A service's settings beside its key, scheduler and servers.
struct ServiceOptions {
    uint32_t persistence_seconds = 0;         // 0: not persistent
    uint8_t persistence_prefix = 32;          // bits of the client's address that count, 1..128
    bool is_one_packet = false;               // UDP: every packet is scheduled anew (ipvsadm -o)
    bool is_sloppy = false;                   // TCP: not SYNs alone open a connection
    bool has_ftp_helper = false;              // control connection of FTP
    bool clamp_mss = false;                   // TCP MSS lowered to what fits the way to the server
    bool drop_template_when_quiesced = true;  // IPVS's expire_quiescent_template
    bool is_stateless_when_full = true;       // hash schedulers: forward without an entry
    ClientAddressVia client_address = ClientAddressVia::kNothing;
    SynProxy syn_proxy = SynProxy::kOff;
    SynProxyOffer syn_proxy_offer{};
    AttackThresholds attack{};
    WhenServerGone when_server_gone = WhenServerGone::kLeave;
    uint8_t quic_id_offset = 0;           // byte of the connection id where the server's id is
    uint8_t quic_id_bytes = 0;            // length of that id; 0: no QUIC routing
    uint32_t connections_per_second = 0;  // admitted, all workers together; 0: no limit
    uint32_t connections_max = 0;         // at one time, all workers together; 0: no limit
    uint8_t client_prefix_ipv4 = 32;      // what counts as one client for the next two
    uint8_t client_prefix_ipv6 = 64;
    uint32_t client_connections_per_second = 0;
    uint32_t client_connections_max = 0;
    uint16_t allow_list = 0;  // number of a prefix list; 0: everyone may
    uint16_t deny_list = 0;   // number of a prefix list; 0: nobody is refused
    uint16_t local_pool = 0;  // full NAT: number of a pool of local addresses
    // Seconds that its idle connections are kept, by state; 0: as those of all services. Half-open
    // ones are kept as long as all others are: one queue has them, by age.
    ConnTimeouts timeouts{};

    friend constexpr bool operator==(const ServiceOptions&, const ServiceOptions&) = default;
};

// Where in its service's list the server is that QUIC connection ids name so.
struct QuicServer {
    uint64_t id = 0;
    uint32_t position = 0;
};

struct ServiceTable {
    ServiceId id = kNoService;
    ServiceKey key;
    uint8_t scheduler = 0;  // index into core::kSchedulers
    SchedulerFlags flags;
    ServiceOptions options;
    // In LVS's order: the server added last comes first.
    std::vector<RealServerSlot> servers;
    std::vector<QuicServer> quic_servers;  // by id; none without ServiceOptions::quic_id_bytes
    std::vector<WeightNode> weights;
    SchedulerState state;
};

// One line of a service by match rules (LVS: what iptables marks). All ends included.
struct MatchRule {
    IpAddress first;
    IpAddress last;
    uint16_t port_first = 0;
    uint16_t port_last = 65535;
    Protocol protocol = Protocol::kAny;
    ServiceId service = kNoService;

    friend constexpr bool operator==(const MatchRule&, const MatchRule&) = default;
};

}  // namespace director::dataplane
