// What the packet path costs: `scripts/bench` runs this once per kind of memory pages.
//
//   dataplane_bench --pages huge|small [--quick] [--json FILE] [--connections N,N...] [--stages]
//                   [--schedulers]
//
// How it measures: frames are written, then their cache lines are flushed to memory, outside the
// measured time; then the batch is processed and the thread's CPU time taken. Director and
// yardstick, and the directions, take turns batch by batch; a figure is the median of the rounds.
#include <fmt/format.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_malloc.h>

#include "common/assert.h"
#include "common/random.h"
#include "dataplane/core/schedulers/schedulers.h"
#include "dataplane/core/shard.h"
#include "tests/bench/director_balancer.h"
#include "tests/bench/report.h"
#include "tests/bench/yardstick.h"

namespace director::bench {
namespace {

using dataplane::Direction;

constexpr uint64_t kSeed = 1;
constexpr size_t kBatch = 1U << 17;
// Touched cache lines of frames: twice the biggest L3 among the machines this was written on.
constexpr size_t kPoolBytes = size_t{512} << 20;
constexpr size_t kPoolBytesQuick = size_t{64} << 20;
constexpr std::array kMixes{Mix::kClientToServer, Mix::kServerToClient, Mix::kMixed};

struct Options {
    bool is_huge = true;
    bool is_quick = false;
    bool is_by_stage = false;
    bool is_by_scheduler = false;
    std::string json;
    std::vector<uint32_t> connections;
};

double cpu_ns() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

dataplane::TableMemory dpdk_memory() {
    return {.allocate = [](size_t bytes) { return rte_zmalloc(nullptr, bytes, 64); },
            .release = [](void* memory, size_t) { rte_free(memory); }};
}

class Bench {
  public:
    Bench(const Options& options, Report& report)
        : options_(options),
          report_(report),
          pool_bytes_(options.is_quick ? kPoolBytesQuick : kPoolBytes),
          pool_memory_(static_cast<uint8_t*>(rte_zmalloc(nullptr, pool_bytes_, 64))),
          pool_({pool_memory_, pool_bytes_}) {
        DIRECTOR_ASSERT(pool_memory_ != nullptr);
    }
    ~Bench() { rte_free(pool_memory_); }
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;

    void by_connections(uint32_t connections);
    void by_services_and_servers();
    void by_stage(uint32_t connections);
    void by_scheduler(std::string_view scheduler, uint32_t servers);
    void hand_over();

  private:
    [[nodiscard]] uint32_t rounds() const { return options_.is_quick ? 7 : 31; }
    // Nanoseconds per packet of a batch that is then all forwarded.
    double time(Balancer& balancer) {
        const double start = cpu_ns();
        process_all(balancer, batch_);
        return (cpu_ns() - start) / static_cast<double>(batch_.size());
    }
    std::vector<double> open_all(Balancer& balancer, FrameWriter& writer, const Scene& scene);
    void establish_all(Balancer& balancer, FrameWriter& writer, const Scene& scene);
    void established(DirectorBalancer& director,
                     RteHashBalancer* yardstick,
                     FrameWriter& writer,
                     const Scene& scene,
                     const std::string& name);
    // Nanoseconds for a choice and two changes of load.
    static double time_choices(const Scene& scene);
    double end_all(DirectorBalancer& director,
                   FrameWriter& writer,
                   const Scene& scene,
                   Direction direction);
    void life_cycles(DirectorBalancer& director,
                     FrameWriter& writer,
                     const Scene& scene,
                     const std::string& name,
                     std::optional<double> yardstick_open_ns);

    Options options_;
    Report& report_;
    size_t pool_bytes_;
    uint8_t* pool_memory_;
    FramePool pool_;
    Batch batch_;
};

// Sends a SYN for every flow; answers the cost of one, batch by batch.
std::vector<double> Bench::open_all(Balancer& balancer, FrameWriter& writer, const Scene& scene) {
    std::vector<double> samples;
    for (uint32_t first = 0; first < scene.connections; first += kBatch) {
        const size_t count = std::min<size_t>(kBatch, scene.connections - first);
        writer.fill_flows(batch_, first, count, Direction::kClientToServer, kSyn, {});
        samples.push_back(time(balancer));
        learn_servers(balancer, batch_);
    }
    return samples;
}

// The rest of the handshakes.
void Bench::establish_all(Balancer& balancer, FrameWriter& writer, const Scene& scene) {
    for (uint32_t first = 0; first < scene.connections; first += kBatch) {
        const size_t count = std::min<size_t>(kBatch, scene.connections - first);
        const ServersOfFlows& servers = balancer.servers_of_flows;
        writer.fill_flows(batch_, first, count, Direction::kServerToClient, kSyn | kAck, servers);
        process_all(balancer, batch_);
        writer.fill_flows(batch_, first, count, Direction::kClientToServer, kAck, servers);
        process_all(balancer, batch_);
    }
}

void Bench::established(DirectorBalancer& director,
                        RteHashBalancer* yardstick,
                        FrameWriter& writer,
                        const Scene& scene,
                        const std::string& name) {
    std::array<std::vector<double>, kMixes.size()> ours;
    std::array<std::vector<double>, kMixes.size()> theirs;
    for (uint32_t round = 0; round <= rounds(); ++round) {
        for (size_t i = 0; i < kMixes.size(); ++i) {
            writer.fill_established(batch_, kBatch, kMixes[i], director.servers_of_flows);
            ours[i].push_back(time(director));
            if (yardstick != nullptr) {
                writer.fill_established(batch_, kBatch, kMixes[i], yardstick->servers_of_flows);
                theirs[i].push_back(time(*yardstick));
            }
        }
    }
    for (size_t i = 0; i < kMixes.size(); ++i) {
        ours[i].erase(ours[i].begin());  // the warm-up round
        std::optional<double> compared;
        if (yardstick != nullptr) {
            theirs[i].erase(theirs[i].begin());
            compared = median(theirs[i]);
        }
        const double ns = median(ours[i]);
        report_.add({name + to_string(kMixes[i]), scene.connections, ns, "ns/packet", compared});
        if (kMixes[i] == Mix::kMixed) {
            if (compared) {
                compared = 1000 / *compared;
            }
            report_.add(
                {name + "mixed_rate", scene.connections, 1000 / ns, "Mpackets/s", compared});
        }
    }
}

// Ends all connections by a RST each, in random order, and lets them expire; answers the cost of
// an expiry.
double Bench::end_all(DirectorBalancer& director,
                      FrameWriter& writer,
                      const Scene& scene,
                      Direction direction) {
    for (uint32_t first = 0; first < scene.connections; first += kBatch) {
        const size_t count = std::min<size_t>(kBatch, scene.connections - first);
        writer.fill_flows(
            batch_, first, count, direction, kRst, director.servers_of_flows, scene.connections);
        process_all(director, batch_);
    }
    DIRECTOR_ASSERT(director.connections() == scene.connections);
    director.advance(std::chrono::seconds(11));  // CLOSE lasts 10
    const double start = cpu_ns();
    director.expire_all();
    return (cpu_ns() - start) / scene.connections;
}

// Opens all connections and ends them, again and again: after the first time entries are taken from
// the free list, in random order, as in a table that has been running for a while.
void Bench::life_cycles(DirectorBalancer& director,
                        FrameWriter& writer,
                        const Scene& scene,
                        const std::string& name,
                        std::optional<double> yardstick_open_ns) {
    std::vector<double> expiries{end_all(director, writer, scene, Direction::kClientToServer)};
    std::vector<double> openings;
    const uint32_t cycles = scene.connections >= 1000000 ? 1 : options_.is_quick ? 5 : 20;
    for (uint32_t cycle = 0; cycle < cycles; ++cycle) {
        const std::vector<double> samples = open_all(director, writer, scene);
        openings.insert(openings.end(), samples.begin(), samples.end());
        expiries.push_back(end_all(director, writer, scene, Direction::kServerToClient));
    }
    const double open_ns = median(openings);
    report_.add({name + "new_connection", scene.connections, open_ns, "ns", yardstick_open_ns});
    if (yardstick_open_ns) {
        yardstick_open_ns = 1000 / *yardstick_open_ns;
    }
    report_.add({name + "new_connection_rate",
                 scene.connections,
                 1000 / open_ns,
                 "M/s",
                 yardstick_open_ns});
    report_.add({name + "expiry", scene.connections, median(expiries), "ns", {}});
}

void Bench::by_connections(uint32_t connections) {
    const Scene scene{.connections = connections};
    FrameWriter writer(pool_, scene, kSeed);
    DirectorBalancer director(scene, dpdk_memory());
    const std::vector<double> first_openings = open_all(director, writer, scene);
    establish_all(director, writer, scene);
    std::optional<double> yardstick_open_ns;
    {
        RteHashBalancer yardstick(scene);
        yardstick_open_ns = median(open_all(yardstick, writer, scene));
        established(director, &yardstick, writer, scene, "");
        const double divisor = connections;
        report_.add({"memory",
                     connections,
                     static_cast<double>(director.table_bytes()) / divisor,
                     "bytes/conn",
                     static_cast<double>(yardstick.table_bytes()) / divisor});
    }
    report_.add(
        {"first_connections", connections, median(first_openings), "ns", yardstick_open_ns});
    life_cycles(director, writer, scene, "", yardstick_open_ns);
}

void Bench::by_services_and_servers() {
    const uint32_t connections = options_.is_quick ? 100000 : 1000000;
    const auto measure = [&](uint32_t services, uint32_t servers) {
        const Scene scene{.connections = connections, .services = services, .servers = servers};
        FrameWriter writer(pool_, scene, kSeed);
        DirectorBalancer director(scene, dpdk_memory());
        open_all(director, writer, scene);
        establish_all(director, writer, scene);
        const std::string name = fmt::format("services_{}.servers_{}.", services, servers);
        established(director, nullptr, writer, scene, name);
        life_cycles(director, writer, scene, name, {});
    };
    for (const uint32_t services : {1U, 1000U, 10000U}) {
        measure(services, 10000);
    }
    for (const uint32_t servers : {2U, 1000U, 100000U}) {
        measure(1, servers);
    }
}

// New connections beside those of rr, which take turns cycle by cycle: the right column is rr's.
// Then the scheduler's part alone: a choice, and the change of load when a connection opens and
// when another one ends.
void Bench::by_scheduler(std::string_view scheduler, uint32_t servers) {
    const Scene rr_scene{.connections = 100000, .servers = servers};
    Scene scene = rr_scene;
    scene.scheduler = scheduler;
    FrameWriter writer(pool_, scene, kSeed);
    DirectorBalancer rr(rr_scene, dpdk_memory());
    DirectorBalancer director(scene, dpdk_memory());
    std::vector<double> of_rr;
    std::vector<double> ours;
    for (uint32_t cycle = 0; cycle <= rounds() / 2; ++cycle) {
        of_rr.push_back(median(open_all(rr, writer, scene)));
        ours.push_back(median(open_all(director, writer, scene)));
        end_all(rr, writer, scene, Direction::kServerToClient);
        end_all(director, writer, scene, Direction::kServerToClient);
    }
    const std::string name = fmt::format("scheduler_{}.servers_{}.", scheduler, servers);
    report_.add({name + "new_connection", scene.connections, median(ours), "ns", median(of_rr)});
    report_.add({name + "choice", scene.connections, time_choices(scene), "ns", {}});
}

double Bench::time_choices(const Scene& scene) {
    dataplane::ServiceTable table;
    table.scheduler = *dataplane::find_scheduler(scene.scheduler);
    for (uint32_t server = 0; server < scene.servers; ++server) {
        table.servers.push_back({.id = dataplane::RealServerId{server},
                                 .endpoint = server_endpoint(server),
                                 .weight = 1 + server % 10});
    }
    dataplane::prepare_scheduler(table);
    const dataplane::Scheduler& scheduler = dataplane::schedulers()[table.scheduler];
    scheduler.adopt(table, nullptr);
    const auto change = [&](uint32_t position, uint32_t by) {
        table.servers[position].active += by;
        table.servers[position].total += by;
        scheduler.load_changed(table, position);
    };
    Random random(kSeed);
    std::vector<uint32_t> servers_of(scene.connections, dataplane::kNoServer);
    const double start = cpu_ns();
    constexpr uint32_t kChoices = 1000000;
    for (uint32_t i = 0; i < kChoices; ++i) {
        uint32_t& server = servers_of[random.below(servers_of.size())];
        if (server != dataplane::kNoServer) {
            change(server, ~0U);
        }
        const auto client = static_cast<uint32_t>(random.next());
        server = scheduler.pick(table, {client, client >> 20, 0, 0});
        if (server != dataplane::kNoServer) {
            change(server, 1);
        }
    }
    return (cpu_ns() - start) / kChoices;
}

// Where the time goes. The time stamp counter is read between the stages, which takes time itself:
// the sum exceeds what by_connections() measures by about the overhead printed.
void Bench::by_stage(uint32_t connections) {
    const Scene scene{.connections = connections};
    FrameWriter writer(pool_, scene, kSeed);
    DirectorBalancer director(scene, dpdk_memory());
    open_all(director, writer, scene);
    establish_all(director, writer, scene);
    const std::vector<const char*> names = DirectorBalancer::stage_names();
    const double ns_per_tick = 1e9 / static_cast<double>(rte_get_tsc_hz());
    std::array<std::vector<std::vector<double>>, kMixes.size()> samples;
    for (auto& of_mix : samples) {
        of_mix.resize(names.size());
    }
    for (uint32_t round = 0; round < rounds(); ++round) {
        for (size_t mix = 0; mix < kMixes.size(); ++mix) {
            std::vector<uint64_t> ticks(names.size());
            writer.fill_established(batch_, kBatch, kMixes[mix], director.servers_of_flows);
            const auto packets = static_cast<double>(director.process_by_stage(batch_, ticks));
            for (size_t i = 0; i < names.size(); ++i) {
                samples[mix][i].push_back(static_cast<double>(ticks[i]) * ns_per_tick / packets);
            }
        }
    }
    for (size_t mix = 0; mix < kMixes.size(); ++mix) {
        double sum = 0;
        for (size_t i = 0; i < names.size(); ++i) {
            const double ns = median(samples[mix][i]);
            sum += ns;
            report_.add({fmt::format("stage.{}.{}", to_string(kMixes[mix]), names[i]),
                         connections,
                         ns,
                         "ns/packet",
                         {}});
        }
        report_.add({fmt::format("stage.{}.sum", to_string(kMixes[mix])),
                     connections,
                     sum,
                     "ns/packet",
                     {}});
    }
    const uint64_t start = rte_rdtsc();
    constexpr uint32_t kReads = 1000000;
    for (uint32_t i = 0; i < kReads; ++i) {
        rte_rdtsc();
    }
    const double read_ns = static_cast<double>(rte_rdtsc() - start) * ns_per_tick / kReads;
    report_.add({"stage.overhead",
                 connections,
                 read_ns * static_cast<double>(names.size() + 1) / dataplane::kBurstMax,
                 "ns/packet",
                 {}});
}

// What it costs to find out that a packet is another worker's. The rings come on top.
void Bench::hand_over() {
    const Scene scene{.connections = 100000};
    FrameWriter writer(pool_, scene, kSeed);
    DirectorBalancer director(scene, dpdk_memory(), 2);
    Batch all;
    std::vector<double> samples;
    for (uint32_t round = 0; round <= rounds(); ++round) {
        writer.fill_established(all, 2 * kBatch, Mix::kClientToServer, {});
        batch_ = {};
        for (size_t i = 0; i < all.size(); ++i) {
            const Endpoint client = client_of(all.flows[i]);
            if (dataplane::owner_of(client, 2) == dataplane::WorkerId{1}) {
                batch_.frames.push_back(all.frames[i]);
                batch_.ports.push_back(all.ports[i]);
            }
        }
        const double start = cpu_ns();
        director.process(batch_);
        samples.push_back((cpu_ns() - start) / static_cast<double>(batch_.size()));
    }
    DIRECTOR_ASSERT(director.worker().counters().handed_out ==
                    director.worker().counters().received);
    report_.add({"hand_over", scene.connections, median(samples), "ns/packet", {}});
}

[[noreturn]] void usage() {
    std::fprintf(stderr,
                 "usage: dataplane_bench [--pages huge|small] [--quick] [--json FILE]\n"
                 "                       [--connections N,N...] [--stages] [--schedulers]\n");
    std::exit(2);
}

Options parse_options(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        const bool has_value = i + 1 < argc;
        if (argument == "--quick") {
            options.is_quick = true;
        } else if (argument == "--stages") {
            options.is_by_stage = true;
        } else if (argument == "--schedulers") {
            options.is_by_scheduler = true;
        } else if (argument == "--pages" && has_value) {
            const std::string pages = argv[++i];
            if (pages != "huge" && pages != "small") {
                usage();
            }
            options.is_huge = pages == "huge";
        } else if (argument == "--json" && has_value) {
            options.json = argv[++i];
        } else if (argument == "--connections" && has_value) {
            char* at = argv[++i];
            do {
                options.connections.push_back(static_cast<uint32_t>(std::strtoul(at, &at, 10)));
            } while (*at++ == ',');
        } else {
            usage();
        }
    }
    return options;
}

void start_eal(bool is_huge, uint32_t megabytes) {
    // 4 KiB pages mean 4 KiB pages.
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    const std::string size = std::to_string(megabytes);
    std::vector<std::string> arguments{
        "dataplane_bench", "--no-pci", "--no-telemetry", "--log-level=error", "--lcores=0@(0-1)"};
    if (is_huge) {
        arguments.insert(arguments.end(), {"--in-memory", "--single-file-segments"});
    } else {
        arguments.insert(arguments.end(), {"--no-huge", "--no-shconf", "-m", size});
    }
    std::vector<char*> line;
    line.reserve(arguments.size());
    for (std::string& argument : arguments) {
        line.push_back(argument.data());
    }
    if (rte_eal_init(static_cast<int>(line.size()), line.data()) < 0) {
        std::fprintf(stderr,
                     "dataplane_bench: no memory: are %u MB of %s free?\n",
                     megabytes,
                     is_huge ? "hugepages" : "memory");
        std::exit(1);
    }
}

}  // namespace
}  // namespace director::bench

int main(int argc, char** argv) {
    using namespace director::bench;
    Options options = parse_options(argc, argv);
    if (options.connections.empty()) {
        options.connections = {1000, 100000, 1000000};
        if (!options.is_quick) {
            options.connections.push_back(10000000);
        }
    }
    const uint32_t most = *std::max_element(options.connections.begin(), options.connections.end());
    // Director 86 bytes a connection, the yardstick 260, and room for the heap to be divided badly.
    start_eal(options.is_huge, static_cast<uint32_t>(1024 + uint64_t{most} * 500 / 1000000));
    Report report(options.is_huge ? "huge" : "4k");
    {
        Bench bench(options, report);
        for (const uint32_t servers : {2U, 100U, 10000U}) {
            for (const auto& scheduler : director::dataplane::schedulers()) {
                if (options.is_by_scheduler || !options.is_by_stage) {
                    bench.by_scheduler(scheduler.name, servers);
                }
            }
        }
        if (options.is_by_scheduler) {
            options.connections.clear();
        }
        for (const uint32_t connections : options.connections) {
            options.is_by_stage ? bench.by_stage(connections) : bench.by_connections(connections);
        }
        if (!options.is_by_stage && !options.is_by_scheduler) {
            bench.by_services_and_servers();
            bench.hand_over();
        }
    }
    if (!options.json.empty() && !report.write_json(options.json)) {
        std::fprintf(stderr, "dataplane_bench: cannot write %s\n", options.json.c_str());
        return 1;
    }
    return 0;
}
