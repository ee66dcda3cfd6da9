#include "vrrp/action.h"

#include <fmt/format.h>

namespace director::vrrp {

std::string_view to_string(State state) {
    switch (state) {
        case State::kInit:
            return "INIT";
        case State::kBackup:
            return "BACKUP";
        case State::kMaster:
            return "MASTER";
        case State::kFault:
            return "FAULT";
    }
    return "?";
}

std::optional<std::string> log_words(const Event& event) {
    if (event.kind != EventKind::kState || event.state == event.before ||
        event.state == State::kInit) {
        return std::nullopt;
    }
    if (event.subject == Subject::kInstance) {
        return fmt::format("({}) Entering {} STATE", event.name, to_string(event.state));
    }
    return event.subject == Subject::kGroup
               ? std::optional(fmt::format("VRRP_Group({}) Syncing instances to {} state",
                                           event.name,
                                           to_string(event.state)))
               : std::nullopt;
}

std::optional<std::string> fifo_line(const Event& event) {
    if (event.subject != Subject::kInstance && event.subject != Subject::kGroup) {
        return std::nullopt;
    }
    std::string word;
    switch (event.kind) {
        case EventKind::kState:
            word = to_string(event.state);
            break;
        case EventKind::kPriority:
            word = fmt::format("{}_PRIORITY", to_string(event.state));
            break;
        case EventKind::kLowerPriority:
            word = "MASTER_RX_LOWER_PRI";
            break;
        case EventKind::kStopped:
            word = "STOP";
            break;
        case EventKind::kDeleted:
            word = "DELETED";
            break;
        default:
            return std::nullopt;
    }
    const auto* subject = event.subject == Subject::kInstance ? "INSTANCE" : "GROUP";
    return fmt::format("{} \"{}\" {} {}\n", subject, event.name, word, event.priority);
}

}  // namespace director::vrrp
