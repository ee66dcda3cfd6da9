// The numbers and contents of the services' prefix lists.
//
// A number stays a list's own while any worker may still look it up: one that nothing wants any
// more is leaving, and goes with the second kPutTables of an update.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "common/address.h"
#include "config/model.h"
#include "dataplane/api/ids.h"

namespace director::plan {

struct PrefixList {
    uint16_t number = 0;
    bool is_leaving = false;
    // Replaced, never changed: who keeps something made of it knows by the pointer.
    std::shared_ptr<const std::vector<IpPrefix>> prefixes;
};

enum class ListKind : uint8_t { kAllow, kDeny };

class PrefixLists {
  public:
    // Between the two, want() is called for all that there shall be.
    void begin_update();
    // The list's number; 0 for none, because both parts are empty.
    [[nodiscard]] uint16_t want(dataplane::ServiceId service,
                                ListKind kind,
                                const std::vector<IpPrefix>& inline_part,
                                const std::shared_ptr<const std::vector<IpPrefix>>& file_part);
    // Whether a list came or has other contents.
    [[nodiscard]] bool is_changed() const { return is_changed_; }
    [[nodiscard]] bool has_leaving() const;
    // Those that are leaving are gone.
    void end_update();

    [[nodiscard]] uint16_t number(dataplane::ServiceId service, ListKind kind) const;
    [[nodiscard]] std::vector<PrefixList> lists() const;

  private:
    using Key = std::pair<dataplane::ServiceId, ListKind>;

    [[nodiscard]] uint16_t free_number() const;

    std::map<Key, PrefixList> lists_;
    bool is_changed_ = false;
};

}  // namespace director::plan
