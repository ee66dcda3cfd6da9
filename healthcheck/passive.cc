#include "healthcheck/passive.h"

#include <fmt/format.h>

namespace director::healthcheck {

void PassiveJudge::add(const Traffic& traffic) {
    traffic_.connections += traffic.connections;
    traffic_.unanswered += traffic.unanswered;
    traffic_.resets += traffic.resets;
}

PassiveJudge::Verdict PassiveJudge::judge(TimePoint now, bool is_down) {
    const Traffic seen = traffic_;
    traffic_ = {};
    const auto reaches = [&seen](uint64_t count, uint32_t percent) {
        return percent != 0 && count * 100 >= seen.connections * percent;
    };
    if (seen.connections >= settings_.connections_min && seen.connections > 0) {
        if (reaches(seen.unanswered, settings_.unanswered_percent)) {
            condemned_at_ = now;
            return {Outcome::kFailed,
                    fmt::format("{} of {} connections got no answer to their SYN",
                                seen.unanswered,
                                seen.connections)};
        }
        if (reaches(seen.resets, settings_.reset_percent)) {
            condemned_at_ = now;
            return {Outcome::kFailed,
                    fmt::format("{} of {} connections were reset by the server",
                                seen.resets,
                                seen.connections)};
        }
        return {Outcome::kPassed, {}};
    }
    if (is_down && now - condemned_at_ >= settings_.hold) {
        return {Outcome::kPassed, {}};
    }
    return {};
}

}  // namespace director::healthcheck
