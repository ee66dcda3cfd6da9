#include "cli/explain_command.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/ask.h"
#include "cli/objects.h"

namespace director::cli {
namespace {

using Json = nlohmann::json;

constexpr server::MethodText kMethod{"explain", "", ""};

std::string text_of(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

Style style_of_verdict(const std::string& verdict) {
    return verdict == "drop" ? Style::kBad : verdict == "forward" ? Style::kGood : Style::kPlain;
}

std::string show_candidates(const Json& candidates, Colour colour) {
    if (candidates.empty()) {
        return "";
    }
    Table table({{"CANDIDATE"},
                 {"WEIGHT", Align::kRight},
                 {"ACTIVE", Align::kRight},
                 {"ALL", Align::kRight},
                 {"WHY, WHY NOT"}});
    for (const Json& one : candidates) {
        table.add({{endpoint_text(text_of(one, "address"), one.value("port", uint16_t{0}))},
                   {fmt::to_string(one.value("weight", 0U))},
                   {fmt::to_string(one.value("active", uint64_t{0}))},
                   {fmt::to_string(one.value("total", uint64_t{0}))},
                   {text_of(one, "note")}});
    }
    return "\n" + table.render(colour);
}

std::string show_sent(const Json& sent) {
    if (!sent.is_object()) {
        return "";
    }
    std::string text = fmt::format(
        "\nleaves as       {} -> {}\n", text_of(sent, "source"), text_of(sent, "destination"));
    const std::string wrap = text_of(sent, "encapsulation");
    if (!wrap.empty()) {
        text += fmt::format("wrapped in      {}: {} -> {}\n",
                            wrap,
                            text_of(sent, "outer_source"),
                            text_of(sent, "outer_destination"));
    }
    text += fmt::format("out of          {}, {} -> {}\n",
                        text_of(sent, "interface"),
                        text_of(sent, "source_mac"),
                        text_of(sent, "destination_mac"));
    const std::string hop = text_of(sent, "next_hop");
    return hop.empty() ? text : text + fmt::format("next hop        {}\n", hop);
}

}  // namespace

std::string show_explanation(const Json& answer, Colour colour) {
    std::string out;
    const Json services = answer.value("services", Json::array());
    if (!services.empty()) {
        out += "served at this address:\n";
        for (const Json& name : services) {
            out += fmt::format("  {}\n", name.is_string() ? name.get<std::string>() : name.dump());
        }
    }
    const std::string verdict = text_of(answer, "verdict");
    const std::string reason = text_of(answer, "reason");
    if (!verdict.empty()) {
        out += fmt::format("{}{}: {}\n",
                           styled(verdict, style_of_verdict(verdict), colour),
                           reason.empty() ? "" : " (" + reason + ")",
                           text_of(answer, "summary"));
    }
    for (const Json& step : answer.value("steps", Json::array())) {
        const bool is_good = step.value("is_good", true);
        out += fmt::format(
            "  {} {:<14} {}\n",
            is_good ? styled("+", Style::kGood, colour) : styled("-", Style::kBad, colour),
            text_of(step, "name"),
            text_of(step, "text"));
    }
    out += show_candidates(answer.value("candidates", Json::array()), colour);
    return out + show_sent(answer.value("sent", Json()));
}

int run_explain(const Settings& settings, const ExplainQuery& query) {
    Json params = Json::object();
    const auto put = [&params](const char* name, const std::string& value) {
        if (!value.empty()) {
            params[name] = value;
        }
    };
    put("virtual", query.virtual_service);
    if (const auto service = ServiceName::parse(query.virtual_service);
        service && service->mark == 0) {
        params["virtual"] = to_string(service->endpoint);
        put("protocol", service->protocol);
    }
    put("client", query.client);
    put("protocol", query.protocol);
    put("interface", query.interface);
    if (!query.server.empty()) {
        params["direction"] = "out";
        params["server"] = query.server;
    }
    return ask(
        settings,
        kMethod,
        [&settings](const Json& answer) { return show_explanation(answer, settings.colour); },
        params);
}

}  // namespace director::cli
