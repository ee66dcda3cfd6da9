// What the logic of health checks says to the outside: plain data, in the order in which it is to
// be done. Written by Monitor; carried out by Engine (probes, commands) and the daemon (the rest).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/address.h"
#include "common/log.h"
#include "common/time.h"
#include "healthcheck/config.h"

namespace director::healthcheck {

enum class CheckId : uint32_t {};

// Names one probe, and never another one.
enum class Attempt : uint64_t {};

enum class Outcome : uint8_t {
    kPassed,
    kFailed,
    kUnable,  // nothing was learned: no socket, no memory. Changes no state.
};

struct ProbeResult {
    CheckId check{};
    Attempt attempt{};
    Outcome outcome = Outcome::kUnable;
    std::optional<uint32_t> weight;  // absolute
    std::string text;                // why it did not pass
    Duration took = Duration::zero();
};

struct StartProbe {
    CheckId check{};
    Attempt attempt{};
    TimePoint deadline;  // the probe answers no later than this
    std::shared_ptr<const CheckSettings> settings;
};

struct CancelProbe {
    CheckId check{};
    Attempt attempt{};
};

enum class Change : uint8_t { kAdd, kSetWeight, kRemove };

struct ServerChange {
    Change change = Change::kAdd;
    Endpoint server;
    uint32_t weight = 0;  // of kRemove: 0
    bool is_sorry_server = false;
};

// All of one service that changes at one moment. To be applied as a whole: between the steps the
// table could be empty.
struct TableChange {
    std::string service;
    std::vector<ServerChange> changes;
};

struct RunCommand {
    std::string service;  // commands of one service run one after the other, in this order
    Command command;
};

enum class EventKind : uint8_t {
    kCheckUp,
    kCheckDown,
    kProbeFailed,
    kProbeUnable,
    kServerUp,
    kServerDown,
    kTable,  // a server was added, removed, or has another weight
    kQuorumGained,
    kQuorumLost,
    kPassiveIgnored,
    kCommandFailed,
};

// For the log and for those who follow events.
struct Event {
    EventKind kind = EventKind::kCheckUp;
    LogLevel level = LogLevel::kInfo;
    std::string service;             // empty for the four about checks
    std::optional<Endpoint> server;  // of the service; of a check: its target
    std::string text;                // one line; keepalived's words where it has the event
    bool is_sorry_server = false;    // kTable
};

using Action = std::variant<StartProbe, CancelProbe, TableChange, RunCommand, Event>;
using Actions = std::vector<Action>;

// keepalived's line for those who read its notify FIFO: "RS [10.0.0.1]:tcp:80 NAME DOWN", "VS NAME
// UP"; nothing for other events.
[[nodiscard]] std::optional<std::string> fifo_line(const Event& event, Protocol protocol);

// One row of a service's table as it should be now.
struct TableRow {
    Endpoint server;
    uint32_t weight = 0;
    bool is_sorry_server = false;

    friend bool operator==(const TableRow&, const TableRow&) = default;
};
using Table = std::vector<TableRow>;

}  // namespace director::healthcheck
