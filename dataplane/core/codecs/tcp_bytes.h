// TCP packets as bytes: options, lengths, checksums, and the composition of segments without
// payload. For the helpers that make or resize segments (SYN cookies, FTP, PROXY protocol, TOA);
// the packet path's own rewriting is elsewhere (rewrite.cc).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "common/address.h"

namespace director::dataplane {

// RFC 9293 section 3.1.
inline constexpr uint32_t kTcpHeaderBytes = 20;
inline constexpr uint32_t kTcpHeaderBytesMax = 60;
inline constexpr uint32_t kTcpOptionBytesMax = 40;
inline constexpr uint32_t kTcpSequence = 4;
inline constexpr uint32_t kTcpAcknowledgement = 8;
inline constexpr uint32_t kTcpOffsetByte = 12;
inline constexpr uint32_t kTcpFlagsByte = 13;
inline constexpr uint32_t kTcpWindow = 14;
inline constexpr uint32_t kTcpChecksum = 16;
inline constexpr uint32_t kTcpUrgent = 18;
inline constexpr uint8_t kTcpFlagFin = 0x01;
inline constexpr uint8_t kTcpFlagSyn = 0x02;
inline constexpr uint8_t kTcpFlagRst = 0x04;
inline constexpr uint8_t kTcpFlagPush = 0x08;
inline constexpr uint8_t kTcpFlagAck = 0x10;

// A frame in one piece, and where its headers lie; as in Packet, but with the room behind it. The
// parse stage has found all headers to be whole and the IP length to fit.
struct FrameBytes {
    uint8_t* data = nullptr;
    uint32_t length_bytes = 0;    // may be more than the IP packet: Ethernet's padding
    uint32_t headroom_bytes = 0;  // writable before `data`
    uint32_t tailroom_bytes = 0;  // writable behind the frame
    uint16_t l3_offset = 0;
    uint16_t l4_offset = 0;

    [[nodiscard]] uint8_t* ip() const { return data + l3_offset; }
    [[nodiscard]] uint8_t* l4() const { return data + l4_offset; }
    [[nodiscard]] bool is_ipv4() const { return ip()[0] >> 4 == 4; }
    // The whole IP packet's length.
    [[nodiscard]] uint32_t ip_length() const;
    [[nodiscard]] uint32_t tcp_header_bytes() const {
        return static_cast<uint32_t>(l4()[kTcpOffsetByte] >> 4) * 4;
    }
    // What follows the TCP header in the IP packet.
    [[nodiscard]] std::span<uint8_t> tcp_payload() const;
    [[nodiscard]] Endpoint source() const;
    [[nodiscard]] Endpoint destination() const;
};

// What the options of a SYN say, or of a later segment (timestamps alone).
struct TcpOptions {
    uint16_t mss = 0;  // 0: not there
    uint8_t window_scale = 0;
    bool has_window_scale = false;
    bool has_sack = false;  // permitted
    bool has_timestamps = false;
    uint32_t timestamp = 0;
    uint32_t timestamp_echo = 0;

    friend constexpr bool operator==(const TcpOptions&, const TcpOptions&) = default;
};

// Reads as far as the options are well-formed.
[[nodiscard]] TcpOptions parse_tcp_options(std::span<const uint8_t> options);
[[nodiscard]] inline TcpOptions tcp_options_of(const FrameBytes& frame) {
    return parse_tcp_options(
        {frame.l4() + kTcpHeaderBytes, frame.tcp_header_bytes() - kTcpHeaderBytes});
}

// Writes the options in Linux's order and returns their length, a multiple of four, at most 24.
uint32_t write_tcp_options(const TcpOptions& options, std::span<uint8_t, kTcpOptionBytesMax> out);

// Computes the TCP checksum from all bytes.
void recompute_tcp_checksum(const FrameBytes& frame);

// For changes of unknown extent: take the sum, change the segment, its length or its options, and
// hand the sum in. A checksum that was wrong stays wrong.
[[nodiscard]] uint64_t tcp_segment_sum(const FrameBytes& frame);
void update_tcp_checksum(const FrameBytes& frame, uint64_t sum_before);

// Sets the length of the IP packet, keeping the IPv4 header checksum right.
void set_ip_length(const FrameBytes& frame, uint32_t ip_length);

// A TCP segment without payload.
struct TcpSegment {
    Endpoint source;
    Endpoint destination;
    uint32_t sequence = 0;
    uint32_t acknowledgement = 0;
    uint8_t flags = 0;
    uint16_t window = 0;
    uint8_t hop_limit = 64;
    TcpOptions options;
};

// Replaces all that follows the frame's Ethernet header and VLAN tags by the segment, with right
// checksums. False, changing nothing, without room for it.
[[nodiscard]] bool compose_tcp(FrameBytes& frame, const TcpSegment& segment);

// Makes `bytes` of room at `offset` of the frame by moving what is before it into the headroom.
// Returns where the room begins, or nullptr without headroom.
[[nodiscard]] uint8_t* make_room(FrameBytes& frame, uint32_t offset, uint32_t bytes);

// Removes `bytes` at `offset` of the frame by moving what is before them.
void take_room(FrameBytes& frame, uint32_t offset, uint32_t bytes);

// Back to where it came from.
void swap_mac_addresses(const FrameBytes& frame);

}  // namespace director::dataplane
