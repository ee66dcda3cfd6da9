#include "vrrp/advertisement.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "common/assert.h"
#include "common/checksum.h"

namespace director::vrrp {
namespace {

constexpr size_t kHeaderBytes = 8;
constexpr size_t kAuthenticationBytes = 8;
constexpr uint8_t kTypeAdvertisement = 1;
constexpr Duration kCentisecond = std::chrono::milliseconds(10);

struct Text {
    std::string_view name;
    std::string_view description;
};

constexpr std::array<Text, kRefusalCount> kTexts{{
#define DIRECTOR_VRRP_TEXT(enumerator, name, text) {name, text},
    DIRECTOR_VRRP_REFUSALS(DIRECTOR_VRRP_TEXT)
#undef DIRECTOR_VRRP_TEXT
}};

size_t address_bytes(Family family) {
    return family == Family::kIpv4 ? 4 : 16;
}

// The bytes of an address as a header has them.
std::span<const uint8_t> wire_bytes(const IpAddress& address) {
    return address.is_ipv4() ? std::span(address.bytes).subspan(12) : std::span(address.bytes);
}

// RFC 2460 8.1 for IPv6; RFC 5798 5.2.8 as keepalived reads it for IPv4. Both have the same sum.
uint64_t pseudo_header_sum(const IpAddress& source, const IpAddress& destination, size_t length) {
    uint64_t sum = 0;
    for (const IpAddress* address : {&source, &destination}) {
        const auto bytes = wire_bytes(*address);
        sum = checksum_add(sum, bytes.data(), bytes.size());
    }
    return sum + checksum_pseudo_ipv4(0, 0, kProtocolVrrp, static_cast<uint16_t>(length));
}

bool needs_pseudo_header(Version version, Family family, ChecksumForm form) {
    return version == Version::kV3 &&
           (family == Family::kIpv6 || form != ChecksumForm::kMessageOnly);
}

// The checksum's sum over everything: 0xffff when it is right.
uint16_t sum_of(std::span<const uint8_t> message,
                const IpAddress& source,
                const IpAddress& destination,
                Version version,
                ChecksumForm form) {
    uint64_t sum = checksum_add(0, message.data(), message.size());
    if (needs_pseudo_header(version, source.family(), form)) {
        const bool is_old = form == ChecksumForm::kOldUnicast && source.is_ipv4();
        sum += pseudo_header_sum(
            source, is_old ? IpAddress(kMulticastIpv4) : destination, message.size());
    }
    return checksum_fold(sum);
}

// The forms a message may have, the one that we would send first.
std::span<const ChecksumForm> forms_of(Version version, Family family) {
    static constexpr std::array kIpv4 = {
        ChecksumForm::kPseudoHeader, ChecksumForm::kMessageOnly, ChecksumForm::kOldUnicast};
    static constexpr std::array kV2 = {ChecksumForm::kMessageOnly};
    if (version == Version::kV2) {
        return kV2;
    }
    return family == Family::kIpv4 ? std::span<const ChecksumForm>(kIpv4)
                                   : std::span<const ChecksumForm>(kIpv4).first(1);
}

std::optional<Refusal> check_shape(std::span<const uint8_t> message, Family family) {
    if (message.size() < kHeaderBytes) {
        return Refusal::kTruncated;
    }
    const auto version = message[0] >> 4;
    // RFC 3768 is about IPv4 alone.
    if (version != 3 && !(version == 2 && family == Family::kIpv4)) {
        return Refusal::kVersion;
    }
    if ((message[0] & 0xf) != kTypeAdvertisement) {
        return Refusal::kType;
    }
    const size_t expected = kHeaderBytes + message[3] * address_bytes(family) +
                            (version == 2 ? kAuthenticationBytes : 0);
    if (message.size() != expected) {
        return Refusal::kLength;
    }
    return std::nullopt;
}

std::vector<IpAddress> read_addresses(const uint8_t* data, size_t count, Family family) {
    std::vector<IpAddress> addresses;
    addresses.reserve(count);
    for (size_t i = 0; i < count; ++i, data += address_bytes(family)) {
        addresses.push_back(family == Family::kIpv4
                                ? IpAddress(Ipv4Address::of(data[0], data[1], data[2], data[3]))
                                : IpAddress::load_ipv6(data));
    }
    return addresses;
}

}  // namespace

std::string_view to_string(Refusal refusal) {
    return kTexts[static_cast<size_t>(refusal)].name;
}

std::string_view description(Refusal refusal) {
    return kTexts[static_cast<size_t>(refusal)].description;
}

std::string_view to_string(ChecksumForm form) {
    switch (form) {
        case ChecksumForm::kPseudoHeader:
            return "pseudo_header";
        case ChecksumForm::kMessageOnly:
            return "message_only";
        case ChecksumForm::kOldUnicast:
            return "old_unicast";
    }
    return "?";
}

IpAddress multicast_group(Family family) {
    if (family == Family::kIpv4) {
        return kMulticastIpv4;
    }
    return IpAddress({0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12});
}

Password make_password(std::string_view text) {
    Password password{};
    std::copy_n(text.begin(), std::min(text.size(), password.size()), password.begin());
    return password;
}

Parsed<ReceivedAdvertisement> parse_advertisement(std::span<const uint8_t> message,
                                                  const IpAddress& source,
                                                  const IpAddress& destination) {
    const Family family = source.family();
    if (const auto refusal = check_shape(message, family)) {
        return tl::unexpected(*refusal);
    }
    ReceivedAdvertisement result;
    Advertisement& advertisement = result.advertisement;
    advertisement.version = message[0] >> 4 == 2 ? Version::kV2 : Version::kV3;
    const auto forms = forms_of(advertisement.version, family);
    const auto form = std::find_if(forms.begin(), forms.end(), [&](ChecksumForm candidate) {
        return sum_of(message, source, destination, advertisement.version, candidate) == 0xffff;
    });
    if (form == forms.end()) {
        return tl::unexpected(Refusal::kChecksum);
    }
    result.form = *form;
    advertisement.vrid = message[1];
    advertisement.priority = message[2];
    advertisement.addresses = read_addresses(message.data() + kHeaderBytes, message[3], family);
    // RFC 4291 2.5.5.2; it would pass for an IPv4 address from here on.
    const auto& addresses = advertisement.addresses;
    if (std::any_of(addresses.begin(), addresses.end(), [&](const IpAddress& address) {
            return address.family() != family;
        })) {
        return tl::unexpected(Refusal::kBadAddress);
    }
    if (advertisement.version == Version::kV2) {
        advertisement.authentication = static_cast<Authentication>(message[4]);
        if (message[4] > 2) {
            return tl::unexpected(Refusal::kAuthenticationType);
        }
        advertisement.interval = std::chrono::seconds(message[5]);
        std::memcpy(advertisement.password.data(),
                    message.data() + message.size() - kAuthenticationBytes,
                    kAuthenticationBytes);
    } else {
        advertisement.interval = kCentisecond * ((message[4] & 0xf) << 8 | message[5]);
    }
    // RFC 9568 erratum 8301: an interval of 0 would make everybody MASTER at once.
    if (advertisement.interval == Duration::zero()) {
        return tl::unexpected(Refusal::kIntervalZero);
    }
    return result;
}

std::vector<uint8_t> build_advertisement(const Advertisement& advertisement,
                                         const IpAddress& source,
                                         const IpAddress& destination,
                                         ChecksumForm form) {
    DIRECTOR_ASSERT(advertisement.addresses.size() <= 255);
    std::vector<uint8_t> message{
        static_cast<uint8_t>(static_cast<unsigned>(advertisement.version) << 4 |
                             kTypeAdvertisement),
        advertisement.vrid,
        advertisement.priority,
        static_cast<uint8_t>(advertisement.addresses.size()),
        0,
        0,
        0,
        0};
    const bool is_v2 = advertisement.version == Version::kV2;
    if (is_v2) {
        message[4] = static_cast<uint8_t>(advertisement.authentication);
        message[5] = static_cast<uint8_t>(advertisement.interval / std::chrono::seconds(1));
    } else {
        const auto centiseconds = static_cast<unsigned>(advertisement.interval / kCentisecond);
        message[4] = static_cast<uint8_t>(centiseconds >> 8 & 0xf);
        message[5] = static_cast<uint8_t>(centiseconds);
    }
    for (const IpAddress& address : advertisement.addresses) {
        const auto bytes = wire_bytes(address);
        message.insert(message.end(), bytes.begin(), bytes.end());
    }
    if (is_v2) {
        // Always there, zeros but for a password: keepalived expects it.
        const bool has_password = advertisement.authentication == Authentication::kPassword;
        const Password bytes = has_password ? advertisement.password : Password{};
        message.insert(message.end(), bytes.begin(), bytes.end());
    }
    const auto checksum =
        static_cast<uint16_t>(~sum_of(message, source, destination, advertisement.version, form));
    std::memcpy(message.data() + 6, &checksum, sizeof(checksum));
    return message;
}

}  // namespace director::vrrp
