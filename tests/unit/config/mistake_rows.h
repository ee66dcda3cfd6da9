// The rows of mistakes_test.cc and network_mistakes_test.cc, and how they are run.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "tests/unit/config/config_support.h"

namespace director::config {

enum RowStart { kAsItIs, kWithPort };

struct MistakeRow {
    const char* name;
    RowStart start;
    const char* text;
    std::vector<std::string> expected;  // without "t.conf:"

    friend std::ostream& operator<<(std::ostream& stream, const MistakeRow& row) {
        return stream << row.text;
    }
};

inline std::string row_name(const testing::TestParamInfo<MistakeRow>& info) {
    return info.param.name;
}

class Mistake : public testing::TestWithParam<MistakeRow> {};

}  // namespace director::config
