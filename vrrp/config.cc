#include "vrrp/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string_view>
#include <tuple>

namespace director::vrrp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kMtu = 1500;

class Findings {
  public:
    // The setting of the thing that is being looked at.
    void expect(bool holds, std::string_view setting, std::string expected) {
        if (!holds) {
            mistakes.push_back(
                Mistake{setting.empty() ? where : fmt::format("{}: {}", where, setting),
                        std::move(expected)});
        }
    }
    std::string where;
    std::vector<Mistake> mistakes;
};

double as_seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

void check_interval(const InstanceConfig& one, Findings& findings) {
    if (one.version == Version::kV2) {
        findings.expect(one.interval >= seconds(1) && one.interval <= seconds(255) &&
                            one.interval % seconds(1) == Duration::zero(),
                        "interval",
                        fmt::format("expected 1..255 whole seconds (version 2), found {} s",
                                    as_seconds(one.interval)));
        return;
    }
    findings.expect(one.interval >= milliseconds(10) && one.interval <= milliseconds(40950) &&
                        one.interval % milliseconds(10) == Duration::zero(),
                    "interval",
                    fmt::format("expected 0.01..40.95 s in steps of 0.01 (version 3), found {} s",
                                as_seconds(one.interval)));
}

void check_authentication(const InstanceConfig& one, Findings& findings) {
    if (one.authentication == Authentication::kNone) {
        findings.expect(one.password.empty(),
                        "password",
                        "expected an authentication type, found a password alone");
        return;
    }
    findings.expect(one.version == Version::kV2,
                    "authentication",
                    "expected none: version 3 has no authentication (RFC 5798 9)");
    findings.expect(!one.password.empty() && one.password.size() <= 8,
                    "password",
                    fmt::format("expected 1..8 characters, found {}", one.password.size()));
}

void check_addresses(const InstanceConfig& one, Findings& findings) {
    findings.expect(!one.addresses.empty() || !one.excluded.empty(),
                    "addresses",
                    "expected a virtual address at least, found none");
    findings.expect(one.addresses.size() <= addresses_max(one),
                    "addresses",
                    fmt::format("expected at most {}, found {}; more can be excluded from adverts",
                                addresses_max(one),
                                one.addresses.size()));
    std::set<IpAddress> seen;
    for (const auto* list : {&one.addresses, &one.excluded}) {
        for (const VirtualAddress& address : *list) {
            const std::string text = to_string(address.prefix.address);
            findings.expect(address.prefix.family() == one.family,
                            "addresses",
                            fmt::format("expected one family only, found {}", text));
            findings.expect(seen.insert(address.prefix.address).second,
                            "addresses",
                            fmt::format("expected each once, found {} again", text));
            findings.expect(
                !address.prefix.address.is_multicast() && !address.prefix.address.is_any(),
                "addresses",
                fmt::format("expected unicast addresses, found {}", text));
        }
    }
}

void check_preemption(const InstanceConfig& one, Findings& findings) {
    const bool has_delay = one.preempt_delay != Duration::zero();
    findings.expect(one.preempt_delay >= Duration::zero() && one.preempt_delay <= seconds(1000),
                    "preempt_delay",
                    fmt::format("expected 0..1000 s, found {} s", as_seconds(one.preempt_delay)));
    findings.expect(one.is_preempting || !has_delay,
                    "preempt_delay",
                    "expected none with nopreempt: there is nothing to delay");
    findings.expect(
        one.is_preempting || one.priority != 255,
        "nopreempt",
        "expected preemption: the owner of the addresses (priority 255) always has them");
    findings.expect(!one.starts_as_master || (one.is_preempting && !has_delay),
                    "state",
                    "expected BACKUP as first state with nopreempt or preempt_delay");
}

void check_unicast(const InstanceConfig& one, Findings& findings) {
    findings.expect(one.is_unicast || one.peers.empty(),
                    "unicast peers",
                    "expected unicast to be on where there are peers");
    findings.expect(one.unicast_ttl > 0, "unicast_ttl", "expected 1..255, found 0");
    for (const UnicastPeer& peer : one.peers) {
        const std::string text = to_string(peer.address);
        findings.expect(
            peer.address.family() == one.family && !peer.address.is_multicast(),
            "unicast peers",
            fmt::format("expected unicast addresses of the instance's family, found {}", text));
        findings.expect(one.source != peer.address,
                        "unicast peers",
                        fmt::format("expected others only, found its own address {}", text));
        findings.expect(peer.ttl_min <= peer.ttl_max,
                        "unicast peers",
                        fmt::format("expected min_ttl <= max_ttl for {}, found {} > {}",
                                    text,
                                    peer.ttl_min,
                                    peer.ttl_max));
    }
}

void check_trackers(const std::vector<TrackEntry>& entries,
                    const Config& config,
                    Findings& findings) {
    for (const TrackEntry& entry : entries) {
        const auto tracker = std::find_if(
            config.trackers.begin(), config.trackers.end(), [&](const TrackerConfig& one) {
                return one.name == entry.tracker;
            });
        if (tracker == config.trackers.end()) {
            findings.expect(false,
                            "track",
                            fmt::format("expected the name of a tracker, found {}", entry.tracker));
            continue;
        }
        const int limit = tracker->kind == TrackerKind::kFile ? 254 : 253;
        const int weight = entry.weight.value_or(0);
        findings.expect(
            weight >= -limit && weight <= limit,
            "track",
            fmt::format(
                "expected a weight of -{0}..{0} for {1}, found {2}", limit, entry.tracker, weight));
    }
}

void check_instance(const InstanceConfig& one, const Config& config, Findings& findings) {
    findings.expect(!one.interface.empty(), "interface", "expected a name, found none");
    findings.expect(one.vrid != 0, "vrid", "expected 1..255, found 0");
    findings.expect(one.priority != 0,
                    "priority",
                    "expected 1..255, found 0, which is what a stopping director says");
    findings.expect(one.version == Version::kV3 || one.family == Family::kIpv4,
                    "version",
                    "expected 3 for IPv6: version 2 is about IPv4 alone");
    findings.expect(one.down_timer_adverts >= 1 && one.down_timer_adverts <= 100,
                    "down_timer_adverts",
                    fmt::format("expected 1..100, found {}", one.down_timer_adverts));
    findings.expect(
        !one.source || (one.source->family() == one.family && !one.source->is_multicast()),
        "source",
        "expected a unicast address of the instance's family");
    findings.expect(one.startup_delay >= Duration::zero(), "startup_delay", "expected 0 or more");
    findings.expect(one.announcements.repeat <= 100 &&
                        one.announcements.lower_priority_repeat <= 100 &&
                        one.announcements.refresh_repeat <= 100,
                    "announcements",
                    "expected at most 100 rounds");
    check_interval(one, findings);
    check_authentication(one, findings);
    check_addresses(one, findings);
    check_preemption(one, findings);
    check_unicast(one, findings);
    check_trackers(one.trackers, config, findings);
}

void check_tracker(const TrackerConfig& one, Findings& findings) {
    const bool is_script = one.kind == TrackerKind::kScript;
    findings.expect(is_script || !one.subject.empty(),
                    "subject",
                    "expected an interface, a file or a virtual service, found none");
    findings.expect(!is_script || !one.command.empty(), "command", "expected one, found none");
    findings.expect(one.interval > Duration::zero(), "interval", "expected more than 0");
    findings.expect(one.timeout > Duration::zero(), "timeout", "expected more than 0");
    findings.expect(one.rise >= 1, "rise", "expected 1 or more, found 0");
    findings.expect(one.fall >= 1, "fall", "expected 1 or more, found 0");
    const int limit = one.kind == TrackerKind::kFile ? 254 : 253;
    findings.expect(one.weight >= -limit && one.weight <= limit,
                    "weight",
                    fmt::format("expected -{0}..{0}, found {1}", limit, one.weight));
}

void check_group(const GroupConfig& group,
                 const Config& config,
                 std::set<std::string_view>& grouped,
                 Findings& findings) {
    findings.expect(!group.members.empty(), "members", "expected an instance at least, found none");
    for (const std::string& member : group.members) {
        const bool is_known = std::any_of(
            config.instances.begin(), config.instances.end(), [&](const InstanceConfig& one) {
                return one.name == member;
            });
        findings.expect(
            is_known, "members", fmt::format("expected the name of an instance, found {}", member));
        findings.expect(grouped.insert(member).second,
                        "members",
                        fmt::format("expected each instance in one group, found {} again", member));
    }
    check_trackers(group.trackers, config, findings);
}

// Names must differ, and so must virtual routers on a segment.
void check_names(const Config& config, Findings& findings) {
    const auto check = [&](std::string_view kind, const auto& things) {
        std::set<std::string_view> names;
        for (const auto& thing : things) {
            findings.where = fmt::format("{} {}", kind, thing.name);
            findings.expect(!thing.name.empty(), "name", "expected one, found none");
            findings.expect(names.insert(thing.name).second,
                            "name",
                            "expected a name of its own, found one that another has");
        }
    };
    check("instance", config.instances);
    check("group", config.groups);
    check("tracker", config.trackers);
    std::set<std::tuple<std::string_view, unsigned, Family>> routers;
    for (const InstanceConfig& one : config.instances) {
        findings.where = fmt::format("instance {}", one.name);
        findings.expect(routers.emplace(one.interface, one.vrid, one.family).second,
                        "vrid",
                        fmt::format("expected a number of its own on interface {}, found {} again",
                                    one.interface,
                                    one.vrid));
    }
}

}  // namespace

size_t addresses_max(const InstanceConfig& config) {
    if (config.family == Family::kIpv6) {
        return (kMtu - 40 - 8) / 16;
    }
    // Version 2 has 8 more bytes, and an authentication header 24: still room for what the count's
    // one byte can tell.
    return 255;
}

std::vector<Mistake> validate(const Config& config) {
    Findings findings;
    check_names(config, findings);
    for (const InstanceConfig& one : config.instances) {
        findings.where = fmt::format("instance {}", one.name);
        check_instance(one, config, findings);
    }
    for (const TrackerConfig& one : config.trackers) {
        findings.where = fmt::format("tracker {}", one.name);
        check_tracker(one, findings);
    }
    std::set<std::string_view> grouped;
    for (const GroupConfig& one : config.groups) {
        findings.where = fmt::format("group {}", one.name);
        check_group(one, config, grouped, findings);
    }
    return findings.mistakes;
}

}  // namespace director::vrrp
