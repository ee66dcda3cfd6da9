#include "dataplane/io/lcore_task.h"

#include <utility>

#include <rte_launch.h>

namespace director::dataplane::io {

bool LcoreTask::launch(std::function<void()> work) {
    work_ = std::move(work);
    is_handed_over_.store(true, std::memory_order_release);
    return rte_eal_remote_launch(&LcoreTask::run, this, lcore_) == 0;
}

int LcoreTask::run(void* self) {
    auto* const task = static_cast<LcoreTask*>(self);
    if (task->is_handed_over_.load(std::memory_order_acquire)) {
        task->work_();
    }
    task->is_handed_over_.store(false, std::memory_order_release);
    return 0;
}

void LcoreTask::wait() {
    rte_eal_wait_lcore(lcore_);
    static_cast<void>(is_handed_over_.load(std::memory_order_acquire));
}

}  // namespace director::dataplane::io
