#include "controlplane/sync/bulk_link.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <asio/write.hpp>
#include <cstring>
#include <utility>

#include "common/log.h"
#include "common/random.h"
#include "controlplane/sync/socket_address.h"

namespace director::sync {

namespace {

using asio::ip::tcp;

constexpr LogArea kLog{"sync"};

// A session in which nothing moves is hung up on.
constexpr auto kIdleMax = std::chrono::seconds(30);
constexpr auto kRetry = std::chrono::seconds(1);

[[nodiscard]] Nonce fresh_nonce() {
    const std::array<uint64_t, 2> words{system_random(), system_random()};
    Nonce nonce{};
    std::memcpy(nonce.data(), words.data(), nonce.size());
    return nonce;
}

}  // namespace

// --- The listener ---------------------------------------------------------------------------

struct BulkListener::Session {
    Session(tcp::socket peer, const BulkSourceSettings& settings, const Authenticator& key)
        : socket(std::move(peer)),
          timer(socket.get_executor()),
          source(settings, fresh_nonce(), key) {}

    tcp::socket socket;
    asio::steady_timer timer;
    BulkSource source;
    Bytes outgoing;
    std::array<uint8_t, 4096> buffer{};
    bool is_sending = false;
    bool is_reading_page = false;
    bool is_closed = false;
};

BulkListener::BulkListener(asio::io_context& io,
                           const Clock& clock,
                           const BulkSourceSettings& settings,
                           const Authenticator& authenticator,
                           std::function<bool(const IpAddress&)> is_allowed,
                           ReadPage read_page)
    : clock_(clock),
      settings_(settings),
      authenticator_(authenticator),
      is_allowed_(std::move(is_allowed)),
      read_page_(std::move(read_page)),
      acceptor_(io) {}

BulkListener::~BulkListener() {
    for (const auto& session : sessions_) {
        session->is_closed = true;
    }
}

namespace {

asio::error_code listen(tcp::acceptor& acceptor,
                        const tcp::endpoint& endpoint,
                        const std::string& interface) {
    asio::error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) {
        acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    }
    if (!error && !interface.empty()) {
        ::setsockopt(acceptor.native_handle(),
                     SOL_SOCKET,
                     SO_BINDTODEVICE,
                     interface.c_str(),
                     static_cast<socklen_t>(interface.size() + 1));
    }
    if (!error) {
        acceptor.bind(endpoint, error);
    }
    if (!error) {
        acceptor.listen(asio::socket_base::max_listen_connections, error);
    }
    return error;
}

}  // namespace

// NOLINTNEXTLINE(readability-function-size): each parameter once, of eight different types.
Result<std::unique_ptr<BulkListener>> BulkListener::open(
    asio::io_context& io,
    const Clock& clock,
    const tcp::endpoint& endpoint,
    const std::string& interface,
    const BulkSourceSettings& settings,
    const Authenticator& authenticator,
    std::function<bool(const IpAddress&)> is_allowed,
    ReadPage read_page) {
    std::unique_ptr<BulkListener> listener(new BulkListener(  // its constructor is private
        io,
        clock,
        settings,
        authenticator,
        std::move(is_allowed),
        std::move(read_page)));
    if (const asio::error_code error = listen(listener->acceptor_, endpoint, interface)) {
        return failure(fmt::format(
            "connection sync: cannot listen on TCP port {}: {}", endpoint.port(), error.message()));
    }
    listener->accept();
    return listener;
}

void BulkListener::accept() {
    acceptor_.async_accept([this](const asio::error_code& error, tcp::socket peer) {
        if (error == asio::error::operation_aborted) {
            return;
        }
        asio::error_code ignored;
        const auto from = peer.remote_endpoint(ignored);
        if (!error && !ignored && sessions_.size() < kSessionsMax &&
            is_allowed_(from_asio(from.address()))) {
            auto session = std::make_shared<Session>(std::move(peer), settings_, authenticator_);
            sessions_.push_back(session);
            receive(session);
            serve(session);
        }
        accept();
    });
}

void BulkListener::receive(const std::shared_ptr<Session>& session) {
    session->socket.async_read_some(
        asio::buffer(session->buffer), [this, session](const asio::error_code& error, size_t size) {
            if (session->is_closed) {
                return;
            }
            if (error) {
                close(session);
                return;
            }
            session->source.on_bytes(std::span(session->buffer).first(size), clock_.now());
            receive(session);
            serve(session);
        });
}

// Whatever can be done now: a page, bytes, the end; and when to look again.
void BulkListener::serve(const std::shared_ptr<Session>& session) {
    if (const auto cursor = session->source.wanted_page(clock_.now());
        cursor && !session->is_reading_page) {
        session->is_reading_page = true;
        read_page_(*cursor, [this, session](const BulkPage& page) {
            if (session->is_closed) {
                return;
            }
            session->is_reading_page = false;
            session->source.give_page(page.records, page.next_cursor, page.is_last, clock_.now());
            serve(session);
        });
    }
    transmit(session);
    if (session->is_closed) {
        return;
    }
    const TimePoint due = session->source.deadline();
    const Duration rest =
        due == TimePoint::max() || session->is_reading_page
            ? Duration(kIdleMax)
            : std::max<Duration>(due - clock_.now(), std::chrono::milliseconds(1));
    session->timer.expires_after(rest);
    session->timer.async_wait([this, session, rest](const asio::error_code& error) {
        if (error || session->is_closed) {
            return;
        }
        if (rest >= Duration(kIdleMax)) {
            close(session);
        } else {
            serve(session);
        }
    });
}

void BulkListener::transmit(const std::shared_ptr<Session>& session) {
    if (session->is_sending) {
        return;
    }
    session->outgoing = session->source.take_output();
    if (session->outgoing.empty()) {
        if (session->source.end() != BulkEnd::kNone) {
            close(session);
        }
        return;
    }
    session->is_sending = true;
    asio::async_write(session->socket,
                      asio::buffer(session->outgoing),
                      [this, session](const asio::error_code& error, size_t /*size*/) {
                          if (session->is_closed) {
                              return;
                          }
                          session->is_sending = false;
                          if (error) {
                              close(session);
                          } else {
                              transmit(session);
                          }
                      });
}

void BulkListener::close(const std::shared_ptr<Session>& session) {
    const BulkEnd end = session->source.end();
    completed_ += end == BulkEnd::kDone ? 1 : 0;
    records_ += session->source.records();
    kLog.info("bulk transfer given records={} end={}", session->source.records(), to_string(end));
    session->is_closed = true;
    session->timer.cancel();
    asio::error_code ignored;
    session->socket.close(ignored);
    sessions_.remove(session);
}

// --- The fetcher ----------------------------------------------------------------------------

BulkFetcher::BulkFetcher(asio::io_context& io,
                         uint8_t sync_id,
                         uint16_t port,
                         const Authenticator& authenticator,
                         OnRecords on_records)
    : io_(io),
      sync_id_(sync_id),
      port_(port),
      authenticator_(authenticator),
      on_records_(std::move(on_records)),
      socket_(io),
      timer_(io) {}

BulkFetcher::~BulkFetcher() = default;

void BulkFetcher::fetch(const IpAddress& twin) {
    if (twin_) {
        next_ = *twin_ == twin ? next_ : std::optional(twin);
        return;
    }
    twin_ = twin;
    progress_ = {};
    attempts_ = 0;
    connect();
}

void BulkFetcher::connect() {
    ++attempts_;
    ++generation_;
    socket_ = tcp::socket(io_);
    joiner_.emplace(sync_id_, fresh_nonce(), progress_, authenticator_);
    is_sending_ = false;
    socket_.async_connect(tcp::endpoint(to_asio(*twin_), port_),
                          [this, mine = generation_](const asio::error_code& error) {
                              if (mine != generation_ || error == asio::error::operation_aborted) {
                                  return;
                              }
                              if (error) {
                                  try_again();
                                  return;
                              }
                              receive();
                              transmit();
                          });
}

void BulkFetcher::receive() {
    timer_.expires_after(kIdleMax);
    timer_.async_wait([this, mine = generation_](const asio::error_code& error) {
        if (!error && mine == generation_) {
            try_again();
        }
    });
    socket_.async_read_some(
        asio::buffer(buffer_),
        [this, mine = generation_](const asio::error_code& error, size_t size) {
            if (mine != generation_ || error == asio::error::operation_aborted) {
                return;
            }
            if (error) {
                try_again();
                return;
            }
            auto records = joiner_->on_bytes(std::span(buffer_).first(size));
            records_ += records.size();
            progress_ = joiner_->progress();
            if (!records.empty()) {
                on_records_(std::move(records));
            }
            if (joiner_->end() != BulkEnd::kNone) {
                end();
                return;
            }
            transmit();
            receive();
        });
}

void BulkFetcher::transmit() {
    if (is_sending_) {
        return;
    }
    outgoing_ = joiner_->take_output();
    if (outgoing_.empty()) {
        return;
    }
    is_sending_ = true;
    asio::async_write(socket_,
                      asio::buffer(outgoing_),
                      [this, mine = generation_](const asio::error_code& error, size_t /*size*/) {
                          if (mine != generation_ || error) {
                              return;  // reading will find out
                          }
                          is_sending_ = false;
                          transmit();
                      });
}

void BulkFetcher::try_again() {
    ++generation_;
    asio::error_code ignored;
    socket_.close(ignored);
    if (attempts_ >= kAttemptsMax) {
        end();
        return;
    }
    timer_.expires_after(kRetry);
    timer_.async_wait([this, mine = generation_](const asio::error_code& error) {
        if (!error && mine == generation_) {
            connect();
        }
    });
}

void BulkFetcher::end() {
    const BulkEnd end = joiner_ ? joiner_->end() : BulkEnd::kNone;
    ++(end == BulkEnd::kDone ? completed_ : failed_);
    kLog.info("bulk transfer fetched twin={} records={} end={}",
              to_string(*twin_),
              progress_.records,
              end == BulkEnd::kNone ? "no_answer" : to_string(end));
    ++generation_;
    timer_.cancel();
    asio::error_code ignored;
    socket_.close(ignored);
    twin_.reset();
    if (next_) {
        fetch(*std::exchange(next_, std::nullopt));
    }
}

}  // namespace director::sync
