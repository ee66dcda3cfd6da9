// Many file descriptors and deadlines as one of each, so that whoever drives health checks waits
// for a single descriptor and a single moment, whatever the number of probes. Linux epoll.
#pragma once

#include <cstdint>
#include <vector>

#include "common/result.h"
#include "common/time.h"
#include "healthcheck/deadline_heap.h"
#include "healthcheck/probes/owned_fd.h"

namespace director::healthcheck {

// What to wait for; errors and hang-ups are always told.
enum class Readiness : uint8_t { kNone = 0, kRead = 1, kWrite = 2, kBoth = 3 };

// Told by a Poller. It may leave the poller, and close its descriptors, during the call.
class PollHandler {
  public:
    PollHandler() = default;
    PollHandler(const PollHandler&) = delete;
    PollHandler& operator=(const PollHandler&) = delete;
    virtual ~PollHandler() = default;

    virtual void on_ready(int fd, Readiness readiness, TimePoint now) = 0;
    virtual void on_deadline(TimePoint now) = 0;
};

class Poller {
  public:
    // A handler's place. Valid until leave().
    using Seat = uint32_t;

    [[nodiscard]] static Result<Poller> make();

    [[nodiscard]] Seat join(PollHandler& handler);
    // Forgets its deadline and stale events. Its descriptors leave when they are closed.
    void leave(Seat seat);

    // Errno, or 0. A descriptor has one handler.
    [[nodiscard]] int watch(Seat seat, int fd, Readiness readiness);
    [[nodiscard]] int change(Seat seat, int fd, Readiness readiness);
    void forget(int fd);
    void set_deadline(Seat seat, TimePoint deadline) { deadlines_.set(seat, deadline); }

    // Readable when run() has something to do.
    [[nodiscard]] int fd() const { return epoll_.get(); }
    [[nodiscard]] TimePoint deadline() const { return deadlines_.earliest(); }
    // Tells handlers of what is ready (a bounded number: the rest keeps fd() readable) and due.
    void run(TimePoint now);

  private:
    struct Place {
        PollHandler* handler = nullptr;
        uint32_t generation = 0;  // tells events of an earlier handler in this place
    };

    [[nodiscard]] int control(int operation, Seat seat, int fd, Readiness readiness);

    OwnedFd epoll_;
    std::vector<Place> places_;
    std::vector<Seat> free_;
    DeadlineHeap deadlines_;
};

}  // namespace director::healthcheck
