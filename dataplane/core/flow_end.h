// One end of a flow: address, port and protocol in one word, so that tables hash and compare all
// three at once.
//
// An IPv4 address is there whole. Of an IPv6 address there is a keyed digest of 32 bits, and what
// shard.h makes of it: two ends that differ are told apart nearly always by this word, and always
// by the addresses themselves, which who compares IPv6 ends looks at too (ConnTable, find_client).
#pragma once

#include <cstdint>
#include <cstring>

#include "common/address.h"
#include "common/hash.h"
#include "dataplane/core/shard.h"

namespace director::dataplane {

struct FlowEnd {
    // From the lowest: 32 bits of address or digest, 16 of port, 8 of protocol, 1 for IPv6, and 7
    // of the IPv6 address's part in the shard bucket.
    uint64_t bits = 0;

    [[nodiscard]] static constexpr FlowEnd of(Protocol protocol,
                                              Ipv4Address address,
                                              Be16 port = {}) {
        return {uint64_t{address.bits.raw} | uint64_t{port.raw} << 32 |
                uint64_t{static_cast<uint8_t>(protocol)} << 48};
    }
    // `address` points at the 16 bytes of an IPv6 address.
    [[nodiscard]] static FlowEnd of_ipv6(const HashKey& key,
                                         Protocol protocol,
                                         const uint8_t* address,
                                         Be16 port = {}) {
        uint64_t high = 0;
        uint64_t low = 0;
        std::memcpy(&high, address, 8);
        std::memcpy(&low, address + 8, 8);
        // One multiplication: whose digests agree costs a look at the addresses, and who does not
        // know the key cannot tell which do.
        const uint32_t digest =
            static_cast<uint32_t>(multiply_fold(high + key.first, low + key.second));
        const uint64_t bucket = shard_part_of_ipv6(high, low);
        return {uint64_t{digest} | uint64_t{port.raw} << 32 |
                uint64_t{static_cast<uint8_t>(protocol)} << 48 | uint64_t{1} << 56 | bucket << 57};
    }
    [[nodiscard]] static FlowEnd of(const HashKey& key,
                                    Protocol protocol,
                                    const IpAddress& address,
                                    Be16 port = {}) {
        return address.is_ipv4() ? of(protocol, address.ipv4(), port)
                                 : of_ipv6(key, protocol, address.bytes.data(), port);
    }
    // For an end whose port is still 0.
    [[nodiscard]] constexpr FlowEnd with_port(Be16 port) const {
        return {bits | uint64_t{port.raw} << 32};
    }
    [[nodiscard]] constexpr FlowEnd with_protocol(Protocol protocol) const {
        return {(bits & ~(uint64_t{0xff} << 48)) | uint64_t{static_cast<uint8_t>(protocol)} << 48};
    }
    [[nodiscard]] constexpr FlowEnd without_port() const {
        return {bits & ~(uint64_t{0xffff} << 32)};
    }
    [[nodiscard]] constexpr bool is_ipv6() const { return (bits >> 56 & 1) != 0; }
    // Of an IPv4 end.
    [[nodiscard]] constexpr Ipv4Address ipv4() const { return {Be32{static_cast<uint32_t>(bits)}}; }
    [[nodiscard]] constexpr Be16 port() const { return {static_cast<uint16_t>(bits >> 32)}; }
    [[nodiscard]] constexpr Protocol protocol() const {
        return static_cast<Protocol>(static_cast<uint8_t>(bits >> 48));
    }
    // The bucket of the redirection table that decides which worker a client's connections belong
    // to.
    [[nodiscard]] constexpr uint16_t shard_bucket() const {
        const uint16_t ipv4_part = shard_part_of_ipv4(static_cast<uint32_t>(bits));
        const uint16_t address_part = is_ipv6() ? static_cast<uint16_t>(bits >> 57) : ipv4_part;
        return address_part ^ shard_part_of_word(port().raw);
    }
    friend constexpr bool operator==(FlowEnd, FlowEnd) = default;
};

}  // namespace director::dataplane
