#include "healthcheck/service_health.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "healthcheck/names.h"
#include "healthcheck/slow_start.h"

namespace director::healthcheck {
namespace {

bool counts_as_up(const CheckView& view, bool was_up) {
    // Without clients a passive check has nothing to say, and an alpha server would get none.
    return view.state == CheckState::kUp ||
           (view.state == CheckState::kUntried && (was_up || view.is_passive));
}

}  // namespace

ServiceHealth::ServiceHealth(const ServiceSettings& settings,
                             bool notify_first_state,
                             ServerChecks checks,
                             TimePoint now)
    : notify_first_state_(notify_first_state) {
    replace(settings, std::move(checks), now);
}

void ServiceHealth::replace(const ServiceSettings& settings, ServerChecks checks, TimePoint now) {
    const std::vector<ServerStatus> old_servers = std::move(servers_);
    const std::vector<Private> old_private = std::move(private_);
    std::map<Endpoint, size_t> old_places;
    for (size_t i = 0; i < old_servers.size(); ++i) {
        old_places.emplace(old_servers[i].endpoint, i);
    }
    const Table old_rows = table();
    std::map<Endpoint, size_t> places;
    settings_ = settings;
    checks_ = std::move(checks);
    servers_.clear();
    private_.clear();
    for (const ServerSettings& server : settings_.servers) {
        places.emplace(server.endpoint, servers_.size());
        const auto old = old_places.find(server.endpoint);
        if (old != old_places.end()) {
            servers_.push_back(old_servers[old->second]);
            private_.push_back(old_private[old->second]);
            private_.back().was_up = servers_.back().is_up;
            continue;
        }
        ServerStatus& made = servers_.emplace_back();
        made.endpoint = server.endpoint;
        made.is_up = !server.alpha || server.checks.empty();
        made.weight = server.weight;
        made.since = now;
        private_.emplace_back().was_up = made.is_up;
    }
    sorry_place_ = servers_.size();
    if (settings_.sorry_server) {
        sorry_place_ = places.emplace(settings_.sorry_server->endpoint, sorry_place_).first->second;
    }
    rows_.assign(servers_.size() + 1, std::nullopt);
    for (const TableRow& row : old_rows) {
        if (const auto place = places.find(row.server); place != places.end()) {
            rows_[place->second] = row;
        } else {
            gone_.push_back(row);
        }
    }
}

Table ServiceHealth::table() const {
    Table table;
    for (const auto& row : rows_) {
        if (row) {
            table.push_back(*row);
        }
    }
    return table;
}

void ServiceHealth::update(TimePoint now, const CheckViews& views, Actions& actions) {
    Actions late;
    judge_servers(views, late);
    turn_servers(now, late);
    turn_quorum(late);
    say_table(wanted_rows(now), actions, late);
    is_said_ = true;
    actions.insert(
        actions.end(), std::make_move_iterator(late.begin()), std::make_move_iterator(late.end()));
}

// Which servers should be up by their checks, and with which weight.
void ServiceHealth::judge_servers(const CheckViews& views, Actions& late) {
    for (size_t i = 0; i < servers_.size(); ++i) {
        Private& mine = private_[i];
        const bool was_tried = servers_[i].is_tried;
        servers_[i].is_tried = true;
        mine.is_up_wanted = true;
        for (const CheckId id : checks_[i]) {
            const CheckView& view = views[static_cast<size_t>(id)];
            mine.is_up_wanted = mine.is_up_wanted && counts_as_up(view, mine.was_up);
            // Too few clients leave a passive check untried for as long as it takes.
            if (view.state == CheckState::kUntried && !view.is_passive) {
                servers_[i].is_tried = false;
            }
        }
        weigh(i, views);
        const ServerSettings& server = settings_.servers[i];
        if (notify_first_state_ && servers_[i].is_tried && !was_tried && !server.checks.empty() &&
            mine.is_up_wanted == servers_[i].is_up) {
            command(servers_[i].is_up ? server.notify_up : server.notify_down, late);
        }
    }
    limit_passive(views, late);
}

void ServiceHealth::weigh(size_t index, const CheckViews& views) {
    const uint32_t configured = settings_.servers[index].weight;
    std::optional<uint32_t> smallest;
    for (const CheckId id : checks_[index]) {
        if (const auto& weight = views[static_cast<size_t>(id)].weight) {
            smallest = std::min(smallest.value_or(*weight), *weight);
        }
    }
    // Weight 0 is an administrator who wants no new connections there.
    servers_[index].weight = configured == 0 ? 0 : smallest.value_or(configured);
}

// What clients meet may have its cause on their side of us, where it hits all servers alike. So
// those that nothing but a passive check speaks against may leave up to a share; the first ones do.
void ServiceHealth::limit_passive(const CheckViews& views, Actions& late) {
    struct Suspect {
        uint64_t order = 0;
        size_t index = 0;
    };
    std::vector<Suspect> suspects;
    for (size_t i = 0; i < servers_.size(); ++i) {
        bool others_say_up = true;
        uint64_t order = 0;
        for (const CheckId id : checks_[i]) {
            const CheckView& view = views[static_cast<size_t>(id)];
            if (!view.is_passive) {
                others_say_up = others_say_up && counts_as_up(view, private_[i].was_up);
            } else if (view.state == CheckState::kDown) {
                order = view.down_order;
            }
        }
        if (others_say_up && order != 0) {
            suspects.push_back({order, i});
        } else {
            servers_[i].passive_is_ignored = false;
        }
    }
    std::sort(suspects.begin(), suspects.end(), [](const Suspect& a, const Suspect& b) {
        return a.order < b.order;
    });
    const size_t allowed = servers_.size() * settings_.passive_share_max_percent / 100;
    for (size_t i = 0; i < suspects.size(); ++i) {
        ServerStatus& server = servers_[suspects[i].index];
        const bool is_ignored = i >= allowed;
        private_[suspects[i].index].is_up_wanted = is_ignored;
        if (is_ignored && !server.passive_is_ignored) {
            event(EventKind::kPassiveIgnored,
                  LogLevel::kWarning,
                  server.endpoint,
                  fmt::format("passive check of service {} of VS {} is ignored: it may not take "
                              "more than {} of {} servers out",
                              server_name(server.endpoint, settings_.protocol),
                              settings_.name,
                              allowed,
                              servers_.size()),
                  late);
        }
        server.passive_is_ignored = is_ignored;
    }
}

void ServiceHealth::turn_servers(TimePoint now, Actions& late) {
    for (size_t i = 0; i < servers_.size(); ++i) {
        ServerStatus& server = servers_[i];
        if (server.is_up == private_[i].is_up_wanted) {
            continue;
        }
        const ServerSettings& settings = settings_.servers[i];
        server.is_up = private_[i].is_up_wanted;
        server.since = now;
        private_[i].ramp = {
            .is_on = server.is_up && settings.slow_start.duration > Duration::zero(), .since = now};
        event(server.is_up ? EventKind::kServerUp : EventKind::kServerDown,
              server.is_up ? LogLevel::kInfo : LogLevel::kWarning,
              server.endpoint,
              fmt::format("service {} of VS {} is {}",
                          server_name(server.endpoint, settings_.protocol),
                          settings_.name,
                          server.is_up ? "up" : "down"),
              late);
        command(server.is_up ? settings.notify_up : settings.notify_down, late);
    }
}

uint64_t ServiceHealth::weight_up() const {
    uint64_t sum = 0;
    for (const ServerStatus& server : servers_) {
        sum += server.is_up ? server.weight : 0;
    }
    return sum;
}

void ServiceHealth::turn_quorum(Actions& late) {
    uint64_t total = 0;
    for (const ServerSettings& server : settings_.servers) {
        total += server.weight;
    }
    // keepalived reduces a quorum above the total weight, and a hysteresis above the quorum; what
    // could never be gained again would be a trap.
    const uint64_t quorum = std::max<uint64_t>(std::min<uint64_t>(settings_.quorum, total), 1);
    const uint64_t hysteresis = std::min<uint64_t>(settings_.hysteresis, quorum - 1);
    const uint64_t sum = weight_up();
    if (!is_said_) {
        has_quorum_ = sum >= quorum;
        return;
    }
    if (has_quorum_ && (sum < quorum - hysteresis || sum == 0)) {
        has_quorum_ = false;
        event(EventKind::kQuorumLost,
              LogLevel::kWarning,
              {},
              fmt::format("Lost quorum {}-{}={} > {} for VS {}",
                          quorum,
                          hysteresis,
                          quorum - hysteresis,
                          sum,
                          settings_.name),
              late);
        command(settings_.quorum_down, late);
    } else if (!has_quorum_ && sum > 0 &&
               sum >= std::min(quorum + hysteresis, std::max<uint64_t>(total, 1))) {
        has_quorum_ = true;
        event(EventKind::kQuorumGained,
              LogLevel::kInfo,
              {},
              fmt::format("Gained quorum {}+{}={} <= {} for VS {}",
                          quorum,
                          hysteresis,
                          quorum + hysteresis,
                          sum,
                          settings_.name),
              late);
        command(settings_.quorum_up, late);
    }
}

// Also plans the next step of slow starts.
ServiceHealth::Rows ServiceHealth::wanted_rows(TimePoint now) {
    Rows wanted(rows_.size());
    deadline_ = kNever;
    for (size_t i = 0; i < servers_.size(); ++i) {
        ServerStatus& server = servers_[i];
        const ServerSettings& settings = settings_.servers[i];
        Ramp& ramp = private_[i].ramp;
        uint32_t weight = server.weight;
        if (ramp.is_on) {
            const Duration elapsed = now - ramp.since;
            const Duration next = next_ramp_step(elapsed, settings.slow_start);
            weight = ramped_weight(weight, elapsed, settings.slow_start);
            ramp.is_on = next != Duration::zero();
            deadline_ = ramp.is_on ? std::min(deadline_, ramp.since + next) : deadline_;
        }
        server.weight_now.reset();
        if (server.is_up && !sorry_server_is_used()) {
            server.weight_now = weight;
        } else if (settings.inhibit_on_failure) {
            server.weight_now = 0;
        }
        if (server.weight_now) {
            wanted[i] = TableRow{server.endpoint, *server.weight_now, false};
        }
    }
    want_sorry_server(wanted);
    return wanted;
}

// A server that is both real and sorry has one row: the sorry server's while there is no quorum.
void ServiceHealth::want_sorry_server(Rows& wanted) const {
    if (!settings_.sorry_server) {
        return;
    }
    const SorryServer& sorry = *settings_.sorry_server;
    std::optional<TableRow>& row = wanted[sorry_place_];
    if (sorry_server_is_used()) {
        row = TableRow{sorry.endpoint, sorry.weight, true};
    } else if (sorry.inhibit && !row) {
        row = TableRow{sorry.endpoint, 0, true};
    }
}

void ServiceHealth::say_table(Rows wanted, Actions& actions, Actions& late) {
    TableChange change{settings_.name, {}};
    for (const TableRow& row : std::exchange(gone_, {})) {
        say_change(row, std::nullopt, sorry_place_, change, late);
    }
    for (size_t i = 0; i < wanted.size(); ++i) {
        if (wanted[i] != rows_[i]) {
            say_change(rows_[i], wanted[i], i, change, late);
        }
    }
    rows_ = std::move(wanted);
    if (!change.changes.empty()) {
        actions.emplace_back(std::move(change));
    }
}

void ServiceHealth::say_change(const std::optional<TableRow>& before,
                               const std::optional<TableRow>& after,
                               size_t place,
                               TableChange& change,
                               Actions& late) const {
    const TableRow& row = after ? *after : *before;
    change.changes.push_back({!after    ? Change::kRemove
                              : !before ? Change::kAdd
                                        : Change::kSetWeight,
                              row.server,
                              after ? row.weight : 0,
                              row.is_sorry_server});
    if (is_said_) {  // the first table is no news
        event(EventKind::kTable, LogLevel::kInfo, row.server, describe(before, after, place), late);
        std::get<Event>(late.back()).is_sorry_server = row.is_sorry_server;
    }
}

// In the words of keepalived 2.2, which scripts look for.
std::string ServiceHealth::describe(const std::optional<TableRow>& before,
                                    const std::optional<TableRow>& after,
                                    size_t place) const {
    const TableRow& row = after ? *after : *before;
    const std::string server = server_name(row.server, settings_.protocol);
    if (row.is_sorry_server) {
        return row.weight > 0 && after
                   ? fmt::format("Adding sorry server {} to VS {}", server, settings_.name)
                   : fmt::format("Removing sorry server {} from VS {}", server, settings_.name);
    }
    if (!after) {
        return fmt::format("Removing service {} from VS {}", server, settings_.name);
    }
    if (!before) {
        return fmt::format("Adding service {} to VS {}", server, settings_.name);
    }
    const bool is_inhibited = settings_.servers[place].inhibit_on_failure;
    if (is_inhibited && (!servers_[place].is_up || sorry_server_is_used())) {
        return fmt::format("Disabling service {} of VS {}", server, settings_.name);
    }
    if (is_inhibited && before->weight == 0) {
        return fmt::format("Enabling service {} of VS {}", server, settings_.name);
    }
    return fmt::format("Changing weight from {} to {} for active service {} of VS {}",
                       before->weight,
                       row.weight,
                       server,
                       settings_.name);
}

void ServiceHealth::stop(Actions& actions) const {
    if (!settings_.omega) {
        return;
    }
    for (size_t i = 0; i < servers_.size(); ++i) {
        if (servers_[i].is_up) {
            command(settings_.servers[i].notify_down, actions);
        }
    }
    if (has_quorum_) {
        command(settings_.quorum_down, actions);
    }
}

void ServiceHealth::event(EventKind kind,
                          LogLevel level,
                          std::optional<Endpoint> server,
                          std::string text,
                          Actions& late) const {
    late.emplace_back(Event{kind, level, settings_.name, server, std::move(text)});
}

void ServiceHealth::command(const Command& command, Actions& late) const {
    if (command.is_set()) {
        late.emplace_back(RunCommand{settings_.name, command});
    }
}

}  // namespace director::healthcheck
