#include "controlplane/daemon/kernel_pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

namespace director::daemon {

using dataplane::InterfaceId;
using dataplane::NeighbourKey;
using dataplane::RouteKind;
using nlohmann::json;

namespace {

// Rows of one page, whatever was asked for: VRRP's timers wait for it.
constexpr size_t kRowsPerPage = 1000;
constexpr const char* kBadCursor = "expected a cursor as the page before gave it";

std::string_view word_of(RouteKind kind) {
    switch (kind) {
        case RouteKind::kOnLink:
            return "on-link";
        case RouteKind::kGateway:
            return "gateway";
        case RouteKind::kLocal:
            return "local";
        case RouteKind::kDiscard:
            return "discard";
        case RouteKind::kNone:
            break;
    }
    return "none";
}

// "3 192.0.2.1"
std::optional<NeighbourKey> read_neighbour(const std::string& text) {
    uint16_t interface = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, interface);
    if (error != std::errc{} || stop == end || *stop != ' ') {
        return std::nullopt;
    }
    const auto address =
        IpAddress::parse(std::string_view(stop + 1, static_cast<size_t>(end - stop - 1)));
    return address ? std::optional(NeighbourKey{*address, InterfaceId{interface}}) : std::nullopt;
}

}  // namespace

Result<server::RoutesPage> routes_page(const std::vector<kernel::PrefixRoute>& routes,
                                       const InterfaceName& name_of,
                                       const std::string& cursor,
                                       size_t limit) {
    auto next = routes.begin();
    if (!cursor.empty()) {
        const auto last = IpPrefix::parse(cursor);
        if (!last) {
            return failure(kBadCursor);
        }
        next = std::upper_bound(routes.begin(),
                                routes.end(),
                                *last,
                                [](const IpPrefix& prefix, const kernel::PrefixRoute& route) {
                                    return prefix < route.to;
                                });
    }
    server::RoutesPage page;
    for (; next != routes.end() && page.routes.size() < limit; ++next) {
        const dataplane::Route& route = next->route;
        const bool is_gateway = route.kind == RouteKind::kGateway;
        const bool is_sent = is_gateway || route.kind == RouteKind::kOnLink;
        page.routes.push_back({to_string(next->to),
                               std::string(word_of(route.kind)),
                               is_gateway ? to_string(route.gateway) : "",
                               is_sent ? name_of(route.interface) : ""});
    }
    if (next != routes.end()) {
        page.next_cursor = page.routes.back().destination;
    }
    return page;
}

Result<server::NeighboursPage> neighbours_page(const kernel::MirrorModel& mirror,
                                               const InterfaceName& name_of,
                                               const std::string& cursor,
                                               size_t limit) {
    std::optional<NeighbourKey> last;
    if (!cursor.empty()) {
        last = read_neighbour(cursor);
        if (!last) {
            return failure(kBadCursor);
        }
    }
    server::NeighboursPage page;
    const auto rows = mirror.neighbours_after(last, limit + 1);
    for (const auto& [key, neighbour] : rows) {
        if (page.neighbours.size() == limit) {
            break;
        }
        const bool is_known = neighbour.state == dataplane::NeighbourState::kReachable;
        page.neighbours.push_back({to_string(key.address),
                                   name_of(key.interface),
                                   is_known ? to_string(neighbour.mac) : "",
                                   is_known ? "reachable" : "failed"});
    }
    if (rows.size() > limit) {
        const NeighbourKey& key = rows[limit - 1].first;
        page.next_cursor = fmt::format("{} {}", index(key.interface), to_string(key.address));
    }
    return page;
}

Result<PageRequest> page_request(const json& params) {
    const json cursor = params.value("cursor", json(""));
    const json limit = params.value("limit", json(kRowsPerPage));
    if (!cursor.is_string() || !limit.is_number_unsigned() || limit.get<uint64_t>() == 0) {
        return failure("expected cursor: string from the page before, limit: 1 or more");
    }
    return PageRequest{cursor.get<std::string>(),
                       std::min<size_t>(limit.get<size_t>(), kRowsPerPage)};
}

}  // namespace director::daemon
