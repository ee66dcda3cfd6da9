#include "cli/commands.h"

#include <fmt/format.h>
#include <unistd.h>

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
        const std::function<std::string(const Json&)>& to_text) {
    auto client = Client::connect(settings.socket);
    if (!client) {
        return complain(kExitUnreachable, client.error().message);
    }
    const auto result = client->call(method.name, Json::object());
    if (!result) {
        return complain(result.error());
    }
    fmt::print("{}", settings.output == Output::kJson ? document(*result) : to_text(*result));
    return kExitOk;
}

// Page by page: a table of ten million rows needs no more memory than one of a thousand.
int list_connections(const Settings& settings, Client& client, Names& names) {
    if (settings.output == Output::kText) {
        fmt::print("{}", connections_title());
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

int list_one_or_all(const Settings& settings,
                    Client& client,
                    const IpvsadmCommand& command,
                    Names& names) {
    std::optional<Endpoint> wanted;
    if (command.service) {
        wanted = resolve_service(command.service->text, command.service->protocol);
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
        const std::string_view protocol =
            command.service->protocol == Protocol::kTcp ? "TCP" : "UDP";
        std::erase_if(services, [&](const server::ServiceView& service) {
            return service.is_retired || service.protocol != protocol ||
                   service.address != to_string(wanted->address) ||
                   service.port != wanted->port.host();
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
    fmt::print("{}", list_services(std::move(services), command.listing, names));
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

int run_workers(const Settings& settings) {
    return ask(settings, server::kWorkers, [&settings](const Json& result) {
        return show_workers(result.get<server::WorkersView>(), settings.colour);
    });
}

int run_reload(const Settings& settings) {
    return ask(settings, server::kReload, [](const Json& result) {
        return result.get<server::ReloadView>().message + "\n";
    });
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
    return command->action == IpvsadmAction::kListConnections
               ? list_connections(settings, *client, *names)
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
