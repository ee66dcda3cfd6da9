// Where the log lines of DPDK, and of libbpf and libxdp under its AF_XDP driver, go. While EAL
// starts they are kept, so that a failure can be told in DPDK's own words; afterwards a few a
// minute reach our log (drivers log from the lcores, and a broken device must not flood it).
#pragma once

#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>

namespace director::dataplane::io {

class EalLog {
  public:
    // Points DPDK's log here until destruction.
    EalLog();
    ~EalLog();
    EalLog(const EalLog&) = delete;
    EalLog& operator=(const EalLog&) = delete;

    // Catches what libbpf and libxdp would print on standard error. To be called once drivers are
    // loaded.
    void catch_bpf_libraries();

    // The last lines kept since the last call, joined by "; "; "" when there were none. Forgets
    // them.
    [[nodiscard]] std::string take();

    // From now on lines are passed on to our log, rate-limited, instead of being kept.
    void pass_on();

    // Any thread.
    void write(std::string_view text);

  private:
    static ssize_t write_cookie(void* cookie, const char* text, size_t size);

    FILE* stream_ = nullptr;
    std::mutex lock_;  // guards what follows
    std::string kept_;
    bool is_passing_on_ = false;
    uint64_t window_start_ = 0;  // TSC
    uint32_t lines_in_window_ = 0;
};

}  // namespace director::dataplane::io
