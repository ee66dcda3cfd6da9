// Whom an instance believes: every refusal once, each counted, told once and without effect; the
// three forms of checksum; what is tolerated.
#include <algorithm>
#include <functional>

#include "tests/unit/vrrp/router_fixture.h"

namespace director::vrrp {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class BeliefTest : public RouterTest {
  protected:
    // A packet of higher priority from `other`, with something changed.
    struct Forged {
        Advertisement advert;
        Envelope envelope;
        ChecksumForm form = ChecksumForm::kPseudoHeader;
    };
    using Change = std::function<void(Forged&)>;

    void send(const Change& change) { hear_packet(forge(change)); }
    std::vector<uint8_t> forge(const Change& change) {
        Forged forged;
        forged.advert = advert_of(200);
        forged.envelope.source = other;
        forged.envelope.destination = one().is_unicast ? own : multicast_group(Family::kIpv4);
        change(forged);
        return build_packet(
            forged.envelope,
            build_advertisement(
                forged.advert, forged.envelope.source, forged.envelope.destination, forged.form));
    }
    void expect_refused(Refusal refusal, const Change& change) {
        expect_refused(refusal, forge(change));
    }
    // Twice: counted twice, told once a minute, nothing changes.
    void expect_refused(Refusal refusal, const std::vector<uint8_t>& packet) {
        const State before = state();
        const TimePoint deadline = router.deadline();
        const uint64_t count = refused(refusal);
        actions.clear();
        hear_packet(packet);
        hear_packet(packet);
        EXPECT_EQ(refused(refusal), count + 2) << to_string(refusal);
        EXPECT_THAT(texts(EventKind::kRefused), SizeIs(count == 0 ? 1 : 0)) << to_string(refusal);
        EXPECT_EQ(state(), before);
        EXPECT_EQ(router.deadline(), deadline);
        EXPECT_THAT(adverts(), IsEmpty());
    }
    [[nodiscard]] uint64_t refused_by_router(Refusal refusal) const {
        return router.status().refused[static_cast<size_t>(refusal)];
    }
};

TEST_F(BeliefTest, MasterRefuses) {
    one().authentication = Authentication::kPassword;
    one().password = "secret";
    start_as_master();
    expect_refused(Refusal::kOwnSource, [&](Forged& f) { f.envelope.source = own; });
    expect_refused(Refusal::kTtl, [](Forged& f) { f.envelope.ttl = 254; });
    expect_refused(Refusal::kVersion, [](Forged& f) { f.advert.version = Version::kV3; });
    expect_refused(Refusal::kPassword,
                   [](Forged& f) { f.advert.password = make_password("Secret"); });
    expect_refused(Refusal::kAuthenticationType,
                   [](Forged& f) { f.advert.authentication = Authentication::kNone; });
    expect_refused(Refusal::kInterval, [](Forged& f) { f.advert.interval = seconds(2); });
    expect_refused(Refusal::kDelivery, [&](Forged& f) { f.envelope.destination = own; });
    expect_refused(Refusal::kDelivery,
                   [&](Forged& f) { f.envelope.destination = *IpAddress::parse("224.0.0.19"); });

    // What the builder does not make.
    const auto good = forge([](Forged&) {});
    const auto changed = [&](size_t offset, uint8_t value) {
        auto packet = good;
        packet[offset] = value;
        return packet;
    };
    expect_refused(Refusal::kType, changed(20, 0x22));
    expect_refused(Refusal::kVersion, changed(20, 0x11));
    expect_refused(Refusal::kLength, changed(23, 2));
    expect_refused(Refusal::kLength, changed(23, 0));
    expect_refused(Refusal::kChecksum, changed(22, 255));
    const std::vector<uint8_t> bare(8, 0);
    const auto longer = [&] {
        auto message = std::vector<uint8_t>(good.begin() + 20, good.end());
        message.insert(message.end(), bare.begin(), bare.end());
        Envelope envelope;
        envelope.source = other;
        envelope.destination = multicast_group(Family::kIpv4);
        return build_packet(envelope, message);
    };
    expect_refused(Refusal::kLength, longer());
    send([](Forged&) {});
    EXPECT_EQ(state(), State::kBackup) << "the unchanged one is believed";
}

TEST_F(BeliefTest, RefusedBeforeAnInstanceIsKnown) {
    start_as_master();
    const auto good = forge([](Forged&) {});
    const auto expect = [&](Refusal refusal, const std::vector<uint8_t>& packet) {
        const uint64_t before = refused_by_router(refusal);
        hear_packet(packet);
        EXPECT_EQ(refused_by_router(refusal), before + 1) << to_string(refusal);
        EXPECT_EQ(state(), State::kMaster);
    };
    for (size_t length = 0; length < good.size(); ++length) {
        expect(Refusal::kTruncated, {good.begin(), good.begin() + static_cast<ptrdiff_t>(length)});
    }
    expect(Refusal::kUnknownInstance, forge([](Forged& f) { f.advert.vrid = 52; }));
    expect(Refusal::kBadSource,
           forge([](Forged& f) { f.envelope.source = *IpAddress::parse("224.0.0.18"); }));
    expect(Refusal::kBadSource,
           forge([](Forged& f) { f.envelope.source = *IpAddress::parse("127.0.0.1"); }));
    auto packet = good;
    packet[1] ^= 1;  // the header's checksum does not fit any more
    expect(Refusal::kBadIpHeader, packet);
    packet = good;
    packet[0] = 0x55;
    expect(Refusal::kBadIpHeader, packet);
    router.receive(now, "net1", good, actions);
    EXPECT_EQ(state(), State::kMaster) << "another interface";
    EXPECT_EQ(refused_by_router(Refusal::kUnknownInstance), 2U);
}

TEST_F(BeliefTest, RefusalsAreToldOnceAMinuteWithWhatWasHeldBack) {
    start_as_master();
    const auto packet = forge([](Forged& f) { f.envelope.ttl = 1; });
    for (int i = 0; i < 121; ++i) {
        hear_packet(packet);
        run_for(seconds(1));
    }
    const auto told = texts(EventKind::kRefused);
    ASSERT_THAT(told, SizeIs(3));
    EXPECT_THAT(told[1], testing::HasSubstr("held_back=59"));
    EXPECT_THAT(told[1], testing::HasSubstr("from=10.9.0.2 reason=ttl"));
    EXPECT_EQ(refused(Refusal::kTtl), 121U);
}

TEST_F(BeliefTest, Ipv4AddressesInIpv6AdvertsAreRefused) {
    // The fuzzer's find: ::ffff:10.9.1.6 as the virtual address.
    const IpAddress source = *IpAddress::parse("fe80::2");
    const IpAddress group = multicast_group(Family::kIpv6);
    Advertisement advert;
    advert.version = Version::kV3;
    advert.vrid = 51;
    advert.interval = seconds(1);
    advert.addresses = {*IpAddress::parse("fe80::100")};
    auto message = build_advertisement(advert, source, group, ChecksumForm::kPseudoHeader);
    EXPECT_TRUE(parse_advertisement(message, source, group));
    const std::array<uint8_t, 16> mapped = IpAddress(Ipv4Address::of(10, 9, 1, 6)).bytes;
    advert.addresses = {*IpAddress::parse("::fffe:a09:106")};  // and one more below
    message = build_advertisement(advert, source, group, ChecksumForm::kPseudoHeader);
    std::copy(mapped.begin(), mapped.end(), message.begin() + 8);
    message[7] -= 1;  // the checksum's complement falls as the sum rises
    const auto received = parse_advertisement(message, source, group);
    ASSERT_FALSE(received);
    EXPECT_EQ(received.error(), Refusal::kBadAddress);
}

TEST_F(BeliefTest, IntervalZeroIsNobodysMaster) {
    one().version = Version::kV3;
    start();
    expect_refused(Refusal::kIntervalZero, [](Forged& f) { f.advert.interval = Duration(0); });
}

TEST_F(BeliefTest, UnicastOnlyFromPeersWithinTheirTtl) {
    one().is_unicast = true;
    one().peers = {UnicastPeer{other, 100, 200}};
    start_as_master();
    expect_refused(Refusal::kUnknownPeer, [&](Forged& f) { f.envelope.source = third; });
    expect_refused(Refusal::kTtl, [](Forged& f) { f.envelope.ttl = 201; });
    expect_refused(Refusal::kTtl, [](Forged& f) { f.envelope.ttl = 99; });
    expect_refused(Refusal::kDelivery,
                   [](Forged& f) { f.envelope.destination = multicast_group(Family::kIpv4); });
    send([](Forged& f) { f.envelope.ttl = 150; });
    EXPECT_EQ(state(), State::kBackup);
}

TEST_F(BeliefTest, UnicastFromAnybodyIfToldTo) {
    one().is_unicast = true;
    one().checks_peers = false;
    start_as_master();
    send([&](Forged& f) { f.envelope.source = third; });
    EXPECT_EQ(state(), State::kBackup);
}

TEST_F(BeliefTest, AllFormsOfChecksumAreUnderstoodAndAnsweredInKind) {
    one().version = Version::kV3;
    one().is_unicast = true;
    one().peers = {UnicastPeer{other}, UnicastPeer{third}};
    start_as_master();
    for (const auto form :
         {ChecksumForm::kMessageOnly, ChecksumForm::kOldUnicast, ChecksumForm::kPseudoHeader}) {
        run_for(milliseconds(500));
        actions.clear();
        send([&](Forged& f) {
            f.advert.priority = 99;
            f.form = form;
        });
        const auto sent = all_of<SendAdvert>(actions);
        ASSERT_THAT(sent, SizeIs(2)) << to_string(form);
        const auto form_of = [](const SendAdvert& advert) {
            const auto packet = parse_packet(advert.packet);
            return parse_advertisement(packet->message, packet->source, packet->destination)->form;
        };
        EXPECT_EQ(form_of(sent[0]), form);
        EXPECT_EQ(form_of(sent[1]), ChecksumForm::kPseudoHeader) << "nothing is known of this one";
    }
}

TEST_F(BeliefTest, MulticastSpeaksMessageOnlyWhenAllDo) {
    one().version = Version::kV3;
    start();
    hear(advert_of(200), other, ChecksumForm::kMessageOnly);
    run_for(seconds(5));
    const auto form = [&] {
        const auto sent = all_of<SendAdvert>(actions);
        const auto packet = parse_packet(sent.back().packet);  // looks into it
        return parse_advertisement(packet->message, packet->source, packet->destination)->form;
    };
    EXPECT_EQ(form(), ChecksumForm::kMessageOnly);
    hear(advert_of(99), third, ChecksumForm::kPseudoHeader);
    run_for(seconds(2));
    EXPECT_EQ(form(), ChecksumForm::kPseudoHeader);
}

TEST_F(BeliefTest, OtherAddressesAreToleratedLoudly) {
    start();
    for (int i = 0; i < 3; ++i) {
        send([](Forged& f) { f.advert.addresses.push_back(*IpAddress::parse("10.9.0.7")); });
    }
    EXPECT_EQ(status().master, other);
    EXPECT_TRUE(status().peers.at(0).has_other_addresses);
    EXPECT_THAT(texts(EventKind::kPeer), SizeIs(1));
}

TEST_F(BeliefTest, OtherAddressesAreRefusedIfStrict) {
    one().address_mismatch = AddressMismatch::kRefuse;
    one().addresses = addresses_of({"10.9.0.100", "10.9.0.101"});
    start();
    expect_refused(Refusal::kAddresses, [](Forged& f) { f.advert.addresses.pop_back(); });
    send([](Forged& f) { std::swap(f.advert.addresses[0], f.advert.addresses[1]); });
    EXPECT_EQ(status().master, other) << "the order does not matter";
}

class AhTest : public BeliefTest {
  protected:
    AhTest() {
        one().authentication = Authentication::kHeader;
        one().password = "secret";
    }
    std::vector<uint8_t> ah_packet(uint32_t sequence, const char* password = "secret") {
        Envelope envelope;
        envelope.source = other;
        envelope.destination = multicast_group(Family::kIpv4);
        const auto message = build_advertisement(
            advert_of(200), other, envelope.destination, ChecksumForm::kMessageOnly);
        return build_packet_with_ah(envelope, message, sequence, make_password(password));
    }
};

TEST_F(AhTest, DigestAndSequenceAreChecked) {
    start();
    expect_refused(Refusal::kAuthenticationType, [](Forged&) {});
    expect_refused(Refusal::kAhDigest, ah_packet(5, "Secret"));
    hear_packet(ah_packet(5));
    EXPECT_EQ(status().master, other);
    expect_refused(Refusal::kAhReplay, ah_packet(5));
    expect_refused(Refusal::kAhReplay, ah_packet(4));
    auto packet = ah_packet(6);
    packet[24] ^= 1;  // the index that should be the source's
    expect_refused(Refusal::kAhDigest, packet);
    hear_packet(ah_packet(6));
    EXPECT_EQ(status().counters.adverts_received, 2U);
}

TEST_F(AhTest, APeerThatStartsAgainIsHeardAfterASilence) {
    start();
    hear_packet(ah_packet(1000));
    run_for(seconds(5));
    ASSERT_EQ(state(), State::kMaster);
    hear_packet(ah_packet(1));
    EXPECT_EQ(state(), State::kBackup);
}

// keepalived drops what does not exceed the numbers it has sent itself: a router that starts again
// beside a keepalived of lower priority would never be heard, and both would stay MASTER.
TEST_F(AhTest, OwnNumbersGoOnFromTheHighestHeard) {
    start();
    hear_packet(ah_packet(1000));
    run_for(seconds(5));
    ASSERT_EQ(state(), State::kMaster);
    const auto adverts = all_of<SendAdvert>(actions);
    ASSERT_FALSE(adverts.empty());
    uint32_t expected = 1001;
    for (const SendAdvert& advert : adverts) {
        const auto packet = parse_packet(advert.packet);
        ASSERT_TRUE(packet && packet->ah);
        EXPECT_EQ(packet->ah->sequence, expected++);
    }
}

TEST_F(AhTest, NumbersWithAWrongDigestAreNoOnesBeginning) {
    start();
    hear_packet(ah_packet(1000, "Secret"));
    run_for(seconds(5));
    ASSERT_EQ(state(), State::kMaster);
    const auto sent = all_of<SendAdvert>(actions);
    const auto packet = parse_packet(sent.at(0).packet);
    ASSERT_TRUE(packet && packet->ah);
    EXPECT_EQ(packet->ah->sequence, 1U);
}

TEST_F(AhTest, InstanceWithoutItRefusesIt) {
    one().authentication = Authentication::kNone;
    one().password.clear();
    start();
    expect_refused(Refusal::kAuthenticationType, ah_packet(1));
}

TEST_F(BeliefTest, InventedSourcesDoNotGrowTheTableOfPeers) {
    start();
    for (uint8_t i = 2; i < 200; ++i) {
        hear(uint8_t{200}, IpAddress(Ipv4Address::of(10, 9, 0, i)));
        now += milliseconds(1);
    }
    EXPECT_THAT(status().peers, SizeIs(Peers::kPeersMax));
    EXPECT_EQ(status().peers.back().address, IpAddress(Ipv4Address::of(10, 9, 0, 199)));
}

}  // namespace
}  // namespace director::vrrp
