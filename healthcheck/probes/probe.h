// One run of a check against its target: begins, waits for its sockets through the Poller, and ends
// with one result. Prober owns it.
#pragma once

#include <string>
#include <string_view>

#include "common/random.h"
#include "healthcheck/actions.h"
#include "healthcheck/probes/poller.h"
#include "healthcheck/probes/sockets.h"

namespace director::healthcheck {

class HttpClient;
class Probe;
class Undertaker;

class ProbeOwner {
  public:
    ProbeOwner() = default;
    ProbeOwner(const ProbeOwner&) = delete;
    ProbeOwner& operator=(const ProbeOwner&) = delete;
    virtual ~ProbeOwner() = default;
    // The probe has its result. It is still in one of its functions: not to be destroyed here.
    virtual void on_finished(Probe& probe) = 0;
};

// What all probes share. Lives longer than they.
struct ProbeTools {
    Poller& poller;
    Sockets& sockets;
    HttpClient& http;
    Undertaker& undertaker;
    Random& random;
    ProbeOwner& owner;
};

class Probe : public PollHandler {
  public:
    Probe(ProbeTools& tools, const StartProbe& start, TimePoint now);
    ~Probe() override;
    Probe(const Probe&) = delete;
    Probe& operator=(const Probe&) = delete;

    // Called once. May finish at once.
    virtual void begin(TimePoint now) = 0;
    // By default: it failed, as there was no answer in time.
    void on_deadline(TimePoint now) override;

    [[nodiscard]] const ProbeResult& result() const { return result_; }
    [[nodiscard]] bool is_finished() const { return finished_; }

  protected:
    [[nodiscard]] const CheckSettings& settings() const { return *start_.settings; }
    [[nodiscard]] const Target& target() const { return start_.settings->target; }
    template <typename Sort>
    [[nodiscard]] const Sort& sort() const {
        return std::get<Sort>(start_.settings->sort);
    }
    [[nodiscard]] ProbeTools& tools() { return tools_; }
    [[nodiscard]] Poller::Seat seat() const { return seat_; }

    // Each ends the probe; later calls do nothing.
    void pass(TimePoint now, std::optional<uint32_t> weight = std::nullopt);
    void fail(TimePoint now, std::string text);
    void unable(TimePoint now, std::string text);
    // As the kernel answered: no route and refusals are the server's, no memory and no ports ours.
    void fail_by_errno(TimePoint now, std::string_view what, int error);

    // Opens a socket into `fd` and connects it, waiting for `readiness`. False: the probe is over.
    [[nodiscard]] bool connect(
        TimePoint now, OwnedFd& fd, int type, int protocol, Readiness readiness);
    // Opens and watches only. False: the probe is over.
    [[nodiscard]] bool watch(TimePoint now, int fd, Readiness readiness);

  private:
    void finish(TimePoint now, Outcome outcome, std::string text);

    ProbeTools& tools_;
    StartProbe start_;
    TimePoint began_;
    Poller::Seat seat_;
    ProbeResult result_;
    bool finished_ = false;
};

// The error that a connecting or connected socket has met; 0: none.
[[nodiscard]] int socket_error(int fd);

}  // namespace director::healthcheck
