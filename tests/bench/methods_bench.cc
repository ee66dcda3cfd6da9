// Nanoseconds per packet of established connections by each forwarding method, beside those of NAT
// of IPv4, and of NAT of the family that the client uses, in the same run: cases take turns, so
// that what disturbs the machine disturbs all.
//
//   methods_bench [CONNECTIONS [ROUNDS [NAME]]]   (100000 and 31; a build with --buildtype=release)
//
// With a NAME, only the methods whose names begin so; NAT is the first of them then. Frames begin
// 128 bytes into buffers of their own, on a cache line, as in mbufs, and are in no cache when they
// are received. The figure of a case is the lower decile of many short slices: what the machine
// does while nobody disturbs it.
#include <emmintrin.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <string_view>
#include <utility>

#include "common/assert.h"
#include "common/random.h"
#include "tests/support/nat_lab.h"
#include "tests/support/packet_reader.h"

namespace director::bench {
namespace {

using namespace dataplane;      // NOLINT(google-build-using-namespace): what is measured
using namespace test::nat_lab;  // NOLINT(google-build-using-namespace): its surroundings
using test::Frame;
using test::PacketBuilder;
using test::WorkerFleet;

constexpr size_t kSlotBytes = 384;
constexpr size_t kHeadroomBytes = 128;
constexpr size_t kPacketsPerRound = 8192;
constexpr size_t kPacketsPerSlice = 1024;

struct alignas(64) Slot : std::array<uint8_t, kSlotBytes> {};

struct Method {
    const char* name;
    ForwardingMethod forwarding;
    IpAddress vip;
    IpAddress server;
    Tunnel tunnel = {};
    Direction direction = Direction::kClientToServer;
};

[[nodiscard]] std::vector<Method> methods() {
    constexpr auto kBack = Direction::kServerToClient;
    const Tunnel gre{TunnelKind::kGre, TunnelChecksum::kNone, {}};
    const Tunnel gue{TunnelKind::kGue, TunnelChecksum::kNone, Be16::from_host(6080)};
    return {{"nat ipv4", ForwardingMethod::kNat, kVip, kServer107},
            {"nat ipv4, back", ForwardingMethod::kNat, kVip, kServer107, {}, kBack},
            {"full nat ipv4", ForwardingMethod::kFullNat, kVip, kServer107},
            {"full nat ipv4, back", ForwardingMethod::kFullNat, kVip, kServer107, {}, kBack},
            {"direct ipv4", ForwardingMethod::kDirect, kVip, kServer107},
            {"ipip 4in4", ForwardingMethod::kTunnel, kVip, kServer107},
            {"gre 4in4", ForwardingMethod::kTunnel, kVip, kServer107, gre},
            {"gue 4in4", ForwardingMethod::kTunnel, kVip, kServer107, gue},
            {"nat ipv6", ForwardingMethod::kNat, kVip6, kServer107v6},
            {"nat ipv6, back", ForwardingMethod::kNat, kVip6, kServer107v6, {}, kBack},
            {"full nat ipv6", ForwardingMethod::kFullNat, kVip6, kServer107v6},
            {"full nat ipv6, back", ForwardingMethod::kFullNat, kVip6, kServer107v6, {}, kBack},
            {"direct ipv6", ForwardingMethod::kDirect, kVip6, kServer107v6},
            {"ipip 6in4", ForwardingMethod::kTunnel, kVip6, kServer107},
            {"ipip 6in6", ForwardingMethod::kTunnel, kVip6, kServer107v6},
            {"full nat 6 to 4", ForwardingMethod::kFullNat, kVip6, kServer107},
            {"full nat 6 to 4, back", ForwardingMethod::kFullNat, kVip6, kServer107, {}, kBack}};
}

// One method with its worker, its connections, and one established packet of each.
class Case {
  public:
    Case(const Method& method, uint32_t connections)
        : method_(method), fleet_(settings(connections)), order_(connections) {
        configure(fleet_);
        give_addresses(fleet_);
        std::vector<IpAddress> locals;
        for (uint8_t i = 0; i < 4; ++i) {
            locals.emplace_back(Ipv4Address::of(192, 168, 0, static_cast<uint8_t>(112 + i)));
            locals.push_back(ipv6_of(2, static_cast<uint16_t>(0x112 + i)));
        }
        fleet_.put_local_pool(1, locals);
        fleet_.put_service({method.vip, Be16::from_host(80), Protocol::kTcp},
                           "rr",
                           {{.endpoint = at(method.server, 80),
                             .forwarding = method.forwarding,
                             .tunnel = method.tunnel}},
                           {.local_pool = 1});
        std::iota(order_.begin(), order_.end(), 0U);
        for (uint32_t i = connections - 1; i > 0; --i) {
            std::swap(order_[i], order_[random_.below(uint64_t{i} + 1)]);
        }
        open(connections);
    }

    // Processes the next packets; the first round of all teaches connections their next hops.
    void run() {
        std::vector<uint8_t*> frames;
        for (size_t i = 0; i < kPacketsPerRound; ++i) {
            const Frame& frame = frames_[order_[next_++ % order_.size()]];
            uint8_t* const slot = slots_[i].data() + kHeadroomBytes;
            std::memcpy(slot, frame.data(), frame.size());
            frames.push_back(slot);
            for (size_t at = 0; at < kSlotBytes; at += 64) {
                _mm_clflush(slot - kHeadroomBytes + at);
            }
        }
        _mm_mfence();
        const uint64_t before = fleet_.worker(0).counters().forwarded;
        for (size_t first = 0; first < frames.size(); first += kPacketsPerSlice) {
            run_slice({frames.data() + first, kPacketsPerSlice});
        }
        DIRECTOR_ASSERT(fleet_.worker(0).counters().forwarded - before == frames.size());
    }

    [[nodiscard]] double nanoseconds() {
        std::sort(samples_.begin(), samples_.end());
        return samples_[samples_.size() / 10];
    }
    void forget_samples() { samples_.clear(); }
    [[nodiscard]] const char* name() const { return method_.name; }
    [[nodiscard]] Family family() const { return method_.vip.family(); }

  private:
    [[nodiscard]] static test::FleetSettings settings(uint32_t connections) {
        test::FleetSettings out{.checks_frames = false};
        out.worker.connections_max = connections;
        out.worker.details_max = connections;
        return out;
    }

    [[nodiscard]] Endpoint client(uint32_t i) const {
        const auto port = static_cast<uint16_t>(1024 + i / 120);
        return method_.vip.is_ipv4()
                   ? at(Ipv4Address::of(198, 51, 100, static_cast<uint8_t>(1 + i % 120)), port)
                   : at(far_client6(static_cast<uint16_t>(1 + i % 120)), port);
    }

    void open(uint32_t connections) {
        const bool is_back = method_.direction == Direction::kServerToClient;
        for (uint32_t i = 0; i < connections; ++i) {
            const Endpoint from = client(i);
            const auto packet = [&](uint8_t flags) {
                return from_client(from.address, method_.vip)
                    .tcp(from.port.host(), 80)
                    .tcp_flags(flags)
                    .build();
            };
            const test::Outcome opened = fleet_.send_one(kOutside, packet(test::kTcpSyn));
            DIRECTOR_ASSERT(opened.verdict == Verdict::kForward);
            DIRECTOR_ASSERT(fleet_.send_one(kOutside, packet(test::kTcpAck)).verdict ==
                            Verdict::kForward);
            if (is_back) {
                const Endpoint inside = test::decode(opened.bytes).source();
                frames_.push_back(from_server(method_.server, inside.address)
                                      .tcp(80, inside.port.host())
                                      .build());
            } else {
                frames_.push_back(packet(test::kTcpAck));
            }
        }
    }

    void run_slice(std::span<uint8_t* const> frames) {
        const auto start = std::chrono::steady_clock::now();
        for (size_t first = 0; first < frames.size(); first += kBurstMax) {
            receive(frames.subspan(first, kBurstMax));
            fleet_.worker(0).process(burst_, fleet_.clock.now());
        }
        const std::chrono::duration<double, std::nano> taken =
            std::chrono::steady_clock::now() - start;
        samples_.push_back(taken.count() / static_cast<double>(frames.size()));
    }

    // As the lcore loop does.
    void receive(std::span<uint8_t* const> frames) {
        const size_t length = frames_.front().size();
        burst_.count = static_cast<uint32_t>(frames.size());
        for (size_t i = 0; i < frames.size(); ++i) {
            Packet& packet = burst_.packets.at(i);
            packet.data = frames[i];
            __builtin_prefetch(packet.data);
            packet.length_bytes = static_cast<uint32_t>(length);
            packet.contiguous_bytes = packet.length_bytes;
            packet.headroom_bytes = kHeadroomBytes;
            packet.tailroom_bytes = 0;
            packet.in_port = method_.direction == Direction::kClientToServer ? kOutside : kInside;
            packet.ip_checksum = ChecksumCheck::kUnknown;
            packet.l4_checksum = ChecksumCheck::kUnknown;
        }
    }

    Method method_;
    WorkerFleet fleet_;
    Random random_{1};
    std::vector<uint32_t> order_;
    std::vector<Frame> frames_;
    std::vector<Slot> slots_ = std::vector<Slot>(kPacketsPerRound);
    size_t next_ = 0;
    Burst burst_;
    std::vector<double> samples_;
};

void run(uint32_t connections, int rounds, std::string_view wanted) {
    std::vector<std::unique_ptr<Case>> cases;
    for (const Method& method : methods()) {
        if (std::string_view(method.name).starts_with(wanted)) {
            cases.push_back(std::make_unique<Case>(method, connections));
        }
    }
    if (cases.empty()) {
        fmt::print(stderr, "methods_bench: no method is called {}\n", wanted);
        std::exit(1);
    }
    const size_t warm_up = connections / kPacketsPerRound + 1;
    for (const auto& one : cases) {
        for (size_t i = 0; i < warm_up; ++i) {
            one->run();
        }
        one->forget_samples();
    }
    for (int round = 0; round < rounds; ++round) {
        for (const auto& one : cases) {
            one->run();
        }
    }
    const double nat = cases.front()->nanoseconds();
    fmt::print("{} connections, one worker\n", connections);
    double nat_of_family = nat;  // each family's cases begin with NAT
    Family family = cases.front()->family();
    for (const auto& one : cases) {
        const double own = one->nanoseconds();
        if (one->family() != std::exchange(family, one->family())) {
            nat_of_family = own;
        }
        fmt::print("{:<24}{:8.1f} ns/packet{:8.2f} of NAT{:8.2f} of the family's NAT\n",
                   one->name(),
                   own,
                   own / nat,
                   own / nat_of_family);
    }
}

}  // namespace
}  // namespace director::bench

int main(int count, char** words) {
    const uint32_t connections =
        count > 1 ? static_cast<uint32_t>(std::strtoul(words[1], nullptr, 10)) : 100000;
    const int rounds = count > 2 ? std::atoi(words[2]) : 31;
    director::bench::run(connections, rounds, count > 3 ? words[3] : "");
    return 0;
}
