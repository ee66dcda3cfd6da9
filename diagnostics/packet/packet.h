// A packet as it was seen somewhere: when, where, and what of it was kept.
#pragma once

#include <cstdint>
#include <span>

namespace director::diagnostics {

// What the captured bytes begin with. The numbers are those of pcap's link types
// (tcpdump.org/linktypes.html), so that a reader passes on what a file says.
enum class LinkType : uint16_t {
    kNull = 0,  // BSD loopback: family in the writer's byte order
    kEthernet = 1,
    kPpp = 9,      // with or without HDLC's ff 03
    kRawBsd = 12,  // IP, as some BSD files number it
    kPppHdlc = 50,
    kPppEthernet = 51,  // PPPoE, without Ethernet around it
    kRaw = 101,         // IP, by its version
    kCiscoHdlc = 104,
    kIeee80211 = 105,
    kFrameRelay = 107,
    kLoop = 108,  // OpenBSD loopback: family in network order
    kLinuxCooked = 113,
    kRadiotap = 127,
    kIpv4 = 228,
    kIpv6 = 229,
    kNetfilterLog = 239,
    kLinuxCookedV2 = 276,
};

// The bytes belong to whoever made the packet, and live until it makes the next one.
struct Packet {
    uint64_t number = 0;  // within its source, from 1, as Wireshark counts
    int64_t time_ns = 0;  // since 1970-01-01, UTC
    uint32_t point = 0;   // where it was seen: the interface's place in its source
    LinkType link = LinkType::kEthernet;
    std::span<const uint8_t> bytes;  // what was kept
    uint32_t wire_bytes = 0;         // what there was: at least bytes.size()

    [[nodiscard]] bool is_cut() const { return bytes.size() < wire_bytes; }
};

}  // namespace director::diagnostics
