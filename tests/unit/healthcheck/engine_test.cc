// The engine as the daemon drives it, with real sockets: servers that stop and come back, a sorry
// server, a hanging one, commands at the end.
#include "healthcheck/probes/engine.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/unit/healthcheck/monitor_lab.h"
#include "tests/unit/healthcheck/probe_lab.h"

namespace director::healthcheck::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Say silent(std::string_view /*received*/) {
    return {};
}

class EngineTest : public testing::Test {
  protected:
    EngineTest() { engine_ = std::move(*Engine::make(sockets_, 1)); }

    void apply(const ServiceSettings& service) {
        Settings settings;
        settings.services = {service};
        ASSERT_TRUE(validate(settings).empty());
        take(engine_->apply(settings, clock_.now()));
    }
    // Virtual time goes on when nothing is ready; so a probe on loopback ends in the moment in
    // which it began.
    enum class Time { kFlows, kStands };
    bool run_until(const std::function<bool()>& done, Time time = Time::kFlows) {
        for (int turn = 0; turn < 2000; ++turn) {
            if (done()) {
                return true;
            }
            if (time == Time::kStands) {  // a process ends when the machine lets it
                if (!wait_for_any({engine_->fd()})) {
                    return false;
                }
            } else if (!wait_for_any({engine_->fd()}, 1)) {
                clock_.jump_to(std::max(engine_->deadline(), clock_.now()));
            }
            take(engine_->run(clock_.now()));
        }
        return false;
    }
    void take(const Actions& actions) {
        for (const Action& action : actions) {
            ASSERT_TRUE(std::holds_alternative<TableChange>(action) ||
                        std::holds_alternative<Event>(action));
        }
    }
    size_t rows() { return engine_->monitor().find_service("[192.0.2.1]:tcp:80")->table().size(); }

    KernelSockets sockets_;
    director::test::SimClock clock_;
    std::unique_ptr<Engine> engine_;
};

ServerSettings server_of(const Endpoint& endpoint) {
    return tcp_server(to_string(endpoint));
}

TEST_F(EngineTest, FollowsItsServers) {
    StreamServer one(silent);
    StreamServer two(silent);
    ServiceSettings service = service_of({server_of(one.endpoint()), server_of(two.endpoint())});
    service.servers[0].alpha = service.servers[1].alpha = true;
    apply(service);
    ASSERT_EQ(rows(), 0U);
    ASSERT_TRUE(run_until([&] { return rows() == 2; }));
    one.close();
    ASSERT_TRUE(run_until([&] { return rows() == 1; }));
    const TimePoint down = clock_.now();
    EXPECT_LE(down.time_since_epoch() - std::chrono::hours(1), seconds(4));
    ASSERT_TRUE(run_until([&] { return clock_.now() > down + seconds(10); }));
    EXPECT_EQ(rows(), 1U);
}

TEST_F(EngineTest, NotifyCommandsRunAtTheEnd) {
    StreamServer one(silent);
    ServiceSettings service = service_of({server_of(one.endpoint())});
    service.omega = true;
    service.quorum_down = program("/bin/true");
    apply(service);
    take(engine_->stop(clock_.now()));
    EXPECT_EQ(engine_->pending_commands(), 1U);
    ASSERT_TRUE(run_until([&] { return engine_->pending_commands() == 0; }, Time::kStands));
    EXPECT_EQ(engine_->deadline(), kNever);
}

TEST_F(EngineTest, WakesTheLoopOnATick) {
    StreamServer one(silent);
    ServiceSettings service = service_of({server_of(one.endpoint())});
    service.servers[0].checks[0].timing.warm_up = seconds(1);
    apply(service);
    EXPECT_EQ(engine_->deadline().time_since_epoch() % milliseconds(5), Duration::zero());
    EXPECT_GE(engine_->deadline(), engine_->monitor().deadline());
}

}  // namespace
}  // namespace director::healthcheck::test
