// The functions behind the rows of schedulers.cc; for it and the scheduler_*.cc alone.
#pragma once

#include "dataplane/core/schedulers/load_tree.h"
#include "dataplane/core/schedulers/schedulers.h"

namespace director::dataplane {

// Whether `table` takes the place of another one with the same scheduler.
[[nodiscard]] constexpr bool goes_on_from(const ServiceTable& table, const ServiceTable* previous) {
    return previous != nullptr && previous != &table && previous->scheduler == table.scheduler;
}

// scheduler_rr.cc
[[nodiscard]] uint32_t rr_pick(ServiceTable& table, const ScheduleInput& input);
void rr_adopt(ServiceTable& table, ServiceTable* previous);
[[nodiscard]] uint32_t wrr_pick(ServiceTable& table, const ScheduleInput& input);
void wrr_adopt(ServiceTable& table, ServiceTable* previous);

// scheduler_load.cc: lc, wlc, sed, nq, fo, ovf, all by their LoadRule
[[nodiscard]] uint32_t load_pick(ServiceTable& table, const ScheduleInput& input);
template <LoadRule kRule>
void load_prepare(ServiceTable& table) {
    build_load_tree(table, kRule);
}
template <LoadRule kRule>
void load_adopt(ServiceTable& table, ServiceTable* previous) {
    if (previous != &table) {
        refill_load_tree(table, kRule);
    }
}
template <LoadRule kRule>
void load_changed(ServiceTable& table, uint32_t position) {
    refresh_load(table, position, kRule);
}

// scheduler_twos.cc
[[nodiscard]] uint32_t twos_pick(ServiceTable& table, const ScheduleInput& input);
void twos_adopt(ServiceTable& table, ServiceTable* previous);
void twos_load_changed(ServiceTable& table, uint32_t position);
void twos_prepare(ServiceTable& table);

// scheduler_locality.cc
// The remembered destinations that a pick for `input` may change; none with other schedulers.
inline constexpr size_t kLocalityWays = 8;
[[nodiscard]] std::span<LocalityEntry> locality_set(ServiceTable& table,
                                                    const ScheduleInput& input);
[[nodiscard]] uint32_t lblc_pick(ServiceTable& table, const ScheduleInput& input);
[[nodiscard]] uint32_t lblcr_pick(ServiceTable& table, const ScheduleInput& input);
void locality_adopt(ServiceTable& table, ServiceTable* previous);
void locality_load_changed(ServiceTable& table, uint32_t position);
void locality_prepare(ServiceTable& table);

// scheduler_hash.cc
[[nodiscard]] uint32_t sh_pick(ServiceTable& table, const ScheduleInput& input);
void sh_prepare(ServiceTable& table);
[[nodiscard]] uint32_t dh_pick(ServiceTable& table, const ScheduleInput& input);
void dh_prepare(ServiceTable& table);
void hash_adopt(ServiceTable& table, ServiceTable* previous);

// scheduler_mh.cc
[[nodiscard]] uint32_t mh_pick(ServiceTable& table, const ScheduleInput& input);
void mh_prepare(ServiceTable& table);

// scheduler_maglev.cc
[[nodiscard]] uint32_t maglev_pick(ServiceTable& table, const ScheduleInput& input);
void maglev_adopt(ServiceTable& table, ServiceTable* previous);
void maglev_load_changed(ServiceTable& table, uint32_t position);
void maglev_prepare(ServiceTable& table);

}  // namespace director::dataplane
