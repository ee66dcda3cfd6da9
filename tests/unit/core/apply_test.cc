// Every command: what it does, what it answers, and that a refused one changes nothing.
#include <memory>

#include <gtest/gtest.h>

#include "dataplane/core/schedulers/schedulers.h"
#include "dataplane/core/worker_state.h"
#include "tests/support/nat_lab.h"

namespace director::dataplane {
namespace {

using namespace test::nat_lab;  // NOLINT(google-build-using-namespace): the laboratory's addresses
using test::Outcome;
using test::WorkerFleet;

constexpr TimePoint kNow{std::chrono::hours(1)};

// A worker alone, and what it answers to a command.
class ApplyTest : public ::testing::Test {
  protected:
    static WorkerSettings settings() {
        WorkerSettings out;
        out.connections_max = 8;
        out.services_max = 2;
        out.real_servers_max = 4;
        out.neighbours_max = 2;
        return out;
    }

    // The events that the command caused.
    std::vector<Event> apply(Command command) {
        command.sequence = ++sequence_;
        worker_.apply(command, kNow);
        std::vector<Event> events(worker_.events().begin(), worker_.events().end());
        worker_.clear_events();
        for (const Event& event : events) {
            EXPECT_EQ(event.sequence, sequence_);
            EXPECT_EQ(event.worker, WorkerId{0});
        }
        return events;
    }
    bool is_refused(const Command& command) {
        const std::vector<Event> events = apply(command);
        return events.size() == 1 && events[0].kind == EventKind::kCommandRefused;
    }
    bool is_silent(const Command& command) { return apply(command).empty(); }

    static Command about(CommandKind kind, ServiceId service) {
        Command command(kind);
        command.service = service;
        return command;
    }

    // A table with one server, kept by the test.
    ServiceTable* table(uint32_t id, uint16_t port, uint32_t server = 0) {
        auto table = std::make_unique<ServiceTable>();
        table->id = ServiceId{id};
        table->key = {kVip, Be16::from_host(port), Protocol::kTcp};
        table->servers.push_back(
            {.id = RealServerId{server}, .endpoint = at(kServer108, 80), .weight = 1});
        prepare_scheduler(*table);
        tables_.push_back(std::move(table));
        return tables_.back().get();
    }
    // The table that came back, nullptr for none.
    ServiceTable* put(ServiceTable* wanted) {
        Command command(CommandKind::kPutService);
        command.service_table = wanted;
        const std::vector<Event> events = apply(command);
        EXPECT_LE(events.size(), 1U);
        if (events.empty()) {
            return nullptr;
        }
        EXPECT_EQ(events[0].kind, EventKind::kServiceReturned);
        return events[0].service_table;
    }

    Worker worker_{settings()};
    uint32_t sequence_ = 0;
    std::vector<std::unique_ptr<ServiceTable>> tables_;
};

TEST_F(ApplyTest, PutServiceReturnsTheTableThatItReplaces) {
    ServiceTable* const first = table(0, 80);
    ServiceTable* const second = table(0, 80);
    EXPECT_EQ(put(first), nullptr);
    EXPECT_EQ(put(second), first);
    EXPECT_EQ(put(first), second);
}

TEST_F(ApplyTest, PutServiceGivesBackWhatItCannotTake) {
    const auto is_refused_table = [this](ServiceTable* wanted) { return put(wanted) == wanted; };
    EXPECT_TRUE(is_refused_table(table(2, 80)));           // no such slot
    EXPECT_TRUE(is_refused_table(table(0xffffffff, 80)));  // kNoService
    EXPECT_TRUE(is_refused_table(table(0, 80, 4)));        // no such server slot
    ServiceTable* const strange = table(0, 80);
    strange->scheduler = 200;
    EXPECT_TRUE(is_refused_table(strange));
    EXPECT_EQ(put(table(0, 80)), nullptr);
    EXPECT_TRUE(is_refused_table(table(0, 81)));  // the slot is another address's
    EXPECT_TRUE(is_refused_table(table(1, 80)));  // the address is another slot's
    EXPECT_EQ(put(table(1, 81)), nullptr);
}

TEST_F(ApplyTest, RetireAndForgetService) {
    ServiceTable* const first = table(1, 80);
    EXPECT_TRUE(is_refused(about(CommandKind::kRetireService, ServiceId{1})));
    EXPECT_TRUE(is_refused(about(CommandKind::kRetireService, ServiceId{2})));
    EXPECT_TRUE(is_refused(about(CommandKind::kForgetService, ServiceId{1})));
    EXPECT_TRUE(is_refused(about(CommandKind::kForgetService, kNoService)));
    ASSERT_EQ(put(first), nullptr);
    EXPECT_TRUE(is_refused(about(CommandKind::kForgetService, ServiceId{1})));  // still in use
    const std::vector<Event> events = apply(about(CommandKind::kRetireService, ServiceId{1}));
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].kind, EventKind::kServiceReturned);
    EXPECT_EQ(events[0].service_table, first);
    EXPECT_TRUE(is_silent(about(CommandKind::kRetireService, ServiceId{1})));  // nothing to return
    EXPECT_TRUE(is_silent(about(CommandKind::kForgetService, ServiceId{1})));
    // The slot and the address are free again.
    EXPECT_EQ(put(table(1, 81)), nullptr);
    EXPECT_EQ(put(table(0, 80)), nullptr);
}

TEST_F(ApplyTest, ARetiredServiceComesBackInItsSlot) {
    ASSERT_EQ(put(table(0, 80)), nullptr);
    ASSERT_EQ(apply(about(CommandKind::kRetireService, ServiceId{0})).size(), 1U);
    EXPECT_EQ(put(table(0, 80)), nullptr);
}

TEST_F(ApplyTest, SetWeight) {
    Command command(CommandKind::kSetWeight);
    command.set_weight = {ServiceId{0}, RealServerId{3}, 0, 7};
    EXPECT_TRUE(is_refused(command));  // no such service
    ServiceTable* const installed = table(0, 80, 3);
    ASSERT_EQ(put(installed), nullptr);
    EXPECT_TRUE(is_silent(command));
    EXPECT_EQ(installed->servers[0].weight, 7U);
    EXPECT_EQ(all_weights(*installed).weight_max, 7U);
    const auto with = [](ServiceId service, uint32_t server, uint32_t position) {
        Command other(CommandKind::kSetWeight);
        other.set_weight = {service, RealServerId{server}, position, 9};
        return other;
    };
    EXPECT_TRUE(is_refused(with(ServiceId{1}, 3, 0)));
    EXPECT_TRUE(is_refused(with(ServiceId{9}, 3, 0)));
    EXPECT_TRUE(is_refused(with(ServiceId{0}, 2, 0)));  // another server stands there
    EXPECT_TRUE(is_refused(with(ServiceId{0}, 3, 1)));
    EXPECT_EQ(installed->servers[0].weight, 7U);
    ASSERT_EQ(apply(about(CommandKind::kRetireService, ServiceId{0})).size(), 1U);
    EXPECT_TRUE(is_refused(with(ServiceId{0}, 3, 0)));
}

TEST_F(ApplyTest, InterfacesAndNeighbours) {
    Command interface(CommandKind::kPutInterface);
    interface.put_interface = {InterfaceId{63}, {}};
    EXPECT_TRUE(is_silent(interface));
    interface.put_interface.id = InterfaceId{64};
    EXPECT_TRUE(is_refused(interface));
    Command neighbour(CommandKind::kPutNeighbour);
    for (uint8_t i = 0; i < 3; ++i) {
        neighbour.put_neighbour = {{Ipv4Address::of(10, 0, 0, i), InterfaceId{0}}, {}};
        EXPECT_EQ(is_refused(neighbour), i == 2);  // there is room for two
    }
    Command removal(CommandKind::kRemoveNeighbour);
    removal.remove_neighbour = {Ipv4Address::of(10, 0, 0, 9), InterfaceId{0}};
    EXPECT_TRUE(is_silent(removal));
}

TEST_F(ApplyTest, PutRoutesReturnsTheTableThatItReplaces) {
    const RouteTable first;
    const RouteTable second;
    Command command(CommandKind::kPutRoutes);
    command.routes = &first;
    EXPECT_TRUE(is_silent(command));
    command.routes = &second;
    const std::vector<Event> events = apply(command);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].kind, EventKind::kRoutesReturned);
    EXPECT_EQ(events[0].routes, &first);
}

TEST_F(ApplyTest, ForgetRealServerRefusesAnUnknownSlot) {
    Command command(CommandKind::kForgetRealServer);
    command.server = RealServerId{3};
    EXPECT_TRUE(is_silent(command));
    command.server = RealServerId{4};
    EXPECT_TRUE(is_refused(command));
    command.server = kNoRealServer;
    EXPECT_TRUE(is_refused(command));
}

// Whoever collects no events gets no more commands in, and loses nothing.
TEST_F(ApplyTest, RoomForEvents) {
    Command refused(CommandKind::kForgetRealServer);
    refused.server = kNoRealServer;
    CountersReport report;
    Command job(CommandKind::kRunJob);
    job.job = &report;
    worker_.apply(job, kNow);
    uint32_t applied = 0;
    while (worker_.can_apply()) {
        refused.sequence = ++applied;
        worker_.apply(refused, kNow);
        ASSERT_LE(applied, kEventsMax);
    }
    EXPECT_EQ(applied, kEventsMax - 1);  // one place is the job's
    Burst empty;
    worker_.process(empty, kNow);
    ASSERT_EQ(worker_.events().size(), kEventsMax);
    EXPECT_EQ(worker_.events().back().kind, EventKind::kJobDone);
    EXPECT_FALSE(worker_.can_apply());
    worker_.process(empty, kNow);
    EXPECT_EQ(worker_.events().size(), kEventsMax);
    worker_.clear_events();
    EXPECT_TRUE(worker_.can_apply());
}

// A job that is done waits for room.
TEST_F(ApplyTest, AJobWaitsForRoomForItsEvent) {
    Command refused(CommandKind::kForgetRealServer);
    refused.server = kNoRealServer;
    for (uint32_t i = 0; i < kEventsMax; ++i) {
        ASSERT_TRUE(worker_.can_apply());
        worker_.apply(refused, kNow);
    }
    EXPECT_FALSE(worker_.can_apply());
    Burst empty;
    worker_.process(empty, kNow);
    EXPECT_EQ(worker_.events().size(), kEventsMax);
}

// --- With connections ---

class ApplyUnderConnections : public ::testing::Test {
  protected:
    ApplyUnderConnections() {
        configure(fleet_);
        service_ = fleet_.put_service(kHttp, "rr", {{at(kServer108, 80)}});
        EXPECT_EQ(says(5, test::kTcpSyn).verdict, Verdict::kForward);
        EXPECT_EQ(says(5, test::kTcpAck).verdict, Verdict::kForward);
    }
    Outcome says(uint16_t port, uint8_t flags) {
        return fleet_.send_one(kOutside,
                               from_client(kClient, kVip).tcp(port, 80).tcp_flags(flags).build());
    }
    WorkerFleet fleet_{{}};
    ServiceId service_{};
};

TEST_F(ApplyUnderConnections, NothingIsForgottenWhileInUse) {
    EXPECT_FALSE(fleet_.forget_server(fleet_.server_id(service_, at(kServer108, 80))));
    fleet_.retire_service(service_);
    EXPECT_FALSE(fleet_.forget_service(service_));
    EXPECT_EQ(says(5, test::kTcpAck).verdict, Verdict::kForward);
    fleet_.run_for(std::chrono::seconds(901));
    EXPECT_EQ(fleet_.server_counters(service_, at(kServer108, 80)).connections, 1U);
    EXPECT_TRUE(fleet_.forget_server(fleet_.server_id(service_, at(kServer108, 80))));
    EXPECT_EQ(fleet_.server_counters(service_, at(kServer108, 80)).connections, 0U);
    EXPECT_TRUE(fleet_.forget_service(service_));
}

TEST_F(ApplyUnderConnections, NewTimeoutsHoldFromTheNextPacketOrTheSweepOn) {
    ConnTimeouts timeouts = kDefaultConnTimeouts;
    timeouts[static_cast<size_t>(ConnState::kSynRecv)] = 7;
    timeouts[static_cast<size_t>(ConnState::kEstablished)] = 30;
    fleet_.put_timeouts(timeouts);
    fleet_.poll();
    EXPECT_NEAR(fleet_.connections().at(0).expires_in_seconds, 30, 1);
    says(6, test::kTcpSyn);
    EXPECT_NEAR(fleet_.connections().at(1).expires_in_seconds, 7, 1);
    says(7, test::kTcpSyn);
    says(7, test::kTcpAck);
    fleet_.run_for(std::chrono::seconds(8));
    EXPECT_EQ(fleet_.connections().size(), 2U);
    fleet_.run_for(std::chrono::seconds(23));
    EXPECT_EQ(fleet_.connections().size(), 0U);
}

}  // namespace
}  // namespace director::dataplane
