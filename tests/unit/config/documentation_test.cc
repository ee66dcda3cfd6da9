// docs/configuration.md holds a row for each setting that the parser knows, with the parser's own
// type, default and values, so that the page cannot fall behind.
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "config/print.h"
#include "tests/unit/config/config_support.h"

namespace director::config {
namespace {

// The part of the page under the heading of a group, up to the next heading.
std::string section(const std::string& page, const std::string& group) {
    const std::string heading = "\n## `" + (group.empty() ? "lists" : group) + "`\n";
    const size_t begin = page.find(heading);
    if (begin == std::string::npos) {
        return "";
    }
    const size_t end = page.find("\n## ", begin + heading.size());
    return page.substr(begin, end == std::string::npos ? end : end - begin);
}

// Groups that may stand in two places are described at the first one.
std::string described_at(std::string group) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kSame{
        {{"virtual_services[].real_servers[].checks[]", "virtual_services[].checks[]"},
         {"virtual_services[].sorry_server.tunnel", "virtual_services[].real_servers[].tunnel"}}};
    for (const auto& [group_again, first] : kSame) {
        if (group.starts_with(group_again)) {
            group.replace(0, group_again.size(), first);
        }
    }
    return group;
}

TEST(Documentation, HasARowForEverySetting) {
    const std::string page = read_whole_file(source_root() / "docs/configuration.md");
    for (const SettingDescription& setting : describe_settings()) {
        if (setting.type == "list of groups") {
            const std::string inner =
                (setting.group.empty() ? "" : setting.group + ".") + setting.name + "[]";
            EXPECT_NE(section(page, described_at(inner)), "") << inner;
            continue;
        }
        const std::string row =
            "\n| `" + setting.name + "` | " + setting.type + " | " +
            (setting.default_value == "required" ? setting.default_value
                                                 : "`" + setting.default_value + "`") +
            " | " + setting.values + " | ";
        EXPECT_NE(section(page, described_at(setting.group)).find(row), std::string::npos)
            << "expected under `" << setting.group << "`:" << row;
    }
}

}  // namespace
}  // namespace director::config
