// A ring for a worker's mirrored packets in plain memory, as MirrorSink wants it: what the I/O
// layer does with rte_ring. One thread.
#pragma once

#include <cstring>
#include <vector>

#include "dataplane/api/mirror.h"
#include "dataplane/core/codecs/rebuild_arrival.h"

namespace director::test {

class MirrorRing {
  public:
    explicit MirrorRing(uint32_t slots) : slots_(slots) {}

    [[nodiscard]] dataplane::MirrorSink sink() {
        return {.ring = this, .reserve = &reserve, .commit = &commit, .counters = &counters_};
    }
    [[nodiscard]] const dataplane::MirrorCounters& counters() const { return counters_; }

    struct Record {
        dataplane::MirrorRecord head;
        std::vector<uint8_t> in;
        std::vector<uint8_t> out;
    };
    // Takes all that is there.
    [[nodiscard]] std::vector<Record> take() {
        std::vector<Record> records;
        while (head_ != tail_) {
            const auto* const at = reinterpret_cast<const uint8_t*>(&slots_[head_ % slots_.size()]);
            Record record;
            std::memcpy(static_cast<void*>(&record.head), at, sizeof(dataplane::MirrorSlot));
            if (record.head.outcome != dataplane::MirrorOutcome::kFiller) {
                std::memcpy(&record.head, at, sizeof(record.head));
                const uint8_t* bytes = at + sizeof(record.head);
                record.in.assign(bytes, bytes + record.head.kept_in_bytes);
                bytes += dataplane::mirror_slots(record.head.kept_in_bytes) *
                         sizeof(dataplane::MirrorSlot);
                record.out.assign(bytes, bytes + record.head.kept_out_bytes);
                if (record.head.has(dataplane::kMirrorRebuild)) {
                    record.in = record.in.empty() ? record.out : record.in;
                    dataplane::rebuild_arrival(record.head, record.in);
                }
                records.push_back(record);
            }
            head_ += record.head.slots;
        }
        return records;
    }
    void forget() { head_ = tail_; }

  private:
    static dataplane::MirrorRoom reserve(void* ring, uint32_t slots) {
        auto& own = *static_cast<MirrorRing*>(ring);
        const auto size = static_cast<uint32_t>(own.slots_.size());
        const auto free = static_cast<uint32_t>(size - (own.tail_ - own.head_));
        const uint32_t granted = slots < free ? slots : free;
        const auto place = static_cast<uint32_t>(own.tail_ % size);
        const uint32_t first = granted < size - place ? granted : size - place;
        return {&own.slots_[place], first, own.slots_.data(), granted - first};
    }
    static void commit(void* ring, uint32_t slots) {
        static_cast<MirrorRing*>(ring)->tail_ += slots;
    }

    std::vector<dataplane::MirrorSlot> slots_;
    dataplane::MirrorCounters counters_;
    uint64_t head_ = 0;
    uint64_t tail_ = 0;
};

}  // namespace director::test
