// keepalived's notify FIFOs: lines in order, whoever reads when; nothing waits for a reader.
#include "controlplane/daemon/notify_fifo.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/sim_clock.h"

namespace director::daemon {
namespace {

using test::SimClock;

class NotifyFifoTest : public testing::Test {
  protected:
    NotifyFifoTest() {
        std::string pattern = (std::filesystem::temp_directory_path() / "fifo-XXXXXX").string();
        directory = ::mkdtemp(pattern.data());
    }
    ~NotifyFifoTest() override { std::filesystem::remove_all(directory); }
    [[nodiscard]] std::string path(const std::string& name) const { return directory + "/" + name; }

    // What is in the FIFO now.
    static std::string read(const std::string& fifo) {
        const int fd = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        std::string text;
        std::array<char, 4096> buffer{};
        for (ssize_t count = 0; (count = ::read(fd, buffer.data(), buffer.size())) > 0;) {
            text.append(buffer.data(), static_cast<size_t>(count));
        }
        ::close(fd);
        return text;
    }

    std::string directory;
};

TEST_F(NotifyFifoTest, KeepsLinesForAReaderThatComesLater) {
    auto fifo = NotifyFifo::open(path("a"));
    ASSERT_TRUE(fifo) << fifo.error().message;
    EXPECT_TRUE(std::filesystem::is_fifo(path("a")));
    EXPECT_TRUE(fifo->write("INSTANCE \"VI_1\" BACKUP 150\n"));
    EXPECT_TRUE(fifo->write("INSTANCE \"VI_1\" MASTER 150\n"));
    EXPECT_EQ(read(path("a")), "INSTANCE \"VI_1\" BACKUP 150\nINSTANCE \"VI_1\" MASTER 150\n");
}

TEST_F(NotifyFifoTest, AFullOneLosesWholeLinesAndHoldsNobodyUp) {
    auto fifo = NotifyFifo::open(path("a"));
    ASSERT_TRUE(fifo);
    const std::string line = std::string(99, 'x') + "\n";
    size_t written = 0;
    while (fifo->write(line)) {
        ASSERT_LT(++written, 1U << 20);
    }
    EXPECT_GT(written, 100U);
    EXPECT_EQ(read(path("a")).size(), written * line.size());
    EXPECT_TRUE(fifo->write(line)) << "there is room again";
    EXPECT_FALSE(fifo->write(std::string(5000, 'x'))) << "could be torn in two";
}

TEST_F(NotifyFifoTest, RemovesWhatItHasMadeAndNothingElse) {
    { ASSERT_TRUE(NotifyFifo::open(path("made"))); }
    EXPECT_FALSE(std::filesystem::exists(path("made")));

    ASSERT_EQ(::mkfifo(path("own").c_str(), 0600), 0);
    { ASSERT_TRUE(NotifyFifo::open(path("own"))); }
    EXPECT_TRUE(std::filesystem::exists(path("own"))) << "an administrator's";

    {
        auto fifo = NotifyFifo::open(path("replaced"));
        std::filesystem::rename(path("replaced"), path("away"));
        std::ofstream(path("replaced")) << "another";
    }
    EXPECT_TRUE(std::filesystem::exists(path("replaced")));
}

TEST_F(NotifyFifoTest, WhatIsNoFifoIsRefused) {
    std::ofstream(path("file")) << "text";
    const auto file = NotifyFifo::open(path("file"));
    ASSERT_FALSE(file);
    EXPECT_NE(file.error().message.find("no FIFO"), std::string::npos);
    EXPECT_TRUE(std::filesystem::exists(path("file")));
    EXPECT_FALSE(NotifyFifo::open(path("nowhere/fifo")));
}

TEST_F(NotifyFifoTest, EachHearsWhatConcernsItAndProgramsRead) {
    asio::io_context io;
    const SimClock clock;
    auto programs = Programs::make(io, clock);
    ASSERT_TRUE(programs);
    NotifyFifos fifos(**programs);
    config::Control control;
    control.notify_fifo.path = path("all");
    control.vrrp_notify_fifo.path = path("vrrp");
    control.lvs_notify_fifo = {path("lvs"),
                               {"/bin/sh", "-c", "head -n 1 \"$1\" >\"$1.read\"", "sh"}};
    fifos.configure(control);
    fifos.tell_vrrp("INSTANCE \"VI_1\" MASTER 150\n");
    fifos.tell_health("VS [192.0.2.80]:tcp:80 DOWN\n");
    EXPECT_EQ(read(path("all")), "INSTANCE \"VI_1\" MASTER 150\nVS [192.0.2.80]:tcp:80 DOWN\n");
    EXPECT_EQ(read(path("vrrp")), "INSTANCE \"VI_1\" MASTER 150\n");
    const auto read_by_program = [this] {
        std::ifstream file(path("lvs.read"));
        std::string line;
        std::getline(file, line);
        return line;
    };
    for (int i = 0; i < 1000 && read_by_program().empty(); ++i) {
        io.run_one_for(std::chrono::milliseconds(10));
    }
    EXPECT_EQ(read_by_program(), "VS [192.0.2.80]:tcp:80 DOWN") << "by the program";

    control.vrrp_notify_fifo = {};
    fifos.configure(control);
    EXPECT_FALSE(std::filesystem::exists(path("vrrp")));
    fifos.tell_vrrp("INSTANCE \"VI_1\" FAULT 150\n");
    EXPECT_EQ(read(path("all")), "INSTANCE \"VI_1\" FAULT 150\n") << "what stays goes on";
}

}  // namespace
}  // namespace director::daemon
