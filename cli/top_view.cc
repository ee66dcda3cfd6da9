#include "cli/top_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/objects.h"
#include "cli/show_services.h"
#include "cli/show_vrrp.h"
#include "cli/units.h"

namespace director::cli {
namespace {

using Json = nlohmann::json;
using server::ServerView;
using server::ServiceView;
using server::TrafficStats;

constexpr size_t kHeadLines = 4;  // two of status, one blank, the titles
constexpr uint32_t kIntervalMinMs = 250;
constexpr uint32_t kIntervalMaxMs = 60000;

constexpr const char* kHelp = R"(Keys:
  1 2 3 4, Tab     services, servers, connections, workers
  < >, left right  the column that rows are sorted by
  r                the other way round
  /                show rows that contain a text; Enter keeps it, Escape forgets it
  up down, PgUp PgDn, Home End
  space, p         stop and go on
  + -              less often, more often
  ? or h           this; any key goes back
  q                end

Rates are between two looks. With --once: one table as text, with --json for programs.)";

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
    });
    return result;
}

// Per second; counters that went back (`zero`, a restart) give 0.
double rate(uint64_t before, uint64_t now, double seconds) {
    return now < before || seconds <= 0 ? 0 : static_cast<double>(now - before) / seconds;
}

TopCell text_cell(std::string text) {
    return {std::move(text), 0, Style::kPlain};
}

TopCell count_cell(double value) {
    return {human_count(static_cast<uint64_t>(std::llround(value))), value, Style::kPlain};
}

TopCell bits_cell(double bytes) {
    return {human_bit_rate(static_cast<uint64_t>(std::llround(bytes))), bytes, Style::kPlain};
}

// Better states sort behind worse ones.
TopCell state_cell(const Cell& state) {
    const double badness = state.style == Style::kBad ? 2 : state.style == Style::kWarning ? 1 : 0;
    return {state.text, badness, state.style};
}

void add_traffic_columns(TopTable& table) {
    for (const auto& [title, key] : {std::pair{"CONN/S", "connections_per_second"},
                                     std::pair{"PACKETS/S IN", "packets_in_per_second"},
                                     std::pair{"OUT", "packets_out_per_second"},
                                     std::pair{"IN", "bytes_in_per_second"},
                                     std::pair{"OUT", "bytes_out_per_second"},
                                     std::pair{"ACTIVE", "active"},
                                     std::pair{"INACTIVE", "inactive"}}) {
        table.columns.push_back({title, Align::kRight});
        table.keys.emplace_back(key);
    }
    table.columns.push_back({"STATE"});
    table.keys.emplace_back("state");
}

void add_traffic(std::vector<TopCell>& row,
                 const TrafficStats& before,
                 const TrafficStats& now,
                 double seconds) {
    row.push_back(count_cell(rate(before.connections, now.connections, seconds)));
    row.push_back(count_cell(rate(before.packets_in, now.packets_in, seconds)));
    row.push_back(count_cell(rate(before.packets_out, now.packets_out, seconds)));
    row.push_back(bits_cell(rate(before.bytes_in, now.bytes_in, seconds)));
    row.push_back(bits_cell(rate(before.bytes_out, now.bytes_out, seconds)));
}

TopTable services_table(const TopSample& before, const TopSample& now) {
    TopTable table{{{"SERVICE"}, {"SERVERS", Align::kRight}}, {"service", "servers_up"}, {}};
    add_traffic_columns(table);
    std::map<std::string, TrafficStats> older;
    for (const ServiceView& service : before.services.services) {
        older[to_string(service)] = service.stats;
    }
    for (const ServiceView& service : now.services.services) {
        const std::string name = to_string(service);
        const auto up =
            std::count_if(service.servers.begin(), service.servers.end(), takes_connections);
        std::vector<TopCell> row{
            text_cell(name),
            {fmt::format("{}/{}", up, service.servers.size()), static_cast<double>(up), {}}};
        const auto found = older.find(name);
        add_traffic(row,
                    found == older.end() ? service.stats : found->second,
                    service.stats,
                    now.seconds - before.seconds);
        uint64_t active = 0;
        uint64_t inactive = 0;
        for (const ServerView& server : service.servers) {
            active += server.active;
            inactive += server.inactive;
        }
        row.push_back(count_cell(static_cast<double>(active)));
        row.push_back(count_cell(static_cast<double>(inactive)));
        row.push_back(state_cell(state_of(service)));
        table.rows.push_back(std::move(row));
    }
    return table;
}

TopTable servers_table(const TopSample& before, const TopSample& now) {
    TopTable table{
        {{"SERVER"}, {"SERVICE"}, {"WEIGHT", Align::kRight}}, {"server", "service", "weight"}, {}};
    add_traffic_columns(table);
    using Name = std::pair<std::string, std::string>;
    std::map<Name, TrafficStats> older;
    for (const ServiceView& service : before.services.services) {
        for (const ServerView& server : service.servers) {
            older[{to_string(service), endpoint_text(server.address, server.port)}] = server.stats;
        }
    }
    for (const ServiceView& service : now.services.services) {
        for (const ServerView& server : service.servers) {
            const Name name{to_string(service), endpoint_text(server.address, server.port)};
            std::vector<TopCell> row{text_cell(name.second),
                                     text_cell(name.first),
                                     count_cell(static_cast<double>(server.weight))};
            const auto found = older.find(name);
            add_traffic(row,
                        found == older.end() ? server.stats : found->second,
                        server.stats,
                        now.seconds - before.seconds);
            row.push_back(count_cell(static_cast<double>(server.active)));
            row.push_back(count_cell(static_cast<double>(server.inactive)));
            row.push_back(state_cell(state_of(server)));
            table.rows.push_back(std::move(row));
        }
    }
    return table;
}

TopTable connections_table(const TopSample& now) {
    TopTable table{
        {{"CLIENT"},
         {"VIRTUAL"},
         {"SERVER"},
         {"PROTOCOL"},
         {"STATE"},
         {"IDLE", Align::kRight},
         {"EXPIRES IN", Align::kRight}},
        {"client", "virtual", "server", "protocol", "state", "idle_seconds", "expires_seconds"},
        {}};
    for (const server::ConnectionView& one : now.connections) {
        table.rows.push_back(
            {text_cell(endpoint_text(one.client_address, one.client_port)),
             text_cell(endpoint_text(one.virtual_address, one.virtual_port)),
             text_cell(endpoint_text(one.real_address, one.real_port)),
             text_cell(one.is_template ? one.protocol + " template" : one.protocol),
             text_cell(one.state),
             {human_duration(one.idle_seconds), static_cast<double>(one.idle_seconds), {}},
             {human_duration(one.expires_seconds), static_cast<double>(one.expires_seconds), {}}});
    }
    return table;
}

TopTable workers_table(const TopSample& before, const TopSample& now) {
    TopTable table{{{"WORKER"}, {"CPU", Align::kRight}, {"BUSY", Align::kRight}},
                   {"worker", "cpu", "busy_share"},
                   {}};
    using Member = uint64_t server::WorkerView::*;
    const std::array<std::tuple<const char*, const char*, Member>, 5> rates{
        {{"PACKETS/S", "packets_per_second", &server::WorkerView::packets},
         {"FORWARDED/S", "forwarded_per_second", &server::WorkerView::forwarded},
         {"DROPPED/S", "dropped_per_second", &server::WorkerView::dropped},
         {"TO KERNEL/S", "punted_per_second", &server::WorkerView::punted},
         {"NEW/S", "connections_per_second", &server::WorkerView::connections_created}}};
    for (const auto& [title, key, member] : rates) {
        table.columns.push_back({title, Align::kRight});
        table.keys.emplace_back(key);
    }
    for (const auto& [title, key] :
         {std::pair{"NS/PACKET", "ns_per_packet"}, std::pair{"CONNECTIONS", "connections"}}) {
        table.columns.push_back({title, Align::kRight});
        table.keys.emplace_back(key);
    }
    for (size_t i = 0; i < now.workers.workers.size(); ++i) {
        const server::WorkerView& worker = now.workers.workers[i];
        const bool is_new = i >= before.workers.workers.size();
        const server::WorkerView& old = is_new ? worker : before.workers.workers[i];
        std::vector<TopCell> row{{fmt::to_string(worker.id), static_cast<double>(worker.id), {}},
                                 {fmt::to_string(worker.cpu), static_cast<double>(worker.cpu), {}},
                                 {fmt::format("{:.1f} %", worker.busy_share * 100),
                                  worker.busy_share,
                                  worker.busy_share > 0.95  ? Style::kBad
                                  : worker.busy_share > 0.8 ? Style::kWarning
                                                            : Style::kPlain}};
        for (const auto& [title, key, member] : rates) {
            row.push_back(
                count_cell(rate(old.*member, worker.*member, now.seconds - before.seconds)));
        }
        row.push_back({fmt::format("{:.0f}", worker.ns_per_packet), worker.ns_per_packet, {}});
        row.push_back(count_cell(static_cast<double>(worker.connections)));
        table.rows.push_back(std::move(row));
    }
    return table;
}

// What somebody looks for first: the busiest.
size_t sort_column_of(const TopState& state, size_t columns) {
    if (state.sort_column < columns) {
        return state.sort_column;
    }
    switch (state.subject) {
        case TopSubject::kServices:
            return 2;
        case TopSubject::kServers:
            return 3;
        case TopSubject::kConnections:
            return 5;
        case TopSubject::kWorkers:
            return 3;
    }
    return 0;
}

size_t columns_of(TopSubject subject) {
    static const TopSample kNothing;
    return top_table(subject, kNothing, kNothing).columns.size();
}

// Columns that are seen, escape sequences aside.
std::string cut(const std::string& line, size_t columns) {
    std::string out;
    size_t seen = 0;
    bool is_escape = false;
    for (const char c : line) {
        if (c == '\x1b') {
            is_escape = true;
        } else if (!is_escape && seen++ >= columns) {
            continue;
        }
        out += c;
        is_escape = is_escape && c != 'm';
    }
    return out;
}

void add_lines(std::vector<std::string>& lines, std::string_view text) {
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

std::vector<std::string> head(const TopState& state,
                              const TopSample& now,
                              const TopTable& table,
                              Colour colour) {
    const server::StatusView& status = now.status;
    std::vector<std::string> lines;
    lines.push_back(
        fmt::format("{} {}  up {}  services {}/{}  servers {}/{}  connections {} of {}{}",
                    styled("directord", Style::kBold, colour),
                    styled(status.role, style_of_vrrp_state(status.role), colour),
                    human_duration(status.uptime_seconds),
                    status.services_up,
                    status.services,
                    status.servers_up,
                    status.real_servers,
                    human_count(status.connections),
                    human_count(status.connections_max),
                    state.is_paused ? styled("  PAUSED", Style::kWarning, colour) : ""));
    std::string second = fmt::format("{}: {} rows", name_of(state.subject), table.rows.size());
    if (state.subject == TopSubject::kConnections && now.connections.size() < status.connections) {
        second += fmt::format(" of the first {}", now.connections.size());
    }
    if (state.is_typing_filter || !state.filter.empty()) {
        second += fmt::format("  filter: {}{}", state.filter, state.is_typing_filter ? "_" : "");
    } else if (!status.alarms.empty()) {
        second += "  " + styled(status.alarms.front().what, Style::kBad, colour);
    } else {
        second += fmt::format("  every {} s  ? for help", state.interval_ms / 1000.0);
    }
    lines.push_back(second);
    lines.emplace_back();
    return lines;
}

void scroll(TopState& state, ptrdiff_t by, size_t rows, size_t all) {
    const auto last = static_cast<ptrdiff_t>(all > rows ? all - rows : 0);
    state.first_row = static_cast<size_t>(
        std::clamp(static_cast<ptrdiff_t>(state.first_row) + by, ptrdiff_t{0}, last));
}

TopAction show(TopState& state, size_t subject) {
    state = {.subject = static_cast<TopSubject>(subject % kTopSubjects),
             .filter = state.filter,
             .interval_ms = state.interval_ms};
    return TopAction::kAskAnew;
}

TopAction type(TopState& state, KeyPress key) {
    if (key.key == Key::kEnter) {
        state.is_typing_filter = false;
    } else if (key.key == Key::kEscape) {
        state.is_typing_filter = false;
        state.filter.clear();
    } else if (key.key == Key::kBackspace) {
        if (!state.filter.empty()) {
            state.filter.pop_back();
        }
    } else if (key.key == Key::kCharacter) {
        state.filter += key.character;
    }
    state.first_row = 0;
    return TopAction::kRedraw;
}

TopAction press_character(TopState& state, char character) {
    const size_t columns = columns_of(state.subject);
    const size_t sorted = sort_column_of(state, columns);
    switch (character) {
        case 'q':
            return TopAction::kQuit;
        case '1':
        case '2':
        case '3':
        case '4':
            return show(state, static_cast<size_t>(character - '1'));
        case '<':
            state.sort_column = (sorted + columns - 1) % columns;
            return TopAction::kRedraw;
        case '>':
            state.sort_column = (sorted + 1) % columns;
            return TopAction::kRedraw;
        case 'r':
            state.is_ascending = !state.is_ascending;
            return TopAction::kRedraw;
        case '/':
            state.is_typing_filter = true;
            return TopAction::kRedraw;
        case 'p':
        case ' ':
            state.is_paused = !state.is_paused;
            return state.is_paused ? TopAction::kRedraw : TopAction::kAskAnew;
        case '+':
            state.interval_ms = std::min(state.interval_ms * 2, kIntervalMaxMs);
            return TopAction::kRedraw;
        case '-':
            state.interval_ms = std::max(state.interval_ms / 2, kIntervalMinMs);
            return TopAction::kRedraw;
        case '?':
        case 'h':
            state.shows_help = true;
            return TopAction::kRedraw;
        default:
            return TopAction::kRedraw;
    }
}

}  // namespace

std::string_view name_of(TopSubject subject) {
    constexpr std::array<std::string_view, kTopSubjects> kNames{
        "services", "servers", "connections", "workers"};
    return kNames[static_cast<size_t>(subject)];
}

TopTable top_table(TopSubject subject, const TopSample& before, const TopSample& now) {
    switch (subject) {
        case TopSubject::kServices:
            return services_table(before, now);
        case TopSubject::kServers:
            return servers_table(before, now);
        case TopSubject::kConnections:
            return connections_table(now);
        case TopSubject::kWorkers:
            return workers_table(before, now);
    }
    return {};
}

TopAction press(TopState& state, KeyPress key, size_t rows, size_t all) {
    if (key.key == Key::kNone) {
        return TopAction::kRedraw;
    }
    if (state.shows_help) {
        state.shows_help = false;
        return TopAction::kRedraw;
    }
    if (state.is_typing_filter) {
        return type(state, key);
    }
    const auto page = static_cast<ptrdiff_t>(std::max<size_t>(rows, 1));
    switch (key.key) {
        case Key::kCharacter:
            return press_character(state, key.character);
        case Key::kTab:
            return show(state, static_cast<size_t>(state.subject) + 1);
        case Key::kEscape:
            state.filter.clear();
            break;
        case Key::kLeft:
            return press_character(state, '<');
        case Key::kRight:
            return press_character(state, '>');
        case Key::kUp:
            scroll(state, -1, rows, all);
            break;
        case Key::kDown:
            scroll(state, 1, rows, all);
            break;
        case Key::kPageUp:
            scroll(state, -page, rows, all);
            break;
        case Key::kPageDown:
            scroll(state, page, rows, all);
            break;
        case Key::kHome:
            state.first_row = 0;
            break;
        case Key::kEnd:
            scroll(state, static_cast<ptrdiff_t>(all), rows, all);
            break;
        default:
            break;
    }
    return TopAction::kRedraw;
}

void arrange(TopTable& table, const TopState& state) {
    const std::string wanted = lower(state.filter);
    std::erase_if(table.rows, [&wanted](const std::vector<TopCell>& row) {
        return !wanted.empty() && std::none_of(row.begin(), row.end(), [&](const TopCell& cell) {
            return lower(cell.text).find(wanted) != std::string::npos;
        });
    });
    const size_t column = sort_column_of(state, table.columns.size());
    // Numbers begin with the largest, texts with the first letter.
    std::stable_sort(table.rows.begin(),
                     table.rows.end(),
                     [&](const std::vector<TopCell>& a, const std::vector<TopCell>& b) {
                         const TopCell& one = state.is_ascending ? b[column] : a[column];
                         const TopCell& other = state.is_ascending ? a[column] : b[column];
                         return one.value != other.value ? one.value > other.value
                                                         : one.text < other.text;
                     });
}

size_t rows_of(ScreenSize size) {
    return size.rows > kHeadLines ? size.rows - kHeadLines : 0;
}

std::vector<std::string> top_frame(const TopState& state,
                                   const TopSample& now,
                                   const TopTable& table,
                                   ScreenSize size,
                                   Colour colour) {
    std::vector<std::string> lines = head(state, now, table, colour);
    if (state.shows_help) {
        add_lines(lines, kHelp);
    } else {
        const size_t sorted = sort_column_of(state, table.columns.size());
        std::vector<Column> columns = table.columns;
        columns[sorted].title += state.is_ascending ? "^" : "*";
        Table text(columns);
        const size_t first = std::min(state.first_row, table.rows.size());
        const size_t last = std::min(first + rows_of(size), table.rows.size());
        for (size_t i = first; i < last; ++i) {
            std::vector<Cell> row;
            for (const TopCell& cell : table.rows[i]) {
                row.push_back({cell.text, cell.style});
            }
            text.add(std::move(row));
        }
        add_lines(lines, text.render(colour));
    }
    lines.resize(std::min(lines.size(), size.rows));
    for (std::string& line : lines) {
        line = cut(line, size.columns);
    }
    return lines;
}

Json top_document(TopSubject subject,
                  const TopSample& before,
                  const TopSample& now,
                  const TopTable& table) {
    Json rows = Json::array();
    for (const std::vector<TopCell>& cells : table.rows) {
        Json row = Json::object();
        for (size_t i = 0; i < cells.size(); ++i) {
            const bool is_number =
                table.columns[i].align == Align::kRight || table.keys[i] == "worker";
            row[table.keys[i]] = is_number ? Json(cells[i].value) : Json(cells[i].text);
        }
        rows.push_back(std::move(row));
    }
    return {{"view", name_of(subject)},
            {"interval_seconds", now.seconds - before.seconds},
            {"rows", std::move(rows)}};
}

}  // namespace director::cli
