// Monitor against a slow model of its rules: random results, reloads and waits. The model keeps
// each check's history as a string of letters and reads states off its end; quorum and table follow
// from definitions. A failing seed is printed with what was done.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "common/random.h"
#include "healthcheck/monitor.h"
#include "tests/unit/healthcheck/monitor_lab.h"

namespace director::healthcheck::test {
namespace {

// Without retries: at the first letter that decides, and then wherever `rise` P or `fall` F come
// one after the other (U between them does not count).
bool is_up_by(const std::string& history, bool assumed, uint32_t rise, uint32_t fall) {
    std::string letters = history;
    std::erase(letters, 'U');
    if (letters.empty()) {
        return assumed;
    }
    bool up = letters[0] == 'P';
    size_t from = 1;
    for (size_t end = 1; end <= letters.size(); ++end) {
        const size_t need = up ? fall : rise;
        const char other = up ? 'F' : 'P';
        if (end >= from + need && letters.find_last_not_of(other, end - 1) < end - need) {
            up = !up;
            from = end;
        }
    }
    return up;
}

class Model {
  public:
    explicit Model(uint64_t seed) : random_(seed), monitor_(seed) {
        service_ = service_of({});
        for (int i = 1; i <= 5; ++i) {
            service_.servers.push_back(tcp_server("10.0.0." + std::to_string(i) + ":80"));
            ServerSettings& server = service_.servers.back();
            server.weight = 1 + static_cast<uint32_t>(random_.below(3));
            server.inhibit_on_failure = random_.below(2) == 0;
            server.alpha = random_.below(2) == 0;
            Timing& timing = server.checks[0].timing;
            timing.retries = 0;
            timing.rise = 1 + static_cast<uint32_t>(random_.below(3));
            timing.fall = 1 + static_cast<uint32_t>(random_.below(3));
            histories_[server.endpoint] = "";
        }
        service_.quorum = 1 + static_cast<uint32_t>(random_.below(6));
        service_.hysteresis = static_cast<uint32_t>(random_.below(service_.quorum));
        if (random_.below(2) == 0) {
            service_.sorry_server.emplace();
            service_.sorry_server->endpoint = at("10.0.0.9:80");
            service_.sorry_server->inhibit = random_.below(2) == 0;
        }
        apply();
        quorum_ = sum_up() >= std::max(std::min<uint64_t>(service_.quorum, total()), uint64_t{1});
    }

    void step() {
        if (random_.below(20) == 0) {
            ServerSettings& server = service_.servers[random_.below(service_.servers.size())];
            server.weight = static_cast<uint32_t>(random_.below(4));
            apply();
        } else {
            now_ = std::max(now_, monitor_.deadline());
            Actions actions;
            monitor_.on_deadline(now_, actions);
            for (const Action& action : actions) {
                if (const auto* start = std::get_if<StartProbe>(&action)) {
                    answer(*start);
                }
            }
        }
    }

    [[nodiscard]] Table expected() const {
        Table table;
        const bool sorry = service_.sorry_server.has_value() && !quorum_;
        for (const ServerSettings& server : service_.servers) {
            if (is_up(server) && !sorry) {
                table.push_back({server.endpoint, server.weight, false});
            } else if (server.inhibit_on_failure) {
                table.push_back({server.endpoint, 0, false});
            }
        }
        if (sorry || (service_.sorry_server && service_.sorry_server->inhibit)) {
            table.push_back({at("10.0.0.9:80"), sorry ? 1U : 0U, true});
        }
        return table;
    }
    [[nodiscard]] Table actual() const { return monitor_.find_service(service_.name)->table(); }
    [[nodiscard]] const std::string& story() const { return story_; }

  private:
    void apply() {
        Settings settings;
        settings.services = {service_};
        Actions actions;
        monitor_.apply(settings, now_, actions);
        follow_quorum();
        story_ += "R";
    }
    void answer(const StartProbe& start) {
        const uint64_t dice = random_.below(10);
        ProbeResult result;
        result.check = start.check;
        result.attempt = start.attempt;
        result.outcome = dice < 5   ? Outcome::kPassed
                         : dice < 9 ? Outcome::kFailed
                                    : Outcome::kUnable;
        const char letter = dice < 5 ? 'P' : dice < 9 ? 'F' : 'U';
        histories_[start.settings->target.to] += letter;
        Actions actions;
        monitor_.on_result(result, now_, actions);
        follow_quorum();
        story_ += letter;
    }
    [[nodiscard]] bool is_up(const ServerSettings& server) const {
        const Timing& timing = server.checks[0].timing;
        return is_up_by(histories_.at(server.endpoint), !server.alpha, timing.rise, timing.fall);
    }
    [[nodiscard]] uint64_t total() const {
        uint64_t sum = 0;
        for (const ServerSettings& server : service_.servers) {
            sum += server.weight;
        }
        return sum;
    }
    [[nodiscard]] uint64_t sum_up() const {
        uint64_t sum = 0;
        for (const ServerSettings& server : service_.servers) {
            sum += is_up(server) ? server.weight : 0;
        }
        return sum;
    }
    void follow_quorum() {
        const uint64_t all = std::max<uint64_t>(total(), 1);
        const uint64_t quorum = std::min<uint64_t>(service_.quorum, all);
        const uint64_t slack = std::min<uint64_t>(service_.hysteresis, quorum - 1);
        if (sum_up() == 0 || sum_up() < quorum - slack) {
            quorum_ = false;
        } else if (sum_up() >= std::min(quorum + slack, all)) {
            quorum_ = true;
        }
    }

    Random random_;
    Monitor monitor_;
    TimePoint now_{std::chrono::hours(1)};
    ServiceSettings service_;
    std::map<Endpoint, std::string> histories_;
    bool quorum_ = false;
    std::string story_;
};

std::string text_of(const Table& table) {
    std::string text;
    for (const TableRow& row : table) {
        text += fmt::format(
            "{}={}{} ", to_string(row.server), row.weight, row.is_sorry_server ? "*" : "");
    }
    return text;
}

TEST(MonitorModel, TablesAgree) {
    for (uint64_t seed = 1; seed <= 200; ++seed) {
        Model model(seed);
        for (int step = 0; step < 150; ++step) {
            ASSERT_EQ(text_of(model.actual()), text_of(model.expected()))
                << "seed " << seed << " story " << model.story();
            model.step();
        }
    }
}

}  // namespace
}  // namespace director::healthcheck::test
