// The workers as the control plane sees them: nothing sent is lost or reordered by a full ring,
// what was lent is freed when the last worker has given it back and not before, questions are
// answered once.
#include "controlplane/daemon/fleet.h"

#include <gtest/gtest.h>

#include "tests/unit/daemon/fake_engine.h"

namespace director::daemon {
namespace {

using namespace dataplane;  // NOLINT(google-build-using-namespace): what is sent
using test::FakeEngine;

Command timeout(uint32_t seconds) {
    Command command(CommandKind::kSetTimeout);
    command.set_timeout = {ConnState::kUdp, seconds};
    return command;
}

void settle(Fleet& fleet, FakeEngine& engine) {
    for (int i = 0; i < 20 || fleet.has_backlog(); ++i) {
        fleet.turn();
        engine.poll_all();
    }
    fleet.turn();
}

TEST(FleetTest, AFullRingKeepsCommandsInOrder) {
    FakeEngine engine({.workers = 2, .ring_entries = 3});
    Fleet fleet(engine);
    for (uint32_t seconds = 1; seconds <= 50; ++seconds) {
        fleet.broadcast(timeout(seconds));
    }
    engine.is_ring_stuck = true;
    fleet.turn();
    engine.poll_all();
    EXPECT_TRUE(fleet.has_backlog());
    EXPECT_TRUE(engine.sequences.empty());
    engine.is_ring_stuck = false;
    fleet.turn();
    EXPECT_TRUE(fleet.has_backlog()) << "three of fifty";
    settle(fleet, engine);
    ASSERT_EQ(engine.sequences.size(), 50U);
    for (uint32_t i = 0; i < 50; ++i) {
        EXPECT_EQ(engine.sequences[i], i + 1);
    }
    EXPECT_EQ(fleet.refused(), 0U);
}

TEST(FleetTest, TablesLiveUntilTheLastWorkerHasGivenThemBack) {
    FakeEngine engine({.workers = 2});
    Fleet fleet(engine);
    auto fib = std::shared_ptr<const io::Fib>(io::Fib::build({}));
    const std::weak_ptr<const io::Fib> watched = fib;
    auto first = std::make_unique<TableSet>();
    first->lists.push_back(std::move(fib));
    fleet.put_tables(std::move(first));
    settle(fleet, engine);
    EXPECT_FALSE(watched.expired());
    fleet.put_tables(std::make_unique<TableSet>());
    fleet.turn();
    engine.poll(0);
    fleet.turn();
    EXPECT_FALSE(watched.expired()) << "worker 1 still looks it up";
    engine.poll(1);
    fleet.turn();
    EXPECT_TRUE(watched.expired());
}

TEST(FleetTest, AQuestionIsAnsweredOnceByTheWorkerThatWasAsked) {
    FakeEngine engine({.workers = 2});
    Fleet fleet(engine);
    int answers = 0;
    auto report = std::make_shared<CountersReport>();
    fleet.ask<CountersReport>(WorkerId{1}, report, [&](CountersReport& answer) {
        ++answers;
        EXPECT_EQ(answer.worker, WorkerId{1});
        EXPECT_GT(answer.totals.connections_max, 0U);
    });
    engine.poll_all();
    EXPECT_EQ(answers, 0) << "not sent before turn()";
    settle(fleet, engine);
    EXPECT_EQ(answers, 1);
}

TEST(FleetTest, WhatAWorkerRefusesIsCounted) {
    FakeEngine engine({.workers = 3});
    Fleet fleet(engine);
    Command command(CommandKind::kRetireService);
    command.service = ServiceId{9};  // nobody has heard of it
    fleet.broadcast(command);
    settle(fleet, engine);
    EXPECT_EQ(fleet.refused(), 3U);
}

}  // namespace
}  // namespace director::daemon
