// What comes from the twin: datagrams of either protocol, checked, counted, and turned into records
// for the workers; pages of its table; and when that table should be fetched. No sockets, no clock.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/event_gate.h"
#include "common/time.h"
#include "controlplane/sync/director_message.h"
#include "controlplane/sync/ipvs_message.h"
#include "controlplane/sync/newest.h"

namespace director::sync {

struct ReceiverSettings {
    uint8_t sync_id = 0;  // 0 takes every id
    // Our own sender's: its messages do not count when someone sends them back to us.
    uint64_t own_incarnation = 0;
    // Who may send; empty: everyone on the network (IPVS has nothing else).
    std::vector<IpPrefix> allowed;
    bool takes_ipvs = true;  // off: nothing without the key
    HashKey hash_key;
    // What was lost is made up for by the whole table: so long after the loss was noticed, since
    // what is late may still come; and no sooner than so long after the last time.
    Duration repair_after = std::chrono::seconds(2);
    Duration repair_interval = std::chrono::minutes(1);
};

// What is known of one sender, by its address.
struct PeerStatus {
    uint64_t director_messages = 0;
    uint64_t ipvs_messages = 0;
    uint64_t records = 0;
    uint64_t lost = 0;       // of Director's messages, by their numbers
    uint64_t ipvs_lost = 0;  // of IPVS's, by what the sender says it has sent
    uint64_t late = 0;       // came out of order
    uint64_t too_late = 0;   // by more than kOvertakenMax: not taken, and still lost
    uint64_t replayed = 0;   // came twice, or from before the sender's last start
    uint64_t restarts = 0;
    uint32_t age_ms = 0;   // how long the oldest record of the last message had waited there
    TimePoint heard_at{};  // last
};

struct ReceiverStatus {
    uint64_t not_allowed = 0;      // datagrams from strangers
    uint64_t unexpected_ipvs = 0;  // IPVS's, which are not taken
    uint64_t unusable = 0;         // records of IPVS's that Director cannot have
    uint64_t own = 0;              // messages that we had sent ourselves
    uint64_t older = 0;            // records of whose connections something newer is known
    std::array<uint64_t, kRefusalCount> refused{};
    std::array<uint64_t, static_cast<size_t>(DirectorRefusal::kCount)> director_refused{};
    // A stranger's datagram that is refused makes no entry. No more than kPeersMax.
    std::map<IpAddress, PeerStatus> peers;
};

// Something that was not taken, to be logged: the first of its kind, then one a minute.
struct Complaint {
    std::string_view protocol;  // "ipvs" or "director", by the look of the message
    std::string_view reason;    // a refusal's name, or "stranger", "not_wanted", "replayed", "own"
    IpAddress from;
    uint64_t held_back = 0;  // of its kind since the last one
};

struct Received {
    std::vector<dataplane::SyncRecord> records;
    std::vector<ServerReport> servers;
    // Fetch the sender's whole table: it has just been heard of, has started anew, or messages of
    // its were lost. Answer with table_begins() when the fetch does begin.
    bool wants_table = false;
    std::vector<Complaint> complaints;
};

class Receiver {
  public:
    static constexpr size_t kPeersMax = 16;

    Receiver(const ReceiverSettings& settings, const Authenticator& authenticator)
        : settings_(settings), authenticator_(authenticator), newest_(settings.hash_key) {}

    [[nodiscard]] Received take(std::span<const uint8_t> datagram,
                                const IpAddress& from,
                                TimePoint now);
    // What we tell ourselves is known too: a twin that missed the end of a connection does not
    // bring it back to us.
    void told(const dataplane::SyncRecord& record, TimePoint now) { newest_.tell(record, now); }
    void table_begins(TimePoint now) { table_began_ = now; }
    // What is news of a page of the table.
    [[nodiscard]] std::vector<dataplane::SyncRecord> take_page(
        std::vector<dataplane::SyncRecord> records);

    [[nodiscard]] const ReceiverStatus& status() const { return status_; }

  private:
    struct Peer {
        ReplayWindow window;
        std::optional<uint32_t> ipvs_sent;  // of its last message; what came since is counted
        uint32_t ipvs_since = 0;
        // When which number became the highest, back to the last one that is kOvertakenMax old.
        struct Mark {
            TimePoint at;
            uint64_t sequence = 0;
        };
        std::deque<Mark> marks;
        uint64_t repaired = 0;  // messages that had been lost when the table was fetched last
        std::optional<TimePoint> lost_since;
        std::optional<TimePoint> fetched_at;  // since its last start
    };

    [[nodiscard]] bool is_allowed(const IpAddress& from) const;
    // By its incarnation, or else its address: what was recorded and comes again from another
    // address meets the books of the one who said it.
    [[nodiscard]] Peer& peer_of(const IpAddress& from, uint64_t incarnation);
    [[nodiscard]] PeerStatus* status_of(const IpAddress& from);
    // Where the datagram that is being taken came from, when, and what is to be said of it.
    struct Taking {
        std::string_view protocol;
        const IpAddress& from;
        TimePoint now;
        Received out;
    };
    void complain(std::string_view reason, Taking& taking);
    void refuse(uint64_t& counter, std::string_view reason, Taking& taking);
    void take_ipvs(std::span<const uint8_t> datagram, Taking& taking);
    void take_ipvs_message(std::span<const uint8_t> datagram, PeerStatus& status, Taking& taking);
    void take_director(std::span<const uint8_t> datagram, Taking& taking);
    [[nodiscard]] bool take_number(const DirectorHeader& header,
                                   Peer& peer,
                                   PeerStatus& status,
                                   TimePoint now);
    void compare_ipvs(const DirectorHeader& header, Peer& peer, PeerStatus& status);
    [[nodiscard]] bool wants_table(Peer& peer, const PeerStatus& status, TimePoint now) const;
    void drop_older(std::vector<dataplane::SyncRecord>& records,
                    const Origin& origin,
                    TimePoint now);

    ReceiverSettings settings_;
    const Authenticator& authenticator_;
    ReceiverStatus status_;
    std::map<IpAddress, Peer> peers_;
    std::map<std::pair<std::string_view, std::string_view>, EventGate> gates_;  // protocol, reason
    Newest newest_;
    TimePoint table_began_{};
};

}  // namespace director::sync
