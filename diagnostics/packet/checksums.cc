#include "common/checksum.h"
#include "common/crc32c.h"
#include "diagnostics/packet/transport_layer.h"

namespace director::diagnostics {
namespace {

[[nodiscard]] uint16_t complement(uint16_t value) {
    return static_cast<uint16_t>(~static_cast<unsigned>(value));
}

// 0 and 0xffff are the same number in one's complement, and senders write either.
[[nodiscard]] bool is_same_sum(uint16_t a, uint16_t b) {
    return a == b || (a == 0 && b == 0xffff) || (a == 0xffff && b == 0);
}

// A checksum that a NIC was to finish holds the pseudo header's sum, not complemented: with the
// length (Linux, BSD) or, of a super-frame, without (Windows, and Linux's own drivers).
[[nodiscard]] bool is_offloaded(const ChecksumInput& input, uint16_t found_raw) {
    if (input.addresses == nullptr) {
        return found_raw == 0;
    }
    const auto partial = [&input](uint32_t length) {
        return checksum_fold(pseudo_header_sum(*input.addresses, input.protocol, length));
    };
    return is_same_sum(found_raw, partial(input.pseudo_length)) ||
           is_same_sum(found_raw, partial(0));
}

}  // namespace

uint64_t pseudo_header_sum(const PseudoAddresses& addresses, uint8_t protocol, uint32_t length) {
    uint64_t sum = checksum_add(0, addresses.source, addresses.bytes_each);
    sum = checksum_add(sum, addresses.destination, addresses.bytes_each);
    return sum + (uint64_t{protocol} << 8) + __builtin_bswap32(length);
}

Checksum judge_checksum(uint64_t sum, const ChecksumInput& input, uint16_t found) {
    const uint16_t found_raw = __builtin_bswap16(found);
    // The bytes hold the field itself, which its complement takes out again.
    sum += complement(found_raw);
    if (input.addresses != nullptr) {
        sum += pseudo_header_sum(*input.addresses, input.protocol, input.pseudo_length);
    }
    const uint16_t computed = complement(checksum_fold(sum));
    Checksum result{found, __builtin_bswap16(computed), ChecksumVerdict::kGood};
    if (!is_same_sum(found_raw, computed)) {
        result.verdict =
            is_offloaded(input, found_raw) ? ChecksumVerdict::kOffloaded : ChecksumVerdict::kBad;
    }
    return result;
}

Checksum verify_checksum(const ChecksumInput& input, uint16_t found) {
    return judge_checksum(checksum_add(0, input.covered.data, input.covered.kept), input, found);
}

uint32_t begin_sctp_crc(Slice bytes) {
    constexpr uint8_t kZero[4] = {};
    uint32_t crc = crc32c_add(0xffffffffU, bytes.data, 8);
    crc = crc32c_add(crc, kZero, sizeof(kZero));
    return crc32c_add(crc, bytes.data + 12, bytes.kept - 12);
}

Checksum judge_sctp(uint32_t crc, uint32_t found) {
    const uint32_t computed = ~crc;
    const ChecksumVerdict verdict = found == computed ? ChecksumVerdict::kGood
                                    : found == 0      ? ChecksumVerdict::kOffloaded
                                                      : ChecksumVerdict::kBad;
    return {found, computed, verdict};
}

Checksum verify_sctp(Slice covered, uint32_t found) {
    return judge_sctp(begin_sctp_crc(covered), found);
}

}  // namespace director::diagnostics
