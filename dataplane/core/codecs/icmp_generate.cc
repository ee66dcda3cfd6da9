#include "dataplane/core/codecs/icmp_generate.h"

#include <algorithm>

#include "dataplane/core/codecs/icmp.h"
#include "dataplane/core/codecs/ip_write.h"

namespace director::dataplane {
namespace {

constexpr uint32_t kIpv4ErrorBytesMax = 576;
constexpr uint32_t kIpv6MtuMin = 1280;

struct TypeAndCode {
    uint8_t type;
    uint8_t code;
};

[[nodiscard]] TypeAndCode of_ipv4(IcmpCause cause) {
    switch (cause) {
        case IcmpCause::kTooBig:
            return {icmp::kUnreachable4, icmp::kFragmentationNeeded4};
        case IcmpCause::kTimeExceeded:
            return {icmp::kTimeExceeded4, 0};
        case IcmpCause::kPortUnreachable:
            return {icmp::kUnreachable4, icmp::kPort4};
        case IcmpCause::kHostUnreachable:
            return {icmp::kUnreachable4, icmp::kHost4};
        case IcmpCause::kNetUnreachable:
            return {icmp::kUnreachable4, icmp::kNet4};
        case IcmpCause::kProhibited:
            return {icmp::kUnreachable4, icmp::kProhibited4};
    }
    return {};
}

[[nodiscard]] TypeAndCode of_ipv6(IcmpCause cause) {
    switch (cause) {
        case IcmpCause::kTooBig:
            return {icmp::kTooBig6, 0};
        case IcmpCause::kTimeExceeded:
            return {icmp::kTimeExceeded6, 0};
        case IcmpCause::kPortUnreachable:
            return {icmp::kUnreachable6, icmp::kPort6};
        case IcmpCause::kHostUnreachable:
            return {icmp::kUnreachable6, icmp::kAddress6};
        case IcmpCause::kNetUnreachable:
            return {icmp::kUnreachable6, icmp::kNoRoute6};
        case IcmpCause::kProhibited:
            return {icmp::kUnreachable6, icmp::kProhibited6};
    }
    return {};
}

// An IPv4 address that one machine may have (RFC 1122 section 3.2.1.3, RFC 1112 section 4).
[[nodiscard]] bool is_unicast_ipv4(const uint8_t* address) {
    return address[0] != 0 && address[0] != 127 && address[0] < 224;
}

[[nodiscard]] bool may_send_ipv4(const OffendingPacket& packet) {
    const uint8_t* const ip = packet.ip;
    const uint8_t* const destination = ip + wire::kIpv4Destination;
    // 240.0.0.0/4 has the limited broadcast in it.
    if (packet.is_later_fragment || packet.is_group_frame || destination[0] >= 224 ||
        !is_unicast_ipv4(ip + wire::kIpv4Source)) {
        return false;
    }
    if (packet.protocol != static_cast<uint8_t>(Protocol::kIcmp)) {
        return true;
    }
    // Of ICMP, only queries: nothing unknown either, as the kernel has it.
    const uint8_t type = packet.l4_offset < packet.available_bytes ? ip[packet.l4_offset] : 3;
    return type == 0 || type == 8 || type == 9 || type == 10 || (type >= 13 && type <= 18);
}

[[nodiscard]] bool may_send_ipv6(IcmpCause cause, const OffendingPacket& packet) {
    const uint8_t* const ip = packet.ip;
    const IpAddress source = wire::load_ipv6(ip + wire::kIpv6Source);
    const bool is_group = packet.is_group_frame || ip[wire::kIpv6Destination] == 0xff;
    if (source.is_any() || source.is_multicast() || source.is_loopback() ||
        (is_group && cause != IcmpCause::kTooBig)) {
        return false;
    }
    if (packet.protocol != static_cast<uint8_t>(Protocol::kIcmpv6)) {
        return true;
    }
    if (packet.is_later_fragment || packet.l4_offset >= packet.available_bytes) {
        return false;  // it may be of an error
    }
    const uint8_t type = ip[packet.l4_offset];
    return type > icmp::kErrorMax6 && type != icmp::kRedirect6;
}

// Type, code, the word behind them and the quote, without a checksum. Answers the message's length.
uint32_t write_message(uint8_t* message,
                       TypeAndCode what,
                       uint32_t rest,
                       const OffendingPacket& packet,
                       uint32_t message_bytes_max) {
    const uint32_t quote = std::min(
        {packet.available_bytes, packet.ip_length, message_bytes_max - icmp::kHeaderBytes});
    message[0] = what.type;
    message[1] = what.code;
    wire::store16(message + icmp::kChecksum, 0);
    wire::store32(message + 4, rest);
    std::memcpy(message + icmp::kHeaderBytes, packet.ip, quote);
    return icmp::kHeaderBytes + quote;
}

uint32_t build_ipv4(const IcmpError& error, const OffendingPacket& packet, uint8_t* out) {
    uint8_t* const message = out + wire::kIpv4HeaderBytes;
    const uint32_t rest = error.cause == IcmpCause::kTooBig ? std::min(error.mtu, 65535U) : 0;
    const uint32_t bytes = write_message(
        message, of_ipv4(error.cause), rest, packet, kIpv4ErrorBytesMax - wire::kIpv4HeaderBytes);
    store_checksum(message + icmp::kChecksum, checksum_add(0, message, bytes));
    // RFC 1812 section 4.3.2.5: the TOS of the packet, precedence 6.
    const uint32_t tos = (packet.ip[wire::kIpv4Tos] & 0x1cU) | 0xc0U;
    write_ipv4(out,
               {static_cast<uint8_t>(tos),
                error.hop_limit,
                static_cast<uint8_t>(Protocol::kIcmp),
                error.source,
                wire::load_ipv4(packet.ip + wire::kIpv4Source)},
               wire::kIpv4HeaderBytes + bytes);
    return wire::kIpv4HeaderBytes + bytes;
}

uint32_t build_ipv6(const IcmpError& error, const OffendingPacket& packet, uint8_t* out) {
    uint8_t* const message = out + wire::kIpv6HeaderBytes;
    const uint32_t rest = error.cause == IcmpCause::kTooBig ? std::max(error.mtu, kIpv6MtuMin) : 0;
    const uint32_t bytes = write_message(
        message, of_ipv6(error.cause), rest, packet, kIcmpErrorBytesMax - wire::kIpv6HeaderBytes);
    const IpFields fields{0,
                          error.hop_limit,
                          static_cast<uint8_t>(Protocol::kIcmpv6),
                          error.source,
                          wire::load_ipv6(packet.ip + wire::kIpv6Source)};
    const uint64_t pseudo =
        checksum_pseudo(fields.source, fields.destination, fields.protocol, bytes);
    store_checksum(message + icmp::kChecksum, checksum_add(pseudo, message, bytes));
    write_ipv6(out, fields, bytes);
    return wire::kIpv6HeaderBytes + bytes;
}

}  // namespace

bool may_send_icmp_error(IcmpCause cause, const OffendingPacket& packet) {
    return packet.ip[0] >> 4 == 6 ? may_send_ipv6(cause, packet) : may_send_ipv4(packet);
}

uint32_t build_icmp_error(const IcmpError& error, const OffendingPacket& packet, uint8_t* out) {
    if (!may_send_icmp_error(error.cause, packet)) {
        return 0;
    }
    return packet.ip[0] >> 4 == 6 ? build_ipv6(error, packet, out) : build_ipv4(error, packet, out);
}

}  // namespace director::dataplane
