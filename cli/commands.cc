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
