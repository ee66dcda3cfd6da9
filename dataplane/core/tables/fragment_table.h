// Virtual reassembly: which flow each fragment belongs to, without joining anything (the kernel's
// nf_defrag joins; the answers about what to refuse are the same).
//
// One per worker, fixed memory. The first fragment tells the ports and goes on at once; later ones
// find them here. Fragments that come before the first are held: the table hands out numbers of
// hold slots, the caller keeps the frames. Of SCTP, the first one waits for the last: its checksum
// is a CRC over the whole datagram, which changes with a port by as much as the length says.
// Per fragment:
//
//   table.expire(now, 8);
//   const FragmentResult result = table.add(fragment, now);
//   switch (result.verdict) {
//       case kPass: forward it with result's ports
//       case kHold: frames[result.slot] = frame
//       case kDrop: drop it
//   }
//   while (auto held = table.take_released()) { forward frames[held->slot] with result's ports }
//   while (auto held = table.take_dropped()) { drop frames[held->slot] }
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "common/hash.h"
#include "common/time.h"
#include "dataplane/core/codecs/fragment.h"
#include "dataplane/core/tables/table_memory.h"

namespace director::dataplane {

struct FragmentTableSettings {
    uint32_t datagrams_max = 1024;        // followed at a time, 65534 at most
    uint16_t held_max = 256;              // frames held at a time
    uint16_t held_per_datagram_max = 64;  // 64 KiB come in 46 fragments of an Ethernet
    Duration datagram_timeout = std::chrono::seconds(30);  // as the kernel's ipfrag_time
    Duration held_timeout = std::chrono::seconds(1);
    HashKey key;
};

enum class FragmentVerdict : uint8_t { kPass, kHold, kDrop };

struct FragmentResult {
    FragmentVerdict verdict = FragmentVerdict::kDrop;
    FragmentFault fault = FragmentFault::kNone;  // kDrop: why
    uint16_t slot = 0;                           // kHold
    // kPass, and kHold that releases: what the first fragment said.
    uint8_t protocol = 0;
    Be16 source_port;
    Be16 destination_port;
    uint16_t following_bytes = 0;  // the same: behind the first fragment, once the last has come
};

struct ReleasedHold {
    uint16_t slot;
    bool is_first;  // its datagram's first fragment
};

struct DroppedHold {
    uint16_t slot;
    FragmentFault fault;
};

class FragmentTable {
  public:
    // Separate pieces of a datagram that are followed: out of order, 64 KiB make up to 23.
    static constexpr uint32_t kRangesMax = 32;

    FragmentTable(const FragmentTableSettings& settings, const TableMemory& memory);

    // What a table of these settings takes.
    [[nodiscard]] static uint64_t bytes(const FragmentTableSettings& settings);
    // False: there was no memory; nothing else may be called.
    [[nodiscard]] bool is_allocated() const;

    // What to do with a fragment, which is forgotten if its own fault says so. A datagram is
    // followed until all its bytes have passed, it times out, or a newer one needs its place. A
    // refused one stays refused that long (RFC 5722: "including those not yet received").
    [[nodiscard]] FragmentResult add(const Fragment& fragment, TimePoint now);

    // The next hold slot whose frame goes on with the ports of the fragment just added: the first
    // fragment, then the others in order of arrival. The slot is free again: take the frame out
    // before the next add().
    [[nodiscard]] std::optional<ReleasedHold> take_released();

    // The next hold slot whose frame is to be dropped, likewise free again.
    [[nodiscard]] std::optional<DroppedHold> take_dropped();

    // Forgets up to `steps` datagrams or held fragments whose time is over. `now` never goes back.
    void expire(TimePoint now, uint32_t steps);

    [[nodiscard]] uint32_t datagrams() const { return datagrams_; }
    [[nodiscard]] uint32_t held() const { return held_; }

  private:
    static constexpr uint16_t kNone = 0xffff;

    struct Range {
        uint16_t begin = 0;
        uint16_t end = 0;
    };
    struct Datagram {
        IpAddress source;
        IpAddress destination;
        uint32_t id = 0;
        uint32_t bucket = 0;
        uint8_t protocol = 0;        // IPv4's part of the key
        uint8_t first_protocol = 0;  // what the first fragment said
        bool has_first = false;
        bool is_ready = false;  // all that its fragments need is known
        bool is_refused = false;
        Be16 source_port;
        Be16 destination_port;
        uint16_t end_bytes = 0;  // of the whole; 0: unknown
        uint16_t first_bytes = 0;
        uint16_t ranges_count = 0;
        uint16_t next_in_bucket = 0;
        uint16_t older = 0;  // in order of creation
        uint16_t newer = 0;
        uint16_t held_first = 0;  // the first fragment, then in order of arrival
        uint16_t held_last = 0;
        uint16_t held_count = 0;
        TimePoint created{};
        std::array<Range, kRangesMax> ranges{};  // sorted, apart from one another
    };
    struct Hold {
        uint16_t next = 0;  // of the same datagram, or of a list of slots to take
        uint16_t older = 0;
        uint16_t newer = 0;
        uint16_t datagram = 0;
        bool is_first = false;
        FragmentFault fault = FragmentFault::kNone;
        TimePoint since{};
    };
    struct SlotList {
        uint16_t first = kNone;
        uint16_t last = kNone;
    };

    [[nodiscard]] uint32_t bucket_of(const Fragment& fragment) const;
    [[nodiscard]] uint16_t find(const Fragment& fragment, uint32_t bucket) const;
    [[nodiscard]] uint16_t create(const Fragment& fragment, uint32_t bucket, TimePoint now);
    void forget(uint16_t number, FragmentFault fault);
    [[nodiscard]] FragmentResult refuse(Datagram& datagram, FragmentFault fault);
    void learn(Datagram& datagram, const Fragment& fragment) const;
    [[nodiscard]] FragmentResult pass(uint16_t number);
    [[nodiscard]] FragmentResult hold(uint16_t number, const Fragment& fragment, TimePoint now);
    void release(Datagram& datagram);
    void append_held(Datagram& datagram, uint16_t slot);
    void drop_held(Datagram& datagram, FragmentFault fault);
    void unlink_age(uint16_t slot);
    void push(SlotList& list, uint16_t slot);
    [[nodiscard]] std::optional<uint16_t> pop(SlotList& list);
    [[nodiscard]] static FragmentFault check_end(const Datagram& datagram,
                                                 const Fragment& fragment);
    [[nodiscard]] static FragmentFault add_range(Datagram& datagram, const Fragment& fragment);

    FragmentTableSettings settings_;
    uint32_t bucket_mask_;
    TableArray<uint16_t> buckets_;
    TableArray<Datagram> entries_;
    TableArray<Hold> holds_;
    uint16_t free_datagram_ = kNone;
    uint16_t oldest_ = kNone;
    uint16_t newest_ = kNone;
    uint16_t oldest_hold_ = kNone;
    uint16_t newest_hold_ = kNone;
    SlotList free_slots_;
    SlotList released_;
    SlotList dropped_;
    uint32_t datagrams_ = 0;
    uint32_t held_ = 0;
};

}  // namespace director::dataplane
