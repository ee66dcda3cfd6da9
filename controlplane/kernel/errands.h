// Requests to the kernel that nobody waits for. Within the system call rtnetlink waits for whoever
// else in the machine changes anything (one lock for all network namespaces), which may be tens of
// milliseconds: too long for a thread that has adverts to send. So they have a thread of their own,
// which carries them out in order.
//
//   errands.run([=](NetlinkSocket& netlink) { return add_address(netlink, "eth0", prefix); },
//               [](const Result<void>& done) { ... });   // on the io_context, if it still runs
#pragma once

#include <asio/io_context.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "common/result.h"
#include "controlplane/kernel/netlink.h"

namespace director::kernel {

class Errands {
  public:
    using Errand = std::function<Result<void>(NetlinkSocket&)>;
    using Done = std::function<void(const Result<void>&)>;

    [[nodiscard]] static Result<std::unique_ptr<Errands>> start(asio::io_context& io);
    // Carries out what waits. Nothing is told of it any more.
    ~Errands();
    Errands(const Errands&) = delete;
    Errands& operator=(const Errands&) = delete;

    // `done` is called from the io_context's thread. `errand` must not refer to what that thread
    // changes.
    void run(Errand errand, Done done);

  private:
    struct Job {
        Errand errand;
        Done done;
    };

    Errands(asio::io_context& io, NetlinkSocket netlink);
    void work();

    asio::io_context& io_;
    NetlinkSocket netlink_;
    std::mutex mutex_;
    std::condition_variable has_work_;
    std::deque<Job> jobs_;
    bool is_ending_ = false;
    // Results that are on their way when we end find this false.
    std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);
    std::thread thread_;
};

}  // namespace director::kernel
