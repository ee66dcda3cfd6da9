#include "controlplane/daemon/sync_control.h"

#include <fmt/format.h>

#include <algorithm>
#include <asio/post.hpp>
#include <utility>

#include "common/log.h"
#include "common/random.h"
#include "config/settings.h"
#include "controlplane/plan/translate.h"
#include "dataplane/core/shard.h"

namespace director::daemon {

using dataplane::SyncCollection;
using dataplane::SyncInstallation;
using dataplane::SyncOutcome;
using dataplane::SyncPage;
using dataplane::SyncRecord;
using dataplane::WorkerId;

namespace {

constexpr LogArea kLog{"sync"};

// What a connection waits before the twin hears of it is at most two of these: of those that are
// younger when their director dies, some are lost.
constexpr auto kTick = std::chrono::milliseconds(5);
// Of one question to a worker: some milliseconds of its time at most, in small pieces.
constexpr size_t kRecordsPerJob = 512;
// Records that may wait for one worker.
constexpr size_t kArrivedMax = 65536;
constexpr size_t kWaitingRoomMax = 65536;
// What the twin says of its servers is forgotten after this.
constexpr auto kTwinServersAge = std::chrono::seconds(10);
constexpr size_t kTwinServersMax = 65536;
constexpr size_t kMismatchesMax = 50;

[[nodiscard]] sync::Wire wire_of(config::SyncProtocol protocol) {
    switch (protocol) {
        case config::SyncProtocol::kIpvs:
            return sync::Wire::kIpvs;
        case config::SyncProtocol::kDirector:
            return sync::Wire::kDirector;
        case config::SyncProtocol::kBoth:
            return sync::Wire::kBoth;
    }
    return sync::Wire::kBoth;
}

[[nodiscard]] sync::SenderSettings sender_settings(const config::Sync& settings,
                                                   uint64_t incarnation) {
    return {.sync_id = settings.id,
            .wire = wire_of(settings.protocol),
            .message_bytes_max = settings.message_bytes,
            .queue_max = settings.queue_max,
            .messages_per_second = settings.messages_per_second,
            .flush_after = kTick,
            .incarnation = incarnation,
            .hash_key = {system_random(), system_random()}};
}

[[nodiscard]] uint64_t milliseconds(Duration duration) {
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

// A server's place in what is told of it.
[[nodiscard]] sync::ServerReport report_of(const plan::ServiceEntry& service,
                                           const plan::RealServerEntry& server) {
    const dataplane::ServiceKey key = plan::key_of(service.settings);
    sync::ServerReport report;
    report.protocol = key.protocol;
    report.virtual_service = {key.address, key.port};
    report.mark = key.mark;
    report.real_server = server.settings.endpoint;
    report.weight = server.weight();
    report.is_up = server.weight() != 0;
    return report;
}

}  // namespace

uint32_t sync_queue_per_worker(const config::Sync& sync, size_t workers) {
    return std::max<uint32_t>(64, sync.queue_max / static_cast<uint32_t>(workers));
}

SyncControl::SyncControl(asio::io_context& io,
                         const Clock& clock,
                         Fleet& fleet,
                         const plan::Catalogue& catalogue,
                         const config::Sync& settings,
                         std::function<void()> turn)
    : io_(io),
      clock_(clock),
      fleet_(fleet),
      catalogue_(catalogue),
      settings_(settings),
      turn_(std::move(turn)),
      authenticator_(settings.key),
      incarnation_(wall_clock_nanoseconds()),
      sender_(sender_settings(settings, incarnation_), authenticator_),
      receiver_({.sync_id = settings.id,
                 .own_incarnation = incarnation_,
                 .allowed = settings.allow,
                 .takes_ipvs = settings.accept_ipvs,
                 .hash_key = {system_random(), system_random()}},
                authenticator_),
      waiting_room_(kWaitingRoomMax),
      locator_(catalogue),
      timer_(io),
      desks_(fleet.size()) {}

Result<std::unique_ptr<SyncControl>> SyncControl::start(asio::io_context& io,
                                                        const Clock& clock,
                                                        Fleet& fleet,
                                                        const plan::Catalogue& catalogue,
                                                        const config::Sync& settings,
                                                        std::function<void()> turn) {
    std::unique_ptr<SyncControl> control(new SyncControl(  // its constructor is private
        io,
        clock,
        fleet,
        catalogue,
        settings,
        std::move(turn)));
    if (auto opened = control->open(); !opened) {
        return Failure(opened.error());
    }
    control->set_policy(control->sends());
    control->tick();
    kLog.info("connection sync started role={} id={} protocol={}",
              config::word_of(config::kSyncRoles, settings.role),
              settings.id,
              config::word_of(config::kSyncProtocols, settings.protocol));
    return control;
}

SyncControl::~SyncControl() {
    *is_alive_ = false;
    if (sends() && link_) {
        link_->send(sender_.flush(clock_.now()));
    }
}

void SyncControl::stop_workers() {
    set_policy(false);
}

bool SyncControl::sends() const {
    return settings_.role == config::SyncRole::kMaster || settings_.role == config::SyncRole::kBoth;
}

bool SyncControl::receives() const {
    return settings_.role == config::SyncRole::kBackup || settings_.role == config::SyncRole::kBoth;
}

bool SyncControl::is_allowed(const IpAddress& from) const {
    return settings_.allow.empty() ||
           std::any_of(settings_.allow.begin(),
                       settings_.allow.end(),
                       [&from](const IpPrefix& prefix) { return prefix.contains(from); });
}

Result<void> SyncControl::open() {
    auto link = sync::DatagramLink::open(
        io_,
        {.interface = settings_.interface,
         .group = settings_.group,
         .port = settings_.port,
         .ttl = settings_.ttl,
         .peers = settings_.peers,
         .sends = sends(),
         .receives = receives()},
        [this](std::span<const uint8_t> bytes, const IpAddress& from) { take(bytes, from); });
    if (!link) {
        return Failure(link.error());
    }
    link_ = std::move(*link);
    if (!settings_.bulk) {
        return {};
    }
    if (sends()) {
        const IpAddress& other =
            settings_.peers.empty() ? settings_.group : settings_.peers.front();
        const auto any = other.is_ipv4() ? asio::ip::tcp::v4() : asio::ip::tcp::v6();
        auto listener = sync::BulkListener::open(
            io_,
            clock_,
            {any, settings_.port},
            settings_.interface,
            {.sync_id = settings_.id, .incarnation = incarnation_},
            authenticator_,
            [this](const IpAddress& from) { return is_allowed(from); },
            [this](uint64_t cursor, std::function<void(const sync::BulkPage&)> done) {
                read_page(cursor, std::move(done));
            });
        if (!listener) {
            return Failure(listener.error());
        }
        listener_ = std::move(*listener);
    }
    if (receives()) {
        fetcher_ = std::make_unique<sync::BulkFetcher>(
            io_, settings_.id, settings_.port, authenticator_, [this](auto records) {
                install(receiver_.take_page(std::move(records)));
            });
    }
    return {};
}

void SyncControl::set_policy(bool is_on) {
    dataplane::Command command(dataplane::CommandKind::kSetSync);
    command.set_sync = {.is_on = is_on,
                        .templates_only = settings_.templates_only,
                        .threshold = settings_.threshold,
                        .period = settings_.period,
                        .refresh_seconds = settings_.refresh_period,
                        .retries = settings_.retries};
    fleet_.broadcast(command);
}

void SyncControl::tick() {
    look_whether_joined();
    if (sends()) {
        for (uint16_t worker = 0; worker < fleet_.size(); ++worker) {
            collect(worker);
        }
        link_->send(sender_.take(clock_.now()));
        turn_();
    }
    timer_.expires_after(kTick);
    timer_.async_wait([this](const asio::error_code& error) {
        if (!error) {
            tick();
        }
    });
}

// While the sender is behind, connections wait with their worker, where those that change again
// are told once.
void SyncControl::collect(uint16_t worker) {
    Desk& desk = desks_[worker];
    if (desk.is_collecting || sender_.status().waiting > settings_.queue_max / 2) {
        return;
    }
    desk.is_collecting = true;
    auto job = std::make_shared<SyncCollection>();
    job->records.reserve(kRecordsPerJob);
    fleet_.ask<SyncCollection>(
        WorkerId{worker}, job, [this, worker, alive = is_alive_](SyncCollection& answer) {
            if (*alive) {
                on_collected(worker, answer);
            }
        });
}

void SyncControl::on_collected(uint16_t worker, const SyncCollection& job) {
    Desk& desk = desks_[worker];
    desk.is_collecting = false;
    desk.waiting_there = job.waiting;
    desk.counters = job.counters;
    const TimePoint now = clock_.now();
    for (const SyncRecord& record : job.records) {
        sender_.add(record, now);
        receiver_.told(record, now);
    }
    if (job.waiting != 0) {
        collect(worker);
    }
}

void SyncControl::take(std::span<const uint8_t> datagram, const IpAddress& from) {
    sync::Received received = receiver_.take(datagram, from, clock_.now());
    for (const sync::Complaint& complaint : received.complaints) {
        kLog.warning("refused sync message from={} protocol={} reason={} held_back={}",
                     to_string(complaint.from),
                     complaint.protocol,
                     complaint.reason,
                     complaint.held_back);
    }
    if (!received.servers.empty()) {
        compare_servers(received.servers);
    }
    if (received.wants_table && fetcher_) {
        kLog.info("fetching the twin's connections twin={}", to_string(from));
        if (!fetcher_->is_busy()) {
            receiver_.table_begins(clock_.now());
        }
        fetcher_->fetch(from);
    }
    if (!received.records.empty()) {
        install(std::move(received.records));
    }
}

// Each record to the worker that owns its client; what has no place here waits for one.
void SyncControl::install(std::vector<SyncRecord> records) {
    const TimePoint now = clock_.now();
    for (SyncRecord& record : records) {
        const plan::Location location = locator_.find(
            {record.protocol, record.virtual_service, record.mark, record.real_server});
        record.service = location.service;
        record.server = location.server;
        if (location.server == dataplane::kNoRealServer) {
            ++outcomes_[static_cast<size_t>(location.service == dataplane::kNoService
                                                ? SyncOutcome::kUnknownService
                                                : SyncOutcome::kUnknownServer)];
            overflowed_ += waiting_room_.add(record, now) ? 0U : 1U;
            continue;
        }
        Endpoint client = record.client;
        client.port = location.has_ftp ? Be16{} : client.port;
        Desk& desk = desks_[index(dataplane::owner_of(client, fleet_.size()))];
        if (desk.arrived.size() < kArrivedMax) {
            desk.arrived.push_back(record);
        } else {
            ++overflowed_;
        }
    }
    for (uint16_t worker = 0; worker < fleet_.size(); ++worker) {
        install_next(worker);
    }
    turn_();
}

void SyncControl::install_next(uint16_t worker) {
    Desk& desk = desks_[worker];
    if (desk.is_installing || desk.arrived.empty()) {
        return;
    }
    desk.is_installing = true;
    auto job = std::make_shared<SyncInstallation>();
    const auto count = static_cast<ptrdiff_t>(std::min(desk.arrived.size(), kRecordsPerJob));
    job->records.assign(desk.arrived.begin(), desk.arrived.begin() + count);
    desk.arrived.erase(desk.arrived.begin(), desk.arrived.begin() + count);
    fleet_.ask<SyncInstallation>(
        WorkerId{worker}, job, [this, worker, alive = is_alive_](SyncInstallation& answer) {
            if (!*alive) {
                return;
            }
            for (size_t i = 0; i < outcomes_.size(); ++i) {
                outcomes_[i] += answer.outcomes[i];
            }
            desks_[worker].is_installing = false;
            install_next(worker);
        });
}

void SyncControl::services_changed() {
    locator_ = plan::Locator(catalogue_);
    if (auto waiting = waiting_room_.take(clock_.now()); !waiting.empty()) {
        install(std::move(waiting));
    }
}

// A cursor is the worker and the position in its table; behind the last worker stand the templates.
void SyncControl::read_page(uint64_t cursor, std::function<void(const sync::BulkPage&)> done) {
    const auto stage = static_cast<uint32_t>(cursor >> 32);
    if (stage > fleet_.size()) {
        done({{}, cursor, true});
        return;
    }
    auto page = std::make_shared<SyncPage>();
    page->is_of_templates = stage == fleet_.size();
    page->cursor = static_cast<uint32_t>(cursor);
    page->records.reserve(sync::kBulkRecordsMax);
    const auto worker = static_cast<uint16_t>(page->is_of_templates ? 0 : stage);
    fleet_.ask<SyncPage>(
        WorkerId{worker},
        page,
        [this, stage, done = std::move(done), alive = is_alive_](SyncPage& answer) {
            if (!*alive) {
                return;
            }
            sync::BulkPage found;
            found.records = answer.records;
            found.is_last = answer.is_last && stage == fleet_.size();
            found.next_cursor =
                answer.is_last ? uint64_t{stage + 1} << 32 : uint64_t{stage} << 32 | answer.cursor;
            done(found);
        });
    // Not now: we may be in the midst of a turn.
    asio::post(io_, [this, alive = is_alive_] {
        if (*alive) {
            turn_();
        }
    });
}

void SyncControl::report_servers(const Reports& reports) {
    waiting_room_.drop_ended(clock_.now());
    if (!sends()) {
        return;
    }
    std::vector<sync::ServerReport> told;
    for (const plan::ServiceEntry* service : catalogue_.services()) {
        if (service->source_nat || service->is_retired) {
            continue;
        }
        for (const plan::RealServerEntry& server : service->servers) {
            sync::ServerReport report = report_of(*service, server);
            const auto total = Census::server_total(reports, server.id);
            report.active = total.active;
            report.inactive = total.inactive;
            report.connections = total.connections;
            report.packets_in = total.packets_in;
            report.packets_out = total.packets_out;
            report.bytes_in = total.bytes_in;
            report.bytes_out = total.bytes_out;
            told.push_back(report);
        }
    }
    sender_.add_servers(std::move(told));
}

void SyncControl::compare_servers(const std::vector<sync::ServerReport>& reports) {
    const TimePoint now = clock_.now();
    for (const sync::ServerReport& report : reports) {
        const ServerKey key{static_cast<uint8_t>(report.protocol),
                            report.mark,
                            report.virtual_service,
                            report.real_server};
        if (twin_servers_.size() < kTwinServersMax || twin_servers_.contains(key)) {
            twin_servers_[key] = {report, now};
        }
    }
    std::erase_if(twin_servers_,
                  [now](const auto& item) { return item.second.heard_at + kTwinServersAge < now; });
}

std::vector<std::string> SyncControl::mismatches() const {
    std::vector<std::string> texts;
    if (twin_servers_.empty()) {
        return texts;
    }
    std::map<ServerKey, uint32_t> ours;  // their weights
    for (const plan::ServiceEntry* service : catalogue_.services()) {
        for (const plan::RealServerEntry& server : service->servers) {
            if (!service->source_nat && !service->is_retired && !server.is_retired) {
                const sync::ServerReport own = report_of(*service, server);
                ours[{static_cast<uint8_t>(own.protocol),
                      own.mark,
                      own.virtual_service,
                      own.real_server}] = own.weight;
            }
        }
    }
    const auto add = [&texts](const ServerKey& key, std::string_view what) {
        const auto& [protocol, mark, service, server] = key;
        texts.push_back(fmt::format("{} {} server {}: {}",
                                    to_string(static_cast<Protocol>(protocol)),
                                    mark != 0 ? fmt::format("mark {}", mark) : to_string(service),
                                    to_string(server),
                                    what));
    };
    for (const auto& [key, twin] : twin_servers_) {
        const auto own = ours.find(key);
        if (own == ours.end()) {
            add(key, "the twin's alone");
        } else if (own->second != twin.report.weight) {
            add(key, fmt::format("weight {}, the twin has {}", own->second, twin.report.weight));
        }
    }
    for (const auto& [key, weight] : ours) {
        if (!twin_servers_.contains(key)) {
            add(key, "ours alone");
        }
    }
    texts.resize(std::min(texts.size(), kMismatchesMax));
    return texts;
}

// What became of records, and why messages were not believed.
void SyncControl::add_counts(server::SyncView& view) const {
    const sync::ReceiverStatus& heard = receiver_.status();
    for (size_t i = 0; i < outcomes_.size(); ++i) {
        view.outcomes.push_back({std::string(dataplane::kSyncOutcomeNames[i]), outcomes_[i]});
    }
    const auto add_refusal = [&view](std::string_view kind, std::string_view name, uint64_t count) {
        view.refusals.push_back({fmt::format("{}_{}", kind, name), count});
    };
    for (size_t i = 0; i < heard.refused.size(); ++i) {
        add_refusal("ipvs", sync::kRefusalNames[i], heard.refused[i]);
    }
    for (size_t i = 0; i < heard.director_refused.size(); ++i) {
        add_refusal("director",
                    to_string(static_cast<sync::DirectorRefusal>(i)),
                    heard.director_refused[i]);
    }
    add_refusal("director", "own", heard.own);
    add_refusal("record", "older", heard.older);
    add_refusal("ipvs", "unexpected", heard.unexpected_ipvs);
    add_refusal("ipvs", "unusable", heard.unusable);
}

std::vector<server::SyncPeerView> SyncControl::peers() const {
    std::vector<server::SyncPeerView> peers;
    for (const auto& [address, peer] : receiver_.status().peers) {
        peers.push_back({.address = to_string(address),
                         .heard_ms_ago = milliseconds(clock_.now() - peer.heard_at),
                         .director_messages = peer.director_messages,
                         .ipvs_messages = peer.ipvs_messages,
                         .records = peer.records,
                         .lost = peer.lost,
                         .ipvs_lost = peer.ipvs_lost,
                         .late = peer.late,
                         .too_late = peer.too_late,
                         .replayed = peer.replayed,
                         .restarts = peer.restarts,
                         .lag_ms = peer.age_ms});
    }
    return peers;
}

server::SyncView SyncControl::view() const {
    server::SyncView view;
    view.role = config::word_of(config::kSyncRoles, settings_.role);
    view.protocol = config::word_of(config::kSyncProtocols, settings_.protocol);
    view.id = settings_.id;
    const std::string by = settings_.interface.empty() ? "" : " " + settings_.interface;
    view.destination = settings_.peers.empty()
                           ? to_string(Endpoint{settings_.group, Be16::from_host(settings_.port)})
                           : "";
    for (const IpAddress& peer : settings_.peers) {
        view.destination += (view.destination.empty() ? "" : ", ") +
                            to_string(Endpoint{peer, Be16::from_host(settings_.port)});
    }
    view.destination += by;
    view.interface = settings_.interface;
    view.group = to_string(settings_.group);
    view.port = settings_.port;
    view.ttl = settings_.ttl;
    view.message_bytes = settings_.message_bytes;
    for (const Desk& desk : desks_) {
        view.marked += desk.counters.marked;
        view.postponed += desk.counters.postponed;
        view.waiting += desk.waiting_there;
    }
    const sync::SenderStatus& sent = sender_.status();
    view.records_sent = sent.records;
    view.messages_sent = sent.messages;
    view.send_errors = link_->send_errors();
    view.dropped_new = sent.dropped_new;
    view.dropped_long_lived = sent.dropped_long_lived;
    view.unsayable = sent.unsayable;
    view.superseded = sent.superseded;
    view.waiting += sent.waiting;
    view.lag_ms = sent.age_ms;
    const sync::ReceiverStatus& heard = receiver_.status();
    view.peers = peers();
    add_counts(view);
    view.not_allowed = heard.not_allowed;
    view.kept_for_later = waiting_room_.size();
    view.overflowed = overflowed_;
    view.mismatches = mismatches();
    if (listener_) {
        view.tables_given = listener_->completed();
        view.table_records_given = listener_->records();
    }
    if (fetcher_) {
        view.tables_fetched = fetcher_->completed();
        view.table_records_fetched = fetcher_->records();
        view.fetches_failed = fetcher_->failed();
        view.is_fetching = fetcher_->is_busy();
    }
    return view;
}

}  // namespace director::daemon
