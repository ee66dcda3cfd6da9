#include "vrrp/own_frames.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "common/checksum.h"
#include "common/ethernet.h"
#include "vrrp/bytes.h"

namespace director::vrrp {
namespace {

constexpr size_t kMacBytes = 6;
constexpr size_t kArpBytes = 28;
constexpr size_t kIpv4HeaderBytes = 20;
constexpr size_t kIpv6HeaderBytes = 40;
constexpr size_t kNeighbourBytes = 24;  // of a solicitation or advertisement before its options
constexpr uint16_t kTypeArp = 0x0806;
constexpr uint8_t kIcmpv6 = 58;
constexpr uint8_t kSolicitation = 135;
constexpr uint8_t kAdvertisement = 136;

EthernetHeader header_of(std::span<const uint8_t> frame) {
    return parse_ethernet(frame.data(), static_cast<uint32_t>(frame.size()));
}

// 135, 136, or 0.
uint8_t neighbour_message(std::span<const uint8_t> packet) {
    if (packet.size() < kIpv6HeaderBytes + kNeighbourBytes || packet[6] != kIcmpv6) {
        return 0;
    }
    const uint8_t type = packet[kIpv6HeaderBytes];
    return type == kSolicitation || type == kAdvertisement ? type : uint8_t{0};
}

// RFC 1624, for an even number of bytes at an even place of what is summed.
void replace_summed(std::span<uint8_t> message,
                    size_t checksum_at,
                    size_t at,
                    std::span<const uint8_t> bytes) {
    uint64_t sum = static_cast<uint16_t>(~load16(&message[checksum_at]));
    for (size_t i = 0; i + 1 < bytes.size(); i += 2) {
        sum += static_cast<uint16_t>(~load16(&message[at + i]));
        sum += load16(&bytes[i]);
    }
    std::copy(bytes.begin(), bytes.end(), message.begin() + static_cast<ptrdiff_t>(at));
    store16(&message[checksum_at], static_cast<uint16_t>(~checksum_fold(sum)));
}

// Source link-layer address (1) of a solicitation, target link-layer address (2) of an
// advertisement. Options are in units of 8 bytes.
void show_mac_in_options(std::span<uint8_t> message, const MacAddress& mac) {
    constexpr size_t kChecksumAt = 2;
    const uint8_t wanted = message[0] == kSolicitation ? 1 : 2;
    for (size_t at = kNeighbourBytes; at + 8 <= message.size();) {
        const size_t length = size_t{message[at + 1]} * 8;
        if (length == 0 || at + length > message.size()) {
            return;
        }
        if (message[at] == wanted && length == 8) {
            replace_summed(message, kChecksumAt, at + 2, mac.bytes);
        }
        at += length;
    }
}

}  // namespace

std::optional<IpAddress> speaker_of(std::span<const uint8_t> frame) {
    const EthernetHeader header = header_of(frame);
    const auto bytes = frame.subspan(header.length_bytes);
    if (header.type == kTypeArp && bytes.size() >= kArpBytes) {
        return IpAddress(Ipv4Address::from_host(load32(&bytes[14])));
    }
    if (header.type == kEtherTypeIpv4 && bytes.size() >= kIpv4HeaderBytes) {
        return IpAddress(Ipv4Address::from_host(load32(&bytes[12])));
    }
    if (header.type == kEtherTypeIpv6 && bytes.size() >= kIpv6HeaderBytes) {
        const bool is_advertisement = neighbour_message(bytes) == kAdvertisement;
        return IpAddress::load_ipv6(&bytes[is_advertisement ? kIpv6HeaderBytes + 8 : 8]);
    }
    return std::nullopt;
}

void show_mac(std::span<uint8_t> frame, const MacAddress& mac) {
    const EthernetHeader header = header_of(frame);
    if (header.length_bytes == 0) {
        return;
    }
    std::copy(mac.bytes.begin(), mac.bytes.end(), frame.begin() + kMacBytes);
    const auto bytes = frame.subspan(header.length_bytes);
    if (header.type == kTypeArp && bytes.size() >= kArpBytes) {
        std::copy(mac.bytes.begin(), mac.bytes.end(), bytes.begin() + 8);
    } else if (header.type == kEtherTypeIpv6 && neighbour_message(bytes) != 0) {
        show_mac_in_options(bytes.subspan(kIpv6HeaderBytes), mac);
    }
}

}  // namespace director::vrrp
