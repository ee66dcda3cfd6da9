// One line per event whatever the text contains, and nothing below the level.
#include "common/log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>

#include "common/log_limit.h"

namespace director {
namespace {

using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

constexpr LogArea kLog{"mirror"};

class Log : public ::testing::Test {
  protected:
    void SetUp() override { CaptureStderr(); }
    void TearDown() override { set_log_level(LogLevel::kInfo); }
};

TEST(LogLimiter, ABurstThenSoManyASecond) {
    LogLimiter limiter;
    const auto allowed = [&limiter](std::string_view format, uint64_t now_ms, int tries) {
        int count = 0;
        for (int i = 0; i < tries; ++i) {
            count += limiter.allows("area", format, now_ms) ? 1 : 0;
        }
        return count;
    };
    EXPECT_EQ(allowed("flood {}", 1000, 700), 500);
    EXPECT_EQ(allowed("other {}", 1000, 10), 10) << "a flood hides nothing of another kind";
    EXPECT_EQ(allowed("flood {}", 3000, 700), 100);
    const auto left_out = limiter.take_suppressed();
    ASSERT_EQ(left_out.size(), 1U);
    EXPECT_EQ(left_out[0].format, "flood {}");
    EXPECT_EQ(left_out[0].lines, 800U);
    EXPECT_TRUE(limiter.take_suppressed().empty());
    EXPECT_EQ(allowed("flood {}", 100000, 700), 500) << "all is forgiven";
}

TEST_F(Log, WhatIsLeftOutIsCounted) {
    for (int i = 0; i < 5000; ++i) {
        kLog.warning("refused peer={}", i);
    }
    tell_suppressed_log_lines();
    const std::string text = GetCapturedStderr();
    EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 2000);
    EXPECT_THAT(text, ::testing::HasSubstr("warning mirror lines left out count="));
    EXPECT_THAT(text, ::testing::EndsWith(" kind=\"refused peer={}\"\n"));
}

TEST_F(Log, AFileIsAddedToAndOpenedAnew) {
    const std::string name = ::testing::TempDir() + "director-log-" + std::to_string(getpid());
    const std::string moved = name + ".1";
    const auto text_of = [](const std::string& file) {
        std::ifstream stream(file);
        return std::string(std::istreambuf_iterator<char>(stream), {});
    };
    ASSERT_TRUE(set_log_file(name));
    kLog.info("first");
    ASSERT_EQ(std::rename(name.c_str(), moved.c_str()), 0);
    kLog.info("second");
    ASSERT_TRUE(set_log_file(name));
    kLog.info("third");
    EXPECT_FALSE(set_log_file("/nowhere/at/all"));
    kLog.info("fourth");
    ASSERT_TRUE(set_log_file(""));
    kLog.info("fifth");
    EXPECT_THAT(text_of(moved), ::testing::EndsWith("info mirror second\n"));
    EXPECT_THAT(text_of(name), ::testing::ContainsRegex("mirror third\n.*mirror fourth\n$"));
    EXPECT_THAT(GetCapturedStderr(), ::testing::EndsWith("info mirror fifth\n"));
    std::remove(name.c_str());
    std::remove(moved.c_str());
}

// The journal's form is decided once in a process, so another one shows it: this program itself.
TEST(LogJournal, LinesBeginWithTheirPriority) {
    const std::string file = ::testing::TempDir() + "director-journal-" + std::to_string(getpid());
    const int fd = open(file.c_str(), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
    ASSERT_GE(fd, 0);
    struct stat made {};
    ASSERT_EQ(fstat(fd, &made), 0);
    const std::string stream = fmt::format("{}:{}", made.st_dev, made.st_ino);
    const pid_t child = fork();
    if (child == 0) {
        dup2(fd, STDERR_FILENO);
        setenv("JOURNAL_STREAM", stream.c_str(), 1);
        execl("/proc/self/exe",
              "common_test",
              "--gtest_filter=LogJournal.DISABLED_Speak",
              "--gtest_also_run_disabled_tests",
              nullptr);
        _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    std::ifstream written(file);
    std::string text(std::istreambuf_iterator<char>(written), {});
    EXPECT_EQ(text, "<6>info mirror said\n<3>error mirror cried\n");
    close(fd);
    std::remove(file.c_str());
}
TEST(LogJournal, DISABLED_Speak) {
    kLog.info("said");
    kLog.error("cried");
}

TEST_F(Log, LineHasTimeLevelAreaText) {
    kLog.info("route added to={} metric={}", "10.0.0.0/8", 5);
    EXPECT_THAT(GetCapturedStderr(),
                ::testing::MatchesRegex("....-..-..T..:..:..\\....Z info mirror route added "
                                        "to=10.0.0.0/8 metric=5\n"));
}

TEST_F(Log, ControlCharactersCannotForgeLines) {
    std::string text = "name=a\nb\rc\td\x1b[31me\x7f";
    text.push_back('\0');
    text += "f \xc3\xbc";
    kLog.error("{}", text);
    const std::string line = GetCapturedStderr();
    EXPECT_THAT(line, ::testing::EndsWith("error mirror name=a?b?c?d?[31me??f \xc3\xbc\n"));
    EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST_F(Log, LevelsBelowTheThresholdAreNotWritten) {
    kLog.debug("hidden");
    set_log_level(LogLevel::kError);
    kLog.warning("hidden");
    EXPECT_FALSE(is_logged(LogLevel::kWarning, "any"));
    EXPECT_TRUE(is_logged(LogLevel::kError, "any"));
    EXPECT_EQ(GetCapturedStderr(), "");
}

TEST_F(Log, DebugWhenAskedFor) {
    set_log_level(LogLevel::kDebug);
    kLog.debug("shown");
    EXPECT_THAT(GetCapturedStderr(), ::testing::HasSubstr(" debug mirror shown\n"));
}

TEST(LogLevel, Names) {
    EXPECT_EQ(parse_log_level("debug"), LogLevel::kDebug);
    EXPECT_EQ(parse_log_level("info"), LogLevel::kInfo);
    EXPECT_EQ(parse_log_level("warning"), LogLevel::kWarning);
    EXPECT_EQ(parse_log_level("error"), LogLevel::kError);
    for (const char* const text : {"", "Info", "warn", "info ", "4"}) {
        EXPECT_FALSE(parse_log_level(text).has_value()) << text;
    }
}

}  // namespace
}  // namespace director
