// A packet cut into fragments: against the slow cutter of the test support, and put together again.
#include "dataplane/core/codecs/fragmenter.h"

#include <algorithm>
#include <array>

#include <gtest/gtest.h>

#include "common/random.h"
#include "dataplane/core/codecs/fragment_translate.h"
#include "tests/support/packet_pieces.h"
#include "tests/support/packet_reader.h"

namespace director::dataplane {
namespace {

using namespace director::test;

[[nodiscard]] std::vector<Frame> cut(const Frame& packet, uint32_t mtu, uint32_t id = 7) {
    const auto plan =
        Fragmenter::plan(packet.data(), static_cast<uint32_t>(packet.size()), mtu, id);
    std::vector<Frame> out;
    for (uint32_t i = 0; plan && i < plan->count(); ++i) {
        std::array<uint8_t, Fragmenter::kHeaderBytesMax> header{};
        const uint32_t bytes = plan->write_header(i, header.data());
        const Fragmenter::Piece piece = plan->piece(i);
        Frame made(header.begin(), header.begin() + bytes);
        made.insert(
            made.end(), packet.begin() + piece.offset, packet.begin() + piece.offset + piece.bytes);
        out.push_back(made);
    }
    return out;
}

[[nodiscard]] Frame udp4(size_t bytes) {
    return PacketBuilder().ipv4("192.0.2.1", "192.0.2.2").udp(1, 2).payload_size(bytes).build();
}

[[nodiscard]] Frame udp6(size_t bytes) {
    return PacketBuilder().ipv6("2001:db8::1", "2001:db8::2").udp(1, 2).payload_size(bytes).build();
}

// The datagram's data, in order, without gaps; the last fragment's end.
[[nodiscard]] Frame data_of(const std::vector<Frame>& fragments, bool is_followed = false) {
    Frame data;
    for (size_t i = 0; i < fragments.size(); ++i) {
        const DecodedFrame decoded = decode_ip(fragments[i]);
        const size_t offset =
            decoded.ipv4 ? decoded.ipv4->fragment_offset : decoded.ipv6->fragment_offset;
        EXPECT_EQ(offset, data.size());
        EXPECT_EQ(decoded.has_more_fragments(), is_followed || i + 1 < fragments.size());
        EXPECT_EQ(decoded.ip_bytes(), fragments[i].size());
        data.insert(
            data.end(), fragments[i].begin() + decoded.ip_header_bytes(), fragments[i].end());
    }
    return data;
}

TEST(Fragmenter, CutsAsTheSlowCutterDoes) {
    Random random(1);
    for (int i = 0; i < 300; ++i) {
        const size_t bytes = 600 + random.below(9000);
        const auto mtu = static_cast<uint32_t>(128 + random.below(1400));
        const bool is_ipv4 = random.below(2) == 0;
        const Frame frame = is_ipv4 ? udp4(bytes) : udp6(bytes);
        const uint32_t id = is_ipv4 ? 0 : static_cast<uint32_t>(random.next());
        const std::vector<Frame> expected =
            fragments_of(frame, (mtu - (is_ipv4 ? 20 : 48)) / 8 * 8, id);
        const std::vector<Frame> made = cut(ip_packet_of(frame), mtu, id);
        ASSERT_EQ(made.size(), expected.size());
        for (size_t n = 0; n < made.size(); ++n) {
            ASSERT_EQ(made[n], ip_packet_of(expected[n])) << bytes << " " << mtu << " " << n;
            ASSERT_LE(made[n].size(), mtu);
        }
    }
}

TEST(Fragmenter, CutsFragmentsFurther) {
    for (const Frame& frame : {udp4(4000), udp6(4000)}) {
        const Frame whole = ip_packet_of(frame);
        const auto header = static_cast<std::ptrdiff_t>(decode(frame).ip_header_bytes());
        std::vector<Frame> pieces;
        for (const Frame& fragment : fragments_of(frame, 1400, 99)) {
            for (const Frame& piece : cut(ip_packet_of(fragment), 700, 1)) {
                EXPECT_LE(piece.size(), 700U);
                const DecodedFrame decoded = decode_ip(piece);
                EXPECT_EQ(decoded.ipv4 ? decoded.ipv4->id : decoded.ipv6->fragment_id, 99U);
                pieces.push_back(piece);
            }
        }
        EXPECT_GT(pieces.size(), 6U);
        EXPECT_EQ(data_of(pieces), Frame(whole.begin() + header, whole.end()));
    }
}

TEST(Fragmenter, CopiesOnlyTheOptionsThatSaySo) {
    // No-operation, record route (not copied), router alert (copied), end.
    const std::array<uint8_t, 12> options{1, 7, 6, 4, 0, 0, 0, 148, 4, 0, 0, 0};
    const Frame frame = PacketBuilder()
                            .ipv4("192.0.2.1", "192.0.2.2")
                            .ip_options(options)
                            .udp(1, 2)
                            .payload_size(500)
                            .build();
    const std::vector<Frame> fragments = cut(ip_packet_of(frame), 200);
    ASSERT_GT(fragments.size(), 2U);
    EXPECT_EQ(decode_ip(fragments[0]).ipv4->options,
              std::vector<uint8_t>(options.begin(), options.end()));
    for (size_t i = 1; i < fragments.size(); ++i) {
        EXPECT_EQ(decode_ip(fragments[i]).ipv4->options, (std::vector<uint8_t>{148, 4, 0, 0}));
        EXPECT_TRUE(bad_checksums_of_ip(fragments[i]).empty());
    }
    const Frame whole = ip_packet_of(frame);
    EXPECT_EQ(data_of(fragments), Frame(whole.begin() + 32, whole.end()));
}

// RFC 7915 section 5.1.1, and there and back again.
TEST(FragmentTranslate, ReadsAndWritesBothVersions) {
    const auto word_of = [](const Frame& packet, uint8_t protocol) {
        const auto bytes = static_cast<uint32_t>(packet.size());
        return ipv4_fragment_word(packet.data(), bytes, bytes, protocol);
    };
    const std::vector<Frame> fragments = fragments_of(udp6(3000), 1200, 0xabcd1234);
    ASSERT_EQ(fragments.size(), 3U);
    EXPECT_EQ(word_of(ip_packet_of(fragments[0]), 17), 0x12342000U);
    EXPECT_EQ(word_of(ip_packet_of(fragments[1]), 17), 0x12342000U | 150);
    EXPECT_EQ(word_of(ip_packet_of(fragments[2]), 17), 0x12340000U | 300);
    // Not of that protocol; not a fragment; destination options behind the fragment header.
    EXPECT_FALSE(word_of(ip_packet_of(fragments[1]), 6));
    EXPECT_FALSE(word_of(ip_packet_of(udp6(100)), 17));
    Frame hidden = ip_packet_of(fragments[0]);
    hidden[40] = 60;
    hidden[48] = 17;
    hidden[49] = 0;
    EXPECT_FALSE(word_of(hidden, 17));

    const std::vector<Frame> ipv4 = fragments_of(udp4(3000), 1200, 0x1234);
    const std::vector<Frame> ipv6 = fragments_of(udp6(3000), 1200, 0x1234);
    for (size_t i = 0; i < ipv4.size(); ++i) {
        std::array<uint8_t, 8> header{};
        write_ipv6_fragment_header(
            header.data(), 17, read_fragment_fields(ip_packet_of(ipv4[i]).data()));
        const Frame packet = ip_packet_of(ipv6[i]);
        EXPECT_TRUE(std::equal(header.begin(), header.end(), packet.begin() + 40));
    }
}

TEST(Fragmenter, RefusesWhatCannotBeCut) {
    const Frame packet = ip_packet_of(udp4(100));
    EXPECT_TRUE(cut(packet, 27).empty());
    EXPECT_EQ(cut(packet, 28).size(), 14U);
    EXPECT_TRUE(cut(ip_packet_of(udp6(100)), 55).empty());
    EXPECT_EQ(cut(ip_packet_of(udp6(100)), 56).size(), 14U);
    // A header and nothing behind it.
    EXPECT_TRUE(cut(Frame(packet.begin(), packet.begin() + 20), 28).empty());
    // A fragment that is not the last, and not of whole units of eight bytes.
    const Frame odd = ip_packet_of(PacketBuilder()
                                       .ipv4("192.0.2.1", "192.0.2.2")
                                       .ip_protocol(17)
                                       .more_fragments()
                                       .payload_size(101)
                                       .build());
    EXPECT_TRUE(cut(odd, 60).empty());
}

}  // namespace
}  // namespace director::dataplane
