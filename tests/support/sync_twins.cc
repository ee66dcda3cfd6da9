#include "tests/support/sync_twins.h"

#include <algorithm>
#include <stdexcept>

#include "controlplane/sync/translate.h"
#include "dataplane/core/shard.h"
#include "dataplane/core/worker_state.h"

namespace director::test {

using namespace dataplane;  // NOLINT(google-build-using-namespace): a test's helper

void SyncTwins::start(const SyncPolicy& policy) {
    Command command(CommandKind::kSetSync);
    command.set_sync = policy;
    if (!from_.apply(command)) {
        throw std::logic_error("a worker refused the sync policy");
    }
}

std::vector<SyncRecord> SyncTwins::collect() {
    std::vector<SyncRecord> all;
    for (uint16_t worker = 0; worker < from_.workers(); ++worker) {
        uint32_t waiting = 1;
        while (waiting != 0) {
            SyncCollection job;
            job.records.reserve(5);
            from_.run(worker, job);
            all.insert(all.end(), job.records.begin(), job.records.end());
            waiting = job.waiting;
        }
    }
    return all;
}

std::vector<SyncRecord> SyncTwins::pages(size_t records_per_page) {
    std::vector<SyncRecord> all;
    const auto walk = [&](uint16_t worker, bool is_of_templates) {
        SyncPage page;
        page.is_of_templates = is_of_templates;
        page.records.reserve(records_per_page);
        while (!page.is_last) {
            page.records.clear();
            from_.run(worker, page);
            all.insert(all.end(), page.records.begin(), page.records.end());
        }
    };
    for (uint16_t worker = 0; worker < from_.workers(); ++worker) {
        walk(worker, false);
    }
    walk(0, true);
    return all;
}

SyncCounters SyncTwins::counters() {
    SyncCounters sum;
    for (uint16_t worker = 0; worker < from_.workers(); ++worker) {
        const SyncCounters own = from_.worker(worker).state().sync.counters();
        sum.marked += own.marked;
        sum.postponed += own.postponed;
        sum.stale += own.stale;
    }
    return sum;
}

std::vector<SyncRecord> SyncTwins::travel(const std::vector<SyncRecord>& records) const {
    if (wire_ == SyncWire::kNone) {
        return records;
    }
    std::vector<SyncRecord> arrived;
    sync::IpvsMessageWriter writer(sync::IpvsVersion::kOne, 7, 1472);
    const auto send = [&] {
        const auto message = sync::parse_ipvs_message(writer.finish(), 7);
        if (!message || message->cut || !message->skipped.empty()) {
            throw std::logic_error("a message of our own was refused");
        }
        for (const sync::IpvsRecord& record : message->records) {
            arrived.push_back(sync::from_ipvs(record).value());
        }
    };
    for (const SyncRecord& record : records) {
        const auto wire = sync::to_ipvs(record);
        if (wire && !writer.add(*wire)) {
            send();
            static_cast<void>(writer.add(*wire));
        }
    }
    send();
    return arrived;
}

// Of the twin's ids nothing is known here.
void SyncTwins::locate(SyncRecord& record) const {
    record.service = kNoService;
    record.server = kNoRealServer;
    const auto by_key = [&](Be16 port) {
        return to_.service_id({record.virtual_service.address, port, record.protocol, 0});
    };
    auto service = record.mark != 0
                       ? to_.service_id({Ipv4Address(), {}, Protocol::kAny, record.mark})
                       : by_key(record.virtual_service.port);
    service = service || record.mark != 0 ? service : by_key(Be16{});
    service = service || record.mark != 0 ? service : by_key(Be16::from_host(21));
    if (!service) {
        return;
    }
    record.service = *service;
    for (const ServerIn& server : to_.servers(*service)) {
        const bool fits = server.endpoint == record.real_server ||
                          (server.endpoint.address == record.real_server.address &&
                           (server.endpoint.port == Be16{} || record.real_server.port == Be16{}));
        if (fits) {
            record.server = to_.server_id(*service, server.endpoint);
        }
    }
}

uint16_t SyncTwins::owner(const SyncRecord& record) const {
    if (record.service == kNoService || record.is_template) {
        return 0;
    }
    Worker::State& state = to_.worker(0).state();
    const Endpoint client = state.services[index(record.service)].has_ftp
                                ? Endpoint{record.client.address, {}}
                                : record.client;
    return index(owner_of(client, to_.workers()));
}

std::array<uint64_t, kSyncOutcomeCount> SyncTwins::install(std::vector<SyncRecord> records) {
    std::vector<SyncInstallation> jobs(to_.workers());
    for (SyncRecord& record : records) {
        locate(record);
        jobs[owner(record)].records.push_back(record);
    }
    std::array<uint64_t, kSyncOutcomeCount> sum{};
    for (uint16_t worker = 0; worker < to_.workers(); ++worker) {
        to_.run(worker, jobs[worker]);
        for (size_t i = 0; i < kSyncOutcomeCount; ++i) {
            sum[i] += jobs[worker].outcomes[i];
            outcomes_[i] += jobs[worker].outcomes[i];
        }
    }
    return sum;
}

size_t SyncTwins::carry() {
    const std::vector<SyncRecord> records = travel(collect());
    install(records);
    return records.size();
}

}  // namespace director::test
