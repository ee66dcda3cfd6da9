// Every reason for which Director does not forward a packet. This list is the only place to add
// one: the counter, its name in `directorctl drops` and its metric label follow from the line.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace director::dataplane {

// X(enumerator, name shown to operators, what happened)
#define DIRECTOR_DROP_REASONS(X)                                                                   \
    X(kTruncated, "truncated", "frame ends before its headers do")                                 \
    X(kNotEthernetII, "not_ethernet_ii", "length field instead of an EtherType (802.3 LLC)")       \
    X(kOtherHost, "other_host", "destination MAC is another machine's")                            \
    X(kUnknownVlan, "unknown_vlan", "no interface is configured for this VLAN on this port")       \
    X(kBadIpHeader, "bad_ip_header", "IP version is not 4 or the header length is below 20")       \
    X(kBadIpLength, "bad_ip_length", "IP total length does not fit the frame or its own header")   \
    X(kBadIpChecksum, "bad_ip_checksum", "IP header checksum is wrong")                            \
    X(kMartian, "martian", "source or destination address cannot be on a wire (RFC 1812 5.3.7)")   \
    X(kFragment,                                                                                   \
      "fragment",                                                                                  \
      "fragment that only reassembly could translate (FTP, PROXY, UDP to IPv6)")                   \
    X(kFragmentTiny,                                                                               \
      "fragment_tiny",                                                                             \
      "first fragment without a whole transport header (RFC 1858)")                                \
    X(kFragmentOverlap,                                                                            \
      "fragment_overlap",                                                                          \
      "fragments overlap: whole datagram refused (RFC 5722)")                                      \
    X(kFragmentDuplicate, "fragment_duplicate", "fragment came twice")                             \
    X(kFragmentBad, "fragment_bad", "fragment's offset and length cannot be true")                 \
    X(kFragmentLate, "fragment_late", "fragment waited in vain for another (first; SCTP: last)")   \
    X(kFragmentTableFull, "fragment_table_full", "too many fragments are being followed or held")  \
    X(kBadL4Header, "bad_l4_header", "TCP data offset or UDP length does not fit the packet")      \
    X(kBadL4Checksum, "bad_l4_checksum", "TCP or UDP checksum is wrong")                           \
    X(kNoServerAvailable,                                                                          \
      "no_server_available",                                                                       \
      "virtual service has no real server with weight above 0")                                    \
    X(kNotAllowed, "not_allowed", "client is in the deny list, or not in the allow list")          \
    X(kServiceRate, "service_rate", "too many new connections a second to the virtual service")    \
    X(kServiceConnections, "service_connections", "too many connections to the virtual service")   \
    X(kClientRate, "client_rate", "too many new connections a second from the client's network")   \
    X(kClientConnections, "client_connections", "too many connections from the client's network")  \
    X(kNoLocalPort,                                                                                \
      "no_local_port",                                                                             \
      "no local address has a port free for full NAT or source NAT")                               \
    X(kConnTableFull, "conn_table_full", "connection table is full")                               \
    X(kFtpTableFull, "ftp_table_full", "too many FTP control connections are open")                \
    X(kFtpHeld, "ftp_held", "beginning of an FTP command or reply, held until the rest comes")     \
    X(kSynCookieSent, "syn_cookie_sent", "SYN answered with a cookie instead of the real server")  \
    X(kSynCookieWrong, "syn_cookie_wrong", "end of a handshake with a cookie that was never sent") \
    X(kSynProxyWaiting,                                                                            \
      "syn_proxy_waiting",                                                                         \
      "real server has not answered yet: the packet will be sent again")                           \
    X(kSynProxyMismatch,                                                                           \
      "syn_proxy_mismatch",                                                                        \
      "real server lacks a TCP option that its client was promised: reset")                        \
    X(kStrayHeld,                                                                                  \
      "stray_held",                                                                                \
      "connection is unknown so soon after a takeover: its client will ask again")                 \
    X(kServerGone, "server_gone", "connection's real server failed or was removed")                \
    X(kUntranslatableIcmp,                                                                         \
      "untranslatable_icmp",                                                                       \
      "ICMP error that has no counterpart in the other IP version (RFC 7915)")                     \
    X(kTtlExpired, "ttl_expired", "time to live would reach 0")                                    \
    X(kNoRoute, "no_route", "no route to the destination")                                         \
    X(kNoSourceAddress,                                                                            \
      "no_source_address",                                                                         \
      "interface has no address of the family that a tunnel needs")                                \
    X(kInterfaceDown, "interface_down", "route leads to an interface that is not up")              \
    X(kExceedsMtu, "exceeds_mtu", "packet is longer than the outgoing interface's MTU")            \
    X(kNotCut,                                                                                     \
      "not_cut",                                                                                   \
      "packet for a smaller MTU not cut into fragments: no buffers, or too many")                  \
    X(kNoHeadroom, "no_headroom", "no room before the frame for a longer Ethernet header")         \
    X(kInPieces, "in_pieces", "frame in several pieces that a helper would have to change")        \
    X(kNeighbourFailed, "neighbour_failed", "next hop does not answer ARP")                        \
    X(kPuntRateLimited, "punt_rate_limited", "too many packets for the kernel or waiting for ARP") \
    X(kPuntRingFull,                                                                               \
      "punt_ring_full",                                                                            \
      "control plane did not keep up with packets for the kernel")                                 \
    X(kHandOverRingFull, "hand_over_ring_full", "worker that owns the connection did not keep up") \
    X(kTransmitFull, "transmit_full", "port did not take the packet")

enum class DropReason : uint8_t {
#define X(enumerator, name, help) enumerator,
    DIRECTOR_DROP_REASONS(X)
#undef X
        kCount
};

inline constexpr size_t kDropReasonCount = static_cast<size_t>(DropReason::kCount);

// Name and explanation of a reason, for people.
struct DropReasonText {
    std::string_view name;
    std::string_view help;
};

inline constexpr std::array<DropReasonText, kDropReasonCount> kDropReasonTexts{{
#define X(enumerator, name, help) {name, help},
    DIRECTOR_DROP_REASONS(X)
#undef X
}};

[[nodiscard]] constexpr std::string_view to_string(DropReason reason) {
    return kDropReasonTexts[static_cast<size_t>(reason)].name;
}

}  // namespace director::dataplane
