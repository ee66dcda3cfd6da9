// What is risky in two directors' agreement: VRRP, trackers, connection sync.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "config/lint_rules.h"

namespace director::config {
namespace {

constexpr int kDefaultPriority = 100;

const VrrpTracker* tracker_of(const Model& model, const std::string& name) {
    const auto found = std::find_if(model.vrrp_trackers.begin(),
                                    model.vrrp_trackers.end(),
                                    [&](const auto& one) { return one.name == name; });
    return found == model.vrrp_trackers.end() ? nullptr : &*found;
}

// 0: its instance is in FAULT when it is down.
int weight_of(const Model& model, const Tracked& tracked) {
    const VrrpTracker* const tracker = tracker_of(model, tracked.tracker);
    return tracked.weight.value_or(tracker == nullptr ? 0 : tracker->weight);
}

const VrrpGroup* group_of(const Model& model, const std::string& instance) {
    const auto found =
        std::find_if(model.vrrp_groups.begin(), model.vrrp_groups.end(), [&](const VrrpGroup& one) {
            return std::find(one.instances.begin(), one.instances.end(), instance) !=
                   one.instances.end();
        });
    return found == model.vrrp_groups.end() ? nullptr : &*found;
}

template <typename Look>
void for_each_instance(const Model& model, const Look& look) {
    for (size_t i = 0; i < model.vrrp_instances.size(); ++i) {
        look(model.vrrp_instances[i], fmt::format("vrrp_instances[{}]", i));
    }
}

// Each virtual address with its path and the interface that it is on.
template <typename Look>
void for_each_address(const Model& model, const Look& look) {
    for_each_instance(model, [&](const VrrpInstance& instance, const std::string& path) {
        const auto list = [&](const std::vector<VirtualAddress>& addresses, const char* name) {
            for (size_t i = 0; i < addresses.size(); ++i) {
                const std::string& own = addresses[i].interface;
                look(addresses[i].address,
                     own.empty() ? instance.interface : own,
                     fmt::format("{}.{}[{}]", path, name, i));
            }
        };
        list(instance.addresses, "addresses");
        list(instance.excluded_addresses, "excluded_addresses");
    });
}

}  // namespace

void lint_vrrp_weights(const Model& model, const TellRisk& tell) {
    for_each_instance(model, [&](const VrrpInstance& instance, const std::string& path) {
        int lowest = instance.priority;
        bool has_weights = false;
        bool has_fault = false;
        for (const Tracked& tracked : instance.track) {
            const int weight = weight_of(model, tracked);
            lowest += std::min(weight, 0);
            has_weights = has_weights || weight != 0;
            has_fault = has_fault || weight == 0;
        }
        if (!has_weights || has_fault || instance.priority <= kDefaultPriority) {
            return;
        }
        if (instance.priority == 255 || lowest >= kDefaultPriority) {
            tell(path + ".track",
                 fmt::format("with all trackers down the priority is still {}: a twin with the "
                             "usual 100 never takes over; lower the weights, or be sure that the "
                             "twin's priority is between {} and {}",
                             std::max(lowest, 1),
                             lowest + 1,
                             instance.priority));
        }
    });
}

void lint_vrrp_weights_nopreempt(const Model& model, const TellRisk& tell) {
    for_each_instance(model, [&](const VrrpInstance& instance, const std::string& path) {
        const auto has_weight = [&](const Tracked& tracked) {
            return weight_of(model, tracked) != 0;
        };
        const auto found = std::find_if(instance.track.begin(), instance.track.end(), has_weight);
        if (!instance.preempt && found != instance.track.end()) {
            tell(path + ".preempt",
                 fmt::format("without preemption a higher priority moves nothing, so the weight of "
                             "tracker {} never leads to a takeover; give it weight 0, by which the "
                             "master gives up when the tracker is down",
                             found->tracker));
        }
    });
}

void lint_vrrp_weights_group(const Model& model, const TellRisk& tell) {
    for_each_instance(model, [&](const VrrpInstance& instance, const std::string& path) {
        const VrrpGroup* const group = group_of(model, instance.name);
        if (group == nullptr || group->use_weights) {
            return;
        }
        for (size_t i = 0; i < instance.track.size(); ++i) {
            if (weight_of(model, instance.track[i]) != 0) {
                tell(fmt::format("{}.track[{}]", path, i),
                     fmt::format("group {} moves as a whole and has no use_weights: the weight of "
                                 "{} counts for nothing, and when it is down the group is in FAULT",
                                 group->name,
                                 instance.track[i].tracker));
            }
        }
    });
}

void lint_vrrp_group_halves(const Model& model, const TellRisk& tell) {
    for (size_t i = 0; i < model.vrrp_groups.size(); ++i) {
        const VrrpInstance* first = nullptr;
        for (const VrrpInstance& instance : model.vrrp_instances) {
            if (group_of(model, instance.name) != &model.vrrp_groups[i]) {
                continue;
            }
            if (first == nullptr) {
                first = &instance;
                continue;
            }
            const auto differ = [&](const char* what, const std::string& why) {
                tell(fmt::format("vrrp_groups[{}].instances", i),
                     fmt::format(
                         "{} and {} differ in {}: {}", first->name, instance.name, what, why));
            };
            if (first->state != instance.state ||
                (first->priority > kDefaultPriority) != (instance.priority > kDefaultPriority)) {
                differ("state or priority",
                       "one director wins the one and its twin the other, and the group goes to "
                       "and fro");
            } else if (first->advert_interval * first->down_timer_adverts !=
                       instance.advert_interval * instance.down_timer_adverts) {
                differ("advert_interval or down_timer_adverts",
                       "a lost twin is noticed by one of them first");
            }
        }
    }
}

void lint_vrrp_subnet(const Model& model, const TellRisk& tell) {
    const auto subnets = own_subnets(model);
    for_each_address(
        model, [&](const IpPrefix& address, const std::string& interface, const std::string& path) {
            const bool is_local =
                address.address.is_link_local() ||
                std::any_of(subnets.begin(), subnets.end(), [&](const auto& own) {
                    return own.interface == interface && own.prefix.contains(address.address);
                });
            if (!is_local) {
                tell(path,
                     fmt::format("{} is in no subnet of {}: only who has a route to it by this "
                                 "director's own address reaches it, and nothing moves that route "
                                 "at a takeover",
                                 to_string(address.address),
                                 interface));
            }
        });
}

void lint_vrrp_prefix_length(const Model& model, const TellRisk& tell) {
    const auto subnets = own_subnets(model);
    for_each_address(
        model, [&](const IpPrefix& address, const std::string& interface, const std::string& path) {
            const bool is_host = address.length == IpPrefix::length_max(address.family());
            for (const InterfaceSubnet& own : subnets) {
                if (!is_host && own.interface == interface &&
                    own.prefix.contains(address.address) && own.prefix.length != address.length) {
                    tell(path,
                         fmt::format("/{} where the subnet of {} is /{}: the master has one more "
                                     "route to a part of its own network, the backup has not",
                                     address.length,
                                     interface,
                                     own.prefix.length));
                    return;
                }
            }
        });
}

void lint_vrrp_realtime(const Model& model, const TellRisk& tell) {
    for_each_instance(model, [&](const VrrpInstance& instance, const std::string& path) {
        constexpr Duration kFast = std::chrono::milliseconds(100);
        if (instance.advert_interval < kFast && model.dataplane.realtime_priority == 0) {
            tell(path + ".advert_interval",
                 fmt::format("adverts each {} and no dataplane.realtime_priority: another program "
                             "that holds the CPU for {} makes the twin take over",
                             in_seconds(instance.advert_interval),
                             in_seconds(instance.advert_interval * instance.down_timer_adverts)));
        }
    });
}

void lint_vrrp_advert_interval(const Model& model, const TellRisk& tell) {
    for_each_instance(model, [&](const VrrpInstance& instance, const std::string& path) {
        if (instance.version == 2 && instance.advert_interval != std::chrono::seconds(1)) {
            tell(path + ".advert_interval",
                 fmt::format("version 2 drops adverts with another interval than its own, and then "
                             "both directors are MASTER: the twin needs {} too, and both must "
                             "change at once; version 3 learns it",
                             in_seconds(instance.advert_interval)));
        }
    });
}

void lint_vrrp_tracker_timeout(const Model& model, const TellRisk& tell) {
    for (size_t i = 0; i < model.vrrp_trackers.size(); ++i) {
        const VrrpTracker& tracker = model.vrrp_trackers[i];
        if (tracker.kind == VrrpTrackerKind::kScript && tracker.timeout > tracker.interval) {
            tell(fmt::format("vrrp_trackers[{}].timeout", i),
                 fmt::format("{} is longer than the interval {}: a script that hangs is noticed {} "
                             "later than the interval says",
                             in_seconds(tracker.timeout),
                             in_seconds(tracker.interval),
                             in_seconds(tracker.timeout - tracker.interval)));
        }
    }
}

// --- connection sync ---

void lint_sync_off(const Model& model, const TellRisk& tell) {
    if (!model.vrrp_instances.empty() && !model.virtual_services.empty() &&
        model.sync.role == SyncRole::kOff) {
        tell("sync.role",
             "there is a twin, but it is not told of connections: all of them end at a takeover");
    }
}

void lint_sync_one_way(const Model& model, const TellRisk& tell) {
    const bool is_one_way =
        model.sync.role == SyncRole::kMaster || model.sync.role == SyncRole::kBackup;
    if (!model.vrrp_instances.empty() && is_one_way) {
        const bool tells = model.sync.role == SyncRole::kMaster;
        tell(
            "sync.role",
            fmt::format("this director {} its twin whoever is MASTER: after a takeover connections "
                        "are told by nobody; \"both\" tells and hears",
                        tells ? "tells, and never hears," : "hears, and never tells,"));
    }
}

void lint_sync_open(const Model& model, const TellRisk& tell) {
    const Sync& sync = model.sync;
    const bool hears = sync.role == SyncRole::kBackup || sync.role == SyncRole::kBoth;
    if (hears && sync.allow.empty() && (sync.key.empty() || sync.accept_ipvs)) {
        tell(
            "sync.allow",
            "connections are taken from whoever sends them on this interface, and nothing in "
            "IPVS's "
            "messages proves who that is: name the twin in allow, or write a key and accept_ipvs = "
            "false");
    }
}

void lint_sync_ttl(const Model& model, const TellRisk& tell) {
    const auto subnets = own_subnets(model);
    for (size_t i = 0; i < model.sync.peers.size(); ++i) {
        const IpAddress& peer = model.sync.peers[i];
        const bool is_near = std::any_of(subnets.begin(), subnets.end(), [&](const auto& own) {
            return own.prefix.contains(peer);
        });
        if (model.sync.role != SyncRole::kOff && model.sync.ttl == 1 && !is_near) {
            tell("sync.ttl",
                 fmt::format("{} is in no subnet of this director's ports, and the first router on "
                             "the way drops what has ttl 1",
                             to_string(peer)));
        }
    }
}

}  // namespace director::config
