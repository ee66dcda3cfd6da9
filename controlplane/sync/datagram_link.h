// The datagrams of connection sync on a socket each way: to a multicast group through one
// interface, or to other directors by their addresses. As Linux's sync threads have it
// (ip_vs_sync.c, make_send_sock and make_receive_sock): no loop, one hop, path MTU discovery off.
// Event loop's thread only.
#pragma once

#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/udp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/address.h"
#include "common/result.h"
#include "controlplane/sync/byte_stream.h"

namespace director::sync {

struct LinkSettings {
    std::string interface;  // "": the routes decide; needed for a group
    IpAddress group = Ipv4Address::of(224, 0, 0, 81);
    uint16_t port = 8848;
    uint8_t ttl = 1;
    std::vector<IpAddress> peers;  // instead of the group
    bool sends = false;
    bool receives = false;
};

class DatagramLink {
  public:
    using OnDatagram = std::function<void(std::span<const uint8_t> bytes, const IpAddress& from)>;

    [[nodiscard]] static Result<std::unique_ptr<DatagramLink>> open(asio::io_context& io,
                                                                    const LinkSettings& settings,
                                                                    OnDatagram on_datagram);

    // To everyone who listens. What the kernel does not take is counted, not kept.
    void send(std::span<const Bytes> messages);

    [[nodiscard]] uint64_t send_errors() const { return send_errors_; }

  private:
    DatagramLink(asio::io_context& io, const LinkSettings& settings, OnDatagram on_datagram);

    [[nodiscard]] Result<void> open_sender();
    [[nodiscard]] Result<void> open_receiver();
    void wait();
    void receive();

    LinkSettings settings_;
    OnDatagram on_datagram_;
    asio::ip::udp::socket sender_;
    asio::ip::udp::socket receiver_;
    std::vector<asio::ip::udp::endpoint> targets_;
    std::array<uint8_t, 65536> buffer_{};
    uint64_t send_errors_ = 0;
};

}  // namespace director::sync
