#include "cli/ask.h"

#include <fmt/format.h>

#include <cstdio>

namespace director::cli {

using Json = nlohmann::json;

int complain(int exit_code, std::string_view message) {
    fmt::print(stderr, "directorctl: {}\n", message);
    return exit_code;
}

int print(const Settings& settings, const Json& result, const ToText& to_text) {
    fmt::print("{}", settings.output == Output::kJson ? document(result) : to_text(result));
    return kExitOk;
}

namespace {

tl::expected<Json, CallError> call(Client& client,
                                   const server::MethodText& method,
                                   const Json& params) {
    const bool has_pages =
        method.name == server::kServices.name || method.name == server::kChecks.name;
    return has_pages ? client.call_in_pages(method.name, params) : client.call(method.name, params);
}

}  // namespace

int ask(const Settings& settings,
        const server::MethodText& method,
        const ToText& to_text,
        const Json& params) {
    auto client = Client::connect(settings.socket);
    if (!client) {
        return complain(kExitUnreachable, client.error().message);
    }
    const auto result = call(*client, method, params);
    return result ? print(settings, *result, to_text) : complain(result.error());
}

std::string message_line(const Json& result) {
    return result.get<server::ReloadView>().message + "\n";
}

tl::expected<std::vector<Json>, int> ask_all(const Settings& settings,
                                             const std::vector<server::MethodText>& methods) {
    auto client = Client::connect(settings.socket);
    if (!client) {
        return tl::unexpected(complain(kExitUnreachable, client.error().message));
    }
    std::vector<Json> answers;
    for (const server::MethodText& method : methods) {
        auto result = call(*client, method, Json::object());
        if (!result) {
            return tl::unexpected(complain(result.error()));
        }
        answers.push_back(std::move(*result));
    }
    return answers;
}

}  // namespace director::cli
