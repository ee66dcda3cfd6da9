// Judges a server by what its clients met: SYNs without answer, resets. Fed with counters from the
// data path; asked once an interval.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/time.h"
#include "healthcheck/actions.h"
#include "healthcheck/config.h"

namespace director::healthcheck {

// What happened since the last report, all workers together. A connection counts as unanswered
// when its client repeats the SYN, or the connection expires, and the server has said nothing.
struct Traffic {
    uint64_t connections = 0;  // first SYNs sent to the server
    uint64_t unanswered = 0;
    uint64_t resets = 0;  // by the server
};

class PassiveJudge {
  public:
    explicit PassiveJudge(const PassiveCheck& settings) : settings_(settings) {}

    void add(const Traffic& traffic);
    // The verdict on the interval that ends now, which begins the next one. kUnable: too little
    // traffic to tell. `text` says why when it failed.
    struct Verdict {
        Outcome outcome = Outcome::kUnable;
        std::string text;
    };
    [[nodiscard]] Verdict judge(TimePoint now, bool is_down);

  private:
    PassiveCheck settings_;
    Traffic traffic_;
    TimePoint condemned_at_;  // while down: when it was last seen to be bad
};

}  // namespace director::healthcheck
