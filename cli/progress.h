// A bar on standard error that says how far a long reading is. Shown only to a terminal, and only
// once it has taken more than a second.
#pragma once

#include <cstdint>
#include <string>

#include "common/time.h"

namespace director::cli {

class Progress {
  public:
    // `is_terminal`: standard error is one. With `bytes_total` 0 (a pipe) only amounts are shown.
    Progress(const Clock& clock, bool is_terminal, uint64_t bytes_total);
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress();

    // To be called now and then; draws at most ten times a second.
    void show(uint64_t packets, uint64_t bytes);

  private:
    const Clock& clock_;
    TimePoint started_;
    TimePoint drawn_;
    uint64_t bytes_total_;
    bool is_terminal_;
    bool is_drawn_ = false;
};

// "[=====>    ]  52 %  5.2 M packets  2.1 M/s  0:02 left", in at most `width` characters.
[[nodiscard]] std::string progress_text(
    uint64_t packets, uint64_t bytes, uint64_t bytes_total, double seconds, size_t width = 79);

}  // namespace director::cli
