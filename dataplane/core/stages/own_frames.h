// TCP segments that a worker sends of its own accord, in no packet's place: for timers and sweeps.
// What cannot be sent at once (no route, no neighbour yet, no room) has never been: it is no packet
// that came, and who sends them tries again or does without.
#pragma once

#include <cstdint>

#include "dataplane/core/codecs/tcp_bytes.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {

// Whether there is room for `count` more since the last poll.
[[nodiscard]] bool has_room_for_own(const Worker::State& state, uint32_t count);

// Sends the segment from its source to its destination, as a router's own.
void send_own(Worker::State& state, const TcpSegment& segment);

// Sends the segment as if it had just come from the connection's client, whose ends it gets: it is
// translated and forwarded as the client's packets are.
void send_as_client(Worker::State& state, uint32_t connection, TcpSegment segment);

}  // namespace director::dataplane
