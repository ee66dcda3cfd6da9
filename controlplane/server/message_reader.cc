#include "controlplane/server/message_reader.h"

namespace director::server {

void MessageReader::append(std::string_view bytes) {
    // Handed-out messages go first, so the buffer never grows beyond one message and one read.
    buffer_.erase(0, begin_);
    scanned_ -= begin_;
    begin_ = 0;
    buffer_.append(bytes);
}

std::optional<std::string_view> MessageReader::next() {
    while (!is_overlong_) {
        const size_t end = buffer_.find('\n', scanned_);
        const size_t length = (end == std::string::npos ? buffer_.size() : end) - begin_;
        if (length > message_bytes_max_) {
            is_overlong_ = true;
            break;
        }
        if (end == std::string::npos) {
            scanned_ = buffer_.size();
            break;
        }
        const std::string_view message = std::string_view(buffer_).substr(begin_, length);
        begin_ = scanned_ = end + 1;
        if (message.find_first_not_of(" \t\r") != std::string_view::npos) {
            return message;
        }
    }
    return std::nullopt;
}

}  // namespace director::server
