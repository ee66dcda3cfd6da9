// What the IP headers of one direction of a flow say: the facts behind the ip* columns.
#pragma once

#include <cstdint>

namespace director::diagnostics {

// "ipFlags".
enum IpFlagBit : uint16_t {
    kIpOptionsCorrupt = 0x0001,
    kIpOutOfOrder = 0x0002,  // IPv4 identification
    kIpIdRollover = 0x0004,
    kIpFragmentSmall = 0x0008,
    kIpFragmentOutOfRange = 0x0010,
    kIpMoreFragments = 0x0020,
    kIpDontFragment = 0x0040,  // of IPv6: reserved
    kIpReserved = 0x0080,
    kIpFragmentPosition = 0x0100,
    kIpFragmentSequence = 0x0200,
    kIpL3Checksum = 0x0400,
    kIpL4Checksum = 0x0800,
    kIpLengthBelow = 0x1000,  // a length in an L3 or L4 header is below what is there
    kIpUdpLength = 0x2000,
    kIpGapZero = 0x4000,      // no time between packets
    kIpGapNegative = 0x8000,  // time went back between packets
};

// How a host numbers its IPv4 packets, as far as one direction of a flow shows it.
enum class IdBehaviour : uint8_t {
    kUnknown,   // fewer than four steps
    kConstant,  // the same in all packets, most often 0 (RFC 6864: allowed with DF)
    kCounter,   // rises by little: one counter for the flow, or for all the host sends
    kRandom,
};

// A likely system, from what its SYN or SYN-ACK looks like (os_guess.h).
enum class OsGuess : uint8_t {
    kUnknown,
    kLinux,
    kLinuxOld,  // 2.4 to 2.6.38, with an initial window of four segments
    kWindows,
    kWindowsOld,  // before Vista
    kMacOs,       // and iOS
    kFreeBsd,
    kOpenBsd,
    kSolaris,
    kNetworkDevice,
    kScanner,  // an option pattern that only probes have (nmap, masscan, zmap)
};

// What each packet changes stands first: it lies within a flow's own state.
struct IpFacts {
    // Of IPv4 identifications: how far they advanced from the first packet to the last, falls
    // across 65535 included. Of a host that counts all it sends with one counter, what it sent.
    uint64_t id_advance = 0;
    uint16_t flags = 0;  // IpFlagBit: "ipFlags"
    // "ipMindIPID", "ipMaxdIPID": of positive differences alone; 65535 and 0 where there are none.
    uint16_t id_difference_min = 65535;
    uint16_t id_difference_max = 0;
    uint16_t ttl_changes = 0;
    uint8_t ttl_min = 255;
    uint8_t ttl_max = 0;
    uint8_t tos = 0;  // "ipToS": the bits of all packets, or-ed
    IdBehaviour id_behaviour = IdBehaviour::kUnknown;
    OsGuess os = OsGuess::kUnknown;
    // "ipOptCnt", "ipOptCpCl_Num": 2^(copy and class) and 2^number.
    uint8_t option_classes = 0;
    uint32_t options = 0;
    uint32_t option_numbers = 0;
    // IPv6: hop-by-hop and destination options, "ip6OptCntHH_D", "ip6OptHH_D" (2^(type & 31)).
    uint32_t hop_by_hop_options = 0;
    uint32_t destination_options = 0;
    uint32_t hop_by_hop_types = 0;
    uint32_t destination_types = 0;

    // The host's load in packets per second over `duration_s`, as its counter tells; 0: unknown.
    [[nodiscard]] double host_packets_per_second(double duration_s) const {
        return id_behaviour == IdBehaviour::kCounter && duration_s > 0
                   ? static_cast<double>(id_advance) / duration_s
                   : 0;
    }
};

}  // namespace director::diagnostics
