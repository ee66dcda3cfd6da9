// What a worker holds, and the stages that work on it. Private to dataplane/core: the outside sees
// Worker. Each stage is in the file of its name, takes the burst, and looks only at packets that no
// earlier stage has decided.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "common/assert.h"
#include "common/checksum.h"
#include "common/flat_map.h"
#include "common/hash.h"
#include "dataplane/api/job.h"
#include "dataplane/core/codecs/frame.h"
#include "dataplane/core/codecs/icmp_generate.h"
#include "dataplane/core/codecs/tunnel.h"
#include "dataplane/core/forwarder.h"
#include "dataplane/core/mirror.h"
#include "dataplane/core/rate_limiter.h"
#include "dataplane/core/shard.h"
#include "dataplane/core/tables/attack_watch.h"
#include "dataplane/core/tables/conn_table.h"
#include "dataplane/core/tables/fragment_table.h"
#include "dataplane/core/tables/local_ports.h"
#include "dataplane/core/tables/sync_marks.h"
#include "dataplane/core/worker.h"

namespace director::dataplane {

// One multiplication serves: a stranger cannot choose which services there are, only look for them.
struct FlowEndHash {
    HashKey key;
    size_t operator()(FlowEnd end) const {
        return multiply_fold(end.bits ^ key.first, key.second | 1);
    }
};

[[nodiscard]] inline FlowEnd flow_end_of(const HashKey& key, const ServiceKey& service) {
    return FlowEnd::of(key, service.protocol, service.address, service.port);
}

// A virtual service's slot. Retired (no table, still known) while old connections are served.
struct ServiceSlot {
    ServiceTable* table = nullptr;
    ServiceKey key;
    bool is_known = false;
    bool has_ftp = false;
    bool has_tunnels = false;   // to some of its servers
    bool sees_answers = false;  // of some of its servers
};

// What a service's SYN proxy goes by (syn_proxy.cc).
struct SynWatch {
    AttackWatch attack;
    uint64_t syns = 0;
    bool has_sent_cookie = false;
    TimePoint cookie_sent_at{};
};

// A real server's ServerCounters as the packet path counts them (the two directions in arrays, so
// that the direction is an index), and what its connections' packets need to know of it: all in one
// cache line.
struct alignas(64) ServerTally {
    std::array<uint64_t, 2> packets{};
    std::array<uint64_t, 2> bytes{};
    uint64_t connections = 0;
    uint32_t active = 0;
    uint32_t inactive = 0;
    ServiceId service{};
    uint32_t position = 0;  // in its service's table, or kNoPosition when it left that
    Tunnel tunnel;
    bool is_load_wanted = false;  // by its service's scheduler or thresholds
    bool is_overloaded = false;   // its connections have reached the upper threshold
    // Its connections are to end, as `when_gone` says (sweep.cc).
    bool is_ending : 1 = false;
    bool has_own_timeouts : 1 = false;  // its service has
    WhenServerGone when_gone{};
};

static_assert(sizeof(ServerTally) == 64);

// What else is counted of a real server, apart: few packets touch it.
struct ServerSigns {
    uint64_t unanswered = 0;
    uint64_t resets = 0;
};

// How long idle connections are kept, by state, of all services or of one (timeouts.cc).
struct alignas(64) TimeoutRow {
    std::array<uint32_t, kConnStateCount> ticks{};
    ConnTimeouts own{};  // of a service: its own seconds, 0 where it has none
};

// A walk over the whole connection table, a piece per poll, for connections whose server is gone or
// whose timeout became shorter.
struct Sweep {
    uint32_t cursor = 0;
    uint32_t left = 0;            // entries still to be looked at; 0: nothing to do
    bool shortens_waits = false;  // idle connections are to end by the timeouts of now
};

inline constexpr uint32_t kNoPosition = 0xffffffffU;

inline constexpr uint32_t kEventsMax = 64;
inline constexpr uint32_t kJobsMax = 4;

// One of each worker, in the order of what belongs together: 64 bytes of padding are cheap.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding)
struct Worker::State {
    explicit State(const WorkerSettings& worker_settings);

    WorkerSettings settings;
    ConnTable connections;
    SyncMarks sync;
    FtpTable ftps;
    Forwarder forwarder;
    FlatMap<FlowEnd, ServiceId, FlowEndHash> service_ids;
    std::vector<ServiceSlot> services;
    std::vector<SynWatch> syn_watches;  // by service slot
    uint32_t services_end = 0;          // service slots in use are below this
    uint32_t calm_cursor = 0;           // the service that watch_for_calm() has looked at last
    uint32_t any_port_services = 0;
    uint32_t ftp_services = 0;
    uint32_t tunnel_services = 0;
    // The FTP service of an address, which data connections come to on other ports.
    FlatMap<FlowEnd, ServiceId, FlowEndHash> ftp_addresses;
    bool has_wide_services = false;  // that find_wide_service() knows more about
    std::array<WorkerId, kShardBuckets> owners;
    std::array<LocalPool*, kLocalPoolsMax> local_pools{};  // by number; 0 is none
    const Tables* tables = nullptr;
    bool has_had_match_rules = false;  // whose connections may have outlived them
    bool looks_by_source = false;      // admit_by_source() may know more of a packet
    // Connections that end with the packet that opened them (ipvsadm -o).
    std::array<uint32_t, kBurstMax> one_packets;
    uint32_t one_packet_count = 0;
    Sweep sweep;
    uint32_t servers_end = 0;  // server slots in use are below this
    uint32_t load_cursor = 0;  // the server slot that refresh_loads() has looked at last
    FragmentTable fragments;
    // A burst holds so many, releases what was held, and so many time out.
    std::array<FrameOperation, kBurstMax + 2 * size_t{Worker::kHeldMax}> frame_operations;
    uint32_t frame_operation_count = 0;
    TimePoint strays_held_until{};  // kHoldStrays
    RateLimiter kernel_punts;
    RateLimiter advertisement_punts;
    RateLimiter neighbour_punts;
    RateLimiter answers;
    RateLimiter answer_searches;  // pick_up_answer()
    RateLimiter questions;        // to the ends of connections whose server is gone
    // Identification of the next outer header. Workers send to the same servers from the same
    // address: each has numbers of its own.
    uint32_t tunnel_id;
    std::array<uint8_t, kIcmpErrorBytesMax> scratch;  // for a packet being made
    std::array<MadeFrame, 2 * size_t{kBurstMax}> made_frames;
    uint32_t made_frame_count = 0;

    WorkerCounters counters;
    TableArray<ServerTally> server_tallies;
    TableArray<ServerSigns> server_signs;
    TableArray<OuterHeader> outer_headers;  // by server, of those that packets are tunnelled to
    TableArray<ServiceCounters> service_counters;
    TableArray<TimeoutRow> timeouts;  // of all services, then of each that has its own, by slot

    Mirror mirror;

    TimePoint now{};
    uint32_t tick = 0;
    uint32_t commands_applied = 0;

    std::array<Event, kEventsMax> events;
    uint32_t event_count = 0;
    std::array<Job*, kJobsMax> jobs;
    std::array<uint32_t, kJobsMax> job_sequences;
    uint32_t job_count = 0;

    // Decides a packet's fate and counts it: the only ways out of the stages.
    void drop(Packet& packet, DropReason reason);
    void count_dropped(const Packet& packet, DropReason reason);
    void punt(Packet& packet);
    void punt_for_neighbour(Packet& packet, const NextHop& hop);
    void forward(Packet& packet, PortId port) {
        DIRECTOR_HOT_ASSERT(packet.verdict == Verdict::kUndecided);
        packet.verdict = Verdict::kForward;
        packet.out_port = port;
        ++counters.forwarded;
    }
    void forward_cut(Packet& packet, PortId port) {
        forward(packet, port);
        packet.verdict = Verdict::kForwardCut;
    }
    void hand_over(Packet& packet, WorkerId owner);
    void add_frame_operation(const FrameOperation& operation) {
        DIRECTOR_HOT_ASSERT(frame_operation_count < frame_operations.size());
        frame_operations[frame_operation_count++] = operation;
    }
};

// A group of a burst.
using Packets = std::span<Packet>;

// For an ICMP error that quotes a packet with ports: makes the packet's ends those of an answer to
// the quoted one. False for every other packet (icmp_errors.cc).
[[nodiscard]] bool adopt_quoted_ends(const Worker::State& state, Packet& packet);

// For an ICMP "too big" about one of our own tunnel packets: the packet becomes the same error
// about the client's packet inside, to the client. False for every other packet (tunnel_errors.cc).
[[nodiscard]] bool pass_on_tunnel_error(Worker::State& state, Packet& packet);

// For a fragment: finds out its ports, or holds, hands over or drops it. True when the packet has
// ports now and goes on (follow_fragments.cc).
[[nodiscard]] bool follow_fragment(Worker::State& state, Packet& packet);
void expire_fragments(Worker::State& state);

// Translates an ICMP error to the other side of the connection whose packet it quotes.
void rewrite_icmp_error(Worker::State& state, const Connection& connection, Packet& packet);

// Drops a packet and tells its sender why: the packet becomes the ICMP error, which goes on to be
// sent. Only drops when the sender may not be told, too many have been, or the frame has no room
// (answer.cc). Before or after the rewrite stage: `packet.is_translated` tells.
void refuse(
    Worker::State& state, Packet& packet, DropReason reason, IcmpCause cause, uint32_t mtu = 0);

// The same with a TCP reset, of a packet as it came.
void refuse_with_reset(Worker::State& state, Packet& packet, DropReason reason);

// The same without the limit for answers: of a connection's own packet, which proves its sender.
void reset_sender(Worker::State& state, Packet& packet, DropReason reason);

// For a TCP connection whose server is gone (reset_ends.cc). start_resetting() makes both ends
// speak, so that they can be told: false while too many are being asked, to be tried again.
// ask_again() answers when to look next. Of the packets that the ends send, a reset passes, for it
// is the other end's too; any other is for reset_ends().
[[nodiscard]] bool start_resetting(Worker::State& state, uint32_t connection);
[[nodiscard]] uint32_t ask_again(Worker::State& state, uint32_t connection);
[[nodiscard]] bool passes_reset(Worker::State& state, const Packet& packet);
void reset_ends(Worker::State& state, Packet& packet);

// The packet in the frame is another one from now on, which only has to find its next hop; the one
// that it replaces has been counted.
void become_answer(Worker::State& state, Packet& packet, DropReason reason);

// Counts a packet as dropped and what is in its frame as the answer to it. The packet keeps its
// connection, if it has one.
void count_answer(Worker::State& state, Packet& packet, DropReason reason);

// Puts another IP packet into the frame. False when there is no room.
[[nodiscard]] bool replace_ip_packet(Packet& packet, const uint8_t* bytes, uint32_t length);

// For a packet that is no service's and no connection's by its destination: finds the connection by
// its source, or opens one by source NAT, or gives it to the worker that would have it
// (outbound.cc).
void admit_by_source(Worker::State& state, Packet& packet);
void pick_up_answer(Worker::State& state, Packet& packet);

// The service that a packet is for, when `exact` is what its address and port found (services.cc).
[[nodiscard]] ServiceId find_wide_service(const Worker::State& state,
                                          const Packet& packet,
                                          ServiceId exact);

// The stages, in the order of Worker::process.
void reach_burst(Worker::State& state, Packets packets);            // parse.cc
void parse_burst(Worker::State& state, Packets packets);            // parse.cc
void classify_burst(Worker::State& state, Packets packets);         // classify.cc
void find_bucket_burst(Worker::State& state, Packets packets);      // lookup.cc
void find_details_burst(Worker::State& state, Packets packets);     // lookup.cc
void find_entry_burst(Worker::State& state, Packets packets);       // lookup.cc
void admit_burst(Worker::State& state, Packets packets);            // admit.cc
void track_burst(Worker::State& state, Packets packets);            // track.cc
void sync_burst(Worker::State& state, Packets packets);             // sync.cc
void rewrite_burst(Worker::State& state, Packets packets);          // rewrite.cc
void forward_burst(Worker::State& state, Packets packets);          // forward.cc
void end_one_packets_burst(Worker::State& state, Packets packets);  // expire.cc
// Copies of chosen packets (mirror.cc): how they came, whose they are, how they left.
void mirror_arrivals_burst(Worker::State& state, Packets packets);
void mirror_owners_burst(Worker::State& state, Packets packets);
void mirror_departures_burst(Worker::State& state, Packets packets);
void mirror_made_frames(Worker::State& state);
// Before what lies in a packet's frame becomes another packet.
void mirror_before_replacement(Worker::State& state, const Packet& packet);
void mirror_loss(Worker::State& state, const Packet& packet, DropReason reason);
void set_tap(Worker::State& state, const TapJob& job);

// The ladder that Worker::process climbs, in phases. A phase uses what the one before has
// prefetched; between the two, the worker is busy with other groups of the burst.
struct Stage {
    const char* name;
    void (*run)(Worker::State& state, Packets packets);
    uint32_t phase;
};
inline constexpr std::array kStages{
    Stage{"reach", reach_burst, 0},
    Stage{"parse", parse_burst, 1},
    Stage{"mirror_arrivals", mirror_arrivals_burst, 1},
    Stage{"classify", classify_burst, 1},
    Stage{"find_bucket", find_bucket_burst, 2},
    Stage{"find_details", find_details_burst, 3},
    Stage{"find_entry", find_entry_burst, 4},
    Stage{"admit", admit_burst, 4},
    Stage{"mirror_owners", mirror_owners_burst, 4},
    Stage{"track", track_burst, 4},
    Stage{"sync", sync_burst, 4},
    Stage{"rewrite", rewrite_burst, 4},
    Stage{"forward", forward_burst, 4},
    Stage{"mirror_departures", mirror_departures_burst, 4},
    Stage{"end_one_packets", end_one_packets_burst, 4},
};

// At every poll, packets or none.
void begin_poll(Worker::State& state, TimePoint now);  // worker.cc
void expire_some(Worker::State& state);                // expire.cc
void sweep_some(Worker::State& state);                 // sweep.cc
void work_on_job(Worker::State& state);                // job.cc

// Keeps count of a service's half-open connections, and ends the alarm about a SYN flood when it is
// over: a service per call (syn_alarm.cc).
void note_half_open(Worker::State& state, const Connection& connection, int32_t change);
void watch_for_calm(Worker::State& state);

// A connection as listings show it (job.cc).
[[nodiscard]] ConnectionRow row_of(const Worker::State& state, const Connection& connection);

// Ends a connection: its counters, its timer, its entry (expire.cc).
void end_connection(Worker::State& state, uint32_t connection);

// Ticks for which a connection is kept in each state.
[[nodiscard]] inline const std::array<uint32_t, kConnStateCount>& timeouts_of(
    const Worker::State& state, const Connection& connection) {
    const ServerTally& server = state.server_tallies[index(connection.server)];
    return state.timeouts[server.has_own_timeouts ? size_t{index(server.service)} + 1 : 0].ticks;
}

// A connection's deadline, as of a packet now.
inline void set_deadline(const Worker::State& state, Connection& connection) {
    connection.deadline =
        state.tick + timeouts_of(state, connection)[static_cast<size_t>(connection.state)];
}

// How long idle connections are kept (timeouts.cc): of all services, and of those that differ.
void set_default_timeouts(Worker::State& state);
[[nodiscard]] bool set_timeout(Worker::State& state, const TimeoutChange& change);
// Before describe_servers() of `service`, whose table says `own`.
void set_own_timeouts(Worker::State& state, ServiceId service, const ConnTimeouts& own);
[[nodiscard]] bool has_own_timeouts(const Worker::State& state, ServiceId service);

// How loaded servers are (loads.cc). note_load(): this worker has one connection more or less to a
// server, or one in another state. fill_in_loads(): before a table is used. refresh_loads(): what
// other workers have, a few servers per call.
void note_load(Worker::State& state, RealServerId server);
[[nodiscard]] bool wants_load(const ServiceTable& table);
void fill_in_loads(Worker::State& state, ServiceTable& table);
void refresh_loads(Worker::State& state);

// Gives a connection another state: its counters, deadline and timer (track.cc).
void change_state(Worker::State& state, uint32_t connection, ConnState next);

// Puts a connection where its deadline will be seen (track.cc). It must not be armed.
void arm_timer(Worker::State& state, uint32_t connection);

// What a packet's time to live, or hop limit, is.
[[nodiscard]] inline uint8_t& ttl_of(const Packet& packet) {
    return packet.data[packet.l3_offset + (packet.is_ipv6 ? kIpv6HopLimitOffset : kIpTtlOffset)];
}

// ~m + m' (RFC 1624) for the 16-bit word of TTL and protocol when the TTL, its first byte, loses
// one.
inline constexpr uint32_t kTtlDelta = 0xfffe;

// Takes one from it, as a router does; it must be above 0.
inline void take_ttl(Packet& packet) {
    uint8_t* const ip = packet.data + packet.l3_offset;
    if (packet.is_ipv4) {
        --ip[kIpTtlOffset];
        store_raw16(ip + kIpChecksumOffset,
                    checksum_apply(load_raw16(ip + kIpChecksumOffset), kTtlDelta));
    } else {
        --ip[kIpv6HopLimitOffset];
    }
}

// Whether the method takes one from a balanced packet's time to live, as a router does. Direct
// routing leaves the packet as it is.
[[nodiscard]] inline bool takes_ttl(const Worker::State& state, ForwardingMethod method) {
    return state.settings.decrement_ttl && method != ForwardingMethod::kDirect &&
           method != ForwardingMethod::kLocal;
}

// Whether a packet of this method has no hop left to live.
[[nodiscard]] inline bool ttl_runs_out(const Worker::State& state,
                                       ForwardingMethod method,
                                       const Packet& packet) {
    return ttl_of(packet) <= 1 && takes_ttl(state, method);
}

// Whether the TCP or UDP checksum is right, as far as it can be told: what the port did not check
// is computed, a packet in several pieces gets the benefit of the doubt (l4_checksum.cc).
[[nodiscard]] bool is_l4_checksum_good(const Packet& packet);

// Computes the checksum of a UDP packet that has none and needs one: IPv6 (RFC 8200 section 8.1).
void fill_udp_checksum(Packet& packet);

}  // namespace director::dataplane
