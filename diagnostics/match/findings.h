// What a matching shows, in sentences: what never arrived where, who waited for what, and what is
// odd about the clocks.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "diagnostics/match/matching.h"

namespace director::diagnostics::matching {

enum class FindingKind : uint8_t {
    kLost,            // packets seen here that never reached there
    kResetLost,       // a RST that never reached the other end
    kWait,            // nobody answered until the client began anew
    kDelayedBinding,  // a proxy opens its own connection late
    kCausality,       // seen behind a device before it
    kClockChange,
    kTimeZone,
    kOrderOfPoints,
};

struct Finding {
    FindingKind kind = FindingKind::kLost;
    uint32_t conversation = kNoIndex;  // kNoIndex: of two points as such
    std::string text;
};

// In order of conversations; at most `most`, of which the clocks' come first.
[[nodiscard]] std::vector<Finding> find_all(std::span<const VantagePoint> points,
                                            const Matching& matching,
                                            size_t most = 200);

// "16:03:01.764", UTC; in microseconds where the captures are.
[[nodiscard]] std::string clock_time(int64_t time_ns, int64_t resolution_ns);
// "23.688 s", "1.299 ms", "-389 us".
[[nodiscard]] std::string duration_text(int64_t ns);
[[nodiscard]] const char* evidence_text(Evidence evidence);

}  // namespace director::diagnostics::matching
