// A connection as it goes from one director to another: what the packet path tells of its own, and
// what it is given of the twin's. Plain data; the codecs of the wire are in controlplane/sync.
//
// Up: each worker marks connections that the twin should hear of, by IPVS's rules (SyncPolicy), and
// the control plane fetches them with a SyncCollection job; a SyncPage job walks the whole table
// for a twin that has just joined. Down: a SyncInstallation job brings records of the twin's, of
// whose client this worker is the owner.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "common/address.h"
#include "dataplane/api/conn_state.h"
#include "dataplane/api/ids.h"
#include "dataplane/api/service.h"

namespace director::dataplane {

// How one sender's TCP sequence numbers are shifted (dataplane/core/codecs/seq_adjust.h).
struct SyncSequence {
    uint32_t initial = 0;
    int32_t delta = 0;
    int32_t previous_delta = 0;
    bool is_set = false;

    friend constexpr bool operator==(const SyncSequence&, const SyncSequence&) = default;
};

// What a helper has changed about a connection's stream.
struct SyncAdjustment {
    SyncSequence client;  // what the client sends
    SyncSequence server;  // what the server sends
    uint32_t timestamp_delta = 0;
    uint32_t server_sequence = 0;
    int8_t window_shift = 0;

    friend constexpr bool operator==(const SyncAdjustment&, const SyncAdjustment&) = default;
};

struct SyncRecord {
    Protocol protocol = Protocol::kTcp;
    ConnState state = ConnState::kNone;
    ForwardingMethod forwarding = ForwardingMethod::kNat;
    bool is_template = false;  // persistence: `client` is a network, its port 0
    bool has_adjustment = false;
    bool is_long_lived = false;  // the twin has heard of it before: it goes first
    // Of a page of the table: the sender has it of its own packets, not of another director.
    bool is_own = false;
    bool is_of_table = false;  // received in a page
    Endpoint client;
    Endpoint virtual_service;
    Endpoint real_server;
    Endpoint local;                // full NAT: the client as the server sees it; else the client
    uint32_t mark = 0;             // of a service by match rules
    uint32_t timeout_seconds = 0;  // 0: the state's own
    // Here, not at the twin: of the sender when it is told, of the receiver when it is installed.
    ServiceId service = kNoService;
    RealServerId server = kNoRealServer;
    SyncAdjustment adjustment;  // has_adjustment

    friend constexpr bool operator==(const SyncRecord&, const SyncRecord&) = default;
};
static_assert(std::is_trivially_copyable_v<SyncRecord>);

// When a connection is told: ip_vs_sync_conn_needed() of Linux. Only packets from the client ask.
struct SyncPolicy {
    bool is_on = false;
    bool templates_only = false;   // sync_persist_mode: not the connections that have one
    uint8_t threshold = 3;         // sync_threshold: at this packet,
    uint16_t period = 50;          // and then each so many; 0: never again
    uint32_t refresh_seconds = 0;  // sync_refresh_period; 0: not by time
    uint8_t retries = 0;           // sync_retries, 0 .. 3

    friend constexpr bool operator==(const SyncPolicy&, const SyncPolicy&) = default;
};

// Per worker.
struct SyncCounters {
    uint64_t marked = 0;     // connections put up for the twin
    uint64_t postponed = 0;  // for want of room in the queue; their next packet tries again
    uint64_t stale = 0;      // that had ended before they were fetched

    friend constexpr bool operator==(const SyncCounters&, const SyncCounters&) = default;
};

// X(enumerator, name). What became of a record.
#define DIRECTOR_SYNC_OUTCOMES(X)                  \
    X(kInstalled, "installed")                     \
    X(kUpdated, "updated")                         \
    X(kReplaced, "replaced")                       \
    X(kKeptOwn, "kept_own")                        \
    X(kIgnoredInactive, "ignored_inactive")        \
    X(kUnknownService, "unknown_service")          \
    X(kUnknownServer, "unknown_server")            \
    X(kWrongWorker, "wrong_worker")                \
    X(kTableFull, "table_full")                    \
    X(kLocalPortTaken, "local_port_taken")         \
    X(kLocalPortElsewhere, "local_port_elsewhere") \
    X(kNotSupported, "not_supported")

enum class SyncOutcome : uint8_t {
#define X(enumerator, name) enumerator,
    DIRECTOR_SYNC_OUTCOMES(X)
#undef X
        kCount
};

inline constexpr size_t kSyncOutcomeCount = static_cast<size_t>(SyncOutcome::kCount);

inline constexpr std::array<std::string_view, kSyncOutcomeCount> kSyncOutcomeNames{
#define X(enumerator, name) name,
    DIRECTOR_SYNC_OUTCOMES(X)
#undef X
};

[[nodiscard]] constexpr std::string_view to_string(SyncOutcome outcome) {
    return kSyncOutcomeNames[static_cast<size_t>(outcome)];
}

}  // namespace director::dataplane
