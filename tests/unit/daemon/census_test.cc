// Counters of all workers put together, rates as IPVS estimates them, and what stays of servers
// that are gone.
#include "controlplane/daemon/census.h"

#include <gtest/gtest.h>

#include "controlplane/daemon/views.h"
#include "tests/unit/daemon/daemon_lab.h"

namespace director::daemon {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the laboratory

// Linux 6.1 ip_vs_est.c: each sample moves the average by a quarter of the difference; what comes
// before the first sample is no rate.
TEST(RateEstimatorTest, MovesByAQuarter) {
    RateEstimator estimator;
    estimator.sample({1000, 0, 0, 0, 0});
    EXPECT_EQ(estimator.rates().connections, 0U);
    estimator.sample({1200, 0, 0, 0, 8});  // 100 a second
    EXPECT_EQ(estimator.rates().connections, 25U);
    EXPECT_EQ(estimator.rates().bytes_out, 1U);
    estimator.sample({1400, 0, 0, 0, 8});
    EXPECT_EQ(estimator.rates().connections, 44U);  // 25 + 75/4, rounded
    for (int i = 0; i < 50; ++i) {
        estimator.sample({1400, 0, 0, 0, 8});
    }
    EXPECT_EQ(estimator.rates().connections, 0U);
}

TEST(CensusTest, AddsUpWhatTheWorkersCount) {
    DaemonLab lab({.workers = 4});
    lab.apply(model_of({service_at(80, {machine(107), machine(108)})}));
    lab.connect(1000, 64);
    const Reports reports = lab.report();
    int busy = 0;
    for (const auto& report : reports) {
        busy += report->totals.connections > 0 ? 1 : 0;
    }
    EXPECT_EQ(busy, 4) << "every worker has some";
    const auto first = Census::server_total(reports, lab.id_of(107));
    const auto second = Census::server_total(reports, lab.id_of(108));
    EXPECT_EQ(first.connections + second.connections, 64U);
    EXPECT_EQ(first.active + second.active, 64U) << "SYN_RECV is active in IPVS";
    EXPECT_GT(first.connections, 20U);
    const plan::ServiceEntry& entry = *lab.services.catalogue().services()[0];
    EXPECT_EQ(lab.census.service_total(reports, entry).packets_in, 64U);
    EXPECT_EQ(Census::service_connections(reports, entry.id), 64U);
    // A slot that is younger than the question.
    EXPECT_EQ(Census::server_total(reports, dataplane::RealServerId{31}).connections, 0U);
    EXPECT_EQ(Census::service_connections(reports, dataplane::ServiceId{15}), 0U);
}

TEST(CensusTest, WhoAsksDuringARoundGetsTheNextOne) {
    DaemonLab lab;
    lab.apply(model_of({service_at(80, {machine(107)})}));
    uint64_t early = 99;
    uint64_t late = 99;
    const auto id = lab.services.catalogue().services()[0]->id;
    lab.census.take(
        [&](const Reports& reports) { early = Census::service_connections(reports, id); });
    lab.fleet.turn();
    lab.engine.poll(0);
    lab.engine.poll(1);  // both have answered; nobody has looked
    lab.connect(1000, 8);
    lab.census.take(
        [&](const Reports& reports) { late = Census::service_connections(reports, id); });
    lab.settle();
    EXPECT_EQ(early, 0U);
    EXPECT_EQ(late, 8U) << "answers are younger than their question";
}

TEST(CensusTest, ServiceKeepsWhatDepartedServersCounted) {
    DaemonLab lab;
    lab.apply(model_of({service_at(80, {machine(107)})}));
    lab.connect(1000, 10);
    Reports reports = lab.report();
    const plan::ServiceEntry& entry = *lab.services.catalogue().services()[0];
    lab.census.sample_rates(reports);
    lab.census.keep_departed(reports, entry.id, lab.id_of(107));
    EXPECT_EQ(lab.census.service_total(reports, entry).connections, 20U)
        << "its own and, while the slot is not forgotten, the server's";
    EXPECT_EQ(lab.census.server_rates(lab.id_of(107)).connections, 0U);
    lab.census.drop_service(entry.id);
    EXPECT_EQ(lab.census.service_total(reports, entry).connections, 10U);
}

TEST(ViewsTest, DropsAddUpByReasonAndService) {
    DaemonLab lab;
    lab.apply(model_of({service_at(80, {machine(107, 0)}), service_at(81, {machine(107)})}));
    lab.connect(1000, 6, 80);  // weight 0: nobody takes them
    lab.connect(1000, 4, 81);  // no route to the server
    const Reports reports = lab.report();
    const server::DropsView drops = drops_view(reports, lab.services.catalogue());
    uint64_t sum = 0;
    for (const server::DropReasonView& reason : drops.reasons) {
        sum += reason.packets;
        if (reason.name == "no_server_available") {
            EXPECT_EQ(reason.packets, 6U);
            ASSERT_EQ(reason.services.size(), 1U);
            EXPECT_EQ(reason.services[0].service, "TCP 170.210.122.104:80");
            EXPECT_EQ(reason.services[0].packets, 6U);
        }
    }
    EXPECT_EQ(sum, drops.dropped);
    EXPECT_EQ(drops.received + drops.handed_in + drops.answered + drops.resumed,
              drops.forwarded + drops.punted + drops.dropped + drops.handed_out + drops.held);
}

TEST(ViewsTest, FullTablesAreTold) {
    DaemonLab lab({.workers = 1, .connections_max = 64});
    lab.apply(
        model_of({service_at(80, {machine(107)}), service_at(53, {machine(107)}, Protocol::kUdp)}));
    lab.ask_by_udp(1000, 60, 53);
    lab.connect(1000, 10, 80);  // four find room, six take that of half-open ones
    lab.ask_by_udp(2000, 10, 53);
    const server::FullTablesView full = full_tables_view(lab.report(), {7, 8, 9});
    EXPECT_EQ(full.connections_evicted, 6U + 4U);
    EXPECT_EQ(full.connections_refused, 6U);
    EXPECT_EQ(full.templates_evicted, 7U);
    EXPECT_EQ(full.templates_refused, 8U);
    EXPECT_EQ(full.clients_uncounted, 9U);
    EXPECT_EQ(full.stateless_packets, 0U);
}

}  // namespace
}  // namespace director::daemon
