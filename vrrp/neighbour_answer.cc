#include "vrrp/neighbour_answer.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "common/checksum.h"
#include "common/ethernet.h"
#include "vrrp/bytes.h"

namespace director::vrrp {
namespace {

constexpr size_t kArpBytes = 28;
constexpr size_t kIpv6HeaderBytes = 40;
constexpr size_t kSolicitationBytes = 24;  // without options
constexpr size_t kAdvertisementBytes = 32;
constexpr uint8_t kIcmpv6 = 58;
constexpr uint8_t kSolicitation = 135;
constexpr uint8_t kAdvertisement = 136;
constexpr std::array<uint8_t, 8> kArpQuestion{0, 1, 8, 0, 6, 4, 0, 1};  // Ethernet, IPv4, request
constexpr std::array<uint8_t, 8> kArpReply{0, 1, 8, 0, 6, 4, 0, 2};

MacAddress mac_at(const uint8_t* bytes) {
    MacAddress mac;
    std::copy_n(bytes, mac.bytes.size(), mac.bytes.begin());
    return mac;
}

IpAddress ipv4_at(const uint8_t* bytes) {
    return Ipv4Address::from_host(load32(bytes));
}

// Pseudo header and message (RFC 8200 section 8.1); 0 when the checksum in it is right.
uint16_t icmpv6_checksum(std::span<const uint8_t> packet) {
    const auto message = packet.subspan(kIpv6HeaderBytes);
    std::array<uint8_t, 8> tail{0, 0, 0, 0, 0, 0, 0, kIcmpv6};
    store16(&tail[2], message.size());
    uint64_t sum = checksum_add(0, packet.data() + 8, 32);
    sum = checksum_add(sum, tail.data(), tail.size());
    sum = checksum_add(sum, message.data(), message.size());
    return static_cast<uint16_t>(~checksum_fold(sum));
}

std::optional<NeighbourQuestion> parse_arp(std::span<const uint8_t> arp) {
    if (arp.size() < kArpBytes ||
        !std::equal(kArpQuestion.begin(), kArpQuestion.end(), arp.begin())) {
        return std::nullopt;
    }
    return NeighbourQuestion{ipv4_at(&arp[24]), mac_at(&arp[8]), ipv4_at(&arp[14])};
}

std::optional<NeighbourQuestion> parse_solicitation(std::span<const uint8_t> frame) {
    const auto packet = frame.subspan(kEthernetBytes);
    if (packet.size() < kIpv6HeaderBytes + kSolicitationBytes || packet[0] >> 4 != 6) {
        return std::nullopt;
    }
    const size_t length = load16(&packet[4]);
    const auto exact = packet.first(std::min(packet.size(), kIpv6HeaderBytes + length));
    const bool is_solicitation = length >= kSolicitationBytes &&
                                 exact.size() == kIpv6HeaderBytes + length && exact[6] == kIcmpv6 &&
                                 exact[7] == 255 && exact[kIpv6HeaderBytes] == kSolicitation &&
                                 exact[kIpv6HeaderBytes + 1] == 0 && icmpv6_checksum(exact) == 0;
    if (!is_solicitation) {
        return std::nullopt;
    }
    return NeighbourQuestion{IpAddress::load_ipv6(&exact[kIpv6HeaderBytes + 8]),
                             mac_at(&frame[6]),
                             IpAddress::load_ipv6(&exact[8])};
}

std::vector<uint8_t> arp_answer(const NeighbourQuestion& question, const MacAddress& mac) {
    std::vector<uint8_t> frame;
    append(frame, question.asker.bytes);
    append(frame, mac.bytes);
    append(frame, std::array<uint8_t, 2>{0x08, 0x06});
    append(frame, kArpReply);
    append(frame, mac.bytes);
    append(frame, std::span(question.target.bytes).subspan(12));
    append(frame, question.asker.bytes);
    append(frame, std::span(question.asker_ip.bytes).subspan(12));
    return frame;
}

// RFC 4861 section 7.2.4: to all nodes, and not solicited, when the asker has no address yet.
std::vector<uint8_t> neighbour_advertisement(const NeighbourQuestion& question,
                                             const MacAddress& mac) {
    constexpr std::array<uint8_t, 16> kAllNodes{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    constexpr uint8_t kRouter = 0x80;
    constexpr uint8_t kSolicited = 0x40;
    constexpr uint8_t kOverride = 0x20;
    const bool is_nameless = question.asker_ip.is_any();
    std::vector<uint8_t> frame;
    append(frame,
           is_nameless ? std::array<uint8_t, 6>{0x33, 0x33, 0, 0, 0, 1} : question.asker.bytes);
    append(frame, mac.bytes);
    append(frame, std::array<uint8_t, 2>{0x86, 0xdd});
    append(frame, std::array<uint8_t, 8>{0x60, 0, 0, 0, 0, kAdvertisementBytes, kIcmpv6, 255});
    append(frame, question.target.bytes);
    append(frame, is_nameless ? kAllNodes : question.asker_ip.bytes);
    const auto flags = static_cast<uint8_t>(kRouter | kOverride | (is_nameless ? 0 : kSolicited));
    append(frame, std::array<uint8_t, 8>{kAdvertisement, 0, 0, 0, flags, 0, 0, 0});
    append(frame, question.target.bytes);
    append(frame, std::array<uint8_t, 2>{2, 1});  // target link-layer address
    append(frame, mac.bytes);
    const uint16_t checksum =
        icmpv6_checksum(std::span<const uint8_t>(frame).subspan(kEthernetBytes));
    std::memcpy(&frame[kEthernetBytes + kIpv6HeaderBytes + 2], &checksum, sizeof(checksum));
    return frame;
}

}  // namespace

std::optional<NeighbourQuestion> parse_question(std::span<const uint8_t> frame) {
    if (frame.size() < kEthernetBytes) {
        return std::nullopt;
    }
    const uint16_t type = load16(&frame[12]);
    auto question = type == 0x0806   ? parse_arp(frame.subspan(kEthernetBytes))
                    : type == 0x86dd ? parse_solicitation(frame)
                                     : std::nullopt;
    // An answer to a group would tell many what one asked.
    return question && !question->asker.is_group() ? question : std::nullopt;
}

std::vector<uint8_t> build_answer(const NeighbourQuestion& question, const MacAddress& mac) {
    return question.target.is_ipv4() ? arp_answer(question, mac)
                                     : neighbour_advertisement(question, mac);
}

}  // namespace director::vrrp
