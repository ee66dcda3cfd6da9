// What features cost whoever does not use them: instructions per packet of a plain NAT service,
// alone and beside another service that has the feature. scripts/check_instructions runs this under
// callgrind and holds each against the case "nothing".
//
// Each case dumps its own counts, with the case's name and number of packets as trigger; by itself
// (without valgrind) the program only checks that all packets go where they should.
#include <fmt/format.h>
#include <valgrind/callgrind.h>

#include <array>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "common/assert.h"
#include "tests/support/nat_lab.h"
#include "tests/support/packet_reader.h"

namespace director::bench {
namespace {

using namespace dataplane;      // NOLINT(google-build-using-namespace): what is measured
using namespace test::nat_lab;  // NOLINT(google-build-using-namespace): its surroundings
using test::Frame;
using test::ServerIn;
using test::WorkerFleet;

constexpr uint16_t kConnections = 640;
constexpr int kRounds = 4;
constexpr size_t kSlotBytes = 256;
constexpr size_t kHeadroomBytes = 64;

constexpr ServiceKey kOther{kVip, Be16::from_host(8080), Protocol::kTcp};

void put_other(WorkerFleet& fleet, const ServiceOptions& options, ServerIn server = {}) {
    if (server.endpoint.address.is_any()) {
        server.endpoint = at(kServer108, 8080);
    }
    fleet.put_service(kOther, "rr", {server}, options);
}

void put_lists(WorkerFleet& fleet) {
    Tables tables;
    tables.prefix_lists.resize(2);
    fleet.put_tables(tables);
    put_other(fleet, {.deny_list = 1});
}

void put_rules(WorkerFleet& fleet) {
    const ServiceId service =
        fleet.put_service({Ipv4Address(), {}, Protocol::kAny, 7}, "rr", {{at(kServer108, 0)}});
    Tables tables;
    for (uint8_t i = 0; i < 100; ++i) {
        const IpAddress address = Ipv4Address::of(203, 0, 113, i);
        tables.match_rules.push_back({.first = address,
                                      .last = address,
                                      .port_first = 1000,
                                      .port_last = 2000,
                                      .protocol = Protocol::kTcp,
                                      .service = service});
    }
    fleet.put_tables(tables);
}

void put_pool(WorkerFleet& fleet) {
    fleet.put_local_pool(1, {kLocal});
}

ServiceOptions own_timeouts() {
    ServiceOptions options;
    options.timeouts[static_cast<size_t>(ConnState::kEstablished)] = 7200;
    return options;
}

struct Feature {
    const char* name;
    std::function<void(WorkerFleet&)> configure;
};

std::vector<Feature> features() {
    const auto other = [](const ServiceOptions& options) {
        return [options](WorkerFleet& fleet) { put_other(fleet, options); };
    };
    const auto reached_by = [](ForwardingMethod method) {
        return [method](WorkerFleet& fleet) {
            put_pool(fleet);
            put_other(
                fleet, {.local_pool = 1}, {.endpoint = at(kServer108, 8080), .forwarding = method});
        };
    };
    return {{"nothing", [](WorkerFleet&) {}},
            {"another_service", other({})},
            {"persistence", other({.persistence_seconds = 300})},
            {"limits", other({.connections_per_second = 1000, .client_connections_max = 10})},
            {"prefix_lists", put_lists},
            {"syn_proxy", other({.syn_proxy = SynProxy::kAlways})},
            {"ftp", other({.has_ftp_helper = true})},
            {"client_address", other({.client_address = ClientAddressVia::kProxyV2})},
            {"clamp_mss", other({.clamp_mss = true})},
            {"timeouts", other(own_timeouts())},
            {"match_rules", put_rules},
            {"source_nat",
             [](WorkerFleet& fleet) {
                 put_pool(fleet);
                 put_source_nat(fleet, 1);
             }},
            {"full_nat", reached_by(ForwardingMethod::kFullNat)},
            {"tunnel", reached_by(ForwardingMethod::kTunnel)},
            {"direct", reached_by(ForwardingMethod::kDirect)},
            {"any_port",
             [](WorkerFleet& fleet) {
                 fleet.put_service({Ipv4Address::of(170, 210, 122, 105), {}, Protocol::kTcp},
                                   "rr",
                                   {{at(kServer108, 0)}});
             }},
            {"ipv6", [](WorkerFleet& fleet) {
                 fleet.put_service(
                     {kVip6, Be16::from_host(80), Protocol::kTcp}, "rr", {{at(kServer107v6, 80)}});
             }}};
}

class Counted {
  public:
    explicit Counted(const Feature& feature) : feature_(feature), fleet_(settings()) {
        configure(fleet_);
        give_addresses(fleet_);
        fleet_.put_service(kHttp, "rr", {{at(kServer107, 80)}});
        feature.configure(fleet_);
        for (uint16_t i = 0; i < kConnections; ++i) {
            syns_.push_back(from_client(kClient, kVip)
                                .tcp(static_cast<uint16_t>(1024 + i), 80)
                                .tcp_flags(test::kTcpSyn)
                                .build());
            there_.push_back(
                from_client(kClient, kVip).tcp(static_cast<uint16_t>(1024 + i), 80).build());
            back_.push_back(
                from_server(kServer107, kClient).tcp(80, static_cast<uint16_t>(1024 + i)).build());
        }
    }

    void run() {
        count("new", syns_, kOutside, 1);
        for (const auto& [frames, port] :
             {std::pair(&there_, kOutside), std::pair(&back_, kInside)}) {
            process(*frames, port);  // next hops are learned
        }
        count("there", there_, kOutside, kRounds);
        count("back", back_, kInside, kRounds);
    }

  private:
    [[nodiscard]] static test::FleetSettings settings() {
        test::FleetSettings out{
            .checks_frames = false, .templates_max = 1024, .limited_clients_max = 1024};
        out.worker.connections_max = 4096;
        out.worker.details_max = 4096;
        return out;
    }

    void count(const char* what, const std::vector<Frame>& frames, PortId port, int rounds) {
        CALLGRIND_ZERO_STATS;
        for (int round = 0; round < rounds; ++round) {
            process(frames, port);
        }
        const std::string trigger = fmt::format(
            "{}_beside_{} {}", what, feature_.name, frames.size() * static_cast<size_t>(rounds));
        CALLGRIND_DUMP_STATS_AT(trigger.c_str());
        std::printf("%s\n", trigger.c_str());
    }

    void process(const std::vector<Frame>& frames, PortId port) {
        Worker& worker = fleet_.worker(0);
        const uint64_t before = worker.counters().forwarded;
        for (size_t first = 0; first < frames.size(); first += kBurstMax) {
            for (size_t i = 0; i < kBurstMax; ++i) {
                receive(frames.at(first + i), i, port);
            }
            burst_.count = kBurstMax;
            CALLGRIND_TOGGLE_COLLECT;
            worker.process(burst_, fleet_.clock.now());
            CALLGRIND_TOGGLE_COLLECT;
        }
        DIRECTOR_ASSERT(worker.counters().forwarded - before == frames.size());
    }

    void receive(const Frame& frame, size_t place, PortId port) {
        Packet& packet = burst_.packets.at(place);
        packet.data = slots_.at(place).data() + kHeadroomBytes;
        std::copy(frame.begin(), frame.end(), packet.data);
        packet.length_bytes = static_cast<uint32_t>(frame.size());
        packet.contiguous_bytes = packet.length_bytes;
        packet.headroom_bytes = kHeadroomBytes;
        packet.tailroom_bytes = 0;
        packet.in_port = port;
        packet.ip_checksum = ChecksumCheck::kUnknown;
        packet.l4_checksum = ChecksumCheck::kUnknown;
    }

    const Feature& feature_;
    WorkerFleet fleet_;
    std::vector<Frame> syns_;
    std::vector<Frame> there_;
    std::vector<Frame> back_;
    std::array<std::array<uint8_t, kSlotBytes>, kBurstMax> slots_{};
    Burst burst_;
};

}  // namespace
}  // namespace director::bench

int main() {
    for (const auto& feature : director::bench::features()) {
        director::bench::Counted(feature).run();
    }
    return 0;
}
