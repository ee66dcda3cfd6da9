// Shows that every queue has one worker, that hashing hardware meets the owner, and that every
// worker can send on every port.
#include "dataplane/io/queue_plan.h"

#include <set>

#include <gtest/gtest.h>

namespace director::test {
namespace {

using dataplane::WorkerId;
using dataplane::io::transmit_queue_for;
using dataplane::io::worker_of_queue;

TEST(QueuePlanTest, QueueForEachWorkerIsItsOwn) {
    for (uint16_t port = 0; port < 3; ++port) {
        for (uint16_t queue = 0; queue < 4; ++queue) {
            EXPECT_EQ(worker_of_queue(port, queue, 4, 4), WorkerId{queue});
            EXPECT_EQ(transmit_queue_for(port, WorkerId{queue}, 4, 4), queue);
        }
    }
}

TEST(QueuePlanTest, PortsOfOneQueueTakeTurns) {
    EXPECT_EQ(worker_of_queue(0, 0, 1, 2), WorkerId{0});
    EXPECT_EQ(worker_of_queue(1, 0, 1, 2), WorkerId{1});
    EXPECT_EQ(worker_of_queue(2, 0, 1, 2), WorkerId{0});
}

TEST(QueuePlanTest, EveryPlanIsSound) {
    for (uint16_t workers = 1; workers <= 8; ++workers) {
        for (uint16_t queues = 1; queues <= workers; ++queues) {
            for (uint16_t port = 0; port < 5; ++port) {
                std::set<WorkerId> owners;
                for (uint16_t queue = 0; queue < queues; ++queue) {
                    owners.insert(worker_of_queue(port, queue, queues, workers));
                }
                EXPECT_EQ(owners.size(), queues);
                for (uint16_t worker = 0; worker < workers; ++worker) {
                    const uint16_t queue =
                        transmit_queue_for(port, WorkerId{worker}, queues, workers);
                    EXPECT_LT(queue, queues);
                    const WorkerId via = worker_of_queue(port, queue, queues, workers);
                    EXPECT_TRUE(via == WorkerId{worker} || !owners.contains(WorkerId{worker}));
                }
            }
        }
    }
}

}  // namespace
}  // namespace director::test
