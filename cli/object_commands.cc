#include "cli/object_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "cli/ask.h"
#include "cli/objects.h"
#include "cli/show.h"
#include "cli/show_services.h"

namespace director::cli {
namespace {

using Json = nlohmann::json;
using server::ServiceView;

int bad_name(const Error& error) {
    return complain(kExitUsage, error.message);
}

// A connection, and the service of that name.
int with_service(const Settings& settings,
                 const std::string& name,
                 const std::function<int(Client& client, const ServiceView& service)>& use) {
    const auto parsed = ServiceName::parse(name);
    if (!parsed) {
        return bad_name(parsed.error());
    }
    auto client = Client::connect(settings.socket);
    if (!client) {
        return complain(kExitUnreachable, client.error().message);
    }
    const Json wanted = parsed->mark != 0
                            ? Json{{"mark", parsed->mark}}
                            : Json{{"address", director::to_string(parsed->endpoint.address)},
                                   {"port", parsed->endpoint.port.host()}};
    const auto result = client->call(server::kServices.name, wanted);
    if (!result) {
        return complain(result.error());
    }
    const auto services = result->get<server::ServicesView>().services;
    const auto service = find_service(services, name);
    return service ? use(*client, **service) : complain(kExitFailed, service.error().message);
}

int send_edit(const Settings& settings, Client& client, const Json& edit) {
    const auto result = client.call(server::kEdit.name, {{"edits", Json::array({edit})}});
    return result ? print(settings, *result, message_line) : complain(result.error());
}

template <typename T>
void put(Json& edit, const char* name, const std::optional<T>& value) {
    if (value) {
        edit[name] = *value;
    }
}

void put_fields(Json& edit, const ServiceChange& change) {
    put(edit, "scheduler", change.scheduler);
    put(edit, "flags", change.flags);
    put(edit, "persistence_seconds", change.persistence_seconds);
    put(edit, "persistence_prefix", change.persistence_prefix);
    put(edit, "one_packet", change.one_packet);
}

void put_fields(Json& edit, const ServerChange& change) {
    put(edit, "forwarding", change.forwarding);
    put(edit, "weight", change.weight);
    put(edit, "upper_threshold", change.upper_threshold);
    put(edit, "lower_threshold", change.lower_threshold);
    put(edit, "tunnel", change.tunnel);
    put(edit, "tunnel_port", change.tunnel_port);
    put(edit, "tunnel_checksum", change.tunnel_checksum);
}

// The edit of a service that is there.
int edit_service(const Settings& settings, const std::string& name, const Json& fields) {
    return with_service(settings, name, [&](Client& client, const ServiceView& service) {
        Json edit = fields;
        edit["service"] = key_of(service);
        return send_edit(settings, client, edit);
    });
}

int edit_server(const Settings& settings, const ServerChange& change, Json edit) {
    if (const auto parsed = parse_server(change.server, 0); !parsed) {
        return bad_name(parsed.error());
    }
    return with_service(settings, change.service, [&](Client& client, const ServiceView& service) {
        const auto endpoint = parse_server(change.server, service.port);
        edit["service"] = key_of(service);
        edit["server"] = director::to_string(endpoint->address);
        edit["server_port"] = endpoint->port.host();
        return send_edit(settings, client, edit);
    });
}

}  // namespace

int run_service_list(const Settings& settings) {
    return ask(settings, server::kServices, [&settings](const Json& result) {
        return show_services(result.get<server::ServicesView>().services, settings.colour);
    });
}

int run_service_show(const Settings& settings, const std::string& name) {
    return with_service(settings, name, [&](Client&, const ServiceView& service) {
        return print(settings, Json(service), [&](const Json&) {
            return show_service(service, settings.colour);
        });
    });
}

int run_service_add(const Settings& settings, const ServiceChange& change) {
    const auto name = ServiceName::parse(change.service);
    if (!name) {
        return bad_name(name.error());
    }
    auto client = Client::connect(settings.socket);
    if (!client) {
        return complain(kExitUnreachable, client.error().message);
    }
    Json edit = {{"action", "add-service"}, {"service", name->to_key()}, {"scheduler", "wrr"}};
    put_fields(edit, change);
    return send_edit(settings, *client, edit);
}

int run_service_set(const Settings& settings, const ServiceChange& change) {
    Json edit = {{"action", "edit-service"}, {"keep", true}};
    put_fields(edit, change);
    return edit_service(settings, change.service, edit);
}

int run_service_del(const Settings& settings, const std::string& service) {
    return edit_service(settings, service, {{"action", "delete-service"}});
}

int run_service_zero(const Settings& settings, const std::string& name) {
    if (name.empty()) {
        return ask(settings, server::kZero, message_line);
    }
    return with_service(settings, name, [&](Client& client, const ServiceView& service) {
        const auto result = client.call(server::kZero.name, {{"service", key_of(service)}});
        return result ? print(settings, *result, message_line) : complain(result.error());
    });
}

int run_server_list(const Settings& settings, const std::string& name) {
    if (name.empty()) {
        return ask(settings, server::kServices, [&settings](const Json& result) {
            return show_servers(result.get<server::ServicesView>().services, settings.colour);
        });
    }
    return with_service(settings, name, [&](Client&, const ServiceView& service) {
        return print(settings, Json(server::ServicesView{{service}}), [&](const Json&) {
            return show_servers({service}, settings.colour);
        });
    });
}

int run_server_show(const Settings& settings, const std::string& name) {
    const auto wanted = parse_server(name, 0);
    if (!wanted) {
        return bad_name(wanted.error());
    }
    const auto answers = ask_all(settings, {server::kServices, server::kChecks});
    if (!answers) {
        return answers.error();
    }
    auto services = answers->at(0).get<server::ServicesView>();
    keep_server(services, *wanted);
    auto checks = answers->at(1).get<server::ChecksView>();
    keep_server(checks, *wanted);
    if (services.services.empty() && checks.services.empty()) {
        return complain(
            kExitFailed,
            fmt::format("there is no real server {}; `directorctl server list` shows all", name));
    }
    const Json both = {{"services", services.services}, {"checks", checks.services}};
    return print(settings, both, [&](const Json&) {
        std::string text;
        if (!services.services.empty()) {
            text = show_servers(services.services, settings.colour);
        }
        if (!checks.services.empty()) {
            text += (text.empty() ? "" : "\n") + show_checks(checks, settings.colour);
        }
        return text;
    });
}

int run_server_add(const Settings& settings, const ServerChange& change) {
    Json edit = {{"action", "add-server"}, {"forwarding", "nat"}};
    put_fields(edit, change);
    return edit_server(settings, change, edit);
}

int run_server_set(const Settings& settings, const ServerChange& change) {
    Json edit = {{"action", "edit-server"}, {"keep", true}};
    put_fields(edit, change);
    return edit_server(settings, change, edit);
}

int run_server_del(const Settings& settings, const ServerChange& change) {
    return edit_server(settings, change, {{"action", "delete-server"}});
}

}  // namespace director::cli
