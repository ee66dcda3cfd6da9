#include "dataplane/core/worker.h"

#include <algorithm>
#include <utility>

#include "common/assert.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {

namespace {

// ICMP errors and resets: enough for every client to learn of a service without servers, too few to
// serve for a reflected flood. Linux allows 1,000 (net.ipv4.icmp_msgs_per_sec).
constexpr uint32_t kAnswersPerSecond = 1000;

// For the connection of a server's packet, each through all servers of some services, and after a
// takeover alone.
constexpr uint32_t kAnswerSearchesPerSecond = 20000;

// Connections whose server is gone that are told so by each worker: a million within 20 s, at some
// 50 Mbit/s.
constexpr uint32_t kQuestionsPerSecond = 50000;

// Of a few routers that speak once a second, or a hundred times.
constexpr uint32_t kAdvertisementsPerSecond = 4000;

// VRRP, also behind an authentication header (RFC 2338 section 5.3.6.3), which few else send to
// many.
[[nodiscard]] bool is_advertisement(const Packet& packet) {
    const bool is_ip = packet.is_ipv4 || packet.is_ipv6;  // else `protocol` is of another frame
    return is_ip && (packet.protocol == Protocol::kVrrp ||
                     (packet.protocol == Protocol::kAh && packet.is_group_frame));
}

[[nodiscard]] FragmentTableSettings fragment_settings(const WorkerSettings& settings) {
    return {.held_max = Worker::kHeldMax, .key = settings.hash_key};
}

}  // namespace

Worker::State::State(const WorkerSettings& worker_settings)
    : settings(worker_settings),
      connections(
          settings.connections_max, settings.details_max, settings.hash_key, settings.memory),
      sync(settings.connections_max + ConnTable::kReserved,
           settings.sync_queue_max,
           settings.memory),
      ftps(settings.ftp_controls_max, settings.memory),
      forwarder(settings.neighbours_max, settings.hash_key),
      service_ids(settings.services_max, FlowEndHash{settings.hash_key}),
      services(settings.services_max),
      syn_watches(settings.services_max),
      ftp_addresses(settings.services_max, FlowEndHash{settings.hash_key}),
      owners{},
      one_packets{},
      fragments(fragment_settings(settings), settings.memory),
      frame_operations{},
      kernel_punts(settings.punts_per_second),
      advertisement_punts(kAdvertisementsPerSecond),
      neighbour_punts(settings.punts_per_second),
      answers(kAnswersPerSecond),
      answer_searches(kAnswerSearchesPerSecond),
      questions(kQuestionsPerSecond),
      tunnel_id(index(settings.id)),
      scratch{},
      made_frames{},
      server_tallies(settings.memory, settings.real_servers_max),
      server_signs(settings.memory, settings.real_servers_max),
      outer_headers(settings.memory, settings.real_servers_max),
      service_counters(settings.memory, settings.services_max),
      timeouts(settings.memory, size_t{settings.services_max} + 1),
      mirror(settings.mirror, settings.hash_key, settings.memory),
      events{},
      jobs{},
      job_sequences{} {
    for (uint16_t bucket = 0; bucket < kShardBuckets; ++bucket) {
        owners[bucket] = WorkerId{static_cast<uint16_t>(bucket % settings.worker_count)};
    }
    if (timeouts.is_allocated()) {
        set_default_timeouts(*this);
    }
}

// Each of these is the end of a packet's way through the stages; DIRECTOR_HOT_ASSERT holds that
// there is only one.
void Worker::State::drop(Packet& packet, DropReason reason) {
    DIRECTOR_HOT_ASSERT(packet.verdict == Verdict::kUndecided);
    packet.verdict = Verdict::kDrop;
    packet.drop_reason = reason;
    packet.connection = kNoConnection;  // later stages only look at this
    count_dropped(packet, reason);
}

void Worker::State::count_dropped(const Packet& packet, DropReason reason) {
    ++counters.dropped[static_cast<size_t>(reason)];
    if (packet.service != kNoService) {
        ++service_counters[index(packet.service)].dropped[static_cast<size_t>(reason)];
    }
}

void Worker::State::punt(Packet& packet) {
    packet.is_urgent = is_advertisement(packet);
    RateLimiter& limiter = packet.is_urgent ? advertisement_punts : kernel_punts;
    if (!limiter.admits(now)) {
        drop(packet, DropReason::kPuntRateLimited);
        return;
    }
    DIRECTOR_HOT_ASSERT(packet.verdict == Verdict::kUndecided);
    packet.verdict = Verdict::kPunt;
    ++counters.punted;
}

void Worker::State::punt_for_neighbour(Packet& packet, const NextHop& hop) {
    if (!neighbour_punts.admits(now)) {
        drop(packet, DropReason::kPuntRateLimited);
        return;
    }
    DIRECTOR_HOT_ASSERT(packet.verdict == Verdict::kUndecided);
    packet.verdict = Verdict::kPuntForNeighbour;
    packet.is_urgent = false;
    packet.out_interface = hop.interface;
    packet.next_hop = hop.address;
    ++counters.punted;
}

void Worker::State::hand_over(Packet& packet, WorkerId owner) {
    DIRECTOR_HOT_ASSERT(packet.verdict == Verdict::kUndecided);
    packet.verdict = Verdict::kHandOver;
    packet.owner = owner;
    ++counters.handed_out;
}

Worker::Worker(const WorkerSettings& settings) : state_(std::make_unique<State>(settings)) {}

Worker::~Worker() = default;

bool Worker::is_ready() const {
    return state_->connections.is_allocated() && state_->sync.is_allocated() &&
           state_->ftps.is_allocated() && state_->fragments.is_allocated() &&
           state_->server_tallies.is_allocated() && state_->server_signs.is_allocated() &&
           state_->outer_headers.is_allocated() && state_->service_counters.is_allocated() &&
           state_->timeouts.is_allocated() && state_->mirror.is_allocated();
}

uint64_t Worker::table_bytes(const WorkerSettings& settings) {
    return ConnTable::bytes(settings.connections_max, settings.details_max) +
           SyncMarks::bytes(settings.connections_max + ConnTable::kReserved,
                            settings.sync_queue_max) +
           FtpTable::bytes(settings.ftp_controls_max) +
           uint64_t{settings.real_servers_max} *
               (sizeof(ServerTally) + sizeof(ServerSigns) + sizeof(OuterHeader)) +
           uint64_t{settings.services_max} * sizeof(ServiceCounters) +
           (uint64_t{settings.services_max} + 1) * sizeof(TimeoutRow) +
           FragmentTable::bytes(fragment_settings(settings)) + Mirror::bytes(settings.mirror);
}

void begin_poll(Worker::State& state, TimePoint now) {
    state.now = now;
    state.tick = to_tick(now);
    state.frame_operation_count = 0;
    state.made_frame_count = 0;
}

namespace {

// Packets per group: the misses of a group are in flight while another is worked on. Half a burst:
// against eight, IPv6 takes up to a tenth less time, IPv4 no more (methods_bench).
constexpr size_t kGroupMax = 16;

constexpr size_t kPhases = kStages.back().phase + 1;

// The stages of one phase, one after the other; known to the compiler, so that nothing is looped
// over here.
template <size_t kPhase, size_t... kNumbers>
void run(Worker::State& state, Packets group, std::index_sequence<kNumbers...> /*stages*/) {
    const auto run_one = [&]<size_t kNumber>() {
        if constexpr (kStages[kNumber].phase == kPhase) {
            kStages[kNumber].run(state, group);
        }
    };
    (run_one.template operator()<kNumbers>(), ...);
}

// A start below 0 is huge, and no group's.
template <size_t kPhase>
void run_phase(Worker::State& state, Burst& burst, size_t start) {
    if (start < burst.count) {
        const Packets group(burst.packets.data() + start, std::min(kGroupMax, burst.count - start));
        run<kPhase>(state, group, std::make_index_sequence<kStages.size()>());
    }
}

// Group by group: a phase of a group comes after the phase before it of the next group.
void climb(Worker::State& state, Burst& burst) {
    const auto climb_phases = [&]<size_t... kNumbers>(size_t start,
                                                      std::index_sequence<kNumbers...> /*phases*/) {
        (run_phase<kNumbers>(state, burst, start - kNumbers * kGroupMax), ...);
    };
    for (size_t start = 0; start < burst.count + (kPhases - 1) * kGroupMax; start += kGroupMax) {
        climb_phases(start, std::make_index_sequence<kPhases>());
    }
}

}  // namespace

void Worker::process(Burst& burst, TimePoint now) {
    State& state = *state_;
    begin_poll(state, now);
    if (burst.count > 0) {
        climb(state, burst);
    }
    expire_some(state);
    if (state.counters.services_under_attack != 0) {
        watch_for_calm(state);
    }
    if (state.settings.loads != nullptr) {
        refresh_loads(state);
    }
    if (state.fragments.datagrams() != 0) {
        expire_fragments(state);
    }
    if (state.sweep.left != 0) {
        sweep_some(state);
    }
    if (state.mirror.is_on() && state.made_frame_count != 0) {
        mirror_made_frames(state);
    }
    work_on_job(state);
}

void Worker::retract(Packet& packet, DropReason reason) {
    State& state = *state_;
    if (state.mirror.is_on()) {
        mirror_loss(state, packet, reason);
    }
    switch (packet.verdict) {
        case Verdict::kForward:
        case Verdict::kForwardCut:
            --state.counters.forwarded;
            break;
        case Verdict::kPunt:
        case Verdict::kPuntForNeighbour:
            --state.counters.punted;
            break;
        case Verdict::kHandOver:
            --state.counters.handed_out;
            break;
        case Verdict::kHold:
        case Verdict::kDrop:
        case Verdict::kUndecided:
            DIRECTOR_ASSERT(false);
    }
    packet.verdict = Verdict::kUndecided;
    state.drop(packet, reason);
}

void Worker::count_fragments(const Packet& packet, uint32_t count) {
    WorkerCounters& counters = state_->counters;
    (packet.verdict == Verdict::kForwardCut ? counters.forwarded : counters.punted) += count - 1;
    counters.cut += count - 1;
}

std::span<const MadeFrame> Worker::made_frames() const {
    return {state_->made_frames.data(), state_->made_frame_count};
}

std::span<const FrameOperation> Worker::frame_operations() const {
    return {state_->frame_operations.data(), state_->frame_operation_count};
}

std::span<const Event> Worker::events() const {
    return {state_->events.data(), state_->event_count};
}

void Worker::clear_events() {
    state_->event_count = 0;
}

const WorkerCounters& Worker::counters() const {
    state_->counters.connections = state_->connections.size();
    state_->counters.connections_max = state_->connections.capacity();
    return state_->counters;
}

}  // namespace director::dataplane
