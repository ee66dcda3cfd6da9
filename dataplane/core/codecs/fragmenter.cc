#include "dataplane/core/codecs/fragmenter.h"

#include <algorithm>
#include <cstring>

#include "common/checksum.h"
#include "dataplane/core/codecs/ip_write.h"
#include "dataplane/core/codecs/ipv6_headers.h"
#include "dataplane/core/codecs/wire.h"

namespace director::dataplane {
namespace {

constexpr uint32_t kUnitBytes = 8;  // of offsets
constexpr uint32_t kIpv6FragmentedBytes = wire::kIpv6HeaderBytes + kIpv6FragmentHeaderBytes;

// IPv6's fragment header (RFC 8200 section 4.5).
constexpr uint32_t kFragmentOffsetField = 2;
constexpr uint32_t kFragmentIdField = 4;
constexpr uint16_t kIpv6OffsetMask = 0xfff8;
constexpr uint16_t kIpv6MoreFragments = 1;

// RFC 791 section 3.1.
constexpr uint8_t kEndOfOptions = 0;
constexpr uint8_t kNoOperation = 1;
constexpr uint8_t kCopiedFlag = 0x80;

// Of the options in `from`, those that every fragment has, filled up to whole words; answers how
// many bytes. Options end where one makes no sense.
uint32_t copy_options(const uint8_t* from, uint32_t bytes, uint8_t* to) {
    uint32_t copied = 0;
    uint32_t at = 0;
    while (at < bytes && from[at] != kEndOfOptions) {
        const bool has_length = from[at] != kNoOperation;
        const uint32_t length = !has_length ? 1U : at + 1 < bytes ? from[at + 1] : 0U;
        if (length < (has_length ? 2U : 1U) || at + length > bytes) {
            break;
        }
        if ((from[at] & kCopiedFlag) != 0) {
            std::memcpy(to + copied, from + at, length);
            copied += length;
        }
        at += length;
    }
    while (copied % 4 != 0) {
        to[copied++] = kEndOfOptions;
    }
    return copied;
}

}  // namespace

std::optional<Fragmenter> Fragmenter::plan(const uint8_t* ip,
                                           uint32_t ip_length,
                                           uint32_t mtu,
                                           uint32_t id) {
    Fragmenter made;
    made.ip_ = ip;
    made.is_ipv4_ = ip[0] >> 4 == 4;
    uint32_t header_bytes_out = kIpv6FragmentedBytes;
    if (made.is_ipv4_) {
        const uint16_t field = wire::load16(ip + wire::kIpv4Fragment);
        made.header_bytes_ = ip[0] % 16U * 4;
        made.first_offset_ = (field & wire::kIpv4OffsetMask) * kUnitBytes;
        made.is_followed_ = (field & wire::kIpv4MoreFragments) != 0;
        header_bytes_out = made.header_bytes_;
    } else if (ip[wire::kIpv6NextHeader] == kIpv6Fragment && ip_length >= kIpv6FragmentedBytes) {
        const uint8_t* const header = ip + wire::kIpv6HeaderBytes;
        const uint16_t field = wire::load16(header + kFragmentOffsetField);
        made.header_bytes_ = kIpv6FragmentedBytes;
        made.first_offset_ = field & kIpv6OffsetMask;
        made.is_followed_ = (field & kIpv6MoreFragments) != 0;
        made.protocol_ = header[0];
        made.id_ = wire::load32(header + kFragmentIdField);
    } else {
        made.header_bytes_ = wire::kIpv6HeaderBytes;
        made.protocol_ = ip[wire::kIpv6NextHeader];
        made.id_ = id;
    }
    if (mtu < header_bytes_out + kUnitBytes || ip_length <= made.header_bytes_) {
        return std::nullopt;
    }
    made.data_bytes_ = ip_length - made.header_bytes_;
    made.piece_bytes_ = (mtu - header_bytes_out) / kUnitBytes * kUnitBytes;
    const bool has_whole_units = !made.is_followed_ || made.data_bytes_ % kUnitBytes == 0;
    if (!has_whole_units || made.first_offset_ + made.data_bytes_ > wire::kIpLengthMax) {
        return std::nullopt;
    }
    return made;
}

Fragmenter::Piece Fragmenter::piece(uint32_t number) const {
    const uint32_t begin = number * piece_bytes_;
    return {header_bytes_ + begin, std::min(piece_bytes_, data_bytes_ - begin)};
}

uint32_t Fragmenter::write_header(uint32_t number, uint8_t* to) const {
    return is_ipv4_ ? write_ipv4_header(number, to) : write_ipv6_header(number, to);
}

uint32_t Fragmenter::write_ipv4_header(uint32_t number, uint8_t* to) const {
    uint32_t bytes = header_bytes_;
    std::memcpy(to, ip_, wire::kIpv4HeaderBytes);
    const uint8_t* const options = ip_ + wire::kIpv4HeaderBytes;
    const uint32_t option_bytes = header_bytes_ - wire::kIpv4HeaderBytes;
    if (offset_of(number) == 0) {
        std::memcpy(to + wire::kIpv4HeaderBytes, options, option_bytes);
    } else {
        bytes = wire::kIpv4HeaderBytes +
                copy_options(options, option_bytes, to + wire::kIpv4HeaderBytes);
    }
    const uint32_t more = has_more(number) ? wire::kIpv4MoreFragments : 0U;
    to[0] = static_cast<uint8_t>(4U << 4 | bytes / 4);
    wire::store16(to + wire::kIpv4Length, bytes + piece(number).bytes);
    wire::store16(to + wire::kIpv4Fragment, more | offset_of(number) / kUnitBytes);
    wire::store16(to + wire::kIpv4Checksum, 0);
    store_checksum(to + wire::kIpv4Checksum, checksum_add(0, to, bytes));
    return bytes;
}

uint32_t Fragmenter::write_ipv6_header(uint32_t number, uint8_t* to) const {
    std::memcpy(to, ip_, wire::kIpv6HeaderBytes);
    wire::store16(to + wire::kIpv6PayloadLength, kIpv6FragmentHeaderBytes + piece(number).bytes);
    to[wire::kIpv6NextHeader] = kIpv6Fragment;
    uint8_t* const header = to + wire::kIpv6HeaderBytes;
    header[0] = protocol_;
    header[1] = 0;  // reserved
    const uint32_t more = has_more(number) ? kIpv6MoreFragments : 0U;
    wire::store16(header + kFragmentOffsetField, offset_of(number) | more);
    wire::store32(header + kFragmentIdField, id_);
    return kIpv6FragmentedBytes;
}

}  // namespace director::dataplane
