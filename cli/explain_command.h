// `directorctl explain`: what would become of a packet, and why.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/commands.h"

namespace director::cli {

struct ExplainQuery {
    std::string virtual_service;  // "192.0.2.1:80", "udp/192.0.2.1:53", or an address alone
    std::string client;           // "198.51.100.7:40000"; empty: an example
    std::string protocol;
    std::string server;  // of an answer: the real server it comes from
    std::string interface;
};

[[nodiscard]] int run_explain(const Settings& settings, const ExplainQuery& query);
[[nodiscard]] std::string show_explanation(const nlohmann::json& answer, Colour colour);

}  // namespace director::cli
