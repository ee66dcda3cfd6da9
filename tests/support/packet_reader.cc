#include "tests/support/packet_reader.h"

#include <algorithm>
#include <array>

#include "common/assert.h"

namespace director::test {
namespace {

using Bytes = std::span<const uint8_t>;

// Reads forward; what lies behind the end reads as zero and is remembered as missing.
class Cursor {
  public:
    explicit Cursor(Bytes bytes) : rest_(bytes) {}

    uint8_t take8() {
        if (rest_.empty()) {
            is_short_ = true;
            return 0;
        }
        const uint8_t value = rest_.front();
        rest_ = rest_.subspan(1);
        return value;
    }
    uint16_t take16() {
        const unsigned high = take8();
        return static_cast<uint16_t>(high << 8 | take8());
    }
    uint32_t take32() {
        const uint32_t high = take16();
        return high << 16 | take16();
    }
    MacAddress take_mac() {
        MacAddress mac;
        for (uint8_t& byte : mac.bytes) {
            byte = take8();
        }
        return mac;
    }
    std::vector<uint8_t> take_bytes(size_t count) {
        std::vector<uint8_t> out;
        for (size_t i = 0; i < count; ++i) {
            out.push_back(take8());
        }
        return out;
    }
    [[nodiscard]] Bytes rest() const { return rest_; }
    [[nodiscard]] bool is_short() const { return is_short_; }

  private:
    Bytes rest_;
    bool is_short_ = false;
};

// Whether the packet is all there, or what an ICMP error quotes of it.
enum class Reading : uint8_t { kWhole, kQuote };

void read_tcp(DecodedFrame& out, Bytes bytes, Reading reading) {
    Cursor cursor(bytes);
    TcpPart tcp;
    tcp.source_port = cursor.take16();
    tcp.destination_port = cursor.take16();
    tcp.seq = cursor.take32();
    if (reading == Reading::kQuote && bytes.size() < 20 && !cursor.is_short()) {
        out.tcp = std::move(tcp);
        return;
    }
    tcp.ack = cursor.take32();
    tcp.header_bytes = static_cast<uint16_t>((cursor.take8() >> 4) * 4);
    tcp.flags = cursor.take8();
    tcp.window = cursor.take16();
    tcp.checksum = cursor.take16();
    tcp.urgent_pointer = cursor.take16();
    if (cursor.is_short() || tcp.header_bytes < 20 || tcp.header_bytes > bytes.size()) {
        out.problem = "TCP header does not fit";
        return;
    }
    tcp.options = cursor.take_bytes(tcp.header_bytes - 20U);
    out.payload.assign(cursor.rest().begin(), cursor.rest().end());
    out.tcp = std::move(tcp);
}

void read_udp(DecodedFrame& out, Bytes bytes, Reading reading) {
    Cursor cursor(bytes);
    UdpPart udp;
    udp.source_port = cursor.take16();
    udp.destination_port = cursor.take16();
    udp.length = cursor.take16();
    udp.checksum = cursor.take16();
    if (cursor.is_short() || udp.length < 8 ||
        (udp.length > bytes.size() && !out.has_more_fragments() && reading == Reading::kWhole)) {
        out.problem = "UDP header does not fit";
        return;
    }
    const Bytes payload = cursor.rest();
    const size_t claimed = udp.length - size_t{8};
    out.payload.assign(
        payload.begin(),
        payload.begin() + static_cast<std::ptrdiff_t>(std::min(claimed, payload.size())));
    out.udp = udp;
}

void read_sctp(DecodedFrame& out, Bytes bytes, Reading reading) {
    Cursor cursor(bytes);
    SctpPart sctp;
    sctp.source_port = cursor.take16();
    sctp.destination_port = cursor.take16();
    sctp.verification_tag = cursor.take32();
    if (reading == Reading::kQuote && bytes.size() < 12 && !cursor.is_short()) {
        out.sctp = sctp;
        return;
    }
    for (uint32_t i = 0; i < 4; ++i) {
        sctp.checksum |= uint32_t{cursor.take8()} << 8 * i;
    }
    if (cursor.is_short()) {
        out.problem = "SCTP header does not fit";
        return;
    }
    out.payload.assign(cursor.rest().begin(), cursor.rest().end());
    out.sctp = sctp;
}

void read_icmp(DecodedFrame& out, Bytes bytes) {
    Cursor cursor(bytes);
    IcmpPart icmp;
    icmp.type = cursor.take8();
    icmp.code = cursor.take8();
    icmp.checksum = cursor.take16();
    icmp.rest = cursor.take32();
    if (cursor.is_short()) {
        out.problem = "ICMP header does not fit";
        return;
    }
    out.payload.assign(cursor.rest().begin(), cursor.rest().end());
    out.icmp = icmp;
}

// The bytes of the IP packet after its header, or nothing with a problem noted.
std::optional<Bytes> read_ipv4(DecodedFrame& out, Bytes bytes, Reading reading) {
    Cursor cursor(bytes);
    Ipv4Part ipv4;
    const uint8_t first = cursor.take8();
    ipv4.header_bytes = static_cast<uint16_t>((first & 15) * 4);
    ipv4.tos = cursor.take8();
    ipv4.total_length = cursor.take16();
    ipv4.id = cursor.take16();
    const uint16_t fragment = cursor.take16();
    ipv4.dont_fragment = (fragment & 0x4000) != 0;
    ipv4.more_fragments = (fragment & 0x2000) != 0;
    ipv4.fragment_offset = static_cast<uint16_t>((fragment & 0x1fff) * 8);
    ipv4.ttl = cursor.take8();
    ipv4.protocol = cursor.take8();
    ipv4.checksum = cursor.take16();
    ipv4.source = Ipv4Address::from_host(cursor.take32());
    ipv4.destination = Ipv4Address::from_host(cursor.take32());
    if (cursor.is_short() || first >> 4 != 4 || ipv4.header_bytes < 20 ||
        ipv4.total_length < ipv4.header_bytes || ipv4.header_bytes > bytes.size() ||
        (ipv4.total_length > bytes.size() && reading == Reading::kWhole)) {
        out.problem = "IPv4 header does not fit";
        return std::nullopt;
    }
    ipv4.options = cursor.take_bytes(ipv4.header_bytes - 20U);
    const Bytes packet = bytes.first(std::min<size_t>(bytes.size(), ipv4.total_length));
    out.padding_bytes = bytes.size() - packet.size();
    out.ipv4 = std::move(ipv4);
    return packet.subspan(out.ipv4->header_bytes);
}

IpAddress take_ipv6_address(Cursor& cursor) {
    IpAddress address;
    for (uint8_t& byte : address.bytes) {
        byte = cursor.take8();
    }
    return address;
}

bool is_extension_header(uint8_t number) {
    constexpr std::array<uint8_t, 5> kNumbers{0, 43, 44, 51, 60};
    return std::find(kNumbers.begin(), kNumbers.end(), number) != kNumbers.end();
}

// RFC 8200 section 4, RFC 4302 section 2: one after the other until something else comes.
void read_extensions(Ipv6Part& ipv6, Cursor& cursor) {
    while (is_extension_header(ipv6.protocol) && !cursor.is_short() &&
           !(ipv6.has_fragment_header && ipv6.fragment_offset != 0)) {
        const uint8_t number = ipv6.protocol;
        ipv6.extensions.push_back(number);
        ipv6.protocol = cursor.take8();
        const size_t length = cursor.take8();
        if (number == 44) {
            const uint16_t field = cursor.take16();
            ipv6.has_fragment_header = true;
            ipv6.fragment_offset = field & 0xfff8;
            ipv6.more_fragments = (field & 1) != 0;
            ipv6.fragment_id = cursor.take32();
            ipv6.header_bytes = static_cast<uint16_t>(ipv6.header_bytes + 8);
            continue;
        }
        const size_t bytes = number == 51 ? (length + 2) * 4 : (length + 1) * 8;
        (void)cursor.take_bytes(bytes - 2);
        ipv6.header_bytes = static_cast<uint16_t>(ipv6.header_bytes + bytes);
    }
}

std::optional<Bytes> read_ipv6(DecodedFrame& out, Bytes bytes, Reading reading) {
    Cursor header(bytes);
    Ipv6Part ipv6;
    const uint32_t first = header.take32();
    ipv6.traffic_class = static_cast<uint8_t>(first >> 20);
    ipv6.flow_label = first & 0xfffff;
    ipv6.payload_length = header.take16();
    ipv6.protocol = header.take8();
    ipv6.hop_limit = header.take8();
    ipv6.source = take_ipv6_address(header);
    ipv6.destination = take_ipv6_address(header);
    ipv6.header_bytes = 40;
    if (header.is_short() || first >> 28 != 6 ||
        (size_t{40} + ipv6.payload_length > bytes.size() && reading == Reading::kWhole)) {
        out.problem = "IPv6 header does not fit";
        return std::nullopt;
    }
    const Bytes packet = bytes.first(std::min<size_t>(bytes.size(), 40U + ipv6.payload_length));
    Cursor cursor(packet.subspan(40));
    read_extensions(ipv6, cursor);
    if (cursor.is_short()) {
        out.problem = "IPv6 extension headers do not fit";
        return std::nullopt;
    }
    out.padding_bytes = bytes.size() - packet.size();
    out.ipv6 = std::move(ipv6);
    return cursor.rest();
}

void read_arp(DecodedFrame& out, Bytes bytes) {
    Cursor cursor(bytes);
    ArpPart arp;
    const bool is_known = cursor.take16() == 1 && cursor.take16() == 0x0800 &&
                          cursor.take8() == 6 && cursor.take8() == 4;
    arp.operation = cursor.take16();
    arp.sender = cursor.take_mac();
    arp.sender_address = Ipv4Address::from_host(cursor.take32());
    arp.target = cursor.take_mac();
    arp.target_address = Ipv4Address::from_host(cursor.take32());
    if (cursor.is_short() || !is_known) {
        out.problem = "ARP message does not fit";
        return;
    }
    out.padding_bytes = cursor.rest().size();
    out.arp = arp;
}

// Of layer 4, which is there from its start unless the packet is a later fragment.
void read_l4(DecodedFrame& out, Bytes l4, Reading reading) {
    const uint8_t protocol = out.is_later_fragment() ? 0 : out.protocol();
    if (protocol == 6) {
        read_tcp(out, l4, reading);
    } else if (protocol == 17) {
        read_udp(out, l4, reading);
    } else if (protocol == 132) {
        read_sctp(out, l4, reading);
    } else if (protocol == (out.ipv6 ? 58 : 1)) {
        read_icmp(out, l4);
    } else {
        out.payload.assign(l4.begin(), l4.end());
    }
}

void read_ip(DecodedFrame& out, Bytes packet, Reading reading) {
    const bool is_ipv6 = !packet.empty() && packet[0] >> 4 == 6;
    const auto l4 = is_ipv6 ? read_ipv6(out, packet, reading) : read_ipv4(out, packet, reading);
    if (l4) {
        read_l4(out, *l4, reading);
    }
}

Be16 port(uint16_t of_tcp_udp_or_sctp) {
    return Be16::from_host(of_tcp_udp_or_sctp);
}

}  // namespace

IpAddress DecodedFrame::source_address() const {
    DIRECTOR_ASSERT(is_ip());
    return ipv4 ? IpAddress(ipv4->source) : ipv6->source;
}

IpAddress DecodedFrame::destination_address() const {
    DIRECTOR_ASSERT(is_ip());
    return ipv4 ? IpAddress(ipv4->destination) : ipv6->destination;
}

uint8_t DecodedFrame::ttl() const {
    DIRECTOR_ASSERT(is_ip());
    return ipv4 ? ipv4->ttl : ipv6->hop_limit;
}

uint8_t DecodedFrame::protocol() const {
    DIRECTOR_ASSERT(is_ip());
    return ipv4 ? ipv4->protocol : ipv6->protocol;
}

uint16_t DecodedFrame::ip_header_bytes() const {
    DIRECTOR_ASSERT(is_ip());
    return ipv4 ? ipv4->header_bytes : ipv6->header_bytes;
}

uint16_t DecodedFrame::ip_bytes() const {
    DIRECTOR_ASSERT(is_ip());
    return ipv4 ? ipv4->total_length : static_cast<uint16_t>(40 + ipv6->payload_length);
}

bool DecodedFrame::is_later_fragment() const {
    return (ipv4 && ipv4->fragment_offset != 0) || (ipv6 && ipv6->fragment_offset != 0);
}

bool DecodedFrame::has_more_fragments() const {
    return (ipv4 && ipv4->more_fragments) || (ipv6 && ipv6->more_fragments);
}

Endpoint DecodedFrame::source() const {
    DIRECTOR_ASSERT(tcp || udp || sctp);
    return {source_address(),
            port(tcp   ? tcp->source_port
                 : udp ? udp->source_port
                       : sctp->source_port)};
}

Endpoint DecodedFrame::destination() const {
    DIRECTOR_ASSERT(tcp || udp || sctp);
    return {destination_address(),
            port(tcp   ? tcp->destination_port
                 : udp ? udp->destination_port
                       : sctp->destination_port)};
}

DecodedFrame decode_ip(Bytes packet) {
    DecodedFrame out;
    read_ip(out, packet, Reading::kWhole);
    return out;
}

DecodedFrame decode_quote(Bytes packet) {
    DecodedFrame out;
    read_ip(out, packet, Reading::kQuote);
    return out;
}

DecodedFrame decode(Bytes frame) {
    DecodedFrame out;
    Cursor cursor(frame);
    EthernetPart ethernet;
    ethernet.destination = cursor.take_mac();
    ethernet.source = cursor.take_mac();
    ethernet.ether_type = cursor.take16();
    while (ethernet.ether_type == 0x8100 || ethernet.ether_type == 0x88a8) {
        ethernet.vlan_types.push_back(ethernet.ether_type);
        ethernet.vlans.push_back(cursor.take16() & 0x0fff);
        ethernet.ether_type = cursor.take16();
    }
    if (cursor.is_short()) {
        out.problem = "Ethernet header does not fit";
        return out;
    }
    out.ethernet = ethernet;
    if (ethernet.ether_type == 0x0806) {
        read_arp(out, cursor.rest());
    } else if (ethernet.ether_type == 0x0800 || ethernet.ether_type == 0x86dd) {
        const bool is_ipv6 = ethernet.ether_type == 0x86dd;
        const auto l4 = is_ipv6 ? read_ipv6(out, cursor.rest(), Reading::kWhole)
                                : read_ipv4(out, cursor.rest(), Reading::kWhole);
        if (l4) {
            read_l4(out, *l4, Reading::kWhole);
        }
    } else {
        out.payload.assign(cursor.rest().begin(), cursor.rest().end());
    }
    return out;
}

}  // namespace director::test
