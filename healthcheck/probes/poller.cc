#include "healthcheck/probes/poller.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "common/assert.h"

namespace director::healthcheck {
namespace {

constexpr int kEventsPerRun = 256;

// What epoll keeps for us with a descriptor.
constexpr uint32_t kFdBits = 21;  // above the kernel's fs.nr_open default of 1,048,576
constexpr uint32_t kSeatBits = 21;
constexpr uint32_t kGenerationBits = 64 - kFdBits - kSeatBits;
constexpr uint64_t low_bits(uint32_t count) {
    return (uint64_t{1} << count) - 1;
}

uint64_t pack(uint32_t seat, uint32_t generation, int fd) {
    return (uint64_t{generation} & low_bits(kGenerationBits)) << (kFdBits + kSeatBits) |
           uint64_t{seat} << kFdBits | static_cast<uint64_t>(fd);
}

uint32_t epoll_events(Readiness readiness) {
    const auto bits = static_cast<unsigned>(readiness);
    return ((bits & 1U) != 0 ? EPOLLIN : 0U) | ((bits & 2U) != 0 ? EPOLLOUT : 0U);
}

// An error or hang-up makes both reading and writing worth a try.
Readiness readiness_of(uint32_t events) {
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        return Readiness::kBoth;
    }
    return static_cast<Readiness>(((events & EPOLLIN) != 0 ? 1 : 0) |
                                  ((events & EPOLLOUT) != 0 ? 2 : 0));
}

}  // namespace

Result<Poller> Poller::make() {
    Poller poller;
    poller.epoll_ = OwnedFd(epoll_create1(EPOLL_CLOEXEC));
    if (!poller.epoll_.is_open()) {
        return failure(fmt::format("epoll_create1: {}", std::strerror(errno)));
    }
    return poller;
}

Poller::Seat Poller::join(PollHandler& handler) {
    Seat seat = 0;
    if (free_.empty()) {
        seat = static_cast<Seat>(places_.size());
        DIRECTOR_ASSERT(seat < (1U << kSeatBits));
        places_.emplace_back();
    } else {
        seat = free_.back();
        free_.pop_back();
    }
    places_[seat].handler = &handler;
    return seat;
}

void Poller::leave(Seat seat) {
    DIRECTOR_ASSERT(places_[seat].handler != nullptr);
    places_[seat].handler = nullptr;
    ++places_[seat].generation;
    deadlines_.clear(seat);
    free_.push_back(seat);
}

int Poller::control(int operation, Seat seat, int fd, Readiness readiness) {
    epoll_event event{};
    event.events = epoll_events(readiness);
    event.data.u64 = pack(seat, places_[seat].generation, fd);
    return epoll_ctl(epoll_.get(), operation, fd, &event) == 0 ? 0 : errno;
}

int Poller::watch(Seat seat, int fd, Readiness readiness) {
    return control(EPOLL_CTL_ADD, seat, fd, readiness);
}

int Poller::change(Seat seat, int fd, Readiness readiness) {
    return control(EPOLL_CTL_MOD, seat, fd, readiness);
}

void Poller::forget(int fd) {
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void Poller::run(TimePoint now) {
    std::array<epoll_event, kEventsPerRun> events;  // NOLINT(*-member-init): written by the kernel
    const int count = epoll_wait(epoll_.get(), events.data(), kEventsPerRun, 0);
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events.at(static_cast<size_t>(i));
        const uint64_t data = event.data.u64;
        const auto fd = static_cast<int>(data & low_bits(kFdBits));
        const Place& place = places_[data >> kFdBits & low_bits(kSeatBits)];
        const uint64_t generation = data >> (kFdBits + kSeatBits);
        if (place.handler != nullptr &&
            (place.generation & low_bits(kGenerationBits)) == generation) {
            place.handler->on_ready(fd, readiness_of(event.events), now);
        }
    }
    while (deadlines_.earliest() <= now) {
        const Seat seat = deadlines_.earliest_id();
        deadlines_.clear(seat);
        places_[seat].handler->on_deadline(now);
    }
}

}  // namespace director::healthcheck
