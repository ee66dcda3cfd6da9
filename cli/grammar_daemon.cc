// The commands of events, explanations, the configuration and the log.
#include <memory>

#include "cli/config_commands.h"
#include "cli/event_commands.h"
#include "cli/explain_command.h"
#include "cli/grammar.h"

namespace director::cli {
namespace {

constexpr const char* kState = "What is";
constexpr const char* kConfiguration = "Configuration";

void add_events(Grammar& grammar) {
    auto query = std::make_shared<EventQuery>();
    CLI::App* command = grammar.add_top(
        kState,
        "events",
        "What has happened, and what happens",
        [query](const Settings& settings) { return run_events(settings, *query); },
        R"(Examples:
  directorctl events                              what directord remembers: the last 4096
  directorctl events --follow --topic vrrp,server what happens from now on
  directorctl --json events --follow | jq .       an object a line
  directorctl events --since 812                  from a number (sequence, in --json) on)");
    command->add_flag("-f,--follow", query->is_followed, "Go on, until interrupted");
    command->add_option("--since", query->since, "the first that is wanted")->type_name("NUMBER");
    grammar.offer(
        command->add_option("--topic", query->topics, "these alone, by commas")->delimiter(','),
        {"vrrp", "server", "service", "config", "sync", "attack", "drain", "interface", "daemon"});
}

void add_explain(Grammar& grammar) {
    auto query = std::make_shared<ExplainQuery>();
    CLI::App* command = grammar.add_top(
        kState,
        "explain",
        "What would become of a packet, and why: service, server, NAT, or the drop",
        [query](const Settings& settings) { return run_explain(settings, *query); },
        R"(Examples:
  directorctl explain 192.0.2.1:80
  directorctl explain 192.0.2.1:80 --client 198.51.100.7:40000
  directorctl explain udp/192.0.2.1:53 --client 198.51.100.7:5353
  directorctl explain 192.0.2.1:80 --client 198.51.100.7:40000 --server 10.0.0.1:80   the answer's way
  directorctl explain 192.0.2.1                     what is served at an address

Answered by the live tables; asking changes nothing.)");
    grammar
        .offer(command->add_option("VIRTUAL",
                                   query->virtual_service,
                                   "ADDRESS:PORT, PROTOCOL/ADDRESS:PORT, or ADDRESS"),
               Words::kService)
        ->required();
    command->add_option("--client", query->client, "who sends it; else an example")
        ->type_name("ADDRESS:PORT");
    grammar.offer(command->add_option("--protocol", query->protocol, "tcp if nothing is said"),
                  {"tcp", "udp", "sctp"});
    grammar.offer(
        command->add_option("--server", query->server, "the answer from this real server"),
        Words::kServer);
    command->add_option("--interface", query->interface, "the one that it comes in by");
}

void add_lint(Grammar& grammar, CLI::App* noun) {
    auto file = std::make_shared<std::string>("/etc/director.conf");
    CLI::App* lint = grammar.add(
        noun,
        "lint",
        "What is allowed in a configuration file and yet risky",
        [file](const Settings& /*settings*/) { return run_check(*file, "--lint"); },
        R"(Each line names the setting, what it would do, and in brackets the rule, which
docs/configuration.md explains. Exit codes: 0 nothing, 1 risks, 2 mistakes.)");
    grammar.offer(lint->add_option("FILE", *file, "a configuration file")->capture_default_str(),
                  Words::kFile);
}

void add_config(Grammar& grammar) {
    CLI::App* noun = grammar.add_top(kConfiguration,
                                     "config",
                                     "The configuration that serves, and the file",
                                     {},
                                     R"(Examples:
  directorctl config diff                   what was edited since, against the file
  directorctl config check new.conf         its mistakes, or what applying it would change
  directorctl config apply new.conf         all of it or nothing; the file of directord stays
  directorctl config lint                   what is allowed in the file and yet risky
  directorctl config save                   write what serves to the file, keep the old as .backup
  directorctl config show > now.conf)");
    auto with_defaults = std::make_shared<bool>(false);
    CLI::App* show = grammar.add(
        noun, "show", "What serves now, edits included", [with_defaults](const Settings& settings) {
            return run_config_show(settings, *with_defaults ? Defaults::kShow : Defaults::kHide);
        });
    show->add_flag("--defaults", *with_defaults, "Every setting, not only what differs");
    grammar.add(noun, "diff", "How what serves differs from the file", run_config_diff);
    const auto add_file = [&](const char* name, const char* help, auto run) {
        auto file = std::make_shared<std::string>();
        CLI::App* verb = grammar.add(noun, name, help, [file, run](const Settings& settings) {
            return run(settings, *file);
        });
        grammar.offer(verb->add_option("FILE", *file, "configuration file"), Words::kFile)
            ->required();
    };
    add_file(
        "check", "Mistakes in a file (exit code 2), or what it would change", run_config_check);
    add_file("apply", "Serve by a file, all of it or nothing", run_config_apply);
    add_lint(grammar, noun);
    grammar.add(noun, "save", "Write what serves to directord's file", run_config_save);
}

void add_log(Grammar& grammar) {
    struct Options {
        std::string level;
        std::string area;
    };
    auto options = std::make_shared<Options>();
    CLI::App* noun = grammar.add_top(kConfiguration, "log", "How much is logged");
    CLI::App* level = grammar.add(
        noun,
        "level",
        "Show the log levels, or set one until the next reload",
        [options](const Settings& settings) {
            return run_log_level(settings, options->level, options->area);
        },
        R"(Examples:
  directorctl log level                     all of them
  directorctl log level debug --area vrrp   more of VRRP alone
  directorctl log level info                all areas)");
    grammar.offer(level->add_option("LEVEL", options->level, "from here on lines are written"),
                  {"debug", "info", "warning", "error"});
    level->add_option("--area", options->area, "of these lines alone: vrrp, health, daemon, ...");
}

}  // namespace

void add_daemon_commands(Grammar& grammar) {
    add_events(grammar);
    add_explain(grammar);
    add_config(grammar);
    add_log(grammar);
}

}  // namespace director::cli
