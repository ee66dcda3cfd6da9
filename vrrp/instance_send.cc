// What an Instance says: adverts, announcements, events, commands.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/assert.h"
#include "vrrp/instance.h"

namespace director::vrrp {

void Instance::send_advert(TimePoint now, uint8_t priority, Actions& actions) {
    const auto from = source();
    DIRECTOR_ASSERT(from.has_value());
    sent_at_ = now;
    ++counters_.adverts_sent;
    // keepalived's habit: from 1, the same in the packets to all peers, never 0.
    ipv4_id_ = ipv4_id_ == 0xffff ? uint16_t{1} : static_cast<uint16_t>(ipv4_id_ + 1);
    ++ah_sequence_;

    Advertisement advert;
    advert.version = config_.version;
    advert.vrid = config_.vrid;
    advert.priority = priority;
    advert.interval = config_.interval;
    advert.authentication = config_.authentication;
    advert.password = make_password(config_.password);
    for (const VirtualAddress& address : config_.addresses) {
        advert.addresses.push_back(address.prefix.address);
    }

    const auto send_to = [&](const IpAddress& destination) {
        const auto message = build_advertisement(advert, *from, destination, form_for(destination));
        const Envelope envelope{
            *from, destination, config_.is_unicast ? config_.unicast_ttl : uint8_t{255}, ipv4_id_};
        SendAdvert action;
        action.instance = config_.name;
        action.interface = config_.interface;
        action.source_mac = config_.uses_virtual_mac ? virtual_mac(config_.family, config_.vrid)
                                                     : facts_of(config_.interface).mac;
        if (destination.is_multicast()) {
            action.destination_mac = multicast_mac(destination);
        }
        action.source = *from;
        action.destination = destination;
        action.priority = priority;
        action.packet = config_.authentication == Authentication::kHeader
                            ? build_packet_with_ah(envelope, message, ah_sequence_, advert.password)
                            : build_packet(envelope, message);
        actions.push_back(std::move(action));
    };
    if (!config_.is_unicast) {
        send_to(multicast_group(config_.family));
        return;
    }
    for (const UnicastPeer& peer : config_.peers) {
        send_to(peer.address);
    }
}

// An advert out of turn. A flood of packets that ask for one gets 16 an interval.
void Instance::answer(TimePoint now, Actions& actions) {
    if (now - answered_at_ < config_.interval / 16) {
        return;
    }
    answered_at_ = now;
    send_advert(now, priority_, actions);
    timer_ = now + config_.interval;
}

ChecksumForm Instance::form_for(const IpAddress& destination) const {
    switch (config_.checksum) {
        case ChecksumChoice::kPseudoHeader:
            return ChecksumForm::kPseudoHeader;
        case ChecksumChoice::kMessageOnly:
            return ChecksumForm::kMessageOnly;
        case ChecksumChoice::kOldUnicast:
            return ChecksumForm::kOldUnicast;
        case ChecksumChoice::kLearn:
            break;
    }
    if (destination.is_multicast()) {
        return peers_.common_form();
    }
    const Peer* peer = peers_.find(destination);
    return peer == nullptr ? ChecksumForm::kPseudoHeader : peer->form;
}

void Instance::announce(TimePoint now, Actions& actions) {
    if (now < announcer_.deadline()) {
        return;
    }
    const auto addresses = all_addresses();
    for (const size_t index : announcer_.due(now, addresses.size())) {
        const VirtualAddress& address = addresses[index];
        const std::string& interface =
            address.interface.empty() ? config_.interface : address.interface;
        const InterfaceFacts facts = facts_of(interface);
        const bool is_virtual = config_.uses_virtual_mac && interface == config_.interface;
        const MacAddress mac = is_virtual ? virtual_mac(config_.family, config_.vrid) : facts.mac;
        const RouterFlag flag = facts.is_router ? RouterFlag::kSet : RouterFlag::kClear;
        const IpAddress& announced = address.prefix.address;
        actions.push_back(
            SendAnnouncement{interface, announced, build_announcement(announced, mac, flag)});
    }
}

// keepalived does so when a unicast instance leaves FAULT: its peers' neighbour entries may be
// stale.
void Instance::announce_own_source(Actions& actions) {
    const auto address = source();
    if (!address) {
        return;
    }
    actions.push_back(SendAnnouncement{
        config_.interface,
        *address,
        build_announcement(*address, facts_of(config_.interface).mac, RouterFlag::kClear)});
}

void Instance::tell(EventKind kind, Severity severity, std::string text, Actions& actions) const {
    Event event;
    event.kind = kind;
    event.severity = severity;
    event.name = config_.name;
    event.state = event.before = state_;
    event.priority = priority_;
    event.text = std::move(text);
    actions.push_back(std::move(event));
}

void Instance::tell_deleted(Actions& actions) const {
    tell(EventKind::kDeleted, Severity::kInfo, "left the configuration", actions);
    notify(config_.notify.deleted, actions);
    notify_any("DELETED", actions);
}

void Instance::notify(const std::vector<std::string>& command, Actions& actions) const {
    if (!command.empty()) {
        actions.push_back(RunCommand{config_.name, command});
    }
}

void Instance::notify_any(std::string_view word, Actions& actions) const {
    std::vector<std::string> command = config_.notify.any;
    if (command.empty()) {
        return;
    }
    command.insert(command.end(),
                   {"INSTANCE", config_.name, std::string(word), std::to_string(priority_)});
    actions.push_back(RunCommand{config_.name, std::move(command)});
}

}  // namespace director::vrrp
