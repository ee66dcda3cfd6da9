// What a worker tells the diagnostics thread of single packets: copies of chosen packets'
// beginnings, as they came and as they left. Records of 16-byte slots lie one behind the other in a
// ring that the worker writes and the diagnostics thread reads.
//
// A *tap* chooses packets. Each has an owner (live analysis, a capture) that sets it by a TapJob
// and finds its number in the records; with no tap, a packet costs the worker three branches
// per 16.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <type_traits>

#include "common/address.h"
#include "dataplane/api/drop_reason.h"
#include "dataplane/api/ids.h"
#include "dataplane/api/job.h"

namespace director::dataplane {

inline constexpr uint32_t kTapsMax = 8;
// Of a tap that wants headers alone. Ethernet, two VLAN tags, IPv6 and a TCP header with all its
// options are 122 bytes.
inline constexpr uint32_t kMirroredHeaderBytes = 128;
// More is not kept of any packet.
inline constexpr uint32_t kMirroredBytesMax = 9216;
inline constexpr uint32_t kNoMirroredConnection = 0xffffffffU;

// Some packets of those that a worker decides about. All conditions hold together; a packet matches
// as it came or as it left. What is unset (prefixes of length 0, 0) matches everything.
struct MirrorTap {
    bool is_on = false;
    bool only_balanced = false;  // packets of virtual services
    bool only_drops = false;
    // Bytes kept of each packet; 0: its headers, up to kMirroredHeaderBytes.
    uint16_t snap_bytes = 0;
    Protocol protocol{};  // 0: any
    // Of a packet of a service: its client, service and server. Of another one: either end.
    IpPrefix clients{IpAddress{}, 0};
    IpPrefix virtual_addresses{IpAddress{}, 0};
    IpPrefix servers{IpAddress{}, 0};
    Be16 client_port{};
    Be16 virtual_port{};
    Be16 server_port{};
    IpPrefix hosts{IpAddress{}, 0};   // any end, on any side
    Be16 port{};                      // the same
    uint32_t one_in = 1;              // every n-th client's end: connections whole or not at all
    uint32_t packets_per_second = 0;  // 0: as many as there are
};

// Sets one tap of one worker.
struct TapJob : Job {
    TapJob() : Job{JobKind::kTap, {}, 0} {}

    uint8_t number = 0;
    MirrorTap tap;
};

struct alignas(16) MirrorSlot {
    std::array<uint8_t, 16> bytes;
};

enum class MirrorOutcome : uint8_t {
    kFiller,     // no record: the rest of the ring before its beginning
    kForwarded,  // left as `left` shows
    kCut,        // the same, in fragments
    kWaits,      // will leave so once its next hop's MAC address is known
    kPunted,     // went to the kernel
    kDropped,    // `reason`
    kAnswered,   // dropped for `reason`; what left is the answer to its sender
    kMade,       // did not come from anywhere: the worker made it
    kLost,       // an earlier record's packet that did not leave after all: `reason`
};

// What a record says of its packet: MirrorRecord::flags.
inline constexpr uint8_t kMirrorOfService = 1;   // then the next one means something
inline constexpr uint8_t kMirrorFromClient = 2;  // else from a real server
inline constexpr uint8_t kMirrorArrival = 4;     // it came in by `in_port`
inline constexpr uint8_t kMirrorDeparture = 8;   // it left by `out_port`, or was to
// Of an arrival: `before` is to be put into the frame, which is the departure's if there are no
// bytes of its own (rebuild_arrival).
inline constexpr uint8_t kMirrorRebuild = 16;

// How a packet of IPv4, plainly translated, looked before, where it differs from what left.
struct MirrorBefore {
    std::array<uint8_t, 12> macs{};  // destination, source
    uint32_t source = 0;             // these as they lie in the frame
    uint32_t destination = 0;
    uint16_t source_port = 0;
    uint16_t destination_port = 0;
};

// A record's head. Behind it, from the next slot on, the bytes as it came, and from the slot behind
// those, the bytes as it left.
struct alignas(16) MirrorRecord {
    uint16_t slots = 0;  // of the whole record
    MirrorOutcome outcome{};
    uint8_t taps = 0;  // that chose it, a bit each
    DropReason reason{};
    uint8_t flags = 0;  // kMirror...
    uint8_t in_port = 0;
    uint8_t out_port = 0;
    int64_t time_ns = 0;                          // on the workers' timeline
    uint32_t connection = kNoMirroredConnection;  // its number in the worker's table
    ServiceId service = kNoService;
    RealServerId server = kNoRealServer;
    uint16_t wire_in_bytes = 0;  // of frames
    uint16_t wire_out_bytes = 0;
    uint16_t kept_in_bytes = 0;
    uint16_t kept_out_bytes = 0;
    uint8_t ttl = 0;  // kMirrorRebuild: as it came
    MirrorBefore before;

    [[nodiscard]] bool has(uint8_t flag) const { return (flags & flag) != 0; }
};
static_assert(sizeof(MirrorRecord) == 64);
static_assert(std::is_trivially_copyable_v<MirrorRecord>);

[[nodiscard]] constexpr uint32_t mirror_slots(uint32_t bytes) {
    return (bytes + uint32_t{sizeof(MirrorSlot)} - 1) / uint32_t{sizeof(MirrorSlot)};
}

inline constexpr uint32_t kRecordSlotsMax =
    mirror_slots(sizeof(MirrorRecord)) + 2 * mirror_slots(kMirroredBytesMax);

// By tap. Written by the worker, read by anybody: each figure for itself.
struct MirrorCounters {
    std::array<std::atomic<uint64_t>, kTapsMax> records{};
    std::array<std::atomic<uint64_t>, kTapsMax> missed{};   // the ring was full
    std::array<std::atomic<uint64_t>, kTapsMax> limited{};  // above packets_per_second
};

// Free slots of a ring: `count` from `at` on, then, from its beginning, more.
struct MirrorRoom {
    MirrorSlot* at = nullptr;
    uint32_t count = 0;
    MirrorSlot* more = nullptr;
    uint32_t more_count = 0;
};

// The worker's end of its ring.
struct MirrorSink {
    void* ring = nullptr;  // nullptr: there is none, and no tap is ever on
    // Up to `slots` of room; what is in them is published by commit().
    MirrorRoom (*reserve)(void* ring, uint32_t slots) = nullptr;
    void (*commit)(void* ring, uint32_t slots) = nullptr;
    MirrorCounters* counters = nullptr;
};

}  // namespace director::dataplane
