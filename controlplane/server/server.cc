#include "controlplane/server/server.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <asio/io_context.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>
#include <cerrno>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <utility>

#include "common/log.h"
#include "controlplane/server/event_requests.h"
#include "controlplane/server/peer.h"
#include "controlplane/server/session.h"

namespace director::server {
namespace {

constexpr LogArea kLog{"server"};

// Owner and group, nobody else; peer credentials are checked as well. A file has one group: where
// readers have another one, credentials alone decide.
constexpr mode_t kSocketMode = 0660;
constexpr mode_t kSocketModeWithReaders = 0666;
constexpr int kBacklog = 16;
// accept() fails mostly for want of file descriptors, and would at once fail again.
constexpr std::chrono::milliseconds kAcceptRetryDelay{200};

using Protocol = asio::local::stream_protocol;

std::string reason(int error) {
    return std::generic_category().message(error);
}

// Removes a socket file that a dead process left behind; refuses to touch anything else.
Result<void> clear_path(const std::string& path) {
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0) {
        return errno == ENOENT ? Result<void>{}
                               : failure(fmt::format("socket {}: {}", path, reason(errno)));
    }
    if (!S_ISSOCK(status.st_mode)) {
        return failure(fmt::format("socket {}: a file that is no socket is in the way", path));
    }
    asio::io_context io;
    Protocol::socket probe(io);
    asio::error_code error;
    probe.open(Protocol(), error);
    probe.non_blocking(true, error);
    probe.connect(Protocol::endpoint(path), error);
    if (error != asio::error::connection_refused) {
        return failure(fmt::format("socket {}: another process answers on it ({})",
                                   path,
                                   error ? error.message() : "connected"));
    }
    if (unlink(path.c_str()) != 0 && errno != ENOENT) {
        return failure(
            fmt::format("socket {}: cannot remove the old one: {}", path, reason(errno)));
    }
    return {};
}

// Which file a path names, to know later whether it is still ours.
std::optional<std::pair<dev_t, ino_t>> identity(const std::string& path) {
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0) {
        return std::nullopt;
    }
    return std::pair{status.st_dev, status.st_ino};
}

Handler hello_handler(const RequestTable& table) {
    HelloView hello;
    hello.version = DIRECTOR_VERSION;
    const auto add = [&hello](const MethodText& text) {
        hello.methods.push_back({std::string(text.name),
                                 std::string(text.arguments),
                                 std::string(text.help),
                                 text.access == Access::kReads ? "reads" : "changes"});
    };
    add(kHello);
    for (const Request& request : table.requests()) {
        add(request.text);
    }
    return [hello](const nlohmann::json&, const Reply& reply) {
        HelloView view = hello;
        view.role = reply.caller().role == Role::kAdmin ? "admin" : "reader";
        reply(nlohmann::json(view));
    };
}

}  // namespace

class Server::Listener : public std::enable_shared_from_this<Listener> {
  public:
    Listener(asio::io_context& io, ServerOptions options, RequestTable table)
        : options_(std::move(options)), table_(std::move(table)), acceptor_(io), retry_(io) {}

    Result<void> open() {
        if (auto known = find_groups(); !known) {
            return known;
        }
        if (options_.path.empty() || options_.path.size() >= sizeof(sockaddr_un::sun_path)) {
            return failure(fmt::format("socket {}: the path must have 1 to {} bytes",
                                       options_.path,
                                       sizeof(sockaddr_un::sun_path) - 1));
        }
        if (auto cleared = clear_path(options_.path); !cleared) {
            return cleared;
        }
        asio::error_code error;
        acceptor_.open(Protocol(), error);
        // Linux gives the file the descriptor's mode less the umask: it is never open to others,
        // not even between bind() and chmod().
        if (!error && fchmod(acceptor_.native_handle(), kSocketMode) != 0) {
            return failure(fmt::format("socket {}: fchmod: {}", options_.path, reason(errno)));
        }
        if (!error) {
            acceptor_.bind(Protocol::endpoint(options_.path), error);
        }
        if (error) {
            return failure(fmt::format("socket {}: {}", options_.path, error.message()));
        }
        file_ = identity(options_.path);
        if (auto given = give_to_groups(); !given) {
            return given;
        }
        acceptor_.listen(kBacklog, error);
        if (!error) {
            acceptor_.non_blocking(true, error);
        }
        if (error) {
            return failure(fmt::format("socket {}: {}", options_.path, error.message()));
        }
        if (options_.events != nullptr) {
            options_.events->on_publish([this] { send_events_soon(); });
        }
        accept_next();
        return {};
    }

    void stop() {
        if (options_.events != nullptr) {
            options_.events->on_publish({});
        }
        asio::error_code ignored;
        acceptor_.close(ignored);
        retry_.cancel();
        for (const auto& session : std::exchange(sessions_, {})) {
            session->close();
        }
        // Another directord may have taken the path over meanwhile.
        if (file_ && identity(options_.path) == file_) {
            unlink(options_.path.c_str());
        }
        file_.reset();
    }

    [[nodiscard]] size_t clients() const { return sessions_.size(); }

  private:
    Result<void> find_groups() {
        rules_.own_uid = geteuid();
        rules_.own_gid = getegid();
        const std::pair<const std::string&, std::optional<gid_t>&> groups[] = {
            {options_.admin_group, rules_.admin_group},
            {options_.reader_group, rules_.reader_group}};
        for (const auto& [name, number] : groups) {
            if (name.empty()) {
                continue;
            }
            const auto found = find_group(name);
            if (!found) {
                return failure(fmt::format("socket {}: {}", options_.path, found.error().message));
            }
            number = *found;
        }
        return {};
    }

    Result<void> give_to_groups() {
        if (rules_.admin_group &&
            chown(options_.path.c_str(), static_cast<uid_t>(-1), *rules_.admin_group) != 0) {
            return failure(fmt::format("socket {}: chown: {}", options_.path, reason(errno)));
        }
        const mode_t mode = rules_.reader_group ? kSocketModeWithReaders : kSocketMode;
        if (chmod(options_.path.c_str(), mode) != 0) {
            return failure(fmt::format("socket {}: chmod: {}", options_.path, reason(errno)));
        }
        return {};
    }

    // In a turn of its own: what happens is told from deep inside the daemon.
    void send_events_soon() {
        if (std::exchange(is_sending_posted_, true)) {
            return;
        }
        asio::post(acceptor_.get_executor(), [self = shared_from_this()] {
            self->is_sending_posted_ = false;
            const auto sessions = self->sessions_;  // sending may end one
            for (const auto& session : sessions) {
                session->send_events();
            }
        });
    }

    void accept_next() {
        acceptor_.async_accept(
            [self = shared_from_this()](const asio::error_code& error, Protocol::socket socket) {
                if (!self->acceptor_.is_open()) {
                    return;
                }
                if (error) {
                    self->accept_later(error);
                    return;
                }
                self->is_accept_failing_ = false;
                self->admit(std::move(socket));
                self->accept_next();
            });
    }

    void accept_later(const asio::error_code& why) {
        if (!std::exchange(is_accept_failing_, true)) {
            kLog.warning("cannot accept clients, will retry error=\"{}\"", why.message());
        }
        retry_.expires_after(kAcceptRetryDelay);
        retry_.async_wait([self = shared_from_this()](const asio::error_code&) {
            if (self->acceptor_.is_open()) {
                self->accept_next();
            }
        });
    }

    void admit(Protocol::socket socket) {
        const auto peer = peer_credentials(socket.native_handle());
        const auto role = peer ? role_of(*peer, rules_) : std::nullopt;
        if (!role) {
            refuse(std::move(socket), "permission denied: you are not in directord's group");
            return;
        }
        if (sessions_.size() >= options_.clients_max) {
            refuse(std::move(socket), "too many clients are connected");
            return;
        }
        const auto session =
            std::make_shared<Session>(std::move(socket),
                                      options_,
                                      table_,
                                      Caller{.role = *role, .uid = peer->uid, .subscriber = {}},
                                      [this](Session& closed) { forget(closed); });
        sessions_.push_back(session);
        session->start();
    }

    // Says why, if the socket takes it at once, and closes.
    static void refuse(Protocol::socket socket, std::string_view why) {
        const std::string line = error_response(ErrorCode::kFailed, why) + "\n";
        asio::error_code ignored;
        socket.non_blocking(true, ignored);
        socket.write_some(asio::buffer(line), ignored);
    }

    void forget(const Session& session) {
        std::erase_if(sessions_, [&session](const auto& each) { return each.get() == &session; });
    }

    ServerOptions options_;
    RequestTable table_;
    Protocol::acceptor acceptor_;
    asio::steady_timer retry_;
    std::vector<std::shared_ptr<Session>> sessions_;
    std::optional<std::pair<dev_t, ino_t>> file_;
    AccessRules rules_;
    bool is_accept_failing_ = false;
    bool is_sending_posted_ = false;
};

Server::Server(std::shared_ptr<Listener> listener) : listener_(std::move(listener)) {}

Server::~Server() {
    try {
        stop();
    } catch (...) {  // NOLINT(bugprone-empty-catch): out of memory on the way out; the file stays
    }
}

Result<std::unique_ptr<Server>> Server::listen(asio::io_context& io,
                                               ServerOptions options,
                                               RequestTable requests) {
    if (options.events != nullptr) {
        add_event_requests(requests, *options.events);
    }
    requests.add({kHello, hello_handler(requests)});
    const auto listener = std::make_shared<Listener>(io, std::move(options), std::move(requests));
    if (auto opened = listener->open(); !opened) {
        listener->stop();
        return Failure(std::move(opened.error()));
    }
    return std::unique_ptr<Server>(new Server(listener));
}

void Server::stop() {
    listener_->stop();
}

size_t Server::clients() const {
    return listener_->clients();
}

}  // namespace director::server
