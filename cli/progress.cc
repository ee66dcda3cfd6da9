#include "cli/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "cli/units.h"

namespace director::cli {
namespace {

constexpr Duration kQuiet = std::chrono::seconds(1);
constexpr Duration kBetween = std::chrono::milliseconds(100);
constexpr size_t kBarWidth = 30;

}  // namespace

std::string progress_text(
    uint64_t packets, uint64_t bytes, uint64_t bytes_total, double seconds, size_t width) {
    const double rate = seconds > 0 ? static_cast<double>(packets) / seconds : 0;
    const std::string amounts = fmt::format(
        "{} packets  {}/s", human_count(packets), human_count(static_cast<uint64_t>(rate)));
    if (bytes_total == 0) {
        return amounts.substr(0, width);
    }
    const double share =
        std::min(1.0, static_cast<double>(bytes) / static_cast<double>(bytes_total));
    const auto filled = static_cast<size_t>(share * static_cast<double>(kBarWidth));
    std::string bar(filled, '=');
    if (filled < kBarWidth) {
        bar += '>';
    }
    bar.resize(kBarWidth, ' ');
    const auto left = static_cast<uint64_t>(share > 0 ? seconds / share - seconds + 0.5 : 0);
    return fmt::format(
               "[{}] {:3.0f} %  {}  {}:{:02} left", bar, 100 * share, amounts, left / 60, left % 60)
        .substr(0, width);
}

Progress::Progress(const Clock& clock, bool is_terminal, uint64_t bytes_total)
    : clock_(clock),
      started_(clock.now()),
      drawn_(started_),
      bytes_total_(bytes_total),
      is_terminal_(is_terminal) {}

Progress::~Progress() {
    if (is_drawn_) {
        fmt::print(stderr, "\r\x1b[K");
        std::fflush(stderr);
    }
}

void Progress::show(uint64_t packets, uint64_t bytes) {
    if (!is_terminal_) {
        return;
    }
    const TimePoint now = clock_.now();
    if (now - started_ < kQuiet || (is_drawn_ && now - drawn_ < kBetween)) {
        return;
    }
    drawn_ = now;
    is_drawn_ = true;
    const double seconds = std::chrono::duration<double>(now - started_).count();
    fmt::print(stderr, "\r{}\x1b[K", progress_text(packets, bytes, bytes_total_, seconds));
    std::fflush(stderr);
}

}  // namespace director::cli
