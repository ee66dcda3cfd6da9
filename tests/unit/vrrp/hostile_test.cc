// Captures of malformed and foreign packets, each frame given to a Router as if it were on its
// wire: refused for the reason that the table names, counted, told once, and without effect on a
// MASTER or a BACKUP.
#include <algorithm>
#include <cctype>
#include <cstring>
#include <fstream>
#include <iterator>

#include "common/checksum.h"
#include "tests/support/pcap_file.h"
#include "tests/unit/vrrp/router_fixture.h"
#include "vrrp/bytes.h"

namespace director::vrrp {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

// The link layer of a capture.
enum class Link : uint8_t { kEthernet, kFrameRelay };

// The records of a capture file as they are, those that were cut too, without their link header.
std::vector<std::vector<uint8_t>> packets_of(const std::string& name, Link link) {
    std::ifstream file(test::test_data("vrrp/" + name), std::ios::binary);
    const std::vector<char> text(std::istreambuf_iterator<char>(file), {});
    const std::vector<uint8_t> bytes(text.begin(), text.end());
    const size_t link_bytes = link == Link::kEthernet ? 14 : 5;
    std::vector<std::vector<uint8_t>> packets;
    for (size_t at = 24; at + 16 <= bytes.size();) {
        const size_t length = bytes[at + 8] | size_t{bytes[at + 9]} << 8;
        const auto* begin = bytes.data() + at + 16;
        packets.emplace_back(begin + link_bytes, begin + length);
        at += 16 + length;
    }
    return packets;
}

// The same with an IPv4 header that is right, from a neighbour to the group, so that the message
// itself is looked at.
std::vector<uint8_t> with_right_header(std::vector<uint8_t> packet) {
    const size_t header = size_t{packet[0] & 0xfU} * 4;
    store16(&packet[2], packet.size());
    store16(&packet[6], 0);
    packet[8] = 255;
    store32(&packet[12], 0x0a090002);
    store32(&packet[16], 0xe0000012);
    store16(&packet[10], 0);
    const auto sum = static_cast<uint16_t>(~checksum_fold(checksum_add(0, packet.data(), header)));
    std::memcpy(&packet[10], &sum, sizeof(sum));
    return packet;
}

enum class Header : uint8_t { kAsIs, kRight };

struct HostileCapture {
    const char* name;
    Link link;
    Header header;
    uint8_t vrid;  // an instance of ours has it: the packet's content must be what is refused
    Version version;
    Authentication authentication;
    std::vector<Refusal> refusals;  // of each packet in turn; one: of all
    size_t packets;
};

class HostileTest : public RouterTest, public testing::WithParamInterface<HostileCapture> {
  protected:
    void SetUp() override {
        one().vrid = GetParam().vrid;
        one().version = GetParam().version;
        one().authentication = GetParam().authentication;
        one().password = one().authentication == Authentication::kPassword ? "secret" : "";
    }
    // What every packet of the capture does to this router, which is nothing.
    void expect_all_refused() {
        const HostileCapture& row = GetParam();
        const auto packets = packets_of(row.name, row.link);
        ASSERT_THAT(packets, SizeIs(row.packets));
        const State before = state();
        const TimePoint deadline = router.deadline();
        std::array<uint64_t, kRefusalCount> wanted{};
        actions.clear();
        for (size_t i = 0; i < packets.size(); ++i) {
            hear_packet(row.header == Header::kRight ? with_right_header(packets[i]) : packets[i]);
            const Refusal refusal = row.refusals[row.refusals.size() == 1 ? 0 : i];
            ++wanted[static_cast<size_t>(refusal)];
            const Status now_is = router.status();
            for (size_t reason = 0; reason < kRefusalCount; ++reason) {
                EXPECT_EQ(now_is.refused[reason] + now_is.instances[0].counters.refused[reason],
                          wanted[reason])
                    << "packet " << i << ", " << to_string(static_cast<Refusal>(reason));
            }
        }
        const auto reasons = static_cast<size_t>(
            std::count_if(wanted.begin(), wanted.end(), [](uint64_t n) { return n != 0; }));
        EXPECT_THAT(texts(EventKind::kRefused), SizeIs(reasons)) << "once for each reason";
        EXPECT_EQ(actions.size(), reasons) << "nothing but that is done";
        EXPECT_EQ(state(), before);
        EXPECT_EQ(router.deadline(), deadline);
        EXPECT_THAT(status().peers, IsEmpty());
    }
};

TEST_P(HostileTest, ChangesNoMaster) {
    start_as_master();
    expect_all_refused();
}

TEST_P(HostileTest, ChangesNoBackup) {
    start();
    expect_all_refused();
}

constexpr auto kNone = Authentication::kNone;
constexpr auto kPassword = Authentication::kPassword;

const HostileCapture kCaptures[] = {
    // What fuzzers found in tcpdump: its own printer read behind the end.
    {"vrrp_print-oobr.pcap",
     Link::kFrameRelay,
     Header::kAsIs,
     2,
     Version::kV2,
     kNone,
     {Refusal::kBadIpHeader},
     3},
    {"vrrp_print-oobr.pcap",
     Link::kFrameRelay,
     Header::kRight,
     2,
     Version::kV2,
     kNone,
     {Refusal::kLength},
     3},
    {"vrrp_print-oobr-2.pcap",
     Link::kEthernet,
     Header::kAsIs,
     255,
     Version::kV3,
     kNone,
     {Refusal::kBadIpHeader},
     10},
    {"vrrp_print-oobr-2.pcap",
     Link::kEthernet,
     Header::kRight,
     255,
     Version::kV3,
     kNone,
     // Three say that they are another virtual router's.
     {Refusal::kChecksum,
      Refusal::kChecksum,
      Refusal::kChecksum,
      Refusal::kChecksum,
      Refusal::kUnknownInstance,
      Refusal::kChecksum,
      Refusal::kChecksum,
      Refusal::kChecksum,
      Refusal::kUnknownInstance,
      Refusal::kUnknownInstance},
     10},
    // CARP, of virtual router 1 and with all of version 2's first bytes.
    {"carp.pcap", Link::kEthernet, Header::kAsIs, 1, Version::kV2, kNone, {Refusal::kLength}, 5},
    // Version 2 without the authentication data that it always has.
    {"pcapplusplus-v2.pcap",
     Link::kEthernet,
     Header::kAsIs,
     1,
     Version::kV2,
     kNone,
     {Refusal::kLength},
     1},
};

std::string name_of(const testing::TestParamInfo<HostileCapture>& row) {
    std::string name = row.param.name;
    name += row.param.header == Header::kRight ? "_mended" : "";
    std::replace_if(
        name.begin(), name.end(), [](char c) { return std::isalnum(c) == 0; }, '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(Captures, HostileTest, testing::ValuesIn(kCaptures), name_of);

// Adverts of another's network, well-formed: not one is for us.
class ForeignTest : public RouterTest {
  protected:
    // Refusals by name over the whole capture, for a MASTER of priority 100 with this VRID.
    std::string refusals(uint8_t vrid, Version version, Authentication authentication) {
        one().vrid = vrid;
        one().version = version;
        one().authentication = authentication;
        one().password = authentication == kPassword ? "secret" : "";
        one().address_mismatch = AddressMismatch::kRefuse;
        start_as_master();
        for (const auto& packet : packets_of("vrrp.pcap", Link::kEthernet)) {
            hear_packet(packet);
        }
        EXPECT_EQ(state(), State::kMaster);
        EXPECT_THAT(adverts(), IsEmpty());
        std::string told;
        const Status status = router.status();
        for (size_t i = 0; i < kRefusalCount; ++i) {
            const uint64_t count = status.refused[i] + status.instances[0].counters.refused[i];
            if (count != 0) {
                told += std::string(to_string(static_cast<Refusal>(i))) + "=" +
                        std::to_string(count) + " ";
            }
        }
        return told;
    }
};

TEST_F(ForeignTest, AnotherPassword) {
    EXPECT_EQ(refusals(42, Version::kV2, kPassword), "unknown_instance=131 password=34 ");
}
TEST_F(ForeignTest, NoPassword) {
    EXPECT_EQ(refusals(43, Version::kV2, kPassword),
              "unknown_instance=131 authentication_type=34 ");
}
TEST_F(ForeignTest, AnotherVersion) {
    EXPECT_EQ(refusals(44, Version::kV2, kNone), "version=33 unknown_instance=132 ");
}
TEST_F(ForeignTest, AnotherFamily) {
    EXPECT_EQ(refusals(45, Version::kV3, kNone), "unknown_instance=165 ");
}
TEST_F(ForeignTest, OtherAddresses) {
    EXPECT_EQ(refusals(44, Version::kV3, kNone), "unknown_instance=132 addresses=33 ");
}

// A peer that comes and goes as fast as it can: the state follows the rules, the log does not fill.
TEST_F(ForeignTest, PeerThatFlaps) {
    start_as_master();
    for (int i = 0; i < 1000; ++i) {
        now += milliseconds(1);
        hear(200);
        EXPECT_EQ(state(), State::kBackup);
        hear(0);
        EXPECT_EQ(state(), State::kBackup) << "a goodbye makes no MASTER before the skew is over";
    }
    EXPECT_EQ(status().counters.became_master, 1U);
    EXPECT_THAT(all_of<SendAdvert>(actions), IsEmpty()) << "nothing is said to it";
    EXPECT_LE(all_of<Event>(actions).size(), 4U);
    run_for(status().deadline - now);
    EXPECT_EQ(state(), State::kMaster);
}

// Two networks' routers with the same number on one wire: both go on, and it is told, not shouted.
TEST_F(ForeignTest, DuplicateRouterId) {
    start_as_master();
    Advertisement stranger = advert_of(50);
    stranger.addresses = {*IpAddress::parse("10.9.0.200"), *IpAddress::parse("10.9.0.201")};
    for (int i = 0; i < 60; ++i) {
        run_for(seconds(1));
        hear(stranger, other);
        EXPECT_EQ(state(), State::kMaster);
    }
    EXPECT_THAT(texts(EventKind::kPeer), SizeIs(1)) << "once a minute";
    EXPECT_THAT(texts(EventKind::kLowerPriority), SizeIs(1));
    ASSERT_THAT(status().peers, SizeIs(1));
    EXPECT_TRUE(status().peers[0].has_other_addresses);
}

}  // namespace
}  // namespace director::vrrp
