// What is written is read again, by our own reader and by tshark where that is installed.
#include "diagnostics/files/pcapng_writer.h"

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>

#include <gtest/gtest.h>

#include "diagnostics/files/capture_file.h"
#include "tests/support/packet_builder.h"

namespace director::diagnostics {
namespace {

[[nodiscard]] std::string output_of(const std::string& command) {
    struct Closer {
        void operator()(std::FILE* pipe) const { ::pclose(pipe); }
    };
    const std::unique_ptr<std::FILE, Closer> pipe(::popen(command.c_str(), "r"));
    std::string text;
    std::array<char, 4096> part{};
    while (pipe != nullptr) {
        const size_t got = std::fread(part.data(), 1, part.size(), pipe.get());
        if (got == 0) {
            break;
        }
        text.append(part.data(), got);
    }
    return text;
}

class PcapngWriterTest : public testing::Test {
  protected:
    PcapngWriterTest()
        : path_(testing::TempDir() + "/written.pcapng"),
          frame_(test::PacketBuilder()
                     .ipv4("192.0.2.1", "192.0.2.2")
                     .tcp(4000, 80)
                     .payload("x")
                     .build()) {}
    ~PcapngWriterTest() override { std::filesystem::remove(path_); }
    PcapngWriterTest(const PcapngWriterTest&) = delete;
    PcapngWriterTest& operator=(const PcapngWriterTest&) = delete;

    [[nodiscard]] Packet packet(int64_t time_ns, size_t skipped = 0, size_t cut = 0) const {
        Packet made;
        made.time_ns = time_ns;
        made.bytes = std::span(frame_).subspan(skipped);
        made.wire_bytes = static_cast<uint32_t>(made.bytes.size());
        made.bytes = made.bytes.first(made.bytes.size() - cut);
        return made;
    }
    void write_two_sides() {
        auto writer = PcapngWriter::open(path_, "Director");
        ASSERT_TRUE(writer);
        const uint32_t client = writer->add_interface("client", "in front", LinkType::kEthernet);
        const uint32_t server = writer->add_interface("server", "", LinkType::kRaw, 64);
        writer->write(client, packet(1'700'000'000'123'456'789), "connection 7, to the server");
        writer->write(server, packet(1'700'000'000'123'456'999, 14, 1));
        EXPECT_EQ(writer->packets_written(), 2U);
        ASSERT_TRUE(writer->close());
    }

    std::string path_;
    test::Frame frame_;
};

TEST_F(PcapngWriterTest, IsReadAgain) {
    write_two_sides();
    auto file = CaptureFile::open(path_);
    ASSERT_TRUE(file) << file.error().message;
    const Packet* first = file->next();
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(first->time_ns, 1'700'000'000'123'456'789);
    EXPECT_EQ(test::Frame(first->bytes.begin(), first->bytes.end()), frame_);
    EXPECT_EQ(first->point, 0U);
    const Packet* second = file->next();
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(second->time_ns, 1'700'000'000'123'456'999);
    EXPECT_EQ(second->link, LinkType::kRaw);
    EXPECT_EQ(second->bytes.size() + 1, second->wire_bytes);
    EXPECT_EQ(second->point, 1U);
    EXPECT_EQ(file->next(), nullptr);
    EXPECT_FALSE(file->fault());
    EXPECT_EQ(file->points()[0].name, "client");
    EXPECT_EQ(file->points()[0].description, "in front");
    EXPECT_EQ(file->points()[1].snap_length, 64U);
}

TEST_F(PcapngWriterTest, TsharkReadsIt) {
    if (std::system("command -v tshark > /dev/null 2>&1") != 0) {
        GTEST_SKIP() << "tshark is not installed";
    }
    write_two_sides();
    const std::string text =
        output_of("tshark -n -r " + path_ +
                  " -T fields -e frame.interface_name -e frame.time_epoch -e frame.comment"
                  " -e frame.len -e frame.cap_len -e tcp.dstport 2>/dev/null");
    EXPECT_EQ(text,
              "client\t1700000000.123456789\tconnection 7, to the server\t55\t55\t80\n"
              "server\t1700000000.123456999\t\t41\t40\t80\n");
}

TEST_F(PcapngWriterTest, AFullDiskIsTold) {
    auto writer = PcapngWriter::open("/dev/full", "Director");
    ASSERT_TRUE(writer);
    const uint32_t interface = writer->add_interface("a", "", LinkType::kEthernet);
    for (int i = 0; i < 1000; ++i) {
        writer->write(interface, packet(i));
    }
    const auto closed = writer->close();
    ASSERT_FALSE(closed);
    EXPECT_EQ(closed.error().message, "/dev/full: No space left on device");
}

TEST_F(PcapngWriterTest, WhereNothingCanBeWritten) {
    EXPECT_FALSE(PcapngWriter::open("/nonexistent/file.pcapng", "Director"));
}

}  // namespace
}  // namespace director::diagnostics
