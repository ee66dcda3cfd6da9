// How workers wake the control plane: an eventfd, written at most once between two
// acknowledgements, however many events and frames arrive.
#pragma once

#include <atomic>

namespace director::dataplane::io {

class Wake {
  public:
    Wake();
    ~Wake();
    Wake(const Wake&) = delete;
    Wake& operator=(const Wake&) = delete;

    // Becomes readable by notify().
    [[nodiscard]] int fd() const { return fd_; }

    // By a worker, after it has put something on a ring.
    void notify() {
        // Pairs with acknowledge(): either this sees the control plane about to look (and writes),
        // or the control plane's look sees what was put on the ring before.
        if (!is_notified_.exchange(true, std::memory_order_acq_rel)) {
            write_fd();
        }
    }

    // By the control plane, before it drains the rings.
    void acknowledge();

  private:
    void write_fd() const;

    int fd_;
    std::atomic<bool> is_notified_ = false;
};

}  // namespace director::dataplane::io
