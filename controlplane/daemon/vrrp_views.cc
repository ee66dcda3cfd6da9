#include "controlplane/daemon/vrrp_views.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>

namespace director::daemon {

using vrrp::InstanceStatus;
using vrrp::Refusal;
using vrrp::State;

namespace {

double milliseconds(Duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

// As the configuration says it.
std::vector<std::string> texts(const std::vector<vrrp::VirtualAddress>& addresses) {
    std::vector<std::string> all;
    all.reserve(addresses.size());
    for (const vrrp::VirtualAddress& address : addresses) {
        all.push_back(address.interface.empty()
                          ? to_string(address.prefix)
                          : fmt::format("{} dev {}", to_string(address.prefix), address.interface));
    }
    return all;
}

server::VrrpPeerView peer_view(const vrrp::Peer& peer, TimePoint now) {
    server::VrrpPeerView view;
    view.address = to_string(peer.address);
    view.priority = peer.priority;
    view.heard_ms_ago = milliseconds(now - peer.heard_at);
    view.advert_interval_ms = milliseconds(peer.interval);
    view.adverts = peer.adverts;
    view.has_other_addresses = peer.has_other_addresses;
    return view;
}

void add_counters(const vrrp::InstanceCounters& counters, server::VrrpInstanceView& view) {
    view.adverts_sent = counters.adverts_sent;
    view.adverts_received = counters.adverts_received;
    view.goodbyes_sent = counters.goodbyes_sent;
    view.goodbyes_received = counters.goodbyes_received;
    view.lower_priority_received = counters.lower_priority_received;
    view.became_master = counters.became_master;
    view.left_master = counters.left_master;
    view.starved = counters.starved;
    for (size_t i = 0; i < counters.entered.size(); ++i) {
        view.transitions.emplace(to_string(static_cast<State>(i)), counters.entered[i]);
    }
    for (size_t i = 0; i < counters.refused.size(); ++i) {
        view.refused.emplace(to_string(static_cast<Refusal>(i)), counters.refused[i]);
    }
}

server::VrrpInstanceView instance_view(const InstanceStatus& status, TimePoint now) {
    server::VrrpInstanceView view;
    view.name = status.name;
    view.interface = status.interface;
    view.group = status.group;
    view.family = status.family == Family::kIpv4 ? "ipv4" : "ipv6";
    view.version = static_cast<uint32_t>(status.version);
    view.router_id = status.vrid;
    view.state = to_string(status.state);
    view.fault = status.fault;
    view.priority = status.priority;
    view.configured_priority = status.configured_priority;
    view.advert_interval_ms = milliseconds(status.interval);
    view.master_interval_ms = milliseconds(status.master_interval);
    view.master_down_ms = milliseconds(status.master_down_interval);
    if (status.deadline != vrrp::kNever) {
        view.next_ms = milliseconds(std::max(Duration(0), status.deadline - now));
    }
    if (status.master) {
        view.master = to_string(*status.master);
    }
    view.addresses = texts(status.addresses);
    view.excluded_addresses = texts(status.excluded);
    for (const vrrp::Peer& peer : status.peers) {
        view.peers.push_back(peer_view(peer, now));
    }
    add_counters(status.counters, view);
    return view;
}

const char* kind_name(vrrp::TrackerKind kind) {
    switch (kind) {
        case vrrp::TrackerKind::kInterface:
            return "interface";
        case vrrp::TrackerKind::kScript:
            return "script";
        case vrrp::TrackerKind::kFile:
            return "file";
        case vrrp::TrackerKind::kQuorum:
            return "quorum";
    }
    return "";
}

server::VrrpTrackerView tracker_view(const vrrp::TrackerStatus& status) {
    server::VrrpTrackerView view;
    view.name = status.name;
    view.kind = kind_name(status.kind);
    if (status.is_up) {
        view.state = *status.is_up ? "up" : "down";
    }
    view.value = status.value;
    view.streak = status.streak;
    view.runs = status.runs;
    view.failures = status.failures;
    view.timeouts = status.timeouts;
    return view;
}

}  // namespace

server::VrrpView vrrp_view(const vrrp::Status& status, TimePoint now) {
    server::VrrpView view;
    for (const InstanceStatus& instance : status.instances) {
        view.instances.push_back(instance_view(instance, now));
    }
    for (const vrrp::GroupStatus& group : status.groups) {
        view.groups.push_back({group.name, std::string(to_string(group.state)), group.members});
    }
    std::transform(status.trackers.begin(),
                   status.trackers.end(),
                   std::back_inserter(view.trackers),
                   tracker_view);
    for (size_t i = 0; i < status.refused.size(); ++i) {
        const auto reason = static_cast<Refusal>(i);
        view.refused.push_back(
            {std::string(to_string(reason)), std::string(description(reason)), status.refused[i]});
    }
    return view;
}

std::vector<server::VrrpStateView> vrrp_states(const vrrp::Status& status) {
    std::vector<server::VrrpStateView> states;
    for (const vrrp::GroupStatus& group : status.groups) {
        const auto faulty = std::find_if(
            status.instances.begin(), status.instances.end(), [&](const InstanceStatus& one) {
                return one.group == group.name && !one.fault.empty();
            });
        states.push_back({group.name,
                          std::string(to_string(group.state)),
                          faulty == status.instances.end() ? "" : faulty->fault});
    }
    for (const InstanceStatus& one : status.instances) {
        if (one.group.empty()) {
            states.push_back({one.name, std::string(to_string(one.state)), one.fault});
        }
    }
    return states;
}

}  // namespace director::daemon
