// What the twin is told: connections that were marked, or all of them page by page.
#include <algorithm>

#include "dataplane/core/sync_jobs.h"

namespace director::dataplane {
namespace {

constexpr uint32_t kTakenPerPoll = 64;     // marked connections looked up
constexpr uint32_t kEntriesPerPoll = 256;  // table positions looked at

// The nearest whole number: a deadline set a moment ago says what the state's timeout says.
[[nodiscard]] uint32_t seconds_left(uint32_t deadline, uint32_t tick) {
    const auto left = static_cast<int32_t>(deadline - tick);
    const uint64_t nanoseconds = left > 0 ? static_cast<uint64_t>(left) << kTickShift : 0;
    return std::max(static_cast<uint32_t>((nanoseconds + 500000000U) / 1000000000U), 1U);
}

[[nodiscard]] SyncSequence told(const SeqAdjust& sequence) {
    return {sequence.init_sequence, sequence.delta, sequence.previous_delta, sequence.is_set};
}

void tell_adjustment(const ConnectionDetails& details, SyncRecord& record) {
    const TcpAdjustment& own = details.adjustment;
    record.has_adjustment = true;
    record.adjustment = {told(own.sent[static_cast<size_t>(TcpSender::kClient)]),
                         told(own.sent[static_cast<size_t>(TcpSender::kServer)]),
                         own.timestamp_delta,
                         details.server_sequence,
                         own.window_shift};
}

// The table of a connection's service; nullptr for what the twin cannot have: source NAT's
// connections, and those of a service that is gone.
[[nodiscard]] const ServiceTable* table_of(const Worker::State& state, RealServerId server) {
    const ServiceId service = state.server_tallies[index(server)].service;
    return index(service) < state.services.size() ? state.services[index(service)].table : nullptr;
}

[[nodiscard]] bool is_tellable(const Worker::State& state, const Connection& connection) {
    const ServiceTable* const table = table_of(state, connection.server);
    return table != nullptr && !table->options.is_one_packet && !connection.has(kIsEnding) &&
           state.server_tallies[index(connection.server)].position < table->servers.size() &&
           is_told_in(connection.protocol(), connection.state) &&
           connection.ends(Side::kOutside).client.port() != Be16{};
}

[[nodiscard]] SyncRecord record_of(const Worker::State& state, const Connection& connection) {
    const ConnTable& table = state.connections;
    SyncRecord record;
    record.protocol = connection.protocol();
    record.state = connection.state;
    record.forwarding = connection.forwarding;
    record.client = table.endpoint(connection, Side::kOutside, Role::kClient);
    record.virtual_service = table.endpoint(connection, Side::kOutside, Role::kServer);
    record.real_server = table.endpoint(connection, Side::kInside, Role::kServer);
    record.local = table.endpoint(connection, Side::kInside, Role::kClient);
    record.timeout_seconds = seconds_left(connection.deadline, state.tick);
    record.service = state.server_tallies[index(connection.server)].service;
    record.server = connection.server;
    record.mark = state.services[index(record.service)].key.mark;
    if (connection.has(kHasAdjustment)) {
        tell_adjustment(table.details(connection), record);
    }
    return record;
}

// IPVS gives a template of match rules the mark for a virtual address (ip_vs_sched_persist).
[[nodiscard]] IpAddress template_address(const ServiceKey& key) {
    if (key.mark == 0) {
        return key.address;
    }
    const IpAddress mark = Ipv4Address::from_host(key.mark);
    if (key.address.is_ipv4()) {
        return mark;
    }
    IpAddress address;
    std::copy(mark.bytes.begin() + 12, mark.bytes.end(), address.bytes.begin());
    return address;
}

// False: its service or server has gone.
[[nodiscard]] bool tell_template(const Worker::State& state,
                                 const TemplateRow& row,
                                 SyncRecord& record) {
    if (index(row.server) >= state.settings.real_servers_max) {
        return false;
    }
    const ServerTally& tally = state.server_tallies[index(row.server)];
    const ServiceTable* const table = table_of(state, row.server);
    if (table == nullptr || tally.service != row.key.service ||
        tally.position >= table->servers.size()) {
        return false;
    }
    const RealServerSlot& server = table->servers[tally.position];
    record = {};
    record.is_template = true;
    record.protocol = table->key.protocol;
    record.forwarding = server.forwarding;
    record.client = {row.key.client, Be16{}};
    record.virtual_service = {template_address(table->key), Be16::from_host(row.key.virtual_port)};
    record.real_server = {server.endpoint.address,
                          row.key.virtual_port == 0 ? Be16{} : server.endpoint.port};
    record.local = record.client;
    record.mark = table->key.mark;
    record.timeout_seconds = row.connections != 0 ? std::max(seconds_left(row.deadline, state.tick),
                                                             table->options.persistence_seconds)
                                                  : seconds_left(row.deadline, state.tick);
    record.service = row.key.service;
    record.server = row.server;
    return true;
}

// A connection and, as in IPVS, the template that controls it.
void tell(Worker::State& state, const SyncMarks::Next& next, SyncCollection& job) {
    const Connection& connection = state.connections[next.entry];
    const bool has_template = connection.has(kHasTemplate);
    if (!has_template || !state.sync.policy().templates_only) {
        job.records.push_back(record_of(state, connection));
        job.records.back().is_long_lived = next.is_known_to_twin;
    }
    if (!has_template) {
        return;
    }
    TemplateRow row;
    SyncRecord record;
    if (state.settings.templates->row(
            state.connections.details(connection).template_ref, state.tick, row) &&
        tell_template(state, row, record)) {
        record.is_long_lived = next.is_known_to_twin;
        job.records.push_back(record);
    }
}

[[nodiscard]] bool fill_templates(Worker::State& state, SyncPage& page) {
    TemplateTable* const templates = state.settings.templates;
    const uint32_t last = templates != nullptr ? templates->slot_count() : 0;
    const uint32_t end =
        page.cursor + std::min(kEntriesPerPoll, last - std::min(last, page.cursor));
    for (; page.cursor < end && page.records.size() < page.records.capacity(); ++page.cursor) {
        TemplateRow row;
        SyncRecord record;
        if (templates->row(page.cursor, state.tick, row) && tell_template(state, row, record)) {
            page.records.push_back(record);
        }
    }
    page.is_last = page.cursor >= last;
    return page.is_last || page.records.size() == page.records.capacity();
}

}  // namespace

bool collect(Worker::State& state, SyncCollection& job) {
    bool is_empty = false;
    for (uint32_t i = 0; i < kTakenPerPoll && job.records.size() + 2 <= job.records.capacity();
         ++i) {
        const SyncMarks::Next next = state.sync.take();
        if (next.entry == SyncMarks::kNone) {
            is_empty = true;
            break;
        }
        if (state.connections.is_used(next.entry) &&
            is_tellable(state, state.connections[next.entry])) {
            tell(state, next, job);
        }
    }
    if (!is_empty && job.records.size() + 2 <= job.records.capacity()) {
        return false;
    }
    job.waiting = state.sync.waiting();
    job.counters = state.sync.counters();
    return true;
}

bool fill_page(Worker::State& state, SyncPage& page) {
    if (page.is_of_templates) {
        return fill_templates(state, page);
    }
    const uint32_t last = state.connections.high_water();
    const uint32_t end =
        page.cursor + std::min(kEntriesPerPoll, last - std::min(last, page.cursor));
    for (; page.cursor < end && page.records.size() < page.records.capacity(); ++page.cursor) {
        if (state.connections.is_used(page.cursor) &&
            is_tellable(state, state.connections[page.cursor])) {
            page.records.push_back(record_of(state, state.connections[page.cursor]));
            page.records.back().is_own = state.sync.is_seen_here(page.cursor);
        }
    }
    page.is_last = page.cursor >= last;
    return page.is_last || page.records.size() == page.records.capacity();
}

}  // namespace director::dataplane
