// Addresses and routes set through netlink are what `ip` shows; doing it twice is no error,
// and what cannot be done is told in words.
#include "controlplane/kernel/kernel_setup.h"
#include "controlplane/kernel/tap.h"
#include "tests/unit/kernel/namespace_fixture.h"

namespace director::kernel {
namespace {

const IpPrefix kAddress = *IpPrefix::parse("192.168.0.104/25");
const IpPrefix kNetwork = *IpPrefix::parse("10.0.0.0/8");
const Ipv4Address kGateway = *Ipv4Address::parse("192.168.0.1");

class KernelSetupTest : public NamespaceTest {
  protected:
    void SetUp() override {
        NamespaceTest::SetUp();
        auto tap = Tap::create(io_, {.name = "out", .mac = {{2, 0, 0, 0, 0, 1}}});
        ASSERT_TRUE(tap) << tap.error().message;
        tap_ = std::move(*tap);
        auto netlink = NetlinkSocket::open();
        ASSERT_TRUE(netlink) << netlink.error().message;
        netlink_ = std::make_unique<NetlinkSocket>(std::move(*netlink));
    }
    static std::string message_of(const Result<void>& result) {
        return result ? "" : result.error().message;
    }

    std::unique_ptr<Tap> tap_;
    std::unique_ptr<NetlinkSocket> netlink_;
};

TEST_F(KernelSetupTest, AddsAndRemovesAnAddressAnyNumberOfTimes) {
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(message_of(add_address(*netlink_, "out", kAddress)), "");
        EXPECT_NE(output_of("ip -4 addr show out").find("192.168.0.104/25"), std::string::npos);
    }
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(message_of(remove_address(*netlink_, "out", kAddress)), "");
        EXPECT_EQ(output_of("ip -4 addr show out"), "");
    }
}

TEST_F(KernelSetupTest, RemovingOneAddressLeavesTheOthersOfItsSubnet) {
    const IpPrefix second = *IpPrefix::parse("192.168.0.105/25");
    ASSERT_EQ(message_of(add_address(*netlink_, "out", kAddress)), "");
    ASSERT_EQ(message_of(add_address(*netlink_, "out", second)), "");
    EXPECT_EQ(message_of(remove_address(*netlink_, "out", kAddress)), "");
    EXPECT_NE(output_of("ip -4 addr show out").find("192.168.0.105/25"), std::string::npos);
}

TEST_F(KernelSetupTest, NamesTheInterfaceThatIsMissing) {
    EXPECT_EQ(message_of(add_address(*netlink_, "nowhere", kAddress)),
              "cannot add address 192.168.0.104/25 to nowhere: there is no interface nowhere (No "
              "such device)");
    EXPECT_EQ(message_of(remove_address(*netlink_, "nowhere", kAddress)), "");
}

TEST_F(KernelSetupTest, AddsAndRemovesARouteAnyNumberOfTimes) {
    ASSERT_EQ(message_of(add_address(*netlink_, "out", kAddress)), "");
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(message_of(add_route(*netlink_, kNetwork, kGateway)), "");
        EXPECT_EQ(output_of("ip route show 10.0.0.0/8"),
                  "10.0.0.0/8 via 192.168.0.1 dev out proto static \n");
    }
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(message_of(remove_route(*netlink_, kNetwork, kGateway)), "");
        EXPECT_EQ(output_of("ip route show 10.0.0.0/8"), "");
    }
}

TEST_F(KernelSetupTest, DoesNotReplaceAnotherRouteToTheSameDestination) {
    ASSERT_EQ(message_of(add_address(*netlink_, "out", kAddress)), "");
    run("ip route add default via 192.168.0.9");
    const IpPrefix everything = *IpPrefix::parse("0.0.0.0/0");
    EXPECT_EQ(message_of(add_route(*netlink_, everything, kGateway)),
              "cannot add route 0.0.0.0/0 via 192.168.0.1: there is another route to it, via "
              "192.168.0.9 dev out; remove that one first");
    // Nor does it remove one that is not the one named.
    EXPECT_EQ(message_of(remove_route(*netlink_, everything, kGateway)), "");
    EXPECT_NE(output_of("ip route show default").find("192.168.0.9"), std::string::npos);
}

TEST_F(KernelSetupTest, PassesOnTheKernelsWords) {
    const std::string error = message_of(add_route(*netlink_, kNetwork, kGateway));
    EXPECT_NE(error.find("cannot add route 10.0.0.0/8 via 192.168.0.1: "), std::string::npos);
    EXPECT_NE(error.find("gateway"), std::string::npos) << error;  // the extended acknowledgement
}

TEST_F(KernelSetupTest, SetsALinkUpAndDown) {
    EXPECT_EQ(message_of(set_link(*netlink_, "out", {.mac = {}, .mtu_bytes = {}, .is_up = false})),
              "");
    EXPECT_FALSE(find_link(*netlink_, "out")->is_up);
    EXPECT_EQ(message_of(set_link(*netlink_, "out", {.mac = {}, .mtu_bytes = 1300, .is_up = true})),
              "");
    EXPECT_TRUE(find_link(*netlink_, "out")->is_up);
    EXPECT_EQ(find_link(*netlink_, "out")->mtu_bytes, 1300U);
}

// The address can be used at once (not tentative), and nothing was sent to find that out.
TEST_F(KernelSetupTest, SetsUpIpv6) {
    const IpPrefix address = *IpPrefix::parse("2001:db8::1/64");
    const IpPrefix network = *IpPrefix::parse("2001:db8:1::/48");
    const IpAddress gateway = *IpAddress::parse("2001:db8::ff");
    int frames = 0;
    tap_->start([&frames](std::span<const uint8_t> frame) {
        // Router and neighbour solicitations (RFC 4861 section 4); reports of group membership may
        // be.
        const bool is_icmpv6 = frame.size() > 54 && frame[12] == 0x86 && frame[20] == 58;
        frames += is_icmpv6 && (frame[54] == 133 || frame[54] == 135) ? 1 : 0;
    });
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(message_of(add_address(*netlink_, "out", address)), "");
        EXPECT_NE(output_of("ip -6 addr show out").find("2001:db8::1/64"), std::string::npos);
        EXPECT_EQ(output_of("ip -6 addr show out tentative"), "");
        EXPECT_EQ(message_of(add_route(*netlink_, network, gateway)), "");
        EXPECT_EQ(output_of("ip -6 route show 2001:db8:1::/48").find("2001:db8:1::/48 via"), 0U);
    }
    EXPECT_EQ(message_of(add_route(*netlink_, network, *IpAddress::parse("2001:db8::fe"))),
              "cannot add route 2001:db8:1::/48 via 2001:db8::fe: there is another route to it, "
              "via 2001:db8::ff dev out; remove that one first");
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(message_of(remove_route(*netlink_, network, gateway)), "");
        EXPECT_EQ(output_of("ip -6 route show 2001:db8:1::/48"), "");
        EXPECT_EQ(message_of(remove_address(*netlink_, "out", address)), "");
        EXPECT_EQ(output_of("ip -6 addr show out").find("2001:db8::1/64"), std::string::npos);
    }
    io_.restart();
    io_.poll();
    EXPECT_EQ(frames, 0);
}

}  // namespace
}  // namespace director::kernel
