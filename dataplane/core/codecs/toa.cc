#include "dataplane/core/codecs/toa.h"

#include "dataplane/core/codecs/wire.h"

namespace director::dataplane {

bool insert_toa(FrameBytes& frame, const Endpoint& client) {
    const bool is_ipv4 = client.address.is_ipv4();
    const uint32_t bytes = is_ipv4 ? kToaBytesIpv4 : kToaBytesIpv6;
    const uint32_t header_bytes = frame.tcp_header_bytes() + bytes;
    const uint32_t ip_length = frame.ip_length() + bytes;
    if (header_bytes > kTcpHeaderBytesMax || ip_length > wire::kIpLengthMax) {
        return false;
    }
    const uint64_t sum = tcp_segment_sum(frame);
    uint8_t* const option = make_room(frame, frame.l4_offset + kTcpHeaderBytes, bytes);
    if (option == nullptr) {
        return false;
    }
    option[0] = is_ipv4 ? kToaKindIpv4 : kToaKindIpv6;
    option[1] = static_cast<uint8_t>(bytes);
    wire::store16(option + 2, client.port.host());
    if (is_ipv4) {
        wire::store_ipv4(option + 4, client.address);
    } else {
        wire::store_ipv6(option + 4, client.address);
    }
    // The low half of the byte is reserved bits: they stay.
    uint8_t& offset_byte = frame.l4()[kTcpOffsetByte];
    offset_byte = static_cast<uint8_t>((header_bytes / 4 << 4) | (offset_byte & 0x0f));
    set_ip_length(frame, ip_length);
    update_tcp_checksum(frame, sum);
    return true;
}

}  // namespace director::dataplane
