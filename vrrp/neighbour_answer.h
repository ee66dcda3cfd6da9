// Who has a virtual address? Answers to ARP (RFC 826) and neighbour solicitations (RFC 4861 section
// 4.3) for a MASTER. A machine that answers for others answers nobody else's questions: what is not
// a well-formed question about one address of one family is none of ours.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/address.h"

namespace director::vrrp {

// A question that came in an Ethernet frame.
struct NeighbourQuestion {
    IpAddress target;    // whose MAC address is asked for
    MacAddress asker;    // where the answer goes
    IpAddress asker_ip;  // the unspecified address: it is only checking that nobody has `target`
};

// Reads an Ethernet frame without VLAN tag; nullopt: not such a question.
[[nodiscard]] std::optional<NeighbourQuestion> parse_question(std::span<const uint8_t> frame);

// The frame that answers it: `target` is at `mac`. Sent from `mac`.
[[nodiscard]] std::vector<uint8_t> build_answer(const NeighbourQuestion& question,
                                                const MacAddress& mac);

}  // namespace director::vrrp
