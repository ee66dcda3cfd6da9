// directorctl: asks the running directord, over its control socket.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "cli/complete.h"
#include "cli/grammar.h"
#include "cli/ipvsadm_run.h"
#include "cli/manual.h"
#include "controlplane/server/protocol.h"

namespace director::cli {
namespace {

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

// For the build: what is installed beside the program.
int generate(Grammar& grammar, const std::string& what) {
    const std::string text = what == "man"    ? directorctl_manual(grammar.app())
                             : what == "bash" ? bash_completion()
                             : what == "zsh"  ? zsh_completion()
                                              : "";
    fmt::print("{}", text);
    return text.empty() ? kExitUsage : kExitOk;
}

int run(std::string_view program, const std::vector<std::string>& arguments) {
    Settings settings;
    settings.socket = environment_or("DIRECTOR_SOCKET", server::kDefaultSocketPath);
    if (std::filesystem::path(program).filename() == "ipvsadm") {
        return run_ipvsadm(settings, std::string(program), arguments);
    }
    settings.colour = terminal_colour();
    Grammar grammar(settings);
    add_commands(grammar);
    if (!arguments.empty() && arguments.front() == "--complete") {
        return run_complete(grammar, {arguments.begin() + 1, arguments.end()});
    }
    if (arguments.size() == 2 && arguments.front() == "--generate") {
        return generate(grammar, arguments.back());
    }
    return grammar.run(arguments);
}

}  // namespace
}  // namespace director::cli

int main(int argc, char** argv) {
    using namespace director::cli;
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    int exit_code = kExitFailed;
    try {
        exit_code = run(argc > 0 ? argv[0] : "directorctl", arguments);
    } catch (const std::exception& error) {
        fmt::print(stderr, "directorctl: {}\n", error.what());
    }
    // A full disk or a closed pipe shows only now.
    if (std::fflush(stdout) != 0) {
        return exit_code == kExitOk ? kExitFailed : exit_code;
    }
    return exit_code;
}
