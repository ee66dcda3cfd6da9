#include "dataplane/core/codecs/seq_adjust.h"

#include <algorithm>
#include <cstring>

#include "common/checksum.h"
#include "dataplane/core/codecs/wire.h"

namespace director::dataplane {
namespace {

constexpr uint8_t kOptionEnd = 0;
constexpr uint8_t kOptionNone = 1;
constexpr uint8_t kOptionSack = 5;
constexpr uint8_t kOptionTimestamps = 8;

[[nodiscard]] bool is_after(uint32_t a, uint32_t b) {
    return static_cast<int32_t>(a - b) > 0;
}

[[nodiscard]] uint32_t shifted_sequence(const SeqAdjust& sender, uint32_t sequence) {
    const int32_t shift =
        is_after(sequence, sender.init_sequence) ? sender.delta : sender.previous_delta;
    return sequence + static_cast<uint32_t>(shift);
}

// `acknowledgement` is in the numbers that the sender's peer was shown. IPVS compares with where
// the resized packet would begin by the new shift; by the old one, under which it was shown, an
// acknowledgement of all before a packet that shrank is not taken for one of the packet itself.
[[nodiscard]] uint32_t unshifted_acknowledgement(const SeqAdjust& sender,
                                                 uint32_t acknowledgement) {
    const uint32_t before = acknowledgement - static_cast<uint32_t>(sender.previous_delta);
    if (!is_after(before, sender.init_sequence)) {
        return before;
    }
    const uint32_t after = acknowledgement - static_cast<uint32_t>(sender.delta);
    return is_after(sender.init_sequence, after) ? sender.init_sequence : after;
}

// What was sent so long before is acknowledged: it makes no difference any more.
void forget_old_resize(SeqAdjust& sender, uint32_t sequence) {
    constexpr uint32_t kFar = 1U << 30;
    if (is_after(sequence, sender.init_sequence + kFar)) {
        sender.init_sequence = sequence - kFar / 2;
        sender.previous_delta = sender.delta;
    }
}

// Changes fields of a header and sums up what that does to its checksum.
class Header {
  public:
    explicit Header(uint8_t* tcp) : tcp_(tcp) {}

    [[nodiscard]] uint32_t load32(uint32_t offset) const { return wire::load32(tcp_ + offset); }
    void store32(uint32_t offset, uint32_t value) {
        // Options begin anywhere: the words of the checksum that the field has a part in.
        const uint32_t begin = offset & ~1U;
        const uint32_t bytes = ((offset + 5) & ~1U) - begin;
        const uint64_t before = checksum_add(0, tcp_ + begin, bytes);
        wire::store32(tcp_ + offset, value);
        delta_ += checksum_delta(before, checksum_add(0, tcp_ + begin, bytes));
    }
    void store16(uint32_t offset, uint32_t value) {
        const uint64_t before = checksum_add(0, tcp_ + offset, 2);
        wire::store16(tcp_ + offset, value);
        delta_ += checksum_delta(before, checksum_add(0, tcp_ + offset, 2));
    }
    void finish() const {
        uint16_t checksum = 0;
        std::memcpy(&checksum, tcp_ + kTcpChecksum, 2);
        checksum = checksum_apply(checksum, checksum_fold32(delta_));
        std::memcpy(tcp_ + kTcpChecksum, &checksum, 2);
    }

  private:
    uint8_t* tcp_;
    uint32_t delta_ = 0;  // at most a dozen deltas of 16 bits
};

// What an option's numbers need: the acknowledged side's shift and the timestamps'.
void adjust_option(Header& header,
                   uint32_t offset,
                   uint32_t length,
                   uint8_t kind,
                   TcpSender sender,
                   const TcpAdjustment& adjustment) {
    if (kind == kOptionSack && length >= 10 && length % 8 == 2) {
        const SeqAdjust& other = adjustment.sent[sender == TcpSender::kClient ? 1 : 0];
        for (uint32_t edge = offset + 2; edge < offset + length && other.is_set; edge += 4) {
            header.store32(edge, unshifted_acknowledgement(other, header.load32(edge)));
        }
    }
    if (kind == kOptionTimestamps && length == 10 && adjustment.timestamp_delta != 0 &&
        !adjustment.awaits_server) {
        const uint32_t value = offset + 2;
        const uint32_t echo = offset + 6;
        if (sender == TcpSender::kServer) {
            header.store32(value, header.load32(value) + adjustment.timestamp_delta);
        } else {
            header.store32(echo, header.load32(echo) - adjustment.timestamp_delta);
        }
    }
}

void adjust_options(Header& header,
                    const uint8_t* tcp,
                    uint32_t header_bytes,
                    TcpSender sender,
                    const TcpAdjustment& adjustment) {
    for (uint32_t at = kTcpHeaderBytes; at < header_bytes && tcp[at] != kOptionEnd;) {
        if (tcp[at] == kOptionNone) {
            ++at;
            continue;
        }
        if (at + 2 > header_bytes || tcp[at + 1] < 2 || at + tcp[at + 1] > header_bytes) {
            return;
        }
        const uint32_t length = tcp[at + 1];
        adjust_option(header, at, length, tcp[at], sender, adjustment);
        at += length;
    }
}

[[nodiscard]] uint16_t shifted_window(uint16_t window, int8_t shift) {
    constexpr uint32_t kWindowMax = 65535;
    const uint32_t shifted = shift >= 0 ? uint32_t{window} << shift : uint32_t{window} >> -shift;
    return static_cast<uint16_t>(std::min(shifted, kWindowMax));
}

}  // namespace

void record_resize(SeqAdjust& sender, uint32_t sequence, int32_t bytes) {
    if (!sender.is_set || is_after(sequence, sender.init_sequence)) {
        sender.previous_delta = sender.delta;
        sender.delta += bytes;
        sender.init_sequence = sequence;
        sender.is_set = true;
    }
}

uint32_t sequence_before(const SeqAdjust& sender, uint32_t shown) {
    return sender.is_set ? unshifted_acknowledgement(sender, shown) : shown;
}

uint32_t sequence_after(const SeqAdjust& sender, uint32_t sequence) {
    return sender.is_set ? shifted_sequence(sender, sequence) : sequence;
}

void adjust_tcp(uint8_t* tcp, uint32_t header_bytes, TcpSender sender, TcpAdjustment& adjustment) {
    Header header(tcp);
    SeqAdjust& own = adjustment.sent[static_cast<size_t>(sender)];
    const SeqAdjust& other = adjustment.sent[sender == TcpSender::kClient ? 1 : 0];
    const uint8_t flags = tcp[kTcpFlagsByte];
    if (own.is_set) {
        const uint32_t sequence = header.load32(kTcpSequence);
        header.store32(kTcpSequence, shifted_sequence(own, sequence));
        forget_old_resize(own, sequence);
    }
    if (other.is_set && (flags & kTcpFlagAck) != 0) {
        header.store32(kTcpAcknowledgement,
                       unshifted_acknowledgement(other, header.load32(kTcpAcknowledgement)));
    }
    // RFC 7323 section 2.2: the window of a SYN is never scaled.
    if (sender == TcpSender::kServer && adjustment.window_shift != 0 &&
        (flags & kTcpFlagSyn) == 0) {
        header.store16(kTcpWindow,
                       shifted_window(wire::load16(tcp + kTcpWindow), adjustment.window_shift));
    }
    adjust_options(header, tcp, header_bytes, sender, adjustment);
    header.finish();
}

}  // namespace director::dataplane
