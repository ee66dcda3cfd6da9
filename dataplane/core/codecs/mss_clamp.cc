#include "dataplane/core/codecs/mss_clamp.h"

#include <algorithm>

#include "common/checksum.h"
#include "dataplane/core/codecs/wire.h"

namespace director::dataplane {
namespace {

constexpr uint32_t kTcpHeaderBytes = 20;
constexpr uint32_t kChecksum = 16;
constexpr uint8_t kSyn = 0x02;
constexpr uint8_t kEndOfOptions = 0;
constexpr uint8_t kNoOperation = 1;
constexpr uint8_t kMss = 2;
constexpr uint32_t kMssBytes = 4;

// What a checksum's complement gains when the byte at `offset` of the header changes.
[[nodiscard]] uint32_t byte_delta(uint32_t offset, uint8_t before, uint8_t after) {
    const uint32_t shift = offset % 2 * 8;  // in memory order, the second byte is the higher one
    return checksum_delta(uint64_t{before} << shift, uint64_t{after} << shift);
}

// Options may lie at odd offsets, so the two bytes of the value may be of different words.
void store_mss(uint8_t* tcp, uint32_t offset, uint16_t mss) {
    const uint8_t bytes[2] = {static_cast<uint8_t>(mss >> 8), static_cast<uint8_t>(mss)};
    uint32_t delta = 0;
    for (uint32_t i = 0; i < 2; ++i) {
        delta += byte_delta(offset + i, tcp[offset + i], bytes[i]);
        tcp[offset + i] = bytes[i];
    }
    uint16_t checksum = 0;
    std::memcpy(&checksum, tcp + kChecksum, 2);
    checksum = checksum_apply(checksum, delta);
    std::memcpy(tcp + kChecksum, &checksum, 2);
}

}  // namespace

MssClamp clamp_mss(uint8_t* tcp, uint32_t available_bytes, uint16_t mss) {
    if ((tcp[13] & kSyn) == 0) {
        return MssClamp::kNotSyn;
    }
    const uint32_t end = std::min(uint32_t{tcp[12]} >> 4 << 2, available_bytes);
    // At most 40 bytes, and every round takes one.
    for (uint32_t at = kTcpHeaderBytes; at < end;) {
        const uint8_t kind = tcp[at];
        if (kind == kEndOfOptions) {
            break;
        }
        if (kind == kNoOperation) {
            ++at;
            continue;
        }
        const uint32_t length = at + 1 < end ? tcp[at + 1] : 0;
        if (length < 2 || at + length > end || (kind == kMss && length != kMssBytes)) {
            return MssClamp::kBadOptions;
        }
        if (kind == kMss) {
            if (wire::load16(tcp + at + 2) <= mss) {
                return MssClamp::kLowEnough;
            }
            store_mss(tcp, at + 2, mss);
            return MssClamp::kLowered;
        }
        at += length;
    }
    return MssClamp::kNoOption;
}

}  // namespace director::dataplane
