#include "tests/support/packet_reader.h"

#include <fmt/format.h>

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

// The sum of all 16-bit words modulo 65535, an odd last byte filled up with zero. A block that
// contains its own right checksum sums to zero (or is zero throughout).
uint64_t sum_modulo(Bytes bytes) {
    uint64_t sum = 0;
    for (size_t i = 0; i < bytes.size(); ++i) {
        sum = (sum + (i % 2 == 0 ? uint64_t{bytes[i]} * 256 : bytes[i])) % 65535;
    }
    return sum;
}

bool is_first_or_whole(const Ipv4Part& ipv4) {
    return ipv4.fragment_offset == 0;
}

void read_tcp(DecodedFrame& out, Bytes bytes) {
    Cursor cursor(bytes);
    TcpPart tcp;
    tcp.source_port = cursor.take16();
    tcp.destination_port = cursor.take16();
    tcp.seq = cursor.take32();
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

void read_udp(DecodedFrame& out, Bytes bytes) {
    Cursor cursor(bytes);
    UdpPart udp;
    udp.source_port = cursor.take16();
    udp.destination_port = cursor.take16();
    udp.length = cursor.take16();
    udp.checksum = cursor.take16();
    if (cursor.is_short() || udp.length < 8 ||
        (udp.length > bytes.size() && !out.ipv4->more_fragments)) {
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
std::optional<Bytes> read_ipv4(DecodedFrame& out, Bytes bytes) {
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
        ipv4.total_length < ipv4.header_bytes || ipv4.total_length > bytes.size()) {
        out.problem = "IPv4 header does not fit";
        return std::nullopt;
    }
    ipv4.options = cursor.take_bytes(ipv4.header_bytes - 20U);
    out.padding_bytes = bytes.size() - ipv4.total_length;
    const Bytes rest =
        bytes.subspan(ipv4.header_bytes, size_t{ipv4.total_length} - ipv4.header_bytes);
    out.ipv4 = std::move(ipv4);
    return rest;
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

std::string flag_letters(uint8_t flags) {
    std::string out;
    constexpr std::array<char, 8> kLetters{'F', 'S', 'R', 'P', 'A', 'U', 'E', 'C'};
    for (size_t i = 0; i < kLetters.size(); ++i) {
        if ((flags >> i & 1) != 0) {
            out.push_back(kLetters[i]);
        }
    }
    return out;
}

// Where the IPv4 header begins, given a frame that decoded so far.
size_t l3_offset(const DecodedFrame& decoded) {
    return 14 + 4 * decoded.ethernet->vlans.size();
}

bool fits_l4_checksum(const DecodedFrame& decoded, Bytes l4) {
    Frame covered;
    if (!decoded.icmp) {
        const uint32_t source = decoded.ipv4->source.host();
        const uint32_t destination = decoded.ipv4->destination.host();
        for (const uint32_t word : {source, destination}) {
            for (int shift = 24; shift >= 0; shift -= 8) {
                covered.push_back(static_cast<uint8_t>(word >> shift));
            }
        }
        covered.push_back(0);
        covered.push_back(decoded.ipv4->protocol);
        covered.push_back(static_cast<uint8_t>(l4.size() >> 8));
        covered.push_back(static_cast<uint8_t>(l4.size()));
    }
    covered.insert(covered.end(), l4.begin(), l4.end());
    return sum_modulo(covered) == 0;
}

std::string ipv4_summary(const DecodedFrame& decoded) {
    const Ipv4Part& ipv4 = *decoded.ipv4;
    std::string out;
    if (decoded.tcp) {
        out = fmt::format("tcp {} > {} [{}] seq {} ack {} win {}",
                          to_string(decoded.source()),
                          to_string(decoded.destination()),
                          flag_letters(decoded.tcp->flags),
                          decoded.tcp->seq,
                          decoded.tcp->ack,
                          decoded.tcp->window);
    } else if (decoded.udp) {
        out = fmt::format(
            "udp {} > {}", to_string(decoded.source()), to_string(decoded.destination()));
    } else if (decoded.icmp) {
        out = fmt::format("icmp {} > {} type {} code {} rest {:#010x}",
                          to_string(ipv4.source),
                          to_string(ipv4.destination),
                          decoded.icmp->type,
                          decoded.icmp->code,
                          decoded.icmp->rest);
    } else {
        out = fmt::format("ip protocol {} {} > {}",
                          ipv4.protocol,
                          to_string(ipv4.source),
                          to_string(ipv4.destination));
    }
    out += fmt::format(" ttl {} id {} len {}", ipv4.ttl, ipv4.id, decoded.payload.size());
    if (ipv4.more_fragments || ipv4.fragment_offset != 0) {
        out += fmt::format(" fragment {}{}", ipv4.fragment_offset, ipv4.more_fragments ? "+" : "");
    }
    return out;
}

std::string hex_dump(Bytes frame) {
    std::string out;
    for (size_t i = 0; i < frame.size(); ++i) {
        if (i % 16 == 0) {
            out += fmt::format("{}  {:04x} ", i == 0 ? "" : "\n", i);
        }
        out += fmt::format(" {:02x}", frame[i]);
    }
    return out;
}

}  // namespace

Endpoint DecodedFrame::source() const {
    DIRECTOR_ASSERT(ipv4 && (tcp || udp));
    return Endpoint{ipv4->source, Be16::from_host(tcp ? tcp->source_port : udp->source_port)};
}

Endpoint DecodedFrame::destination() const {
    DIRECTOR_ASSERT(ipv4 && (tcp || udp));
    return Endpoint{ipv4->destination,
                    Be16::from_host(tcp ? tcp->destination_port : udp->destination_port)};
}

DecodedFrame decode(Bytes frame) {
    DecodedFrame out;
    Cursor cursor(frame);
    EthernetPart ethernet;
    ethernet.destination = cursor.take_mac();
    ethernet.source = cursor.take_mac();
    ethernet.ether_type = cursor.take16();
    while (ethernet.ether_type == 0x8100) {
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
        return out;
    }
    if (ethernet.ether_type != 0x0800) {
        out.payload.assign(cursor.rest().begin(), cursor.rest().end());
        return out;
    }
    const auto l4 = read_ipv4(out, cursor.rest());
    if (!l4) {
        return out;
    }
    const uint8_t protocol = is_first_or_whole(*out.ipv4) ? out.ipv4->protocol : 0;
    switch (protocol) {
        case 6:
            read_tcp(out, *l4);
            break;
        case 17:
            read_udp(out, *l4);
            break;
        case 1:
            read_icmp(out, *l4);
            break;
        default:
            out.payload.assign(l4->begin(), l4->end());
            break;
    }
    return out;
}

std::vector<std::string> bad_checksums(Bytes frame) {
    const DecodedFrame decoded = decode(frame);
    std::vector<std::string> out;
    if (!decoded.problem.empty()) {
        out.push_back(decoded.problem);
    }
    if (!decoded.ipv4) {
        return out;
    }
    const Bytes ip = frame.subspan(l3_offset(decoded), decoded.ipv4->total_length);
    if (sum_modulo(ip.first(decoded.ipv4->header_bytes)) != 0) {
        out.push_back(fmt::format("IP checksum {:#06x} is wrong", decoded.ipv4->checksum));
    }
    const bool has_l4 = decoded.tcp || decoded.icmp || (decoded.udp && decoded.udp->checksum != 0);
    if (!has_l4 || decoded.ipv4->more_fragments) {
        return out;
    }
    Bytes l4 = ip.subspan(decoded.ipv4->header_bytes);
    if (decoded.udp) {
        l4 = l4.first(decoded.udp->length);
    }
    if (!fits_l4_checksum(decoded, l4)) {
        const char* const name = decoded.tcp ? "TCP" : decoded.udp ? "UDP" : "ICMP";
        const uint16_t value = decoded.tcp   ? decoded.tcp->checksum
                               : decoded.udp ? decoded.udp->checksum
                                             : decoded.icmp->checksum;
        out.push_back(fmt::format("{} checksum {:#06x} is wrong", name, value));
    }
    return out;
}

std::string summary(Bytes frame) {
    const DecodedFrame decoded = decode(frame);
    if (!decoded.ethernet) {
        return fmt::format("{} bytes: {}", frame.size(), decoded.problem);
    }
    std::string out = to_string(decoded.ethernet->source);
    out += " > " + to_string(decoded.ethernet->destination);
    for (const uint16_t vlan : decoded.ethernet->vlans) {
        out += fmt::format(" vlan {}", vlan);
    }
    if (decoded.arp) {
        out += fmt::format(" arp {} {} is {} asks {}",
                           decoded.arp->operation == 1 ? "request" : "reply",
                           to_string(decoded.arp->sender_address),
                           to_string(decoded.arp->sender),
                           to_string(decoded.arp->target_address));
    } else if (decoded.ipv4) {
        out += " " + ipv4_summary(decoded);
    } else {
        out += fmt::format(" type {:#06x} len {}",
                           decoded.ethernet->ether_type,
                           frame.size() - l3_offset(decoded));
    }
    return decoded.problem.empty() ? out : out + ": " + decoded.problem;
}

std::string describe(Bytes frame) {
    return fmt::format("{} bytes: {}\n{}", frame.size(), summary(frame), hex_dump(frame));
}

std::string difference(Bytes expected, Bytes actual) {
    const auto [left, right] =
        std::mismatch(expected.begin(), expected.end(), actual.begin(), actual.end());
    if (left == expected.end() && right == actual.end()) {
        return {};
    }
    return fmt::format("frames differ from byte {} on\nexpected {}\nactual {}",
                       left - expected.begin(),
                       describe(expected),
                       describe(actual));
}

}  // namespace director::test
