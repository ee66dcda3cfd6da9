// ICMP echo through source NAT: the identifier is the port of who asks, as in Linux (nf_conntrack),
// so that real servers' pings and their answers find each other. Private to the stages.
#pragma once

#include "dataplane/core/flow_end.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {

// Whether a packet that has ports is an echo request or reply.
[[nodiscard]] inline bool is_echo(const Packet& packet) {
    return (packet.protocol == Protocol::kIcmp || packet.protocol == Protocol::kIcmpv6) &&
           !packet.is_icmp_error;
}

// Gives a whole echo request or reply its ports: the identifier on the side of who asks, 0 on the
// other. False for every other packet.
[[nodiscard]] bool adopt_echo_ends(const Worker::State& state, Packet& packet);

// Whether an echo packet may open a connection: a reply to nothing may not.
[[nodiscard]] bool is_echo_request(const Packet& packet);

// Writes the identifier of the client's new end. `address_and_port_delta` is what the checksum of a
// protocol with a pseudo header changes by (RFC 1624): ICMPv6's does, ICMP's knows no addresses.
void rewrite_echo(Packet& packet, Be16 identifier, uint16_t address_and_port_delta);

}  // namespace director::dataplane
