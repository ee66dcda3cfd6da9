// Which worker serves which queue of which port.
#pragma once

#include <cstdint>

#include "dataplane/api/ids.h"

namespace director::dataplane::io {

// With a queue for each worker, queue and worker have the same number: hardware that hashes by the
// client's endpoint then delivers to the owner. With fewer, ports take turns, so that two ports of
// one queue each keep two workers busy.
[[nodiscard]] constexpr WorkerId worker_of_queue(uint16_t port,
                                                 uint16_t queue,
                                                 uint16_t queues,
                                                 uint16_t workers) {
    if (queues >= workers) {
        return WorkerId{queue};
    }
    return WorkerId{static_cast<uint16_t>((uint32_t{port} * queues + queue) % workers)};
}

// The transmit queue that a worker's frames leave by: its own, or that of the worker it passes them
// to.
[[nodiscard]] constexpr uint16_t transmit_queue_for(uint16_t port,
                                                    WorkerId worker,
                                                    uint16_t queues,
                                                    uint16_t workers) {
    for (uint16_t queue = 0; queue < queues; ++queue) {
        if (worker_of_queue(port, queue, queues, workers) == worker) {
            return queue;
        }
    }
    return static_cast<uint16_t>(index(worker) % queues);
}

}  // namespace director::dataplane::io
