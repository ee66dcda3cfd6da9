// The one thread that reads what workers mirror, and does with it what watches want. It may be slow
// or starve: the rings fill then, and what does not fit is counted by the workers.
//
// Made, and asked, by the control plane; calls back from its own thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "common/time.h"
#include "controlplane/daemon/watch.h"
#include "dataplane/io/engine.h"

namespace director::daemon {

// What the workers have counted of a tap since they began, whoever had its number.
[[nodiscard]] TapCounts counts_of(const dataplane::io::Engine& engine, uint8_t tap);

class DiagnosticsThread {
  public:
    // `over` is called by the thread when a watch wants no more packets, and has gone.
    using Over = std::function<void(uint8_t tap)>;

    DiagnosticsThread(dataplane::io::Engine& engine, const Clock& clock, Over over);
    DiagnosticsThread(const DiagnosticsThread&) = delete;
    DiagnosticsThread& operator=(const DiagnosticsThread&) = delete;
    // Ends the watches, without their last words, and the thread. Before the engine goes.
    ~DiagnosticsThread();

    void add(std::shared_ptr<Watch> watch, std::shared_ptr<const WatchNames> names);
    void set_names(std::shared_ptr<const WatchNames> names);
    // Calls `done`, from the thread, when all that was in the rings has been read.
    void after_reading(std::function<void()> done);

  private:
    // A watch, what its tap had counted when it began, and what makes the workers' time UTC.
    struct Entry {
        std::shared_ptr<Watch> watch;
        TapCounts before;
        int64_t utc_offset_ns = 0;
        bool is_finished = false;
    };

    void post(std::function<void()> task);
    void run();
    void run_tasks();
    [[nodiscard]] uint32_t read_rings();
    void turn_watches();
    void wait(uint32_t idle_rounds);
    [[nodiscard]] int64_t utc_offset_ns() const;

    dataplane::io::Engine& engine_;
    const Clock& clock_;
    Over over_;
    int wake_;
    std::mutex mutex_;
    std::vector<std::function<void()>> tasks_;  // under mutex_
    std::atomic<bool> stop_ = false;

    // The thread's own.
    std::vector<Entry> watches_;
    std::vector<std::function<void()>> after_reading_;
    std::thread thread_;
};

}  // namespace director::daemon
