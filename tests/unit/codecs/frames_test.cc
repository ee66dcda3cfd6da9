// The packet functions on frames made with scapy, which knows nothing of them
// (tests/data/codecs/make_frames.py): each "before" becomes its "after", to the byte.
#include <fstream>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "dataplane/core/codecs/icmp_generate.h"
#include "dataplane/core/codecs/icmp_translate.h"
#include "dataplane/core/codecs/mss_clamp.h"
#include "dataplane/core/codecs/tcp_reset.h"
#include "dataplane/core/codecs/tunnel.h"
#include "tests/unit/codecs/plain_packets.h"

namespace director::dataplane {
namespace {

using namespace director::test;

Endpoint at(const char* text) {
    return *Endpoint::parse(text);
}
IpAddress address(const char* text) {
    return *IpAddress::parse(text);
}
uint32_t size_of(const Bytes& bytes) {
    return static_cast<uint32_t>(bytes.size());
}

class Frames : public testing::Test {
  protected:
    Frames() {
        std::ifstream file(DIRECTOR_TEST_DATA "/codecs/frames.txt");
        std::string name;
        std::string digits;
        while (file >> name >> digits) {
            Bytes& packet = packets_[name];
            for (size_t i = 0; i + 1 < digits.size(); i += 2) {
                packet.push_back(static_cast<uint8_t>(std::stoi(digits.substr(i, 2), nullptr, 16)));
            }
        }
    }
    [[nodiscard]] const Bytes& packet(const std::string& name) const {
        EXPECT_TRUE(packets_.contains(name)) << name;
        return packets_.at(name);
    }
    [[nodiscard]] const std::map<std::string, Bytes>& all() const { return packets_; }

  private:
    std::map<std::string, Bytes> packets_;
};

QuotedPacket parse(const Bytes& error) {
    const uint32_t icmp = error[0] >> 4 == 4 ? 20 : 40;
    EXPECT_TRUE(is_icmp_checksum_good(error.data(), size_of(error), size_of(error), icmp));
    const QuotedPacket quoted = parse_quoted(error.data(), size_of(error), size_of(error), icmp);
    EXPECT_TRUE(quoted.is_good);
    return quoted;
}

TEST_F(Frames, ErrorsAreTranslated) {
    const ErrorTranslation ends4{at("198.51.100.7:40000"),
                                 at("192.0.2.1:80"),
                                 address("192.0.2.1"),
                                 address("198.51.100.7")};
    const ErrorTranslation ends6{at("[2001:db8:1::7]:40000"),
                                 at("[2001:db8::1]:80"),
                                 address("2001:db8::1"),
                                 address("2001:db8:1::7")};
    int translated = 0;
    for (const auto& [name, before] : all()) {
        if (name.starts_with("nat") && name.ends_with("-before")) {
            Bytes error = before;
            translate_error(error.data(), parse(error), name[3] == '4' ? ends4 : ends6);
            const std::string after = name.substr(0, name.size() - 6) + "after";
            EXPECT_EQ(hex(error), hex(packet(after))) << name;
            ++translated;
        }
    }
    EXPECT_EQ(translated, 18);
}

TEST_F(Frames, ErrorsAreConverted) {
    ErrorConversion to6;
    to6.ends = {at("[2001:db8:1::7]:40000"),
                at("[2001:db8::1]:80"),
                address("2001:db8::1"),
                address("2001:db8:1::7")};
    to6.hop_limit = 60;
    ErrorConversion to4;
    to4.ends = {
        at("10.0.0.5:8080"), at("10.0.0.1:50000"), address("10.0.0.1"), address("10.0.0.5")};
    to4.hop_limit = 60;
    for (const std::string name : {"tcp", "udp", "sctp"}) {
        for (const std::string way : {"6to4-", "4to6-"}) {
            const Bytes& error = packet(way + name + "-before");
            Bytes out(kConvertedErrorBytesMax);
            out.resize(
                convert_error(error.data(), parse(error), way == "6to4-" ? to6 : to4, out.data()));
            EXPECT_EQ(hex(out), hex(packet(way + name + "-after"))) << way << name;
        }
    }
}

TEST_F(Frames, ErrorsAreGenerated) {
    for (const std::string family : {"4", "6"}) {
        const Bytes& offending = packet("generate" + family + "-offending");
        OffendingPacket about;
        about.ip = offending.data();
        about.available_bytes = about.ip_length = size_of(offending);
        about.l4_offset = family == "4" ? 20 : 40;
        about.protocol = 6;
        IcmpError error;
        error.cause = IcmpCause::kTimeExceeded;
        error.source = address(family == "4" ? "10.0.0.1" : "2001:db8::1");
        Bytes out(kIcmpErrorBytesMax);
        out.resize(build_icmp_error(error, about, out.data()));
        EXPECT_EQ(hex(out), hex(packet("generate" + family + "-answer")));
    }
}

TEST_F(Frames, SegmentsAreAnsweredWithResets) {
    for (const std::string family : {"4", "6"}) {
        for (const std::string kind : {"syn", "data"}) {
            const std::string name = "reset" + (family + "-").append(kind);
            const Bytes& segment = packet(name);
            Bytes out(kTcpResetBytesMax);
            out.resize(answer_with_tcp_reset(
                segment.data(), size_of(segment), family == "4" ? 20 : 40, out.data()));
            EXPECT_EQ(hex(out), hex(packet(name + "-answer"))) << name;
        }
    }
}

TEST_F(Frames, SegmentSizesAreClamped) {
    for (const std::string family : {"4", "6"}) {
        Bytes syn = packet("mss" + family + "-before");
        const uint32_t l4 = family == "4" ? 20 : 40;
        EXPECT_EQ(clamp_mss(syn.data() + l4, size_of(syn) - l4, 1360), MssClamp::kLowered);
        EXPECT_EQ(hex(syn), hex(packet("mss" + family + "-after")));
    }
}

TEST_F(Frames, PacketsAreWrapped) {
    for (const std::string name : {"4in4", "6in4", "4in6", "6in6"}) {
        for (const auto& [kind, tunnel] : std::map<std::string, Tunnel>{
                 {"ipip", {TunnelKind::kIpIp, TunnelChecksum::kNone, {}}},
                 {"gre", {TunnelKind::kGre, TunnelChecksum::kNone, {}}},
                 {"gre-csum", {TunnelKind::kGre, TunnelChecksum::kFull, {}}},
                 {"gue", {TunnelKind::kGue, TunnelChecksum::kNone, Be16::from_host(6080)}},
                 {"gue-csum", {TunnelKind::kGue, TunnelChecksum::kFull, Be16::from_host(6080)}}}) {
            const Bytes& inner = packet("tunnel-" + name + "-inner");
            const bool is_v4 = name.ends_with('4');
            Encapsulation how;
            how.tunnel = tunnel;
            how.source = address(is_v4 ? "10.0.0.1" : "2001:db8::1");
            how.destination = address(is_v4 ? "10.0.0.5" : "fd00::5");
            how.flow_hash = 0x12345;
            how.id = 4242;
            Bytes room(kTunnelBytesMax);
            append(room, inner);
            const uint32_t bytes = encapsulate(how, room.data() + kTunnelBytesMax, size_of(inner));
            room.erase(room.begin(),
                       room.begin() + static_cast<std::ptrdiff_t>(kTunnelBytesMax - bytes));
            const std::string wrapped = "tunnel-" + (name + "-").append(kind);
            EXPECT_EQ(hex(room), hex(packet(wrapped))) << wrapped;
        }
    }
}

}  // namespace
}  // namespace director::dataplane
