#include "controlplane/sync/bulk.h"

#include <algorithm>
#include <utility>

#include "common/assert.h"
#include "controlplane/sync/director_message.h"

namespace director::sync {

using dataplane::SyncRecord;

namespace {

enum Type : uint8_t { kHello = 1, kWelcome = 2, kWant = 3, kRecords = 4, kAck = 5, kDone = 6 };

constexpr uint32_t kMagic = 0x44534231;  // "DSB1"
constexpr size_t kLengthBytes = 4;

[[nodiscard]] std::optional<Nonce> read_nonce(ByteReader& reader) {
    Nonce nonce{};
    const auto bytes = reader.take(nonce.size());
    if (bytes.empty()) {
        return std::nullopt;
    }
    std::copy(bytes.begin(), bytes.end(), nonce.begin());
    return nonce;
}

}  // namespace

std::string_view to_string(BulkEnd end) {
    switch (end) {
        case BulkEnd::kNone:
            return "running";
        case BulkEnd::kDone:
            return "done";
        case BulkEnd::kBadFrame:
            return "bad_frame";
        case BulkEnd::kOtherVersion:
            return "other_version";
        case BulkEnd::kOtherSyncId:
            return "other_sync_id";
        case BulkEnd::kWrongTag:
            return "wrong_tag";
    }
    return "unknown";
}

// --- The stream of frames -------------------------------------------------------------------

void BulkStream::begin_session(const Nonce& joiner, const Nonce& source) {
    session_.assign(joiner.begin(), joiner.end());
    session_.insert(session_.end(), source.begin(), source.end());
}

Tag BulkStream::tag_of(Side sender, uint64_t number, std::span<const uint8_t> frame) const {
    Bytes covered = session_;
    ByteWriter writer(covered);
    writer.number(static_cast<uint8_t>(sender));
    writer.number(number);
    writer.bytes(frame);
    return authenticator_.tag_of(covered);
}

void BulkStream::add(std::span<const uint8_t> bytes) {
    if (end_ == BulkEnd::kNone) {
        input_.insert(input_.end(), bytes.begin(), bytes.end());
    }
}

std::optional<BulkStream::Frame> BulkStream::next() {
    if (end_ != BulkEnd::kNone || input_.size() < kLengthBytes) {
        return std::nullopt;
    }
    ByteReader reader(input_);
    const auto length = reader.number<uint32_t>();
    // The welcome itself is the first with a tag: the joiner has the source's nonce from its body.
    const bool has_tag = authenticator_.is_on() && (!session_.empty() || side_ == Side::kJoiner);
    const size_t least = 1 + (has_tag ? kTagBytes : 0);
    if (length < least || length > kBulkFrameBytesMax) {
        end_ = BulkEnd::kBadFrame;
        return std::nullopt;
    }
    if (reader.left() < length) {
        return std::nullopt;
    }
    const auto whole = reader.take(length);
    const auto frame = whole.first(length - (has_tag ? kTagBytes : 0));
    Frame found{frame[0], Bytes(frame.begin() + 1, frame.end())};
    if (side_ == Side::kJoiner && session_.size() == sizeof(Nonce) && found.type == kWelcome &&
        found.body.size() >= sizeof(Nonce)) {
        session_.insert(session_.end(), found.body.end() - sizeof(Nonce), found.body.end());
    }
    if (has_tag) {
        const Side sender = side_ == Side::kJoiner ? Side::kSource : Side::kJoiner;
        const Tag tag = tag_of(sender, received_, frame);
        uint8_t difference = 0;
        for (size_t i = 0; i < kTagBytes; ++i) {
            difference = static_cast<uint8_t>(difference | (tag[i] ^ whole[frame.size() + i]));
        }
        if (difference != 0) {
            end_ = BulkEnd::kWrongTag;
            return std::nullopt;
        }
    }
    ++received_;
    input_.erase(input_.begin(), input_.begin() + static_cast<ptrdiff_t>(kLengthBytes + length));
    return found;
}

void BulkStream::put(uint8_t type, std::span<const uint8_t> body) {
    const bool has_tag = authenticator_.is_on() && session_.size() == 2 * sizeof(Nonce);
    Bytes frame{type};
    frame.insert(frame.end(), body.begin(), body.end());
    ByteWriter writer(output_);
    writer.number(static_cast<uint32_t>(frame.size() + (has_tag ? kTagBytes : 0)));
    writer.bytes(frame);
    if (has_tag) {
        writer.bytes(tag_of(side_, sent_, frame));
    }
    ++sent_;
}

Bytes BulkStream::take_output() {
    return std::exchange(output_, {});
}

// --- The joiner -----------------------------------------------------------------------------

BulkJoiner::BulkJoiner(uint8_t sync_id,
                       const Nonce& nonce,
                       const BulkProgress& progress,
                       const Authenticator& authenticator)
    : stream_(BulkStream::Side::kJoiner, authenticator),
      sync_id_(sync_id),
      nonce_(nonce),
      progress_(progress) {
    Bytes body;
    ByteWriter writer(body);
    writer.number(kMagic);
    writer.number(sync_id_);
    writer.bytes(nonce_);
    stream_.put(kHello, body);
    stream_.expect_welcome(nonce_);
}

void BulkJoiner::on_welcome(ByteReader& reader) {
    const auto incarnation = reader.number<uint64_t>();
    if (!read_nonce(reader) || is_welcome_) {
        stream_.finish(BulkEnd::kBadFrame);
        return;
    }
    is_welcome_ = true;
    if (incarnation != progress_.incarnation) {
        progress_ = {.incarnation = incarnation};
    }
    Bytes body;
    ByteWriter writer(body);
    writer.number(progress_.cursor);
    stream_.put(kWant, body);
}

void BulkJoiner::on_records(ByteReader& reader, std::vector<SyncRecord>& records) {
    const auto cursor = reader.number<uint64_t>();
    const auto count = reader.number<uint16_t>();
    std::vector<SyncRecord> found;
    for (uint32_t i = 0; i < count && reader.is_good(); ++i) {
        ByteReader one(reader.take(reader.number<uint16_t>()));
        if (const auto record = read_connection(one)) {
            found.push_back(*record);
        }
    }
    if (!reader.is_good() || reader.left() != 0 || found.size() != count || !is_welcome_) {
        stream_.finish(BulkEnd::kBadFrame);
        return;
    }
    progress_.cursor = cursor;
    progress_.records += count;
    records.insert(records.end(), found.begin(), found.end());
    Bytes body;
    ByteWriter(body).number(cursor);
    stream_.put(kAck, body);
}

void BulkJoiner::on_frame(const BulkStream::Frame& frame, std::vector<SyncRecord>& records) {
    ByteReader reader(frame.body);
    switch (frame.type) {
        case kWelcome:
            on_welcome(reader);
            break;
        case kRecords:
            on_records(reader, records);
            break;
        case kDone:
            stream_.finish(is_welcome_ ? BulkEnd::kDone : BulkEnd::kBadFrame);
            break;
        default:
            stream_.finish(BulkEnd::kBadFrame);
    }
}

std::vector<SyncRecord> BulkJoiner::on_bytes(std::span<const uint8_t> bytes) {
    std::vector<SyncRecord> records;
    stream_.add(bytes);
    while (const auto frame = stream_.next()) {
        on_frame(*frame, records);
    }
    return records;
}

// --- The source -----------------------------------------------------------------------------

BulkSource::BulkSource(const BulkSourceSettings& settings,
                       const Nonce& nonce,
                       const Authenticator& authenticator)
    : stream_(BulkStream::Side::kSource, authenticator), settings_(settings), nonce_(nonce) {}

void BulkSource::on_hello(ByteReader& reader) {
    const auto magic = reader.number<uint32_t>();
    const auto sync_id = reader.number<uint8_t>();
    const auto joiner = read_nonce(reader);
    if (magic != kMagic) {
        stream_.finish(BulkEnd::kOtherVersion);
        return;
    }
    if (!joiner || state_ != State::kAwaitsHello) {
        stream_.finish(BulkEnd::kBadFrame);
        return;
    }
    if (settings_.sync_id != 0 && sync_id != settings_.sync_id) {
        stream_.finish(BulkEnd::kOtherSyncId);
        return;
    }
    stream_.begin_session(*joiner, nonce_);
    Bytes body;
    ByteWriter writer(body);
    writer.number(settings_.incarnation);
    writer.bytes(nonce_);
    stream_.put(kWelcome, body);
    state_ = State::kAwaitsWant;
}

void BulkSource::on_want(ByteReader& reader, TimePoint now) {
    const auto cursor = reader.number<uint64_t>();
    if (!reader.is_good() || state_ != State::kAwaitsWant) {
        stream_.finish(BulkEnd::kBadFrame);
        return;
    }
    cursor_ = cursor;
    next_page_at_ = now;
    state_ = State::kWalks;
}

void BulkSource::on_frame(const BulkStream::Frame& frame, TimePoint now) {
    ByteReader reader(frame.body);
    switch (frame.type) {
        case kHello:
            on_hello(reader);
            break;
        case kWant:
            on_want(reader, now);
            break;
        case kAck:
            if (unacknowledged_ == 0) {
                stream_.finish(BulkEnd::kBadFrame);
                break;
            }
            --unacknowledged_;
            if (state_ == State::kIsThrough && unacknowledged_ == 0) {
                stream_.put(kDone, {});
                stream_.finish(BulkEnd::kDone);
            }
            break;
        default:
            stream_.finish(BulkEnd::kBadFrame);
    }
}

void BulkSource::on_bytes(std::span<const uint8_t> bytes, TimePoint now) {
    stream_.add(bytes);
    while (const auto frame = stream_.next()) {
        on_frame(*frame, now);
    }
}

std::optional<uint64_t> BulkSource::wanted_page(TimePoint now) const {
    const bool may = state_ == State::kWalks && stream_.end() == BulkEnd::kNone &&
                     unacknowledged_ < kBulkWindow && now >= next_page_at_;
    return may ? std::optional(cursor_) : std::nullopt;
}

TimePoint BulkSource::deadline() const {
    const bool may = state_ == State::kWalks && unacknowledged_ < kBulkWindow;
    return may ? next_page_at_ : TimePoint::max();
}

void BulkSource::give_page(std::span<const SyncRecord> records,
                           uint64_t next_cursor,
                           bool is_last,
                           TimePoint now) {
    DIRECTOR_ASSERT(state_ == State::kWalks && records.size() <= kBulkRecordsMax);
    if (stream_.end() != BulkEnd::kNone) {
        return;
    }
    Bytes body;
    ByteWriter writer(body);
    writer.number(next_cursor);
    writer.number(static_cast<uint16_t>(records.size()));
    for (const SyncRecord& record : records) {
        const size_t before = body.size();
        writer.number(uint16_t{0});
        write_connection(writer, record);
        writer.put16(before, static_cast<uint16_t>(body.size() - before - 2));
    }
    stream_.put(kRecords, body);
    cursor_ = next_cursor;
    records_ += records.size();
    ++unacknowledged_;
    next_page_at_ = std::max(next_page_at_, now) + Duration(std::chrono::seconds(1)) *
                                                       static_cast<int64_t>(records.size()) /
                                                       settings_.records_per_second;
    state_ = is_last ? State::kIsThrough : State::kWalks;
}

}  // namespace director::sync
