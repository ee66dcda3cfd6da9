// A check through a path of the daemon's: its packets come out of the tun device addressed to the
// VIP, and an answer written there completes the handshake, though the VIP is an address of this
// machine.
#include "healthcheck/probes/private_network.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "common/checksum.h"
#include "tests/unit/healthcheck/probe_lab.h"

namespace director::healthcheck::test {
namespace {

using Packet = std::vector<uint8_t>;

// The next packet that is TCP over IPv4.
std::optional<Packet> next_tcp(int tun) {
    while (wait_for_any({tun})) {
        Packet packet(2048);
        const ssize_t count = ::read(tun, packet.data(), packet.size());
        packet.resize(static_cast<size_t>(std::max<ssize_t>(count, 0)));
        if (packet.size() >= 40 && packet[0] >> 4 == 4 && packet[9] == 6) {
            return packet;
        }
    }
    return std::nullopt;
}

// What a server that listens says to a SYN: SYN-ACK without options.
Packet syn_ack_to(const Packet& syn) {
    Packet reply(syn.begin(), syn.begin() + 40);
    reply[0] = 0x45;
    reply[2] = 0;
    reply[3] = 40;
    std::swap_ranges(reply.begin() + 12, reply.begin() + 16, reply.begin() + 16);  // addresses
    std::swap_ranges(reply.begin() + 20, reply.begin() + 22, reply.begin() + 22);  // ports
    std::copy(syn.begin() + 24, syn.begin() + 28, reply.begin() + 28);             // acknowledges
    for (size_t i = 31; ++reply[i] == 0; --i) {
    }
    reply[32] = 0x50;
    reply[33] = 0x12;
    const auto put_sum = [&reply](size_t place, uint64_t sum) {
        const auto field = static_cast<uint16_t>(~checksum_fold(sum));
        std::memcpy(reply.data() + place, &field, sizeof(field));
    };
    std::memset(reply.data() + 10, 0, 2);
    std::memset(reply.data() + 36, 0, 2);
    put_sum(10, checksum_add(0, reply.data(), 20));
    put_sum(36, checksum_add(uint64_t{6 << 8} + (20 << 8), reply.data() + 12, 28));
    return reply;
}

TEST(PrivateNetwork, CarriesProbesThroughItsTun) {
    auto network = PrivateNetwork::make();
    if (!network) {
        GTEST_SKIP() << "needs privileges: " << network.error().message;
    }
    const IpAddress source = *IpAddress::parse("198.18.0.1");
    ASSERT_TRUE(network->add_address(source)) << network->add_address(source).error().message;
    ASSERT_TRUE(network->add_address(source)) << "twice";
    ASSERT_TRUE(network->add_address(*IpAddress::parse("198.18.0.2")));

    ProbeLab lab;
    KernelSockets::Path path;
    path.source = source;
    path.network_namespace = network->namespace_fd();
    lab.kernel_sockets.set_path(7, path);
    CheckSettings check = check_of(*Endpoint::parse("198.51.100.1:80"), TcpCheck());
    check.target.path = 7;
    lab.start(check);

    const auto syn = next_tcp(network->tun_fd());
    ASSERT_TRUE(syn);
    const std::array<uint8_t, 8> addresses{198, 18, 0, 1, 198, 51, 100, 1};
    EXPECT_TRUE(std::equal(addresses.begin(), addresses.end(), syn->begin() + 12));
    EXPECT_EQ((*syn)[33] & 0x3f, 0x02);
    EXPECT_EQ(lab.result(), std::nullopt);
    const Packet reply = syn_ack_to(*syn);
    ASSERT_EQ(::write(network->tun_fd(), reply.data(), reply.size()),
              static_cast<ssize_t>(reply.size()));
    std::optional<ProbeResult> result;
    ASSERT_TRUE(lab.run_until([&] {
        result = lab.result();
        return result.has_value();
    }));
    EXPECT_EQ(result->outcome, Outcome::kPassed) << result->text;
}

}  // namespace
}  // namespace director::healthcheck::test
