// IPVS's SCTP state machine: which chunk a packet begins with, and what follows from it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dataplane/api/conn_state.h"
#include "dataplane/core/packet.h"
#include "dataplane/core/stages/tcp_state.h"

namespace director::dataplane {

enum class SctpEvent : uint8_t {
    kData,  // and every chunk that changes nothing
    kInit,
    kInitAck,
    kCookieEcho,
    kCookieAck,
    kShutdown,
    kShutdownAck,
    kShutdownComplete,
    kError,
    kAbort,
    kCount
};

namespace sctp_state_detail {

inline constexpr size_t kStates = 14;
inline constexpr size_t kFirst = static_cast<size_t>(ConnState::kSctpNone);

// One letter a state, in the enumeration's order: None, 1 (INIT1), Init, Sent, Replied, Wait,
// Cookie, Echoed, Established, shutdown Out (sent), shutdown In (received), Acknowledged, reJected,
// closeD.
inline constexpr std::string_view kLetters = "N1ISRWCEeoiajd";
static_assert(kLetters.size() == kStates);

// Linux 6.1 ip_vs_proto_sctp.c, sctp_states. Columns: the state before, in the order of kLetters.
inline constexpr std::array<std::array<std::string_view, static_cast<size_t>(SctpEvent::kCount)>, 3>
    kNext{{
        {
            // client to server
            "e1ISRWCEeoiajd",  // data
            "1IISRWCEeoiaII",  // init
            "WWWSRCCEeoiajd",  // init ack
            "RIIRRWCEeoiajd",  // cookie echo
            "e1ISRWCeeoiajd",  // cookie ack
            "i1ISRWCEioiajd",  // shutdown
            "dIISRWCEedidjd",  // shutdown ack
            "dddSRWCEeoidjd",  // shutdown complete
            "d1ISRWCdeoiajd",  // error
            "dddddjdddddddd",  // abort
        },
        {
            // server to client
            "e1ISRWCEeoiajd",  // data
            "WWWWWWWWeWWWWW",  // init
            "SSSSRWCEeoiajd",  // init ack
            "EEEEEEEEeoiajd",  // cookie echo
            "eeeeeeeeeoiajd",  // cookie ack
            "ooooooooooiajd",  // shutdown
            "aaaaaWCEeaaajd",  // shutdown ack
            "d1ISRWCEeoiajd",  // shutdown complete
            "dddddWCEeoiajd",  // error
            "djdddddddddddd",  // abort
        },
        {
            // client to server, when the server's answers go past us
            "e1ISReCEeoiajd",  // data
            "1IIIIICEeoiaII",  // init
            "EEEEEECEeoiajd",  // init ack
            "eeeeeeCEeoiajd",  // cookie echo
            "e1IeeWeeeoiajd",  // cookie ack
            "i1ISRWCEioiajd",  // shutdown
            "dIISRWCEddidjd",  // shutdown ack
            "dddddWCEeoddjd",  // shutdown complete
            "d1ISRWCEeoiajd",  // error
            "dddddjdddddddd",  // abort
        },
    }};

constexpr bool are_rows_whole() {
    for (const auto& view : kNext) {
        for (const std::string_view row : view) {
            if (row.size() != kStates || row.find_first_not_of(kLetters) != row.npos) {
                return false;
            }
        }
    }
    return true;
}
static_assert(are_rows_whole());

}  // namespace sctp_state_detail

[[nodiscard]] constexpr ConnState next_sctp_state(ConnState state, TcpView view, SctpEvent event) {
    const std::string_view row =
        sctp_state_detail::kNext[static_cast<size_t>(view)][static_cast<size_t>(event)];
    const size_t column = static_cast<size_t>(state) - sctp_state_detail::kFirst;
    return static_cast<ConnState>(sctp_state_detail::kFirst +
                                  sctp_state_detail::kLetters.find(row[column]));
}

// What a packet's chunks say: the first one, or an ABORT that follows a cookie's (RFC 9260 section
// 6.10). kData when the chunk is not at hand.
[[nodiscard]] SctpEvent sctp_event_of(const Packet& packet);

}  // namespace director::dataplane
