#include "config/source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

namespace director::config {
namespace {

namespace fs = std::filesystem;

// Far above any configuration (100,000 real servers take about 8 MiB), far below what would hurt.
constexpr size_t kTextBytesMax = size_t{64} << 20;
// libconfig's own limit.
constexpr size_t kIncludeDepthMax = 10;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_name_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*';
}

bool is_name_part(char c) {
    return is_name_start(c) || is_digit(c) || c == '-' || c == '_';
}

tl::expected<std::string, std::string> read_whole(const std::string& path) {
    std::error_code error;
    if (fs::is_directory(path, error)) {
        return tl::unexpected<std::string>("expected a file, found a directory");
    }
    std::ifstream stream(path, std::ios::binary);
    if (!stream) {
        return tl::unexpected<std::string>(
            fs::exists(path, error) ? "cannot be read: permission denied" : "no such file");
    }
    std::string text;
    std::array<char, 65536> chunk{};
    while (stream.read(chunk.data(), chunk.size()) || stream.gcount() > 0) {
        text.append(chunk.data(), static_cast<size_t>(stream.gcount()));
        if (text.size() > kTextBytesMax) {
            return tl::unexpected(
                fmt::format("longer than {} MiB, which no configuration is", kTextBytesMax >> 20));
        }
    }
    return text;
}

}  // namespace

// Walks text with libconfig's own rules for comments, strings, names and numbers, copying it to
// Source::text_ as it goes.
class SourceReader {
  public:
    enum class Includes { kFollow, kRefuse };

    explicit SourceReader(Includes includes) : includes_(includes) {}

    void read_file(const std::string& path, const std::optional<Place>& included_from) {
        auto text = read_whole(path);
        if (!text) {
            const std::string what = included_from
                                         ? fmt::format("@include \"{}\": {}", path, text.error())
                                         : text.error();
            errors_.push_back({included_from.value_or(Place{path, 0}), what});
            return;
        }
        std::error_code error;
        stack_.push_back(fs::weakly_canonical(path, error).string());
        read_text(*text, path);
        stack_.pop_back();
    }

    void read_text(std::string_view text, std::string_view name) {
        // Everything about the text at hand is kept here, because an @include comes back to it.
        const auto outer = std::make_tuple(input_, at_, file_, line_);
        source_.files_.emplace_back(name);
        file_ = source_.files_.size() - 1;
        input_ = text;
        at_ = 0;
        line_ = 1;
        begin_line();
        while (at_ < input_.size()) {
            step();
        }
        if (source_.text_.empty() || source_.text_.back() != '\n') {
            source_.text_ += '\n';
        }
        std::tie(input_, at_, file_, line_) = outer;
    }

    [[nodiscard]] tl::expected<Source, std::vector<SourceError>> finish() {
        if (!errors_.empty()) {
            return tl::unexpected(std::move(errors_));
        }
        return std::move(source_);
    }

  private:
    [[nodiscard]] char peek(size_t ahead = 0) const {
        return at_ + ahead < input_.size() ? input_[at_ + ahead] : '\0';
    }
    [[nodiscard]] Place here() const { return Place{source_.files_[file_], line_}; }
    void error(std::string message) { errors_.push_back({here(), std::move(message)}); }

    // A line of which nothing has been copied yet is taken over: an @include's own, by its file.
    void begin_line() {
        const Source::Line line{file_, line_, source_.text_.size()};
        if (!source_.lines_.empty() && source_.lines_.back().begin == line.begin) {
            source_.lines_.back() = line;
        } else {
            source_.lines_.push_back(line);
        }
    }

    void copy(size_t count = 1) {
        for (; count > 0 && at_ < input_.size(); --count) {
            const char c = input_[at_++];
            if (c == '\0' && !std::exchange(has_nul_, true)) {
                error("a NUL byte: expected text");
            }
            source_.text_ += c == '\0' ? ' ' : c;
            if (c == '\n') {
                ++line_;
                begin_line();
            }
        }
    }

    // Asked of the copy, as libconfig will: what follows an @include on its line starts one there.
    [[nodiscard]] bool is_at_line_start() const {
        return source_.text_.empty() || source_.text_.back() == '\n';
    }

    void step() {
        if (is_at_line_start() && try_include()) {
            return;
        }
        const char c = peek();
        if (c == '#' || (c == '/' && peek(1) == '/')) {
            copy(std::min(input_.find('\n', at_), input_.size()) - at_);
        } else if (c == '/' && peek(1) == '*') {
            block_comment();
        } else if (c == '"') {
            string();
        } else if (is_name_start(c)) {
            previous_is_string_ = false;
            while (at_ < input_.size() && is_name_part(peek())) {
                copy();
            }
        } else if (is_digit(c) || ((c == '-' || c == '+') && is_digit(peek(1)))) {
            previous_is_string_ = false;
            number();
        } else if (c == '.') {
            fraction();
        } else {
            punctuation(c);
        }
    }

    void punctuation(char c) {
        if (c == '[') {
            is_in_array_ = true;
        } else if (c == ']') {
            is_in_array_ = false;
        }
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
            previous_is_string_ = false;
        }
        copy();
    }

    void block_comment() {
        const size_t close = input_.find("*/", at_ + 2);
        if (close == std::string_view::npos) {
            error("this comment is never closed: expected */");
            at_ = input_.size();
            return;
        }
        copy(close + 2 - at_);
    }

    void string() {
        const Place start = here();
        if (previous_is_string_ && is_in_array_) {
            error("expected a comma between two strings");
        }
        copy();
        while (at_ < input_.size() && peek() != '"') {
            if (peek() == '\\' && (peek(1) == 'x' || peek(1) == 'X') && peek(2) == '0' &&
                peek(3) == '0') {
                error("a NUL character in a string");
            }
            const bool is_escape = peek() == '\\' && (peek(1) == '\\' || peek(1) == '"');
            copy(is_escape ? 2 : 1);
        }
        if (at_ == input_.size()) {
            errors_.push_back({start, "this string is never closed: expected \""});
            return;
        }
        copy();
        previous_is_string_ = true;
    }

    void number() {
        const size_t begin = at_;
        const bool is_hex = peek() == '0' && (peek(1) == 'x' || peek(1) == 'X') &&
                            std::isxdigit(static_cast<unsigned char>(peek(2))) != 0;
        copy(is_hex ? 2 : 1);
        while (is_hex ? std::isxdigit(static_cast<unsigned char>(peek())) != 0 : is_digit(peek())) {
            copy();
        }
        const std::string_view digits = input_.substr(begin, at_ - begin);
        const size_t sign = peek(1) == '-' || peek(1) == '+' ? 1 : 0;
        const bool has_exponent = (peek() == 'e' || peek() == 'E') && is_digit(peek(1 + sign));
        if (!is_hex && (peek() == '.' || has_exponent)) {
            fraction();
            return;
        }
        const bool is_long = peek() == 'L';
        while (peek() == 'L') {
            copy();
        }
        integer(digits, is_hex, is_long);
    }

    // Copied so that its digits are not taken for an integer.
    void fraction() {
        previous_is_string_ = false;
        if (peek() == '.') {
            copy();
        }
        while (is_digit(peek())) {
            copy();
        }
        const size_t sign = peek(1) == '-' || peek(1) == '+' ? 1 : 0;
        if ((peek() == 'e' || peek() == 'E') && is_digit(peek(1 + sign))) {
            copy(1 + sign);
            while (is_digit(peek())) {
                copy();
            }
        }
    }

    void integer(std::string_view digits, bool is_hex, bool is_long) {
        int64_t value = 0;
        const size_t skip = is_hex ? 2 : (digits.front() == '+' ? 1 : 0);
        const char* const end = digits.data() + digits.size();
        if (std::from_chars(digits.data() + skip, end, value, is_hex ? 16 : 10).ec != std::errc{}) {
            error(fmt::format("{} does not fit in 64 bits", digits));
            return;
        }
        const bool fits = value >= std::numeric_limits<int32_t>::min() &&
                          value <= std::numeric_limits<int32_t>::max();
        if (!fits && !is_long) {
            source_.text_ += 'L';
        }
    }

    // `@include "path"` alone on a line, as libconfig has it.
    [[nodiscard]] bool try_include() {
        size_t cursor = std::min(input_.find_first_not_of(" \t", at_), input_.size());
        constexpr std::string_view kDirective = "@include";
        if (input_.substr(cursor, kDirective.size()) != kDirective) {
            return false;
        }
        cursor += kDirective.size();
        const size_t quote = std::min(input_.find_first_not_of(" \t", cursor), input_.size());
        if (quote == cursor || quote == input_.size() || input_[quote] != '"') {
            return false;
        }
        const size_t close = input_.find_first_of("\"\n", quote + 1);
        previous_is_string_ = false;
        if (close == std::string_view::npos || input_[close] == '\n') {
            error("expected @include \"file\", found no closing quote");
            at_ = std::min(close, input_.size());
            return true;
        }
        const std::string target(input_.substr(quote + 1, close - quote - 1));
        at_ = close + 1;
        include(target);
        // What follows on the line (a comment, usually) still belongs to this file.
        begin_line();
        return true;
    }

    void include(const std::string& target) {
        if (includes_ == Includes::kRefuse) {
            error("@include works in files only");
            return;
        }
        const std::string path =
            (fs::path(source_.files_[file_]).parent_path() / target).lexically_normal().string();
        std::error_code ignored;
        const std::string canonical = fs::weakly_canonical(path, ignored).string();
        if (std::find(stack_.begin(), stack_.end(), canonical) != stack_.end()) {
            error(fmt::format("@include \"{}\": the file includes itself", path));
        } else if (stack_.size() >= kIncludeDepthMax) {
            error(fmt::format("@include \"{}\": more than {} files deep", path, kIncludeDepthMax));
        } else if (source_.text_.size() > kTextBytesMax) {
            error(fmt::format(
                "@include \"{}\": more than {} MiB of text in all", path, kTextBytesMax >> 20));
        } else {
            read_file(path, here());
        }
    }

    Includes includes_;
    Source source_;
    std::vector<SourceError> errors_;
    std::vector<std::string> stack_;  // canonical names of the files being read
    std::string_view input_;
    size_t at_ = 0;
    size_t file_ = 0;
    int line_ = 1;
    bool is_in_array_ = false;
    bool previous_is_string_ = false;
    bool has_nul_ = false;
};

tl::expected<Source, std::vector<SourceError>> Source::from_file(const std::string& path) {
    SourceReader reader(SourceReader::Includes::kFollow);
    reader.read_file(path, std::nullopt);
    return reader.finish();
}

tl::expected<Source, std::vector<SourceError>> Source::from_text(std::string_view text,
                                                                 std::string_view name) {
    SourceReader reader(SourceReader::Includes::kRefuse);
    reader.read_text(text, name);
    return reader.finish();
}

Place Source::place(unsigned line) const {
    if (lines_.empty()) {
        return {};
    }
    const Line& found = lines_[std::min<size_t>(std::max(line, 1U), lines_.size()) - 1];
    return Place{files_[found.file], found.number};
}

std::string_view Source::line_text(unsigned line) const {
    if (line == 0 || line > lines_.size()) {
        return {};
    }
    const size_t begin = lines_[line - 1].begin;
    std::string_view text = std::string_view(text_).substr(begin);
    text = text.substr(0, text.find('\n'));
    const size_t first = text.find_first_not_of(" \t\r");
    const size_t last = text.find_last_not_of(" \t\r");
    return first == std::string_view::npos ? std::string_view{}
                                           : text.substr(first, last - first + 1);
}

}  // namespace director::config
