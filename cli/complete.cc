#include "cli/complete.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/client.h"
#include "cli/objects.h"
#include "controlplane/server/protocol.h"

namespace director::cli {
namespace {

using Json = nlohmann::json;

// More than a shell shows.
constexpr size_t kCandidatesMax = 1000;

// The commands from the top down to the one that the words have come to.
using Path = std::vector<const CLI::App*>;

const CLI::Option* find_option(const Path& path, const std::string& word) {
    for (auto app = path.rbegin(); app != path.rend(); ++app) {
        for (const CLI::Option* option : (*app)->get_options()) {
            if (!option->get_positional() && option->check_name(word)) {
                return option;
            }
        }
    }
    return nullptr;
}

bool takes_value(const CLI::Option* option) {
    return option->get_items_expected_max() > 0 && option->get_type_size() > 0;
}

const CLI::App* find_command(const CLI::App* app, const std::string& word) {
    for (const CLI::App* command : app->get_subcommands({})) {
        if (command->check_name(word)) {
            return command;
        }
    }
    return nullptr;
}

const CLI::Option* positional(const CLI::App* app, size_t index) {
    for (const CLI::Option* option : app->get_options()) {
        if (option->get_positional() && index-- == 0) {
            return option;
        }
    }
    return nullptr;
}

void add_values(const Grammar& grammar,
                const CLI::Option* option,
                const LiveWords& live,
                std::vector<Candidate>& to) {
    const Completion completion = grammar.completion_of(option);
    if (completion.words == Words::kFile) {
        to.push_back({std::string(kCompleteFiles), ""});
    } else if (completion.words == Words::kWord) {
        for (const std::string& choice : completion.choices) {
            to.push_back({choice, ""});
        }
    } else if (completion.words != Words::kNothing) {
        for (Candidate& candidate : live(completion.words)) {
            to.push_back(std::move(candidate));
        }
    }
}

void add_options(const Path& path, std::vector<Candidate>& to) {
    for (auto app = path.rbegin(); app != path.rend(); ++app) {
        for (const CLI::Option* option : (*app)->get_options()) {
            if (option->get_positional() || option->get_group().empty()) {
                continue;
            }
            for (const std::string& name : option->get_lnames()) {
                to.push_back({"--" + name, option->get_description()});
            }
        }
    }
}

void add_commands_of(const CLI::App* app, std::vector<Candidate>& to) {
    for (const CLI::App* command : app->get_subcommands({})) {
        if (!command->get_group().empty()) {  // no older spelling
            to.push_back({command->get_name(), command->get_description()});
        }
    }
}

void keep_beginning_with(std::vector<Candidate>& candidates, const std::string& word) {
    if (candidates.size() == 1 && candidates.front().word == kCompleteFiles) {
        return;
    }
    std::set<std::string> seen;
    std::erase_if(candidates, [&](const Candidate& one) {
        return !one.word.starts_with(word) || !seen.insert(one.word).second;
    });
    candidates.resize(std::min(candidates.size(), kCandidatesMax));
}

void add_services(const Json& answer, std::vector<Candidate>& to) {
    for (const server::ServiceView& service : answer.get<server::ServicesView>().services) {
        if (!service.is_retired) {
            to.push_back(
                {to_word(service),
                 fmt::format("{}, {} real servers", service.scheduler, service.servers.size())});
        }
    }
}

void add_servers(const Json& answer, std::vector<Candidate>& to) {
    for (const server::ServiceView& service : answer.get<server::ServicesView>().services) {
        for (const server::ServerView& server : service.servers) {
            to.push_back({endpoint_text(server.address, server.port),
                          fmt::format("in {}", to_string(service))});
        }
    }
}

}  // namespace

std::vector<Candidate> complete(const Grammar& grammar,
                                const std::vector<std::string>& words,
                                const LiveWords& live) {
    Path path{&grammar.app()};
    const CLI::Option* pending = nullptr;
    size_t positionals = 0;
    for (size_t i = 0; i + 1 < words.size(); ++i) {
        const std::string& word = words[i];
        if (pending != nullptr) {
            pending = nullptr;
        } else if (word.starts_with('-')) {
            const CLI::Option* const option = find_option(path, word);
            pending = option != nullptr && takes_value(option) ? option : nullptr;
        } else if (const CLI::App* const command = find_command(path.back(), word)) {
            path.push_back(command);
            positionals = 0;
        } else {
            ++positionals;
        }
    }
    const std::string word = words.empty() ? "" : words.back();
    std::vector<Candidate> candidates;
    if (pending != nullptr) {
        add_values(grammar, pending, live, candidates);
    } else if (word.starts_with('-')) {
        add_options(path, candidates);
    } else {
        if (positionals == 0) {
            add_commands_of(path.back(), candidates);
        }
        if (const CLI::Option* const option = positional(path.back(), positionals)) {
            add_values(grammar, option, live, candidates);
        }
        // A file may have any name: what else there is goes first.
        if (candidates.size() > 1 && word.empty()) {
            std::erase_if(candidates,
                          [](const Candidate& one) { return one.word == kCompleteFiles; });
        }
    }
    keep_beginning_with(candidates, word);
    return candidates;
}

std::vector<Candidate> live_words(const Settings& settings, Words words) {
    std::vector<Candidate> found;
    auto client = Client::connect(settings.socket);
    if (!client) {
        return found;
    }
    const bool is_instance = words == Words::kInstance;
    const auto answer = is_instance ? client->call(server::kVrrp.name, Json::object())
                                    : client->call_in_pages(server::kServices.name);
    if (!answer) {
        return found;
    }
    if (is_instance) {
        for (const auto& instance : answer->get<server::VrrpView>().instances) {
            found.push_back({instance.name, instance.state});
        }
    } else if (words == Words::kService) {
        add_services(*answer, found);
    } else {
        add_servers(*answer, found);
    }
    return found;
}

int run_complete(const Grammar& grammar, const std::vector<std::string>& words) {
    // The socket that the command line names is the one to ask.
    Settings settings = grammar.settings();
    for (size_t i = 0; i + 1 < words.size(); ++i) {
        if (words[i] == "--socket") {
            settings.socket = words[i + 1];
        }
    }
    const auto live = [&settings](Words wanted) { return live_words(settings, wanted); };
    for (const Candidate& candidate : complete(grammar, words, live)) {
        fmt::print("{}\t{}\n", candidate.word, candidate.help);
    }
    return kExitOk;
}

// Colons divide words in bash (COMP_WORDBREAKS): the line is taken apart at blanks instead, and
// what stands before the last colon is not offered again.
std::string bash_completion() {
    return R"(# bash completion of directorctl, which knows its own words: directorctl --complete WORD...
_directorctl() {
    local line=${COMP_LINE:0:COMP_POINT} words current candidate prefix
    read -r -a words <<<"$line"
    current=
    [[ $line == *[[:blank:]] ]] || current=${words[-1]}
    [[ -n $current ]] || words+=("")
    COMPREPLY=()
    while IFS=$'\t' read -r candidate _; do
        if [[ $candidate == ":files" ]]; then
            compopt -o default
            COMPREPLY=()
            return
        fi
        COMPREPLY+=("$candidate")
    done < <("${words[0]}" --complete "${words[@]:1}" 2>/dev/null)
    if [[ $COMP_WORDBREAKS == *:* && $current == *:* ]]; then
        prefix=${current%"${current##*:}"}
        COMPREPLY=("${COMPREPLY[@]#"$prefix"}")
    fi
}
complete -F _directorctl directorctl
)";
}

std::string zsh_completion() {
    return R"(#compdef directorctl
# zsh completion of directorctl, which knows its own words: directorctl --complete WORD...
_directorctl() {
    local -a candidates
    local line word help colon='\:'
    while IFS= read -r line; do
        word=${line%%$'\t'*}
        help=${line#*$'\t'}
        if [[ $word == ":files" ]]; then
            _files
            return
        fi
        candidates+=("${word//:/$colon}${help:+:$help}")
    done < <("${words[1]}" --complete "${(@)words[2,CURRENT]}" 2>/dev/null)
    _describe directorctl candidates
}
# Sourced, it has to say so itself; from a completion folder, #compdef does.
if [[ ${funcstack[1]} == _directorctl ]]; then
    _directorctl "$@"
else
    compdef _directorctl directorctl
fi
)";
}

}  // namespace director::cli
