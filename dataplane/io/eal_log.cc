#include "dataplane/io/eal_log.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdarg>
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

// Printed although nothing is wrong. The first at error level in every --in-memory start: that mode
// needs no mounted hugetlbfs.
// The others are libxdp's, where /sys/fs/bpf is not mounted: it then needs no dispatcher either.
constexpr std::array<std::string_view, 4> kNoise{"no mounted hugetlbfs",
                                                 "No bpffs found",
                                                 "Can't use dispatcher",
                                                 "Falling back to loading single prog"};

bool is_noise(std::string_view line) {
    return std::any_of(kNoise.begin(), kNoise.end(), [line](std::string_view part) {
        return line.find(part) != std::string_view::npos;
    });
}

std::atomic<EalLog*> g_log = nullptr;

// libbpf_print_fn_t and libxdp_print_fn_t; their levels begin with 0, a warning.
__attribute__((format(printf, 2, 0))) int print_bpf(int level, const char* format, va_list values) {
    EalLog* const log = g_log.load();
    if (level != 0 || log == nullptr) {
        return 0;
    }
    std::array<char, 512> text{};
    const int length = std::vsnprintf(text.data(), text.size(), format, values);
    log->write(text.data());
    return length;
}

void catch_library(const char* library, const char* setter_name) {
    using Setter = void* (*)(int (*)(int, const char*, va_list));
    void* const handle = dlopen(library, RTLD_NOW | RTLD_NOLOAD);
    if (handle == nullptr) {
        return;
    }
    if (void* const setter = dlsym(handle, setter_name); setter != nullptr) {
        reinterpret_cast<Setter>(setter)(&print_bpf);
    }
    dlclose(handle);
}

}  // namespace

EalLog::EalLog() {
    cookie_io_functions_t functions{};
    functions.write = &EalLog::write_cookie;
    stream_ = fopencookie(this, "w", functions);
    DIRECTOR_ASSERT(stream_ != nullptr);
    rte_openlog_stream(stream_);
}

void EalLog::catch_bpf_libraries() {
    g_log = this;
    catch_library("libbpf.so.1", "libbpf_set_print");
    catch_library("libxdp.so.1", "libxdp_set_print");
}

EalLog::~EalLog() {
    g_log = nullptr;
    rte_openlog_stream(nullptr);
    std::fclose(stream_);
}

ssize_t EalLog::write_cookie(void* cookie, const char* text, size_t size) {
    const std::string_view line(text, size);
    if (rte_log_cur_msg_loglevel() <= static_cast<int>(RTE_LOG_CRIT)) {
        // The last words of rte_panic.
        kLog.error("{}", line);
    } else {
        static_cast<EalLog*>(cookie)->write(line);
    }
    return static_cast<ssize_t>(size);
}

void EalLog::write(std::string_view text) {
    const std::lock_guard guard(lock_);
    if (!is_passing_on_) {
        kept_.append(text);
        if (kept_.size() > kKeptMax) {
            kept_.erase(0, kept_.size() - kKeptMax);
        }
        return;
    }
    if (is_noise(text)) {
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
