// The steps in which see_segment() looks at a packet; each in the file of its name. For
// diagnostics/tcp alone.
#pragma once

#include "diagnostics/tcp/tcp_connection.h"

namespace director::diagnostics::tcp_steps {

struct Step {
    TcpPair& pair;
    TcpHalf& self;
    TcpHalf* peer;  // nullptr: none of its packets was seen
    Direction direction;
    const TcpSegment& segment;
    const AnalysisSettings& settings;
    TcpRares& rares;
    TcpFinding& finding;

    [[nodiscard]] const TcpHalf& other() const;
    // This direction's, from now on if it had none.
    [[nodiscard]] TcpRare& rare() const;
    [[nodiscard]] bool has(uint16_t flags) const { return (segment.header->flags & flags) != 0; }
    [[nodiscard]] uint32_t sequence() const { return segment.header->sequence; }
    [[nodiscard]] uint32_t acknowledgement() const { return segment.header->acknowledgement; }
    // After the payload, SYN and FIN not counted.
    [[nodiscard]] uint32_t payload_end() const { return sequence() + segment.payload_bytes; }
    // After all that uses sequence numbers.
    [[nodiscard]] uint32_t end() const { return payload_end() + (has(kSyn | kFin) ? 1 : 0); }
};

// options.cc: what the options say; before the window is scaled.
void read_options(Step& step);
// windows.cc: the scaled window of this packet; its statistics.
[[nodiscard]] uint32_t effective_window(const Step& step);
void follow_window(Step& step);
void conclude_window(TcpFacts& facts,
                     const TcpHalf& self,
                     const TcpHalf* peer,
                     const TcpRares& rares);
// sequences.cc: what kind of packet this is by its numbers.
void judge_numbers(Step& step);
// sequences.cc: remembers the numbers for the next packet.
void remember_numbers(Step& step);
// round_trips.cc: what this packet's ACK and timestamp tell of the way.
void time_answers(Step& step);
void conclude_trips(TcpFacts& facts, const TcpPair& pair, const TcpHalf& self, const TcpHalf* peer);
// states.cc: "tcpStatesAFlags" and the pair's state.
void follow_states(Step& step);
void conclude_states(TcpFacts& facts, const TcpPair& pair);

}  // namespace director::diagnostics::tcp_steps
