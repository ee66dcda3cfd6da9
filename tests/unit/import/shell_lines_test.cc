// Scripts as the commands that they would run.
#include "config/import/shell_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace director::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// "3: word|word": the commands, each with its line.
std::vector<std::string> read(std::string_view text) {
    std::vector<std::string> out;
    for (const ShellCommand& command : read_shell_text(text, "t").commands) {
        std::string line = std::to_string(command.place.line) + ": ";
        for (const std::string& word : command.words) {
            line += (line.back() == ' ' ? "" : "|") + word;
        }
        out.push_back(line);
    }
    return out;
}

std::string mistake(std::string_view text) {
    const Notes notes = read_shell_text(text, "t").notes;
    return notes.empty() ? "" : notes.front().message;
}

TEST(ShellLines, WordsAreAShells) {
    EXPECT_THAT(read("a 'b  c' \"d e\"f g\\ h # i\n\n  j#k"),
                ElementsAre("1: a|b  c|d ef|g h", "3: j#k"));
    EXPECT_THAT(read("a \\\n b\nc"), ElementsAre("1: a|b", "3: c"));
    EXPECT_THAT(read("a; b && c || d | e & f"),
                ElementsAre("1: a", "1: b", "1: c", "1: d", "1: e", "1: f"));
    EXPECT_THAT(read("a '' b"), ElementsAre("1: a||b"));
}

TEST(ShellLines, DefinitionsArePutIn) {
    EXPECT_THAT(read("A=x\nB=\"$A y\"\nexport C=${B}z\n$C \"$C\" '$C'"),
                ElementsAre("4: x|yz|x yz|$C"));
    EXPECT_THAT(read("LANG=C a"), ElementsAre("1: a"));
    EXPECT_THAT(read("$IPVSADM -C\n${ipvsadm} -C"), ElementsAre("1: ipvsadm|-C", "2: ipvsadm|-C"));
}

TEST(ShellLines, RedirectionsAreNoWords) {
    const ShellCommands commands =
        read_shell_text("echo 1 > /proc/x 2>/dev/null\na <b >>c 2>&1 d", "t");
    ASSERT_EQ(commands.commands.size(), 2U);
    EXPECT_THAT(commands.commands[0].words, ElementsAre("echo", "1"));
    EXPECT_EQ(commands.commands[0].output, "/proc/x");
    EXPECT_THAT(commands.commands[1].words, ElementsAre("a", "d"));
    EXPECT_EQ(commands.commands[1].input, "b");
}

TEST(ShellLines, HereDocumentsBelongToTheirCommand) {
    const ShellCommands commands =
        read_shell_text("V=10.0.0.1\nipvsadm -R <<EOF\n-A -t $V:80\n-a -t $V:80\nEOF\nb", "t");
    ASSERT_EQ(commands.commands.size(), 2U);
    ASSERT_EQ(commands.commands[0].lines.size(), 2U);
    EXPECT_THAT(commands.commands[0].lines[1].words, ElementsAre("-a", "-t", "10.0.0.1:80"));
    EXPECT_EQ(commands.commands[0].lines[1].place.line, 4);
    EXPECT_EQ(commands.commands[1].place.line, 6);
}

TEST(ShellLines, WhatOnlyAShellKnowsIsSaid) {
    EXPECT_THAT(mistake("ipvsadm -A -t $1:80"), HasSubstr("$1: not known"));
    EXPECT_THAT(mistake("ipvsadm -A -t `hostname`:80"), HasSubstr("`hostname`: not known"));
    EXPECT_THAT(mistake("ipvsadm -A -t $(hostname):80"), HasSubstr("$(hostname): not known"));
    EXPECT_THAT(mistake("ipvsadm -A -t ${A:-b}:80"), HasSubstr("${A:-b}: not known"));
    EXPECT_EQ(mistake("PATH=$PATH:/sbin"), "");
    EXPECT_THAT(mistake("if [ -x a ]; then"), HasSubstr("if: not decided"));
    EXPECT_THAT(mistake("for i in 1 2; do"), HasSubstr("for: not run"));
    EXPECT_THAT(mistake("start() {"), HasSubstr("start(): a function"));
    EXPECT_THAT(mistake("a 'b"), HasSubstr("does not close"));
    EXPECT_THAT(
        read("if true; then ipvsadm -C; else b; fi\ncase $1 in\nstart) ipvsadm -C ;;\nesac"),
        ElementsAre("1: true", "1: ipvsadm|-C", "1: b", "3: ipvsadm|-C"));
    EXPECT_THAT(read("( a; b )"), ElementsAre("1: a", "1: b"));
}

TEST(ShellLines, WhatGrowsWithoutEndEnds) {
    std::string text = "A=aaaaaaaaaaaaaaaa\n";
    for (int i = 0; i < 40; ++i) {
        text += "A=$A$A\n";
    }
    EXPECT_THAT(mistake(text), HasSubstr("without end"));
    EXPECT_THAT(mistake(std::string(70000, 'a')), HasSubstr("more than 65536"));
}

TEST(ShellLines, TheKindOfFileIsSeen) {
    EXPECT_TRUE(looks_like_rules("# saved\n-A -t 10.0.0.1:80 -s rr\n"));
    EXPECT_TRUE(looks_like_rules("#!/bin/sh\nvirtual_server\n"));
    EXPECT_TRUE(looks_like_rules("\n  $IPVSADM -C\n"));
    EXPECT_TRUE(looks_like_rules("/sbin/ipvsadm -C"));
    EXPECT_FALSE(looks_like_rules("! ipvsadm\nglobal_defs {\n}\n#!/bin/sh\n"));
    EXPECT_FALSE(looks_like_rules("vrrp_script a {\n script \"/sbin/ipvsadm -L\"\n}\n"));
    EXPECT_FALSE(looks_like_rules(""));
}

}  // namespace
}  // namespace director::config
