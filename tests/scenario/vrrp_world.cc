#include "tests/scenario/vrrp_world.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/assert.h"

namespace director::test {

using namespace vrrp;
using std::chrono::milliseconds;

namespace {

// Short enough to need no heap; their last character is the segment.
std::string interface_name(unsigned segment) {
    return std::string("net") + static_cast<char>('0' + segment);
}

std::string instance_name(unsigned segment) {
    return std::string("VI_") + static_cast<char>('0' + segment);
}

unsigned segment_of(const std::string& name) {
    return static_cast<unsigned>(name.back() - '0');
}

IpAddress ipv6(uint8_t first, uint8_t second, uint8_t segment, uint8_t last) {
    return IpAddress({first, second, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, segment, last});
}

template <typename T>
T pick(Random& random, const std::vector<T>& from) {
    return from[random.below(from.size())];
}

}  // namespace

VrrpPlan draw_plan(uint64_t seed) {
    Random random(seed ^ 0x706c616eU);
    const auto chance = [&](unsigned percent) { return random.below(100) < percent; };
    VrrpPlan plan;
    plan.directors = 2 + static_cast<unsigned>(random.below(4));
    plan.segments = 1 + static_cast<unsigned>(random.below(3));
    plan.is_grouped = chance(60);
    plan.is_preempting = chance(75);
    InstanceConfig& base = plan.base;
    base.is_preempting = plan.is_preempting;
    base.version = chance(50) ? Version::kV3 : Version::kV2;
    if (base.version == Version::kV3) {
        base.interval = pick<Duration>(
            random, {milliseconds(10), milliseconds(100), milliseconds(1000), milliseconds(2500)});
        base.family = chance(30) ? Family::kIpv6 : Family::kIpv4;
    } else {
        base.interval = std::chrono::seconds(1 + random.below(3));
        base.authentication = pick<Authentication>(random,
                                                   {Authentication::kNone,
                                                    Authentication::kNone,
                                                    Authentication::kPassword,
                                                    Authentication::kPassword,
                                                    Authentication::kHeader});
        base.password = base.authentication == Authentication::kNone ? "" : "secret";
    }
    if (plan.is_preempting && chance(25)) {
        plan.preempt_delay = base.interval * static_cast<int64_t>(1 + random.below(20));
    } else if (plan.is_preempting && chance(30)) {
        base.starts_as_master = true;
    }
    base.startup_delay = base.interval * (chance(20) ? static_cast<int64_t>(random.below(5)) : 0);
    base.is_unicast = chance(25);
    base.uses_virtual_mac = chance(30);
    base.greets_higher_priority = chance(20);
    const bool is_equal = chance(15);  // the addresses decide
    for (unsigned i = 0; i < plan.directors; ++i) {
        plan.priorities.push_back(is_equal ? uint8_t{100}
                                           : static_cast<uint8_t>(50 + random.below(150)));
    }
    if (plan.is_preempting && plan.preempt_delay == Duration::zero() && chance(10)) {
        plan.priorities[random.below(plan.directors)] = kPriorityOwner;
    }
    return plan;
}

std::string to_string(const VrrpPlan& plan) {
    std::string priorities;
    for (const unsigned priority : plan.priorities) {
        priorities += fmt::format(" {}", priority);
    }
    return fmt::format(
        "{} directors on {} segments, version {} every {} ms{}{}{}{}{}{}{}, priorities{}",
        plan.directors,
        plan.segments,
        static_cast<int>(plan.base.version),
        plan.base.interval / milliseconds(1),
        plan.base.family == Family::kIpv6 ? ", IPv6" : "",
        plan.is_grouped ? ", sync group" : "",
        plan.is_preempting ? "" : ", nopreempt",
        plan.preempt_delay > Duration::zero()
            ? fmt::format(", preempt_delay {} ms", plan.preempt_delay / milliseconds(1))
            : "",
        plan.base.starts_as_master ? ", state MASTER" : "",
        plan.base.is_unicast ? ", unicast" : "",
        plan.base.authentication == Authentication::kHeader ? ", AH" : "",
        priorities);
}

VrrpWorld::VrrpWorld(const VrrpPlan& plan, uint64_t seed)
    : network(seed ^ 0x6e657477U),
      plan_(plan),
      random_(seed ^ 0x776f726cU),
      nodes_(plan.directors),
      master_count_(plan.segments),
      counted_since_(plan.segments, now) {
    for (unsigned director = 0; director < plan.directors; ++director) {
        nodes_[director].is_up.assign(plan.segments, true);
        nodes_[director].held.resize(plan.segments);
        for (unsigned segment = 0; segment < plan.segments; ++segment) {
            network.join(segment, director);
        }
    }
}

IpAddress VrrpWorld::address(unsigned director, unsigned segment) const {
    const auto last = static_cast<uint8_t>(director + 1);
    const auto net = static_cast<uint8_t>(segment);
    return plan_.base.family == Family::kIpv4 ? IpAddress(Ipv4Address::of(10, 9, net, last))
                                              : ipv6(0xfe, 0x80, net, last);
}

InterfaceFacts VrrpWorld::facts_of(unsigned director, unsigned segment) const {
    InterfaceFacts facts;
    facts.is_up = nodes_[director].is_up[segment];
    facts.mac =
        MacAddress{{2, 0, 0, 0, static_cast<uint8_t>(segment), static_cast<uint8_t>(director)}};
    const IpAddress own = address(director, segment);
    (own.is_ipv4() ? facts.ipv4 : facts.ipv6) = own;
    return facts;
}

Config VrrpWorld::config_of(unsigned director) const {
    Config config;
    GroupConfig group;
    group.name = "VG";
    for (unsigned segment = 0; segment < plan_.segments; ++segment) {
        InstanceConfig one = plan_.base;
        const auto net = static_cast<uint8_t>(segment);
        one.name = instance_name(segment);
        one.interface = interface_name(segment);
        one.vrid = static_cast<uint8_t>(51 + segment);
        one.priority = plan_.priorities[director];
        one.preempt_delay = plan_.preempt_delay;
        if (one.family == Family::kIpv4) {
            one.addresses = {VirtualAddress{{Ipv4Address::of(10, 9, net, 100), 32}, {}, {}}};
        } else {
            one.addresses = {VirtualAddress{{ipv6(0xfe, 0x80, net, 100), 128}, {}, {}}};
        }
        for (unsigned peer = 0; peer < plan_.directors && one.is_unicast; ++peer) {
            if (peer != director) {
                one.peers.push_back(UnicastPeer{address(peer, segment)});
            }
        }
        group.members.push_back(one.name);
        config.instances.push_back(std::move(one));
    }
    if (plan_.is_grouped) {
        config.groups.push_back(group);
    }
    return config;
}

void VrrpWorld::start(unsigned director) {
    Node& node = nodes_[director];
    DIRECTOR_ASSERT(node.router == nullptr);
    node.router = std::make_unique<Router>();
    node.router->configure(now, config_of(director), actions_);
    for (unsigned segment = 0; segment < plan_.segments; ++segment) {
        node.router->interface_changed(
            now, interface_name(segment), facts_of(director, segment), actions_);
    }
    node.router->start(now, actions_);
    after(director);
    if (node.priority) {
        set_priority(director, node.priority);
    }
}

void VrrpWorld::stop(unsigned director) {
    if (is_alive(director)) {
        nodes_[director].router->stop(now, actions_);
        after(director);
    }
    crash(director);
}

void VrrpWorld::crash(unsigned director) {
    Node& node = nodes_[director];
    node.router.reset();
    node.is_paused = false;
    node.inbox.clear();
    node.held.assign(plan_.segments, {});
    node.wake_at = kNever;
    node.deadline = TimePoint::min();
    count_masters();
}

void VrrpWorld::pause(unsigned director) {
    nodes_[director].is_paused = true;
}

// What a director does after a pause depends on what it looks at first: its timers or its packets.
// Router asks for packets first; who slept for long may not have them yet.
void VrrpWorld::resume(unsigned director) {
    Node& node = nodes_[director];
    if (!std::exchange(node.is_paused, false) || !is_alive(director)) {
        return;
    }
    auto waiting = std::exchange(node.inbox, {});
    const auto instances = node.router->status().instances;
    const bool is_slightly_late =
        std::any_of(instances.begin(), instances.end(), [&](const InstanceStatus& one) {
            return one.deadline <= now && now - one.deadline <= plan_.base.interval / 2;
        });
    if (random_.below(2) == 0 && !is_slightly_late) {
        wake(director);
    }
    for (const auto& delivery : waiting) {
        deliver(delivery);
    }
    wake(director);
}

void VrrpWorld::set_interface(unsigned director, unsigned segment, bool is_up) {
    Node& node = nodes_[director];
    node.is_up[segment] = is_up;
    if (is_alive(director)) {
        node.router->interface_changed(
            now, interface_name(segment), facts_of(director, segment), actions_);
        after(director);
    }
}

void VrrpWorld::set_priority(unsigned director, std::optional<uint8_t> priority) {
    nodes_[director].priority = priority;
    if (!is_alive(director)) {
        return;
    }
    for (unsigned segment = 0; segment < plan_.segments; ++segment) {
        const auto done =
            router(director).set_priority(now, instance_name(segment), priority, actions_);
        DIRECTOR_ASSERT(done.has_value());
    }
    after(director);
}

void VrrpWorld::inject(unsigned segment, unsigned to, const std::vector<uint8_t>& ip_packet) {
    network.send(now, segment, 1000, to, ip_packet);
}

void VrrpWorld::run_for(Duration duration) {
    const TimePoint end = now + duration;
    while (wrong.empty()) {
        TimePoint next = network.next_delivery();
        unsigned who = plan_.directors;
        for (unsigned i = 0; i < plan_.directors; ++i) {
            if (is_alive(i) && !nodes_[i].is_paused && nodes_[i].wake_at < next) {
                next = nodes_[i].wake_at;
                who = i;
            }
        }
        if (next > end) {
            break;
        }
        now = std::max(now, next);
        if (who < plan_.directors) {
            wake(who);
        } else {
            deliver(*network.take());
        }
    }
    now = std::max(now, end);
    count_masters();
}

void VrrpWorld::deliver(const SimNetwork::Delivery& delivery) {
    Node& node = nodes_[delivery.to];
    if (!is_alive(delivery.to) || !node.is_up[delivery.segment]) {
        return;
    }
    if (node.is_paused) {
        node.inbox.push_back(delivery);
        return;
    }
    node.router->receive(now, interface_name(delivery.segment), *delivery.bytes, actions_);
    after(delivery.to);
}

void VrrpWorld::wake(unsigned director) {
    nodes_[director].router->wake(now, actions_);
    nodes_[director].deadline = TimePoint::min();  // so that it is asked again
    after(director);
}

void VrrpWorld::after(unsigned director) {
    carry_out(director);
    Node& node = nodes_[director];
    const TimePoint deadline = node.router->deadline();
    if (deadline != node.deadline) {
        node.deadline = deadline;
        const auto spread = static_cast<uint64_t>(lateness_.count());
        const auto late = Duration(spread == 0 ? 0 : static_cast<int64_t>(random_.below(spread)));
        node.wake_at = deadline == kNever ? kNever : std::max(now, deadline) + late;
    }
    check_director(director);
    count_masters();
}

void VrrpWorld::carry_out(unsigned director) {
    Node& node = nodes_[director];
    const Actions actions = std::exchange(actions_, {});
    for (const Action& action : actions) {
        if (const auto* advert = std::get_if<SendAdvert>(&action)) {
            send(director, *advert);
        } else if (const auto* add = std::get_if<AddAddresses>(&action)) {
            for (const VirtualAddress& one : add->addresses) {
                if (!node.held[segment_of(add->instance)].insert(one.prefix.address).second) {
                    complain("an address was added twice");
                }
            }
        } else if (const auto* remove = std::get_if<RemoveAddresses>(&action)) {
            for (const VirtualAddress& one : remove->addresses) {
                if (node.held[segment_of(remove->instance)].erase(one.prefix.address) == 0) {
                    complain("an address was removed that was not there");
                }
            }
        } else if (const auto* event = std::get_if<Event>(&action)) {
            note(director, *event);
        }
    }
}

void VrrpWorld::send(unsigned director, const SendAdvert& advert) {
    const unsigned segment = segment_of(advert.interface);
    if (!nodes_[director].is_up[segment]) {
        return;
    }
    std::optional<SimNetwork::Node> to;
    for (unsigned peer = 0; peer < plan_.directors; ++peer) {
        if (advert.destination == address(peer, segment)) {
            to = peer;
        }
    }
    last_packet_ = advert.packet;
    network.send(now, segment, director, to, advert.packet);
}

void VrrpWorld::note(unsigned director, const Event& event) {
    const std::string line =
        fmt::format("{:.6f} director{} {} {} {}->{} {}",
                    std::chrono::duration<double>(now.time_since_epoch()).count(),
                    director,
                    event.sequence,
                    event.name,
                    to_string(event.before),
                    to_string(event.state),
                    event.text);
    for (const char byte : line) {
        trace_hash = (trace_hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3U;
    }
    if (event.kind == EventKind::kState && event.subject == Subject::kInstance &&
        (event.state == State::kMaster || event.before == State::kMaster)) {
        ++transitions;
    }
    if (keeps_trace) {
        trace += line + "\n";
    }
}

bool VrrpWorld::is_master(unsigned director, unsigned segment) const {
    return is_alive(director) && !nodes_[director].held[segment].empty();
}

std::vector<unsigned> VrrpWorld::masters(unsigned segment) const {
    std::vector<unsigned> found;
    for (unsigned i = 0; i < plan_.directors; ++i) {
        if (is_master(i, segment)) {
            found.push_back(i);
        }
    }
    return found;
}

Duration VrrpWorld::down_interval() const {
    const Duration skew_max =
        plan_.base.version == Version::kV2 ? std::chrono::seconds(1) : plan_.base.interval;
    return plan_.base.interval * plan_.base.down_timer_adverts + skew_max;
}

// Between two events: addresses are there exactly while MASTER, and a group's all or none.
void VrrpWorld::check_director(unsigned director) {
    unsigned masters_here = 0;
    for (unsigned segment = 0; segment < plan_.segments; ++segment) {
        const bool holds = is_master(director, segment);
        masters_here += holds ? 1 : 0;
        const bool owns = router(director).owns(virtual_address(segment));
        if (holds != owns) {
            complain(fmt::format("director{} is {}MASTER and has {}addresses on segment {}",
                                 director,
                                 owns ? "" : "not ",
                                 holds ? "" : "no ",
                                 segment));
        }
    }
    if (plan_.is_grouped && masters_here != 0 && masters_here != plan_.segments) {
        complain(fmt::format("director{} has {} of {} members of its sync group",
                             director,
                             masters_here,
                             plan_.segments));
    }
}

IpAddress VrrpWorld::virtual_address(unsigned segment) const {
    const auto net = static_cast<uint8_t>(segment);
    return plan_.base.family == Family::kIpv4 ? IpAddress(Ipv4Address::of(10, 9, net, 100))
                                              : ipv6(0xfe, 0x80, net, 100);
}

void VrrpWorld::expect_bounds(Duration two_masters, Duration no_master) {
    has_bounds_ = true;
    two_masters_max_ = two_masters;
    no_master_max_ = no_master;
    longest_with_two = longest_without = Duration::zero();
    std::fill(counted_since_.begin(), counted_since_.end(), now);
}

void VrrpWorld::expect_nothing() {
    has_bounds_ = false;
}

void VrrpWorld::count_masters() {
    for (unsigned segment = 0; segment < plan_.segments; ++segment) {
        const size_t before = master_count_[segment];
        const Duration lasted = now - counted_since_[segment];
        if (has_bounds_ && before == 0) {
            longest_without = std::max(longest_without, lasted);
        } else if (has_bounds_ && before > 1) {
            longest_with_two = std::max(longest_with_two, lasted);
        }
        if (has_bounds_ && before == 0 && lasted > no_master_max_) {
            complain(fmt::format("segment {} had no master for {} ms of at most {}",
                                 segment,
                                 lasted / milliseconds(1),
                                 no_master_max_ / milliseconds(1)));
        }
        if (has_bounds_ && before > 1 && lasted > two_masters_max_) {
            complain(fmt::format("segment {} had {} masters for {} ms of at most {}",
                                 segment,
                                 before,
                                 lasted / milliseconds(1),
                                 two_masters_max_ / milliseconds(1)));
        }
        size_t count = 0;
        for (unsigned i = 0; i < plan_.directors; ++i) {
            count += is_master(i, segment) ? 1U : 0U;
        }
        // From two masters to three is no new beginning.
        if (std::min<size_t>(count, 2) != std::min<size_t>(before, 2)) {
            counted_since_[segment] = now;
        }
        master_count_[segment] = count;
    }
}

void VrrpWorld::complain(const std::string& what) {
    if (wrong.empty()) {
        wrong = fmt::format(
            "at {:.6f} s: {}", std::chrono::duration<double>(now.time_since_epoch()).count(), what);
    }
}

}  // namespace director::test
