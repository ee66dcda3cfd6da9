// How IPVS numbers the states of connections on the wire (include/net/ip_vs.h: IP_VS_TCP_S_*,
// IP_VS_SCTP_S_*, IP_VS_CTPL_S_*), and how many each protocol has.
#pragma once

#include <cstdint>
#include <optional>

#include "common/address.h"
#include "dataplane/api/conn_state.h"

namespace director::sync {

inline constexpr uint16_t kIpvsTemplateNone = 0;
inline constexpr uint16_t kIpvsTemplateAssured = 1;

// IPPROTO_ESP and IPPROTO_AH: IPVS syncs them, Director does not balance them.
inline constexpr uint8_t kEspNumber = 50;
inline constexpr uint8_t kAhNumber = 51;

// States 0 .. count - 1; 0 for a protocol that IPVS does not know.
[[nodiscard]] constexpr uint16_t ipvs_state_count(uint8_t protocol) {
    switch (protocol) {
        case static_cast<uint8_t>(Protocol::kTcp):
            return 11;
        case static_cast<uint8_t>(Protocol::kSctp):
            return 14;
        case static_cast<uint8_t>(Protocol::kUdp):
        case kEspNumber:
        case kAhNumber:
            return 1;
        default:
            return 0;
    }
}

namespace ipvs_states_detail {

// ConnState has TCP's and SCTP's states in IPVS's order.
inline constexpr auto kFirstTcp = static_cast<uint16_t>(dataplane::ConnState::kNone);
inline constexpr auto kFirstSctp = static_cast<uint16_t>(dataplane::ConnState::kSctpNone);
static_assert(static_cast<uint16_t>(dataplane::ConnState::kSynAck) == kFirstTcp + 10);
static_assert(static_cast<uint16_t>(dataplane::ConnState::kSctpClosed) == kFirstSctp + 13);

}  // namespace ipvs_states_detail

// nullopt: no state of this protocol's, or no protocol of ours.
[[nodiscard]] constexpr std::optional<dataplane::ConnState> from_ipvs_state(Protocol protocol,
                                                                            uint16_t state) {
    using namespace ipvs_states_detail;  // NOLINT(google-build-using-namespace): five lines above
    if (state >= ipvs_state_count(static_cast<uint8_t>(protocol))) {
        return std::nullopt;
    }
    switch (protocol) {
        case Protocol::kTcp:
            return static_cast<dataplane::ConnState>(kFirstTcp + state);
        case Protocol::kSctp:
            return static_cast<dataplane::ConnState>(kFirstSctp + state);
        case Protocol::kUdp:
            return dataplane::ConnState::kUdp;
        default:
            return std::nullopt;
    }
}

// nullopt: IPVS has no such state (ICMP).
[[nodiscard]] constexpr std::optional<uint16_t> to_ipvs_state(dataplane::ConnState state) {
    using namespace ipvs_states_detail;  // NOLINT(google-build-using-namespace): ten lines above
    const auto number = static_cast<uint16_t>(state);
    if (state <= dataplane::ConnState::kSynAck) {
        return static_cast<uint16_t>(number - kFirstTcp);
    }
    if (state == dataplane::ConnState::kUdp) {
        return uint16_t{0};
    }
    if (state >= dataplane::ConnState::kSctpNone && state <= dataplane::ConnState::kSctpClosed) {
        return static_cast<uint16_t>(number - kFirstSctp);
    }
    return std::nullopt;
}

}  // namespace director::sync
