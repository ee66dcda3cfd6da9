// Talks rtnetlink with the kernel: requests with their answers (NetlinkSocket), and notifications
// on the event loop (NetlinkMonitor). What the bytes mean is kernel_event.h's business.
//
// Control-plane thread only.
#pragma once

#include <array>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/address.h"
#include "common/result.h"

struct mnl_socket;
struct nlattr;
struct nlmsghdr;

namespace director::kernel {

// libmnl's socket, closed with its owner.
struct CloseMnlSocket {
    void operator()(mnl_socket* socket) const;
};
using MnlSocket = std::unique_ptr<mnl_socket, CloseMnlSocket>;

// AF_INET or AF_INET6.
[[nodiscard]] uint8_t address_family(const IpAddress& address);
// An address as netlink carries it: 4 bytes or 16, of `address` itself.
[[nodiscard]] std::span<const uint8_t> wire_bytes(const IpAddress& address);

// One request under construction: header, a fixed structure, attributes. Asserts that it fits; all
// requests of ours have a fixed small size.
class NetlinkMessage {
  public:
    // `flags` are those beside NLM_F_REQUEST; `fixed` is the family's structure (ifinfomsg, ...):
    //   NetlinkMessage message(RTM_GETLINK, NLM_F_DUMP, std::as_bytes(std::span(&info, 1)));
    NetlinkMessage(uint16_t type, uint16_t flags, std::span<const std::byte> fixed);

    void add(uint16_t type, std::span<const uint8_t> value);
    void add_u16(uint16_t type, uint16_t value);
    void add_u32(uint16_t type, uint32_t value);
    void add_text(uint16_t type, std::string_view value);  // with its terminating zero
    // Attributes added between the two are nested in one of `type`.
    [[nodiscard]] nlattr* begin_nest(uint16_t type);
    void end_nest(nlattr* nest);

    void set_sequence(uint32_t sequence);
    void add_flags(uint16_t flags);
    [[nodiscard]] uint16_t flags() const;
    [[nodiscard]] std::span<const uint8_t> bytes() const;

  private:
    [[nodiscard]] nlmsghdr* header();
    [[nodiscard]] const nlmsghdr* header() const;

    alignas(8) std::array<uint8_t, 512> buffer_{};
};

// The kernel's answer to a request.
struct NetlinkReply {
    int error = 0;     // errno; 0 = done
    std::string text;  // why not, in the kernel's own words where it gives any

    [[nodiscard]] bool is_ok() const { return error == 0; }
};

// Requests, one at a time. rtnetlink answers within the system call, so this does not wait.
class NetlinkSocket {
  public:
    [[nodiscard]] static Result<NetlinkSocket> open();

    // Sends `message` and reads its answers up to the acknowledgement, or to the end of a dump.
    // Messages that are neither go to `receive`.
    [[nodiscard]] NetlinkReply ask(
        NetlinkMessage& message,
        const std::function<void(std::span<const uint8_t> message)>& receive = {});

  private:
    explicit NetlinkSocket(MnlSocket socket) : socket_(std::move(socket)) {}

    MnlSocket socket_;
    uint32_t sequence_ = 0;
    std::vector<uint8_t> buffer_;
};

// Notifications of multicast groups, and answers to dumps that are asked for on the same socket: so
// the two arrive in the order in which the kernel made them.
class NetlinkMonitor {
  public:
    class Listener {
      public:
        Listener(const Listener&) = delete;
        Listener& operator=(const Listener&) = delete;
        virtual ~Listener() = default;
        // One message, header included; lives during the call. Must not destroy the monitor.
        virtual void on_message(std::span<const uint8_t> message) = 0;
        // A turn of messages is through.
        virtual void on_turn_end() = 0;
        // Messages were lost: what is known may be wrong.
        virtual void on_overrun() = 0;

      protected:
        Listener() = default;
    };

    // Joins `groups` (RTNLGRP_*). `listener` is called from `io`, from start() on, and must outlive
    // the monitor.
    [[nodiscard]] static Result<std::unique_ptr<NetlinkMonitor>> open(
        asio::io_context& io, std::span<const uint32_t> groups, Listener& listener);
    ~NetlinkMonitor();
    NetlinkMonitor(const NetlinkMonitor&) = delete;
    NetlinkMonitor& operator=(const NetlinkMonitor&) = delete;

    void start();
    // Sends a request; its answers come to the listener.
    [[nodiscard]] Result<void> send(const NetlinkMessage& message);

    // For tests: a receive buffer so small that it overruns.
    void shrink_receive_buffer(int bytes);

  private:
    NetlinkMonitor(asio::io_context& io, MnlSocket socket, Listener& listener);
    void wait();
    void receive_turn();

    MnlSocket socket_;
    asio::posix::stream_descriptor descriptor_;  // the same one; does not close it
    Listener& listener_;
    std::vector<uint8_t> buffer_;
    // Gone when the monitor is: a handler that asio had already queued must not touch it.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace director::kernel
