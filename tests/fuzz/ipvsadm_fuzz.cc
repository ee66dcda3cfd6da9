// Any command line through ipvsadm's grammar: a command, or a complaint; and what becomes an edit
// is one that the control socket reads back.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/ipvsadm_edit.h"
#include "common/assert.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace director;
    const std::string line(reinterpret_cast<const char*>(data), size);
    const auto command = cli::parse_ipvsadm("ipvsadm", cli::restore_words(line));
    if (!command) {
        DIRECTOR_ASSERT(!command.error().message.empty() && command.error().exit_code > 0);
        return 0;
    }
    const auto resolve = [](const std::string& text, Protocol) { return Endpoint::parse(text); };
    const auto request = cli::edit_request(*command, resolve);
    if (!request) {
        DIRECTOR_ASSERT(!request.error().message.empty());
        return 0;
    }
    const nlohmann::json json = *request;
    DIRECTOR_ASSERT(nlohmann::json(json.get<server::EditRequest>()) == json);
    return 0;
}
