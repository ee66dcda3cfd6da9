#include "tests/unit/healthcheck/probe_lab.h"

#include <poll.h>

#include "common/assert.h"

namespace director::healthcheck::test {

bool wait_for_any(const std::vector<int>& fds, int milliseconds) {
    std::vector<pollfd> list;
    list.reserve(fds.size());
    for (const int fd : fds) {
        list.push_back({fd, POLLIN, 0});
    }
    return ::poll(list.data(), list.size(), milliseconds) > 0;
}

namespace {

Poller make_poller() {
    auto poller = Poller::make();
    DIRECTOR_ASSERT(poller.has_value());
    return std::move(*poller);
}

}  // namespace

ProbeLab::ProbeLab() : poller(make_poller()) {
    prober = std::move(*Prober::make(poller, kernel_sockets, 1));
}

ProbeLab::ProbeLab(Sockets& sockets) : poller(make_poller()) {
    prober = std::move(*Prober::make(poller, sockets, 1));
}

void ProbeLab::start(const CheckSettings& settings) {
    start_.check = static_cast<CheckId>(3);
    start_.attempt = static_cast<Attempt>(++attempts_);
    start_.deadline = clock.now() + settings.timing.timeout;
    start_.settings = std::make_shared<const CheckSettings>(settings);
    prober->start(start_, clock.now());
    take();
}

void ProbeLab::take() {
    for (ProbeResult& result : prober->take_results()) {
        DIRECTOR_ASSERT(result.check == start_.check && result.attempt == start_.attempt);
        results_.push_back(std::move(result));
    }
}

bool ProbeLab::run_until(const std::function<bool()>& done) {
    while (true) {
        for (LoopbackServer* server : servers_) {
            server->serve();
        }
        poller.run(clock.now());
        take();
        if (done()) {
            return true;
        }
        std::vector<int> fds{poller.fd()};
        for (const LoopbackServer* server : servers_) {
            for (const int fd : server->fds()) {
                fds.push_back(fd);
            }
        }
        if (!wait_for_any(fds)) {
            return false;
        }
    }
}

ProbeResult ProbeLab::probe(const CheckSettings& settings) {
    start(settings);
    const bool ended = run_until([this] { return !results_.empty(); });
    if (!ended) {
        ProbeResult silence;
        silence.text = "the probe did not end";
        return silence;
    }
    return *result();
}

std::optional<ProbeResult> ProbeLab::result() {
    if (results_.empty()) {
        return std::nullopt;
    }
    DIRECTOR_ASSERT(results_.size() == 1);
    ProbeResult result = std::move(results_.back());
    results_.clear();
    return result;
}

void ProbeLab::jump(Duration time) {
    clock.advance(time);
    poller.run(clock.now());
    take();
}

void ProbeLab::cancel() {
    prober->cancel({start_.check, start_.attempt});
}

CheckSettings check_of(const Endpoint& to, CheckSort sort) {
    CheckSettings check;
    check.target.to = to;
    check.sort = std::move(sort);
    check.timing.timeout = std::chrono::seconds(1);
    return check;
}

}  // namespace director::healthcheck::test
