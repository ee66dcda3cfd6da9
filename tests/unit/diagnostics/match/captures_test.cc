// The captures that others matched by hand: LVS's 24 frames, the SharkFest talk's five points, the
// airline's three. Pairs, transit times, offsets and what is missing are as printed there.
#include <gtest/gtest.h>

#include "diagnostics/match/findings.h"
#include "diagnostics/match/summary.h"
#include "tests/unit/diagnostics/match/matched.h"

namespace director::diagnostics::matching {
namespace {

constexpr int64_t kMs = 1'000'000;

const Matched& lvs() {
    static const Matched kMatched =
        match_files({"pcaps/lvs-nat-client-side.pcap", "pcaps/lvs-nat-server-side.pcap"});
    return kMatched;
}

// tests/data/captures/README.md: sf15-1..5.
const Matched& sharkfest() {
    static const Matched kMatched = match_files({"captures/sf15-1-client-lan.pcap",
                                                 "captures/sf15-2-client-wan.pcap",
                                                 "captures/sf15-3-dc-inside-fw.pcap",
                                                 "captures/sf15-4-lb-external.pcap",
                                                 "captures/sf15-5-lb-internal.pcap"});
    return kMatched;
}

const Matched& airline() {
    static const Matched kMatched = match_files({"captures/airline-1-pc.pcap",
                                                 "captures/airline-2-checkpoint-eth2.pcap",
                                                 "captures/airline-3-bigip-ext.pcap"});
    return kMatched;
}

const ConversationLink* link_between(const Conversation& conversation, uint32_t p, uint32_t q) {
    for (const ConversationLink& link : conversation.links) {
        if (link.other_point == p && link.point == q) {
            return &link;
        }
    }
    return nullptr;
}

TEST(LvsCaptures, TenOfTenPairsWithThePrintedTransitTimes) {
    // Files' own numbers; the report's frames 3-6 8-7 9-10 11-12 14-13 16-15 18-17 19-20 21-22
    // 24-23.
    EXPECT_EQ(lvs().pairs(0, 1), "3-3 4-4 5-5 6-6 7-7 8-8 9-9 10-10 11-11 12-12");
    EXPECT_EQ(lvs().differences_us(0, 1),
              (std::vector<int64_t>{1299, -3389, 234, 550, -429, -1904, -455, 237, 208, -499}));
    EXPECT_EQ(lvs().only_at(0, 1), "");
    EXPECT_EQ(lvs().only_at(1, 0), "");
    EXPECT_EQ(lvs().matching.conversations.size(), 1U);
    EXPECT_TRUE(lvs().matching.ambiguous_packets.empty());
}

TEST(LvsCaptures, ServersPacketsWithoutIpIdAreToldApartBySequence) {
    for (const uint32_t i : {3U, 6U, 7U, 8U, 11U}) {
        EXPECT_EQ(lvs().points[0].sightings[i - 2].ip_id, 0U);
    }
    const Conversation& conversation = lvs().matching.conversations[0];
    ASSERT_EQ(conversation.links.size(), 1U);
    EXPECT_EQ(conversation.links[0].link.evidence, Evidence::kTranslated);
    for (uint32_t i = 0; i < conversation.row_count; ++i) {
        const auto row = lvs().matching.row(conversation.row_begin + i);
        EXPECT_EQ(row[1].evidence, Evidence::kTranslated);
        EXPECT_EQ(row[1].is_ip_id_equal, lvs().sighting(0, row[0].sighting).is_from_client);
    }
}

TEST(LvsCaptures, OneClockAndWhatIsNoConnection) {
    ASSERT_EQ(lvs().matching.clocks.size(), 1U);
    const ClockFit& clock = lvs().matching.clocks[0].clock;
    EXPECT_EQ(clock.bounds.lower_ns, -429'000);
    EXPECT_EQ(clock.bounds.upper_ns, 208'000);
    EXPECT_TRUE(clock.is_one_clock);
    EXPECT_TRUE(clock.outliers.empty());
    EXPECT_EQ(lvs().points[0].others.at("ARP"), 2U);
    EXPECT_EQ(lvs().points[1].others.at("ARP"), 2U);
}

TEST(SharkFest, SourceTranslationEightOfEight) {
    EXPECT_EQ(sharkfest().pairs(0, 1), "1-1 2-2 3-3 4-4 5-5 6-6 7-7 8-8 9-9 10-10 11-11 12-12");
    EXPECT_EQ(sharkfest().only_at(0, 1), "");
    EXPECT_EQ(sharkfest().only_at(1, 0), "13 14 15 16 17");  // the first capture ends before
}

TEST(SharkFest, DnsByItsIdBehindTranslatedPorts) {
    uint32_t by_id = 0;
    for (const Conversation& conversation : sharkfest().matching.conversations) {
        if (conversation.connections[0] == kNoIndex ||
            sharkfest().points[0].connections[conversation.connections[0]].protocol !=
                Protocol::kUdp) {
            continue;
        }
        const ConversationLink* link = link_between(conversation, 0, 1);
        ASSERT_NE(link, nullptr);
        EXPECT_EQ(link->link.evidence, Evidence::kApplication);
        for (uint32_t i = 0; i < conversation.row_count; ++i) {
            const auto row = sharkfest().matching.row(conversation.row_begin + i);
            EXPECT_EQ(row[1].evidence, Evidence::kApplication);
            EXPECT_TRUE(row[1].is_ip_id_equal);
            ++by_id;
        }
    }
    EXPECT_EQ(by_id, 4U);
}

TEST(SharkFest, RewrittenSequenceNumbersThirteenOfThirteen) {
    EXPECT_EQ(sharkfest().pairs(1, 2),
              "1-1 4-2 5-3 8-4 9-5 10-6 11-7 12-8 13-9 14-10 15-11 16-12 17-13");
    const Conversation& conversation = sharkfest().matching.conversations[0];
    const ConversationLink* link = link_between(conversation, 1, 2);
    ASSERT_NE(link, nullptr);
    EXPECT_EQ(link->link.evidence, Evidence::kShifted);
    EXPECT_EQ(link->link.shift[kClient], 2005024277U);
    EXPECT_EQ(link->link.shift[kServer], 2506291926U);
    EXPECT_EQ(link->link.contradicting, 0U);
}

TEST(SharkFest, BeforeTheProxyAllByTupleAndTheSlip) {
    EXPECT_EQ(sharkfest().pairs(2, 3), "1-1 2-2 3-3 4-4 5-5 6-6");
    const PointPair* clocks = nullptr;
    for (const PointPair& one : sharkfest().matching.clocks) {
        clocks = one.a == 2 && one.b == 3 ? &one : clocks;
    }
    ASSERT_NE(clocks, nullptr);
    EXPECT_TRUE(clocks->clock.is_one_clock);
    // The slide's first data leaves the balancer 0.389 ms after the firewall has seen it.
    ASSERT_EQ(clocks->clock.outliers.size(), 1U);
    EXPECT_EQ(clocks->clock.outliers[0].ahead_ns, 389'000);
    EXPECT_EQ(sharkfest().sighting(3, clocks->outliers[0].b).number, 6U);
}

TEST(SharkFest, FullProxyByWhatIsSaidAndNoFalsePair) {
    // The request's twin, and the first part of the response; never the SYN-ACKs without IP ID.
    EXPECT_EQ(sharkfest().pairs(3, 4), "4-4 6-6");
    const Conversation& conversation = sharkfest().matching.conversations[0];
    const ConversationLink* link = link_between(conversation, 3, 4);
    ASSERT_NE(link, nullptr);
    EXPECT_EQ(link->link.kind, LinkKind::kProxied);
    EXPECT_EQ(link->link.evidence, Evidence::kForwardedFor);
    for (uint32_t i = 0; i < conversation.row_count; ++i) {
        const auto row = sharkfest().matching.row(conversation.row_begin + i);
        if (row[3].sighting != kNoIndex && row[4].sighting != kNoIndex) {
            const bool is_request = sharkfest().sighting(4, row[4].sighting).is_from_client;
            EXPECT_EQ(row[4].evidence, is_request ? Evidence::kForwardedFor : Evidence::kStream);
        }
    }
}

TEST(SharkFest, OneConversationAtAllFivePoints) {
    EXPECT_EQ(sharkfest().matching.conversations.size(), 3U);
    EXPECT_EQ(sharkfest().matching.conversations[0].points_seen(), 5U);
}

TEST(Airline, PairsBehindTranslatedPorts) {
    EXPECT_EQ(airline().pairs(0, 1), "1-1 2-2 3-3 4-4 15-6 16-7 17-8 18-9 19-10 20-11 21-12");
    EXPECT_EQ(airline().pairs(1, 2), "1-1 2-2 3-3 4-4 5-5 6-6 7-7 8-8 9-9 10-10 11-11 12-12");
    ASSERT_EQ(airline().matching.conversations.size(), 2U);
    const auto ports = [](size_t number) {
        const Conversation& one = airline().matching.conversations[number];
        return std::pair(airline().points[0].connections[one.connections[0]].client.port.host(),
                         airline().points[1].connections[one.connections[1]].client.port.host());
    };
    EXPECT_EQ(ports(0), std::pair(uint16_t{53287}, uint16_t{13349}));
    EXPECT_EQ(ports(1), std::pair(uint16_t{53300}, uint16_t{14185}));
}

TEST(Airline, OffsetOfThePcAndItsOutlier) {
    const PointPair* clocks = airline().matching.clock_of(1);
    ASSERT_NE(clocks, nullptr);
    const ClockFit& clock = clocks->clock;
    EXPECT_EQ(clock.shape, ClockShape::kConstant);
    EXPECT_EQ(clock.bounds.lower_ns, -41'832 * kMs);
    EXPECT_EQ(clock.bounds.upper_ns, -41'829 * kMs);
    EXPECT_EQ(clock.offset_at(0), -41'830'500'000);
    ASSERT_EQ(clock.outliers.size(), 1U);
    EXPECT_EQ(clock.outliers[0].by_ns, 152 * kMs);
    EXPECT_EQ(airline().sighting(0, clocks->outliers[0].a).number, 2U);
    EXPECT_FALSE(clock.zone_ns.has_value());
}

TEST(Airline, NineMillisecondsBetweenBigIpAndFirewall) {
    const PointPair* clocks = airline().matching.clock_of(2);
    ASSERT_NE(clocks, nullptr);
    ASSERT_EQ(clocks->a, 1U);
    ASSERT_EQ(clocks->clock.changes.size(), 1U);
    const ClockChange& change = clocks->clock.changes[0];
    EXPECT_EQ(change.before_ns, 152'117 * kMs);
    EXPECT_EQ(change.after_ns, 152'108 * kMs);
    EXPECT_NEAR(static_cast<double>(change.to_ns - change.from_ns) / 1e9, 131.4, 0.01);
    EXPECT_NEAR(change.parts_per_million(), -68, 1);
}

TEST(Airline, WhatNeverArrived) {
    // Nine POST frames and the RST of the PC; the RST of the server.
    EXPECT_EQ(airline().only_at(0, 1), "5 6 7 8 9 10 11 12 13 14");
    EXPECT_EQ(airline().only_at(1, 0), "5");
    EXPECT_EQ(airline().only_at(2, 1), "");
}

std::string told(const Matched& matched, FindingKind kind) {
    std::string text;
    for (const Finding& finding : find_all(matched.points, matched.matching)) {
        if (finding.kind == kind) {
            text += finding.text + '\n';
        }
    }
    return text;
}

TEST(Airline, TheVanishedPostsTheResetsAndTheWaitAreNamed) {
    EXPECT_EQ(told(airline(), FindingKind::kLost),
              "9 packets of the client of 10.9.8.7:53287 > 203.0.113.80:80 never reached "
              "airline-2-checkpoint-eth2.pcap: airline-1-pc.pcap 5 at 16:03:01.764 to 13 at "
              "16:03:15.857; 7 of them retransmissions, after 0.242, 0.649, 1.201, 2.400, 2.400, "
              "2.401, 4.800 s\n");
    EXPECT_EQ(told(airline(), FindingKind::kResetLost),
              "the server's RST (packet 5 at 16:02:23.176 of airline-2-checkpoint-eth2.pcap) never "
              "reached airline-1-pc.pcap: the client took the connection for open\n"
              "the client's RST (packet 14 at 16:03:25.449 of airline-1-pc.pcap) never reached "
              "airline-2-checkpoint-eth2.pcap: the server took the connection for open\n");
    EXPECT_EQ(told(airline(), FindingKind::kWait),
              "the user of 10.9.8.7 waited 23.688 s: from 16:03:01.764, a request without an "
              "answer, until 16:03:25.452, when it began anew from port 53300\n");
    EXPECT_EQ(told(airline(), FindingKind::kClockChange),
              "the clocks of airline-2-checkpoint-eth2.pcap and airline-3-bigip-ext.pcap moved "
              "apart by -9.000 ms between 16:00:11.779 and 16:02:23.176: a drift of -68 ppm, or a "
              "step\n");
    EXPECT_NE(told(airline(), FindingKind::kCausality).find("outlier by 152.000 ms"),
              std::string::npos);
    EXPECT_EQ(told(airline(), FindingKind::kTimeZone), "");
}

TEST(SharkFest, DelayedBindingAndTheSlipAreNamed) {
    EXPECT_EQ(told(sharkfest(), FindingKind::kDelayedBinding),
              "the proxy between sf15-4-lb-external.pcap and sf15-5-lb-internal.pcap opens its own "
              "connection 1 us after the client's ACK: the time from SYN to SYN is not the "
              "network's\n");
    EXPECT_NE(told(sharkfest(), FindingKind::kCausality)
                  .find("packet 6 of sf15-4-lb-external.pcap is seen at "
                        "sf15-3-dc-inside-fw.pcap (packet 6) 389 us before it left"),
              std::string::npos);
    EXPECT_EQ(told(sharkfest(), FindingKind::kLost), "");
}

TEST(Summaries, CountEachPacketOnce) {
    const std::vector<PointSummary> of_lvs = summarize(lvs().points, lvs().matching);
    for (const PointSummary& one : of_lvs) {
        EXPECT_EQ(one.matched, 10U);
        EXPECT_EQ(one.only_here + one.outside + one.own + one.unlinked + one.copies, 0U);
        EXPECT_EQ(one.connections_matched, 1U);
    }
    const std::vector<PointSummary> of_airline = summarize(airline().points, airline().matching);
    EXPECT_EQ(of_airline[0].matched, 11U);
    EXPECT_EQ(of_airline[0].only_here, 10U);
    EXPECT_EQ(of_airline[1].matched, 12U);
    const std::vector<PointSummary> of_talk = summarize(sharkfest().points, sharkfest().matching);
    EXPECT_EQ(of_talk[0].matched, 12U);
    EXPECT_EQ(of_talk[1].matched, 17U);
    EXPECT_EQ(of_talk[2].matched, 13U);
    EXPECT_EQ(of_talk[2].outside, 1U);  // the others' captures end before
    EXPECT_EQ(of_talk[3].matched, 6U);
    EXPECT_EQ(of_talk[4].matched, 2U);
    EXPECT_EQ(of_talk[4].own, 15U);
}

TEST(TimeSpent, DoesNotBelieveAnOutlier) {
    const TimeSpent spent =
        time_spent(airline().points, airline().matching, airline().matching.conversations[0]);
    EXPECT_EQ(spent.turns, 0U);
    const TimeSpent second =
        time_spent(airline().points, airline().matching, airline().matching.conversations[1]);
    EXPECT_EQ(second.turns, 1U);
}

TEST(SharkFest, RoundingIsNoOffset) {
    for (const PointPair& pair : sharkfest().matching.clocks) {
        EXPECT_TRUE(pair.clock.is_one_clock) << pair.a << ' ' << pair.b;
    }
}

TEST(TimeSpent, OfLvssRequest) {
    const TimeSpent spent =
        time_spent(lvs().points, lvs().matching, lvs().matching.conversations[0]);
    EXPECT_EQ(spent.turns, 1U);
    EXPECT_EQ(spent.between_ns[1], (550 + 1904) * 1000);  // GET there, 629 bytes back
    EXPECT_EQ(spent.server_network_ns, 3'887'000);        // SYN .201435, SYN-ACK .205322
    EXPECT_EQ(spent.server_ns, 449'884'000 - 258'859'000 - 3'887'000);
}

}  // namespace
}  // namespace director::diagnostics::matching
