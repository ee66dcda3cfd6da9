// The workers as the control plane sees them: commands go out in order, what they were lent comes
// back and is freed, questions get their answers.
//
// A full ring is no reason to wait: what does not fit is kept and sent at the next turn(). Owns
// every service table, route table, pool and job that a worker holds a pointer to, so it must
// outlive the workers' running. Control-plane thread only.
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

// Match rules, source NAT and prefix lists together with what those lists point to.
struct TableSet {
    dataplane::Tables tables;
    std::vector<std::shared_ptr<const dataplane::io::Fib>> lists;
};

class Fleet {
  public:
    explicit Fleet(dataplane::io::Engine& engine);
    Fleet(const Fleet&) = delete;
    Fleet& operator=(const Fleet&) = delete;

    [[nodiscard]] uint16_t size() const { return static_cast<uint16_t>(outboxes_.size()); }

    // What all workers share of persistence.
    [[nodiscard]] dataplane::TemplateTable& templates() { return engine_.templates(); }

    // Sends the same small command to every worker.
    void broadcast(const dataplane::Command& command);
    // Gives every worker a copy of `table` of its own.
    void put_service(const dataplane::ServiceTable& table);
    // Shares `routes` among all workers; freed when the last has handed it back.
    void put_routes(std::unique_ptr<Routes> routes);
    // The same with `tables`.
    void put_tables(std::unique_ptr<TableSet> tables);
    // Lends one worker a pool of its own.
    void put_local_pool(dataplane::WorkerId worker, std::unique_ptr<dataplane::LocalPool> pool);
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
    // What all workers share, and how many still do.
    template <typename T>
    struct Lent {
        std::unique_ptr<T> what;
        uint32_t users = 0;
    };

    void queue(dataplane::WorkerId worker, dataplane::Command command);
    void handle(const dataplane::Event& event);

    dataplane::io::Engine& engine_;
    std::vector<Outbox> outboxes_;  // by worker
    std::map<const dataplane::ServiceTable*, std::unique_ptr<dataplane::ServiceTable>>
        lent_services_;
    std::list<Lent<Routes>> lent_routes_;
    std::list<Lent<TableSet>> lent_tables_;
    std::map<const dataplane::LocalPool*, std::unique_ptr<dataplane::LocalPool>> lent_pools_;
    std::map<const dataplane::Job*, std::function<void()>> jobs_;
    uint64_t refused_ = 0;
};

}  // namespace director::daemon
