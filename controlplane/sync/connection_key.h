// What makes a record of a connection the same connection's as another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "common/hash.h"
#include "dataplane/api/sync.h"

namespace director::sync {

struct ConnectionKey {
    Endpoint client;
    Endpoint virtual_service;
    Protocol protocol = Protocol::kTcp;
    bool is_template = false;

    [[nodiscard]] static ConnectionKey of(const dataplane::SyncRecord& record) {
        return {record.client, record.virtual_service, record.protocol, record.is_template};
    }
    friend constexpr bool operator==(const ConnectionKey&, const ConnectionKey&) = default;
};

// Keyed: clients choose addresses and ports.
struct ConnectionKeyHash {
    HashKey key;

    [[nodiscard]] size_t operator()(const ConnectionKey& value) const {
        uint64_t hash = static_cast<uint64_t>(value.protocol) << 40 |
                        static_cast<uint64_t>(value.is_template) << 32 |
                        static_cast<uint64_t>(value.client.port.host()) << 16 |
                        value.virtual_service.port.host();
        for (const IpAddress* address : {&value.client.address, &value.virtual_service.address}) {
            for (size_t half = 0; half < 2; ++half) {
                uint64_t word = 0;
                std::memcpy(&word, address->bytes.data() + 8 * half, sizeof word);
                hash = keyed_hash(key, hash ^ word);
            }
        }
        return hash;
    }
};

}  // namespace director::sync
