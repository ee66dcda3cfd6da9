// One virtual service: which of its real servers are up, whether there is a quorum, and what its
// table should hold. Sans-IO. Monitor tells it when a check changed.
//
// The table is computed whole from the state and compared with what was said last, so there is no
// order of events by which the two could drift apart, and quorum and sorry server change places in
// one step.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/time.h"
#include "healthcheck/actions.h"
#include "healthcheck/check_machine.h"
#include "healthcheck/config.h"

namespace director::healthcheck {

// What a service needs to know of a check. Written by Monitor.
struct CheckView {
    CheckState state = CheckState::kUntried;
    std::optional<uint32_t> weight;  // absolute, of the last probe that passed
    bool is_passive = false;
    uint64_t down_order = 0;  // among checks that are down: which one was first
};

// By CheckId.
using CheckViews = std::vector<CheckView>;
// Of each server, in the order of the settings.
using ServerChecks = std::vector<std::vector<CheckId>>;

struct ServerStatus {
    Endpoint endpoint;
    bool is_up = false;
    bool is_tried = false;               // every check has had a result
    uint32_t weight = 0;                 // as configured, or a check's, without slow start
    std::optional<uint32_t> weight_now;  // in the table; nothing: not in it
    bool passive_is_ignored = false;
    TimePoint since;  // of is_up
};

class ServiceHealth {
  public:
    // Servers are up or down as `alpha` says; the table is that of the first moment.
    ServiceHealth(const ServiceSettings& settings,
                  bool notify_first_state,
                  ServerChecks checks,
                  TimePoint now);

    // Brings everything up to date with the checks and the time, and says what changed. The first
    // call says the whole table.
    void update(TimePoint now, const CheckViews& views, Actions& actions);
    // New settings for the same service. Servers that stay keep their state; a check of theirs that
    // is new counts as its server did until it has a result. `update` has to follow.
    void replace(const ServiceSettings& settings, ServerChecks checks, TimePoint now);
    // The service goes away or the daemon ends: omega's commands.
    void stop(Actions& actions) const;

    // When update() is due though no check changed: slow start. kNever: not at all.
    [[nodiscard]] TimePoint deadline() const { return deadline_; }
    [[nodiscard]] const ServiceSettings& settings() const { return settings_; }
    [[nodiscard]] const ServerChecks& checks() const { return checks_; }
    [[nodiscard]] Table table() const;
    [[nodiscard]] bool has_quorum() const { return has_quorum_; }
    [[nodiscard]] bool sorry_server_is_used() const {
        return settings_.sorry_server.has_value() && !has_quorum_;
    }
    [[nodiscard]] std::vector<ServerStatus> servers() const { return servers_; }

  private:
    struct Ramp {
        bool is_on = false;
        TimePoint since;
    };
    // The table: a place for each server, in the order of the settings, and one for the sorry
    // server, who may also be one of them. So a change costs no search among thousands of servers.
    using Rows = std::vector<std::optional<TableRow>>;
    // Beside `servers_`, what only we need.
    struct Private {
        bool was_up = true;  // what an untried check counts as
        bool is_up_wanted = true;
        Ramp ramp;
    };

    void judge_servers(const CheckViews& views, Actions& late);
    void limit_passive(const CheckViews& views, Actions& late);
    void turn_servers(TimePoint now, Actions& late);
    void turn_quorum(Actions& late);
    void weigh(size_t index, const CheckViews& views);
    [[nodiscard]] Rows wanted_rows(TimePoint now);
    void want_sorry_server(Rows& wanted) const;
    void say_table(Rows wanted, Actions& actions, Actions& late);
    void say_change(const std::optional<TableRow>& before,
                    const std::optional<TableRow>& after,
                    size_t place,
                    TableChange& change,
                    Actions& late) const;
    [[nodiscard]] std::string describe(const std::optional<TableRow>& before,
                                       const std::optional<TableRow>& after,
                                       size_t place) const;
    [[nodiscard]] uint64_t weight_up() const;
    void event(EventKind kind,
               LogLevel level,
               std::optional<Endpoint> server,
               std::string text,
               Actions& late) const;
    void command(const Command& command, Actions& late) const;

    ServiceSettings settings_;
    bool notify_first_state_ = false;
    ServerChecks checks_;
    std::vector<ServerStatus> servers_;
    std::vector<Private> private_;
    bool has_quorum_ = true;
    bool is_said_ = false;    // the first update is over
    Rows rows_;               // as they were said
    Table gone_;              // rows that new settings have no place for, until that is said
    size_t sorry_place_ = 0;  // among rows_
    TimePoint deadline_ = kNever;
};

}  // namespace director::healthcheck
