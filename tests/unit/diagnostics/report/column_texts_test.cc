// Every column is explained, and docs/diagnostics.md says the same of it.
#include "diagnostics/report/column_texts.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "diagnostics/report/flow_table.h"
#include "diagnostics/report/packet_table.h"

namespace director::diagnostics {
namespace {

template <typename Record>
void expect_explained(Columns<Record> columns) {
    for (const Column<Record>& column : columns) {
        EXPECT_FALSE(column_text(column.name).empty()) << column.name;
    }
}

TEST(ColumnTexts, EveryColumnHasOne) {
    expect_explained(flow_columns());
    expect_explained(packet_columns());
    EXPECT_TRUE(column_text("noSuchColumn").empty());
    EXPECT_NE(show_columns().find("\ttcpBFlgtMx\tmost bytes in flight"), std::string::npos);
}

// DIRECTOR_REGENERATE=1 puts the columns' table into the page.
TEST(ColumnTexts, ThePageHasThemAll) {
    const std::string path = DIRECTOR_DOCS "/diagnostics.md";
    std::ifstream in(path);
    std::string page{std::istreambuf_iterator<char>(in), {}};
    const std::string begin = "<!-- columns -->\n";
    const size_t from = page.find(begin);
    const size_t to = page.find("<!-- end of columns -->");
    ASSERT_NE(from, std::string::npos);
    ASSERT_NE(to, std::string::npos);
    const size_t first = from + begin.size();
    if (std::getenv("DIRECTOR_REGENERATE") != nullptr) {
        page.replace(first, to - first, columns_as_markdown());
        std::ofstream(path) << page;
        return;
    }
    EXPECT_EQ(page.substr(first, to - first), columns_as_markdown());
}

}  // namespace
}  // namespace director::diagnostics
