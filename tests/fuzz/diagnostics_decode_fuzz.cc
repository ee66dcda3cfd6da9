// Bytes as a packet of every link type: nothing is read outside them, spans lie within, and what is
// said of lengths and counts holds together.
//
// The first byte chooses the link type, the second the settings and how much more there was on the
// wire than was kept.
#include <array>
#include <cstddef>
#include <cstdint>

#include "common/assert.h"
#include "diagnostics/ip/ip_analysis.h"
#include "diagnostics/packet/decode.h"

namespace {

using namespace director;
using namespace director::diagnostics;

constexpr std::array kLinks{LinkType::kEthernet,
                            LinkType::kNull,
                            LinkType::kPpp,
                            LinkType::kRawBsd,
                            LinkType::kPppHdlc,
                            LinkType::kPppEthernet,
                            LinkType::kRaw,
                            LinkType::kCiscoHdlc,
                            LinkType::kIeee80211,
                            LinkType::kFrameRelay,
                            LinkType::kLoop,
                            LinkType::kLinuxCooked,
                            LinkType::kRadiotap,
                            LinkType::kIpv4,
                            LinkType::kIpv6,
                            LinkType::kNetfilterLog,
                            LinkType::kLinuxCookedV2,
                            static_cast<LinkType>(9999)};

void assert_within(std::span<const uint8_t> part, std::span<const uint8_t> whole) {
    DIRECTOR_ASSERT(part.empty() || (part.data() >= whole.data() &&
                                     part.data() + part.size() <= whole.data() + whole.size()));
}

void assert_sound(const Headers& headers, const Packet& packet) {
    for (const auto& part : {headers.payload,
                             headers.ip.options,
                             headers.ip.hop_by_hop,
                             headers.ip.destination_options,
                             headers.ip.fragment,
                             headers.tcp.options}) {
        assert_within(part, packet.bytes);
    }
    DIRECTOR_ASSERT(headers.payload.size() <= headers.payload_wire_bytes);
    DIRECTOR_ASSERT(headers.payload_wire_bytes <= packet.wire_bytes);
    DIRECTOR_ASSERT(headers.ip.fragment.size() <= headers.ip.fragment_bytes);
    DIRECTOR_ASSERT(headers.l3_offset <= packet.bytes.size());
    DIRECTOR_ASSERT(headers.l4_offset <= packet.bytes.size());
    DIRECTOR_ASSERT(headers.tcp.sack_count <= headers.tcp.sack.size());
    DIRECTOR_ASSERT(headers.tcp.mptcp_count <= headers.tcp.mptcp.size());
    DIRECTOR_ASSERT(headers.layer4 == Layer4::kNone || headers.is_ip());
    const ChecksumVerdict verdict = headers.l4_checksum.verdict;
    if (verdict == ChecksumVerdict::kGood || verdict == ChecksumVerdict::kOffloaded) {
        DIRECTOR_ASSERT(!headers.ip.is_fragment && (headers.faults & kFaultLengthBeyond) == 0);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2 || size > 70'000) {
        return 0;
    }
    Packet packet;
    packet.link = kLinks[data[0] % kLinks.size()];
    packet.bytes = {data + 2, size - 2};
    packet.wire_bytes = static_cast<uint32_t>(size - 2 + (data[1] >> 2) * 32U);
    DecodeSettings settings;
    settings.looks_into_tunnels = (data[1] & 1) != 0;
    settings.checksums = (data[1] & 2) != 0 ? ChecksumMode::kNone : ChecksumMode::kAll;
    const Headers headers = decode(packet, settings);
    assert_sound(headers, packet);
    if (headers.is_ip()) {
        IpAnalysis analysis;
        (void)analysis.update(headers, 0);
        (void)analysis.update(headers, 1);
    }
    return 0;
}
