#include <algorithm>

#include "diagnostics/tcp/tcp_steps.h"

namespace director::diagnostics::tcp_steps {
namespace {

void add_zero(WindowFacts& facts, int64_t since_ns, int64_t until_ns) {
    const int64_t lasted = std::max<int64_t>(0, until_ns - since_ns);
    facts.zero_total_ns += lasted;
    facts.zero_longest_ns = std::max(facts.zero_longest_ns, lasted);
}

void open_or_close_zero(Step& step) {
    TcpHalf& self = step.self;
    const bool is_zero = step.finding.window == 0;
    if (is_zero == self.is_window_zero) {
        return;
    }
    self.is_window_zero = is_zero;
    TcpRare& rare = step.rare();
    if (is_zero) {
        rare.zero_since_ns = step.segment.time_ns;
        ++rare.window.zero_episodes;
    } else {
        add_zero(rare.window, rare.zero_since_ns, step.segment.time_ns);
    }
}

// RFC 7323 section 2.2: the window of a SYN is never scaled, and others only if both SYNs had the
// option. Where the other SYN was not captured, it is taken to have had it, as tshark does: nearly
// all have.
bool is_scaled(const Step& step) {
    const TcpHalf& other = step.other();
    return !step.has(kSyn) && step.self.has_window_shift &&
           (other.has_window_shift || !other.has_syn);
}

void count_change(Step& step) {
    TcpHalf& self = step.self;
    const uint32_t window = step.finding.window;
    if (window == self.last_window) {
        return;
    }
    const bool goes_up = window > self.last_window;
    self.window_ups += goes_up ? 1U : 0U;
    self.window_downs += goes_up ? 0U : 1U;
    self.window_turns += goes_up != self.window_counts_up ? 1U : 0U;
    self.window_counts_up = goes_up;
}

}  // namespace

uint32_t effective_window(const Step& step) {
    return is_scaled(step) ? uint32_t{step.segment.header->window} << step.self.window_shift
                           : step.segment.header->window;
}

void follow_window(Step& step) {
    TcpHalf& self = step.self;
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
        self.first_window = self.window_min = self.window_max = window;
    } else {
        count_change(step);
    }
    self.window_min = std::min(self.window_min, window);
    self.window_max = std::max(self.window_max, window);
    self.window_sum += window;
    ++self.window_packets;
    if (!step.has(kSyn | kFin | kRst)) {
        if (window < step.settings.window_min) {
            step.finding.status |= kStatusWindowBelowMin;
            ++step.rare().window.below_min;
        }
        if (window == 0) {
            ++step.rare().window.zero_windows;
        }
        open_or_close_zero(step);
    }
    // The tutorial's machine stands at "up" when it answers a probe.
    if (self.window_counts_up || (step.finding.status & kStatusZeroWindowProbeAck) != 0) {
        step.finding.status |= kStatusWindowCountsUp;
    }
    self.last_window = window;
}

void conclude_window(TcpFacts& facts,
                     const TcpHalf& self,
                     const TcpHalf* peer,
                     const TcpRares& rares) {
    if (self.is_window_zero) {
        const int64_t end = std::max(self.last_ns, peer != nullptr ? peer->last_ns : 0);
        add_zero(facts.window, rares[self.rare].zero_since_ns, end);
    }
    if (self.window_packets > 0) {
        facts.window.mean = self.window_sum / static_cast<double>(self.window_packets);
    }
    if (self.packets > 0) {
        facts.window.below_min_share =
            static_cast<double>(facts.window.below_min) / static_cast<double>(self.packets);
    }
}

}  // namespace director::diagnostics::tcp_steps
