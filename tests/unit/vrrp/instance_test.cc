// The state machine, row by row: RFC 9568 6.4 and what keepalived made of it.
#include <algorithm>

#include "tests/unit/vrrp/router_fixture.h"

namespace director::vrrp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// Version 2, priority 100: three seconds and 156/256 of one.
constexpr Duration kDown = seconds(3) + Duration(seconds(156)) / 256;

using StartTest = RouterTest;
using BackupTest = RouterTest;
using MasterTest = RouterTest;
using FaultTest = RouterTest;
using StarvedTest = RouterTest;
using ReloadTest = RouterTest;

TEST_F(StartTest, ListensForTheWholeTimeThenIsMaster) {
    start();
    EXPECT_EQ(state(), State::kBackup);
    EXPECT_EQ(until_deadline(), kDown);
    run_for(kDown - Duration(1));
    EXPECT_EQ(state(), State::kBackup);
    EXPECT_THAT(adverts(), IsEmpty());
    run_for(Duration(1));
    EXPECT_EQ(state(), State::kMaster);
    EXPECT_THAT(adverts(), ElementsAre(100));
}

TEST_F(StartTest, StateMasterAsksForOneIntervalOnly) {
    one().starts_as_master = true;
    start();
    EXPECT_EQ(state(), State::kBackup);
    EXPECT_EQ(until_deadline(), seconds(1) + Duration(seconds(1)) / 256);
}

TEST_F(StartTest, OwnerDoesNotAsk) {
    one().priority = 255;
    start();
    EXPECT_EQ(state(), State::kMaster);
    EXPECT_THAT(adverts(), ElementsAre(255));
}

TEST_F(StartTest, NothingIsHeardBeforeTheStartupDelay) {
    one().startup_delay = seconds(5);
    start();
    hear(200);
    EXPECT_EQ(state(), State::kInit);
    EXPECT_EQ(refused(Refusal::kNotRunning), 1U);
    run_for(seconds(5));
    EXPECT_EQ(state(), State::kBackup);
    EXPECT_EQ(until_deadline(), kDown);
}

TEST_F(StartTest, NeedsAnInterfaceThatIsUpAndHasAnAddress) {
    router.configure(now, config, actions);
    router.start(now, actions);
    EXPECT_EQ(state(), State::kFault);
    EXPECT_EQ(status().fault, "no interface net0");
    set_interface(false);
    EXPECT_EQ(status().fault, "interface net0 is down");
    InterfaceFacts facts;
    facts.is_up = true;
    router.interface_changed(now, "net0", facts, actions);
    EXPECT_EQ(status().fault, "interface net0 has no IPv4 address");
    set_interface(true);
    EXPECT_EQ(state(), State::kBackup);
}

TEST_F(BackupTest, BetterAndEqualAdvertsKeepItListening) {
    start();
    for (const uint8_t priority : {uint8_t{200}, uint8_t{101}, uint8_t{100}}) {
        run_for(seconds(3));
        hear(priority);
        EXPECT_EQ(until_deadline(), kDown) << int{priority};
        EXPECT_EQ(status().master, other);
    }
    EXPECT_THAT(adverts(), IsEmpty());
}

TEST_F(BackupTest, LowerOneIsIgnoredAndReplaced) {
    start();
    run_for(seconds(3));
    hear(99);
    EXPECT_EQ(until_deadline(), kDown - seconds(3));
    EXPECT_EQ(status().counters.lower_priority_received, 1U);
}

TEST_F(BackupTest, NopreemptAcceptsLowerOnes) {
    one().is_preempting = false;
    start();
    run_for(seconds(3));
    hear(1);
    EXPECT_EQ(until_deadline(), kDown);
    EXPECT_EQ(status().master, other);
}

TEST_F(BackupTest, PreemptDelayBearsALowerMasterSoLong) {
    one().preempt_delay = seconds(10);
    start();
    for (int i = 0; i < 10; ++i) {
        hear(50);
        EXPECT_EQ(until_deadline(), kDown);
        run_for(seconds(1));
    }
    hear(50);  // ten seconds after the first: not borne any more
    EXPECT_EQ(until_deadline(), kDown - seconds(1));
    hear(100);  // an equal one begins the story anew
    run_for(seconds(1));
    hear(50);
    EXPECT_EQ(until_deadline(), kDown);
}

TEST_F(BackupTest, GoodbyeOfTheMasterShortensTheWait) {
    start();
    hear(200);
    hear(uint8_t{0}, third);  // whoever that is
    EXPECT_EQ(until_deadline(), kDown);
    hear(0);
    EXPECT_EQ(until_deadline(), Duration(seconds(156)) / 256);
    run_for(seconds(1));
    EXPECT_EQ(state(), State::kMaster);
}

TEST_F(BackupTest, LearnsTheMastersIntervalInVersion3) {
    one().version = Version::kV3;
    start();
    Advertisement advert = advert_of(200);
    advert.interval = milliseconds(200);
    hear(advert, other);
    const Duration learnt = milliseconds(600) + Duration(milliseconds(200)) * 156 / 256;
    EXPECT_EQ(until_deadline(), learnt);
    EXPECT_THAT(texts(EventKind::kPeer), SizeIs(1));
    run_for(learnt);
    EXPECT_EQ(state(), State::kMaster);
    EXPECT_EQ(until_deadline(), seconds(1)) << "as MASTER its own interval";
}

TEST_F(BackupTest, PriorityShiftsTheRunningTimer) {
    start();
    run_for(seconds(1));
    ASSERT_TRUE(router.set_priority(now, "VI_1", 228, actions));
    EXPECT_EQ(until_deadline(), seconds(2) + Duration(seconds(28)) / 256);
    ASSERT_TRUE(router.set_priority(now, "VI_1", std::nullopt, actions));
    EXPECT_EQ(until_deadline(), kDown - seconds(1));
    EXPECT_FALSE(router.set_priority(now, "VI_2", 100, actions));
    EXPECT_FALSE(router.set_priority(now, "VI_1", 0, actions));
}

TEST_F(MasterTest, AdvertFirstThenAddressesThenAnnouncements) {
    one().uses_virtual_mac = true;
    one().excluded = addresses_of({"10.9.0.200"});
    start();
    actions.clear();
    run_for(kDown);
    std::vector<size_t> kinds;
    for (const Action& action : actions) {
        kinds.push_back(action.index());
    }
    const size_t announcement = Action(SendAnnouncement{}).index();
    std::vector<size_t> expected = {Action(AddVirtualMac{}).index(),
                                    Action(SendAdvert{}).index(),
                                    Action(AddAddresses{}).index(),
                                    Action(Event{}).index()};
    expected.insert(expected.end(), 10, announcement);
    EXPECT_EQ(kinds, expected);
    const auto added = all_of<AddAddresses>(actions).at(0);
    EXPECT_THAT(added.addresses, SizeIs(2)) << "excluded ones too";
    EXPECT_EQ(added.mac, virtual_mac(Family::kIpv4, 51));
    const auto advert = all_of<SendAdvert>(actions).at(0);
    EXPECT_EQ(advert.source_mac, virtual_mac(Family::kIpv4, 51));
    EXPECT_EQ(advert.packet.size(), 20U + 8 + 4 + 8) << "but not in the advert";
}

TEST_F(MasterTest, AdvertisesEveryIntervalWithoutDrift) {
    start_as_master();
    const TimePoint first = router.deadline();
    for (int i = 0; i < 10; ++i) {
        now = router.deadline() + milliseconds(3);  // a little late, each time
        router.wake(now, actions);
    }
    EXPECT_THAT(adverts(), SizeIs(testing::Ge(8U)));
    EXPECT_EQ((router.deadline() - first) % Duration(seconds(1)), Duration::zero());
}

TEST_F(MasterTest, YieldsToABetterOneWithoutAWord) {
    one().uses_virtual_mac = true;
    start_as_master();
    hear(101);
    EXPECT_EQ(state(), State::kBackup);
    EXPECT_EQ(status().master, other);
    EXPECT_THAT(all_of<RemoveAddresses>(actions), SizeIs(1));
    EXPECT_THAT(all_of<RemoveVirtualMac>(actions), SizeIs(1));
    EXPECT_THAT(adverts(), IsEmpty());
    EXPECT_EQ(until_deadline(), kDown);
    run_for(milliseconds(3000));
    EXPECT_THAT(all_of<SendAnnouncement>(actions), IsEmpty()) << "nothing is announced any more";
}

TEST_F(MasterTest, GreetsABetterOneIfToldTo) {
    one().greets_higher_priority = true;
    start_as_master();
    hear(101);
    EXPECT_EQ(state(), State::kBackup);
    EXPECT_THAT(adverts(), ElementsAre(100));
}

TEST_F(MasterTest, HigherAddressDecidesBetweenEquals) {
    start_as_master();
    hear(uint8_t{100}, *IpAddress::parse("10.9.0.0"));
    EXPECT_EQ(state(), State::kMaster);
    hear(uint8_t{100}, other);
    EXPECT_EQ(state(), State::kBackup);
}

TEST_F(MasterTest, AnswersALowerOneAndTellsTheSegment) {
    start_as_master();
    run_for(milliseconds(6500));  // its second burst is over
    actions.clear();
    hear(99);
    EXPECT_EQ(state(), State::kMaster);
    EXPECT_THAT(all_of<SendAnnouncement>(actions), SizeIs(5));
    EXPECT_THAT(texts(EventKind::kLowerPriority), SizeIs(1));
    EXPECT_THAT(adverts(), ElementsAre(100));
    run_for(seconds(5));
    EXPECT_THAT(all_of<SendAnnouncement>(actions), SizeIs(5)) << "and again after five seconds";
}

TEST_F(MasterTest, AnswersAGoodbyeAtOnce) {
    start_as_master();
    run_for(milliseconds(500));
    hear(0);
    EXPECT_THAT(adverts(), ElementsAre(100));
    EXPECT_EQ(state(), State::kMaster);
    EXPECT_EQ(until_deadline(), seconds(1));
}

TEST_F(MasterTest, AFloodOfLowerOnesIsNoFloodOfOurs) {
    start_as_master();
    for (int i = 0; i < 10000; ++i) {
        hear(static_cast<uint8_t>(i % 2 == 0 ? 99 : 0));
        now += Duration(seconds(1)) / 10000;
    }
    EXPECT_LE(all_of<SendAnnouncement>(actions).size(), 5U);
    EXPECT_THAT(texts(EventKind::kLowerPriority), SizeIs(1));
    EXPECT_LE(adverts().size(), 17U);
    EXPECT_EQ(state(), State::kMaster);
}

TEST_F(MasterTest, SecondBurstRefreshAndPace) {
    one().announcements.refresh = seconds(20);
    one().announcements.refresh_repeat = 2;
    start_as_master();
    run_for(seconds(4));
    EXPECT_THAT(all_of<SendAnnouncement>(actions), IsEmpty());
    run_for(seconds(1));
    EXPECT_THAT(all_of<SendAnnouncement>(actions), SizeIs(5));
    run_for(seconds(36));
    EXPECT_THAT(all_of<SendAnnouncement>(actions), SizeIs(5 + 2 * 2));
}

TEST_F(MasterTest, AThousandAddressesDoNotLeaveAsOneLump) {
    one().excluded.clear();
    for (int i = 0; i < 1000; ++i) {
        one().excluded.push_back(VirtualAddress{
            {Ipv4Address::from_host(0x0a0a0000U + static_cast<uint32_t>(i)), 32}, {}, {}});
    }
    start_as_master();
    Duration longest{0};
    size_t most = 0;
    for (const TimePoint end = now + milliseconds(900); router.deadline() < end;) {
        longest = std::max(longest, router.deadline() - now);
        now = router.deadline();
        const size_t before = all_of<SendAnnouncement>(actions).size();
        router.wake(now, actions);
        most = std::max(most, all_of<SendAnnouncement>(actions).size() - before);
    }
    EXPECT_LE(most, 64U);
    EXPECT_EQ(all_of<SendAnnouncement>(actions).size(), 5 * 1001U - 64) << "64 were at once";
}

TEST_F(MasterTest, StopSaysGoodbyeOnceAndRemovesAddresses) {
    one().notify.stop = {"/bin/stopped"};
    one().notify.any = {"/bin/any", "thing"};
    start_as_master();
    router.stop(now, actions);
    EXPECT_EQ(state(), State::kInit);
    EXPECT_THAT(all_of<RemoveAddresses>(actions), SizeIs(1));
    const auto commands = all_of<RunCommand>(actions);
    ASSERT_THAT(commands, SizeIs(2));
    EXPECT_THAT(commands[0].arguments, ElementsAre("/bin/stopped"));
    EXPECT_THAT(commands[1].arguments,
                ElementsAre("/bin/any", "thing", "INSTANCE", "VI_1", "STOP", "100"));
    EXPECT_THAT(adverts(), ElementsAre(0));
    EXPECT_EQ(router.deadline(), kNever);
}

TEST_F(FaultTest, MasterSaysGoodbyeAndComesBackAsBackup) {
    start_as_master();
    set_interface(false);
    EXPECT_EQ(state(), State::kFault);
    EXPECT_THAT(all_of<RemoveAddresses>(actions), SizeIs(1));
    EXPECT_THAT(adverts(), ElementsAre(0));
    hear(200);
    EXPECT_EQ(refused(Refusal::kNotRunning), 1U);
    EXPECT_EQ(router.deadline(), kNever);
    set_interface(true);
    EXPECT_EQ(state(), State::kBackup);
    EXPECT_EQ(until_deadline(), kDown);
}

TEST_F(FaultTest, UntrackedInterfaceMayBeDown) {
    one().tracks_interface = false;
    start();
    set_interface(false);
    EXPECT_EQ(state(), State::kBackup);
}

TEST_F(StarvedTest, MasterThatSleptYieldsAndAsksLater) {
    start_as_master();
    now += seconds(3) + Duration(1);
    router.wake(now, actions);
    EXPECT_EQ(state(), State::kBackup);
    EXPECT_EQ(until_deadline(), kDown);
    EXPECT_EQ(status().counters.starved, 1U);
    EXPECT_THAT(adverts(), IsEmpty());
}

TEST_F(StarvedTest, MasterThatSleptYieldsEvenIfAPacketWakesIt) {
    start_as_master();
    now += seconds(4);
    hear(50);  // who took over meanwhile, and is not to be chased away
    EXPECT_EQ(state(), State::kBackup);
    EXPECT_THAT(adverts(), IsEmpty());
}

TEST_F(StarvedTest, MasterThatIsALittleLateGoesOn) {
    start_as_master();
    now += seconds(3);
    router.wake(now, actions);
    EXPECT_EQ(state(), State::kMaster);
    EXPECT_THAT(adverts(), ElementsAre(100));
}

TEST_F(StarvedTest, BackupThatSleptListensOnceMore) {
    start();
    hear(200);
    now += seconds(60);
    router.wake(now, actions);
    EXPECT_EQ(state(), State::kBackup);
    hear(200);  // was unread
    EXPECT_EQ(until_deadline(), kDown);
}

TEST_F(StarvedTest, BackupThatIsAlwaysLateTakesOverInTheEnd) {
    start();
    for (int i = 0; i < 10 && state() == State::kBackup; ++i) {
        now = router.deadline() + milliseconds(2500);
        router.wake(now, actions);
    }
    EXPECT_EQ(state(), State::kMaster);
    EXPECT_EQ(status().counters.starved, 2U);
}

TEST_F(ReloadTest, AddressesChangeWithoutLeavingMaster) {
    start_as_master();
    one().addresses = addresses_of({"10.9.0.100", "10.9.0.101"});
    router.configure(now, config, actions);
    EXPECT_EQ(state(), State::kMaster);
    const auto added = all_of<AddAddresses>(actions);
    ASSERT_THAT(added, SizeIs(1));
    EXPECT_EQ(added[0].addresses, addresses_of({"10.9.0.101"}));
    EXPECT_THAT(all_of<RemoveAddresses>(actions), IsEmpty());
    EXPECT_THAT(all_of<SendAnnouncement>(actions), SizeIs(10));
    EXPECT_THAT(adverts(), ElementsAre(100));
    one().addresses = addresses_of({"10.9.0.101"});
    router.configure(now, config, actions);
    const auto removed = all_of<RemoveAddresses>(actions);
    ASSERT_THAT(removed, SizeIs(1));
    EXPECT_EQ(removed[0].addresses, addresses_of({"10.9.0.100"}));
}

TEST_F(ReloadTest, SameConfigurationChangesNothing) {
    start_as_master();
    router.configure(now, config, actions);
    EXPECT_THAT(actions, IsEmpty());
}

TEST_F(ReloadTest, WhoLeavesSaysGoodbyeAndWhoIsNewBegins) {
    start_as_master();
    config.instances = {test_instance("VI_2", 52)};
    router.configure(now, config, actions);
    EXPECT_EQ(status().name, "VI_2");
    EXPECT_EQ(state(), State::kBackup);
    EXPECT_THAT(texts(EventKind::kDeleted), SizeIs(1));
    EXPECT_THAT(all_of<RemoveAddresses>(actions), SizeIs(1));
    EXPECT_THAT(adverts(), ElementsAre(0));
}

TEST_F(MasterTest, EventsAreNumberedInOrder) {
    start_as_master();
    actions.clear();
    hear(101);
    set_interface(false);
    router.stop(now, actions);
    uint64_t last = 0;
    for (const Event& event : all_of<Event>(actions)) {
        EXPECT_EQ(event.sequence, last == 0 ? event.sequence : last + 1);
        last = event.sequence;
    }
    EXPECT_GT(last, 3U);
}

TEST_F(MasterTest, FifoLinesAreKeepaliveds) {
    start();
    run_for(kDown);
    ASSERT_TRUE(router.set_priority(now, "VI_1", 90, actions));
    hear(80);
    router.stop(now, actions);
    std::string lines;
    for (const Event& event : all_of<Event>(actions)) {
        lines += fifo_line(event).value_or("");
    }
    EXPECT_EQ(lines,
              "INSTANCE \"VI_1\" BACKUP 100\n"
              "INSTANCE \"VI_1\" MASTER 100\n"
              "INSTANCE \"VI_1\" MASTER_PRIORITY 90\n"
              "INSTANCE \"VI_1\" MASTER_RX_LOWER_PRI 90\n"
              "INSTANCE \"VI_1\" STOP 90\n");
}

TEST_F(MasterTest, LogWordsAreKeepaliveds) {
    start();
    run_for(kDown);
    set_interface(false);
    std::vector<std::string> words;
    for (const Event& event : all_of<Event>(actions)) {
        if (const auto said = log_words(event)) {
            words.push_back(*said);
        }
    }
    EXPECT_EQ(words,
              (std::vector<std::string>{"(VI_1) Entering BACKUP STATE",
                                        "(VI_1) Entering MASTER STATE",
                                        "(VI_1) Entering FAULT STATE"}));
    Event group;
    group.subject = Subject::kGroup;
    group.name = "VG_1";
    group.state = State::kMaster;
    EXPECT_EQ(log_words(group), "VRRP_Group(VG_1) Syncing instances to MASTER state");
    group.kind = EventKind::kPriority;
    EXPECT_EQ(log_words(group), std::nullopt);
}

}  // namespace
}  // namespace director::vrrp
