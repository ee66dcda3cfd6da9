// Records of services or servers that this director does not have, kept for as long as their
// connections have left: IPVS keeps such a connection unbound, and binds it when the service
// appears (ip_vs_try_bind_dest). Bounded: who comes when it is full is turned away.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "common/time.h"
#include "dataplane/api/sync.h"

namespace director::sync {

class WaitingRoom {
  public:
    explicit WaitingRoom(size_t records_max) : records_max_(records_max) {}

    // In place of what was known of the same connection. False: full.
    bool add(const dataplane::SyncRecord& record, TimePoint now) {
        const Key key{record.client,
                      record.virtual_service,
                      static_cast<uint8_t>(record.protocol),
                      record.is_template};
        const Duration left = std::chrono::seconds(
            record.timeout_seconds != 0 ? record.timeout_seconds : kSecondsDefault);
        const auto found = records_.find(key);
        if (found == records_.end() && records_.size() >= records_max_) {
            return false;
        }
        records_.insert_or_assign(key, Entry{record, now + left});
        return true;
    }

    // Everything that has not run out, with the time that is left of it; the room is empty then.
    [[nodiscard]] std::vector<dataplane::SyncRecord> take(TimePoint now) {
        std::vector<dataplane::SyncRecord> all;
        for (auto& [key, entry] : records_) {
            if (entry.ends > now) {
                entry.record.timeout_seconds = static_cast<uint32_t>(
                    std::chrono::ceil<std::chrono::seconds>(entry.ends - now).count());
                all.push_back(entry.record);
            }
        }
        records_.clear();
        return all;
    }

    void drop_ended(TimePoint now) {
        std::erase_if(records_, [now](const auto& item) { return item.second.ends <= now; });
    }
    [[nodiscard]] size_t size() const { return records_.size(); }

  private:
    // Version 0 says no time: as long as a template of IPVS's then.
    static constexpr uint32_t kSecondsDefault = 180;

    using Key = std::tuple<Endpoint, Endpoint, uint8_t, bool>;
    struct Entry {
        dataplane::SyncRecord record;
        TimePoint ends;
    };

    size_t records_max_;
    std::map<Key, Entry> records_;
};

}  // namespace director::sync
