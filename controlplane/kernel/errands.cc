#include "controlplane/kernel/errands.h"

#include <asio/post.hpp>
#include <utility>

namespace director::kernel {

Result<std::unique_ptr<Errands>> Errands::start(asio::io_context& io) {
    auto netlink = NetlinkSocket::open();
    if (!netlink) {
        return Failure(netlink.error());
    }
    // Its constructor is private.
    return std::unique_ptr<Errands>(new Errands(io, std::move(*netlink)));
}

Errands::Errands(asio::io_context& io, NetlinkSocket netlink)
    : io_(io), netlink_(std::move(netlink)), thread_([this] { work(); }) {}

Errands::~Errands() {
    *is_alive_ = false;
    {
        const std::lock_guard lock(mutex_);
        is_ending_ = true;
    }
    has_work_.notify_one();
    thread_.join();
}

void Errands::run(Errand errand, Done done) {
    {
        const std::lock_guard lock(mutex_);
        jobs_.push_back({std::move(errand), std::move(done)});
    }
    has_work_.notify_one();
}

void Errands::work() {
    std::unique_lock lock(mutex_);
    while (true) {
        has_work_.wait(lock, [this] { return is_ending_ || !jobs_.empty(); });
        if (jobs_.empty()) {
            return;
        }
        Job job = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        auto result = job.errand(netlink_);
        asio::post(io_,
                   [done = std::move(job.done), result = std::move(result), alive = is_alive_] {
                       if (*alive) {
                           done(result);
                       }
                   });
        lock.lock();
    }
}

}  // namespace director::kernel
