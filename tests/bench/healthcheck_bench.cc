// What checking many servers costs the control core: N TCP checks, each once a second, against a
// listener in a process of its own, by default 5,000 for 10 seconds.
//
//   healthcheck_bench [SERVERS] [SECONDS] [HANGING]
//
// The servers are addresses of 127.0.0.0/8. HANGING more of them answer nothing (their listener's
// backlog is full), to show that they delay no other. Prints CPU seconds of this process, user and
// system, per second, and how late probes began and took.
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <span>
#include <string_view>

#include "common/assert.h"
#include "common/time.h"
#include "healthcheck/probes/engine.h"
#include "healthcheck/probes/owned_fd.h"

namespace {

using namespace director;
using namespace director::healthcheck;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Options {
    uint32_t servers = 5000;
    uint32_t seconds = 10;
    uint32_t hanging = 0;
};

struct Listener {
    OwnedFd fd;
    uint16_t port = 0;
};

Listener listen_at(IpAddress address, int backlog) {
    Listener listener;
    listener.fd = OwnedFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const SocketAddress place(Endpoint{address, Be16()});
    DIRECTOR_ASSERT(::bind(listener.fd.get(), place.get(), place.length) == 0);
    DIRECTOR_ASSERT(::listen(listener.fd.get(), backlog) == 0);
    sockaddr_in bound{};
    socklen_t length = sizeof(bound);
    auto* raw = reinterpret_cast<sockaddr*>(&bound);
    DIRECTOR_ASSERT(::getsockname(listener.fd.get(), raw, &length) == 0);
    listener.port = Be16{bound.sin_port}.host();
    return listener;
}

// Accepts and closes what comes, in a process of its own, until the parent ends.
pid_t serve(const Listener& listener) {
    const pid_t child = ::fork();
    if (child != 0) {
        return child;
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (true) {
        const OwnedFd accepted(::accept(listener.fd.get(), nullptr, nullptr));
    }
}

IpAddress address_of(uint32_t number, uint32_t net) {
    return Ipv4Address::from_host(0x7f000000U + (net << 16) + 1 + number);
}

void add_server(ServiceSettings& service, IpAddress address, uint16_t port) {
    ServerSettings server;
    server.endpoint = {address, Be16::from_host(port)};
    CheckSettings check;
    check.target.to = server.endpoint;
    check.timing.interval = seconds(1);
    check.timing.timeout = seconds(1);
    check.timing.warm_up = seconds(1);
    server.checks = {check};
    server.alpha = true;
    service.servers.push_back(server);
}

Duration cpu_time() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto of = [](const timeval& time) {
        return seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
    };
    return of(usage.ru_utime) + of(usage.ru_stime);
}

// As the daemon's loop does: sleeps until the descriptor is ready or the deadline has come.
void run_until(Engine& engine, const Clock& clock, TimePoint end) {
    while (clock.now() < end) {
        const Duration left = std::min(engine.deadline(), end) - clock.now();
        const Duration wait = std::max(left, Duration::zero());
        const timespec time{wait / seconds(1), (wait % seconds(1)).count()};
        pollfd ready{engine.fd(), POLLIN, 0};
        ::ppoll(&ready, 1, &time, nullptr);
        static_cast<void>(engine.run(clock.now()));
    }
}

struct Totals {
    uint64_t passed = 0;
    uint64_t failed = 0;
    uint64_t unable = 0;
    Latencies latencies;
};

Totals totals_of(const Engine& engine) {
    Totals totals;
    for (const CheckStatus& status : engine.monitor().checks()) {
        totals.passed += status.passed;
        totals.failed += status.failed;
        totals.unable += status.unable;
        for (size_t i = 0; i < totals.latencies.counts.size(); ++i) {
            totals.latencies.counts.at(i) += status.latencies.counts.at(i);
        }
        totals.latencies.sum += status.latencies.sum;
    }
    return totals;
}

double as_seconds(Duration time) {
    return std::chrono::duration<double>(time).count();
}

void report(const Options& options, const Totals& before, const Totals& after, Duration cpu) {
    const uint64_t passed = after.passed - before.passed;
    const double time = options.seconds;
    fmt::print(
        "servers {}  hanging {}  checks/s {:.0f}  passed/s {:.0f}  failed/s {:.0f}  unable {}\n",
        options.servers,
        options.hanging,
        static_cast<double>(passed + after.failed - before.failed) / time,
        static_cast<double>(passed) / time,
        static_cast<double>(after.failed - before.failed) / time,
        after.unable);
    fmt::print("cpu {:.3f} s/s  per check {:.1f} us  mean answer {:.3f} ms\n",
               as_seconds(cpu) / time,
               1e6 * as_seconds(cpu) / static_cast<double>(std::max<uint64_t>(passed, 1)),
               1e3 * as_seconds(after.latencies.sum - before.latencies.sum) /
                   static_cast<double>(std::max<uint64_t>(passed, 1)));
    fmt::print("answers within 1 ms {:.1f} %, 10 ms {:.1f} %\n",
               100.0 * static_cast<double>(after.latencies.counts[0]) /
                   static_cast<double>(std::max<uint64_t>(after.passed, 1)),
               100.0 *
                   static_cast<double>(after.latencies.counts[0] + after.latencies.counts[1] +
                                       after.latencies.counts[2]) /
                   static_cast<double>(std::max<uint64_t>(after.passed, 1)));
}

Options read_options(std::span<char*> arguments) {
    Options options;
    const std::array<uint32_t*, 3> places{&options.servers, &options.seconds, &options.hanging};
    for (size_t i = 0; i < places.size() && i + 1 < arguments.size(); ++i) {
        const std::string_view text = arguments[i + 1];
        std::from_chars(text.data(), text.data() + text.size(), *places.at(i));
    }
    return options;
}

}  // namespace

int main(int argc, char** argv) {
    const Options options = read_options({argv, static_cast<size_t>(argc)});
    const Listener good = listen_at(Ipv4Address(), 4096);
    const Listener full = listen_at(Ipv4Address(), 0);
    const pid_t server = serve(good);
    // One connection that nobody accepts fills a backlog of 0; SYNs after it are dropped.
    std::vector<OwnedFd> fillers;
    const SocketAddress to_full(Endpoint{address_of(0, 99), Be16::from_host(full.port)});
    for (int i = 0; i < 3; ++i) {
        fillers.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        static_cast<void>(::connect(fillers.back().get(), to_full.get(), to_full.length));
    }

    Settings settings;
    settings.services.emplace_back().name = "bench";
    for (uint32_t i = 0; i < options.servers; ++i) {
        add_server(settings.services[0], address_of(i, 1), good.port);
    }
    for (uint32_t i = 0; i < options.hanging; ++i) {
        add_server(settings.services[0], address_of(i, 100), full.port);
    }
    KernelSockets sockets;
    auto engine = Engine::make(sockets, 1);
    DIRECTOR_ASSERT(engine.has_value());
    const SteadyClock clock;
    static_cast<void>((*engine)->apply(settings, clock.now()));
    run_until(**engine, clock, clock.now() + seconds(3));  // past the warm-up
    const Totals before = totals_of(**engine);
    const Duration cpu_before = cpu_time();
    run_until(**engine, clock, clock.now() + seconds(options.seconds));
    const Duration cpu = cpu_time() - cpu_before;
    report(options, before, totals_of(**engine), cpu);
    ::kill(server, SIGKILL);
    ::waitpid(server, nullptr, 0);
    return 0;
}
