#include "diagnostics/live/health.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

namespace director::diagnostics {
namespace {

// "12 times", "once".
std::string times(uint64_t count) {
    return count == 1 ? "once" : fmt::format("{} times", count);
}

std::string percent(double share) {
    return fmt::format("{:.{}f} %", share * 100, share < 0.1 ? 1 : 0);
}

class Judge {
  public:
    Judge(double observed_s, const HealthSettings& settings)
        : seconds_(fmt::format("{:.0f} s", std::max(1.0, std::round(observed_s)))),
          settings_(settings) {}

    void judge_server(const ObservedServer& observed) {
        const EndFacts& server = observed.facts.server;
        const auto add = [&](Blame blame, double severity, std::string text) {
            verdicts_.push_back(
                {observed.service, observed.server, blame, severity, std::move(text)});
        };
        if (server.zero_windows >= settings_.zero_windows) {
            add(Blame::kServer,
                ratio(server.zero_windows, settings_.zero_windows),
                fmt::format("server {} advertised a zero window {} in {}: the application is not "
                            "reading",
                            observed.server,
                            times(server.zero_windows),
                            seconds_));
        }
        if (const uint64_t failed = observed.facts.unanswered;
            failed >= settings_.handshakes_min &&
            share(failed, observed.facts.opened) >= settings_.handshakes_share) {
            add(Blame::kServer,
                10 * share(failed, observed.facts.opened) / settings_.handshakes_share,
                fmt::format("server {} left {} of {} connections in {} without an answer: it is "
                            "down, full, or its answers do not come this way",
                            observed.server,
                            failed,
                            observed.facts.opened,
                            seconds_));
        }
        judge_resets(observed, server, add);
        if (is_enough(server) && server.share_again() >= settings_.share_again) {
            // What the server sends again got lost behind the director, towards clients, or before.
            add(Blame::kClientNetwork,
                server.share_again() / settings_.share_again,
                fmt::format("server {} had to send {} of its packets again: they are lost on "
                            "their way to clients, or between it and here",
                            observed.server,
                            percent(server.share_again())));
        }
        if (server.trips.count >= settings_.packets_min / 10 &&
            server.trips.mean_s() >= settings_.trip_server_s) {
            add(Blame::kServerNetwork,
                server.trips.mean_s() / settings_.trip_server_s,
                fmt::format("server {} takes {} to acknowledge, {} at worst: its network is slow, "
                            "or its machine is busy",
                            observed.server,
                            duration_text(server.trips.mean_s()),
                            duration_text(server.trips.max_s)));
        }
    }

    void judge_clients(const std::string& service, const ServerFacts& facts) {
        const EndFacts& client = facts.client;
        const auto add = [&](Blame blame, double severity, std::string text) {
            verdicts_.push_back({service, "", blame, severity, std::move(text)});
        };
        if (client.zero_windows >= settings_.zero_windows) {
            add(Blame::kClient,
                ratio(client.zero_windows, settings_.zero_windows) / 2,
                fmt::format("clients of {} advertised a zero window {} in {}: they read slower "
                            "than they are sent",
                            service,
                            times(client.zero_windows),
                            seconds_));
        }
        if (facts.unfinished >= settings_.handshakes_min &&
            share(facts.unfinished, facts.opened) >= settings_.handshakes_share) {
            add(Blame::kClientNetwork,
                share(facts.unfinished, facts.opened) / settings_.handshakes_share,
                fmt::format("{} of {} handshakes with {} were not finished by clients in {}: "
                            "answers do not reach them, or somebody floods it with SYNs",
                            facts.unfinished,
                            facts.opened,
                            service,
                            seconds_));
        }
        if (facts.scans >= settings_.scans_min) {
            add(Blame::kClient,
                ratio(facts.scans, settings_.scans_min),
                fmt::format("{} is being scanned: {} tries in {}", service, facts.scans, seconds_));
        }
        if (is_enough(client) && client.share_again() >= settings_.share_again) {
            add(Blame::kClientNetwork,
                client.share_again() / settings_.share_again,
                fmt::format("clients of {} had to send {} of their packets again",
                            service,
                            percent(client.share_again())));
        }
        if (client.trips.count >= settings_.packets_min / 10 &&
            client.trips.mean_s() >= settings_.trip_client_s) {
            add(Blame::kClientNetwork,
                client.trips.mean_s() / settings_.trip_client_s,
                fmt::format("clients of {} are {} away, {} at worst",
                            service,
                            duration_text(client.trips.mean_s()),
                            duration_text(client.trips.max_s)));
        }
    }

    std::vector<Verdict> take() {
        std::stable_sort(
            verdicts_.begin(), verdicts_.end(), [](const Verdict& a, const Verdict& b) {
                return std::tuple(-a.severity, std::tie(a.service, a.server)) <
                       std::tuple(-b.severity, std::tie(b.service, b.server));
            });
        return std::move(verdicts_);
    }

  private:
    [[nodiscard]] static double share(uint64_t part, uint64_t all) {
        return all != 0 ? static_cast<double>(part) / static_cast<double>(all) : 0;
    }
    [[nodiscard]] static double ratio(uint64_t value, uint64_t threshold) {
        return static_cast<double>(value) / static_cast<double>(std::max<uint64_t>(threshold, 1));
    }
    [[nodiscard]] bool is_enough(const EndFacts& end) const {
        return end.packets >= settings_.packets_min;
    }

    template <typename Add>
    void judge_resets(const ObservedServer& observed, const EndFacts& server, const Add& add) {
        const double of_all = share(server.resets, observed.facts.connections);
        if (server.resets < settings_.resets_min || of_all < settings_.resets_share) {
            return;
        }
        add(Blame::kServer,
            of_all / settings_.resets_share,
            fmt::format("server {} reset {} of {} connections in {}: it refuses, or its "
                        "application ends them early",
                        observed.server,
                        std::min(server.resets, observed.facts.connections),
                        observed.facts.connections,
                        seconds_));
    }

    std::string seconds_;
    HealthSettings settings_;
    std::vector<Verdict> verdicts_;
};

}  // namespace

std::vector<Verdict> judge(std::span<const ObservedServer> servers,
                           double observed_s,
                           const HealthSettings& settings) {
    Judge judge(observed_s, settings);
    std::map<std::string, ServerFacts> services;
    for (const ObservedServer& server : servers) {
        judge.judge_server(server);
        services[server.service].add(server.facts);
    }
    for (const auto& [service, facts] : services) {
        judge.judge_clients(service, facts);
    }
    return judge.take();
}

}  // namespace director::diagnostics
