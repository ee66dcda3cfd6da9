// From a real server that stops listening to the VRRP instance that gives its addresses away: the
// daemon's health checks with their sockets, the quorum, the tracker, and back again.
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <asio/io_context.hpp>
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "config/parse.h"
#include "controlplane/daemon/health_side.h"
#include "controlplane/daemon/vrrp_settings.h"
#include "healthcheck/probes/owned_fd.h"
#include "healthcheck/probes/sockets.h"
#include "tests/support/sim_clock.h"
#include "tests/unit/daemon/daemon_lab.h"
#include "vrrp/router.h"

namespace director::daemon {
namespace {

using namespace std::chrono_literals;
using healthcheck::OwnedFd;
using healthcheck::SocketAddress;

// A server at this port of 127.0.0.1, or with 0 at a free one.
class Listener {
  public:
    explicit Listener(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const int on = 1;
        setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        const SocketAddress at({*IpAddress::parse("127.0.0.1"), Be16::from_host(port)});
        EXPECT_EQ(::bind(fd_.get(), at.get(), at.length), 0);
        EXPECT_EQ(::listen(fd_.get(), 16), 0);
    }
    [[nodiscard]] uint16_t port() const {
        sockaddr_in bound{};
        socklen_t length = sizeof(bound);
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): what the sockets API asks
        // for
        EXPECT_EQ(getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&bound), &length), 0);
        return Be16{bound.sin_port}.host();
    }

  private:
    OwnedFd fd_;
};

config::Model model_with(uint16_t port) {
    config::Vocabulary words;
    words.schedulers = {"rr", "wrr"};
    const auto model = config::parse_text(
        fmt::format(
            R"(ports = ( {{ name = "p"; device = "net_null0"; addresses = [ "192.0.2.1/24" ]; }} );
virtual_services = ( {{ address = "192.0.2.80:80"; scheduler = "rr";
    checks = ( {{ type = "tcp"; address = "127.0.0.1"; port = {}; interval = "20ms"; retries = 0;
                 timeout = "1s"; warm_up = "0s"; }} );
    real_servers = ( {{ address = "10.0.0.1:80"; }} ); }} );
vrrp_instances = ( {{ name = "VI_1"; interface = "p"; router_id = 51; priority = 255;
    addresses = [ "192.0.2.80/24" ]; track = [ "web" ]; }} );
vrrp_trackers = ( {{ name = "web"; kind = "quorum"; subject = "tcp 192.0.2.80:80"; }} );)",
            port),
        "t.conf",
        words);
    EXPECT_TRUE(model) << (model ? "" : to_string(model.error().front()));
    return model.value_or(config::Model{});
}

TEST(QuorumTracking, ADirectorWithoutRealServersYields) {
    test::DaemonLab lab;
    test::SimClock clock;
    asio::io_context io;
    std::optional<Listener> server(std::in_place, uint16_t{0});
    const uint16_t port = server->port();
    const config::Model model = model_with(port);

    vrrp::Router router;
    std::vector<vrrp::Event> events;
    const auto keep = [&events](const vrrp::Actions& actions) {
        for (const vrrp::Action& action : actions) {
            if (const auto* event = std::get_if<vrrp::Event>(&action)) {
                events.push_back(*event);
            }
        }
    };
    vrrp::Actions begin;
    router.configure(clock.now(), vrrp_settings(model), begin);
    vrrp::InterfaceFacts facts;
    facts.is_up = true;
    facts.ipv4 = *IpAddress::parse("192.0.2.1");
    router.interface_changed(clock.now(), "p", facts, begin);
    router.start(clock.now(), begin);
    keep(begin);

    auto side = HealthSide::start(io, clock, lab.services, [] {});
    ASSERT_TRUE(side);
    std::vector<std::string> lines;
    (*side)->on_event([&lines](const healthcheck::Event& event, const dataplane::ServiceKey& key) {
        lines.push_back(fifo_line(event, key.protocol).value_or(""));
    });
    (*side)->on_quorum([&](const std::string& service, bool is_up) {
        vrrp::Actions actions;
        router.quorum_changed(clock.now(), service, is_up, actions);
        keep(actions);
    });
    ASSERT_TRUE((*side)->apply(model));
    (*side)->tell_quorums();
    const auto becomes = [&](vrrp::State state) {
        for (int i = 0; i < 2000 && router.status().instances.at(0).state != state; ++i) {
            io.run_one_for(5ms);
            clock.advance(5ms);
            vrrp::Actions actions;
            router.wake(clock.now(), actions);
            keep(actions);
        }
        return router.status().instances.at(0).state == state;
    };
    ASSERT_TRUE(becomes(vrrp::State::kMaster));
    server.reset();
    ASSERT_TRUE(becomes(vrrp::State::kFault));
    EXPECT_EQ(router.status().instances.at(0).fault, "quorum of tcp 192.0.2.80:80 is down");
    EXPECT_EQ((*side)->has_quorum("192.0.2.80:80"), false);
    server.emplace(port);
    ASSERT_TRUE(becomes(vrrp::State::kMaster));
    EXPECT_NE(std::find(lines.begin(), lines.end(), "VS [192.0.2.80]:tcp:80 DOWN"), lines.end());
    EXPECT_NE(std::find(lines.begin(), lines.end(), "VS [192.0.2.80]:tcp:80 UP"), lines.end());
}

}  // namespace
}  // namespace director::daemon
