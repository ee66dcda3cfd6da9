#include "controlplane/kernel/arp.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace director::kernel {
namespace {

constexpr size_t kMacBytes = 6;
constexpr size_t kFrameBytes = 42;
// EtherType ARP; Ethernet, IPv4, their lengths; then what it is (RFC 826).
constexpr std::array<uint8_t, 8> kArp{0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4};
constexpr size_t kSenderMac = 22;
constexpr size_t kSenderAddress = 28;
constexpr size_t kTargetAddress = 38;

void store(std::vector<uint8_t>& frame, size_t at, Ipv4Address address) {
    const uint32_t value = address.host();
    for (size_t i = 0; i < 4; ++i) {
        frame[at + i] = static_cast<uint8_t>(value >> (24 - 8 * i));
    }
}

}  // namespace

std::vector<uint8_t> build_arp_question(const MacAddress& mac,
                                        Ipv4Address own,
                                        Ipv4Address wanted) {
    std::vector<uint8_t> frame(kFrameBytes);
    std::fill_n(frame.begin(), kMacBytes, 0xff);
    std::copy(mac.bytes.begin(), mac.bytes.end(), frame.begin() + kMacBytes);
    std::copy(kArp.begin(), kArp.end(), frame.begin() + 2 * kMacBytes);
    frame[21] = 1;  // request
    std::copy(mac.bytes.begin(), mac.bytes.end(), frame.begin() + kSenderMac);
    store(frame, kSenderAddress, own);
    store(frame, kTargetAddress, wanted);
    return frame;
}

std::optional<ArpAnswer> parse_arp_answer(std::span<const uint8_t> frame) {
    if (frame.size() < kFrameBytes ||
        !std::equal(kArp.begin(), kArp.end(), frame.begin() + 2 * kMacBytes) || frame[20] != 0 ||
        frame[21] != 2) {
        return std::nullopt;
    }
    ArpAnswer answer;
    std::copy_n(frame.begin() + kSenderMac, kMacBytes, answer.mac.bytes.begin());
    const auto* const address = &frame[kSenderAddress];
    answer.address = Ipv4Address::of(address[0], address[1], address[2], address[3]);
    // As Linux: no group can be a neighbour (RFC 1812 section 3.3.2).
    return answer.mac.is_group() ? std::nullopt : std::optional(answer);
}

}  // namespace director::kernel
