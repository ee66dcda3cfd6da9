// A shell script as the commands that it would run one after another, without running anything:
// for scripts that set up a director line by line, and for rules as `ipvsadm -S` saves them, which
// are such a script without the program's name. Definitions (A=b) are put in, quotation marks and
// continued lines are a shell's (POSIX.1 2.2, 2.3, 2.6.2); what only a running shell could know
// (conditions, loops, output of commands) becomes a note.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/import/notes.h"

namespace director::config {

struct ShellCommand {
    Place place;
    std::vector<std::string> words;   // at least one
    std::string output;               // the file that the output goes to; empty: none
    std::string input;                // the file that is read
    std::vector<ShellCommand> lines;  // of a here-document
};

struct ShellCommands {
    std::vector<ShellCommand> commands;
    Notes notes;
};

// Bounded: 65,536 characters in a line, 64 MiB in all; beyond that a note of kError and an end.
[[nodiscard]] ShellCommands read_shell_text(std::string_view text, const std::string& name);

// True for rules and scripts with ipvsadm in them, false for what may be a keepalived.conf: the
// first line that only one of them can have decides.
[[nodiscard]] bool looks_like_rules(std::string_view text);

}  // namespace director::config
