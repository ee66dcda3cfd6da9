#include "controlplane/sync/sender.h"

#include <algorithm>
#include <utility>

#include "controlplane/sync/translate.h"

namespace director::sync {

using dataplane::SyncRecord;

namespace {

// Messages that may go at once, after a pause.
constexpr int64_t kBurst = 64;

// Of either protocol: so many are waiting when a message is sure to become full.
constexpr size_t kSmallestRecord = 24;

// Below this, not every record would fit.
constexpr size_t kMessageBytesMin = 512;

[[nodiscard]] uint32_t milliseconds(Duration duration) {
    return static_cast<uint32_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

}  // namespace

Sender::Sender(const SenderSettings& settings, const Authenticator& authenticator)
    : settings_(settings),
      authenticator_(authenticator),
      latest_(0, ConnectionKeyHash{settings.hash_key}) {
    settings_.message_bytes_max = std::max(settings_.message_bytes_max, kMessageBytesMin);
    settings_.messages_per_second = std::max(settings_.messages_per_second, 1U);
}

void Sender::add(const SyncRecord& record, TimePoint now) {
    if (waiting() >= settings_.queue_max) {
        // The newest connection makes room: it is the one that may still come to nothing.
        if (!record.is_long_lived || new_.empty()) {
            ++(record.is_long_lived ? status_.dropped_long_lived : status_.dropped_new);
            return;
        }
        forget(new_.back());
        new_.pop_back();
        ++status_.dropped_new;
    }
    (record.is_long_lived ? long_lived_ : new_).push_back({record, now, ++serial_});
    latest_.insert_or_assign(ConnectionKey::of(record), serial_);
    status_.waiting = waiting();
}

bool Sender::is_latest(const Waiting& waiting) const {
    const auto found = latest_.find(ConnectionKey::of(waiting.record));
    return found != latest_.end() && found->second == waiting.serial;
}

void Sender::forget(const Waiting& waiting) {
    if (is_latest(waiting)) {
        latest_.erase(ConnectionKey::of(waiting.record));
    }
}

void Sender::add_servers(std::vector<ServerReport> reports) {
    if (settings_.wire != Wire::kIpvs) {
        servers_ = std::move(reports);
    }
}

TimePoint Sender::oldest() const {
    TimePoint oldest = TimePoint::max();
    for (const Lane* lane : {&long_lived_, &new_}) {
        oldest = lane->empty() ? oldest : std::min(oldest, lane->front().since);
    }
    return oldest;
}

// The leaky bucket of ITU-T I.371 annex A.
bool Sender::may_send(TimePoint now) {
    const Duration cost = Duration(std::chrono::seconds(1)) / settings_.messages_per_second;
    return paid_until_ <= now + cost * kBurst;
}

void Sender::pay(TimePoint now) {
    const Duration cost = Duration(std::chrono::seconds(1)) / settings_.messages_per_second;
    paid_until_ = std::max(paid_until_, now) + cost;
}

void Sender::send_ipvs(Bytes message, std::vector<Bytes>& messages) {
    messages.push_back(std::move(message));
    ++status_.messages;
    ++status_.ipvs_messages;
}

void Sender::send_director(DirectorMessageWriter& writer,
                           TimePoint since,
                           TimePoint now,
                           std::vector<Bytes>& messages) {
    const DirectorHeader header{.sync_id = settings_.sync_id,
                                .incarnation = settings_.incarnation,
                                .sequence = ++sequence_,
                                .ipvs_sent = static_cast<uint32_t>(status_.ipvs_messages),
                                .age_ms = milliseconds(now - std::min(since, now))};
    messages.push_back(writer.finish(header));
    ++status_.messages;
    next_beat_ = now + settings_.beat_interval;
}

// Records until one of the two messages is full.
void Sender::fill_one(TimePoint now, std::vector<Bytes>& messages) {
    IpvsMessageWriter ipvs(settings_.version, settings_.sync_id, settings_.message_bytes_max);
    DirectorMessageWriter own(
        MessageKind::kConnections, settings_.message_bytes_max, authenticator_);
    const TimePoint since = oldest();
    while (waiting() != 0) {
        Lane& lane = long_lived_.empty() ? new_ : long_lived_;
        if (!is_latest(lane.front())) {
            ++status_.superseded;
            lane.pop_front();
            continue;
        }
        const SyncRecord& record = lane.front().record;
        const auto wire = settings_.wire != Wire::kDirector ? to_ipvs(record) : std::nullopt;
        const bool is_ipvs = wire && IpvsMessageWriter::can_carry(settings_.version, *wire);
        if (is_ipvs ? !ipvs.add(*wire) : settings_.wire != Wire::kIpvs && !own.add(record)) {
            break;
        }
        const bool is_sent = is_ipvs || settings_.wire != Wire::kIpvs;
        ++(is_sent ? status_.records : status_.unsayable);
        forget(lane.front());
        lane.pop_front();
    }
    status_.waiting = waiting();
    status_.age_ms = milliseconds(now - std::min(since, now));
    if (ipvs.count() != 0) {
        send_ipvs(ipvs.finish(), messages);
    }
    if (own.count() != 0) {
        send_director(own, since, now, messages);
    }
}

void Sender::send_servers(TimePoint now, std::vector<Bytes>& messages) {
    DirectorMessageWriter writer(
        MessageKind::kServers, settings_.message_bytes_max, authenticator_);
    for (const ServerReport& report : std::exchange(servers_, {})) {
        if (!writer.add(report)) {
            send_director(writer, now, now, messages);
            static_cast<void>(writer.add(report));
        }
    }
    if (writer.count() != 0) {
        send_director(writer, now, now, messages);
    }
}

void Sender::send_beat(TimePoint now, std::vector<Bytes>& messages) {
    DirectorMessageWriter writer(MessageKind::kBeat, settings_.message_bytes_max, authenticator_);
    send_director(writer, now, now, messages);
}

std::vector<Bytes> Sender::take(TimePoint now) {
    std::vector<Bytes> messages;
    const size_t full = settings_.message_bytes_max / kSmallestRecord;
    while (waiting() != 0 && may_send(now) &&
           (waiting() >= full || oldest() + settings_.flush_after <= now)) {
        fill_one(now, messages);
        pay(now);
    }
    if (settings_.wire != Wire::kIpvs) {
        if (!servers_.empty()) {
            send_servers(now, messages);
        }
        if (now >= next_beat_) {
            send_beat(now, messages);
        }
    }
    return messages;
}

std::vector<Bytes> Sender::flush(TimePoint now) {
    std::vector<Bytes> messages;
    while (waiting() != 0) {
        fill_one(now, messages);
    }
    if (settings_.wire != Wire::kIpvs) {
        send_beat(now, messages);
    }
    return messages;
}

}  // namespace director::sync
