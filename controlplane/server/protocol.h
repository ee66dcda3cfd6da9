// What crosses the control socket: the requests that exist and the answers as plain values.
//
// directord fills these structs and directorctl prints them; both sides turn them into JSON through
// the to_json/from_json pairs here, so the two cannot disagree. A field that is missing in received
// JSON keeps its default and an unknown one is ignored: a newer directorctl can talk to an older
// directord. docs/control-socket.md describes the same for other programs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/server/config_protocol.h"
#include "controlplane/server/diagnostics_protocol.h"
#include "controlplane/server/edit_protocol.h"
#include "controlplane/server/explain_protocol.h"
#include "controlplane/server/kernel_protocol.h"
#include "controlplane/server/methods.h"
#include "controlplane/server/vrrp_protocol.h"

namespace director::server {

// Raised when an answer changes in a way that old clients would misread.
inline constexpr int kProtocolVersion = 1;

// config::Control::socket has the same default.
inline constexpr std::string_view kDefaultSocketPath = "/run/directord.sock";

// Rows in one answer to "connections": the default, and the most a request may ask for.
inline constexpr uint32_t kConnectionsLimitDefault = 1000;
inline constexpr uint32_t kConnectionsLimitMax = 10000;

// Answer to "hello".
struct MethodView {
    std::string name;
    std::string arguments;
    std::string help;
    std::string access;  // "reads", "changes"
};

struct HelloView {
    std::string program = "directord";
    std::string version;
    int protocol_version = kProtocolVersion;
    std::string role;  // of who asks: "reader", "admin"
    std::vector<MethodView> methods;
};

// One DPDK port. The counters are the device's own.
struct PortView {
    std::string name;
    std::string driver;
    std::string mac;
    uint32_t mtu = 0;
    bool link_up = false;
    uint32_t rx_queues = 0;
    uint32_t tx_queues = 0;
    uint64_t received = 0;
    uint64_t sent = 0;
    uint64_t missed = 0;      // lost in the device: the workers did not poll in time
    uint64_t no_buffers = 0;  // lost in the device: the frame pool was empty
    uint64_t received_bytes = 0;
    uint64_t sent_bytes = 0;
    uint64_t rx_errors = 0;
    uint64_t tx_errors = 0;
};

// How many packets met which end, all workers together since start.
struct PacketTotals {
    uint64_t received = 0;
    uint64_t forwarded = 0;
    uint64_t punted = 0;
    uint64_t dropped = 0;
};

// A pool of local addresses, all workers together.
struct PoolView {
    std::string name;
    uint32_t addresses = 0;
    std::string ports;       // "1024-65535"
    uint64_t ports_all = 0;  // that could be in use at one time, to as many different real servers
    uint64_t ports_held = 0;
    uint64_t exhausted = 0;  // connections refused for want of a port
};

// How often something found a table full, and what was done about it, all workers together since
// start. Anything above 0 among the first eight is worth an alarm.
struct FullTablesView {
    uint64_t connections_refused = 0;    // packets dropped for want of a place in the table
    uint64_t connections_evicted = 0;    // half-open ones that made room
    uint64_t stateless_packets = 0;      // forwarded by their hash alone
    uint64_t local_ports_exhausted = 0;  // connections refused for want of a local port
    uint64_t ftp_refused = 0;            // FTP control connections
    uint64_t fragments_refused = 0;
    uint64_t templates_refused = 0;  // persistent clients that were not remembered
    uint64_t clients_uncounted = 0;  // connections that client limits let through uncounted
    uint64_t templates_evicted = 0;  // idle persistent clients, forgotten before their time
};

// What `ipvsadm --set` sets, in seconds.
struct TimeoutsView {
    uint32_t tcp = 0;
    uint32_t tcp_fin = 0;
    uint32_t udp = 0;
};

// A timeout that a service has of its own.
struct ServiceTimeoutView {
    std::string service;  // "TCP 192.0.2.1:80"
    std::string setting;  // "tcp_established"
    uint32_t seconds = 0;
};

// A real server that is being drained, in one service.
struct DrainView {
    std::string service;  // "TCP 192.0.2.1:80"
    std::string server;   // "10.0.0.1:80"
    uint64_t connections = 0;
    int64_t seconds_left = -1;  // until the connections that are left are ended; -1: for good
};

// An address that is shared with the twin, or a service's where there is none.
struct VirtualAddressView {
    std::string address;  // "192.0.2.1", or "192.0.2.1/24" of VRRP
    std::string state;    // the instance's; "ALONE": no VRRP
};

// What needs a person.
struct AlarmView {
    std::string severity;  // "critical": service is lost; "warning": it may be; "notice"
    std::string what;
    std::string advice;  // what to do next
};

// TrafficStats per second: smoothed averages.
struct TrafficRates {
    uint64_t connections = 0;
    uint64_t packets_in = 0;
    uint64_t packets_out = 0;
    uint64_t bytes_in = 0;
    uint64_t bytes_out = 0;
};

// The most virtual addresses that "status" lists.
inline constexpr size_t kVirtualAddressesMax = 64;

// Answer to "status".
struct StatusView {
    std::string version;
    int64_t pid = 0;
    uint64_t uptime_seconds = 0;
    uint32_t workers = 0;
    std::string memory_kind;  // "hugepages 2 MiB", "plain memory", ...
    std::vector<PortView> ports;
    uint64_t services = 0;
    uint64_t real_servers = 0;
    uint64_t connections = 0;
    uint64_t connections_max = 0;
    PacketTotals packets;
    std::string config_file;
    std::string last_reload;  // what came of the last reload; empty if there was none
    TimeoutsView timeouts;
    std::vector<ServiceTimeoutView> service_timeouts;
    std::vector<PoolView> pools;
    std::vector<DrainView> drains;
    uint64_t overloaded = 0;  // real servers above their upper threshold
    FullTablesView full_tables;
    std::vector<std::string> under_attack;  // services under a SYN flood: "TCP 192.0.2.1:80"
    std::vector<VrrpStateView> vrrp;        // groups, and instances without one
    std::string role = "ALONE";  // "MASTER", "BACKUP", "FAULT", "INIT"; "MIXED"; "ALONE": no VRRP
    std::vector<VirtualAddressView> virtual_addresses;  // at most kVirtualAddressesMax
    uint64_t virtual_addresses_all = 0;
    uint64_t services_up = 0;       // with a real server that takes new connections
    uint64_t servers_up = 0;        // real servers that do, the sorry server included
    TrafficRates rates;             // of all services: smoothed averages
    std::vector<AlarmView> alarms;  // worst first
};

// Bytes are IP lengths including the header. In = client to server, out = server to client, as
// ipvsadm says.
struct TrafficStats {
    uint64_t connections = 0;
    uint64_t packets_in = 0;
    uint64_t packets_out = 0;
    uint64_t bytes_in = 0;
    uint64_t bytes_out = 0;
};

struct ServerView {
    std::string address;
    uint16_t port = 0;
    std::string forwarding = "nat";
    uint32_t weight = 0;
    uint64_t active = 0;
    uint64_t inactive = 0;
    bool is_retired = false;  // removed from the service, connections remain
    TrafficStats stats;
    TrafficRates rates;
    uint32_t upper_threshold = 0;
    uint32_t lower_threshold = 0;
    bool is_overloaded = false;  // as far as the counters say: the workers decide
    bool is_draining = false;
    std::string tunnel;   // of a tunnel, as `ipvsadm --tun-info` prints it
    bool is_out = false;  // taken out by health checks; connections may remain
    // Where its answers are seen (NAT, full NAT): TCP connections that it did not answer in time,
    // and those that it reset while their client had not ended them.
    uint64_t unanswered = 0;
    uint64_t resets = 0;
};

struct ServiceView {
    std::string protocol;  // "TCP", "UDP", "SCTP"; "FWM" by match rules
    std::string address;   // of match rules: "0.0.0.0" or "::"
    uint16_t port = 0;
    std::string scheduler;
    std::string flags;        // what ipvsadm prints after the scheduler's name; empty: nothing
    bool is_retired = false;  // removed from the configuration, connections remain
    TrafficStats stats;
    TrafficRates rates;
    std::vector<ServerView> servers;  // the one added last comes first, as in the kernel
    uint32_t mark = 0;                // of a service by match rules
    uint32_t persistence_seconds = 0;
    uint32_t persistence_prefix = 0;
    bool one_packet = false;
    uint64_t half_open = 0;        // connections whose handshake is not complete
    bool is_under_attack = false;  // by a SYN flood: on one worker at least, its SYN proxy is on
};

// Answer to "services".
struct ServicesView {
    std::vector<ServiceView> services;
    std::string next_cursor = {};  // "cursor" of the request for the next page; empty: no more
};

struct ConnectionView {
    std::string protocol;  // "TCP", "UDP", "SCTP", "ICMP"; "IP": a template of match rules
    std::string state;     // ipvsadm's names
    std::string client_address;
    std::string virtual_address;
    std::string real_address;
    std::string forwarding = "nat";
    std::string local_address;  // full NAT and source NAT: the client as the real server sees it
    uint32_t expires_seconds = 0;
    uint32_t idle_seconds = 0;  // since its last packet; of a template: 0
    uint16_t client_port = 0;
    uint16_t virtual_port = 0;
    uint16_t real_port = 0;
    uint16_t local_port = 0;
    bool is_template = false;  // persistence: client_address is the client's network
};

// Answer to "connections". The table changes while it is read: a page may hold fewer rows than
// asked for, even none, without being the last.
struct ConnectionsPage {
    std::vector<ConnectionView> rows;
    std::string next_cursor;  // "cursor" of the request for the next page; empty: that was the last
};

struct ServiceDrops {
    std::string service;  // "TCP 192.168.0.1:80"
    uint64_t packets = 0;
};

struct DropReasonView {
    std::string name;
    std::string help;
    uint64_t packets = 0;
    std::vector<ServiceDrops> services;  // what part of `packets` a virtual service is known for
};

// Answer to "drops". received + handed_in + answered + resumed + cut =
// forwarded + punted + dropped + handed_out + held.
struct DropsView {
    uint64_t received = 0;
    uint64_t handed_in = 0;
    uint64_t answered =
        0;             // dropped, but turned into an ICMP error or a reset, which was forwarded
    uint64_t cut = 0;  // fragments but the first, of packets that had to be fragmented
    uint64_t handed_out = 0;
    uint64_t forwarded = 0;
    uint64_t punted = 0;
    uint64_t dropped = 0;
    uint64_t held = 0;       // fragments that waited for their datagram's first one
    uint64_t resumed = 0;    // of these, those that went on, or were dropped after all
    uint64_t stateless = 0;  // of the forwarded: without remembering them, in a full table
    std::vector<DropReasonView> reasons;  // every reason there is, also those that never occurred
};

struct WorkerView {
    uint32_t id = 0;
    uint32_t cpu = 0;
    double busy_share = 0;  // of the time since the last sample, 0..1
    uint64_t packets = 0;   // processed: received and handed in
    uint64_t bursts = 0;    // polls that brought packets
    double ns_per_packet = 0;
    double packets_per_burst = 0;
    uint64_t received = 0;
    uint64_t received_bytes = 0;
    uint64_t forwarded = 0;
    uint64_t punted = 0;
    uint64_t dropped = 0;
    uint64_t handed_in = 0;
    uint64_t handed_out = 0;
    uint64_t connections = 0;
    uint64_t connections_max = 0;
    uint64_t connections_created = 0;
    uint64_t connections_expired = 0;
    uint64_t connections_evicted = 0;
    uint64_t sleeps = 0;    // times that idle = "adaptive" gave the CPU away
    uint64_t answered = 0;  // as in "drops"
    uint64_t held = 0;
    uint64_t resumed = 0;
    uint64_t stateless = 0;
    uint64_t cut = 0;
    double busy_seconds = 0;  // spent on packets since start
};

// Answer to "workers".
struct WorkersView {
    std::vector<WorkerView> workers;
};

struct NamedCount {
    std::string name;
    uint64_t count = 0;
};

// A twin that is heard of.
struct SyncPeerView {
    std::string address;
    uint64_t heard_ms_ago = 0;
    uint64_t director_messages = 0;
    uint64_t ipvs_messages = 0;
    uint64_t records = 0;
    uint64_t lost = 0;       // of Director's messages
    uint64_t ipvs_lost = 0;  // of IPVS's, by what the twin says it has sent
    uint64_t late = 0;
    uint64_t too_late = 0;
    uint64_t replayed = 0;
    uint64_t restarts = 0;
    uint64_t lag_ms = 0;  // that the oldest record of its last message had waited there
};

// Answer to "sync".
struct SyncView {
    std::string role = "off";  // then the rest means nothing
    std::string protocol;
    uint32_t id = 0;
    std::string destination;  // "224.0.0.81:8848 inside", or the peers
    // As `ipvsadm -L --daemon` has them.
    std::string interface;
    std::string group;
    uint32_t port = 0;
    uint32_t ttl = 0;
    uint32_t message_bytes = 0;
    // Told.
    uint64_t marked = 0;     // connections that the workers put up
    uint64_t postponed = 0;  // for want of room there, until their next packet
    uint64_t records_sent = 0;
    uint64_t messages_sent = 0;
    uint64_t send_errors = 0;
    uint64_t dropped_new = 0;
    uint64_t dropped_long_lived = 0;
    uint64_t unsayable = 0;
    uint64_t superseded = 0;
    uint64_t waiting = 0;
    uint64_t lag_ms = 0;
    // Heard.
    std::vector<SyncPeerView> peers;
    std::vector<NamedCount> outcomes;  // what became of records
    std::vector<NamedCount> refusals;  // what was not taken of messages, and why
    uint64_t not_allowed = 0;
    uint64_t kept_for_later = 0;          // records of services that are not here, now
    uint64_t overflowed = 0;              // records lost because the workers were behind
    std::vector<std::string> mismatches;  // what the twin serves otherwise than we do
    // The whole table.
    uint64_t tables_given = 0;
    uint64_t table_records_given = 0;
    uint64_t tables_fetched = 0;
    uint64_t table_records_fetched = 0;
    uint64_t fetches_failed = 0;
    bool is_fetching = false;
};

// One health check of a real server.
struct CheckView {
    std::string type;  // "tcp", "http", ...
    std::string target;
    std::string state;           // "untried", "up", "down"
    uint64_t state_seconds = 0;  // since when
    bool is_probing = false;
    uint64_t passed = 0;
    uint64_t failed = 0;
    uint64_t unable = 0;  // probes that could not be made
    uint64_t transitions = 0;
    std::string last_failure;  // of the last probe that did not pass
    int64_t weight = -1;       // what a script said; -1: nothing
};

struct CheckedServerView {
    std::string address;
    uint16_t port = 0;
    bool is_up = true;
    uint64_t state_seconds = 0;
    int64_t weight = -1;              // in the table; -1: it is not there
    bool passive_is_ignored = false;  // too many servers are out by passive checks alone
    std::vector<CheckView> checks;
};

// A service that health checks decide something about.
struct CheckedServiceView {
    std::string protocol;  // as in ServiceView
    std::string address;
    uint16_t port = 0;
    uint32_t mark = 0;
    uint32_t quorum = 1;
    bool has_quorum = true;
    std::string sorry_server;  // empty: none
    bool sorry_server_is_used = false;
    std::vector<CheckedServerView> servers;
};

inline constexpr std::array<double, 8> kProbeSeconds{0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3};

// All checks of one type together.
struct ProbesView {
    std::string type;
    uint64_t checks = 0;
    uint64_t down = 0;
    uint64_t passed = 0;
    uint64_t failed = 0;
    uint64_t unable = 0;
    double seconds = 0;  // that passed probes took in all
    // Passed probes that took up to each of kProbeSeconds, and longer.
    std::vector<uint64_t> took;
    uint64_t transitions = 0;  // checks that went up or down
};

// Answer to "checks".
struct ChecksView {
    std::vector<CheckedServiceView> services;
    std::vector<ProbesView> probes;
    uint64_t waiting = 0;  // probes that wait for others to end
    std::string next_cursor = {};
};

// Answer to "reload", "drain" and "undrain". A refused configuration is an error reply with the
// mistakes in its message.
struct ReloadView {
    std::string message;  // what changed, in one line
};

// For nlohmann::json's own conversions: `json(view)`, `value.get<StatusView>()`. from_json throws
// nlohmann::json::exception if a field has the wrong type.
// NOLINTBEGIN(bugprone-macro-parentheses): a type cannot stand in parentheses here
#define DIRECTOR_DECLARE_JSON(Type)                       \
    void to_json(nlohmann::json& json, const Type& view); \
    void from_json(const nlohmann::json& json, Type& view);
// NOLINTEND(bugprone-macro-parentheses)
DIRECTOR_DECLARE_JSON(MethodView)
DIRECTOR_DECLARE_JSON(HelloView)
DIRECTOR_DECLARE_JSON(PortView)
DIRECTOR_DECLARE_JSON(PacketTotals)
DIRECTOR_DECLARE_JSON(PoolView)
DIRECTOR_DECLARE_JSON(FullTablesView)
DIRECTOR_DECLARE_JSON(TimeoutsView)
DIRECTOR_DECLARE_JSON(ServiceTimeoutView)
DIRECTOR_DECLARE_JSON(DrainView)
DIRECTOR_DECLARE_JSON(VirtualAddressView)
DIRECTOR_DECLARE_JSON(AlarmView)
DIRECTOR_DECLARE_JSON(StatusView)
DIRECTOR_DECLARE_JSON(TrafficStats)
DIRECTOR_DECLARE_JSON(TrafficRates)
DIRECTOR_DECLARE_JSON(ServerView)
DIRECTOR_DECLARE_JSON(ServiceView)
DIRECTOR_DECLARE_JSON(ServicesView)
DIRECTOR_DECLARE_JSON(ConnectionView)
DIRECTOR_DECLARE_JSON(ConnectionsPage)
DIRECTOR_DECLARE_JSON(ServiceDrops)
DIRECTOR_DECLARE_JSON(DropReasonView)
DIRECTOR_DECLARE_JSON(DropsView)
DIRECTOR_DECLARE_JSON(NamedCount)
DIRECTOR_DECLARE_JSON(SyncPeerView)
DIRECTOR_DECLARE_JSON(SyncView)
DIRECTOR_DECLARE_JSON(WorkerView)
DIRECTOR_DECLARE_JSON(WorkersView)
DIRECTOR_DECLARE_JSON(CheckView)
DIRECTOR_DECLARE_JSON(CheckedServerView)
DIRECTOR_DECLARE_JSON(CheckedServiceView)
DIRECTOR_DECLARE_JSON(ProbesView)
DIRECTOR_DECLARE_JSON(ChecksView)
DIRECTOR_DECLARE_JSON(ReloadView)
#undef DIRECTOR_DECLARE_JSON

}  // namespace director::server
