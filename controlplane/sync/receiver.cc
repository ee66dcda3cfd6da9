#include "controlplane/sync/receiver.h"

#include <algorithm>
#include <utility>

#include "controlplane/sync/translate.h"

namespace director::sync {

using dataplane::SyncRecord;

bool Receiver::is_allowed(const IpAddress& from) const {
    return settings_.allowed.empty() ||
           std::any_of(settings_.allowed.begin(),
                       settings_.allowed.end(),
                       [&from](const IpPrefix& prefix) { return prefix.contains(from); });
}

PeerStatus* Receiver::status_of(const IpAddress& from) {
    const auto found = status_.peers.find(from);
    if (found != status_.peers.end()) {
        return &found->second;
    }
    if (status_.peers.size() >= kPeersMax) {
        return nullptr;
    }
    return &status_.peers[from];
}

void Receiver::take_ipvs(std::span<const uint8_t> datagram, PeerStatus& status, Received& out) {
    auto message = parse_ipvs_message(datagram, settings_.sync_id);
    if (!message) {
        ++status_.refused[static_cast<size_t>(message.error())];
        return;
    }
    for (const Refusal refusal : message->skipped) {
        ++status_.refused[static_cast<size_t>(refusal)];
    }
    if (message->cut) {
        ++status_.refused[static_cast<size_t>(*message->cut)];
    }
    ++status.ipvs_messages;
    for (const IpvsRecord& wire : message->records) {
        if (const auto record = from_ipvs(wire)) {
            out.records.push_back(*record);
        } else {
            ++status_.unusable;
        }
    }
}

// IPVS's messages have no numbers; how many were sent between two of Director's, the later says.
// One that overtakes the other by chance is made up for by the next.
void Receiver::compare_ipvs(const DirectorHeader& header, Peer& peer, PeerStatus& status) {
    if (peer.ipvs_sent) {
        const uint32_t sent = header.ipvs_sent - *peer.ipvs_sent;
        status.ipvs_lost += sent > peer.ipvs_since ? sent - peer.ipvs_since : 0;
    }
    peer.ipvs_sent = header.ipvs_sent;
    peer.ipvs_since = 0;
}

// False: nothing in the message counts.
bool Receiver::take_number(const DirectorHeader& header,
                           Peer& peer,
                           PeerStatus& status,
                           TimePoint now) {
    while (peer.marks.size() > 1 && now - peer.marks[1].at >= kOvertakenMax) {
        peer.marks.pop_front();
    }
    const bool is_too_late = header.incarnation == peer.window.incarnation() &&
                             !peer.marks.empty() && now - peer.marks[0].at >= kOvertakenMax &&
                             header.sequence < peer.marks[0].sequence;
    if (is_too_late) {
        ++status.too_late;
        return false;
    }
    const uint64_t before = peer.window.incarnation();
    const ReplayWindow::Answer answer = peer.window.take(header.incarnation, header.sequence);
    status.lost = peer.window.lost();
    switch (answer) {
        case ReplayWindow::Answer::kTwice:
        case ReplayWindow::Answer::kOldIncarnation:
            ++status.replayed;
            return false;
        case ReplayWindow::Answer::kLate:
            ++status.late;
            return true;
        case ReplayWindow::Answer::kNew:
            break;
    }
    if (before != peer.window.incarnation()) {
        status.restarts += before != 0 ? 1 : 0;
        peer.ipvs_sent.reset();
        peer.marks.clear();
        peer.fetched_at.reset();
    }
    peer.marks.push_back({now, header.sequence});
    compare_ipvs(header, peer, status);
    return true;
}

// Once for each start of the sender, and then for each loss.
bool Receiver::wants_table(Peer& peer, const PeerStatus& status, TimePoint now) const {
    const uint64_t lost = status.lost + status.ipvs_lost;
    if (lost <= peer.repaired) {
        peer.lost_since.reset();  // it was late
    } else if (!peer.lost_since) {
        peer.lost_since = now;
    }
    const bool is_due =
        !peer.fetched_at || (peer.lost_since && now - *peer.lost_since >= settings_.repair_after &&
                             now - *peer.fetched_at >= settings_.repair_interval);
    if (!is_due) {
        return false;
    }
    peer.fetched_at = now;
    peer.repaired = lost;
    peer.lost_since.reset();
    return true;
}

void Receiver::drop_older(std::vector<SyncRecord>& records, const Origin& origin, TimePoint now) {
    status_.older += std::erase_if(
        records, [&](const SyncRecord& record) { return !newest_.take(record, origin, now); });
}

std::vector<SyncRecord> Receiver::take_page(std::vector<SyncRecord> records) {
    status_.older += std::erase_if(records, [this](const SyncRecord& record) {
        return !newest_.take_page(record, table_began_);
    });
    for (SyncRecord& record : records) {
        record.is_of_table = true;
    }
    return records;
}

Received Receiver::take(std::span<const uint8_t> datagram, const IpAddress& from, TimePoint now) {
    Received out;
    if (!is_allowed(from)) {
        ++status_.not_allowed;
        return out;
    }
    if (!is_director_message(datagram)) {
        PeerStatus* const status = settings_.takes_ipvs ? status_of(from) : nullptr;
        if (status == nullptr) {
            ++(settings_.takes_ipvs ? status_.not_allowed : status_.unexpected_ipvs);
            return out;
        }
        const uint64_t before = status->ipvs_messages;
        take_ipvs(datagram, *status, out);
        if (status->ipvs_messages != before) {
            status->heard_at = now;
            status->records += out.records.size();
            if (const auto peer = peers_.find(from); peer != peers_.end()) {
                ++peer->second.ipvs_since;
            }
        }
        drop_older(out.records, {}, now);
        return out;
    }
    auto message = parse_director_message(datagram, settings_.sync_id, authenticator_);
    if (!message) {
        ++status_.director_refused[static_cast<size_t>(message.error())];
        return out;
    }
    PeerStatus* const status = status_of(from);
    if (status == nullptr) {
        ++status_.not_allowed;
        return out;
    }
    const DirectorHeader& header = message->header;
    Peer& peer = peers_[from];
    if (!take_number(header, peer, *status, now)) {
        return out;
    }
    out.wants_table = wants_table(peer, *status, now);
    ++status->director_messages;
    status->heard_at = now;
    status->age_ms = header.age_ms;
    out.records = std::move(message->connections);
    out.servers = std::move(message->servers);
    status->records += out.records.size();
    drop_older(out.records, {header.incarnation, header.sequence}, now);
    return out;
}

}  // namespace director::sync
