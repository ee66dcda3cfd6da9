#include "cli/commands.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "cli/client.h"
#include "cli/ipvsadm_command.h"
#include "cli/ipvsadm_listing.h"
#include "cli/names.h"
#include "cli/show_vrrp.h"
#include "controlplane/server/protocol.h"

namespace director::cli {
namespace {

using Json = nlohmann::json;
using server::MethodText;

int complain(int exit_code, std::string_view message) {
    fmt::print(stderr, "directorctl: {}\n", message);
    return exit_code;
}

int complain(const CallError& error) {
    return complain(error.kind == CallFailure::kUnreachable ? kExitUnreachable : kExitFailed,
                    error.message);
}

std::string document(const Json& result) {
    return result.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Connects, asks one question, prints its answer.
int ask(const Settings& settings,
        const MethodText& method,
        const std::function<std::string(const Json&)>& to_text,
        const Json& params = Json::object()) {
    auto client = Client::connect(settings.socket);
    if (!client) {
        return complain(kExitUnreachable, client.error().message);
    }
    const auto result = client->call(method.name, params);
    if (!result) {
        return complain(result.error());
    }
    fmt::print("{}", settings.output == Output::kJson ? document(*result) : to_text(*result));
    return kExitOk;
}

// Page by page: a table of ten million rows needs no more memory than one of a thousand.
int list_connections(const Settings& settings,
                     Client& client,
                     const IpvsadmCommand& command,
                     Names& names) {
    if (settings.output == Output::kText) {
        fmt::print("{}", connections_title(command.listing.kind));
    }
    Json params = {{"limit", server::kConnectionsLimitDefault}};
    for (;;) {
        const auto result = client.call(server::kConnections.name, params);
        if (!result) {
            return complain(result.error());
        }
        const auto page = result->get<server::ConnectionsPage>();
        if (settings.output == Output::kJson) {
            fmt::print("{}", document(*result));
        } else {
            for (const server::ConnectionView& row : page.rows) {
                fmt::print("{}", list_connection(row, names));
            }
        }
        if (page.next_cursor.empty()) {
            return kExitOk;
        }
        params["cursor"] = page.next_cursor;
    }
}

// Whether the service is the one that the command line names; nullopt if it names nothing.
using ServiceFilter = std::function<bool(const server::ServiceView&)>;
std::optional<ServiceFilter> filter_of(const WantedService& wanted) {
    if (wanted.mark != 0) {
        const std::string any = wanted.family == Family::kIpv6 ? "::" : "0.0.0.0";
        return [wanted, any](const server::ServiceView& service) {
            return service.mark == wanted.mark && service.address == any;
        };
    }
    const auto endpoint = resolve_service(wanted.text, wanted.protocol);
    if (!endpoint) {
        return std::nullopt;
    }
    std::string protocol(to_string(wanted.protocol));
    std::transform(protocol.begin(), protocol.end(), protocol.begin(), [](unsigned char c) {
        return static_cast<char>(std::toupper(c));
    });
    return [protocol, endpoint](const server::ServiceView& service) {
        return service.protocol == protocol && service.address == to_string(endpoint->address) &&
               service.port == endpoint->port.host();
    };
}

// Looks at every connection: templates are among them.
tl::expected<TemplateCount, CallError> count_templates(Client& client) {
    TemplateCount templates;
    Json params = {{"limit", server::kConnectionsLimitMax}};
    for (;;) {
        const auto result = client.call(server::kConnections.name, params);
        if (!result) {
            return tl::unexpected(result.error());
        }
        const auto page = result->get<server::ConnectionsPage>();
        for (const server::ConnectionView& row : page.rows) {
            templates.add(row);
        }
        if (page.next_cursor.empty()) {
            return templates;
        }
        params["cursor"] = page.next_cursor;
    }
}

int print_timeouts(Client& client) {
    const auto status = client.call(server::kStatus.name, Json::object());
    if (!status) {
        return complain(status.error());
    }
    fmt::print("{}", list_timeouts(status->get<server::StatusView>().timeouts));
    return kExitOk;
}

int list_one_or_all(const Settings& settings,
                    Client& client,
                    const IpvsadmCommand& command,
                    Names& names) {
    std::optional<ServiceFilter> wanted;
    if (command.service) {
        wanted = filter_of(*command.service);
        if (!wanted) {
            fmt::print(stderr, "illegal virtual server address[:port] specified\n");
            return kExitUsage;
        }
    }
    const auto result = client.call(server::kServices.name, Json::object());
    if (!result) {
        return complain(result.error());
    }
    auto services = result->get<server::ServicesView>().services;
    if (wanted) {
        std::erase_if(services, [&](const server::ServiceView& service) {
            return service.is_retired || !(*wanted)(service);
        });
        if (services.empty()) {
            fmt::print(stderr, "No such service\n");
            return kExitFailed;
        }
    }
    if (settings.output == Output::kJson) {
        fmt::print("{}", document(wanted ? Json(server::ServicesView{services}) : *result));
        return kExitOk;
    }
    if (!wanted) {
        const auto status = client.call(server::kStatus.name, Json::object());
        if (!status) {
            return complain(status.error());
        }
        fmt::print("{}", version_line(status->get<server::StatusView>().connections_max));
    }
    TemplateCount templates;
    if (command.listing.kind == ListingKind::kPersistent) {
        auto counted = count_templates(client);
        if (!counted) {
            return complain(counted.error());
        }
        templates = std::move(*counted);
    }
    fmt::print("{}", list_services(std::move(services), command.listing, names, templates));
    return kExitOk;
}

}  // namespace

int run_status(const Settings& settings) {
    return ask(settings, server::kStatus, [&settings](const Json& result) {
        return show_status(result.get<server::StatusView>(), settings.colour);
    });
}

int run_drops(const Settings& settings, ZeroRows zero_rows) {
    return ask(settings, server::kDrops, [&settings, zero_rows](const Json& result) {
        return show_drops(result.get<server::DropsView>(), zero_rows, settings.colour);
    });
}

int run_sync_status(const Settings& settings) {
    return ask(settings, server::kSync, [&settings](const Json& result) {
        return show_sync(result.get<server::SyncView>(), settings.colour);
    });
}

int run_checks(const Settings& settings) {
    return ask(settings, server::kChecks, [&settings](const Json& result) {
        return show_checks(result.get<server::ChecksView>(), settings.colour);
    });
}

int run_workers(const Settings& settings) {
    return ask(settings, server::kWorkers, [&settings](const Json& result) {
        return show_workers(result.get<server::WorkersView>(), settings.colour);
    });
}

int run_vrrp(const Settings& settings) {
    return ask(settings, server::kVrrp, [&settings](const Json& result) {
        return show_vrrp(result.get<server::VrrpView>(), settings.colour);
    });
}

int run_reload(const Settings& settings) {
    return ask(settings, server::kReload, [](const Json& result) {
        return result.get<server::ReloadView>().message + "\n";
    });
}

int run_drain(const Settings& settings, const DrainRequest& request) {
    Json params = {{"server", request.server}};
    if (!request.service.empty()) {
        params["service"] = request.service;
    }
    if (request.deadline_seconds) {
        params["deadline_seconds"] = *request.deadline_seconds;
    }
    return ask(
        settings,
        request.is_over ? server::kUndrain : server::kDrain,
        [](const Json& result) { return result.get<server::ReloadView>().message + "\n"; },
        params);
}

int run_ipvsadm(const Settings& settings,
                const std::string& program,
                const std::vector<std::string>& arguments) {
    const auto command = parse_ipvsadm(program, arguments);
    if (!command) {
        fmt::print(stderr, "{}\n", command.error().message);
        return command.error().exit_code;
    }
    if (command->action == IpvsadmAction::kHelp) {
        fmt::print("{}", ipvsadm_usage(program));
        return kExitOk;
    }
    if (command->action == IpvsadmAction::kVersion) {
        fmt::print("directorctl {} (lists like ipvsadm v1.31 and IPVS v1.2.1)\n", DIRECTOR_VERSION);
        return kExitOk;
    }
    auto client = Client::connect(settings.socket);
    if (!client) {
        return complain(kExitUnreachable, client.error().message);
    }
    std::unique_ptr<Names> names;
    if (command->names == NameStyle::kNumeric) {
        names = std::make_unique<NumericNames>();
    } else {
        names = std::make_unique<SystemNames>();
    }
    if (command->action == IpvsadmAction::kListTimeouts) {
        return print_timeouts(*client);
    }
    return command->action == IpvsadmAction::kListConnections
               ? list_connections(settings, *client, *command, *names)
               : list_one_or_all(settings, *client, *command, *names);
}

int run_check(const std::string& file) {
    std::error_code error;
    const auto own = std::filesystem::read_symlink("/proc/self/exe", error);
    const std::string beside = error ? "" : (own.parent_path() / "directord").string();
    const std::string program =
        !beside.empty() && access(beside.c_str(), X_OK) == 0 ? beside : std::string("directord");
    execlp(program.c_str(), program.c_str(), "--check", file.c_str(), nullptr);
    return complain(
        kExitFailed,
        fmt::format("cannot run {}: {}", program, std::generic_category().message(errno)));
}

}  // namespace director::cli
