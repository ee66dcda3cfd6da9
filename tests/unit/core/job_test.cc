// The control plane's questions, answered a piece per poll: complete, bounded, and unharmed by what
// happens to the table meanwhile.
#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "dataplane/core/worker.h"
#include "dataplane/core/worker_state.h"
#include "tests/support/nat_lab.h"

namespace director::dataplane {
namespace {

using namespace test::nat_lab;  // NOLINT(google-build-using-namespace): the laboratory's addresses
using test::WorkerFleet;

class JobTest : public ::testing::Test {
  protected:
    JobTest() {
        configure(fleet_);
        service_ = fleet_.put_service(kDns, "rr", {{at(kServer107, 53)}});
    }

    void open(uint32_t count, uint16_t first_port = 1000) {
        for (uint32_t i = 0; i < count; ++i) {
            open_one(static_cast<uint16_t>(first_port + i));
        }
    }
    void open_one(uint16_t port) {
        ASSERT_EQ(
            fleet_.send_one(kOutside, from_client(kClient, kVip).udp(port, 53).build()).verdict,
            Verdict::kForward);
    }
    Worker& worker() { return fleet_.worker(0); }
    void give(Job& job) {
        Command command(CommandKind::kRunJob);
        command.sequence = 77;
        command.job = &job;
        worker().apply(command, fleet_.clock.now());
    }
    // One poll of the worker; true when it brought the job back.
    bool poll(const Job& job) {
        Burst empty;
        worker().process(empty, fleet_.clock.now());
        const bool is_done = !worker().events().empty();
        if (is_done) {
            EXPECT_EQ(worker().events().size(), 1U);
            EXPECT_EQ(worker().events()[0].kind, EventKind::kJobDone);
            EXPECT_EQ(worker().events()[0].job, &job);
            EXPECT_EQ(worker().events()[0].sequence, 77U);
        }
        worker().clear_events();
        return is_done;
    }
    int polls_until_done(Job& job) {
        give(job);
        int polls = 1;
        while (!poll(job) && polls < 100000) {
            ++polls;
        }
        return polls;
    }

    WorkerFleet fleet_{{}};
    ServiceId service_{};
};

TEST_F(JobTest, AReportOfNothingButTotals) {
    open(3);
    CountersReport report;
    EXPECT_EQ(polls_until_done(report), 1);
    EXPECT_EQ(report.totals.connections, 3U);
    EXPECT_EQ(report.totals.connections_max, WorkerSettings{}.connections_max);
    EXPECT_EQ(report.totals.connections_created, 3U);
    EXPECT_EQ(report.totals.forwarded, 3U);
    EXPECT_EQ(report.worker, WorkerId{0});
    EXPECT_EQ(report.commands_applied, 77U);
}

TEST_F(JobTest, AReportOfMoreSlotsThanThereAre) {
    open(2);
    CountersReport report;
    report.services.resize(5000);
    report.servers.resize(100000);
    EXPECT_GT(polls_until_done(report), 10);
    EXPECT_EQ(report.services[index(service_)].connections, 2U);
    EXPECT_EQ(report.servers[0].connections, 2U);
    EXPECT_EQ(report.servers[99999].connections, 0U);
}

TEST_F(JobTest, EverySlotIsCopied) {
    for (const size_t size : {size_t{1}, size_t{127}, size_t{128}, size_t{129}, size_t{1000}}) {
        CountersReport report;
        report.servers.resize(size, ServerCounters{.connections = 99});
        polls_until_done(report);
        EXPECT_TRUE(std::all_of(report.servers.begin() + 1,
                                report.servers.end(),
                                [](const ServerCounters& c) { return c.connections == 0; }))
            << size;
    }
}

TEST_F(JobTest, PagesOfEverySizeHoldEveryConnectionOnce) {
    open(300);
    for (const size_t rows : {size_t{1}, size_t{7}, size_t{100}, size_t{300}, size_t{1000}}) {
        std::set<uint16_t> ports;
        ConnectionPage page;
        page.rows.reserve(rows);
        int pages = 0;
        while (!page.is_last) {
            page.rows.clear();
            polls_until_done(page);
            ASSERT_LE(page.rows.size(), page.rows.capacity());
            for (const ConnectionRow& row : page.rows) {
                EXPECT_TRUE(ports.insert(row.client.port.host()).second);
                EXPECT_EQ(row.client.address, kClient);
                EXPECT_EQ(row.virtual_service, at(kVip, 53));
                EXPECT_EQ(row.real_server, at(kServer107, 53));
                EXPECT_EQ(row.protocol, Protocol::kUdp);
                EXPECT_EQ(row.state, ConnState::kUdp);
                EXPECT_EQ(row.service, service_);
                EXPECT_NEAR(row.expires_in_seconds, 300, 1);
            }
            ++pages;
        }
        EXPECT_EQ(ports.size(), 300U) << rows;
        EXPECT_GE(pages, static_cast<int>(300 / rows));
    }
}

TEST_F(JobTest, ADeadlineRunsDownInTheList) {
    open(1);
    fleet_.clock.advance(std::chrono::seconds(100));
    ConnectionPage page;
    page.rows.reserve(4);
    polls_until_done(page);
    ASSERT_EQ(page.rows.size(), 1U);
    EXPECT_NEAR(page.rows[0].expires_in_seconds, 200, 1);
    EXPECT_NEAR(page.rows[0].idle_seconds, 100, 1);
}

TEST_F(JobTest, AFilterLetsThroughWhatFitsAllOfIt) {
    open(50);
    fleet_.clock.advance(std::chrono::seconds(100));
    open(10, 2000);
    const auto count = [this](auto set) {
        ConnectionPage page;
        page.rows.reserve(100);
        set(page.filter);
        polls_until_done(page);
        EXPECT_TRUE(page.is_last);
        return page.rows.size();
    };
    using Filter = ConnectionFilter;
    EXPECT_EQ(count([](Filter&) {}), 60U);
    EXPECT_EQ(count([](Filter& f) { f.client = IpPrefix{kClient, 24}; }), 60U);
    EXPECT_EQ(count([](Filter& f) { f.client = IpPrefix{kVip, 32}; }), 0U);
    EXPECT_EQ(count([](Filter& f) { f.virtual_service = at(kVip, 53); }), 60U);
    EXPECT_EQ(count([](Filter& f) { f.virtual_service = at(kVip, 0); }), 60U);
    EXPECT_EQ(count([](Filter& f) { f.virtual_service = at(kVip, 54); }), 0U);
    EXPECT_EQ(count([](Filter& f) { f.real_server = at(kServer107, 53); }), 60U);
    EXPECT_EQ(count([](Filter& f) { f.real_server = at(kServer108, 0); }), 0U);
    EXPECT_EQ(count([](Filter& f) { f.protocol = Protocol::kUdp; }), 60U);
    EXPECT_EQ(count([](Filter& f) { f.protocol = Protocol::kTcp; }), 0U);
    const auto only = [](ConnState state) { return 1U << static_cast<uint32_t>(state); };
    EXPECT_EQ(count([&](Filter& f) { f.states = only(ConnState::kUdp); }), 60U);
    EXPECT_EQ(count([&](Filter& f) { f.states = only(ConnState::kEstablished); }), 0U);
    EXPECT_EQ(count([this](Filter& f) { f.service = service_; }), 60U);
    EXPECT_EQ(count([](Filter& f) { f.service = kNoService; }), 0U);
    EXPECT_EQ(count([](Filter& f) { f.idle_seconds_min = 50; }), 50U);
    EXPECT_EQ(count([](Filter& f) { f.idle_seconds_max = 50; }), 10U);
    EXPECT_EQ(count([](Filter& f) {
                  f.protocol = Protocol::kUdp;
                  f.idle_seconds_max = 50;
                  f.real_server = at(kServer108, 0);
              }),
              0U);
}

// Whatever is looked for, a poll takes a bounded piece of it, and other jobs have their turn.
TEST_F(JobTest, ASearchThatFindsNothingIsCutIntoPieces) {
    open(3000);
    ConnectionPage page;
    page.rows.reserve(100);
    page.filter.idle_seconds_min = 1000;  // each entry has to be looked at closely
    page.positions_left = 1024;
    EXPECT_GE(polls_until_done(page), 1024 / 32);
    EXPECT_EQ(page.cursor, 1024U);
    EXPECT_FALSE(page.is_last);
    page.positions_left = UINT32_MAX;
    EXPECT_GE(polls_until_done(page), (3000 - 1024) / 32);
    EXPECT_TRUE(page.is_last);
    EXPECT_TRUE(page.rows.empty());
    page.cursor = 0;
    page.filter = {};
    page.filter.protocol = Protocol::kTcp;  // told from an entry's first bytes
    EXPECT_GE(polls_until_done(page), 3000 / 256);
}

TEST_F(JobTest, AnEmptyTableIsOneLastPage) {
    ConnectionPage page;
    page.rows.reserve(4);
    EXPECT_EQ(polls_until_done(page), 1);
    EXPECT_TRUE(page.is_last);
    EXPECT_TRUE(page.rows.empty());
}

TEST_F(JobTest, ASparseTableTakesBoundedPieces) {
    open(3000);
    fleet_.clock.advance(std::chrono::seconds(200));
    open_one(1000);  // keeps one of the first alive
    fleet_.run_for(std::chrono::seconds(150));
    ConnectionPage page;
    page.rows.reserve(100);
    const int polls = polls_until_done(page);
    EXPECT_GE(polls, 3000 / 256);  // no poll looked at all of it
    EXPECT_TRUE(page.is_last);
    EXPECT_EQ(page.rows.size(), 1U);
}

// Connections that stay through a listing are listed once; those that come or go may be or not.
TEST_F(JobTest, TheTableMayChangeBetweenThePages) {
    open(600);
    std::multiset<uint16_t> listed;
    ConnectionPage page;
    page.rows.reserve(50);
    uint16_t newcomer = 20000;
    while (!page.is_last) {
        page.rows.clear();
        give(page);
        while (!poll(page)) {
            Command nothing(CommandKind::kRemoveNeighbour);
            nothing.remove_neighbour = {};
            worker().apply(nothing, fleet_.clock.now());
        }
        for (const ConnectionRow& row : page.rows) {
            listed.insert(row.client.port.host());
        }
        open_one(newcomer++);
    }
    for (uint16_t port = 1000; port < 1600; ++port) {
        EXPECT_EQ(listed.count(port), 1U) << port;
    }
}

TEST_F(JobTest, JobsAreDoneInOrderAndTheirNumberIsBounded) {
    open(10);
    std::array<ConnectionPage, kJobsMax> pages;
    for (ConnectionPage& page : pages) {
        page.rows.reserve(100);
        ASSERT_TRUE(worker().can_apply());
        give(page);
    }
    EXPECT_FALSE(worker().can_apply());
    for (ConnectionPage& page : pages) {
        EXPECT_TRUE(poll(page));  // one a poll
        EXPECT_TRUE(worker().can_apply());
        EXPECT_EQ(page.rows.size(), 10U);
    }
}

}  // namespace
}  // namespace director::dataplane
