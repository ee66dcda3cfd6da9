// The SYN proxy among the stages: a service's clients finish their handshake with us, by cookies
// (syn_cookie.h) and so without memory, before a real server hears of them.
//
//   client's SYN              greet(): answered with a cookie, no connection yet        admit stage
//   client's ACK              greet() proves it, then it becomes the server's SYN       admit stage
//   server's SYN-ACK          finish_handshake(): an ACK back to the server, and the    track stage
//                             client hears that it may send
//   every later packet        adjust() translates the numbers (adjust.h)                rewrite
//   stage
//
// Until the server has answered, what the client sends is its SYN once more; if it sends nothing,
// we do so by ourselves (syn_repeat.cc), for ours may have been lost.
#pragma once

#include <optional>

#include "dataplane/core/codecs/syn_cookie.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {

// For a TCP packet without connection, to a service that has a SYN proxy: answers its SYN, or drops
// it when its cookie is wrong (the packet has a verdict then); or says what its cookie proves.
// Neither: it is to be treated as if there were no SYN proxy.
[[nodiscard]] std::optional<SynCookieClient> greet(Worker::State& state,
                                                   const ServiceTable& table,
                                                   Packet& packet);

// Whether the service's SYNs get cookies from now on, because of a flood (syn_alarm.cc).
[[nodiscard]] bool update_alarm(Worker::State& state, ServiceId service);

// Notes what has to be known when the server answers; `scale` is the window scale that the client
// was offered.
void await_server(ConnectionDetails& details, const SynCookieClient& client, uint8_t scale);

// Turns the packet into its client's SYN. False, changing nothing, without room.
[[nodiscard]] bool become_syn(Packet& packet, const SynCookieClient& client);

// The SYN that await_server() noted, but for its ends.
[[nodiscard]] TcpSegment awaited_syn(const ConnectionDetails& details);

// Until the server has answered, the wheel has the connection, which is looked after from time to
// time: its SYN goes out once more. Answers the tick of the next look (syn_repeat.cc).
[[nodiscard]] bool awaits_server(const Worker::State& state, const Connection& connection);
[[nodiscard]] uint32_t first_look_at_server(const Worker::State& state);
[[nodiscard]] uint32_t look_after_server(Worker::State& state, uint32_t connection);

// For a packet of a connection with kHasAdjustment, whose server may not have answered yet. False:
// it has been decided.
[[nodiscard]] bool finish_handshake(Worker::State& state, Connection& connection, Packet& packet);

}  // namespace director::dataplane
