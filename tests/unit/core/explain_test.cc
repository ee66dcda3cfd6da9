// What a worker says would become of a packet is what becomes of it, and having asked changes
// nothing. Random services, servers, limits, lists and times; each packet is first asked about (and
// about again), then sent. A second fleet gets the same packets and is never asked anything: both
// decide alike.
#include <memory>

#include <gtest/gtest.h>

#include "common/random.h"
#include "dataplane/api/explanation.h"
#include "dataplane/core/schedulers/schedulers.h"
#include "tests/support/nat_lab.h"

namespace director::dataplane {
namespace {

using namespace test::nat_lab;  // NOLINT(google-build-using-namespace): the laboratory's addresses
using test::FleetSettings;
using test::kTcpSyn;
using test::Outcome;
using test::ServerIn;
using test::WorkerFleet;

constexpr uint16_t kWorkers = 3;

FleetSettings settings() {
    FleetSettings settings{.workers = kWorkers};
    settings.worker.connections_max = 96;
    settings.templates_max = 256;
    settings.tailroom_bytes = 256;  // for answers
    settings.limited_clients_max = 64;
    return settings;
}

// Asks the worker that owns the flow. `other` is asked for nothing in the same polls, in which
// workers also read each other's loads.
Explanation ask(WorkerFleet& fleet,
                const Endpoint& source,
                const Endpoint& destination,
                WorkerFleet* other = nullptr) {
    for (size_t worker = 0;;) {
        Explanation question;
        question.source = source;
        question.destination = destination;
        question.candidates.reserve(16);
        fleet.run(worker, question);
        if (other != nullptr) {
            CountersReport nothing;
            other->run(worker, nothing);
        }
        if (index(question.owner) == worker) {
            return question;
        }
        worker = index(question.owner);
    }
}

Outcome send_syn(WorkerFleet& fleet, const IpAddress& client, uint16_t port, uint16_t to_port) {
    return fleet.send_one(kOutside,
                          from_client(client, client.is_ipv4() ? IpAddress(kVip) : kVip6)
                              .tcp(port, to_port)
                              .tcp_flags(kTcpSyn)
                              .build());
}

// The server's IPv4 address in a frame that was translated.
IpAddress destination_of(const Outcome& outcome) {
    const auto* const ip = outcome.bytes.data() + 14;
    return (ip[0] >> 4) == 4 ? IpAddress(Ipv4Address::of(ip[16], ip[17], ip[18], ip[19]))
                             : IpAddress::load_ipv6(ip + 24);
}

void expect_as_explained(const Explanation& said, const Outcome& outcome) {
    switch (said.fate) {
        case Fate::kForward:
            if (said.is_mac_known) {
                ASSERT_EQ(outcome.verdict, Verdict::kForward) << to_string(outcome.drop_reason);
                EXPECT_EQ(0,
                          std::memcmp(outcome.bytes.data(), said.destination_mac.bytes.data(), 6));
                EXPECT_EQ(0,
                          std::memcmp(outcome.bytes.data() + 6, said.source_mac.bytes.data(), 6));
            } else {
                ASSERT_EQ(outcome.verdict, Verdict::kPuntForNeighbour);
                EXPECT_EQ(outcome.next_hop, said.next_hop);
            }
            EXPECT_EQ(destination_of(outcome), said.sent_destination.address);
            break;
        case Fate::kDrop:
            EXPECT_EQ(outcome.answered.value_or(outcome.drop_reason), said.reason)
                << to_string(said.reason);
            break;
        case Fate::kKernel:
            EXPECT_EQ(outcome.verdict, Verdict::kPunt);
            break;
        case Fate::kCookie:
            EXPECT_EQ(outcome.answered, DropReason::kSynCookieSent);
            break;
    }
}

class ExplainTest : public testing::Test {
  protected:
    ExplainTest() {
        configure(fleet_);
        configure(other_);
    }

    ServiceId put(uint16_t port,
                  std::string_view scheduler,
                  const std::vector<ServerIn>& servers,
                  const ServiceOptions& options = {},
                  const IpAddress& address = kVip) {
        const ServiceKey key{address, Be16::from_host(port), Protocol::kTcp};
        static_cast<void>(other_.put_service(key, scheduler, servers, options));
        return fleet_.put_service(key, scheduler, servers, options);
    }
    // Asks twice, sends to both, compares.
    void try_one(const IpAddress& client, uint16_t port, uint16_t to_port) {
        const IpAddress vip = client.is_ipv4() ? IpAddress(kVip) : kVip6;
        for (int i = 0; i < 16; ++i) {  // until every worker knows the others' loads
            fleet_.poll();
            other_.poll();
        }
        const Explanation said = ask(fleet_, at(client, port), at(vip, to_port), &other_);
        const Explanation again = ask(fleet_, at(client, port), at(vip, to_port), &other_);
        EXPECT_EQ(said.server.id, again.server.id) << "asking moved a scheduler on";
        EXPECT_EQ(said.reason, again.reason);
        const Outcome outcome = send_syn(fleet_, client, port, to_port);
        const Outcome unasked = send_syn(other_, client, port, to_port);
        expect_as_explained(said, outcome);
        EXPECT_EQ(outcome.verdict, unasked.verdict);
        EXPECT_EQ(outcome.drop_reason, unasked.drop_reason);
        EXPECT_TRUE(outcome.bytes == unasked.bytes);
    }

    WorkerFleet fleet_{settings()};
    WorkerFleet other_{settings()};
};

TEST_F(ExplainTest, EverySchedulersChoiceIsForeseenAndNotMade) {
    const uint64_t seed = 5;
    Random random(seed);
    uint16_t to_port = 1000;
    for (const Scheduler& scheduler : schedulers()) {
        SCOPED_TRACE(scheduler.name);
        put(++to_port,
            scheduler.name,
            {{.endpoint = at(kServer107, 80), .weight = 3, .connections_upper = 9},
             {.endpoint = at(kServer108, 80), .weight = 1},
             {.endpoint = at(kServer108, 81), .weight = 2},
             {.endpoint = at(kServer107, 81), .weight = 0}});
        for (uint16_t i = 0; i < 20; ++i) {
            const bool is_near = random.below(2) == 0;
            try_one(is_near ? kClient : kFarClient, static_cast<uint16_t>(2000 + i), to_port);
        }
        if (HasFatalFailure()) {
            return;
        }
        fleet_.run_for(std::chrono::seconds(200));
        other_.run_for(std::chrono::seconds(200));
    }
}

TEST_F(ExplainTest, RandomServicesAndTimes) {
    const uint64_t seed = 11;
    Random random(seed);
    std::array<uint64_t, 4> fates{};
    for (int round = 0; round < 120; ++round) {
        SCOPED_TRACE(round);
        const auto to_port = static_cast<uint16_t>(8000 + random.below(6));
        const bool is_ipv6 = random.below(4) == 0;
        ServiceOptions options;
        options.persistence_seconds = random.below(2) == 0 ? 60 : 0;
        options.persistence_prefix = is_ipv6 ? 128 : 32;
        options.client_connections_max = random.below(3) == 0 ? 2 : 0;
        options.connections_per_second = random.below(6) == 0 ? 5 : 0;
        options.syn_proxy = random.below(8) == 0 ? SynProxy::kAlways : SynProxy::kOff;
        const Scheduler& scheduler = schedulers()[random.below(schedulers().size())];
        const IpAddress one = is_ipv6 ? kServer107v6 : IpAddress(kServer107);
        const IpAddress two = is_ipv6 ? kServer108v6 : IpAddress(kServer108);
        const auto weight = [&random] { return static_cast<uint32_t>(random.below(3)); };
        std::vector<ServerIn> servers{{.endpoint = at(one, 80), .weight = weight()},
                                      {.endpoint = at(two, 80), .weight = weight()}};
        if (random.below(4) == 0) {
            servers.push_back({.endpoint = at(Ipv4Address::of(203, 0, 113, 9), 80), .weight = 5});
        }
        if (is_ipv6) {
            servers.resize(2);
        }
        put(to_port, scheduler.name, servers, options, is_ipv6 ? kVip6 : IpAddress(kVip));
        for (int i = 0; i < 6; ++i) {
            const auto host = static_cast<uint16_t>(1 + random.below(3));
            const IpAddress client =
                is_ipv6 ? far_client6(host)
                        : IpAddress(Ipv4Address::of(198, 51, 100, static_cast<uint8_t>(host)));
            const auto port = static_cast<uint16_t>(2000 + random.below(200));
            const Explanation said = ask(
                fleet_, at(client, port), at(is_ipv6 ? kVip6 : IpAddress(kVip), to_port), &other_);
            ++fates[static_cast<size_t>(said.fate)];
            try_one(client, port, to_port);
        }
        if (HasFatalFailure()) {
            return;
        }
        const auto pause = std::chrono::milliseconds(random.below(20'000));
        fleet_.run_for(pause);
        other_.run_for(pause);
    }
    EXPECT_GT(fates[static_cast<size_t>(Fate::kForward)], 100U);
    EXPECT_GT(fates[static_cast<size_t>(Fate::kDrop)], 50U);
    EXPECT_GT(fates[static_cast<size_t>(Fate::kCookie)], 10U);
}

TEST_F(ExplainTest, AConnectionIsFoundInBothDirections) {
    put(80, "rr", {{.endpoint = at(kServer107, 80)}});
    ASSERT_EQ(send_syn(fleet_, kClient, 2000, 80).verdict, Verdict::kForward);
    const Explanation in = ask(fleet_, at(kClient, 2000), at(kVip, 80));
    ASSERT_TRUE(in.has_connection);
    EXPECT_EQ(in.chosen_by, ChosenBy::kConnection);
    EXPECT_EQ(in.connection.state, ConnState::kSynRecv);
    EXPECT_EQ(in.server.endpoint, at(kServer107, 80));
    EXPECT_EQ(in.timeout_seconds, 60U);
    EXPECT_EQ(in.sent_destination, at(kServer107, 80));
    EXPECT_EQ(in.interface, kInsideInterface);
    EXPECT_EQ(in.destination_mac, kServer107Mac);
    const Explanation out = ask(fleet_, at(kServer107, 80), at(kClient, 2000));
    ASSERT_TRUE(out.has_connection);
    EXPECT_TRUE(out.is_reply);
    EXPECT_EQ(out.fate, Fate::kForward);
    EXPECT_EQ(out.sent_source, at(kVip, 80));
    EXPECT_EQ(out.sent_destination, at(kClient, 2000));
    EXPECT_EQ(out.interface, kOutsideInterface);
}

TEST_F(ExplainTest, PersistenceRemembersAndSaysSo) {
    ServiceOptions options;
    options.persistence_seconds = 100;
    put(80, "rr", {{.endpoint = at(kServer107, 80)}, {.endpoint = at(kServer108, 80)}}, options);
    EXPECT_EQ(ask(fleet_, at(kClient, 2000), at(kVip, 80)).chosen_by, ChosenBy::kScheduler);
    const Outcome first = send_syn(fleet_, kClient, 2000, 80);
    const Explanation next = ask(fleet_, at(kClient, 2001), at(kVip, 80));
    EXPECT_EQ(next.chosen_by, ChosenBy::kTemplate);
    EXPECT_EQ(next.sent_destination.address, destination_of(first));
    EXPECT_EQ(next.template_server, next.server.id);
}

TEST_F(ExplainTest, MethodsThatTranslateNothing) {
    give_addresses(fleet_);
    put(80, "rr", {{.endpoint = at(kServer107, 80), .forwarding = ForwardingMethod::kDirect}});
    put(81, "rr", {{.endpoint = at(kServer107, 81), .forwarding = ForwardingMethod::kTunnel}});
    put(82, "rr", {{.endpoint = at(kServer107, 82), .forwarding = ForwardingMethod::kLocal}});
    put(83, "rr", {{.endpoint = at(kServer107, 83), .forwarding = ForwardingMethod::kFullNat}});
    const Explanation direct = ask(fleet_, at(kClient, 2000), at(kVip, 80));
    EXPECT_EQ(direct.sent_destination, at(kVip, 80));
    EXPECT_EQ(direct.destination_mac, kServer107Mac);
    const Explanation tunnel = ask(fleet_, at(kClient, 2000), at(kVip, 81));
    EXPECT_TRUE(tunnel.is_tunnelled);
    EXPECT_EQ(tunnel.outer_source, IpAddress(kInsideAddress));
    EXPECT_EQ(tunnel.fate, Fate::kForward);
    EXPECT_EQ(ask(fleet_, at(kClient, 2000), at(kVip, 82)).fate, Fate::kKernel);
    const Explanation full = ask(fleet_, at(kClient, 2000), at(kVip, 83));
    EXPECT_EQ(full.fate, Fate::kDrop);
    EXPECT_EQ(full.reason, DropReason::kNoLocalPort);
}

TEST_F(ExplainTest, WhatIsNoServicesIsRouted) {
    const Explanation routed = ask(fleet_, at(kClient, 2000), at(kServer107, 22));
    EXPECT_EQ(routed.fate, Fate::kForward);
    EXPECT_EQ(routed.chosen_by, ChosenBy::kNobody);
    EXPECT_EQ(routed.service, kNoService);
    const Explanation lost = ask(fleet_, at(kClient, 2000), at(Ipv4Address::of(203, 0, 113, 1), 1));
    EXPECT_EQ(lost.reason, DropReason::kNoRoute);
}

}  // namespace
}  // namespace director::dataplane
