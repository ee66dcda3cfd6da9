#include "controlplane/daemon/kept_fields.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "config/edits.h"
#include "config/settings.h"
#include "controlplane/edit/edit_of.h"

namespace director::daemon {

using nlohmann::json;

namespace {

json fields_of(const config::VirtualService& service) {
    json flags = json::array();
    for (const config::SchedulerFlag flag : service.flags) {
        flags.push_back(word_of(config::kSchedulerFlags, flag));
    }
    return {{"scheduler", service.scheduler},
            {"flags", std::move(flags)},
            {"persistence_seconds", service.persistence.timeout},
            {"persistence_prefix", service.persistence.prefix},
            {"one_packet", service.one_packet}};
}

json fields_of(const config::RealServer& server) {
    json fields = {{"forwarding", word_of(config::kForwardingMethods, server.forwarding)},
                   {"weight", server.weight},
                   {"upper_threshold", server.upper_threshold},
                   {"lower_threshold", server.lower_threshold}};
    if (server.forwarding == config::ForwardingMethod::kTunnel) {
        fields["tunnel"] = word_of(config::kTunnelTypes, server.tunnel.type);
        fields["tunnel_port"] = server.tunnel.port;
        fields["tunnel_checksum"] = word_of(config::kTunnelChecksums, server.tunnel.checksum);
    }
    return fields;
}

}  // namespace

json with_kept_fields(const json& edit, const config::Model& model) {
    if (!edit.is_object() || !edit.value("keep", false)) {
        return edit;
    }
    const auto request = edit.get<server::EditRequest>();
    const auto key = edit::key_of(request.service);
    const auto service = std::find_if(
        model.virtual_services.begin(), model.virtual_services.end(), [&](const auto& one) {
            return key && config::key_of(one) == *key;
        });
    if (service == model.virtual_services.end()) {
        return edit;  // to be refused
    }
    json fields = json::object();
    if (request.action == "edit-service") {
        fields = fields_of(*service);
    } else if (request.action == "edit-server") {
        const auto address = IpAddress::parse(request.server);
        const auto server = std::find_if(
            service->real_servers.begin(), service->real_servers.end(), [&](const auto& one) {
                return address &&
                       one.endpoint == Endpoint{*address, Be16::from_host(request.server_port)};
            });
        if (server != service->real_servers.end()) {
            fields = fields_of(*server);
        }
    }
    fields.update(edit);
    return fields;
}

}  // namespace director::daemon
