// What is known of the interfaces that instances and trackers name.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/address.h"

namespace director::vrrp {

struct InterfaceFacts {
    bool is_up = false;  // administratively, and with carrier
    MacAddress mac;
    std::optional<IpAddress> ipv4;  // the first address
    std::optional<IpAddress> ipv6;  // the link-local one
    bool is_router = true;          // forwards packets: said in neighbour advertisements
    friend bool operator==(const InterfaceFacts&, const InterfaceFacts&) = default;
};

class InterfaceTable {
  public:
    void set(const std::string& name, const InterfaceFacts& facts) { facts_[name] = facts; }
    void remove(const std::string& name) { facts_.erase(name); }
    // nullptr: no such interface. Valid until the table changes.
    [[nodiscard]] const InterfaceFacts* find(std::string_view name) const {
        const auto found = facts_.find(name);
        return found == facts_.end() ? nullptr : &found->second;
    }

  private:
    std::map<std::string, InterfaceFacts, std::less<>> facts_;
};

}  // namespace director::vrrp
