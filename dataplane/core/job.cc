// Answers the control plane's long questions a piece per poll.
#include <algorithm>

#include "dataplane/core/explain.h"
#include "dataplane/core/sync_jobs.h"
#include "dataplane/core/tables/local_ports.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

constexpr uint32_t kSlotsPerPoll = 128;        // counters copied
constexpr uint32_t kConnectionsPerPoll = 256;  // table positions looked at
constexpr uint32_t kRowsPerPoll = 32;          // of those, entries looked at closely

[[nodiscard]] ServerCounters counters_of(const Worker::State& state, uint32_t server) {
    const ServerTally& tally = state.server_tallies[server];
    const ServerSigns& signs = state.server_signs[server];
    return {.connections = tally.connections,
            .packets_in = tally.packets[0],
            .packets_out = tally.packets[1],
            .bytes_in = tally.bytes[0],
            .bytes_out = tally.bytes[1],
            .active = tally.active,
            .inactive = tally.inactive,
            .unanswered = signs.unanswered,
            .resets = signs.resets};
}

void report_pools(const Worker::State& state, CountersReport& report) {
    const size_t count = std::min<size_t>(report.pools.size(), kLocalPoolsMax);
    for (size_t number = 0; number < count; ++number) {
        if (const LocalPool* const pool = state.local_pools[number]; pool != nullptr) {
            const LocalPoolUsage usage = local_pool_usage(*pool);
            report.pools[number] = {usage.ports, usage.held, usage.exhausted};
        }
    }
}

// True when the report is complete.
[[nodiscard]] bool work_on(Worker::State& state, CountersReport& report) {
    const uint32_t services =
        static_cast<uint32_t>(std::min(report.services.size(), state.service_counters.size()));
    const uint32_t servers =
        static_cast<uint32_t>(std::min(report.servers.size(), state.server_tallies.size()));
    const uint32_t end = std::min(report.cursor + kSlotsPerPoll, std::max(services, servers));
    for (uint32_t i = report.cursor; i < std::min(end, services); ++i) {
        report.services[i] = state.service_counters[i];
    }
    for (uint32_t i = report.cursor; i < std::min(end, servers); ++i) {
        report.servers[i] = counters_of(state, i);
    }
    report.cursor = end;
    if (end < std::max(services, servers)) {
        return false;
    }
    report_pools(state, report);
    report.totals = state.counters;
    report.totals.connections = state.connections.size();
    report.totals.connections_max = state.connections.capacity();
    report.commands_applied = state.commands_applied;
    return true;
}

}  // namespace

ConnectionRow row_of(const Worker::State& state, const Connection& connection) {
    const int32_t left = static_cast<int32_t>(connection.deadline - state.tick);
    const ConnTable& table = state.connections;
    ConnectionRow row;
    row.protocol = connection.protocol();
    row.state = connection.state;
    row.client = table.endpoint(connection, Side::kOutside, Role::kClient);
    row.virtual_service = table.endpoint(connection, Side::kOutside, Role::kServer);
    row.real_server = table.endpoint(connection, Side::kInside, Role::kServer);
    row.local = table.endpoint(connection, Side::kInside, Role::kClient);
    row.forwarding = connection.forwarding;
    row.expires_in_seconds = to_seconds(static_cast<uint32_t>(std::max(left, 0)));
    const auto timeout =
        static_cast<int32_t>(timeouts_of(state, connection)[static_cast<size_t>(connection.state)]);
    row.idle_seconds = to_seconds(static_cast<uint32_t>(std::max(timeout - std::max(left, 0), 0)));
    row.service = state.server_tallies[index(connection.server)].service;
    row.server = connection.server;
    return row;
}

namespace {

// True when the page is full, its positions are looked at, or the table's end is reached.
[[nodiscard]] bool work_on(Worker::State& state, ConnectionPage& page) {
    const uint32_t last = state.connections.high_water();
    const uint32_t first = page.cursor;
    const uint32_t end =
        first + std::min({kConnectionsPerPoll, page.positions_left, last - std::min(last, first)});
    uint32_t looked_at = 0;
    for (; page.cursor < end && looked_at < kRowsPerPoll && page.rows.size() < page.rows.capacity();
         ++page.cursor) {
        if (!state.connections.is_used(page.cursor)) {
            continue;
        }
        const Connection& connection = state.connections[page.cursor];
        if (!page.filter.may_fit(connection.protocol(), connection.state)) {
            continue;
        }
        ++looked_at;
        const ConnectionRow row = row_of(state, connection);
        if (page.filter.fits(row)) {
            page.rows.push_back(row);
        }
    }
    page.positions_left -= page.cursor - first;
    page.is_last = page.cursor >= last;
    return page.is_last || page.positions_left == 0 || page.rows.size() == page.rows.capacity();
}

[[nodiscard]] bool work_on(Worker::State& state, Job& job) {
    switch (job.kind) {
        case JobKind::kCountersReport:
            return work_on(state, static_cast<CountersReport&>(job));
        case JobKind::kConnectionPage:
            return work_on(state, static_cast<ConnectionPage&>(job));
        case JobKind::kExplanation:
            explain(state, static_cast<Explanation&>(job));
            return true;
        case JobKind::kSyncCollection:
            return collect(state, static_cast<SyncCollection&>(job));
        case JobKind::kSyncPage:
            return fill_page(state, static_cast<SyncPage&>(job));
        case JobKind::kSyncInstallation:
            return install(state, static_cast<SyncInstallation&>(job));
        case JobKind::kTap:
            set_tap(state, static_cast<const TapJob&>(job));
            return true;
    }
    return true;
}

}  // namespace

void work_on_job(Worker::State& state) {
    if (state.job_count == 0 || state.event_count == kEventsMax ||
        !work_on(state, *state.jobs[0])) {
        return;
    }
    Event& event = state.events[state.event_count++];
    event = {EventKind::kJobDone, state.settings.id, state.job_sequences[0], {}};
    event.job = state.jobs[0];
    std::shift_left(state.jobs.begin(), state.jobs.begin() + state.job_count, 1);
    std::shift_left(state.job_sequences.begin(), state.job_sequences.begin() + state.job_count, 1);
    --state.job_count;
}

}  // namespace director::dataplane
