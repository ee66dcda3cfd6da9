#include "cli/ipvsadm_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "cli/client.h"
#include "cli/ipvsadm_command.h"
#include "cli/ipvsadm_edit.h"
#include "cli/ipvsadm_listing.h"
#include "cli/names.h"
#include "controlplane/server/protocol.h"

namespace director::cli {
namespace {

using Json = nlohmann::json;
using server::EditRequest;

int complain(const IpvsadmError& error) {
    fmt::print(stderr, "{}\n", error.message);
    return error.exit_code;
}

std::unique_ptr<Names> names_for(const IpvsadmCommand& command) {
    if (command.names == NameStyle::kNumeric) {
        return std::make_unique<NumericNames>();
    }
    return std::make_unique<SystemNames>();
}

// --- listings ---

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
    const auto result = client.call_in_pages(server::kServices.name);
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

int list_daemon(Client& client) {
    const auto sync = client.call(server::kSync.name, Json::object());
    if (!sync) {
        return complain(sync.error());
    }
    fmt::print("{}", list_daemons(sync->get<server::SyncView>()));
    return kExitOk;
}

int save(Client& client, const IpvsadmCommand& command) {
    const auto result = client.call_in_pages(server::kServices.name);
    if (!result) {
        return complain(result.error());
    }
    fmt::print("{}",
               save_services(result->get<server::ServicesView>().services, *names_for(command)));
    return kExitOk;
}

// --- changes ---

// A refused edit is answered in ipvsadm's words.
int complain(IpvsadmAction action, const CallError& error) {
    if (error.kind == CallFailure::kUnreachable || error.data.is_null()) {
        return complain(error);
    }
    const auto refusal = error.data.get<server::EditRefusalView>();
    return complain(kernel_error(action, refusal.reason, error.message));
}

int zero(Client& client, const IpvsadmCommand& command) {
    Json params = Json::object();
    if (command.service) {
        const auto key = edit_key(*command.service, resolve_service);
        if (!key) {
            return complain(key.error());
        }
        params["service"] = *key;
    }
    const auto result = client.call(server::kZero.name, params);
    return result ? kExitOk : complain(command.action, result.error());
}

int edit(Client& client, const IpvsadmCommand& command) {
    const auto request = edit_request(command, resolve_service);
    if (!request) {
        return complain(request.error());
    }
    const auto result = client.call(server::kEdit.name, {{"edits", Json::array({*request})}});
    return result ? kExitOk : complain(command.action, result.error());
}

// Lines of -R that wait to be sent together: one transaction for a thousand lines is a thousand
// times as fast as one for each.
class Restorer {
  public:
    explicit Restorer(Client& client) : client_(client) {}

    // False: directord is gone.
    [[nodiscard]] bool add(IpvsadmAction action, EditRequest request) {
        waiting_.emplace_back(action, std::move(request));
        return waiting_.size() < server::kEditsMax || flush();
    }

    // Sends what waits. Where one is refused, those before it are sent again, and those after it in
    // their turn: what ipvsadm does line by line.
    [[nodiscard]] bool flush() {
        while (!waiting_.empty()) {
            size_t count = waiting_.size();
            const auto refusal = send(count);
            if (refusal && refusal->kind == CallFailure::kUnreachable) {
                exit_code_ = complain(*refusal);
                return false;
            }
            if (refusal) {
                const auto view = refusal->data.is_null()
                                      ? server::EditRefusalView{count - 1, ""}
                                      : refusal->data.get<server::EditRefusalView>();
                count = std::min<size_t>(view.index, count - 1);
                if (count > 0 && send(count)) {
                    return false;  // they were right a moment ago
                }
                exit_code_ =
                    complain(kernel_error(waiting_[count].first, view.reason, refusal->message));
                ++count;
            } else {
                exit_code_ = kExitOk;
            }
            waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<ptrdiff_t>(count));
        }
        return true;
    }
    // Of the last line.
    [[nodiscard]] int exit_code() const { return exit_code_; }
    void set_exit_code(int exit_code) { exit_code_ = exit_code; }

  private:
    std::optional<CallError> send(size_t count) {
        Json edits = Json::array();
        for (size_t i = 0; i < count; ++i) {
            edits.push_back(waiting_[i].second);
        }
        const auto result = client_.call(server::kEdit.name, {{"edits", std::move(edits)}});
        return result ? std::nullopt : std::optional(result.error());
    }

    Client& client_;
    std::vector<std::pair<IpvsadmAction, EditRequest>> waiting_;
    int exit_code_ = kExitOk;
};

bool is_edit(IpvsadmAction action) {
    return action >= IpvsadmAction::kAddService && action <= IpvsadmAction::kStopDaemon &&
           action != IpvsadmAction::kZero;
}

int carry_out(const Settings& settings,
              Client& client,
              const IpvsadmCommand& command,
              const std::string& program);

// Mistakes of the command line end it, as in ipvsadm; what the table refuses does not.
int restore(const Settings& settings, Client& client, const std::string& program) {
    Restorer restorer(client);
    for (std::string line; std::getline(std::cin, line);) {
        const std::vector<std::string> words = restore_words(line);
        if (words.empty()) {
            continue;
        }
        const auto command = parse_ipvsadm(program, words);
        if (!command) {
            if (!restorer.flush()) {
                return restorer.exit_code();
            }
            restorer.set_exit_code(complain(command.error()));
            if (!command.error().is_popts) {
                return restorer.exit_code();
            }
            continue;
        }
        if (is_edit(command->action)) {
            const auto request = edit_request(*command, resolve_service);
            if (!request || !restorer.add(command->action, *request)) {
                return request || !restorer.flush() ? restorer.exit_code()
                                                    : complain(request.error());
            }
            continue;
        }
        if (!restorer.flush()) {
            return restorer.exit_code();
        }
        restorer.set_exit_code(carry_out(settings, client, *command, program));
    }
    static_cast<void>(restorer.flush());
    return restorer.exit_code();
}

int carry_out(const Settings& settings,
              Client& client,
              const IpvsadmCommand& command,
              const std::string& program) {
    switch (command.action) {
        case IpvsadmAction::kList:
            return list_one_or_all(settings, client, command, *names_for(command));
        case IpvsadmAction::kListConnections:
            return list_connections(settings, client, command, *names_for(command));
        case IpvsadmAction::kListTimeouts:
            return print_timeouts(client);
        case IpvsadmAction::kListDaemon:
            return list_daemon(client);
        case IpvsadmAction::kSave:
            return save(client, command);
        case IpvsadmAction::kRestore:
            return restore(settings, client, program);
        case IpvsadmAction::kZero:
            return zero(client, command);
        case IpvsadmAction::kHelp:
            fmt::print("{}", ipvsadm_usage(program));
            return kExitOk;
        case IpvsadmAction::kVersion:
            fmt::print("directorctl {} (commands of ipvsadm v1.31 and IPVS v1.2.1)\n",
                       DIRECTOR_VERSION);
            return kExitOk;
        default:
            return edit(client, command);
    }
}

}  // namespace

int run_ipvsadm(const Settings& settings,
                const std::string& program,
                const std::vector<std::string>& arguments) {
    const auto command = parse_ipvsadm(program, arguments);
    if (!command) {
        return complain(command.error());
    }
    if (command->action == IpvsadmAction::kHelp) {
        fmt::print("{}", ipvsadm_usage(program));
        return kExitOk;
    }
    if (command->action == IpvsadmAction::kVersion) {
        fmt::print("directorctl {} (commands of ipvsadm v1.31 and IPVS v1.2.1)\n",
                   DIRECTOR_VERSION);
        return kExitOk;
    }
    auto client = Client::connect(settings.socket);
    if (!client) {
        fmt::print(stderr, "directorctl: {}\n", client.error().message);
        return kExitUnreachable;
    }
    return carry_out(settings, *client, *command, program);
}

}  // namespace director::cli
