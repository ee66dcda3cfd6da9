#include "controlplane/daemon/vrrp_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>

namespace director::daemon {
namespace {

vrrp::VirtualAddress virtual_address(const config::VirtualAddress& address) {
    return {address.address, address.interface, {}};
}

std::vector<vrrp::VirtualAddress> virtual_addresses(
    const std::vector<config::VirtualAddress>& addresses) {
    std::vector<vrrp::VirtualAddress> all;
    std::transform(addresses.begin(), addresses.end(), std::back_inserter(all), virtual_address);
    return all;
}

std::vector<vrrp::TrackEntry> track_entries(const std::vector<config::Tracked>& tracked) {
    std::vector<vrrp::TrackEntry> entries;
    entries.reserve(tracked.size());
    for (const config::Tracked& one : tracked) {
        entries.push_back({one.tracker, one.weight, one.is_reversed});
    }
    return entries;
}

vrrp::NotifyConfig notify_settings(const config::VrrpNotify& notify) {
    vrrp::NotifyConfig settings;
    settings.master = notify.master;
    settings.backup = notify.backup;
    settings.fault = notify.fault;
    settings.stop = notify.stop;
    settings.deleted = notify.deleted;
    settings.lower_priority_received = notify.master_rx_lower_pri;
    settings.any = notify.any;
    settings.tells_priority_changes = notify.priority_changes;
    return settings;
}

vrrp::Authentication authentication(config::VrrpAuthentication how) {
    switch (how) {
        case config::VrrpAuthentication::kNone:
            return vrrp::Authentication::kNone;
        case config::VrrpAuthentication::kPassword:
            return vrrp::Authentication::kPassword;
        case config::VrrpAuthentication::kHeader:
            return vrrp::Authentication::kHeader;
    }
    return vrrp::Authentication::kNone;
}

vrrp::ChecksumChoice checksum(config::VrrpChecksum how) {
    switch (how) {
        case config::VrrpChecksum::kLearn:
            return vrrp::ChecksumChoice::kLearn;
        case config::VrrpChecksum::kPseudoHeader:
            return vrrp::ChecksumChoice::kPseudoHeader;
        case config::VrrpChecksum::kMessageOnly:
            return vrrp::ChecksumChoice::kMessageOnly;
        case config::VrrpChecksum::kOldUnicast:
            return vrrp::ChecksumChoice::kOldUnicast;
    }
    return vrrp::ChecksumChoice::kLearn;
}

vrrp::TrackerKind tracker_kind(config::VrrpTrackerKind kind) {
    switch (kind) {
        case config::VrrpTrackerKind::kInterface:
            return vrrp::TrackerKind::kInterface;
        case config::VrrpTrackerKind::kScript:
            return vrrp::TrackerKind::kScript;
        case config::VrrpTrackerKind::kFile:
            return vrrp::TrackerKind::kFile;
        case config::VrrpTrackerKind::kQuorum:
            return vrrp::TrackerKind::kQuorum;
    }
    return vrrp::TrackerKind::kScript;
}

Family family_of(const config::VrrpInstance& instance) {
    const auto& addresses =
        instance.addresses.empty() ? instance.excluded_addresses : instance.addresses;
    return addresses.empty() ? Family::kIpv4 : addresses.front().address.family();
}

vrrp::InstanceConfig instance_settings(const config::VrrpInstance& instance) {
    vrrp::InstanceConfig settings;
    settings.name = instance.name;
    settings.interface = instance.interface;
    settings.family = family_of(instance);
    settings.version = instance.version == 2 ? vrrp::Version::kV2 : vrrp::Version::kV3;
    settings.vrid = instance.router_id;
    settings.starts_as_master = instance.state == config::VrrpState::kMaster;
    settings.priority = instance.priority;
    settings.interval = instance.advert_interval;
    settings.down_timer_adverts = instance.down_timer_adverts;
    settings.is_preempting = instance.preempt;
    settings.preempt_delay = instance.preempt_delay;
    settings.startup_delay = instance.startup_delay;
    settings.accepts_traffic = instance.accept;
    settings.authentication = authentication(instance.authentication);
    settings.password = instance.password;
    settings.source = IpAddress::parse(instance.source);
    settings.is_unicast = !instance.unicast_peers.empty();
    for (const IpAddress& peer : instance.unicast_peers) {
        settings.peers.push_back({.address = peer});
    }
    settings.uses_virtual_mac = instance.virtual_mac;
    settings.addresses = virtual_addresses(instance.addresses);
    settings.excluded = virtual_addresses(instance.excluded_addresses);
    settings.checksum = checksum(instance.checksum);
    settings.address_mismatch = instance.strict_addresses ? vrrp::AddressMismatch::kRefuse
                                                          : vrrp::AddressMismatch::kTolerate;
    settings.announcements.repeat = instance.announcements.repeat;
    settings.announcements.delay = instance.announcements.delay;
    settings.announcements.refresh = instance.announcements.refresh;
    settings.announcements.refresh_repeat = instance.announcements.refresh_repeat;
    settings.tracks_interface = instance.track_interface;
    settings.trackers = track_entries(instance.track);
    settings.notify = notify_settings(instance.notify);
    return settings;
}

vrrp::TrackerConfig tracker_settings(const config::VrrpTracker& tracker) {
    vrrp::TrackerConfig settings;
    settings.name = tracker.name;
    settings.kind = tracker_kind(tracker.kind);
    settings.subject = tracker.subject;
    settings.weight = tracker.weight;
    settings.command = tracker.command;
    settings.interval = tracker.interval;
    settings.timeout = tracker.timeout;
    settings.rise = tracker.rise;
    settings.fall = tracker.fall;
    settings.starts_failed = tracker.starts_failed;
    return settings;
}

std::set<std::string> interface_names(const config::Model& model) {
    std::set<std::string> names;
    for (const config::Port& port : model.ports) {
        names.insert(port.name);
        for (const config::Vlan& vlan : port.vlans) {
            names.insert(config::interface_name(port, vlan));
        }
    }
    return names;
}

void check_interfaces(const config::Model& model, std::vector<config::Finding>& findings) {
    const std::set<std::string> names = interface_names(model);
    std::string all;
    for (const std::string& name : names) {
        all += (all.empty() ? "" : ", ") + name;
    }
    const auto check = [&](const std::string& name, const std::string& path) {
        if (!names.contains(name)) {
            findings.push_back(
                {path, fmt::format("expected one of {}, found \"{}\"", all, name), {"ports"}});
        }
    };
    const auto check_addresses = [&](const std::vector<config::VirtualAddress>& addresses,
                                     const std::string& path) {
        for (size_t i = 0; i < addresses.size(); ++i) {
            if (!addresses[i].interface.empty()) {
                check(addresses[i].interface, fmt::format("{}[{}]", path, i));
            }
        }
    };
    for (size_t i = 0; i < model.vrrp_instances.size(); ++i) {
        const config::VrrpInstance& instance = model.vrrp_instances[i];
        const std::string path = fmt::format("vrrp_instances[{}]", i);
        check(instance.interface, path + ".interface");
        check_addresses(instance.addresses, path + ".addresses");
        check_addresses(instance.excluded_addresses, path + ".excluded_addresses");
    }
}

// "instance VI_1: priority" stands where?
std::string path_of(const std::string& where, const config::Model& model) {
    const auto place = [&where](std::string_view kind, const auto& list, const char* path) {
        for (size_t i = 0; i < list.size(); ++i) {
            const std::string begin = fmt::format("{} {}", kind, list[i].name);
            if (where == begin || where.starts_with(begin + ":")) {
                return fmt::format("{}[{}]", path, i);
            }
        }
        return std::string();
    };
    for (std::string path : {place("instance", model.vrrp_instances, "vrrp_instances"),
                             place("group", model.vrrp_groups, "vrrp_groups"),
                             place("tracker", model.vrrp_trackers, "vrrp_trackers")}) {
        if (!path.empty()) {
            return path;
        }
    }
    return "vrrp_instances";
}

}  // namespace

vrrp::Config vrrp_settings(const config::Model& model) {
    vrrp::Config settings;
    std::transform(model.vrrp_instances.begin(),
                   model.vrrp_instances.end(),
                   std::back_inserter(settings.instances),
                   instance_settings);
    for (const config::VrrpGroup& group : model.vrrp_groups) {
        settings.groups.push_back({.name = group.name,
                                   .members = group.instances,
                                   .trackers = track_entries(group.track),
                                   .uses_weights = group.use_weights,
                                   .notify = notify_settings(group.notify)});
    }
    std::transform(model.vrrp_trackers.begin(),
                   model.vrrp_trackers.end(),
                   std::back_inserter(settings.trackers),
                   tracker_settings);
    return settings;
}

std::vector<config::Finding> validate_vrrp(const config::Model& model) {
    std::vector<config::Finding> findings;
    check_interfaces(model, findings);
    for (const vrrp::Mistake& mistake : vrrp::validate(vrrp_settings(model))) {
        findings.push_back({path_of(mistake.where, model),
                            fmt::format("{}: {}", mistake.where, mistake.expected),
                            {}});
    }
    return findings;
}

}  // namespace director::daemon
