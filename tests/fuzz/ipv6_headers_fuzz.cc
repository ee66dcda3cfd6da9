// The walk over IPv6 extension headers, against one that is as plain as RFC 8200's text. Input: two
// bytes of packet length beyond 40, then the packet as far as it is at hand.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/assert.h"
#include "dataplane/core/codecs/ipv6_headers.h"

using director::dataplane::Ipv6Fault;
using director::dataplane::Ipv6Walk;

namespace {

struct Plain {
    Ipv6Fault fault = Ipv6Fault::kNone;
    size_t at = 40;
    int next = 0;
    int fragment_headers = 0;
    unsigned offset = 0;
    bool more = false;
};

Plain walk_plainly(const std::vector<uint8_t>& bytes, size_t length) {
    Plain plain;
    if (bytes.size() < 40) {
        plain.fault = Ipv6Fault::kNotAvailable;
        return plain;
    }
    plain.next = bytes[6];
    for (int headers = 0;; ++headers) {
        const int kind = plain.next;
        const bool is_known = kind == 0 || kind == 43 || kind == 44 || kind == 51 || kind == 60;
        if (!is_known || plain.offset != 0) {
            return plain;
        }
        size_t size = 8;
        if (headers == 8) {
            plain.fault = Ipv6Fault::kTooManyHeaders;
            return plain;
        }
        for (int round = 0; round < 2; ++round) {  // first its length field, then all of it
            if (plain.at + size > length || plain.at + size > bytes.size()) {
                plain.fault =
                    plain.at + size > length ? Ipv6Fault::kBeyondPacket : Ipv6Fault::kNotAvailable;
                return plain;
            }
            const size_t units = bytes[plain.at + 1];
            size = kind == 44 ? 8 : kind == 51 ? 4 * (units + 2) : 8 * (units + 1);
        }
        const uint8_t* const header = bytes.data() + plain.at;
        if (kind == 0 && headers != 0) {
            plain.fault = Ipv6Fault::kLateHopByHop;
        } else if (kind == 43 && header[2] == 0 && header[3] > 0) {
            plain.fault = Ipv6Fault::kSourceRoute;
        } else if (kind == 44 && plain.fragment_headers++ > 0) {
            plain.fault = Ipv6Fault::kRepeatedFragment;
        } else if (kind == 44) {
            plain.offset = (header[2] * 256U + header[3]) / 8 * 8;
            plain.more = header[3] % 2 == 1;
            const size_t data = length - plain.at - 8;
            if ((plain.more && data % 8 != 0) || plain.at - 40 + plain.offset + data > 65535) {
                plain.fault = Ipv6Fault::kBadFragment;
            }
        }
        if (plain.fault != Ipv6Fault::kNone) {
            return plain;
        }
        plain.next = header[0];
        plain.at += size;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2) {
        return 0;
    }
    const uint32_t length = 40U + data[0] * 256U + data[1];
    const std::vector<uint8_t> packet(data + 2, data + size);  // its end is a block's end
    const Ipv6Walk walk =
        director::dataplane::walk_ipv6(packet.data(), static_cast<uint32_t>(size - 2), length);
    const Plain plain = walk_plainly(packet, length);
    DIRECTOR_ASSERT(walk.fault == plain.fault);
    DIRECTOR_ASSERT(walk.is_good == (plain.fault == Ipv6Fault::kNone));
    if (walk.is_good) {
        DIRECTOR_ASSERT(walk.l4_offset == plain.at && walk.protocol == plain.next);
        DIRECTOR_ASSERT(packet[walk.next_header_at] == plain.next);
        DIRECTOR_ASSERT(walk.fragment_offset_bytes == plain.offset);
        DIRECTOR_ASSERT(walk.more_fragments == plain.more);
        DIRECTOR_ASSERT(walk.is_fragment == (plain.offset != 0 || plain.more));
        DIRECTOR_ASSERT((walk.fragment_data_offset != 0) == (plain.fragment_headers == 1));
    }
    return 0;
}
