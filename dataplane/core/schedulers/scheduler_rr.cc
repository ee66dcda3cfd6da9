// rr and wrr: in turn (Linux net/netfilter/ipvs/ip_vs_rr.c, ip_vs_wrr.c).
#include <algorithm>

#include "dataplane/core/schedulers/scheduler_functions.h"

namespace director::dataplane {
namespace {

// "Before the first": the successor of this position is 0.
constexpr uint32_t kHead = 0xffffffffU;

// Where the last chosen server of `previous` stands in `table`, so that a changed list goes on
// after it. When that server is gone, the one before it takes its place, as in IPVS; a few steps
// are looked back, not all, so that a huge change costs a restart of the round and not time.
uint32_t position_after_change(const ServiceTable& table, const ServiceTable& previous) {
    constexpr uint32_t kStepsBack = 4;
    uint32_t old_position = previous.state.position;
    for (uint32_t step = 0; step < kStepsBack && old_position < previous.servers.size(); ++step) {
        const RealServerId last = previous.servers[old_position].id;
        const auto found = std::find_if(
            table.servers.begin(), table.servers.end(), [last](const RealServerSlot& slot) {
                return slot.id == last;
            });
        if (found != table.servers.end()) {
            return static_cast<uint32_t>(found - table.servers.begin());
        }
        --old_position;
    }
    return kHead;
}

}  // namespace

// --- rr: each server with weight above 0 in turn -------------------------------------------------

uint32_t rr_pick(ServiceTable& table, const ScheduleInput& /*input*/) {
    uint32_t chosen = first_with_weight(table, table.state.position + 1, 1);
    if (chosen == kNoServer) {
        chosen = first_with_weight(table, 0, 1);
    }
    if (chosen != kNoServer) {
        table.state.position = chosen;
        table.state.started = true;
    }
    return chosen;
}

void rr_adopt(ServiceTable& table, ServiceTable* previous) {
    if (previous != &table) {
        refill_weight_tree(table);
    }
    // Before its first choice a worker stays where it is to begin (start_round).
    if (goes_on_from(table, previous) && previous->state.started) {
        table.state.position = position_after_change(table, *previous);
        table.state.started = true;
    }
}

// --- wrr: IPVS's weighted round robin ------------------------------------------------------------
// A pass over the list takes every server whose weight reaches the current weight; each pass lowers
// that by the weights' common divisor, down to above 0, then it starts from the top again.

namespace {

uint32_t wrr_top(const WeightNode& weights) {
    return weights.weight_max == 0 ? 0 : weights.weight_max - (weights.weight_gcd - 1);
}

// All servers are overloaded: what IPVS is left with after walking over all of them in vain.
void wrr_give_up(SchedulerState& state, const WeightNode& weights) {
    if (state.current_weight > weights.weight_gcd || state.position == kHead) {
        state.current_weight = wrr_top(weights);
        state.position = kHead;
    }
}

}  // namespace

uint32_t wrr_pick(ServiceTable& table, const ScheduleInput& /*input*/) {
    const WeightNode weights = all_weights(table);
    SchedulerState& state = table.state;
    if (weights.available_max == 0) {
        if (weights.weight_max != 0) {
            wrr_give_up(state, weights);
        }
        return kNoServer;
    }
    uint32_t chosen = first_with_weight(table, state.position + 1, state.current_weight);
    if (chosen == kNoServer) {
        // The next pass is at a lower weight, or at the top; the passes in which only overloaded
        // servers are heavy enough are left out.
        const uint32_t next = state.current_weight > weights.weight_gcd
                                  ? state.current_weight - weights.weight_gcd
                                  : wrr_top(weights);
        state.current_weight = std::min(next, weights.available_max - (weights.weight_gcd - 1));
        chosen = first_with_weight(table, 0, state.current_weight);
    }
    state.position = chosen;
    return chosen;
}

void wrr_adopt(ServiceTable& table, ServiceTable* previous) {
    SchedulerState& state = table.state;
    if (goes_on_from(table, previous)) {
        state.current_weight = previous->state.current_weight;
    }
    if (previous == &table) {
        state.position = kHead;  // a new table begins at its worker's place (start_round)
    } else {
        refill_weight_tree(table);
    }
    const WeightNode weights = all_weights(table);
    const uint32_t top = wrr_top(weights);
    if (state.current_weight > top || state.current_weight == 0) {
        state.current_weight = top;
    } else if (weights.weight_gcd > 1) {
        state.current_weight = state.current_weight / weights.weight_gcd * weights.weight_gcd + 1;
    }
}

}  // namespace director::dataplane
