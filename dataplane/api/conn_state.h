// The states of a connection and how long an idle one is kept in each: IPVS's states and IPVS's
// default timeouts (Linux 6.1 net/netfilter/ipvs, ip_vs_proto_tcp.c, _udp.c and _sctp.c). ICMP is
// source NAT's alone; nf_conntrack keeps it 30 s.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace director::dataplane {

// X(enumerator, name as ipvsadm prints it, default timeout in seconds)
#define DIRECTOR_CONN_STATES(X)                \
    X(kNone, "NONE", 2)                        \
    X(kEstablished, "ESTABLISHED", 900)        \
    X(kSynSent, "SYN_SENT", 120)               \
    X(kSynRecv, "SYN_RECV", 60)                \
    X(kFinWait, "FIN_WAIT", 120)               \
    X(kTimeWait, "TIME_WAIT", 120)             \
    X(kClose, "CLOSE", 10)                     \
    X(kCloseWait, "CLOSE_WAIT", 60)            \
    X(kLastAck, "LAST_ACK", 30)                \
    X(kListen, "LISTEN", 120)                  \
    X(kSynAck, "SYNACK", 120)                  \
    X(kUdp, "UDP", 300)                        \
    X(kIcmp, "ICMP", 30)                       \
    X(kSctpNone, "NONE", 2)                    \
    X(kSctpInit1, "INIT1", 4)                  \
    X(kSctpInit, "INIT", 61)                   \
    X(kSctpCookieSent, "C-SENT", 61)           \
    X(kSctpCookieReplied, "C-REPLIED", 61)     \
    X(kSctpCookieWait, "C-WAIT", 61)           \
    X(kSctpCookie, "COOKIE", 61)               \
    X(kSctpCookieEchoed, "C-ECHOED", 61)       \
    X(kSctpEstablished, "ESTABLISHED", 900)    \
    X(kSctpShutdownSent, "S-SENT", 61)         \
    X(kSctpShutdownReceived, "S-RECEIVED", 61) \
    X(kSctpShutdownAckSent, "S-ACK-SENT", 61)  \
    X(kSctpRejected, "REJECTED", 4)            \
    X(kSctpClosed, "CLOSED", 61)

enum class ConnState : uint8_t {
#define X(enumerator, name, seconds) enumerator,
    DIRECTOR_CONN_STATES(X)
#undef X
        kCount
};

inline constexpr size_t kConnStateCount = static_cast<size_t>(ConnState::kCount);

inline constexpr std::array<std::string_view, kConnStateCount> kConnStateNames{
#define X(enumerator, name, seconds) name,
    DIRECTOR_CONN_STATES(X)
#undef X
};

// Seconds that an idle connection is kept, by state.
using ConnTimeouts = std::array<uint32_t, kConnStateCount>;

inline constexpr ConnTimeouts kDefaultConnTimeouts{
#define X(enumerator, name, seconds) seconds,
    DIRECTOR_CONN_STATES(X)
#undef X
};

[[nodiscard]] constexpr std::string_view to_string(ConnState state) {
    return kConnStateNames[static_cast<size_t>(state)];
}

// Whether ipvsadm counts a connection in this state under ActiveConn; all others are InActConn. UDP
// never is active (IPVS: a new connection is inactive and only TCP states change that).
[[nodiscard]] constexpr bool is_active(ConnState state) {
    return state == ConnState::kEstablished || state == ConnState::kSynSent ||
           state == ConnState::kSynRecv || state == ConnState::kSynAck ||
           state == ConnState::kSctpEstablished;
}

}  // namespace director::dataplane
