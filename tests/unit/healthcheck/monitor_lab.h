// A Monitor under virtual time, with real servers that a test makes healthy or not. Table changes
// are applied to a table of our own, as a data path would.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "healthcheck/monitor.h"
#include "tests/support/sim_clock.h"

namespace director::healthcheck::test {

[[nodiscard]] Endpoint at(std::string_view text);

// A TCP check with warm-up 0, each `interval`.
[[nodiscard]] CheckSettings tcp_check(std::string_view server,
                                      Duration interval = std::chrono::seconds(2));
[[nodiscard]] ServerSettings server_with(std::string_view endpoint,
                                         std::vector<CheckSettings> checks);
[[nodiscard]] ServerSettings tcp_server(std::string_view endpoint);
// Name "[192.0.2.1]:tcp:80".
[[nodiscard]] ServiceSettings service_of(std::vector<ServerSettings> servers);
[[nodiscard]] Command program(std::string path);

// What a probe of one target gets.
struct Answer {
    Outcome outcome = Outcome::kPassed;
    Duration after = std::chrono::milliseconds(1);
    std::optional<uint32_t> weight = std::nullopt;
    bool never = false;
};

class MonitorLab {
  public:
    explicit MonitorLab(uint64_t seed = 1) : monitor(seed) {}

    void apply(const Settings& settings);
    void apply(const ServiceSettings& service);
    void run_for(Duration time);
    void stop();

    // "10.0.0.1:80=1 10.0.0.2:80=3", the sorry server with a star.
    [[nodiscard]] std::string table(const std::string& service = "[192.0.2.1]:tcp:80") const;
    // Texts of events of these kinds, and commands, since the last call.
    [[nodiscard]] std::vector<std::string> texts(EventKind kind);
    [[nodiscard]] std::vector<std::string> commands();
    // Starts of probes of a target, as seconds since the lab began.
    [[nodiscard]] std::vector<double> starts(std::string_view target) const;
    void forget();

    Monitor monitor;
    director::test::SimClock clock;
    std::map<Endpoint, Answer> answers;  // by target; none: passes
    size_t running = 0;
    size_t running_highest = 0;
    size_t cancelled = 0;
    bool table_was_empty = false;  // between two changes

  private:
    struct Started {
        Endpoint target;
        TimePoint when;
    };
    void take(Actions actions);
    void take_change(const TableChange& change);

    TimePoint start_ = clock.now();
    std::multimap<TimePoint, ProbeResult> due_;
    std::map<std::string, std::map<Endpoint, TableRow>> tables_;
    std::vector<Event> events_;
    std::vector<std::string> commands_;
    std::vector<Started> started_;
};

}  // namespace director::healthcheck::test
