#include "controlplane/kernel/neighbours.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "common/assert.h"
#include "common/hash.h"

namespace director::kernel {
namespace {

using dataplane::Neighbour;
using dataplane::NeighbourKey;
using dataplane::NeighbourState;

bool is_reachable(const std::optional<Neighbour>& known) {
    return known && known->state == NeighbourState::kReachable;
}

bool is_failed(const std::optional<Neighbour>& known) {
    return known && known->state == NeighbourState::kFailed;
}

// The destination MAC address is the first field of an Ethernet header.
ReadyFrame ready(const NeighbourKey& key, const MacAddress& mac, std::vector<uint8_t> bytes) {
    std::copy(mac.bytes.begin(), mac.bytes.end(), bytes.begin());
    return {key.interface, std::move(bytes)};
}

}  // namespace

size_t NeighbourResolver::KeyHash::operator()(const NeighbourKey& key) const {
    std::array<uint64_t, 2> words{};
    std::memcpy(words.data(), key.address.bytes.data(), sizeof(words));
    return keyed_hash({}, keyed_hash({}, words[0] ^ index(key.interface)) ^ words[1]);
}

void NeighbourResolver::hold(const NeighbourKey& next_hop,
                             std::span<const uint8_t> frame,
                             TimePoint now,
                             NeighbourActions& actions) {
    DIRECTOR_ASSERT(frame.size() >= MacAddress{}.bytes.size());
    const auto it = next_hops_.try_emplace(next_hop).first;
    NextHop& hop = it->second;
    if (is_reachable(hop.known)) {
        ++counters_.sent;
        actions.send.push_back(ready(next_hop, hop.known->mac, {frame.begin(), frame.end()}));
    } else if (is_failed(hop.known)) {
        ++counters_.dropped_failed;
    } else {
        if (hop.frames.size() == kHeldPerNextHopMax) {
            drop_oldest(hop, counters_.dropped_full);
        }
        if (held_ == kHeldMax) {
            ++counters_.dropped_full;
        } else {
            ++held_;
            ++counters_.held;
            hop.frames.push_back({now, {frame.begin(), frame.end()}});
            want_to_ask(hop, now);
        }
    }
    serve(it, now, actions);
}

void NeighbourResolver::on_changed(const NeighbourKey& key,
                                   const Neighbour& neighbour,
                                   TimePoint now,
                                   NeighbourActions& actions) {
    const auto it = next_hops_.try_emplace(key).first;
    NextHop& hop = it->second;
    hop.known = neighbour;
    if (neighbour.state == NeighbourState::kReachable) {
        release(key, hop, actions);
        hop.ask_at = hop.is_watched ? std::optional(now + kRefreshKnown) : std::nullopt;
    } else {
        hop.failed_since = now;
        while (!hop.frames.empty()) {
            drop_oldest(hop, counters_.dropped_failed);
        }
        hop.ask_at = hop.is_watched ? std::optional(now + kRetryUnknown) : std::nullopt;
    }
    serve(it, now, actions);
}

void NeighbourResolver::on_removed(const NeighbourKey& key,
                                   TimePoint now,
                                   NeighbourActions& actions) {
    const auto it = next_hops_.find(key);
    if (it == next_hops_.end()) {
        return;
    }
    it->second.known.reset();
    if (it->second.is_watched) {
        want_to_ask(it->second, now);
    }
    serve(it, now, actions);
}

void NeighbourResolver::watch(std::span<const NeighbourKey> next_hops,
                              TimePoint now,
                              NeighbourActions& actions) {
    std::vector<NeighbourKey> before;
    for (auto& [key, hop] : next_hops_) {
        if (hop.is_watched) {
            before.push_back(key);
            hop.is_watched = false;
        }
    }
    for (const NeighbourKey& key : next_hops) {
        next_hops_[key].is_watched = true;
    }
    for (const NeighbourKey& key : before) {
        const auto it = next_hops_.find(key);
        if (!it->second.is_watched) {
            it->second.ask_at.reset();
            serve(it, now, actions);
        }
    }
    for (const NeighbourKey& key : next_hops) {
        const auto it = next_hops_.find(key);
        // One that was watched before has its next question scheduled already.
        if (!it->second.ask_at) {
            want_to_ask(it->second, now);
        }
        serve(it, now, actions);
    }
}

std::optional<TimePoint> NeighbourResolver::deadline() const {
    return schedule_.empty() ? std::nullopt : std::optional(schedule_.begin()->at);
}

void NeighbourResolver::on_deadline(TimePoint now, NeighbourActions& actions) {
    while (!schedule_.empty() && schedule_.begin()->at <= now) {
        // Whatever is served is due later than now.
        serve(next_hops_.find(schedule_.begin()->key), now, actions);
    }
}

void NeighbourResolver::want_to_ask(NextHop& next_hop, TimePoint now) {
    const TimePoint soonest = next_hop.asked ? std::max(now, *next_hop.asked + kAskEveryMin) : now;
    next_hop.ask_at = std::min(soonest, next_hop.ask_at.value_or(soonest));
}

void NeighbourResolver::ask(const NeighbourKey& key,
                            NextHop& next_hop,
                            TimePoint now,
                            NeighbourActions& actions) {
    actions.solicit.push_back(key);
    next_hop.asked = now;
    next_hop.ask_at.reset();
    if (next_hop.is_watched) {
        next_hop.ask_at = now + (is_reachable(next_hop.known) ? kRefreshKnown : kRetryUnknown);
    }
}

void NeighbourResolver::release(const NeighbourKey& key,
                                NextHop& next_hop,
                                NeighbourActions& actions) {
    for (HeldFrame& frame : next_hop.frames) {
        actions.send.push_back(ready(key, next_hop.known->mac, std::move(frame.bytes)));
    }
    counters_.sent += next_hop.frames.size();
    held_ -= next_hop.frames.size();
    next_hop.frames.clear();
}

void NeighbourResolver::drop_oldest(NextHop& next_hop, uint64_t& counter) {
    next_hop.frames.pop_front();
    --held_;
    ++counter;
}

void NeighbourResolver::serve(NextHops::iterator it, TimePoint now, NeighbourActions& actions) {
    const NeighbourKey key = it->first;
    NextHop& hop = it->second;
    while (!hop.frames.empty() && hop.frames.front().since + kHoldTime <= now) {
        drop_oldest(hop, counters_.dropped_late);
    }
    if (hop.ask_at && *hop.ask_at <= now) {
        ask(key, hop, now, actions);
    }
    if (is_failed(hop.known) && !hop.is_watched && hop.failed_since + kFailedTime <= now) {
        actions.forget.push_back(key);
        hop.failed_since = now;  // should the kernel keep it: once more
    }
    settle(it);
}

std::optional<TimePoint> NeighbourResolver::due_of(const NextHop& next_hop) {
    std::optional<TimePoint> due = next_hop.ask_at;
    const auto sooner = [&](TimePoint at) { due = std::min(at, due.value_or(at)); };
    if (!next_hop.frames.empty()) {
        sooner(next_hop.frames.front().since + kHoldTime);
    }
    if (is_failed(next_hop.known) && !next_hop.is_watched) {
        sooner(next_hop.failed_since + kFailedTime);
    }
    return due;
}

void NeighbourResolver::settle(NextHops::iterator it) {
    NextHop& hop = it->second;
    if (hop.due) {
        schedule_.erase({*hop.due, it->first});
    }
    hop.due = due_of(hop);
    if (hop.due) {
        schedule_.insert({*hop.due, it->first});
    } else if (!hop.known && !hop.is_watched && hop.frames.empty()) {
        next_hops_.erase(it);
    }
}

// --- NeighbourKernel

namespace {

NetlinkMessage neighbour_message(uint16_t type,
                                 uint16_t flags,
                                 uint8_t neighbour_flags,
                                 uint32_t ifindex,
                                 const IpAddress& address) {
    ndmsg fixed{};
    fixed.ndm_family = address_family(address);
    fixed.ndm_ifindex = static_cast<int>(ifindex);
    fixed.ndm_flags = neighbour_flags;
    NetlinkMessage message(type, flags, std::as_bytes(std::span(&fixed, 1)));
    message.add(NDA_DST, wire_bytes(address));
    return message;
}

}  // namespace

Result<NeighbourKernel> NeighbourKernel::open() {
    auto netlink = NetlinkSocket::open();
    if (!netlink) {
        return Failure(netlink.error());
    }
    return NeighbourKernel(std::move(*netlink));
}

Result<void> NeighbourKernel::solicit(uint32_t ifindex, const IpAddress& address) {
    NetlinkMessage message =
        neighbour_message(RTM_NEWNEIGH, NLM_F_CREATE, NTF_USE, ifindex, address);
    const NetlinkReply reply = netlink_.ask(message);
    if (!reply.is_ok()) {
        return failure("cannot resolve " + to_string(address) + ": " + reply.text);
    }
    return {};
}

Result<void> NeighbourKernel::forget(uint32_t ifindex, const IpAddress& address) {
    NetlinkMessage message = neighbour_message(RTM_DELNEIGH, 0, 0, ifindex, address);
    const NetlinkReply reply = netlink_.ask(message);
    if (!reply.is_ok() && reply.error != ENOENT) {
        return failure("cannot forget " + to_string(address) + ": " + reply.text);
    }
    return {};
}

}  // namespace director::kernel
