#include "common/log.h"

#include <array>
#include <cstdio>
#include <ctime>
#include <string>

namespace director {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames{"debug", "info", "warning", "error"};

LogLevel& threshold() {
    static LogLevel level = LogLevel::kInfo;
    return level;
}

// Wall-clock time with milliseconds, UTC: what operators line up with other machines' logs.
std::string timestamp() {
    timespec wall{};
    clock_gettime(CLOCK_REALTIME, &wall);
    tm parts{};
    gmtime_r(&wall.tv_sec, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                       parts.tm_year + 1900,
                       parts.tm_mon + 1,
                       parts.tm_mday,
                       parts.tm_hour,
                       parts.tm_min,
                       parts.tm_sec,
                       wall.tv_nsec / 1000000);
}

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view text) {
    for (size_t i = 0; i < kLevelNames.size(); ++i) {
        if (kLevelNames[i] == text) {
            return static_cast<LogLevel>(i);
        }
    }
    return std::nullopt;
}

void set_log_level(LogLevel level) {
    threshold() = level;
}

bool is_logged(LogLevel level) {
    return level >= threshold();
}

void write_log_line(LogLevel level, std::string_view area, std::string_view text) {
    std::string line = fmt::format(
        "{} {} {} {}", timestamp(), kLevelNames[static_cast<size_t>(level)], area, text);
    for (char& c : line) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            c = '?';
        }
    }
    line.push_back('\n');
    std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace director
