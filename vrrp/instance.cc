#include "vrrp/instance.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/assert.h"

namespace director::vrrp {
namespace {

// keepalived's first wait of an instance with "state MASTER": an interval and the least skew.
constexpr Duration kLeastSkew = Duration(std::chrono::seconds(1)) / 256;

double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

}  // namespace

Instance::Instance(InstanceConfig config, const InterfaceTable& interfaces, Membership membership)
    : config_(std::move(config)),
      interfaces_(interfaces),
      membership_(membership),
      priority_(config_.priority),
      master_interval_(config_.interval),
      announcer_(config_.announcements) {}

void Instance::start(TimePoint now, Actions& actions) {
    DIRECTOR_ASSERT(!is_started_);
    is_started_ = true;
    timer_ = now + config_.startup_delay;
    priority_ = effective_priority();
    if (now >= timer_ && conditions_.is_ready) {
        leave_init_or_fault(now, actions);
    }
}

void Instance::stop(TimePoint now, Actions& actions) {
    if (!is_started_) {
        return;
    }
    if (state_ == State::kMaster) {
        leave_master(now, Goodbye::kSaid, actions);
    }
    is_started_ = false;
    wants_master_ = false;
    timer_ = kNever;
    state_ = State::kInit;
    tell(EventKind::kStopped, Severity::kInfo, "stopped", actions);
    notify(config_.notify.stop, actions);
    notify_any("STOP", actions);
}

TimePoint Instance::deadline() const {
    if (!is_started_ || state_ == State::kFault ||
        (state_ == State::kInit && !conditions_.is_ready)) {
        return kNever;
    }
    return state_ == State::kMaster ? std::min(timer_, announcer_.deadline()) : timer_;
}

void Instance::wake(TimePoint now, Actions& actions) {
    if (now < deadline()) {
        return;
    }
    switch (state_) {
        case State::kInit:
            leave_init_or_fault(now, actions);
            return;
        case State::kBackup:
            wake_backup(now, actions);
            return;
        case State::kMaster:
            wake_master(now, actions);
            return;
        case State::kFault:
            return;
    }
}

void Instance::wake_backup(TimePoint now, Actions& actions) {
    // Who comes late to his own timer was starved, and the adverts that came meanwhile may lie
    // unread. The allowance grows, so that a slow machine takes over late rather than never.
    const Duration late = now - timer_;
    if (late > master_interval_ * (1 + 2 * listened_again_) / 2) {
        ++listened_again_;
        ++counters_.starved;
        timer_ = now + master_interval_ + skew();
        tell(EventKind::kTiming,
             Severity::kWarning,
             fmt::format("woke {:.3f} s late: listens once more before becoming MASTER",
                         seconds(late)),
             actions);
        return;
    }
    if (membership_ == Membership::kGrouped) {
        wants_master_ = true;
        timer_ = now + master_down_interval();
        return;
    }
    become_master(now, actions);
}

void Instance::wake_master(TimePoint now, Actions& actions) {
    if (has_overslept(now)) {
        // Others must have taken over. To go on would be two masters, and to look first is cheaper
        // than to be corrected.
        ++counters_.starved;
        const double slept = seconds(now - sent_at_);
        leave_master(now, Goodbye::kNone, actions);
        enter_backup(now,
                     master_down_interval(),
                     fmt::format("sent nothing for {:.3f} s, longer than others wait", slept),
                     actions);
        return;
    }
    if (now >= timer_) {
        const TimePoint next = timer_ + config_.interval;
        send_advert(now, priority_, actions);
        timer_ = next > now ? next : now + config_.interval;
    }
    announce(now, actions);
}

bool Instance::has_overslept(TimePoint now) const {
    return state_ == State::kMaster &&
           now - sent_at_ > config_.interval * config_.down_timer_adverts;
}

Duration Instance::skew() const {
    // RFC 3768 6.1: seconds; RFC 9568 6.1: of the master's interval.
    const Duration unit =
        config_.version == Version::kV2 ? Duration(std::chrono::seconds(1)) : master_interval_;
    return unit * (256 - priority_) / 256;
}

Duration Instance::master_down_interval() const {
    return master_interval_ * config_.down_timer_adverts + skew();
}

uint8_t Instance::effective_priority() const {
    const uint8_t base = commanded_priority_.value_or(config_.priority);
    if (base == kPriorityOwner) {
        return base;
    }
    return static_cast<uint8_t>(std::clamp(base + conditions_.weight, 1, 254));
}

void Instance::update_priority(TimePoint now, Actions& actions) {
    const uint8_t wanted = effective_priority();
    if (wanted == priority_) {
        return;
    }
    const Duration before = master_down_interval();
    const unsigned old = std::exchange(priority_, wanted);
    if (!is_started_) {
        return;
    }
    if (state_ == State::kBackup) {
        // The running timer moves with the skew (keepalived); not into the past, which would look
        // as if we had slept.
        timer_ = std::max(now, timer_ + (master_down_interval() - before));
    }
    tell(EventKind::kPriority, Severity::kInfo, fmt::format("priority was {}", old), actions);
    if (config_.notify.tells_priority_changes) {
        notify_any(fmt::format("{}_PRIORITY", to_string(state_)), actions);
    }
}

void Instance::set_priority(TimePoint now, std::optional<uint8_t> priority, Actions& actions) {
    DIRECTOR_ASSERT(!priority || *priority > 0);
    commanded_priority_ = priority;
    update_priority(now, actions);
}

std::string Instance::own_fault(const Conditions& conditions) const {
    if (!conditions.fault.empty()) {
        return conditions.fault;
    }
    const InterfaceFacts* facts = interfaces_.find(config_.interface);
    if (facts == nullptr) {
        return fmt::format("no interface {}", config_.interface);
    }
    if (config_.tracks_interface && !facts->is_up) {
        return fmt::format("interface {} is down", config_.interface);
    }
    if (!source()) {
        return fmt::format("interface {} has no {} address",
                           config_.interface,
                           config_.family == Family::kIpv4 ? "IPv4" : "link-local IPv6");
    }
    return {};
}

void Instance::set_conditions(TimePoint now, const Conditions& conditions, Actions& actions) {
    conditions_ = conditions;
    update_priority(now, actions);
    fault_ = own_fault(conditions_);
    if (fault_.empty()) {
        fault_ = conditions_.group_fault;
    }
    if (!is_started_) {
        return;
    }
    if (state_ == State::kInit) {
        if (conditions_.is_ready && now >= timer_) {
            leave_init_or_fault(now, actions);
        }
    } else if (!fault_.empty() && state_ != State::kFault) {
        enter_fault(now, actions);
    } else if (fault_.empty() && state_ == State::kFault) {
        leave_init_or_fault(now, actions);
        if (config_.is_unicast) {
            announce_own_source(actions);
        }
    }
}

void Instance::leave_init_or_fault(TimePoint now, Actions& actions) {
    if (!fault_.empty()) {
        enter_fault(now, actions);
        return;
    }
    const bool is_first = state_ == State::kInit;
    master_interval_ = config_.interval;
    if (priority_ == kPriorityOwner) {
        // The owner does not ask (RFC 9568 6.4.1).
        enter_backup(now, master_down_interval(), "owner of the addresses", actions);
        if (membership_ == Membership::kGrouped) {
            wants_master_ = true;
        } else {
            become_master(now, actions);
        }
        return;
    }
    const bool is_short = is_first && config_.starts_as_master;
    enter_backup(now,
                 is_short ? config_.interval + kLeastSkew : master_down_interval(),
                 is_first ? "started" : "fault is over",
                 actions);
}

void Instance::enter_backup(TimePoint now, Duration wait, std::string why, Actions& actions) {
    wants_master_ = false;
    listened_again_ = 0;
    preempt_at_.reset();
    timer_ = now + wait;
    change_state(State::kBackup, std::move(why), actions);
}

void Instance::enter_fault(TimePoint now, Actions& actions) {
    if (state_ == State::kMaster) {
        leave_master(now, Goodbye::kSaid, actions);
    }
    wants_master_ = false;
    timer_ = kNever;
    master_.reset();
    change_state(State::kFault, fault_, actions);
}

void Instance::become_master(TimePoint now, Actions& actions) {
    DIRECTOR_ASSERT(state_ == State::kBackup);
    wants_master_ = false;
    preempt_at_.reset();
    master_.reset();
    master_interval_ = config_.interval;
    ++counters_.became_master;
    std::optional<MacAddress> mac;
    if (config_.uses_virtual_mac) {
        mac = virtual_mac(config_.family, config_.vrid);
        actions.push_back(AddVirtualMac{config_.interface, *mac});
    }
    // The advert goes before the announcements, so that the old master yields before the segment
    // learns from us (keepalived's order).
    send_advert(now, priority_, actions);
    timer_ = now + config_.interval;
    answered_at_ = now;
    actions.push_back(AddAddresses{
        config_.name, config_.interface, all_addresses(), mac, config_.accepts_traffic});
    announcer_.begin(now);
    change_state(State::kMaster, "no better router was heard", actions);
    announce(now, actions);
}

void Instance::follow_group_to_backup(TimePoint now, Actions& actions) {
    DIRECTOR_ASSERT(state_ == State::kMaster);
    // Unlike one that heard a better router, this one knows of nobody here: whoever listens should
    // not wait for the whole time.
    leave_master(now, Goodbye::kSaid, actions);
    enter_backup(now, master_down_interval(), "another member of its group is BACKUP", actions);
}

void Instance::leave_master(TimePoint now, Goodbye goodbye, Actions& actions) {
    if (goodbye == Goodbye::kSaid && source()) {
        ++counters_.goodbyes_sent;
        send_advert(now, kPriorityStop, actions);
    }
    ++counters_.left_master;
    announcer_.end();
    actions.push_back(RemoveAddresses{config_.name, config_.interface, all_addresses()});
    if (config_.uses_virtual_mac) {
        actions.push_back(
            RemoveVirtualMac{config_.interface, virtual_mac(config_.family, config_.vrid)});
    }
}

void Instance::change_state(State state, std::string why, Actions& actions) {
    const State before = std::exchange(state_, state);
    ++counters_.entered[static_cast<size_t>(state)];
    Event event;
    event.kind = EventKind::kState;
    event.severity = state == State::kFault ? Severity::kWarning : Severity::kInfo;
    event.name = config_.name;
    event.state = state;
    event.before = before;
    event.priority = priority_;
    event.text = std::move(why);
    actions.push_back(std::move(event));
    const NotifyConfig& commands = config_.notify;
    notify(state == State::kMaster   ? commands.master
           : state == State::kBackup ? commands.backup
                                     : commands.fault,
           actions);
    notify_any(to_string(state), actions);
}

bool Instance::can_become(const InstanceConfig& config) const {
    return config.name == config_.name && config.interface == config_.interface &&
           config.family == config_.family && config.vrid == config_.vrid &&
           config.version == config_.version &&
           config.uses_virtual_mac == config_.uses_virtual_mac &&
           config.is_unicast == config_.is_unicast;
}

void Instance::configure(TimePoint now,
                         const InstanceConfig& config,
                         Membership membership,
                         Actions& actions) {
    DIRECTOR_ASSERT(can_become(config));
    membership_ = membership;
    if (config == config_) {
        return;
    }
    const InstanceConfig before = std::exchange(config_, config);
    announcer_.configure(config_.announcements);
    if (config_.interval != before.interval && (state_ != State::kBackup || !master_)) {
        master_interval_ = config_.interval;
    }
    update_priority(now, actions);
    if (state_ == State::kMaster) {
        change_addresses(now, before, actions);
    } else if (state_ == State::kBackup) {
        timer_ = std::min(timer_, now + master_down_interval());
    }
}

void Instance::change_addresses(TimePoint now, const InstanceConfig& before, Actions& actions) {
    std::vector<VirtualAddress> old = before.addresses;
    old.insert(old.end(), before.excluded.begin(), before.excluded.end());
    const std::vector<VirtualAddress> wanted = all_addresses();
    const auto only_in = [](const auto& these, const auto& those) {
        std::vector<VirtualAddress> rest;
        std::copy_if(these.begin(), these.end(), std::back_inserter(rest), [&](const auto& one) {
            return std::find(those.begin(), those.end(), one) == those.end();
        });
        return rest;
    };
    const auto gone = only_in(old, wanted);
    const auto come = only_in(wanted, old);
    // What others must not miss: adverts name the addresses.
    send_advert(now, priority_, actions);
    timer_ = now + config_.interval;
    if (!gone.empty()) {
        actions.push_back(RemoveAddresses{config_.name, config_.interface, gone});
    }
    if (!come.empty()) {
        std::optional<MacAddress> mac;
        if (config_.uses_virtual_mac) {
            mac = virtual_mac(config_.family, config_.vrid);
        }
        actions.push_back(
            AddAddresses{config_.name, config_.interface, come, mac, config_.accepts_traffic});
        announcer_.begin(now);
        announce(now, actions);
    }
}

std::optional<IpAddress> Instance::source() const {
    if (config_.source) {
        return config_.source;
    }
    const InterfaceFacts* facts = interfaces_.find(config_.interface);
    if (facts == nullptr) {
        return std::nullopt;
    }
    return config_.family == Family::kIpv4 ? facts->ipv4 : facts->ipv6;
}

InterfaceFacts Instance::facts_of(const std::string& interface) const {
    const InterfaceFacts* facts = interfaces_.find(interface);
    return facts == nullptr ? InterfaceFacts{} : *facts;
}

std::vector<VirtualAddress> Instance::all_addresses() const {
    std::vector<VirtualAddress> all = config_.addresses;
    all.insert(all.end(), config_.excluded.begin(), config_.excluded.end());
    return all;
}

}  // namespace director::vrrp
