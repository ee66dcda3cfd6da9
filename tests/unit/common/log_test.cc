// One line per event whatever the text contains, and nothing below the level.
#include "common/log.h"

#include <string>

#include <gmock/gmock.h>

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
    EXPECT_FALSE(is_logged(LogLevel::kWarning));
    EXPECT_TRUE(is_logged(LogLevel::kError));
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
