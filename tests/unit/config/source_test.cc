// What is done to the text before libconfig sees it, and the lines it is attributed to.
#include "config/source.h"

#include "tests/unit/config/config_support.h"

namespace director::config {
namespace {

std::string flattened(std::string_view text) {
    const auto source = Source::from_text(text, "t.conf");
    return source ? source->text() : "error: " + source.error().front().message;
}

TEST(Source, EndsWithALineFeed) {
    EXPECT_EQ(flattened(""), "\n");
    EXPECT_EQ(flattened("a = 1; # comment"), "a = 1; # comment\n");
    EXPECT_EQ(flattened("a = 1;\n"), "a = 1;\n");
}

TEST(Source, MarksIntegersBeyond32Bits) {
    EXPECT_EQ(flattened("a = 2147483647;"), "a = 2147483647;\n");
    EXPECT_EQ(flattened("a = 2147483648;"), "a = 2147483648L;\n");
    EXPECT_EQ(flattened("a = -2147483648;"), "a = -2147483648;\n");
    EXPECT_EQ(flattened("a = -2147483649;"), "a = -2147483649L;\n");
    EXPECT_EQ(flattened("a = +4294967297;"), "a = +4294967297L;\n");
    EXPECT_EQ(flattened("a = 4294967297L;"), "a = 4294967297L;\n");
    EXPECT_EQ(flattened("a = 0xffffffff;"), "a = 0xffffffffL;\n");
    EXPECT_EQ(flattened("a = 0x7fffffff;"), "a = 0x7fffffff;\n");
}

TEST(Source, LeavesOtherDigitsAlone) {
    for (const std::string_view text : {"a4294967297 = 1;\n",
                                        "a = \"4294967297\";\n",
                                        "a = 4294967297.5;\n",
                                        "a = .4294967297;\n",
                                        "a = 4294967297e10;\n",
                                        "a = 1.4294967297e-4;\n",
                                        "# 4294967297\n",
                                        "/* 4294967297 */\n",
                                        "// 4294967297\n"}) {
        EXPECT_EQ(flattened(text), text);
    }
}

TEST(Source, ReportsIntegersBeyond64Bits) {
    EXPECT_EQ(flattened("a = 9223372036854775807;"), "a = 9223372036854775807L;\n");
    EXPECT_EQ(flattened("a = 9223372036854775808;"),
              "error: 9223372036854775808 does not fit in 64 bits");
    EXPECT_EQ(flattened("a = 0xffffffffffffffffL;"),
              "error: 0xffffffffffffffff does not fit in 64 bits");
}

TEST(Source, KnowsWhereItsLinesCameFrom) {
    const TemporaryDirectory directory;
    const auto main = directory.write("m", "one\n@include \"i\" rest\nthree\n");
    const auto included = directory.write("i", "  first \nsecond");
    const auto source = Source::from_file(main);
    ASSERT_TRUE(source);
    EXPECT_EQ(source->text(), "one\n  first \nsecond\n rest\nthree\n");
    const std::vector<std::pair<std::string, int>> places{
        {main, 1}, {included, 1}, {included, 2}, {main, 2}, {main, 3}};
    for (unsigned i = 0; i < places.size(); ++i) {
        EXPECT_EQ(source->place(i + 1).file, places[i].first) << i;
        EXPECT_EQ(source->place(i + 1).line, places[i].second) << i;
    }
    EXPECT_EQ(source->line_text(2), "first");
    EXPECT_EQ(source->line_text(5), "three");
    EXPECT_EQ(source->line_text(99), "");
}

}  // namespace
}  // namespace director::config
