// Captures of tests/data read and matched, and what tests ask of the outcome.
#pragma once

#include <string>
#include <vector>

#include "diagnostics/match/matching.h"

namespace director::diagnostics::matching {

// "pcaps/lvs-nat-client-side.pcap", within tests/data.
[[nodiscard]] VantagePoint read_point(const std::string& file);

struct Matched {
    std::vector<VantagePoint> points;
    Matching matching;

    // "3-6 8-7": numbers of the packets in captures p and q that stand in one row, in order of p.
    [[nodiscard]] std::string pairs(uint32_t p, uint32_t q) const;
    // Of rows that have both, time at q - time at p, in microseconds, in order of p's packets.
    [[nodiscard]] std::vector<int64_t> differences_us(uint32_t p, uint32_t q) const;
    // Numbers of p's packets that stand in a row without q, in conversations that both saw.
    [[nodiscard]] std::string only_at(uint32_t p, uint32_t q) const;
    [[nodiscard]] const Sighting& sighting(uint32_t point, uint32_t index) const {
        return points[point].sightings[index];
    }
};

[[nodiscard]] Matched match_files(const std::vector<std::string>& files,
                                  const MatchSettings& settings = {});
[[nodiscard]] Matched match_points(std::vector<VantagePoint> points,
                                   const MatchSettings& settings = {});

}  // namespace director::diagnostics::matching
