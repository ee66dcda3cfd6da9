// Any text through the import of keepalived.conf: it must answer, and what it makes of the text
// must be a configuration that prints, with a note for whatever was not understood.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/assert.h"
#include "config/import/keepalived.h"
#include "config/parse.h"

// libconfig 1.5 forgets the string it has just read when a syntax error follows.
extern "C" const char* __lsan_default_suppressions() {  // NOLINT(readability-identifier-naming)
    return "leak:libconfig++";
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace director;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto lines = config::read_keepalived_text(text, "fuzz", "here");
    const auto imported = config::import_keepalived(lines, config::Machine());
    const std::string printed = config::print_imported(imported, "fuzz");
    DIRECTOR_ASSERT(!printed.empty());
    // It may be wrong (an address twice); it may not be unreadable.
    const auto model = config::parse_text(printed, "printed", {{"rr", "wrr", "wlc"}, 64});
    DIRECTOR_ASSERT(!model || *model == imported.model);
    return 0;
}
