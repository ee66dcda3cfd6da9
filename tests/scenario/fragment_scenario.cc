// Fragments of packets with ports: all of a datagram go where its first one goes, in any order, and
// what a translation does to the whole datagram is what it does to its pieces.
#include <algorithm>

#include <catch2/catch.hpp>

#include "common/random.h"
#include "tests/support/packet_bytes.h"
#include "tests/support/packet_pieces.h"
#include "tests/support/sim_net.h"

namespace director::test {
namespace {

using namespace nat_lab;    // NOLINT(google-build-using-namespace): the laboratory's addresses
using namespace dataplane;  // NOLINT(google-build-using-namespace): the unit under test

struct Row {
    IpAddress vip;
    IpAddress client;
    IpAddress server;
    ForwardingMethod method;
};

[[nodiscard]] std::vector<Row> rows() {
    std::vector<Row> out;
    for (const ForwardingMethod method :
         {ForwardingMethod::kNat, ForwardingMethod::kFullNat, ForwardingMethod::kDirect}) {
        out.push_back({kVip, kClient, kServer107, method});
        out.push_back({kVip6, kClient6, kServer107v6, method});
    }
    return out;
}

// The datagram that fragments make up, in whatever order they are, as a frame of its own.
[[nodiscard]] Frame joined(const std::vector<Frame>& fragments) {
    Frame header;
    std::map<size_t, Frame> data;
    for (const Frame& fragment : fragments) {
        const DecodedFrame decoded = decode(fragment);
        const Frame packet = ip_packet_of(fragment);
        const size_t offset =
            decoded.ipv4 ? decoded.ipv4->fragment_offset : decoded.ipv6->fragment_offset;
        data[offset] = Frame(packet.begin() + decoded.ip_header_bytes(), packet.end());
    }
    const DecodedFrame first = decode(fragments.front());
    Frame body;
    for (const auto& [offset, bytes] : data) {
        REQUIRE(offset == body.size());
        put_bytes(body, bytes);
    }
    PacketBuilder whole;
    whole.eth(first.ethernet->source, first.ethernet->destination)
        .ip(first.source_address(), first.destination_address())
        .ttl(first.ttl())
        .ip_protocol(first.protocol())
        .payload(body);
    return whole.build();
}

SCENARIO("fragments go where their datagram's first one goes", "[fragments]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 2, 4);
    const Row row = GENERATE(from_range(rows()));
    const uint64_t seed = GENERATE(1U, 2U, 3U, 4U);
    CAPTURE(workers, seed);
    GIVEN("a UDP service") {
        WorkerFleet fleet({.workers = workers});
        configure(fleet);
        fleet.put_local_pool(1, {kLocal, kLocal6});
        const auto service =
            fleet.put_service({row.vip, Be16::from_host(53), Protocol::kUdp},
                              "rr",
                              {{.endpoint = at(row.server, 53), .forwarding = row.method}},
                              {.local_pool = 1});
        Random random(seed);
        WHEN("a client sends large datagrams whose fragments arrive in any order") {
            for (uint32_t id = 1; id <= 6; ++id) {
                const size_t length = 2000 + random.below(6000);
                const auto port = static_cast<uint16_t>(1000 + random.below(20));
                std::vector<Frame> fragments = fragments_of(
                    from_client(row.client, row.vip).udp(port, 53).payload_size(length).build(),
                    1200,
                    id);
                for (size_t i = fragments.size() - 1; i > 0; --i) {
                    std::swap(fragments[i], fragments[random.below(i + 1)]);
                }
                std::vector<FrameIn> in;
                in.reserve(fragments.size());
                for (const Frame& fragment : fragments) {
                    in.push_back({.port = kOutside, .bytes = fragment});
                }
                std::vector<Frame> out;
                for (const Outcome& outcome : fleet.send(in)) {
                    REQUIRE(outcome.verdict == Verdict::kForward);
                    REQUIRE(outcome.out_port == kInside);
                    out.push_back(outcome.bytes);
                }
                const Frame whole = joined(out);
                REQUIRE(bad_checksums(whole).empty());
                const DecodedFrame decoded = decode(whole);
                REQUIRE(decoded.payload.size() == length);
                const bool is_direct = row.method == ForwardingMethod::kDirect;
                REQUIRE(decoded.destination() == at(is_direct ? row.vip : row.server, 53));
            }
            THEN("each fragment was one packet of its connection") {
                const auto counted = fleet.server_counters(service, at(row.server, 53));
                REQUIRE(counted.packets_in > 12);
                fleet.check_gauges();
                fleet.run_for(std::chrono::seconds(301));
                REQUIRE(fleet.connections().empty());
                fleet.check_gauges();
            }
        }
    }
}

SCENARIO("hostile fragments are dropped by reason", "[fragments]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 4);
    GIVEN("a UDP service") {
        WorkerFleet fleet({.workers = workers});
        configure(fleet);
        fleet.put_service(kDns, "rr", {{at(kServer107, 53)}});
        const Frame whole = from_client(kClient, kVip).udp(5, 53).payload_size(3000).build();
        const std::vector<Frame> good = fragments_of(whole, 1200, 7);
        REQUIRE(good.size() == 3);
        WHEN("the first fragment never comes") {
            const Outcome held = fleet.send_one(kOutside, good[1]);
            THEN("the others are kept for a second, not longer, and counted") {
                REQUIRE(held.verdict == Verdict::kHold);
                fleet.run_for(std::chrono::seconds(3));
                REQUIRE(fleet.dropped(DropReason::kFragmentLate) == 1);
                REQUIRE(fleet.connections().empty());
            }
        }
        WHEN("a fragment comes twice") {
            REQUIRE(fleet.send_one(kOutside, good[0]).verdict == Verdict::kForward);
            REQUIRE(fleet.send_one(kOutside, good[1]).verdict == Verdict::kForward);
            THEN("once is enough") {
                REQUIRE(fleet.send_one(kOutside, good[1]).drop_reason ==
                        DropReason::kFragmentDuplicate);
                REQUIRE(fleet.send_one(kOutside, good[2]).verdict == Verdict::kForward);
            }
        }
        WHEN("a fragment overlaps another") {
            REQUIRE(fleet.send_one(kOutside, good[0]).verdict == Verdict::kForward);
            const Frame overlap = from_client(kClient, kVip)
                                      .ip_id(7)
                                      .ip_protocol(17)
                                      .more_fragments()
                                      .fragment_offset(1192)
                                      .payload_size(64)
                                      .build();
            THEN("nothing of the datagram goes on any more (RFC 5722)") {
                REQUIRE(fleet.send_one(kOutside, overlap).drop_reason ==
                        DropReason::kFragmentOverlap);
                REQUIRE(fleet.send_one(kOutside, good[1]).drop_reason ==
                        DropReason::kFragmentOverlap);
            }
        }
        WHEN("ten thousand strangers' later fragments come in a flood") {
            for (uint32_t i = 0; i < 10000; ++i) {
                const Frame flood = from_client(Ipv4Address::from_host(0xc6336401 + i % 200), kVip)
                                        .ip_id(static_cast<uint16_t>(i))
                                        .ip_protocol(17)
                                        .fragment_offset(800)
                                        .payload_size(100)
                                        .build();
                (void)fleet.send_one(kOutside, flood);
            }
            THEN("most are dropped at once, and a client's datagram still goes through") {
                REQUIRE(fleet.dropped(DropReason::kFragmentTableFull) > 8000);
                for (const Frame& fragment : good) {
                    REQUIRE(fleet.send_one(kOutside, fragment).verdict == Verdict::kForward);
                }
                fleet.run_for(std::chrono::seconds(40));
                fleet.check_gauges();
            }
        }
    }
}

// RFC 7915 sections 4.1 and 5.1.1.
SCENARIO("fragments are translated between IPv6 and IPv4", "[fragments]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 4);
    GIVEN("a service from IPv6 to IPv4") {
        WorkerFleet fleet({.workers = workers});
        configure(fleet);
        fleet.put_local_pool(1, {kLocal});
        const auto service = fleet.put_service(
            {kVip6, Be16::from_host(53), Protocol::kUdp},
            "rr",
            {{.endpoint = at(kServer107, 53), .forwarding = ForwardingMethod::kFullNat}},
            {.local_pool = 1});
        WHEN("a client sends a large datagram in fragments, the last one first") {
            auto fragments = fragments_of(
                from_client(kClient6, kVip6).udp(5, 53).payload_size(3000).build(), 1200, 0x56789);
            std::reverse(fragments.begin(), fragments.end());
            std::vector<FrameIn> in;
            in.reserve(fragments.size());
            for (const Frame& fragment : fragments) {
                in.push_back({.port = kOutside, .bytes = fragment});
            }
            std::vector<Frame> out;
            for (const Outcome& outcome : fleet.send(in)) {
                REQUIRE(outcome.verdict == Verdict::kForward);
                out.push_back(outcome.bytes);
            }
            THEN("the server gets them as IPv4 fragments, with the right checksum over the whole") {
                for (const Frame& fragment : out) {
                    const DecodedFrame decoded = decode(fragment);
                    REQUIRE(decoded.ipv4);
                    REQUIRE(decoded.ipv4->id == 0x6789);
                    REQUIRE_FALSE(decoded.ipv4->dont_fragment);
                }
                const Frame whole = joined(out);
                REQUIRE(bad_checksums(whole).empty());
                REQUIRE(decode(whole).payload.size() == 3000);
                REQUIRE(decode(whole).destination() == at(kServer107, 53));
                REQUIRE(fleet.server_counters(service, at(kServer107, 53)).packets_in == 3);
                AND_WHEN("it answers with fragments of the longest kind") {
                    const auto port = decode(whole).source().port.host();
                    const Frame reply =
                        from_server(kServer107, kLocal).udp(53, port).payload_size(4000).build();
                    std::vector<Frame> back;
                    for (const Frame& fragment : fragments_of(reply, 1480, 0x1234)) {
                        const Outcome outcome = fleet.send_one(kInside, fragment);
                        // 20 + 1480 become 40 + 8 + 1480, which is more than 1500.
                        const bool is_long = outcome.bytes.size() > 1514;
                        REQUIRE(outcome.verdict ==
                                (is_long ? Verdict::kForwardCut : Verdict::kForward));
                        REQUIRE(outcome.fragment_mtu == (is_long ? 1500 : 0));
                        back.push_back(outcome.bytes);
                    }
                    THEN(
                        "the client gets IPv6 fragments, to be cut further where they are too "
                        "long") {
                        REQUIRE(back.size() == 3);
                        for (const Frame& fragment : back) {
                            REQUIRE(decode(fragment).ipv6->fragment_id == 0x1234);
                        }
                        const Frame joined_back = joined(back);
                        REQUIRE(bad_checksums(joined_back).empty());
                        REQUIRE(decode(joined_back).source() == at(kVip6, 53));
                        REQUIRE(decode(joined_back).destination() == at(kClient6, 5));
                        REQUIRE(decode(joined_back).payload.size() == 4000);
                    }
                }
                AND_WHEN("it answers without a checksum") {
                    const auto port = decode(whole).source().port.host();
                    const Frame reply = from_server(kServer107, kLocal)
                                            .udp(53, port)
                                            .no_udp_checksum()
                                            .payload_size(2000)
                                            .build();
                    THEN("that is dropped, for IPv6 needs one over all of it (RFC 7915 4.5)") {
                        const auto pieces = fragments_of(reply, 1480, 1);
                        REQUIRE(fleet.send_one(kInside, pieces[0]).drop_reason ==
                                DropReason::kFragment);
                    }
                }
                AND_WHEN(
                    "it answers with a packet that is too long for IPv6 by its headers alone") {
                    const auto port = decode(whole).source().port.host();
                    PacketBuilder reply = from_server(kServer107, kLocal);
                    reply.udp(53, port).ip_id(77).payload_size(1472);
                    THEN("it is to be cut if it may be, else the server is told") {
                        const Outcome cut = fleet.send_one(kInside, reply.build());
                        REQUIRE(cut.verdict == Verdict::kForwardCut);
                        REQUIRE(cut.fragment_mtu == 1500);
                        REQUIRE_FALSE(decode(cut.bytes).ipv6->has_fragment_header);
                        const Outcome told = fleet.send_one(kInside, reply.dont_fragment().build());
                        REQUIRE(told.verdict == Verdict::kDrop);  // no address to sign with here
                        REQUIRE(told.drop_reason == DropReason::kExceedsMtu);
                    }
                }
            }
        }
    }
}

// RFC 791 section 3.2: a router cuts what is too long, if it may.
SCENARIO("packets that are too long for their way out", "[fragments]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 4);
    GIVEN("a router with a narrow network behind it, and services") {
        WorkerFleet fleet({.workers = workers});
        configure(fleet);
        const Ipv4Address narrow = Ipv4Address::of(10, 40, 0, 9);
        fleet.put_neighbour(kNarrowInterface, narrow, kServer107Mac);
        fleet.put_service(
            kDns, "rr", {{.endpoint = at(narrow, 53), .forwarding = ForwardingMethod::kNat}});
        const auto large = [](const IpAddress& to) {
            return from_client(kClient, to).udp(5, 53).payload_size(1000);
        };
        WHEN("a packet is routed there") {
            const Outcome cut = fleet.send_one(kOutside, large(narrow).build());
            const Outcome forbidden =
                fleet.send_one(kOutside, large(narrow).dont_fragment().build());
            THEN("it is to be cut, unless that is forbidden") {
                REQUIRE(cut.verdict == Verdict::kForwardCut);
                REQUIRE(cut.fragment_mtu == 576);
                REQUIRE(forbidden.drop_reason == DropReason::kExceedsMtu);
            }
        }
        WHEN("a service's packet goes there") {
            const Outcome cut = fleet.send_one(kOutside, large(kVip).build());
            const Outcome small =
                fleet.send_one(kOutside, from_client(kClient, kVip).udp(5, 53).build());
            THEN("it is to be cut too, and its connection's next is not") {
                REQUIRE(cut.verdict == Verdict::kForwardCut);
                REQUIRE(cut.fragment_mtu == 576);
                REQUIRE(decode(cut.bytes).destination() == at(narrow, 53));
                REQUIRE(small.verdict == Verdict::kForward);
            }
        }
        WHEN("the next hop's MAC address is not known yet") {
            fleet.remove_neighbour(kNarrowInterface, narrow);
            const Outcome waits = fleet.send_one(kOutside, large(kVip).build());
            THEN("it waits to be cut") {
                REQUIRE(waits.verdict == Verdict::kPuntForNeighbour);
                REQUIRE(waits.fragment_mtu == 576);
            }
        }
    }
    GIVEN("a service behind a tunnel") {
        const bool is_outer_ipv6 = GENERATE(false, true);
        WorkerFleet fleet({.workers = workers});
        configure(fleet);
        give_addresses(fleet);
        const IpAddress server = is_outer_ipv6 ? kServer107v6 : IpAddress(kServer107);
        fleet.put_service(
            kDns, "rr", {{.endpoint = at(server, 53), .forwarding = ForwardingMethod::kTunnel}});
        WHEN("a client's packet fits the link, but not within the tunnel") {
            PacketBuilder packet = from_client(kClient, kVip);
            packet.udp(5, 53).payload_size(1472);
            const Outcome first = fleet.send_one(kOutside, packet.build());
            const Outcome second = fleet.send_one(kOutside, packet.build());
            const Outcome forbidden = fleet.send_one(kOutside, packet.dont_fragment().build());
            THEN("the outer packet is to be cut, as IPVS does, unless that is forbidden") {
                for (const Outcome& outcome : {first, second}) {
                    REQUIRE(outcome.verdict == Verdict::kForwardCut);
                    REQUIRE(outcome.fragment_mtu == 1500);
                    REQUIRE(decode(outcome.bytes).destination_address() == server);
                }
                if (!is_outer_ipv6) {
                    REQUIRE_FALSE(decode(first.bytes).ipv4->dont_fragment);
                    REQUIRE(decode(first.bytes).ipv4->id != decode(second.bytes).ipv4->id);
                }
                REQUIRE(forbidden.verdict != Verdict::kForwardCut);
                REQUIRE(fleet.dropped(DropReason::kExceedsMtu) == 1);
            }
        }
    }
}

// SCTP's CRC is over the whole datagram and counts ports, not addresses (RFC 9260 section 6.8): the
// first fragment waits for the last, which tells by how much it changes.
SCENARIO("fragments of SCTP", "[fragments]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 3);
    std::vector<Row> kinds = rows();
    kinds.push_back({kVip6, kClient6, kServer107, ForwardingMethod::kFullNat});
    const Row row = GENERATE_COPY(from_range(kinds));
    const bool is_direct = row.method == ForwardingMethod::kDirect;
    const uint16_t server_port = is_direct ? 132 : 1320;
    Random random(GENERATE(1U, 2U, 3U));
    CAPTURE(workers, static_cast<int>(row.method), row.vip.is_ipv4());
    // The fragments of a datagram in random order, and what comes out of the other side.
    const auto forwarded = [&random](
                               WorkerFleet& fleet, PortId port, const Frame& whole, uint32_t id) {
        std::vector<Frame> fragments = fragments_of(whole, 1200, id);
        for (size_t i = fragments.size() - 1; i > 0; --i) {
            std::swap(fragments[i], fragments[random.below(i + 1)]);
        }
        std::vector<FrameIn> in;
        in.reserve(fragments.size());
        for (const Frame& fragment : fragments) {
            in.push_back({.port = port, .bytes = fragment});
        }
        std::vector<Frame> out;
        for (const Outcome& outcome : fleet.send(in)) {
            REQUIRE(outcome.verdict == Verdict::kForward);
            out.push_back(outcome.bytes);
        }
        return joined(out);
    };
    GIVEN("an association with a service whose server is on another port") {
        WorkerFleet fleet({.workers = workers});
        configure(fleet);
        fleet.put_local_pool(1, {kLocal, kLocal6});
        fleet.put_service({row.vip, Be16::from_host(132), Protocol::kSctp},
                          "rr",
                          {{.endpoint = at(row.server, server_port), .forwarding = row.method}},
                          {.local_pool = 1});
        const std::vector<uint8_t> init{0, 0, 0, 7, 0, 0, 16, 0, 0, 1, 0, 1, 0, 0, 0, 9};
        const Outcome first = fleet.send_one(
            kOutside, from_client(row.client, row.vip).sctp(40000, 132).chunk(1, 0, init).build());
        REQUIRE(first.verdict == Verdict::kForward);
        WHEN("both sides send datagrams in fragments, in any order") {
            THEN("all go on, and each datagram's checksum is right") {
                const Endpoint client = decode(first.bytes).source();
                for (uint32_t id = 1; id <= 6; ++id) {
                    const std::vector<uint8_t> data(1300 + random.below(6000), 0x5a);
                    const Frame asked = forwarded(
                        fleet,
                        kOutside,
                        from_client(row.client, row.vip).sctp(40000, 132).chunk(0, 3, data).build(),
                        id);
                    REQUIRE(bad_checksums(asked).empty());
                    REQUIRE(decode(asked).destination() ==
                            (is_direct ? at(row.vip, 132) : at(row.server, server_port)));
                    if (is_direct) {
                        continue;
                    }
                    const Frame answered = forwarded(fleet,
                                                     kInside,
                                                     from_server(row.server, client.address)
                                                         .sctp(server_port, client.port.host())
                                                         .chunk(0, 3, data)
                                                         .build(),
                                                     id);
                    REQUIRE(bad_checksums(answered).empty());
                    REQUIRE(decode(answered).source() == at(row.vip, 132));
                    REQUIRE(decode(answered).destination() == at(row.client, 40000));
                }
                fleet.check_gauges();
            }
        }
        WHEN("a datagram's last fragment does not come") {
            const std::vector<uint8_t> data(3000, 0x5a);
            const Frame whole =
                from_client(row.client, row.vip).sctp(40000, 132).chunk(0, 3, data).build();
            const std::vector<Frame> fragments = fragments_of(whole, 1200, 7);
            THEN("the others wait for a second, not longer, and are counted") {
                for (size_t i = 0; i + 1 < fragments.size(); ++i) {
                    REQUIRE(fleet.send_one(kOutside, fragments[i]).verdict == Verdict::kHold);
                }
                fleet.run_for(std::chrono::seconds(3));
                REQUIRE(fleet.dropped(DropReason::kFragmentLate) == fragments.size() - 1);
            }
        }
    }
}

}  // namespace
}  // namespace director::test
