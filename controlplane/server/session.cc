#include "controlplane/server/session.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <asio/buffer.hpp>
#include <asio/post.hpp>
#include <asio/write.hpp>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

namespace director::server {
namespace {

// Calls of one client that may wait for their answer; further messages stay unread.
constexpr size_t kCallsUnderWayMax = 32;
// No further message is run while this much output waits for the client to read it.
constexpr size_t kUnreadBytesPause = size_t{256} << 10;
// Messages run in one turn of the event loop, so that a full buffer of them delays timers by no
// more than a few requests.
constexpr int kMessagesPerTurn = 16;
// Events turned into text at a time, for the same reason.
constexpr size_t kEventsPerTurn = 64;

std::string notification(std::string_view method, nlohmann::json params) {
    return nlohmann::json{{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}}
        .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Session::Session(Socket socket,
                 const ServerOptions& options,
                 const RequestTable& table,
                 Caller caller,
                 OnClose on_close)
    : socket_(std::move(socket)),
      table_(&table),
      events_(options.events),
      caller_(std::move(caller)),
      on_close_(std::move(on_close)),
      unread_bytes_max_(options.unread_bytes_max),
      reader_(caller_.role == Role::kAdmin ? options.admin_message_bytes_max
                                           : options.message_bytes_max) {}

Session::~Session() {
    if (descriptor_ >= 0) {
        ::close(descriptor_);
    }
}

void Session::hand_over(int descriptor) {
    if (descriptor_ >= 0) {
        ::close(descriptor_);
    }
    descriptor_ = descriptor;
}

void Session::start() {
    caller_.subscriber = weak_from_this();
    read_more();
}

void Session::close() {
    if (!is_open_) {
        return;
    }
    is_open_ = false;
    table_ = nullptr;
    events_ = nullptr;
    on_close_ = nullptr;
    asio::error_code ignored;
    socket_.close(ignored);
}

void Session::fail() {
    if (!is_open_) {
        return;
    }
    const OnClose on_close = std::move(on_close_);
    const auto self = shared_from_this();  // on_close lets go of the owner's reference
    close();
    if (on_close) {
        on_close(*this);
    }
}

bool Session::is_throttled() const {
    return calls_under_way_ >= kCallsUnderWayMax || unread_bytes() >= kUnreadBytesPause;
}

void Session::read_more() {
    if (!is_open_ || is_reading_ || is_input_over_) {
        return;
    }
    is_reading_ = true;
    socket_.async_read_some(
        asio::buffer(chunk_),
        [self = shared_from_this()](const asio::error_code& error, size_t length) {
            self->is_reading_ = false;
            if (!self->is_open_) {
                return;
            }
            if (error) {
                // A client may close its sending half and still wait for answers.
                self->is_input_over_ = true;
                self->close_when_done();
                return;
            }
            self->reader_.append({self->chunk_.data(), length});
            self->run_messages();
        });
}

void Session::run_messages() {
    if (!is_open_ || is_input_over_) {
        return;
    }
    is_running_messages_ = true;
    for (int turn = 0; is_open_; ++turn) {
        if (is_throttled()) {
            break;  // the next answer or the next write goes on
        }
        if (turn == kMessagesPerTurn) {
            run_soon();
            break;
        }
        const auto message = reader_.next();
        if (!message) {
            if (!reader_.is_overlong()) {
                read_more();
                break;
            }
            is_input_over_ = true;
            send(error_response(ErrorCode::kInvalidRequest, "the message is too long"));
            break;
        }
        ++calls_under_way_;
        table_->dispatch(*message, caller_, [weak = weak_from_this()](const std::string& response) {
            if (const auto self = weak.lock()) {
                self->on_answer(response);
            }
        });
    }
    is_running_messages_ = false;
    close_when_done();
}

// Later, in a turn of its own: an answer may come from deep inside the daemon, where running the
// next request would surprise it.
void Session::run_soon() {
    if (!is_open_ || is_run_posted_) {
        return;
    }
    is_run_posted_ = true;
    asio::post(socket_.get_executor(), [self = shared_from_this()] {
        self->is_run_posted_ = false;
        self->run_messages();
    });
}

void Session::on_answer(const std::string& response) {
    --calls_under_way_;
    if (!is_open_) {
        return;
    }
    if (!response.empty()) {
        send(response);
    }
    if (is_running_messages_) {
        return;
    }
    if (is_input_over_) {
        close_when_done();
    } else if (!is_reading_) {
        run_soon();
    }
}

// Its first events come after the answer to the request.
void Session::subscribe(uint64_t since, TopicSet topics) {
    subscription_ = Subscription{since, topics};
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->send_events(); });
}

void Session::send_events() {
    if (!is_open_ || !subscription_ || events_ == nullptr || is_sending_events_ ||
        unread_bytes() >= kUnreadBytesPause) {
        return;  // the next write goes on
    }
    is_sending_events_ = true;
    const EventsView page =
        events_->read(subscription_->next, kEventsPerTurn, subscription_->topics);
    subscription_->next = page.next;
    if (page.lost > 0) {
        send(notification("events-lost", {{"lost", page.lost}}));
    }
    for (const EventView& event : page.events) {
        send(notification("event", event));
    }
    is_sending_events_ = false;
    if (page.events.size() == kEventsPerTurn) {
        asio::post(socket_.get_executor(), [self = shared_from_this()] { self->send_events(); });
    }
}

void Session::send(const std::string& line) {
    if (unread_bytes() > unread_bytes_max_) {
        fail();
        return;
    }
    pending_.append(line).push_back('\n');
    write_more();
}

void Session::write_more() {
    if (!is_open_ || !writing_.empty() || pending_.empty()) {
        return;
    }
    writing_.swap(pending_);
    if (descriptor_ >= 0) {
        write_with_descriptor();
    }
    asio::async_write(socket_,
                      asio::buffer(writing_),
                      [self = shared_from_this()](const asio::error_code& error, size_t) {
                          if (!self->is_open_) {
                              return;
                          }
                          if (error) {
                              self->fail();
                              return;
                          }
                          self->writing_.clear();
                          self->write_more();
                          self->send_events();
                          if (self->is_input_over_) {
                              self->close_when_done();
                          } else if (!self->is_reading_) {
                              self->run_soon();
                          }
                      });
}

// Sends the answer's first bytes together with the descriptor. Should the socket be full, which
// takes a client that asks and does not read, the client gets an answer without.
void Session::write_with_descriptor() {
    constexpr size_t kBytesMax = 1;
    iovec part{.iov_base = writing_.data(), .iov_len = std::min(writing_.size(), kBytesMax)};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &descriptor_, sizeof(int));
    const ssize_t sent = ::sendmsg(socket_.native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
        writing_.erase(0, static_cast<size_t>(sent));
    }
    ::close(descriptor_);
    descriptor_ = -1;
}

void Session::close_when_done() {
    if (is_input_over_ && calls_under_way_ == 0 && unread_bytes() == 0) {
        fail();
    }
}

}  // namespace director::server
