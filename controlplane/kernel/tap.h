// The kernel interface that stands beside a DPDK port: what Director does not balance or route is
// written to it, and what the kernel sends (ARP, ssh, BGP) is read from it. A TAP device, which
// vanishes with its owner.
//
//   auto tap = Tap::create(io, {.name = "out", .mac = port.mac, .mtu_bytes = 1500});
//   (*tap)->start([&](std::span<const uint8_t> frame) { engine.inject(port_id, frame); });
//   (*tap)->write(punted.bytes);
//
// Control-plane thread only.
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/address.h"
#include "common/result.h"

namespace director::kernel {

struct TapSettings {
    std::string name;  // 1 to 15 characters
    MacAddress mac;
    uint16_t mtu_bytes = 1500;
};

struct TapCounters {
    uint64_t to_kernel = 0;
    uint64_t to_kernel_dropped = 0;  // the kernel did not take them: interface down, no memory
    uint64_t from_kernel = 0;
};

class Tap {
  public:
    // A complete Ethernet frame, VLAN tag included, checksums filled in. Lives during the call; the
    // call must not destroy the tap.
    using Receive = std::function<void(std::span<const uint8_t> frame)>;

    // Creates the interface, gives it MAC address and MTU, quiet settings (quiet_interface in
    // kernel_setup.h), and sets it up. The error says what is in the way and what to do about it.
    [[nodiscard]] static Result<std::unique_ptr<Tap>> create(asio::io_context& io,
                                                             const TapSettings& settings);
    ~Tap() = default;
    Tap(const Tap&) = delete;
    Tap& operator=(const Tap&) = delete;

    // From now on `receive` is called from `io` for each frame that the kernel sends; a bounded
    // number a turn. Until then the kernel queues them.
    void start(Receive receive);

    // Gives the kernel a frame as if it had come in by the port. Never waits; counts a drop
    // instead.
    void write(std::span<const uint8_t> frame);

    // Whether the port's cable is in: what `ip link` shows as LOWER_UP or NO-CARRIER. A kernel
    // before 5.0 does not know; then it stays in.
    void set_carrier(bool is_on);

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] uint32_t ifindex() const { return ifindex_; }
    [[nodiscard]] const TapCounters& counters() const { return counters_; }

  private:
    Tap(asio::io_context& io, std::string name);
    [[nodiscard]] Result<void> configure(const TapSettings& settings);
    void wait();
    [[nodiscard]] bool receive_turn();

    std::string name_;
    uint32_t ifindex_ = 0;
    asio::posix::stream_descriptor descriptor_;
    Receive receive_;
    TapCounters counters_;
    std::vector<uint8_t> buffer_;
    // Gone when the tap is: a handler that asio had already queued must not touch it.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace director::kernel
