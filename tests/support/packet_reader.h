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
    std::vector<uint16_t> vlans;       // ids, outermost first
    std::vector<uint16_t> vlan_types;  // 0x8100 or 0x88a8, of each
    uint16_t ether_type = 0;           // after the tags
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

struct Ipv6Part {
    uint8_t traffic_class = 0;
    uint32_t flow_label = 0;
    uint16_t payload_length = 0;
    uint16_t header_bytes = 0;  // extension headers included
    uint8_t hop_limit = 0;
    IpAddress source;
    IpAddress destination;
    std::vector<uint8_t> extensions;  // numbers of the extension headers, in order
    bool has_fragment_header = false;
    uint32_t fragment_id = 0;
    bool more_fragments = false;
    uint16_t fragment_offset = 0;  // in bytes
    uint8_t protocol = 0;          // what comes behind the extension headers
};

struct SctpPart {
    uint16_t source_port = 0;
    uint16_t destination_port = 0;
    uint32_t verification_tag = 0;
    uint32_t checksum = 0;  // as a number: least significant byte first on the wire
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
    std::optional<Ipv6Part> ipv6;
    std::optional<TcpPart> tcp;
    std::optional<UdpPart> udp;
    std::optional<SctpPart> sctp;
    std::optional<IcmpPart> icmp;  // ICMPv6 in an IPv6 packet
    std::vector<uint8_t> payload;  // of TCP, UDP, SCTP, ICMP, or of IP when there is none of these
    size_t padding_bytes = 0;      // after the end of the IP packet or ARP message
    std::string problem;           // why reading stopped; empty when all was read

    [[nodiscard]] bool is_ip() const { return ipv4 || ipv6; }
    // Of either family; abort when the frame carries no IP packet.
    [[nodiscard]] IpAddress source_address() const;
    [[nodiscard]] IpAddress destination_address() const;
    [[nodiscard]] uint8_t ttl() const;
    [[nodiscard]] uint8_t protocol() const;
    [[nodiscard]] uint16_t ip_header_bytes() const;
    [[nodiscard]] uint16_t ip_bytes() const;  // of the whole IP packet
    [[nodiscard]] bool is_later_fragment() const;
    [[nodiscard]] bool has_more_fragments() const;

    // Where the packet comes from and goes to; abort when it has no ports.
    [[nodiscard]] Endpoint source() const;
    [[nodiscard]] Endpoint destination() const;
};

[[nodiscard]] DecodedFrame decode(std::span<const uint8_t> frame);

// An IP packet without Ethernet header: what a tunnel carries.
[[nodiscard]] DecodedFrame decode_ip(std::span<const uint8_t> packet);

// An IP packet that may be cut off behind its first 8 bytes of layer 4: what an ICMP error quotes.
// Of a TCP header that is cut off only the ports and the sequence number are read.
[[nodiscard]] DecodedFrame decode_quote(std::span<const uint8_t> packet);

// One sentence for each checksum that does not fit its data, and for a frame that cannot be read.
// Empty: all is well. Later fragments have no layer 4 checksum to check, UDP over IPv4 may go
// without. What IP-in-IP, GRE, and GUE at its own port carry is checked too.
[[nodiscard]] std::vector<std::string> bad_checksums(std::span<const uint8_t> frame);
[[nodiscard]] std::vector<std::string> bad_checksums_of_ip(std::span<const uint8_t> packet);

// "02:..:01 > 02:..:02 vlan 7 tcp 1.2.3.4:5 > 6.7.8.9:80 [SA] seq 1 ack 2 ttl 64 len 0", a line.
[[nodiscard]] std::string summary(std::span<const uint8_t> frame);

// summary() and a hex dump, for failure messages.
[[nodiscard]] std::string describe(std::span<const uint8_t> frame);

// Empty when equal, else where they differ and both frames described.
[[nodiscard]] std::string difference(std::span<const uint8_t> expected,
                                     std::span<const uint8_t> actual);

}  // namespace director::test
