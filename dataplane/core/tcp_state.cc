#include "dataplane/core/tcp_state.h"

#include <array>

namespace director::dataplane {
namespace {

constexpr size_t kTcpStates = static_cast<size_t>(ConnState::kSynAck) + 1;
using Row = std::array<ConnState, kTcpStates>;

constexpr ConnState kNO = ConnState::kNone;
constexpr ConnState kES = ConnState::kEstablished;
constexpr ConnState kSS = ConnState::kSynSent;
constexpr ConnState kSR = ConnState::kSynRecv;
constexpr ConnState kFW = ConnState::kFinWait;
constexpr ConnState kTW = ConnState::kTimeWait;
constexpr ConnState kCL = ConnState::kClose;
constexpr ConnState kCW = ConnState::kCloseWait;
constexpr ConnState kLA = ConnState::kLastAck;
constexpr ConnState kLI = ConnState::kListen;
constexpr ConnState kSA = ConnState::kSynAck;

enum Event : uint8_t { kSynEvent, kFinEvent, kAckEvent, kRstEvent, kNoEvent, kEventCount };

// Columns are the current state: NO ES SS SR FW TW CL CW LA LI SA.
constexpr std::array<std::array<Row, kEventCount>, 2> kNext{{
    {{
        // client to server
        {kSR, kES, kES, kSR, kSR, kSR, kSR, kSR, kSR, kSR, kSR},  // syn
        {kCL, kCW, kSS, kTW, kTW, kTW, kCL, kCW, kLA, kLI, kTW},  // fin
        {kES, kES, kSS, kES, kFW, kTW, kCL, kCW, kCL, kLI, kES},  // ack
        {kCL, kCL, kCL, kSR, kCL, kCL, kCL, kCL, kLA, kLI, kSR},  // rst
        {kCL, kCL, kCL, kCL, kCL, kCL, kCL, kCL, kCL, kCL, kCL},  // none
    }},
    {{
        // server to client
        {kSS, kES, kSS, kSR, kSS, kSS, kSS, kSS, kSS, kLI, kSR},  // syn
        {kTW, kFW, kSS, kTW, kFW, kTW, kCL, kTW, kLA, kLI, kTW},  // fin
        {kES, kES, kSS, kES, kFW, kTW, kCL, kCW, kLA, kES, kES},  // ack
        {kCL, kCL, kSS, kCL, kCL, kTW, kCL, kCL, kCL, kCL, kCL},  // rst
        {kCL, kCL, kCL, kCL, kCL, kCL, kCL, kCL, kCL, kCL, kCL},  // none
    }},
}};

static_assert(kNext[0][kSynEvent][static_cast<size_t>(kNO)] == kSR);
static_assert(kNext[1][kFinEvent][static_cast<size_t>(kSA)] == kTW);

// Which row the flags select, for each of the 32 combinations of the low five flags (PSH is one of
// them and means nothing here).
constexpr std::array<uint8_t, 32> kEventOfFlags = [] {
    std::array<uint8_t, 32> events{};
    for (uint8_t flags = 0; flags < 32; ++flags) {
        uint8_t& event = events[flags];
        if ((flags & kTcpRst) != 0) {
            event = kRstEvent;
        } else if ((flags & kTcpSyn) != 0) {
            event = kSynEvent;
        } else if ((flags & kTcpFin) != 0) {
            event = kFinEvent;
        } else {
            event = (flags & kTcpAck) != 0 ? kAckEvent : kNoEvent;
        }
    }
    return events;
}();

}  // namespace

ConnState next_tcp_state(ConnState state, Direction direction, uint8_t flags) {
    return kNext[static_cast<size_t>(direction)][kEventOfFlags[flags & 31]]
                [static_cast<size_t>(state)];
}

}  // namespace director::dataplane
