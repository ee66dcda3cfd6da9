// A file that text is added to, written in large pieces.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "common/result.h"
#include "diagnostics/report/table.h"

namespace director::cli {

class TextFile {
  public:
    // "-" is standard output. An existing file is replaced.
    [[nodiscard]] static Result<TextFile> create(const std::string& path);

    // To be added to; written out by flush_if_full() and close().
    [[nodiscard]] diagnostics::TextBuffer& buffer() { return *buffer_; }
    void flush_if_full() {
        constexpr size_t kFull = 1 << 16;
        if (buffer_->size() >= kFull) {
            flush();
        }
    }
    // Whether all that was added has been written.
    [[nodiscard]] Result<void> close();

  private:
    struct Closer {
        void operator()(std::FILE* file) const;
    };
    TextFile(std::string path, std::FILE* file);
    void flush();

    std::string path_;
    std::unique_ptr<std::FILE, Closer> file_;
    std::unique_ptr<diagnostics::TextBuffer> buffer_;
    bool has_failed_ = false;
};

}  // namespace director::cli
