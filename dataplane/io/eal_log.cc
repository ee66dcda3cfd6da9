#include "dataplane/io/eal_log.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <rte_cycles.h>
#include <rte_log.h>

#include "common/assert.h"
#include "common/log.h"

namespace director::dataplane::io {
namespace {

constexpr LogArea kLog{"dpdk"};
constexpr size_t kKeptMax = 4096;
constexpr size_t kLinesTold = 3;
constexpr uint32_t kLinesPerMinute = 10;

// Printed at error level in every --in-memory start although nothing is wrong: that mode needs no
// mounted hugetlbfs.
bool is_noise(std::string_view line) {
    return line.find("no mounted hugetlbfs") != std::string_view::npos;
}

}  // namespace

EalLog::EalLog() {
    cookie_io_functions_t functions{};
    functions.write = &EalLog::write_cookie;
    stream_ = fopencookie(this, "w", functions);
    DIRECTOR_ASSERT(stream_ != nullptr);
    rte_openlog_stream(stream_);
}

EalLog::~EalLog() {
    rte_openlog_stream(nullptr);
    std::fclose(stream_);
}

// Called under the stream's own lock.
ssize_t EalLog::write_cookie(void* cookie, const char* text, size_t size) {
    static_cast<EalLog*>(cookie)->write(std::string_view(text, size));
    return static_cast<ssize_t>(size);
}

void EalLog::write(std::string_view text) {
    if (rte_log_cur_msg_loglevel() <= static_cast<int>(RTE_LOG_CRIT)) {
        // The last words of rte_panic.
        kLog.error("{}", text);
        return;
    }
    if (!is_passing_on_) {
        kept_.append(text);
        if (kept_.size() > kKeptMax) {
            kept_.erase(0, kept_.size() - kKeptMax);
        }
        return;
    }
    const uint64_t now = rte_rdtsc();
    if (now - window_start_ > 60 * rte_get_tsc_hz()) {
        window_start_ = now;
        lines_in_window_ = 0;
    }
    if (lines_in_window_++ < kLinesPerMinute) {
        while (!text.empty() && text.back() == '\n') {
            text.remove_suffix(1);
        }
        kLog.warning("{}", text);
    }
}

std::string EalLog::take() {
    std::fflush(stream_);
    std::vector<std::string_view> lines;
    std::string_view rest = kept_;
    while (!rest.empty()) {
        const size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view line = rest.substr(0, end);
        if (!line.empty() && !is_noise(line)) {
            lines.push_back(line);
        }
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    std::string told;
    for (size_t i = lines.size() - std::min(lines.size(), kLinesTold); i < lines.size(); ++i) {
        told += told.empty() ? "" : "; ";
        told += lines[i];
    }
    kept_.clear();
    return told;
}

void EalLog::pass_on() {
    kept_.clear();
    is_passing_on_ = true;
}

}  // namespace director::dataplane::io
