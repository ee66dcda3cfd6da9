#include "dataplane/core/tables/conn_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/assert.h"

namespace director::dataplane {

ConnTable::ConnTable(uint32_t connections_max,
                     uint32_t details_max,
                     const HashKey& key,
                     const TableMemory& memory)
    : key_(key),
      capacity_(connections_max),
      bucket_count_(bucket_count(connections_max, details_max)),
      buckets_(memory, bucket_count_),
      entries_(memory, size_t{connections_max} + kReserved),
      details_(memory, details_max),
      timers_(connections_max + kReserved, memory) {
    DIRECTOR_ASSERT(connections_max <= kConnectionsMax);
}

bool ConnTable::is_allocated() const {
    return buckets_.is_allocated() && entries_.is_allocated() && details_.is_allocated() &&
           timers_.is_allocated();
}

// Whatever has details may have a second place.
uint32_t ConnTable::bucket_count(uint32_t connections_max, uint32_t details_max) {
    const uint64_t places = uint64_t{connections_max} + std::min(connections_max, details_max);
    return static_cast<uint32_t>(places / kEntriesPerBucket) + 1;
}

uint64_t ConnTable::bytes(uint32_t connections_max, uint32_t details_max) {
    return uint64_t{bucket_count(connections_max, details_max)} * sizeof(Bucket) +
           (uint64_t{connections_max} + kReserved) * sizeof(Connection) +
           uint64_t{details_max} * sizeof(ConnectionDetails) +
           TimerLists::bytes(connections_max + kReserved);
}

Endpoint ConnTable::endpoint(const Connection& entry, Side side, Role role) const {
    const FlowEnds& ends = entry.ends(side);
    const FlowEnd end = role == Role::kClient ? ends.client : ends.server;
    if (!end.is_ipv6()) {
        return {end.ipv4(), end.port()};
    }
    return {details(entry).addresses[static_cast<size_t>(side)][static_cast<size_t>(role)],
            end.port()};
}

uint32_t ConnTable::find_other(uint64_t hash, const ConnectionKey& key, uint32_t first) const {
    if (first == kNoConnection) {
        return kNoConnection;
    }
    const Bucket& bucket = buckets_[bucket_of(hash)];
    for (uint32_t found = matching_tags(bucket, tag_of(hash)); found != 0; found &= found - 1) {
        const uint32_t link = bucket.links[static_cast<size_t>(std::countr_zero(found))];
        if (matches(link, key)) {
            return entry_of(link);
        }
    }
    for (uint32_t link = bucket.overflow - 1; link != kNoConnection; link = next_of(link)) {
        if (matches(link, key)) {
            return entry_of(link);
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
    return high_water_++;
}

uint32_t ConnTable::take_free_details() {
    ++details_used_;
    if (free_details_ != kNoDetails) {
        const uint32_t index = free_details_;
        free_details_ = details_[index].inside_next;
        return index;
    }
    return details_high_water_++;
}

void ConnTable::give_back_details(uint32_t index) {
    details_[index].inside_next = free_details_;
    free_details_ = index;
    --details_used_;
}

bool ConnTable::is_chain_full(const Bucket& bucket) const {
    uint32_t length = 0;
    for (uint32_t link = bucket.overflow - 1; link != kNoConnection; link = next_of(link)) {
        if (++length == kOverflowMax) {
            return true;
        }
    }
    return false;
}

bool ConnTable::has_place(FlowEnd client) const {
    const Bucket& bucket = buckets_[bucket_of(hash(client))];
    return matching_tags(bucket, 0) != 0 || !is_chain_full(bucket);
}

void ConnTable::add_place(uint32_t link) {
    const uint64_t place_hash = hash(key_of(link));
    Bucket& bucket = buckets_[bucket_of(place_hash)];
    const uint32_t empty = matching_tags(bucket, 0);
    if (empty != 0) {
        const size_t slot = static_cast<size_t>(std::countr_zero(empty));
        bucket.tags[slot] = tag_of(place_hash);
        bucket.links[slot] = link;
        next_of(link) = kNoConnection;
    } else {
        next_of(link) = bucket.overflow - 1;
        bucket.overflow = link + 1;
    }
}

uint32_t ConnTable::insert(const Connection& connection,
                           const ConnectionDetails* details,
                           Room room) {
    DIRECTOR_HOT_ASSERT(connection.server != kNoRealServer);
    const bool has_second = connection.has(kHasSecondPlace);
    DIRECTOR_HOT_ASSERT(details != nullptr || !has_second);
    const bool lacks_details = details != nullptr && details_used_ == details_.size();
    const uint32_t size_max = capacity_ + (room == Room::kReserved ? kReserved : 0);
    if (size_ >= size_max || lacks_details || !has_place(connection.sides[0].client) ||
        (has_second && !has_place(connection.sides[1].client))) {
        return kNoConnection;
    }
    const uint32_t index = take_free_entry();
    Connection& entry = entries_[index];
    entry = connection;
    entry.details = kNoDetails;
    if (details != nullptr) {
        entry.details = take_free_details();
        details_[entry.details] = *details;
    }
    add_place(index);
    if (has_second) {
        add_place(index | kInsideLink);
    }
    ++size_;
    return index;
}

void ConnTable::unlink_from_chain(Bucket& bucket, uint32_t link) {
    if (bucket.overflow == link + 1) {
        bucket.overflow = next_of(link) + 1;
        return;
    }
    uint32_t before = bucket.overflow - 1;
    while (next_of(before) != link) {
        before = next_of(before);
        DIRECTOR_HOT_ASSERT(before != kNoConnection);
    }
    next_of(before) = next_of(link);
}

// Moves the head of the overflow chain into a slot that became empty: chains stay short.
void ConnTable::refill_from_chain(Bucket& bucket, uint32_t slot) {
    const uint32_t link = bucket.overflow - 1;
    bucket.tags[slot] = 0;
    if (link == kNoConnection) {
        return;
    }
    bucket.overflow = next_of(link) + 1;
    bucket.tags[slot] = tag_of(hash(key_of(link)));
    bucket.links[slot] = link;
    next_of(link) = kNoConnection;
}

void ConnTable::remove_place(uint32_t link) {
    const uint64_t place_hash = hash(key_of(link));
    Bucket& bucket = buckets_[bucket_of(place_hash)];
    uint32_t found = matching_tags(bucket, tag_of(place_hash));
    while (found != 0 && bucket.links[static_cast<size_t>(std::countr_zero(found))] != link) {
        found &= found - 1;
    }
    if (found != 0) {
        refill_from_chain(bucket, static_cast<uint32_t>(std::countr_zero(found)));
    } else {
        unlink_from_chain(bucket, link);
    }
}

void ConnTable::remove(uint32_t index) {
    Connection& entry = entries_[index];
    DIRECTOR_HOT_ASSERT(is_used(index));
    remove_place(index);
    if (entry.has(kHasSecondPlace)) {
        remove_place(index | kInsideLink);
    }
    if (entry.details != kNoDetails) {
        give_back_details(entry.details);
    }
    timers_.disarm(index);
    entry.server = kNoRealServer;
    entry.sides = {};  // an index taken from the bucket before must not match any more
    entry.traits = 0;
    entry.overflow_next = free_;
    free_ = index;
    --size_;
    ++removals_;
}

}  // namespace director::dataplane
