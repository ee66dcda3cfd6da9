// What comes from the twin: datagrams of either protocol, checked, counted, and turned into records
// for the workers. No sockets, no clock.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/time.h"
#include "controlplane/sync/director_message.h"
#include "controlplane/sync/ipvs_message.h"

namespace director::sync {

struct ReceiverSettings {
    uint8_t sync_id = 0;  // 0 takes every id
    // Who may send; empty: everyone on the network (IPVS has nothing else).
    std::vector<IpPrefix> allowed;
    bool takes_ipvs = true;  // off: nothing without the key
};

// What is known of one sender, by its address.
struct PeerStatus {
    uint64_t director_messages = 0;
    uint64_t ipvs_messages = 0;
    uint64_t records = 0;
    uint64_t lost = 0;       // of Director's messages, by their numbers
    uint64_t ipvs_lost = 0;  // of IPVS's, by what the sender says it has sent
    uint64_t late = 0;       // came out of order
    uint64_t replayed = 0;   // came twice, or from before the sender's last start
    uint64_t restarts = 0;
    uint32_t age_ms = 0;   // how long the oldest record of the last message had waited there
    TimePoint heard_at{};  // last
};

struct ReceiverStatus {
    uint64_t not_allowed = 0;      // datagrams from strangers
    uint64_t unexpected_ipvs = 0;  // IPVS's, which are not taken
    uint64_t unusable = 0;         // records of IPVS's that Director cannot have
    std::array<uint64_t, kRefusalCount> refused{};
    std::array<uint64_t, static_cast<size_t>(DirectorRefusal::kCount)> director_refused{};
    // A stranger's datagram that is refused makes no entry. No more than kPeersMax.
    std::map<IpAddress, PeerStatus> peers;
};

struct Received {
    std::vector<dataplane::SyncRecord> records;
    std::vector<ServerReport> servers;
    bool is_new_incarnation = false;  // the sender has started since: it may lack what we have
};

class Receiver {
  public:
    static constexpr size_t kPeersMax = 16;

    Receiver(const ReceiverSettings& settings, const Authenticator& authenticator)
        : settings_(settings), authenticator_(authenticator) {}

    [[nodiscard]] Received take(std::span<const uint8_t> datagram,
                                const IpAddress& from,
                                TimePoint now);

    [[nodiscard]] const ReceiverStatus& status() const { return status_; }

  private:
    struct Peer {
        ReplayWindow window;
        std::optional<uint32_t> ipvs_sent;  // of its last message; what came since is counted
        uint32_t ipvs_since = 0;
    };

    [[nodiscard]] bool is_allowed(const IpAddress& from) const;
    [[nodiscard]] PeerStatus* status_of(const IpAddress& from);
    void take_ipvs(std::span<const uint8_t> datagram, PeerStatus& status, Received& out);
    [[nodiscard]] bool take_number(const DirectorHeader& header,
                                   const IpAddress& from,
                                   PeerStatus& status,
                                   Received& out);
    void compare_ipvs(const DirectorHeader& header, Peer& peer, PeerStatus& status);

    ReceiverSettings settings_;
    const Authenticator& authenticator_;
    ReceiverStatus status_;
    std::map<IpAddress, Peer> peers_;
};

}  // namespace director::sync
