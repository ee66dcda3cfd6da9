// The sender's queue and the receiver's books, one with the other: who is told what, who is given
// up first, and what is counted when something goes missing.
#include <gtest/gtest.h>

#include "controlplane/sync/receiver.h"
#include "controlplane/sync/sender.h"
#include "tests/unit/sync/sync_samples.h"

namespace director::sync {
namespace {

using std::chrono::milliseconds;

const Authenticator kOpen("");
const Authenticator kKeyed("key");
const IpAddress kTwin = Ipv4Address::of(192, 168, 10, 2);

struct Link {
    explicit Link(SenderSettings sending = {},
                  ReceiverSettings receiving = {},
                  const Authenticator& key = kOpen)
        : sender(
              [&sending] {
                  sending.sync_id = 7;
                  sending.incarnation = sending.incarnation == 0 ? 1 : sending.incarnation;
                  return sending;
              }(),
              key),
          receiver(receiving, key) {}

    // Lets time pass and delivers what the sender has for now.
    std::vector<dataplane::SyncRecord> pass(Duration duration) {
        now += duration;
        return deliver(sender.take(now));
    }
    std::vector<dataplane::SyncRecord> deliver(const std::vector<Bytes>& messages) {
        std::vector<dataplane::SyncRecord> all;
        for (const Bytes& message : messages) {
            const Received received = receiver.take(message, kTwin, now);
            all.insert(all.end(), received.records.begin(), received.records.end());
        }
        return all;
    }
    const PeerStatus& peer() const { return receiver.status().peers.at(kTwin); }

    Sender sender;
    Receiver receiver;
    TimePoint now{std::chrono::hours(1)};
};

dataplane::SyncRecord full_nat(uint32_t number) {
    dataplane::SyncRecord record = sample(number);
    record.forwarding = dataplane::ForwardingMethod::kFullNat;
    record.local = at("192.168.2.120:2000");
    return record;
}

dataplane::SyncRecord long_lived(uint32_t number) {
    dataplane::SyncRecord record = sample(number);
    record.is_long_lived = true;
    return record;
}

TEST(SyncSender, WaitsALittleForCompany) {
    Link link;
    static_cast<void>(link.pass(milliseconds(0)));  // the first beat
    link.sender.add(sample(1), link.now);
    EXPECT_TRUE(link.pass(milliseconds(19)).empty());
    link.sender.add(sample(2), link.now);
    EXPECT_EQ(link.pass(milliseconds(1)).size(), 2U);
    EXPECT_EQ(link.sender.status().messages, 2U) << "a beat, and both in one";
    EXPECT_EQ(link.sender.status().age_ms, 20U);
}

TEST(SyncSender, FullMessagesGoAtOnce) {
    Link link;
    for (uint32_t i = 0; i < 100; ++i) {
        link.sender.add(sample(i), link.now);
    }
    const auto arrived = link.pass(milliseconds(0));
    EXPECT_GE(arrived.size(), 40U) << "(1472 - 8) / 36";
    EXPECT_EQ(arrived.size() + link.pass(milliseconds(20)).size(), 100U);
}

TEST(SyncSender, EachWireCarriesWhatItCan) {
    const auto arrived_by = [](Wire wire) {
        Link link({.wire = wire});
        link.sender.add(sample(1), link.now);
        link.sender.add(full_nat(2), link.now);
        const auto records = link.pass(milliseconds(20));
        return std::tuple(records.size(),
                          link.sender.status().unsayable,
                          link.peer().ipvs_messages,
                          link.peer().director_messages);
    };
    EXPECT_EQ(arrived_by(Wire::kIpvs), std::tuple(1, 1, 1, 0));
    EXPECT_EQ(arrived_by(Wire::kDirector), std::tuple(2, 0, 0, 1));
    EXPECT_EQ(arrived_by(Wire::kBoth), std::tuple(2, 0, 1, 1));
}

TEST(SyncSender, NewConnectionsMakeRoomForLongLivedOnes) {
    Link link({.queue_max = 4});
    for (uint32_t i = 0; i < 6; ++i) {
        link.sender.add(sample(i), link.now);
    }
    EXPECT_EQ(link.sender.status().dropped_new, 2U);
    for (uint32_t i = 10; i < 15; ++i) {
        link.sender.add(long_lived(i), link.now);
    }
    EXPECT_EQ(link.sender.status().dropped_new, 6U);
    EXPECT_EQ(link.sender.status().dropped_long_lived, 1U);
    const auto arrived = link.pass(milliseconds(20));
    ASSERT_EQ(arrived.size(), 4U);
    EXPECT_EQ(arrived[0].client, sample(10).client);
}

TEST(SyncSender, LongLivedOnesGoFirst) {
    Link link;
    link.sender.add(sample(1), link.now);
    link.sender.add(long_lived(2), link.now);
    const auto arrived = link.pass(milliseconds(20));
    ASSERT_EQ(arrived.size(), 2U);
    EXPECT_EQ(arrived[0].client, sample(2).client);
}

// What the twin knows goes ahead of what is new, but not of an earlier record of its own.
TEST(SyncSender, TheLastRecordOfAConnectionIsTheOneThatGoes) {
    Link link;
    link.sender.add(sample(1), link.now);
    dataplane::SyncRecord later = long_lived(1);
    later.state = dataplane::ConnState::kTimeWait;
    link.sender.add(later, link.now);
    link.sender.add(sample(2), link.now);
    const auto arrived = link.pass(milliseconds(20));
    ASSERT_EQ(arrived.size(), 2U);
    EXPECT_EQ(arrived[0].state, dataplane::ConnState::kTimeWait);
    EXPECT_EQ(arrived[1].client, sample(2).client);
    EXPECT_EQ(link.sender.status().superseded, 1U);
    link.sender.add(sample(1), link.now);
    EXPECT_EQ(link.pass(milliseconds(1100)).size(), 1U) << "once more, by then";
}

TEST(SyncSender, KeepsToItsPace) {
    Link link({.messages_per_second = 100});
    for (uint32_t i = 0; i < 60000; ++i) {
        link.sender.add(sample(i), link.now);
    }
    static_cast<void>(link.pass(milliseconds(20)));
    const uint64_t burst = link.sender.status().ipvs_messages;
    EXPECT_LE(burst, 66U);
    for (int i = 0; i < 100; ++i) {
        static_cast<void>(link.pass(milliseconds(10)));
    }
    EXPECT_NEAR(static_cast<double>(link.sender.status().ipvs_messages - burst), 100.0, 2.0);
    static_cast<void>(link.deliver(link.sender.flush(link.now)));
    EXPECT_EQ(link.peer().records, 60000U) << "the end waits for nobody";
}

TEST(SyncReceiver, CountsWhatIsLost) {
    Link link({.wire = Wire::kBoth});
    const auto messages_of = [&link](uint32_t first) {
        link.now += milliseconds(1100);
        for (uint32_t i = first; i < first + 3; ++i) {
            link.sender.add(i % 2 == 0 ? full_nat(i) : sample(i), link.now);
        }
        return link.sender.take(link.now + milliseconds(20));
    };
    static_cast<void>(link.deliver(messages_of(0)));
    EXPECT_EQ(link.peer().lost + link.peer().ipvs_lost, 0U);
    static_cast<void>(messages_of(10));  // an IPVS message and one of Director's go missing
    static_cast<void>(link.deliver(messages_of(20)));
    EXPECT_EQ(link.peer().lost, 1U);
    EXPECT_EQ(link.peer().ipvs_lost, 1U);
}

TEST(SyncReceiver, LateAndTwice) {
    Link link({.wire = Wire::kDirector});
    link.sender.add(sample(1), link.now);
    const auto first = link.sender.take(link.now + milliseconds(20));
    link.sender.add(sample(2), link.now);
    const auto second = link.sender.take(link.now + milliseconds(40));
    link.sender.add(sample(3), link.now);
    const auto third = link.sender.take(link.now + milliseconds(60));
    EXPECT_EQ(link.deliver(first).size(), 1U);
    EXPECT_EQ(link.deliver(third).size(), 1U);
    EXPECT_EQ(link.peer().lost, 1U);
    EXPECT_EQ(link.deliver(second).size(), 1U);
    EXPECT_EQ(link.peer().lost, 0U);
    EXPECT_EQ(link.peer().late, 1U);
    EXPECT_TRUE(link.deliver(second).empty());
    EXPECT_EQ(link.peer().replayed, 1U);
}

// What was sent before we began to listen is not lost, and when it comes late nothing is found
// again.
TEST(SyncReceiver, LateFromBeforeTheBeginningMakesUpForNothing) {
    ReplayWindow window;
    EXPECT_EQ(window.take(1, 5), ReplayWindow::Answer::kNew);
    EXPECT_EQ(window.take(1, 8), ReplayWindow::Answer::kNew);
    EXPECT_EQ(window.lost(), 2U);
    EXPECT_EQ(window.take(1, 4), ReplayWindow::Answer::kLate);
    EXPECT_EQ(window.lost(), 2U);
    EXPECT_EQ(window.take(1, 6), ReplayWindow::Answer::kLate);
    EXPECT_EQ(window.lost(), 1U);
}

// A message that was overtaken long ago is as good as lost: what came since may be forgotten.
TEST(SyncReceiver, TooLateIsNotTaken) {
    for (const int late_by : {999, 1000}) {
        Link link({.wire = Wire::kDirector});
        std::vector<Bytes> messages;
        for (uint32_t i = 1; i <= 3; ++i) {
            link.sender.add(sample(i), link.now);
            messages.push_back(link.sender.take(link.now += milliseconds(20)).at(0));
        }
        EXPECT_EQ(link.deliver({messages[0], messages[2]}).size(), 2U);
        link.now += milliseconds(late_by);
        const bool is_taken = late_by < 1000;
        EXPECT_EQ(link.deliver({messages[1]}).size(), is_taken ? 1U : 0U);
        EXPECT_EQ(link.peer().too_late, is_taken ? 0U : 1U);
        EXPECT_EQ(link.peer().lost, is_taken ? 0U : 1U);
    }
}

// The newer of two messages about a connection stays, in whatever order they come.
TEST(SyncReceiver, WhatIsOlderIsDropped) {
    for (const Wire wire : {Wire::kIpvs, Wire::kDirector}) {
        Link link({.wire = wire});
        dataplane::SyncRecord record = sample(1);
        link.sender.add(record, link.now);
        const auto first = link.sender.take(link.now += milliseconds(20));
        record.state = dataplane::ConnState::kFinWait;
        link.sender.add(record, link.now);
        EXPECT_EQ(link.pass(milliseconds(20)).size(), 1U);
        EXPECT_TRUE(link.deliver(first).empty());
        EXPECT_EQ(link.receiver.status().older, 1U);
    }
}

// Each second a message; answers when the table was wanted, in seconds.
std::vector<int> table_wanted(Link& link, int seconds_lost, int seconds_in_all) {
    std::vector<int> wanted;
    for (int second = 0; second < seconds_in_all; ++second) {
        link.now += milliseconds(1000);
        const std::vector<Bytes> messages = link.sender.take(link.now);
        EXPECT_EQ(messages.size(), 1U);
        const bool is_lost = second >= 5 && second < 5 + seconds_lost;
        if (!is_lost && link.receiver.take(messages.at(0), kTwin, link.now).wants_table) {
            wanted.push_back(second);
        }
    }
    return wanted;
}

TEST(SyncReceiver, WhatWasLostIsMadeUpForByTheTable) {
    Link quiet({.wire = Wire::kDirector});
    EXPECT_EQ(table_wanted(quiet, 0, 200), std::vector({0}));
    ReceiverSettings settings;
    settings.repair_interval = std::chrono::seconds(3);
    Link lossy({.wire = Wire::kDirector}, settings);
    EXPECT_EQ(table_wanted(lossy, 2, 200), std::vector({0, 9})) << "2 s behind the first after";
    settings.repair_interval = std::chrono::seconds(30);
    Link rarely({.wire = Wire::kDirector}, settings);
    EXPECT_EQ(table_wanted(rarely, 2, 200), std::vector({0, 30}));
}

TEST(SyncReceiver, ARestartedTwinIsNew) {
    Link link({.wire = Wire::kDirector});
    Sender after({.sync_id = 7, .wire = Wire::kDirector, .incarnation = 2}, kOpen);
    const auto old = link.sender.take(link.now);
    ASSERT_EQ(old.size(), 1U);
    EXPECT_TRUE(link.receiver.take(old[0], kTwin, link.now).wants_table);
    const auto beat = after.take(link.now);
    ASSERT_EQ(beat.size(), 1U);
    EXPECT_TRUE(link.receiver.take(beat[0], kTwin, link.now).wants_table);
    EXPECT_EQ(link.peer().restarts, 1U);
    EXPECT_FALSE(link.receiver.take(old[0], kTwin, link.now).wants_table);
    EXPECT_EQ(link.peer().replayed, 1U);
}

TEST(SyncReceiver, StrangersAndForgers) {
    ReceiverSettings settings;
    settings.allowed = {*IpPrefix::parse("192.168.10.0/24")};
    settings.takes_ipvs = false;
    Link link({.wire = Wire::kBoth}, settings, kKeyed);
    link.sender.add(sample(1), link.now);
    link.sender.add(full_nat(2), link.now);
    const auto messages = link.sender.take(link.now + milliseconds(20));
    ASSERT_EQ(messages.size(), 2U);
    for (const Bytes& message : messages) {
        EXPECT_TRUE(
            link.receiver.take(message, Ipv4Address::of(10, 0, 0, 1), link.now).records.empty());
    }
    EXPECT_EQ(link.receiver.status().not_allowed, 2U);
    EXPECT_TRUE(link.receiver.status().peers.empty());
    EXPECT_EQ(link.deliver(messages).size(), 1U);
    EXPECT_EQ(link.receiver.status().unexpected_ipvs, 1U);
    Sender forger({.sync_id = 7, .wire = Wire::kDirector, .incarnation = 9}, kOpen);
    EXPECT_TRUE(link.deliver(forger.take(link.now)).empty());
    EXPECT_EQ(link.receiver.status().director_refused[static_cast<size_t>(DirectorRefusal::kNoTag)],
              1U);
}

TEST(SyncReceiver, RefusalsAreCountedByName) {
    Link link;
    const Bytes nonsense{0, 7, 0, 4};
    static_cast<void>(link.deliver({Bytes{1, 2, 3}, Bytes{9, 9, 9, 9, 9}}));
    EXPECT_EQ(link.receiver.status().refused[static_cast<size_t>(Refusal::kTooShort)], 1U);
    EXPECT_EQ(link.receiver.status().refused[static_cast<size_t>(Refusal::kWrongSize)], 1U);
    EXPECT_EQ(link.peer().ipvs_messages, 0U);
}

TEST(SyncReceiver, NoMorePeersThanItHasRoomFor) {
    Link link({.wire = Wire::kDirector});
    const Bytes beat = link.sender.take(link.now).at(0);
    for (uint32_t i = 0; i < 100; ++i) {
        static_cast<void>(link.receiver.take(beat, Ipv4Address::from_host(i + 1), link.now));
    }
    EXPECT_EQ(link.receiver.status().peers.size(), Receiver::kPeersMax);
    EXPECT_EQ(link.receiver.status().not_allowed, 100U - Receiver::kPeersMax);
}

TEST(SyncSender, ServersTravel) {
    Link link;
    const ServerReport report{.virtual_service = at("192.168.10.100:80"),
                              .real_server = at("192.168.2.13:80"),
                              .weight = 1};
    link.sender.add_servers(std::vector(100, report));
    size_t count = 0;
    for (const Bytes& message : link.sender.take(link.now)) {
        count += link.receiver.take(message, kTwin, link.now).servers.size();
    }
    EXPECT_EQ(count, 100U);
}

// A flood of what is refused makes one line a minute for each reason, and says how many it stands
// for.
TEST(Receiver, ComplainsOnceAMinuteForEachReason) {
    Link link({}, {.allowed = {*IpPrefix::parse("192.168.10.0/24")}, .hash_key = {}}, kKeyed);
    const Bytes garbage(64, 0xee);
    const auto complaints_of = [&](const Bytes& message, const IpAddress& from) {
        return link.receiver.take(message, from, link.now).complaints;
    };
    const auto first = complaints_of(garbage, kTwin);
    ASSERT_EQ(first.size(), 1U);
    EXPECT_EQ(first[0].protocol, "ipvs");
    EXPECT_EQ(first[0].from, kTwin);
    for (int i = 0; i < 1000; ++i) {
        EXPECT_TRUE(complaints_of(garbage, kTwin).empty());
    }
    const auto stranger = complaints_of(garbage, Ipv4Address::of(10, 0, 0, 1));
    ASSERT_EQ(stranger.size(), 1U);
    EXPECT_EQ(stranger[0].reason, "stranger");
    link.now += std::chrono::seconds(61);
    const auto later = complaints_of(garbage, kTwin);
    ASSERT_EQ(later.size(), 1U);
    EXPECT_EQ(later[0].reason, first[0].reason);
    EXPECT_EQ(later[0].held_back, 1000U);
}

// Our own words, sent back by someone, have the right key.
TEST(Receiver, RefusesWhatItsOwnSideHasSaid) {
    Link link({.incarnation = 9, .hash_key = {}},
              {.own_incarnation = 9, .allowed = {}, .hash_key = {}},
              kKeyed);
    link.sender.add(sample(1), link.now);
    link.now += std::chrono::seconds(1);
    for (const Bytes& message : link.sender.take(link.now)) {
        if (is_director_message(message)) {
            const auto received = link.receiver.take(message, kTwin, link.now);
            EXPECT_TRUE(received.records.empty());
            EXPECT_FALSE(received.wants_table);
        }
    }
    EXPECT_GE(link.receiver.status().own, 1U);
    EXPECT_TRUE(link.receiver.status().peers.empty() || link.peer().director_messages == 0);
}

// What is right once is wrong twice: a replayed message is told as such.
TEST(Receiver, ComplainsOfAReplayedMessage) {
    Link link({}, {}, kKeyed);
    link.sender.add(sample(1), link.now);
    link.now += std::chrono::seconds(1);
    const std::vector<Bytes> messages = link.sender.take(link.now);
    ASSERT_FALSE(messages.empty());
    link.deliver(messages);
    Bytes directors;
    for (const Bytes& message : messages) {
        directors = is_director_message(message) ? message : directors;
    }
    const auto received = link.receiver.take(directors, kTwin, link.now);
    EXPECT_TRUE(received.records.empty());
    ASSERT_EQ(received.complaints.size(), 1U);
    EXPECT_EQ(received.complaints[0].protocol, "director");
    EXPECT_EQ(received.complaints[0].reason, "replayed");
    // Nor does it help to send it from somewhere else.
    const IpAddress elsewhere = Ipv4Address::of(192, 168, 10, 77);
    EXPECT_TRUE(link.receiver.take(directors, elsewhere, link.now).records.empty());
    EXPECT_EQ(link.receiver.status().peers.at(elsewhere).replayed, 1U);
    EXPECT_EQ(link.receiver.status().peers.at(elsewhere).director_messages, 0U);
}

}  // namespace
}  // namespace director::sync
