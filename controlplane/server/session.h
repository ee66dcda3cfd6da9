// One client of the control socket. Server's business; see server.h.
#pragma once

#include <array>
#include <asio/local/stream_protocol.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "controlplane/server/message_reader.h"
#include "controlplane/server/request_table.h"
#include "controlplane/server/server.h"

namespace director::server {

class Session final : public Subscriber, public std::enable_shared_from_this<Session> {
  public:
    using Socket = asio::local::stream_protocol::socket;
    using OnClose = std::function<void(Session&)>;

    // `table` must stay until close(); `on_close` is called once, unless the owner closed it.
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session() override;
    Session(Socket socket,
            const ServerOptions& options,
            const RequestTable& table,
            Caller caller,
            OnClose on_close);

    void start();
    // Ends at once; nothing is called back afterwards.
    void close();

    void subscribe(uint64_t since, TopicSet topics) override;
    void unsubscribe() override { subscription_.reset(); }
    void hand_over(int descriptor) override;
    // Sends what the client has subscribed to, as far as it reads.
    void send_events();

  private:
    struct Subscription {
        uint64_t next;
        TopicSet topics;
    };

    void read_more();
    void run_messages();
    void run_soon();
    void on_answer(const std::string& response);
    void send(const std::string& line);
    void write_more();
    void write_with_descriptor();
    void close_when_done();
    void fail();
    [[nodiscard]] bool is_throttled() const;
    [[nodiscard]] size_t unread_bytes() const { return pending_.size() + writing_.size(); }

    Socket socket_;
    const RequestTable* table_;
    const EventStream* events_;
    Caller caller_;
    OnClose on_close_;
    size_t unread_bytes_max_;
    MessageReader reader_;
    std::array<char, 16384> chunk_{};
    std::string pending_;         // answers that wait behind
    std::string writing_;         // what the kernel is being given
    size_t calls_under_way_ = 0;  // messages without their answer yet
    std::optional<Subscription> subscription_;
    int descriptor_ = -1;  // to go with the next answer
    bool is_open_ = true;
    bool is_reading_ = false;
    bool is_running_messages_ = false;
    bool is_run_posted_ = false;
    bool is_sending_events_ = false;
    bool is_input_over_ = false;  // no more messages will be run; closes once all is answered
};

}  // namespace director::server
