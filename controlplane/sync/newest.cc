#include "controlplane/sync/newest.h"

#include <utility>

namespace director::sync {

using dataplane::ConnState;
using dataplane::SyncRecord;

namespace {

constexpr Duration kGeneration = std::chrono::minutes(1);

// How far a connection is in its life, as far as the twin is told; 0: no order.
[[nodiscard]] int progress(ConnState state) {
    switch (state) {
        case ConnState::kEstablished:
        case ConnState::kSctpEstablished:
            return 1;
        case ConnState::kFinWait:
        case ConnState::kCloseWait:
        case ConnState::kSctpShutdownSent:
        case ConnState::kSctpShutdownReceived:
            return 2;
        case ConnState::kLastAck:
        case ConnState::kTimeWait:
        case ConnState::kSctpShutdownAckSent:
            return 3;
        case ConnState::kClose:
        case ConnState::kSctpClosed:
            return 4;
        default:
            return 0;
    }
}

}  // namespace

const Newest::Entry* Newest::find(const ConnectionKey& key) const {
    for (const Generation* generation : {&young_, &old_}) {
        if (const auto found = generation->find(key); found != generation->end()) {
            return &found->second;
        }
    }
    return nullptr;
}

void Newest::remember(const SyncRecord& record, Entry entry) {
    if (young_.size() >= generation_max_ || entry.at - young_since_ >= kGeneration) {
        old_ = std::exchange(young_, Generation(0, young_.hash_function()));
        young_since_ = entry.at;
    }
    entry.real_server = record.real_server;
    entry.state = record.state;
    young_.insert_or_assign(ConnectionKey::of(record), entry);
}

bool Newest::take(const SyncRecord& record, const Origin& origin, TimePoint now) {
    if (const Entry* const known = find(ConnectionKey::of(record)); known != nullptr) {
        const bool has_numbers = origin.sequence != 0 && known->origin.sequence != 0 &&
                                 origin.incarnation == known->origin.incarnation;
        const bool is_late = now - known->at < kOvertakenMax && goes_back(*known, record);
        if (has_numbers ? origin.sequence < known->origin.sequence : is_late) {
            return false;
        }
    }
    remember(record, {.origin = origin, .at = now});
    return true;
}

bool Newest::take_page(const SyncRecord& record, TimePoint fetch_began) {
    const Entry* const known = find(ConnectionKey::of(record));
    if (known != nullptr && (known->is_ours || !record.is_own || known->at >= fetch_began)) {
        return false;
    }
    const bool is_known = known != nullptr && known->state == record.state &&
                          known->real_server == record.real_server;
    if (!is_known) {
        // As if it had been told just before the fetch.
        remember(record, {.at = fetch_began - Duration(1)});
    }
    return true;
}

bool Newest::goes_back(const Entry& known, const SyncRecord& record) {
    return known.real_server == record.real_server &&
           progress(record.state) < progress(known.state);
}

}  // namespace director::sync
