#include <algorithm>

#include "diagnostics/tcp/tcp_steps.h"

namespace director::diagnostics::tcp_steps {
namespace {

void open_or_close_zero(Step& step) {
    TcpHalf& self = step.self;
    WindowFacts& facts = self.facts.window;
    const int64_t now = step.segment.time_ns;
    if (step.finding.window == 0 && self.zero_since_ns == 0) {
        self.zero_since_ns = now;
        ++facts.zero_episodes;
    } else if (step.finding.window != 0 && self.zero_since_ns != 0) {
        const int64_t lasted = std::max<int64_t>(0, now - self.zero_since_ns);
        facts.zero_total_ns += lasted;
        facts.zero_longest_ns = std::max(facts.zero_longest_ns, lasted);
        self.zero_since_ns = 0;
    }
}

// RFC 7323 section 2.2: the window of a SYN is never scaled, and others only if both SYNs had the
// option. Where the other SYN was not captured, it is taken to have had it, as tshark does: nearly
// all have.
bool is_scaled(const Step& step) {
    const TcpHalf& other = step.other();
    return !step.has(kSyn) && step.self.facts.options.has_window_shift &&
           (other.facts.options.has_window_shift || !other.has_syn);
}

void count_change(Step& step) {
    TcpHalf& self = step.self;
    WindowFacts& facts = self.facts.window;
    const uint32_t window = step.finding.window;
    if (window == self.last_window) {
        return;
    }
    const bool goes_up = window > self.last_window;
    facts.ups += goes_up ? 1U : 0U;
    facts.downs += goes_up ? 0 : 1;
    facts.turns += goes_up != self.window_counts_up ? 1U : 0U;
    self.window_counts_up = goes_up;
}

}  // namespace

uint32_t effective_window(const Step& step) {
    return is_scaled(step)
               ? uint32_t{step.segment.header->window} << step.self.facts.options.window_shift
               : step.segment.header->window;
}

void follow_window(Step& step) {
    TcpHalf& self = step.self;
    WindowFacts& facts = self.facts.window;
    const uint32_t window = step.finding.window;
    step.finding.status |= kStatusWindowInit;
    if (is_scaled(step)) {
        step.finding.status |= kStatusWindowScaled;
    }
    // A reset ends the connection; its window means nothing, and is most often 0.
    if (step.has(kRst) && self.has_packets) {
        return;
    }
    if (self.window_packets == 0) {
        facts.initial = facts.min = facts.max = window;
    } else {
        count_change(step);
    }
    facts.min = std::min(facts.min, window);
    facts.max = std::max(facts.max, window);
    facts.last = window;
    self.window_sum += window;
    ++self.window_packets;
    if (!step.has(kSyn | kFin | kRst)) {
        if (window < step.settings.window_min) {
            step.finding.status |= kStatusWindowBelowMin;
            ++facts.below_min;
        }
        facts.zero_windows += window == 0 ? 1U : 0U;
        open_or_close_zero(step);
    }
    // The tutorial's machine stands at "up" when it answers a probe.
    if (self.window_counts_up || (step.finding.status & kStatusZeroWindowProbeAck) != 0) {
        step.finding.status |= kStatusWindowCountsUp;
    }
    self.last_window = window;
}

void conclude_window(TcpHalf& self, const TcpHalf* peer) {
    WindowFacts& facts = self.facts.window;
    if (self.zero_since_ns != 0) {
        const int64_t end = std::max(self.last_ns, peer != nullptr ? peer->last_ns : 0);
        const int64_t lasted = std::max<int64_t>(0, end - self.zero_since_ns);
        facts.zero_total_ns += lasted;
        facts.zero_longest_ns = std::max(facts.zero_longest_ns, lasted);
        self.zero_since_ns = 0;
    }
    if (self.window_packets > 0) {
        facts.mean = self.window_sum / static_cast<double>(self.window_packets);
    }
    if (self.packets > 0) {
        facts.below_min_share =
            static_cast<double>(facts.below_min) / static_cast<double>(self.packets);
    }
}

}  // namespace director::diagnostics::tcp_steps
