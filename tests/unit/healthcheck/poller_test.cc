// Handlers that come and go while events are told.
#include "healthcheck/probes/poller.h"

#include <fcntl.h>

#include <array>
#include <functional>

#include <gtest/gtest.h>

namespace director::healthcheck {
namespace {

constexpr TimePoint kNow{std::chrono::hours(1)};

class Counter final : public PollHandler {
  public:
    void on_ready(int /*fd*/, Readiness /*readiness*/, TimePoint /*now*/) override {
        ++ready;
        if (then) {
            then();
        }
    }
    void on_deadline(TimePoint /*now*/) override { ++due; }

    int ready = 0;
    int due = 0;
    std::function<void()> then;
};

// A pipe with something to read.
struct FullPipe {
    FullPipe() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
        read_end = OwnedFd(ends[0]);
        write_end = OwnedFd(ends[1]);
        EXPECT_EQ(::write(write_end.get(), "x", 1), 1);
    }
    OwnedFd read_end;
    OwnedFd write_end;
};

TEST(Poller, StaleEventsReachNoNewcomer) {
    auto poller = std::move(*Poller::make());
    FullPipe one;
    FullPipe two;
    Counter first;
    Counter second;
    Counter newcomer;
    Poller::Seat first_seat = poller.join(first);
    Poller::Seat second_seat = poller.join(second);
    ASSERT_EQ(poller.watch(first_seat, one.read_end.get(), Readiness::kRead), 0);
    ASSERT_EQ(poller.watch(second_seat, two.read_end.get(), Readiness::kRead), 0);
    // Whoever is told first replaces the other.
    first.then = [&] {
        poller.leave(second_seat);
        EXPECT_EQ(poller.join(newcomer), second_seat);
    };
    second.then = [&] {
        poller.leave(first_seat);
        EXPECT_EQ(poller.join(newcomer), first_seat);
    };
    poller.run(kNow);
    EXPECT_EQ(first.ready + second.ready, 1);
    EXPECT_EQ(newcomer.ready, 0);
}

TEST(Poller, DeadlinesComeOnceAndLeaveWithTheirHandler) {
    auto poller = std::move(*Poller::make());
    Counter one;
    Counter two;
    const Poller::Seat seat = poller.join(one);
    const Poller::Seat other = poller.join(two);
    poller.set_deadline(seat, kNow);
    poller.set_deadline(other, kNow);
    EXPECT_EQ(poller.deadline(), kNow);
    poller.leave(other);
    poller.run(kNow - Duration(1));
    EXPECT_EQ(one.due, 0);
    poller.run(kNow);
    poller.run(kNow);
    EXPECT_EQ(one.due, 1);
    EXPECT_EQ(two.due, 0);
    EXPECT_EQ(poller.deadline(), kNever);
}

}  // namespace
}  // namespace director::healthcheck
