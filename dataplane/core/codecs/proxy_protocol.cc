#include "dataplane/core/codecs/proxy_protocol.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "common/checksum.h"
#include "dataplane/core/codecs/wire.h"

namespace director::dataplane {
namespace {

constexpr std::array<uint8_t, 12> kSignature{
    0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
constexpr uint8_t kVersionAndProxy = 0x21;  // "PROXY", not "LOCAL"
constexpr uint8_t kFamilyIpv4 = 0x10;
constexpr uint8_t kFamilyIpv6 = 0x20;
constexpr uint8_t kStream = 0x1;
constexpr uint8_t kDatagram = 0x2;
constexpr uint32_t kFixedBytes = 16;

constexpr uint32_t kUdpHeaderBytes = 8;
constexpr uint32_t kUdpLength = 4;
constexpr uint32_t kUdpChecksum = 6;

[[nodiscard]] uint8_t transport_of(Protocol protocol) {
    switch (protocol) {
        case Protocol::kTcp:
            return kStream;
        case Protocol::kUdp:
            return kDatagram;
        default:
            return 0;
    }
}

}  // namespace

uint32_t write_proxy_header(Protocol protocol,
                            const Endpoint& client,
                            const Endpoint& virtual_service,
                            std::span<uint8_t, kProxyHeaderBytesIpv6> out) {
    const bool is_ipv4 = client.address.is_ipv4();
    const uint32_t length = proxy_header_bytes(client);
    uint8_t* at = std::ranges::copy(kSignature, out.data()).out;
    *at++ = kVersionAndProxy;
    *at++ = static_cast<uint8_t>((is_ipv4 ? kFamilyIpv4 : kFamilyIpv6) | transport_of(protocol));
    wire::store16(at, length - kFixedBytes);
    at += 2;
    for (const Endpoint* end : {&client, &virtual_service}) {
        if (is_ipv4) {
            wire::store_ipv4(at, end->address);
            at += 4;
        } else {
            wire::store_ipv6(at, end->address);
            at += 16;
        }
    }
    wire::store16(at, client.port.host());
    wire::store16(at + 2, virtual_service.port.host());
    return length;
}

bool insert_proxy_header(FrameBytes& frame,
                         const Endpoint& client,
                         const Endpoint& virtual_service,
                         TcpAdjustment& adjustment) {
    std::array<uint8_t, kProxyHeaderBytesIpv6> header{};
    const uint32_t length = write_proxy_header(Protocol::kTcp, client, virtual_service, header);
    const uint32_t ip_length = frame.ip_length();
    const uint64_t sum = tcp_segment_sum(frame);
    const uint32_t offset = frame.l4_offset + frame.tcp_header_bytes();
    if (ip_length + length > wire::kIpLengthMax) {
        return false;
    }
    uint8_t* const room = make_room(frame, offset, length);
    if (room == nullptr) {
        return false;
    }
    std::memcpy(room, header.data(), length);
    set_ip_length(frame, ip_length + length);
    update_tcp_checksum(frame, sum);
    record_resize(adjustment.sent[static_cast<size_t>(TcpSender::kClient)],
                  wire::load32(frame.l4() + kTcpSequence),
                  static_cast<int32_t>(length));
    return true;
}

bool insert_proxy_header_udp(FrameBytes& frame,
                             const Endpoint& client,
                             const Endpoint& virtual_service) {
    std::array<uint8_t, kProxyHeaderBytesIpv6> header{};
    const uint32_t length = write_proxy_header(Protocol::kUdp, client, virtual_service, header);
    const uint32_t ip_length = frame.ip_length();
    if (ip_length + length > wire::kIpLengthMax) {
        return false;
    }
    uint8_t* const room = make_room(frame, frame.l4_offset + kUdpHeaderBytes, length);
    if (room == nullptr) {
        return false;
    }
    std::memcpy(room, header.data(), length);
    set_ip_length(frame, ip_length + length);
    uint8_t* const udp = frame.l4();
    const uint16_t udp_length = wire::load16(udp + kUdpLength);
    uint16_t checksum = 0;
    std::memcpy(&checksum, udp + kUdpChecksum, 2);
    wire::store16(udp + kUdpLength, udp_length + length);
    if (checksum == 0) {
        return true;  // RFC 768: no checksum was computed
    }
    // The length counts twice, in the header and in the pseudo header.
    const uint64_t before = uint64_t{__builtin_bswap16(udp_length)} * 2;
    const uint64_t after =
        uint64_t{__builtin_bswap16(static_cast<uint16_t>(udp_length + length))} * 2 +
        checksum_add(0, header.data(), length);
    checksum = checksum_apply(checksum, checksum_delta(before, after));
    checksum = checksum == 0 ? 0xffff : checksum;  // RFC 768: 0 means none
    std::memcpy(udp + kUdpChecksum, &checksum, 2);
    return true;
}

}  // namespace director::dataplane
