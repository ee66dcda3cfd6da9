#include "common/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>

#include "common/log_limit.h"

namespace director {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames{"debug", "info", "warning", "error"};

LogLevel& threshold() {
    static LogLevel level = LogLevel::kInfo;
    return level;
}

constexpr std::array kSpdlogLevels{
    spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err};

// The pattern's flag %P: a line's priority as the journal reads it.
class Priority final : public spdlog::custom_flag_formatter {
  public:
    void format(const spdlog::details::log_msg& message,
                const std::tm& /*time*/,
                spdlog::memory_buf_t& line) override {
        // syslog(3)'s numbers by spdlog's levels: trace, debug, info, warning, error, critical,
        // off.
        constexpr std::string_view kNumbers = "7764322";
        const std::array<char, 3> text{'<', kNumbers[message.level], '>'};
        line.append(text.data(), text.data() + text.size());
    }
    [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<Priority>();
    }
};

// Wall-clock time in UTC: what operators line up with other machines' logs.
constexpr const char* kPlainPattern = "%Y-%m-%dT%H:%M:%S.%eZ %l %n %v";
constexpr const char* kJournalPattern = "%P%l %n %v";

std::unique_ptr<spdlog::formatter> formatter(const char* pattern) {
    auto made = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
    made->add_flag<Priority>('P').set_pattern(pattern);
    return made;
}

// systemd names the device and inode of the stream that it made (systemd.exec(5), JOURNAL_STREAM):
// whoever redirected standard error since then does not want the journal's form.
bool is_journal() {
    // Asked once, before there are threads.
    static const bool kIs = [] {
        const char* const named = std::getenv("JOURNAL_STREAM");  // NOLINT(concurrency-mt-unsafe)
        struct stat own {};
        return named != nullptr && fstat(STDERR_FILENO, &own) == 0 &&
               fmt::format("{}:{}", own.st_dev, own.st_ino) == named;
    }();
    return kIs;
}

using Sink = std::shared_ptr<spdlog::sinks::sink>;

Sink standard_error() {
    Sink made = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    made->set_formatter(formatter(is_journal() ? kJournalPattern : kPlainPattern));
    return made;
}

// Where lines go.
Sink& sink() {
    static Sink now = standard_error();
    return now;
}

LogLimiter& limiter() {
    static LogLimiter all;
    return all;
}

uint64_t uptime_ms() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1000000;
}

using AreaLevels = std::map<std::string, LogLevel, std::less<>>;

AreaLevels& area_thresholds() {
    static AreaLevels levels;
    return levels;
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

std::string_view to_string(LogLevel level) {
    return kLevelNames[static_cast<size_t>(level)];
}

void set_log_level(LogLevel level) {
    threshold() = level;
    area_thresholds().clear();
}

LogLevel log_level() {
    return threshold();
}

bool set_log_level(std::string_view area, LogLevel level) {
    constexpr size_t kAreasMax = 64;
    AreaLevels& areas = area_thresholds();
    if (areas.size() >= kAreasMax && !areas.contains(area)) {
        return false;
    }
    areas.insert_or_assign(std::string(area), level);
    return true;
}

const std::map<std::string, LogLevel, std::less<>>& log_area_levels() {
    return area_thresholds();
}

bool is_logged(LogLevel level, std::string_view area) {
    const AreaLevels& areas = area_thresholds();
    const auto own = areas.empty() ? areas.end() : areas.find(area);
    return level >= (own != areas.end() ? own->second : threshold());
}

Result<void> set_log_file(const std::string& path) {
    if (path.empty()) {
        sink() = standard_error();
        return {};
    }
    // spdlog would make it.
    const auto folder = std::filesystem::absolute(path).parent_path();
    if (std::error_code error; !std::filesystem::is_directory(folder, error)) {
        return failure(fmt::format("log file {}: there is no folder {}", path, folder.native()));
    }
    try {
        Sink file = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path);
        file->set_formatter(formatter(kPlainPattern));
        sink() = std::move(file);
    } catch (const spdlog::spdlog_ex& error) {
        return failure(fmt::format("log file {}: {}", path, error.what()));
    }
    return {};
}

bool may_log(std::string_view area, std::string_view format) {
    return limiter().allows(area, format, uptime_ms());
}

void tell_suppressed_log_lines() {
    for (const LogLimiter::Suppressed& one : limiter().take_suppressed()) {
        write_log_line(LogLevel::kWarning,
                       one.area,
                       fmt::format("lines left out count={} kind=\"{}\"", one.lines, one.format));
    }
}

void write_log_line(LogLevel level, std::string_view area, std::string_view text) {
    std::string safe(text);
    for (char& c : safe) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            c = '?';
        }
    }
    sink()->log({{area.data(), area.size()}, kSpdlogLevels[static_cast<size_t>(level)], safe});
    sink()->flush();
}

}  // namespace director
