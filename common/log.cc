#include "common/log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <system_error>

#include "common/log_limit.h"

namespace director {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames{"debug", "info", "warning", "error"};

LogLevel& threshold() {
    static LogLevel level = LogLevel::kInfo;
    return level;
}

// syslog(3)'s numbers.
constexpr std::array<int, 4> kPriorities{7, 6, 4, 3};

struct CloseFile {
    void operator()(std::FILE* file) const { static_cast<void>(std::fclose(file)); }
};
std::unique_ptr<std::FILE, CloseFile>& log_file() {
    static std::unique_ptr<std::FILE, CloseFile> file;  // null: standard error
    return file;
}

// systemd names the device and inode of the stream that it made (systemd.exec(5), JOURNAL_STREAM):
// whoever redirected standard error since then does not want the journal's form.
bool is_journal() {
    // Asked once, before there are threads.
    const char* const named = std::getenv("JOURNAL_STREAM");  // NOLINT(concurrency-mt-unsafe)
    struct stat own {};
    return named != nullptr && fstat(STDERR_FILENO, &own) == 0 &&
           fmt::format("{}:{}", own.st_dev, own.st_ino) == named;
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
        log_file().reset();
        return {};
    }
    std::FILE* const file = std::fopen(path.c_str(), "ae");
    if (file == nullptr) {
        return failure(
            fmt::format("log file {}: {}", path, std::generic_category().message(errno)));
    }
    log_file().reset(file);
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
    static const bool kIsJournal = is_journal();
    const auto index = static_cast<size_t>(level);
    std::FILE* const file = log_file() ? log_file().get() : stderr;
    const std::string head =
        kIsJournal && !log_file() ? fmt::format("<{}>", kPriorities[index]) : timestamp() + " ";
    std::string line = fmt::format("{}{} {} {}", head, kLevelNames[index], area, text);
    for (char& c : line) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            c = '?';
        }
    }
    line.push_back('\n');
    std::fwrite(line.data(), 1, line.size(), file);
    if (file != stderr) {
        static_cast<void>(std::fflush(file));
    }
}

}  // namespace director
