// Checks a TCP or UDP checksum in software. Done only where a wrong packet would do harm, that is
// open a connection or move its state; any other is translated as it is, and since the checksum is
// updated incrementally, what was wrong stays wrong for the receiver to see.
#include "common/checksum.h"
#include "dataplane/core/frame.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {

bool is_l4_checksum_good(const Packet& packet) {
    if (packet.l4_checksum != ChecksumCheck::kUnknown) {
        return packet.l4_checksum == ChecksumCheck::kGood;
    }
    const uint32_t ip_header_bytes = uint32_t{packet.l4_offset} - packet.l3_offset;
    const uint8_t* const l4 = packet.data + packet.l4_offset;
    uint32_t length = packet.ip_length - ip_header_bytes;
    if (packet.protocol == Protocol::kUdp) {
        if (load_raw16(l4 + kUdpChecksumOffset) == 0) {
            return true;  // RFC 768: no checksum was computed
        }
        length = load_be16(l4 + kUdpLengthOffset);
    }
    if (packet.l4_offset + length > packet.contiguous_bytes) {
        return true;
    }
    const uint64_t pseudo = checksum_pseudo_ipv4(packet.source.address().bits.raw,
                                                 packet.destination.address().bits.raw,
                                                 static_cast<uint8_t>(packet.protocol),
                                                 static_cast<uint16_t>(length));
    return checksum_fold(checksum_add(pseudo, l4, length)) == 0xffff;
}

}  // namespace director::dataplane
