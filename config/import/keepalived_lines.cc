#include "config/import/keepalived_lines.h"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <system_error>

#include "common/random.h"

namespace director::config {
namespace {

constexpr size_t kDepthMax = 32;  // of included files, and of definitions within definitions
constexpr size_t kLinesMax = 1'000'000;
constexpr size_t kLengthMax = 65536;
constexpr size_t kBytesMax = size_t{64} << 20;  // of all lines, in all stages of their expansion

bool is_blank(char c) {
    return std::isspace(static_cast<unsigned char>(c)) != 0;
}
bool is_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

// '#' and '!' begin a comment outside quotation marks; a backslash takes that from them.
std::string without_comment(std::string_view line) {
    std::string out;
    bool is_quoted = false;
    for (size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        const char next = i + 1 < line.size() ? line[i + 1] : '\0';
        if (c == '\\' && !is_quoted && (next == '#' || next == '!')) {
            out += next;
            ++i;
            continue;
        }
        if (c == '"') {
            is_quoted = !is_quoted;
        }
        if (!is_quoted && (c == '#' || c == '!')) {
            break;
        }
        out += c;
    }
    return std::string(trimmed(out));
}

// "a, b, c" between the parentheses that begin at `from`; nothing if they do not close.
struct Arguments {
    std::vector<std::string> words;
    size_t end = 0;  // behind the closing one
};
std::optional<Arguments> arguments_at(std::string_view text, size_t from) {
    if (from >= text.size() || text[from] != '(') {
        return std::nullopt;
    }
    const size_t close = text.find(')', from);
    if (close == std::string_view::npos) {
        return std::nullopt;
    }
    Arguments out;
    out.end = close + 1;
    std::string_view rest = text.substr(from + 1, close - from - 1);
    while (true) {
        const size_t comma = rest.find(',');
        out.words.emplace_back(trimmed(rest.substr(0, comma)));
        if (comma == std::string_view::npos) {
            return out;
        }
        rest.remove_prefix(comma + 1);
    }
}

std::optional<int64_t> number_of(std::string_view text, int base) {
    int64_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    return failed == std::errc{} && end == text.data() + text.size() ? std::optional(value)
                                                                     : std::nullopt;
}

// Every "$name" and "${name}" of one variable replaced.
std::string with_value(std::string_view text, std::string_view name, std::string_view value) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '$') {
            const std::string_view rest = text.substr(i + 1);
            const std::string braced = fmt::format("{{{}}}", name);
            if (rest.starts_with(braced)) {
                out += value;
                i += braced.size();
                continue;
            }
            if (rest.starts_with(name) &&
                (rest.size() == name.size() || !is_name(rest[name.size()]))) {
                out += value;
                i += name.size();
                continue;
            }
        }
        out += text[i];
    }
    return out;
}

class Reader {
  public:
    enum class Includes { kFollow, kRefuse };
    Reader(std::string_view config_id, Includes includes)
        : config_id_(config_id), includes_(includes) {}

    void read_file(const std::string& path, const Place& from, size_t depth) {
        if (depth >= kDepthMax) {
            error(from,
                  fmt::format("{}: files include each other more than {} deep", path, kDepthMax));
            return;
        }
        std::error_code ignored;
        if (!std::filesystem::is_regular_file(path, ignored)) {
            error(from, fmt::format("{}: there is no such file", path));
            return;
        }
        std::ifstream stream(path, std::ios::binary);
        std::ostringstream text;
        if (!stream || !(text << stream.rdbuf())) {
            // An empty file fails to copy, and is fine.
            if (!stream.is_open() || std::filesystem::file_size(path, ignored) != 0 || ignored) {
                error(from, fmt::format("{}: cannot be read", path));
            }
            return;
        }
        const std::filesystem::path folder = std::filesystem::path(path).parent_path();
        read_text(text.str(), path, folder, depth);
    }

    void read_text(const std::string& text,
                   const std::string& name,
                   const std::filesystem::path& folder,
                   size_t depth) {
        std::istringstream stream(text);
        Place place{name, 0};
        for (std::string raw; std::getline(stream, raw) && !is_full_;) {
            ++place.line;
            std::string line = without_comment(raw);
            if (line.starts_with('$') && define(line, stream, place)) {
                continue;
            }
            expand(line, place, folder, depth, 0);
        }
    }

    [[nodiscard]] KeepalivedLines take() { return std::move(result_); }

  private:
    void error(const Place& place, std::string message) {
        result_.notes.push_back({place, Gravity::kError, std::move(message)});
    }

    // "$NAME=value", with as many lines as end in a backslash: the value is then several lines.
    bool define(const std::string& first, std::istringstream& stream, Place& place) {
        size_t end = 1;
        while (end < first.size() && is_name(first[end])) {
            ++end;
        }
        if (end == 1 || end >= first.size() || first[end] != '=') {
            return false;
        }
        const std::string name = first.substr(1, end - 1);
        std::string value;
        std::string line(trimmed(std::string_view(first).substr(end + 1)));
        while (line.ends_with('\\')) {
            line.pop_back();
            value += std::string(trimmed(line)) + '\n';
            std::string raw;
            if (!std::getline(stream, raw) || value.size() > kLengthMax) {
                line.clear();
                break;
            }
            ++place.line;
            line = without_comment(raw);
        }
        value += line;
        while (value.starts_with('\n')) {
            value.erase(0, 1);
        }
        definitions_[name] = std::move(value);
        return true;
    }

    // One line as written: sequences first, since their variables stand in the rest of it.
    void expand(const std::string& line,
                const Place& place,
                const std::filesystem::path& folder,
                size_t depth,
                size_t rounds) {
        bytes_ += line.size() + 1;
        is_full_ = is_full_ || bytes_ > kBytesMax;
        if (is_full_ || line.size() > kLengthMax || rounds > kDepthMax) {
            error(place, "definitions or sequences grow without end");
            return;
        }
        if (const size_t tilde = line.find('~'); tilde != std::string::npos) {
            if (repeat(line, tilde, place, folder, depth, rounds)) {
                return;
            }
        }
        bool was_changed = false;
        std::string expanded = defined(line, place, folder, was_changed);
        if (was_changed) {
            std::istringstream stream(expanded);
            for (std::string one; std::getline(stream, one) && !is_full_;) {
                expand(std::string(trimmed(one)), place, folder, depth, rounds + 1);
            }
            return;
        }
        finish(expanded, place, folder, depth);
    }

    // ~SEQ(var, [start, [step,]] end), ~SEQx(...), ~LST(var, a, b, ...): the line once per value.
    bool repeat(const std::string& line,
                size_t tilde,
                const Place& place,
                const std::filesystem::path& folder,
                size_t depth,
                size_t rounds) {
        const std::string_view rest = std::string_view(line).substr(tilde + 1);
        const bool is_hex = rest.starts_with("SEQx(");
        const bool is_list = rest.starts_with("LST(");
        if (!is_hex && !is_list && !rest.starts_with("SEQ(")) {
            return false;
        }
        const auto arguments = arguments_at(line, line.find('(', tilde));
        if (!arguments || arguments->words.size() < 2) {
            error(place, "expected ~SEQ(name, first, step, last) or ~LST(name, value, ...)");
            return true;
        }
        const std::vector<std::string> values =
            is_list ? std::vector(arguments->words.begin() + 1, arguments->words.end())
                    : sequence(arguments->words, is_hex, place);
        const std::string body =
            line.substr(0, tilde) +
            std::string(trimmed(std::string_view(line).substr(arguments->end)));
        for (const std::string& value : values) {
            if (is_full_) {
                break;
            }
            expand(with_value(body, arguments->words[0], value), place, folder, depth, rounds + 1);
        }
        return true;
    }

    std::vector<std::string> sequence(const std::vector<std::string>& words,
                                      bool is_hex,
                                      const Place& place) {
        std::vector<int64_t> numbers;
        for (size_t i = 1; i < words.size(); ++i) {
            const auto number = number_of(words[i], is_hex ? 16 : 10);
            if (!number || std::abs(*number) > INT32_MAX) {
                error(place, fmt::format("~SEQ: expected a number, found \"{}\"", words[i]));
                return {};
            }
            numbers.push_back(*number);
        }
        const int64_t last = numbers.back();
        const int64_t first = numbers.size() > 1 ? numbers[0] : 1;
        const int64_t step = numbers.size() > 2 ? numbers[1] : (last < first ? -1 : 1);
        std::vector<std::string> values;
        if (step == 0 || (last - first) / step > static_cast<int64_t>(kLinesMax)) {
            error(place, "~SEQ: would never end");
            return {};
        }
        for (int64_t i = first; step > 0 ? i <= last : i >= last; i += step) {
            values.push_back(is_hex ? fmt::format("{:x}", i) : fmt::format("{}", i));
        }
        return values;
    }

    // The line with the first definition in it replaced; several lines if the definition has them.
    std::string defined(const std::string& line,
                        const Place& place,
                        const std::filesystem::path& folder,
                        bool& was_changed) {
        std::string out;
        for (size_t i = 0; i < line.size(); ++i) {
            if (line[i] != '$') {
                out += line[i];
                continue;
            }
            const bool is_braced = i + 1 < line.size() && line[i + 1] == '{';
            const size_t begin = i + (is_braced ? 2 : 1);
            size_t end = begin;
            while (end < line.size() && (is_braced ? line[end] != '}' : is_name(line[end]))) {
                ++end;
            }
            const std::string name = line.substr(begin, end - begin);
            const auto value =
                is_braced && end >= line.size() ? std::nullopt : value_of(name, place, folder);
            if (!value) {
                out += line[i];
                continue;
            }
            was_changed = true;
            out += *value;
            i = is_braced ? end : end - 1;
        }
        return out;
    }

    std::optional<std::string> value_of(const std::string& name,
                                        const Place& place,
                                        const std::filesystem::path& folder) const {
        if (const auto found = definitions_.find(name); found != definitions_.end()) {
            return found->second;
        }
        if (name == "_PWD") {
            return folder.empty() ? "." : folder.string();
        }
        if (name == "_INSTANCE") {
            return config_id_;
        }
        if (name == "_HASH" || name == "_BANG") {
            return name == "_HASH" ? "#" : "!";
        }
        if (name.starts_with("_ENV ")) {
            const char* value = std::getenv(std::string(trimmed(name.substr(5))).c_str());
            return value == nullptr ? "" : value;
        }
        if (name == "_RANDOM" || name.starts_with("_RANDOM ")) {
            return random_of(name.substr(7), place);
        }
        return std::nullopt;
    }

    // "[min [max]]" behind _RANDOM; the same in every run for the same line.
    static std::string random_of(const std::string& bounds, const Place& place) {
        std::istringstream stream(bounds);
        uint32_t min = 0;
        uint32_t max = 32767;  // keepalived's RAND_MAX
        stream >> min >> max;
        Random random(static_cast<uint64_t>(place.line));
        return fmt::format("{}", min >= max ? min : min + random.below(uint64_t{max} - min + 1));
    }

    // A line with nothing more to replace: a condition, an include, or a line of configuration.
    void finish(std::string_view line,
                const Place& place,
                const std::filesystem::path& folder,
                size_t depth) {
        if (line.starts_with('@')) {
            const bool is_negated = line.substr(1).starts_with('^');
            const size_t begin = is_negated ? 2 : 1;
            const size_t end = std::min(line.find_first_of(" \t"), line.size());
            const bool is_ours = line.substr(begin, end - begin) == config_id_;
            if (is_ours == is_negated) {
                return;
            }
            line = trimmed(line.substr(end));
        }
        if (line.empty()) {
            return;
        }
        const size_t end = std::min(line.find_first_of(" \t"), line.size());
        const std::string_view word = line.substr(0, end);
        if (word.starts_with("include") && word.size() <= 8) {
            const std::string_view kind = word.substr(7);
            if (kind.empty() || std::string_view("rmwba").find(kind) != std::string_view::npos) {
                include(trimmed(line.substr(end)), kind, place, folder, depth);
                return;
            }
        }
        if (result_.lines.size() >= kLinesMax) {
            is_full_ = true;
            error(place, fmt::format("more than {} lines", kLinesMax));
            return;
        }
        result_.lines.push_back({place, std::string(line)});
    }

    // `kind`: what is an error. "": nothing, "r": unreadable files, "m", "w", "b": patterns without
    // files, "a": all of these.
    void include(std::string_view pattern,
                 std::string_view kind,
                 const Place& place,
                 const std::filesystem::path& folder,
                 size_t depth) {
        if (includes_ == Includes::kRefuse) {
            error(place, "include: not in a text that is no file");
            return;
        }
        if (pattern.size() >= 2 && pattern.front() == '"' && pattern.back() == '"') {
            pattern = pattern.substr(1, pattern.size() - 2);
        }
        const std::string absolute = (folder / std::string(pattern)).string();
        glob_t found{};
        const int failed = glob(absolute.c_str(), GLOB_MARK | GLOB_BRACE, nullptr, &found);
        bool is_empty = true;
        for (size_t i = 0; failed == 0 && i < found.gl_pathc; ++i) {
            const std::string path = found.gl_pathv[i];
            if (!path.ends_with('/')) {
                is_empty = false;
                read_file(path, place, depth + 1);
            }
        }
        globfree(&found);
        if (is_empty) {
            result_.notes.push_back({place,
                                     kind.empty() ? Gravity::kLoss : Gravity::kError,
                                     fmt::format("include: no file is called {}", absolute)});
        }
    }

    std::string config_id_;
    Includes includes_;
    std::map<std::string, std::string> definitions_;
    KeepalivedLines result_;
    size_t bytes_ = 0;
    bool is_full_ = false;
};

}  // namespace

KeepalivedLines read_keepalived_file(const std::string& path, std::string_view config_id) {
    Reader reader(config_id, Reader::Includes::kFollow);
    reader.read_file(path, {path, 0}, 0);
    return reader.take();
}

KeepalivedLines read_keepalived_text(std::string_view text,
                                     const std::string& name,
                                     std::string_view config_id) {
    Reader reader(config_id, Reader::Includes::kRefuse);
    reader.read_text(std::string(text), name, "", 0);
    return reader.take();
}

}  // namespace director::config
