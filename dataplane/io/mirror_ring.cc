#include "dataplane/io/mirror_ring.h"

#include <algorithm>
#include <cstring>

#include <rte_ring_peek_zc.h>

#include "dataplane/core/codecs/rebuild_arrival.h"

namespace director::dataplane::io {
namespace {

// What the reader holds back from the worker at a time.
constexpr uint32_t kSlotsPerRead = 4096;

}  // namespace

bool MirrorRing::create(const std::string& name, uint32_t slots, int numa_node) {
    ring_ = make_ring(name, sizeof(MirrorSlot), slots, numa_node);
    rebuilt_.resize(kMirroredBytesMax);
    return ring_ != nullptr;
}

MirrorSink MirrorRing::sink() {
    return {.ring = this, .reserve = &reserve, .commit = &commit, .counters = &counters_};
}

MirrorRoom MirrorRing::reserve(void* ring, uint32_t slots) {
    rte_ring* const own = static_cast<MirrorRing*>(ring)->ring_.get();
    rte_ring_zc_data room{};
    const uint32_t granted =
        rte_ring_enqueue_zc_burst_elem_start(own, sizeof(MirrorSlot), slots, &room, nullptr);
    const uint32_t first = std::min(granted, static_cast<uint32_t>(room.n1));
    return {static_cast<MirrorSlot*>(room.ptr1),
            first,
            static_cast<MirrorSlot*>(room.ptr2),
            granted - first};
}

void MirrorRing::commit(void* ring, uint32_t slots) {
    rte_ring_enqueue_zc_elem_finish(static_cast<MirrorRing*>(ring)->ring_.get(), slots);
}

uint32_t MirrorRing::read(const std::function<void(const MirroredPacket&)>& receive) {
    uint32_t packets = 0;
    for (;;) {
        rte_ring_zc_data part{};
        const uint32_t slots = rte_ring_dequeue_zc_burst_elem_start(
            ring_.get(), sizeof(MirrorSlot), kSlotsPerRead, &part, nullptr);
        if (slots == 0) {
            return packets;
        }
        // A part may end within a record: what is left stays for the next one.
        const uint32_t first = std::min(slots, static_cast<uint32_t>(part.n1));
        uint32_t done = 0;
        packets += hand_over(static_cast<const MirrorSlot*>(part.ptr1), first, receive, done);
        if (done == first && slots > first) {
            uint32_t more = 0;
            packets +=
                hand_over(static_cast<const MirrorSlot*>(part.ptr2), slots - first, receive, more);
            done += more;
        }
        rte_ring_dequeue_zc_elem_finish(ring_.get(), done);
        if (done == 0) {
            return packets;
        }
    }
}

uint32_t MirrorRing::hand_over(const MirrorSlot* at,
                               uint32_t slots,
                               const std::function<void(const MirroredPacket&)>& receive,
                               uint32_t& done) {
    uint32_t packets = 0;
    while (done < slots) {
        uint16_t length = 0;
        std::memcpy(&length, at[done].bytes.data(), sizeof(length));
        if (length > slots - done) {
            return packets;
        }
        const auto outcome = static_cast<MirrorOutcome>(at[done].bytes[sizeof(length)]);
        if (outcome != MirrorOutcome::kFiller) {
            MirroredPacket packet;
            std::memcpy(&packet.record, at[done].bytes.data(), sizeof(packet.record));
            const uint8_t* bytes = at[done].bytes.data() + sizeof(packet.record);
            const uint32_t in = packet.record.kept_in_bytes;
            packet.in = {bytes, in};
            packet.out = {bytes + mirror_slots(in) * sizeof(MirrorSlot),
                          packet.record.kept_out_bytes};
            if (packet.record.has(kMirrorRebuild)) {
                const auto from = in == 0 ? packet.out : packet.in;
                std::copy(from.begin(), from.end(), rebuilt_.begin());
                const std::span<uint8_t> frame(rebuilt_.data(), from.size());
                rebuild_arrival(packet.record, frame);
                packet.in = frame;
            }
            receive(packet);
            ++packets;
        }
        done += length;
    }
    return packets;
}

}  // namespace director::dataplane::io
