#include "dataplane/core/codecs/quic.h"

#include <algorithm>

namespace director::dataplane {
namespace {

// RFC 8999 section 5.1: one byte, the version, the length of the id, the id.
constexpr uint8_t kLongHeader = 0x80;
constexpr size_t kIdLengthOffset = 5;

}  // namespace

bool is_quic_long_header(std::span<const uint8_t> payload) {
    return !payload.empty() && (payload[0] & kLongHeader) != 0;
}

std::optional<std::span<const uint8_t>> quic_destination_id(std::span<const uint8_t> payload) {
    if (payload.empty()) {
        return std::nullopt;
    }
    if (!is_quic_long_header(payload)) {
        return payload.subspan(1, std::min<size_t>(payload.size() - 1, kQuicIdBytesMax));
    }
    if (payload.size() <= kIdLengthOffset) {
        return std::nullopt;
    }
    const size_t length = payload[kIdLengthOffset];
    if (length > kQuicIdBytesMax || payload.size() - kIdLengthOffset - 1 < length) {
        return std::nullopt;
    }
    return payload.subspan(kIdLengthOffset + 1, length);
}

std::optional<uint64_t> quic_server_id(std::span<const uint8_t> payload,
                                       uint8_t offset,
                                       uint8_t bytes) {
    const auto id = quic_destination_id(payload);
    if (!id || bytes == 0 || bytes > kQuicServerIdBytesMax || id->size() < size_t{offset} + bytes) {
        return std::nullopt;
    }
    uint64_t number = 0;
    for (const uint8_t byte : id->subspan(offset, bytes)) {
        number = number << 8 | byte;
    }
    return number;
}

}  // namespace director::dataplane
