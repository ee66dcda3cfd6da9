// Who may open a connection to a service: allow and deny lists, and limits on rate and number.
#include "dataplane/core/stages/new_connection.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

[[nodiscard]] bool is_in_list(const Tables& tables, uint16_t number, const IpAddress& client) {
    if (number >= tables.prefix_lists.size()) {
        return false;
    }
    const PrefixLookup& list = tables.prefix_lists[number];
    uint16_t found = 0;
    if (client.is_ipv4() && list.ipv4 != nullptr) {
        const uint32_t address = client.ipv4().host();
        list.ipv4(list.fib, &address, &found, 1);
    } else if (!client.is_ipv4() && list.ipv6 != nullptr) {
        list.ipv6(list.fib, &client, &found, 1);
    }
    return found != 0;
}

[[nodiscard]] bool is_allowed(const Worker::State& state,
                              const ServiceOptions& options,
                              const IpAddress& client) {
    if ((options.allow_list | options.deny_list) == 0) {
        return true;
    }
    if (state.tables == nullptr) {
        return options.allow_list == 0;  // the lists come with the next command
    }
    return (options.allow_list == 0 || is_in_list(*state.tables, options.allow_list, client)) &&
           (options.deny_list == 0 || !is_in_list(*state.tables, options.deny_list, client));
}

[[nodiscard]] DropReason reason_of(LimitVerdict verdict) {
    switch (verdict) {
        case LimitVerdict::kAdmitted:
            return DropReason::kCount;
        case LimitVerdict::kClientRate:
            return DropReason::kClientRate;
        case LimitVerdict::kClientConnections:
            return DropReason::kClientConnections;
        case LimitVerdict::kServiceRate:
            return DropReason::kServiceRate;
        case LimitVerdict::kServiceConnections:
            return DropReason::kServiceConnections;
    }
    return DropReason::kCount;
}

}  // namespace

LetIn let_in(Worker::State& state, const ServiceTable& table, const Packet& packet) {
    const ServiceOptions& options = table.options;
    const bool has_limits =
        state.settings.limits != nullptr && ConnectionLimits::has_limits(options);
    if (!has_limits && (options.allow_list | options.deny_list) == 0) {
        return {};
    }
    const IpAddress client = endpoints_of(packet).client.address;
    if (!is_allowed(state, options, client)) {
        return {DropReason::kNotAllowed, kNoLimit};
    }
    if (!has_limits) {
        return {};
    }
    const LimitAnswer answer = state.settings.limits->admit(table.id, options, client, state.now);
    return {reason_of(answer.verdict), answer.ref};
}

DropReason foresee_let_in(Worker::State& state, const ServiceTable& table, const Packet& packet) {
    const ServiceOptions& options = table.options;
    const bool has_limits =
        state.settings.limits != nullptr && ConnectionLimits::has_limits(options);
    if (!has_limits && (options.allow_list | options.deny_list) == 0) {
        return DropReason::kCount;
    }
    const IpAddress client = endpoints_of(packet).client.address;
    if (!is_allowed(state, options, client)) {
        return DropReason::kNotAllowed;
    }
    return has_limits
               ? reason_of(state.settings.limits->foresee(table.id, options, client, state.now))
               : DropReason::kCount;
}

}  // namespace director::dataplane
