#include "dataplane/core/schedulers.h"

#include <array>

#include "dataplane/core/scheduler_functions.h"

namespace director::dataplane {
namespace {

template <LoadRule kRule>
constexpr Scheduler by_load(std::string_view name) {
    return {.name = name,
            .pick = load_pick,
            .adopt = load_adopt<kRule>,
            .load_changed = load_changed<kRule>,
            .prepare = load_prepare<kRule>};
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
    Scheduler{"lblc", lblc_pick, locality_adopt, locality_load_changed, locality_prepare},
    Scheduler{"lblcr", lblcr_pick, locality_adopt, locality_load_changed, locality_prepare},
    Scheduler{"dh", dh_pick, hash_adopt, refresh_weight, dh_prepare, true, true},
    Scheduler{"sh", sh_pick, hash_adopt, refresh_weight, sh_prepare, true, true},
    Scheduler{"mh", mh_pick, hash_adopt, refresh_weight, mh_prepare, true, true},
    Scheduler{"twos", twos_pick, twos_adopt, twos_load_changed, twos_prepare},
    Scheduler{"maglev", maglev_pick, maglev_adopt, maglev_load_changed, maglev_prepare, true, true},
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

void prepare_scheduler(ServiceTable& table) {
    table.weights.clear();
    table.state = SchedulerState{};
    kSchedulers[table.scheduler].prepare(table);
}

void set_weight(ServiceTable& table, uint32_t position, uint32_t weight) {
    RealServerSlot& server = table.servers[position];
    server.last_weight = server.weight != 0 ? server.weight : server.last_weight;
    server.weight = weight;
    const Scheduler& scheduler = kSchedulers[table.scheduler];
    if (scheduler.load_changed != nullptr) {
        scheduler.load_changed(table, position);
    }
}

}  // namespace director::dataplane
