// What the shells' completion offers: `directorctl --complete WORD...`, from the command line's own
// tree and, for names, from the running directord.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/grammar.h"

namespace director::cli {

struct Candidate {
    std::string word;
    std::string help;  // may be empty
};

// Alone: the shell completes file names.
inline constexpr std::string_view kCompleteFiles = ":files";

// Names of `words` kind that directord knows now; nothing where it does not answer.
using LiveWords = std::function<std::vector<Candidate>(Words words)>;

// `words` are those after "directorctl" up to the cursor; the last is the one to complete, perhaps
// empty. Only what begins with it comes back.
[[nodiscard]] std::vector<Candidate> complete(const Grammar& grammar,
                                              const std::vector<std::string>& words,
                                              const LiveWords& live);

// Asks the socket in the grammar's settings.
[[nodiscard]] std::vector<Candidate> live_words(const Settings& settings, Words words);

// Candidates a line: word, tab, help.
[[nodiscard]] int run_complete(const Grammar& grammar, const std::vector<std::string>& words);

// What the shells read.
[[nodiscard]] std::string bash_completion();
[[nodiscard]] std::string zsh_completion();

}  // namespace director::cli
