// What makes an instance unfit or weaker: interfaces, scripts, files, quorum; and sync groups,
// whose members move together.
#include "tests/unit/vrrp/router_fixture.h"

namespace director::vrrp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class TrackingTest : public RouterTest {
  protected:
    TrackerConfig& add_tracker(TrackerKind kind, std::string subject, int weight) {
        TrackerConfig tracker;
        tracker.name = "tracker";
        tracker.kind = kind;
        tracker.subject = std::move(subject);
        tracker.weight = weight;
        config.trackers.push_back(tracker);
        one().trackers.push_back(TrackEntry{"tracker", std::nullopt, false});
        return config.trackers.back();
    }
    TrackerConfig& add_script(int weight) {
        TrackerConfig& tracker = add_tracker(TrackerKind::kScript, "", weight);
        tracker.command = {"/bin/check"};
        return tracker;
    }
    static InterfaceFacts up() {
        InterfaceFacts facts;
        facts.is_up = true;
        return facts;
    }
    // The number of the run that was asked for last.
    uint64_t last_run() {
        const auto runs = all_of<StartScript>(actions);
        return runs.empty() ? 0 : runs.back().run;
    }
    void end_script(bool succeeded) {
        router.script_ended(now, "tracker", last_run(), succeeded, actions);
    }
    // One interval of one second with this result.
    void run_script(bool succeeded) {
        end_script(succeeded);
        run_for(seconds(1));
    }
};

TEST_F(TrackingTest, InterfaceWithWeightMovesThePriority) {
    add_tracker(TrackerKind::kInterface, "net1", 20);
    start();
    EXPECT_EQ(status().priority, 100);
    router.interface_changed(now, "net1", up(), actions);
    EXPECT_EQ(status().priority, 120);
    router.interface_changed(now, "net1", std::nullopt, actions);
    EXPECT_EQ(status().priority, 100);
    EXPECT_EQ(state(), State::kBackup);
}

TEST_F(TrackingTest, NegativeWeightIsTakenWhenDown) {
    add_tracker(TrackerKind::kInterface, "net1", -30);
    start();
    EXPECT_EQ(status().priority, 70);
    router.interface_changed(now, "net1", up(), actions);
    EXPECT_EQ(status().priority, 100);
}

TEST_F(TrackingTest, WeightZeroMeansFault) {
    add_tracker(TrackerKind::kInterface, "net1", 0);
    start();
    EXPECT_EQ(state(), State::kFault);
    EXPECT_EQ(status().fault, "interface net1 is down");
    router.interface_changed(now, "net1", up(), actions);
    EXPECT_EQ(state(), State::kBackup);
}

TEST_F(TrackingTest, ReverseTurnsItRound) {
    add_tracker(TrackerKind::kInterface, "net1", 0);
    one().trackers[0].is_reversed = true;
    start();
    EXPECT_EQ(state(), State::kBackup);
    router.interface_changed(now, "net1", up(), actions);
    EXPECT_EQ(state(), State::kFault);
    EXPECT_EQ(status().fault, "interface net1 is up");
}

TEST_F(TrackingTest, PriorityStaysWithinBoundsAndOwnersKeepTheirs) {
    add_tracker(TrackerKind::kInterface, "net1", -253);
    start();
    EXPECT_EQ(status().priority, 1);
    one().trackers[0].weight = 253;
    router.configure(now, config, actions);
    router.interface_changed(now, "net1", up(), actions);
    EXPECT_EQ(status().priority, 254);
    one().priority = 255;
    one().trackers[0].weight = -253;
    router.configure(now, config, actions);
    router.interface_changed(now, "net1", std::nullopt, actions);
    EXPECT_EQ(status().priority, 255);
}

TEST_F(TrackingTest, ScriptWithoutResultKeepsTheInstanceInInit) {
    add_script(0);
    start();
    EXPECT_EQ(state(), State::kInit);
    ASSERT_THAT(all_of<StartScript>(actions), SizeIs(1));
    EXPECT_THAT(all_of<StartScript>(actions)[0].command, ElementsAre("/bin/check"));
    end_script(true);
    EXPECT_EQ(state(), State::kBackup);
}

TEST_F(TrackingTest, ScriptThatStartsFailedDoesNot) {
    add_script(0).starts_failed = true;
    start();
    EXPECT_EQ(state(), State::kFault);
    run_script(true);
    EXPECT_EQ(state(), State::kBackup);
}

TEST_F(TrackingTest, RiseAndFallCountResultsInARow) {
    TrackerConfig& script = add_script(0);
    script.fall = 3;
    script.rise = 2;
    start();
    run_script(true);
    run_script(false);
    run_script(false);
    run_script(true);  // breaks the row
    run_script(false);
    run_script(false);
    EXPECT_NE(state(), State::kFault);
    run_script(false);
    EXPECT_EQ(state(), State::kFault);
    run_script(true);
    EXPECT_EQ(state(), State::kFault);
    run_script(true);
    EXPECT_NE(state(), State::kFault);
    EXPECT_EQ(router.status().trackers.at(0).failures, 5U);
}

TEST_F(TrackingTest, ScriptThatHangsIsEndedAndCountsAsFailed) {
    add_script(0).timeout = milliseconds(1500);
    start();
    end_script(true);
    run_for(seconds(1));
    const uint64_t hanging = last_run();
    run_for(milliseconds(1499));
    EXPECT_THAT(all_of<EndScript>(actions), IsEmpty());
    EXPECT_THAT(all_of<StartScript>(actions), SizeIs(2)) << "never two at a time";
    run_for(milliseconds(1));
    const auto ended = all_of<EndScript>(actions);
    ASSERT_THAT(ended, SizeIs(1));
    EXPECT_EQ(ended[0].run, hanging);
    EXPECT_EQ(state(), State::kFault);
    EXPECT_THAT(all_of<StartScript>(actions), SizeIs(3));
    router.script_ended(now, "tracker", hanging, true, actions);
    EXPECT_EQ(state(), State::kFault) << "a late answer means nothing";
    EXPECT_EQ(router.status().trackers.at(0).timeouts, 1U);
}

TEST_F(TrackingTest, StopEndsWhatRuns) {
    add_script(0);
    start();
    router.stop(now, actions);
    EXPECT_THAT(all_of<EndScript>(actions), SizeIs(1));
    EXPECT_EQ(router.deadline(), kNever);
}

TEST_F(TrackingTest, FileIsMultipliedWithItsWeight) {
    add_tracker(TrackerKind::kFile, "/run/weight", -2);
    start();
    EXPECT_EQ(state(), State::kInit) << "not read yet";
    router.file_changed(now, "/run/weight", 10, actions);
    EXPECT_EQ(status().priority, 80);
    router.file_changed(now, "/run/weight", 127, actions);
    EXPECT_EQ(state(), State::kFault);
    router.file_changed(now, "/run/weight", std::nullopt, actions);
    EXPECT_EQ(state(), State::kBackup);
    EXPECT_EQ(status().priority, 100);
    router.file_changed(now, "/run/weight", 2147483647, actions);
    EXPECT_EQ(state(), State::kFault);
}

TEST_F(TrackingTest, FileWithoutWeightMeansFaultUnlessZero) {
    add_tracker(TrackerKind::kFile, "/run/weight", 0);
    start();
    router.file_changed(now, "/run/weight", 0, actions);
    EXPECT_EQ(state(), State::kBackup);
    router.file_changed(now, "/run/weight", -1, actions);
    EXPECT_EQ(state(), State::kFault);
}

TEST_F(TrackingTest, QuorumOfAVirtualService) {
    add_tracker(TrackerKind::kQuorum, "web", 0);
    start();
    EXPECT_EQ(state(), State::kInit);
    router.quorum_changed(now, "mail", false, actions);
    EXPECT_EQ(state(), State::kInit);
    router.quorum_changed(now, "web", true, actions);
    run_for(seconds(4));
    EXPECT_EQ(state(), State::kMaster);
    actions.clear();
    router.quorum_changed(now, "web", false, actions);
    EXPECT_EQ(status().fault, "quorum of web is down");
    EXPECT_THAT(adverts(), ElementsAre(0)) << "hands over at once";
}

TEST_F(TrackingTest, WhatIsKnownSurvivesAReload) {
    add_script(0);
    start();
    end_script(true);
    one().priority = 90;
    router.configure(now, config, actions);
    EXPECT_EQ(state(), State::kBackup);
    EXPECT_EQ(status().priority, 90);
}

class GroupTest : public TrackingTest {
  protected:
    GroupTest() {
        config.instances.push_back(test_instance("VI_2", 52));
        config.instances[1].addresses = addresses_of({"10.9.0.200"});
        config.groups = {GroupConfig{"VG", {"VI_1", "VI_2"}, {}, false, {}}};
    }
    void hear_for(size_t index, uint8_t priority) { hear(advert_of(priority, index), other); }
    std::vector<State> states() { return {state(0), state(1), router.status().groups[0].state}; }
};

TEST_F(GroupTest, NobodyIsMasterBeforeAllWantToBe) {
    start();
    for (int i = 0; i < 20; ++i) {
        run_for(seconds(1));
        hear_for(1, 200);  // the second's master lives
        EXPECT_THAT(states(), ElementsAre(State::kBackup, State::kBackup, State::kBackup));
    }
    EXPECT_THAT(adverts(), IsEmpty());
    run_for(seconds(4));
    EXPECT_THAT(states(), ElementsAre(State::kMaster, State::kMaster, State::kMaster));
}

TEST_F(GroupTest, OneThatHearsItsMasterAgainTakesItsWishBack) {
    start();
    run_for(seconds(2));
    hear_for(1, 200);
    run_for(seconds(2));  // the first wants to be MASTER now
    hear_for(0, 200);     // and does not any more
    run_for(milliseconds(1700));
    EXPECT_THAT(states(), ElementsAre(State::kBackup, State::kBackup, State::kBackup));
}

TEST_F(GroupTest, OneYieldsAndAllDo) {
    start();
    run_for(seconds(4));
    actions.clear();
    hear_for(0, 200);
    EXPECT_THAT(states(), ElementsAre(State::kBackup, State::kBackup, State::kBackup));
    EXPECT_THAT(all_of<RemoveAddresses>(actions), SizeIs(2));
    EXPECT_THAT(adverts(), ElementsAre(0)) << "the second, which heard nobody";
}

TEST_F(GroupTest, FaultOfOneIsTheFaultOfAll) {
    config.instances[1].interface = "net1";
    config.groups[0].notify.fault = {"/bin/fault"};
    config.groups[0].notify.any = {"/bin/any"};
    start();
    EXPECT_THAT(states(), ElementsAre(State::kFault, State::kFault, State::kFault));
    EXPECT_EQ(status(0).fault, "VI_2 of its group: no interface net1");
    EXPECT_EQ(status(1).fault, "no interface net1");
    const auto commands = all_of<RunCommand>(actions);
    ASSERT_THAT(commands, SizeIs(2));
    EXPECT_THAT(commands[0].arguments, ElementsAre("/bin/fault"));
    EXPECT_THAT(commands[1].arguments, ElementsAre("/bin/any", "GROUP", "VG", "FAULT", "0"));
    InterfaceFacts facts;
    facts.is_up = true;
    facts.ipv4 = third;
    router.interface_changed(now, "net1", facts, actions);
    EXPECT_THAT(states(), ElementsAre(State::kBackup, State::kBackup, State::kBackup));
}

TEST_F(GroupTest, OwnersWaitForEachOther) {
    config.instances[0].priority = config.instances[1].priority = 255;
    start();
    EXPECT_THAT(states(), ElementsAre(State::kMaster, State::kMaster, State::kMaster));
}

TEST_F(GroupTest, WeightsCountAsFaultUnlessTheGroupUsesThem) {
    add_tracker(TrackerKind::kQuorum, "web", -50);
    start();
    router.quorum_changed(now, "web", false, actions);
    EXPECT_THAT(states(), ElementsAre(State::kFault, State::kFault, State::kFault));
    config.groups[0].uses_weights = true;
    router.configure(now, config, actions);
    EXPECT_THAT(states(), ElementsAre(State::kBackup, State::kBackup, State::kBackup));
    EXPECT_EQ(status(0).priority, 50);
    EXPECT_EQ(status(1).priority, 100);
}

TEST_F(GroupTest, TrackersOfTheGroupCountForAllMembers) {
    add_tracker(TrackerKind::kQuorum, "web", -50);
    config.groups[0].trackers = std::exchange(one().trackers, {});
    config.groups[0].uses_weights = true;
    start();
    router.quorum_changed(now, "web", false, actions);
    EXPECT_EQ(status(0).priority, 50);
    EXPECT_EQ(status(1).priority, 50);
}

TEST_F(GroupTest, EventsOfTheGroup) {
    start();
    run_for(seconds(4));
    router.stop(now, actions);
    std::string lines;
    for (const Event& event : all_of<Event>(actions)) {
        if (event.subject == Subject::kGroup) {
            lines += fifo_line(event).value_or("");
        }
    }
    EXPECT_EQ(lines, "GROUP \"VG\" BACKUP 0\nGROUP \"VG\" MASTER 0\nGROUP \"VG\" STOP 0\n");
}

TEST_F(GroupTest, DissolvedByAReload) {
    start();
    run_for(seconds(4));
    config.groups.clear();
    router.configure(now, config, actions);
    hear_for(0, 200);
    EXPECT_EQ(state(0), State::kBackup);
    EXPECT_EQ(state(1), State::kMaster);
}

}  // namespace
}  // namespace director::vrrp
