#include "cli/config_commands.h"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "cli/ask.h"
#include "config/source.h"

namespace director::cli {
namespace {

using Json = nlohmann::json;

constexpr server::MethodText kShow{"config_show", "", ""};
constexpr server::MethodText kDiff{"config_diff", "", ""};
constexpr server::MethodText kSave{"config_save", "", ""};
constexpr server::MethodText kLevels{"log_levels", "", ""};
constexpr server::MethodText kLevel{"log_level", "", ""};

// "file:line: path: message", as directord itself writes it. directord has seen one text: its lines
// are found again in the files that it was made of.
std::string mistake_line(const Json& mistake, const config::Source& source) {
    const auto line = mistake.value("line", 0U);
    const config::Place place = source.place(line);
    const std::string path = mistake.value("path", "");
    return fmt::format("{}{}: {}{}{}\n",
                       place.file,
                       line == 0 ? "" : fmt::format(":{}", place.line),
                       path,
                       path.empty() ? "" : ": ",
                       mistake.value("message", ""));
}

int complain_of_mistakes(const Json& mistakes, const config::Source& source) {
    for (const Json& mistake : mistakes) {
        fmt::print(stderr, "{}", mistake_line(mistake, source));
    }
    return kExitUsage;
}

// The file with its includes in place, which directord could not find.
tl::expected<config::Source, int> read(const std::string& file) {
    auto source = config::Source::from_file(file);
    if (source) {
        return std::move(*source);
    }
    for (const config::SourceError& error : source.error()) {
        fmt::print(stderr,
                   "{}{}: {}\n",
                   error.place.file,
                   error.place.line == 0 ? "" : fmt::format(":{}", error.place.line),
                   error.message);
    }
    return tl::unexpected(kExitUsage);
}

std::string show_levels(const Json& levels) {
    Table table({{"AREA"}, {"LEVEL"}});
    for (const Json& one : levels.value("areas", Json::array())) {
        table.add({{one.value("area", "")}, {one.value("level", "")}});
    }
    table.add({{"all others"}, {levels.value("level", "")}});
    return table.render(Colour::kNever);
}

}  // namespace

std::string show_diff(const std::string& text, Colour colour) {
    std::string out;
    for (size_t begin = 0; begin < text.size();) {
        const size_t end = std::min(text.find('\n', begin), text.size());
        const std::string_view line(text.data() + begin, end - begin);
        const Style style = line.starts_with("+++") || line.starts_with("---") ? Style::kBold
                            : line.starts_with('+')                            ? Style::kGood
                            : line.starts_with('-')                            ? Style::kBad
                                                                               : Style::kPlain;
        out += styled(line, style, colour) + "\n";
        begin = end + 1;
    }
    return out;
}

int run_config_show(const Settings& settings, Defaults defaults) {
    Json params = Json::object();
    if (defaults == Defaults::kShow) {
        params["defaults"] = true;
    }
    return ask(
        settings, kShow, [](const Json& result) { return result.value("text", ""); }, params);
}

int run_config_diff(const Settings& settings) {
    return ask(settings, kDiff, [&settings](const Json& result) {
        return result.value("is_same", false)
                   ? fmt::format("what serves is what {} says\n", result.value("file", "the file"))
                   : show_diff(result.value("text", ""), settings.colour);
    });
}

int run_config_check(const Settings& settings, const std::string& file) {
    auto client = Client::connect(settings.socket);
    if (!client) {
        return run_check(file);
    }
    const auto source = read(file);
    if (!source) {
        return source.error();
    }
    const auto result = client->call("config_check", {{"text", source->text()}});
    if (!result) {
        return complain(result.error());
    }
    if (result->value("is_valid", false)) {
        return print(settings, *result, [&](const Json& answer) {
            return fmt::format(
                "{}: configuration is good; applied now: {}\n", file, answer.value("message", ""));
        });
    }
    if (settings.output == Output::kJson) {
        fmt::print("{}", document(*result));
    }
    return complain_of_mistakes(result->value("mistakes", Json::array()), *source);
}

int run_config_apply(const Settings& settings, const std::string& file) {
    const auto source = read(file);
    if (!source) {
        return source.error();
    }
    auto client = Client::connect(settings.socket);
    if (!client) {
        return complain(kExitUnreachable, client.error().message);
    }
    const auto result = client->call("config_apply", {{"text", source->text()}});
    if (result) {
        return print(settings, *result, message_line);
    }
    const Json& data = result.error().data;
    if (data.is_object() && data.contains("mistakes") && !data["mistakes"].empty()) {
        return complain_of_mistakes(data["mistakes"], *source);
    }
    return complain(result.error());
}

int run_config_save(const Settings& settings) {
    return ask(settings, kSave, [](const Json& result) {
        const std::string backup = result.value("backup", "");
        return fmt::format("{} is written{}\n",
                           result.value("file", "the file"),
                           backup.empty() ? "" : "; what was there is now " + backup);
    });
}

int run_log_level(const Settings& settings, const std::string& level, const std::string& area) {
    if (level.empty()) {
        return ask(settings, kLevels, show_levels);
    }
    Json params = {{"level", level}};
    if (!area.empty()) {
        params["area"] = area;
    }
    return ask(settings, kLevel, show_levels, params);
}

}  // namespace director::cli
