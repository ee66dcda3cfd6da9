// A worker's taps, and what it notes of a burst's packets while they change: how each came and
// whose it is. The stages (stages/mirror_burst.cc) fill that in and write records; see
// dataplane/api/mirror.h for what those are.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "common/hash.h"
#include "dataplane/api/mirror.h"
#include "dataplane/core/packet.h"
#include "dataplane/core/rate_limiter.h"
#include "dataplane/core/tables/table_memory.h"

namespace director::dataplane {

// Where a packet of the burst can be found as it came.
enum class ArrivalForm : uint8_t {
    kInFrame,  // its frame has not been changed
    kKept,     // it has been copied
    // Its frame has been translated plainly, and `before` tells how it was.
    kRebuilt,
    kKeptToRebuild,  // the same of a copy of the translated frame, which has been replaced since
};

struct alignas(64) MirroredArrival {
    ArrivalForm form{};
    uint8_t ttl = 0;
    std::array<uint8_t, 12> macs{};
    uint32_t connection = kNoMirroredConnection;
    // Of kRebuilt, what is below follows from the packet and its connection (complete() in
    // mirror_burst.cc).
    ServiceId service = kNoService;
    RealServerId server = kNoRealServer;
    uint64_t client = 0;  // bits of its client's FlowEnd, for sampling
    uint16_t wire_bytes = 0;
    uint16_t kept_bytes = 0;
    uint16_t header_bytes = 0;  // with the transport header, as far as kept
    Direction direction{};
};

template <size_t kBytes>
inline void copy_both_ends(uint8_t* to, const uint8_t* from, uint32_t bytes) {
    std::memcpy(to, from, kBytes);
    std::memcpy(to + bytes - kBytes, from + bytes - kBytes, kBytes);
}

// Copies a packet's beginning, which is rarely more than headers: by copies of known length that
// overlap, since a call of memcpy would cost as much as all the rest.
inline void copy_mirrored(uint8_t* to, const uint8_t* from, uint32_t bytes) {
    if (bytes - 32 <= 32) {
        copy_both_ends<32>(to, from, bytes);
    } else if (bytes - 64 <= 64) {
        copy_both_ends<64>(to, from, bytes);
    } else if (bytes != 0) {
        std::memcpy(to, from, bytes);
    }
}

// The ends that a frame shows.
struct FrameEnds {
    IpAddress source;
    IpAddress destination;
    Be16 source_port;  // 0 without ports, and of later fragments
    Be16 destination_port;
    Protocol protocol{};
    bool is_known = false;  // false: no IP packet, or cut
};
[[nodiscard]] FrameEnds frame_ends(const uint8_t* frame, uint32_t bytes);

// What a tap's conditions look at.
struct MirrorCandidate {
    FrameEnds in;   // as it came
    FrameEnds out;  // as it left
    bool is_of_service = false;
    Direction direction{};
    IpAddress server;  // of its connection; "any" without one
    Be16 server_port;
};
[[nodiscard]] bool matches(const MirrorTap& tap, const MirrorCandidate& candidate);

// Writes records into the free part of a worker's ring, and publishes them at its end.
class MirrorWriter {
  public:
    // Room for `slots`, as far as there is. Without any record written, nothing happens.
    MirrorWriter(const MirrorSink& sink, uint32_t slots)
        : sink_(sink), room_(sink.reserve(sink.ring, slots)) {}
    MirrorWriter(const MirrorWriter&) = delete;
    MirrorWriter& operator=(const MirrorWriter&) = delete;
    ~MirrorWriter();

    // Room for a record with so many bytes behind its head, `slots` filled in; nullptr, and counted
    // as missed by `taps`: there is none. `in` and `out` are where the bytes go.
    struct Place {
        MirrorRecord* record = nullptr;
        uint8_t* in = nullptr;
        uint8_t* out = nullptr;
    };
    [[nodiscard]] Place add(uint8_t taps, uint32_t in_bytes, uint32_t out_bytes);

  private:
    [[nodiscard]] MirrorSlot* take(uint32_t slots) {
        if (slots > room_.count && !wrap(slots)) {
            return nullptr;
        }
        MirrorSlot* const at = room_.at;
        room_.at += slots;
        room_.count -= slots;
        used_ += slots;
        return at;
    }
    // Goes on at the ring's beginning. False: there is no room for so many slots.
    [[nodiscard]] bool wrap(uint32_t slots);
    void count_run();
    void count_missed(uint8_t taps);

    const MirrorSink& sink_;
    MirrorRoom room_;
    uint32_t used_ = 0;
    // Records of the same taps so far: nearly always all.
    uint32_t run_ = 0;
    uint8_t run_taps_ = 0;
};

inline MirrorWriter::Place MirrorWriter::add(uint8_t taps, uint32_t in_bytes, uint32_t out_bytes) {
    constexpr uint32_t kHeadSlots = mirror_slots(sizeof(MirrorRecord));
    const uint32_t in_slots = mirror_slots(in_bytes);
    const uint32_t slots = kHeadSlots + in_slots + mirror_slots(out_bytes);
    MirrorSlot* const at = take(slots);
    if (at == nullptr) {
        count_missed(taps);
        return {};
    }
    if (taps != run_taps_) {
        count_run();
        run_taps_ = taps;
    }
    ++run_;
    auto* const record = reinterpret_cast<MirrorRecord*>(at);
    record->slots = static_cast<uint16_t>(slots);
    record->taps = taps;
    return {record, at[kHeadSlots].bytes.data(), at[kHeadSlots + in_slots].bytes.data()};
}

class Mirror {
  public:
    Mirror(const MirrorSink& sink, const HashKey& key, const TableMemory& memory);

    [[nodiscard]] bool is_allocated() const { return kept_.is_allocated(); }
    [[nodiscard]] static uint64_t bytes(const MirrorSink& sink);

    // What every packet pays for while there is no tap.
    [[nodiscard]] bool is_on() const { return taps_on_ != 0; }

    // Without a sink, or with a number beyond the last, nothing happens.
    void set(uint8_t number, const MirrorTap& tap);

    // Whether a tap's conditions want to know packets' ends: others spare the effort.
    [[nodiscard]] bool looks_at_ends() const { return ends_wanted_; }

    // A packet as taps see it.
    struct Offer {
        const MirrorCandidate* candidate = nullptr;  // nullptr: no tap looks_at_ends()
        uint64_t client = 0;
        bool is_of_service = false;
        bool is_drop = false;
    };
    // The taps that want it, a bit each.
    [[nodiscard]] uint8_t choose(const Offer& offer, TimePoint now);
    // How much of a packet these taps keep; 0: its headers.
    [[nodiscard]] uint32_t snap_bytes(uint8_t taps) const;
    [[nodiscard]] uint32_t snap_bytes_max() const { return snap_max_; }

    // Of a packet in a burst, wherever that lies: consecutive packets have consecutive places,
    // round and round.
    [[nodiscard]] static size_t place(const Packet& packet) {
        return reinterpret_cast<uintptr_t>(&packet) / sizeof(Packet) % kBurstMax;
    }
    [[nodiscard]] MirroredArrival& arrival_at(size_t place) { return arrivals_[place % kBurstMax]; }
    [[nodiscard]] MirroredArrival& arrival(const Packet& packet) {
        return arrivals_[place(packet)];
    }
    // Room for the arrival's bytes: snap_bytes_max() or kMirroredHeaderBytes of them.
    [[nodiscard]] uint8_t* kept(const Packet& packet) {
        return &kept_[place(packet) * size_t{stride_}];
    }

    [[nodiscard]] const MirrorSink& sink() const { return sink_; }

    // The usual case, for which the usual packet has a short way: one tap that wants the headers of
    // all connections' packets, or of some connections.
    [[nodiscard]] bool is_simple() const { return simple_tap_ != 0; }
    // The taps that want a connection's packet then.
    [[nodiscard]] uint8_t choose_simple(uint64_t client) const {
        return simple_one_in_ <= 1 || is_drawn(client, simple_one_in_) ? simple_tap_ : uint8_t{0};
    }

  private:
    struct Tap {
        MirrorTap settings;
        RateLimiter limiter{0};
        bool wants_ends = false;
    };

    [[nodiscard]] bool wants(const Tap& tap, const Offer& offer) const;
    [[nodiscard]] bool is_drawn(uint64_t client, uint32_t one_in) const {
        return (keyed_hash(key_, client) >> 32) * one_in >> 32 == 0;
    }

    MirrorSink sink_;
    uint8_t taps_on_ = 0;
    bool ends_wanted_ = false;
    uint8_t simple_tap_ = 0;
    uint32_t simple_one_in_ = 1;
    uint32_t snap_max_ = 0;
    uint32_t stride_ = kMirroredHeaderBytes;
    HashKey key_;
    std::array<Tap, kTapsMax> taps_{};
    std::array<MirroredArrival, kBurstMax> arrivals_{};
    TableArray<uint8_t> kept_;
};

}  // namespace director::dataplane
