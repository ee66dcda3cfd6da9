// Cuts a byte stream into messages: one line each. Pure; used by Server's connections and the
// fuzzer.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace director::server {

class MessageReader {
  public:
    explicit MessageReader(size_t message_bytes_max) : message_bytes_max_(message_bytes_max) {}

    void append(std::string_view bytes);

    // The next whole message without its line end; blank lines are skipped. The view is valid until
    // the next call of append() or next(). Nothing once is_overlong().
    [[nodiscard]] std::optional<std::string_view> next();

    // The message at the front is longer than allowed, whether its end was seen or not. There is no
    // way to resume after it.
    [[nodiscard]] bool is_overlong() const { return is_overlong_; }

  private:
    size_t message_bytes_max_;
    std::string buffer_;
    size_t begin_ = 0;    // of the first message not yet handed out
    size_t scanned_ = 0;  // no line end lies in [begin_, scanned_)
    bool is_overlong_ = false;
};

}  // namespace director::server
