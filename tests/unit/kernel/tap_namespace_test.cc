// A tap against the real kernel: how it looks to `ip`, frames both ways, its settings, its end, and
// what the errors say.
#include <net/if.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "controlplane/kernel/tap.h"
#include "tests/unit/kernel/namespace_fixture.h"

namespace director::kernel {
namespace {

using Frame = std::vector<uint8_t>;

const MacAddress kMac{{2, 0, 0, 0, 0, 1}};

class TapTest : public NamespaceTest {
  protected:
    std::unique_ptr<Tap> create(const std::string& name) {
        auto tap = Tap::create(io_, {.name = name, .mac = kMac, .mtu_bytes = 1400});
        EXPECT_TRUE(tap) << tap.error().message;
        return tap ? std::move(*tap) : nullptr;
    }
    std::string error_of(const std::string& name) {
        const auto tap = Tap::create(io_, {.name = name, .mac = kMac, .mtu_bytes = 1400});
        return tap ? "" : tap.error().message;
    }
};

bool is_arp_request(const Frame& frame) {
    return frame.size() >= 42 && frame[12] == 0x08 && frame[13] == 0x06 && frame[21] == 1;
}

TEST_F(TapTest, ShowsInTheKernelAsConfigured) {
    const auto tap = create("out");
    ASSERT_TRUE(tap);
    EXPECT_EQ(tap->ifindex(), if_nametoindex("out"));
    const std::string link = output_of("ip link show out");
    EXPECT_NE(link.find("02:00:00:00:00:01"), std::string::npos) << link;
    EXPECT_NE(link.find("mtu 1400"), std::string::npos) << link;
    EXPECT_NE(link.find("LOWER_UP"), std::string::npos) << link;
}

TEST_F(TapTest, KeepsTheKernelQuiet) {
    run("echo 1 > /proc/sys/net/ipv4/ip_forward");
    run("echo 1 > /proc/sys/net/ipv4/conf/default/rp_filter");
    const auto tap = create("out");
    ASSERT_TRUE(tap);
    EXPECT_EQ(output_of("cat /proc/sys/net/ipv4/conf/out/forwarding"), "0\n");
    EXPECT_EQ(output_of("cat /proc/sys/net/ipv4/conf/out/rp_filter"), "0\n");
    EXPECT_EQ(output_of("cat /proc/sys/net/ipv4/conf/out/promote_secondaries"), "1\n");
}

TEST_F(TapTest, GoesLooseWhereStrictFilteringIsDemandedOfAll) {
    run("echo 1 > /proc/sys/net/ipv4/conf/all/rp_filter");
    const auto tap = create("out");
    ASSERT_TRUE(tap);
    EXPECT_EQ(output_of("cat /proc/sys/net/ipv4/conf/out/rp_filter"), "2\n");
}

TEST_F(TapTest, VanishesWithItsOwner) {
    auto tap = create("out");
    ASSERT_TRUE(tap);
    tap.reset();
    EXPECT_EQ(if_nametoindex("out"), 0U);
}

// The kernel asks for a neighbour; the test answers on the wire and the kernel's ping comes out,
// sent to the MAC address that it was told.
TEST_F(TapTest, CarriesFramesBothWays) {
    const auto tap = create("out");
    ASSERT_TRUE(tap);
    run("ip addr add 10.0.0.1/24 dev out");
    std::vector<Frame> received;
    tap->start(
        [&](std::span<const uint8_t> frame) { received.emplace_back(frame.begin(), frame.end()); });
    run("ip neigh add 10.0.0.2 dev out use");
    const auto request = [&] {
        return std::find_if(received.begin(), received.end(), is_arp_request);
    };
    ASSERT_TRUE(await([&] { return request() != received.end(); }));
    Frame reply = *request();
    const Frame asker(reply.begin() + 22, reply.begin() + 32);  // its MAC and IP address
    const Frame asked{2, 0, 0, 0, 0, 2, 10, 0, 0, 2};
    EXPECT_TRUE(std::equal(asked.begin() + 6, asked.end(), reply.begin() + 38));
    std::copy(asker.begin(), asker.begin() + 6, reply.begin());
    std::copy(asked.begin(), asked.begin() + 6, reply.begin() + 6);
    reply[21] = 2;
    std::copy(asked.begin(), asked.end(), reply.begin() + 22);
    std::copy(asker.begin(), asker.end(), reply.begin() + 32);
    tap->write(reply);
    EXPECT_NE(output_of("ip neigh show 10.0.0.2").find("02:00:00:00:00:02 REACHABLE"),
              std::string::npos);
    EXPECT_EQ(tap->counters().to_kernel, 1U);
    EXPECT_EQ(tap->counters().to_kernel_dropped, 0U);
    EXPECT_EQ(tap->counters().from_kernel, received.size());
}

TEST_F(TapTest, CountsWhatTheKernelDoesNotTake) {
    const auto tap = create("out");
    ASSERT_TRUE(tap);
    run("ip link set out down");
    tap->write(Frame(60));
    EXPECT_EQ(tap->counters().to_kernel_dropped, 1U);
}

TEST_F(TapTest, StopsQuietlyWhenSomeoneDeletesIt) {
    const auto tap = create("out");
    ASSERT_TRUE(tap);
    tap->start([](std::span<const uint8_t>) {});
    run("ip link del out");
    // Were it to wait on, the loop would never run dry: the descriptor stays readable.
    size_t turns = 0;
    while (turns < 100 && io_.poll_one() != 0) {
        ++turns;
    }
    EXPECT_LE(turns, 2U);
    tap->write(Frame(60));
    EXPECT_EQ(tap->counters().to_kernel_dropped, 1U);
}

TEST_F(TapTest, SaysWhoHasTheName) {
    const auto tap = create("out");
    ASSERT_TRUE(tap);
    const std::string error = error_of("out");
    EXPECT_NE(error.find("out"), std::string::npos) << error;
    EXPECT_NE(error.find("process " + std::to_string(::getpid())), std::string::npos) << error;
}

TEST_F(TapTest, SaysThatAnotherInterfaceHasTheName) {
    run("ip link add out type veth peer name peer");
    const std::string error = error_of("out");
    EXPECT_NE(error.find("exists already"), std::string::npos) << error;
    EXPECT_NE(error.find("ip -d link show out"), std::string::npos) << error;
}

TEST_F(TapTest, DoesNotSlipIntoAPersistentTap) {
    run("ip tuntap add out mode tap");
    EXPECT_NE(error_of("out").find("exists already"), std::string::npos);
}

TEST_F(TapTest, RefusesNamesThatTheKernelWould) {
    EXPECT_NE(error_of("").find("1 to 15"), std::string::npos);
    EXPECT_NE(error_of("sixteen-letters-").find("1 to 15"), std::string::npos);
    EXPECT_NE(error_of("a/b").find("1 to 15"), std::string::npos);
    EXPECT_NE(error_of("out%d").find("1 to 15"), std::string::npos);
}

}  // namespace
}  // namespace director::kernel
