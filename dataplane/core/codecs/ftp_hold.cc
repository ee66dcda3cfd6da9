#include "dataplane/core/codecs/ftp_hold.h"

#include <algorithm>
#include <cstring>

#include "dataplane/core/codecs/wire.h"

namespace director::dataplane {
namespace {

// A window that everyone can fill a line into, scaled or not.
constexpr uint16_t kWindowWhileHeld = 512;

// Takes the last bytes of the payload away: for their sender, they are not yet acknowledged.
void cut_payload(FrameBytes& frame, uint32_t bytes) {
    const uint64_t sum = tcp_segment_sum(frame);
    const uint32_t ip_length = frame.ip_length() - bytes;
    const uint32_t end = frame.l3_offset + ip_length;
    set_ip_length(frame, ip_length);
    update_tcp_checksum(frame, sum);
    frame.tailroom_bytes += frame.length_bytes - end;
    frame.length_bytes = end;
}

}  // namespace

bool replace_payload(FrameBytes& frame,
                     uint32_t offset,
                     uint32_t old_bytes,
                     std::string_view text) {
    const auto new_bytes = static_cast<uint32_t>(text.size());
    const uint64_t sum = tcp_segment_sum(frame);
    const uint32_t ip_length = frame.ip_length();
    if (new_bytes > old_bytes) {
        const uint32_t growth = new_bytes - old_bytes;
        if (ip_length + growth > wire::kIpLengthMax ||
            make_room(frame, offset, growth) == nullptr) {
            return false;
        }
    } else if (new_bytes < old_bytes) {
        take_room(frame, offset, old_bytes - new_bytes);
    }
    // What was before `offset` has moved, so `offset` counts from the new beginning.
    std::memcpy(frame.data + offset, text.data(), new_bytes);
    set_ip_length(frame, ip_length + new_bytes - old_bytes);
    update_tcp_checksum(frame, sum);
    return true;
}

bool is_held(const FtpHeld& held, uint32_t sequence, size_t bytes) {
    return held.length > 0 && bytes > 0 && bytes <= held.length && sequence + bytes == held.end;
}

bool follows_held(const FtpHeld& held, uint32_t sequence, size_t bytes) {
    const uint32_t overlap = held.end - sequence;
    return held.length > 0 && overlap < held.length && bytes > overlap;
}

bool add_held(const FtpHeld& held, uint32_t sequence, FrameBytes& frame) {
    const uint32_t missing = held.length - (held.end - sequence);
    const auto offset = static_cast<uint32_t>(frame.tcp_payload().data() - frame.data);
    if (!replace_payload(frame, offset, 0, {held.text.data(), missing})) {
        return false;
    }
    const uint64_t sum = tcp_segment_sum(frame);
    wire::store32(frame.l4() + kTcpSequence, sequence - missing);
    update_tcp_checksum(frame, sum);
    return true;
}

bool turn_into_answer(FrameBytes& frame) {
    const uint8_t* const tcp = frame.l4();
    const TcpOptions options = tcp_options_of(frame);
    TcpSegment answer;
    answer.source = frame.destination();
    answer.destination = frame.source();
    answer.sequence = wire::load32(tcp + kTcpAcknowledgement);
    answer.acknowledgement =
        wire::load32(tcp + kTcpSequence) + static_cast<uint32_t>(frame.tcp_payload().size());
    answer.flags = kTcpFlagAck;
    answer.window = kWindowWhileHeld;
    answer.options.has_timestamps = options.has_timestamps;
    answer.options.timestamp = options.timestamp_echo;
    answer.options.timestamp_echo = options.timestamp;
    if (!compose_tcp(frame, answer)) {
        return false;
    }
    swap_mac_addresses(frame);
    return true;
}

FtpAction hold(FtpLine& line, FtpHeld& held, FrameBytes& frame) {
    const auto payload_bytes = static_cast<uint32_t>(frame.tcp_payload().size());
    const uint32_t end = wire::load32(frame.l4() + kTcpSequence) + payload_bytes;
    const uint32_t held_bytes = line.length;
    const bool is_ending = (frame.l4()[kTcpFlagsByte] & (kTcpFlagFin | kTcpFlagRst)) != 0;
    if (is_ending || line.next_sequence != end || held_bytes > payload_bytes) {
        return FtpAction::kForward;
    }
    if (held_bytes < payload_bytes) {
        cut_payload(frame, held_bytes);
    } else if (turn_into_answer(frame)) {
        std::copy_n(line.text.begin(), held_bytes, held.text.begin());
        held.length = static_cast<uint8_t>(held_bytes);
        held.end = end;
    } else {
        return FtpAction::kForward;
    }
    line.next_sequence -= held_bytes;
    line.length = 0;
    return held_bytes < payload_bytes ? FtpAction::kForward : FtpAction::kAnswer;
}

}  // namespace director::dataplane
