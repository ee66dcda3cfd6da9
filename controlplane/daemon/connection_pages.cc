#include "controlplane/daemon/connection_pages.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <string>

#include "controlplane/daemon/connection_filters.h"
#include "controlplane/daemon/views.h"
#include "controlplane/plan/translate.h"
#include "dataplane/core/tables/persistence.h"
#include "dataplane/core/tables/timer_lists.h"

namespace director::daemon {

using dataplane::WorkerId;
using nlohmann::json;

namespace {

// Rows and template slots of one page, whatever was asked for: about a millisecond's work. VRRP's
// timers wait for it, and who asks comes back for the next page. A worker looks at as many places
// of its table, a few a poll, before whatever else it is asked has its turn.
constexpr uint64_t kRowsPerPage = 256;
constexpr uint32_t kSlotsPerPage = 1U << 16;

// "worker:position"; an empty text is the beginning.
bool read_cursor(const std::string& text, uint16_t& worker, uint32_t& position) {
    if (text.empty()) {
        return true;
    }
    const char* const end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, worker);
    if (first.ec != std::errc{} || first.ptr == end || *first.ptr != ':') {
        return false;
    }
    const auto second = std::from_chars(first.ptr + 1, end, position);
    return second.ec == std::errc{} && second.ptr == end;
}

// IPVS gives a template of match rules the mark for a virtual address (ip_vs_sched_persist).
IpAddress virtual_address(const dataplane::ServiceKey& key) {
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

}  // namespace

void ConnectionPages::answer(const json& params, const server::Reply& reply) {
    const json text = params.value("cursor", json(""));
    const json limit = params.value("limit", json(server::kConnectionsLimitDefault));
    if (!text.is_string() || !limit.is_number_unsigned() || limit.get<uint64_t>() == 0 ||
        limit.get<uint64_t>() > server::kConnectionsLimitMax) {
        reply.invalid_params(
            fmt::format("expected cursor: string from the page before, limit: 1 to {}",
                        server::kConnectionsLimitMax));
        return;
    }
    const auto filter = filter_of(params, catalogue_);
    if (!filter) {
        reply.invalid_params(filter.error().message);
        return;
    }
    const uint64_t rows = std::min(limit.get<uint64_t>(), kRowsPerPage);
    Cursor cursor;
    if (!read_cursor(text.get<std::string>(), cursor.worker, cursor.position) ||
        cursor.worker > fleet_.size()) {
        reply.invalid_params("expected a cursor as the page before gave it");
    } else if (cursor.worker == fleet_.size()) {
        reply(json(templates_from(cursor.position, rows, *filter)));
    } else {
        ask_worker(cursor, rows, *filter, reply);
    }
}

void ConnectionPages::ask_worker(const Cursor& cursor,
                                 uint64_t limit,
                                 const dataplane::ConnectionFilter& filter,
                                 const server::Reply& reply) {
    auto page = std::make_shared<dataplane::ConnectionPage>();
    page->cursor = cursor.position;
    page->filter = filter;
    page->positions_left = kSlotsPerPage;
    page->rows.reserve(limit);
    fleet_.ask<dataplane::ConnectionPage>(
        WorkerId{cursor.worker},
        page,
        [reply, worker = cursor.worker](dataplane::ConnectionPage& answer) {
            server::ConnectionsPage view;
            for (const dataplane::ConnectionRow& row : answer.rows) {
                view.rows.push_back(connection_view(row));
            }
            view.next_cursor = answer.is_last ? fmt::format("{}:0", worker + 1)
                                              : fmt::format("{}:{}", worker, answer.cursor);
            reply(json(view));
        });
}

server::ConnectionsPage ConnectionPages::templates_from(uint32_t slot,
                                                        uint64_t limit,
                                                        const dataplane::ConnectionFilter& filter) {
    dataplane::TemplateTable& templates = fleet_.templates();
    const uint32_t tick = dataplane::to_tick(clock_.now());
    const uint32_t slots = templates.slot_count();
    const uint32_t end = slot + std::min(kSlotsPerPage, slots - std::min(slot, slots));
    server::ConnectionsPage page;
    for (; slot < end && page.rows.size() < limit; ++slot) {
        dataplane::TemplateRow found;
        if (!templates.row(slot, tick, found)) {
            continue;
        }
        const plan::ServiceEntry* const service = catalogue_.find(found.key.service);
        const plan::RealServerEntry* const server =
            service != nullptr ? service->find(found.server) : nullptr;
        if (server == nullptr) {
            continue;  // forgotten a moment ago
        }
        const dataplane::ServiceKey key = plan::key_of(service->settings);
        const auto left = static_cast<int32_t>(found.deadline - tick);
        dataplane::ConnectionRow row;
        row.is_template = true;
        row.protocol = key.protocol;
        row.state = found.connections > 0 ? dataplane::ConnState::kEstablished
                                          : dataplane::ConnState::kNone;
        row.client = {found.key.client, Be16{}};
        row.virtual_service = {virtual_address(key), Be16::from_host(found.key.virtual_port)};
        row.real_server = {server->settings.endpoint.address,
                           found.key.virtual_port == 0 ? Be16{} : server->settings.endpoint.port};
        row.forwarding = plan::slot_of(server->settings).forwarding;
        row.expires_in_seconds = dataplane::to_seconds(static_cast<uint32_t>(std::max(left, 0)));
        row.service = service->id;
        if (filter.fits(row)) {
            page.rows.push_back(connection_view(row));
        }
    }
    if (slot < slots) {
        page.next_cursor = fmt::format("{}:{}", fleet_.size(), slot);
    }
    return page;
}

}  // namespace director::daemon
