// Fragments brought to the flow of their datagram, what is wrong with them, and the transport's
// checksum over all: by captures whose reassembled checksums tshark told, and by hand.
#include "diagnostics/ip/fragment_follower.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include <gtest/gtest.h>

#include "common/random.h"
#include "diagnostics/files/capture_file.h"
#include "diagnostics/ip/ip_analysis.h"
#include "diagnostics/packet/decode.h"
#include "tests/support/packet_builder.h"
#include "tests/support/pcap_file.h"

namespace director::diagnostics {
namespace {

using test::Frame;
using test::PacketBuilder;

struct Taken {
    uint64_t number;
    uint16_t source_port;
    uint16_t destination_port;
    FragmentFinding finding;
};

class Recorder : public FragmentSink {
  public:
    void take(const Packet& packet, const Headers& headers, const FragmentFinding& f) override {
        // Spans of held packets have moved with them.
        EXPECT_TRUE(headers.payload.empty() || (headers.payload.data() >= packet.bytes.data() &&
                                                headers.payload.data() + headers.payload.size() <=
                                                    packet.bytes.data() + packet.bytes.size()));
        taken.push_back({packet.number, headers.source_port, headers.destination_port, f});
    }
    void see_unfinished(const Headers& headers) override {
        unfinished.push_back(headers.ip.identification);
    }
    [[nodiscard]] std::vector<uint64_t> numbers() const {
        std::vector<uint64_t> all;
        for (const Taken& each : taken) {
            all.push_back(each.number);
        }
        return all;
    }

    std::vector<Taken> taken;
    std::vector<uint32_t> unfinished;
};

class Lab {
  public:
    explicit Lab(const FragmentSettings& settings = {}) : follower(settings) {}

    void follow(const Frame& frame, int64_t time_ns = 0, uint32_t point = 0) {
        // On the heap, freed at once: a follower that keeps a span is found by a sanitizer.
        const Frame copy(frame.begin(), frame.end());
        Packet packet;
        packet.number = ++number_;
        packet.time_ns = time_ns;
        packet.point = point;
        packet.bytes = copy;
        packet.wire_bytes = static_cast<uint32_t>(copy.size());
        follower.follow(packet, decode(packet), recorder);
    }
    [[nodiscard]] uint16_t last_flags() const { return recorder.taken.back().finding.flags; }

    FragmentFollower follower;
    Recorder recorder;

  private:
    uint64_t number_ = 0;
};

// A TCP segment with `payload_bytes`, cut into fragments of `fragment_bytes`.
[[nodiscard]] std::vector<Frame> fragments(PacketBuilder whole,
                                           size_t fragment_bytes,
                                           uint16_t id) {
    const Frame frame = whole.build();
    std::vector<Frame> parts;
    const Frame l4(frame.begin() + 34, frame.end());
    for (size_t at = 0; at < l4.size(); at += fragment_bytes) {
        const size_t bytes = std::min(fragment_bytes, l4.size() - at);
        PacketBuilder part = PacketBuilder()
                                 .ipv4("192.0.2.1", "192.0.2.2")
                                 .ip_protocol(frame[23])
                                 .ip_id(id)
                                 .fragment_offset(static_cast<uint16_t>(at))
                                 .payload(std::span(l4).subspan(at, bytes));
        if (at + bytes < l4.size()) {
            part.more_fragments();
        }
        parts.push_back(part.build());
    }
    return parts;
}

[[nodiscard]] PacketBuilder datagram() {
    return PacketBuilder().ipv4("192.0.2.1", "192.0.2.2");
}

TEST(FragmentFollower, InOrder) {
    Lab lab;
    for (const Frame& part : fragments(datagram().tcp(4000, 80).payload_size(1000), 400, 7)) {
        lab.follow(part);
    }
    ASSERT_EQ(lab.recorder.numbers(), (std::vector<uint64_t>{1, 2, 3}));
    for (const Taken& each : lab.recorder.taken) {
        EXPECT_EQ(each.source_port, 4000);
        EXPECT_EQ(each.destination_port, 80);
        EXPECT_EQ(each.finding.flags, 0);
        EXPECT_FALSE(each.finding.was_held);
        EXPECT_EQ(each.finding.layer4, Layer4::kTcp);
    }
    EXPECT_TRUE(lab.recorder.taken[2].finding.is_whole);
    EXPECT_EQ(lab.recorder.taken[2].finding.datagram_bytes, 1020U);
    EXPECT_EQ(lab.recorder.taken[2].finding.reassembled.verdict, ChecksumVerdict::kGood);
    lab.follower.finish(lab.recorder);
    EXPECT_TRUE(lab.recorder.unfinished.empty());
}

TEST(FragmentFollower, LaterOnesThatComeFirstWaitForTheirPorts) {
    const auto parts = fragments(datagram().udp(53, 5353).payload_size(1000), 304, 7);
    ASSERT_EQ(parts.size(), 4U);
    std::array<size_t, 4> order = {0, 1, 2, 3};
    int orders = 0;
    do {
        Lab lab;
        for (const size_t place : order) {
            lab.follow(parts[place]);
        }
        ASSERT_EQ(lab.recorder.taken.size(), 4U);
        // In the order in which they came, once the first is there.
        EXPECT_TRUE(
            std::is_sorted(lab.recorder.taken.begin(),
                           lab.recorder.taken.end(),
                           [](const Taken& a, const Taken& b) { return a.number < b.number; }));
        int whole = 0;
        for (const Taken& each : lab.recorder.taken) {
            EXPECT_EQ(each.destination_port, 5353);
            whole += each.finding.is_whole ? 1 : 0;
            if (each.finding.is_whole) {
                EXPECT_EQ(each.finding.reassembled.verdict, ChecksumVerdict::kGood);
            }
        }
        EXPECT_EQ(whole, 1);
        EXPECT_EQ(lab.follower.held_packets(), 0U);
        EXPECT_EQ(lab.follower.held_bytes(), 0U);
        ++orders;
    } while (std::next_permutation(order.begin(), order.end()));
    EXPECT_EQ(orders, 24);
}

TEST(FragmentFollower, AWrongChecksumIsFoundInTheWhole) {
    for (PacketBuilder each : {datagram().tcp(1, 2).payload_size(701),
                               datagram().udp(1, 2).payload_size(701),
                               datagram().sctp(1, 2).payload_size(704),
                               datagram().icmp_echo(1, 2).payload_size(701)}) {
        Lab good;
        for (const Frame& part : fragments(each, 128, 9)) {
            good.follow(part);
        }
        EXPECT_EQ(good.recorder.taken.back().finding.reassembled.verdict, ChecksumVerdict::kGood);
        Lab bad;
        for (const Frame& part : fragments(each.bad_l4_checksum(), 128, 9)) {
            bad.follow(part);
        }
        EXPECT_EQ(bad.recorder.taken.back().finding.reassembled.verdict, ChecksumVerdict::kBad);
    }
}

[[nodiscard]] Frame later(uint16_t offset, size_t bytes, bool has_more, uint16_t id = 7) {
    PacketBuilder part =
        datagram().ip_protocol(17).ip_id(id).fragment_offset(offset).payload_size(bytes);
    return (has_more ? part.more_fragments() : part).build();
}
[[nodiscard]] Frame first(size_t bytes = 392, uint16_t id = 7, uint16_t port = 1) {
    return datagram()
        .udp(port, 2)
        .udp_length(4000)
        .ip_id(id)
        .more_fragments()
        .payload_size(bytes)
        .build();
}

TEST(FragmentFollower, EveryAnomaly) {
    struct Row {
        const char* what;
        Frame frame;
        uint16_t flags;
    };
    for (const Row& row :
         {Row{"as it should be", later(400, 800, true), 0},
          // The whole is shorter than UDP says.
          Row{"a short last one", later(400, 1, false), kIpUdpLength},
          Row{"below minimum", later(400, 40, true), kIpFragmentSmall},
          Row{"out of range", later(65528, 40, false), kIpFragmentOutOfRange | kIpFragmentSequence},
          Row{"no multiple of 8", later(400, 801, true), kIpFragmentPosition},
          Row{"overlap", later(392, 800, true), kIpFragmentPosition},
          Row{"a gap", later(408, 800, true), kIpFragmentSequence},
          Row{"the end within", later(200, 100, false), kIpFragmentPosition}}) {
        Lab lab;
        lab.follow(first());
        EXPECT_EQ(lab.last_flags(), 0) << row.what;
        lab.follow(row.frame);
        EXPECT_EQ(lab.last_flags(), row.flags) << row.what;
    }
}

TEST(FragmentFollower, BehindTheEndAndAnotherEnd) {
    Lab lab;
    lab.follow(first());
    lab.follow(later(1200, 100, false));
    lab.follow(later(1304, 800, true));
    EXPECT_NE(lab.last_flags() & kIpFragmentPosition, 0);
    lab.follow(later(1104, 40, false));
    EXPECT_NE(lab.last_flags() & kIpFragmentPosition, 0);
}

// The same fragment twice changes nothing: it is flagged, and the sum is taken once.
TEST(FragmentFollower, CopiesAreNotCountedTwice) {
    Lab lab;
    const auto parts = fragments(datagram().tcp(1, 2).payload_size(1000), 400, 7);
    for (const size_t i : {0U, 0U, 1U, 1U, 2U, 2U, 0U}) {
        lab.follow(parts[i]);
    }
    std::vector<uint16_t> flags;
    int whole = 0;
    for (const Taken& each : lab.recorder.taken) {
        flags.push_back(each.finding.flags);
        if (each.finding.is_whole) {
            ++whole;
            EXPECT_EQ(each.finding.reassembled.verdict, ChecksumVerdict::kGood);
        }
    }
    // The last is another datagram's beginning, as far as can be told.
    EXPECT_EQ(flags, (std::vector<uint16_t>{0, 0x100, 0, 0x100, 0, 0x100, 0}));
    EXPECT_EQ(whole, 1);
}

TEST(FragmentFollower, OverlapsAreNotVerified) {
    Lab lab;
    const auto parts = fragments(datagram().tcp(1, 2).payload_size(780), 400, 7);
    lab.follow(parts[0]);
    lab.follow(later(200, 400, true));
    // (The protocol is UDP's there: another datagram. The same number and TCP:)
    Frame overlap = datagram()
                        .ip_protocol(6)
                        .ip_id(7)
                        .fragment_offset(200)
                        .more_fragments()
                        .payload_size(400)
                        .build();
    lab.follow(overlap);
    lab.follow(parts[1]);
    EXPECT_TRUE(lab.recorder.taken.back().finding.is_whole);
    EXPECT_EQ(lab.recorder.taken.back().finding.reassembled.verdict, ChecksumVerdict::kUnverified);
}

TEST(FragmentFollower, ANumberUsedAgainIsAnotherDatagram) {
    Lab lab;
    lab.follow(first(392, 7, 1));
    lab.follow(first(392, 7, 9));
    EXPECT_NE(lab.last_flags() & kIpFragmentSequence, 0);
    lab.follow(later(400, 10, true));
    EXPECT_EQ(lab.recorder.taken.back().source_port, 9);
    EXPECT_EQ(lab.recorder.unfinished.size(), 1U);
}

TEST(FragmentFollower, PointsAreApart) {
    Lab lab;
    for (const Frame& part : fragments(datagram().tcp(1, 2).payload_size(700), 400, 7)) {
        lab.follow(part, 0, 0);
        lab.follow(part, 0, 1);
    }
    ASSERT_EQ(lab.recorder.taken.size(), 4U);
    for (const Taken& each : lab.recorder.taken) {
        EXPECT_EQ(each.finding.flags, 0);
    }
}

TEST(FragmentFollower, WhatWaitsTooLongGoesWithoutPorts) {
    Lab lab;
    lab.follow(later(400, 100, true), 0);
    EXPECT_TRUE(lab.recorder.taken.empty());
    lab.follower.expire(29'999'999'999, lab.recorder);
    EXPECT_TRUE(lab.recorder.taken.empty());
    lab.follower.expire(30'000'000'000, lab.recorder);
    ASSERT_EQ(lab.recorder.taken.size(), 1U);
    EXPECT_FALSE(lab.recorder.taken[0].finding.has_ports);
    EXPECT_EQ(lab.recorder.taken[0].source_port, 0);
    EXPECT_EQ(lab.recorder.unfinished, (std::vector<uint32_t>{7}));
    EXPECT_EQ(lab.follower.datagrams(), 0U);
}

TEST(FragmentFollower, NeverMoreThanItMayHold) {
    FragmentSettings settings;
    settings.datagrams_max = 8;
    settings.held_packets_max = 20;
    settings.held_bytes_max = 4000;
    Lab lab(settings);
    Random random(5);
    const int count = 20'000;
    for (int64_t i = 0; i < count; ++i) {
        const auto id = static_cast<uint16_t>(random.below(30));
        const auto offset = static_cast<uint16_t>(random.below(60) * 8);
        const Frame frame = offset == 0
                                ? first(random.below(300), id)
                                : later(offset, random.below(300), random.below(4) != 0, id);
        lab.follow(frame, i * 1'000'000);
        ASSERT_LE(lab.follower.datagrams(), 8U);
        ASSERT_LE(lab.follower.held_packets(), 20U);
        ASSERT_LE(lab.follower.held_bytes(), 4000U);
    }
    lab.follower.finish(lab.recorder);
    // Each packet is told of, once.
    auto numbers = lab.recorder.numbers();
    std::sort(numbers.begin(), numbers.end());
    ASSERT_EQ(numbers.size(), static_cast<size_t>(count));
    EXPECT_EQ(std::unique(numbers.begin(), numbers.end()), numbers.end());
    EXPECT_EQ(lab.follower.held_packets(), 0U);
}

[[nodiscard]] Recorder follow_capture(const std::string& name) {
    auto file = CaptureFile::open(test::test_data("captures/" + name));
    EXPECT_TRUE(file) << name;
    FragmentFollower follower;
    Recorder recorder;
    while (const Packet* packet = file->next()) {
        const Headers headers = decode(*packet);
        if (headers.ip.is_fragment) {
            follower.follow(*packet, headers, recorder);
        }
    }
    follower.finish(recorder);
    return recorder;
}

// The tutorial's frag.pcap, flow 4: its table prints 0x5f52 and a checksum error; the right sum is
// 0x7366, which is what the header has (docs/diagnostics.md).
TEST(FragmentFollower, TheTutorialsExampleIsRight) {
    const Recorder recorder = follow_capture("t2-frag-flow4.pcap");
    ASSERT_EQ(recorder.taken.size(), 26U);
    for (const Taken& each : recorder.taken) {
        EXPECT_EQ(each.source_port, 1509);
        EXPECT_EQ(each.destination_port, 0);
        EXPECT_EQ(each.finding.flags, 0);
    }
    const FragmentFinding& last = recorder.taken.back().finding;
    EXPECT_TRUE(last.is_whole);
    EXPECT_EQ(last.datagram_bytes, 10'020U);
    EXPECT_EQ(last.reassembled.computed, 0x7366U);
    EXPECT_EQ(last.reassembled.verdict, ChecksumVerdict::kGood);
}

// Frames in which tshark puts a datagram together, with the checksum that it finds right there.
TEST(FragmentFollower, WholeWhereTsharkSaysSo) {
    struct Row {
        const char* file;
        std::vector<std::pair<uint64_t, uint32_t>> whole;
        uint16_t flags;  // of all together
    };
    for (const Row& row :
         {Row{"frag/ip4_fragments.pcap",
              {{6, 0x85f6}, {12, 0xd444}, {18, 0xc1e9}, {28, 0x852c}, {40, 0x9c39}, {53, 0x9de4}},
              kIpFragmentPosition},
          Row{"frag/ip6_fragments.pcap",
              {{7, 0xf77b}, {20, 0x4dd4}, {29, 0xf184}, {36, 0x0e3d}},
              kIpUdpLength},
          Row{"frag/frag_with_padding.pcap", {{8, 0xcf11}}, kIpFragmentSequence | kIpFragmentSmall},
          Row{"frag/fragmented-syn.pcap", {{2, 0xc573}}, kIpFragmentSmall},
          Row{"ipopt/ipv6_opt_fragments.pcap", {{4, 0x7916}}, 0}}) {
        std::vector<std::pair<uint64_t, uint32_t>> whole;
        uint16_t flags = 0;
        for (const Taken& each : follow_capture(row.file).taken) {
            flags |= each.finding.flags;
            EXPECT_TRUE(each.finding.has_ports) << row.file;
            if (each.finding.is_whole) {
                whole.emplace_back(each.number, each.finding.reassembled.computed);
                EXPECT_EQ(each.finding.reassembled.verdict, ChecksumVerdict::kGood) << row.file;
            }
        }
        EXPECT_EQ(whole, row.whole) << row.file;
        EXPECT_EQ(flags, row.flags) << row.file;
    }
}

TEST(FragmentFollower, NotFinished) {
    EXPECT_EQ(follow_capture("frag/fragmented-3.pcap").unfinished.size(), 1U);
    const Recorder attack = follow_capture("frag/fragmented-1.pcap");
    EXPECT_EQ(attack.unfinished.size(), 2U);
    // 18 bytes and more to come; a gap; then another first one over both.
    EXPECT_EQ(attack.taken[0].finding.flags, kIpFragmentSmall | kIpFragmentPosition);
    EXPECT_EQ(attack.taken[1].finding.flags, kIpFragmentSequence);
    EXPECT_EQ(attack.taken[2].finding.flags & kIpFragmentPosition, kIpFragmentPosition);
}

}  // namespace
}  // namespace director::diagnostics
