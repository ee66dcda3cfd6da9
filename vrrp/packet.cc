#include "vrrp/packet.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstring>

#include "common/assert.h"
#include "common/checksum.h"
#include "vrrp/bytes.h"

namespace director::vrrp {
namespace {

constexpr size_t kIpv4HeaderBytes = 20;
constexpr size_t kIpv6HeaderBytes = 40;
constexpr size_t kAhBytes = 24;
constexpr size_t kAhDigestOffset = 12;
constexpr size_t kMessageBytesMin = 8;
constexpr uint8_t kTrafficClass = 0xc0;
constexpr uint8_t kProtocolIcmpv6 = 58;

// What a header says of itself: where its payload begins and which protocol that is.
struct Payload {
    size_t offset = 0;
    uint8_t protocol = 0;
};

Parsed<Payload> parse_ipv4(std::span<const uint8_t> bytes, Packet& packet) {
    if (bytes.size() < kIpv4HeaderBytes) {
        return tl::unexpected(Refusal::kTruncated);
    }
    const size_t header = size_t{bytes[0] & 0xfU} * 4;
    const size_t total = load16(&bytes[2]);
    if (header < kIpv4HeaderBytes || total < header) {
        return tl::unexpected(Refusal::kBadIpHeader);
    }
    if (total > bytes.size()) {
        return tl::unexpected(Refusal::kTruncated);
    }
    const bool is_fragment = (load16(&bytes[6]) & 0x3fff) != 0;
    if (is_fragment || checksum_fold(checksum_add(0, bytes.data(), header)) != 0xffff) {
        return tl::unexpected(Refusal::kBadIpHeader);
    }
    packet.source = Ipv4Address::from_host(load32(&bytes[12]));
    packet.destination = Ipv4Address::from_host(load32(&bytes[16]));
    packet.ttl = bytes[8];
    packet.bytes = bytes.first(total);
    return Payload{header, bytes[9]};
}

Parsed<Payload> parse_ipv6(std::span<const uint8_t> bytes, Packet& packet) {
    if (bytes.size() < kIpv6HeaderBytes) {
        return tl::unexpected(Refusal::kTruncated);
    }
    const size_t total = kIpv6HeaderBytes + load16(&bytes[4]);
    if (total > bytes.size()) {
        return tl::unexpected(Refusal::kTruncated);
    }
    packet.source = IpAddress::load_ipv6(&bytes[8]);
    packet.destination = IpAddress::load_ipv6(&bytes[24]);
    // ::ffff:a.b.c.d is on no wire (RFC 4291 2.5.5.2) and would pass for IPv4 from here on.
    if (packet.source.is_ipv4() || packet.destination.is_ipv4()) {
        return tl::unexpected(Refusal::kBadIpHeader);
    }
    packet.ttl = bytes[7];
    packet.bytes = bytes.first(total);
    return Payload{kIpv6HeaderBytes, bytes[6]};
}

// Takes the authentication header off; what is inside must be VRRP.
std::optional<Refusal> parse_ah(Packet& packet, size_t& offset) {
    const auto bytes = packet.bytes.subspan(offset);
    if (bytes.size() < kAhBytes) {
        return Refusal::kTruncated;
    }
    if (bytes[0] != kProtocolVrrp) {
        return Refusal::kNotVrrp;
    }
    // RFC 2402 2.2: length in 32-bit words, minus 2.
    if (packet.family() != Family::kIpv4 || bytes[1] != kAhBytes / 4 - 2) {
        return Refusal::kAhDigest;
    }
    AuthenticationHeader header;
    header.spi = load32(&bytes[4]);
    header.sequence = load32(&bytes[8]);
    std::copy_n(&bytes[kAhDigestOffset], header.digest.size(), header.digest.begin());
    packet.ah = header;
    offset += kAhBytes;
    return std::nullopt;
}

bool can_be_router(const IpAddress& address) {
    return !address.is_any() && !address.is_multicast() && !address.is_loopback() &&
           !(address.is_ipv4() && address.ipv4().is_broadcast());
}

// The digest over a packet with `header_bytes` of IP header: what may change on the way counts as
// zero (RFC 2402 3.3.3.1); keepalived counts the TTL for multicast, where it may not.
std::array<uint8_t, 12> digest_of(std::span<const uint8_t> packet,
                                  size_t header_bytes,
                                  const Password& password) {
    std::vector<uint8_t> bytes(packet.begin(), packet.end());
    bytes[1] = 0;
    bytes[6] = bytes[7] = 0;
    bytes[10] = bytes[11] = 0;
    if ((bytes[16] >> 4) != 0xe) {
        bytes[8] = 0;
    }
    std::fill_n(bytes.begin() + static_cast<ptrdiff_t>(header_bytes + kAhDigestOffset), 12, 0);
    std::array<uint8_t, EVP_MAX_MD_SIZE> whole{};
    unsigned length = 0;
    const auto* done = HMAC(EVP_md5(),
                            password.data(),
                            static_cast<int>(password.size()),
                            bytes.data(),
                            bytes.size(),
                            whole.data(),
                            &length);
    DIRECTOR_ASSERT(done != nullptr && length >= 12);
    std::array<uint8_t, 12> digest{};
    std::copy_n(whole.begin(), digest.size(), digest.begin());
    return digest;
}

std::vector<uint8_t> ipv4_header(const Envelope& envelope, size_t payload, uint8_t protocol) {
    std::vector<uint8_t> header(kIpv4HeaderBytes);
    header[0] = 0x45;
    header[1] = kTrafficClass;
    store16(&header[2], kIpv4HeaderBytes + payload);
    store16(&header[4], envelope.ipv4_id);
    header[8] = envelope.ttl;
    header[9] = protocol;
    store32(&header[12], envelope.source.ipv4().host());
    store32(&header[16], envelope.destination.ipv4().host());
    const auto checksum =
        static_cast<uint16_t>(~checksum_fold(checksum_add(0, header.data(), header.size())));
    std::memcpy(&header[10], &checksum, sizeof(checksum));
    return header;
}

std::vector<uint8_t> ipv6_header(const IpAddress& source,
                                 const IpAddress& destination,
                                 uint8_t traffic_class,
                                 uint8_t hop_limit,
                                 uint8_t protocol,
                                 size_t payload) {
    std::vector<uint8_t> header(kIpv6HeaderBytes);
    header[0] = static_cast<uint8_t>(0x60 | traffic_class >> 4);
    header[1] = static_cast<uint8_t>(traffic_class << 4);
    store16(&header[4], payload);
    header[6] = protocol;
    header[7] = hop_limit;
    std::copy(source.bytes.begin(), source.bytes.end(), header.begin() + 8);
    std::copy(destination.bytes.begin(), destination.bytes.end(), header.begin() + 24);
    return header;
}

std::vector<uint8_t> gratuitous_arp(Ipv4Address address, const MacAddress& mac) {
    constexpr MacAddress kEverybody{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    std::array<uint8_t, 4> protocol_address{};
    store32(protocol_address.data(), address.host());
    std::vector<uint8_t> frame;
    append(frame, kEverybody.bytes);
    append(frame, mac.bytes);
    // EtherType ARP; Ethernet, IPv4, their lengths, request.
    append(frame, std::array<uint8_t, 10>{8, 6, 0, 1, 8, 0, 6, 4, 0, 1});
    append(frame, mac.bytes);
    append(frame, protocol_address);
    append(frame, kEverybody.bytes);
    append(frame, protocol_address);
    return frame;
}

std::vector<uint8_t> neighbour_advertisement(const IpAddress& address,
                                             const MacAddress& mac,
                                             RouterFlag router) {
    const IpAddress all_nodes({0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
    // RFC 4861 4.4: type 136, flags; then the target and its link-layer address (option 2).
    const uint8_t flags = router == RouterFlag::kSet ? 0xa0 : 0x20;
    std::vector<uint8_t> message{136, 0, 0, 0, flags, 0, 0, 0};
    append(message, address.bytes);
    append(message, std::array<uint8_t, 2>{2, 1});
    append(message, mac.bytes);
    uint64_t sum = checksum_add(0, address.bytes.data(), address.bytes.size());
    sum = checksum_add(sum, all_nodes.bytes.data(), all_nodes.bytes.size());
    sum += checksum_pseudo_ipv4(0, 0, kProtocolIcmpv6, static_cast<uint16_t>(message.size()));
    sum = checksum_add(sum, message.data(), message.size());
    const auto checksum = static_cast<uint16_t>(~checksum_fold(sum));
    std::memcpy(&message[2], &checksum, sizeof(checksum));
    auto packet = ipv6_header(address, all_nodes, 0, 255, kProtocolIcmpv6, message.size());
    append(packet, message);
    return build_frame(mac, multicast_mac(all_nodes), packet);
}

}  // namespace

Parsed<Packet> parse_packet(std::span<const uint8_t> bytes) {
    if (bytes.empty()) {
        return tl::unexpected(Refusal::kTruncated);
    }
    Packet packet;
    const unsigned version = bytes[0] >> 4;
    if (version != 4 && version != 6) {
        return tl::unexpected(Refusal::kBadIpHeader);
    }
    const auto payload = version == 4 ? parse_ipv4(bytes, packet) : parse_ipv6(bytes, packet);
    if (!payload) {
        return tl::unexpected(payload.error());
    }
    if (!can_be_router(packet.source)) {
        return tl::unexpected(Refusal::kBadSource);
    }
    size_t offset = payload->offset;
    if (payload->protocol == kProtocolAh) {
        if (const auto refusal = parse_ah(packet, offset)) {
            return tl::unexpected(*refusal);
        }
    } else if (payload->protocol != kProtocolVrrp) {
        return tl::unexpected(Refusal::kNotVrrp);
    }
    packet.message = packet.bytes.subspan(offset);
    if (packet.message.size() < kMessageBytesMin) {
        return tl::unexpected(Refusal::kTruncated);
    }
    return packet;
}

std::vector<uint8_t> build_packet(const Envelope& envelope, std::span<const uint8_t> message) {
    auto packet = envelope.source.is_ipv4() ? ipv4_header(envelope, message.size(), kProtocolVrrp)
                                            : ipv6_header(envelope.source,
                                                          envelope.destination,
                                                          kTrafficClass,
                                                          envelope.ttl,
                                                          kProtocolVrrp,
                                                          message.size());
    append(packet, message);
    return packet;
}

std::vector<uint8_t> build_packet_with_ah(const Envelope& envelope,
                                          std::span<const uint8_t> message,
                                          uint32_t sequence,
                                          const Password& password) {
    DIRECTOR_ASSERT(envelope.source.is_ipv4());
    auto packet = ipv4_header(envelope, kAhBytes + message.size(), kProtocolAh);
    std::array<uint8_t, kAhBytes> header{kProtocolVrrp, kAhBytes / 4 - 2};
    // keepalived's choice of security parameters index: the source address.
    store32(&header[4], envelope.source.ipv4().host());
    store32(&header[8], sequence);
    append(packet, header);
    append(packet, message);
    const auto digest = digest_of(packet, kIpv4HeaderBytes, password);
    std::copy(digest.begin(),
              digest.end(),
              packet.begin() + static_cast<ptrdiff_t>(kIpv4HeaderBytes + kAhDigestOffset));
    return packet;
}

bool has_right_digest(const Packet& packet, const Password& password) {
    DIRECTOR_ASSERT(packet.ah.has_value());
    const size_t header_bytes = packet.bytes.size() - packet.message.size() - kAhBytes;
    return packet.ah->spi == packet.source.ipv4().host() &&
           packet.ah->digest == digest_of(packet.bytes, header_bytes, password);
}

MacAddress virtual_mac(Family family, uint8_t vrid) {
    const uint8_t block = family == Family::kIpv4 ? 1 : 2;
    return MacAddress{{0, 0, 0x5e, 0, block, vrid}};
}

MacAddress multicast_mac(const IpAddress& group) {
    DIRECTOR_ASSERT(group.is_multicast());
    const auto& bytes = group.bytes;
    if (group.is_ipv4()) {
        const auto low = static_cast<uint8_t>(bytes[13] & 0x7f);
        return MacAddress{{1, 0, 0x5e, low, bytes[14], bytes[15]}};
    }
    return MacAddress{{0x33, 0x33, bytes[12], bytes[13], bytes[14], bytes[15]}};
}

std::vector<uint8_t> build_frame(const MacAddress& source,
                                 const MacAddress& destination,
                                 std::span<const uint8_t> packet) {
    std::vector<uint8_t> frame;
    frame.reserve(14 + packet.size());
    append(frame, destination.bytes);
    append(frame, source.bytes);
    const bool is_ipv4 = packet[0] >> 4 == 4;
    append(frame,
           is_ipv4 ? std::array<uint8_t, 2>{0x08, 0x00} : std::array<uint8_t, 2>{0x86, 0xdd});
    append(frame, packet);
    return frame;
}

std::vector<uint8_t> build_announcement(const IpAddress& address,
                                        const MacAddress& mac,
                                        RouterFlag router) {
    return address.is_ipv4() ? gratuitous_arp(address.ipv4(), mac)
                             : neighbour_advertisement(address, mac, router);
}

}  // namespace director::vrrp
