#include "dataplane/core/ftp.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "dataplane/core/wire.h"

namespace director::dataplane {
namespace {

// RFC 2428 section 2: any of ASCII 33 to 126.
constexpr char kDelimiterMin = 33;
constexpr char kDelimiterMax = 126;

constexpr uint32_t kPortMax = 65535;

[[nodiscard]] bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

[[nodiscard]] char upper(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

// Reads a line from its beginning.
class Reader {
  public:
    explicit Reader(std::string_view text) : text_(text) {}

    [[nodiscard]] bool skip(std::string_view word) {
        if (text_.size() - at_ < word.size()) {
            return false;
        }
        for (size_t i = 0; i < word.size(); ++i) {
            if (upper(text_[at_ + i]) != word[i]) {
                return false;
            }
        }
        at_ += word.size();
        return true;
    }
    [[nodiscard]] bool skip(char c) {
        if (is_at_end() || text_[at_] != c) {
            return false;
        }
        ++at_;
        return true;
    }
    void skip_spaces() {
        while (skip(' ')) {
        }
    }
    // Up to the first '(' or digit.
    void skip_to_numbers() {
        while (!is_at_end() && text_[at_] != '(' && !is_digit(text_[at_])) {
            ++at_;
        }
        (void)skip('(');
    }
    [[nodiscard]] bool skip_to(char c) {
        at_ = std::min(text_.find(c, at_), text_.size());
        return !is_at_end();
    }
    [[nodiscard]] std::optional<uint32_t> number(uint32_t max) {
        uint32_t value = 0;
        const size_t first = at_;
        while (!is_at_end() && is_digit(text_[at_]) && value <= max) {
            value = value * 10 + static_cast<uint32_t>(text_[at_++] - '0');
        }
        return at_ > first && value <= max ? std::optional(value) : std::nullopt;
    }
    // What is before the next `c`, which is skipped.
    [[nodiscard]] std::optional<std::string_view> until(char c) {
        const size_t end = text_.find(c, at_);
        if (end == std::string_view::npos) {
            return std::nullopt;
        }
        const std::string_view found = text_.substr(at_, end - at_);
        at_ = end + 1;
        return found;
    }
    [[nodiscard]] std::optional<char> any() {
        return is_at_end() ? std::nullopt : std::optional(text_[at_++]);
    }
    [[nodiscard]] bool is_at_end() const { return at_ >= text_.size(); }
    [[nodiscard]] size_t position() const { return at_; }

  private:
    std::string_view text_;
    size_t at_ = 0;
};

// "a,b,c,d,p,q" of PORT and 227 (RFC 959 section 4.1.2).
[[nodiscard]] std::optional<Endpoint> read_six_numbers(Reader& reader) {
    std::array<uint8_t, 6> numbers{};
    for (size_t i = 0; i < numbers.size(); ++i) {
        const auto number = i == 0 || reader.skip(',') ? reader.number(255) : std::nullopt;
        if (!number) {
            return std::nullopt;
        }
        numbers[i] = static_cast<uint8_t>(*number);
    }
    const auto port = static_cast<uint16_t>(numbers[4] << 8 | numbers[5]);
    if (port == 0) {
        return std::nullopt;
    }
    return Endpoint{Ipv4Address::of(numbers[0], numbers[1], numbers[2], numbers[3]),
                    Be16::from_host(port)};
}

// "|family|address|port|" with any delimiter (RFC 2428 sections 2 and 3). In a reply, family and
// address are usually empty: `own` is meant.
[[nodiscard]] std::optional<Endpoint> read_extended(Reader& reader, const IpAddress& own) {
    const auto delimiter = reader.any();
    if (!delimiter || *delimiter < kDelimiterMin || *delimiter > kDelimiterMax ||
        is_digit(*delimiter)) {
        return std::nullopt;
    }
    const auto family = reader.until(*delimiter);
    const auto address = family ? reader.until(*delimiter) : std::nullopt;
    const auto port = address ? reader.number(kPortMax) : std::nullopt;
    if (!port || *port == 0 || !reader.skip(*delimiter)) {
        return std::nullopt;
    }
    const Be16 wire_port = Be16::from_host(static_cast<uint16_t>(*port));
    if (family->empty() && address->empty()) {
        return Endpoint{own, wire_port};
    }
    const auto parsed = IpAddress::parse(*address);
    const std::string_view expected = own.is_ipv4() ? "1" : "2";
    if (!parsed || *family != expected || parsed->family() != own.family()) {
        return std::nullopt;
    }
    return Endpoint{*parsed, wire_port};
}

[[nodiscard]] Endpoint with_port(const Endpoint& endpoint, uint32_t port) {
    return {endpoint.address, Be16::from_host(static_cast<uint16_t>(port))};
}

// PORT and EPRT. The server connects from the port below its own (RFC 959 section 3.2).
[[nodiscard]] std::optional<FtpExpectation> read_command(FtpControl& control,
                                                         const FtpEnds& ends,
                                                         std::string_view line) {
    Reader reader(line);
    reader.skip_spaces();
    std::optional<Endpoint> named;
    if (reader.skip("PORT ")) {
        reader.skip_spaces();
        named = read_six_numbers(reader);
    } else if (reader.skip("EPRT ")) {
        reader.skip_spaces();
        named = read_extended(reader, ends.client.address);
    } else if (reader.skip("PASV")) {
        control.mode = reader.is_at_end() ? FtpMode::kPassive : control.mode;
        return std::nullopt;
    } else if (reader.skip("EPSV")) {
        // "EPSV ALL" announces, and asks for no port.
        const bool asks = reader.is_at_end() || (reader.skip(' ') && reader.number(2));
        control.mode = asks ? FtpMode::kExtendedPassive : control.mode;
        return std::nullopt;
    }
    if (!named || named->address != ends.client.address) {
        return std::nullopt;
    }
    control.mode = FtpMode::kActive;
    return FtpExpectation{*named,
                          with_port(ends.virtual_service, ends.virtual_service.port.host() - 1U),
                          with_port(ends.real_server, ends.real_server.port.host() - 1U)};
}

// A reply that names a port, and where in the line it does so.
struct NamedPort {
    Endpoint endpoint;
    size_t begin = 0;
    size_t end = 0;
};

[[nodiscard]] std::optional<NamedPort> read_reply(FtpMode mode,
                                                  const FtpEnds& ends,
                                                  std::string_view line) {
    Reader reader(line);
    std::optional<Endpoint> named;
    size_t begin = 0;
    if (mode == FtpMode::kPassive && reader.skip("227 ")) {
        reader.skip_to_numbers();
        begin = reader.position();
        named = read_six_numbers(reader);
    } else if (mode == FtpMode::kExtendedPassive && reader.skip("229 ") && reader.skip_to('(')) {
        (void)reader.skip('(');
        begin = reader.position();
        named = read_extended(reader, ends.real_server.address);
    }
    if (!named) {
        return std::nullopt;
    }
    return NamedPort{*named, begin, reader.position()};
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
    std::optional<Rewriting> rewriting;
    FtpMode mode = control.mode;
    const std::span<const uint8_t> payload = frame.tcp_payload();
    const auto payload_offset = static_cast<uint32_t>(payload.data() - frame.data);
    const uint32_t sequence = wire::load32(frame.l4() + kTcpSequence);
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
        if (replace_payload(frame, rewriting->offset, rewriting->bytes, text.view())) {
            const auto growth =
                static_cast<int32_t>(text.view().size()) - static_cast<int32_t>(rewriting->bytes);
            if (growth != 0) {
                record_resize(adjustment.sent[static_cast<size_t>(TcpSender::kServer)],
                              rewriting->sequence,
                              growth);
            }
        } else {
            reply.is_spoiled = true;
        }
    }
    // One request, one port.
    control.mode = reply.expectation ? FtpMode::kActive : control.mode;
    return reply;
}

}  // namespace director::dataplane
