// What the tests of vrrp/ share: small configurations and words for what came out.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/address.h"
#include "vrrp/action.h"
#include "vrrp/config.h"

namespace director::vrrp {

// Away from zero, so that code which takes 0 for "never" is found out.
inline constexpr TimePoint kStart{std::chrono::hours(1)};

inline std::vector<VirtualAddress> addresses_of(const std::vector<const char*>& texts) {
    std::vector<VirtualAddress> addresses;
    addresses.reserve(texts.size());
    for (const char* text : texts) {
        addresses.push_back(VirtualAddress{IpPrefix::parse(text).value(), {}, {}});
    }
    return addresses;
}

inline InstanceConfig test_instance(std::string name, uint8_t vrid) {
    InstanceConfig config;
    config.name = std::move(name);
    config.interface = "net0";
    config.vrid = vrid;
    config.addresses = addresses_of({"10.9.0.100"});
    return config;
}

inline std::string hex(std::span<const uint8_t> bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const uint8_t byte : bytes) {
        text += kDigits[byte >> 4];
        text += kDigits[byte & 0xf];
    }
    return text;
}

// All actions of one kind, in order.
template <typename T>
std::vector<T> all_of(const Actions& actions) {
    std::vector<T> found;
    for (const Action& action : actions) {
        if (const T* one = std::get_if<T>(&action)) {
            found.push_back(*one);
        }
    }
    return found;
}

}  // namespace director::vrrp
