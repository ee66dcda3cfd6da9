#include "tests/scenario/sync_world.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controlplane/sync/translate.h"
#include "tests/support/nat_lab.h"
#include "tests/support/packet_reader.h"

namespace director::test {

using namespace nat_lab;    // NOLINT(google-build-using-namespace): the laboratory's addresses
using namespace dataplane;  // NOLINT(google-build-using-namespace): the unit under test
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Duration kTick = milliseconds(20);  // as the daemon's
constexpr uint8_t kSyncId = SyncWorld::kSyncId;
constexpr uint16_t kPlain = 80;
constexpr uint16_t kPersistent = 81;
constexpr uint16_t kFullNat = 82;
// Between a connection's end and the next one from the same port: Linux's tcp_tw_reuse, and more.
constexpr Duration kBeforeReuse = seconds(3);
constexpr Duration kTemplateLife = seconds(28);
constexpr Duration kLongestLife = seconds(58);  // of short_timeouts(), without a packet

[[nodiscard]] IpAddress address_of(unsigned director) {
    return Ipv4Address::of(10, 0, 0, static_cast<uint8_t>(director + 1));
}

[[nodiscard]] uint64_t mix(uint64_t hash, uint64_t value) {
    return (hash ^ value) * 0x100000001b3U;
}

[[nodiscard]] uint64_t hash_of(std::span<const uint8_t> bytes) {
    uint64_t hash = 0xcbf29ce484222325U;
    for (const uint8_t byte : bytes) {
        hash = mix(hash, byte);
    }
    return hash;
}

[[nodiscard]] ConnTimeouts short_timeouts() {
    ConnTimeouts timeouts = kDefaultConnTimeouts;
    const auto set = [&timeouts](ConnState state, uint32_t value) {
        timeouts[static_cast<size_t>(state)] = value;
    };
    set(ConnState::kEstablished, 60);
    set(ConnState::kFinWait, 20);
    set(ConnState::kCloseWait, 20);
    set(ConnState::kTimeWait, 10);
    set(ConnState::kLastAck, 10);
    set(ConnState::kSynRecv, 5);
    set(ConnState::kClose, 5);
    return timeouts;
}

// The records of a message, whoever understands it.
[[nodiscard]] std::vector<SyncRecord> records_of(std::span<const uint8_t> message,
                                                 const sync::Authenticator& authenticator) {
    if (sync::is_director_message(message)) {
        return sync::parse_director_message(message, kSyncId, authenticator).value().connections;
    }
    std::vector<SyncRecord> records;
    const auto parsed = sync::parse_ipvs_message(message, kSyncId);
    for (const sync::IpvsRecord& wire : parsed.value().records) {
        records.push_back(sync::from_ipvs(wire).value());
    }
    return records;
}

}  // namespace

SyncPlan draw_sync_plan(uint64_t seed) {
    Random random(seed ^ 0x706c616eU);
    const auto chance = [&random](unsigned percent) { return random.below(100) < percent; };
    SyncPlan plan;
    plan.directors = chance(35) ? 3 : 2;
    plan.wire = static_cast<sync::Wire>(random.below(3));
    plan.policy.is_on = true;
    plan.policy.threshold = static_cast<uint8_t>(1 + random.below(3));
    plan.policy.period = static_cast<uint16_t>(4 + random.below(10));
    if (chance(25)) {
        plan.policy.refresh_seconds = static_cast<uint32_t>(2 + random.below(10));
        plan.policy.retries = static_cast<uint8_t>(random.below(4));
    }
    plan.has_key = chance(30);
    plan.duplicates = chance(50);
    plan.has_full_nat = plan.wire != sync::Wire::kIpvs && chance(50);
    plan.clients = 5 + static_cast<unsigned>(random.below(20));
    plan.messages_per_second = chance(20) ? 20 : 4000;
    return plan;
}

std::string to_string(const SyncPlan& plan) {
    constexpr std::array kWires{"IPVS's messages", "Director's messages", "messages of both"};
    return fmt::format("{} directors, {}{}, {} clients, told at {} of {}, refreshed by {} s{}{}{}",
                       plan.directors,
                       kWires.at(static_cast<size_t>(plan.wire)),
                       plan.has_key ? ", key" : "",
                       plan.clients,
                       plan.policy.threshold,
                       plan.policy.period,
                       plan.policy.refresh_seconds,
                       plan.has_full_nat ? ", full NAT" : "",
                       plan.duplicates ? ", duplicates" : "",
                       plan.messages_per_second < 100 ? ", slow" : "");
}

SyncWorld::SyncWorld(const SyncPlan& plan, uint64_t seed)
    : network(seed ^ 0x6e657477U),
      plan_(plan),
      random_(seed ^ 0x776f726cU),
      authenticator_(plan.has_key ? "a secret" : ""),
      nodes_(plan.directors),
      clients_(plan.clients),
      next_tick_(now) {
    for (unsigned i = 0; i < plan.directors; ++i) {
        network.join(0, i);
    }
    for (unsigned i = 0; i < plan.clients; ++i) {
        Client& client = clients_[i];
        client.endpoint = at(Ipv4Address::of(198, 51, 100, static_cast<uint8_t>(1 + i)), 1000);
        client.port = static_cast<uint16_t>(kPlain + i % (plan.has_full_nat ? 3 : 2));
        client.next = now + up_to(seconds(5));
    }
}

SyncWorld::Key SyncWorld::key_of(const SyncRecord& record) {
    return {record.client, record.virtual_service, record.is_template};
}

Duration SyncWorld::up_to(Duration longest) {
    return Duration(static_cast<int64_t>(
        random_.below(static_cast<uint64_t>(std::max(longest, Duration(1)).count()))));
}

void SyncWorld::note(std::string_view what) {
    trace_hash = mix(trace_hash, static_cast<uint64_t>(now.time_since_epoch().count()));
    trace_hash =
        mix(trace_hash, hash_of({reinterpret_cast<const uint8_t*>(what.data()), what.size()}));
    if (keeps_trace) {
        const auto since = now - TimePoint(std::chrono::hours(1));
        trace += fmt::format(
            "{:9.3f} {}\n", static_cast<double>(since / milliseconds(1)) / 1000.0, what);
    }
}

void SyncWorld::fail(std::string what) {
    note(what);
    if (wrong.empty()) {
        wrong = std::move(what);
    }
}

void SyncWorld::start(unsigned director) {
    Node& node = nodes_[director];
    node = {};
    node.incarnation = ++incarnations_;
    node.started = now;
    FleetSettings settings{.workers = 1, .checks_frames = false, .templates_max = 256};
    settings.worker.sync_queue_max = 256;
    settings.worker.hash_key = {0x1234567 + director, 0x89abcdef};
    node.fleet = std::make_unique<WorkerFleet>(settings);
    WorkerFleet& fleet = *node.fleet;
    configure(fleet);
    fleet.put_local_pool(1, {kLocal});
    fleet.put_timeouts(short_timeouts());
    const auto servers = [](uint16_t port, ForwardingMethod method) {
        return std::vector<ServerIn>{{.endpoint = at(kServer107, port), .forwarding = method},
                                     {.endpoint = at(kServer108, port), .forwarding = method}};
    };
    const auto key = [](uint16_t port) {
        return ServiceKey{kVip, Be16::from_host(port), Protocol::kTcp};
    };
    fleet.put_service(key(kPlain), "rr", servers(kPlain, ForwardingMethod::kNat));
    fleet.put_service(key(kPersistent),
                      "rr",
                      servers(kPersistent, ForwardingMethod::kNat),
                      {.persistence_seconds = 30});
    fleet.put_service(
        key(kFullNat), "rr", servers(kFullNat, ForwardingMethod::kFullNat), {.local_pool = 1});
    fleet.run_for(now - fleet.clock.now());
    node.twins = std::make_unique<SyncTwins>(fleet, fleet);
    node.twins->start(plan_.policy);
    sync::SenderSettings sending;
    sending.sync_id = kSyncId;
    sending.wire = plan_.wire;
    sending.messages_per_second = plan_.messages_per_second;
    sending.incarnation = node.incarnation;
    node.sender = std::make_unique<sync::Sender>(sending, authenticator_);
    sync::ReceiverSettings receiving;
    receiving.sync_id = kSyncId;
    receiving.repair_after = seconds(1);
    receiving.repair_interval = seconds(5);
    node.receiver = std::make_unique<sync::Receiver>(receiving, authenticator_);
    note(fmt::format("director {} starts", director));
}

void SyncWorld::crash(unsigned director) {
    note(fmt::format("director {} crashes", director));
    older_refused += nodes_[director].receiver->status().older;
    nodes_[director] = {};
}

void SyncWorld::cut(unsigned director) {
    note(fmt::format("director {} is cut off", director));
    cut_.insert(director);
    network.partition(0, {director});
}

void SyncWorld::mend_all() {
    note("the network is whole");
    cut_.clear();
    network.mend_all();
}

uint64_t SyncWorld::lost_counted() const {
    uint64_t lost = 0;
    for (const Node& node : nodes_) {
        if (node.receiver) {
            for (const auto& [address, peer] : node.receiver->status().peers) {
                lost += peer.lost + peer.ipvs_lost;
            }
        }
    }
    return lost;
}

void SyncWorld::run_for(Duration duration) {
    const TimePoint end = now + duration;
    while (wrong.empty()) {
        const TimePoint next = std::min(next_tick_, network.next_delivery());
        if (next > end) {
            break;
        }
        now = next;
        if (network.next_delivery() <= now) {
            deliver(*network.take());
        } else {
            next_tick_ = now + kTick;
            tick();
        }
    }
    now = std::max(now, end);
}

void SyncWorld::tick() {
    for (unsigned i = 0; i < nodes_.size(); ++i) {
        if (is_alive(i)) {
            WorkerFleet& fleet = *nodes_[i].fleet;
            fleet.run_for(now - fleet.clock.now());
        }
    }
    for (Client& client : clients_) {
        if (!are_clients_silent_ && client.next <= now) {
            act(client);
        }
    }
    for (unsigned i = 0; i < nodes_.size(); ++i) {
        if (is_alive(i)) {
            send_all(i);
        }
    }
    move_fetches();
}

// --- Telling ---

void SyncWorld::send_all(unsigned director) {
    Node& node = nodes_[director];
    for (const SyncRecord& record : node.twins->collect()) {
        Told& told = node.told[key_of(record)];
        const uint64_t number = std::max(told.last.number, node.known[key_of(record)].number) + 1;
        told.last = {node.incarnation, number, record.state};
        told.at = now;
        told.unsent.push_back(told.last);
        node.known[key_of(record)] = told.last;
        node.sender->add(record, now);
        node.receiver->told(record, now);
    }
    for (const sync::Bytes& message : node.sender->take(now)) {
        auto& versions = datagrams_[hash_of(message)];
        versions.clear();
        for (const SyncRecord& record : records_of(message, authenticator_)) {
            auto& unsent = node.told[key_of(record)].unsent;
            while (!unsent.empty() && unsent.front().state != record.state) {
                unsent.pop_front();
            }
            if (unsent.empty()) {
                fail(fmt::format("director {} tells older news of {} behind newer",
                                 director,
                                 to_string(record.client)));
                return;
            }
            versions[key_of(record)].push_back(unsent.front());
            unsent.pop_front();
        }
        network.send(now, 0, director, std::nullopt, message);
    }
}

// --- Hearing ---

void SyncWorld::deliver(const SimNetwork::Delivery& delivery) {
    if (!is_alive(delivery.to)) {
        return;
    }
    Node& node = nodes_[delivery.to];
    const IpAddress from = address_of(delivery.from);
    sync::Received received = node.receiver->take(*delivery.bytes, from, now);
    if (sync::is_director_message(*delivery.bytes)) {
        check_numbers(delivery.to, delivery.from, *delivery.bytes);
    }
    if (received.wants_table) {
        node.wants.push_back(delivery.from);
    }
    install(delivery.to, received.records, datagrams_[hash_of(*delivery.bytes)]);
}

// What is counted as lost is what is missing between the first number and the highest.
void SyncWorld::check_numbers(unsigned to, unsigned from, std::span<const uint8_t> bytes) {
    const sync::DirectorHeader header =
        sync::parse_director_message(bytes, kSyncId, authenticator_).value().header;
    const sync::PeerStatus& status = nodes_[to].receiver->status().peers.at(address_of(from));
    Heard& heard = nodes_[to].heard[from];
    const bool was_taken = status.director_messages != heard.messages;
    heard.messages = status.director_messages;
    if (!was_taken) {
        return;
    }
    if (heard.incarnation != header.incarnation) {
        heard = {
            header.incarnation, header.sequence, header.sequence, 0, heard.messages, status.lost};
    }
    heard.highest = std::max(heard.highest, header.sequence);
    heard.taken += header.sequence >= heard.first ? 1 : 0;
    const uint64_t missing = heard.highest - heard.first + 1 - heard.taken;
    if (status.lost - heard.lost_before != missing) {
        fail(fmt::format("director {} counts {} messages of {} as lost, {} are missing",
                         to,
                         status.lost - heard.lost_before,
                         from,
                         missing));
    }
}

void SyncWorld::install(unsigned director,
                        const std::vector<SyncRecord>& records,
                        const std::map<Key, std::deque<Version>>& versions) {
    Node& node = nodes_[director];
    WorkerFleet& fleet = *node.fleet;
    fleet.run_for(now - fleet.clock.now());
    for (const SyncRecord& record : records) {
        const auto& told = versions.at(key_of(record));
        const auto version = std::find_if(told.begin(), told.end(), [&record](const Version& one) {
            return one.state == record.state;
        });
        if (version == told.end()) {
            fail("a record says what nobody told");
            return;
        }
        const auto outcomes = node.twins->install({record});
        // A full-NAT connection's end may be in use by what is over at its director and not here.
        const bool was_kept = outcomes[static_cast<size_t>(SyncOutcome::kKeptOwn)] +
                                  outcomes[static_cast<size_t>(SyncOutcome::kIgnoredInactive)] +
                                  outcomes[static_cast<size_t>(SyncOutcome::kLocalPortTaken)] !=
                              0;
        const bool was_taken = outcomes[static_cast<size_t>(SyncOutcome::kInstalled)] +
                                   outcomes[static_cast<size_t>(SyncOutcome::kUpdated)] +
                                   outcomes[static_cast<size_t>(SyncOutcome::kReplaced)] !=
                               0;
        if (!was_kept && !was_taken) {
            fail(fmt::format(
                "director {} could not install {}", director, to_string(record.client)));
            return;
        }
        if (was_kept) {
            continue;
        }
        Version& known = node.known[key_of(record)];
        if (known.source == version->source && version->number < known.number &&
            known.state != record.state) {
            fail(fmt::format("director {} goes back from {} ({}) to {} ({}) with {}",
                             director,
                             to_string(known.state),
                             known.number,
                             to_string(record.state),
                             version->number,
                             to_string(record.client)));
            return;
        }
        known = *version;
        ++installed;
        note(fmt::format("director {} has {} {} ({} of {}{})",
                         director,
                         to_string(record.client),
                         to_string(record.state),
                         version->number,
                         version->source,
                         record.is_of_table ? ", from a table" : ""));
    }
}

// --- Clients ---

bool SyncWorld::say(Client& client, uint8_t flags, bool is_from_server) {
    WorkerFleet& fleet = *nodes_[carrier_].fleet;
    const Outcome outcome =
        is_from_server
            ? fleet.send_one(kInside,
                             from_server(client.server.address, client.local.address)
                                 .tcp(client.server.port.host(), client.local.port.host())
                                 .tcp_flags(flags)
                                 .build())
            : fleet.send_one(kOutside,
                             from_client(client.endpoint.address, kVip)
                                 .tcp(client.endpoint.port.host(), client.port)
                                 .tcp_flags(flags)
                                 .build());
    if (outcome.verdict != Verdict::kForward) {
        return false;
    }
    if (!is_from_server) {
        const DecodedFrame frame = decode(outcome.bytes);
        if (flags != kTcpSyn && frame.destination() != client.server) {
            // Of the port's life before: this one had not been told when its director died.
            if (client.director == carrier_) {
                fail(fmt::format("{} changes its server", to_string(client.endpoint)));
            }
            return false;
        }
        client.server = frame.destination();
        client.local = frame.source();
    }
    return true;
}

void SyncWorld::open(Client& client) {
    if (random_.below(2) == 0) {
        client.endpoint.port = Be16::from_host(++next_port_);
    }
    client.next = now + seconds(1);
    client.director = carrier_;
    born_[{client.endpoint, at(kVip, client.port), false}] = now;
    if (say(client, kTcpSyn) && say(client, kTcpSyn | kTcpAck, true) && say(client, kTcpAck)) {
        client.state = Client::State::kOpen;
        client.next = now + up_to(milliseconds(500));
    }
}

void SyncWorld::act(Client& client) {
    if (!is_alive(carrier_)) {
        client.next = now + milliseconds(500);
        return;
    }
    if (client.state != Client::State::kOpen) {
        open(client);
        return;
    }
    const uint64_t what = random_.below(100);
    bool is_alive = true;
    bool is_over = true;
    if (what < 4) {
        is_alive = say(client, kTcpFin | kTcpAck) && say(client, kTcpFin | kTcpAck, true) &&
                   say(client, kTcpAck);
    } else if (what < 6) {
        is_alive = say(client, kTcpRst);
    } else if (what < 8) {
        is_alive = say(client, kTcpFin | kTcpAck, true) && say(client, kTcpAck) &&
                   say(client, kTcpFin | kTcpAck) && say(client, kTcpAck | kTcpPsh, true);
    } else {
        is_alive = say(client, kTcpAck | kTcpPsh);
        is_over = !is_alive;
    }
    taken_over += is_alive && client.director != carrier_ ? 1 : 0;
    client.director = carrier_;
    client.state = is_over ? Client::State::kIdle : Client::State::kOpen;
    // Some fall silent for longer than the network needs to heal: nobody tells of them again.
    const bool is_idle = !is_over && random_.below(100) < 3;
    client.next = now + up_to(milliseconds(800)) +
                  (is_over   ? kBeforeReuse
                   : is_idle ? Duration(seconds(45))
                             : Duration(0));
}

// --- What must be so ---

void SyncWorld::check_convergence(TimePoint since) {
    Node& carrier = nodes_[carrier_];
    const std::vector<SyncRecord> ours = carrier.twins->pages();
    for (unsigned i = 0; i < nodes_.size() && wrong.empty(); ++i) {
        if (i == carrier_ || !is_alive(i)) {
            continue;
        }
        std::map<Key, SyncRecord> theirs;
        for (const SyncRecord& record : nodes_[i].twins->pages()) {
            theirs[key_of(record)] = record;
        }
        for (const SyncRecord& own : ours) {
            const TimePoint told_at = carrier.told[key_of(own)].at;
            const TimePoint born = born_[key_of(own)];
            // What is told seldom may run out at the others meanwhile, as in IPVS.
            const Duration life = own.is_template ? kTemplateLife : kLongestLife;
            const auto is_recent = [this, life](TimePoint at) { return now - at < life; };
            const bool is_told =
                told_at > born && is_recent(told_at) && (repairs() || told_at >= since);
            // A director that joined later has it from the table; a full-NAT end may have been
            // taken.
            const bool is_older = repairs() && own.local == own.client && !own.is_template &&
                                  born < nodes_[i].started && born < carrier.started &&
                                  is_recent(nodes_[i].started);
            if (!is_told && !is_older) {
                continue;
            }
            const auto found = theirs.find(key_of(own));
            // IPVS's rule: the end of a connection replaces no other one, to another server. So
            // what was told of a short one may have been ignored.
            const bool is_ending = !is_active(own.state) && !own.is_template;
            if (is_ending && (found == theirs.end() || found->second.local != own.local ||
                              found->second.real_server != own.real_server)) {
                continue;
            }
            const std::string who = fmt::format("{}{} to {}",
                                                own.is_template ? "the template of " : "",
                                                to_string(own.client),
                                                to_string(own.virtual_service));
            if (found == theirs.end()) {
                fail(fmt::format("director {} lacks {} {} for {} s, told {} ms ago",
                                 i,
                                 who,
                                 to_string(own.state),
                                 own.timeout_seconds,
                                 (now - told_at) / milliseconds(1)));
                return;
            }
            const SyncRecord& other = found->second;
            // A template lives as long as connections refer to it, which each director knows of its
            // own.
            const bool lives_longer =
                !own.is_template && other.timeout_seconds > own.timeout_seconds + 3;
            if (lives_longer || other.state != own.state || other.real_server != own.real_server ||
                other.local != own.local) {
                fail(fmt::format("director {} has {} as {} at {} for {} s, not {} at {} for {} s",
                                 i,
                                 who,
                                 to_string(other.state),
                                 to_string(other.real_server),
                                 other.timeout_seconds,
                                 to_string(own.state),
                                 to_string(own.real_server),
                                 own.timeout_seconds));
                return;
            }
        }
    }
}

void SyncWorld::check_empty() {
    for (unsigned i = 0; i < nodes_.size(); ++i) {
        if (!is_alive(i)) {
            continue;
        }
        older_refused += nodes_[i].receiver->status().older;
        nodes_[i].fleet->check_gauges();
        if (const auto left = nodes_[i].twins->pages(); !left.empty()) {
            fail(fmt::format("director {} still has {}", i, to_string(left[0].client)));
        }
    }
}

}  // namespace director::test
