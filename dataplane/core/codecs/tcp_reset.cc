#include "dataplane/core/codecs/tcp_reset.h"

#include "dataplane/core/codecs/ip_write.h"

namespace director::dataplane {
namespace {

constexpr uint32_t kTcpHeaderBytes = 20;
constexpr uint8_t kFin = 0x01;
constexpr uint8_t kSyn = 0x02;
constexpr uint8_t kRst = 0x04;
constexpr uint8_t kAck = 0x10;

// Of a machine, not a group or nobody.
[[nodiscard]] bool is_unicast(const IpAddress& address) {
    return !address.is_any() && !address.is_multicast() &&
           !(address.is_ipv4() && address.ipv4().is_broadcast());
}

}  // namespace

uint32_t build_tcp_reset(const TcpReset& reset, uint8_t* out) {
    const bool is_v4 = reset.source.address.is_ipv4();
    const uint32_t ip_bytes = is_v4 ? wire::kIpv4HeaderBytes : wire::kIpv6HeaderBytes;
    constexpr uint8_t kTcp = static_cast<uint8_t>(Protocol::kTcp);
    const IpFields fields{reset.traffic_class,
                          reset.hop_limit,
                          kTcp,
                          reset.source.address,
                          reset.destination.address};
    if (is_v4) {
        write_ipv4(out, fields, ip_bytes + kTcpHeaderBytes);
    } else {
        write_ipv6(out, fields, kTcpHeaderBytes);
    }
    uint8_t* const tcp = out + ip_bytes;
    const uint32_t flags = reset.has_acknowledgement ? uint32_t{kRst} | kAck : kRst;
    wire::store16(tcp, reset.source.port.host());
    wire::store16(tcp + 2, reset.destination.port.host());
    wire::store32(tcp + 4, reset.sequence);
    wire::store32(tcp + 8, reset.has_acknowledgement ? reset.acknowledgement : 0);
    wire::store32(tcp + 12, 5U << 28 | flags << 16);  // five words, no window
    wire::store32(tcp + 16, 0);
    const uint64_t pseudo =
        checksum_pseudo(fields.source, fields.destination, kTcp, kTcpHeaderBytes);
    store_checksum(tcp + 16, checksum_add(pseudo, tcp, kTcpHeaderBytes));
    return ip_bytes + kTcpHeaderBytes;
}

uint32_t answer_with_tcp_reset(const uint8_t* ip,
                               uint32_t ip_length,
                               uint32_t l4_offset,
                               uint8_t* out) {
    const uint8_t* const tcp = ip + l4_offset;
    const uint8_t flags = tcp[13];
    const bool is_v6 = ip[0] >> 4 == 6;
    TcpReset reset;
    reset.source.address = is_v6 ? wire::load_ipv6(ip + wire::kIpv6Destination)
                                 : wire::load_ipv4(ip + wire::kIpv4Destination);
    reset.destination.address =
        is_v6 ? wire::load_ipv6(ip + wire::kIpv6Source) : wire::load_ipv4(ip + wire::kIpv4Source);
    if ((flags & kRst) != 0 || !is_unicast(reset.source.address) ||
        !is_unicast(reset.destination.address)) {
        return 0;
    }
    reset.source.port = Be16::from_host(wire::load16(tcp + 2));
    reset.destination.port = Be16::from_host(wire::load16(tcp));
    // The sender's class of service, without its congestion bits: a reset is not ECN-capable.
    const uint8_t traffic_class = is_v6 ? ipv6_traffic_class(ip) : ip[wire::kIpv4Tos];
    reset.traffic_class = traffic_class & 0xfc;
    if ((flags & kAck) != 0) {
        reset.sequence = wire::load32(tcp + 8);
    } else {
        // SEG.LEN counts SYN and FIN (RFC 9293 section 3.4).
        const uint32_t header_bytes = uint32_t{tcp[12]} >> 4 << 2;
        const uint32_t data_bytes = ip_length - l4_offset - header_bytes;
        const uint32_t signs = ((flags & kSyn) != 0 ? 1U : 0U) + ((flags & kFin) != 0 ? 1U : 0U);
        reset.acknowledgement = wire::load32(tcp + 4) + data_bytes + signs;
        reset.has_acknowledgement = true;
    }
    return build_tcp_reset(reset, out);
}

}  // namespace director::dataplane
