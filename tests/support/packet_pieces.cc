#include "tests/support/packet_pieces.h"

#include <algorithm>

#include "common/assert.h"
#include "tests/support/packet_bytes.h"
#include "tests/support/packet_reader.h"

namespace director::test {
namespace {

using Bytes = std::span<const uint8_t>;

[[nodiscard]] size_t ethernet_bytes(const DecodedFrame& decoded) {
    return 14 + 4 * decoded.ethernet->vlans.size();
}

// Length, "more fragments" and offset, and the checksum that follows from them.
void make_ipv4_fragment(
    Frame& header, size_t data_bytes, size_t offset, bool has_more, uint32_t id) {
    overwrite16(header, 2, static_cast<uint16_t>(header.size() + data_bytes));
    overwrite16(header, 4, static_cast<uint16_t>(id));
    overwrite16(header, 6, static_cast<uint16_t>((has_more ? 0x2000U : 0U) | offset / 8));
    overwrite16(header, 10, 0);
    overwrite16(header, 10, slow_checksum(header));
}

// Where the number of the last header but the payload stands: in the IPv6 header, or in its last
// extension header.
[[nodiscard]] size_t last_next_header(Bytes header) {
    size_t at = 6;
    size_t next = 40;
    while (next < header.size()) {
        at = next;
        next += (size_t{header[next + 1]} + 1) * 8;
    }
    return at;
}

void make_ipv6_fragment(
    Frame& header, size_t data_bytes, size_t offset, bool has_more, uint32_t id) {
    const size_t at = last_next_header(header);
    const uint8_t protocol = header.at(at);
    header.at(at) = 44;
    put8(header, protocol);
    put8(header, 0);
    put16(header, static_cast<uint16_t>(offset | (has_more ? 1U : 0U)));
    put32(header, id);
    overwrite16(header, 4, static_cast<uint16_t>(header.size() - 40 + data_bytes));
}

}  // namespace

Frame ip_packet_of(Bytes frame) {
    const DecodedFrame decoded = decode(frame);
    DIRECTOR_ASSERT(decoded.is_ip());
    const Bytes packet = frame.subspan(ethernet_bytes(decoded), decoded.ip_bytes());
    return {packet.begin(), packet.end()};
}

Frame ip_packet_of(Bytes frame, size_t length_bytes) {
    Frame packet = ip_packet_of(frame);
    packet.resize(std::min(packet.size(), length_bytes));
    return packet;
}

Frame gre_of(uint16_t ether_type, Bytes inner, GreChecksum checksum) {
    Frame out;
    put16(out, checksum == GreChecksum::kThere ? 0x8000 : 0);
    put16(out, ether_type);
    if (checksum == GreChecksum::kThere) {
        put32(out, 0);
    }
    put_bytes(out, inner);
    if (checksum == GreChecksum::kThere) {
        overwrite16(out, 4, slow_checksum(out));
    }
    return out;
}

Frame gue_of(uint8_t protocol, Bytes inner) {
    Frame out;
    put8(out, 0);  // variant 0, no control message, no optional words
    put8(out, protocol);
    put16(out, 0);
    put_bytes(out, inner);
    return out;
}

std::vector<Frame> fragments_of(Bytes frame, size_t data_bytes, uint32_t id) {
    DIRECTOR_ASSERT(data_bytes % 8 == 0);
    const DecodedFrame decoded = decode(frame);
    const Frame packet = ip_packet_of(frame);
    const Bytes data = Bytes(packet).subspan(decoded.ip_header_bytes());
    std::vector<Frame> out;
    for (size_t offset = 0; offset < data.size(); offset += data_bytes) {
        const Bytes piece = data.subspan(offset, std::min(data_bytes, data.size() - offset));
        const bool has_more = offset + piece.size() < data.size();
        Frame header(packet.begin(), packet.begin() + decoded.ip_header_bytes());
        if (decoded.ipv4) {
            make_ipv4_fragment(header, piece.size(), offset, has_more, id);
        } else {
            make_ipv6_fragment(header, piece.size(), offset, has_more, id);
        }
        Frame built(frame.begin(),
                    frame.begin() + static_cast<std::ptrdiff_t>(ethernet_bytes(decoded)));
        put_bytes(built, header);
        put_bytes(built, piece);
        out.push_back(std::move(built));
    }
    return out;
}

}  // namespace director::test
