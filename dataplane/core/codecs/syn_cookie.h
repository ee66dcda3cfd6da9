// SYN cookies: handshakes finished on behalf of real servers, without memory for those that are
// never finished (RFC 4987 section 3.6; the layout is Linux's, net/ipv4/syncookies.c).
//
// A SYN is answered with build_syn_ack(): its sequence number says, under a secret key, when it was
// made and which of eight segment sizes the client wants; the low bits of its timestamp say what
// else was agreed on. An ACK that check_syn_cookie() accepts proves the client, and becomes with
// build_syn_to_server() the SYN that it once sent. The server's SYN-ACK is answered with
// build_ack_to_server(), and with build_window_update() the client, which was told a window of 0,
// may send. From then on adjust_tcp() (seq_adjust.h) translates between the sequence numbers,
// timestamps and window scales that client and server were told.
//
// A worker's functions: no state but the key, which all workers share.
#pragma once

#include <cstdint>
#include <optional>

#include "common/address.h"
#include "common/hash.h"
#include "common/time.h"
#include "dataplane/api/service.h"
#include "dataplane/core/codecs/seq_adjust.h"
#include "dataplane/core/codecs/tcp_bytes.h"

namespace director::dataplane {

// Two secrets: one hides the counter and the client's number, the other the rest.
struct SynCookieKey {
    HashKey outer;
    HashKey inner;
};

// A client's end and a virtual service's.
struct SynCookieFlow {
    Endpoint client;
    Endpoint virtual_service;
};

// The SYN-ACK's own sequence number and timestamp.
struct SynCookie {
    uint32_t sequence = 0;
    uint32_t timestamp = 0;
};

// The client's answer to it.
struct SynCookieAck {
    uint32_t sequence = 0;
    uint32_t acknowledgement = 0;
    uint16_t window = 0;
    TcpOptions options;
};

// What the client's ACK proves.
struct SynCookieClient {
    uint32_t initial_sequence = 0;  // of the client's SYN
    uint32_t cookie = 0;            // of our SYN-ACK
    uint16_t window = 0;            // of the ACK, scaled
    TcpOptions options;  // of the SYN to the server; timestamp_echo is our SYN-ACK's timestamp
};

[[nodiscard]] SynCookie make_syn_cookie(const SynCookieKey& key,
                                        const SynCookieFlow& flow,
                                        uint32_t initial_sequence,
                                        const TcpOptions& client,
                                        const SynProxyOffer& offer,
                                        TimePoint now);

// nullopt: no cookie of ours of the last one to two minutes.
[[nodiscard]] std::optional<SynCookieClient> check_syn_cookie(const SynCookieKey& key,
                                                              const SynCookieFlow& flow,
                                                              const SynCookieAck& ack,
                                                              const SynProxyOffer& offer,
                                                              TimePoint now);

// Turns the client's SYN into the SYN-ACK, to go back where it came from. False without room.
[[nodiscard]] bool build_syn_ack(FrameBytes& frame,
                                 const SynCookieKey& key,
                                 const SynProxyOffer& offer,
                                 TimePoint now);

// check_syn_cookie() for a frame from the client, which must have ACK and neither SYN nor RST.
[[nodiscard]] std::optional<SynCookieClient> check_syn_cookie(const FrameBytes& frame,
                                                              const SynCookieKey& key,
                                                              const SynProxyOffer& offer,
                                                              TimePoint now);

// The client's SYN, but for its ends.
[[nodiscard]] TcpSegment syn_to_server(const SynCookieClient& client);

// Turns the client's ACK, whose payload if any the client will send again, into its SYN; from there
// on it is a packet like any other of a new connection.
[[nodiscard]] bool build_syn_to_server(FrameBytes& frame, const SynCookieClient& client);

// What the server's SYN-ACK makes the difference between the two ends; the client was offered that
// window scale. nullopt: the server does not
// do what the client was promised (timestamps, SACK): reset both.
[[nodiscard]] std::optional<TcpAdjustment> splice(const FrameBytes& syn_ack,
                                                  const SynCookieClient& client,
                                                  uint8_t offered_scale);

// Turns the server's SYN-ACK into the ACK that goes back to it.
[[nodiscard]] bool build_ack_to_server(FrameBytes& frame, const SynCookieClient& client);

// Turns a copy of the server's SYN-ACK into an ACK to the client that opens its window, in the
// server's numbers: adjust_tcp() it like any later packet.
[[nodiscard]] bool build_window_update(FrameBytes& frame);

}  // namespace director::dataplane
