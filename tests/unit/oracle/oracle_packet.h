// A packet as a plain description, from which a frame is built anew for every place that it is seen
// at: what the packet path must send is what this builds, every length and checksum recomputed.
#pragma once

#include <cstdint>
#include <vector>

#include "common/random.h"
#include "tests/support/packet_builder.h"

namespace director::test::oracle {

struct Ends {
    Endpoint source;
    Endpoint destination;
};

[[nodiscard]] inline Ends reversed(const Ends& ends) {
    return {ends.destination, ends.source};
}

// Ethernet header: the tags as an interface has them.
struct Link {
    MacAddress source;
    MacAddress destination;
    uint16_t vlan = 0;
    uint16_t outer_vlan = 0;
};

struct ExtensionHeader {
    uint8_t number;
    Frame body;
};

// All that a translation leaves alone, and what it has to say something about.
struct Content {
    Protocol protocol = Protocol::kTcp;
    uint8_t ttl = 64;
    uint8_t tos = 0;
    uint16_t id = 0;
    bool dont_fragment = false;
    uint32_t flow_label = 0;
    Frame ip_options;
    std::vector<ExtensionHeader> extensions;
    uint8_t tcp_flags = 0;
    uint32_t seq = 0;
    uint32_t ack = 0;
    uint16_t window = 0;
    uint16_t urgent_pointer = 0;
    Frame tcp_options;
    bool has_udp_checksum = true;
    uint32_t verification_tag = 0;
    uint8_t chunk_type = 0;
    Frame payload;
};

// What begins a connection, and what comes later.
enum class Moment : uint8_t { kFirst, kLater };

[[nodiscard]] Content random_content(
    Random& random, Protocol protocol, Family family, Moment moment, size_t payload_max);

// Begins a frame with its Ethernet header.
[[nodiscard]] PacketBuilder on_link(const Link& link);
[[nodiscard]] PacketBuilder builder(const Link& link, const Ends& ends, const Content& content);

// The same content in the other IP version: RFC 7915 sections 4.1 and 5.1. Options and extension
// headers stay behind, "don't fragment" is set and the identification 0 in IPv4, the flow label is
// 0 and UDP has a checksum in IPv6.
[[nodiscard]] Content converted(Content content, Family to);

}  // namespace director::test::oracle
