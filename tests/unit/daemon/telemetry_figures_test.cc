#include "controlplane/daemon/telemetry_figures.h"

#include <gmock/gmock.h>

#include "dataplane/api/drop_reason.h"

namespace director::daemon {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Pair;

TEST(TelemetryFigures, AreEachWorkersCountersDropsAndRings) {
    auto report = std::make_shared<dataplane::CountersReport>();
    report->totals.forwarded = 5;
    report->totals.dropped[static_cast<size_t>(dataplane::DropReason::kMartian)] = 2;
    const auto figures = telemetry_figures({report}, {{{"commands", 3, 1023}}});
    ASSERT_EQ(figures.size(), 1U);
    EXPECT_THAT(figures[0].counters, Contains(Pair("forwarded", 5U)));
    EXPECT_THAT(figures[0].counters, Contains(Pair("dropped", 2U)));
    EXPECT_THAT(figures[0].drops, ElementsAre(Pair("martian", 2U)));
    EXPECT_THAT(figures[0].rings,
                ElementsAre(Pair("commands_used", 3U), Pair("commands_capacity", 1023U)));
}

// More would be cut off (RTE_TEL_MAX_DICT_ENTRIES), and other characters refused.
TEST(TelemetryFigures, FitIntoOneAnswerOfTheProtocol) {
    static_assert(dataplane::kDropReasonCount <= 256);
    for (const auto& reason : dataplane::kDropReasonTexts) {
        EXPECT_EQ(reason.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"),
                  std::string_view::npos)
            << reason.name;
    }
}

}  // namespace
}  // namespace director::daemon
