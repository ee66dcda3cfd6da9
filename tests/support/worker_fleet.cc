// Longer than 600 lines: the one stand-in for control plane and lcore loops, whose books span both.
#include "tests/support/worker_fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "dataplane/core/schedulers/schedulers.h"
#include "dataplane/core/tables/local_ports.h"
#include "dataplane/core/tables/match.h"
#include "tests/support/packet_reader.h"

namespace director::test {

using namespace dataplane;  // NOLINT(google-build-using-namespace): a test's helper

namespace {

void require(bool condition, const char* complaint) {
    if (!condition) {
        throw std::logic_error(complaint);
    }
}

// What the checksum checker says of a frame; "unreadable" counts as wrong.
[[nodiscard]] bool has_right_checksums(const Frame& frame) {
    return bad_checksums(frame).empty();
}

[[nodiscard]] uint16_t fragment_mtu_of(const Packet& packet) {
    const bool may_be_cut =
        packet.verdict == Verdict::kForwardCut || packet.verdict == Verdict::kPuntForNeighbour;
    return may_be_cut ? packet.fragment_mtu : uint16_t{0};
}

// The text is only made when it is needed: these are asked per frame.
template <typename Complaint>
requires std::is_invocable_r_v<std::string, Complaint>
void require(bool condition, const Complaint& complaint) {
    if (!condition) {
        throw std::logic_error(complaint());
    }
}

void require_equal(uint64_t actual, uint64_t expected, std::string_view what, size_t worker) {
    require(actual == expected, [&] {
        return fmt::format(
            "worker {} counts {} {}, the frames say {}", worker, actual, what, expected);
    });
}

}  // namespace

WorkerFleet::WorkerFleet(const FleetSettings& settings)
    : settings_(settings), mailboxes_(settings.workers) {
    if (settings.templates_max != 0) {
        templates_ = std::make_unique<TemplateTable>(
            settings.templates_max, settings.worker.hash_key, plain_table_memory());
        require(templates_->is_allocated(), "no memory for templates");
    }
    if (settings.limited_clients_max != 0) {
        limits_ = std::make_unique<ConnectionLimits>(settings.worker.services_max,
                                                     settings.limited_clients_max,
                                                     settings.worker.hash_key,
                                                     plain_table_memory());
    }
    if (settings.workers > 1) {
        loads_ = std::make_unique<LoadBoard>(
            settings.worker.real_servers_max, settings.workers, plain_table_memory());
    }
    for (uint16_t i = 0; i < settings.workers; ++i) {
        WorkerSettings own = settings.worker;
        own.loads = loads_.get();
        own.limits = limits_.get();
        own.templates = templates_.get();
        own.id = WorkerId{i};
        own.worker_count = settings.workers;
        auto member = std::make_unique<Member>();
        member->worker = std::make_unique<Worker>(own);
        require(member->worker->is_ready(), "a worker got no memory");
        workers_.push_back(std::move(member));
    }
}

WorkerFleet::~WorkerFleet() = default;

// --- The control plane's part
// ---------------------------------------------------------------------

bool WorkerFleet::apply(const Command& command) {
    bool is_accepted = true;
    ++sequence_;
    for (const auto& member : workers_) {
        Command own = command;
        own.sequence = sequence_;
        require(member->worker->can_apply(), "a worker with no events waiting takes no command");
        member->refused = 0;
        member->worker->apply(own, clock.now());
        collect_events(*member);
        is_accepted = is_accepted && member->refused == 0;
    }
    return is_accepted;
}

void WorkerFleet::collect_events(Member& member) {
    for (const Event& event : member.worker->events()) {
        switch (event.kind) {
            case EventKind::kServiceReturned:
                require(tables_.erase(event.service_table) == 1, "a table came back twice");
                break;
            case EventKind::kJobDone:
                member.done.insert(event.job);
                break;
            case EventKind::kCommandRefused:
                ++member.refused;
                break;
            case EventKind::kRoutesReturned:
            case EventKind::kTablesReturned:
                break;  // kept until the fleet ends: other workers may still use it
            case EventKind::kLocalPoolReturned:
                require(pools_.erase(event.local_pool) == 1, "a pool came back twice");
                break;
        }
    }
    member.worker->clear_events();
}

InterfaceId WorkerFleet::add_interface(const Interface& facts) {
    const InterfaceId id{interfaces_++};
    change_interface(id, facts);
    return id;
}

void WorkerFleet::change_interface(InterfaceId id, const Interface& facts) {
    Command command(CommandKind::kPutInterface);
    command.put_interface = {id, facts};
    require(apply(command), "interface refused");
}

void WorkerFleet::put_neighbour(InterfaceId interface,
                                const IpAddress& address,
                                const MacAddress& mac,
                                NeighbourState state) {
    Command command(CommandKind::kPutNeighbour);
    command.put_neighbour = {{address, interface}, {mac, state}};
    require(apply(command), "neighbour refused");
}

void WorkerFleet::remove_neighbour(InterfaceId interface, const IpAddress& address) {
    Command command(CommandKind::kRemoveNeighbour);
    command.remove_neighbour = {address, interface};
    require(apply(command), "removal of a neighbour refused");
}

void WorkerFleet::put_routes(std::vector<StaticRoute> routes) {
    routes_.push_back(std::make_unique<StaticRoutes>(std::move(routes)));
    Command command(CommandKind::kPutRoutes);
    command.routes = routes_.back()->table();
    require(apply(command), "routes refused");
}

void WorkerFleet::put_timeouts(const ConnTimeouts& timeouts) {
    for (size_t state = 0; state < kConnStateCount; ++state) {
        Command command(CommandKind::kSetTimeout);
        command.set_timeout = {static_cast<ConnState>(state), timeouts[state]};
        require(apply(command), "timeout refused");
    }
}

RealServerId WorkerFleet::server_id(ServiceId service, const Endpoint& server) const {
    const auto found =
        std::find(server_keys_.begin(), server_keys_.end(), std::pair{service, server});
    require(found != server_keys_.end(),
            [&] { return "no such real server: " + to_string(server); });
    return RealServerId{static_cast<uint32_t>(found - server_keys_.begin())};
}

std::optional<ServiceId> WorkerFleet::service_id(const ServiceKey& key) const {
    const auto found = std::find(service_keys_.begin(), service_keys_.end(), key);
    if (found == service_keys_.end()) {
        return std::nullopt;
    }
    return ServiceId{static_cast<uint32_t>(found - service_keys_.begin())};
}

ServiceId WorkerFleet::put_service(const ServiceKey& key,
                                   std::string_view scheduler,
                                   std::vector<ServerIn> servers,
                                   const ServiceOptions& options) {
    const auto found = std::find(service_keys_.begin(), service_keys_.end(), key);
    const ServiceId id{static_cast<uint32_t>(found - service_keys_.begin())};
    if (found == service_keys_.end()) {
        service_keys_.push_back(key);
        service_servers_.emplace_back();
    }
    ServiceTable table;
    table.id = id;
    table.key = key;
    table.scheduler = find_scheduler(scheduler).value();
    table.options = options;
    has_ftp_ = has_ftp_ || options.has_ftp_helper;
    for (const ServerIn& server : servers) {
        if (const std::pair wanted{id, server.endpoint};
            std::find(server_keys_.begin(), server_keys_.end(), wanted) == server_keys_.end()) {
            server_keys_.push_back(wanted);
        }
        table.servers.push_back({.id = server_id(id, server.endpoint),
                                 .endpoint = server.endpoint,
                                 .forwarding = server.forwarding,
                                 .tunnel = server.tunnel,
                                 .weight = server.weight,
                                 .connections_upper = server.connections_upper,
                                 .connections_lower = server.connections_lower,
                                 .quic_id = server.quic_id});
    }
    prepare_scheduler(table);
    service_servers_[index(id)] = std::move(servers);
    ++sequence_;
    for (const auto& member : workers_) {
        auto own = std::make_unique<ServiceTable>(table);
        Command command(CommandKind::kPutService);
        command.sequence = sequence_;
        command.service_table = own.get();
        tables_.emplace(own.get(), std::move(own));
        member->worker->apply(command, clock.now());
        collect_events(*member);
        require(tables_.contains(command.service_table), "service refused");
    }
    return id;
}

void WorkerFleet::put_local_pool(uint16_t number,
                                 std::vector<IpAddress> addresses,
                                 uint16_t port_first,
                                 uint16_t port_last) {
    ++sequence_;
    for (uint16_t i = 0; i < workers(); ++i) {
        Member& member = *workers_[i];
        auto pool = build_local_pool({.id = number,
                                      .port_first = port_first,
                                      .port_last = port_last,
                                      .worker = WorkerId{i},
                                      .worker_count = workers()},
                                     addresses);
        Command command(CommandKind::kPutLocalPool);
        command.sequence = sequence_;
        command.local_pool = pool.get();
        pools_.emplace(pool.get(), std::move(pool));
        member.worker->apply(command, clock.now());
        collect_events(member);
        require(pools_.contains(command.local_pool), "pool refused");
    }
}

void WorkerFleet::put_tables(const Tables& tables) {
    lookup_tables_.push_back(std::make_unique<Tables>(tables));
    build_match_indexes(*lookup_tables_.back());
    Command command(CommandKind::kPutTables);
    command.tables = lookup_tables_.back().get();
    require(apply(command), "tables refused");
}

void WorkerFleet::end_connections(RealServerId server, WhenServerGone how) {
    Command command(CommandKind::kEndConnections);
    command.end_connections = {server, how};
    require(apply(command), "end of connections refused");
}

void WorkerFleet::retire_service(ServiceId service) {
    Command command(CommandKind::kRetireService);
    command.service = service;
    require(apply(command), "retirement refused");
}

bool WorkerFleet::forget_service(ServiceId service) {
    Command command(CommandKind::kForgetService);
    command.service = service;
    return apply(command);
}

bool WorkerFleet::forget_server(RealServerId server) {
    Command command(CommandKind::kForgetRealServer);
    command.server = server;
    return apply(command);
}

void WorkerFleet::set_weight(ServiceId service, const Endpoint& server, uint32_t weight) {
    std::vector<ServerIn>& servers = service_servers_.at(index(service));
    const auto found = std::find_if(servers.begin(), servers.end(), [&](const ServerIn& candidate) {
        return candidate.endpoint == server;
    });
    require(found != servers.end(),
            [&] { return "no such real server in the service: " + to_string(server); });
    found->weight = weight;
    Command command(CommandKind::kSetWeight);
    command.set_weight = {service,
                          server_id(service, server),
                          static_cast<uint32_t>(found - servers.begin()),
                          weight};
    require(apply(command), "weight refused");
}

// --- Traffic
// --------------------------------------------------------------------------------------

std::vector<Outcome> WorkerFleet::send(std::span<const FrameIn> frames) {
    std::vector<Outcome> outcomes(frames.size());
    for (size_t start = 0; start < frames.size(); start += settings_.burst) {
        std::vector<Errand> chosen;
        for (size_t i = start; i < std::min(frames.size(), start + settings_.burst); ++i) {
            chosen.push_back({i, frames[i], Arrival::kReceived, 0, {}});
        }
        run_burst(next_poller_++ % workers_.size(), chosen, outcomes);
        while (deliver_mail(outcomes)) {
        }
    }
    for (const auto& member : workers_) {
        for (auto& [slot, errand] : member->held) {
            errand.place = SIZE_MAX;  // a later send() has other outcomes
        }
    }
    check_counters();
    return outcomes;
}

// What workers handed over, and what they held and go on with. True when there was anything.
bool WorkerFleet::deliver_mail(std::vector<Outcome>& outcomes) {
    bool is_any = false;
    for (size_t owner = 0; owner < workers_.size(); ++owner) {
        std::vector<Errand> mail = std::exchange(mailboxes_[owner], {});
        for (size_t start = 0; start < mail.size(); start += kBurstMax) {
            is_any = true;
            run_burst(
                owner,
                std::span(mail).subspan(start, std::min<size_t>(kBurstMax, mail.size() - start)),
                outcomes);
        }
    }
    return is_any;
}

void WorkerFleet::carry_out_frame_operations(size_t number,
                                             std::span<const Errand> errands,
                                             const FrameBurst& burst) {
    Member& member = *workers_[number];
    for (const FrameOperation& operation : member.worker->frame_operations()) {
        if (operation.kind == FrameOperation::Kind::kHold) {
            const size_t place = static_cast<size_t>(operation.packet - &burst.packet(0));
            require(member.held.emplace(operation.slot, errands[place]).second, "slot taken twice");
            continue;
        }
        auto held = member.held.extract(operation.slot);
        require(!held.empty(), "no frame in the slot");
        if (operation.kind == FrameOperation::Kind::kResume) {
            Errand& errand = held.mapped();
            errand.arrival = Arrival::kResumed;
            errand.fragment = operation.ports;
            mailboxes_[number].push_back(errand);
        } else {
            ++member.seen.resumed;
            ++member.seen.dropped[static_cast<size_t>(operation.reason)];
        }
    }
}

Outcome WorkerFleet::send_one(PortId port, const Frame& frame) {
    const FrameIn in{port, frame};
    return send({&in, 1})[0];
}

void WorkerFleet::run_burst(size_t number,
                            std::span<const Errand> errands,
                            std::vector<Outcome>& outcomes) {
    Member& member = *workers_[number];
    FrameBurst burst;
    for (const Errand& errand : errands) {
        Packet& packet = burst.add(errand.in.bytes, errand.in.port, settings_.tailroom_bytes);
        packet.is_handed_over = errand.arrival == Arrival::kHandedOver;
        packet.is_to_follow = errand.arrival == Arrival::kToFollow;
        packet.is_resumed = errand.arrival == Arrival::kResumed;
        packet.fragment = errand.fragment;
        packet.is_outbound = errand.is_outbound;
        if (errand.in.touch) {
            errand.in.touch(packet);
        }
        if (errand.arrival == Arrival::kReceived) {
            ++member.seen.received;
        } else if (errand.arrival == Arrival::kResumed) {
            ++member.seen.resumed;
        } else {
            ++member.seen.handed_in;
        }
    }
    member.worker->process(burst.burst(), clock.now());
    collect_events(member);
    collect_made_frames(member);
    carry_out_frame_operations(number, errands, burst);
    for (size_t place = 0; place < errands.size(); ++place) {
        const Packet& packet = burst.packet(place);
        const Errand& errand = errands[place];
        const FrameIn& in = errand.in;
        book(member, packet);
        if (packet.verdict == Verdict::kHandOver) {
            require(errand.arrival != Arrival::kHandedOver || packet.is_outbound ||
                        (has_ftp_ && errand.hand_overs == 0),
                    [&] { return "handed over too often: " + summary(in.bytes); });
            require(packet.owner != WorkerId{static_cast<uint16_t>(number)}, "handed to itself");
            require(burst.bytes(place) == in.bytes, "changed before the hand-over");
            const bool is_to_follow = packet.is_fragment && !packet.fragment.is_known;
            Errand onward = errand;
            onward.hand_overs += errand.arrival == Arrival::kHandedOver ? 1 : 0;
            onward.arrival = is_to_follow ? Arrival::kToFollow : Arrival::kHandedOver;
            onward.fragment = packet.fragment;
            onward.is_outbound = packet.is_outbound;
            mailboxes_.at(index(packet.owner)).push_back(onward);
            continue;
        }
        Outcome out{packet.verdict,
                    packet.drop_reason,
                    in.port,
                    packet.out_port,
                    packet.out_interface,
                    packet.next_hop,
                    WorkerId{static_cast<uint16_t>(number)},
                    packet.is_answer ? std::optional(packet.answered_reason) : std::nullopt,
                    errand.arrival == Arrival::kHandedOver,
                    fragment_mtu_of(packet),
                    burst.bytes(place),
                    packet.verdict == Verdict::kPunt && packet.is_urgent};
        check_frame(in, out);
        if (errand.place < outcomes.size()) {
            outcomes[errand.place] = out;
        }
    }
}

void WorkerFleet::collect_made_frames(Member& member) {
    for (const MadeFrame& made : member.worker->made_frames()) {
        ++member.seen.answered;
        ++member.seen.forwarded;
        const Frame bytes(made.bytes.begin(), made.bytes.begin() + made.length_bytes);
        require(has_right_checksums(bytes),
                [&] { return "a frame made with wrong checksums: " + describe(bytes); });
        made_.push_back({made.out_port, bytes});
    }
}

// What can be checked on a frame alone.
void WorkerFleet::check_frame(const FrameIn& in, const Outcome& out) const {
    if (out.answered) {
        require(out.verdict == Verdict::kDrop || has_right_checksums(out.bytes),
                [&] { return "an answer with wrong checksums: " + describe(out.bytes); });
    } else if (out.verdict == Verdict::kPunt) {
        require(out.bytes == in.bytes,
                [&] { return "changed on its way to the kernel: " + summary(in.bytes); });
    } else if (out.verdict != Verdict::kDrop && settings_.checks_frames) {
        require(has_right_checksums(in.bytes) == has_right_checksums(out.bytes), [&] {
            return "checksums changed their mind:\n" + describe(in.bytes) + describe(out.bytes);
        });
    }
}

void WorkerFleet::check_counters() const {
    uint64_t handed_in = 0;
    uint64_t handed_out = 0;
    for (size_t i = 0; i < workers_.size(); ++i) {
        const WorkerCounters& counted = workers_[i]->worker->counters();
        const WorkerCounters& seen = workers_[i]->seen;
        require_equal(counted.received, seen.received, "received", i);
        require_equal(counted.handed_in, seen.handed_in, "handed in", i);
        require_equal(counted.handed_out, seen.handed_out, "handed out", i);
        require_equal(counted.forwarded, seen.forwarded, "forwarded", i);
        require_equal(counted.punted, seen.punted, "punted", i);
        require_equal(counted.answered, seen.answered, "answered", i);
        for (size_t r = 0; r < kDropReasonCount; ++r) {
            require_equal(
                counted.dropped[r], seen.dropped[r], to_string(static_cast<DropReason>(r)), i);
        }
        // The fleet cuts nothing: what is to be cut counts once.
        require_equal(counted.received + counted.handed_in + counted.answered + counted.resumed,
                      counted.forwarded + counted.punted + counted.dropped_total() +
                          counted.handed_out + counted.held,
                      "in and out",
                      i);
        handed_in += counted.handed_in;
        handed_out += counted.handed_out;
    }
    require(handed_in == handed_out, "frames were lost between workers");
}

void WorkerFleet::book(Member& member, const Packet& packet) {
    if (packet.is_answer) {
        ++member.seen.answered;
        ++member.seen.dropped[static_cast<size_t>(packet.answered_reason)];
    }
    switch (packet.verdict) {
        case Verdict::kForward:
        case Verdict::kForwardCut:
            ++member.seen.forwarded;
            break;
        case Verdict::kPunt:
        case Verdict::kPuntForNeighbour:
            ++member.seen.punted;
            break;
        case Verdict::kDrop:
            ++member.seen.dropped[static_cast<size_t>(packet.drop_reason)];
            break;
        case Verdict::kHandOver:
            ++member.seen.handed_out;
            break;
        case Verdict::kHold:
            ++member.seen.held;
            break;
        case Verdict::kUndecided:
            require(false, "no verdict");
    }
}

void WorkerFleet::send_in_place(Burst& burst) {
    Member& poller = *workers_[next_poller_++ % workers_.size()];
    poller.seen.received += burst.count;
    poller.worker->process(burst, clock.now());
    collect_made_frames(poller);
    for (const Packet& packet : burst) {
        book(poller, packet);
    }
    for (size_t owner = 0; owner < workers_.size(); ++owner) {
        Burst mail;
        std::array<Packet*, kBurstMax> places{};
        for (Packet& packet : burst) {
            if (packet.verdict == Verdict::kHandOver && index(packet.owner) == owner) {
                places[mail.count] = &packet;
                mail.packets[mail.count] = packet;
                mail.packets[mail.count].is_handed_over = true;
                ++mail.count;
            }
        }
        if (mail.count == 0) {
            continue;
        }
        Member& member = *workers_[owner];
        member.seen.handed_in += mail.count;
        member.worker->process(mail, clock.now());
        collect_made_frames(member);
        for (uint32_t i = 0; i < mail.count; ++i) {
            book(member, mail.packets[i]);
            *places[i] = mail.packets[i];
        }
    }
    check_counters();
}

void WorkerFleet::poll() {
    for (size_t number = 0; number < workers_.size(); ++number) {
        FrameBurst empty;
        workers_[number]->worker->process(empty.burst(), clock.now());
        collect_made_frames(*workers_[number]);
        collect_events(*workers_[number]);
        carry_out_frame_operations(number, {}, empty);
    }
}

uint64_t WorkerFleet::ended() const {
    uint64_t sum = 0;
    for (const auto& member : workers_) {
        sum += member->worker->counters().connections_expired;
    }
    return sum;
}

void WorkerFleet::run_for(Duration duration) {
    while (duration > Duration::zero()) {
        const Duration step = std::min<Duration>(duration, std::chrono::seconds(1));
        clock.advance(step);
        duration -= step;
        poll();
    }
    settle();
}

void WorkerFleet::settle() {
    // A poll moves the wheel by at least 64 slots or ends some connections: after 128 quiet polls
    // it has been round.
    uint64_t before = ended();
    for (int quiet = 0; quiet < 128; ++quiet) {
        poll();
        if (ended() != before) {
            before = ended();
            quiet = 0;
        }
    }
}

// --- Looking
// --------------------------------------------------------------------------------------

void WorkerFleet::run_job(Member& member, Job& job) {
    Command command(CommandKind::kRunJob);
    command.sequence = ++sequence_;
    command.job = &job;
    require(member.worker->can_apply(), "no room for a job");
    member.worker->apply(command, clock.now());
    while (!member.done.contains(&job)) {
        Burst empty;
        member.worker->process(empty, clock.now());
        collect_events(member);
    }
    member.done.erase(&job);
}

FleetReport WorkerFleet::report() {
    FleetReport sum;
    sum.services.resize(service_keys_.size());
    sum.servers.resize(server_keys_.size());
    for (const auto& member : workers_) {
        CountersReport own;
        own.services.resize(sum.services.size());
        own.servers.resize(sum.servers.size());
        own.pools.resize(kLocalPoolsMax);
        run_job(*member, own);
        for (const PoolCounters& pool : own.pools) {
            sum.local_ports_held += pool.held;
        }
        sum.totals.connections += own.totals.connections;
        sum.totals.connections_max += own.totals.connections_max;
        sum.totals.connections_created += own.totals.connections_created;
        sum.totals.connections_expired += own.totals.connections_expired;
        sum.totals.connections_evicted += own.totals.connections_evicted;
        sum.totals.received += own.totals.received;
        sum.totals.forwarded += own.totals.forwarded;
        sum.totals.punted += own.totals.punted;
        sum.totals.services_under_attack += own.totals.services_under_attack;
        for (size_t i = 0; i < kDropReasonCount; ++i) {
            sum.totals.dropped[i] += own.totals.dropped[i];
        }
        for (size_t i = 0; i < own.services.size(); ++i) {
            sum.services[i].connections += own.services[i].connections;
            sum.services[i].half_open += own.services[i].half_open;
            sum.services[i].is_under_attack |= own.services[i].is_under_attack;
            for (size_t r = 0; r < kDropReasonCount; ++r) {
                sum.services[i].dropped[r] += own.services[i].dropped[r];
            }
        }
        for (size_t i = 0; i < own.servers.size(); ++i) {
            ServerCounters& all = sum.servers[i];
            const ServerCounters& one = own.servers[i];
            all.connections += one.connections;
            all.packets_in += one.packets_in;
            all.packets_out += one.packets_out;
            all.bytes_in += one.bytes_in;
            all.bytes_out += one.bytes_out;
            all.active += one.active;
            all.inactive += one.inactive;
            all.unanswered += one.unanswered;
            all.resets += one.resets;
        }
    }
    return sum;
}

ServerCounters WorkerFleet::server_counters(ServiceId service, const Endpoint& server) {
    return report().servers.at(index(server_id(service, server)));
}

uint64_t WorkerFleet::dropped(DropReason reason) const {
    uint64_t sum = 0;
    for (const auto& member : workers_) {
        sum += member->worker->counters().dropped[static_cast<size_t>(reason)];
    }
    return sum;
}

std::vector<ConnectionRow> WorkerFleet::connections(size_t page_rows) {
    std::vector<ConnectionRow> all;
    for (const auto& member : workers_) {
        ConnectionPage page;
        page.rows.reserve(page_rows);
        while (!page.is_last) {
            page.rows.clear();
            run_job(*member, page);
            all.insert(all.end(), page.rows.begin(), page.rows.end());
        }
    }
    return all;
}

void WorkerFleet::check_gauges() {
    settle();  // listing takes polls, in which more would end
    const FleetReport counted = report();
    std::vector<uint64_t> of_service(counted.services.size());
    std::vector<uint32_t> active(counted.servers.size());
    std::vector<uint32_t> inactive(counted.servers.size());
    const std::vector<ConnectionRow> rows = connections();
    for (const ConnectionRow& row : rows) {
        ++of_service.at(index(row.service));
        ++(is_active(row.state) ? active : inactive).at(index(row.server));
    }
    require(counted.totals.connections == rows.size(), [&] {
        return fmt::format(
            "{} connections counted, {} in the table", counted.totals.connections, rows.size());
    });
    require(
        counted.totals.connections_created ==
            counted.totals.connections_expired + counted.totals.connections_evicted + rows.size(),
        [&] {
            return fmt::format("{} connections were created, {} expired, {} evicted, {} are there",
                               counted.totals.connections_created,
                               counted.totals.connections_expired,
                               counted.totals.connections_evicted,
                               rows.size());
        });
    for (size_t i = 0; i < of_service.size(); ++i) {
        require(counted.services[i].connections == of_service[i], [&] {
            return fmt::format("service {}: {} connections counted, {} in the table",
                               i,
                               counted.services[i].connections,
                               of_service[i]);
        });
    }
    for (size_t i = 0; i < active.size(); ++i) {
        require(
            counted.servers[i].active == active[i] && counted.servers[i].inactive == inactive[i],
            [&] {
                return fmt::format("server {}: {}+{} counted, {}+{} in the table",
                                   i,
                                   counted.servers[i].active,
                                   counted.servers[i].inactive,
                                   active[i],
                                   inactive[i]);
            });
    }
}

}  // namespace director::test
