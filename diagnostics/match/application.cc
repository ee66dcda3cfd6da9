#include "diagnostics/match/application.h"

#include <span>

#include "diagnostics/match/hash_index.h"

namespace director::diagnostics::matching {
namespace {

constexpr size_t kDnsHeaderBytes = 12;
constexpr size_t kDhcpOptionsAt = 240;  // RFC 2131 section 3: 236 bytes and the magic cookie
constexpr uint8_t kDhcpMessageType = 53;
constexpr uint8_t kDhcpEnd = 255;

uint32_t be16(std::span<const uint8_t> bytes, size_t at) {
    return uint32_t{bytes[at]} << 8 | bytes[at + 1];
}

// RFC 1035 section 4.1.1, and the first question with its type and class.
uint64_t dns_key(std::span<const uint8_t> bytes) {
    if (bytes.size() < kDnsHeaderBytes || be16(bytes, 0) == 0) {
        return 0;
    }
    size_t end = kDnsHeaderBytes;
    if (be16(bytes, 4) > 0) {
        while (end < bytes.size() && bytes[end] != 0 && bytes[end] < 64) {
            end += size_t{bytes[end]} + 1;
        }
        end += 5;
    }
    Key key(kDnsPort);
    key.add(be16(bytes, 0)).add(bytes[2] >> 3);  // query or response, and its kind
    if (end <= bytes.size()) {
        key.add(bytes.subspan(kDnsHeaderBytes, end - kDnsHeaderBytes));
    }
    return key.value();
}

uint8_t dhcp_message_type(std::span<const uint8_t> bytes) {
    size_t at = kDhcpOptionsAt;
    while (at + 2 < bytes.size() && bytes[at] != kDhcpEnd) {
        if (bytes[at] == 0) {
            ++at;
            continue;
        }
        if (bytes[at] == kDhcpMessageType) {
            return bytes[at + 2];
        }
        at += size_t{bytes[at + 1]} + 2;
    }
    return 0;
}

}  // namespace

bool is_dhcp(const Headers& headers) {
    const auto is_of_dhcp = [](uint16_t port) {
        return port == kDhcpServerPort || port == kDhcpClientPort;
    };
    return headers.layer4 == Layer4::kUdp && is_of_dhcp(headers.source_port) &&
           is_of_dhcp(headers.destination_port);
}

bool is_dhcp_request(const Headers& headers) {
    return !headers.payload.empty() && headers.payload[0] == 1;
}

uint32_t dhcp_transaction(const Headers& headers) {
    const std::span<const uint8_t> bytes = headers.payload;
    return bytes.size() < 8 ? 0 : be16(bytes, 4) << 16 | be16(bytes, 6);
}

uint64_t application_key(const Headers& headers) {
    const std::span<const uint8_t> bytes = headers.payload;
    if (headers.layer4 == Layer4::kUdp &&
        (headers.source_port == kDnsPort || headers.destination_port == kDnsPort)) {
        return dns_key(bytes);
    }
    if (!is_dhcp(headers) || dhcp_transaction(headers) == 0) {
        return 0;
    }
    return Key(kDhcpServerPort)
        .add(dhcp_transaction(headers))
        .add(bytes[0])  // "op"
        .add(dhcp_message_type(bytes))
        .value();
}

}  // namespace director::diagnostics::matching
