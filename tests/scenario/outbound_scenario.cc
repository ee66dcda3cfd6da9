// Source NAT: real servers' own connections to the outside, as iptables' MASQUERADE makes them;
// TCP, UDP, SCTP, ICMP echo, and errors about them.
#include <set>

#include <catch2/catch.hpp>

#include "tests/support/packet_pieces.h"
#include "tests/support/sim_net.h"

namespace director::test {
namespace {

using namespace nat_lab;    // NOLINT(google-build-using-namespace): the laboratory's addresses
using namespace dataplane;  // NOLINT(google-build-using-namespace): the unit under test

constexpr Ipv4Address kMasquerade = Ipv4Address::of(170, 210, 122, 125);
constexpr IpAddress kMasquerade6 = ipv6_of(1, 0x125);

void masquerade(WorkerFleet& fleet) {
    fleet.put_local_pool(1, {kMasquerade, kMasquerade6});
    put_source_nat(fleet, 1);
}

struct Row {
    IpAddress server;
    IpAddress remote;
    IpAddress local;
};

[[nodiscard]] Row row_of(bool is_ipv6) {
    return is_ipv6 ? Row{kServer107v6, far_client6(9), kMasquerade6}
                   : Row{kServer107, kFarClient, kMasquerade};
}

[[nodiscard]] PacketBuilder from_outside(const IpAddress& remote, const IpAddress& to) {
    return PacketBuilder().eth(kRouterMac, kDirectorMac).ip(remote, to);
}

SCENARIO("real servers' own connections leave with a local address", "[outbound]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 2, 4);
    const Row row = row_of(GENERATE(false, true));
    const Protocol protocol = GENERATE(Protocol::kTcp, Protocol::kUdp, Protocol::kSctp);
    // A SYN, an INIT; or with `is_reply` what answers them.
    const auto add_l4 = [protocol](
                            PacketBuilder& builder, uint16_t from, uint16_t to, bool is_reply) {
        constexpr std::array<uint8_t, 16> kInit{0, 0, 0, 7, 0, 0, 16, 0, 0, 1, 0, 1, 0, 0, 0, 9};
        if (protocol == Protocol::kTcp) {
            builder.tcp(from, to).tcp_flags(is_reply ? kTcpSyn | kTcpAck : kTcpSyn);
        } else if (protocol == Protocol::kSctp) {
            builder.sctp(from, to).chunk(is_reply ? 2 : 1, 0, kInit);
        } else {
            builder.udp(from, to);
        }
    };
    GIVEN("source NAT for the real servers' network") {
        WorkerFleet fleet({.workers = workers});
        configure(fleet);
        masquerade(fleet);
        const auto out = [&](uint16_t port) {
            PacketBuilder builder = from_server(row.server, row.remote);
            add_l4(builder, port, 53, false);
            return fleet.send_one(kInside, builder.build());
        };
        WHEN("twenty connections go out, and are answered") {
            std::set<uint16_t> ports;
            for (uint16_t port = 4000; port < 4020; ++port) {
                const Outcome there = out(port);
                REQUIRE(there.verdict == Verdict::kForward);
                REQUIRE(there.out_port == kOutside);
                const DecodedFrame decoded = decode(there.bytes);
                REQUIRE(decoded.source().address == row.local);
                REQUIRE(decoded.destination() == at(row.remote, 53));
                ports.insert(decoded.source().port.host());
                PacketBuilder reply = from_outside(row.remote, row.local);
                const uint16_t local = decoded.source().port.host();
                add_l4(reply, 53, local, true);
                const Outcome back = fleet.send_one(kOutside, reply.build());
                REQUIRE(back.verdict == Verdict::kForward);
                REQUIRE(back.out_port == kInside);
                REQUIRE(decode(back.bytes).destination() == at(row.server, port));
                REQUIRE(decode(back.bytes).source() == at(row.remote, 53));
            }
            THEN("each has a port of its own, and keeps it") {
                REQUIRE(ports.size() == 20);
                REQUIRE(ports.contains(decode(out(4000).bytes).source().port.host()));
                REQUIRE(fleet.connections().size() == 20);
                fleet.check_gauges();
                fleet.run_for(std::chrono::seconds(901));
                REQUIRE(fleet.connections().empty());
                fleet.check_gauges();
            }
            THEN("a stranger's packet to such a port is none of theirs") {
                PacketBuilder stranger =
                    from_outside(row.local.is_ipv4() ? IpAddress(kClient) : kClient6, row.local);
                stranger.udp(53, *ports.begin());
                const Outcome outcome = fleet.send_one(kOutside, stranger.build());
                REQUIRE(decode(outcome.bytes).destination_address() == row.local);
            }
        }
        WHEN("they talk to their neighbours") {
            const bool is_ipv4 = row.server.is_ipv4();
            const Outcome inside =
                fleet.send_one(kInside,
                               from_server(row.server, is_ipv4 ? IpAddress(kInsideAddress) : kVip6)
                                   .udp(1, 53)
                                   .build());
            THEN("what is the director's own stays as it is") {
                REQUIRE(inside.verdict == Verdict::kPunt);
                REQUIRE(fleet.connections().empty());
            }
        }
    }
}

// RFC 5508 section 3.1; the identifier is the port.
SCENARIO("ICMP echo through source NAT", "[outbound]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 2, 4);
    const bool is_ipv6 = GENERATE(false, true);
    const Row row = row_of(is_ipv6);
    GIVEN("source NAT for the real servers' network") {
        WorkerFleet fleet({.workers = workers});
        configure(fleet);
        give_addresses(fleet);
        masquerade(fleet);
        const auto echo = [&](PacketBuilder builder, bool is_request, uint16_t id, uint16_t n) {
            is_ipv6 ? (is_request ? builder.icmpv6_echo(id, n) : builder.icmpv6_echo_reply(id, n))
                    : (is_request ? builder.icmp_echo(id, n) : builder.icmp_echo_reply(id, n));
            return builder.payload("ping").build();
        };
        const IpAddress other = is_ipv6 ? kServer108v6 : IpAddress(kServer108);
        const auto ask = [&](const IpAddress& server, uint16_t id, uint16_t n) {
            return fleet.send_one(kInside, echo(from_server(server, row.remote), true, id, n));
        };
        WHEN("two real servers ping one machine by the same identifier") {
            const Outcome first = ask(row.server, 7, 1);
            const Outcome second = ask(other, 7, 1);
            const auto id_of = [](const Outcome& outcome) {
                return static_cast<uint16_t>(decode(outcome.bytes).icmp->rest >> 16);
            };
            THEN("each goes out with one of its own, and its answers come back to it") {
                for (const Outcome& outcome : {first, second}) {
                    REQUIRE(outcome.verdict == Verdict::kForward);
                    REQUIRE(outcome.out_port == kOutside);
                    REQUIRE(decode(outcome.bytes).source_address() == row.local);
                    REQUIRE(bad_checksums(outcome.bytes).empty());
                }
                REQUIRE(id_of(first) != id_of(second));
                REQUIRE(id_of(ask(row.server, 7, 2)) == id_of(first));
                for (const auto& [sent, server] :
                     {std::pair(first, row.server), std::pair(second, other)}) {
                    const Outcome back = fleet.send_one(
                        kOutside, echo(from_outside(row.remote, row.local), false, id_of(sent), 1));
                    REQUIRE(back.verdict == Verdict::kForward);
                    REQUIRE(back.out_port == kInside);
                    REQUIRE(decode(back.bytes).destination_address() == server);
                    REQUIRE(id_of(back) == 7);
                }
                REQUIRE(fleet.connections().size() == 2);
                fleet.check_gauges();
                AND_THEN("30 s later they are forgotten") {
                    fleet.run_for(std::chrono::seconds(31));
                    REQUIRE(fleet.connections().empty());
                    fleet.check_gauges();
                }
            }
            THEN("an error about one comes to who sent it, in its own words") {
                const uint8_t type = is_ipv6 ? 3 : 11;  // time exceeded
                const Outcome back = fleet.send_one(
                    kOutside,
                    from_outside(is_ipv6 ? ipv6_of(1, 1) : Ipv4Address::of(170, 210, 122, 1),
                                 row.local)
                        .icmp(type, 0, 0)
                        .payload(ip_packet_of(second.bytes))
                        .build());
                REQUIRE(back.verdict == Verdict::kForward);
                const DecodedFrame error = decode(back.bytes);
                REQUIRE(error.destination_address() == other);
                const DecodedFrame quoted = decode_quote(error.payload);
                REQUIRE(quoted.source_address() == other);
                REQUIRE(quoted.icmp->rest >> 16 == 7);
                REQUIRE(bad_checksums_of_ip(error.payload).empty());
            }
        }
        WHEN("an answer comes that nobody asked for") {
            const Outcome stray =
                fleet.send_one(kOutside, echo(from_outside(row.remote, row.local), false, 5000, 1));
            const Outcome inside =
                fleet.send_one(kInside, echo(from_server(row.server, row.remote), false, 7, 1));
            THEN("it opens nothing") {
                REQUIRE(decode(stray.bytes).destination_address() == row.local);
                REQUIRE(decode(inside.bytes).source_address() == row.server);
                REQUIRE(fleet.connections().empty());
            }
        }
        WHEN("the virtual address is pinged") {
            const Outcome ping = fleet.send_one(
                kOutside,
                echo(from_outside(row.remote, is_ipv6 ? kVip6 : IpAddress(kVip)), true, 1, 1));
            THEN("that is the kernel's, as ever") {
                REQUIRE(ping.verdict == Verdict::kPunt);
            }
        }
    }
}

}  // namespace
}  // namespace director::test
