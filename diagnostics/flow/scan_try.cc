// What one flow says of a scan. A client that merely fails looks the same: only Sources, which
// sees all flows of an address, tells them apart.
#include "diagnostics/flow/flow_state.h"
#include "diagnostics/flow/sources.h"

namespace director::diagnostics {
namespace {

// Flags that no stack begins a connection with.
ScanKind evil_kind(const TcpHalf& a) {
    const uint16_t flags = a.flags;
    if ((flags & kFlagXmas) != 0) {
        return ScanKind::kXmasScan;
    }
    if ((flags & kFlagNull) != 0) {
        return ScanKind::kNullScan;
    }
    if ((flags & kFlagSynFin) != 0) {
        return ScanKind::kSynScan;
    }
    return (flags & kFin) != 0 ? ScanKind::kFinScan : ScanKind::kSynScan;
}

}  // namespace

ScanTry judge_scan(const Flow& flow,
                   const FlowHalf& a,
                   const TcpHalf* tcp_a,
                   const FlowHalf* b,
                   const TcpHalf* tcp_b,
                   const AnalysisSettings& settings) {
    if (tcp_a == nullptr) {
        return {};
    }
    const uint64_t packets = a.packets - a.fragments + (a.fragments > 0 ? 1 : 0);
    if (packets > settings.scan_packets_max) {
        return {};
    }
    if ((tcp_a->anomaly & kAnomalyScan) != 0) {
        return {evil_kind(*tcp_a), b != nullptr, true};
    }
    // From here on only what began with a SYN, and brought nothing to either side.
    const bool has_data = a.bytes > 0 || (b != nullptr && b->bytes > 0);
    if (!tcp_a->has_syn || (tcp_a->flags & kFlagSynAck) != 0 || has_data ||
        flow.pair.client != Direction::kA) {
        return {};
    }
    const bool is_answered = tcp_b != nullptr && (tcp_b->flags & kFlagSynAck) != 0;
    if (flow.pair.has_handshake) {
        return {ScanKind::kConnectScan, is_answered, false};
    }
    return {ScanKind::kSynScan, is_answered, false};
}

}  // namespace director::diagnostics
