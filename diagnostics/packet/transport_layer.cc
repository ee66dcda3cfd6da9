#include "diagnostics/packet/transport_layer.h"

#include "diagnostics/packet/tcp_options.h"

namespace director::diagnostics {
namespace {

constexpr uint32_t kTcpHeaderBytesMin = 20;
constexpr uint32_t kUdpHeaderBytes = 8;
constexpr uint32_t kSctpHeaderBytes = 12;
constexpr uint32_t kIcmpHeaderBytes = 8;
constexpr uint16_t kTcpFlags = 0x01ff;

void set_payload(Slice payload, Headers& headers) {
    headers.payload = payload.span();
    headers.payload_wire_bytes = payload.wire;
}

// The packet ends within a header: either it was cut, or it is made so.
void ends_early(Slice bytes, uint16_t fault, Headers& headers) {
    const bool is_cut = bytes.is_cut() || (headers.faults & kFaultLengthBeyond) != 0;
    headers.faults |= is_cut ? uint16_t{kFaultCut} : fault;
    set_payload({bytes.data + bytes.kept, 0, 0}, headers);
}

void read_ports(Slice bytes, Headers& headers) {
    if (bytes.has(4)) {
        headers.source_port = bytes.be16(0);
        headers.destination_port = bytes.be16(2);
    }
}

// Whether all that a checksum covers is at hand: the packet is whole on the wire and was kept so.
[[nodiscard]] bool can_verify(Slice covered, ChecksumMode checksums, const Headers& headers) {
    return checksums == ChecksumMode::kAll && !covered.is_cut() && !headers.ip.is_fragment &&
           (headers.faults & kFaultLengthBeyond) == 0;
}

void check(Slice covered,
           const Transport& transport,
           uint32_t checksum_at,
           ChecksumMode checksums,
           Headers& headers) {
    const uint16_t found = transport.bytes.be16(checksum_at);
    headers.l4_checksum = {found, 0, ChecksumVerdict::kUnverified};
    if (can_verify(covered, checksums, headers)) {
        const bool has_pseudo_header = headers.layer4 != Layer4::kIcmp;
        headers.l4_checksum = verify_checksum(
            {covered,
             has_pseudo_header ? &transport.addresses : nullptr,
             // UDP-Lite: of the whole, not of what is covered (RFC 3828 section 3.1).
             headers.layer4 == Layer4::kUdpLite ? transport.bytes.wire : covered.wire,
             headers.ip.protocol},
            found);
    }
}

void decode_tcp(const Transport& transport, ChecksumMode checksums, Headers& headers) {
    const Slice bytes = transport.bytes;
    TcpHeader& tcp = headers.tcp;
    headers.layer4 = Layer4::kTcp;
    read_ports(bytes, headers);
    if (bytes.has(8)) {
        tcp.sequence = bytes.be32(4);
    }
    if (bytes.has(14)) {
        tcp.acknowledgement = bytes.be32(8);
        tcp.flags = bytes.be16(12) & kTcpFlags;
    }
    if (!bytes.has(kTcpHeaderBytesMin)) {
        headers.l4_checksum.verdict = ChecksumVerdict::kUnverified;
        ends_early(bytes, kFaultTcpHeader, headers);
        return;
    }
    tcp.window = bytes.be16(14);
    tcp.urgent = bytes.be16(18);
    const uint32_t header_bytes = (bytes.byte(12) >> 4) * 4U;
    tcp.header_bytes = static_cast<uint8_t>(header_bytes);
    check(bytes, transport, 16, checksums, headers);
    // The first fragment may end within the options: a later one has the rest.
    const bool is_split = headers.ip.is_fragment && header_bytes > bytes.wire;
    if (header_bytes < kTcpHeaderBytesMin || (header_bytes > bytes.wire && !is_split)) {
        headers.faults |= kFaultTcpHeader;
        set_payload({bytes.data + bytes.kept, 0, 0}, headers);
        return;
    }
    if (header_bytes > kTcpHeaderBytesMin) {
        const Slice options = bytes.first(header_bytes).behind(kTcpHeaderBytesMin);
        const uint16_t faults = decode_tcp_options(options, tcp);
        headers.faults |= is_split ? 0 : faults;
    }
    set_payload(bytes.behind(header_bytes), headers);
}

// Length 0 is what a super-frame or a jumbogram has (RFC 2675 section 4).
void decode_udp(const Transport& transport, ChecksumMode checksums, Headers& headers) {
    const Slice bytes = transport.bytes;
    headers.layer4 = Layer4::kUdp;
    read_ports(bytes, headers);
    if (!bytes.has(kUdpHeaderBytes)) {
        headers.l4_checksum.verdict = ChecksumVerdict::kUnverified;
        ends_early(bytes, kFaultLengthBeyond, headers);
        return;
    }
    const uint32_t claimed = bytes.be16(4);
    const bool is_whole = !headers.ip.is_fragment;
    uint32_t length = bytes.wire;
    if (is_whole && claimed != bytes.wire && claimed != 0) {
        headers.faults |= kFaultUdpLength;
        headers.faults |= claimed > bytes.wire ? kFaultLengthBeyond : kFaultLength;
        length = claimed < kUdpHeaderBytes ? kUdpHeaderBytes : std::min(claimed, bytes.wire);
    }
    check(bytes.first(length), transport, 6, checksums, headers);
    if (headers.l4_checksum.found == 0) {
        // RFC 768: none was made. Over IPv6 that is forbidden (RFC 8200 section 8.1).
        const bool may_lack = headers.layer3 == Layer3::kIpv4;
        headers.l4_checksum.verdict = may_lack ? ChecksumVerdict::kAbsent : ChecksumVerdict::kBad;
    }
    set_payload(bytes.first(length).behind(kUdpHeaderBytes), headers);
}

// RFC 3828: the length's place holds how many bytes are covered, 0 for all.
void decode_udp_lite(const Transport& transport, ChecksumMode checksums, Headers& headers) {
    const Slice bytes = transport.bytes;
    headers.layer4 = Layer4::kUdpLite;
    read_ports(bytes, headers);
    if (!bytes.has(kUdpHeaderBytes)) {
        headers.l4_checksum.verdict = ChecksumVerdict::kUnverified;
        ends_early(bytes, kFaultLengthBeyond, headers);
        return;
    }
    const uint32_t coverage = bytes.be16(4) == 0 ? bytes.wire : bytes.be16(4);
    const bool is_wrong =
        coverage < kUdpHeaderBytes || (coverage > bytes.wire && !headers.ip.is_fragment);
    if (is_wrong) {
        headers.faults |= kFaultCoverage;
        headers.faults |= coverage > bytes.wire ? kFaultUdpLength : 0;
        headers.l4_checksum = {bytes.be16(6), 0, ChecksumVerdict::kUnverified};
    } else {
        check(bytes.first(coverage), transport, 6, checksums, headers);
    }
    if (headers.l4_checksum.found == 0) {
        headers.l4_checksum.verdict = ChecksumVerdict::kBad;  // RFC 3828 section 3.1: never 0
    }
    set_payload(bytes.behind(kUdpHeaderBytes), headers);
}

void decode_sctp(const Transport& transport, ChecksumMode checksums, Headers& headers) {
    const Slice bytes = transport.bytes;
    headers.layer4 = Layer4::kSctp;
    read_ports(bytes, headers);
    headers.l4_checksum.verdict = ChecksumVerdict::kUnverified;
    if (!bytes.has(kSctpHeaderBytes)) {
        ends_early(bytes, kFaultLengthBeyond, headers);
        return;
    }
    headers.l4_checksum.found = __builtin_bswap32(bytes.be32(8));
    if (can_verify(bytes, checksums, headers)) {
        headers.l4_checksum = verify_sctp(bytes, headers.l4_checksum.found);
    }
    set_payload(bytes.behind(kSctpHeaderBytes), headers);
}

[[nodiscard]] bool is_echo(Layer4 layer, uint8_t type) {
    return layer == Layer4::kIcmp ? type == 0 || type == 8 : type == 128 || type == 129;
}

void decode_icmp(const Transport& transport, ChecksumMode checksums, Headers& headers) {
    const Slice bytes = transport.bytes;
    headers.layer4 = headers.ip.protocol == kProtocolIcmp ? Layer4::kIcmp : Layer4::kIcmpv6;
    headers.l4_checksum.verdict = ChecksumVerdict::kUnverified;
    if (bytes.has(2)) {
        headers.icmp_type = bytes.byte(0);
        headers.icmp_code = bytes.byte(1);
    }
    if (!bytes.has(4)) {
        ends_early(bytes, kFaultLengthBeyond, headers);
        return;
    }
    check(bytes, transport, 2, checksums, headers);
    if (is_echo(headers.layer4, headers.icmp_type) && bytes.has(6)) {
        headers.icmp_id = bytes.be16(4);
    }
    set_payload(bytes.behind(kIcmpHeaderBytes), headers);
}

}  // namespace

void decode_transport(const Transport& transport, ChecksumMode checksums, Headers& headers) {
    switch (headers.ip.protocol) {
        case kProtocolTcp:
            return decode_tcp(transport, checksums, headers);
        case kProtocolUdp:
            return decode_udp(transport, checksums, headers);
        case kProtocolUdpLite:
            return decode_udp_lite(transport, checksums, headers);
        case kProtocolSctp:
            return decode_sctp(transport, checksums, headers);
        case kProtocolIcmp:
        case kProtocolIcmpv6:
            return decode_icmp(transport, checksums, headers);
        default:
            headers.layer4 = Layer4::kOther;
    }
}

}  // namespace director::diagnostics
