// Connection sync under everything that a network and a machine can do to it. Each seed draws
// directors, a protocol and a fate: loss, duplication, overtaking, partitions, crashes and
// takeovers; then the network is whole, and soon every connection is at the others as it is at the
// one that carries it; then clients fall silent, and in the end nobody has anything left. At no
// time does a director install what is older than what it knows. See sync_world.h.
//
//   DIRECTOR_SYNC_SEED=123 sync_scenario     that seed alone, with its trace
//   DIRECTOR_SYNC_SEEDS=20000 sync_scenario  so many seeds
#include <fmt/format.h>

#include <cstdlib>
#include <string>

#include <catch2/catch.hpp>

#include "tests/scenario/sync_world.h"

namespace director::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Story {
  public:
    explicit Story(uint64_t seed)
        : plan(draw_sync_plan(seed)), world(plan, seed), random_(seed ^ 0x73746f72U) {
        for (unsigned i = 0; i < plan.directors; ++i) {
            world.start(i);
        }
    }

    void tell() {
        for (int round = 0; round < 3 && world.wrong.empty(); ++round) {
            chaos();
            heal();
        }
        if (world.wrong.empty()) {
            world.silence_clients();
            world.run_for(seconds(120));  // a connection's time, and then its template's
            world.check_empty();
        }
    }

    SyncPlan plan;
    SyncWorld world;

  private:
    [[nodiscard]] unsigned any() { return static_cast<unsigned>(random_.below(plan.directors)); }

    void chaos() {
        SimLink link;
        link.delay_max = milliseconds(1 + random_.below(800));  // less than sync::kOvertakenMax
        link.loss_per_mille = static_cast<uint32_t>(random_.below(300));
        link.duplicate_per_mille = plan.duplicates ? static_cast<uint32_t>(random_.below(200)) : 0;
        world.network.set_link(link);
        for (int event = 0; event < 6 && world.wrong.empty(); ++event) {
            world.run_for(milliseconds(200 + random_.below(5000)));
            const unsigned director = any();
            switch (random_.below(4)) {
                case 0:
                    world.cut(director);
                    break;
                case 1:
                    world.mend_all();
                    break;
                case 2:
                    lose(director);
                    break;
                default:
                    revive();
                    break;
            }
        }
    }

    // One is always left; if it carried the traffic, another takes over as late as VRRP does.
    void lose(unsigned director) {
        unsigned alive = 0;
        for (unsigned i = 0; i < plan.directors; ++i) {
            alive += world.is_alive(i) ? 1U : 0U;
        }
        if (!world.is_alive(director) || alive < 2) {
            return;
        }
        world.crash(director);
        if (world.carrier() == director) {
            world.run_for(milliseconds(3600));
            for (unsigned i = 0; i < plan.directors; ++i) {
                if (world.is_alive(i)) {
                    world.let_carry(i);
                }
            }
        }
    }

    void revive() {
        for (unsigned i = 0; i < plan.directors; ++i) {
            if (!world.is_alive(i)) {
                world.start(i);
            }
        }
    }

    void heal() {
        world.network.set_link({.delay_max = milliseconds(2)});
        world.mend_all();
        revive();
        // Late messages, the next beat, the wait before a table is fetched again, and the fetch.
        world.run_for(seconds(12));
        const TimePoint since = world.now;
        world.run_for(seconds(20));
        world.silence_clients(true);
        world.run_for(seconds(3));
        if (world.wrong.empty()) {
            world.check_convergence(since);
        }
        world.silence_clients(false);
    }

    Random random_;
};

struct Sums {
    uint64_t installed = 0, older = 0, tables = 0, lost = 0, taken_over = 0;
};

[[nodiscard]] uint64_t number_from(const char* variable, uint64_t otherwise) {
    const char* const text = std::getenv(variable);
    return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

TEST_CASE("sync converges and never goes back, whatever the network does", "[sync]") {
    const uint64_t only = number_from("DIRECTOR_SYNC_SEED", 0);
    const uint64_t seeds = only != 0 ? 1 : number_from("DIRECTOR_SYNC_SEEDS", 100);
    Sums sums;
    for (uint64_t i = 0; i < seeds; ++i) {
        const uint64_t seed = only != 0 ? only : i + 1;
        Story story(seed);
        story.world.keeps_trace = only != 0;
        story.tell();
        INFO(to_string(story.plan));
        INFO("again: DIRECTOR_SYNC_SEED=" << seed);
        if (!story.world.wrong.empty()) {
            UNSCOPED_INFO(story.world.trace);
            UNSCOPED_INFO(story.world.wrong);
        }
        REQUIRE(story.world.wrong.empty());
        sums.installed += story.world.installed;
        sums.older += story.world.older_refused;
        sums.tables += story.world.tables_fetched;
        sums.lost += story.world.lost_counted();
        sums.taken_over += story.world.taken_over;
    }
    if (only == 0) {
        INFO(fmt::format("{} installed, {} older refused, {} tables, {} lost, {} taken over",
                         sums.installed,
                         sums.older,
                         sums.tables,
                         sums.lost,
                         sums.taken_over));
        REQUIRE(sums.installed > seeds * 100);
        REQUIRE(sums.older > seeds / 10);
        REQUIRE(sums.tables > seeds);
        REQUIRE(sums.lost > seeds);
        REQUIRE(sums.taken_over > seeds);
    }
}

TEST_CASE("a seed of sync replays exactly", "[sync]") {
    for (uint64_t seed = 1; seed <= 5; ++seed) {
        Story first(seed);
        Story second(seed);
        first.tell();
        second.tell();
        REQUIRE(first.world.trace_hash == second.world.trace_hash);
        REQUIRE(first.world.installed == second.world.installed);
        Story other(seed + 1000);
        other.tell();
        REQUIRE(first.world.trace_hash != other.world.trace_hash);
    }
}

}  // namespace
}  // namespace director::test
