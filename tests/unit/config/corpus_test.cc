// Replays the fuzzer's corpus: no text may crash the parser, and what it accepts must survive being
// printed and parsed again.
#include <filesystem>

#include "config/print.h"
#include "tests/unit/config/config_support.h"

namespace director::config {
namespace {

TEST(Corpus, IsHandled) {
    size_t count = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(source_root() / "tests/fuzz/corpus/config")) {
        ++count;
        const auto model = parse(read_whole_file(entry.path()));
        if (!model) {
            EXPECT_THAT(model.error(), testing::Not(testing::IsEmpty())) << entry.path();
            continue;
        }
        const auto again = parse(print(*model));
        ASSERT_THAT(lines_of(again), testing::IsEmpty()) << entry.path();
        EXPECT_EQ(*again, *model) << entry.path();
    }
    EXPECT_GE(count, 10U);
}

}  // namespace
}  // namespace director::config
