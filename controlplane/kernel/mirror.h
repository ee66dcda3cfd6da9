// Mirrors the kernel's view of our interfaces (MirrorModel says what of it) and tells the
// differences, from a netlink socket on the event loop.
//
//   auto mirror = KernelMirror::start(io, taps, sink);   // the sink is told from within io.run()
//
// A lost notification (the socket's buffer overran) leads to a whole new look at the kernel, of
// which again only the differences are told. Routes are told as one list after a burst of changes.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "common/result.h"
#include "common/time.h"
#include "controlplane/kernel/mirror_model.h"
#include "controlplane/kernel/netlink.h"
#include "dataplane/api/ids.h"

namespace director::kernel {

class KernelMirror final : private NetlinkMonitor::Listener {
  public:
    // `sink` must outlive the mirror. The taps exist already. An error means that the kernel
    // refused the socket.
    [[nodiscard]] static Result<std::unique_ptr<KernelMirror>> start(
        asio::io_context& io, const std::vector<TapLink>& taps, MirrorSink& sink);
    ~KernelMirror() override;
    KernelMirror(const KernelMirror&) = delete;
    KernelMirror& operator=(const KernelMirror&) = delete;

    // The kernel's index of an interface; nullopt while it does not exist.
    [[nodiscard]] std::optional<uint32_t> ifindex_of(dataplane::InterfaceId id) const {
        return model_.ifindex_of(id);
    }
    [[nodiscard]] const MirrorModel& model() const { return model_; }
    // How often everything was read anew because notifications were lost.
    [[nodiscard]] uint64_t resyncs() const { return resyncs_; }

    // For tests: a receive buffer so small that it overruns.
    void shrink_receive_buffer(int bytes) { monitor_->shrink_receive_buffer(bytes); }

  private:
    using Part = MirrorModel::Part;

    KernelMirror(asio::io_context& io, const std::vector<TapLink>& taps, MirrorSink& sink);

    void on_message(std::span<const uint8_t> message) override;
    void on_turn_end() override;
    void on_overrun() override;

    void read_everything();
    void dump_next();
    void on_dump_end(int error);
    void arm(Duration delay);
    void on_timer();

    MirrorSink& sink_;
    MirrorModel model_;
    std::unique_ptr<NetlinkMonitor> monitor_;
    asio::steady_timer timer_;
    // Gone when the mirror is: a handler that asio had already queued must not touch it.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    bool is_armed_ = false;

    std::deque<Part> to_dump_;  // the first is being dumped while is_dumping_
    bool is_dumping_ = false;
    bool is_dump_torn_ = false;  // the kernel's tables changed under it: once more
    bool is_overrun_ = false;    // read everything once the dump under way is through
    bool is_synced_ = false;
    uint32_t dump_sequence_ = 0;
    uint64_t resyncs_ = 0;
};

}  // namespace director::kernel
