// VRRP under everything that a network and a machine can do to it, for thousands of simulated
// hours. Each seed draws directors, a configuration and a fate: chaos, then a whole network, in
// which the protocol's bounds must hold, then calm, in which nothing may happen. See vrrp_world.h.
//
//   DIRECTOR_VRRP_SEED=123 vrrp_scenario     that seed alone, with its trace
//   DIRECTOR_VRRP_SEEDS=20000 vrrp_scenario  so many seeds
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>

#include <catch2/catch.hpp>

#include "tests/scenario/vrrp_world.h"

namespace director::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

// A director that runs at all comes to its timers so soon.
Duration usual_lateness(const VrrpPlan& plan) {
    return std::min<Duration>(plan.base.interval / 20, milliseconds(20));
}

class Story {
  public:
    explicit Story(uint64_t seed)
        : plan(draw_plan(seed)), world(plan, seed), random_(seed ^ 0x73746f72U) {
        for (unsigned i = 0; i < plan.directors; ++i) {
            world.start(i);
        }
    }

    // Chaos, healing, calm, a clean failure; several times.
    void tell(unsigned rounds) {
        for (unsigned round = 0; round < rounds && world.wrong.empty(); ++round) {
            chaos();
            heal();
            calm();
            lose_master();
        }
    }

    VrrpPlan plan;
    VrrpWorld world;

  private:
    [[nodiscard]] bool chance(unsigned percent) { return random_.below(100) < percent; }
    [[nodiscard]] unsigned any_director() {
        return static_cast<unsigned>(random_.below(plan.directors));
    }
    [[nodiscard]] unsigned any_segment() {
        return static_cast<unsigned>(random_.below(plan.segments));
    }
    [[nodiscard]] Duration up_to(Duration longest) {
        return Duration(
            static_cast<int64_t>(random_.below(static_cast<uint64_t>(longest.count()) + 1)));
    }

    void chaos() {
        world.expect_nothing();
        const unsigned events = 5 + static_cast<unsigned>(random_.below(30));
        for (unsigned i = 0; i < events && world.wrong.empty(); ++i) {
            misfortune();
            world.run_for(up_to(plan.base.interval * 8));
        }
    }

    void misfortune() {
        const unsigned director = any_director();
        switch (random_.below(10)) {
            case 0:
                world.network.cut(any_segment(), director, any_director());
                break;
            case 1:
                partition();
                break;
            case 2:
                world.network.mend_all();
                break;
            case 3:
                world.pause(director);
                break;
            case 4:
                world.resume(director);
                break;
            case 5:
                chance(50) ? world.crash(director) : world.stop(director);
                break;
            case 6:
                if (!world.is_alive(director)) {
                    world.start(director);
                }
                break;
            case 7:
                if (!world.is_paused(director)) {
                    world.set_interface(director, any_segment(), chance(50));
                }
                break;
            case 8:
                if (!world.is_paused(director)) {
                    world.set_priority(director, static_cast<uint8_t>(1 + random_.below(254)));
                }
                break;
            default:
                disturb_network();
        }
    }

    void partition() {
        std::set<SimNetwork::Node> side;
        for (unsigned i = 0; i < plan.directors; ++i) {
            if (chance(50)) {
                side.insert(i);
            }
        }
        const unsigned one = any_segment();
        for (unsigned segment = 0; segment < plan.segments; ++segment) {
            if (segment == one || chance(60)) {
                world.network.partition(segment, side);
            }
        }
    }

    void disturb_network() {
        SimLink link;
        link.delay_min = up_to(plan.base.interval / 10);
        link.delay_max = link.delay_min + up_to(plan.base.interval * 2);
        link.loss_per_mille = static_cast<uint32_t>(random_.below(500));
        link.duplicate_per_mille = static_cast<uint32_t>(random_.below(300));
        world.network.set_link(link);
        world.set_lateness(up_to(plan.base.interval * 2));
    }

    [[nodiscard]] SimLink whole_network() const {
        SimLink link;
        link.delay_max = plan.base.interval / 50;
        return link;
    }

    // How long it may take from a whole network to one master.
    [[nodiscard]] Duration time_to_agree() const {
        return world.down_interval() * 3 + plan.preempt_delay + plan.base.startup_delay +
               plan.base.interval * 4;
    }

    void heal() {
        world.network.mend_all();
        world.network.set_link(whole_network());
        world.set_lateness(usual_lateness(plan));
        for (unsigned i = 0; i < plan.directors; ++i) {
            world.resume(i);
            if (!world.is_alive(i)) {
                world.start(i);
            }
            for (unsigned segment = 0; segment < plan.segments; ++segment) {
                world.set_interface(i, segment, true);
            }
            world.set_priority(i, std::nullopt);
        }
        // What chaos had under way arrives within two and a half intervals.
        world.expect_bounds(
            plan.base.interval * 4,
            world.down_interval() * 2 + plan.base.startup_delay + plan.base.interval);
        world.run_for(time_to_agree());
        check_agreement();
    }

    void check_agreement() {
        if (!world.wrong.empty()) {
            return;
        }
        std::set<unsigned> all;
        for (unsigned segment = 0; segment < plan.segments; ++segment) {
            const auto masters = world.masters(segment);
            if (masters.size() != 1) {
                world.wrong =
                    fmt::format("{} masters on segment {} after healing", masters.size(), segment);
                return;
            }
            all.insert(masters.front());
        }
        if (plan.is_grouped && all.size() != 1) {
            world.wrong = "members of the sync group have different masters after healing";
        }
        for (const unsigned master : all) {
            if (plan.is_preempting && !is_best(master)) {
                world.wrong = fmt::format("the master is director{}, not the best", master);
            }
        }
    }

    // Equal ones do not preempt each other: the first stays.
    [[nodiscard]] bool is_best(unsigned director) const {
        return plan.priorities[director] ==
               *std::max_element(plan.priorities.begin(), plan.priorities.end());
    }

    // A whole network, though not a perfect one: nothing may happen.
    void calm() {
        if (!world.wrong.empty()) {
            return;
        }
        SimLink link = whole_network();
        if (chance(50)) {
            // Never three in a row: keepalived's and RFC 9568's three intervals are made for that.
            link.loss_per_mille = 300;
            link.losses_in_a_row_max = 2;
            link.duplicate_per_mille = 100;
        }
        world.network.set_link(link);
        const uint64_t before = world.transitions;
        world.expect_bounds(Duration::zero(), Duration::zero());
        hiccups();
        if (chance(30)) {
            for (unsigned i = 0; i < 200 && world.wrong.empty(); ++i) {
                attack(any_segment(), any_director());
                world.run_for(up_to(plan.base.interval / 2));
            }
        }
        world.run_for(plan.base.interval * 20 +
                      up_to(plan.base.interval * static_cast<int64_t>(random_.below(2000))));
        if (world.wrong.empty() && world.transitions != before) {
            world.wrong = fmt::format("{} transitions without cause", world.transitions - before);
        }
        world.network.set_link(whole_network());
    }

    // Directors that stand still: a backup for however long, a master for less than others wait.
    void hiccups() {
        for (unsigned i = 0; i < 5 && world.wrong.empty(); ++i) {
            const unsigned director = any_director();
            bool is_any_master = false;
            for (unsigned segment = 0; segment < plan.segments; ++segment) {
                is_any_master |= world.is_master(director, segment);
            }
            if (is_any_master && world.network.link().loss_per_mille > 0) {
                continue;  // with two adverts lost there is no time to spare
            }
            world.pause(director);
            world.run_for(up_to(is_any_master ? plan.base.interval / 2 : plan.base.interval * 50));
            world.resume(director);
            world.run_for(up_to(plan.base.interval * 10));
        }
    }

    // What the rules tell to refuse, to one director.
    void attack(unsigned segment, unsigned victim) {
        using namespace vrrp;
        std::vector<uint8_t> bytes = world.last_packet();
        Advertisement advert;
        advert.version = plan.base.version;
        advert.vrid = static_cast<uint8_t>(51 + segment);
        advert.priority = kPriorityOwner;
        advert.interval = plan.base.interval;
        advert.authentication = plan.base.authentication;
        advert.password = make_password(plan.base.password);
        Envelope envelope;
        envelope.source = world.address(100, segment);
        envelope.destination = plan.base.is_unicast ? world.address(victim, segment)
                                                    : multicast_group(plan.base.family);
        switch (random_.below(5)) {
            case 0:
                bytes.resize(random_.below(80));
                for (uint8_t& byte : bytes) {
                    byte = static_cast<uint8_t>(random_.next());
                }
                break;
            case 1:
                bytes[random_.below(bytes.size())] ^= static_cast<uint8_t>(1 + random_.below(255));
                break;
            case 2:  // from elsewhere: not from the segment, or from no peer
                envelope.ttl = 254;
                bytes = forge(advert, envelope);
                break;
            case 3:  // as if from the victim itself
                envelope.source = world.address(victim, segment);
                bytes = forge(advert, envelope);
                break;
            default:  // who does not know the secret, or the version
                if (advert.authentication == Authentication::kNone) {
                    advert.version = Version::kV2;
                    advert.interval = std::chrono::seconds(100);
                } else {
                    advert.password = make_password("Secret");
                }
                bytes = forge(advert, envelope);
        }
        world.inject(segment, victim, bytes);
    }

    [[nodiscard]] static std::vector<uint8_t> forge(const vrrp::Advertisement& advert,
                                                    const vrrp::Envelope& envelope) {
        const auto message = build_advertisement(
            advert, envelope.source, envelope.destination, vrrp::ChecksumForm::kPseudoHeader);
        return advert.authentication == vrrp::Authentication::kHeader
                   ? build_packet_with_ah(envelope, message, 1000000, advert.password)
                   : build_packet(envelope, message);
    }

    // In peace, the master goes: another one comes within the bound, without two at a time for
    // longer than an advert needs.
    void lose_master() {
        if (!world.wrong.empty()) {
            return;
        }
        const unsigned master = world.masters(0).front();
        const bool says_goodbye = chance(50);
        // At most an interval to the last advert, delays, lateness.
        const Duration slack = plan.base.interval / 50 + usual_lateness(plan) * 2;
        const Duration skew_max = plan.base.version == vrrp::Version::kV2
                                      ? Duration(std::chrono::seconds(1))
                                      : plan.base.interval;
        const Duration no_master = (says_goodbye ? skew_max : world.down_interval()) + slack;
        // An advert that the goodbye overtook would be believed: no overtaking here.
        SimLink link;
        link.delay_min = link.delay_max = plan.base.interval / 50;
        world.network.set_link(link);
        world.run_for(up_to(plan.base.interval) + plan.base.interval / 50);
        says_goodbye ? world.stop(master) : world.crash(master);
        // The last advert came to one director so much later than to another, and so does the next.
        world.expect_bounds(plan.base.interval / 25 + usual_lateness(plan), no_master);
        world.run_for(world.down_interval() * 3);
        world.expect_nothing();
        world.network.set_link(whole_network());
        world.start(master);
        world.run_for(time_to_agree());
        check_agreement();
    }

    Random random_;
};

uint64_t number_from(const char* variable, uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

void require_good(const Story& story, uint64_t seed) {
    if (!story.world.wrong.empty()) {
        FAIL("seed " << seed << ": " << story.world.wrong << "\n  " << to_string(story.plan)
                     << "\n  again: DIRECTOR_VRRP_SEED=" << seed << " vrrp_scenario");
    }
}

TEST_CASE("directors agree whatever happened", "[vrrp]") {
    if (const uint64_t seed = number_from("DIRECTOR_VRRP_SEED", 0); seed != 0) {
        Story story(seed);
        story.world.keeps_trace = true;
        story.tell(4);
        WARN(story.world.trace);
        require_good(story, seed);
        return;
    }
    const uint64_t seeds = number_from("DIRECTOR_VRRP_SEEDS", 1000);
    Duration simulated{0};
    uint64_t transitions = 0;
    for (uint64_t seed = 1; seed <= seeds; ++seed) {
        Story story(seed);
        const TimePoint begin = story.world.now;
        story.tell(4);
        simulated += story.world.now - begin;
        transitions += story.world.transitions;
        require_good(story, seed);
    }
    WARN(seeds << " seeds, " << simulated / hours(1) << " simulated hours, " << transitions
               << " transitions");
}

TEST_CASE("a seed replays exactly", "[vrrp]") {
    for (uint64_t seed = 1; seed <= 50; ++seed) {
        Story first(seed);
        Story second(seed);
        first.tell(1);
        second.tell(1);
        REQUIRE(first.world.trace_hash == second.world.trace_hash);
        REQUIRE(first.world.transitions == second.world.transitions);
    }
}

}  // namespace
}  // namespace director::test
