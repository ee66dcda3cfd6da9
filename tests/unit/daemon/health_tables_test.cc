// From a configuration over the decisions of health checks to the tables that workers are sent,
// with a reload on the way: what did not change stays as it was found to be. The engine with its
// sockets and the workers are left out; in between everything is the daemon's own.
#include <chrono>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "config/parse.h"
#include "controlplane/daemon/health_settings.h"
#include "controlplane/plan/catalogue.h"
#include "controlplane/plan/translate.h"
#include "healthcheck/monitor.h"

namespace director::daemon {
namespace {

config::Vocabulary vocabulary() {
    config::Vocabulary words;
    words.schedulers = {"rr", "wrr", "sh", "maglev"};
    words.further = find_health_mistakes;
    return words;
}

using namespace std::chrono_literals;
using healthcheck::Outcome;

class Director {
  public:
    // As HealthSide::apply() does.
    void apply(const std::string& services) {
        const auto model = config::parse_text(
            "ports = ( { name = \"p\"; device = \"net_null0\"; addresses = [ \"192.0.2.1/24\" ]; } "
            ");"
            "virtual_services = ( " +
                services + " );",
            "t.conf",
            vocabulary());
        ASSERT_TRUE(model) << to_string(model.error().front());
        healthcheck::Actions actions;
        monitor_.apply(health_settings(*model), now_, actions);
        plan::ServingTables serving;
        names_.clear();
        for (const config::VirtualService& service : model->virtual_services) {
            serving.push_back(rows(health_name(service)));
            names_[health_name(service)] = plan::key_of(service);
        }
        const auto changes = catalogue_.update(*model, serving);
        ASSERT_TRUE(changes);
        told_ = changes->size();
        keep(actions);
    }

    // Lets time pass; servers answer their checks as `is_working` says.
    void run_for(Duration time) {
        const TimePoint end = now_ + time;
        told_ = 0;
        while (monitor_.deadline() <= end) {
            now_ = std::max(now_, monitor_.deadline());
            healthcheck::Actions actions;
            monitor_.on_deadline(now_, actions);
            keep(actions);
        }
        now_ = end;
    }

    void set_working(const std::string& server, bool is_working) { broken_[server] = !is_working; }

    // The first service's table: "10.0.0.1:80 1, ...".
    [[nodiscard]] std::string table(uint32_t service = 0) const {
        std::string text;
        for (const auto& slot : catalogue_.table_of(dataplane::ServiceId{service}).servers) {
            text += (text.empty() ? "" : ", ") + to_string(slot.endpoint) + " " +
                    std::to_string(slot.weight);
        }
        return text;
    }
    // How many things the workers were told since the last step.
    [[nodiscard]] size_t told() const { return told_; }

  private:
    [[nodiscard]] std::optional<plan::ServingTable> rows(const std::string& name) const {
        const auto* health = monitor_.find_service(name);
        if (health == nullptr) {
            return std::nullopt;
        }
        plan::ServingTable rows;
        for (const healthcheck::TableRow& row : health->table()) {
            rows.push_back({row.server, row.weight});
        }
        return rows;
    }

    void keep(const healthcheck::Actions& actions) {
        for (const healthcheck::Action& action : actions) {
            if (const auto* change = std::get_if<healthcheck::TableChange>(&action)) {
                if (const auto key = names_.find(change->service); key != names_.end()) {
                    told_ += catalogue_.set_serving(key->second, *rows(change->service)).size();
                }
            } else if (const auto* start = std::get_if<healthcheck::StartProbe>(&action)) {
                answer(*start);
            }
        }
    }

    void answer(const healthcheck::StartProbe& start) {
        healthcheck::ProbeResult result;
        result.check = start.check;
        result.attempt = start.attempt;
        result.outcome =
            broken_[to_string(start.settings->target.to)] ? Outcome::kFailed : Outcome::kPassed;
        healthcheck::Actions actions;
        monitor_.on_result(result, now_, actions);
        keep(actions);
    }

    TimePoint now_;
    healthcheck::Monitor monitor_{7};
    plan::Catalogue catalogue_{8, 32};
    std::map<std::string, dataplane::ServiceKey> names_;
    std::map<std::string, bool> broken_;
    size_t told_ = 0;
};

constexpr const char* kChecks =
    R"(checks = ( { type = "tcp"; interval = "2s"; timeout = "1s"; retries = 1; retry_delay = "1s"; } );)";

std::string service(const std::string& address,
                    const std::string& more,
                    const std::string& servers) {
    return "{ address = \"" + address + "\"; " + kChecks + more + " real_servers = ( " + servers +
           " ); }";
}

const std::string kTwo = R"({ address = "10.0.0.1:80"; }, { address = "10.0.0.2:80"; })";
const std::string kSorry = R"(sorry_server = { address = "10.0.0.9:80"; };)";

TEST(HealthTables, FollowTheServersWithinTheTimesOfTheSettings) {
    Director director;
    director.apply(service("192.0.2.80:80", kSorry, kTwo));
    director.run_for(4s);
    EXPECT_EQ(director.told(), 0U) << "what was assumed is true";
    EXPECT_EQ(director.table(), "10.0.0.2:80 1, 10.0.0.1:80 1");
    director.set_working("10.0.0.1:80", false);
    director.run_for(3s);  // interval, then retry delay
    EXPECT_EQ(director.table(), "10.0.0.2:80 1");
    EXPECT_EQ(director.told(), 2U) << "a table, and what is to become of connections";
    director.set_working("10.0.0.2:80", false);
    director.run_for(3s);
    EXPECT_EQ(director.table(), "10.0.0.9:80 1");
    director.set_working("10.0.0.1:80", true);
    director.run_for(2s);
    EXPECT_EQ(director.table(), "10.0.0.1:80 1");
}

TEST(HealthTables, ReloadKeepsWhatIsKnown) {
    Director director;
    director.apply(service("192.0.2.80:80", kSorry, kTwo));
    director.set_working("10.0.0.1:80", false);
    director.run_for(6s);
    ASSERT_EQ(director.table(), "10.0.0.2:80 1");

    director.apply(service("192.0.2.80:80", kSorry, kTwo));
    EXPECT_EQ(director.told(), 0U) << "nothing changed";
    EXPECT_EQ(director.table(), "10.0.0.2:80 1");

    // A new server is up until its check says otherwise; the one that is down stays down.
    director.apply(
        service("192.0.2.80:80", kSorry, kTwo + R"(, { address = "10.0.0.3:80"; weight = 5; })"));
    EXPECT_EQ(director.table(), "10.0.0.3:80 5, 10.0.0.2:80 1");
    EXPECT_EQ(director.told(), 1U);

    // Another weight of one that is up is a small change; of one that is down, none.
    director.apply(service("192.0.2.80:80",
                           kSorry,
                           R"({ address = "10.0.0.1:80"; weight = 3; },
                              { address = "10.0.0.2:80"; weight = 4; },
                              { address = "10.0.0.3:80"; weight = 5; })"));
    EXPECT_EQ(director.table(), "10.0.0.3:80 5, 10.0.0.2:80 4");
    EXPECT_EQ(director.told(), 1U);
    director.set_working("10.0.0.1:80", true);
    director.run_for(2s);
    EXPECT_EQ(director.table(), "10.0.0.3:80 5, 10.0.0.2:80 4, 10.0.0.1:80 3");

    // Without checks everything is up.
    director.set_working("10.0.0.1:80", false);
    director.run_for(4s);
    director.apply(R"({ address = "192.0.2.80:80"; real_servers = ( )" + kTwo + " ); }");
    EXPECT_EQ(director.table(), "10.0.0.2:80 1, 10.0.0.1:80 1");
}

TEST(HealthTables, AlphaServersAndInhibitedOnes) {
    Director director;
    director.set_working("10.0.0.1:80", false);
    director.apply(service("192.0.2.80:80",
                           "alpha = true;",
                           R"({ address = "10.0.0.1:80"; inhibit_on_failure = true; },
                              { address = "10.0.0.2:80"; })"));
    EXPECT_EQ(director.table(), "10.0.0.1:80 0") << "down before anybody asked";
    director.run_for(2s);
    EXPECT_EQ(director.table(), "10.0.0.2:80 1, 10.0.0.1:80 0");
}

TEST(HealthTables, OneServerOfTwoServicesIsAChangeOfBothAndOfNoOther) {
    Director director;
    director.apply(service("192.0.2.80:80", "", kTwo) + ", " +
                   service("192.0.2.80:81", "", R"({ address = "10.0.0.1:80"; })") + ", " +
                   service("192.0.2.80:82", "", R"({ address = "10.0.0.3:80"; })"));
    director.set_working("10.0.0.1:80", false);
    director.run_for(6s);
    EXPECT_EQ(director.table(0), "10.0.0.2:80 1");
    EXPECT_EQ(director.table(1), "");
    EXPECT_EQ(director.table(2), "10.0.0.3:80 1");
    EXPECT_EQ(director.told(), 4U);
}

}  // namespace
}  // namespace director::daemon
