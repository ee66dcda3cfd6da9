// Numbers in network order, read from and written to bytes. A read beyond the end answers zeros and
// is remembered: parsers ask once, at the end of what belongs together.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/address.h"

namespace director::sync {

using Bytes = std::vector<uint8_t>;

class ByteReader {
  public:
    explicit ByteReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

    template <std::unsigned_integral T>
    [[nodiscard]] T number() {
        uint64_t value = 0;
        for (const uint8_t byte : take(sizeof(T))) {
            value = value << 8 | byte;
        }
        return static_cast<T>(value);
    }
    // Empty when there are not so many.
    [[nodiscard]] std::span<const uint8_t> take(size_t count) {
        if (count > bytes_.size()) {
            is_good_ = false;
            bytes_ = {};
            return {};
        }
        const auto taken = bytes_.first(count);
        bytes_ = bytes_.subspan(count);
        return taken;
    }
    [[nodiscard]] IpAddress address(Family family) {
        if (family == Family::kIpv4) {
            return Ipv4Address::from_host(number<uint32_t>());
        }
        const auto raw = take(16);
        return raw.empty() ? IpAddress() : IpAddress::load_ipv6(raw.data());
    }
    [[nodiscard]] Be16 port() { return Be16::from_host(number<uint16_t>()); }
    [[nodiscard]] size_t left() const { return bytes_.size(); }
    // Whether everything that was read was there.
    [[nodiscard]] bool is_good() const { return is_good_; }

  private:
    std::span<const uint8_t> bytes_;
    bool is_good_ = true;
};

class ByteWriter {
  public:
    explicit ByteWriter(Bytes& bytes) : bytes_(bytes) {}

    template <std::unsigned_integral T>
    void number(T value) {
        for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) {
            bytes_.push_back(static_cast<uint8_t>(uint64_t{value} >> shift));
        }
    }
    void bytes(std::span<const uint8_t> more) {
        bytes_.insert(bytes_.end(), more.begin(), more.end());
    }
    // Of an IPv4 address its four bytes.
    void address(const IpAddress& address) {
        const std::span<const uint8_t> all(address.bytes);
        bytes(address.is_ipv4() ? all.last(4) : all);
    }
    void port(Be16 port) { number(port.host()); }
    void zeros(size_t count) { bytes_.resize(bytes_.size() + count); }
    [[nodiscard]] size_t size() const { return bytes_.size(); }
    void put16(size_t at, uint16_t value) {
        bytes_[at] = static_cast<uint8_t>(value >> 8);
        bytes_[at + 1] = static_cast<uint8_t>(value);
    }

  private:
    Bytes& bytes_;
};

}  // namespace director::sync
