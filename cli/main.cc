// directorctl: asks the running directord, over its control socket.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "cli/commands.h"
#include "cli/import_command.h"
#include "cli/ipvsadm_run.h"
#include "controlplane/server/protocol.h"

namespace director::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  directorctl status                     is it up, what are its ports doing
  directorctl ipvsadm -L -n --stats      services and servers, as ipvsadm lists them
  directorctl ipvsadm -Lnc               connections
  directorctl drops                      what was not forwarded, and why
  directorctl checks                     which servers are up, and what their checks say
  directorctl vrrp                       who has the addresses, this director or its twin
  directorctl --json workers | jq .      any answer as JSON
  directorctl import keepalived.conf >director.conf   what keepalived did, as a configuration
  directorctl check /etc/director.conf   look for mistakes without touching anything
  directorctl sync status                what the twin is told, and what is missing
  directorctl reload                     read the configuration file again
  directorctl drain 10.0.0.1:80 --deadline 10m   no new connections; in 10 minutes, none at all

Exit codes: 0 done, 1 failed, 2 wrong usage or bad configuration, 3 directord not reachable.
Called by the name "ipvsadm", it is `directorctl ipvsadm`.)";

constexpr const char* kVrrpExample = R"text(Example:
  $ directorctl vrrp
  INSTANCE  STATE   PRIORITY  ROUTER ID  INTERFACE  MASTER        ADDRESSES
  VI_1      BACKUP  100              51  outside    192.168.10.1  192.168.10.100/24
  VI_2      BACKUP  100              52  inside     192.168.2.1   192.168.2.100/24

  GROUP  STATE   INSTANCES
  VG_1   BACKUP  VI_1, VI_2

  PEER          OF    PRIORITY  LAST HEARD  ADVERTS  ADDRESSES
  192.168.10.1  VI_1       150  413 ms ago     7120  the same
  192.168.2.1   VI_2       150  415 ms ago     7120  the same

A priority "130 (of 150)" is one that trackers have changed. Packets that were not believed follow,
by reason, if there were any. The rest is in --json: timers, counters, transitions.)text";

constexpr const char* kImportExample = R"text(Examples:
  directorctl import /etc/keepalived/keepalived.conf > director.conf
  directorctl import keepalived.conf --device enp0s3=0000:00:03.0 --address enp0s3=192.0.2.2/24

What keepalived.conf leaves to the machine (which card an interface is, the director's own addresses,
routes) is looked up on this machine; --device and --address say it instead. Each setting without a
counterpart is listed with its line on standard error, and at the head of the output.

Exit codes: 0 everything is imported, 1 something is listed to look at, 2 the file cannot be read.)text";

Colour terminal_colour() {
    const char* terminal = std::getenv("TERM");
    const bool is_dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
    return isatty(STDOUT_FILENO) != 0 && !is_dumb && std::getenv("NO_COLOR") == nullptr
               ? Colour::kAlways
               : Colour::kNever;
}

std::string environment_or(const char* name, std::string_view otherwise) {
    const char* value = std::getenv(name);
    return value == nullptr || *value == '\0' ? std::string(otherwise) : value;
}

std::string capitalised(std::string_view text) {
    std::string out(text);
    out.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(out.front())));
    return out;
}

// Seconds: "90", "90s", "10m", "2h".
std::optional<uint64_t> parse_duration(std::string_view text) {
    uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, failed] = std::from_chars(text.data(), end, value);
    const std::string_view unit(stop, static_cast<size_t>(end - stop));
    constexpr uint64_t kValueMax = 31 * 24 * 3600;
    if (failed != std::errc{} || value > kValueMax) {
        return std::nullopt;
    }
    if (unit.empty() || unit == "s") {
        return value;
    }
    if (unit == "m") {
        return value * 60;
    }
    return unit == "h" ? std::optional(value * 3600) : std::nullopt;
}

// The commands, and what their options say once CLI11 has read them.
struct Commands {
    const CLI::App* status = nullptr;
    const CLI::App* drops = nullptr;
    const CLI::App* checks = nullptr;
    const CLI::App* workers = nullptr;
    const CLI::App* sync = nullptr;
    const CLI::App* vrrp = nullptr;
    const CLI::App* reload = nullptr;
    const CLI::App* drain = nullptr;
    const CLI::App* undrain = nullptr;
    const CLI::App* check = nullptr;
    const CLI::App* import_file = nullptr;
    const CLI::App* ipvsadm = nullptr;
    const CLI::Option* has_deadline = nullptr;
    bool shows_all_drops = false;
    std::string deadline;
    DrainRequest drain_request;
    ImportRequest import_request;
    std::string file;
};

CLI::App* add_command(CLI::App& app, const server::MethodText& method) {
    return app.add_subcommand(std::string(method.name), capitalised(method.help));
}

void add_drain_commands(CLI::App& app, Commands& commands) {
    const auto add = [&](const server::MethodText& method) {
        CLI::App* command = add_command(app, method);
        DrainRequest& request = commands.drain_request;
        command->add_option("SERVER", request.server, "address:port, or address for all ports")
            ->required();
        command->add_option("--service", request.service, "in this service alone")
            ->type_name("ADDRESS:PORT");
        return command;
    };
    CLI::App* drain = add(server::kDrain);
    commands.drain = drain;
    commands.has_deadline =
        drain
            ->add_option("--deadline", commands.deadline, "end what is left then: 90, 90s, 10m, 2h")
            ->type_name("TIME")
            ->check([](const std::string& text) {
                return parse_duration(text) ? "" : "expected a time such as 90s, 10m or 2h";
            });
    commands.undrain = add(server::kUndrain);
}

void add_import_command(CLI::App& app, Commands& commands) {
    CLI::App* command =
        app.add_subcommand("import", "Turn a keepalived.conf into a configuration file");
    ImportRequest& request = commands.import_request;
    command->add_option("FILE", request.file, "keepalived.conf")->required();
    command->add_option("--device", request.devices, "the card that is an interface")
        ->type_name("INTERFACE=DEVICE");
    command->add_option("--address", request.addresses, "the director's own on an interface")
        ->type_name("INTERFACE=ADDRESS/BITS");
    command->add_option("--config-id", request.config_id, "decides lines such as \"@east ...\"")
        ->type_name("NAME");
    command->footer(kImportExample);
    commands.import_file = command;
}

void add_commands(CLI::App& app, Commands& commands) {
    commands.status = add_command(app, server::kStatus);
    CLI::App* drops = add_command(app, server::kDrops);
    drops->add_flag("--all", commands.shows_all_drops, "Reasons that never occurred, too");
    commands.drops = drops;
    commands.checks = add_command(app, server::kChecks);
    commands.workers = add_command(app, server::kWorkers);
    CLI::App* sync = add_command(app, server::kSync);
    sync->add_subcommand("status", "The same");
    commands.sync = sync;
    CLI::App* vrrp = add_command(app, server::kVrrp);
    vrrp->footer(kVrrpExample);
    commands.vrrp = vrrp;
    commands.reload = add_command(app, server::kReload);
    add_drain_commands(app, commands);
    CLI::App* check =
        app.add_subcommand("check", "Look for mistakes in a configuration file, start nothing");
    check->add_option("FILE", commands.file, "configuration file")->required();
    commands.check = check;
    add_import_command(app, commands);
    CLI::App* ipvsadm = app.add_subcommand(
        "ipvsadm", "Show and change the table as ipvsadm does: -L -n, -A -t ..., -a ..., -S, -R");
    // Its options are ipvsadm's and none of ours, "--help" included.
    ipvsadm->prefix_command();
    ipvsadm->fallthrough(false);
    ipvsadm->set_help_flag();
    commands.ipvsadm = ipvsadm;
}

int carry_out(Settings& settings, Commands& commands) {
    if (*commands.status) {
        return run_status(settings);
    }
    if (*commands.drops) {
        return run_drops(settings, commands.shows_all_drops ? ZeroRows::kShow : ZeroRows::kHide);
    }
    if (*commands.checks) {
        return run_checks(settings);
    }
    if (*commands.workers) {
        return run_workers(settings);
    }
    if (*commands.sync) {
        return run_sync_status(settings);
    }
    if (*commands.vrrp) {
        return run_vrrp(settings);
    }
    if (*commands.reload) {
        return run_reload(settings);
    }
    if (*commands.drain || *commands.undrain) {
        DrainRequest& request = commands.drain_request;
        request.is_over = static_cast<bool>(*commands.undrain);
        if (*commands.has_deadline) {
            request.deadline_seconds = parse_duration(commands.deadline);
        }
        return run_drain(settings, request);
    }
    if (*commands.check) {
        return run_check(commands.file);
    }
    if (*commands.import_file) {
        return run_import(commands.import_request);
    }
    std::vector<std::string> rest = commands.ipvsadm->remaining();
    if (std::erase(rest, "--json") > 0) {
        settings.output = Output::kJson;
    }
    return run_ipvsadm(settings, "directorctl ipvsadm", rest);
}

// Exceptions of CLI11 end here.
int run(const std::vector<std::string>& arguments) {
    Settings settings;
    settings.socket = environment_or("DIRECTOR_SOCKET", server::kDefaultSocketPath);
    settings.colour = terminal_colour();
    bool is_json = false;

    CLI::App app("Shows and controls the running directord.", "directorctl");
    app.footer(kExamples);
    app.set_version_flag("--version", std::string("directorctl ") + DIRECTOR_VERSION);
    app.add_option("--socket", settings.socket, "directord's control socket (env DIRECTOR_SOCKET)")
        ->type_name("PATH")
        ->capture_default_str();
    app.add_flag("--json", is_json, "Print answers as JSON");
    app.require_subcommand(1);
    app.fallthrough();
    Commands commands;
    add_commands(app, commands);

    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    try {
        app.parse(reversed);
    } catch (const CLI::ParseError& error) {
        const bool is_fine = app.exit(error) == 0;
        return is_fine ? kExitOk : kExitUsage;
    }
    settings.output = is_json ? Output::kJson : Output::kText;
    return carry_out(settings, commands);
}

}  // namespace
}  // namespace director::cli

int main(int argc, char** argv) {
    using namespace director::cli;
    std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    int exit_code = kExitFailed;
    try {
        if (argc > 0 && std::filesystem::path(argv[0]).filename() == "ipvsadm") {
            const Settings settings{
                environment_or("DIRECTOR_SOCKET", director::server::kDefaultSocketPath),
                Output::kText,
                Colour::kNever};
            exit_code = run_ipvsadm(settings, argv[0], arguments);
        } else {
            exit_code = run(arguments);
        }
    } catch (const std::exception& error) {
        fmt::print(stderr, "directorctl: {}\n", error.what());
    }
    // A full disk or a closed pipe shows only now.
    if (std::fflush(stdout) != 0) {
        return exit_code == kExitOk ? kExitFailed : exit_code;
    }
    return exit_code;
}
