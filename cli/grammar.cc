#include "cli/grammar.h"

#include <charconv>
#include <cstdint>
#include <system_error>
#include <utility>

#include "controlplane/server/protocol.h"

namespace director::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  directorctl status                     what matters at one look, and what needs a person
  directorctl service list               services, their rates and states
  directorctl server drain 10.0.0.1:80 --deadline 10m   no new connections; in 10 minutes, none at all
  directorctl conn list --client 192.0.2.0/24           who of them is connected where
  directorctl vrrp                       who has the addresses, this director or its twin
  directorctl check list                 which servers are up, and what their checks say
  directorctl --json worker list | jq .  any answer as JSON
  directorctl reload                     read the configuration file again
  directorctl ipvsadm -L -n --stats      the same table as ipvsadm lists it

`directorctl COMMAND --help` has more on each. A noun alone lists: `directorctl service`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad configuration, 3 directord not reachable.
Called by the name "ipvsadm", it is `directorctl ipvsadm`.)";

}  // namespace

Grammar::Grammar(const Settings& settings)
    : app_("Shows and controls the running directord.", "directorctl"), settings_(settings) {
    app_.footer(kExamples);
    app_.set_version_flag("--version", std::string("directorctl ") + DIRECTOR_VERSION);
    app_.get_formatter()->column_width(28);
    offer(app_.add_option(
                  "--socket", settings_.socket, "directord's control socket (env DIRECTOR_SOCKET)")
              ->type_name("PATH")
              ->capture_default_str(),
          Words::kFile);
    app_.add_flag("--json", is_json_, "Print answers as JSON (docs/control-socket.md)");
    app_.require_subcommand(1);
    app_.fallthrough();
}

CLI::App* Grammar::add(CLI::App* parent,
                       const std::string& name,
                       const std::string& help,
                       Run run,
                       const std::string& examples) {
    CLI::App* command = parent->add_subcommand(name, help);
    if (!examples.empty()) {
        command->footer(examples);
    }
    if (run) {
        runs_[command] = std::move(run);
    } else {
        command->require_subcommand(1);
    }
    return command;
}

CLI::App* Grammar::add_top(const std::string& group,
                           const std::string& name,
                           const std::string& help,
                           Run run,
                           const std::string& examples) {
    CLI::App* command = add(&app_, name, help, std::move(run), examples);
    command->group(group);
    return command;
}

CLI::Option* Grammar::offer(CLI::Option* option, Words words) {
    completions_[option] = {words, {}};
    return option;
}

CLI::Option* Grammar::offer(CLI::Option* option, std::vector<std::string> choices) {
    option->check(CLI::IsMember(choices));
    completions_[option] = {Words::kWord, std::move(choices)};
    return option;
}

Completion Grammar::completion_of(const CLI::Option* option) const {
    const auto found = completions_.find(option);
    return found == completions_.end() ? Completion{} : found->second;
}

void Grammar::take_json_from(std::vector<std::string>& arguments) {
    if (std::erase(arguments, "--json") > 0) {
        settings_.output = Output::kJson;
    }
}

int Grammar::run(const std::vector<std::string>& arguments) {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    try {
        app_.parse(reversed);
    } catch (const CLI::ParseError& error) {
        return app_.exit(error) == 0 ? kExitOk : kExitUsage;
    }
    settings_.output = is_json_ ? Output::kJson : Output::kText;
    const CLI::App* command = &app_;
    while (!command->get_subcommands().empty()) {
        command = command->get_subcommands().back();
    }
    return runs_.at(command)(settings_);
}

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

CLI::Option* check_duration(CLI::Option* option) {
    return option->type_name("TIME")->check([](const std::string& text) {
        return parse_duration(text) ? "" : "expected a time such as 90s, 10m or 2h";
    });
}

}  // namespace director::cli
