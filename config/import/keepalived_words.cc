#include "config/import/keepalived_words.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cmath>

#include "config/suggest.h"

namespace director::config {
namespace {

constexpr double kSecondsMax = 31.0 * 24 * 3600;

void note_form(const Statement& statement,
               size_t index,
               std::string_view expected,
               ImportState& state) {
    const std::string_view found = statement.word(index);
    state.lost(statement,
               fmt::format("{}: expected {}, found {}",
                           statement.keyword(),
                           expected,
                           found.empty() ? "nothing" : fmt::format("\"{}\"", found)));
}

std::optional<int64_t> number_of(std::string_view text) {
    const bool is_hex = text.starts_with("0x");
    if (is_hex) {
        text.remove_prefix(2);
    }
    int64_t value = 0;
    const auto [end, failed] =
        std::from_chars(text.data(), text.data() + text.size(), value, is_hex ? 16 : 10);
    return failed == std::errc{} && end == text.data() + text.size() ? std::optional(value)
                                                                     : std::nullopt;
}

}  // namespace

void ImportState::tell(Place place, Gravity gravity, std::string message) {
    Note note;
    note.place = std::move(place);
    note.gravity = gravity;
    note.message = std::move(message);
    out.notes.push_back(std::move(note));
}

void note_unknown(const Statement& statement,
                  const std::vector<std::string>& known,
                  ImportState& state) {
    const auto meant = nearest(statement.keyword(), known);
    state.lost(statement,
               fmt::format("unknown keyword \"{}\"{}",
                           statement.keyword(),
                           meant ? fmt::format("; did you mean \"{}\"?", *meant) : ""));
}

std::optional<int64_t> read_number(
    const Statement& statement, size_t index, int64_t min, int64_t max, ImportState& state) {
    const auto number = number_of(statement.word(index));
    if (!number || *number < min || *number > max) {
        note_form(statement, index, fmt::format("a number from {} to {}", min, max), state);
        return std::nullopt;
    }
    return number;
}

std::optional<Duration> read_seconds(const Statement& statement, size_t index, ImportState& state) {
    const std::string_view text = statement.word(index);
    double seconds = 0;
    const auto [end, failed] =
        std::from_chars(text.data(), text.data() + text.size(), seconds, std::chars_format::fixed);
    if (failed != std::errc{} || end != text.data() + text.size() || !(seconds >= 0) ||
        seconds > kSecondsMax) {
        note_form(statement, index, "seconds such as 2 or 0.5", state);
        return std::nullopt;
    }
    return std::chrono::microseconds(std::llround(seconds * 1e6));
}

std::optional<bool> read_flag(const Statement& statement, ImportState& state) {
    const std::string_view text = statement.word(1);
    if (text.empty() || text == "true" || text == "on" || text == "yes") {
        return true;
    }
    if (text == "false" || text == "off" || text == "no") {
        return false;
    }
    note_form(statement, 1, "true, on, yes, false, off or no", state);
    return std::nullopt;
}

std::optional<IpAddress> read_address(const Statement& statement,
                                      size_t index,
                                      ImportState& state) {
    const auto address = IpAddress::parse(statement.word(index));
    if (!address) {
        note_form(statement, index, "an IP address", state);
    }
    return address;
}

std::optional<Endpoint> read_endpoint(const Statement& statement,
                                      size_t index,
                                      ImportState& state) {
    const auto address = read_address(statement, index, state);
    if (!address) {
        return std::nullopt;
    }
    Endpoint endpoint{*address, Be16::from_host(0)};
    if (!statement.word(index + 1).empty()) {
        const auto port = read_number(statement, index + 1, 0, 65535, state);
        if (!port) {
            return std::nullopt;
        }
        endpoint.port = Be16::from_host(static_cast<uint16_t>(*port));
    }
    return endpoint;
}

std::vector<std::string> read_command(const Statement& statement, ImportState& state) {
    std::vector<std::string> command;
    if (statement.has_block) {
        for (const Statement& line : statement.block) {
            command.insert(command.end(), line.words.begin(), line.words.end());
        }
    } else {
        command = split_command(statement.word(1));
        if (statement.words.size() > 2) {
            state.lost(statement,
                       fmt::format("{}: runs as directord's user, not as \"{}\"; where that "
                                   "matters, let the program change it (runuser)",
                                   statement.keyword(),
                                   statement.word(2)));
        }
    }
    if (command.empty()) {
        note_form(statement, 1, "a program and its arguments", state);
    } else if (!command.front().starts_with('/')) {
        command.insert(command.begin(), "/usr/bin/env");  // finds it in PATH, as keepalived does
    }
    return command;
}

std::vector<std::string> words_of_block(const Statement& statement) {
    std::vector<std::string> words;
    for (const Statement& line : statement.block) {
        words.insert(words.end(), line.words.begin(), line.words.end());
    }
    return words;
}

}  // namespace director::config
