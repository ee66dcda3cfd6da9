// The frames of the LVS report (tests/data/pcaps/how-made.md) through the whole packet path: what
// the report saw on one side of its director must come out of ours when the other side's frames go
// in, to the byte in IP and TCP headers and checksums.
//
// The report's director did not decrement the TTL towards the server (128 stayed 128) but did
// towards the client (64 became 63). Ours treats both ways alike, so one direction equals the
// print exactly and the other differs by exactly that decrement: which one depends on the setting.
#include <fmt/format.h>

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/support/frame_assertions.h"
#include "tests/support/nat_lab.h"
#include "tests/support/pcap_file.h"
#include "tests/support/worker_fleet.h"

namespace director::test {
namespace {

using dataplane::PortId;
using dataplane::Verdict;
using nat_lab::at;

enum class Side : uint8_t { kClient, kServer };

// A frame of the report that the director received, and the one that it sent on for it.
struct Pair {
    Side received_on;
    Frame received;
    Frame sent;
};

[[nodiscard]] std::vector<Frame> read_frames(std::string_view name) {
    std::vector<Frame> frames;
    const auto captured = read_pcap_file(test_data(name));
    for (const CapturedFrame& frame : captured.value()) {
        frames.push_back(frame.bytes);
    }
    return frames;
}

// The ten pairs by the frames' numbers in the report, in the order of the director's work. Its own
// number is a frame's place in the capture of all 24.
[[nodiscard]] std::vector<Pair> report_pairs() {
    const std::vector<Frame> all = read_frames("pcaps/lvs-nat-24-frames.pcap");
    const std::vector<Frame> client_side = read_frames("pcaps/lvs-nat-client-side.pcap");
    const std::vector<Frame> server_side = read_frames("pcaps/lvs-nat-server-side.pcap");
    EXPECT_EQ(all.size(), 24U);
    EXPECT_EQ(client_side.size() + server_side.size(), 24U);
    const auto on_side = [&](size_t number, const std::vector<Frame>& side) {
        const Frame& frame = all.at(number - 1);
        EXPECT_EQ(std::count(side.begin(), side.end(), frame), 1) << "frame " << number;
        return frame;
    };
    struct Numbers {
        Side received_on;
        size_t received;
        size_t sent;
    };
    std::vector<Pair> pairs;
    for (const Numbers& n : {Numbers{Side::kClient, 3, 6},
                             {Side::kServer, 7, 8},
                             {Side::kClient, 9, 10},
                             {Side::kClient, 11, 12},
                             {Side::kServer, 13, 14},
                             {Side::kServer, 15, 16},
                             {Side::kServer, 17, 18},
                             {Side::kClient, 19, 20},
                             {Side::kClient, 21, 22},
                             {Side::kServer, 23, 24}}) {
        const bool from_client = n.received_on == Side::kClient;
        pairs.push_back({n.received_on,
                         on_side(n.received, from_client ? client_side : server_side),
                         on_side(n.sent, from_client ? server_side : client_side)});
    }
    return pairs;
}

// Ethernet header and IP packet, without the Ethernet padding (the report's server sent none, every
// other machine's card padded to 60 bytes).
[[nodiscard]] Frame without_padding(const Frame& frame) {
    const DecodedFrame decoded = decode(frame);
    EXPECT_TRUE(decoded.ipv4);
    EXPECT_TRUE(std::all_of(frame.end() - static_cast<ptrdiff_t>(decoded.padding_bytes),
                            frame.end(),
                            [](uint8_t byte) { return byte == 0; }));
    return Frame(frame.begin(), frame.end() - static_cast<ptrdiff_t>(decoded.padding_bytes));
}

[[nodiscard]] uint16_t ip_checksum(const Frame& frame) {
    return decode(frame).ipv4->checksum;
}

// a + b in one's complement.
[[nodiscard]] uint16_t plus(uint16_t a, uint16_t b) {
    const uint32_t sum = uint32_t{a} + b;
    return static_cast<uint16_t>((sum & 0xffff) + (sum >> 16));
}

constexpr size_t kTtlOffset = 14 + 8;
constexpr size_t kChecksumOffset = 14 + 10;

// `frame` with another TTL and IP checksum: what is left to compare after these two are accounted
// for.
[[nodiscard]] Frame with_ttl(Frame frame, uint8_t ttl, uint16_t checksum) {
    frame.at(kTtlOffset) = ttl;
    frame.at(kChecksumOffset) = static_cast<uint8_t>(checksum >> 8);
    frame.at(kChecksumOffset + 1) = static_cast<uint8_t>(checksum);
    return frame;
}

struct Parameters {
    uint16_t workers;
    uint32_t burst;
};

// What each side said in a row, as one send: an answer is not in the burst of what it answers.
[[nodiscard]] std::vector<std::vector<FrameIn>> turns(const std::vector<Pair>& pairs) {
    std::vector<std::vector<FrameIn>> out;
    for (size_t i = 0; i < pairs.size(); ++i) {
        if (i == 0 || pairs[i].received_on != pairs[i - 1].received_on) {
            out.emplace_back();
        }
        const bool from_client = pairs[i].received_on == Side::kClient;
        out.back().push_back(
            {from_client ? nat_lab::kOutside : nat_lab::kInside, pairs[i].received});
    }
    return out;
}

class LvsNatReport : public ::testing::TestWithParam<Parameters> {
  protected:
    // Everything that the director sent on, in the order of the pairs.
    std::vector<Frame> drive(const std::vector<Pair>& pairs, bool decrement_ttl) {
        FleetSettings settings{.workers = GetParam().workers, .burst = GetParam().burst};
        settings.worker.decrement_ttl = decrement_ttl;
        WorkerFleet fleet(settings);
        nat_lab::configure(fleet);
        const dataplane::ServiceId service =
            fleet.put_service(nat_lab::kHttp, "rr", {{at(nat_lab::kServer108, 80)}});
        std::vector<Frame> sent;
        for (const std::vector<FrameIn>& turn : turns(pairs)) {
            for (const Outcome& outcome : fleet.send(turn)) {
                EXPECT_EQ(outcome.verdict, Verdict::kForward) << describe(outcome.bytes);
                EXPECT_NE(outcome.out_port, outcome.in_port);
                EXPECT_TRUE(has_good_checksums(outcome.bytes));
                sent.push_back(outcome.bytes);
            }
        }
        const dataplane::ServerCounters counted =
            fleet.server_counters(service, at(nat_lab::kServer108, 80));
        EXPECT_EQ(counted.connections, 1U);
        EXPECT_EQ(counted.packets_in, 5U);
        EXPECT_EQ(counted.packets_out, 5U);
        // Both sides said FIN: out of the active states, and gone after TIME_WAIT.
        EXPECT_EQ(counted.inactive, 1U);
        fleet.run_for(std::chrono::seconds(121));
        EXPECT_EQ(fleet.connections().size(), 0U);
        fleet.check_gauges();
        return sent;
    }
};

TEST_P(LvsNatReport, TowardsTheClientEqualsThePrint) {
    const std::vector<Pair> pairs = report_pairs();
    const std::vector<Frame> sent = drive(pairs, true);
    for (size_t i = 0; i < pairs.size(); ++i) {
        if (pairs[i].received_on == Side::kServer) {
            EXPECT_TRUE(same_frame(without_padding(pairs[i].sent), sent[i]));
        }
    }
}

TEST_P(LvsNatReport, TowardsTheServerDiffersByTheDecrementAlone) {
    const std::vector<Pair> pairs = report_pairs();
    const std::vector<Frame> sent = drive(pairs, true);
    for (size_t i = 0; i < pairs.size(); ++i) {
        if (pairs[i].received_on != Side::kClient) {
            continue;
        }
        EXPECT_EQ(decode(pairs[i].sent).ipv4->ttl, 128);
        EXPECT_EQ(decode(sent[i]).ipv4->ttl, 127);
        // The TTL is the high byte of its word: one less there is 0x0100 more in the checksum.
        EXPECT_EQ(ip_checksum(sent[i]), plus(ip_checksum(pairs[i].sent), 0x0100));
        EXPECT_TRUE(same_frame(pairs[i].sent, with_ttl(sent[i], 128, ip_checksum(pairs[i].sent))));
    }
}

TEST_P(LvsNatReport, TowardsTheServerEqualsThePrintWithTtlHandlingOff) {
    const std::vector<Pair> pairs = report_pairs();
    const std::vector<Frame> sent = drive(pairs, false);
    for (size_t i = 0; i < pairs.size(); ++i) {
        if (pairs[i].received_on == Side::kClient) {
            EXPECT_TRUE(same_frame(pairs[i].sent, sent[i]));
        }
    }
}

TEST_P(LvsNatReport, TowardsTheClientLacksTheDecrementWithTtlHandlingOff) {
    const std::vector<Pair> pairs = report_pairs();
    const std::vector<Frame> sent = drive(pairs, false);
    for (size_t i = 0; i < pairs.size(); ++i) {
        if (pairs[i].received_on != Side::kServer) {
            continue;
        }
        EXPECT_EQ(decode(pairs[i].sent).ipv4->ttl, 63);
        EXPECT_EQ(decode(sent[i]).ipv4->ttl, 64);
        EXPECT_EQ(plus(ip_checksum(sent[i]), 0x0100), ip_checksum(pairs[i].sent));
        EXPECT_TRUE(same_frame(without_padding(pairs[i].sent),
                               with_ttl(sent[i], 63, ip_checksum(pairs[i].sent))));
    }
}

// The report's own arithmetic (its annex 2): every checksum moves by 25638, the difference of the
// two addresses, in its direction.
TEST_P(LvsNatReport, ChecksumsMoveByTheReportsDifference) {
    const std::vector<Pair> pairs = report_pairs();
    const std::vector<Frame> sent = drive(pairs, false);
    for (size_t i = 0; i < pairs.size(); ++i) {
        const bool to_server = pairs[i].received_on == Side::kClient;
        const DecodedFrame before = decode(pairs[i].received);
        const DecodedFrame after = decode(sent[i]);
        const DecodedFrame& low = to_server ? before : after;
        const DecodedFrame& high = to_server ? after : before;
        EXPECT_EQ(plus(low.ipv4->checksum, 25638), high.ipv4->checksum);
        EXPECT_EQ(plus(low.tcp->checksum, 25638), high.tcp->checksum);
    }
}

// The ARP frames of the captures are the kernel's.
TEST_P(LvsNatReport, ArpIsPunted) {
    WorkerFleet fleet({.workers = GetParam().workers, .burst = GetParam().burst});
    nat_lab::configure(fleet);
    size_t punted = 0;
    for (const std::string_view side : {"client", "server"}) {
        for (const Frame& frame : read_frames(fmt::format("pcaps/lvs-nat-{}-side.pcap", side))) {
            const DecodedFrame decoded = decode(frame);
            if (decoded.arp && decoded.ethernet->source != nat_lab::kDirectorMac) {
                const PortId port = side == "client" ? nat_lab::kOutside : nat_lab::kInside;
                EXPECT_EQ(fleet.send_one(port, frame).verdict, Verdict::kPunt);
                ++punted;
            }
        }
    }
    EXPECT_EQ(punted, 2U);
}

INSTANTIATE_TEST_SUITE_P(
    Workers,
    LvsNatReport,
    ::testing::Values(Parameters{1, 1}, Parameters{1, 32}, Parameters{2, 1}, Parameters{4, 32}),
    [](const auto& tested) {
        return fmt::format("{}Burst{}", tested.param.workers, tested.param.burst);
    });

}  // namespace
}  // namespace director::test
