// Any text through the import of ipvsadm's rules and scripts: it must answer, and what it makes of
// the text must be a configuration that prints.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cli/import_rules.h"
#include "common/assert.h"
#include "config/parse.h"

// libconfig 1.5 forgets the string it has just read when a syntax error follows.
extern "C" const char* __lsan_default_suppressions() {  // NOLINT(readability-identifier-naming)
    return "leak:libconfig++";
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace director;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto resolve = [](const std::string& name, Protocol) { return Endpoint::parse(name); };
    static_cast<void>(config::looks_like_rules(text));
    const auto imported =
        cli::import_rules(config::read_shell_text(text, "fuzz"), config::Machine(), resolve);
    const std::string printed = config::print_imported(imported, "fuzz");
    // It may be wrong (a server that is the service); it may not be unreadable.
    const auto model = config::parse_text(printed, "printed", {{"rr", "wrr", "wlc"}, 64, 63, {}});
    DIRECTOR_ASSERT(!model || *model == imported.model);
    return 0;
}
