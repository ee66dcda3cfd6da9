#include "diagnostics/ip/ip_analysis.h"

#include <algorithm>

#include "diagnostics/ip/os_guess.h"

namespace director::diagnostics {
namespace {

// Before this many steps nothing is said about how identifications are made.
constexpr uint32_t kStepsMin = 4;

struct OptionBits {
    uint32_t count = 0;
    uint32_t types = 0;
};

// IPv6 options behind next header and length; padding is none (RFC 8200 section 4.2).
[[nodiscard]] OptionBits ipv6_options(std::span<const uint8_t> header) {
    OptionBits found;
    size_t at = 2;
    while (at < header.size()) {
        const uint8_t type = header[at];
        if (type == 0) {
            ++at;
            continue;
        }
        if (at + 1 >= header.size()) {
            break;
        }
        if (type != 1) {
            ++found.count;
            found.types |= 1U << (type & 31);
        }
        at += 2U + header[at + 1];
    }
    return found;
}

[[nodiscard]] uint16_t header_flags(const Headers& headers) {
    const IpHeaders& ip = headers.ip;
    const bool is_ipv4 = headers.layer3 == Layer3::kIpv4;
    // Of IPv6 there is no DF: its bit stands for the fragment header's reserved ones.
    const bool has_df = is_ipv4 ? ip.has_dont_fragment : ip.has_reserved_bit;
    uint16_t flags = 0;
    flags |= ip.has_more_fragments ? kIpMoreFragments : 0;
    flags |= has_df ? kIpDontFragment : 0;
    flags |= is_ipv4 && ip.has_reserved_bit ? kIpReserved : 0;
    flags |= (headers.faults & (kFaultIpOptions | kFaultExtensions)) != 0 ? kIpOptionsCorrupt : 0;
    flags |= (headers.faults & kFaultLength) != 0 ? kIpLengthBelow : 0;
    flags |= (headers.faults & kFaultUdpLength) != 0 ? kIpUdpLength : 0;
    flags |= ip.checksum.verdict == ChecksumVerdict::kBad ? kIpL3Checksum : 0;
    flags |= headers.l4_checksum.verdict == ChecksumVerdict::kBad ? kIpL4Checksum : 0;
    return flags;
}

}  // namespace

std::string_view to_string(IdBehaviour behaviour) {
    switch (behaviour) {
        case IdBehaviour::kUnknown:
            return "";
        case IdBehaviour::kConstant:
            return "constant";
        case IdBehaviour::kCounter:
            return "counter";
        case IdBehaviour::kRandom:
            return "random";
    }
    return "";
}

IpFinding IpAnalysis::update(const Headers& headers,
                             int64_t time_ns,
                             const FragmentFinding& fragment) {
    IpFinding finding;
    finding.flags = static_cast<uint16_t>(header_flags(headers) | fragment.flags);
    if (fragment.reassembled.verdict == ChecksumVerdict::kBad) {
        finding.flags |= kIpL4Checksum;
    }
    finding.flags |= see_gap(time_ns, fragment.was_held);
    see_ttl(headers.ip.ttl);
    facts_.tos |= headers.ip.tos;
    if (headers.layer3 == Layer3::kIpv4) {
        see_identification(static_cast<uint16_t>(headers.ip.identification), finding);
    }
    see_options(headers.ip);
    if (headers.is_tcp() && headers.has(kSyn) && facts_.os == OsGuess::kUnknown) {
        facts_.os = guess_os(headers);
    }
    has_any_ = true;
    facts_.flags |= finding.flags;
    return finding;
}

// A fragment that waited for its first is told of late: that is no packet from the past.
uint16_t IpAnalysis::see_gap(int64_t time_ns, bool was_held) {
    const bool is_first = !has_any_;
    const int64_t gap = time_ns - last_ns_;
    if (is_first || gap > 0) {
        last_ns_ = time_ns;
        return 0;
    }
    if (was_held) {
        return 0;
    }
    last_ns_ = time_ns;
    return gap == 0 ? kIpGapZero : kIpGapNegative;
}

void IpAnalysis::see_ttl(uint8_t ttl) {
    facts_.ttl_min = std::min(facts_.ttl_min, ttl);
    facts_.ttl_max = std::max(facts_.ttl_max, ttl);
    if (has_any_ && ttl != last_ttl_ && facts_.ttl_changes < 65535) {
        ++facts_.ttl_changes;
    }
    last_ttl_ = ttl;
}

void IpAnalysis::see_identification(uint16_t identification, IpFinding& finding) {
    if (has_id_) {
        see_id_step(int32_t{identification} - int32_t{last_id_}, finding);
    }
    has_id_ = true;
    last_id_ = identification;
}

void IpAnalysis::see_id_step(int32_t difference, IpFinding& finding) {
    finding.id_difference = difference;
    const bool is_rollover = difference < -kIdFallMax;
    if (difference >= 0) {
        const uint16_t step = static_cast<uint16_t>(difference);
        facts_.id_difference_min = std::min(facts_.id_difference_min, step);
        facts_.id_difference_max = std::max(facts_.id_difference_max, step);
    } else {
        finding.flags |= is_rollover ? kIpIdRollover : kIpOutOfOrder;
    }
    // Forward on the counter's circle; an overtaken packet gives back what the one before it took.
    const int32_t forward = is_rollover ? difference + 65536 : difference;
    const int64_t advance = static_cast<int64_t>(facts_.id_advance) + forward;
    facts_.id_advance = static_cast<uint64_t>(std::max<int64_t>(advance, 0));
    ++steps_;
    still_steps_ += difference == 0 ? 1 : 0;
    counter_steps_ += forward >= -kIdFallMax && forward <= kIdFallMax ? 1 : 0;
    if (steps_ >= kStepsMin) {
        facts_.id_behaviour = still_steps_ == steps_                  ? IdBehaviour::kConstant
                              : counter_steps_ >= steps_ - steps_ / 4 ? IdBehaviour::kCounter
                                                                      : IdBehaviour::kRandom;
    }
}

void IpAnalysis::see_options(const IpHeaders& ip) {
    for (size_t at = 0; at < ip.options.size();) {
        const uint8_t type = ip.options[at];
        // Copy bit and class, then the number (RFC 791 section 3.1).
        ++facts_.options;
        facts_.option_classes |= static_cast<uint8_t>(1U << (type >> 5));
        facts_.option_numbers |= 1U << (type & 31);
        if (type == 0) {
            break;
        }
        const bool has_length = type != 1;
        const uint8_t length = at + 1 < ip.options.size() ? ip.options[at + 1] : uint8_t{0};
        if (has_length && length < 2) {
            break;
        }
        at += has_length ? length : 1;
    }
    if (!ip.hop_by_hop.empty()) {
        const OptionBits found = ipv6_options(ip.hop_by_hop);
        facts_.hop_by_hop_options += found.count;
        facts_.hop_by_hop_types |= found.types;
    }
    if (!ip.destination_options.empty()) {
        const OptionBits found = ipv6_options(ip.destination_options);
        facts_.destination_options += found.count;
        facts_.destination_types |= found.types;
    }
}

}  // namespace director::diagnostics
