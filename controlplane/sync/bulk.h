// The whole table for a director that has just joined, over one TCP connection that it opens to its
// twin. Both sides as state machines without socket and clock; frames are
//
//   0 length (32 bits, of what follows) | 4 type | 5 body | with a key: tag (16)
//
//   joiner                              source
//   hello {version, sync id, nonce}
//                                       welcome {incarnation, nonce}
//   want {cursor}
//                                       records {next cursor, count, records} ...
//   ack {cursor}  for each              (no more than kWindow without)
//                                       done
//
// From the welcome on, a tag covers the session (both nonces), the direction, the frame's number
// and the frame, so that nothing of another session counts. A joiner that was cut off asks for what
// is behind the last cursor it has, or for everything if the source has started anew meanwhile.
// What changes behind the walker comes by datagram.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/time.h"
#include "controlplane/sync/authenticator.h"
#include "controlplane/sync/byte_stream.h"
#include "dataplane/api/sync.h"

namespace director::sync {

using Nonce = std::array<uint8_t, 16>;

inline constexpr uint32_t kBulkFrameBytesMax = 65536;
inline constexpr uint32_t kBulkRecordsMax = 256;  // of a frame
inline constexpr uint32_t kBulkWindow = 4;        // frames of records without acknowledgement

enum class BulkEnd : uint8_t {
    kNone,      // goes on
    kDone,      // all is there
    kBadFrame,  // nonsense, or too long
    kOtherVersion,
    kOtherSyncId,
    kWrongTag,  // another key
};
[[nodiscard]] std::string_view to_string(BulkEnd end);

// What both sides have in common: bytes in, whole frames out, and back.
class BulkStream {
  public:
    enum class Side : uint8_t { kJoiner, kSource };
    BulkStream(Side side, const Authenticator& authenticator)
        : side_(side), authenticator_(authenticator) {}

    struct Frame {
        uint8_t type = 0;
        Bytes body;
    };
    void add(std::span<const uint8_t> bytes);
    // nullopt: none is whole yet, or end() says why there is none any more.
    [[nodiscard]] std::optional<Frame> next();
    void put(uint8_t type, std::span<const uint8_t> body);
    // The joiner: the session is begun by the welcome, whose body ends with the source's nonce.
    void expect_welcome(const Nonce& joiner) { session_.assign(joiner.begin(), joiner.end()); }
    // The source: from now on frames have tags.
    void begin_session(const Nonce& joiner, const Nonce& source);
    [[nodiscard]] Bytes take_output();
    [[nodiscard]] BulkEnd end() const { return end_; }
    void finish(BulkEnd end) { end_ = end; }

  private:
    [[nodiscard]] Tag tag_of(Side sender, uint64_t number, std::span<const uint8_t> frame) const;

    Side side_;
    const Authenticator& authenticator_;
    Bytes input_;
    Bytes output_;
    Bytes session_;  // both nonces; fewer: not begun
    uint64_t sent_ = 0;
    uint64_t received_ = 0;
    BulkEnd end_ = BulkEnd::kNone;
};

// How far a joiner is; kept from one connection to the next.
struct BulkProgress {
    uint64_t incarnation = 0;  // of the source
    uint64_t cursor = 0;
    uint64_t records = 0;
};

class BulkJoiner {
  public:
    BulkJoiner(uint8_t sync_id,
               const Nonce& nonce,
               const BulkProgress& progress,
               const Authenticator& authenticator);

    // Answers the records that came with these bytes.
    [[nodiscard]] std::vector<dataplane::SyncRecord> on_bytes(std::span<const uint8_t> bytes);
    [[nodiscard]] Bytes take_output() { return stream_.take_output(); }
    [[nodiscard]] BulkEnd end() const { return stream_.end(); }
    [[nodiscard]] const BulkProgress& progress() const { return progress_; }

  private:
    void on_frame(const BulkStream::Frame& frame, std::vector<dataplane::SyncRecord>& records);
    void on_welcome(ByteReader& reader);
    void on_records(ByteReader& reader, std::vector<dataplane::SyncRecord>& records);

    BulkStream stream_;
    uint8_t sync_id_;
    Nonce nonce_;
    BulkProgress progress_;
    bool is_welcome_ = false;
};

struct BulkSourceSettings {
    uint8_t sync_id = 0;
    uint64_t incarnation = 0;
    uint32_t records_per_second = 50000;
};

class BulkSource {
  public:
    BulkSource(const BulkSourceSettings& settings,
               const Nonce& nonce,
               const Authenticator& authenticator);

    void on_bytes(std::span<const uint8_t> bytes, TimePoint now);
    // The cursor of the page to be read now, at most kBulkRecordsMax records; nullopt: wait. Answer
    // with give_page() before asking again.
    [[nodiscard]] std::optional<uint64_t> wanted_page(TimePoint now) const;
    void give_page(std::span<const dataplane::SyncRecord> records,
                   uint64_t next_cursor,
                   bool is_last,
                   TimePoint now);
    // When wanted_page() may have another answer; TimePoint::max(): when bytes come.
    [[nodiscard]] TimePoint deadline() const;
    [[nodiscard]] Bytes take_output() { return stream_.take_output(); }
    [[nodiscard]] BulkEnd end() const { return stream_.end(); }
    [[nodiscard]] uint64_t records() const { return records_; }

  private:
    void on_frame(const BulkStream::Frame& frame, TimePoint now);
    void on_hello(ByteReader& reader);
    void on_want(ByteReader& reader, TimePoint now);

    BulkStream stream_;
    BulkSourceSettings settings_;
    Nonce nonce_;
    enum class State : uint8_t { kAwaitsHello, kAwaitsWant, kWalks, kIsThrough };
    State state_ = State::kAwaitsHello;
    uint64_t cursor_ = 0;
    uint32_t unacknowledged_ = 0;
    uint64_t records_ = 0;
    TimePoint next_page_at_{};
};

}  // namespace director::sync
