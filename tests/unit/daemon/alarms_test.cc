// What "status" says needs a person: each alarm from the state that causes it, and none without.
#include "controlplane/daemon/alarms.h"

#include <gtest/gtest.h>

#include "controlplane/daemon/views.h"
#include "tests/unit/daemon/daemon_lab.h"

namespace director::daemon {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the laboratory
using std::chrono::seconds;

class AlarmsTest : public testing::Test {
  protected:
    // "severity: what", in order.
    [[nodiscard]] std::vector<std::string> alarms() const {
        std::vector<std::string> lines;
        for (const server::AlarmView& alarm : alarms_of({status, workers, sync, services, lost})) {
            EXPECT_FALSE(alarm.advice.empty()) << alarm.what;
            lines.push_back(alarm.severity + ": " + alarm.what);
        }
        return lines;
    }
    using Lines = std::vector<std::string>;

    server::StatusView status;
    server::WorkersView workers;
    server::SyncView sync;
    ServiceSummary services;
    Losses lost;
};

TEST_F(AlarmsTest, NoneWhenAllIsWell) {
    status.connections = 79;
    status.connections_max = 100;
    status.last_reload = "ok: nothing changed";
    status.ports.emplace_back().link_up = true;
    workers.workers.emplace_back().busy_share = 0.89;
    sync.role = "both";
    sync.peers.emplace_back().heard_ms_ago = 5000;
    EXPECT_EQ(alarms(), Lines{});
}

TEST_F(AlarmsTest, TheWorstComesFirst) {
    status.overloaded = 2;
    status.last_reload = "refused: director.conf:4: no";
    status.ports.emplace_back().name = "inside";
    EXPECT_EQ(alarms(),
              (Lines{"critical: port inside has no link",
                     "warning: the last reload was refused: director.conf:4: no",
                     "notice: 2 real servers are at their upper threshold"}));
}

TEST_F(AlarmsTest, PairAndLoad) {
    status.vrrp = {{"VG_1", "FAULT", "interface inside is down"}, {"VG_2", "BACKUP", ""}};
    sync.role = "both";
    sync.peers.emplace_back().address = "10.0.0.2";
    sync.peers.back().heard_ms_ago = 65000;
    sync.mismatches = {"TCP 192.0.2.1:80: not here"};
    workers.workers.emplace_back().busy_share = 0.97;
    EXPECT_EQ(alarms(),
              (Lines{"critical: VRRP VG_1 is in FAULT: interface inside is down",
                     "warning: the twin 10.0.0.2 has been silent for 65 s",
                     "warning: the twin serves something else: TCP 192.0.2.1:80: not here",
                     "warning: worker 0 is busy 97 % of its time"}));
    sync.role = "off";
    EXPECT_EQ(alarms().size(), 2U);
}

TEST_F(AlarmsTest, TablesThatFillAndThatAreFull) {
    status.connections = 80;
    status.connections_max = 100;
    status.pools = {{"out", 1, "1024-65535", 1000, 900, 0}};
    lost.full_tables.connections_refused = 3;
    lost.missed = 4;
    EXPECT_EQ(alarms(),
              (Lines{"warning: ports lost 4 packets in the last minute: 4 because workers did not "
                     "poll in time, 0 for want of buffers",
                     "warning: the connection table is nearly full: 80 of 100",
                     "warning: pool out has few local ports left: 900 of 1000 are in use",
                     "warning: 3 packets of new connections were refused: the table is full in the "
                     "last minute"}));
}

TEST(LastMinuteTest, ForgetsWhatIsOlder) {
    LastMinute minute;
    EXPECT_EQ(minute.growth().missed, 0U);
    const TimePoint start{seconds(1000)};
    Losses losses;
    losses.missed = 100;  // before anybody looked
    minute.sample(start, losses);
    EXPECT_EQ(minute.growth().missed, 0U);
    losses.missed = 107;
    losses.full_tables.ftp_refused = 2;
    minute.sample(start + seconds(2), losses);
    EXPECT_EQ(minute.growth().missed, 7U);
    EXPECT_EQ(minute.growth().full_tables.ftp_refused, 2U);
    minute.sample(start + seconds(61), losses);
    EXPECT_EQ(minute.growth().missed, 0U) << "the sample before it is forgotten";
}

TEST(ServiceSummaryTest, CountsWhatTakesConnections) {
    DaemonLab lab;
    lab.apply(model_of(
        {service_at(80, {machine(107), machine(108, 0)}), service_at(81, {machine(107, 0)})}));
    const auto summary = [&] { return summary_of(lab.services.catalogue(), lab.census); };
    EXPECT_EQ(summary().services_up, 1U);
    EXPECT_EQ(summary().servers_up, 1U);
    EXPECT_EQ(summary().services_down, 1U);
    EXPECT_EQ(summary().down, std::vector<std::string>{"TCP 170.210.122.104:81"});
    EXPECT_EQ(summary().servers_out, 0U);
}

TEST(RoleTest, OfAllInstancesTogether) {
    EXPECT_EQ(role_of({}), "ALONE");
    EXPECT_EQ(role_of({{"A", "MASTER", ""}, {"B", "MASTER", ""}}), "MASTER");
    EXPECT_EQ(role_of({{"A", "MASTER", ""}, {"B", "BACKUP", ""}}), "MIXED");
}

}  // namespace
}  // namespace director::daemon
