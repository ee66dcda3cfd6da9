#include "common/scheduling.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace director {
namespace {

// struct sched_attr of <linux/sched/types.h>, whose other content <sched.h> has too; its first
// version (SCHED_ATTR_SIZE_VER0).
struct SchedulingAttributes {
    uint32_t size = sizeof(SchedulingAttributes);
    uint32_t policy = 0;
    uint64_t flags = 0;
    int32_t nice = 0;
    uint32_t priority = 0;
    uint64_t runtime_ns = 0;
    uint64_t deadline_ns = 0;
    uint64_t period_ns = 0;
};
static_assert(sizeof(SchedulingAttributes) == 48);

}  // namespace

void ask_for_short_turns() {
    constexpr uint64_t kSliceNs = 100'000;  // the least that Linux takes
    SchedulingAttributes attributes;
    if (::syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0) != 0 ||
        attributes.policy != SCHED_OTHER) {
        return;
    }
    attributes.runtime_ns = kSliceNs;
    static_cast<void>(::syscall(SYS_sched_setattr, 0, &attributes, 0));
}

Result<void> become_realtime(int priority) {
    sched_param parameters{};
    parameters.sched_priority = priority;
    if (::sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &parameters) != 0) {
        return failure(fmt::format("real-time priority {}: {}", priority, std::strerror(errno)));
    }
    return {};
}

}  // namespace director
