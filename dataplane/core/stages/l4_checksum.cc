// Checks a TCP or UDP checksum in software. Done only where a wrong packet would do harm, that is
// open a connection or move its state; any other is translated as it is, and since the checksum is
// updated incrementally, what was wrong stays wrong for the receiver to see.
#include "common/checksum.h"
#include "dataplane/core/codecs/frame.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {

namespace {

// RFC 9293 section 3.1, RFC 8200 section 8.1: the lengths and protocols of both add up alike.
[[nodiscard]] uint64_t pseudo_header(const Packet& packet, uint32_t length) {
    const uint8_t* const ip = packet.data + packet.l3_offset;
    const uint64_t rest = (uint64_t{static_cast<uint8_t>(packet.protocol)} << 8) +
                          __builtin_bswap16(static_cast<uint16_t>(length));
    return packet.is_ipv4 ? checksum_add(rest, ip + kIpSourceOffset, 8)
                          : checksum_add(rest, ip + kIpv6SourceOffset, 2 * kIpv6AddressBytes);
}

}  // namespace

bool is_l4_checksum_good(const Packet& packet) {
    if (packet.l4_checksum != ChecksumCheck::kUnknown) {
        return packet.l4_checksum == ChecksumCheck::kGood;
    }
    const uint32_t ip_header_bytes = uint32_t{packet.l4_offset} - packet.l3_offset;
    const uint8_t* const l4 = packet.data + packet.l4_offset;
    uint32_t length = packet.ip_length - ip_header_bytes;
    if (packet.is_fragment) {
        return true;  // the rest is not here
    }
    if (packet.protocol == Protocol::kSctp) {
        return true;  // a CRC over the whole packet: the receiver's business
    }
    if (packet.protocol == Protocol::kUdp) {
        if (load_raw16(l4 + kUdpChecksumOffset) == 0) {
            return packet.is_ipv4;  // RFC 768: none was computed; RFC 8200 8.1: there must be one
        }
        length = load_be16(l4 + kUdpLengthOffset);
    }
    if (packet.l4_offset + length > packet.contiguous_bytes) {
        return true;
    }
    return checksum_fold(checksum_add(pseudo_header(packet, length), l4, length)) == 0xffff;
}

void fill_udp_checksum(Packet& packet) {
    uint8_t* const udp = packet.data + packet.l4_offset;
    if (packet.protocol != Protocol::kUdp || load_raw16(udp + kUdpChecksumOffset) != 0) {
        return;
    }
    const uint32_t length = load_be16(udp + kUdpLengthOffset);
    if (packet.l4_offset + length > packet.contiguous_bytes) {
        return;
    }
    const uint16_t sum = static_cast<uint16_t>(
        ~checksum_fold(checksum_add(pseudo_header(packet, length), udp, length)));
    store_raw16(udp + kUdpChecksumOffset, sum == 0 ? 0xffff : sum);
}

}  // namespace director::dataplane
