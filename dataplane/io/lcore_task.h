// Work on another lcore, and the end of it.
#pragma once

#include <atomic>
#include <functional>

namespace director::dataplane::io {

class LcoreTask {
  public:
    explicit LcoreTask(unsigned lcore) : lcore_(lcore) {}
    LcoreTask(const LcoreTask&) = delete;
    LcoreTask& operator=(const LcoreTask&) = delete;

    // Runs `work` there. False when the lcore is busy. What was written before is seen there.
    [[nodiscard]] bool launch(std::function<void()> work);
    // Returns when the work is done (at once when there is none). What it wrote is seen here.
    void wait();

  private:
    static int run(void* self);

    unsigned lcore_;
    std::function<void()> work_;
    // EAL's own launch and wait order memory as well, but the thread sanitizer cannot see into it.
    std::atomic<bool> is_handed_over_ = false;
};

}  // namespace director::dataplane::io
