// A conversation as a picture: points as lifelines, time downwards, each packet an arrow from point
// to point. An SVG document of its own, without scripts or anything from elsewhere.
//
// Time is not to scale: it grows with its logarithm, so that a handshake in microseconds and an
// answer in seconds are both to be read; where nothing happens for long, the lifelines are broken.
#pragma once

#include <span>
#include <string>

#include "diagnostics/match/matching.h"

namespace director::diagnostics::matching {

struct DiagramSettings {
    uint32_t rows_max = 400;  // the rest is told as a number
};

[[nodiscard]] std::string sequence_diagram(std::span<const VantagePoint> points,
                                           const Matching& matching,
                                           uint32_t conversation,
                                           const DiagramSettings& settings = {});

// "SYN", "ACK", "PSH ACK", "DNS", "UDP": what a packet is.
[[nodiscard]] std::string what_text(const Sighting& sighting, Protocol protocol);

}  // namespace director::diagnostics::matching
