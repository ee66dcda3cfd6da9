#include "tests/unit/io/test_engine.h"

#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include <gtest/gtest.h>

#include "common/assert.h"
#include "dataplane/io/frame_pool.h"
#include "tests/support/pcap_file.h"

namespace director::test {
namespace {

// A guard against hanging. Loops without one end by the test program's time limit: on a busy
// machine a worker may not run for seconds.
constexpr int kHangMs = 60000;

}  // namespace

dp::io::EngineSettings small_engine(uint16_t workers, const std::vector<std::string>& devices) {
    dp::io::EngineSettings settings;
    settings.program_name = "io-test";
    settings.eal_arguments = {"--no-huge", "--no-shconf", "-m", "192", "--no-telemetry"};
    const auto cpus = static_cast<uint16_t>(sysconf(_SC_NPROCESSORS_ONLN));
    for (uint16_t worker = 0; worker < workers; ++worker) {
        settings.worker_cpus.push_back(static_cast<uint16_t>((worker + 1) % cpus));
    }
    for (const std::string& device : devices) {
        settings.ports.push_back(
            {.name = "p" + std::to_string(settings.ports.size()), .device = device});
    }
    settings.pool_frames = 8191;
    settings.ring_entries = 512;
    settings.worker.connections_max = 256;
    settings.worker.services_max = 8;
    settings.worker.real_servers_max = 8;
    settings.worker.neighbours_max = 8;
    settings.worker.punts_per_second = 1000000;
    return settings;
}

TestEngine::TestEngine(const dp::io::EngineSettings& settings)
    : port_count_(static_cast<uint16_t>(settings.ports.size())) {
    auto engine = dp::io::Engine::start(settings);
    if (!engine) {
        std::fprintf(stderr, "%s\n", engine.error().message.c_str());
        std::exit(1);
    }
    engine_ = std::move(*engine);
}

void TestEngine::tell(dp::Command command) {
    command.sequence = ++sequence_;
    for (uint16_t worker = 0; worker < engine_->worker_count(); ++worker) {
        while (!engine_->send(dp::WorkerId{worker}, command)) {
            sched_yield();
        }
    }
}

void TestEngine::route_all_to(uint16_t out, uint16_t vlan, uint16_t mtu_bytes) {
    for (uint16_t port = 0; port < port_count_; ++port) {
        dp::Command define(dp::CommandKind::kPutInterface);
        define.put_interface = {dp::InterfaceId{port},
                                {.port = dp::PortId{port},
                                 .vlan = port == out ? vlan : uint16_t{0},
                                 .mtu_bytes = port == out ? mtu_bytes : uint16_t{1500},
                                 .is_up = true,
                                 .mac = kOwnMac,
                                 .ipv4 = ip("10.255.0.2")}};
        tell(define);
    }
    const Ipv4Address gateway = ip("10.255.0.1");
    dp::Command meet(dp::CommandKind::kPutNeighbour);
    meet.put_neighbour = {{gateway, dp::InterfaceId{out}}, {.mac = kPeerMac}};
    tell(meet);
    routes_ = std::make_unique<dp::RouteTable>();
    routes_->routes = {dp::Route{}, {dp::RouteKind::kGateway, dp::InterfaceId{out}, gateway}};
    routes_->lookup.ipv4 = [](const void*, const uint32_t*, uint16_t* indexes, uint32_t count) {
        std::fill_n(indexes, count, uint16_t{1});
    };
    dp::Command install(dp::CommandKind::kPutRoutes);
    install.routes = routes_.get();
    tell(install);
    // A frame handed over by a worker that knows must not find one that does not yet.
    static_cast<void>(total());
}

void TestEngine::put_in(dp::PortId port, const Frame& frame) {
    while (!engine_->inject(port, frame)) {
        sched_yield();
    }
}

dp::Event TestEngine::wait_for_event(uint16_t worker) {
    for (;;) {
        if (const auto event = engine_->next_event(dp::WorkerId{worker})) {
            return *event;
        }
        pollfd readable{.fd = engine_->wake_fd(), .events = POLLIN, .revents = 0};
        DIRECTOR_ASSERT(::poll(&readable, 1, kHangMs) == 1);
        engine_->acknowledge_wake();
    }
}

dp::WorkerCounters TestEngine::counters(uint16_t worker) {
    dp::CountersReport report;
    dp::Command ask(dp::CommandKind::kRunJob);
    ask.job = &report;
    ask.sequence = ++sequence_;
    while (!engine_->send(dp::WorkerId{worker}, ask)) {
        sched_yield();
    }
    while (wait_for_event(worker).sequence != ask.sequence) {
    }
    return report.totals;
}

dp::WorkerCounters TestEngine::total() {
    dp::WorkerCounters sum;
    for (uint16_t worker = 0; worker < engine_->worker_count(); ++worker) {
        const dp::WorkerCounters one = counters(worker);
        sum.received += one.received;
        sum.handed_in += one.handed_in;
        sum.handed_out += one.handed_out;
        sum.forwarded += one.forwarded;
        sum.punted += one.punted;
        sum.answered += one.answered;
        sum.cut += one.cut;
        for (size_t i = 0; i < sum.dropped.size(); ++i) {
            sum.dropped[i] += one.dropped[i];
        }
    }
    return sum;
}

dp::WorkerCounters TestEngine::total_when(
    const std::function<bool(const dp::WorkerCounters&)>& is_there) {
    dp::WorkerCounters sum = total();
    for (int i = 0; i < 20000 && !is_there(sum); ++i) {
        sum = total();
    }
    return sum;
}

uint32_t TestEngine::stop() {
    engine_.reset();
    return dp::io::FramePool::missing_at_last_end();
}

CaptureFile::CaptureFile() {
    std::array<char, 32> name{"/tmp/director-io-XXXXXX"};
    DIRECTOR_ASSERT(mkdtemp(name.data()) != nullptr);
    folder_ = name.data();
    path_ = folder_ + "/sent.pcap";
}

CaptureFile::~CaptureFile() {
    unlink(path_.c_str());
    rmdir(folder_.c_str());
}

std::vector<Frame> CaptureFile::frames() const {
    std::vector<Frame> frames;
    const auto captured = read_pcap_file(path_);
    if (!captured) {
        ADD_FAILURE() << captured.error().message;
        return frames;
    }
    for (const CapturedFrame& frame : *captured) {
        frames.push_back(frame.bytes);
    }
    return frames;
}

bool is_balanced(const dp::WorkerCounters& counters) {
    return counters.received + counters.handed_in + counters.answered + counters.cut ==
           counters.forwarded + counters.punted + counters.dropped_total() + counters.handed_out;
}

}  // namespace director::test
