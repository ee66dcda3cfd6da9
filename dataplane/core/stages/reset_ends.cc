// The two ends of a TCP connection whose server is gone, and how they come to know of it.
//
// A reset counts only with the very sequence number that its receiver expects (RFC 5961 section
// 3.2), and a connection's entry has no numbers. So both ends are asked: an acknowledgement far
// from their window makes them say where they are (RFC 9293 section 3.10.7.4), and that packet, as
// any other that comes from them, is answered with a reset that fits. Where the server's answers go
// past us only the client can be asked; what it says tells the number that the server expects too.
//
// They are asked when the sweep comes by, and once more three seconds later. When both know, the
// entry goes; when one does, the other has tcp_close left; a connection whose ends no question
// reaches is kept for as long as it would have been, and they get their resets when they speak.
#include "dataplane/core/codecs/wire.h"
#include "dataplane/core/stages/own_frames.h"
#include "dataplane/core/stages/tcp_state.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

constexpr uint32_t kAgainSeconds = 3;

// Half the space of sequence numbers apart: a window is at most a quarter of it (RFC 7323 section
// 2.3), so one of the two is outside.
constexpr uint32_t kFirstQuestion = 0;
constexpr uint32_t kSecondQuestion = 1U << 31;

void ask(Worker::State& state, uint32_t connection, uint32_t sequence) {
    const ConnTable& table = state.connections;
    const Connection& entry = table[connection];
    TcpSegment question;
    question.source = table.endpoint(entry, Side::kOutside, Role::kServer);
    question.destination = table.endpoint(entry, Side::kOutside, Role::kClient);
    question.sequence = sequence;
    question.flags = kTcpFlagAck;
    if (!entry.has(kClientKnows)) {
        send_own(state, question);
    }
    if (are_answers_seen(entry.forwarding) && !entry.has(kServerKnows)) {
        question.source = table.endpoint(entry, Side::kInside, Role::kClient);
        question.destination = table.endpoint(entry, Side::kInside, Role::kServer);
        send_own(state, question);
    }
}

[[nodiscard]] bool may_ask(Worker::State& state) {
    return has_room_for_own(state, 2) && state.questions.admits(state.now);
}

// Ends at `deadline`, and is looked at before.
void end_at(Worker::State& state, uint32_t connection, uint32_t deadline) {
    const uint32_t again = state.tick + to_ticks(kAgainSeconds);
    const bool is_before = static_cast<int32_t>(deadline - again) < 0;
    state.connections[connection].deadline = deadline;
    state.connections.timers().disarm(connection);
    state.connections.timers().arm(connection, is_before ? deadline : again, state.tick);
}

// The server's number is the client's next.
void reset_server(Worker::State& state, const Packet& packet) {
    TcpSegment reset;
    reset.sequence = wire::load32(packet.data + packet.l4_offset + kTcpSequence);
    reset.flags = kTcpFlagRst;
    send_as_client(state, packet.connection, reset);
}

// The entry goes after the burst: other packets of it may be its own too.
void note_told(Worker::State& state, uint32_t connection, uint8_t whom) {
    Connection& entry = state.connections[connection];
    entry.traits |= whom;
    const bool do_both_know = entry.has(kClientKnows) && entry.has(kServerKnows);
    const uint32_t wait =
        do_both_know ? 0 : timeouts_of(state, entry)[static_cast<size_t>(ConnState::kClose)];
    if (static_cast<int32_t>(entry.deadline - state.tick) > static_cast<int32_t>(wait)) {
        end_at(state, connection, state.tick + wait);
    }
}

}  // namespace

bool start_resetting(Worker::State& state, uint32_t connection) {
    if (!may_ask(state)) {
        return false;
    }
    Connection& entry = state.connections[connection];
    const uint32_t deadline = entry.deadline;
    entry.traits =
        static_cast<uint8_t>((entry.traits | kIsEnding) & ~(kClientKnows | kServerKnows));
    change_state(state, connection, ConnState::kClose);
    end_at(state, connection, deadline);
    ask(state, connection, kFirstQuestion);
    return true;
}

uint32_t ask_again(Worker::State& state, uint32_t connection) {
    if (may_ask(state)) {
        ask(state, connection, kSecondQuestion);
    }
    return state.connections[connection].deadline;
}

bool passes_reset(Worker::State& state, const Packet& packet) {
    const Connection& entry = state.connections[packet.connection];
    if ((packet.tcp_flags & kTcpRst) == 0 || entry.has(kHasAdjustment)) {
        return false;
    }
    const bool is_client = packet.direction == Direction::kClientToServer;
    note_told(state, packet.connection, is_client ? kClientKnows : kServerKnows);
    return true;
}

void reset_ends(Worker::State& state, Packet& packet) {
    const uint32_t connection = packet.connection;
    const bool is_client = packet.direction == Direction::kClientToServer;
    uint8_t whom = is_client ? kClientKnows : kServerKnows;
    if (!are_answers_seen(state.connections[connection].forwarding)) {
        reset_server(state, packet);
        whom |= kServerKnows;
    }
    reset_sender(state, packet, DropReason::kServerGone);
    if (packet.is_answer) {
        note_told(state, connection, whom);
    }
}

}  // namespace director::dataplane
