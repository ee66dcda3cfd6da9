// Records and texts that the tests of connection sync share.
#pragma once

#include <string_view>

#include "common/random.h"
#include "dataplane/api/sync.h"

namespace director::sync {

inline Endpoint at(std::string_view text) {
    return Endpoint::parse(text).value();
}

// An established connection by NAT; `number` makes its client.
inline dataplane::SyncRecord sample(uint32_t number = 1) {
    dataplane::SyncRecord record;
    record.state = dataplane::ConnState::kEstablished;
    record.client = {Ipv4Address::from_host(0xc6336400U + number),
                     Be16::from_host(static_cast<uint16_t>(1024 + number))};
    record.local = record.client;
    record.virtual_service = at("192.168.10.100:80");
    record.real_server = at("192.168.2.13:80");
    record.timeout_seconds = 900;
    return record;
}

// Each field at random, as far as it can be so.
inline dataplane::SyncRecord random_record(Random& random) {
    using namespace dataplane;  // NOLINT(google-build-using-namespace): a test's helper
    const auto end = [&random](bool is_ipv6) {
        IpAddress address = Ipv4Address::from_host(static_cast<uint32_t>(random.next()));
        if (is_ipv6) {
            for (uint8_t& byte : address.bytes) {
                byte = static_cast<uint8_t>(random.next());
            }
            address.bytes[0] = 0x20;
        }
        return Endpoint{address, Be16::from_host(static_cast<uint16_t>(random.next()))};
    };
    const auto sequence = [&random] {
        return SyncSequence{static_cast<uint32_t>(random.next()),
                            static_cast<int32_t>(random.next()),
                            static_cast<int32_t>(random.next()),
                            random.below(2) == 0};
    };
    const bool is_outside_ipv6 = random.below(2) == 0;
    const bool is_inside_ipv6 = random.below(2) == 0;
    SyncRecord record;
    record.protocol = random.below(2) == 0 ? Protocol::kTcp : Protocol::kUdp;
    record.state = static_cast<ConnState>(random.below(kConnStateCount));
    record.forwarding = static_cast<ForwardingMethod>(random.below(5));
    record.is_template = random.below(2) == 0;
    record.is_long_lived = random.below(2) == 0;
    record.is_own = random.below(2) == 0;
    record.client = end(is_outside_ipv6);
    record.virtual_service = end(is_outside_ipv6);
    record.real_server = end(is_inside_ipv6);
    record.local = random.below(2) == 0 ? end(is_inside_ipv6) : record.client;
    record.mark = static_cast<uint32_t>(random.next());
    record.timeout_seconds = static_cast<uint32_t>(random.next());
    record.has_adjustment = random.below(2) == 0;
    if (record.has_adjustment) {
        record.adjustment = {sequence(),
                             sequence(),
                             static_cast<uint32_t>(random.next()),
                             static_cast<uint32_t>(random.next()),
                             static_cast<int8_t>(random.next())};
    }
    return record;
}

}  // namespace director::sync
