#include "controlplane/daemon/diagnostics_thread.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

namespace director::daemon {
namespace {

// Between two looks at rings that were empty, at first and after a while: a ring holds some
// thousand packets.
constexpr int kShortWaitMs = 1;
constexpr int kLongWaitMs = 5;
constexpr uint32_t kShortWaits = 200;

// What two readings of the same clocks may differ by, and then some.
constexpr int64_t kSameClockNs = 10'000'000;

}  // namespace

TapCounts counts_of(const dataplane::io::Engine& engine, uint8_t tap) {
    TapCounts counts;
    for (uint16_t worker = 0; worker < engine.worker_count(); ++worker) {
        const auto& own = engine.mirror_counters(dataplane::WorkerId{worker});
        counts.told += own.records.at(tap).load(std::memory_order_relaxed);
        counts.missed += own.missed.at(tap).load(std::memory_order_relaxed);
        counts.limited += own.limited.at(tap).load(std::memory_order_relaxed);
    }
    return counts;
}

DiagnosticsThread::DiagnosticsThread(dataplane::io::Engine& engine, const Clock& clock, Over over)
    : engine_(engine),
      clock_(clock),
      over_(std::move(over)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { run(); }) {}

DiagnosticsThread::~DiagnosticsThread() {
    stop_.store(true);
    post([] {});
    thread_.join();
    ::close(wake_);
}

void DiagnosticsThread::post(std::function<void()> task) {
    {
        const std::lock_guard lock(mutex_);
        tasks_.push_back(std::move(task));
    }
    const uint64_t one = 1;
    static_cast<void>(::write(wake_, &one, sizeof(one)) < 0);
}

void DiagnosticsThread::add(std::shared_ptr<Watch> watch, std::shared_ptr<const WatchNames> names) {
    post([this, watch = std::move(watch), names = std::move(names)]() mutable {
        watch->set_names(std::move(names));
        const TapCounts before = counts_of(engine_, watch->tap());
        watches_.push_back({std::move(watch), before, utc_offset_ns()});
    });
}

void DiagnosticsThread::set_names(std::shared_ptr<const WatchNames> names) {
    post([this, names = std::move(names)] {
        for (const Entry& entry : watches_) {
            entry.watch->set_names(names);
        }
    });
}

void DiagnosticsThread::after_reading(std::function<void()> done) {
    post([this, done = std::move(done)]() mutable { after_reading_.push_back(std::move(done)); });
}

void DiagnosticsThread::run() {
    uint32_t idle_rounds = 0;
    while (!stop_.load()) {
        run_tasks();
        const uint32_t packets = watches_.empty() && after_reading_.empty() ? 0 : read_rings();
        for (const auto& done : std::exchange(after_reading_, {})) {
            done();
        }
        turn_watches();
        idle_rounds = packets != 0 ? 0 : idle_rounds + 1;
        wait(idle_rounds);
    }
}

void DiagnosticsThread::run_tasks() {
    std::vector<std::function<void()>> tasks;
    {
        const std::lock_guard lock(mutex_);
        tasks.swap(tasks_);
    }
    for (const auto& task : tasks) {
        task();
    }
}

uint32_t DiagnosticsThread::read_rings() {
    uint32_t packets = 0;
    for (uint16_t worker = 0; worker < engine_.worker_count(); ++worker) {
        packets += engine_.read_mirror(
            dataplane::WorkerId{worker},
            [this, worker](const dataplane::io::MirroredPacket& packet) {
                for (const Entry& entry : watches_) {
                    if (!entry.is_finished &&
                        (packet.record.taps >> entry.watch->tap() & 1U) != 0) {
                        entry.watch->see(
                            packet, worker, packet.record.time_ns + entry.utc_offset_ns);
                    }
                }
            });
    }
    return packets;
}

void DiagnosticsThread::turn_watches() {
    for (Entry& entry : watches_) {
        const int64_t now = clock_.now().time_since_epoch().count() + entry.utc_offset_ns;
        entry.watch->turn(now);
        if (!entry.is_finished && entry.watch->is_over(now)) {
            entry.watch->finish(now, counts_of(engine_, entry.watch->tap()) - entry.before);
            entry.is_finished = true;
            over_(entry.watch->tap());
        }
    }
    std::erase_if(watches_,
                  [](const Entry& entry) { return entry.is_finished && entry.watch->is_done(); });
}

void DiagnosticsThread::wait(uint32_t idle_rounds) {
    pollfd woken{.fd = wake_, .events = POLLIN, .revents = 0};
    int timeout_ms = watches_.empty() ? -1 : kLongWaitMs;
    if (!watches_.empty() && idle_rounds < kShortWaits) {
        timeout_ms = kShortWaitMs;
    }
    if (::poll(&woken, 1, timeout_ms) > 0) {
        uint64_t count = 0;
        static_cast<void>(::read(wake_, &count, sizeof(count)) < 0);
    }
}

// One clock for all that watch at the same time, unless somebody has set the machine's since: a
// watch may last for months.
int64_t DiagnosticsThread::utc_offset_ns() const {
    const int64_t now =
        static_cast<int64_t>(wall_clock_nanoseconds()) - clock_.now().time_since_epoch().count();
    const bool is_same =
        !watches_.empty() && std::abs(watches_.back().utc_offset_ns - now) < kSameClockNs;
    return is_same ? watches_.back().utc_offset_ns : now;
}

}  // namespace director::daemon
