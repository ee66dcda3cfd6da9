// Questions by ARP that do not wait for the kernel: it has to be asked too, so that it knows the
// neighbour, but may take its time (errands.h), and a client is waiting.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/address.h"

namespace director::kernel {

// Who has `wanted`? Without VLAN tag, to everybody.
[[nodiscard]] std::vector<uint8_t> build_arp_question(const MacAddress& mac,
                                                      Ipv4Address own,
                                                      Ipv4Address wanted);

struct ArpAnswer {
    Ipv4Address address;
    MacAddress mac;
};
// What a frame without VLAN tag answers; nullopt: it is no ARP reply.
[[nodiscard]] std::optional<ArpAnswer> parse_arp_answer(std::span<const uint8_t> frame);

}  // namespace director::kernel
