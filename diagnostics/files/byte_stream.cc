#include "diagnostics/files/byte_stream.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace director::diagnostics {
namespace {

// Small enough for a core's own cache, large enough that the calls do not count.
constexpr size_t kWindowBytes = size_t{256} << 10;

}  // namespace

Result<ByteStream> ByteStream::open(const std::string& path) {
    const int file = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status {};
    if (file < 0 || ::fstat(file, &status) != 0) {
        return failure(fmt::format("{}: {}", path, std::strerror(errno)));
    }
    if (S_ISDIR(status.st_mode)) {
        ::close(file);
        return failure(fmt::format("{}: is a directory, not a capture", path));
    }
    ByteStream stream(file);
    stream.total_ = S_ISREG(status.st_mode) ? static_cast<uint64_t>(status.st_size) : 0;
    return stream;
}

ByteStream::ByteStream(int file) : file_(file), buffer_(kWindowBytes) {
    window_ = buffer_.data();
}

ByteStream::ByteStream(std::span<const uint8_t> memory)
    : window_(memory.data()), end_(memory.size()), total_(memory.size()) {}

ByteStream::~ByteStream() {
    if (file_ > STDIN_FILENO) {
        ::close(file_);
    }
}

ByteStream::ByteStream(ByteStream&& other) noexcept
    : file_(std::exchange(other.file_, -1)),
      buffer_(std::move(other.buffer_)),
      window_(other.window_),
      begin_(other.begin_),
      end_(other.end_),
      position_(other.position_),
      total_(other.total_),
      fault_(std::move(other.fault_)) {}

ByteStream& ByteStream::operator=(ByteStream&& other) noexcept {
    std::swap(file_, other.file_);
    std::swap(buffer_, other.buffer_);
    std::swap(window_, other.window_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
    std::swap(position_, other.position_);
    std::swap(total_, other.total_);
    std::swap(fault_, other.fault_);
    return *this;
}

bool ByteStream::fill(size_t bytes) {
    if (file_ < 0 || bytes > kWindowMax || !fault_.empty()) {
        return false;
    }
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    if (bytes > buffer_.size()) {
        buffer_.resize(bytes);
        window_ = buffer_.data();
    }
    while (end_ < bytes) {
        const ssize_t got = ::read(file_, buffer_.data() + end_, buffer_.size() - end_);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            fault_ = std::strerror(errno);
        }
        if (got <= 0) {
            return false;
        }
        end_ += static_cast<size_t>(got);
    }
    return true;
}

bool ByteStream::skip(uint64_t bytes) {
    while (bytes > 0) {
        if (!want(1)) {
            return false;
        }
        const size_t now = static_cast<size_t>(std::min<uint64_t>(bytes, available()));
        step(now);
        bytes -= now;
    }
    return true;
}

}  // namespace director::diagnostics
