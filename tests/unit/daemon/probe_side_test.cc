// From a probe's socket to the frame on the wire and back, with a kernel's TCP at one end.
#include "controlplane/daemon/probe_side.h"

#include <poll.h>

#include <asio/io_context.hpp>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/core/codecs/frame.h"
#include "tests/support/packet_builder.h"
#include "tests/support/sim_clock.h"

namespace director::daemon {
namespace {

using namespace std::chrono_literals;
using namespace director::test;  // NOLINT(google-build-using-namespace): words of packets

constexpr size_t kTcpAt = 14 + 20;

class ProbeSideTest : public testing::Test {
  protected:
    ProbeSideTest()
        : side(io,
               {.clock = clock,
                .way_to = [](const IpAddress& to) { return std::optional(way(to)); },
                .send =
                    [this](const ProbeWay& way, std::span<const uint8_t> frame) {
                        next_hop = way.next_hop;
                        sent.emplace_back(frame.begin(), frame.end());
                    }}) {}

    static ProbeWay way(const IpAddress& to) {
        ProbeWay way;
        way.interface.ipv4 = *IpAddress::parse("192.0.2.1");
        way.next_hop = to;
        return way;
    }
    // Serves the event loop until `done`.
    template <typename Predicate>
    bool run_until(Predicate done) {
        for (int i = 0; i < 1000 && !done(); ++i) {
            io.run_one_for(10ms);
        }
        return done();
    }

    SimClock clock;
    asio::io_context io;
    healthcheck::KernelSockets sockets;
    std::vector<Frame> sent;
    IpAddress next_hop;
    ProbeSide side;
};

TEST_F(ProbeSideTest, AConnectionIsMadeThroughThePath) {
    const ProbePath path{.virtual_address = *IpAddress::parse("198.51.100.4"),
                         .server = *IpAddress::parse("192.0.2.9"),
                         .forwarding = dataplane::ForwardingMethod::kDirect,
                         .tunnel = {},
                         .source = std::nullopt};
    if (auto ready = side.put({path}, sockets); !ready) {
        GTEST_SKIP() << "needs privileges: " << ready.error().message;
    }
    healthcheck::Target target;
    target.to = {path.virtual_address, Be16::from_host(80)};
    target.path = number_of(path);
    auto socket = sockets.open(target, SOCK_STREAM, IPPROTO_TCP);
    ASSERT_TRUE(socket) << socket.error().message;
    const healthcheck::SocketAddress to(target.to);
    ASSERT_NE(::connect(socket->get(), to.get(), to.length), 0);
    ASSERT_EQ(errno, EINPROGRESS);

    ASSERT_TRUE(run_until([this] { return !sent.empty(); }));
    EXPECT_EQ(next_hop, path.server);
    const Frame& syn = sent.front();
    ASSERT_GE(syn.size(), kTcpAt + 20);
    EXPECT_EQ(syn[kTcpAt + 13], kTcpSyn);
    const auto seq = __builtin_bswap32(dataplane::load_raw32(&syn[kTcpAt + 4]));
    pollfd ready{socket->get(), POLLOUT, 0};
    EXPECT_EQ(::poll(&ready, 1, 0), 0) << "not connected: nobody has answered";
    const Frame answer = PacketBuilder()
                             .ipv4("198.51.100.4", "192.0.2.1")
                             .tcp(80, dataplane::load_be16(&syn[kTcpAt]))
                             .tcp_flags(kTcpSyn | kTcpAck)
                             .seq(1000)
                             .ack(seq + 1)
                             .build();
    EXPECT_TRUE(side.receive(answer));
    ASSERT_TRUE(run_until([&ready] { return ::poll(&ready, 1, 0) == 1; }));
    EXPECT_EQ(ready.revents & (POLLERR | POLLHUP), 0);
    ASSERT_TRUE(run_until([this] { return sent.size() >= 2; }));
    EXPECT_EQ(sent[1][kTcpAt + 13], kTcpAck);
    EXPECT_FALSE(side.receive(PacketBuilder().ipv4("9.9.9.9", "192.0.2.1").tcp(80, 10000).build()));

    ASSERT_TRUE(side.put({}, sockets));
    EXPECT_FALSE(sockets.open(target, SOCK_STREAM, IPPROTO_TCP)) << "the path is gone";
}

}  // namespace
}  // namespace director::daemon
