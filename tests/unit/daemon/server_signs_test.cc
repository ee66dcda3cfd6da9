// What passive health checks go by: connections whose SYN a server does not answer, and connections
// that it resets, each counted once, from the packets over two workers to the census.
#include <gtest/gtest.h>

#include "tests/unit/daemon/daemon_lab.h"

namespace director::test {
namespace {

using namespace std::chrono_literals;
using namespace nat_lab;  // NOLINT(google-build-using-namespace): the laboratory's addresses
using daemon::Census;

constexpr uint16_t kFirst = 1000;

class ServerSignsTest : public testing::Test {
  protected:
    ServerSignsTest() {
        lab.apply(model_of({service_at(80, {machine(107)})}));
        lab.settle();
        lab.connect(kFirst, 3);
        lab.settle();
    }
    dataplane::ServerCounters counters() {
        return Census::server_total(lab.report(), lab.id_of(107));
    }
    // The server says something to the client at this port.
    void answer(uint16_t port, uint8_t flags) {
        lab.engine.receive(from_server(machine(107).endpoint.address.ipv4(), kFarClient)
                               .tcp(80, port)
                               .tcp_flags(flags)
                               .build());
        lab.settle();
    }

    // The client does.
    void say(uint16_t port, uint8_t flags) {
        lab.engine.receive(from_client(kFarClient, kVip).tcp(port, 80).tcp_flags(flags).build());
        lab.settle();
    }

    DaemonLab lab;
};

TEST_F(ServerSignsTest, FirstSynsAreNoSign) {
    EXPECT_EQ(counters().connections, 3U);
    EXPECT_EQ(counters().unanswered, 0U);
}

TEST_F(ServerSignsTest, ARepeatedSynIsCountedOncePerConnection) {
    for (int i = 0; i < 3; ++i) {
        lab.engine.clock.advance(1s);
        lab.connect(kFirst, 2);
        lab.settle();
        EXPECT_EQ(counters().unanswered, 2U) << i;
    }
}

TEST_F(ServerSignsTest, ASynRepeatedAfterAnAnswerIsNot) {
    answer(kFirst, kTcpSyn | kTcpAck);
    lab.engine.clock.advance(1s);
    lab.connect(kFirst, 1);  // the answer was lost behind us
    lab.settle();
    EXPECT_EQ(counters().unanswered, 0U);
}

TEST_F(ServerSignsTest, ConnectionsThatExpireWithoutAnAnswerCount) {
    answer(kFirst, kTcpSyn | kTcpAck);
    lab.engine.clock.advance(1s);
    lab.connect(kFirst + 1, 1);  // is counted now, and not again
    lab.settle();
    lab.engine.clock.advance(70s);
    for (int i = 0; i < 50; ++i) {
        lab.settle();
    }
    EXPECT_EQ(counters().inactive + counters().active, 0U);
    EXPECT_EQ(counters().unanswered, 2U);
}

TEST_F(ServerSignsTest, TheSameSynOnTwoWaysIsNone) {
    lab.engine.clock.advance(100ms);
    lab.connect(kFirst, 3);
    lab.settle();
    EXPECT_EQ(counters().unanswered, 0U);
}

TEST_F(ServerSignsTest, WhatIsTranslatedOnOneWayAloneIsNotJudged) {
    config::RealServer direct = machine(107);
    direct.forwarding = config::ForwardingMethod::kDirect;
    lab.apply(model_of({service_at(80, {machine(108, 0), direct})}));
    lab.connect(kFirst + 100, 2);
    lab.settle();
    lab.engine.clock.advance(1s);
    lab.connect(kFirst + 100, 2);
    lab.settle();
    EXPECT_EQ(Census::server_total(lab.report(), lab.id_of(107)).unanswered, 0U);
}

TEST_F(ServerSignsTest, RefusalsAndResetsCountOncePerConnection) {
    answer(kFirst, kTcpRst | kTcpAck);
    answer(kFirst, kTcpRst | kTcpAck);
    answer(kFirst + 1, kTcpSyn | kTcpAck);
    say(kFirst + 1, kTcpAck);
    answer(kFirst + 1, kTcpAck);
    EXPECT_EQ(counters().resets, 1U);
    answer(kFirst + 1, kTcpRst);
    EXPECT_EQ(counters().resets, 2U);
    EXPECT_EQ(counters().unanswered, 0U);
}

TEST_F(ServerSignsTest, AClientsResetIsNoneAndNeitherIsOneAfterItsEnd) {
    answer(kFirst, kTcpSyn | kTcpAck);
    say(kFirst, kTcpAck);
    say(kFirst, kTcpRst);
    answer(kFirst + 1, kTcpSyn | kTcpAck);
    say(kFirst + 1, kTcpAck);
    say(kFirst + 1, kTcpFin | kTcpAck);
    answer(kFirst + 1, kTcpRst);
    EXPECT_EQ(counters().resets, 0U);
}

TEST_F(ServerSignsTest, ANewServerInAnOldOnesSlotBeginsAtNothing) {
    answer(kFirst, kTcpRst | kTcpAck);
    lab.engine.clock.advance(100s);
    for (int i = 0; i < 50; ++i) {
        lab.settle();
    }
    ASSERT_EQ(counters().unanswered, 2U);
    const auto slot = lab.id_of(107);
    lab.apply(model_of({}));
    lab.services.clear_retired(lab.report(), lab.services.version(), lab.census);
    lab.settle();
    lab.apply(model_of({service_at(80, {machine(109)})}));
    ASSERT_EQ(lab.id_of(109), slot);
    const auto fresh = Census::server_total(lab.report(), slot);
    EXPECT_EQ(fresh.unanswered + fresh.resets, 0U);
}

}  // namespace
}  // namespace director::test
