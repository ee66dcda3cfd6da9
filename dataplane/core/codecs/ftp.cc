#include "dataplane/core/codecs/ftp.h"

#include <algorithm>
#include <string_view>

#include "dataplane/core/codecs/ftp_hold.h"
#include "dataplane/core/codecs/ftp_parse.h"
#include "dataplane/core/codecs/wire.h"

namespace director::dataplane {
namespace {

[[nodiscard]] Endpoint with_port(const Endpoint& endpoint, uint32_t port) {
    return {endpoint.address, Be16::from_host(static_cast<uint16_t>(port))};
}

// A command of the client's: what it names, if that is the client itself.
[[nodiscard]] FtpCommand read_command(FtpControl& control,
                                      const FtpEnds& ends,
                                      std::string_view line) {
    using Word = FtpCommand::Word;
    FtpCommand command = parse_ftp_command(line, ends.client.address);
    if (command.word == Word::kPassive || command.word == Word::kExtendedPassive) {
        control.mode =
            command.word == Word::kPassive ? FtpMode::kPassive : FtpMode::kExtendedPassive;
    }
    if (command.named && command.named->endpoint.address == ends.client.address) {
        control.mode = FtpMode::kActive;
    } else {
        command.named = std::nullopt;
    }
    return command;
}

// The server connects from the port below its own (RFC 959 section 3.2).
[[nodiscard]] FtpExpectation active_from(const FtpEnds& ends, const Endpoint& client) {
    return {client,
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

// Text that names a place.
class NamedText {
  public:
    // "a,b,c,d,p,q"; "|||port|".
    static NamedText of_reply(FtpMode mode, const Endpoint& end) {
        NamedText text;
        if (mode == FtpMode::kExtendedPassive) {
            text.put("|||");
            text.put(end.port.host());
            text.put("|");
        } else {
            text.put_six_numbers(end);
        }
        return text;
    }
    // "PORT a,b,c,d,p,q"; "EPRT |family|address|port|".
    static NamedText of_command(bool is_extended, const Endpoint& end) {
        NamedText text;
        if (!is_extended) {
            text.put("PORT ");
            text.put_six_numbers(end);
            return text;
        }
        text.put(end.address.is_ipv4() ? "EPRT |1|" : "EPRT |2|");
        text.put_address(end.address);
        text.put("|");
        text.put(end.port.host());
        text.put("|");
        return text;
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
    void put_six_numbers(const Endpoint& end) {
        for (size_t i = 12; i < 16; ++i) {
            put(uint32_t{end.address.bytes[i]});
            put(",");
        }
        put(uint32_t{end.port.host()} >> 8);
        put(",");
        put(uint32_t{end.port.host()} & 0xff);
    }
    // IPv6 in eight groups, without "::" (RFC 4291 section 2.2, form 1).
    void put_address(const IpAddress& address) {
        const std::array<uint8_t, 16>& bytes = address.bytes;
        if (address.is_ipv4()) {
            for (size_t i = 12; i < 16; ++i) {
                put(i == 12 ? "" : ".");
                put(uint32_t{bytes[i]});
            }
            return;
        }
        for (size_t i = 0; i < 16; i += 2) {
            put(i == 0 ? "" : ":");
            put_hex(static_cast<uint32_t>(bytes[i] << 8 | bytes[i + 1]));
        }
    }
    void put_hex(uint32_t group) {
        constexpr std::string_view kDigits = "0123456789abcdef";
        bool has_begun = false;
        for (uint32_t shift = 16; shift > 0;) {
            shift -= 4;
            const uint32_t digit = group >> shift & 0xf;
            has_begun = has_begun || digit != 0 || shift == 0;
            put(has_begun ? kDigits.substr(digit, 1) : "");
        }
    }

    std::array<char, 64> text_{};  // "EPRT |2|", an address of 39 characters, "|65535|"
    size_t length_ = 0;
};

[[nodiscard]] bool rewrite(FrameBytes& frame,
                           const FtpPlace& what,
                           std::string_view text,
                           SeqAdjust& sender) {
    if (!replace_payload(frame, what.offset, what.bytes, text)) {
        return false;
    }
    const auto growth = static_cast<int32_t>(text.size()) - static_cast<int32_t>(what.bytes);
    if (growth != 0) {
        record_resize(sender, what.sequence, growth);
    }
    return true;
}

// Where in the frame a whole line has what it names.
[[nodiscard]] FtpPlace place_of(const FtpNamed& named, uint32_t line_offset, uint32_t sequence) {
    return {line_offset + static_cast<uint32_t>(named.begin),
            static_cast<uint32_t>(named.end - named.begin),
            sequence};
}

// Whether a line may become a reply to PASV.
[[nodiscard]] bool may_become_227(const FtpLine& line) {
    constexpr std::string_view kReply = "227 ";
    const std::string_view text(line.text.data(), std::min<size_t>(line.length, kReply.size()));
    return !line.is_too_long && !text.empty() && kReply.starts_with(text);
}

// Whether a line may become a command that names a port.
[[nodiscard]] bool may_become_port(const FtpLine& line) {
    return !line.is_too_long && line.length > 0 &&
           may_become_ftp_port({line.text.data(), line.length});
}

// What of a segment is held, or is to go with it, before it is read.
enum class HeldPart : uint8_t {
    kNone,     // the segment may be read; what was held is before it
    kAgain,    // all of it is held already: it has become an answer
    kSpoiled,  // no room
};

[[nodiscard]] HeldPart put_together(const FtpHeld& held, FrameBytes& frame) {
    const uint32_t sequence = wire::load32(frame.l4() + kTcpSequence);
    const size_t bytes = frame.tcp_payload().size();
    if (is_held(held, sequence, bytes)) {
        return turn_into_answer(frame) ? HeldPart::kAgain : HeldPart::kSpoiled;
    }
    if (follows_held(held, sequence, bytes) && !add_held(held, sequence, frame)) {
        return HeldPart::kSpoiled;
    }
    return HeldPart::kNone;
}

}  // namespace

FtpRequest ftp_from_client(FtpControl& control, const FtpEnds& ends, FrameBytes& frame) {
    FtpRequest request;
    if (ends.is_client_renamed()) {
        const HeldPart part = put_together(control.held_of_client, frame);
        if (part != HeldPart::kNone) {
            request.action = part == HeldPart::kAgain ? FtpAction::kAnswer : FtpAction::kForward;
            request.is_spoiled = part == HeldPart::kSpoiled;
            return request;
        }
    }
    const uint32_t sequence = wire::load32(frame.l4() + kTcpSequence);
    const std::span<const uint8_t> payload = frame.tcp_payload();
    const auto payload_offset = static_cast<uint32_t>(payload.data() - frame.data);
    for_each_line(control.from_client,
                  sequence,
                  text_of(payload),
                  [&](std::string_view line, uint32_t begins, bool is_whole) {
                      const FtpCommand command = read_command(control, ends, line);
                      if (!command.named) {
                          return;
                      }
                      request.expectation = active_from(ends, command.named->endpoint);
                      request.is_extended = command.word == FtpCommand::Word::kExtendedPort;
                      request.is_spoiled = ends.is_client_renamed() && !is_whole;
                      request.command =
                          place_of(*command.named, payload_offset + (begins - sequence), begins);
                  });
    if (ends.is_client_renamed() && may_become_port(control.from_client)) {
        request.action = hold(control.from_client, control.held_of_client, frame);
    }
    return request;
}

bool ftp_rename_client(FtpControl& control,
                       FrameBytes& frame,
                       const FtpRequest& request,
                       const Endpoint& client,
                       TcpAdjustment& adjustment) {
    const bool is_other_family =
        request.expectation->client.address.is_ipv4() != client.address.is_ipv4();
    const auto text = NamedText::of_command(request.is_extended && !is_other_family, client);
    control.has_renamed = true;
    return rewrite(frame,
                   request.command,
                   text.view(),
                   adjustment.sent[static_cast<size_t>(TcpSender::kClient)]);
}

FtpReply ftp_from_server(FtpControl& control,
                         const FtpEnds& ends,
                         FrameBytes& frame,
                         TcpAdjustment& adjustment) {
    FtpReply reply;
    const HeldPart part = put_together(control.held_of_server, frame);
    if (part != HeldPart::kNone) {
        reply.action = part == HeldPart::kAgain ? FtpAction::kAnswer : FtpAction::kForward;
        reply.is_spoiled = part == HeldPart::kSpoiled;
        return reply;
    }
    const uint32_t sequence = wire::load32(frame.l4() + kTcpSequence);
    std::optional<FtpPlace> rewriting;
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
            const auto text = NamedText::of_reply(mode, reply.expectation->virtual_end);
            if (line.substr(named->begin, named->end - named->begin) == text.view()) {
                return;
            }
            reply.is_spoiled = !is_whole;
            if (is_whole) {
                rewriting = place_of(*named, payload_offset + (begins - sequence), begins);
            }
        });
    if (rewriting) {
        const auto text = NamedText::of_reply(mode, reply.expectation->virtual_end);
        reply.is_spoiled = !rewrite(frame,
                                    *rewriting,
                                    text.view(),
                                    adjustment.sent[static_cast<size_t>(TcpSender::kServer)]);
    }
    // One request, one port.
    control.mode = reply.expectation ? FtpMode::kActive : control.mode;
    if (control.mode == FtpMode::kPassive && may_become_227(control.from_server)) {
        reply.action = hold(control.from_server, control.held_of_server, frame);
    }
    return reply;
}

}  // namespace director::dataplane
