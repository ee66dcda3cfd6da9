// A UDP payload -> a real server's number, compared with a reading that walks byte by byte. The
// first two bytes of an input are the number's place and length.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "common/assert.h"
#include "dataplane/core/codecs/quic.h"

namespace {

// RFC 8999, as slowly as it reads.
std::optional<uint64_t> number_in(std::span<const uint8_t> payload, size_t offset, size_t bytes) {
    if (payload.empty() || bytes < 1 || bytes > 8) {
        return std::nullopt;
    }
    size_t begin = 1;
    size_t end = payload.size();
    if (payload[0] >= 128) {
        if (payload.size() < 6) {
            return std::nullopt;
        }
        begin = 6;
        end = begin + payload[5];
    }
    if (end > payload.size() || (payload[0] >= 128 && end - begin > 20)) {
        return std::nullopt;
    }
    end = end > begin + 20 ? begin + 20 : end;
    uint64_t number = 0;
    for (size_t i = begin + offset; i < begin + offset + bytes; ++i) {
        if (i >= end) {
            return std::nullopt;
        }
        number = number * 256 + payload[i];
    }
    return number;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2) {
        return 0;
    }
    const std::span<const uint8_t> payload(data + 2, size - 2);
    DIRECTOR_ASSERT(director::dataplane::quic_server_id(payload, data[0], data[1]) ==
                    number_in(payload, data[0], data[1]));
    return 0;
}
