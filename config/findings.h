// Where the checks of validate.cc and validate_services.cc put what they find.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/validate.h"

namespace director::config {

class Findings {
  public:
    void add(std::string path, std::string message, std::vector<std::string> premises = {}) {
        list_.push_back({std::move(path), std::move(message), std::move(premises)});
    }

    // Puts `key` into `seen`, or reports that the setting there first has it already.
    template <typename Map>
    void check_unique(Map& seen,
                      const typename Map::key_type& key,
                      const std::string& path,
                      std::string_view what) {
        const auto [entry, is_new] = seen.emplace(key, path);
        if (!is_new) {
            add(path,
                fmt::format("{} is already given at {}", what, entry->second),
                {entry->second});
        }
    }

    [[nodiscard]] size_t size() const { return list_.size(); }
    [[nodiscard]] std::vector<Finding> take() { return std::move(list_); }

  private:
    std::vector<Finding> list_;
};

// One of the director's own addresses, with its subnet.
struct OwnAddress {
    std::string path;
    std::string interface_path;
    IpPrefix prefix;
};

// Why an address cannot belong to one machine on a network; nothing if it can.
[[nodiscard]] std::optional<std::string_view> why_not_unicast(const IpAddress& address);
// What is special about an address in a subnet, such as "the broadcast address".
[[nodiscard]] std::optional<std::string_view> special_in(const IpPrefix& subnet,
                                                         const IpAddress& address);
[[nodiscard]] IpPrefix subnet_of(const IpPrefix& interface_address);

// What validate_services.cc checks: virtual services, pools and source NAT.
void validate_services(const Model& model,
                       const Vocabulary& vocabulary,
                       const std::vector<OwnAddress>& own_addresses,
                       Findings& findings);

// What validate_checks.cc checks: the health checks of one service.
void validate_checks(const VirtualService& service,
                     const std::string& service_path,
                     Findings& findings);

}  // namespace director::config
