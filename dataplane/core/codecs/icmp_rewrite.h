// What translating and converting ICMP errors have in common: bookkeeping of changed words, and the
// quoted transport header. For icmp_translate.cc and icmp_convert.cc.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/checksum.h"
#include "dataplane/core/codecs/icmp_translate.h"

namespace director::dataplane {

// The 16-bit words that writes take away and bring, for any checksum that covers them.
struct Change {
    uint64_t before = 0;
    uint64_t after = 0;

    void write(uint8_t* at, const void* value, size_t length) {
        before = checksum_add(before, at, length);
        std::memcpy(at, value, length);
        after = checksum_add(after, at, length);
    }
    void write_address(uint8_t* at, const IpAddress& address, bool is_v6) {
        write(at, address.bytes.data() + (is_v6 ? 0 : 12), is_v6 ? 16 : 4);
    }
    [[nodiscard]] Change operator+(const Change& other) const {
        return {before + other.before, after + other.after};
    }
    // Equal sums leave a checksum as it is, 0xffff included (which arithmetic would make 0).
    [[nodiscard]] uint16_t apply(uint16_t checksum) const {
        return checksum_fold(before) == checksum_fold(after)
                   ? checksum
                   : checksum_apply(checksum, checksum_delta(before, after));
    }
};

// The quoted transport packet: where its header is, how many bytes of it are there, and how many it
// had (0: unknown).
struct QuotedTransport {
    uint8_t* l4;
    uint32_t bytes;
    uint32_t length;
    uint8_t protocol;
};

// How long the quoted transport packet was by its IP header at `quote`; 0 for a fragment.
[[nodiscard]] uint32_t quoted_l4_length(const uint8_t* quote, const QuotedPacket& quoted);

// Sets both ports, and the checksum if it is among the bytes there. `addresses` is what a pseudo
// header sees. Answers what an ICMP checksum sees of all this.
Change rewrite_transport(const QuotedTransport& transport,
                         const ErrorTranslation& ends,
                         const Change& addresses);

}  // namespace director::dataplane
