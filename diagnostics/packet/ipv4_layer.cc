#include "common/checksum.h"
#include "diagnostics/packet/ip_layer.h"

namespace director::diagnostics {
namespace {

constexpr uint32_t kHeaderBytesMin = 20;
constexpr uint16_t kReservedBit = 0x8000;
constexpr uint16_t kDontFragment = 0x4000;
constexpr uint16_t kMoreFragments = 0x2000;
constexpr uint16_t kOffsetMask = 0x1fff;
constexpr uint8_t kAuthentication = 51;

constexpr uint8_t kOptionEnd = 0;
constexpr uint8_t kOptionNop = 1;
constexpr uint8_t kLooseSourceRoute = 131;
constexpr uint8_t kStrictSourceRoute = 137;

// Looks at each option's length, and where a source route leads at last.
void walk_options(Slice options, PseudoAddresses& addresses, Headers& headers) {
    uint32_t at = 0;
    while (at < options.kept && options.byte(at) != kOptionEnd) {
        if (options.byte(at) == kOptionNop) {
            ++at;
            continue;
        }
        const uint8_t length = at + 1 < options.kept ? options.byte(at + 1) : uint8_t{0};
        if (length < 2 || at + length > options.kept) {
            headers.faults |= options.is_cut() && length >= 2 ? kFaultCut : kFaultIpOptions;
            return;
        }
        const uint8_t kind = options.byte(at);
        const bool is_route = kind == kLooseSourceRoute || kind == kStrictSourceRoute;
        // RFC 791: a pointer beyond the length says that the route is used up.
        if (is_route && length >= 7 && options.byte(at + 2) <= length - 3) {
            addresses.destination = options.data + at + length - 4;
        }
        at += length;
    }
}

void verify(Slice header, Headers& headers) {
    Checksum& checksum = headers.ip.checksum;
    checksum.found = header.be16(10);
    // The sum of all with the checksum's own place as 0.
    const uint16_t own = static_cast<uint16_t>(
        ~static_cast<unsigned>(__builtin_bswap16(static_cast<uint16_t>(checksum.found))));
    const uint64_t sum = checksum_add(own, header.data, headers.ip.header_bytes);
    const uint16_t computed =
        __builtin_bswap16(static_cast<uint16_t>(~static_cast<unsigned>(checksum_fold(sum))));
    checksum.computed = computed;
    const bool is_good = checksum.found == computed || (checksum.found ^ computed) == 0xffff;
    checksum.verdict = is_good               ? ChecksumVerdict::kGood
                       : checksum.found == 0 ? ChecksumVerdict::kOffloaded
                                             : ChecksumVerdict::kBad;
}

// Bytes of the packet as its length says; 0 is what a sender's stack writes before its NIC cuts a
// super-frame.
[[nodiscard]] uint32_t packet_bytes(Slice bytes, uint32_t header_bytes, Headers& headers) {
    const uint16_t total = bytes.be16(2);
    if (total == 0) {
        return bytes.wire;
    }
    if (total < header_bytes) {
        headers.faults |= kFaultLength;
        return header_bytes;
    }
    if (total > bytes.wire) {
        headers.faults |= kFaultLengthBeyond;
    }
    return total;
}

void read_fields(Slice bytes, Headers& headers) {
    IpHeaders& ip = headers.ip;
    ip.source = Ipv4Address::from_host(bytes.be32(12));
    ip.destination = Ipv4Address::from_host(bytes.be32(16));
    ip.tos = bytes.byte(1);
    ip.identification = bytes.be16(4);
    ip.flags_and_offset = bytes.be16(6);
    ip.fragment_offset = (ip.flags_and_offset & kOffsetMask) * 8U;
    ip.has_reserved_bit = (ip.flags_and_offset & kReservedBit) != 0;
    ip.has_dont_fragment = (ip.flags_and_offset & kDontFragment) != 0;
    ip.has_more_fragments = (ip.flags_and_offset & kMoreFragments) != 0;
    ip.is_fragment = (ip.flags_and_offset & (kMoreFragments | kOffsetMask)) != 0;
    ip.ttl = bytes.byte(8);
    ip.protocol = bytes.byte(9);
    ip.checksum.found = bytes.be16(10);
    ip.checksum.verdict = ChecksumVerdict::kUnverified;
}

// RFC 4302: next header, length in words less 2.
void step_over_authentication(Slice& rest, Headers& headers) {
    if (!rest.has(2)) {
        headers.faults |= rest.is_cut() ? kFaultCut : kFaultLengthBeyond;
        return;
    }
    const uint32_t bytes = (rest.byte(1) + 2U) * 4;
    if (bytes > rest.kept) {
        headers.faults |= bytes > rest.wire ? kFaultLengthBeyond : kFaultCut;
        return;
    }
    headers.ip.protocol = rest.byte(0);
    headers.ip.header_bytes = static_cast<uint16_t>(headers.ip.header_bytes + bytes);
    rest = rest.behind(bytes);
}

}  // namespace

Transport decode_ipv4(Slice bytes, ChecksumMode checksums, Headers& headers) {
    Transport transport;
    headers.layer3 = Layer3::kIpv4;
    if (!bytes.has(kHeaderBytesMin)) {
        headers.layer3 = Layer3::kOther;
        headers.faults |= bytes.is_cut() ? kFaultCut : kFaultLengthBeyond;
        return transport;
    }
    read_fields(bytes, headers);
    IpHeaders& ip = headers.ip;
    const uint32_t header_bytes = (bytes.byte(0) & 0x0fU) * 4;
    if (header_bytes < kHeaderBytesMin) {
        headers.faults |= kFaultLength;
        return transport;
    }
    ip.header_bytes = static_cast<uint16_t>(header_bytes);
    const uint32_t total = packet_bytes(bytes, header_bytes, headers);
    transport.addresses = {bytes.data + 12, bytes.data + 16, 4};
    if (header_bytes > kHeaderBytesMin) {
        const Slice options = bytes.first(header_bytes).behind(kHeaderBytesMin);
        ip.options = options.span();
        walk_options(options, transport.addresses, headers);
    }
    if (header_bytes > bytes.kept) {
        headers.faults |= header_bytes > bytes.wire ? kFaultLengthBeyond : kFaultCut;
        return transport;
    }
    if (checksums != ChecksumMode::kNone) {
        verify(bytes, headers);
    }
    Slice rest = bytes.first(total).behind(header_bytes);
    if (ip.is_fragment) {
        ip.fragment = rest.span();
        ip.fragment_bytes = rest.wire;
    }
    if (ip.fragment_offset == 0 && ip.protocol == kAuthentication) {
        step_over_authentication(rest, headers);
    }
    ip.payload_bytes = total - std::min<uint32_t>(total, ip.header_bytes);
    headers.payload = rest.span();
    headers.payload_wire_bytes = rest.wire;
    transport.bytes = rest;
    transport.is_there = ip.fragment_offset == 0 && (ip.protocol != kAuthentication);
    return transport;
}

}  // namespace director::diagnostics
