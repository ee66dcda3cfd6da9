#include "dataplane/core/conn_table.h"

#include <bit>

#include "common/assert.h"

namespace director::dataplane {

ConnTable::ConnTable(uint32_t connections_max, const HashKey& key, const TableMemory& memory)
    : key_(key),
      capacity_(connections_max),
      bucket_count_(bucket_count(connections_max)),
      buckets_(memory, bucket_count_),
      entries_(memory, connections_max),
      timers_(connections_max, memory) {}

bool ConnTable::is_allocated() const {
    return buckets_.is_allocated() && entries_.is_allocated() && timers_.is_allocated();
}

uint32_t ConnTable::bucket_count(uint32_t connections_max) {
    return connections_max / kEntriesPerBucket + 1;
}

uint64_t ConnTable::bytes(uint32_t connections_max) {
    return uint64_t{bucket_count(connections_max)} * sizeof(Bucket) +
           uint64_t{connections_max} * sizeof(Connection) + TimerLists::bytes(connections_max);
}

uint32_t ConnTable::find_other(uint64_t hash, const ConnectionKey& key, uint32_t first) const {
    if (first == kNoConnection) {
        return kNoConnection;
    }
    const Bucket& bucket = buckets_[bucket_of(hash)];
    for (uint32_t found = matching_tags(bucket, tag_of(hash)); found != 0; found &= found - 1) {
        const uint32_t index = bucket.entries[static_cast<size_t>(std::countr_zero(found))];
        if (matches(index, key)) {
            return index;
        }
    }
    for (uint32_t index = bucket.overflow - 1; index != kNoConnection;
         index = entries_[index].overflow_next) {
        if (matches(index, key)) {
            return index;
        }
    }
    return kNoConnection;
}

uint32_t ConnTable::take_free_entry() {
    if (free_ != kNoConnection) {
        const uint32_t index = free_;
        free_ = entries_[index].overflow_next;
        return index;
    }
    return high_water_ < capacity_ ? high_water_++ : kNoConnection;
}

bool ConnTable::is_chain_full(const TableArray<Connection>& entries, const Bucket& bucket) {
    uint32_t length = 0;
    for (uint32_t index = bucket.overflow - 1; index != kNoConnection;
         index = entries[index].overflow_next) {
        if (++length == kOverflowMax) {
            return true;
        }
    }
    return false;
}

uint32_t ConnTable::insert(uint64_t hash, const Connection& connection) {
    DIRECTOR_HOT_ASSERT(connection.service != kNoService);
    Bucket& bucket = buckets_[bucket_of(hash)];
    const uint32_t empty = matching_tags(bucket, 0);
    if (empty == 0 && is_chain_full(entries_, bucket)) {
        return kNoConnection;
    }
    const uint32_t index = take_free_entry();
    if (index == kNoConnection) {
        return kNoConnection;
    }
    Connection& entry = entries_[index];
    entry = connection;
    if (empty != 0) {
        const size_t slot = static_cast<size_t>(std::countr_zero(empty));
        bucket.tags[slot] = tag_of(hash);
        bucket.entries[slot] = index;
        entry.overflow_next = kNoConnection;
    } else {
        entry.overflow_next = bucket.overflow - 1;
        bucket.overflow = index + 1;
    }
    ++size_;
    return index;
}

void ConnTable::unlink_from_chain(Bucket& bucket, uint32_t index) {
    if (bucket.overflow == index + 1) {
        bucket.overflow = entries_[index].overflow_next + 1;
        return;
    }
    uint32_t before = bucket.overflow - 1;
    while (entries_[before].overflow_next != index) {
        before = entries_[before].overflow_next;
        DIRECTOR_HOT_ASSERT(before != kNoConnection);
    }
    entries_[before].overflow_next = entries_[index].overflow_next;
}

// Moves the head of the overflow chain into a slot that became empty: chains stay short.
void ConnTable::refill_from_chain(Bucket& bucket, uint32_t slot) {
    const uint32_t index = bucket.overflow - 1;
    bucket.tags[slot] = 0;
    if (index == kNoConnection) {
        return;
    }
    Connection& entry = entries_[index];
    bucket.overflow = entry.overflow_next + 1;
    bucket.tags[slot] = tag_of(hash(entry.client));
    bucket.entries[slot] = index;
    entry.overflow_next = kNoConnection;
}

void ConnTable::remove(uint32_t index) {
    Connection& entry = entries_[index];
    DIRECTOR_HOT_ASSERT(is_used(index));
    const uint64_t entry_hash = hash(entry.client);
    Bucket& bucket = buckets_[bucket_of(entry_hash)];
    uint32_t found = matching_tags(bucket, tag_of(entry_hash));
    while (found != 0 && bucket.entries[static_cast<size_t>(std::countr_zero(found))] != index) {
        found &= found - 1;
    }
    if (found != 0) {
        refill_from_chain(bucket, static_cast<uint32_t>(std::countr_zero(found)));
    } else {
        unlink_from_chain(bucket, index);
    }
    timers_.disarm(index);
    entry.service = kNoService;
    entry.client = {};  // an index taken from the bucket before must not match any more
    entry.overflow_next = free_;
    free_ = index;
    --size_;
    ++removals_;
}

}  // namespace director::dataplane
