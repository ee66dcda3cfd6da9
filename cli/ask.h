// The frame of nearly every command: connect, ask, print the answer as text or as JSON.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/client.h"
#include "cli/commands.h"
#include "controlplane/server/protocol.h"

namespace director::cli {

using ToText = std::function<std::string(const nlohmann::json& result)>;

// Says on standard error what is wrong; gives back the exit code.
int complain(int exit_code, std::string_view message);

// Connects, asks one question, prints its answer.
[[nodiscard]] int ask(const Settings& settings,
                      const server::MethodText& method,
                      const ToText& to_text,
                      const nlohmann::json& params = nlohmann::json::object());

// The "message" of what changed something.
[[nodiscard]] std::string message_line(const nlohmann::json& result);

// Text or JSON to standard output, whichever is wanted.
[[nodiscard]] int print(const Settings& settings,
                        const nlohmann::json& result,
                        const ToText& to_text);

// Asks one question after the other on one connection; each answer in its place. What fails is said
// on standard error and is the exit code.
[[nodiscard]] tl::expected<std::vector<nlohmann::json>, int> ask_all(
    const Settings& settings, const std::vector<server::MethodText>& methods);

}  // namespace director::cli
