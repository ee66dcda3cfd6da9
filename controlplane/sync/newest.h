// What the twin has told last of each connection, for a minute or two: so that a record which was
// overtaken on its way does not bring back what is over. Plain data, no clock.
//
// Which of two records is newer:
//   - of Director's own messages, the number says it;
//   - IPVS's have no numbers. A TCP or SCTP connection only goes on (established, closing, closed)
//     until its client begins anew, which Linux allows a second later (tcp_tw_reuse); so what goes
//     back within a second came late;
//   - a page of a table is older than whatever datagrams have told since its fetch began; what a
//     twin has only heard of itself fills gaps, the first that says it; and of what we told
//     ourselves we need no table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "common/time.h"
#include "controlplane/sync/connection_key.h"
#include "dataplane/api/sync.h"

namespace director::sync {

// What a datagram may be late by: later ones of Director's are not taken at all.
inline constexpr Duration kOvertakenMax = std::chrono::seconds(1);

// Where a record comes from.
struct Origin {
    uint64_t incarnation = 0;  // of the sender
    uint64_t sequence = 0;     // of Director's message; 0: IPVS's
};

class Newest {
  public:
    // No more than 2 * `generation_max` connections are remembered: beyond that many in a minute,
    // the oldest are forgotten earlier.
    explicit Newest(const HashKey& key, size_t generation_max = 65536)
        : generation_max_(generation_max),
          young_(0, ConnectionKeyHash{key}),
          old_(0, ConnectionKeyHash{key}) {}

    // False: something newer is known. Else this is the newest.
    [[nodiscard]] bool take(const dataplane::SyncRecord& record,
                            const Origin& origin,
                            TimePoint now);
    // News of our own.
    void tell(const dataplane::SyncRecord& record, TimePoint now) {
        remember(record, {.is_ours = true, .at = now});
    }
    // The same as take() for a record of a page.
    [[nodiscard]] bool take_page(const dataplane::SyncRecord& record, TimePoint fetch_began);

    [[nodiscard]] size_t size() const { return young_.size() + old_.size(); }

  private:
    struct Entry {
        Origin origin = {};
        Endpoint real_server = {};
        dataplane::ConnState state = dataplane::ConnState::kNone;
        bool is_ours = false;
        TimePoint at{};
    };
    using Generation = std::unordered_map<ConnectionKey, Entry, ConnectionKeyHash>;

    [[nodiscard]] static bool goes_back(const Entry& known, const dataplane::SyncRecord& record);
    [[nodiscard]] const Entry* find(const ConnectionKey& key) const;
    void remember(const dataplane::SyncRecord& record, Entry entry);

    size_t generation_max_;
    Generation young_;
    Generation old_;
    TimePoint young_since_{};
};

}  // namespace director::sync
