// Captures in every format and byte order that is read, made by hand; what is damaged tells so, and
// what came before stays.
#include "diagnostics/files/capture_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"
#include "tests/support/pcap_file.h"
#include "tests/unit/diagnostics/files/capture_bytes.h"

namespace director::diagnostics {
namespace {

constexpr uint32_t kMicroseconds = 0xa1b2c3d4;
constexpr uint32_t kNanoseconds = 0xa1b23c4d;

struct Seen {
    uint64_t number;
    int64_t time_ns;
    uint32_t point;
    LinkType link;
    Bytes bytes;
    uint32_t wire_bytes;
};

struct Contents {
    std::vector<Seen> packets;
    std::string fault;
};

[[nodiscard]] Contents read_all(CaptureFile& file) {
    Contents contents;
    while (const Packet* packet = file.next()) {
        contents.packets.push_back({packet->number,
                                    packet->time_ns,
                                    packet->point,
                                    packet->link,
                                    {packet->bytes.begin(), packet->bytes.end()},
                                    packet->wire_bytes});
    }
    contents.fault = file.fault() ? file.fault()->message : "";
    return contents;
}

[[nodiscard]] Contents read_bytes(const Bytes& bytes, const std::string& filter = "") {
    auto file = CaptureFile::open_memory(bytes, "test", filter);
    return file ? read_all(*file) : Contents{{}, file.error().message};
}

TEST(CaptureFile, PcapInBothOrdersAndUnits) {
    for (const Order order : {Order::kLittle, Order::kBig}) {
        for (const uint32_t magic : {kMicroseconds, kNanoseconds}) {
            CaptureBytes made(order);
            made.pcap_header(magic, 101)
                .record(1'700'000'000, 123, {1, 2, 3}, 60)
                .record(1'700'000'001, 999'999, {}, 0);
            const Contents read = read_bytes(made.bytes);
            EXPECT_EQ(read.fault, "");
            ASSERT_EQ(read.packets.size(), 2U);
            const int64_t tick = magic == kNanoseconds ? 1 : 1000;
            EXPECT_EQ(read.packets[0].time_ns, 1'700'000'000'000'000'000 + 123 * tick);
            EXPECT_EQ(read.packets[1].time_ns, 1'700'000'001'000'000'000 + 999'999 * tick);
            EXPECT_EQ(read.packets[0].bytes, (Bytes{1, 2, 3}));
            EXPECT_EQ(read.packets[0].wire_bytes, 60U);
            EXPECT_EQ(read.packets[0].link, LinkType::kRaw);
            EXPECT_EQ(read.packets[1].number, 2U);
        }
    }
}

// The frame check sequence's length lies above the link type.
TEST(CaptureFile, PcapLinkTypeWithoutItsUpperBits) {
    CaptureBytes made(Order::kLittle);
    made.pcap_header(kMicroseconds, 0x50000001).record(1, 0, {1}, 1);
    EXPECT_EQ(read_bytes(made.bytes).packets.at(0).link, LinkType::kEthernet);
}

[[nodiscard]] Bytes two_interfaces(Order order) {
    CaptureBytes options(order);
    options.option(2, {'e', 't', 'h', '0'}).option(9, {9}).u32(0);
    CaptureBytes made(order);
    made.section()
        .interface(1, options.bytes, 96)
        .interface(101)
        .packet(0, 1'700'000'000'000'000'007, {1, 2, 3, 4, 5}, 1500)
        .block(0x0bad, CaptureBytes(order).u32(7))  // somebody's own
        .packet(1, 1'700'000'000'000'008, {6}, 1);
    return made.bytes;
}

TEST(CaptureFile, PcapngInBothOrdersWithSeveralInterfaces) {
    for (const Order order : {Order::kLittle, Order::kBig}) {
        const Bytes bytes = two_interfaces(order);
        auto file = CaptureFile::open_memory(bytes, "test");
        ASSERT_TRUE(file);
        const Contents read = read_all(*file);
        EXPECT_EQ(read.fault, "");
        ASSERT_EQ(read.packets.size(), 2U);
        EXPECT_EQ(read.packets[0].time_ns, 1'700'000'000'000'000'007);
        EXPECT_EQ(read.packets[0].bytes, (Bytes{1, 2, 3, 4, 5}));
        EXPECT_EQ(read.packets[0].wire_bytes, 1500U);
        EXPECT_EQ(read.packets[0].point, 0U);
        EXPECT_EQ(read.packets[1].time_ns, 1'700'000'000'000'008'000);
        EXPECT_EQ(read.packets[1].point, 1U);
        EXPECT_EQ(read.packets[1].link, LinkType::kRaw);
        EXPECT_EQ(read.packets[1].number, 2U);
        EXPECT_EQ(file->points()[0].name, "eth0");
        EXPECT_EQ(file->points()[0].snap_length, 96U);
        EXPECT_EQ(file->points()[1].packets, 1U);
        EXPECT_EQ(file->bytes_read(), bytes.size());
        EXPECT_EQ(file->bytes_total(), bytes.size());
    }
}

TEST(CaptureFile, SectionsNumberTheirInterfacesAnew) {
    Bytes both = two_interfaces(Order::kLittle);
    const Bytes second = two_interfaces(Order::kBig);
    both.insert(both.end(), second.begin(), second.end());
    const Contents read = read_bytes(both);
    EXPECT_EQ(read.fault, "");
    ASSERT_EQ(read.packets.size(), 4U);
    EXPECT_EQ(read.packets[2].point, 2U);
    EXPECT_EQ(read.packets[3].point, 3U);
    EXPECT_EQ(read.packets[3].time_ns, read.packets[1].time_ns);
}

TEST(CaptureFile, TimesInEveryUnit) {
    struct Row {
        Bytes resolution;
        uint64_t ticks;
        int64_t time_ns;
    };
    for (const Row& row : {Row{{0}, 1'700'000'000, 1'700'000'000'000'000'000},
                           Row{{3}, 1'700'000'000'123, 1'700'000'000'123'000'000},
                           Row{{12}, 1'700'000'000'123'456, 1'700'000'000'123},
                           Row{{0x8a}, 1024 + 512, 1'500'000'000},
                           Row{{0xa0}, uint64_t{7} << 32 | 1U << 31, 7'500'000'000}}) {
        CaptureBytes options(Order::kLittle);
        options.option(9, row.resolution);
        CaptureBytes made(Order::kLittle);
        made.section().interface(1, options.bytes).packet(0, row.ticks, {1}, 1);
        const Contents read = read_bytes(made.bytes);
        ASSERT_EQ(read.packets.size(), 1U) << read.fault;
        EXPECT_EQ(read.packets[0].time_ns, row.time_ns) << int{row.resolution[0]};
    }
    // if_tsoffset: seconds to add.
    CaptureBytes options(Order::kLittle);
    options.u16(14).u16(8).u64(100);
    CaptureBytes made(Order::kLittle);
    made.section().interface(1, options.bytes).packet(0, 5, {1}, 1);
    EXPECT_EQ(read_bytes(made.bytes).packets.at(0).time_ns, 100'000'005'000);
    // Units that 64 bits cannot tell.
    CaptureBytes fine(Order::kLittle);
    fine.option(9, {100});
    CaptureBytes odd(Order::kLittle);
    odd.section().interface(1, fine.bytes).packet(0, 5, {1}, 1);
    EXPECT_EQ(read_bytes(odd.bytes).fault,
              "test: interface 0: times in units of 10^-100 cannot be read");
}

TEST(CaptureFile, OlderBlocksAndCounts) {
    CaptureBytes made(Order::kBig);
    made.section()
        .interface(1, {}, 4)
        .block(3, CaptureBytes(Order::kBig).u32(60).padded({1, 2, 3, 4}))
        .block(2,
               CaptureBytes(Order::kBig).u16(0).u16(9).u32(0).u32(7).u32(2).u32(2).padded({5, 6}))
        .block(5,
               CaptureBytes(Order::kBig)
                   .u32(0)
                   .u32(0)
                   .u32(0)
                   .u16(5)
                   .u16(8)
                   .u64(30)
                   .u16(7)
                   .u16(8)
                   .u64(12));
    auto file = CaptureFile::open_memory(made.bytes, "test");
    ASSERT_TRUE(file);
    const Contents read = read_all(*file);
    EXPECT_EQ(read.fault, "");
    ASSERT_EQ(read.packets.size(), 2U);
    EXPECT_EQ(read.packets[0].bytes, (Bytes{1, 2, 3, 4}));  // no further than the snap length
    EXPECT_EQ(read.packets[0].wire_bytes, 60U);
    EXPECT_EQ(read.packets[1].bytes, (Bytes{5, 6}));
    EXPECT_EQ(read.packets[1].time_ns, 7'000);
    EXPECT_EQ(file->points()[0].packets_missed, 42U);
}

// Wherever a file ends, the packets that are whole are read; only an end between two of them (or
// between two blocks) is none to complain about.
void cut_everywhere(const Bytes& whole, size_t header_bytes) {
    const size_t all = read_bytes(whole).packets.size();
    size_t best = 0;
    for (size_t kept = 0; kept < whole.size(); ++kept) {
        const Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(kept));
        const Contents read = read_bytes(cut);
        EXPECT_GE(read.packets.size(), best);
        best = read.packets.size();
        if (kept < header_bytes) {
            EXPECT_NE(read.fault, "") << kept;
        }
        Bytes more = cut;
        more.push_back(0);
        EXPECT_TRUE(!read.fault.empty() || !read_bytes(more).fault.empty()) << kept;
    }
    EXPECT_EQ(best + 1, all);
}

TEST(CaptureFile, CutAnywhere) {
    CaptureBytes made(Order::kLittle);
    made.pcap_header(kMicroseconds, 1).record(1, 2, Bytes(40, 7), 40).record(3, 4, {1, 2}, 2);
    cut_everywhere(made.bytes, 24);
    cut_everywhere(two_interfaces(Order::kBig), 28);
}

TEST(CaptureFile, TheFaultSaysWhere) {
    CaptureBytes made(Order::kLittle);
    made.pcap_header(kMicroseconds, 1).record(1, 2, Bytes(40, 7), 40).record(3, 4, Bytes(9), 9);
    made.bytes.resize(made.bytes.size() - 5);
    const Contents read = read_bytes(made.bytes);
    EXPECT_EQ(read.packets.size(), 1U);
    EXPECT_EQ(read.fault, "test: is cut: behind packet 1, a packet ends after 20 of 25 bytes");
}

TEST(CaptureFile, LengthsThatAreNone) {
    CaptureBytes pcap(Order::kLittle);
    pcap.pcap_header(kMicroseconds, 1).record(1, 2, {1}, 1).u32(1).u32(2).u32(0x7fffffff).u32(3);
    EXPECT_EQ(read_bytes(pcap.bytes).fault,
              "test: packet 2 says that it has 2147483647 bytes: the file is damaged");
    CaptureBytes odd(Order::kLittle);
    odd.section().u32(6).u32(13).u32(0);
    EXPECT_EQ(read_bytes(odd.bytes).fault, "test: a block of 13 bytes: the file is damaged");
    CaptureBytes unknown(Order::kLittle);
    unknown.section().interface(1).packet(1, 0, {1}, 1);
    EXPECT_EQ(read_bytes(unknown.bytes).fault,
              "test: packet 1 is of interface 1, which the file does not describe");
    CaptureBytes longer(Order::kLittle);
    longer.section().interface(1).block(
        6, CaptureBytes(Order::kLittle).u32(0).u32(0).u32(0).u32(100).u32(100).u32(7));
    EXPECT_EQ(read_bytes(longer.bytes).fault,
              "test: packet 1 is longer than its block: the file is damaged");
}

TEST(CaptureFile, WhatIsNoCapture) {
    EXPECT_EQ(read_bytes({}).fault, "test: is empty");
    EXPECT_EQ(read_bytes({'a', 'b'}).fault, "test: is no capture");
    EXPECT_EQ(read_bytes({'P', 'K', 3, 4, 0, 0}).fault,
              "test: is no capture: neither pcap nor pcapng begins with 0x504b0304");
    EXPECT_NE(CaptureFile::open("/nonexistent.pcap").error().message.find("No such file"),
              std::string::npos);
    EXPECT_NE(CaptureFile::open(testing::TempDir()).error().message.find("is a directory"),
              std::string::npos);
}

[[nodiscard]] Bytes tcp_frame(uint16_t port) {
    return test::PacketBuilder().ipv4("192.0.2.1", "192.0.2.2").tcp(4000, port).build();
}

TEST(CaptureFile, FiltersForEachLinkType) {
    const auto without_ethernet = [](const Bytes& frame) {
        return Bytes(frame.begin() + 14, frame.end());
    };
    CaptureBytes made(Order::kLittle);
    made.section()
        .interface(1)
        .interface(101)
        .packet(0, 1, tcp_frame(80), 54)
        .packet(0, 2, tcp_frame(81), 54)
        .packet(1, 3, without_ethernet(tcp_frame(81)), 40)
        .packet(1, 4, without_ethernet(tcp_frame(80)), 40);
    const Contents read = read_bytes(made.bytes, "tcp port 80");
    EXPECT_EQ(read.fault, "");
    ASSERT_EQ(read.packets.size(), 2U);
    // Numbered as in the file.
    EXPECT_EQ(read.packets[0].number, 1U);
    EXPECT_EQ(read.packets[1].number, 4U);
    EXPECT_EQ(read_bytes(made.bytes, "tcp prot 80").fault,
              "test: filter \"tcp prot 80\": can't parse filter expression: syntax error");
}

TEST(CaptureFile, FromAPipe) {
    CaptureBytes made(Order::kLittle);
    made.pcap_header(kMicroseconds, 1);
    for (uint32_t i = 0; i < 100; ++i) {
        made.record(i, 0, Bytes(500, static_cast<uint8_t>(i)), 500);
    }
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    ASSERT_EQ(::write(ends[1], made.bytes.data(), made.bytes.size()),
              static_cast<ssize_t>(made.bytes.size()));  // a pipe holds 64 KiB
    ::close(ends[1]);
    const int before = ::dup(STDIN_FILENO);
    ASSERT_EQ(::dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    ::close(ends[0]);
    auto file = CaptureFile::open("-");
    ASSERT_TRUE(file) << file.error().message;
    const Contents read = read_all(*file);
    ::dup2(before, STDIN_FILENO);
    ::close(before);
    EXPECT_EQ(read.fault, "");
    EXPECT_EQ(read.packets.size(), 100U);
    EXPECT_EQ(file->bytes_total(), 0U);
}

// Longer than the window that is read through, with packets across its edges.
TEST(CaptureFile, LargerThanItsWindow) {
    const std::string path = testing::TempDir() + "/larger.pcap";
    CaptureBytes made(Order::kLittle);
    made.pcap_header(kNanoseconds, 1);
    for (uint32_t i = 0; i < 3000; ++i) {
        made.record(i, 0, Bytes(i, static_cast<uint8_t>(i)), i);
    }
    made.record(1, 1, Bytes(1'000'000, 9), 1'000'000);
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(made.bytes.data()),  // NOLINT: bytes are characters
               static_cast<std::streamsize>(made.bytes.size()));
    auto file = CaptureFile::open(path);
    ASSERT_TRUE(file);
    const Contents read = read_all(*file);
    EXPECT_EQ(read.fault, "");
    ASSERT_EQ(read.packets.size(), 3001U);
    for (uint32_t i = 0; i < 3000; ++i) {
        ASSERT_EQ(read.packets[i].bytes, Bytes(i, static_cast<uint8_t>(i)));
    }
    EXPECT_EQ(read.packets[3000].bytes, Bytes(1'000'000, 9));
    EXPECT_EQ(file->bytes_read(), file->bytes_total());
    std::filesystem::remove(path);
}

}  // namespace
}  // namespace director::diagnostics
