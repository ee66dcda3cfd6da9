#include "dataplane/core/codecs/tcp_bytes.h"

#include <algorithm>
#include <cstring>

#include "common/checksum.h"
#include "dataplane/core/codecs/wire.h"

namespace director::dataplane {
namespace {

// RFC 9293 section 3.2, RFC 7323 and RFC 2018.
constexpr uint8_t kOptionEnd = 0;
constexpr uint8_t kOptionNone = 1;
constexpr uint8_t kOptionMss = 2;
constexpr uint8_t kOptionWindowScale = 3;
constexpr uint8_t kOptionSackPermitted = 4;
constexpr uint8_t kOptionTimestamps = 8;
constexpr uint8_t kWindowScaleMax = 14;  // RFC 7323 section 2.3

constexpr uint32_t kMacBytes = 6;

void read_option(std::span<const uint8_t> option, TcpOptions& out) {
    const uint8_t kind = option[0];
    const uint8_t* const value = option.data() + 2;
    if (kind == kOptionMss && option.size() == 4) {
        out.mss = wire::load16(value);
    } else if (kind == kOptionWindowScale && option.size() == 3) {
        out.has_window_scale = true;
        out.window_scale = std::min(*value, kWindowScaleMax);
    } else if (kind == kOptionSackPermitted && option.size() == 2) {
        out.has_sack = true;
    } else if (kind == kOptionTimestamps && option.size() == 10) {
        out.has_timestamps = true;
        out.timestamp = wire::load32(value);
        out.timestamp_echo = wire::load32(value + 4);
    }
}

void write_ipv4(uint8_t* ip, const TcpSegment& segment, uint32_t ip_length) {
    std::memset(ip, 0, wire::kIpv4HeaderBytes);
    ip[0] = 0x45;
    wire::store16(ip + wire::kIpv4Length, ip_length);
    wire::store16(ip + wire::kIpv4Fragment, wire::kIpv4DontFragment);
    ip[wire::kIpv4Ttl] = segment.hop_limit;
    ip[wire::kIpv4Protocol] = static_cast<uint8_t>(Protocol::kTcp);
    wire::store_ipv4(ip + wire::kIpv4Source, segment.source.address);
    wire::store_ipv4(ip + wire::kIpv4Destination, segment.destination.address);
    const auto sum =
        static_cast<uint16_t>(~checksum_fold(checksum_add(0, ip, wire::kIpv4HeaderBytes)));
    std::memcpy(ip + wire::kIpv4Checksum, &sum, 2);
}

void write_ipv6(uint8_t* ip, const TcpSegment& segment, uint32_t payload_length) {
    std::memset(ip, 0, wire::kIpv6HeaderBytes);
    ip[0] = 0x60;
    wire::store16(ip + wire::kIpv6PayloadLength, payload_length);
    ip[wire::kIpv6NextHeader] = static_cast<uint8_t>(Protocol::kTcp);
    ip[wire::kIpv6HopLimit] = segment.hop_limit;
    wire::store_ipv6(ip + wire::kIpv6Source, segment.source.address);
    wire::store_ipv6(ip + wire::kIpv6Destination, segment.destination.address);
}

}  // namespace

uint32_t FrameBytes::ip_length() const {
    return is_ipv4() ? wire::load16(ip() + wire::kIpv4Length)
                     : wire::kIpv6HeaderBytes + wire::load16(ip() + wire::kIpv6PayloadLength);
}

std::span<uint8_t> FrameBytes::tcp_payload() const {
    const uint32_t begin = l4_offset + tcp_header_bytes();
    const uint32_t end = std::min(l3_offset + ip_length(), length_bytes);
    return {data + begin, end > begin ? end - begin : 0};
}

Endpoint FrameBytes::source() const {
    const IpAddress address = is_ipv4() ? wire::load_ipv4(ip() + wire::kIpv4Source)
                                        : wire::load_ipv6(ip() + wire::kIpv6Source);
    return {address, Be16::from_host(wire::load16(l4()))};
}

Endpoint FrameBytes::destination() const {
    const IpAddress address = is_ipv4() ? wire::load_ipv4(ip() + wire::kIpv4Destination)
                                        : wire::load_ipv6(ip() + wire::kIpv6Destination);
    return {address, Be16::from_host(wire::load16(l4() + 2))};
}

TcpOptions parse_tcp_options(std::span<const uint8_t> options) {
    TcpOptions out;
    while (!options.empty() && options[0] != kOptionEnd) {
        if (options[0] == kOptionNone) {
            options = options.subspan(1);
            continue;
        }
        if (options.size() < 2 || options[1] < 2 || options[1] > options.size()) {
            break;
        }
        read_option(options.first(options[1]), out);
        options = options.subspan(options[1]);
    }
    return out;
}

uint32_t write_tcp_options(const TcpOptions& options, std::span<uint8_t, kTcpOptionBytesMax> out) {
    uint8_t* at = out.data();
    const auto put = [&at](std::initializer_list<uint8_t> bytes) {
        at = std::copy(bytes.begin(), bytes.end(), at);
    };
    if (options.mss != 0) {
        put({kOptionMss,
             4,
             static_cast<uint8_t>(options.mss >> 8),
             static_cast<uint8_t>(options.mss)});
    }
    if (options.has_sack) {
        put({kOptionSackPermitted, 2});
    } else if (options.has_timestamps) {
        put({kOptionNone, kOptionNone});
    }
    if (options.has_timestamps) {
        put({kOptionTimestamps, 10});
        wire::store32(at, options.timestamp);
        wire::store32(at + 4, options.timestamp_echo);
        at += 8;
    } else if (options.has_sack) {
        put({kOptionNone, kOptionNone});
    }
    if (options.has_window_scale) {
        put({kOptionNone, kOptionWindowScale, 3, options.window_scale});
    }
    return static_cast<uint32_t>(at - out.data());
}

uint64_t tcp_segment_sum(const FrameBytes& frame) {
    const uint32_t length = frame.l3_offset + frame.ip_length() - frame.l4_offset;
    const uint8_t* const addresses =
        frame.ip() + (frame.is_ipv4() ? wire::kIpv4Source : wire::kIpv6Source);
    // The pseudo header's addresses, protocol and length (RFC 9293 section 3.1, RFC 8200 8.1).
    uint64_t sum = checksum_add(0, addresses, frame.is_ipv4() ? 8 : 32);
    sum += uint64_t{static_cast<uint8_t>(Protocol::kTcp)} << 8;
    sum += __builtin_bswap16(static_cast<uint16_t>(length));
    return checksum_add(sum, frame.l4(), length);
}

void update_tcp_checksum(const FrameBytes& frame, uint64_t sum_before) {
    const uint16_t delta = checksum_delta(sum_before, tcp_segment_sum(frame));
    uint16_t checksum = 0;
    std::memcpy(&checksum, frame.l4() + kTcpChecksum, 2);
    checksum = checksum_apply(checksum, delta);
    std::memcpy(frame.l4() + kTcpChecksum, &checksum, 2);
}

void recompute_tcp_checksum(const FrameBytes& frame) {
    std::memset(frame.l4() + kTcpChecksum, 0, 2);
    const auto checksum = static_cast<uint16_t>(~checksum_fold(tcp_segment_sum(frame)));
    std::memcpy(frame.l4() + kTcpChecksum, &checksum, 2);
}

void set_ip_length(const FrameBytes& frame, uint32_t ip_length) {
    uint8_t* const ip = frame.ip();
    if (!frame.is_ipv4()) {
        wire::store16(ip + wire::kIpv6PayloadLength, ip_length - wire::kIpv6HeaderBytes);
        return;
    }
    const uint64_t before = checksum_add(0, ip + wire::kIpv4Length, 2);
    wire::store16(ip + wire::kIpv4Length, ip_length);
    const uint16_t delta = checksum_delta(before, checksum_add(0, ip + wire::kIpv4Length, 2));
    uint16_t checksum = 0;
    std::memcpy(&checksum, ip + wire::kIpv4Checksum, 2);
    checksum = checksum_apply(checksum, delta);
    std::memcpy(ip + wire::kIpv4Checksum, &checksum, 2);
}

bool compose_tcp(FrameBytes& frame, const TcpSegment& segment) {
    const bool is_ipv4 = segment.source.address.is_ipv4();
    std::array<uint8_t, kTcpOptionBytesMax> options{};
    const uint32_t option_bytes = write_tcp_options(segment.options, options);
    const uint32_t ip_header_bytes = is_ipv4 ? wire::kIpv4HeaderBytes : wire::kIpv6HeaderBytes;
    const uint32_t tcp_bytes = kTcpHeaderBytes + option_bytes;
    const uint32_t length = frame.l3_offset + ip_header_bytes + tcp_bytes;
    if (length > frame.length_bytes + frame.tailroom_bytes) {
        return false;
    }
    frame.tailroom_bytes = frame.length_bytes + frame.tailroom_bytes - length;
    frame.length_bytes = length;
    frame.l4_offset = static_cast<uint16_t>(frame.l3_offset + ip_header_bytes);
    if (is_ipv4) {
        write_ipv4(frame.ip(), segment, ip_header_bytes + tcp_bytes);
    } else {
        write_ipv6(frame.ip(), segment, tcp_bytes);
    }
    uint8_t* const tcp = frame.l4();
    wire::store16(tcp, segment.source.port.host());
    wire::store16(tcp + 2, segment.destination.port.host());
    wire::store32(tcp + kTcpSequence, segment.sequence);
    wire::store32(tcp + kTcpAcknowledgement, segment.acknowledgement);
    tcp[kTcpOffsetByte] = static_cast<uint8_t>(tcp_bytes / 4 << 4);
    tcp[kTcpFlagsByte] = segment.flags;
    wire::store16(tcp + kTcpWindow, segment.window);
    wire::store16(tcp + kTcpUrgent, 0);
    std::memcpy(tcp + kTcpHeaderBytes, options.data(), option_bytes);
    recompute_tcp_checksum(frame);
    return true;
}

uint8_t* make_room(FrameBytes& frame, uint32_t offset, uint32_t bytes) {
    if (frame.headroom_bytes < bytes) {
        return nullptr;
    }
    std::memmove(frame.data - bytes, frame.data, offset);
    frame.data -= bytes;
    frame.headroom_bytes -= bytes;
    frame.length_bytes += bytes;
    return frame.data + offset;
}

void take_room(FrameBytes& frame, uint32_t offset, uint32_t bytes) {
    std::memmove(frame.data + bytes, frame.data, offset);
    frame.data += bytes;
    frame.headroom_bytes += bytes;
    frame.length_bytes -= bytes;
}

void swap_mac_addresses(const FrameBytes& frame) {
    std::swap_ranges(frame.data, frame.data + kMacBytes, frame.data + kMacBytes);
}

}  // namespace director::dataplane
