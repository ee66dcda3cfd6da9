// What goes to the twin, and in which order: records collected into messages, a bounded queue that
// gives up new connections before long-lived ones, and no more messages a second than agreed, so
// that a flood of connections starves neither data nor VRRP. No sockets, no clock: who has the
// socket asks take() for what is due by now.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

#include "common/time.h"
#include "controlplane/sync/connection_key.h"
#include "controlplane/sync/director_message.h"
#include "controlplane/sync/ipvs_message.h"

namespace director::sync {

// Who listens.
enum class Wire : uint8_t {
    kIpvs,      // kernels among them: IPVS's messages alone
    kDirector,  // Directors alone
    kBoth,      // IPVS's, and Director's for what IPVS cannot say, servers and losses
};

struct SenderSettings {
    uint8_t sync_id = 0;
    Wire wire = Wire::kBoth;
    IpvsVersion version = IpvsVersion::kOne;
    size_t message_bytes_max = 1472;      // IPVS's sync_maxlen; IPv6: 1452
    uint32_t queue_max = 65536;           // records
    uint32_t messages_per_second = 4000;  // 5.9 MB/s, 140,000 connections/s
    // A message is sent when it is full or its oldest record has waited this long.
    Duration flush_after = std::chrono::milliseconds(20);
    Duration beat_interval = std::chrono::seconds(1);
    uint64_t incarnation = 0;  // greater at each start
    HashKey hash_key = {};
};

struct SenderStatus {
    uint64_t records = 0;   // sent, by either protocol
    uint64_t messages = 0;  // of both
    uint64_t ipvs_messages = 0;
    uint64_t dropped_new = 0;         // records given up in a full queue: of new connections,
    uint64_t dropped_long_lived = 0;  // and of those that the twin knows
    uint64_t superseded = 0;  // not sent, for a later record of the same connection was waiting
    uint64_t unsayable = 0;   // that IPVS has no words for, with nobody else listening
    uint64_t waiting = 0;     // in the queue now
    uint32_t age_ms = 0;      // that the oldest of the last message had waited
};

class Sender {
  public:
    Sender(const SenderSettings& settings, const Authenticator& authenticator);

    void add(const dataplane::SyncRecord& record, TimePoint now);
    // The reports replace those that have not been sent yet.
    void add_servers(std::vector<ServerReport> reports);

    // What is due: to be sent as it is, in this order.
    [[nodiscard]] std::vector<Bytes> take(TimePoint now);
    // Everything at once, at the end, and how many messages there were.
    [[nodiscard]] std::vector<Bytes> flush(TimePoint now);

    [[nodiscard]] const SenderStatus& status() const { return status_; }
    [[nodiscard]] const SenderSettings& settings() const { return settings_; }

  private:
    struct Waiting {
        dataplane::SyncRecord record;
        TimePoint since;
        uint64_t serial = 0;
    };
    using Lane = std::deque<Waiting>;

    [[nodiscard]] size_t waiting() const { return long_lived_.size() + new_.size(); }
    [[nodiscard]] TimePoint oldest() const;
    [[nodiscard]] bool is_latest(const Waiting& waiting) const;
    void forget(const Waiting& waiting);
    [[nodiscard]] bool may_send(TimePoint now);
    void pay(TimePoint now);
    void fill_one(TimePoint now, std::vector<Bytes>& messages);
    void send_ipvs(Bytes message, std::vector<Bytes>& messages);
    void send_director(DirectorMessageWriter& writer,
                       TimePoint since,
                       TimePoint now,
                       std::vector<Bytes>& messages);
    void send_servers(TimePoint now, std::vector<Bytes>& messages);
    void send_beat(TimePoint now, std::vector<Bytes>& messages);

    SenderSettings settings_;
    const Authenticator& authenticator_;
    Lane long_lived_;
    Lane new_;
    // The last record that waits for each connection: the lanes do not keep their order.
    std::unordered_map<ConnectionKey, uint64_t, ConnectionKeyHash> latest_;
    uint64_t serial_ = 0;
    std::vector<ServerReport> servers_;
    uint64_t sequence_ = 0;
    TimePoint paid_until_{};
    TimePoint next_beat_{};
    SenderStatus status_;
};

}  // namespace director::sync
