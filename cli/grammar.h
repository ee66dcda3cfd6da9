// directorctl's command line: one tree of CLI11 commands, from which come what is understood, its
// help, the manual page and the shells' completion.
//
//   Grammar grammar("directorctl");
//   add_commands(grammar);                    // commands_*.cc, by area
//   return grammar.run({"service", "list"});  // the exit code
//
// Commands are NOUN VERB; a noun alone does what its first verb does, which is to list.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/commands.h"

namespace director::cli {

using Run = std::function<int(const Settings& settings)>;

// What the shell may offer for a value.
enum class Words { kNothing, kService, kServer, kInstance, kTopic, kFile, kWord };

struct Completion {
    Words words = Words::kNothing;
    std::vector<std::string> choices;  // of kWord
};

class Grammar {
  public:
    explicit Grammar(const Settings& settings);
    Grammar(const Grammar&) = delete;
    Grammar& operator=(const Grammar&) = delete;

    // `run` is done when the command line ends with this command; without it, a verb has to follow.
    CLI::App* add(CLI::App* parent,
                  const std::string& name,
                  const std::string& help,
                  Run run = {},
                  const std::string& examples = "");
    // A command of the top, listed in `group`.
    CLI::App* add_top(const std::string& group,
                      const std::string& name,
                      const std::string& help,
                      Run run = {},
                      const std::string& examples = "");
    // For a command that is made otherwise.
    void handle(const CLI::App* command, Run run) { runs_[command] = std::move(run); }
    // What may stand there, for the shells and (kWord) as the only values that are taken.
    CLI::Option* offer(CLI::Option* option, Words words);
    CLI::Option* offer(CLI::Option* option, std::vector<std::string> choices);

    // Reads the command line and does what it says. Mistakes and help are printed.
    [[nodiscard]] int run(const std::vector<std::string>& arguments);

    // For Settings::output: also after a command of which all else is another program's.
    void take_json_from(std::vector<std::string>& arguments);

    [[nodiscard]] CLI::App& app() { return app_; }
    [[nodiscard]] const CLI::App& app() const { return app_; }
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] Completion completion_of(const CLI::Option* option) const;

  private:
    CLI::App app_;
    Settings settings_;
    bool is_json_ = false;
    std::map<const CLI::App*, Run> runs_;
    std::map<const CLI::Option*, Completion> completions_;
};

// "90", "90s", "10m", "2h": seconds.
[[nodiscard]] std::optional<uint64_t> parse_duration(std::string_view text);
// Refuses what parse_duration() does not take.
CLI::Option* check_duration(CLI::Option* option);

// All of them, in the order of the help.
void add_commands(Grammar& grammar);
// Of services and real servers (grammar_objects.cc).
void add_object_commands(Grammar& grammar);
// Of connections, routes and neighbours (grammar_tables.cc).
void add_table_commands(Grammar& grammar);
// Of events, explanations, the configuration and the log (grammar_daemon.cc).
void add_daemon_commands(Grammar& grammar);
// Of flow diagnostics (grammar_flows.cc).
void add_flow_commands(Grammar& grammar);
// Of packet matching (grammar_match.cc).
void add_match_command(Grammar& grammar);
// Of packets that pass, beside "flows" (grammar_live.cc).
void add_live_commands(Grammar& grammar, CLI::App* flows);

}  // namespace director::cli
