// Shows what DPDK's telemetry socket answers, asked as its own script asks.
#include "dataplane/io/telemetry.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include <gmock/gmock.h>

#include "tests/unit/io/own_process.h"
#include "tests/unit/io/test_engine.h"

namespace director::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class TelemetryClient {
  public:
    TelemetryClient() : socket_(::socket(AF_UNIX, SOCK_SEQPACKET, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path =
            fmt::format("/var/run/dpdk/io-test-{}/dpdk_telemetry.v2", ::getpid());
        std::copy(path.begin(), path.end(), std::begin(address.sun_path));
        is_connected_ =
            ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
        if (is_connected_) {
            static_cast<void>(read());  // who it is
        }
    }
    ~TelemetryClient() { ::close(socket_); }
    TelemetryClient(const TelemetryClient&) = delete;
    TelemetryClient& operator=(const TelemetryClient&) = delete;

    [[nodiscard]] bool is_connected() const { return is_connected_; }
    [[nodiscard]] std::string ask(const std::string& command) {
        EXPECT_EQ(::write(socket_, command.data(), command.size()),
                  static_cast<ssize_t>(command.size()));
        return read();
    }

  private:
    [[nodiscard]] std::string read() {
        std::array<char, 65536> answer{};
        const ssize_t length = ::read(socket_, answer.data(), answer.size());
        return {answer.data(), static_cast<size_t>(std::max<ssize_t>(length, 0))};
    }

    int socket_;
    bool is_connected_ = false;
};

TEST(TelemetryTest, AnswersWhatWasPublishedLast) {
    run_in_own_process([] {
        auto settings = small_engine(1, {"net_ring0"});
        std::erase(settings.eal_arguments, "--no-telemetry");
        TestEngine engine(settings);
        TelemetryClient client;
        ASSERT_TRUE(client.is_connected());
        EXPECT_EQ(client.ask("/director/workers"), R"({"/director/workers":[]})");

        dp::io::publish_telemetry(
            {{{{"received", 7}}, {{"martian", 1}}, {}},
             {{{"received", 5}}, {{"martian", 2}, {"fragment", 1}}, {{"events_used", 3}}}});
        EXPECT_EQ(client.ask("/director/workers"), R"({"/director/workers":[0,1]})");
        EXPECT_EQ(client.ask("/director/workers,1"), R"({"/director/workers":{"received":5}})");
        EXPECT_EQ(client.ask("/director/totals"), R"({"/director/totals":{"received":12}})");
        EXPECT_EQ(client.ask("/director/drops"),
                  R"({"/director/drops":{"martian":3,"fragment":1}})");
        EXPECT_EQ(client.ask("/director/drops,0"), R"({"/director/drops":{"martian":1}})");
        EXPECT_EQ(client.ask("/director/rings,1"), R"({"/director/rings":{"events_used":3}})");
        EXPECT_THAT(client.ask("/"), HasSubstr("/director/totals"));
    });
}

TEST(TelemetryTest, WhatNoWorkerIsGetsNoFigures) {
    run_in_own_process([] {
        auto settings = small_engine(1, {"net_ring0"});
        std::erase(settings.eal_arguments, "--no-telemetry");
        TestEngine engine(settings);
        TelemetryClient client;
        ASSERT_TRUE(client.is_connected());
        dp::io::publish_telemetry({{{{"received", 7}}, {}, {}}});
        for (const char* which : {"1", "-1", "x", "99999999999999999999", "0x0"}) {
            const std::string answer = client.ask(std::string("/director/workers,") + which);
            EXPECT_EQ(answer, R"({"/director/workers":null})") << which;
        }
        EXPECT_EQ(client.ask("/director/rings"), R"({"/director/rings":null})");
    });
}

}  // namespace
}  // namespace director::test
