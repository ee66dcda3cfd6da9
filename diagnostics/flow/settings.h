// Every threshold of the flow analysis. The defaults are the tutorial's (Tranalyzer's tcpFlags)
// where it has one, tshark's where the rule is tshark's, and say so.
#pragma once

#include <cstddef>
#include <cstdint>

#include "diagnostics/ip/fragment_follower.h"
#include "diagnostics/packet/decode.h"

namespace director::diagnostics {

inline constexpr int64_t kMicrosecond = 1'000;
inline constexpr int64_t kMillisecond = 1'000'000;
inline constexpr int64_t kSecond = 1'000'000'000;

struct AnalysisSettings {
    DecodeSettings decode;
    FragmentSettings fragments;

    // Windows below this are counted (WINMIN): 1 counts zero windows alone.
    uint32_t window_min = 1;

    // A repeated segment is a fast retransmission after this many duplicate ACKs ...
    uint32_t fast_retransmission_duplicate_acks = 2;
    // ... if it comes within this time of the last one (tshark's rule).
    int64_t fast_retransmission_within_ns = 20 * kMillisecond;
    // A segment from before the highest one counts as out of order, not as a retransmission, if it
    // comes within this time of the highest one; used until the handshake has told a round trip,
    // which takes its place (tshark's rule).
    int64_t out_of_order_within_ns = 3 * kMillisecond;

    // State timeouts: a flow is over when it was idle for the one of its state.
    int64_t new_timeout_ns = 120 * kSecond;  // also of what has no states: UDP, ICMP
    int64_t established_timeout_ns = 610 * kSecond;
    int64_t closing_timeout_ns = 120 * kSecond;
    int64_t closed_timeout_ns = 10 * kSecond;
    int64_t reset_timeout_ns = 100 * kMillisecond;
    // A flow that has lasted so long is emitted with its next packet and goes on as another one, so
    // that long ones are heard of while they last (RFC 5102 section 5.11.1). 0: never.
    int64_t active_timeout_ns = 0;

    // Scans. A flow of at most so many packets may be a try of a scan.
    uint32_t scan_packets_max = 4;
    // So many different targets (address and port) tried by one source, without an answer that a
    // client would make use of, make it a scanner ...
    uint32_t scan_targets_min = 20;
    // ... if those tries are at least this share of all its flows, in percent.
    uint32_t scan_share_percent = 50;
    // How many sources are followed at once; the one not seen for longest gives way.
    size_t scan_sources_max = 65'536;

    // Flows held at once: with more, the one not seen for longest is emitted before its time.
    size_t flows_max = 1 << 20;

    // A packet record for each packet. Costs time, no memory.
    bool with_packets = false;
    // Sequence numbers in packet records count from the flow's first (SPKTMD_SEQACKREL).
    bool with_relative_sequences = false;

    // A host's boot time is believed from timestamps that rise by so many milliseconds at least.
    int64_t tick_span_min_ns = 10 * kMillisecond;
    // Two flows of one address belong to one host if their boot times differ by less.
    int64_t same_boot_within_ns = 1 * kSecond;
};

}  // namespace director::diagnostics
