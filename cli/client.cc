#include "cli/client.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "cli/commands.h"

namespace director::cli {
namespace {

using Json = nlohmann::json;

// Longer than any request takes, so that a stuck directord does not hang a script for ever.
constexpr time_t kAnswerTimeoutSeconds = 30;
constexpr int kServicesPerPage = 500;

std::string reason(int error) {
    return std::generic_category().message(error);
}

std::string advice(int error) {
    switch (error) {
        case ENOENT:
        case ECONNREFUSED:
            return "is directord running, and is this its socket (--socket)?";
        case EACCES:
        case EPERM:
            return "run as root or as a member of directord's group";
        default:
            return "see --socket";
    }
}

tl::unexpected<CallError> unreachable(std::string message) {
    return tl::unexpected(CallError{CallFailure::kUnreachable, std::move(message)});
}

}  // namespace

Result<Client> Client::connect(const std::string& path) {
    sockaddr_un address{};
    if (path.empty() || path.size() >= sizeof(address.sun_path)) {
        return failure(fmt::format("cannot reach directord: \"{}\" is no socket path", path));
    }
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, path.size());
    Client client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (client.socket_ < 0 ||
        ::connect(client.socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
            0) {
        const int error = errno;
        return failure(fmt::format(
            "cannot reach directord at {}: {}; {}", path, reason(error), advice(error)));
    }
    const timeval timeout{kAnswerTimeoutSeconds, 0};
    setsockopt(client.socket_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    setsockopt(client.socket_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    return client;
}

Client::Client(Client&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      received_(std::move(other.received_)),
      notifications_(std::move(other.notifications_)),
      last_id_(other.last_id_) {}

Client::~Client() {
    if (socket_ >= 0) {
        ::close(socket_);
    }
    if (descriptor_ >= 0) {
        ::close(descriptor_);
    }
}

void Client::wait_longer(uint64_t seconds) {
    const timeval timeout{kAnswerTimeoutSeconds + static_cast<time_t>(seconds), 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
}

// As recv(), and keeps a descriptor that comes along.
ssize_t Client::receive(std::span<char> chunk) {
    iovec part{.iov_base = chunk.data(), .iov_len = chunk.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t count = ::recvmsg(socket_, &message, MSG_CMSG_CLOEXEC);
    const cmsghdr* const header = count > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
    if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
        if (descriptor_ >= 0) {
            ::close(descriptor_);
        }
        std::memcpy(&descriptor_, CMSG_DATA(header), sizeof(descriptor_));
    }
    return count;
}

Result<std::string> Client::receive_line() {
    size_t scanned = 0;
    for (;;) {
        const size_t end = received_.find('\n', scanned);
        if (end != std::string::npos) {
            std::string line = received_.substr(0, end);
            received_.erase(0, end + 1);
            return line;
        }
        scanned = received_.size();
        std::array<char, 65536> chunk{};
        const ssize_t count = receive(chunk);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return failure(errno == EAGAIN ? fmt::format("directord did not answer within {} s",
                                                         kAnswerTimeoutSeconds)
                                           : "connection to directord: " + reason(errno));
        }
        if (count == 0) {
            return failure("directord closed the connection without an answer");
        }
        received_.append(chunk.data(), static_cast<size_t>(count));
    }
}

tl::expected<Json, CallError> Client::call(std::string_view method, const Json& params) {
    const int id = ++last_id_;
    const std::string request =
        Json{{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}}.dump() + "\n";
    size_t sent = 0;
    while (sent < request.size()) {
        const ssize_t count =
            ::send(socket_, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            break;  // directord may have said why before it closed
        }
        sent += static_cast<size_t>(count);
    }
    auto line = receive_line();
    if (!line) {
        return unreachable(std::move(line.error().message));
    }
    Json answer = Json::parse(*line, nullptr, false);
    // What a subscription brings may come in between.
    while (answer.is_object() && answer.contains("method") && !answer.contains("id")) {
        notifications_.push_back(std::move(answer));
        line = receive_line();
        if (!line) {
            return unreachable(std::move(line.error().message));
        }
        answer = Json::parse(*line, nullptr, false);
    }
    if (!answer.is_object()) {
        return unreachable("the answer is not JSON-RPC; is this directord's socket?");
    }
    if (const auto error = answer.find("error"); error != answer.end()) {
        const bool has_message =
            error->is_object() && error->contains("message") && (*error)["message"].is_string();
        return tl::unexpected(
            CallError{CallFailure::kRefused,
                      has_message ? (*error)["message"].get<std::string>() : error->dump(),
                      error->is_object() ? error->value("data", Json()) : Json()});
    }
    const auto result = answer.find("result");
    if (result == answer.end() || answer.value("id", Json()) != id) {
        return unreachable("the answer is not JSON-RPC; is this directord's socket?");
    }
    return std::move(*result);
}

tl::expected<Json, CallError> Client::call_in_pages(std::string_view method, Json params) {
    params["limit"] = kServicesPerPage;
    auto all = call(method, params);
    while (all && !all->value("next_cursor", "").empty()) {
        params["cursor"] = all->at("next_cursor");
        auto page = call(method, params);
        if (!page) {
            return page;
        }
        Json& services = (*page)["services"];
        std::move(services.begin(), services.end(), std::back_inserter((*all)["services"]));
        (*all)["next_cursor"] = page->value("next_cursor", "");
    }
    return all;
}

tl::expected<Json, CallError> Client::next_notification() {
    if (!notifications_.empty()) {
        Json message = std::move(notifications_.front());
        notifications_.pop_front();
        return message;
    }
    const timeval never{0, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &never, sizeof(never));
    auto line = receive_line();
    if (!line) {
        return unreachable(std::move(line.error().message));
    }
    Json message = Json::parse(*line, nullptr, false);
    if (!message.is_object()) {
        return unreachable("the message is not JSON-RPC; is this directord's socket?");
    }
    return message;
}

int complain(const CallError& error) {
    fmt::print(stderr, "directorctl: {}\n", error.message);
    return error.kind == CallFailure::kUnreachable ? kExitUnreachable : kExitFailed;
}

std::string document(const Json& result) {
    return result.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace director::cli
