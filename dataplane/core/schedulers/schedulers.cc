#include "dataplane/core/schedulers/schedulers.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "dataplane/core/schedulers/scheduler_functions.h"

namespace director::dataplane {
namespace {

template <LoadRule kRule>
constexpr Scheduler by_load(std::string_view name) {
    return {.name = name,
            .pick = load_pick,
            .adopt = load_adopt<kRule>,
            .load_changed = load_changed<kRule>,
            .prepare = load_prepare<kRule>,
            .is_by_load = kRule != LoadRule::kHeaviest};
}

constexpr Scheduler by_destination(std::string_view name, decltype(Scheduler::pick) pick) {
    return {.name = name,
            .pick = pick,
            .adopt = locality_adopt,
            .load_changed = locality_load_changed,
            .prepare = locality_prepare,
            .is_by_load = true};
}

constexpr Scheduler by_hash(std::string_view name,
                            decltype(Scheduler::pick) pick,
                            decltype(Scheduler::prepare) prepare) {
    return {.name = name,
            .pick = pick,
            .adopt = hash_adopt,
            .load_changed = refresh_weight,
            .prepare = prepare,
            .is_rebuilt_on_weight_change = true,
            .is_hash = true};
}

// Every scheduler there is. The order is no promise: find_scheduler() finds.
constexpr std::array kSchedulers{
    Scheduler{"rr", rr_pick, rr_adopt, refresh_weight, build_weight_tree},
    Scheduler{"wrr", wrr_pick, wrr_adopt, refresh_weight, build_weight_tree},
    by_load<LoadRule::kLeastConnections>("lc"),
    by_load<LoadRule::kWeighted>("wlc"),
    by_load<LoadRule::kExpectedDelay>("sed"),
    by_load<LoadRule::kNeverQueue>("nq"),
    by_load<LoadRule::kHeaviest>("fo"),
    by_load<LoadRule::kHeaviestWithRoom>("ovf"),
    by_destination("lblc", lblc_pick),
    by_destination("lblcr", lblcr_pick),
    by_hash("dh", dh_pick, dh_prepare),
    by_hash("sh", sh_pick, sh_prepare),
    by_hash("mh", mh_pick, mh_prepare),
    Scheduler{.name = "twos",
              .pick = twos_pick,
              .adopt = twos_adopt,
              .load_changed = twos_load_changed,
              .prepare = twos_prepare,
              .is_by_load = true},
    Scheduler{.name = "maglev",
              .pick = maglev_pick,
              .adopt = maglev_adopt,
              .load_changed = maglev_load_changed,
              .prepare = maglev_prepare,
              .is_rebuilt_on_weight_change = true,
              .is_hash = true,
              .is_by_load = true},
};

}  // namespace

uint32_t address_fold(const IpAddress& address) {
    if (address.is_ipv4()) {
        return address.ipv4().host();
    }
    uint32_t fold = 0;
    for (size_t i = 0; i < address.bytes.size(); ++i) {
        fold ^= uint32_t{address.bytes[i]} << (8 * (3 - i % 4));
    }
    return fold;
}

std::span<const Scheduler> schedulers() {
    return kSchedulers;
}

std::optional<uint8_t> find_scheduler(std::string_view name) {
    for (size_t i = 0; i < kSchedulers.size(); ++i) {
        if (kSchedulers[i].name == name) {
            return static_cast<uint8_t>(i);
        }
    }
    return std::nullopt;
}

namespace {

// Of servers with the same id, the first in the list is found.
void index_quic_servers(ServiceTable& table) {
    table.quic_servers.clear();
    if (table.options.quic_id_bytes == 0) {
        return;
    }
    for (uint32_t position = 0; position < table.servers.size(); ++position) {
        table.quic_servers.push_back({table.servers[position].quic_id, position});
    }
    std::stable_sort(
        table.quic_servers.begin(),
        table.quic_servers.end(),
        [](const QuicServer& one, const QuicServer& other) { return one.id < other.id; });
}

}  // namespace

void prepare_scheduler(ServiceTable& table) {
    index_quic_servers(table);
    table.weights.clear();
    table.state = SchedulerState{};
    kSchedulers[table.scheduler].prepare(table);
}

// Picks, and puts back what a pick may change: the numbers of the state, and the destinations that
// share a set with this one. All else follows from weights and loads, which picks leave alone.
uint32_t foresee_pick(ServiceTable& table, const ScheduleInput& input) {
    SchedulerState& state = table.state;
    const auto numbers =
        std::tie(state.position, state.current_weight, state.started, state.random);
    const std::tuple<uint32_t, uint32_t, bool, uint64_t> before = numbers;
    std::array<LocalityEntry, kLocalityWays> set_before;
    const std::span<LocalityEntry> set = locality_set(table, input);
    std::copy(set.begin(), set.end(), set_before.begin());
    const uint32_t picked = kSchedulers[table.scheduler].pick(table, input);
    auto restored = std::tie(state.position, state.current_weight, state.started, state.random);
    restored = before;
    std::copy_n(set_before.begin(), set.size(), set.begin());
    return picked;
}

uint32_t server_with_quic_id(const ServiceTable& table, uint64_t id) {
    const auto found = std::lower_bound(
        table.quic_servers.begin(),
        table.quic_servers.end(),
        id,
        [](const QuicServer& server, uint64_t wanted) { return server.id < wanted; });
    return found != table.quic_servers.end() && found->id == id ? found->position : kNoServer;
}

void set_weight(ServiceTable& table, uint32_t position, uint32_t weight) {
    RealServerSlot& server = table.servers[position];
    server.last_weight = server.weight != 0 ? server.weight : server.last_weight;
    server.weight = weight;
    kSchedulers[table.scheduler].load_changed(table, position);
}

}  // namespace director::dataplane
