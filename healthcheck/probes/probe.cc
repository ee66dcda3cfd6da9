#include "healthcheck/probes/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace director::healthcheck {
namespace {

// Errors that have their cause on this machine.
constexpr std::array kOurErrors{EMFILE,
                                ENFILE,
                                ENOBUFS,
                                ENOMEM,
                                EADDRNOTAVAIL,
                                EADDRINUSE,
                                EAGAIN,
                                EPERM,
                                EACCES,
                                EAFNOSUPPORT};

}  // namespace

Probe::Probe(ProbeTools& tools, const StartProbe& start, TimePoint now)
    : tools_(tools), start_(start), began_(now), seat_(tools.poller.join(*this)) {
    result_.check = start.check;
    result_.attempt = start.attempt;
    tools_.poller.set_deadline(seat_, start.deadline);
}

Probe::~Probe() {
    tools_.poller.leave(seat_);
}

void Probe::finish(TimePoint now, Outcome outcome, std::string text) {
    if (finished_) {
        return;
    }
    finished_ = true;
    result_.outcome = outcome;
    result_.text = std::move(text);
    result_.took = now - began_;
    tools_.poller.set_deadline(seat_, kNever);
    tools_.owner.on_finished(*this);
}

void Probe::pass(TimePoint now, std::optional<uint32_t> weight) {
    if (!finished_) {
        result_.weight = weight;
    }
    finish(now, Outcome::kPassed, {});
}

void Probe::fail(TimePoint now, std::string text) {
    finish(now, Outcome::kFailed, std::move(text));
}

void Probe::unable(TimePoint now, std::string text) {
    finish(now, Outcome::kUnable, std::move(text));
}

void Probe::fail_by_errno(TimePoint now, std::string_view what, int error) {
    const bool is_ours = std::find(kOurErrors.begin(), kOurErrors.end(), error) != kOurErrors.end();
    finish(now,
           is_ours ? Outcome::kUnable : Outcome::kFailed,
           fmt::format("{}: {}", what, std::strerror(error)));
}

void Probe::on_deadline(TimePoint now) {
    const auto timeout =
        std::chrono::duration_cast<std::chrono::milliseconds>(settings().timing.timeout);
    fail(now, fmt::format("no answer within {} ms", timeout.count()));
}

bool Probe::connect(TimePoint now, OwnedFd& fd, int type, int protocol, Readiness readiness) {
    auto opened = tools_.sockets.open(target(), type, protocol);
    if (!opened) {
        unable(now, opened.error().message);
        return false;
    }
    fd = std::move(*opened);
    const SocketAddress address(target().to);
    if (::connect(fd.get(), address.get(), address.length) != 0 && errno != EINPROGRESS) {
        fail_by_errno(now, "connect", errno);
        return false;
    }
    return watch(now, fd.get(), readiness);
}

bool Probe::watch(TimePoint now, int fd, Readiness readiness) {
    const int error = tools_.poller.watch(seat_, fd, readiness);
    if (error != 0) {
        unable(now, fmt::format("epoll: {}", std::strerror(error)));
    }
    return error == 0;
}

int socket_error(int fd) {
    int error = 0;
    socklen_t length = sizeof(error);
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

}  // namespace director::healthcheck
