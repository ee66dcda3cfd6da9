// The second half of PacketBuilder: from what was asked for to bytes.
#include <algorithm>

#include "tests/support/packet_builder.h"
#include "tests/support/packet_bytes.h"

namespace director::test {
namespace {

constexpr uint16_t kEtherTypeIpv4 = 0x0800;
constexpr uint16_t kEtherTypeIpv6 = 0x86dd;
constexpr uint16_t kEtherTypeArp = 0x0806;
constexpr uint8_t kFragmentHeader = 44;

}  // namespace

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
        case L4::kSctp:
            return 132;
        case L4::kIcmp:
            return l3_ == L3::kIpv6 ? 58 : 1;
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

Frame PacketBuilder::sctp_header() const {
    Frame out;
    put16(out, source_port_);
    put16(out, destination_port_);
    put32(out, verification_tag_);
    put32(out, 0);
    return out;
}

// RFC 9293 section 3.1 and RFC 768; RFC 8200 section 8.1 of IPv6, where ICMP has one too.
Frame PacketBuilder::pseudo_header(size_t l4_bytes) const {
    Frame out;
    if (l3_ == L3::kIpv6) {
        put_bytes(out, source_.bytes);
        put_bytes(out, destination_.bytes);
        put32(out, static_cast<uint32_t>(l4_bytes));
        put32(out, protocol_number());
    } else if (l4_ != L4::kIcmp) {
        put32(out, source_.ipv4().host());
        put32(out, destination_.ipv4().host());
        put16(out, protocol_number());
        put16(out, static_cast<uint16_t>(l4_bytes));
    }
    return out;
}

void PacketBuilder::fill_checksum(Frame& l4, size_t at) const {
    Frame covered = pseudo_header(l4.size());
    put_bytes(covered, l4);
    uint16_t checksum = slow_checksum(covered);
    if (l4_ == L4::kUdp && checksum == 0) {
        checksum = 0xffff;  // RFC 768: zero means "no checksum"
    }
    overwrite16(l4, at, is_l4_checksum_bad_ ? checksum ^ 0x0010 : checksum);
}

Frame PacketBuilder::l4_bytes() const {
    Frame out;
    switch (l4_) {
        case L4::kNone:
            return payload_;
        case L4::kTcp:
            out = tcp_header();
            break;
        case L4::kUdp:
            out = udp_header(payload_.size());
            break;
        case L4::kSctp:
            out = sctp_header();
            break;
        case L4::kIcmp:
            out = icmp_header();
            break;
    }
    put_bytes(out, payload_);
    if (l4_ == L4::kSctp) {
        // RFC 9260 section 6.8 and appendix A: the least significant byte goes first.
        const uint32_t crc = slow_crc32c(out) ^ (is_l4_checksum_bad_ ? 0x10U : 0U);
        for (size_t i = 0; i < 4; ++i) {
            out.at(8 + i) = static_cast<uint8_t>(crc >> 8 * i);
        }
    } else if (l4_ != L4::kUdp || has_udp_checksum_) {
        fill_checksum(out, l4_ == L4::kTcp ? 16 : l4_ == L4::kUdp ? 6 : 2);
    }
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
    put32(out, source_.ipv4().host());
    put32(out, destination_.ipv4().host());
    put_bytes(out, ip_options_);
    const uint16_t checksum = slow_checksum(out);
    overwrite16(out, 10, is_ip_checksum_bad_ ? checksum ^ 0x0010 : checksum);
    return out;
}

// Each names the next; the last one what the packet carries.
Frame PacketBuilder::ipv6_extensions() const {
    std::vector<uint8_t> next;
    for (size_t i = 1; i < extensions_.size(); ++i) {
        next.push_back(extensions_[i].number);
    }
    const uint8_t behind = fragment_id_ ? kFragmentHeader : protocol_number();
    next.push_back(behind);
    Frame out;
    for (size_t i = 0; i < extensions_.size(); ++i) {
        Frame header;
        put8(header, next[i]);
        const size_t words = (2 + extensions_[i].body.size() + 7) / 8;
        // RFC 4302 section 2.2: the authentication header counts words of four bytes, less two.
        put8(header, static_cast<uint8_t>(extensions_[i].number == 51 ? words * 2 - 2 : words - 1));
        put_bytes(header, extensions_[i].body);
        header.resize(words * 8);
        put_bytes(out, header);
    }
    if (fragment_id_) {
        put8(out, protocol_number());
        put8(out, 0);
        const uint16_t offset_bytes = static_cast<uint16_t>((fragment_field_ & 0x1fff) * 8);
        put16(out, static_cast<uint16_t>(offset_bytes | ((fragment_field_ & 0x2000) != 0 ? 1 : 0)));
        put32(out, *fragment_id_);
    }
    return out;
}

Frame PacketBuilder::ipv6_header(size_t l4_bytes) const {
    const Frame extensions = ipv6_extensions();
    const uint8_t behind = fragment_id_ ? kFragmentHeader : protocol_number();
    const uint8_t version = ip_version_ == 4 ? 6 : ip_version_;  // 4 is what nobody asked for
    Frame out;
    put32(out, uint32_t{version} << 28 | uint32_t{tos_} << 20 | flow_label_);
    put16(out, ip_total_length_.value_or(static_cast<uint16_t>(extensions.size() + l4_bytes)));
    put8(out, extensions_.empty() ? behind : extensions_.front().number);
    put8(out, ttl_);
    put_bytes(out, source_.bytes);
    put_bytes(out, destination_.bytes);
    put_bytes(out, extensions);
    return out;
}

uint16_t PacketBuilder::default_ether_type() const {
    switch (l3_) {
        case L3::kIpv4:
            return kEtherTypeIpv4;
        case L3::kIpv6:
            return kEtherTypeIpv6;
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
    for (const Tag& tag : vlan_tags_) {
        put16(out, tag.type);
        put16(out, tag.value);
    }
    put16(out, ether_type_.value_or(default_ether_type()));
    if (l3_ == L3::kIpv4 || l3_ == L3::kIpv6) {
        const Frame l4 = l4_bytes();
        put_bytes(out, l3_ == L3::kIpv4 ? ipv4_header(l4.size()) : ipv6_header(l4.size()));
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
