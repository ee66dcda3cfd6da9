// Reads frames back in tests: a slow, independent decoder that shares no code with the dataplane.
// Every assertion about a packet goes through bad_checksums(), so that no test can overlook one.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/address.h"
#include "tests/support/packet_builder.h"

namespace director::test {

struct EthernetPart {
    MacAddress source;
    MacAddress destination;
    std::vector<uint16_t> vlans;  // ids, outermost first
    uint16_t ether_type = 0;      // after the tags
};

struct ArpPart {
    uint16_t operation = 0;
    MacAddress sender;
    Ipv4Address sender_address;
    MacAddress target;
    Ipv4Address target_address;
};

struct Ipv4Part {
    uint8_t tos = 0;
    uint16_t header_bytes = 0;
    uint16_t total_length = 0;
    uint16_t id = 0;
    bool dont_fragment = false;
    bool more_fragments = false;
    uint16_t fragment_offset = 0;  // in bytes
    uint8_t ttl = 0;
    uint8_t protocol = 0;
    uint16_t checksum = 0;
    Ipv4Address source;
    Ipv4Address destination;
    std::vector<uint8_t> options;
};

struct TcpPart {
    uint16_t source_port = 0;
    uint16_t destination_port = 0;
    uint32_t seq = 0;
    uint32_t ack = 0;
    uint16_t header_bytes = 0;
    uint8_t flags = 0;
    uint16_t window = 0;
    uint16_t checksum = 0;
    uint16_t urgent_pointer = 0;
    std::vector<uint8_t> options;
};

struct UdpPart {
    uint16_t source_port = 0;
    uint16_t destination_port = 0;
    uint16_t length = 0;
    uint16_t checksum = 0;
};

struct IcmpPart {
    uint8_t type = 0;
    uint8_t code = 0;
    uint16_t checksum = 0;
    uint32_t rest = 0;
};

// A part is there when it could be read whole; reading stops at the first that could not.
struct DecodedFrame {
    std::optional<EthernetPart> ethernet;
    std::optional<ArpPart> arp;
    std::optional<Ipv4Part> ipv4;
    std::optional<TcpPart> tcp;
    std::optional<UdpPart> udp;
    std::optional<IcmpPart> icmp;
    std::vector<uint8_t> payload;  // of TCP, UDP, ICMP, or of IPv4 when there is none of these
    size_t padding_bytes = 0;      // after the end of the IP packet or ARP message
    std::string problem;           // why reading stopped; empty when all was read

    // Where the packet comes from and goes to; aborts when it has no ports.
    [[nodiscard]] Endpoint source() const;
    [[nodiscard]] Endpoint destination() const;
};

[[nodiscard]] DecodedFrame decode(std::span<const uint8_t> frame);

// One sentence for each checksum that does not fit its data, and for a frame that cannot be read.
// Empty: all is well. Later fragments have no layer 4 checksum to check, UDP may go without.
[[nodiscard]] std::vector<std::string> bad_checksums(std::span<const uint8_t> frame);

// "02:..:01 > 02:..:02 vlan 7 tcp 1.2.3.4:5 > 6.7.8.9:80 [SA] seq 1 ack 2 ttl 64 len 0", a line.
[[nodiscard]] std::string summary(std::span<const uint8_t> frame);

// summary() and a hex dump, for failure messages.
[[nodiscard]] std::string describe(std::span<const uint8_t> frame);

// Empty when equal, else where they differ and both frames described.
[[nodiscard]] std::string difference(std::span<const uint8_t> expected,
                                     std::span<const uint8_t> actual);

}  // namespace director::test
