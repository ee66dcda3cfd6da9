#include "cli/manual.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace director::cli {
namespace {

// Text of a line, so that troff takes it as it is.
std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\\') {
            out += "\\e";
        } else if (c == '-') {
            out += "\\-";
        } else if (c == '~' || c == '^' || c == '`' || c == '\'') {
            out += c == '~' ? "\\(ti" : c == '^' ? "\\(ha" : c == '`' ? "\\(ga" : "\\(aq";
        } else {
            out += c;
        }
    }
    return out.starts_with('.') ? "\\&" + out : out;
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

// Paragraphs, with what is indented as it stands: examples, tables.
std::string body(std::string_view text) {
    std::string out;
    bool is_example = false;
    bool is_gap = false;
    for (const std::string_view line : lines_of(text)) {
        const bool is_indented = line.starts_with("  ");
        if (line.empty()) {
            is_gap = true;
            continue;
        }
        if (is_indented && !is_example) {
            out += ".PP\n.nf\n";
            is_gap = false;
        } else if (!is_indented && is_example) {
            out += ".fi\n.PP\n";
            is_gap = false;
        } else if (is_gap) {
            out += is_example ? "\n" : ".PP\n";
            is_gap = false;
        }
        is_example = is_indented;
        out += escaped(is_indented ? line.substr(2) : line) + "\n";
    }
    if (out.starts_with(".PP\n")) {
        out.erase(0, 4);  // whoever calls has begun one
    }
    return out + (is_example ? ".fi\n" : "");
}

bool is_hidden(const CLI::App* command) {
    return command->get_group().empty();
}

// "NAME" or "--name VALUE", in bold what is typed.
std::string option_head(const CLI::Option* option) {
    if (option->get_positional()) {
        return fmt::format("\\fI{}\\fR", escaped(option->get_name(true)));
    }
    std::string names;
    for (const std::string& name : option->get_snames()) {
        names += (names.empty() ? "" : ", ") + fmt::format("\\fB\\-{}\\fR", escaped(name));
    }
    for (const std::string& name : option->get_lnames()) {
        names += (names.empty() ? "" : ", ") + fmt::format("\\fB\\-\\-{}\\fR", escaped(name));
    }
    // CLI11 writes what a check takes behind the type: TEXT:{a,b}.
    std::string type = option->get_type_name();
    const size_t choices = type.find(":{");
    if (option->get_items_expected_max() == 0 || option->get_type_size() == 0) {
        return names;
    }
    if (choices != std::string::npos) {
        type = type.substr(choices + 2, type.size() - choices - 3);
        std::replace(type.begin(), type.end(), ',', '|');
    }
    return fmt::format("{} \\fI{}\\fR", names, escaped(type));
}

std::string options_of(const CLI::App& app) {
    std::string out;
    for (const CLI::Option* option : app.get_options()) {
        if (option->get_group().empty()) {
            continue;
        }
        out +=
            fmt::format(".TP\n{}\n{}\n", option_head(option), escaped(option->get_description()));
    }
    return out;
}

std::string usage_of(const std::string& name, const CLI::App& app) {
    std::string usage = fmt::format("\\fB{}\\fR", escaped(name));
    for (const CLI::Option* option : app.get_options()) {
        if (option->get_positional()) {
            const std::string text = escaped(option->get_name(true));
            usage += option->get_required() ? fmt::format(" \\fI{}\\fR", text)
                                            : fmt::format(" [\\fI{}\\fR]", text);
        }
    }
    return usage;
}

// Without the help flag, which every command has.
std::string own_options_of(const CLI::App& app) {
    std::string out;
    for (const CLI::Option* option : app.get_options()) {
        if (!option->get_group().empty() && option != app.get_help_ptr()) {
            out += fmt::format(
                ".TP\n{}\n{}\n", option_head(option), escaped(option->get_description()));
        }
    }
    return out;
}

std::string command_text(const std::string& prefix, const CLI::App* command) {
    const std::string name = prefix + command->get_name();
    std::string out = fmt::format(".SS {}\n", usage_of(name, *command));
    out += escaped(command->get_description()) + ".\n" + own_options_of(*command);
    std::string inherited;
    for (const CLI::App* verb : command->get_subcommands({})) {
        if (!is_hidden(verb)) {
            out += command_text(name + " ", verb);
            inherited = verb->get_footer();
        }
    }
    // Verbs of one noun share their examples: once, behind the noun's last verb.
    const CLI::App* const parent = command->get_parent();
    const bool is_repeated = parent != nullptr && !parent->get_footer().empty() &&
                             parent->get_footer() == command->get_footer();
    if (!command->get_footer().empty() && !is_repeated) {
        out += ".PP\n" + body(command->get_footer());
    }
    return out;
}

std::string upper(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) {
        return static_cast<char>(std::toupper(c));
    });
    return result;
}

}  // namespace

std::string manual_page(const CLI::App& app, const ManualText& text) {
    std::string out = fmt::format(
        ".\\\" Generated from the help of {}; do not edit.\n"
        ".TH {} {} 2026-11-22 \"Director {}\" \"{}\"\n"
        ".SH NAME\n{} \\- {}\n.SH SYNOPSIS\n{} [\\fIOPTION\\fR]...{}\n"
        ".SH DESCRIPTION\n{}.SH OPTIONS\n{}",
        text.name,
        upper(text.name),
        text.section,
        DIRECTOR_VERSION,
        text.section == 1 ? "User Commands" : "System Administration",
        text.name,
        escaped(text.purpose),
        usage_of(std::string(text.name), app),
        app.get_subcommands({}).empty() ? "" : " \\fICOMMAND\\fR ...",
        body(text.description),
        options_of(app));
    if (!app.get_subcommands({}).empty()) {
        out += ".SH COMMANDS\n";
        for (const CLI::App* command : app.get_subcommands({})) {
            if (!is_hidden(command)) {
                out += command_text("", command);
            }
        }
    }
    const std::string footer = app.get_footer();
    if (!footer.empty()) {
        std::string_view examples = footer;
        if (examples.starts_with("Examples:\n")) {
            examples.remove_prefix(std::string_view("Examples:\n").size());
        }
        out += ".SH EXAMPLES\n" + body(examples);
    }
    for (const auto& [title, further] : text.further) {
        out += fmt::format(".SH {}\n{}", title, body(further));
    }
    return out + fmt::format(".SH SEE ALSO\n{}\n", text.see_also);
}

std::string directorctl_manual(const CLI::App& app) {
    return manual_page(
        app,
        {.name = "directorctl",
         .section = 1,
         .purpose = "show and control the running directord",
         .description =
             "Asks directord(8) over its control socket. Commands are NOUN VERB; a noun alone "
             "lists.\n\nServices are named ADDRESS:PORT, udp/ADDRESS:PORT (tcp, udp, sctp) or "
             "mark/NUMBER. Older spellings, such as drops, checks and drain, go on.\n\n"
             "Options of the first list may stand before or behind a command.\n",
         .further = {{"EXIT STATUS",
                      "0 done; 1 directord answered with an error; 2 wrong usage or a bad "
                      "configuration file; 3 directord could not be reached; 255 for ipvsadm "
                      "alone: an option that does not exist.\n"},
                     {"ENVIRONMENT",
                      "DIRECTOR_SOCKET: the control socket, where --socket says nothing.\n\n"
                      "NO_COLOR: no colours on terminals either.\n"},
                     {"FILES", "/run/directord.sock: the control socket.\n"}},
         .see_also = "directord(8), director.conf(5), ipvsadm(8), keepalived(8)"});
}

}  // namespace director::cli
