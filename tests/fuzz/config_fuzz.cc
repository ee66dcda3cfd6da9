// Any text through the configuration's parser: it must answer, and what it accepts must survive
// being printed and parsed again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/assert.h"
#include "config/parse.h"
#include "config/print.h"

// libconfig 1.5 forgets the string it has just read when a syntax error follows.
extern "C" const char* __lsan_default_suppressions() {  // NOLINT(readability-identifier-naming)
    return "leak:libconfig++";
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace director;
    const config::Vocabulary vocabulary{{"rr", "wrr"}, 64};
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto model = config::parse_text(text, "fuzz", vocabulary);
    if (!model) {
        DIRECTOR_ASSERT(!model.error().empty());
        for (const auto& diagnostic : model.error()) {
            DIRECTOR_ASSERT(!to_string(diagnostic).empty());
        }
        return 0;
    }
    const auto again = config::parse_text(config::print(*model), "again", vocabulary);
    DIRECTOR_ASSERT(again && *again == *model);
    return 0;
}
