#include "healthcheck/codecs/ping_message.h"

#include <algorithm>
#include <cstddef>

#include "common/checksum.h"

namespace director::healthcheck {
namespace {

constexpr size_t kHeaderBytes = 8;

// RFC 792; RFC 4443 sections 4.1 and 4.2.
constexpr uint8_t request_type(Family family) {
    return family == Family::kIpv4 ? 8 : 128;
}
constexpr uint8_t reply_type(Family family) {
    return family == Family::kIpv4 ? 0 : 129;
}

void store16(std::vector<uint8_t>& bytes, size_t place, uint16_t value) {
    bytes[place] = static_cast<uint8_t>(value >> 8);
    bytes[place + 1] = static_cast<uint8_t>(value);
}

uint8_t payload_byte(uint64_t token, size_t place) {
    return static_cast<uint8_t>((token >> (place % 8) * 8) + place / 8);
}

}  // namespace

std::vector<uint8_t> make_echo_request(Family family, const PingNumber& number) {
    std::vector<uint8_t> bytes(kHeaderBytes + kPingPayloadBytes);
    bytes[0] = request_type(family);
    store16(bytes, 4, number.id);
    store16(bytes, 6, number.sequence);
    for (size_t i = 0; i < kPingPayloadBytes; ++i) {
        bytes[kHeaderBytes + i] = payload_byte(number.token, i);
    }
    const uint16_t sum = checksum_fold(checksum_add(0, bytes.data(), bytes.size()));
    const auto checksum = static_cast<uint16_t>(~sum);  // as it lies in memory
    bytes[2] = static_cast<uint8_t>(checksum);
    bytes[3] = static_cast<uint8_t>(checksum >> 8);
    return bytes;
}

bool is_echo_reply(Family family,
                   std::span<const uint8_t> message,
                   const PingNumber& number,
                   IdCheck id_check) {
    if (message.size() != kHeaderBytes + kPingPayloadBytes || message[0] != reply_type(family) ||
        message[1] != 0) {
        return false;
    }
    const std::vector<uint8_t> request = make_echo_request(family, number);
    const ptrdiff_t first = id_check == IdCheck::kOurs ? 4 : 6;
    return std::equal(message.begin() + first, message.end(), request.begin() + first);
}

std::span<const uint8_t> skip_ipv4_header(std::span<const uint8_t> packet) {
    if (packet.empty() || packet[0] >> 4 != 4) {
        return {};
    }
    const size_t header = size_t{packet[0] & 0x0fU} * 4;
    return header >= 20 && header <= packet.size() ? packet.subspan(header)
                                                   : std::span<const uint8_t>();
}

}  // namespace director::healthcheck
