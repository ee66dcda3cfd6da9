// Small servers on loopback sockets, one per protocol, in the test's own thread: ProbeLab waits for
// their descriptors together with the probes'.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/address.h"
#include "healthcheck/probes/owned_fd.h"

struct ssl_st;
struct ssl_ctx_st;

namespace director::healthcheck::test {

class LoopbackServer {
  public:
    LoopbackServer() = default;
    LoopbackServer(const LoopbackServer&) = delete;
    LoopbackServer& operator=(const LoopbackServer&) = delete;
    virtual ~LoopbackServer() = default;

    [[nodiscard]] virtual std::vector<int> fds() const = 0;
    // Does what can be done without waiting.
    virtual void serve() = 0;
};

enum class Tls { kNo, kYes };

// What a connection says after all that it has received so far; called at its start too.
struct Say {
    std::string text;
    bool close = false;
};

class StreamServer final : public LoopbackServer {
  public:
    using Talk = std::function<Say(std::string_view received)>;

    explicit StreamServer(Talk talk, Tls tls = Tls::kNo, const char* address = "127.0.0.1");
    ~StreamServer() override;

    [[nodiscard]] Endpoint endpoint() const { return endpoint_; }
    [[nodiscard]] std::vector<int> fds() const override;
    void serve() override;
    // Refuses from now on.
    void close() { listener_.reset(); }

    size_t accepted = 0;
    std::string received;     // of the last connection
    std::string server_name;  // that it asked for (SNI)
    Endpoint client;          // of the last connection

  private:
    struct FreeTls {
        void operator()(ssl_st* session) const;
    };
    struct Connection {
        OwnedFd fd;
        std::unique_ptr<ssl_st, FreeTls> tls;
        std::string received;
        size_t said = 0;  // times
        bool is_over = false;
    };
    void accept_all();
    void advance(Connection& connection);
    [[nodiscard]] bool shake_hands(Connection& connection);
    [[nodiscard]] long read(Connection& connection, char* bytes, size_t size);
    void say(Connection& connection);

    Talk talk_;
    OwnedFd listener_;
    Endpoint endpoint_;
    ssl_ctx_st* context_ = nullptr;
    std::vector<std::unique_ptr<Connection>> connections_;
};

class DatagramServer final : public LoopbackServer {
  public:
    using Bytes = std::vector<uint8_t>;
    using Reply = std::function<std::vector<Bytes>(const Bytes& request)>;

    explicit DatagramServer(Reply reply, const char* address = "127.0.0.1");

    [[nodiscard]] Endpoint endpoint() const { return endpoint_; }
    [[nodiscard]] std::vector<int> fds() const override { return {fd_.get()}; }
    void serve() override;
    void close() { fd_.reset(); }

    std::vector<Bytes> requests;

  private:
    Reply reply_;
    OwnedFd fd_;
    Endpoint endpoint_;
};

}  // namespace director::healthcheck::test
