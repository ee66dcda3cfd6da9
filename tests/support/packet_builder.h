// Builds whole Ethernet frames for tests, right in every length and checksum unless told otherwise.
//
//   const Frame syn = PacketBuilder()
//                         .eth(client_mac, director_mac)
//                         .ipv4("170.210.122.101", "170.210.122.104")
//                         .tcp(49152, 80)
//                         .tcp_flags(kTcpSyn)
//                         .build();
//
// It has byte order and checksums of its own, written the slow way, so that the code under test is
// never checked against itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/address.h"

namespace director::test {

using Frame = std::vector<uint8_t>;

inline constexpr uint8_t kTcpFin = 0x01;
inline constexpr uint8_t kTcpSyn = 0x02;
inline constexpr uint8_t kTcpRst = 0x04;
inline constexpr uint8_t kTcpPsh = 0x08;
inline constexpr uint8_t kTcpAck = 0x10;
inline constexpr uint8_t kTcpUrg = 0x20;

inline constexpr MacAddress kBroadcastMac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
// Used where a test does not name any: locally administered, different from each other.
inline constexpr MacAddress kDefaultSourceMac{{0x02, 0x00, 0x00, 0x00, 0x00, 0x01}};
inline constexpr MacAddress kDefaultDestinationMac{{0x02, 0x00, 0x00, 0x00, 0x00, 0x02}};

// Parse what a test wrote, and abort when it is no address: a typing error of the test's.
[[nodiscard]] Ipv4Address ip(std::string_view text);
[[nodiscard]] IpAddress ip6(std::string_view text);
[[nodiscard]] Endpoint endpoint(std::string_view text);
[[nodiscard]] MacAddress mac(std::string_view text);

class PacketBuilder {
  public:
    // Ethernet. Without eth(), the two default addresses are used.
    PacketBuilder& eth(const MacAddress& source, const MacAddress& destination);
    // Adds an 802.1Q tag; a second call adds one inside the first.
    PacketBuilder& vlan(uint16_t id, uint8_t priority = 0);
    // Adds an 802.1ad tag, the outer one of QinQ: vlan() comes after it.
    PacketBuilder& outer_vlan(uint16_t id, uint8_t priority = 0);
    // Overrides the type that follows from what is inside.
    PacketBuilder& ether_type(uint16_t value);
    // Zero bytes at the end of the frame up to this length (60: what an Ethernet card sends).
    PacketBuilder& pad_to(size_t length_bytes);
    // Cuts the finished frame to this length.
    PacketBuilder& truncate_to(size_t length_bytes);

    // IPv4: TTL 64, ID 0, no options, no DF. The text forms abort on what is no address.
    PacketBuilder& ipv4(Ipv4Address source, Ipv4Address destination);
    PacketBuilder& ipv4(std::string_view source, std::string_view destination);
    // IPv6: hop limit 64 (ttl() changes it), traffic class 0 (tos()), flow label 0, no extensions.
    PacketBuilder& ipv6(const IpAddress& source, const IpAddress& destination);
    PacketBuilder& ipv6(std::string_view source, std::string_view destination);
    PacketBuilder& flow_label(uint32_t value);
    // Extension headers stand in the order of these calls, the fragment header behind them. `body`
    // follows the two bytes "next header" and "length" and is filled up with zeros, which are Pad1
    // options.
    PacketBuilder& extension_header(uint8_t number, std::span<const uint8_t> body = {});
    // IPv6: adds the fragment header that more_fragments() and fragment_offset() speak of.
    PacketBuilder& fragment_id(uint32_t value);
    // Of the addresses' family.
    PacketBuilder& ip(const IpAddress& source, const IpAddress& destination);
    PacketBuilder& ttl(uint8_t value);
    PacketBuilder& ip_id(uint16_t value);
    PacketBuilder& tos(uint8_t value);
    // Padded with zeros (end of options) to a multiple of four bytes.
    PacketBuilder& ip_options(std::span<const uint8_t> bytes);
    PacketBuilder& dont_fragment();
    PacketBuilder& more_fragments();
    // In bytes, a multiple of eight. A later fragment has no tcp() or udp(): give it ip_protocol()
    // and payload().
    PacketBuilder& fragment_offset(uint16_t bytes);
    PacketBuilder& ip_protocol(uint8_t value);
    PacketBuilder& bad_ip_checksum();
    PacketBuilder& ip_total_length(uint16_t value);
    // The header length field as it stands on the wire, in 32-bit words.
    PacketBuilder& ip_header_words(uint8_t value);
    PacketBuilder& ip_version(uint8_t value);

    // TCP: ACK, sequence numbers 0, window 65535, no options.
    PacketBuilder& tcp(uint16_t source_port, uint16_t destination_port);
    PacketBuilder& tcp_flags(uint8_t flags);
    PacketBuilder& seq(uint32_t value);
    PacketBuilder& ack(uint32_t value);
    PacketBuilder& window(uint16_t value);
    PacketBuilder& urgent_pointer(uint16_t value);
    // Padded with zeros (end of options) to a multiple of four bytes.
    PacketBuilder& tcp_options(std::span<const uint8_t> bytes);
    // The data offset field as it stands on the wire, in 32-bit words.
    PacketBuilder& tcp_header_words(uint8_t value);

    PacketBuilder& udp(uint16_t source_port, uint16_t destination_port);
    PacketBuilder& udp_length(uint16_t value);
    // Checksum field 0: "none" (RFC 768).
    PacketBuilder& no_udp_checksum();

    // SCTP: verification tag 0 and the chunks, or payload() as it is.
    PacketBuilder& sctp(uint16_t source_port, uint16_t destination_port);
    PacketBuilder& verification_tag(uint32_t value);
    // Adds a chunk, padded to a multiple of four bytes.
    PacketBuilder& chunk(uint8_t type, uint8_t flags, std::span<const uint8_t> value = {});

    // Any ICMP message, ICMPv6 in an IPv6 packet; `rest` is the second word of its header. An error
    // quotes by payload(ip_packet_of(frame)) (packet_pieces.h).
    PacketBuilder& icmp(uint8_t type, uint8_t code, uint32_t rest);
    PacketBuilder& icmp_echo(uint16_t id, uint16_t sequence);
    PacketBuilder& icmp_echo_reply(uint16_t id, uint16_t sequence);
    PacketBuilder& icmpv6_echo(uint16_t id, uint16_t sequence);
    PacketBuilder& icmpv6_echo_reply(uint16_t id, uint16_t sequence);

    // Wrong by one bit in the TCP, UDP, SCTP or ICMP checksum.
    PacketBuilder& bad_l4_checksum();

    // A broadcast question and a unicast answer. They set the Ethernet addresses too.
    PacketBuilder& arp_request(const MacAddress& sender,
                               Ipv4Address sender_address,
                               Ipv4Address target_address);
    PacketBuilder& arp_reply(const MacAddress& sender,
                             Ipv4Address sender_address,
                             const MacAddress& target,
                             Ipv4Address target_address);

    PacketBuilder& payload(std::span<const uint8_t> bytes);
    PacketBuilder& payload(std::string_view text);
    // A pattern in which every byte differs from its neighbours.
    PacketBuilder& payload_size(size_t length_bytes);

    [[nodiscard]] Frame build() const;

  private:
    enum class L3 : uint8_t { kNone, kIpv4, kIpv6, kArp };
    enum class L4 : uint8_t { kNone, kTcp, kUdp, kSctp, kIcmp };
    struct Tag {
        uint16_t type;
        uint16_t value;
    };
    struct Extension {
        uint8_t number;
        Frame body;
    };

    [[nodiscard]] Frame l4_bytes() const;
    [[nodiscard]] Frame tcp_header() const;
    [[nodiscard]] Frame udp_header(size_t payload_bytes) const;
    [[nodiscard]] Frame icmp_header() const;
    [[nodiscard]] Frame sctp_header() const;
    [[nodiscard]] Frame pseudo_header(size_t l4_bytes) const;
    void fill_checksum(Frame& l4, size_t at) const;
    [[nodiscard]] Frame ipv4_header(size_t l4_bytes) const;
    [[nodiscard]] Frame ipv6_header(size_t l4_bytes) const;
    [[nodiscard]] Frame ipv6_extensions() const;
    [[nodiscard]] uint8_t protocol_number() const;
    [[nodiscard]] uint16_t default_ether_type() const;

    MacAddress eth_source_ = kDefaultSourceMac;
    MacAddress eth_destination_ = kDefaultDestinationMac;
    std::vector<Tag> vlan_tags_;
    std::optional<uint16_t> ether_type_;
    size_t pad_to_ = 0;
    std::optional<size_t> truncate_to_;

    L3 l3_ = L3::kNone;
    IpAddress source_;
    IpAddress destination_;
    uint32_t flow_label_ = 0;
    std::vector<Extension> extensions_;
    std::optional<uint32_t> fragment_id_;
    uint8_t ttl_ = 64;
    uint16_t ip_id_ = 0;
    uint8_t tos_ = 0;
    Frame ip_options_;
    uint16_t fragment_field_ = 0;
    std::optional<uint8_t> ip_protocol_;
    bool is_ip_checksum_bad_ = false;
    std::optional<uint16_t> ip_total_length_;
    std::optional<uint8_t> ip_header_words_;
    uint8_t ip_version_ = 4;

    L4 l4_ = L4::kNone;
    uint16_t source_port_ = 0;
    uint16_t destination_port_ = 0;
    uint8_t tcp_flags_ = kTcpAck;
    uint32_t seq_ = 0;
    uint32_t ack_ = 0;
    uint16_t window_ = 65535;
    uint16_t urgent_pointer_ = 0;
    Frame tcp_options_;
    std::optional<uint8_t> tcp_header_words_;
    std::optional<uint16_t> udp_length_;
    bool has_udp_checksum_ = true;
    uint32_t verification_tag_ = 0;
    uint8_t icmp_type_ = 0;
    uint8_t icmp_code_ = 0;
    uint32_t icmp_rest_ = 0;
    bool is_l4_checksum_bad_ = false;

    Frame arp_;
    Frame payload_;
};

}  // namespace director::test
