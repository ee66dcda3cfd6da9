// What is refused before the kernel is asked, and what the kernel says of the one interface that
// every machine has.
#include "dataplane/io/linux_interface.h"

#include <gtest/gtest.h>

namespace director::dataplane::io {
namespace {

TEST(LinuxInterface, RefusesAnMtuThatTheRingsFramesDoNotHold) {
    for (const char* device : {"net_af_packet0,iface=lo",
                               "net_af_packet0,iface=lo,framesz=9127",
                               "net_af_packet0,framesz=4096,iface=lo,blocksz=65536"}) {
        const auto refused = set_packet_socket_mtu(device, 9000);
        ASSERT_FALSE(refused) << device;
        EXPECT_NE(refused.error().message.find("framesz of at least 9128"), std::string::npos)
            << refused.error().message;
    }
}

TEST(LinuxInterface, SaysWhatTheKernelSaysOfAnInterfaceThatIsNotThere) {
    const auto refused =
        set_packet_socket_mtu("net_af_packet0,iface=no-such-port,framesz=16384", 9000);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("No such device"), std::string::npos)
        << refused.error().message;
}

TEST(LinuxInterface, DevicesWithoutOneHaveTheirCable) {
    EXPECT_TRUE(is_carried("net_null0"));
    EXPECT_TRUE(is_carried("0000:03:00.0"));
    EXPECT_TRUE(is_carried("net_af_xdp0,iface=no-such-port"));
}

}  // namespace
}  // namespace director::dataplane::io
