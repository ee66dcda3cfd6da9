// The VRRP message on the wire: version 2 (RFC 3768 with the authentication of RFC 2338) and
// version 3 (RFC 5798, RFC 9568). Bytes to values and back, nothing remembered. What lies around
// it, the IP packet, is vrrp/packet.h's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "common/address.h"
#include "vrrp/config.h"

namespace director::vrrp {

// Why a packet is not believed. X(enumerator, name shown to operators, what happened)
#define DIRECTOR_VRRP_REFUSALS(X)                                                               \
    X(kTruncated, "truncated", "packet ends before its headers do")                             \
    X(kBadIpHeader, "bad_ip_header", "IP header is wrong, or the packet is a fragment")         \
    X(kNotVrrp, "not_vrrp", "protocol is neither 112 nor 51 with 112 inside")                   \
    X(kBadSource, "bad_source", "source address cannot be a router's")                          \
    X(kOwnSource, "own_source", "source is our own address: looped back, spoofed or duplicate") \
    X(kTtl, "ttl", "TTL is not 255 (multicast) or not within the peer's limits")                \
    X(kVersion, "version", "version is not the instance's")                                     \
    X(kType, "type", "type is not 1, advertisement")                                            \
    X(kLength, "length", "length does not fit the number of addresses")                         \
    X(kChecksum, "checksum", "checksum is wrong in every known form")                           \
    X(kBadAddress, "bad_address", "virtual address that is on no wire: IPv4-mapped IPv6")       \
    X(kIntervalZero, "interval_zero", "advertisement interval is 0")                            \
    X(kUnknownInstance, "unknown_instance", "no instance has this VRID on this interface")      \
    X(kNotRunning, "not_running", "instance is in INIT or FAULT and does not listen")           \
    X(kAuthenticationType, "authentication_type", "authentication type is not the instance's")  \
    X(kPassword, "password", "password is wrong")                                               \
    X(kAhDigest, "ah_digest", "authentication header is malformed or its digest wrong")         \
    X(kAhReplay, "ah_replay", "authentication header's sequence number was seen before")        \
    X(kInterval, "interval", "version 2 advertisement interval is not the instance's")          \
    X(kDelivery, "delivery", "multicast to a unicast instance, or unicast to a multicast one")  \
    X(kUnknownPeer, "unknown_peer", "unicast from an address that is no peer")                  \
    X(kAddresses, "addresses", "virtual addresses are not the instance's, and that is strict")

enum class Refusal : uint8_t {
#define DIRECTOR_VRRP_ENUMERATOR(enumerator, name, text) enumerator,
    DIRECTOR_VRRP_REFUSALS(DIRECTOR_VRRP_ENUMERATOR)
#undef DIRECTOR_VRRP_ENUMERATOR
};

#define DIRECTOR_VRRP_COUNT(enumerator, name, text) +1  // NOLINT(bugprone-macro-parentheses)
inline constexpr size_t kRefusalCount = 0 DIRECTOR_VRRP_REFUSALS(DIRECTOR_VRRP_COUNT);
#undef DIRECTOR_VRRP_COUNT

[[nodiscard]] std::string_view to_string(Refusal refusal);
[[nodiscard]] std::string_view description(Refusal refusal);

template <typename T>
using Parsed = tl::expected<T, Refusal>;

inline constexpr uint8_t kProtocolVrrp = 112;
inline constexpr uint8_t kProtocolAh = 51;
// RFC 5798 5.1.1.2, 5.1.2.2.
inline constexpr Ipv4Address kMulticastIpv4 = Ipv4Address::of(224, 0, 0, 18);
[[nodiscard]] IpAddress multicast_group(Family family);

inline constexpr uint8_t kPriorityStop = 0;
inline constexpr uint8_t kPriorityOwner = 255;

using Password = std::array<uint8_t, 8>;
// The first 8 bytes, padded with zeros.
[[nodiscard]] Password make_password(std::string_view text);

struct Advertisement {
    Version version = Version::kV2;
    uint8_t vrid = 0;
    uint8_t priority = 0;
    Duration interval{0};  // version 2: whole seconds; version 3: 10 ms to 40.95 s
    std::vector<IpAddress> addresses;
    Authentication authentication = Authentication::kNone;  // version 2
    Password password{};                                    // version 2
    friend bool operator==(const Advertisement&, const Advertisement&) = default;
};

// The forms of checksum that a version 3 advert over IPv4 can have. Elsewhere there is one form,
// kPseudoHeader (IPv6) or kMessageOnly (version 2).
enum class ChecksumForm : uint8_t { kPseudoHeader, kMessageOnly, kOldUnicast };
[[nodiscard]] std::string_view to_string(ChecksumForm form);

struct ReceivedAdvertisement {
    Advertisement advertisement;
    ChecksumForm form = ChecksumForm::kPseudoHeader;
};

// Reads a message that came from `source` to `destination`, which the checksum needs and whose
// family tells that of the addresses. Accepts all three forms of checksum. Reserved bits are
// ignored (RFC 5798 5.2.6). Nothing behind the message is accepted, as keepalived does not.
[[nodiscard]] Parsed<ReceivedAdvertisement> parse_advertisement(std::span<const uint8_t> message,
                                                                const IpAddress& source,
                                                                const IpAddress& destination);

// The message to send. Precondition: what validate() demands of an instance.
[[nodiscard]] std::vector<uint8_t> build_advertisement(const Advertisement& advertisement,
                                                       const IpAddress& source,
                                                       const IpAddress& destination,
                                                       ChecksumForm form);

}  // namespace director::vrrp
