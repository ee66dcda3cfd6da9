#include "cli/show_services.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/objects.h"
#include "cli/units.h"

namespace director::cli {
namespace {

using server::ServerView;
using server::ServiceView;

Cell servers_cell(const ServiceView& service) {
    const auto all = std::count_if(service.servers.begin(),
                                   service.servers.end(),
                                   [](const ServerView& one) { return !one.is_retired; });
    const auto serving =
        std::count_if(service.servers.begin(), service.servers.end(), takes_connections);
    return {fmt::format("{}/{}", serving, all),
            serving == 0    ? Style::kBad
            : serving < all ? Style::kWarning
                            : Style::kPlain};
}

std::vector<Column> traffic_columns(std::vector<Column> first) {
    for (const char* title : {"CONN/S", "IN", "OUT", "ACTIVE", "INACTIVE"}) {
        first.push_back({title, Align::kRight});
    }
    first.push_back({"STATE"});
    return first;
}

template <typename View>
void add_traffic(std::vector<Cell>& row, const View& view, uint64_t active, uint64_t inactive) {
    row.push_back({human_count(view.rates.connections)});
    row.push_back({human_bit_rate(view.rates.bytes_in)});
    row.push_back({human_bit_rate(view.rates.bytes_out)});
    row.push_back({human_count(active)});
    row.push_back({human_count(inactive)});
    row.push_back(state_of(view));
}

uint64_t sum(const ServiceView& service, uint64_t ServerView::*member) {
    uint64_t result = 0;
    for (const ServerView& server : service.servers) {
        result += server.*member;
    }
    return result;
}

// What a check that connects may not notice.
std::string failures_line(const ServerView& server) {
    return fmt::format("{:<14}{}: {} connections without an answer, {} reset by it\n",
                       "failures",
                       endpoint_text(server.address, server.port),
                       server.unanswered,
                       server.resets);
}

std::string stats_line(const char* name, const server::TrafficStats& stats) {
    return fmt::format("{:<14}{} connections, {} packets in, {} out, {} in, {} out\n",
                       name,
                       stats.connections,
                       stats.packets_in,
                       stats.packets_out,
                       human_bytes(stats.bytes_in),
                       human_bytes(stats.bytes_out));
}

}  // namespace

bool takes_connections(const ServerView& server) {
    return server.weight > 0 && !server.is_out && !server.is_retired && !server.is_draining;
}

Cell state_of(const ServiceView& service) {
    if (service.is_retired) {
        return {"retired", Style::kPlain};
    }
    if (std::none_of(service.servers.begin(), service.servers.end(), takes_connections)) {
        return {"no server", Style::kBad};
    }
    return service.is_under_attack ? Cell{"under attack", Style::kWarning}
                                   : Cell{"up", Style::kGood};
}

Cell state_of(const ServerView& server) {
    if (server.is_retired) {
        return {"retired", Style::kPlain};
    }
    if (server.is_out) {
        return {"out", Style::kBad};
    }
    if (server.is_draining) {
        return {"draining", Style::kWarning};
    }
    if (server.weight == 0) {
        return {"weight 0", Style::kWarning};
    }
    return server.is_overloaded ? Cell{"overloaded", Style::kWarning} : Cell{"up", Style::kGood};
}

std::string show_services(const std::vector<ServiceView>& services, Colour colour) {
    if (services.empty()) {
        return "there are no services\n";
    }
    Table table(traffic_columns({{"SERVICE"}, {"SCHEDULER"}, {"SERVERS", Align::kRight}}));
    for (const ServiceView& service : services) {
        std::vector<Cell> row{{to_string(service)}, {service.scheduler}, servers_cell(service)};
        add_traffic(
            row, service, sum(service, &ServerView::active), sum(service, &ServerView::inactive));
        table.add(std::move(row));
    }
    return table.render(colour);
}

std::string show_servers(const std::vector<ServiceView>& services, Colour colour) {
    Table table(
        traffic_columns({{"SERVICE"}, {"SERVER"}, {"FORWARDING"}, {"WEIGHT", Align::kRight}}));
    bool is_empty = true;
    for (const ServiceView& service : services) {
        // As they stand in the configuration: the last one added comes first in the answer.
        for (auto server = service.servers.rbegin(); server != service.servers.rend(); ++server) {
            std::vector<Cell> row{
                {to_string(service)},
                {endpoint_text(server->address, server->port)},
                {server->tunnel.empty()
                     ? server->forwarding
                     : fmt::format("{} ({})", server->forwarding, server->tunnel)},
                {fmt::format("{}", server->weight)}};
            add_traffic(row, *server, server->active, server->inactive);
            table.add(std::move(row));
            is_empty = false;
        }
    }
    return is_empty ? "there are no real servers\n" : table.render(colour);
}

std::string show_service(const ServiceView& service, Colour colour) {
    const Cell state = state_of(service);
    std::string out = fmt::format("{}  {}\n",
                                  styled(to_string(service), Style::kBold, colour),
                                  styled(state.text, state.style, colour));
    out += fmt::format("{:<14}{}{}{}\n",
                       "scheduler",
                       service.scheduler,
                       service.flags.empty() ? "" : " ",
                       service.flags);
    if (service.half_open > 0) {
        out += fmt::format("{:<14}{}\n", "half-open", service.half_open);
    }
    out += stats_line("since start", service.stats);
    out += fmt::format("{:<14}{} connections/s, {} packets/s in, {} out, {} in, {} out\n",
                       "now",
                       human_count(service.rates.connections),
                       human_count(service.rates.packets_in),
                       human_count(service.rates.packets_out),
                       human_bit_rate(service.rates.bytes_in),
                       human_bit_rate(service.rates.bytes_out));
    for (const ServerView& server : service.servers) {
        out += server.unanswered + server.resets > 0 ? failures_line(server) : "";
    }
    return out + "\n" + show_servers({service}, colour);
}

}  // namespace director::cli
