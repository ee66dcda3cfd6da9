// Checks over time: sharing, reloads, limits, hanging probes, passive checks.
#include "healthcheck/monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/healthcheck/monitor_lab.h"

namespace director::healthcheck::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kOne = "10.0.0.1:80";
constexpr const char* kTwo = "10.0.0.2:80";
const Answer kBad{Outcome::kFailed};
const Answer kHangs{Outcome::kFailed, Duration::zero(), std::nullopt, true};

TEST(Monitor, ManyServicesShareOneCheck) {
    Settings settings;
    for (int i = 0; i < 50; ++i) {
        settings.services.push_back(service_of({tcp_server(kOne), tcp_server(kTwo)}));
        settings.services.back().name = "service" + std::to_string(i);
    }
    MonitorLab lab;
    lab.apply(settings);
    EXPECT_THAT(lab.monitor.checks(), SizeIs(2));
    EXPECT_THAT(lab.monitor.checks()[0].services, SizeIs(50));
    lab.answers[at(kOne)] = kBad;
    lab.run_for(seconds(1));
    EXPECT_THAT(lab.starts(kOne), SizeIs(1));
    for (const ServiceSettings& service : settings.services) {
        EXPECT_EQ(lab.table(service.name), "10.0.0.2:80=1");
    }
}

TEST(Monitor, ReloadKeepsWhatIsKnown) {
    ServiceSettings service = service_of({tcp_server(kOne), tcp_server(kTwo)});
    MonitorLab lab;
    lab.apply(service);
    lab.answers[at(kOne)] = kBad;
    lab.run_for(seconds(5));
    const auto starts = lab.starts(kTwo).size();
    lab.forget();
    lab.apply(service);
    EXPECT_EQ(lab.table(), "10.0.0.2:80=1");
    EXPECT_THAT(lab.texts(EventKind::kTable), IsEmpty());
    EXPECT_THAT(lab.starts(kTwo), SizeIs(starts)) << "and no probe out of turn";

    service.servers[0].checks[0].timing.interval = seconds(3);  // other timing
    lab.apply(service);
    EXPECT_EQ(lab.table(), "10.0.0.2:80=1");
    EXPECT_EQ(lab.monitor.checks()[0].state, CheckState::kDown);

    service.servers[0].checks = {tcp_check("10.0.0.1:81")};  // another check: as its server was
    lab.answers[at("10.0.0.1:81")] = {Outcome::kPassed, milliseconds(500)};
    lab.apply(service);
    lab.run_for(milliseconds(400));
    EXPECT_EQ(lab.table(), "10.0.0.2:80=1");
    lab.run_for(milliseconds(200));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=1 10.0.0.2:80=1");

    service.servers.push_back(tcp_server("10.0.0.3:80"));
    service.servers.erase(service.servers.begin());
    lab.apply(service);
    EXPECT_EQ(lab.table(), "10.0.0.2:80=1 10.0.0.3:80=1");
    EXPECT_THAT(lab.monitor.checks(), SizeIs(2));
}

TEST(Monitor, ReloadGivesNobodysCheckToAnother) {
    Settings settings;
    settings.services = {service_of({tcp_server(kOne)})};
    MonitorLab lab;
    lab.answers[at(kOne)] = kBad;
    lab.apply(settings);
    lab.run_for(seconds(1));
    ServiceSettings other = settings.services[0];
    other.name = "other";
    other.servers[0].checks[0].timing.interval = seconds(3);
    settings.services.insert(settings.services.begin(), other);
    lab.apply(settings);
    for (const CheckStatus& check : lab.monitor.checks()) {
        const bool is_old = check.settings->timing.interval == seconds(2);
        EXPECT_EQ(check.state, is_old ? CheckState::kDown : CheckState::kUntried);
    }
}

TEST(Monitor, ReloadRemovesAFailedServerThatWasInhibited) {
    ServiceSettings service = service_of({tcp_server(kOne), tcp_server(kTwo)});
    service.servers[0].inhibit_on_failure = true;
    MonitorLab lab;
    lab.apply(service);
    lab.answers[at(kOne)] = kBad;
    lab.run_for(seconds(5));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=0 10.0.0.2:80=1");
    service.servers.erase(service.servers.begin());
    lab.apply(service);
    EXPECT_EQ(lab.table(), "10.0.0.2:80=1");
}

TEST(Monitor, ReloadKeepsTheSorryServerIn) {
    ServiceSettings service = service_of({tcp_server(kOne)});
    service.sorry_server.emplace();
    service.sorry_server->endpoint = at("10.0.0.9:80");
    MonitorLab lab;
    lab.apply(service);
    lab.answers[at(kOne)] = kBad;
    lab.run_for(seconds(5));
    lab.apply(service);
    EXPECT_EQ(lab.table(), "*10.0.0.9:80=1");
    service.sorry_server->endpoint = at("10.0.0.8:80");
    lab.apply(service);
    EXPECT_EQ(lab.table(), "*10.0.0.8:80=1");
    EXPECT_FALSE(lab.table_was_empty);
}

TEST(Monitor, ReloadCancelsProbesOfChecksThatAreGone) {
    MonitorLab lab;
    lab.answers[at(kOne)] = kHangs;
    lab.apply(service_of({tcp_server(kOne)}));
    lab.run_for(milliseconds(10));
    EXPECT_EQ(lab.running, 1U);
    lab.apply(service_of({tcp_server(kTwo)}));
    EXPECT_EQ(lab.running, 0U);
    lab.run_for(seconds(10));
    EXPECT_THAT(lab.starts(kOne), SizeIs(1));
}

TEST(Monitor, HangingProbeDelaysNoOther) {
    MonitorLab lab;
    lab.answers[at(kOne)] = kHangs;
    lab.apply(service_of({tcp_server(kOne), tcp_server(kTwo)}));
    lab.run_for(milliseconds(6500));
    // Passed after 1 ms, 2 s later again.
    EXPECT_THAT(lab.starts(kTwo), ElementsAre(0, 2.001, 4.002, 6.003));
    // Given up 1 s after its timeout of 1 s.
    EXPECT_THAT(lab.starts(kOne), ElementsAre(0, 4));
    EXPECT_EQ(lab.cancelled, 2U);
    EXPECT_EQ(lab.table(), "10.0.0.2:80=1");
}

TEST(Monitor, NoMoreThanTheLimitAtATimeAndInTurn) {
    Settings settings;
    settings.probes_max = 3;
    settings.services = {service_of({})};
    for (int i = 1; i <= 9; ++i) {
        settings.services[0].servers.push_back(tcp_server("10.0.0." + std::to_string(i) + ":80"));
    }
    MonitorLab lab;
    for (int i = 1; i <= 9; ++i) {
        lab.answers[at("10.0.0." + std::to_string(i) + ":80")] = {Outcome::kPassed,
                                                                  milliseconds(100)};
    }
    lab.apply(settings);
    lab.run_for(milliseconds(50));
    EXPECT_EQ(lab.monitor.waiting(), 6U);
    lab.run_for(seconds(1));
    EXPECT_EQ(lab.running_highest, 3U);
    EXPECT_EQ(lab.monitor.waiting(), 0U);
    EXPECT_THAT(lab.starts("10.0.0.9:80"), ElementsAre(0.2));
    // Those that wait when their check is removed are forgotten.
    lab.run_for(milliseconds(1150));
    settings.services[0].servers.resize(1);
    lab.apply(settings);
    EXPECT_EQ(lab.monitor.waiting(), 0U);
    lab.run_for(seconds(20));
    EXPECT_LE(lab.running_highest, 3U);
}

TEST(Monitor, LateResultsAreIgnored) {
    Monitor monitor(1);
    Settings settings;
    settings.services = {service_of({tcp_server(kOne)})};
    const TimePoint now{std::chrono::hours(1)};
    Actions actions;
    monitor.apply(settings, now, actions);
    actions.clear();
    monitor.on_deadline(now, actions);
    ASSERT_THAT(actions, SizeIs(1));
    const auto start = std::get<StartProbe>(actions[0]);
    EXPECT_EQ(start.deadline, now + seconds(1));
    ProbeResult result;
    result.check = start.check;
    result.attempt = static_cast<Attempt>(static_cast<uint64_t>(start.attempt) + 1);
    result.outcome = Outcome::kFailed;
    actions.clear();
    monitor.on_result(result, now, actions);
    result.check = static_cast<CheckId>(77);
    monitor.on_result(result, now, actions);
    EXPECT_THAT(actions, IsEmpty());
    result.check = start.check;
    result.attempt = start.attempt;
    monitor.on_result(result, now, actions);
    EXPECT_FALSE(actions.empty());
    actions.clear();
    monitor.on_result(result, now, actions);
    EXPECT_THAT(actions, IsEmpty()) << "a second time";
}

TEST(Monitor, SpreadsFirstProbes) {
    Settings settings;
    settings.services = {service_of({})};
    for (int i = 0; i < 1000; ++i) {
        ServerSettings server = tcp_server("10.0." + std::to_string(i / 250) + "." +
                                           std::to_string(1 + i % 250) + ":80");
        server.checks[0].timing.warm_up = server.checks[0].timing.interval = seconds(1);
        settings.services[0].servers.push_back(server);
    }
    MonitorLab lab(5);
    lab.apply(settings);
    lab.run_for(seconds(60));
    EXPECT_LT(lab.running_highest, 12U) << "1 per millisecond in the mean";
}

// Whoever drives it looks after adverts between two calls.
TEST(Monitor, ChecksThatComeAllAtOnceLeaveRoomForOthers) {
    constexpr size_t kServers = 1000;
    Settings settings;
    settings.services = {service_of({})};
    for (size_t i = 0; i < kServers; ++i) {
        ServerSettings server = tcp_server("10.0." + std::to_string(i / 250) + "." +
                                           std::to_string(1 + i % 250) + ":80");
        server.checks[0].timing.warm_up = Duration::zero();
        settings.services[0].servers.push_back(server);
    }
    Monitor monitor(5);
    const TimePoint now{seconds(1)};
    Actions actions;
    monitor.apply(settings, now, actions);
    size_t started = 0;
    size_t calls = 0;
    while (monitor.deadline() <= now) {
        actions.clear();
        monitor.on_deadline(now, actions);
        EXPECT_LE(actions.size(), size_t{Monitor::kDuePerTurn});
        started += actions.size();
        ASSERT_LT(++calls, kServers);
    }
    EXPECT_EQ(started, kServers) << "none is forgotten";
}

TEST(Monitor, SocketsThatLackSayNothingAboutServers) {
    MonitorLab lab;
    lab.answers[at(kOne)] = {Outcome::kUnable};
    lab.apply(service_of({tcp_server(kOne)}));
    lab.run_for(seconds(60));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=1");
    EXPECT_THAT(lab.texts(EventKind::kProbeUnable),
                ElementsAre("tcp check of 10.0.0.1:80 could not be made: refused"))
        << "once, not each time";
}

TEST(Monitor, LogsAllFailuresWhereWanted) {
    ServiceSettings service = service_of({tcp_server(kOne)});
    service.servers[0].checks[0].log_all_failures = true;
    MonitorLab lab;
    lab.apply(service);
    lab.run_for(seconds(1));
    lab.answers[at(kOne)] = kBad;
    lab.run_for(milliseconds(5100));  // at 2 the first, at 3 the last, at 5 one more
    EXPECT_THAT(lab.texts(EventKind::kProbeFailed), SizeIs(2));
    EXPECT_THAT(lab.texts(EventKind::kCheckDown), SizeIs(1));
}

// --- passive ---

CheckSettings passive_check(std::string_view server) {
    CheckSettings check;
    check.target.to = at(server);
    check.sort = PassiveCheck();
    check.timing.interval = seconds(5);
    check.timing.warm_up = Duration::zero();
    check.timing.retries = 0;
    return check;
}

ServiceSettings passive_service(int servers) {
    ServiceSettings service = service_of({});
    for (int i = 1; i <= servers; ++i) {
        const std::string server = "10.0.0." + std::to_string(i) + ":80";
        service.servers.push_back(server_with(server, {passive_check(server)}));
    }
    return service;
}

TEST(Monitor, PassiveCheckTakesOutAndTriesAgain) {
    MonitorLab lab;
    lab.apply(passive_service(2));
    lab.run_for(seconds(1));
    lab.monitor.add_traffic(at(kOne), {50, 0, 0});
    lab.monitor.add_traffic(at(kTwo), {50, 45, 0});
    lab.monitor.add_traffic(at("10.0.0.3:80"), {50, 50, 0});
    lab.run_for(seconds(5));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=1");
    EXPECT_THAT(lab.texts(EventKind::kCheckDown),
                ElementsAre("passive check of 10.0.0.2:80 failed: 45 of 50 connections got no "
                            "answer to their SYN"));
    lab.run_for(seconds(24));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=1");
    lab.run_for(seconds(6));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=1 10.0.0.2:80=1");
    EXPECT_THAT(lab.texts(EventKind::kProbeUnable), IsEmpty()) << "little traffic is no trouble";
}

TEST(Monitor, PassiveChecksTakeOutNoMoreThanTheirShare) {
    MonitorLab lab;
    lab.apply(passive_service(5));
    lab.run_for(seconds(1));
    for (int i = 5; i >= 1; --i) {
        lab.monitor.add_traffic(at("10.0.0." + std::to_string(i) + ":80"), {50, 50, 0});
    }
    lab.run_for(seconds(5));
    EXPECT_EQ(lab.table(), "10.0.0.3:80=1 10.0.0.4:80=1 10.0.0.5:80=1") << "two of five";
    EXPECT_THAT(lab.texts(EventKind::kPassiveIgnored), SizeIs(3));
    const auto servers = lab.monitor.find_service("[192.0.2.1]:tcp:80")->servers();
    EXPECT_FALSE(servers[0].passive_is_ignored);
    EXPECT_TRUE(servers[4].passive_is_ignored);
}

TEST(Monitor, PassiveCheckAloneNeverTakesTheOnlyServer) {
    MonitorLab lab;
    lab.apply(passive_service(1));
    lab.run_for(seconds(1));
    lab.monitor.add_traffic(at(kOne), {50, 50, 0});
    lab.run_for(seconds(5));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=1");
}

TEST(Monitor, AlphaServerNeedsNoClientsToComeUp) {
    ServiceSettings service = service_of({tcp_server(kOne)});
    service.servers[0].alpha = true;
    service.servers[0].checks.push_back(passive_check(kOne));
    MonitorLab lab;
    lab.apply(service);
    lab.run_for(seconds(1));
    EXPECT_EQ(lab.table(), "10.0.0.1:80=1");
}

TEST(Monitor, FifoLines) {
    Event event;
    event.kind = EventKind::kServerDown;
    event.service = "[192.168.201.15]:tcp:80";
    event.server = at("1.2.3.4:80");
    EXPECT_EQ(fifo_line(event, Protocol::kTcp), "RS [1.2.3.4]:tcp:80 [192.168.201.15]:tcp:80 DOWN");
    event.kind = EventKind::kQuorumGained;
    EXPECT_EQ(fifo_line(event, Protocol::kTcp), "VS [192.168.201.15]:tcp:80 UP");
    event.kind = EventKind::kTable;
    EXPECT_EQ(fifo_line(event, Protocol::kTcp), std::nullopt);
}

}  // namespace
}  // namespace director::healthcheck::test
