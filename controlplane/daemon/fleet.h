// The workers as the control plane sees them: commands go out in order, what they were lent comes
// back and is freed, questions get their answers.
//
// A full ring is no reason to wait: what does not fit is kept and sent at the next turn(). Owns
// every service table, route table and job that a worker holds a pointer to, so it must outlive the
// workers' running. Control-plane thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <vector>

#include "dataplane/api/command.h"
#include "dataplane/api/event.h"
#include "dataplane/api/job.h"
#include "dataplane/io/engine.h"

namespace director::daemon {

// A route table together with the longest-prefix match that it points to.
struct Routes {
    dataplane::RouteTable table;
    std::unique_ptr<dataplane::io::Fib> fib;
};

class Fleet {
  public:
    explicit Fleet(dataplane::io::Engine& engine);
    Fleet(const Fleet&) = delete;
    Fleet& operator=(const Fleet&) = delete;

    [[nodiscard]] uint16_t size() const { return static_cast<uint16_t>(outboxes_.size()); }

    // Sends the same small command to every worker.
    void broadcast(const dataplane::Command& command);
    // Gives every worker a copy of `table` of its own.
    void put_service(const dataplane::ServiceTable& table);
    // Shares `routes` among all workers; freed when the last has handed it back.
    void put_routes(std::unique_ptr<Routes> routes);
    // Asks one worker; `done` is called from turn() with the answer.
    template <typename JobType>
    void ask(dataplane::WorkerId worker,
             std::shared_ptr<JobType> job,
             std::function<void(JobType&)> done) {
        dataplane::Command command(dataplane::CommandKind::kRunJob);
        command.job = job.get();
        jobs_[job.get()] = [job, done = std::move(done)] { done(*job); };
        queue(worker, command);
    }

    // Moves what fits to the rings, then takes in all events. Call when the engine wakes, and again
    // soon while has_backlog().
    void turn();
    [[nodiscard]] bool has_backlog() const;

    // Commands that a worker refused: a bug of ours, counted so that tests see it.
    [[nodiscard]] uint64_t refused() const { return refused_; }

  private:
    struct Outbox {
        std::deque<dataplane::Command> commands;
        uint32_t sequence = 0;
    };
    struct LentRoutes {
        std::unique_ptr<Routes> routes;
        uint32_t users = 0;
    };

    void queue(dataplane::WorkerId worker, dataplane::Command command);
    void handle(const dataplane::Event& event);
    void take_back_routes(const dataplane::RouteTable* table);

    dataplane::io::Engine& engine_;
    std::vector<Outbox> outboxes_;  // by worker
    std::map<const dataplane::ServiceTable*, std::unique_ptr<dataplane::ServiceTable>>
        lent_services_;
    std::list<LentRoutes> lent_routes_;
    std::map<const dataplane::Job*, std::function<void()>> jobs_;
    uint64_t refused_ = 0;
};

}  // namespace director::daemon
