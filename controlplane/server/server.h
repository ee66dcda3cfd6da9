// The control socket: a Unix stream socket that speaks JSON-RPC 2.0, one message a line.
//
// Lives on the caller's io_context and that thread alone. The io_context must outlive the Server.
//
//     RequestTable table;
//     table.add({kStatus, [&](const auto&, Reply reply) { reply(nlohmann::json(status())); }});
//     auto server = Server::listen(io, {.path = "/run/directord.sock"}, std::move(table));
//
// What one client does cannot hold up another or the loop: messages, batches, calls under way and
// unread answers are bounded per client, and a few messages are run per turn of the loop.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "common/result.h"
#include "controlplane/server/event_stream.h"
#include "controlplane/server/request_table.h"

namespace asio {
class io_context;
}

namespace director::server {

struct ServerOptions {
    std::string path = std::string(kDefaultSocketPath);
    size_t clients_max = 64;
    // A longer message is answered with an error and the client closed.
    size_t message_bytes_max = size_t{1} << 20;
    // Of an admin, who may send a whole configuration.
    size_t admin_message_bytes_max = size_t{16} << 20;
    // A client that leaves this much unread when the next answer comes is closed.
    size_t unread_bytes_max = size_t{16} << 20;
    // Groups of admins and of readers beside who is let in anyway; empty: none.
    std::string admin_group = {};
    std::string reader_group = {};
    // What "events" and "subscribe" are about; outlives the server. Null: there are no such
    // requests.
    EventStream* events = nullptr;
};

class Server {
  public:
    // Makes the socket (mode 0660, with readers 0666: who may connect is checked by what the kernel
    // says of a client) and starts to answer as soon as the loop runs. A socket file on
    // which nobody answers is replaced; a living one, or a file of another kind, is a failure.
    // "hello", "events", "subscribe" and "unsubscribe" are answered by the server itself.
    [[nodiscard]] static Result<std::unique_ptr<Server>> listen(asio::io_context& io,
                                                                ServerOptions options,
                                                                RequestTable requests);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();  // stops

    // Closes every client and removes the socket file. Replies that come later do nothing.
    void stop();

    [[nodiscard]] size_t clients() const;

  private:
    class Listener;
    explicit Server(std::shared_ptr<Listener> listener);
    std::shared_ptr<Listener> listener_;
};

}  // namespace director::server
