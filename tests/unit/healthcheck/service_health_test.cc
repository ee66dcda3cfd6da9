// A service's table, quorum and commands, as check results come and go; the words of keepalived's
// log.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "healthcheck/slow_start.h"
#include "tests/unit/healthcheck/monitor_lab.h"

namespace director::healthcheck::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kOne = "10.0.0.1:80";
constexpr const char* kTwo = "10.0.0.2:80";
const Answer kBad{Outcome::kFailed};

ServiceSettings with_sorry_server() {
    ServiceSettings service = service_of({tcp_server(kOne), tcp_server(kTwo)});
    service.sorry_server.emplace();
    service.sorry_server->endpoint = at("10.0.0.9:80");
    service.quorum_up = program("/up");
    service.quorum_down = program("/down");
    return service;
}

TEST(ServiceHealth, FailedServerLeavesAndComesBack) {
    MonitorLab lab;
    lab.apply(service_of({tcp_server(kOne), tcp_server(kTwo)}));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=1 10.0.0.2:80=1") << "before the first check";
    lab.run_for(seconds(5));
    lab.answers[at(kOne)] = kBad;
    lab.run_for(seconds(4));  // interval 2, one retry after 1
    EXPECT_EQ(lab.table(), "10.0.0.2:80=1");
    EXPECT_THAT(lab.texts(EventKind::kTable),
                ElementsAre("Removing service [10.0.0.1]:tcp:80 from VS [192.0.2.1]:tcp:80"));
    EXPECT_THAT(lab.texts(EventKind::kCheckDown),
                ElementsAre("tcp check of 10.0.0.1:80 failed: refused"));
    lab.forget();
    lab.answers.clear();
    lab.run_for(seconds(3));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=1 10.0.0.2:80=1");
    EXPECT_THAT(lab.texts(EventKind::kTable),
                ElementsAre("Adding service [10.0.0.1]:tcp:80 to VS [192.0.2.1]:tcp:80"));
    EXPECT_THAT(lab.texts(EventKind::kQuorumLost), IsEmpty());
}

TEST(ServiceHealth, SorryServerTakesTheirPlaceInOneStep) {
    MonitorLab lab;
    lab.apply(with_sorry_server());
    lab.run_for(seconds(1));
    lab.answers[at(kOne)] = kBad;
    lab.answers[at(kTwo)] = kBad;
    lab.run_for(seconds(5));
    EXPECT_EQ(lab.table(), "*10.0.0.9:80=1");
    EXPECT_THAT(lab.texts(EventKind::kQuorumLost),
                ElementsAre("Lost quorum 1-0=1 > 0 for VS [192.0.2.1]:tcp:80"));
    EXPECT_THAT(lab.texts(EventKind::kTable),
                ElementsAre("Removing service [10.0.0.1]:tcp:80 from VS [192.0.2.1]:tcp:80",
                            "Removing service [10.0.0.2]:tcp:80 from VS [192.0.2.1]:tcp:80",
                            "Adding sorry server [10.0.0.9]:tcp:80 to VS [192.0.2.1]:tcp:80"));
    EXPECT_THAT(lab.commands(), ElementsAre("/down"));
    lab.forget();
    lab.answers.erase(at(kTwo));
    lab.run_for(seconds(5));
    EXPECT_EQ(lab.table(), "10.0.0.2:80=1");
    EXPECT_THAT(lab.texts(EventKind::kQuorumGained),
                ElementsAre("Gained quorum 1+0=1 <= 1 for VS [192.0.2.1]:tcp:80"));
    EXPECT_THAT(lab.commands(), ElementsAre("/up"));
    EXPECT_FALSE(lab.table_was_empty);
}

TEST(ServiceHealth, HysteresisHoldsTheQuorum) {
    ServiceSettings service = service_of(
        {tcp_server(kOne), tcp_server(kTwo), tcp_server("10.0.0.3:80"), tcp_server("10.0.0.4:80")});
    service.quorum = 2;
    service.hysteresis = 1;
    service.sorry_server.emplace();
    service.sorry_server->endpoint = at("10.0.0.9:80");
    MonitorLab lab;
    lab.apply(service);
    lab.run_for(seconds(1));
    for (const char* server : {kOne, kTwo, "10.0.0.3:80"}) {
        lab.answers[at(server)] = kBad;
    }
    lab.run_for(seconds(5));
    EXPECT_EQ(lab.table(), "10.0.0.4:80=1") << "1 is not below 2 - 1";
    lab.answers[at("10.0.0.4:80")] = kBad;
    lab.run_for(seconds(5));
    EXPECT_EQ(lab.table(), "*10.0.0.9:80=1");
    lab.answers.erase(at(kOne));
    lab.answers.erase(at(kTwo));
    lab.run_for(seconds(5));
    EXPECT_EQ(lab.table(), "*10.0.0.9:80=1") << "2 is below 2 + 1";
    lab.answers.clear();
    lab.run_for(seconds(5));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=1 10.0.0.2:80=1 10.0.0.3:80=1 10.0.0.4:80=1");
}

TEST(ServiceHealth, QuorumAboveAllWeightsCanBeGained) {
    ServiceSettings service = with_sorry_server();
    service.quorum = 50;
    service.hysteresis = 10;
    MonitorLab lab;
    lab.apply(service);
    lab.answers[at(kOne)] = kBad;
    lab.answers[at(kTwo)] = kBad;
    lab.run_for(seconds(5));
    EXPECT_EQ(lab.table(), "*10.0.0.9:80=1");
    lab.answers.clear();
    lab.run_for(seconds(5));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=1 10.0.0.2:80=1");
}

TEST(ServiceHealth, InhibitedServersKeepTheirPlaceWithWeight0) {
    ServiceSettings service = with_sorry_server();
    service.servers[0].inhibit_on_failure = true;
    service.sorry_server->inhibit = true;
    MonitorLab lab;
    lab.apply(service);
    EXPECT_EQ(lab.table(), "10.0.0.1:80=1 10.0.0.2:80=1 *10.0.0.9:80=0");
    lab.run_for(seconds(1));
    lab.answers[at(kOne)] = kBad;
    lab.run_for(seconds(5));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=0 10.0.0.2:80=1 *10.0.0.9:80=0");
    EXPECT_THAT(lab.texts(EventKind::kTable),
                ElementsAre("Disabling service [10.0.0.1]:tcp:80 of VS [192.0.2.1]:tcp:80"));
    lab.answers[at(kTwo)] = kBad;
    lab.run_for(seconds(5));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=0 *10.0.0.9:80=1");
    lab.answers.clear();
    lab.forget();
    lab.run_for(milliseconds(2500));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=1 10.0.0.2:80=1 *10.0.0.9:80=0");
    EXPECT_THAT(lab.texts(EventKind::kTable),
                testing::Contains("Enabling service [10.0.0.1]:tcp:80 of VS [192.0.2.1]:tcp:80"));
}

TEST(ServiceHealth, OneServerMayBeRealAndSorry) {
    ServiceSettings service = with_sorry_server();
    service.sorry_server->endpoint = at(kOne);
    MonitorLab lab;
    lab.apply(service);
    lab.answers[at(kOne)] = kBad;
    lab.answers[at(kTwo)] = kBad;
    lab.run_for(seconds(5));
    EXPECT_EQ(lab.table(), "*10.0.0.1:80=1");
    lab.answers.clear();
    lab.run_for(seconds(5));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=1 10.0.0.2:80=1");
    EXPECT_FALSE(lab.table_was_empty);
}

TEST(ServiceHealth, AlphaServersWaitForEveryCheck) {
    ServiceSettings service = service_of({tcp_server(kOne)});
    service.servers[0].alpha = true;
    service.servers[0].checks.push_back(tcp_check("10.0.0.1:81"));
    service.servers[0].notify_up = program("/server-up");
    service.quorum_up = program("/up");
    MonitorLab lab;
    lab.answers[at("10.0.0.1:81")] = {Outcome::kPassed, milliseconds(300)};
    lab.apply(service);
    EXPECT_EQ(lab.table(), "");
    lab.run_for(milliseconds(299));
    EXPECT_EQ(lab.table(), "");
    lab.run_for(milliseconds(2));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=1");
    EXPECT_THAT(lab.commands(), ElementsAre("/server-up", "/up"));
}

TEST(ServiceHealth, AnyFailedCheckTakesAServerOut) {
    ServiceSettings service = service_of({tcp_server(kOne), tcp_server(kTwo)});
    service.servers[0].checks.push_back(tcp_check("10.0.0.1:81"));
    MonitorLab lab;
    lab.apply(service);
    lab.answers[at("10.0.0.1:81")] = kBad;
    lab.run_for(seconds(5));
    EXPECT_EQ(lab.table(), "10.0.0.2:80=1");
}

TEST(ServiceHealth, OmegaSaysGoodbye) {
    ServiceSettings service = with_sorry_server();
    service.omega = true;
    service.servers[0].notify_down = program("/one-down");
    service.servers[1].notify_down = program("/two-down");
    MonitorLab lab;
    lab.apply(service);
    lab.answers[at(kTwo)] = kBad;
    lab.run_for(seconds(1));
    EXPECT_THAT(lab.commands(), ElementsAre("/two-down"));
    lab.stop();
    EXPECT_THAT(lab.commands(), ElementsAre("/one-down", "/down"));
    EXPECT_EQ(lab.monitor.deadline(), kNever);
}

TEST(ServiceHealth, FirstStateIsToldWhereWanted) {
    Settings settings;
    settings.services = {service_of({tcp_server(kOne)})};
    settings.services[0].servers[0].notify_up = program("/up");
    MonitorLab quiet;
    quiet.apply(settings);
    quiet.run_for(seconds(10));
    EXPECT_THAT(quiet.commands(), IsEmpty());
    settings.notify_first_state = true;
    MonitorLab loud;
    loud.apply(settings);
    EXPECT_THAT(loud.commands(), IsEmpty());
    loud.run_for(seconds(10));
    EXPECT_THAT(loud.commands(), ElementsAre("/up"));
}

TEST(ServiceHealth, WeightsOfChecksAreAbsolute) {
    ServiceSettings service = service_of({tcp_server(kOne), tcp_server(kTwo)});
    service.servers[0].weight = 5;
    MonitorLab lab;
    lab.apply(service);
    lab.answers[at(kOne)] = {Outcome::kPassed, milliseconds(1), 40};
    lab.run_for(seconds(10));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=40 10.0.0.2:80=1");
    EXPECT_THAT(lab.texts(EventKind::kTable),
                ElementsAre("Changing weight from 5 to 40 for active service [10.0.0.1]:tcp:80 of "
                            "VS [192.0.2.1]:tcp:80"));
    lab.answers[at(kOne)] = kBad;  // as when a script is killed
    lab.run_for(seconds(10));
    EXPECT_EQ(lab.table(), "10.0.0.2:80=1");
    lab.answers[at(kOne)] = {Outcome::kPassed, milliseconds(1), 41};
    lab.run_for(seconds(10));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=41 10.0.0.2:80=1");
    lab.answers[at(kOne)] = {Outcome::kPassed, milliseconds(1), std::nullopt};
    lab.run_for(seconds(10));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=5 10.0.0.2:80=1");
    service.servers[0].weight = 0;
    lab.answers[at(kOne)] = {Outcome::kPassed, milliseconds(1), 41};
    lab.apply(service);
    lab.run_for(seconds(10));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=0 10.0.0.2:80=1") << "an administrator's 0 stays";
}

TEST(ServiceHealth, SlowStartRaisesTheWeight) {
    ServiceSettings service = service_of({tcp_server(kOne), tcp_server(kTwo)});
    service.servers[0].weight = 100;
    service.servers[0].slow_start.duration = seconds(20);
    MonitorLab lab;
    lab.apply(service);
    EXPECT_EQ(lab.table(), "10.0.0.1:80=100 10.0.0.2:80=1") << "not at the start of all";
    lab.answers[at(kOne)] = kBad;
    lab.run_for(seconds(1));
    EXPECT_EQ(lab.table(), "10.0.0.2:80=1");
    lab.answers.clear();
    lab.run_for(milliseconds(1100));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=10 10.0.0.2:80=1");
    lab.run_for(seconds(10));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=55 10.0.0.2:80=1");
    lab.run_for(seconds(9));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=95 10.0.0.2:80=1");
    lab.run_for(seconds(2));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=100 10.0.0.2:80=1");
}

TEST(SlowStart, StepsAreBounded) {
    SlowStart ramp;
    ramp.duration = seconds(20);
    EXPECT_EQ(ramped_weight(0, seconds(1), ramp), 0U);
    EXPECT_EQ(ramped_weight(1, seconds(0), ramp), 1U);
    EXPECT_EQ(ramped_weight(2'147'483'647, seconds(20), ramp), 2'147'483'647U);
    EXPECT_EQ(next_ramp_step(seconds(0), ramp), seconds(1));
    EXPECT_EQ(next_ramp_step(milliseconds(1999), ramp), seconds(2));
    EXPECT_EQ(next_ramp_step(seconds(20), ramp), Duration::zero());
    ramp.duration = Duration(5);  // shorter than its steps
    EXPECT_EQ(ramped_weight(10, Duration::zero(), ramp), 10U);
}

}  // namespace
}  // namespace director::healthcheck::test
