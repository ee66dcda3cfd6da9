// Random traffic, whole and broken, through random configurations: every forwarding method, both
// families and the way between them, tunnels, helpers, fragments, frames in pieces. Nothing is said
// of what becomes of each frame but what the fleet holds the dataplane to after every burst: one
// verdict each, books that balance, checksums that stay as right as they were.
#include <algorithm>
#include <deque>

#include <catch2/catch.hpp>

#include "common/random.h"
#include "tests/support/packet_pieces.h"
#include "tests/support/sim_net.h"

namespace director::test {
namespace {

using namespace nat_lab;    // NOLINT(google-build-using-namespace): the laboratory's addresses
using namespace dataplane;  // NOLINT(google-build-using-namespace): the unit under test

constexpr std::array kPorts{std::pair(Protocol::kTcp, uint16_t{80}),
                            std::pair(Protocol::kTcp, uint16_t{21}),
                            std::pair(Protocol::kUdp, uint16_t{53}),
                            std::pair(Protocol::kSctp, uint16_t{9})};

// The traffic of one story.
class Traffic {
  public:
    explicit Traffic(uint64_t seed)
        : random_(seed),
          is_ipv6_(chance(2)),
          is_six_to_four_(is_ipv6_ && chance(3)),
          is_mutating_(chance(3)),
          fleet_(settings()) {
        configure(fleet_);
        if (chance(2)) {
            give_addresses(fleet_);
        }
        fleet_.put_local_pool(1, {kLocal, kLocal6}, 2000, 2063);
        method_ = is_six_to_four_ ? ForwardingMethod::kFullNat
                                  : std::array{ForwardingMethod::kNat,
                                               ForwardingMethod::kFullNat,
                                               ForwardingMethod::kDirect,
                                               ForwardingMethod::kTunnel}[random_.below(4)];
        put_services();
        if (chance(2)) {
            put_source_nat(fleet_, 1);
        }
    }

    void run(uint32_t bursts) {
        for (uint32_t i = 0; i < bursts; ++i) {
            std::vector<FrameIn> in;
            while (in.size() < 1 + random_.below(40)) {
                add(in, chance(3) && !answers_.empty() ? answer() : question());
            }
            for (const Outcome& outcome : fleet_.send(in)) {
                remember(outcome);
            }
            if (chance(8)) {
                fleet_.run_for(std::chrono::seconds(random_.below(90)));
            }
            if (chance(16)) {
                put_services();
            }
        }
        static_cast<void>(fleet_.take_made_frames());
        fleet_.check_gauges();
        fleet_.run_for(std::chrono::seconds(1000));
        fleet_.check_gauges();
        REQUIRE(fleet_.report().totals.received > bursts);
    }

  private:
    [[nodiscard]] bool chance(uint32_t one_in) { return random_.below(one_in) == 0; }

    [[nodiscard]] FleetSettings settings() {
        FleetSettings settings;
        settings.workers = static_cast<uint16_t>(1 + random_.below(3));
        settings.burst = chance(4) ? 1 : kBurstMax;
        settings.checks_frames = !is_mutating_;
        settings.tailroom_bytes = chance(2) ? 600 : 0;
        settings.templates_max = 64;
        settings.limited_clients_max = 64;
        settings.worker.connections_max = 64U << random_.below(4);
        settings.worker.details_max = 64U << random_.below(4);
        settings.worker.ftp_controls_max = 4;
        settings.worker.when_full = chance(2) ? WhenFull::kRefuse : WhenFull::kEvictHalfOpen;
        settings.worker.decrement_ttl = !chance(4);
        return settings;
    }

    void put_services() {
        const IpAddress vip = is_ipv6_ ? kVip6 : IpAddress(kVip);
        const bool has_ipv6_servers =
            (is_ipv6_ && !is_six_to_four_) || (method_ == ForwardingMethod::kTunnel && chance(2));
        for (const auto& [protocol, port] : kPorts) {
            ServiceOptions options{.local_pool = 1};
            options.is_one_packet = protocol == Protocol::kUdp && chance(6);
            options.has_ftp_helper = port == 21;
            options.clamp_mss = chance(2);
            options.persistence_seconds = chance(3) ? 60 : 0;
            options.connections_max = chance(6) ? 10 : 0;
            const bool answers_pass =
                method_ == ForwardingMethod::kNat || method_ == ForwardingMethod::kFullNat;
            if (protocol == Protocol::kTcp && port == 80 && answers_pass) {
                options.syn_proxy = chance(3) ? SynProxy::kAlways : SynProxy::kOff;
                options.client_address = options.syn_proxy == SynProxy::kOff && chance(4)
                                             ? ClientAddressVia::kProxyV2
                                             : ClientAddressVia::kNothing;
            }
            const bool is_direct =
                method_ == ForwardingMethod::kDirect || method_ == ForwardingMethod::kTunnel;
            const uint16_t server_port =
                is_direct || !chance(4) ? port : static_cast<uint16_t>(port + 8000);
            std::vector<ServerIn> servers;
            for (const IpAddress& address :
                 has_ipv6_servers ? std::array<IpAddress, 2>{kServer107v6, kServer108v6}
                                  : std::array<IpAddress, 2>{kServer107, kServer108}) {
                servers.push_back({.endpoint = at(address, server_port),
                                   .weight = 1,
                                   .forwarding = method_,
                                   .tunnel = tunnel()});
            }
            constexpr std::array kSchedulers{"rr", "wlc", "sh", "mh", "lblcr"};
            fleet_.put_service({vip, Be16::from_host(port), protocol},
                               kSchedulers[random_.below(kSchedulers.size())],
                               servers,
                               options);
        }
    }

    [[nodiscard]] Tunnel tunnel() {
        const auto kind = static_cast<TunnelKind>(random_.below(3));
        const auto checksum = kind == TunnelKind::kIpIp
                                  ? TunnelChecksum::kNone
                                  : static_cast<TunnelChecksum>(random_.below(2));
        return {.kind = kind, .checksum = checksum, .port = Be16::from_host(6080)};
    }

    void fill_transport(PacketBuilder& builder, uint16_t from, uint16_t to, Protocol protocol) {
        switch (protocol) {
            case Protocol::kTcp:
                builder.tcp(from, to)
                    .tcp_flags(chance(2) ? kTcpSyn : static_cast<uint8_t>(random_.below(64)))
                    .seq(static_cast<uint32_t>(random_.next()))
                    .ack(static_cast<uint32_t>(random_.next()));
                break;
            case Protocol::kSctp:
                builder.sctp(from, to).chunk(static_cast<uint8_t>(random_.below(16)), 0);
                return;  // chunks are all that it carries
            default:
                builder.udp(from, to);
        }
        constexpr std::array<size_t, 6> kSizes{0, 1, 100, 1000, 1400, 1440};
        builder.payload_size(kSizes[random_.below(kSizes.size())]);
    }

    // From a client to a service, or an echo, or from a server to the world.
    [[nodiscard]] FrameIn question() {
        const auto host = static_cast<uint16_t>(1 + random_.below(30));
        const IpAddress client =
            is_ipv6_ ? far_client6(host)
                     : IpAddress(Ipv4Address::of(198, 51, 100, static_cast<uint8_t>(host)));
        const IpAddress vip = is_ipv6_ ? kVip6 : IpAddress(kVip);
        const IpAddress server = is_ipv6_ ? kServer107v6 : IpAddress(kServer107);
        const bool is_outbound = chance(5);
        PacketBuilder builder =
            is_outbound ? from_server(server, client) : from_client(client, vip);
        const auto port = static_cast<uint16_t>(1000 + random_.below(4));
        if (chance(6)) {
            is_ipv6_ ? builder.icmpv6_echo(port, 1) : builder.icmp_echo(port, 1);
            builder.payload_size(random_.below(1400));
        } else {
            const auto& [protocol, to] = kPorts[random_.below(kPorts.size())];
            fill_transport(builder, port, to, protocol);
        }
        if (!is_ipv6_ && chance(2)) {
            builder.dont_fragment();
        }
        builder.ip_id(static_cast<uint16_t>(random_.next())).ttl(chance(10) ? 1 : 64);
        return {is_outbound ? kInside : kOutside, builder.build(), {}};
    }

    // What a server might say to a packet that it got.
    [[nodiscard]] FrameIn answer() {
        const DecodedFrame asked = decode(answers_[random_.below(answers_.size())]);
        const auto protocol = static_cast<Protocol>(asked.protocol());
        PacketBuilder builder = from_server(asked.destination_address(), asked.source_address());
        fill_transport(
            builder, asked.destination().port.host(), asked.source().port.host(), protocol);
        builder.ip_id(static_cast<uint16_t>(random_.next()));
        return {kInside, builder.build(), {}};
    }

    void remember(const Outcome& outcome) {
        if (outcome.verdict != Verdict::kForward || outcome.out_port != kInside) {
            return;
        }
        const DecodedFrame decoded = decode(outcome.bytes);
        if (decoded.problem.empty() && !decoded.is_later_fragment() &&
            (decoded.tcp || decoded.udp || decoded.sctp)) {
            answers_.push_back(outcome.bytes);
            if (answers_.size() > 50) {
                answers_.pop_front();
            }
        }
    }

    // As it is, in fragments, in pieces, or broken.
    void add(std::vector<FrameIn>& in, FrameIn frame) {
        if (chance(5) && decode(frame.bytes).is_ip()) {
            auto fragments = fragments_of(
                frame.bytes, 8 * (1 + random_.below(100)), static_cast<uint32_t>(random_.next()));
            fragments.resize(std::min<size_t>(fragments.size(), 8));
            if (chance(2)) {
                std::reverse(fragments.begin(), fragments.end());
            }
            for (const Frame& fragment : fragments) {
                in.push_back({frame.port, fragment, {}});
            }
            return;
        }
        if (chance(8)) {
            const auto bytes = static_cast<uint32_t>(14 + random_.below(frame.bytes.size()));
            frame.touch = [bytes](Packet& packet) {
                if (bytes < packet.contiguous_bytes) {
                    packet.contiguous_bytes = bytes;
                    packet.tailroom_bytes = 0;
                }
            };
        }
        if (is_mutating_ && chance(2)) {
            frame.bytes[random_.below(frame.bytes.size())] = static_cast<uint8_t>(random_.next());
            if (chance(4)) {
                frame.bytes.resize(1 + random_.below(frame.bytes.size()));
            }
        }
        in.push_back(std::move(frame));
    }

    Random random_;
    bool is_ipv6_;
    bool is_six_to_four_;
    bool is_mutating_;
    WorkerFleet fleet_;
    ForwardingMethod method_{};
    std::deque<Frame> answers_;  // frames that servers got
};

SCENARIO("random traffic through random configurations", "[random]") {
    // A failing seed is told by CAPTURE: put it here alone to run it again.
    const uint64_t seed = GENERATE(range(uint64_t{1}, uint64_t{61}));
    CAPTURE(seed);
    Traffic traffic(seed);
    REQUIRE_NOTHROW(traffic.run(60));
}

}  // namespace
}  // namespace director::test
