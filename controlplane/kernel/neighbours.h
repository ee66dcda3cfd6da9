// Frames that wait for a next hop's MAC address, and the next hops whose addresses shall be known
// before anybody waits. The kernel does the ARP and the neighbour discovery; this decides when to
// ask it, and keeps the frames meanwhile.
//
// NeighbourResolver is logic only: `now` is an argument, what is to be done is appended to an
// Actions, and the owner calls on_deadline() when deadline() is reached. NeighbourKernel carries
// the questions to the kernel.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <span>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/address.h"
#include "common/result.h"
#include "common/time.h"
#include "controlplane/kernel/netlink.h"
#include "dataplane/api/forwarding.h"

namespace director::kernel {

// A frame that may go now: its destination MAC is filled in.
struct ReadyFrame {
    dataplane::InterfaceId interface {};
    std::vector<uint8_t> bytes;
};

struct NeighbourActions {
    std::vector<dataplane::NeighbourKey> solicit;  // have the kernel find out (NeighbourKernel)
    std::vector<dataplane::NeighbourKey> forget;   // have the kernel drop its failed entry
    std::vector<ReadyFrame> send;                  // inject into the interface's port
};

struct NeighbourCounters {
    uint64_t held = 0;          // frames that had to wait
    uint64_t sent = 0;          // frames whose next hop turned up
    uint64_t dropped_full = 0;  // no room: eight wait for this next hop, or 256 in all
    uint64_t dropped_late = 0;  // waited too long
    uint64_t dropped_failed = 0;
};

class NeighbourResolver {
  public:
    static constexpr size_t kHeldPerNextHopMax = 8;
    static constexpr size_t kHeldMax = 256;
    static constexpr Duration kHoldTime = std::chrono::seconds(1);
    // A known next hop is asked after this often. The kernel sends an ARP request only if it has
    // not heard of it for a while (the entry is STALE), so this costs nothing while it talks.
    static constexpr Duration kRefreshKnown = std::chrono::seconds(30);
    // An unknown one this often: the kernel gives up after three requests a second apart.
    static constexpr Duration kRetryUnknown = std::chrono::seconds(3);
    // No next hop is asked after more often than this, whatever happens.
    static constexpr Duration kAskEveryMin = std::chrono::seconds(1);
    // How long a next hop that does not answer stays failed in the workers' tables before the next
    // frame for it may try again.
    static constexpr Duration kFailedTime = std::chrono::seconds(3);

    // A frame (PuntedFrame with Verdict::kPuntForNeighbour) for `next_hop`. It waits, or goes at
    // once if the address has become known since the worker looked. When eight wait already, the
    // oldest of them is dropped.
    void hold(const dataplane::NeighbourKey& next_hop,
              std::span<const uint8_t> frame,
              TimePoint now,
              NeighbourActions& actions);

    // What the mirror tells (MirrorSink).
    void on_changed(const dataplane::NeighbourKey& key,
                    const dataplane::Neighbour& neighbour,
                    TimePoint now,
                    NeighbourActions& actions);
    void on_removed(const dataplane::NeighbourKey& key, TimePoint now, NeighbourActions& actions);

    // The next hops to keep known: real servers on a link, gateways. Replaces the list before.
    void watch(std::span<const dataplane::NeighbourKey> next_hops,
               TimePoint now,
               NeighbourActions& actions);

    // When on_deadline() has something to do; nullopt: never, as things are.
    [[nodiscard]] std::optional<TimePoint> deadline() const;
    void on_deadline(TimePoint now, NeighbourActions& actions);

    [[nodiscard]] const NeighbourCounters& counters() const { return counters_; }
    [[nodiscard]] size_t held() const { return held_; }
    // Whether frames wait for this next hop.
    [[nodiscard]] bool has_waiting(const dataplane::NeighbourKey& next_hop) const {
        const auto found = next_hops_.find(next_hop);
        return found != next_hops_.end() && !found->second.frames.empty();
    }

  private:
    struct HeldFrame {
        TimePoint since;
        std::vector<uint8_t> bytes;
    };

    // A next hop that frames wait for, that is watched, or that the kernel knows something of.
    struct NextHop {
        std::optional<dataplane::Neighbour> known;
        std::deque<HeldFrame> frames;  // oldest first
        bool is_watched = false;
        std::optional<TimePoint> asked;   // last
        std::optional<TimePoint> ask_at;  // next
        TimePoint failed_since;
        std::optional<TimePoint> due;  // as in schedule_
    };

    struct KeyHash {
        size_t operator()(const dataplane::NeighbourKey& key) const;
    };
    // By time, then by address, so that equal deadlines always come in the same order.
    struct Due {
        TimePoint at;
        dataplane::NeighbourKey key;

        friend bool operator<(const Due& a, const Due& b) {
            return std::tie(a.at, a.key.interface, a.key.address) <
                   std::tie(b.at, b.key.interface, b.key.address);
        }
    };

    using NextHops = std::unordered_map<dataplane::NeighbourKey, NextHop, KeyHash>;

    void ask(const dataplane::NeighbourKey& key,
             NextHop& next_hop,
             TimePoint now,
             NeighbourActions& actions);
    // Schedules a question for as soon as kAskEveryMin allows.
    static void want_to_ask(NextHop& next_hop, TimePoint now);
    void release(const dataplane::NeighbourKey& key, NextHop& next_hop, NeighbourActions& actions);
    void drop_oldest(NextHop& next_hop, uint64_t& counter);
    // Does what is due for this next hop, and schedules what will be.
    void serve(NextHops::iterator it, TimePoint now, NeighbourActions& actions);
    // Puts the next hop's next deadline into the schedule, or forgets it if nothing speaks for it.
    void settle(NextHops::iterator it);
    [[nodiscard]] static std::optional<TimePoint> due_of(const NextHop& next_hop);

    NextHops next_hops_;
    std::set<Due> schedule_;
    size_t held_ = 0;
    NeighbourCounters counters_;
};

// Asks the kernel about neighbours.
class NeighbourKernel {
  public:
    [[nodiscard]] static Result<NeighbourKernel> open();

    // Has the kernel resolve `address` on an interface as if it had a packet for it (NTF_USE): an
    // unknown one is asked for by ARP or neighbour discovery, a stale one confirmed, a fresh one
    // left alone. An error is the kernel's refusal (interface down, neighbour table full).
    [[nodiscard]] Result<void> solicit(uint32_t ifindex, const IpAddress& address);
    // Removes the kernel's entry. Success too when there is none.
    [[nodiscard]] Result<void> forget(uint32_t ifindex, const IpAddress& address);

  private:
    explicit NeighbourKernel(NetlinkSocket netlink) : netlink_(std::move(netlink)) {}

    NetlinkSocket netlink_;
};

}  // namespace director::kernel
