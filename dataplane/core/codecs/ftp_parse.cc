#include "dataplane/core/codecs/ftp_parse.h"

#include <algorithm>
#include <array>

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

}  // namespace

FtpCommand parse_ftp_command(std::string_view line, const IpAddress& own) {
    using Word = FtpCommand::Word;
    Reader reader(line);
    reader.skip_spaces();
    const size_t begin = reader.position();
    const auto named = [&](const std::optional<Endpoint>& endpoint) {
        return endpoint ? std::optional(FtpNamed{*endpoint, begin, reader.position()})
                        : std::nullopt;
    };
    if (reader.skip("PORT ")) {
        reader.skip_spaces();
        const auto endpoint = read_six_numbers(reader);
        return {Word::kPort, named(endpoint)};
    }
    if (reader.skip("EPRT ")) {
        reader.skip_spaces();
        const auto endpoint = read_extended(reader, own);
        return {Word::kExtendedPort, named(endpoint)};
    }
    if (reader.skip("PASV") && reader.is_at_end()) {
        return {Word::kPassive, std::nullopt};
    }
    // "EPSV ALL" announces, and asks for no port.
    if (reader.skip("EPSV") && (reader.is_at_end() || (reader.skip(' ') && reader.number(2)))) {
        return {Word::kExtendedPassive, std::nullopt};
    }
    return {};
}

bool may_become_ftp_port(std::string_view begins) {
    const auto is_letter = [](char wanted, char found) { return upper(found) == wanted; };
    const std::string_view text =
        begins.substr(std::min(begins.find_first_not_of(' '), begins.size()));
    const auto may_become = [&](std::string_view word) {
        const std::string_view part = word.substr(0, text.size());
        return std::equal(part.begin(), part.end(), text.begin(), is_letter);
    };
    return may_become("PORT ") || may_become("EPRT ");
}

std::optional<FtpNamed> parse_ftp_passive(std::string_view line) {
    Reader reader(line);
    if (!reader.skip("227 ")) {
        return std::nullopt;
    }
    reader.skip_to_numbers();
    const size_t begin = reader.position();
    const auto named = read_six_numbers(reader);
    return named ? std::optional(FtpNamed{*named, begin, reader.position()}) : std::nullopt;
}

std::optional<FtpNamed> parse_ftp_extended_passive(std::string_view line, const IpAddress& own) {
    Reader reader(line);
    if (!reader.skip("229 ") || !reader.skip_to('(')) {
        return std::nullopt;
    }
    (void)reader.skip('(');
    const size_t begin = reader.position();
    const auto named = read_extended(reader, own);
    return named ? std::optional(FtpNamed{*named, begin, reader.position()}) : std::nullopt;
}

}  // namespace director::dataplane
