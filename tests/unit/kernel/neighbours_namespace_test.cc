// What NeighbourKernel asks makes the real kernel send ARP through the tap, and the answer comes
// back through mirror and resolver to the waiting frame.
#include <algorithm>
#include <memory>
#include <vector>

#include "controlplane/kernel/mirror.h"
#include "controlplane/kernel/neighbours.h"
#include "controlplane/kernel/tap.h"
#include "tests/unit/kernel/namespace_fixture.h"

namespace director::kernel {
namespace {

using dataplane::Interface;
using dataplane::InterfaceId;
using dataplane::Neighbour;
using dataplane::NeighbourKey;
using dataplane::NeighbourState;
using dataplane::PortId;
using Frame = std::vector<uint8_t>;

constexpr InterfaceId kOut{0};
const Ipv4Address kServer = Ipv4Address::of(10, 0, 0, 2);
const NeighbourKey kServerKey{kServer, kOut};
const MacAddress kServerMac{{2, 0, 0, 0, 0, 2}};

// The daemon in small: tap, mirror, resolver and kernel wired together, and a station on the wire
// that answers ARP for 10.0.0.2 while `is_answering`. Time is the test's.
class NeighboursTest : public NamespaceTest, private MirrorSink {
  protected:
    void SetUp() override {
        NamespaceTest::SetUp();
        auto tap = Tap::create(io_, {.name = "out", .mac = {{2, 0, 0, 0, 0, 1}}});
        ASSERT_TRUE(tap) << tap.error().message;
        tap_ = std::move(*tap);
        tap_->start([this](std::span<const uint8_t> frame) { on_wire(frame); });
        run("ip addr add 10.0.0.1/24 dev out");
        run("echo 50 > /proc/sys/net/ipv4/neigh/out/retrans_time_ms");
        auto kernel = NeighbourKernel::open();
        ASSERT_TRUE(kernel) << kernel.error().message;
        kernel_ = std::make_unique<NeighbourKernel>(std::move(*kernel));
        auto mirror = KernelMirror::start(io_, {{tap_->ifindex(), PortId{0}, kOut}}, *this);
        ASSERT_TRUE(mirror) << mirror.error().message;
        mirror_ = std::move(*mirror);
        ASSERT_TRUE(await([&] { return is_synced_; }));
    }

    void interface_changed(InterfaceId /*id*/, const Interface& /*interface*/) override {}
    void neighbour_changed(const NeighbourKey& key, const Neighbour& neighbour) override {
        is_failed_ = neighbour.state == NeighbourState::kFailed;
        resolver_.on_changed(key, neighbour, now_, actions_);
        is_told_ = true;
    }
    void neighbour_removed(const NeighbourKey& key) override {
        is_failed_ = false;
        ++removals_;
        resolver_.on_removed(key, now_, actions_);
    }
    void routes_changed(const std::vector<PrefixRoute>& /*routes*/) override {}
    void synced() override { is_synced_ = true; }

    void carry_out() {
        NeighbourActions actions = std::exchange(actions_, {});
        for (const NeighbourKey& key : actions.solicit) {
            const auto done = kernel_->solicit(*mirror_->ifindex_of(key.interface), key.address);
            EXPECT_TRUE(done) << done.error().message;
        }
        for (const NeighbourKey& key : actions.forget) {
            const auto done = kernel_->forget(*mirror_->ifindex_of(key.interface), key.address);
            EXPECT_TRUE(done) << done.error().message;
        }
        for (ReadyFrame& frame : actions.send) {
            sent_.push_back(std::move(frame.bytes));
        }
    }

    void on_wire(std::span<const uint8_t> frame) {
        // A neighbour solicitation (RFC 4861 section 4.3) for 2001:db8::2.
        solicitations_ += frame.size() >= 78 && frame[12] == 0x86 && frame[20] == 58 &&
                                  frame[54] == 135 && frame[77] == 2
                              ? 1
                              : 0;
        const bool is_request_for_server = frame.size() >= 42 && frame[12] == 0x08 &&
                                           frame[13] == 0x06 && frame[21] == 1 && frame[38] == 10 &&
                                           frame[41] == 2;
        if (!is_request_for_server) {
            return;
        }
        ++requests_;
        if (!is_answering_) {
            return;
        }
        Frame reply(frame.begin(), frame.end());
        const Frame asker(reply.begin() + 22, reply.begin() + 32);
        std::copy(asker.begin(), asker.begin() + 6, reply.begin());
        std::copy(kServerMac.bytes.begin(), kServerMac.bytes.end(), reply.begin() + 6);
        reply[21] = 2;
        std::copy(kServerMac.bytes.begin(), kServerMac.bytes.end(), reply.begin() + 22);
        const Frame server{10, 0, 0, 2};
        std::copy(server.begin(), server.end(), reply.begin() + 28);
        std::copy(asker.begin(), asker.end(), reply.begin() + 32);
        tap_->write(reply);
    }

    std::unique_ptr<Tap> tap_;
    std::unique_ptr<NeighbourKernel> kernel_;
    std::unique_ptr<KernelMirror> mirror_;
    NeighbourResolver resolver_;
    NeighbourActions actions_;
    TimePoint now_{};
    bool is_synced_ = false;
    bool is_answering_ = true;
    bool is_failed_ = false;
    bool is_told_ = false;
    int requests_ = 0;
    int solicitations_ = 0;
    int removals_ = 0;
    std::vector<Frame> sent_;
};

// The kernel solicits an IPv6 neighbour too; here nobody answers, and it says so.
TEST_F(NeighboursTest, AsksForIpv6Neighbours) {
    run("ip -6 addr add 2001:db8::1/64 dev out nodad");
    run("echo 50 > /proc/sys/net/ipv6/neigh/out/retrans_time_ms");
    const NeighbourKey key{*IpAddress::parse("2001:db8::2"), kOut};
    resolver_.hold(key, Frame(60, 0xee), now_, actions_);
    carry_out();
    EXPECT_TRUE(await([&] { return is_failed_; }));
    EXPECT_EQ(solicitations_, 3);
    EXPECT_EQ(resolver_.counters().dropped_failed, 1U);
    EXPECT_TRUE(kernel_->forget(tap_->ifindex(), key.address));
}

TEST_F(NeighboursTest, AWaitingFrameGoesOnceTheKernelHasAnAnswer) {
    resolver_.hold(kServerKey, Frame(60, 0xee), now_, actions_);
    carry_out();
    EXPECT_TRUE(sent_.empty());
    ASSERT_TRUE(await([&] { return !actions_.send.empty(); }));
    carry_out();
    EXPECT_GE(requests_, 1);
    ASSERT_EQ(sent_.size(), 1U);
    EXPECT_TRUE(std::equal(kServerMac.bytes.begin(), kServerMac.bytes.end(), sent_[0].begin()));
    EXPECT_EQ(sent_[0][6], 0xee);
}

TEST_F(NeighboursTest, AWatchedServerIsKnownBeforeAnyFrame) {
    resolver_.watch(std::vector{kServerKey}, now_, actions_);
    carry_out();
    ASSERT_TRUE(await([&] { return is_told_; }));
    resolver_.hold(kServerKey, Frame(60), now_, actions_);
    EXPECT_EQ(actions_.send.size(), 1U);
}

// The kernel asks again only about a stale neighbour.
TEST_F(NeighboursTest, TheRefreshConfirmsAStaleServerAndLeavesAFreshOneAlone) {
    run("echo 0 > /proc/sys/net/ipv4/neigh/out/delay_first_probe_time");
    resolver_.watch(std::vector{kServerKey}, now_, actions_);
    carry_out();
    ASSERT_TRUE(await([&] { return is_told_; }));
    const int before = requests_;
    now_ += NeighbourResolver::kRefreshKnown;
    resolver_.on_deadline(now_, actions_);
    EXPECT_EQ(actions_.solicit.size(), 1U);
    carry_out();
    EXPECT_NE(output_of("ip neigh show 10.0.0.2").find("REACHABLE"), std::string::npos);
    EXPECT_EQ(requests_, before);
    run("ip neigh change 10.0.0.2 dev out nud stale");
    now_ += NeighbourResolver::kRefreshKnown;
    resolver_.on_deadline(now_, actions_);
    carry_out();
    EXPECT_TRUE(await([&] { return requests_ > before; }));
}

TEST_F(NeighboursTest, ADeadNextHopFailsIsForgottenAndTriesAgain) {
    is_answering_ = false;
    resolver_.hold(kServerKey, Frame(60), now_, actions_);
    carry_out();
    ASSERT_TRUE(await([&] { return is_failed_; }));
    EXPECT_EQ(resolver_.counters().dropped_failed, 1U);
    now_ += NeighbourResolver::kFailedTime;
    resolver_.on_deadline(now_, actions_);
    ASSERT_EQ(actions_.forget.size(), 1U);
    carry_out();
    ASSERT_TRUE(await([&] { return removals_ == 1; }));
    is_answering_ = true;
    resolver_.hold(kServerKey, Frame(60), now_, actions_);
    carry_out();
    ASSERT_TRUE(await([&] { return !actions_.send.empty(); }));
}

TEST_F(NeighboursTest, TheKernelsRefusalIsToldInWords) {
    const auto done = kernel_->solicit(4711, kServer);
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().message.find("cannot resolve 10.0.0.2: "), std::string::npos);
    EXPECT_TRUE(kernel_->forget(tap_->ifindex(), Ipv4Address::of(10, 0, 0, 77)));
}

}  // namespace
}  // namespace director::kernel
