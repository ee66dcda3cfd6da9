#include <algorithm>

#include "diagnostics/tcp/tcp_steps.h"

namespace director::diagnostics::tcp_steps {
namespace {

// RFC 7323 section 2.3: a shift above 14 is taken as 14.
constexpr uint8_t kShiftMax = 14;

void read_sack(Step& step) {
    const TcpHeader& header = *step.segment.header;
    OptionFacts& facts = step.rare().options;
    step.finding.status |= kStatusSack;
    ++facts.sack_packets;
    facts.sack_blocks += header.sack_count;
    // RFC 2883 section 4: the first block lies below the ACK, or within the second.
    const SackBlock& first = header.sack[0];
    const SackBlock& second = header.sack[1];
    const bool is_below = !is_after(first.right, header.acknowledgement);
    const bool is_within = header.sack_count > 1 && !is_before(first.left, second.left) &&
                           !is_after(first.right, second.right);
    facts.dsack_packets += is_below || is_within ? 1U : 0U;
}

// The tutorial's bits for subtypes 0 to 7, and 15; TCPRST (8) has none there.
uint16_t subtype_bit(uint8_t subtype) {
    if (subtype <= 8) {
        return static_cast<uint16_t>(1U << subtype);
    }
    return subtype == 15 ? 0x8000 : 0;
}

// JOIN has one in SYN and SYN-ACK, not in the ACK after them (RFC 8684 section 3.2).
bool has_address_id(uint8_t subtype, bool is_syn) {
    return (subtype == 1 && is_syn) || (subtype >= 3 && subtype <= 5);
}

void read_mptcp(Step& step) {
    const TcpHeader& header = *step.segment.header;
    OptionFacts& facts = step.rare().options;
    step.finding.status |= kStatusMptcp;
    ++facts.mptcp_packets;
    facts.mptcp_options += header.mptcp_count;
    for (uint8_t i = 0; i < std::min<size_t>(header.mptcp_count, header.mptcp.size()); ++i) {
        const MptcpOption& option = header.mptcp[i];
        facts.mptcp_subtypes |= subtype_bit(option.subtype);
        if (option.subtype == 2) {
            facts.mptcp_dss_flags |= option.flags;
        } else if (option.subtype <= 1) {
            facts.mptcp_flags |= option.flags;
        }
        if (has_address_id(option.subtype, step.has(kSyn))) {
            facts.mptcp_address_id = option.address_id;
        }
    }
}

void read_timestamps(Step& step) {
    const TcpHeader& header = *step.segment.header;
    TcpHalf& self = step.self;
    step.finding.status |= kStatusOptionInit;
    if (!self.has_timestamps) {
        self.has_timestamps = true;
        self.first_timestamp = header.timestamp;
        self.first_timestamp_ns = step.segment.time_ns;
    } else if (is_before(header.timestamp, self.on_the_way.last_timestamp())) {
        step.finding.status |= kStatusTimestampFalls;
        // Overtaken packets bring older ones; a clock that runs backwards is none.
        self.timestamp_falls =
            self.timestamp_falls || sequence_distance(self.first_timestamp, header.timestamp) > 0;
    }
    self.last_echo = header.timestamp_echo;
    self.last_timestamp_ns = step.segment.time_ns;
}

}  // namespace

void read_options(Step& step) {
    const TcpHeader& header = *step.segment.header;
    if (step.segment.has_broken_options) {
        step.finding.status |= kStatusOptionsCorrupt;
    }
    if (header.option_count == 0) {
        return;
    }
    TcpHalf& self = step.self;
    ++self.option_packets;
    self.option_count += header.option_count;
    self.option_kinds |= header.options_seen;
    if (header.mss != 0) {
        self.mss = header.mss;
    }
    // RFC 7323 section 2.2: the option means nothing but in a SYN.
    if (header.has_window_shift && step.has(kSyn)) {
        self.has_window_shift = true;
        self.window_shift = std::min(header.window_shift, kShiftMax);
    }
    if (header.has_timestamps) {
        read_timestamps(step);
    }
    if (header.sack_count > 0) {
        read_sack(step);
    }
    if (header.mptcp_count > 0) {
        read_mptcp(step);
    }
}

}  // namespace director::diagnostics::tcp_steps
