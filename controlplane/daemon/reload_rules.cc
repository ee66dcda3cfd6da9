#include "controlplane/daemon/reload_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace director::daemon {

Result<void> check_unchanged(const config::Model& before, const config::Model& after) {
    const auto refuse = [](std::string_view what) {
        return failure(fmt::format("{} cannot change while directord runs: restart it", what));
    };
    if (before.dataplane != after.dataplane) {
        return refuse("a setting of group dataplane");
    }
    if (before.control.socket != after.control.socket ||
        before.control.metrics_address != after.control.metrics_address) {
        return refuse("control.socket or control.metrics_address");
    }
    if (before.control.admin_group != after.control.admin_group ||
        before.control.reader_group != after.control.reader_group) {
        return refuse("control.admin_group or control.reader_group");
    }
    if (before.ports.size() != after.ports.size()) {
        return refuse("the list of ports");
    }
    for (size_t i = 0; i < before.ports.size(); ++i) {
        // Addresses may change; all else belongs to the running port.
        config::Port port = after.ports[i];
        port.addresses = before.ports[i].addresses;
        const size_t vlans = std::min(port.vlans.size(), before.ports[i].vlans.size());
        for (size_t v = 0; v < vlans; ++v) {
            port.vlans[v].addresses = before.ports[i].vlans[v].addresses;
        }
        if (port != before.ports[i]) {
            return refuse(fmt::format("port {} (but for its addresses)", before.ports[i].name));
        }
    }
    return {};
}

std::string other_changes(const config::Model& before, const config::Model& after) {
    std::string text;
    text += before.timeouts != after.timeouts ? ", timeouts changed" : "";
    text += before.ports != after.ports ? ", addresses changed" : "";  // nothing else of ports can
    text += before.routes != after.routes ? ", routes changed" : "";
    text += before.sync != after.sync ? ", sync changed" : "";
    text += before.diagnostics != after.diagnostics ? ", diagnostics changed" : "";
    text += before.control.log_level != after.control.log_level ? ", log level changed" : "";
    return text;
}

}  // namespace director::daemon
