#include "controlplane/daemon/watch.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace director::daemon {
namespace {

// What may wait for a slow client, beside what the socket holds.
constexpr size_t kWaitingMax = size_t{8} << 20;

std::string name_in(const std::unordered_map<uint32_t, std::string>& names, uint32_t slot) {
    const auto found = names.find(slot);
    return found != names.end() ? found->second : std::to_string(slot);
}

}  // namespace

std::string WatchNames::service(dataplane::ServiceId id) const {
    return name_in(services, index(id));
}

std::string WatchNames::server(dataplane::RealServerId id) const {
    return name_in(servers, index(id));
}

std::string WatchNames::port(uint8_t port) const {
    return port < ports.size() ? ports[port] : "port " + std::to_string(port);
}

WatchOutput::~WatchOutput() {
    if (descriptor_ >= 0) {
        ::close(descriptor_);
    }
}

bool WatchOutput::add(std::string_view bytes) {
    if (waiting_.size() - sent_ + bytes.size() > kWaitingMax) {
        return false;
    }
    waiting_.append(bytes);
    return true;
}

void WatchOutput::flush() {
    while (!is_gone_ && sent_ < waiting_.size()) {
        const ssize_t count = ::send(descriptor_,
                                     waiting_.data() + sent_,
                                     waiting_.size() - sent_,
                                     MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0) {
            is_gone_ = errno != EAGAIN && errno != EINTR;
            break;
        }
        sent_ += static_cast<size_t>(count);
    }
    // Moved to the front when that is worth it.
    if (is_gone_ || sent_ == waiting_.size() || sent_ > kWaitingMax / 2) {
        waiting_.erase(0, is_gone_ ? waiting_.size() : sent_);
        sent_ = 0;
    }
}

bool WatchOutput::has_ended() {
    char byte = 0;
    const ssize_t count = ::recv(descriptor_, &byte, 1, MSG_DONTWAIT);
    const bool is_waiting = count < 0 && (errno == EAGAIN || errno == EINTR);
    is_gone_ = is_gone_ || (count < 0 && !is_waiting);
    return is_gone_ || !is_waiting;
}

}  // namespace director::daemon
