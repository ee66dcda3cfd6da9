#include "diagnostics/packet/tcp_options.h"

namespace director::diagnostics {
namespace {

// IANA "TCP option kind numbers".
constexpr uint8_t kEnd = 0;
constexpr uint8_t kNop = 1;
constexpr uint8_t kMss = 2;
constexpr uint8_t kWindowScale = 3;
constexpr uint8_t kSackPermitted = 4;
constexpr uint8_t kSack = 5;
constexpr uint8_t kTimestamps = 8;
constexpr uint8_t kMptcp = 30;
// Kinds above have one bit in `options_seen` together.
constexpr uint8_t kLastWithBit = 30;

// Two NOPs and timestamps: what nearly every segment of nearly every connection has.
constexpr uint32_t kOnlyTimestamps = 0x0101080a;
constexpr uint32_t kOnlyTimestampsBytes = 12;

// MPTCP subtypes (RFC 8684 section 3, table 3).
constexpr uint8_t kMpCapable = 0;
constexpr uint8_t kMpJoin = 1;
constexpr uint8_t kMpDss = 2;
constexpr uint8_t kMpAddAddress = 3;
constexpr uint8_t kMpRemoveAddress = 4;
constexpr uint8_t kMpPriority = 5;
constexpr uint8_t kMpTcpReset = 8;

// A JOIN on the third packet of a handshake has a digest alone, behind reserved bits that some
// senders set (RFC 8684 figure 7).
constexpr uint32_t kMpJoinDigestBytes = 24;

[[nodiscard]] constexpr uint32_t bit_of(uint8_t kind) {
    return 1U << (kind > kLastWithBit ? 31 : kind);
}

void note(uint8_t kind, TcpHeader& tcp) {
    constexpr uint32_t kAsThemselves = bit_of(kNop) | bit_of(kMss) | bit_of(kWindowScale) |
                                       bit_of(kSackPermitted) | bit_of(kTimestamps);
    const bool is_itself = (bit_of(kind) & kAsThemselves) != 0;
    const uint64_t place = is_itself      ? kind
                           : kind == kEnd ? TcpHeader::kOrderEnd
                                          : TcpHeader::kOrderOther;
    tcp.option_order = tcp.option_order << 4 | place;
    tcp.options_seen |= bit_of(kind);
    ++tcp.option_count;
}

void read_mptcp(Slice option, TcpHeader& tcp) {
    if (tcp.mptcp_count == tcp.mptcp.size()) {
        return;
    }
    MptcpOption& mptcp = tcp.mptcp[tcp.mptcp_count++];
    const uint8_t low = option.byte(2) & 0x0f;
    const uint8_t next = option.kept > 3 ? option.byte(3) : uint8_t{0};
    mptcp.subtype = option.byte(2) >> 4;
    switch (mptcp.subtype) {
        case kMpCapable:
            mptcp.version = low;
            mptcp.flags = next;
            break;
        case kMpJoin:
            if (option.kept != kMpJoinDigestBytes) {
                mptcp.flags = low;
                mptcp.address_id = next;
            }
            break;
        case kMpDss:
            mptcp.flags = next & 0x1f;
            break;
        case kMpAddAddress:  // version 0: the IP version; 1: the echo bit
        case kMpRemoveAddress:
        case kMpPriority:
            mptcp.flags = low;
            mptcp.address_id = next;
            break;
        case kMpTcpReset:
            mptcp.flags = low;
            break;
        default:
            break;
    }
}

[[nodiscard]] bool read_sack(Slice option, TcpHeader& tcp) {
    const uint32_t blocks = (option.kept - 2) / 8;
    for (uint32_t i = 0; i < blocks && tcp.sack_count < tcp.sack.size(); ++i) {
        tcp.sack[tcp.sack_count++] = {option.be32(2 + 8 * i), option.be32(6 + 8 * i)};
    }
    return blocks > 0 && (option.kept - 2) % 8 == 0;
}

// Of an option that lies within the header. False: its length is not one the kind has.
[[nodiscard]] bool read_option(uint8_t kind, Slice option, TcpHeader& tcp) {
    switch (kind) {
        case kMss:
            if (option.kept == 4) {
                tcp.mss = option.be16(2);
            }
            return option.kept == 4;
        case kWindowScale:
            if (option.kept == 3) {
                tcp.window_shift = option.byte(2);
                tcp.has_window_shift = true;
            }
            return option.kept == 3;
        case kSackPermitted:
            return option.kept == 2;
        case kSack:
            return read_sack(option, tcp);
        case kTimestamps:
            if (option.kept == 10) {
                tcp.has_timestamps = true;
                tcp.timestamp = option.be32(2);
                tcp.timestamp_echo = option.be32(6);
            }
            return option.kept == 10;
        case kMptcp:
            if (option.kept >= 3) {
                read_mptcp(option, tcp);
            }
            return option.kept >= 3;
        default:
            return true;
    }
}

}  // namespace

uint16_t decode_tcp_options(Slice options, TcpHeader& tcp) {
    tcp.options = options.span();
    if (options.kept == kOnlyTimestampsBytes && options.be32(0) == kOnlyTimestamps) {
        tcp.options_seen = bit_of(kNop) | bit_of(kTimestamps);
        tcp.option_count = 3;
        tcp.option_order = 0x118;
        tcp.has_timestamps = true;
        tcp.timestamp = options.be32(4);
        tcp.timestamp_echo = options.be32(8);
        return 0;
    }
    uint16_t faults = options.is_cut() ? kFaultCut : 0;
    uint32_t at = 0;
    while (at < options.kept) {
        const uint8_t kind = options.byte(at);
        if (kind == kEnd || kind == kNop) {
            note(kind, tcp);
            ++at;
            if (kind == kEnd) {
                break;
            }
            continue;
        }
        const uint8_t length = at + 1 < options.kept ? options.byte(at + 1) : uint8_t{0};
        if (length < 2 || at + length > options.kept) {
            const bool is_cut_short = options.is_cut() && (length == 0 || length >= 2);
            return faults | (is_cut_short ? kFaultCut : kFaultTcpOptions);
        }
        note(kind, tcp);
        if (!read_option(kind, options.behind(at).first(length), tcp)) {
            faults |= kFaultTcpOptions;
        }
        at += length;
    }
    return faults;
}

}  // namespace director::diagnostics
