// Longer than 600 lines: one interpreter of one input format, whose opcodes share all of its state.
// Any frames, commands and jobs in any order through a worker with tiny tables. Whatever comes:
//
//   - nothing is read or written outside a frame's own bytes (AddressSanitizer; each frame ends
//     where its heap block ends);
//   - every packet has one verdict, and the counters say exactly what happened;
//   - a forwarded frame with right checksums came from one with right checksums, and its payload is
//     unchanged; a balanced or routed one has lost one from its TTL;
//   - what the control plane lent comes back once, and after all timeouts no connection is left.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/assert.h"
#include "dataplane/core/schedulers/schedulers.h"
#include "dataplane/core/worker.h"
#include "tests/fuzz/frame_fuzz_input.h"
#include "tests/support/frame_burst.h"
#include "tests/support/packet_builder.h"
#include "tests/support/packet_reader.h"

namespace director::test {
namespace {

using namespace dataplane;

constexpr uint32_t kConnectionsMax = 8;
constexpr uint32_t kServicesMax = 3;
constexpr uint32_t kServersMax = 6;
constexpr uint8_t kStepsMax = 255;

constexpr std::array<MacAddress, 2> kPortMacs{MacAddress{{2, 0, 0, 0, 1, 0}},
                                              MacAddress{{2, 0, 0, 0, 1, 1}}};
constexpr MacAddress kNeighbourMac{{2, 0, 0, 0, 2, 0}};
constexpr auto kVirtualAddress = Ipv4Address::of(170, 210, 122, 104);
constexpr uint16_t kVlan = 7;

[[nodiscard]] Ipv4Address client_address(uint8_t i) {
    return Ipv4Address::of(170, 210, 122, static_cast<uint8_t>(1 + i % 100));
}

[[nodiscard]] Ipv4Address server_address(uint32_t i) {
    return Ipv4Address::of(192, 168, 0, static_cast<uint8_t>(107 + i % kServersMax));
}

// The input's bytes, one after the other; zeros after its end.
class Input {
  public:
    Input(const uint8_t* data, size_t size) : rest_(data, size) {}

    [[nodiscard]] bool is_empty() const { return rest_.empty(); }
    [[nodiscard]] uint8_t take() {
        if (rest_.empty()) {
            return 0;
        }
        const uint8_t value = rest_.front();
        rest_ = rest_.subspan(1);
        return value;
    }
    [[nodiscard]] std::span<const uint8_t> take(size_t count) {
        const auto taken = rest_.first(std::min(count, rest_.size()));
        rest_ = rest_.subspan(taken.size());
        return taken;
    }

  private:
    std::span<const uint8_t> rest_;
};

// Longest match over five prefixes by looking at each; index 0 of `routes` is "none".
struct Routes {
    static constexpr size_t kCount = 5;
    std::array<IpPrefix, kCount> prefixes{IpPrefix{Ipv4Address::of(170, 210, 122, 0), 25},
                                          IpPrefix{Ipv4Address::of(192, 168, 0, 0), 24},
                                          IpPrefix{kVirtualAddress, 32},
                                          IpPrefix{Ipv4Address::of(10, 0, 0, 0), 8},
                                          IpPrefix{Ipv4Address::of(0, 0, 0, 0), 0}};
    RouteTable table;

    explicit Routes(InterfaceId outside) {
        table.lookup = {this, look_up, nullptr};
        table.routes = {Route{},
                        Route{RouteKind::kOnLink, outside, {}},
                        Route{RouteKind::kOnLink, InterfaceId{1}, {}},
                        Route{RouteKind::kLocal, outside, {}},
                        Route{RouteKind::kDiscard, {}, {}},
                        Route{RouteKind::kGateway, outside, client_address(0)}};
    }
    Routes(const Routes&) = delete;
    Routes& operator=(const Routes&) = delete;
    ~Routes() = default;

    static void look_up(const void* fib, const uint32_t* addresses, uint16_t* found, uint32_t n) {
        const auto& self = *static_cast<const Routes*>(fib);
        for (uint32_t i = 0; i < n; ++i) {
            found[i] = 0;
            int longest = -1;
            for (size_t j = 0; j < kCount; ++j) {
                const IpPrefix& prefix = self.prefixes.at(j);
                if (prefix.contains(Ipv4Address::from_host(addresses[i])) &&
                    prefix.length > longest) {
                    longest = prefix.length;
                    found[i] = static_cast<uint16_t>(j + 1);
                }
            }
        }
    }
};

[[nodiscard]] WorkerSettings tiny_settings(uint8_t shape) {
    WorkerSettings settings;
    settings.worker_count = (shape & 1) != 0 ? 2 : 1;
    settings.when_full = (shape & 2) != 0 ? WhenFull::kRefuse : WhenFull::kEvictHalfOpen;
    settings.decrement_ttl = (shape & 4) == 0;
    settings.punts_per_second = (shape & 8) != 0 ? 10 : 20000;
    settings.connections_max = kConnectionsMax;
    settings.services_max = kServicesMax;
    settings.real_servers_max = kServersMax;
    settings.neighbours_max = 4;
    return settings;
}

class Session {
  public:
    Session(const uint8_t* data, size_t size)
        : input_(data, size), settings_(tiny_settings(input_.take())), worker_(settings_) {
        DIRECTOR_ASSERT(worker_.is_ready());
        put_interface(InterfaceId{0}, PortId{0}, 0, 1500);
        put_interface(InterfaceId{1}, PortId{1}, 0, 1500);
        put_interface(InterfaceId{2}, PortId{0}, kVlan, 1400);
        put_routes(0);
        put_neighbour(client_address(0), InterfaceId{0}, NeighbourState::kReachable);
        put_neighbour(server_address(0), InterfaceId{1}, NeighbourState::kReachable);
        put_service(0, 0x07, 0x11, 0);
        put_service(1, 0x05, 0x31, 1);
    }

    void run() {
        for (int steps = 0; steps < kStepsMax && !input_.is_empty(); ++steps) {
            step();
        }
        process();
        check_nothing_is_left();
    }

  private:
    // What a frame was before the worker saw it.
    struct Sent {
        Frame frame;
        bool is_whole = false;  // all of it lay in the block
        bool has_good_checksums = false;
    };

    void step() {
        switch (static_cast<FuzzStep>(input_.take() % static_cast<uint8_t>(FuzzStep::kCount))) {
            case FuzzStep::kRawFrame:
                raw_frame(false);
                break;
            case FuzzStep::kMendedFrame:
                raw_frame(true);
                break;
            case FuzzStep::kTalk:
                talk();
                break;
            case FuzzStep::kProcess:
                process();
                break;
            case FuzzStep::kAdvance: {
                const uint8_t amount = input_.take();
                now_ += std::chrono::milliseconds(10) * amount * amount;
                break;
            }
            case FuzzStep::kPutService: {
                const std::array<uint8_t, 4> of{
                    input_.take(), input_.take(), input_.take(), input_.take()};
                put_service(of[0], of[1], of[2], of[3]);
                break;
            }
            case FuzzStep::kCommand:
                any_command();
                break;
            case FuzzStep::kReport:
                report();
                break;
            case FuzzStep::kCount:
                break;
        }
    }

    // --- frames ---

    void raw_frame(bool mended) {
        const uint8_t where = input_.take();
        const auto bytes = input_.take(input_.take());
        Frame frame(bytes.begin(), bytes.end());
        if (mended) {
            mend(frame, where & 1);
        }
        add(frame, where & 1, 0);
    }

    // Takes a frame apart and builds it again, so that the lengths and checksums fit and the fuzzer
    // gets past them.
    static void mend(Frame& frame, size_t port) {
        const DecodedFrame decoded = decode(frame);
        if (!decoded.ipv4 || decoded.ethernet->vlans.size() > 1) {
            return;
        }
        PacketBuilder builder;
        builder.eth(decoded.ethernet->source, kPortMacs.at(port));
        for (const uint16_t vlan : decoded.ethernet->vlans) {
            builder.vlan(vlan);
        }
        const Ipv4Part& ip = *decoded.ipv4;
        builder.ipv4(ip.source, ip.destination).ttl(ip.ttl).tos(ip.tos).ip_id(ip.id);
        builder.ip_options(ip.options).ip_protocol(ip.protocol).payload(decoded.payload);
        if (decoded.tcp) {
            builder.tcp(decoded.tcp->source_port, decoded.tcp->destination_port)
                .tcp_flags(decoded.tcp->flags)
                .tcp_options(decoded.tcp->options);
        } else if (decoded.udp) {
            builder.udp(decoded.udp->source_port, decoded.udp->destination_port);
        } else if (decoded.icmp) {
            builder.icmp(decoded.icmp->type, decoded.icmp->code, decoded.icmp->rest);
        }
        frame = builder.build();
    }

    void talk() {
        const uint8_t who = input_.take();
        const auto what =
            static_cast<FuzzTalk>(input_.take() % static_cast<uint8_t>(FuzzTalk::kCount));
        const uint8_t flags = input_.take();
        const uint8_t faults = input_.take();
        const bool is_udp = (faults & kFuzzUdp) != 0;
        const auto client_port = static_cast<uint16_t>(40000 + who / 16);
        const uint16_t service_port = is_udp ? 53 : 80;
        const Ipv4Address client = client_address(who % 16);
        const Ipv4Address server = server_address(who % 4);
        const bool is_answer = what == FuzzTalk::kServerToClient;
        const size_t port = is_answer ? 1 : 0;

        PacketBuilder builder;
        builder.eth(kNeighbourMac, kPortMacs.at(port)).payload_size(flags % 32);
        if ((faults & kFuzzVlan) != 0) {
            builder.vlan(kVlan);
        }
        const Ipv4Address destination =
            what == FuzzTalk::kClientToServer ? server : kVirtualAddress;
        builder.ipv4(is_answer ? server : client, is_answer ? client : destination);
        const uint16_t destination_port = what == FuzzTalk::kClientToDirector ? 22
                                          : is_answer                         ? client_port
                                                                              : service_port;
        const uint16_t source_port = is_answer ? service_port : client_port;
        if (is_udp) {
            builder.udp(source_port, destination_port);
        } else {
            builder.tcp(source_port, destination_port).tcp_flags(flags);
        }
        if ((faults & kFuzzBadIpChecksum) != 0) {
            builder.bad_ip_checksum();
        }
        if ((faults & kFuzzBadL4Checksum) != 0) {
            builder.bad_l4_checksum();
        }
        if ((faults & kFuzzTtlOne) != 0) {
            builder.ttl(1);
        }
        add(builder.build(), port, faults);
    }

    void add(const Frame& frame, size_t port, uint8_t faults) {
        // A frame in several pieces: only the first is there to be read.
        const bool is_cut = (faults & kFuzzShortContiguous) != 0 && frame.size() > 50;
        const size_t there = is_cut ? frame.size() - frame.size() % 16 : frame.size();
        Packet& packet =
            frames_.add(std::span(frame).first(there), PortId{static_cast<uint16_t>(port)});
        packet.length_bytes = static_cast<uint32_t>(frame.size());
        packet.is_handed_over = (faults & kFuzzHandedOver) != 0;
        if ((faults & kFuzzOffloaded) != 0) {
            packet.ip_checksum = ChecksumCheck::kGood;
            packet.l4_checksum = ChecksumCheck::kGood;
        }
        sent_.push_back({frame, there == frame.size(), bad_checksums(frame).empty()});
        if (frames_.size() == kBurstMax) {
            process();
        }
    }

    void process() {
        const WorkerCounters before = worker_.counters();
        worker_.process(frames_.burst(), now_);
        check_counters(before);
        for (size_t i = 0; i < frames_.size(); ++i) {
            if (frames_.packet(i).verdict == Verdict::kForward && sent_.at(i).is_whole) {
                check_forwarded(sent_.at(i), frames_.bytes(i), frames_.packet(i));
            }
        }
        carry_out_frame_operations();
        frames_.clear();
        sent_.clear();
        collect_events();
        add_resumed();
    }

    void check_counters(const WorkerCounters& before) {
        const WorkerCounters& after = worker_.counters();
        WorkerCounters expected = before;
        for (const Packet& packet : frames_.burst()) {
            ++(packet.is_resumed       ? expected.resumed
               : packet.is_handed_over ? expected.handed_in
                                       : expected.received);
            if (packet.is_answer) {
                ++expected.answered;
                ++expected.dropped.at(static_cast<size_t>(packet.answered_reason));
            }
            switch (packet.verdict) {
                case Verdict::kForward:
                case Verdict::kForwardCut:
                    ++expected.forwarded;
                    break;
                case Verdict::kPunt:
                case Verdict::kPuntForNeighbour:
                    ++expected.punted;
                    break;
                case Verdict::kHandOver:
                    DIRECTOR_ASSERT(index(packet.owner) == 1);
                    DIRECTOR_ASSERT(!packet.is_handed_over || packet.is_fragment);
                    ++expected.handed_out;
                    break;
                case Verdict::kHold:
                    ++expected.held;
                    break;
                case Verdict::kDrop:
                    ++expected.dropped.at(static_cast<size_t>(packet.drop_reason));
                    break;
                case Verdict::kUndecided:
                    DIRECTOR_ASSERT(false);
            }
        }
        for (const FrameOperation& operation : worker_.frame_operations()) {
            if (operation.kind == FrameOperation::Kind::kDrop) {
                ++expected.resumed;
                ++expected.dropped.at(static_cast<size_t>(operation.reason));
            }
        }
        DIRECTOR_ASSERT(after.received == expected.received);
        DIRECTOR_ASSERT(after.resumed == expected.resumed && after.held == expected.held);
        DIRECTOR_ASSERT(after.handed_in == expected.handed_in);
        DIRECTOR_ASSERT(after.handed_out == expected.handed_out);
        DIRECTOR_ASSERT(after.forwarded == expected.forwarded);
        DIRECTOR_ASSERT(after.punted == expected.punted);
        DIRECTOR_ASSERT(after.dropped == expected.dropped);
        DIRECTOR_ASSERT(after.answered == expected.answered);
        DIRECTOR_ASSERT(after.received + after.handed_in + after.answered + after.resumed ==
                        after.forwarded + after.punted + after.dropped_total() + after.handed_out +
                            after.held);
    }

    // Held frames, each in one slot, until they go on or are dropped.
    void carry_out_frame_operations() {
        for (const FrameOperation& operation : worker_.frame_operations()) {
            if (operation.kind == FrameOperation::Kind::kHold) {
                const auto place = static_cast<size_t>(operation.packet - &frames_.packet(0));
                const Held held{sent_.at(place), operation.packet->in_port, {}};
                DIRECTOR_ASSERT(held_.emplace(operation.slot, held).second);
                continue;
            }
            auto held = held_.extract(operation.slot);
            DIRECTOR_ASSERT(!held.empty());
            if (operation.kind == FrameOperation::Kind::kResume) {
                held.mapped().ports = operation.ports;
                resumed_.push_back(held.mapped());
            }
        }
    }

    void add_resumed() {
        for (const Held& held : std::exchange(resumed_, {})) {
            Packet& packet = frames_.add(held.sent.frame, held.port);
            packet.is_resumed = true;
            packet.fragment = held.ports;
            sent_.push_back(held.sent);
            if (frames_.size() == kBurstMax) {
                process();
            }
        }
    }

    void check_forwarded(const Sent& sent, const Frame& now, const Packet& packet) const {
        const DecodedFrame was = decode(sent.frame);
        const DecodedFrame is = decode(now);
        DIRECTOR_ASSERT(was.is_ip() && is.is_ip());
        if (packet.is_answer) {
            DIRECTOR_ASSERT(is.icmp && bad_checksums(now).empty());
            return;
        }
        DIRECTOR_ASSERT(was.ipv4.has_value() == is.ipv4.has_value());
        const int lost = was.ttl() - is.ttl();
        const bool is_balanced = packet.service != kNoService;
        DIRECTOR_ASSERT(lost == 1 || (is_balanced && lost == 0 && !settings_.decrement_ttl));
        DIRECTOR_ASSERT(is.ttl() > 0 || !settings_.decrement_ttl);
        // What an ICMP error quotes is translated with it.
        DIRECTOR_ASSERT(was.payload == is.payload || packet.is_icmp_error);
        DIRECTOR_ASSERT(!was.ipv4 || was.ipv4->options == is.ipv4->options);
        DIRECTOR_ASSERT(!was.ipv6 || was.ipv6->extensions == is.ipv6->extensions);
        DIRECTOR_ASSERT(was.ip_bytes() == is.ip_bytes());
        DIRECTOR_ASSERT(was.padding_bytes == is.padding_bytes);
        // Right stays right; and what was wrong is never made right, or the receiver would take it.
        const bool is_good = bad_checksums(now).empty();
        if (is_good != sent.has_good_checksums) {
            const std::string text = "was " + describe(sent.frame) + "\nis " + describe(now) + "\n";
            std::fputs(text.c_str(), stderr);
            DIRECTOR_ASSERT(is_good == sent.has_good_checksums);
        }
    }

    // --- commands ---

    void apply(Command command) {
        while (!worker_.can_apply()) {
            collect_events();
            if (!worker_.can_apply()) {
                process();
            }
        }
        command.sequence = ++sequence_;
        worker_.apply(command, now_);
        collect_events();
    }

    void put_interface(InterfaceId id, PortId port, uint16_t vlan, uint16_t mtu_bytes) {
        Command command(CommandKind::kPutInterface);
        const size_t mac = index(port) % kPortMacs.size();
        command.put_interface = {id,
                                 Interface{.port = port,
                                           .vlan = vlan,
                                           .mtu_bytes = mtu_bytes,
                                           .is_up = mtu_bytes % 2 == 0,
                                           .mac = kPortMacs.at(mac)}};
        apply(command);
    }

    void put_neighbour(Ipv4Address address, InterfaceId interface, NeighbourState state) {
        Command command(CommandKind::kPutNeighbour);
        command.put_neighbour = {{address, interface}, {kNeighbourMac, state}};
        apply(command);
    }

    void put_routes(uint8_t which) {
        Command command(CommandKind::kPutRoutes);
        command.routes = &routes_.at(which % routes_.size()).table;
        apply(command);
    }

    // `servers`: which of the six are in the list. `weights`: two of them, in turn.
    void put_service(uint8_t slot, uint8_t servers, uint8_t weights, uint8_t scheduler) {
        auto table = std::make_unique<ServiceTable>();
        table->id = ServiceId{slot % (kServicesMax + 1U)};
        const bool is_udp = slot % 2 == 1;
        table->key = {kVirtualAddress,
                      Be16::from_host(is_udp ? 53 : 80),
                      is_udp ? Protocol::kUdp : Protocol::kTcp};
        table->scheduler = static_cast<uint8_t>(scheduler % schedulers().size());
        for (uint32_t i = 0; i < 8; ++i) {
            if ((servers >> i & 1) != 0) {
                const auto weight = static_cast<uint32_t>(i % 2 == 0 ? weights & 15 : weights >> 4);
                const Endpoint place{server_address(i), table->key.port};
                table->servers.push_back(
                    {.id = RealServerId{i}, .endpoint = place, .weight = weight});
            }
        }
        prepare_scheduler(*table);
        Command command(CommandKind::kPutService);
        command.service_table = table.get();
        lent_.insert(std::move(table));
        apply(command);
    }

    void any_command() {
        const uint8_t kind = input_.take();
        const uint8_t a = input_.take();
        const uint8_t b = input_.take();
        const ServiceId service{a % (kServicesMax + 1U)};
        const RealServerId server{b % (kServersMax + 2U)};
        switch (kind % 8) {
            case 0:
            case 1: {
                Command command(kind % 8 == 0 ? CommandKind::kRetireService
                                              : CommandKind::kForgetService);
                command.service = service;
                apply(command);
                break;
            }
            case 2: {
                Command command(CommandKind::kSetWeight);
                command.set_weight = {service, server, b % 16U, uint32_t{kind} / 8};
                apply(command);
                break;
            }
            case 3: {
                Command command(CommandKind::kForgetRealServer);
                command.server = server;
                apply(command);
                break;
            }
            case 4: {
                Command command(CommandKind::kSetTimeout);
                command.set_timeout = {static_cast<ConnState>(a % (kConnStateCount + 1)), b};
                apply(command);
                break;
            }
            case 5:
                put_interface(InterfaceId{static_cast<uint16_t>(a % (kInterfacesMax + 2))},
                              PortId{static_cast<uint16_t>(kind / 8 % 3)},
                              kind / 32 % 2 != 0 ? kVlan : 0,
                              static_cast<uint16_t>(60 + 10 * b + kind / 128));
                break;
            case 6:
                change_neighbour(kind / 8, a, InterfaceId{static_cast<uint16_t>(b % 4)});
                break;
            default:
                put_routes(a);
                break;
        }
    }

    void change_neighbour(uint8_t how, uint8_t who, InterfaceId interface) {
        const Ipv4Address address =
            who % 2 == 0 ? client_address(who % 16 / 2) : server_address(who / 2);
        if (how % 4 == 0) {
            Command command(CommandKind::kRemoveNeighbour);
            command.remove_neighbour = {address, interface};
            apply(command);
        } else {
            put_neighbour(address,
                          interface,
                          how % 4 == 1 ? NeighbourState::kFailed : NeighbourState::kReachable);
        }
    }

    void report() {
        Command command(CommandKind::kRunJob);
        const uint8_t size = input_.take();
        if (size % 2 == 0) {
            reports_.emplace_back();
            reports_.back().services.resize(size % 8);
            reports_.back().servers.resize(size % 16);
            command.job = &reports_.back();
        } else {
            pages_.emplace_back();
            pages_.back().cursor = size / 64;
            pages_.back().rows.reserve(size % 8);
            command.job = &pages_.back();
        }
        ++jobs_running_;
        apply(command);
    }

    void collect_events() {
        for (const Event& event : worker_.events()) {
            switch (event.kind) {
                case EventKind::kServiceReturned: {
                    const auto lent =
                        std::find_if(lent_.begin(), lent_.end(), [&](const auto& table) {
                            return table.get() == event.service_table;
                        });
                    DIRECTOR_ASSERT(lent != lent_.end());
                    lent_.erase(lent);  // the worker may not touch it again
                    break;
                }
                case EventKind::kJobDone:
                    DIRECTOR_ASSERT(jobs_running_ > 0);
                    --jobs_running_;
                    check_job(*event.job);
                    break;
                case EventKind::kTablesReturned:
                case EventKind::kLocalPoolReturned:
                    DIRECTOR_ASSERT(false);  // none was lent
                    break;
                case EventKind::kRoutesReturned:
                case EventKind::kCommandRefused:
                    break;
            }
        }
        worker_.clear_events();
    }

    static void check_job(const Job& job) {
        if (job.kind == JobKind::kCountersReport) {
            const auto& totals = static_cast<const CountersReport&>(job).totals;
            DIRECTOR_ASSERT(totals.connections == totals.connections_created -
                                                      totals.connections_expired -
                                                      totals.connections_evicted);
            DIRECTOR_ASSERT(totals.connections <= kConnectionsMax);
        } else {
            DIRECTOR_ASSERT(static_cast<const ConnectionPage&>(job).rows.size() <= 8);
        }
    }

    // A day later: the longest timeout is over, and the wheel has come round often enough.
    void check_nothing_is_left() {
        now_ += std::chrono::hours(24);
        for (int i = 0; i < 400; ++i) {
            worker_.process(frames_.burst(), now_);
            collect_events();
        }
        const WorkerCounters& counters = worker_.counters();
        DIRECTOR_ASSERT(counters.connections_created ==
                        counters.connections_expired + counters.connections_evicted);
        DIRECTOR_ASSERT(jobs_running_ == 0);
        for (uint32_t slot = 0; slot < kServicesMax; ++slot) {
            Command command(CommandKind::kRetireService);
            command.service = ServiceId{slot};
            apply(command);
        }
        DIRECTOR_ASSERT(lent_.empty());
    }

    Input input_;
    WorkerSettings settings_;
    TimePoint now_{std::chrono::hours(1)};
    std::array<Routes, 2> routes_{Routes{InterfaceId{0}}, Routes{InterfaceId{2}}};
    std::set<std::unique_ptr<ServiceTable>> lent_;
    std::deque<CountersReport> reports_;
    std::deque<ConnectionPage> pages_;
    int jobs_running_ = 0;
    uint32_t sequence_ = 0;
    FrameBurst frames_;
    std::vector<Sent> sent_;
    struct Held {
        Sent sent;
        PortId port{};
        FragmentPorts ports{};
    };
    std::map<uint16_t, Held> held_;
    std::vector<Held> resumed_;
    Worker worker_;
};

}  // namespace
}  // namespace director::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    director::test::Session(data, size).run();
    return 0;
}
