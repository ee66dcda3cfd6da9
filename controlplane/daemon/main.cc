// directord: reads the command line, checks the configuration, runs the application.
//
// Exit codes: 0 stopped as asked, 1 could not start or failed, 2 wrong command line or
// configuration.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>

#include "common/log.h"
#include "config/parse.h"
#include "config/print.h"
#include "controlplane/daemon/application.h"
#include "controlplane/daemon/risk_log.h"
#include "controlplane/daemon/service_manager.h"

namespace {

constexpr int kExitOk = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

constexpr director::LogArea kLog{"daemon"};

struct Options {
    std::string config = "/etc/director.conf";
    std::string check;
    std::string lint;
    bool print_defaults = false;
};

void print_all(const director::config::Diagnostics& diagnostics) {
    for (const auto& diagnostic : diagnostics) {
        fmt::print(stderr, "{}\n", to_string(diagnostic));
    }
}

// Prints every mistake and every risk; nothing of the machine is touched.
int check(const std::string& file, int exit_code_of_risks) {
    const auto inspected = director::config::inspect_file(file, director::daemon::vocabulary());
    if (!inspected) {
        print_all(inspected.error());
        return kExitUsage;
    }
    print_all(inspected->risks);
    const size_t risks = inspected->risks.size();
    fmt::print("{}: configuration is good{}\n",
               file,
               risks == 0   ? std::string()
               : risks == 1 ? ", with 1 risk"
                            : fmt::format(", with {} risks", risks));
    return risks == 0 ? kExitOk : exit_code_of_risks;
}

int serve(const std::string& file) {
    const auto inspected = director::config::inspect_file(file, director::daemon::vocabulary());
    if (!inspected) {
        print_all(inspected.error());
        fmt::print(
            stderr, "directord: not started: {} mistakes in {}\n", inspected.error().size(), file);
        return kExitUsage;
    }
    director::set_log_level(inspected->model.control.log_level);
    if (const auto done = director::set_log_file(inspected->model.control.log_file); !done) {
        fmt::print(stderr, "directord: not started: {}\n", done.error().message);
        return kExitFailed;
    }
    director::daemon::log_risks(inspected->risks);
    // A peer that leaves (virtio-user, a client of the control socket) must not take us with it.
    std::signal(SIGPIPE, SIG_IGN);
    const director::SteadyClock clock;
    director::daemon::Application application(
        clock, file, inspected->model, director::daemon::ServiceManager::from_environment());
    if (const auto done = application.run(); !done) {
        kLog.error("{}", done.error().message);
        return kExitFailed;
    }
    return kExitOk;
}

}  // namespace

// What CLI11 throws while it is told of the options, and want of memory, may end the program.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) {
    Options options;
    CLI::App app("directord: layer 4 load balancer on DPDK");
    app.set_version_flag("--version", "directord " DIRECTOR_VERSION);
    app.add_option("-c,--config", options.config, "configuration file")->capture_default_str();
    app.add_option("--check", options.check, "check a configuration file, start nothing");
    app.add_option(
        "--lint", options.lint, "the same, with exit code 1 where a setting is allowed but risky");
    app.add_flag(
        "--print-defaults", options.print_defaults, "print every setting with its default");
    app.footer(
        "Examples:\n"
        "  directord --config /etc/director.conf\n"
        "  directord --check /etc/director.conf\n\n"
        "Signals: SIGHUP applies the changed configuration file, SIGTERM stops.\n"
        "Exit codes: 0 stopped as asked, 1 failed, 2 wrong command line or configuration.");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kExitOk : kExitUsage;
    }
    if (options.print_defaults) {
        fmt::print("{}", director::config::print_defaults());
        return kExitOk;
    }
    if (!options.lint.empty()) {
        return check(options.lint, kExitFailed);
    }
    return options.check.empty() ? serve(options.config) : check(options.check, kExitOk);
}
