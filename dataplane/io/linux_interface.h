// What DPDK's drivers for Linux interfaces (net_af_packet, net_af_xdp) do not see to themselves.
// Each function takes a device with its arguments, as in the configuration: "net_af_packet0,
// iface=eth1". Control thread only.
#pragma once

#include <cstdint>
#include <string>

#include "common/result.h"

namespace director::dataplane::io {

// Whether the interface below the device is up and has its cable; true where there is none. These
// drivers say that their link is up whatever happens to it.
[[nodiscard]] bool is_carried(const std::string& device);

// The bytes of a frame in the ring of a packet socket, which a buffer has to hold: the device's
// argument "framesz", or 0 without one.
[[nodiscard]] uint32_t packet_socket_frame_bytes(const std::string& device);

// Gives the interface its MTU, in net_af_packet's stead: it claims to take 1518 bytes and no more,
// so ethdev would let none of its functions ask for another one. It takes what a frame of its ring
// holds; of more, it would hand out the beginning, so that is refused here.
[[nodiscard]] Result<void> set_packet_socket_mtu(const std::string& device, uint16_t mtu_bytes);

}  // namespace director::dataplane::io
