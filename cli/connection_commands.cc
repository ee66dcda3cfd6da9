#include "cli/connection_commands.h"

#include <fmt/format.h>

#include <cstdio>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/ask.h"
#include "cli/objects.h"
#include "cli/units.h"

namespace director::cli {
namespace {

using Json = nlohmann::json;
using server::ConnectionView;

// Calls `use` with each page in turn, until there is none or `use` answers false.
int each_page(const Settings& settings,
              const server::MethodText& method,
              Json params,
              const std::function<bool(const Json& page)>& use) {
    auto client = Client::connect(settings.socket);
    if (!client) {
        return complain(kExitUnreachable, client.error().message);
    }
    for (;;) {
        const auto page = client->call(method.name, params);
        if (!page) {
            return complain(page.error());
        }
        const std::string next = page->value("next_cursor", "");
        if (!use(*page) || next.empty()) {
            return kExitOk;
        }
        params["cursor"] = next;
    }
}

// The arguments of "connections"; failure: what is wrong with the query.
Result<Json> params_of(const ConnectionQuery& query) {
    Json params = Json::object();
    const auto put = [&params](const char* name, const std::string& value) {
        if (!value.empty()) {
            params[name] = value;
        }
    };
    put("client", query.client);
    put("server", query.server);
    put("protocol", query.protocol);
    put("state", query.state);
    if (IpAddress::parse(query.service)) {
        params["virtual"] = query.service;
    } else if (!query.service.empty()) {
        const auto service = ServiceName::parse(query.service);
        if (!service) {
            return Failure(service.error());
        }
        if (service->mark != 0) {
            params["mark"] = service->mark;
            params["is_ipv6"] = service->is_ipv6;
        } else {
            params["virtual"] = to_string(service->endpoint);
            put("protocol", service->protocol);
        }
    }
    if (query.idle_seconds_min) {
        params["idle_seconds_min"] = *query.idle_seconds_min;
    }
    if (query.idle_seconds_max) {
        params["idle_seconds_max"] = *query.idle_seconds_max;
    }
    return params;
}

// Columns as wide as those of the widest page so far, so that rows can be printed before all are
// known.
class StreamedTable {
  public:
    StreamedTable(std::vector<Column> columns, Colour colour)
        : columns_(std::move(columns)), colour_(colour), widths_(columns_.size(), 0) {}

    void print(const std::vector<std::vector<Cell>>& rows) {
        Table table(columns_);
        table.widen(widths_);
        for (const std::vector<Cell>& row : rows) {
            table.add(row);
        }
        widths_ = table.widths();
        const std::string text = table.render(colour_);
        fmt::print("{}", is_begun_ ? text.substr(text.find('\n') + 1) : text);
        is_begun_ = true;
    }
    [[nodiscard]] bool is_begun() const { return is_begun_; }

  private:
    std::vector<Column> columns_;
    Colour colour_;
    std::vector<size_t> widths_;
    bool is_begun_ = false;
};

std::vector<Cell> row_of(const ConnectionView& row) {
    return {{row.is_template ? row.protocol + " template" : row.protocol},
            {row.state},
            {endpoint_text(row.client_address, row.client_port)},
            {endpoint_text(row.virtual_address, row.virtual_port)},
            {endpoint_text(row.real_address, row.real_port)},
            {row.forwarding},
            {human_duration(row.idle_seconds)},
            {human_duration(row.expires_seconds)}};
}

// `text` has a line for each row, the answer of `method` a list called `rows`.
int list_pages(const Settings& settings,
               const server::MethodText& method,
               const char* rows,
               StreamedTable table,
               const std::function<std::vector<Cell>(const Json& row)>& cells) {
    Json all = Json::array();
    const int exit_code = each_page(settings, method, Json::object(), [&](const Json& page) {
        std::vector<std::vector<Cell>> lines;
        for (const Json& row : page.at(rows)) {
            if (settings.output == Output::kJson) {
                all.push_back(row);
            } else {
                lines.push_back(cells(row));
            }
        }
        if (settings.output == Output::kText) {
            table.print(lines);
        }
        return true;
    });
    if (exit_code == kExitOk && settings.output == Output::kJson) {
        fmt::print("{}", document({{rows, all}}));
    }
    return exit_code;
}

}  // namespace

int run_conn_list(const Settings& settings, const ConnectionQuery& query) {
    const auto params = params_of(query);
    if (!params) {
        return complain(kExitUsage, params.error().message);
    }
    StreamedTable table({{"PROTOCOL"},
                         {"STATE"},
                         {"CLIENT"},
                         {"VIRTUAL"},
                         {"SERVER"},
                         {"FORWARDING"},
                         {"IDLE", Align::kRight},
                         {"EXPIRES IN", Align::kRight}},
                        settings.colour);
    uint64_t left = query.rows_max == 0 ? UINT64_MAX : query.rows_max;
    return each_page(settings, server::kConnections, *params, [&](const Json& answer) {
        auto page = answer.get<server::ConnectionsPage>();
        if (page.rows.size() > left) {
            page.rows.resize(left);
        }
        left -= page.rows.size();
        if (settings.output == Output::kJson) {
            for (const ConnectionView& row : page.rows) {
                fmt::print("{}\n", Json(row).dump());
            }
        } else if (!page.rows.empty() || !table.is_begun()) {
            std::vector<std::vector<Cell>> rows;
            for (const ConnectionView& row : page.rows) {
                rows.push_back(row_of(row));
            }
            table.print(rows);
        }
        // Whoever reads sees them now, and ends us by closing the pipe.
        return std::fflush(stdout) == 0 && left > 0;
    });
}

int run_conn_count(const Settings& settings, const ConnectionQuery& query) {
    const auto params = params_of(query);
    if (!params) {
        return complain(kExitUsage, params.error().message);
    }
    std::map<std::string, uint64_t> states;
    uint64_t all = 0;
    uint64_t templates = 0;
    const int exit_code =
        each_page(settings, server::kConnections, *params, [&](const Json& answer) {
            for (const ConnectionView& row : answer.get<server::ConnectionsPage>().rows) {
                templates += row.is_template ? 1U : 0U;
                if (!row.is_template) {
                    ++all;
                    ++states[row.protocol + " " + row.state];
                }
            }
            return true;
        });
    if (exit_code != kExitOk) {
        return exit_code;
    }
    return print(settings,
                 {{"connections", all}, {"templates", templates}, {"states", states}},
                 [&](const Json&) {
                     Table table({{"STATE"}, {"CONNECTIONS", Align::kRight}});
                     for (const auto& [state, count] : states) {
                         table.add({{state}, {fmt::to_string(count)}});
                     }
                     table.add({{"all"}, {fmt::to_string(all)}});
                     if (templates > 0) {
                         table.add({{"templates besides"}, {fmt::to_string(templates)}});
                     }
                     return table.render(settings.colour);
                 });
}

int run_route_list(const Settings& settings) {
    return list_pages(settings,
                      server::kRoutes,
                      "routes",
                      {{{"DESTINATION"}, {"KIND"}, {"GATEWAY"}, {"INTERFACE"}}, settings.colour},
                      [](const Json& row) -> std::vector<Cell> {
                          const auto route = row.get<server::RouteView>();
                          return {{route.destination},
                                  {route.kind},
                                  {route.gateway.empty() ? "-" : route.gateway},
                                  {route.interface.empty() ? "-" : route.interface}};
                      });
}

int run_neigh_list(const Settings& settings) {
    return list_pages(settings,
                      server::kNeighbours,
                      "neighbours",
                      {{{"ADDRESS"}, {"INTERFACE"}, {"MAC"}, {"STATE"}}, settings.colour},
                      [](const Json& row) -> std::vector<Cell> {
                          const auto one = row.get<server::NeighbourView>();
                          return {{one.address},
                                  {one.interface},
                                  {one.mac.empty() ? "-" : one.mac},
                                  {one.state, one.state == "failed" ? Style::kBad : Style::kGood}};
                      });
}

}  // namespace director::cli
