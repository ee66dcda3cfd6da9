// The bulk transfer (bulk.h) on TCP: a listener that gives our table to twins that join, and a
// fetcher that takes a twin's. Event loop's thread only.
#pragma once

#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/time.h"
#include "controlplane/sync/bulk.h"

namespace director::sync {

// A page of the table, at most kBulkRecordsMax records.
struct BulkPage {
    std::vector<dataplane::SyncRecord> records;
    uint64_t next_cursor = 0;
    bool is_last = false;
};
// Reads the page at a cursor, of which a stranger may have chosen any value, and calls back later.
using ReadPage = std::function<void(uint64_t cursor, std::function<void(const BulkPage&)> done)>;

class BulkListener {
  public:
    // Twins at one time; who comes then is hung up on.
    static constexpr size_t kSessionsMax = 2;

    [[nodiscard]] static Result<std::unique_ptr<BulkListener>> open(
        asio::io_context& io,
        const Clock& clock,
        const asio::ip::tcp::endpoint& endpoint,
        const std::string& interface,
        const BulkSourceSettings& settings,
        const Authenticator& authenticator,
        std::function<bool(const IpAddress&)> is_allowed,
        ReadPage read_page);
    ~BulkListener();

    // Tables given whole, and records of all.
    [[nodiscard]] uint64_t completed() const { return completed_; }
    [[nodiscard]] uint64_t records() const { return records_; }

  private:
    struct Session;

    BulkListener(asio::io_context& io,
                 const Clock& clock,
                 const BulkSourceSettings& settings,
                 const Authenticator& authenticator,
                 std::function<bool(const IpAddress&)> is_allowed,
                 ReadPage read_page);
    void accept();
    void serve(const std::shared_ptr<Session>& session);
    void receive(const std::shared_ptr<Session>& session);
    void transmit(const std::shared_ptr<Session>& session);
    void close(const std::shared_ptr<Session>& session);

    const Clock& clock_;
    BulkSourceSettings settings_;
    const Authenticator& authenticator_;
    std::function<bool(const IpAddress&)> is_allowed_;
    ReadPage read_page_;
    asio::ip::tcp::acceptor acceptor_;
    std::list<std::shared_ptr<Session>> sessions_;
    uint64_t completed_ = 0;
    uint64_t records_ = 0;
};

// One twin's table at a time; what fails is tried again, from where it broke off.
class BulkFetcher {
  public:
    static constexpr int kAttemptsMax = 10;

    using OnRecords = std::function<void(std::vector<dataplane::SyncRecord>)>;

    BulkFetcher(asio::io_context& io,
                uint8_t sync_id,
                uint16_t port,
                const Authenticator& authenticator,
                OnRecords on_records);
    ~BulkFetcher();

    // Begins, unless a fetch from there is under way.
    void fetch(const IpAddress& twin);

    [[nodiscard]] uint64_t completed() const { return completed_; }
    [[nodiscard]] uint64_t failed() const { return failed_; }
    [[nodiscard]] uint64_t records() const { return records_; }
    [[nodiscard]] bool is_busy() const { return twin_.has_value(); }

  private:
    void connect();
    void receive();
    void transmit();
    void try_again();
    void end();

    asio::io_context& io_;
    uint8_t sync_id_;
    uint16_t port_;
    const Authenticator& authenticator_;
    OnRecords on_records_;
    asio::ip::tcp::socket socket_;
    asio::steady_timer timer_;
    std::optional<IpAddress> twin_;
    std::optional<IpAddress> next_;
    std::optional<BulkJoiner> joiner_;
    BulkProgress progress_;
    int attempts_ = 0;
    uint32_t generation_ = 0;  // of the connection: handlers of the one before do nothing
    bool is_sending_ = false;
    Bytes outgoing_;
    std::array<uint8_t, 65536> buffer_{};
    uint64_t completed_ = 0;
    uint64_t failed_ = 0;
    uint64_t records_ = 0;
};

}  // namespace director::sync
