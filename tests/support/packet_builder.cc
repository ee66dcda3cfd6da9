#include "tests/support/packet_builder.h"

#include "common/assert.h"
#include "tests/support/packet_bytes.h"

namespace director::test {
namespace {

constexpr uint16_t kEtherTypeIpv4 = 0x0800;
constexpr uint16_t kEtherTypeVlan = 0x8100;
constexpr uint16_t kEtherTypeOuterVlan = 0x88a8;

Frame padded_to_words(std::span<const uint8_t> bytes) {
    Frame out(bytes.begin(), bytes.end());
    out.resize((out.size() + 3) / 4 * 4);
    return out;
}

Frame arp_packet(uint16_t operation,
                 const MacAddress& sender,
                 Ipv4Address sender_address,
                 const MacAddress& target,
                 Ipv4Address target_address) {
    Frame out;
    put16(out, 1);  // Ethernet
    put16(out, kEtherTypeIpv4);
    put8(out, 6);
    put8(out, 4);
    put16(out, operation);
    put_bytes(out, sender.bytes);
    put32(out, sender_address.host());
    put_bytes(out, target.bytes);
    put32(out, target_address.host());
    return out;
}

}  // namespace

Ipv4Address ip(std::string_view text) {
    const auto address = Ipv4Address::parse(text);
    DIRECTOR_ASSERT(address.has_value());
    return *address;
}

IpAddress ip6(std::string_view text) {
    const auto address = IpAddress::parse(text);
    DIRECTOR_ASSERT(address.has_value() && !address->is_ipv4());
    return *address;
}

Endpoint endpoint(std::string_view text) {
    const auto parsed = Endpoint::parse(text);
    DIRECTOR_ASSERT(parsed.has_value());
    return *parsed;
}

MacAddress mac(std::string_view text) {
    const auto parsed = MacAddress::parse(text);
    DIRECTOR_ASSERT(parsed.has_value());
    return *parsed;
}

PacketBuilder& PacketBuilder::eth(const MacAddress& source, const MacAddress& destination) {
    eth_source_ = source;
    eth_destination_ = destination;
    return *this;
}

PacketBuilder& PacketBuilder::vlan(uint16_t id, uint8_t priority) {
    DIRECTOR_ASSERT(id < 4096 && priority < 8);
    vlan_tags_.push_back({kEtherTypeVlan, static_cast<uint16_t>(priority << 13 | id)});
    return *this;
}

PacketBuilder& PacketBuilder::outer_vlan(uint16_t id, uint8_t priority) {
    DIRECTOR_ASSERT(id < 4096 && priority < 8);
    vlan_tags_.push_back({kEtherTypeOuterVlan, static_cast<uint16_t>(priority << 13 | id)});
    return *this;
}

PacketBuilder& PacketBuilder::ether_type(uint16_t value) {
    ether_type_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::pad_to(size_t length_bytes) {
    pad_to_ = length_bytes;
    return *this;
}

PacketBuilder& PacketBuilder::truncate_to(size_t length_bytes) {
    truncate_to_ = length_bytes;
    return *this;
}

PacketBuilder& PacketBuilder::ipv4(Ipv4Address source, Ipv4Address destination) {
    l3_ = L3::kIpv4;
    source_ = source;
    destination_ = destination;
    return *this;
}

PacketBuilder& PacketBuilder::ipv4(std::string_view source, std::string_view destination) {
    return ipv4(test::ip(source), test::ip(destination));
}

PacketBuilder& PacketBuilder::ip(const IpAddress& source, const IpAddress& destination) {
    DIRECTOR_ASSERT(source.family() == destination.family());
    return source.is_ipv4() ? ipv4(source.ipv4(), destination.ipv4()) : ipv6(source, destination);
}

PacketBuilder& PacketBuilder::ipv6(const IpAddress& source, const IpAddress& destination) {
    l3_ = L3::kIpv6;
    source_ = source;
    destination_ = destination;
    return *this;
}

PacketBuilder& PacketBuilder::ipv6(std::string_view source, std::string_view destination) {
    return ipv6(ip6(source), ip6(destination));
}

PacketBuilder& PacketBuilder::flow_label(uint32_t value) {
    DIRECTOR_ASSERT(value < 1U << 20);
    flow_label_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::extension_header(uint8_t number, std::span<const uint8_t> body) {
    extensions_.push_back({number, Frame(body.begin(), body.end())});
    return *this;
}

PacketBuilder& PacketBuilder::fragment_id(uint32_t value) {
    fragment_id_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::ttl(uint8_t value) {
    ttl_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::ip_id(uint16_t value) {
    ip_id_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::tos(uint8_t value) {
    tos_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::ip_options(std::span<const uint8_t> bytes) {
    ip_options_ = padded_to_words(bytes);
    DIRECTOR_ASSERT(ip_options_.size() <= 40);
    return *this;
}

PacketBuilder& PacketBuilder::dont_fragment() {
    fragment_field_ |= 0x4000;
    return *this;
}

PacketBuilder& PacketBuilder::more_fragments() {
    fragment_field_ |= 0x2000;
    return *this;
}

PacketBuilder& PacketBuilder::fragment_offset(uint16_t bytes) {
    DIRECTOR_ASSERT(bytes % 8 == 0);
    fragment_field_ = static_cast<uint16_t>((fragment_field_ & 0xe000) | bytes / 8);
    return *this;
}

PacketBuilder& PacketBuilder::ip_protocol(uint8_t value) {
    ip_protocol_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::bad_ip_checksum() {
    is_ip_checksum_bad_ = true;
    return *this;
}

PacketBuilder& PacketBuilder::ip_total_length(uint16_t value) {
    ip_total_length_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::ip_header_words(uint8_t value) {
    DIRECTOR_ASSERT(value < 16);
    ip_header_words_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::ip_version(uint8_t value) {
    DIRECTOR_ASSERT(value < 16);
    ip_version_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::tcp(uint16_t source_port, uint16_t destination_port) {
    l4_ = L4::kTcp;
    source_port_ = source_port;
    destination_port_ = destination_port;
    return *this;
}

PacketBuilder& PacketBuilder::tcp_flags(uint8_t flags) {
    tcp_flags_ = flags;
    return *this;
}

PacketBuilder& PacketBuilder::seq(uint32_t value) {
    seq_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::ack(uint32_t value) {
    ack_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::window(uint16_t value) {
    window_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::urgent_pointer(uint16_t value) {
    urgent_pointer_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::tcp_options(std::span<const uint8_t> bytes) {
    tcp_options_ = padded_to_words(bytes);
    DIRECTOR_ASSERT(tcp_options_.size() <= 40);
    return *this;
}

PacketBuilder& PacketBuilder::tcp_header_words(uint8_t value) {
    DIRECTOR_ASSERT(value < 16);
    tcp_header_words_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::udp(uint16_t source_port, uint16_t destination_port) {
    l4_ = L4::kUdp;
    source_port_ = source_port;
    destination_port_ = destination_port;
    return *this;
}

PacketBuilder& PacketBuilder::udp_length(uint16_t value) {
    udp_length_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::no_udp_checksum() {
    has_udp_checksum_ = false;
    return *this;
}

PacketBuilder& PacketBuilder::sctp(uint16_t source_port, uint16_t destination_port) {
    l4_ = L4::kSctp;
    source_port_ = source_port;
    destination_port_ = destination_port;
    return *this;
}

PacketBuilder& PacketBuilder::verification_tag(uint32_t value) {
    verification_tag_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::chunk(uint8_t type, uint8_t flags, std::span<const uint8_t> value) {
    put8(payload_, type);
    put8(payload_, flags);
    put16(payload_, static_cast<uint16_t>(4 + value.size()));
    put_bytes(payload_, value);
    payload_ = padded_to_words(payload_);
    return *this;
}

PacketBuilder& PacketBuilder::icmp(uint8_t type, uint8_t code, uint32_t rest) {
    l4_ = L4::kIcmp;
    icmp_type_ = type;
    icmp_code_ = code;
    icmp_rest_ = rest;
    return *this;
}

PacketBuilder& PacketBuilder::icmp_echo(uint16_t id, uint16_t sequence) {
    return icmp(8, 0, uint32_t{id} << 16 | sequence);
}

PacketBuilder& PacketBuilder::icmp_echo_reply(uint16_t id, uint16_t sequence) {
    return icmp(0, 0, uint32_t{id} << 16 | sequence);
}

PacketBuilder& PacketBuilder::icmpv6_echo(uint16_t id, uint16_t sequence) {
    return icmp(128, 0, uint32_t{id} << 16 | sequence);
}

PacketBuilder& PacketBuilder::icmpv6_echo_reply(uint16_t id, uint16_t sequence) {
    return icmp(129, 0, uint32_t{id} << 16 | sequence);
}

PacketBuilder& PacketBuilder::bad_l4_checksum() {
    is_l4_checksum_bad_ = true;
    return *this;
}

PacketBuilder& PacketBuilder::arp_request(const MacAddress& sender,
                                          Ipv4Address sender_address,
                                          Ipv4Address target_address) {
    l3_ = L3::kArp;
    arp_ = arp_packet(1, sender, sender_address, MacAddress{}, target_address);
    return eth(sender, kBroadcastMac);
}

PacketBuilder& PacketBuilder::arp_reply(const MacAddress& sender,
                                        Ipv4Address sender_address,
                                        const MacAddress& target,
                                        Ipv4Address target_address) {
    l3_ = L3::kArp;
    arp_ = arp_packet(2, sender, sender_address, target, target_address);
    return eth(sender, target);
}

PacketBuilder& PacketBuilder::payload(std::span<const uint8_t> bytes) {
    payload_.assign(bytes.begin(), bytes.end());
    return *this;
}

PacketBuilder& PacketBuilder::payload(std::string_view text) {
    payload_.assign(text.begin(), text.end());
    return *this;
}

PacketBuilder& PacketBuilder::payload_size(size_t length_bytes) {
    payload_.clear();
    for (size_t i = 0; i < length_bytes; ++i) {
        payload_.push_back(static_cast<uint8_t>(i * 37 + (i >> 8)));
    }
    return *this;
}

}  // namespace director::test
