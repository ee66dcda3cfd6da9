// What an Instance hears: whom it believes, and what follows.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "vrrp/instance.h"

namespace director::vrrp {

void Instance::receive(TimePoint now, const Packet& packet, Actions& actions) {
    // A master that slept must not judge others by what it was before.
    if (has_overslept(now)) {
        wake_master(now, actions);
    }
    if (!is_running()) {
        refuse(now, packet, Refusal::kNotRunning, actions);
        return;
    }
    const auto received = check(now, packet);
    if (!received) {
        refuse(now, packet, received.error(), actions);
        return;
    }
    ++counters_.adverts_received;
    note_peer(now, packet, *received, actions);
    if (state_ == State::kMaster) {
        receive_as_master(now, packet.source, received->advertisement, actions);
    } else {
        receive_as_backup(now, packet.source, received->advertisement, actions);
    }
}

Parsed<ReceivedAdvertisement> Instance::check(TimePoint now, const Packet& packet) const {
    if (packet.source == source()) {
        return tl::unexpected(Refusal::kOwnSource);
    }
    if (const auto refusal = check_delivery(packet)) {
        return tl::unexpected(*refusal);
    }
    auto received = parse_advertisement(packet.message, packet.source, packet.destination);
    if (!received) {
        return received;
    }
    const Advertisement& advert = received->advertisement;
    if (advert.version != config_.version) {
        return tl::unexpected(Refusal::kVersion);
    }
    if (const auto refusal = check_authentication(now, packet, advert)) {
        return tl::unexpected(*refusal);
    }
    // RFC 3768 7.1; keepalived drops it too.
    if (advert.version == Version::kV2 && advert.interval != config_.interval) {
        return tl::unexpected(Refusal::kInterval);
    }
    if (config_.address_mismatch == AddressMismatch::kRefuse && !has_same_addresses(advert)) {
        return tl::unexpected(Refusal::kAddresses);
    }
    return received;
}

std::optional<Refusal> Instance::check_delivery(const Packet& packet) const {
    if (packet.is_multicast() == config_.is_unicast ||
        (packet.is_multicast() && packet.destination != multicast_group(config_.family))) {
        return Refusal::kDelivery;
    }
    if (!config_.is_unicast) {
        // RFC 9568 7.1: what came from elsewhere has passed a router.
        return packet.ttl == 255 ? std::nullopt : std::optional(Refusal::kTtl);
    }
    const auto peer =
        std::find_if(config_.peers.begin(), config_.peers.end(), [&](const UnicastPeer& one) {
            return one.address == packet.source;
        });
    if (peer == config_.peers.end()) {
        return config_.checks_peers ? std::optional(Refusal::kUnknownPeer) : std::nullopt;
    }
    const bool fits = packet.ttl >= peer->ttl_min && packet.ttl <= peer->ttl_max;
    return fits ? std::nullopt : std::optional(Refusal::kTtl);
}

std::optional<Refusal> Instance::check_authentication(TimePoint now,
                                                      const Packet& packet,
                                                      const Advertisement& advert) const {
    const bool wants_ah = config_.authentication == Authentication::kHeader;
    if (packet.ah.has_value() != wants_ah) {
        return Refusal::kAuthenticationType;
    }
    if (advert.version == Version::kV3) {
        return std::nullopt;
    }
    if (advert.authentication != config_.authentication) {
        return Refusal::kAuthenticationType;
    }
    const Password password = make_password(config_.password);
    if (config_.authentication == Authentication::kPassword && advert.password != password) {
        return Refusal::kPassword;
    }
    if (!wants_ah) {
        return std::nullopt;
    }
    if (!has_right_digest(packet, password)) {
        return Refusal::kAhDigest;
    }
    // A peer that starts again counts from 1: after a silence in which somebody else has taken
    // over, any number is a new beginning.
    const Peer* peer = peers_.find(packet.source);
    if (peer != nullptr && packet.ah->sequence <= peer->ah_sequence &&
        now - peer->heard_at <= master_down_interval()) {
        return Refusal::kAhReplay;
    }
    return std::nullopt;
}

bool Instance::has_same_addresses(const Advertisement& advert) const {
    std::vector<IpAddress> theirs = advert.addresses;
    std::vector<IpAddress> ours;
    for (const VirtualAddress& address : config_.addresses) {
        ours.push_back(address.prefix.address);
    }
    std::sort(theirs.begin(), theirs.end());
    std::sort(ours.begin(), ours.end());
    return theirs == ours;
}

void Instance::refuse(TimePoint now, const Packet& packet, Refusal refusal, Actions& actions) {
    const auto index = static_cast<size_t>(refusal);
    ++counters_.refused[index];
    if (refusal == Refusal::kNotRunning) {
        return;  // nobody's mistake
    }
    EventGate& gate = refusal_gates_[index];
    if (gate.opens(now)) {
        tell(EventKind::kRefused,
             Severity::kWarning,
             fmt::format("refused advert from={} reason={} held_back={}: {}",
                         to_string(packet.source),
                         to_string(refusal),
                         gate.held_back,
                         description(refusal)),
             actions);
    }
}

void Instance::note_peer(TimePoint now,
                         const Packet& packet,
                         const ReceivedAdvertisement& received,
                         Actions& actions) {
    const Advertisement& advert = received.advertisement;
    Peer& peer = peers_.entry(packet.source);
    const bool is_v3_ipv4 = advert.version == Version::kV3 && packet.source.is_ipv4();
    if (is_v3_ipv4 && peer.form != received.form) {
        tell(EventKind::kPeer,
             Severity::kInfo,
             fmt::format("peer={} sends checksums of form {}",
                         to_string(packet.source),
                         to_string(received.form)),
             actions);
    }
    peer.form = received.form;
    peer.heard_at = now;
    ++peer.adverts;
    peer.priority = advert.priority;
    peer.interval = advert.interval;
    if (packet.ah) {
        peer.ah_sequence = packet.ah->sequence;
        // keepalived has one count for the whole virtual router and drops whatever does not exceed
        // what it has sent or heard: we go on from the highest number heard, as it does.
        ah_sequence_ = std::max(ah_sequence_, packet.ah->sequence);
    }
    peer.has_other_addresses = !has_same_addresses(advert);
    if (peer.has_other_addresses && address_gate_.opens(now)) {
        tell(EventKind::kPeer,
             Severity::kWarning,
             fmt::format("peer={} has other virtual addresses: {} in its advert, {} here; "
                         "keepalived before 2.3.3 would not listen to us",
                         to_string(packet.source),
                         advert.addresses.size(),
                         config_.addresses.size()),
             actions);
    }
}

void Instance::receive_as_backup(TimePoint now,
                                 const IpAddress& from,
                                 const Advertisement& advert,
                                 Actions& actions) {
    if (advert.priority == kPriorityStop) {
        ++counters_.goodbyes_received;
        // Whoever is not our master may go without our hurrying.
        if (!master_ || *master_ == from) {
            timer_ = std::min(timer_, now + skew());
            master_.reset();
        }
        return;
    }
    if (!accepts_as_master(now, advert)) {
        ++counters_.lower_priority_received;
        if (lower_gate_.opens(now)) {
            tell(EventKind::kPeer,
                 Severity::kInfo,
                 fmt::format("peer={} is MASTER with lower priority {}: will take over",
                             to_string(from),
                             advert.priority),
                 actions);
        }
        return;
    }
    learn_interval(advert, actions);
    master_ = from;
    wants_master_ = false;
    listened_again_ = 0;
    timer_ = now + master_down_interval();
}

bool Instance::accepts_as_master(TimePoint now, const Advertisement& advert) {
    if (advert.priority >= priority_) {
        preempt_at_.reset();
        return true;
    }
    if (!config_.is_preempting) {
        return true;
    }
    if (config_.preempt_delay == Duration::zero()) {
        return false;
    }
    if (!preempt_at_) {
        preempt_at_ = now + config_.preempt_delay;
    }
    return now < *preempt_at_;
}

void Instance::learn_interval(const Advertisement& advert, Actions& actions) {
    if (config_.version == Version::kV2 || advert.interval == master_interval_) {
        return;
    }
    master_interval_ = advert.interval;
    tell(EventKind::kPeer,
         Severity::kInfo,
         fmt::format("master's advertisement interval is {} ms, ours {} ms",
                     advert.interval / std::chrono::milliseconds(1),
                     config_.interval / std::chrono::milliseconds(1)),
         actions);
}

void Instance::receive_as_master(TimePoint now,
                                 const IpAddress& from,
                                 const Advertisement& advert,
                                 Actions& actions) {
    if (advert.priority == kPriorityStop) {
        ++counters_.goodbyes_received;
        answer(now, actions);
        return;
    }
    // RFC 9568 6.4.3: the higher priority, then the higher address.
    const bool is_better = advert.priority > priority_ ||
                           (advert.priority == priority_ && source() && from > *source());
    if (is_better) {
        if (config_.greets_higher_priority) {
            send_advert(now, priority_, actions);
        }
        leave_master(now, Goodbye::kNone, actions);
        learn_interval(advert, actions);
        enter_backup(now,
                     master_down_interval(),
                     fmt::format("heard {} with priority {}", to_string(from), advert.priority),
                     actions);
        master_ = from;
        return;
    }
    ++counters_.lower_priority_received;
    if (lower_gate_.opens(now)) {
        tell(EventKind::kLowerPriority,
             Severity::kWarning,
             fmt::format(
                 "peer={} is MASTER too, with priority {}", to_string(from), advert.priority),
             actions);
        notify(config_.notify.lower_priority_received, actions);
        notify_any("MASTER_RX_LOWER_PRI", actions);
    }
    if (config_.answers_lower_priority) {
        answer(now, actions);
        announcer_.lower_priority_heard(now);
        announce(now, actions);
    }
}

}  // namespace director::vrrp
