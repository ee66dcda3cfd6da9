// The vrrp_* blocks of keepalived.conf, and what they track.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/import/keepalived_words.h"

namespace director::config {
namespace {

constexpr std::string_view kNoKernelRoutes =
    "routes of a MASTER alone are not kept; write them in `routes`, or let a notify program set "
    "them";

// --- addresses ---

// "ADDR[/len] [dev IF] ..."; the rest is the kernel's business, and the kernel does not have it.
void take_address(const Statement& statement,
                  std::vector<VirtualAddress>& addresses,
                  ImportState& state) {
    const auto prefix = IpPrefix::parse(statement.word(0));
    if (!prefix) {
        state.lost(statement,
                   fmt::format("expected an address such as 192.0.2.100/24, found \"{}\"",
                               statement.word(0)));
        return;
    }
    VirtualAddress address{*prefix, ""};
    for (size_t i = 1; i < statement.words.size(); ++i) {
        const std::string_view word = statement.word(i);
        constexpr std::array<std::string_view, 4> kAlone{
            "home", "-nodad", "mngtmpaddr", "autojoin"};
        if (word == "dev") {
            address.interface = statement.word(++i);
        } else if (word == "no_track" || word == "use_vmac" || word == "track_group") {
            state.lost(statement, fmt::format("{}: not for one address alone", word));
            i += word == "track_group" ? 1U : 0U;
        } else if (word == "peer") {
            state.lost(statement, "peer: point-to-point addresses are not known");
            ++i;
        } else if (word != "noprefixroute" &&
                   std::find(kAlone.begin(), kAlone.end(), word) == kAlone.end()) {
            ++i;  // brd, label, scope, preferred_lft and their value: kernel's bookkeeping
        }
    }
    addresses.push_back(std::move(address));
}

void take_addresses(const Statement& statement,
                    std::vector<VirtualAddress>& addresses,
                    ImportState& state) {
    for (const Statement& line : statement.block) {
        take_address(line, addresses, state);
    }
}

// --- what is tracked ---

// "NAME [weight N] [reverse|noreverse]".
void take_tracked(const Statement& line, std::vector<Tracked>& to, ImportState& state) {
    Tracked tracked;
    tracked.tracker = line.keyword();
    for (size_t i = 1; i < line.words.size(); ++i) {
        if (line.words[i] == "weight") {
            if (const auto weight = read_number(line, ++i, -254, 254, state)) {
                tracked.weight = static_cast<int>(*weight);
            }
        } else if (line.words[i] == "reverse") {
            tracked.is_reversed = true;
        } else if (line.words[i] != "noreverse") {
            state.lost(line, fmt::format("unknown word \"{}\"", line.words[i]));
        }
    }
    to.push_back(std::move(tracked));
}

void take_all_tracked(const Statement& statement, std::vector<Tracked>& to, ImportState& state) {
    for (const Statement& line : statement.block) {
        take_tracked(line, to, state);
    }
}

// An interface is tracked by a tracker of its name.
void take_tracked_interfaces(const Statement& statement,
                             std::vector<Tracked>& to,
                             ImportState& state) {
    for (const Statement& line : statement.block) {
        auto& trackers = state.out.model.vrrp_trackers;
        const bool is_known = std::any_of(trackers.begin(), trackers.end(), [&](const auto& one) {
            return one.name == line.keyword();
        });
        if (!is_known) {
            VrrpTracker tracker;
            tracker.name = line.keyword();
            tracker.kind = VrrpTrackerKind::kInterface;
            tracker.subject = line.keyword();
            trackers.push_back(std::move(tracker));
        }
        take_tracked(line, to, state);
    }
}

// --- notify: the same words in instances and groups ---

template <typename T, std::vector<std::string> VrrpNotify::*kMember>
void take_notify(const Statement& statement, T& to, ImportState& state) {
    to.notify.*kMember = read_command(statement, state);
}
template <typename T, void (*kTake)(const Statement&, std::vector<Tracked>&, ImportState&)>
void take_track(const Statement& statement, T& to, ImportState& state) {
    kTake(statement, to.track, state);
}

// --- vrrp_instance ---

template <typename Number, Number VrrpInstance::*kMember, int64_t kMin, int64_t kMax>
void take_number(const Statement& statement, VrrpInstance& to, ImportState& state) {
    if (const auto number = read_number(statement, 1, kMin, kMax, state)) {
        to.*kMember = static_cast<Number>(*number);
    }
}
template <Duration VrrpInstance::*kMember>
void take_seconds(const Statement& statement, VrrpInstance& to, ImportState& state) {
    if (const auto seconds = read_seconds(statement, 1, state)) {
        to.*kMember = *seconds;
    }
}
template <Duration VrrpAnnouncements::*kMember>
void take_announcement_seconds(const Statement& statement, VrrpInstance& to, ImportState& state) {
    if (const auto seconds = read_seconds(statement, 1, state)) {
        to.announcements.*kMember = *seconds;
    }
}
template <uint16_t VrrpAnnouncements::*kMember>
void take_announcement_number(const Statement& statement, VrrpInstance& to, ImportState& state) {
    if (const auto number = read_number(statement, 1, 0, 100, state)) {
        to.announcements.*kMember = static_cast<uint16_t>(*number);
    }
}
template <bool VrrpInstance::*kMember, bool kMeaning>
void take_flag(const Statement& statement, VrrpInstance& to, ImportState& state) {
    if (const auto flag = read_flag(statement, state)) {
        to.*kMember = *flag == kMeaning;
    }
}

void take_state(const Statement& statement, VrrpInstance& to, ImportState& state) {
    const std::string_view word = statement.word(1);
    if (word != "MASTER" && word != "BACKUP") {
        state.lost(statement, fmt::format("state: expected MASTER or BACKUP, found \"{}\"", word));
        return;
    }
    to.state = word == "MASTER" ? VrrpState::kMaster : VrrpState::kBackup;
}

void take_interface(const Statement& statement, VrrpInstance& to, ImportState& /*state*/) {
    to.interface = statement.word(1);
}

void take_virtual_mac(const Statement& statement, VrrpInstance& to, ImportState& state) {
    to.virtual_mac = true;
    if (statement.words.size() > 1) {
        state.remark(statement,
                     "use_vmac: there is no interface for the virtual MAC address, so its name is "
                     "not needed");
    }
}

void take_source(const Statement& statement, VrrpInstance& to, ImportState& state) {
    if (const auto address = read_address(statement, 1, state)) {
        to.source = to_string(*address);
    }
}

void take_peers(const Statement& statement, VrrpInstance& to, ImportState& state) {
    if (statement.block.empty()) {
        state.lost(statement, "unicast_peer: without a peer adverts go to the multicast group");
    }
    for (const Statement& line : statement.block) {
        if (const auto address = read_address(line, 0, state)) {
            to.unicast_peers.push_back(*address);
        }
        if (line.words.size() > 1) {
            state.lost(line, "min_ttl, max_ttl: a peer's TTL is not looked at");
        }
    }
}

void take_password(const Statement& statement, VrrpInstance& to, ImportState& state) {
    constexpr size_t kLengthMax = 8;
    to.password = statement.word(1);
    if (to.password.size() > kLengthMax) {
        to.password.resize(kLengthMax);
        state.remark(statement, "auth_pass: the first 8 characters count, as in keepalived");
    }
}

void take_authentication_type(const Statement& statement, VrrpInstance& to, ImportState& state) {
    const std::string_view type = statement.word(1);
    if (type == "PASS" || type == "AH") {
        to.authentication =
            type == "PASS" ? VrrpAuthentication::kPassword : VrrpAuthentication::kHeader;
    } else {
        state.lost(statement, fmt::format("auth_type: expected PASS or AH, found \"{}\"", type));
    }
}

constexpr std::array kAuthenticationWords{
    Keyword<VrrpInstance>{"auth_type", take_authentication_type},
    Keyword<VrrpInstance>{"auth_pass", take_password},
};

void take_authentication(const Statement& statement, VrrpInstance& to, ImportState& state) {
    take_block<VrrpInstance>(statement.block, kAuthenticationWords, to, state);
}

void take_instance_addresses(const Statement& statement, VrrpInstance& to, ImportState& state) {
    take_addresses(statement, to.addresses, state);
}
void take_excluded_addresses(const Statement& statement, VrrpInstance& to, ImportState& state) {
    take_addresses(statement, to.excluded_addresses, state);
}

void take_message_checksum(const Statement& statement, VrrpInstance& to, ImportState& state) {
    if (read_flag(statement, state).value_or(false)) {
        to.checksum = VrrpChecksum::kMessageOnly;
    }
}
void take_old_checksum(const Statement& statement, VrrpInstance& to, ImportState& /*state*/) {
    to.checksum = statement.word(1) == "never" ? VrrpChecksum::kLearn : VrrpChecksum::kOldUnicast;
}

template <typename T>
constexpr std::array kNotifyWords{
    Keyword<T>{"notify", take_notify<T, &VrrpNotify::any>},
    Keyword<T>{"notify_master", take_notify<T, &VrrpNotify::master>},
    Keyword<T>{"notify_backup", take_notify<T, &VrrpNotify::backup>},
    Keyword<T>{"notify_fault", take_notify<T, &VrrpNotify::fault>},
    Keyword<T>{"notify_stop", take_notify<T, &VrrpNotify::stop>},
    Keyword<T>{"notify_master_rx_lower_pri",
               nullptr,
               "a MASTER that hears a lower priority runs no program"},
    Keyword<T>{"notify_deleted", nullptr, "a reload that removes it runs `notify.stop`"},
    Keyword<T>{
        "notify_priority_changes", nullptr, "programs run when states change, not priorities"},
    Keyword<T>{"smtp_alert", nullptr, kNoMail, Gravity::kRemark},
    Keyword<T>{"track_interface", take_track<T, take_tracked_interfaces>},
    Keyword<T>{"track_script", take_track<T, take_all_tracked>},
    Keyword<T>{"track_file", take_track<T, take_all_tracked>},
    Keyword<T>{"track_process",
               nullptr,
               "write a tracker of kind \"script\" with [ \"/usr/bin/pgrep\", \"-x\", NAME ]"},
    Keyword<T>{
        "track_bfd", nullptr, "BFD is not spoken; write a tracker of kind \"script\" with ping"},
};

constexpr std::array kInstanceWords{
    Keyword<VrrpInstance>{"state", take_state},
    Keyword<VrrpInstance>{"interface", take_interface},
    Keyword<VrrpInstance>{"virtual_router_id",
                          take_number<uint8_t, &VrrpInstance::router_id, 1, 255>},
    Keyword<VrrpInstance>{"priority", take_number<uint8_t, &VrrpInstance::priority, 1, 255>},
    Keyword<VrrpInstance>{"advert_int", take_seconds<&VrrpInstance::advert_interval>},
    Keyword<VrrpInstance>{"version", take_number<uint8_t, &VrrpInstance::version, 2, 3>},
    Keyword<VrrpInstance>{"native_ipv6", nullptr, "the addresses say the family", Gravity::kRemark},
    Keyword<VrrpInstance>{"use_vmac", take_virtual_mac},
    Keyword<VrrpInstance>{"use_vmac_addr", take_virtual_mac},
    Keyword<VrrpInstance>{
        "vmac_xmit_base",
        nullptr,
        "adverts have the virtual MAC address as their source; a switch learns it by them"},
    Keyword<VrrpInstance>{"use_ipvlan", nullptr, "addresses belong to the port; leave it out"},
    Keyword<VrrpInstance>{"vrf", nullptr, "there are no VRFs"},
    Keyword<VrrpInstance>{"mcast_src_ip", take_source},
    Keyword<VrrpInstance>{"unicast_src_ip", take_source},
    Keyword<VrrpInstance>{
        "mcast_dst_ip", nullptr, "adverts go to 224.0.0.18 or ff02::12, or to unicast_peers"},
    Keyword<VrrpInstance>{"track_src_ip",
                          nullptr,
                          "an instance without its source address cannot send, and is in FAULT",
                          Gravity::kRemark},
    Keyword<VrrpInstance>{"unicast_peer", take_peers},
    Keyword<VrrpInstance>{"unicast_ttl", nullptr, "adverts leave with TTL 255"},
    Keyword<VrrpInstance>{
        "check_unicast_src", nullptr, "only unicast_peers are believed", Gravity::kRemark},
    Keyword<VrrpInstance>{
        "unicast_fault_no_peer", nullptr, "an instance without peers uses multicast"},
    Keyword<VrrpInstance>{"old_unicast_checksum", take_old_checksum},
    Keyword<VrrpInstance>{"authentication", take_authentication},
    Keyword<VrrpInstance>{"auth_hmac",
                          nullptr,
                          "adverts are not signed; keepalived before 2.4 does not know it either"},
    Keyword<VrrpInstance>{"virtual_ipaddress", take_instance_addresses},
    Keyword<VrrpInstance>{"virtual_ipaddress_excluded", take_excluded_addresses},
    Keyword<VrrpInstance>{"no_virtual_ipaddress", nullptr, "an instance needs an address"},
    Keyword<VrrpInstance>{"virtual_routes", nullptr, kNoKernelRoutes},
    Keyword<VrrpInstance>{"virtual_rules", nullptr, kNoKernelRoutes},
    Keyword<VrrpInstance>{"promote_secondaries",
                          nullptr,
                          "only the kernel's interface would need it",
                          Gravity::kRemark},
    Keyword<VrrpInstance>{"dont_track_primary", take_flag<&VrrpInstance::track_interface, false>},
    Keyword<VrrpInstance>{
        "linkbeat_use_polling", nullptr, "the port's driver tells its link", Gravity::kRemark},
    Keyword<VrrpInstance>{"preempt", take_flag<&VrrpInstance::preempt, true>},
    Keyword<VrrpInstance>{"nopreempt", take_flag<&VrrpInstance::preempt, false>},
    Keyword<VrrpInstance>{"preempt_delay", take_seconds<&VrrpInstance::preempt_delay>},
    Keyword<VrrpInstance>{"accept", take_flag<&VrrpInstance::accept, true>},
    Keyword<VrrpInstance>{"no_accept", take_flag<&VrrpInstance::accept, false>},
    Keyword<VrrpInstance>{"strict_mode", take_flag<&VrrpInstance::strict_addresses, true>},
    Keyword<VrrpInstance>{"skip_check_adv_addr",
                          nullptr,
                          "addresses of an advert are looked at where strict_addresses is set",
                          Gravity::kRemark},
    Keyword<VrrpInstance>{"v3_checksum_as_v2", take_message_checksum},
    Keyword<VrrpInstance>{"down_timer_adverts",
                          take_number<uint16_t, &VrrpInstance::down_timer_adverts, 1, 100>},
    Keyword<VrrpInstance>{"timer_expired_backup",
                          nullptr,
                          "a director that was stopped for too long yields first in any case",
                          Gravity::kRemark},
    Keyword<VrrpInstance>{"thread_timer_expired",
                          nullptr,
                          "a director that was stopped for too long yields first in any case",
                          Gravity::kRemark},
    Keyword<VrrpInstance>{
        "lower_prio_no_advert", nullptr, "a MASTER answers a lower priority at once"},
    Keyword<VrrpInstance>{"higher_prio_send_advert",
                          nullptr,
                          "a MASTER that hears a higher priority sends nothing more"},
    Keyword<VrrpInstance>{
        "owner_ignore_adverts", nullptr, "an owner treats adverts as any MASTER does"},
    Keyword<VrrpInstance>{"garp_master_delay",
                          take_announcement_seconds<&VrrpAnnouncements::delay>},
    Keyword<VrrpInstance>{"garp_master_repeat",
                          take_announcement_number<&VrrpAnnouncements::repeat>},
    Keyword<VrrpInstance>{"garp_master_refresh",
                          take_announcement_seconds<&VrrpAnnouncements::refresh>},
    Keyword<VrrpInstance>{"garp_master_refresh_repeat",
                          take_announcement_number<&VrrpAnnouncements::refresh_repeat>},
    Keyword<VrrpInstance>{
        "garp_lower_prio_delay", nullptr, "as garp_master_delay", Gravity::kRemark},
    Keyword<VrrpInstance>{
        "garp_lower_prio_repeat", nullptr, "as garp_master_repeat", Gravity::kRemark},
    Keyword<VrrpInstance>{"garp_interval", nullptr, "announcements leave without pauses"},
    Keyword<VrrpInstance>{"gna_interval", nullptr, "announcements leave without pauses"},
    Keyword<VrrpInstance>{
        "garp_extra_if", nullptr, "announcements leave by the addresses' interface"},
    Keyword<VrrpInstance>{"debug", nullptr, "set control.log_level", Gravity::kRemark},
    Keyword<VrrpInstance>{
        "kernel_rx_buf_size", nullptr, "adverts do not come through the kernel", Gravity::kRemark},
    Keyword<VrrpInstance>{
        "lvs_sync_daemon_interface", nullptr, "write lvs_sync_daemon in global_defs"},
};

// One table of the instance's own words and those that groups have too.
template <typename T, size_t kOwn, size_t kShared>
std::vector<Keyword<T>> both(const std::array<Keyword<T>, kOwn>& own,
                             const std::array<Keyword<T>, kShared>& shared) {
    std::vector<Keyword<T>> all(own.begin(), own.end());
    all.insert(all.end(), shared.begin(), shared.end());
    return all;
}

void take_instance(const Statement& statement, ImportState& state) {
    VrrpInstance instance = state.vrrp_defaults;
    instance.name = statement.word(1);
    if (instance.name.empty()) {
        state.lost(statement, "vrrp_instance: expected a name");
        return;
    }
    static const std::vector<Keyword<VrrpInstance>> kWords =
        both(kInstanceWords, kNotifyWords<VrrpInstance>);
    take_block<VrrpInstance>(statement.block, kWords, instance, state);
    if (instance.router_id == 0) {
        state.lost(statement, fmt::format("{}: expected a virtual_router_id", instance.name));
        return;
    }
    if (instance.addresses.empty() && !instance.excluded_addresses.empty()) {
        state.lost(statement, fmt::format("{}: expected a virtual_ipaddress", instance.name));
        return;
    }
    const bool is_ipv6 =
        !instance.addresses.empty() && !instance.addresses.front().address.address.is_ipv4();
    if (is_ipv6 && instance.version == 2) {
        instance.version = 3;  // as keepalived does
        state.remark(statement, fmt::format("{}: IPv6 addresses mean version 3", instance.name));
    }
    state.out.model.vrrp_instances.push_back(std::move(instance));
}

// --- vrrp_sync_group ---

void take_members(const Statement& statement, VrrpGroup& to, ImportState& /*state*/) {
    to.instances = words_of_block(statement);
}
void take_use_weights(const Statement& statement, VrrpGroup& to, ImportState& state) {
    to.use_weights = read_flag(statement, state).value_or(false);
}

constexpr std::array kGroupWords{
    Keyword<VrrpGroup>{"group", take_members},
    Keyword<VrrpGroup>{"sync_group_tracking_weight", take_use_weights},
    Keyword<VrrpGroup>{"global_tracking", take_use_weights},
};

void take_group(const Statement& statement, ImportState& state) {
    VrrpGroup group;
    group.name = statement.word(1);
    static const std::vector<Keyword<VrrpGroup>> kWords =
        both(kGroupWords, kNotifyWords<VrrpGroup>);
    take_block<VrrpGroup>(statement.block, kWords, group, state);
    if (group.name.empty() || group.instances.empty()) {
        state.lost(statement, "vrrp_sync_group: expected a name, and a group of instances");
        return;
    }
    state.out.model.vrrp_groups.push_back(std::move(group));
}

// --- vrrp_script, track_file ---

void take_script_command(const Statement& statement, VrrpTracker& to, ImportState& state) {
    to.command = read_command(statement, state);
}
void take_file_path(const Statement& statement, VrrpTracker& to, ImportState& /*state*/) {
    to.subject = statement.word(1);
}
template <Duration VrrpTracker::*kMember>
void take_tracker_seconds(const Statement& statement, VrrpTracker& to, ImportState& state) {
    if (const auto seconds = read_seconds(statement, 1, state)) {
        to.*kMember = *seconds;
    }
}
template <uint16_t VrrpTracker::*kMember>
void take_tracker_number(const Statement& statement, VrrpTracker& to, ImportState& state) {
    if (const auto number = read_number(statement, 1, 1, 1000, state)) {
        to.*kMember = static_cast<uint16_t>(*number);
    }
}
void take_tracker_weight(const Statement& statement, VrrpTracker& to, ImportState& state) {
    const auto weight = read_number(statement, 1, -254, 254, state);
    if (weight) {
        to.weight = static_cast<int16_t>(*weight);
    }
    if (statement.word(2) == "reverse") {
        state.lost(statement, "weight reverse: write \"NAME reverse\" where it is tracked");
    }
}
void take_init_fail(const Statement& /*statement*/, VrrpTracker& to, ImportState& /*state*/) {
    to.starts_failed = true;
}

constexpr std::array kTrackerWords{
    Keyword<VrrpTracker>{"script", take_script_command},
    Keyword<VrrpTracker>{"file", take_file_path},
    Keyword<VrrpTracker>{"interval", take_tracker_seconds<&VrrpTracker::interval>},
    Keyword<VrrpTracker>{"timeout", take_tracker_seconds<&VrrpTracker::timeout>},
    Keyword<VrrpTracker>{"weight", take_tracker_weight},
    Keyword<VrrpTracker>{"rise", take_tracker_number<&VrrpTracker::rise>},
    Keyword<VrrpTracker>{"fall", take_tracker_number<&VrrpTracker::fall>},
    Keyword<VrrpTracker>{"init_fail", take_init_fail},
    Keyword<VrrpTracker>{
        "user",
        nullptr,
        "runs as directord's user; where that matters, let the program change it (runuser)"},
    Keyword<VrrpTracker>{
        "init_file", nullptr, "the file has to be there; make it before directord starts"},
};

void take_tracker(const Statement& statement, VrrpTrackerKind kind, ImportState& state) {
    VrrpTracker tracker;
    tracker.name = statement.word(1);
    tracker.kind = kind;
    tracker.weight = kind == VrrpTrackerKind::kFile ? 1 : 0;
    tracker.timeout = Duration::zero();
    take_block<VrrpTracker>(statement.block, kTrackerWords, tracker, state);
    if (tracker.timeout == Duration::zero()) {
        tracker.timeout = tracker.interval;
    }
    const bool has_subject =
        kind == VrrpTrackerKind::kFile ? !tracker.subject.empty() : !tracker.command.empty();
    if (tracker.name.empty() || !has_subject) {
        state.lost(statement,
                   fmt::format("{}: expected a name and a {}",
                               statement.keyword(),
                               kind == VrrpTrackerKind::kFile ? "file" : "script"));
        return;
    }
    state.out.model.vrrp_trackers.push_back(std::move(tracker));
}

}  // namespace

void take_vrrp(const Statement& statement, ImportState& state) {
    const std::string& keyword = statement.keyword();
    if (keyword == "vrrp_instance") {
        take_instance(statement, state);
    } else if (keyword == "vrrp_sync_group") {
        take_group(statement, state);
    } else if (keyword == "vrrp_script") {
        take_tracker(statement, VrrpTrackerKind::kScript, state);
    } else {
        take_tracker(statement, VrrpTrackerKind::kFile, state);
    }
}

}  // namespace director::config
