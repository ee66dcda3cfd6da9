#include "tests/support/tcp_frame.h"

#include <algorithm>

namespace director::test {
namespace {

void put(std::vector<uint8_t>& out, uint64_t value, uint32_t bytes) {
    for (uint32_t i = bytes; i-- > 0;) {
        out.push_back(static_cast<uint8_t>(value >> 8 * i));
    }
}

void put(std::vector<uint8_t>& out, const IpAddress& address) {
    out.insert(
        out.end(), address.bytes.begin() + (address.is_ipv4() ? 12 : 0), address.bytes.end());
}

// RFC 1071, two bytes at a time.
[[nodiscard]] uint32_t sum_of(std::span<const uint8_t> bytes) {
    uint32_t sum = 0;
    for (size_t i = 0; i < bytes.size(); ++i) {
        sum += i % 2 == 0 ? uint32_t{bytes[i]} << 8 : bytes[i];
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

[[nodiscard]] std::vector<uint8_t> with_pseudo_header(const dataplane::FrameBytes& frame) {
    const uint8_t* const ip = frame.ip();
    const bool is_ipv4 = ip[0] >> 4 == 4;
    const uint32_t ip_length = is_ipv4 ? number_at(ip + 2, 2) : 40 + number_at(ip + 4, 2);
    const uint32_t tcp_length = frame.l3_offset + ip_length - frame.l4_offset;
    std::vector<uint8_t> out;
    out.insert(out.end(), ip + (is_ipv4 ? 12 : 8), ip + (is_ipv4 ? 20 : 40));
    put(out, tcp_length, 4);
    put(out, 6, 4);
    out.insert(out.end(), frame.l4(), frame.l4() + tcp_length);
    return out;
}

}  // namespace

uint32_t number_at(const uint8_t* at, uint32_t bytes) {
    uint32_t value = 0;
    for (uint32_t i = 0; i < bytes; ++i) {
        value = value << 8 | at[i];
    }
    return value;
}

TestFrame::TestFrame(const FrameSpec& spec, uint32_t headroom, uint32_t tailroom) {
    std::vector<uint8_t> out(headroom);
    for (uint8_t i = 0; i < 12; ++i) {
        out.push_back(i < 6 ? 0xaa : 0xbb);
    }
    if (spec.has_vlan) {
        put(out, 0x81000007, 4);
    }
    const bool is_ipv4 = spec.source.address.is_ipv4();
    put(out, is_ipv4 ? 0x0800 : 0x86dd, 2);
    const auto l3 = static_cast<uint32_t>(out.size());
    const auto tcp_length = static_cast<uint32_t>(20 + spec.options.size() + spec.payload.size());
    if (is_ipv4) {
        put(out, 0x45 + spec.ip_option_bytes / 4, 1);
        put(out, 0x10, 1);
        put(out, 20 + spec.ip_option_bytes + tcp_length, 2);
        put(out, 0x12344000, 4);
        put(out, 0x3306, 2);
        put(out, 0, 2);
    } else {
        put(out, 0x60012345, 4);
        put(out, tcp_length, 2);
        put(out, 0x0633, 2);
    }
    put(out, spec.source.address);
    put(out, spec.destination.address);
    out.insert(out.end(), spec.ip_option_bytes, 1);
    const auto l4 = static_cast<uint32_t>(out.size());
    put(out, spec.source.port.host(), 2);
    put(out, spec.destination.port.host(), 2);
    put(out, spec.sequence, 4);
    put(out, spec.acknowledgement, 4);
    put(out, (20 + spec.options.size()) / 4 << 4, 1);
    put(out, spec.flags, 1);
    put(out, spec.window, 2);
    put(out, 0, 4);
    out.insert(out.end(), spec.options.begin(), spec.options.end());
    out.insert(out.end(), spec.payload.begin(), spec.payload.end());
    out.insert(out.end(), spec.padding_bytes, 0xee);
    const auto length = static_cast<uint32_t>(out.size() - headroom);
    out.resize(out.size() + tailroom);
    memory = std::move(out);
    bytes.data = memory.data() + headroom;
    bytes.length_bytes = length;
    bytes.headroom_bytes = headroom;
    bytes.tailroom_bytes = tailroom;
    bytes.l3_offset = static_cast<uint16_t>(l3 - headroom);
    bytes.l4_offset = static_cast<uint16_t>(l4 - headroom);
    if (is_ipv4) {
        const uint32_t checksum = ~sum_of({bytes.ip(), l4 - l3}) & 0xffff;
        bytes.ip()[10] = static_cast<uint8_t>(checksum >> 8);
        bytes.ip()[11] = static_cast<uint8_t>(checksum);
    }
    const uint32_t checksum = ~sum_of(with_pseudo_header(bytes)) & 0xffff;
    bytes.l4()[16] = static_cast<uint8_t>(checksum >> 8);
    bytes.l4()[17] = static_cast<uint8_t>(checksum);
}

std::string_view fault_of(const dataplane::FrameBytes& frame) {
    const uint8_t* const ip = frame.ip();
    const bool is_ipv4 = ip[0] >> 4 == 4;
    const uint32_t ip_length = is_ipv4 ? number_at(ip + 2, 2) : 40 + number_at(ip + 4, 2);
    if (frame.l3_offset + ip_length > frame.length_bytes) {
        return "the IP packet is longer than the frame";
    }
    if (is_ipv4 && sum_of({ip, frame.l4()}) != 0xffff) {
        return "IP header checksum";
    }
    if (frame.l4_offset + frame.tcp_header_bytes() > frame.l3_offset + ip_length) {
        return "the TCP header is longer than the IP packet";
    }
    return sum_of(with_pseudo_header(frame)) == 0xffff ? "" : "TCP checksum";
}

std::string_view payload_of(const dataplane::FrameBytes& frame) {
    const uint8_t* const ip = frame.ip();
    const uint32_t ip_length = ip[0] >> 4 == 4 ? number_at(ip + 2, 2) : 40 + number_at(ip + 4, 2);
    const uint8_t* const begin = frame.l4() + (frame.l4()[12] >> 4) * 4;
    return {reinterpret_cast<const char*>(begin), static_cast<size_t>(ip + ip_length - begin)};
}

}  // namespace director::test
