// Two to five directors on a simulated network, each nothing but a vrrp::Router, under virtual
// time. A seed decides what they are configured to do and what happens to them; the world watches
// what no seed may bring about. The first thing found wrong is kept in `wrong` and stops the run.
#pragma once

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/random.h"
#include "tests/support/sim_network.h"
#include "vrrp/packet.h"
#include "vrrp/router.h"

namespace director::test {

// What a seed chose. Instance k of every director is on segment k.
struct VrrpPlan {
    unsigned directors = 2;
    unsigned segments = 1;
    bool is_grouped = false;
    bool is_preempting = true;
    vrrp::InstanceConfig base;        // what all instances have in common
    std::vector<uint8_t> priorities;  // by director
    Duration preempt_delay{0};
};

[[nodiscard]] VrrpPlan draw_plan(uint64_t seed);
[[nodiscard]] std::string to_string(const VrrpPlan& plan);

class VrrpWorld {
  public:
    VrrpWorld(const VrrpPlan& plan, uint64_t seed);

    std::string wrong;  // empty: nothing so far
    TimePoint now{std::chrono::hours(1)};
    SimNetwork network;
    uint64_t trace_hash = 0xcbf29ce484222325U;
    uint64_t transitions = 0;  // to and from MASTER
    bool keeps_trace = false;
    std::string trace;  // one event a line

    void run_for(Duration duration);

    // --- what can happen ---
    void start(unsigned director);
    void stop(unsigned director);
    void crash(unsigned director);
    void pause(unsigned director);
    void resume(unsigned director);
    void set_interface(unsigned director, unsigned segment, bool is_up);
    void set_priority(unsigned director, std::optional<uint8_t> priority);
    // How late directors come to their timers: up to this.
    void set_lateness(Duration lateness) { lateness_ = lateness; }
    // Somebody on the segment who is no director sends this to one.
    void inject(unsigned segment, unsigned to, const std::vector<uint8_t>& ip_packet);

    // --- what is so ---
    [[nodiscard]] bool is_alive(unsigned director) const {
        return nodes_[director].router != nullptr;
    }
    [[nodiscard]] bool is_paused(unsigned director) const { return nodes_[director].is_paused; }
    [[nodiscard]] bool is_master(unsigned director, unsigned segment) const;
    // Directors that are MASTER there; a paused one counts.
    [[nodiscard]] std::vector<unsigned> masters(unsigned segment) const;
    [[nodiscard]] vrrp::Router& router(unsigned director) { return *nodes_[director].router; }
    [[nodiscard]] IpAddress address(unsigned director, unsigned segment) const;
    [[nodiscard]] IpAddress virtual_address(unsigned segment) const;
    [[nodiscard]] const std::vector<uint8_t>& last_packet() const { return last_packet_; }

    // --- bounds ---
    [[nodiscard]] Duration down_interval() const;  // the longest of any director
    // From now on the network is whole: two masters, or none, for longer than this are wrong.
    void expect_bounds(Duration two_masters, Duration no_master);
    void expect_nothing();
    Duration longest_without{0};
    Duration longest_with_two{0};

  private:
    struct Node {
        std::unique_ptr<vrrp::Router> router;
        bool is_paused = false;
        TimePoint wake_at = vrrp::kNever;
        TimePoint deadline = TimePoint::min();   // that wake_at was made from
        std::deque<SimNetwork::Delivery> inbox;  // while paused
        std::vector<std::set<IpAddress>> held;   // by segment
        std::vector<bool> is_up;                 // interfaces
        std::optional<uint8_t> priority;
    };

    [[nodiscard]] vrrp::Config config_of(unsigned director) const;
    [[nodiscard]] vrrp::InterfaceFacts facts_of(unsigned director, unsigned segment) const;
    void deliver(const SimNetwork::Delivery& delivery);
    void wake(unsigned director);
    void after(unsigned director);
    void carry_out(unsigned director);
    void send(unsigned director, const vrrp::SendAdvert& advert);
    void note(unsigned director, const vrrp::Event& event);
    void check_director(unsigned director);
    void count_masters();
    void complain(const std::string& what);

    VrrpPlan plan_;
    Random random_;
    std::vector<Node> nodes_;
    vrrp::Actions actions_;
    Duration lateness_{0};
    std::vector<uint8_t> last_packet_;

    bool has_bounds_ = false;
    Duration two_masters_max_{0};
    Duration no_master_max_{0};
    std::vector<size_t> master_count_;      // by segment
    std::vector<TimePoint> counted_since_;  // when master_count_ became that
};

}  // namespace director::test
