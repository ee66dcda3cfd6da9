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

Receiver::Peer& Receiver::peer_of(const IpAddress& from, uint64_t incarnation) {
    const auto found = std::find_if(peers_.begin(), peers_.end(), [incarnation](const auto& peer) {
        return peer.second.window.incarnation() == incarnation;
    });
    return found != peers_.end() ? found->second : peers_[from];
}

void Receiver::complain(std::string_view reason, Taking& taking) {
    EventGate& gate = gates_[{taking.protocol, reason}];
    if (gate.opens(taking.now)) {
        taking.out.complaints.push_back({taking.protocol, reason, taking.from, gate.held_back});
    }
}

void Receiver::refuse(uint64_t& counter, std::string_view reason, Taking& taking) {
    ++counter;
    complain(reason, taking);
}

void Receiver::take_ipvs_message(std::span<const uint8_t> datagram,
                                 PeerStatus& status,
                                 Taking& taking) {
    const auto refuse_for = [&](Refusal refusal) {
        refuse(status_.refused[static_cast<size_t>(refusal)], to_string(refusal), taking);
    };
    auto message = parse_ipvs_message(datagram, settings_.sync_id);
    if (!message) {
        refuse_for(message.error());
        return;
    }
    for (const Refusal refusal : message->skipped) {
        refuse_for(refusal);
    }
    if (message->cut) {
        refuse_for(*message->cut);
    }
    ++status.ipvs_messages;
    status.heard_at = taking.now;
    for (const IpvsRecord& wire : message->records) {
        if (const auto record = from_ipvs(wire)) {
            taking.out.records.push_back(*record);
        } else {
            ++status_.unusable;
        }
    }
    status.records += taking.out.records.size();
    if (const auto peer = peers_.find(taking.from); peer != peers_.end()) {
        ++peer->second.ipvs_since;
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

void Receiver::take_ipvs(std::span<const uint8_t> datagram, Taking& taking) {
    if (!settings_.takes_ipvs) {
        refuse(status_.unexpected_ipvs, "not_wanted", taking);
        return;
    }
    PeerStatus* const status = status_of(taking.from);
    if (status == nullptr) {
        refuse(status_.not_allowed, "stranger", taking);
        return;
    }
    take_ipvs_message(datagram, *status, taking);
    drop_older(taking.out.records, {}, taking.now);
}

void Receiver::take_director(std::span<const uint8_t> datagram, Taking& taking) {
    auto message = parse_director_message(datagram, settings_.sync_id, authenticator_);
    if (!message) {
        refuse(status_.director_refused[static_cast<size_t>(message.error())],
               to_string(message.error()),
               taking);
        return;
    }
    const DirectorHeader& header = message->header;
    if (header.incarnation == settings_.own_incarnation) {
        refuse(status_.own, "own", taking);
        return;
    }
    PeerStatus* const status = status_of(taking.from);
    if (status == nullptr) {
        refuse(status_.not_allowed, "stranger", taking);
        return;
    }
    Peer& peer = peer_of(taking.from, header.incarnation);
    if (!take_number(header, peer, *status, taking.now)) {
        complain("replayed", taking);
        return;
    }
    Received& out = taking.out;
    out.wants_table = wants_table(peer, *status, taking.now);
    ++status->director_messages;
    status->heard_at = taking.now;
    status->age_ms = header.age_ms;
    out.records = std::move(message->connections);
    out.servers = std::move(message->servers);
    status->records += out.records.size();
    drop_older(out.records, {header.incarnation, header.sequence}, taking.now);
}

Received Receiver::take(std::span<const uint8_t> datagram, const IpAddress& from, TimePoint now) {
    const bool is_directors = is_director_message(datagram);
    Taking taking{is_directors ? "director" : "ipvs", from, now, {}};
    if (!is_allowed(from)) {
        refuse(status_.not_allowed, "stranger", taking);
    } else if (is_directors) {
        take_director(datagram, taking);
    } else {
        take_ipvs(datagram, taking);
    }
    return std::move(taking.out);
}

}  // namespace director::sync
