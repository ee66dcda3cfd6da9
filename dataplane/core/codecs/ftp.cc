#include "dataplane/core/codecs/ftp.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "dataplane/core/codecs/ftp_parse.h"
#include "dataplane/core/codecs/wire.h"

namespace director::dataplane {
namespace {

[[nodiscard]] Endpoint with_port(const Endpoint& endpoint, uint32_t port) {
    return {endpoint.address, Be16::from_host(static_cast<uint16_t>(port))};
}

// A command of the client's. The server connects from the port below its own (RFC 959 section 3.2).
[[nodiscard]] std::optional<FtpExpectation> read_command(FtpControl& control,
                                                         const FtpEnds& ends,
                                                         std::string_view line) {
    using Word = FtpCommand::Word;
    const FtpCommand command = parse_ftp_command(line, ends.client.address);
    if (command.word == Word::kPassive || command.word == Word::kExtendedPassive) {
        control.mode =
            command.word == Word::kPassive ? FtpMode::kPassive : FtpMode::kExtendedPassive;
    }
    if (!command.named || command.named->address != ends.client.address) {
        return std::nullopt;
    }
    control.mode = FtpMode::kActive;
    return FtpExpectation{*command.named,
                          with_port(ends.virtual_service, ends.virtual_service.port.host() - 1U),
                          with_port(ends.real_server, ends.real_server.port.host() - 1U)};
}

[[nodiscard]] std::optional<FtpNamed> read_reply(FtpMode mode,
                                                 const FtpEnds& ends,
                                                 std::string_view line) {
    switch (mode) {
        case FtpMode::kPassive:
            return parse_ftp_passive(line);
        case FtpMode::kExtendedPassive:
            return parse_ftp_extended_passive(line, ends.real_server.address);
        case FtpMode::kActive:
            break;
    }
    return std::nullopt;
}

// Adds what is new of a segment to the line that its side has begun, and calls `on_line` with each
// line that it ends: the text without line end, the sequence number where it began, and whether all
// of it is in this segment. What does not follow on what was seen (lost, sent again) is looked at
// as if a line began with it.
template <typename OnLine>
void for_each_line(FtpLine& line,
                   uint32_t sequence,
                   std::string_view payload,
                   const OnLine& on_line) {
    const auto end_sequence = sequence + static_cast<uint32_t>(payload.size());
    const bool continues = line.is_started && sequence == line.next_sequence;
    const bool is_new =
        !line.is_started || static_cast<int32_t>(end_sequence - line.next_sequence) > 0;
    FtpLine alone;
    FtpLine& current = continues ? line : alone;
    size_t at = 0;
    while (at < payload.size()) {
        const size_t newline = payload.find('\n', at);
        const size_t end = std::min(newline, payload.size());
        const std::string_view piece = payload.substr(at, end - at);
        const bool fits = !current.is_too_long && current.length + piece.size() <= kFtpLineMax;
        if (fits) {
            std::copy(piece.begin(), piece.end(), current.text.begin() + current.length);
            current.length = static_cast<uint8_t>(current.length + piece.size());
        }
        current.is_too_long = !fits;
        if (newline == std::string_view::npos) {
            break;
        }
        if (fits) {
            std::string_view text(current.text.data(), current.length);
            const bool is_whole = text.size() == piece.size();
            while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) {
                text.remove_suffix(1);
            }
            const size_t before = current.length - piece.size();
            on_line(text, sequence + static_cast<uint32_t>(at - before), is_whole);
        }
        current.length = 0;
        current.is_too_long = false;
        at = end + 1;
    }
    if (is_new) {
        current.is_started = true;
        current.next_sequence = end_sequence;
        if (!continues) {
            line = alone;
        }
    }
}

[[nodiscard]] std::string_view text_of(std::span<const uint8_t> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// "a,b,c,d,p,q" of a passive virtual end; "|||port|" of an extended one.
class NamedText {
  public:
    NamedText(FtpMode mode, const Endpoint& end) {
        const uint32_t port = end.port.host();
        if (mode == FtpMode::kExtendedPassive) {
            put("|||");
            put(port);
            put("|");
            return;
        }
        for (size_t i = 12; i < 16; ++i) {
            put(uint32_t{end.address.bytes[i]});
            put(",");
        }
        put(port >> 8);
        put(",");
        put(port & 0xff);
    }
    [[nodiscard]] std::string_view view() const { return {text_.data(), length_}; }

  private:
    void put(std::string_view text) {
        std::copy(text.begin(), text.end(), text_.begin() + static_cast<ptrdiff_t>(length_));
        length_ += text.size();
    }
    void put(uint32_t number) {
        std::array<char, 5> digits{};
        size_t count = 0;
        do {
            digits[count++] = static_cast<char>('0' + number % 10);
            number /= 10;
        } while (number > 0 && count < digits.size());
        std::reverse_copy(digits.begin(),
                          digits.begin() + static_cast<ptrdiff_t>(count),
                          text_.begin() + static_cast<ptrdiff_t>(length_));
        length_ += count;
    }

    std::array<char, 24> text_{};  // six numbers of three digits and five commas
    size_t length_ = 0;
};

// Replaces `old_bytes` at `offset` of the frame.
[[nodiscard]] bool replace_payload(FrameBytes& frame,
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

// A whole line of this segment that is to be rewritten.
struct Rewriting {
    uint32_t offset = 0;  // in the frame
    uint32_t bytes = 0;
    uint32_t sequence = 0;  // where the line begins
};

[[nodiscard]] bool rewrite(FrameBytes& frame,
                           const Rewriting& what,
                           std::string_view text,
                           TcpAdjustment& adjustment) {
    if (!replace_payload(frame, what.offset, what.bytes, text)) {
        return false;
    }
    const auto growth = static_cast<int32_t>(text.size()) - static_cast<int32_t>(what.bytes);
    if (growth != 0) {
        record_resize(
            adjustment.sent[static_cast<size_t>(TcpSender::kServer)], what.sequence, growth);
    }
    return true;
}

// Whether a line may become a reply to PASV.
[[nodiscard]] bool may_become_227(const FtpLine& line) {
    constexpr std::string_view kReply = "227 ";
    const std::string_view text(line.text.data(), std::min<size_t>(line.length, kReply.size()));
    return !line.is_too_long && !text.empty() && kReply.starts_with(text);
}

// A window that every server can fill its line into, scaled or not.
constexpr uint16_t kWindowWhileHeld = 512;

// Turns the server's segment into an acknowledgement of all of it.
[[nodiscard]] bool turn_into_answer(FrameBytes& frame) {
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

// Takes the last bytes of the payload away: for the server, they are not yet acknowledged.
void cut_payload(FrameBytes& frame, uint32_t bytes) {
    const uint64_t sum = tcp_segment_sum(frame);
    const uint32_t ip_length = frame.ip_length() - bytes;
    const uint32_t end = frame.l3_offset + ip_length;
    set_ip_length(frame, ip_length);
    update_tcp_checksum(frame, sum);
    frame.tailroom_bytes += frame.length_bytes - end;
    frame.length_bytes = end;
}

// Whether the segment is, or is the end of, what is held: the acknowledgement was lost.
[[nodiscard]] bool is_held(const FtpControl& control, uint32_t sequence, size_t bytes) {
    return control.held_length > 0 && bytes > 0 && bytes <= control.held_length &&
           sequence + bytes == control.held_end;
}

// Whether the segment goes on where what is held ends, or from within it.
[[nodiscard]] bool follows_held(const FtpControl& control, uint32_t sequence, size_t bytes) {
    const uint32_t overlap = control.held_end - sequence;
    return control.held_length > 0 && overlap < control.held_length && bytes > overlap;
}

// Puts the part of what is held that such a segment does not have before it. False without
// headroom.
[[nodiscard]] bool add_held(const FtpControl& control, uint32_t sequence, FrameBytes& frame) {
    const uint32_t missing = control.held_length - (control.held_end - sequence);
    const auto offset = static_cast<uint32_t>(frame.tcp_payload().data() - frame.data);
    if (!replace_payload(frame, offset, 0, {control.held.data(), missing})) {
        return false;
    }
    const uint64_t sum = tcp_segment_sum(frame);
    wire::store32(frame.l4() + kTcpSequence, sequence - missing);
    update_tcp_checksum(frame, sum);
    return true;
}

// After a segment that ends within what may become a 227 reply: keeps that from the client.
[[nodiscard]] FtpAction hold(FtpControl& control, FrameBytes& frame) {
    FtpLine& line = control.from_server;
    const auto payload_bytes = static_cast<uint32_t>(frame.tcp_payload().size());
    const uint32_t end = wire::load32(frame.l4() + kTcpSequence) + payload_bytes;
    const uint32_t held_bytes = line.length;
    const bool is_ending = (frame.l4()[kTcpFlagsByte] & (kTcpFlagFin | kTcpFlagRst)) != 0;
    if (control.mode != FtpMode::kPassive || !may_become_227(line) || is_ending ||
        line.next_sequence != end || held_bytes > payload_bytes) {
        return FtpAction::kForward;
    }
    if (held_bytes < payload_bytes) {
        cut_payload(frame, held_bytes);
    } else if (turn_into_answer(frame)) {
        std::copy_n(line.text.begin(), held_bytes, control.held.begin());
        control.held_length = static_cast<uint8_t>(held_bytes);
        control.held_end = end;
    } else {
        return FtpAction::kForward;
    }
    line.next_sequence -= held_bytes;
    line.length = 0;
    return held_bytes < payload_bytes ? FtpAction::kForward : FtpAction::kAnswer;
}

}  // namespace

std::optional<FtpExpectation> ftp_from_client(FtpControl& control,
                                              const FtpEnds& ends,
                                              uint32_t sequence,
                                              std::span<const uint8_t> payload) {
    std::optional<FtpExpectation> expectation;
    for_each_line(control.from_client,
                  sequence,
                  text_of(payload),
                  [&](std::string_view line, uint32_t, bool) {
                      if (const auto read = read_command(control, ends, line)) {
                          expectation = read;
                      }
                  });
    return expectation;
}

FtpReply ftp_from_server(FtpControl& control,
                         const FtpEnds& ends,
                         FrameBytes& frame,
                         TcpAdjustment& adjustment) {
    FtpReply reply;
    uint32_t sequence = wire::load32(frame.l4() + kTcpSequence);
    if (is_held(control, sequence, frame.tcp_payload().size())) {
        reply.action = turn_into_answer(frame) ? FtpAction::kAnswer : FtpAction::kForward;
        reply.is_spoiled = reply.action == FtpAction::kForward;
        return reply;
    }
    if (follows_held(control, sequence, frame.tcp_payload().size())) {
        if (!add_held(control, sequence, frame)) {
            reply.is_spoiled = true;
            return reply;
        }
        sequence = control.held_end - control.held_length;
    }
    std::optional<Rewriting> rewriting;
    FtpMode mode = control.mode;
    const std::span<const uint8_t> payload = frame.tcp_payload();
    const auto payload_offset = static_cast<uint32_t>(payload.data() - frame.data);
    for_each_line(
        control.from_server,
        sequence,
        text_of(payload),
        [&](std::string_view line, uint32_t begins, bool is_whole) {
            const bool is_again = control.has_replied && begins == control.reply_sequence;
            if (is_again) {
                mode = line.starts_with("229") ? FtpMode::kExtendedPassive : FtpMode::kPassive;
            }
            const auto named = reply.expectation ? std::nullopt : read_reply(mode, ends, line);
            const bool is_real = named && named->endpoint.address == ends.real_server.address;
            const bool is_virtual =
                named && named->endpoint.address == ends.virtual_service.address;
            if (!is_real && !is_virtual) {
                return;
            }
            const uint32_t port = named->endpoint.port.host();
            reply.expectation = FtpExpectation{with_port(ends.client, 0),
                                               with_port(ends.virtual_service, port),
                                               with_port(ends.real_server, port)};
            control.has_replied = true;
            control.reply_sequence = begins;
            const NamedText text(mode, reply.expectation->virtual_end);
            if (line.substr(named->begin, named->end - named->begin) == text.view()) {
                return;
            }
            const size_t line_offset = begins - sequence;
            reply.is_spoiled = !is_whole;
            if (is_whole) {
                rewriting =
                    Rewriting{payload_offset + static_cast<uint32_t>(line_offset + named->begin),
                              static_cast<uint32_t>(named->end - named->begin),
                              begins};
            }
        });
    if (rewriting) {
        const NamedText text(mode, reply.expectation->virtual_end);
        reply.is_spoiled = !rewrite(frame, *rewriting, text.view(), adjustment);
    }
    // One request, one port.
    control.mode = reply.expectation ? FtpMode::kActive : control.mode;
    reply.action = hold(control, frame);
    return reply;
}

}  // namespace director::dataplane
