#include "controlplane/daemon/fleet.h"

#include <algorithm>

#include "common/assert.h"
#include "common/log.h"

namespace director::daemon {

using dataplane::Command;
using dataplane::CommandKind;
using dataplane::Event;
using dataplane::EventKind;
using dataplane::WorkerId;

namespace {
constexpr LogArea kLog{"fleet"};

// One worker less uses what `is_it` finds among `lent`.
template <typename List, typename IsIt>
void take_back(List& lent, const IsIt& is_it) {
    const auto found =
        std::find_if(lent.begin(), lent.end(), [&](const auto& l) { return is_it(*l.what); });
    DIRECTOR_ASSERT(found != lent.end());
    if (--found->users == 0) {
        lent.erase(found);
    }
}

}  // namespace

Fleet::Fleet(dataplane::io::Engine& engine) : engine_(engine), outboxes_(engine.worker_count()) {}

void Fleet::queue(WorkerId worker, Command command) {
    Outbox& outbox = outboxes_[index(worker)];
    command.sequence = ++outbox.sequence;
    outbox.commands.push_back(command);
}

void Fleet::broadcast(const Command& command) {
    for (uint16_t worker = 0; worker < size(); ++worker) {
        queue(WorkerId{worker}, command);
    }
}

void Fleet::put_service(const dataplane::ServiceTable& table) {
    for (uint16_t worker = 0; worker < size(); ++worker) {
        auto copy = std::make_unique<dataplane::ServiceTable>(table);
        Command command(CommandKind::kPutService);
        command.service_table = copy.get();
        lent_services_.emplace(copy.get(), std::move(copy));
        queue(WorkerId{worker}, command);
    }
}

void Fleet::put_routes(std::unique_ptr<Routes> routes) {
    Command command(CommandKind::kPutRoutes);
    command.routes = &routes->table;
    lent_routes_.push_back({std::move(routes), size()});
    broadcast(command);
}

void Fleet::put_tables(std::unique_ptr<TableSet> tables) {
    Command command(CommandKind::kPutTables);
    command.tables = &tables->tables;
    lent_tables_.push_back({std::move(tables), size()});
    broadcast(command);
}

void Fleet::put_local_pool(WorkerId worker, std::unique_ptr<dataplane::LocalPool> pool) {
    Command command(CommandKind::kPutLocalPool);
    command.local_pool = pool.get();
    lent_pools_.emplace(pool.get(), std::move(pool));
    queue(worker, command);
}

void Fleet::turn() {
    for (uint16_t worker = 0; worker < size(); ++worker) {
        auto& commands = outboxes_[worker].commands;
        while (!commands.empty() && engine_.send(WorkerId{worker}, commands.front())) {
            commands.pop_front();
        }
        while (const auto event = engine_.next_event(WorkerId{worker})) {
            handle(*event);
        }
    }
}

bool Fleet::has_backlog() const {
    return std::any_of(outboxes_.begin(), outboxes_.end(), [](const Outbox& outbox) {
        return !outbox.commands.empty();
    });
}

void Fleet::handle(const Event& event) {
    switch (event.kind) {
        case EventKind::kServiceReturned:
            lent_services_.erase(event.service_table);
            break;
        case EventKind::kRoutesReturned:
            take_back(lent_routes_,
                      [&event](const Routes& routes) { return &routes.table == event.routes; });
            break;
        case EventKind::kTablesReturned:
            take_back(lent_tables_,
                      [&event](const TableSet& set) { return &set.tables == event.tables; });
            break;
        case EventKind::kLocalPoolReturned:
            lent_pools_.erase(event.local_pool);
            break;
        case EventKind::kJobDone: {
            const auto job = jobs_.find(event.job);
            DIRECTOR_ASSERT(job != jobs_.end());
            const auto done = std::move(job->second);
            jobs_.erase(job);
            done();
            break;
        }
        case EventKind::kCommandRefused:
            ++refused_;
            kLog.error("worker refused a command worker={} sequence={}",
                       index(event.worker),
                       event.sequence);
            break;
    }
}

}  // namespace director::daemon
