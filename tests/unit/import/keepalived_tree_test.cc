// keepalived.conf's blocks and words.
#include "config/import/keepalived_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace director::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

KeepalivedTree parse(std::string_view text) {
    return parse_keepalived(read_keepalived_text(text, "t", "").lines);
}

// "a b { c { } d }".
std::string written(const std::vector<Statement>& statements) {
    std::string out;
    for (const Statement& statement : statements) {
        for (const std::string& word : statement.words) {
            out += (out.empty() ? "" : " ") + word;
        }
        if (statement.has_block) {
            const std::string inside = written(statement.block);
            out += inside.empty() ? " { }" : " { " + inside + " }";
        }
        out += ";";
    }
    return out;
}

std::string tree_of(std::string_view text) {
    const KeepalivedTree tree = parse(text);
    EXPECT_THAT(tree.notes, IsEmpty());
    return written(tree.statements);
}

TEST(KeepalivedTree, BracesStandWhereTheyLike) {
    const std::string expected = "a b { c { d; }; e; };";
    EXPECT_EQ(tree_of("a b {\n c {\n d\n }\n e\n}\n"), expected);
    EXPECT_EQ(tree_of("a b{\n c{\n d\n }\n e\n}\n"), expected);
    EXPECT_EQ(tree_of("a b\n{\nc\n{\nd\n}\ne\n}\n"), expected);
    EXPECT_EQ(tree_of("a b { c { d }\n e }"), expected);
}

TEST(KeepalivedTree, QuotedWordsAreOne) {
    const auto tree = parse("script \"/bin/x -a { }\" user\npass \"a \\\" b\"");
    ASSERT_EQ(tree.statements.size(), 2U);
    EXPECT_THAT(tree.statements[0].words, ElementsAre("script", "/bin/x -a { }", "user"));
    EXPECT_THAT(tree.statements[1].words, ElementsAre("pass", "a \" b"));
}

TEST(KeepalivedTree, BracesThatDoNotMatchAreErrors) {
    EXPECT_THAT(parse("a {\nb\n").notes.at(0).message, HasSubstr("not closed"));
    EXPECT_EQ(written(parse("a {\nb\n").statements), "a { b; };");
    EXPECT_THAT(parse("}\na\n").notes.at(0).message, HasSubstr("without a block"));
    EXPECT_THAT(parse("{\na\n}\nb").notes.at(0).message, HasSubstr("without a word"));
    EXPECT_EQ(written(parse("{\na\n}\nb").statements), "b;");
    std::string deep;
    for (int i = 0; i < 1000; ++i) {
        deep += "a {\n";
    }
    EXPECT_THAT(parse(deep).notes.at(0).message, HasSubstr("too deep"));
}

TEST(KeepalivedTree, CommandsSplitLikeASmallShell) {
    EXPECT_THAT(split_command("/bin/a  'b c' \"d e\"f g\\ h"),
                ElementsAre("/bin/a", "b c", "d ef", "g h"));
    EXPECT_THAT(split_command("a '\\n' \"\\\"\" ''"), ElementsAre("a", "\\n", "\"", ""));
    EXPECT_THAT(split_command("  "), IsEmpty());
}

}  // namespace
}  // namespace director::config
