// Bytes of a file, a pipe or memory, looked at through a window that moves forward.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/result.h"

namespace director::diagnostics {

class ByteStream {
  public:
    // "-" is standard input.
    [[nodiscard]] static Result<ByteStream> open(const std::string& path);
    // The bytes must outlive the stream.
    explicit ByteStream(std::span<const uint8_t> memory);
    ~ByteStream();
    ByteStream(ByteStream&& other) noexcept;
    ByteStream& operator=(ByteStream&& other) noexcept;
    ByteStream(const ByteStream&) = delete;
    ByteStream& operator=(const ByteStream&) = delete;

    // Makes the next `bytes` available at data(), at most kWindowMax. False if there are not so
    // many: what there is, available() tells. What data() pointed to before is gone.
    [[nodiscard]] bool want(size_t bytes) { return end_ - begin_ >= bytes || fill(bytes); }
    [[nodiscard]] const uint8_t* data() const { return window_ + begin_; }
    [[nodiscard]] size_t available() const { return end_ - begin_; }
    // Steps over bytes that want() made available.
    void step(size_t bytes) {
        begin_ += bytes;
        position_ += bytes;
    }
    // Steps over any number of bytes; false if there are not so many.
    [[nodiscard]] bool skip(uint64_t bytes);

    [[nodiscard]] uint64_t position() const { return position_; }
    // Of a regular file or memory; 0 of a pipe.
    [[nodiscard]] uint64_t total() const { return total_; }
    // Reading itself failed, as the system says; empty: it did not.
    [[nodiscard]] const std::string& fault() const { return fault_; }

    static constexpr size_t kWindowMax = size_t{16} << 20;

  private:
    explicit ByteStream(int file);
    [[nodiscard]] bool fill(size_t bytes);

    int file_ = -1;  // -1: memory
    std::vector<uint8_t> buffer_;
    const uint8_t* window_ = nullptr;
    size_t begin_ = 0;
    size_t end_ = 0;
    uint64_t position_ = 0;
    uint64_t total_ = 0;
    std::string fault_;
};

}  // namespace director::diagnostics
