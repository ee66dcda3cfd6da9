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

#include "cli/ask.h"
#include "cli/objects.h"
#include "cli/show_vrrp.h"
#include "controlplane/server/protocol.h"

namespace director::cli {
namespace {

using Json = nlohmann::json;

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

int run_checks(const Settings& settings, const std::string& name) {
    if (name.empty()) {
        return ask(settings, server::kChecks, [&settings](const Json& result) {
            return show_checks(result.get<server::ChecksView>(), settings.colour);
        });
    }
    const auto wanted = parse_server(name, 0);
    if (!wanted) {
        return complain(kExitUsage, wanted.error().message);
    }
    const auto answers = ask_all(settings, {server::kChecks});
    if (!answers) {
        return answers.error();
    }
    auto checks = answers->front().get<server::ChecksView>();
    keep_server(checks, *wanted);
    if (checks.services.empty()) {
        return complain(
            kExitFailed,
            fmt::format("{} has no checks; `directorctl check list` shows all there are", name));
    }
    return print(settings, Json{{"services", checks.services}}, [&](const Json&) {
        return show_checks_closely(checks, settings.colour);
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

int run_vrrp_show(const Settings& settings, const std::string& name) {
    const auto answers = ask_all(settings, {server::kVrrp});
    if (!answers) {
        return answers.error();
    }
    const auto vrrp = answers->front().get<server::VrrpView>();
    for (const server::VrrpInstanceView& instance : vrrp.instances) {
        if (instance.name == name) {
            return print(settings, Json(instance), [&](const Json&) {
                return show_vrrp_instance(instance, settings.colour);
            });
        }
    }
    return complain(
        kExitFailed,
        fmt::format("there is no VRRP instance {}; `directorctl vrrp list` shows all", name));
}

int run_reload(const Settings& settings) {
    return ask(settings, server::kReload, message_line);
}

int run_drain(const Settings& settings, const DrainRequest& request) {
    Json params = {{"server", request.server}};
    if (!request.service.empty()) {
        const auto service = ServiceName::parse(request.service);
        if (!service) {
            return complain(kExitUsage, service.error().message);
        }
        params["service"] = drain_text(*service);
    }
    if (request.deadline_seconds) {
        params["deadline_seconds"] = *request.deadline_seconds;
    }
    return ask(settings, request.is_over ? server::kUndrain : server::kDrain, message_line, params);
}

int run_check(const std::string& file, const char* option) {
    std::error_code error;
    const auto own = std::filesystem::read_symlink("/proc/self/exe", error);
    std::string program = "directord";
    // Installed, directord is in sbin/ beside bin/.
    for (const char* const name : {"../sbin/directord", "directord"}) {
        const std::string beside = error ? "" : (own.parent_path() / name).string();
        program = !beside.empty() && access(beside.c_str(), X_OK) == 0 ? beside : program;
    }
    execlp(program.c_str(), program.c_str(), option, file.c_str(), nullptr);
    return complain(
        kExitFailed,
        fmt::format("cannot run {}: {}", program, std::generic_category().message(errno)));
}

}  // namespace director::cli
