// Manual pages from a command line's own tree: what --help says, as man(7) has it. Pure.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace director::cli {

struct ManualText {
    std::string_view name;  // "directorctl"
    int section = 1;
    std::string_view purpose;  // "show and control the running directord"
    std::string_view description;
    // (title, text) after the commands: FILES, ENVIRONMENT ...
    std::vector<std::pair<std::string_view, std::string_view>> further;
    std::string_view see_also;
};

[[nodiscard]] std::string manual_page(const CLI::App& app, const ManualText& text);

// Of directorctl(1).
[[nodiscard]] std::string directorctl_manual(const CLI::App& app);

}  // namespace director::cli
