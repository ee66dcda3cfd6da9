// What the tests of config/ share.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/assert.h"
#include "config/parse.h"

namespace director::config {

inline Vocabulary test_vocabulary() {
    return Vocabulary{{"rr", "wrr", "sh"}, 64};
}

// The smallest port list that there may be, so that a text can be about something else.
inline constexpr std::string_view kOnePort =
    "ports = ( { name = \"p\"; device = \"net_null0\"; addresses = [ \"192.0.2.1/24\" ]; } );\n";

inline ParseResult parse(std::string_view text) {
    return parse_text(text, "t.conf", test_vocabulary());
}

// One line per diagnostic; empty for a good configuration.
inline std::vector<std::string> lines_of(const ParseResult& result) {
    std::vector<std::string> lines;
    if (!result) {
        for (const Diagnostic& diagnostic : result.error()) {
            lines.push_back(to_string(diagnostic));
        }
    }
    return lines;
}

inline std::filesystem::path source_root() {
    return DIRECTOR_SOURCE;
}

inline std::string read_whole_file(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    DIRECTOR_ASSERT(stream.good());
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

// A directory of its own for a test that needs files; gone with it.
class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "config_test_XXXXXX").string();
        DIRECTOR_ASSERT(mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] std::string file(std::string_view name) const { return (path_ / name).string(); }

    std::string write(std::string_view name, std::string_view text) const {
        std::filesystem::create_directories((path_ / name).parent_path());
        std::ofstream stream(path_ / name, std::ios::binary);
        stream << text;
        DIRECTOR_ASSERT(stream.good());
        return file(name);
    }

  private:
    std::filesystem::path path_;
};

}  // namespace director::config
