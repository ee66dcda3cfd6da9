// VRRP against bytes that others made: every advert of keepalived 2.2.7 read and built again, whole
// frames of a Router with keepalived's configuration, and captures of malformed packets.
#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include <gmock/gmock.h>

#include "tests/support/pcap_file.h"
#include "tests/unit/vrrp/vrrp_support.h"
#include "vrrp/packet.h"
#include "vrrp/router.h"

namespace director::vrrp {
namespace {

using test::CapturedFrame;
using testing::ElementsAre;
using testing::Pair;

// Linux gives IPv6 packets a flow label of its own; ours is 0.
void clear_flow_label(std::span<uint8_t> packet) {
    if (packet[0] >> 4 == 6) {
        packet[1] &= 0xf0;
        packet[2] = packet[3] = 0;
    }
}

std::vector<CapturedFrame> capture(const std::string& name) {
    auto frames = test::read_pcap_file(test::test_data("vrrp/" + name));
    EXPECT_TRUE(frames.has_value()) << name;
    std::vector<CapturedFrame> all = frames.value_or(std::vector<CapturedFrame>());
    for (CapturedFrame& frame : all) {
        clear_flow_label(std::span(frame.bytes).subspan(14));
    }
    return all;
}

std::span<const uint8_t> ip_packet(const CapturedFrame& frame) {
    return std::span(frame.bytes).subspan(14);
}

uint16_t ether_type(const CapturedFrame& frame) {
    return static_cast<uint16_t>(frame.bytes[12] << 8 | frame.bytes[13]);
}

bool is_ip(const CapturedFrame& frame) {
    return ether_type(frame) == 0x0800 || ether_type(frame) == 0x86dd;
}

TEST(VrrpGolden, EveryAdvertOfKeepalivedIsReadAndBuiltAgain) {
    int adverts = 0;
    for (const CapturedFrame& frame : capture("keepalived-2.2.7.pcap")) {
        const auto packet = is_ip(frame) ? parse_packet(ip_packet(frame))
                                         : Parsed<Packet>(tl::unexpected(Refusal::kNotVrrp));
        if (!packet) {
            // What else is there: IGMP, MLD and ICMP, some of it from the unspecified address.
            EXPECT_TRUE(packet.error() == Refusal::kNotVrrp ||
                        packet.error() == Refusal::kBadSource);
            continue;
        }
        ++adverts;
        const auto received =
            parse_advertisement(packet->message, packet->source, packet->destination);
        ASSERT_TRUE(received) << to_string(received.error());
        EXPECT_EQ(received->form,
                  received->advertisement.version == Version::kV2 ? ChecksumForm::kMessageOnly
                                                                  : ChecksumForm::kPseudoHeader);
        const auto message = build_advertisement(
            received->advertisement, packet->source, packet->destination, received->form);
        const auto id = static_cast<uint16_t>(packet->bytes[4] << 8 | packet->bytes[5]);
        const Envelope envelope{packet->source, packet->destination, packet->ttl, id};
        const auto rebuilt =
            packet->ah ? build_packet_with_ah(
                             envelope, message, packet->ah->sequence, make_password("secret"))
                       : build_packet(envelope, message);
        EXPECT_TRUE(
            std::equal(rebuilt.begin(), rebuilt.end(), packet->bytes.begin(), packet->bytes.end()))
            << "frame of VRID " << unsigned{packet->vrid()};
        if (packet->ah) {
            EXPECT_TRUE(has_right_digest(*packet, make_password("secret")));
            EXPECT_FALSE(has_right_digest(*packet, make_password("Secret")));
        }
    }
    EXPECT_EQ(adverts, 94);
}

// The instances of the capture, as its how-made.md tells.
Config keepalived_config() {
    const auto instance = [](uint8_t vrid, std::vector<const char*> addresses) {
        InstanceConfig one = test_instance("VI_" + std::to_string(vrid), vrid);
        one.interface = "net0";
        one.priority = 100;
        one.addresses = addresses_of(addresses);
        return one;
    };
    Config config;
    config.instances = {instance(51, {"10.9.0.100", "10.9.0.101"}),
                        instance(52, {"10.9.0.102"}),
                        instance(53, {"10.9.0.103"}),
                        instance(54, {"10.9.0.104"}),
                        instance(55, {"10.9.0.105"}),
                        instance(56, {"fe80::100", "2001:db8::100"}),
                        instance(57, {"10.9.0.107"})};
    auto& all = config.instances;
    all[0].priority = 150;
    all[0].authentication = Authentication::kPassword;
    all[0].password = "12345678";
    all[2].authentication = Authentication::kHeader;
    all[2].password = "secret";
    all[3].version = all[4].version = all[5].version = Version::kV3;
    all[3].interval = all[4].interval = std::chrono::milliseconds(500);
    all[4].is_unicast = true;
    all[4].peers = {UnicastPeer{*IpAddress::parse("10.9.0.2")}};
    all[5].family = Family::kIpv6;
    all[6].uses_virtual_mac = true;
    return config;
}

using Frames = std::map<std::string, int>;  // bytes in hexadecimal: how often

// The frames of the capture that a director sends, without what its kernel does.
Frames captured_frames() {
    Frames frames;
    for (const CapturedFrame& frame : capture("keepalived-2.2.7.pcap")) {
        const bool is_garp = ether_type(frame) == 0x0806 && frame.bytes[0] == 0xff &&
                             std::equal(&frame.bytes[28], &frame.bytes[32], &frame.bytes[38]);
        const bool is_na =
            ether_type(frame) == 0x86dd && frame.bytes[20] == 58 && frame.bytes[54] == 136;
        if (is_garp || is_na || (is_ip(frame) && parse_packet(ip_packet(frame)))) {
            ++frames[hex(frame.bytes)];
        }
    }
    return frames;
}

TEST(VrrpGolden, RouterSaysWhatKeepalivedSaidToTheByte) {
    Router router;
    Actions actions;
    TimePoint now = kStart;
    router.configure(now, keepalived_config(), actions);
    InterfaceFacts facts;
    facts.is_up = true;
    facts.mac = *MacAddress::parse("02:00:00:00:00:0a");
    facts.is_router = false;
    facts.ipv4 = *IpAddress::parse("10.9.0.1");
    facts.ipv6 = *IpAddress::parse("fe80::3c14:e6ff:fefe:2ddb");
    router.interface_changed(now, "net0", facts, actions);
    router.start(now, actions);
    // keepalived was stopped after each of its instances had sent for a little more than 8 s.
    const TimePoint end = now + std::chrono::milliseconds(11900);
    while (router.deadline() <= end) {
        now = router.deadline();
        router.wake(now, actions);
    }
    router.stop(end, actions);

    Frames ours;
    for (const Action& action : actions) {
        if (const auto* advert = std::get_if<SendAdvert>(&action)) {
            // The capture has the neighbour's address for the unicast ones.
            const MacAddress peer = *MacAddress::parse("02:00:00:00:00:0b");
            ++ours[hex(build_frame(
                advert->source_mac, advert->destination_mac.value_or(peer), advert->packet))];
        } else if (const auto* announcement = std::get_if<SendAnnouncement>(&action)) {
            std::string text = hex(announcement->frame);
            ++ours[text];
        }
    }
    EXPECT_EQ(ours, captured_frames());
}

std::map<std::string, int> verdicts(const std::string& name) {
    std::map<std::string, int> counts;
    for (const CapturedFrame& frame : capture(name)) {
        if (!is_ip(frame)) {
            ++counts["not_ip"];
            continue;
        }
        const auto packet = parse_packet(ip_packet(frame));
        if (!packet) {
            ++counts[std::string(to_string(packet.error()))];
            continue;
        }
        const auto advert =
            parse_advertisement(packet->message, packet->source, packet->destination);
        ++counts[advert ? "good" : std::string(to_string(advert.error()))];
    }
    return counts;
}

TEST(VrrpGolden, CapturesOfOthers) {
    EXPECT_THAT(verdicts("vrrp.pcap"), ElementsAre(Pair("good", 165)));
    EXPECT_THAT(verdicts("libpcap-vrrp.pcap"), ElementsAre(Pair("good", 15)));
    EXPECT_THAT(verdicts("pcapplusplus-v3-ipv4.pcap"), ElementsAre(Pair("good", 1)));
    EXPECT_THAT(verdicts("pcapplusplus-v3-ipv6.pcap"), ElementsAre(Pair("good", 1)));
    // CARP has VRRP's protocol number and first byte.
    EXPECT_THAT(verdicts("carp.pcap"), ElementsAre(Pair("length", 5)));
    // Version 2 without the 8 bytes of authentication data; keepalived refuses it too.
    EXPECT_THAT(verdicts("pcapplusplus-v2.pcap"), ElementsAre(Pair("length", 1)));
}

// The records of a capture file as they are, cut ones and odd link types too.
std::vector<std::vector<uint8_t>> raw_records(const std::string& name) {
    std::ifstream file(test::test_data("vrrp/" + name), std::ios::binary);
    const std::vector<char> text(std::istreambuf_iterator<char>(file), {});
    const std::vector<uint8_t> bytes(text.begin(), text.end());
    std::vector<std::vector<uint8_t>> records;
    for (size_t at = 24; at + 16 <= bytes.size();) {
        uint32_t length = 0;
        std::memcpy(&length, &bytes[at + 8], sizeof(length));
        const auto* begin = bytes.data() + at + 16;
        records.emplace_back(begin, begin + std::min<size_t>(length, bytes.size() - at - 16));
        at += 16 + records.back().size();
    }
    return records;
}

TEST(VrrpGolden, NothingMalformedIsBelieved) {
    int packets = 0;
    for (const char* name : {"vrrp_print-oobr.pcap", "vrrp_print-oobr-2.pcap"}) {
        for (const auto& record : raw_records(name)) {
            // From every offset on, since one file's link type is Frame Relay.
            for (size_t offset = 0; offset < record.size(); ++offset) {
                const std::vector<uint8_t> bytes(record.begin() + static_cast<ptrdiff_t>(offset),
                                                 record.end());
                ++packets;
                const auto packet = parse_packet(bytes);
                EXPECT_FALSE(packet && parse_advertisement(
                                           packet->message, packet->source, packet->destination));
            }
        }
    }
    EXPECT_EQ(packets, 3 * 64 + 10 * 54);
}

}  // namespace
}  // namespace director::vrrp
