// rr and wrr against IPVS's published algorithms, written here as the kernel has them: a circular
// walk over a list with a pointer (Linux 6.1 net/netfilter/ipvs/ip_vs_rr.c, ip_vs_wrr.c).
#include "dataplane/core/schedulers/schedulers.h"

#include <fmt/format.h>

#include <list>
#include <map>
#include <memory>
#include <numeric>

#include <gtest/gtest.h>

#include "common/random.h"
#include "dataplane/core/worker_state.h"
#include "tests/support/packet_builder.h"

namespace director::dataplane {
namespace {

// A server as IPVS's list has it; the number is its RealServerId.
struct Destination {
    uint32_t number;
    uint32_t weight;
};

// IPVS's list of destinations with the scheduler's pointer, which may stand on the list's head.
class IpvsList {
  public:
    std::list<Destination> servers;                            // the newest first
    std::list<Destination>::iterator pointer = servers.end();  // end() plays the head

    // The kernel's order is a ring with the head between last and first.
    void step() { pointer = pointer == servers.end() ? servers.begin() : std::next(pointer); }
};

class IpvsRoundRobin : public IpvsList {
  public:
    [[nodiscard]] uint32_t pick() {
        const auto before = pointer;
        for (size_t i = 0; i <= 2 * servers.size(); ++i) {
            step();
            if (pointer != servers.end() && pointer->weight > 0) {
                return pointer->number;
            }
        }
        pointer = before;  // a choice that fails moves nothing
        return kNoServer;
    }
    void add(Destination server) { servers.push_front(server); }
    void remove(std::list<Destination>::iterator server) {
        if (pointer == server) {
            pointer = server == servers.begin() ? servers.end() : std::prev(server);
        }
        servers.erase(server);
    }
    void changed() {}
};

class IpvsWeightedRoundRobin : public IpvsList {
  public:
    [[nodiscard]] uint32_t pick() {
        if (top_ == 0) {
            return kNoServer;
        }
        for (size_t i = 0; i < 200000; ++i) {
            step();
            if (pointer == servers.end()) {
                current_ -= divisor_;
                current_ = current_ <= 0 ? top_ : current_;
            } else if (static_cast<int64_t>(pointer->weight) >= current_) {
                return pointer->number;
            }
        }
        return kNoServer;
    }
    void add(Destination server) {
        servers.push_front(server);
        changed();
    }
    void remove(std::list<Destination>::iterator server) {
        servers.erase(server);
        changed();
    }
    void changed() {
        pointer = servers.end();
        divisor_ = 0;
        int64_t heaviest = 0;
        for (const Destination& server : servers) {
            divisor_ = std::gcd(divisor_, static_cast<int64_t>(server.weight));
            heaviest = std::max(heaviest, static_cast<int64_t>(server.weight));
        }
        divisor_ = divisor_ == 0 ? 1 : divisor_;
        top_ = heaviest - (divisor_ - 1);
        if (current_ > top_ || current_ == 0) {
            current_ = top_;
        } else if (divisor_ > 1) {
            current_ = current_ / divisor_ * divisor_ + 1;
        }
    }

  private:
    int64_t divisor_ = 1;
    int64_t top_ = 0;
    int64_t current_ = 0;
};

constexpr ServiceId kService{0};

// Our scheduler inside a worker, told of changes by the control plane's commands.
class OurScheduler {
  public:
    explicit OurScheduler(std::string_view name, uint16_t worker = 0, uint16_t workers = 1)
        : state_worker_(settings(worker, workers)), name_(name) {}

    [[nodiscard]] uint32_t pick() {
        const uint32_t position =
            schedulers()[installed_->scheduler].pick(*installed_, ScheduleInput{});
        return position == kNoServer ? kNoServer : index(installed_->servers[position].id);
    }

    void put(const std::list<Destination>& servers) {
        auto table = std::make_unique<ServiceTable>();
        table->id = kService;
        table->scheduler = find_scheduler(name_).value();
        for (const Destination& server : servers) {
            table->servers.push_back(
                {.id = RealServerId{server.number}, .endpoint = {}, .weight = server.weight});
        }
        prepare_scheduler(*table);
        Command command(CommandKind::kPutService);
        command.service_table = table.get();
        state_worker_.apply(command, TimePoint{});
        ASSERT_LE(state_worker_.events().size(), 1U);
        for (const Event& event : state_worker_.events()) {
            ASSERT_EQ(event.service_table, installed_.get());
        }
        state_worker_.clear_events();
        installed_ = std::move(table);
    }

    void set(uint32_t position, const Destination& server) {
        Command command(CommandKind::kSetWeight);
        command.set_weight = {kService, RealServerId{server.number}, position, server.weight};
        state_worker_.apply(command, TimePoint{});
        ASSERT_TRUE(state_worker_.events().empty());
    }

  private:
    [[nodiscard]] static WorkerSettings settings(uint16_t worker, uint16_t workers) {
        WorkerSettings out;
        out.id = WorkerId{worker};
        out.worker_count = workers;
        out.connections_max = 8;
        return out;
    }

    Worker state_worker_;
    std::string name_;
    std::unique_ptr<ServiceTable> installed_;
};

[[nodiscard]] std::vector<uint32_t> picks(OurScheduler& scheduler, size_t count) {
    std::vector<uint32_t> out;
    for (size_t i = 0; i < count; ++i) {
        out.push_back(scheduler.pick());
    }
    return out;
}

TEST(RoundRobin, TakesTheListFromItsHeadAndWraps) {
    OurScheduler rr("rr");
    rr.put({{3, 1}, {2, 1}, {1, 1}});  // 3 was added last
    EXPECT_EQ(picks(rr, 7), (std::vector<uint32_t>{3, 2, 1, 3, 2, 1, 3}));
}

TEST(RoundRobin, PassesOverWeightZeroAndIgnoresOtherWeights) {
    OurScheduler rr("rr");
    rr.put({{5, 0}, {4, 9}, {3, 0}, {2, 1}, {1, 0}});
    EXPECT_EQ(picks(rr, 4), (std::vector<uint32_t>{4, 2, 4, 2}));
    rr.set(1, {4, 0});
    EXPECT_EQ(picks(rr, 2), (std::vector<uint32_t>{2, 2}));
    rr.set(3, {2, 0});
    EXPECT_EQ(picks(rr, 2), (std::vector<uint32_t>{kNoServer, kNoServer}));
    rr.set(0, {5, 1});
    EXPECT_EQ(picks(rr, 2), (std::vector<uint32_t>{5, 5}));
}

TEST(RoundRobin, NoServersNoChoice) {
    OurScheduler rr("rr");
    rr.put({});
    EXPECT_EQ(rr.pick(), kNoServer);
    rr.put({{1, 1}});
    EXPECT_EQ(rr.pick(), 1U);
    rr.put({});
    EXPECT_EQ(rr.pick(), kNoServer);
}

TEST(WeightedRoundRobin, IpvsPublishedExample) {
    // The example of the LVS documentation: weights 4, 3, 2 give AABABCABC.
    OurScheduler wrr("wrr");
    wrr.put({{1, 4}, {2, 3}, {3, 2}});
    EXPECT_EQ(picks(wrr, 18),
              (std::vector<uint32_t>{1, 1, 2, 1, 2, 3, 1, 2, 3, 1, 1, 2, 1, 2, 3, 1, 2, 3}));
}

TEST(WeightedRoundRobin, EachServerGetsItsShareOfARound) {
    OurScheduler wrr("wrr");
    wrr.put({{1, 60}, {2, 0}, {3, 40}, {4, 100}});
    std::map<uint32_t, int> counts;
    for (const uint32_t number : picks(wrr, 10 * 100)) {
        ++counts[number];
    }
    EXPECT_EQ(counts, (std::map<uint32_t, int>{{1, 300}, {3, 200}, {4, 500}}));
}

// Picks, weight changes, additions at the head and removals in random order: choice by choice as
// IPVS does.
template <typename Ipvs>
void expect_like_ipvs(std::string_view name, uint64_t seed, uint32_t weight_max) {
    SCOPED_TRACE(fmt::format("{} seed {}", name, seed));
    Random random(seed);
    Ipvs ipvs;
    OurScheduler ours(name);
    uint32_t next_number = 0;
    const auto weight = [&] { return static_cast<uint32_t>(random.below(weight_max + 1)); };
    ASSERT_NO_FATAL_FAILURE(ours.put({}));
    for (int step = 0; step < 400; ++step) {
        const uint64_t what = random.below(12);
        const size_t size = ipvs.servers.size();
        if (what == 0 && size < 12) {
            ipvs.add({next_number++, weight()});
            ASSERT_NO_FATAL_FAILURE(ours.put(ipvs.servers));
        } else if (what == 1 && size > 0) {
            const auto victim =
                std::next(ipvs.servers.begin(), static_cast<ptrdiff_t>(random.below(size)));
            ipvs.remove(victim);
            ASSERT_NO_FATAL_FAILURE(ours.put(ipvs.servers));
        } else if (what == 2 && size > 0) {
            const uint32_t position = static_cast<uint32_t>(random.below(size));
            const auto changed = std::next(ipvs.servers.begin(), position);
            changed->weight = weight();
            ipvs.changed();
            ASSERT_NO_FATAL_FAILURE(ours.set(position, *changed));
        } else {
            ASSERT_EQ(ours.pick(), ipvs.pick()) << "step " << step;
        }
    }
}

TEST(RoundRobin, LikeIpvsUnderRandomChanges) {
    for (uint64_t seed = 1; seed <= 300; ++seed) {
        ASSERT_NO_FATAL_FAILURE(expect_like_ipvs<IpvsRoundRobin>("rr", seed, 2));
    }
}

TEST(WeightedRoundRobin, LikeIpvsUnderRandomChanges) {
    for (uint64_t seed = 1; seed <= 300; ++seed) {
        const uint32_t weight_max = seed % 3 == 0 ? 2 : seed % 3 == 1 ? 9 : 300;
        ASSERT_NO_FATAL_FAILURE(expect_like_ipvs<IpvsWeightedRoundRobin>("wrr", seed, weight_max));
    }
}

// --- Several workers ---

TEST(RoundRobin, WorkersBeginAtDifferentServers) {
    const std::list<Destination> servers{
        {7, 1}, {6, 1}, {5, 1}, {4, 1}, {3, 1}, {2, 1}, {1, 1}, {0, 1}};
    for (const std::string_view name : {"rr", "wrr"}) {
        for (const bool was_empty_first : {false, true}) {
            std::map<uint32_t, int> firsts;
            std::map<uint32_t, int> all;
            for (uint16_t worker = 0; worker < 4; ++worker) {
                OurScheduler scheduler(name, worker, 4);
                if (was_empty_first) {
                    scheduler.put({});  // servers come up after their service
                }
                scheduler.put(servers);
                const std::vector<uint32_t> chosen = picks(scheduler, 6);
                ++firsts[chosen[0]];
                for (const uint32_t number : chosen) {
                    ++all[number];
                }
            }
            EXPECT_EQ(firsts.size(), 4U) << name << was_empty_first;
            // 4 workers with 6 connections each: 3 for each of the 8 servers.
            for (const auto& [number, count] : all) {
                EXPECT_EQ(count, 3) << name << " server " << number;
            }
        }
    }
}

TEST(RoundRobin, OneWorkerBeginsAtTheHeadAlsoAfterTheServiceWasEmpty) {
    OurScheduler rr("rr");
    rr.put({});
    rr.put({{2, 1}, {1, 1}});
    EXPECT_EQ(picks(rr, 3), (std::vector<uint32_t>{2, 1, 2}));
}

TEST(RoundRobin, AReplacedTableGoesOnAfterTheLastChoice) {
    OurScheduler rr("rr", 1, 2);
    const std::list<Destination> servers{{4, 1}, {3, 1}, {2, 1}, {1, 1}};
    rr.put(servers);
    EXPECT_EQ(picks(rr, 1), (std::vector<uint32_t>{2}));
    rr.put({{5, 1}, {4, 1}, {3, 1}, {2, 1}, {1, 1}});
    EXPECT_EQ(picks(rr, 3), (std::vector<uint32_t>{1, 5, 4}));
    rr.put({{5, 1}, {3, 1}, {2, 1}, {1, 1}});  // 4, the last choice, is gone: on after 5
    EXPECT_EQ(picks(rr, 2), (std::vector<uint32_t>{3, 2}));
}

TEST(Schedulers, NamesFindTheirRow) {
    ASSERT_FALSE(schedulers().empty());
    for (size_t i = 0; i < schedulers().size(); ++i) {
        EXPECT_EQ(find_scheduler(schedulers()[i].name), i);
    }
    EXPECT_EQ(find_scheduler("nothing"), std::nullopt);
    EXPECT_EQ(find_scheduler(""), std::nullopt);
}

}  // namespace
}  // namespace director::dataplane
