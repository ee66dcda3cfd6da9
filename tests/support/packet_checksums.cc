// Every checksum of a frame against the bytes that it covers.
#include <fmt/format.h>

#include "tests/support/packet_bytes.h"
#include "tests/support/packet_reader.h"

namespace director::test {
namespace {

using Bytes = std::span<const uint8_t>;

// The sum of all 16-bit words modulo 65535, an odd last byte filled up with zero. A block that
// contains its own right checksum sums to zero (or is zero throughout).
uint64_t sum_modulo(Bytes bytes) {
    uint64_t sum = 0;
    for (size_t i = 0; i < bytes.size(); ++i) {
        sum = (sum + (i % 2 == 0 ? uint64_t{bytes[i]} * 256 : bytes[i])) % 65535;
    }
    return sum;
}

// RFC 8200 section 8.1; of IPv4 the one of RFC 768 and RFC 9293, which ICMP is without.
Frame pseudo_header(const DecodedFrame& decoded, size_t l4_bytes) {
    Frame out;
    if (decoded.ipv6) {
        put_bytes(out, decoded.ipv6->source.bytes);
        put_bytes(out, decoded.ipv6->destination.bytes);
        put32(out, static_cast<uint32_t>(l4_bytes));
        put32(out, decoded.ipv6->protocol);
    } else if (!decoded.icmp) {
        put32(out, decoded.ipv4->source.host());
        put32(out, decoded.ipv4->destination.host());
        put16(out, decoded.ipv4->protocol);
        put16(out, static_cast<uint16_t>(l4_bytes));
    }
    return out;
}

bool fits(const DecodedFrame& decoded, Bytes l4) {
    Frame covered = pseudo_header(decoded, l4.size());
    put_bytes(covered, l4);
    return sum_modulo(covered) == 0;
}

// IANA's port. RFC 6935 section 5 lets tunnels over IPv6 go without a checksum of their own.
bool is_gue(const DecodedFrame& decoded) {
    return decoded.udp && decoded.udp->destination_port == 6080 && decoded.payload.size() >= 4;
}

// A sentence about the layer 4 checksum, empty when it is right.
std::string complaint_about_l4(const DecodedFrame& decoded, Bytes l4) {
    if (decoded.tcp && !fits(decoded, l4)) {
        return fmt::format("TCP checksum {:#06x} is wrong", decoded.tcp->checksum);
    }
    if (decoded.udp && decoded.udp->checksum == 0) {
        return decoded.ipv4 || is_gue(decoded) ? "" : "UDP over IPv6 has no checksum";
    }
    if (decoded.udp && !fits(decoded, l4.first(decoded.udp->length))) {
        return fmt::format("UDP checksum {:#06x} is wrong", decoded.udp->checksum);
    }
    if (decoded.sctp && decoded.sctp->checksum != slow_crc32c(l4)) {
        return fmt::format("SCTP checksum {:#010x} is wrong", decoded.sctp->checksum);
    }
    if (decoded.icmp && !fits(decoded, l4)) {
        return fmt::format("ICMP checksum {:#06x} is wrong", decoded.icmp->checksum);
    }
    return "";
}

// RFC 2784 section 2: flags, protocol type, and a checksum and a reserved word when bit 0 says so.
std::vector<std::string> complaints_about_gre(Bytes gre) {
    const bool has_checksum = !gre.empty() && (gre[0] & 0x80) != 0;
    if (gre.size() < (has_checksum ? 8 : 4)) {
        return {"GRE header does not fit"};
    }
    if (has_checksum && sum_modulo(gre) != 0) {
        return {"GRE checksum is wrong"};
    }
    return bad_checksums_of_ip(gre.subspan(has_checksum ? 8 : 4));
}

}  // namespace

std::vector<std::string> bad_checksums_of_ip(Bytes packet) {
    const DecodedFrame decoded = decode_ip(packet);
    std::vector<std::string> out;
    if (!decoded.problem.empty()) {
        out.push_back(decoded.problem);
    }
    if (!decoded.is_ip()) {
        return out;
    }
    if (decoded.ipv4 && sum_modulo(packet.first(decoded.ipv4->header_bytes)) != 0) {
        out.push_back(fmt::format("IP checksum {:#06x} is wrong", decoded.ipv4->checksum));
    }
    if (decoded.is_later_fragment() || decoded.has_more_fragments() || !decoded.problem.empty()) {
        return out;
    }
    const Bytes l4 = packet.first(decoded.ip_bytes()).subspan(decoded.ip_header_bytes());
    if (const std::string complaint = complaint_about_l4(decoded, l4); !complaint.empty()) {
        out.push_back(complaint);
    }
    std::vector<std::string> inner;
    if (decoded.protocol() == 4 || decoded.protocol() == 41) {
        inner = bad_checksums_of_ip(l4);
    } else if (decoded.protocol() == 47) {
        inner = complaints_about_gre(l4);
    } else if (is_gue(decoded)) {
        const size_t header_bytes = 4 + size_t{decoded.payload[0]} % 32 * 4;
        inner = header_bytes <= decoded.payload.size()
                    ? bad_checksums_of_ip(Bytes(decoded.payload).subspan(header_bytes))
                    : std::vector<std::string>{"GUE header does not fit"};
    }
    out.insert(out.end(), inner.begin(), inner.end());
    return out;
}

std::vector<std::string> bad_checksums(Bytes frame) {
    const DecodedFrame decoded = decode(frame);
    if (!decoded.is_ip()) {
        return decoded.problem.empty() ? std::vector<std::string>{}
                                       : std::vector<std::string>{decoded.problem};
    }
    return bad_checksums_of_ip(frame.subspan(14 + 4 * decoded.ethernet->vlans.size()));
}

}  // namespace director::test
