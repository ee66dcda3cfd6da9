// Our addresses as asio has them, and back.
#pragma once

#include <algorithm>
#include <array>
#include <asio/ip/address.hpp>
#include <cstdint>
#include <span>

#include "common/address.h"

namespace director::sync {

[[nodiscard]] inline asio::ip::address to_asio(const IpAddress& address) {
    if (address.is_ipv4()) {
        return asio::ip::address_v4(address.ipv4().host());
    }
    asio::ip::address_v6::bytes_type bytes{};
    std::copy(address.bytes.begin(), address.bytes.end(), bytes.begin());
    return asio::ip::address_v6(bytes);
}

// An IPv4 peer of an IPv6 socket comes as ::ffff:a.b.c.d, which is what IpAddress makes of it.
[[nodiscard]] inline IpAddress from_asio(const asio::ip::address& address) {
    if (address.is_v4()) {
        return Ipv4Address::from_host(address.to_v4().to_uint());
    }
    std::array<uint8_t, 16> bytes{};
    const auto raw = address.to_v6().to_bytes();
    std::copy(raw.begin(), raw.end(), bytes.begin());
    return IpAddress(bytes);
}

}  // namespace director::sync
