#include "tests/support/packet_builder.h"

#include <algorithm>

#include "common/assert.h"

namespace director::test {
namespace {

constexpr uint16_t kEtherTypeIpv4 = 0x0800;
constexpr uint16_t kEtherTypeArp = 0x0806;
constexpr uint16_t kEtherTypeVlan = 0x8100;

void put8(Frame& out, uint8_t value) {
    out.push_back(value);
}

void put16(Frame& out, uint16_t value) {
    put8(out, static_cast<uint8_t>(value >> 8));
    put8(out, static_cast<uint8_t>(value & 0xff));
}

void put32(Frame& out, uint32_t value) {
    put16(out, static_cast<uint16_t>(value >> 16));
    put16(out, static_cast<uint16_t>(value & 0xffff));
}

void put_bytes(Frame& out, std::span<const uint8_t> bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

void overwrite16(Frame& out, size_t at, uint16_t value) {
    out.at(at) = static_cast<uint8_t>(value >> 8);
    out.at(at + 1) = static_cast<uint8_t>(value & 0xff);
}

// RFC 1071 as it is worded: big-endian words, one at a time, end-around carry at once.
uint16_t slow_checksum(std::span<const uint8_t> bytes) {
    uint32_t sum = 0;
    for (size_t i = 0; i < bytes.size(); i += 2) {
        const uint32_t low = i + 1 < bytes.size() ? bytes[i + 1] : 0;
        sum += uint32_t{bytes[i]} << 8 | low;
        if (sum > 0xffff) {
            sum = sum - 0x10000 + 1;
        }
    }
    return static_cast<uint16_t>(0xffff - sum);
}

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
    vlan_tags_.push_back(static_cast<uint16_t>(priority << 13 | id));
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
    DIRECTOR_ASSERT(source.is_ipv4() && destination.is_ipv4());
    return ipv4(source.ipv4(), destination.ipv4());
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

uint8_t PacketBuilder::protocol_number() const {
    if (ip_protocol_) {
        return *ip_protocol_;
    }
    switch (l4_) {
        case L4::kNone:
            return 253;  // "use for experimentation" (RFC 3692)
        case L4::kTcp:
            return 6;
        case L4::kUdp:
            return 17;
        case L4::kIcmp:
            return 1;
    }
    return 253;
}

Frame PacketBuilder::tcp_header() const {
    Frame out;
    put16(out, source_port_);
    put16(out, destination_port_);
    put32(out, seq_);
    put32(out, ack_);
    const uint8_t words =
        tcp_header_words_.value_or(static_cast<uint8_t>(5 + tcp_options_.size() / 4));
    put8(out, static_cast<uint8_t>(words << 4));
    put8(out, tcp_flags_);
    put16(out, window_);
    put16(out, 0);
    put16(out, urgent_pointer_);
    put_bytes(out, tcp_options_);
    return out;
}

Frame PacketBuilder::udp_header(size_t payload_bytes) const {
    Frame out;
    put16(out, source_port_);
    put16(out, destination_port_);
    put16(out, udp_length_.value_or(static_cast<uint16_t>(8 + payload_bytes)));
    put16(out, 0);
    return out;
}

Frame PacketBuilder::icmp_header() const {
    Frame out;
    put8(out, icmp_type_);
    put8(out, icmp_code_);
    put16(out, 0);
    put32(out, icmp_rest_);
    return out;
}

Frame PacketBuilder::l4_bytes() const {
    Frame out;
    size_t checksum_at = 0;
    switch (l4_) {
        case L4::kNone:
            return payload_;
        case L4::kTcp:
            out = tcp_header();
            checksum_at = 16;
            break;
        case L4::kUdp:
            out = udp_header(payload_.size());
            checksum_at = 6;
            break;
        case L4::kIcmp:
            out = icmp_header();
            checksum_at = 2;
            break;
    }
    put_bytes(out, payload_);
    if (l4_ == L4::kUdp && !has_udp_checksum_) {
        return out;
    }
    Frame covered;
    if (l4_ != L4::kIcmp) {  // the pseudo header of RFC 793 and RFC 768
        put32(covered, source_.host());
        put32(covered, destination_.host());
        put16(covered, protocol_number());
        put16(covered, static_cast<uint16_t>(out.size()));
    }
    put_bytes(covered, out);
    uint16_t checksum = slow_checksum(covered);
    if (l4_ == L4::kUdp && checksum == 0) {
        checksum = 0xffff;  // RFC 768: zero means "no checksum"
    }
    overwrite16(out, checksum_at, is_l4_checksum_bad_ ? checksum ^ 0x0010 : checksum);
    return out;
}

Frame PacketBuilder::ipv4_header(size_t l4_bytes) const {
    const size_t header_bytes = 20 + ip_options_.size();
    const uint8_t words = ip_header_words_.value_or(static_cast<uint8_t>(header_bytes / 4));
    Frame out;
    put8(out, static_cast<uint8_t>(ip_version_ << 4 | words));
    put8(out, tos_);
    put16(out, ip_total_length_.value_or(static_cast<uint16_t>(header_bytes + l4_bytes)));
    put16(out, ip_id_);
    put16(out, fragment_field_);
    put8(out, ttl_);
    put8(out, protocol_number());
    put16(out, 0);
    put32(out, source_.host());
    put32(out, destination_.host());
    put_bytes(out, ip_options_);
    const uint16_t checksum = slow_checksum(out);
    overwrite16(out, 10, is_ip_checksum_bad_ ? checksum ^ 0x0010 : checksum);
    return out;
}

uint16_t PacketBuilder::default_ether_type() const {
    switch (l3_) {
        case L3::kIpv4:
            return kEtherTypeIpv4;
        case L3::kArp:
            return kEtherTypeArp;
        case L3::kNone:
            break;
    }
    return 0x88b5;  // IEEE 802 local experimental
}

Frame PacketBuilder::build() const {
    Frame out;
    put_bytes(out, eth_destination_.bytes);
    put_bytes(out, eth_source_.bytes);
    for (const uint16_t tag : vlan_tags_) {
        put16(out, kEtherTypeVlan);
        put16(out, tag);
    }
    put16(out, ether_type_.value_or(default_ether_type()));
    if (l3_ == L3::kIpv4) {
        const Frame l4 = l4_bytes();
        put_bytes(out, ipv4_header(l4.size()));
        put_bytes(out, l4);
    } else {
        put_bytes(out, arp_);
        put_bytes(out, payload_);
    }
    out.resize(std::max(out.size(), pad_to_));
    if (truncate_to_) {
        out.resize(std::min(out.size(), *truncate_to_));
    }
    return out;
}

}  // namespace director::test
