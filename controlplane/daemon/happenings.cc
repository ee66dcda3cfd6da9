#include "controlplane/daemon/happenings.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "config/edits.h"
#include "config/setting_forms.h"
#include "config/settings.h"

namespace director::daemon {

using server::Topic;

namespace {

constexpr LogArea kAttackLog{"attack"};

// A twin says something each second or so.
constexpr double kPeerSilentMs = 5000;

std::string name_of(const config::VirtualService& service) {
    return to_string(config::key_of(service));
}

std::string name_of(const dataplane::ServiceKey& key) {
    return to_string(
        config::ServiceKey{{key.address, key.port}, key.protocol, key.mark, key.address.family()});
}

struct Told {
    std::string_view name;  // "added", "removed"
    std::string service;
    std::string server;  // empty: the service itself
};

void compare_servers(const config::VirtualService& before,
                     const config::VirtualService& after,
                     std::vector<Told>& told) {
    const auto names = [](const config::VirtualService& service) {
        std::vector<Endpoint> servers;
        for (const config::RealServer& server : service.real_servers) {
            servers.push_back(server.endpoint);
        }
        std::sort(servers.begin(), servers.end());
        return servers;
    };
    const auto add = [&told, &after](std::string_view name, const std::vector<Endpoint>& servers) {
        for (const Endpoint& server : servers) {
            told.push_back({name, name_of(after), to_string(server)});
        }
    };
    const auto old_ones = names(before);
    const auto new_ones = names(after);
    std::vector<Endpoint> left;
    std::vector<Endpoint> came;
    std::set_difference(old_ones.begin(),
                        old_ones.end(),
                        new_ones.begin(),
                        new_ones.end(),
                        std::back_inserter(left));
    std::set_difference(new_ones.begin(),
                        new_ones.end(),
                        old_ones.begin(),
                        old_ones.end(),
                        std::back_inserter(came));
    add("removed", left);
    add("added", came);
}

// In ten thousand services of which one differs, names are made of that one alone.
std::vector<Told> compare(const config::Model& before, const config::Model& after) {
    std::vector<Told> told;
    std::map<std::string, const config::VirtualService*> moved;
    const auto& old_ones = before.virtual_services;
    const auto& new_ones = after.virtual_services;
    for (size_t i = 0; i < old_ones.size(); ++i) {
        if (i < new_ones.size() && key_of(old_ones[i]) == key_of(new_ones[i])) {
            if (old_ones[i].real_servers != new_ones[i].real_servers) {
                compare_servers(old_ones[i], new_ones[i], told);
            }
        } else {
            moved.emplace(name_of(old_ones[i]), &old_ones[i]);
        }
    }
    for (size_t i = 0; i < new_ones.size(); ++i) {
        if (i < old_ones.size() && key_of(old_ones[i]) == key_of(new_ones[i])) {
            continue;
        }
        const std::string name = name_of(new_ones[i]);
        if (const auto found = moved.find(name); found != moved.end()) {
            compare_servers(*found->second, new_ones[i], told);
            moved.erase(found);
        } else {
            told.push_back({"added", name, ""});
            compare_servers({}, new_ones[i], told);
        }
    }
    for (const auto& [name, service] : moved) {
        told.push_back({"removed", name, ""});
    }
    return told;
}

}  // namespace

void Happenings::tell(Topic topic,
                      std::string_view name,
                      std::string subject,
                      std::string message,
                      std::map<std::string, std::string> data) {
    stream_.publish({.topic = topic,
                     .name = std::string(name),
                     .subject = std::move(subject),
                     .message = std::move(message),
                     .data = std::move(data)});
}

void Happenings::vrrp(const vrrp::Event& event) {
    const std::string_view kind = event.subject == vrrp::Subject::kGroup ? "group" : "instance";
    switch (event.kind) {
        case vrrp::EventKind::kState:
            tell(Topic::kVrrpRouter,
                 "state",
                 event.name,
                 fmt::format("{} {} is {}", kind, event.name, to_string(event.state)),
                 {{"kind", std::string(kind)},
                  {"from", std::string(to_string(event.before))},
                  {"to", std::string(to_string(event.state))},
                  {"why", event.text}});
            break;
        case vrrp::EventKind::kPriority:
            tell(Topic::kVrrpRouter,
                 "priority",
                 event.name,
                 fmt::format("{} {} has priority {}", kind, event.name, event.priority),
                 {{"to", std::to_string(event.priority)}});
            break;
        default:
            break;  // for the log
    }
}

void Happenings::health(const healthcheck::Event& event, const dataplane::ServiceKey& service) {
    using healthcheck::EventKind;
    const std::string name = name_of(service);
    const std::string server = event.server ? to_string(*event.server) : "";
    switch (event.kind) {
        case EventKind::kServerUp:
        case EventKind::kServerDown:
            tell(Topic::kServer,
                 event.kind == EventKind::kServerUp ? "up" : "down",
                 server,
                 event.text,
                 {{"service", name}});
            break;
        case EventKind::kTable:
            if (event.is_sorry_server) {
                tell(Topic::kService, "sorry-server", name, event.text, {{"server", server}});
            } else {
                tell(Topic::kServer, "table", server, event.text, {{"service", name}});
            }
            break;
        case EventKind::kQuorumGained:
            tell(Topic::kService, "quorum-gained", name, event.text);
            break;
        case EventKind::kQuorumLost:
            tell(Topic::kService, "quorum-lost", name, event.text);
            break;
        default:
            break;  // for the log
    }
}

void Happenings::changed(const config::Model& before, const config::Model& after) {
    const std::vector<Told> told = compare(before, after);
    for (size_t i = 0; i < std::min(told.size(), kToldPerChange); ++i) {
        const Told& each = told[i];
        if (each.server.empty()) {
            tell(Topic::kService,
                 each.name,
                 each.service,
                 fmt::format("service {} {}", each.service, each.name));
        } else {
            tell(Topic::kServer,
                 each.name,
                 each.server,
                 fmt::format("real server {} of {} {}", each.server, each.service, each.name),
                 {{"service", each.service}});
        }
    }
    if (told.size() > kToldPerChange) {
        tell(Topic::kConfig,
             "more",
             "",
             fmt::format("{} more services and servers came or went", told.size() - kToldPerChange),
             {{"count", std::to_string(told.size() - kToldPerChange)}});
    }
}

void Happenings::config(const ConfigChange& change, const Result<std::string>& outcome) {
    const std::string uid = change.uid ? std::to_string(*change.uid) : "";
    if (outcome) {
        tell(Topic::kConfig,
             change.name,
             change.subject,
             fmt::format("{}: {}", change.name, *outcome),
             {{"uid", uid}});
    } else {
        tell(
            Topic::kConfig,
            "refused",
            change.subject,
            fmt::format("{} refused", change.name),
            {{"uid", uid}, {"what", std::string(change.name)}, {"error", outcome.error().message}});
    }
}

void Happenings::log_level(const std::string& area, std::string_view level, uint32_t uid) {
    tell(Topic::kConfig,
         "log-level",
         area,
         fmt::format("log level of {} is {}", area.empty() ? "everything" : area, level),
         {{"to", std::string(level)}, {"uid", std::to_string(uid)}});
}

void Happenings::sync(config::SyncRole before, config::SyncRole after) {
    const bool was_on = before != config::SyncRole::kOff;
    const bool is_on = after != config::SyncRole::kOff;
    const std::string_view role = config::word_of(config::kSyncRoles, after);
    if (was_on || is_on) {
        tell(Topic::kTwin,
             !was_on  ? "started"
             : !is_on ? "stopped"
                      : "role",
             "",
             fmt::format("connection sync is {}", role),
             {{"role", std::string(role)}});
    }
    peer_is_heard_.clear();
}

void Happenings::daemon(std::string_view name, std::string message) {
    tell(Topic::kDaemon, name, "", std::move(message));
}

// The first word on an interface is no news.
void Happenings::interface(const std::string& name, bool is_up) {
    const auto [known, is_new] = interface_is_up_.emplace(name, is_up);
    if (!is_new && known->second != is_up) {
        known->second = is_up;
        const std::string_view word = is_up ? "up" : "down";
        tell(Topic::kInterface, word, name, fmt::format("interface {} is {}", name, word));
    }
}

void Happenings::attacks(const std::vector<std::string>& services) {
    const std::set<std::string> now(services.begin(), services.end());
    for (const std::string& service : now) {
        if (!attacked_.contains(service)) {
            kAttackLog.warning("SYN flood service=\"{}\" syn_proxy=on", service);
            tell(Topic::kAttack, "on", service, service + " is under a SYN flood");
        }
    }
    for (const std::string& service : attacked_) {
        if (!now.contains(service)) {
            kAttackLog.info("SYN flood is over service=\"{}\" syn_proxy=off", service);
            tell(Topic::kAttack, "off", service, "the SYN flood of " + service + " is over");
        }
    }
    attacked_ = now;
}

void Happenings::peers(const std::vector<server::SyncPeerView>& peers) {
    for (const server::SyncPeerView& peer : peers) {
        const bool is_heard = static_cast<double>(peer.heard_ms_ago) <= kPeerSilentMs;
        const auto [known, is_new] = peer_is_heard_.emplace(peer.address, is_heard);
        if (!is_new && known->second == is_heard) {
            continue;
        }
        known->second = is_heard;
        tell(Topic::kTwin,
             is_heard ? "peer-heard" : "peer-silent",
             peer.address,
             fmt::format("twin {} {}", peer.address, is_heard ? "is heard" : "is silent"));
    }
}

void Happenings::note_drains(const std::vector<server::DrainView>& now, const std::string& uid) {
    std::set<Names> draining;
    for (const server::DrainView& drain : now) {
        const Names names{drain.service, drain.server};
        draining.insert(names);
        if (drain_is_done_.emplace(names, false).second) {
            tell(Topic::kDraining,
                 "begun",
                 drain.server,
                 fmt::format("{} of {} gets no new connections", drain.server, drain.service),
                 {{"service", drain.service}, {"uid", uid}});
        }
    }
    std::erase_if(drain_is_done_, [&](const auto& drain) {
        const auto& [service, server] = drain.first;
        if (draining.contains(drain.first)) {
            return false;
        }
        tell(Topic::kDraining,
             "cancelled",
             server,
             fmt::format("{} of {} gets new connections again", server, service),
             {{"service", service}, {"uid", uid}});
        return true;
    });
}

void Happenings::drains_asked(const std::vector<server::DrainView>& now, uint32_t uid) {
    note_drains(now, std::to_string(uid));
}

void Happenings::drains(const std::vector<server::DrainView>& now) {
    note_drains(now, "");
    for (const server::DrainView& drain : now) {
        bool& is_done = drain_is_done_[{drain.service, drain.server}];
        if (!is_done && drain.connections == 0) {
            is_done = true;
            tell(Topic::kDraining,
                 "done",
                 drain.server,
                 fmt::format("{} of {} has no connections left", drain.server, drain.service),
                 {{"service", drain.service}});
        }
    }
}

}  // namespace director::daemon
