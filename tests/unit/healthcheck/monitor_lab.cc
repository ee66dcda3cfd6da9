#include "tests/unit/healthcheck/monitor_lab.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/assert.h"

namespace director::healthcheck::test {

Endpoint at(std::string_view text) {
    const auto endpoint = Endpoint::parse(text);
    DIRECTOR_ASSERT(endpoint.has_value());
    return *endpoint;
}

CheckSettings tcp_check(std::string_view server, Duration interval) {
    CheckSettings check;
    check.target.to = at(server);
    check.timing.interval = interval;
    check.timing.timeout = std::chrono::seconds(1);
    check.timing.warm_up = Duration::zero();
    return check;
}

ServerSettings server_with(std::string_view endpoint, std::vector<CheckSettings> checks) {
    ServerSettings server;
    server.endpoint = at(endpoint);
    server.checks = std::move(checks);
    return server;
}

ServerSettings tcp_server(std::string_view endpoint) {
    return server_with(endpoint, {tcp_check(endpoint)});
}

ServiceSettings service_of(std::vector<ServerSettings> servers) {
    ServiceSettings service;
    service.name = "[192.0.2.1]:tcp:80";
    service.servers = std::move(servers);
    return service;
}

Command program(std::string path) {
    Command command;
    command.arguments = {std::move(path)};
    return command;
}

void MonitorLab::apply(const Settings& settings) {
    Actions actions;
    monitor.apply(settings, clock.now(), actions);
    std::erase_if(tables_, [this](const auto& entry) {
        return monitor.find_service(entry.first) == nullptr;
    });
    take(std::move(actions));
}

void MonitorLab::apply(const ServiceSettings& service) {
    Settings settings;
    settings.services = {service};
    apply(settings);
}

void MonitorLab::stop() {
    Actions actions;
    monitor.stop(actions);
    take(std::move(actions));
}

void MonitorLab::run_for(Duration time) {
    const TimePoint end = clock.now() + time;
    while (true) {
        const TimePoint result_at = due_.empty() ? kNever : due_.begin()->first;
        const TimePoint next = std::min(monitor.deadline(), result_at);
        if (next > end) {
            break;
        }
        clock.jump_to(std::max(next, clock.now()));
        Actions actions;
        if (result_at <= next) {
            const ProbeResult result = due_.begin()->second;
            due_.erase(due_.begin());
            --running;
            monitor.on_result(result, clock.now(), actions);
        } else {
            monitor.on_deadline(clock.now(), actions);
        }
        take(std::move(actions));
    }
    clock.jump_to(end);
}

void MonitorLab::take(Actions actions) {
    for (Action& action : actions) {
        if (const auto* start = std::get_if<StartProbe>(&action)) {
            const Endpoint& target = start->settings->target.to;
            const Answer answer = answers.contains(target) ? answers.at(target) : Answer();
            ProbeResult result;
            result.check = start->check;
            result.attempt = start->attempt;
            result.outcome = answer.outcome;
            result.weight = answer.weight;
            result.text = answer.outcome == Outcome::kPassed ? "" : "refused";
            result.took = answer.after;
            due_.emplace(answer.never ? kNever - std::chrono::hours(1) : clock.now() + answer.after,
                         result);
            started_.push_back({target, clock.now()});
            running_highest = std::max(running_highest, ++running);
        } else if (const auto* cancel = std::get_if<CancelProbe>(&action)) {
            const size_t before = due_.size();
            std::erase_if(due_, [cancel](const auto& entry) {
                return entry.second.attempt == cancel->attempt;
            });
            DIRECTOR_ASSERT(due_.size() + 1 == before);
            --running;
            ++cancelled;
        } else if (const auto* change = std::get_if<TableChange>(&action)) {
            take_change(*change);
        } else if (auto* event = std::get_if<Event>(&action)) {
            events_.push_back(std::move(*event));
        } else {
            commands_.push_back(std::get<RunCommand>(action).command.arguments.front());
        }
    }
}

void MonitorLab::take_change(const TableChange& change) {
    auto& table = tables_[change.service];
    for (const ServerChange& one : change.changes) {
        DIRECTOR_ASSERT(table.contains(one.server) == (one.change != Change::kAdd));
        if (one.change == Change::kRemove) {
            table.erase(one.server);
        } else {
            table[one.server] = TableRow{one.server, one.weight, one.is_sorry_server};
        }
    }
    table_was_empty = table_was_empty || table.empty();
}

std::string MonitorLab::table(const std::string& service) const {
    std::string text;
    const auto found = tables_.find(service);
    if (found == tables_.end()) {
        return text;
    }
    for (const auto& [endpoint, row] : found->second) {
        text += fmt::format("{}{}{}={}",
                            text.empty() ? "" : " ",
                            row.is_sorry_server ? "*" : "",
                            to_string(endpoint),
                            row.weight);
    }
    return text;
}

std::vector<std::string> MonitorLab::texts(EventKind kind) {
    std::vector<std::string> texts;
    for (const Event& event : events_) {
        if (event.kind == kind) {
            texts.push_back(event.text);
        }
    }
    return texts;
}

std::vector<std::string> MonitorLab::commands() {
    return std::exchange(commands_, std::vector<std::string>());
}

std::vector<double> MonitorLab::starts(std::string_view target) const {
    std::vector<double> seconds;
    for (const Started& one : started_) {
        if (one.target == at(target)) {
            seconds.push_back(std::chrono::duration<double>(one.when - start_).count());
        }
    }
    return seconds;
}

void MonitorLab::forget() {
    events_.clear();
    commands_.clear();
}

}  // namespace director::healthcheck::test
