// One line per event: `time level area message key=value ...`, on standard error or in a file.
// Where standard error is systemd's journal, a line begins with its priority instead
// (sd-daemon(3)), and the journal knows the time.
//
// Lines of one kind (an area with a format) are limited: log_limit.h. What was left out is told by
// tell_suppressed_log_lines().
//
// error = someone should look now, warning = degraded, info = a state changed, debug = the rest.
// Called from the control-plane thread only; the packet path does not log. Each source file
// declares its area once: `constexpr LogArea kLog{"mirror"};` and writes `kLog.info("route added
// to={}", ...)`.
#pragma once

#include <fmt/format.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/result.h"

namespace director {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// "debug", "info", "warning", "error".
[[nodiscard]] std::optional<LogLevel> parse_log_level(std::string_view text);

[[nodiscard]] std::string_view to_string(LogLevel level);

// Lines below this level are not written, in any area. Default: info.
void set_log_level(LogLevel level);
[[nodiscard]] LogLevel log_level();

// The same of one area, until the next call of the other one. False: 64 areas have one already.
[[nodiscard]] bool set_log_level(std::string_view area, LogLevel level);
// Those that have a level of their own.
[[nodiscard]] const std::map<std::string, LogLevel, std::less<>>& log_area_levels();

[[nodiscard]] bool is_logged(LogLevel level, std::string_view area);

// Lines go to this file from now on, at its end; "" means standard error. The file is opened anew
// at each call, so that a rotated one begins again. On failure lines go where they went.
[[nodiscard]] Result<void> set_log_file(const std::string& path);

// Whether one more line of this kind may be written now; counts it.
[[nodiscard]] bool may_log(std::string_view area, std::string_view format);

// A line for each kind of which lines were left out. Call now and then.
void tell_suppressed_log_lines();

// Writes one line; control characters in `text` are replaced, so that a peer cannot forge lines.
void write_log_line(LogLevel level, std::string_view area, std::string_view text);

class LogArea {
  public:
    explicit constexpr LogArea(std::string_view name) : name_(name) {}

    template <typename... Args>
    void debug(fmt::format_string<Args...> format, Args&&... args) const {
        write(LogLevel::kDebug, format, std::forward<Args>(args)...);
    }
    template <typename... Args>
    void info(fmt::format_string<Args...> format, Args&&... args) const {
        write(LogLevel::kInfo, format, std::forward<Args>(args)...);
    }
    template <typename... Args>
    void warning(fmt::format_string<Args...> format, Args&&... args) const {
        write(LogLevel::kWarning, format, std::forward<Args>(args)...);
    }
    template <typename... Args>
    void error(fmt::format_string<Args...> format, Args&&... args) const {
        write(LogLevel::kError, format, std::forward<Args>(args)...);
    }

  private:
    template <typename... Args>
    void write(LogLevel level, fmt::format_string<Args...> format, Args&&... args) const {
        const fmt::string_view text = format;
        if (is_logged(level, name_) && may_log(name_, {text.data(), text.size()})) {
            write_log_line(level, name_, fmt::format(format, std::forward<Args>(args)...));
        }
    }

    std::string_view name_;
};

}  // namespace director
