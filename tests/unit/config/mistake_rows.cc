#include "tests/unit/config/mistake_rows.h"

namespace director::config {
namespace {

TEST_P(Mistake, IsReportedExactly) {
    std::vector<std::string> expected;
    for (const std::string& line : GetParam().expected) {
        expected.push_back("t.conf:" + line);
    }
    const std::string text = GetParam().text;
    EXPECT_THAT(
        lines_of(parse(GetParam().start == kWithPort ? std::string(kOnePort) + text : text)),
        testing::ElementsAreArray(expected));
}

}  // namespace
}  // namespace director::config
