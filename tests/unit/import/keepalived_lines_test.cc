// The grammar below keepalived.conf's blocks: comments, definitions, sequences, conditions,
// includes.
#include "config/import/keepalived_lines.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/config/config_support.h"

namespace director::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> texts(const KeepalivedLines& lines) {
    std::vector<std::string> out;
    for (const KeepalivedLine& line : lines.lines) {
        out.push_back(line.text);
    }
    return out;
}

std::vector<std::string> read(std::string_view text) {
    const KeepalivedLines lines = read_keepalived_text(text, "t", "east");
    EXPECT_THAT(lines.notes, IsEmpty());
    return texts(lines);
}

std::string mistake(std::string_view text) {
    const KeepalivedLines lines = read_keepalived_text(text, "t", "east");
    return lines.notes.empty() ? "" : lines.notes.front().message;
}

TEST(KeepalivedLines, CommentsEndLinesOutsideQuotes) {
    EXPECT_THAT(read("a b # c\n! d\n  e \"f # g\" ! h\n\ni\\#j\n"),
                ElementsAre("a b", "e \"f # g\"", "i#j"));
}

TEST(KeepalivedLines, LinesKnowWhereTheyStand) {
    const KeepalivedLines lines = read_keepalived_text("\n$A=x\\\ny\n\n$A\nb", "t", "");
    ASSERT_EQ(lines.lines.size(), 3U);
    EXPECT_EQ(lines.lines[0].place, (Place{"t", 5}));
    EXPECT_EQ(lines.lines[1].place, (Place{"t", 5}));
    EXPECT_EQ(lines.lines[2].place, (Place{"t", 6}));
}

TEST(KeepalivedLines, DefinitionsArePutIn) {
    EXPECT_THAT(read("$A=1\n$B=${A}2\nx$A y${B}z $Bz $C"), ElementsAre("x1 y12z $Bz $C"));
    EXPECT_THAT(read("$A= \\\n one \\\n two\n$A"), ElementsAre("one", "two"));
    EXPECT_THAT(read("x ${_INSTANCE} ${_HASH} ${_BANG} ${_PWD}"), ElementsAre("x east # ! ."));
}

TEST(KeepalivedLines, SequencesRepeatTheLine) {
    EXPECT_THAT(read("~SEQ(n, 1, 2, 5) a $n ${n}b"), ElementsAre("a 1 1b", "a 3 3b", "a 5 5b"));
    EXPECT_THAT(read("~SEQ(n, 3) a $n"), ElementsAre("a 1", "a 2", "a 3"));
    EXPECT_THAT(read("~SEQ(n, 2, 0) a $n"), ElementsAre("a 2", "a 1", "a 0"));
    EXPECT_THAT(read("~SEQx(n, 9, b) a $n"), ElementsAre("a 9", "a a", "a b"));
    EXPECT_THAT(read("~LST(v, x, y) ~SEQ(n, 2) $v$n"), ElementsAre("x1", "x2", "y1", "y2"));
    EXPECT_THAT(mistake("~SEQ(n, 1, 0, 5) a"), HasSubstr("never end"));
    EXPECT_THAT(mistake("~SEQ(n, x) a"), HasSubstr("expected a number"));
}

TEST(KeepalivedLines, ConditionsDecideByTheConfigId) {
    EXPECT_THAT(read("@east a\n@west b\n@^east c\n@^west d"), ElementsAre("a", "d"));
}

TEST(KeepalivedLines, WhatGrowsWithoutEndEnds) {
    EXPECT_THAT(mistake("$A=$A$A\n$A"), HasSubstr("without end"));
    EXPECT_THAT(mistake("$A=$A\n$A"), HasSubstr("without end"));
    EXPECT_THAT(mistake("~SEQ(a,1000000) ~SEQ(b,1000000) x"), HasSubstr("more than 1000000"));
    EXPECT_THAT(mistake("~SEQ(a,1000000) ~SEQ(b,1000000) @west x"), HasSubstr("without end"));
}

TEST(KeepalivedLines, FilesAreIncludedWhereTheyAreNamed) {
    const TemporaryDirectory folder;
    const std::string file = folder.write("main.conf", "a\ninclude d/*.conf\ninclude no*\nb\n");
    folder.write("d/1.conf", "one\ninclude sub/x\n");
    folder.write("d/2.conf", "two\n");
    folder.write("d/sub/x", "inner");
    const KeepalivedLines lines = read_keepalived_file(file, "");
    EXPECT_THAT(texts(lines), ElementsAre("a", "one", "inner", "two", "b"));
    EXPECT_EQ(lines.lines[2].place, (Place{folder.file("d/sub/x"), 1}));
    ASSERT_EQ(lines.notes.size(), 1U);
    EXPECT_EQ(lines.notes[0].place, (Place{file, 3}));
    EXPECT_EQ(lines.notes[0].gravity, Gravity::kLoss);
}

TEST(KeepalivedLines, AMissingFileIsAnErrorWhereTheFileSaysSo) {
    const TemporaryDirectory folder;
    const std::string file = folder.write("main.conf", "includea none.conf\n");
    EXPECT_EQ(read_keepalived_file(file, "").notes.at(0).gravity, Gravity::kError);
    EXPECT_EQ(read_keepalived_file(folder.file("none"), "").notes.at(0).gravity, Gravity::kError);
}

TEST(KeepalivedLines, FilesThatIncludeThemselvesEnd) {
    const TemporaryDirectory folder;
    const std::string file = folder.write("main.conf", "a\ninclude main.conf\n");
    const KeepalivedLines lines = read_keepalived_file(file, "");
    EXPECT_EQ(lines.lines.size(), 32U);
    EXPECT_THAT(lines.notes.at(0).message, HasSubstr("32 deep"));
}

}  // namespace
}  // namespace director::config
