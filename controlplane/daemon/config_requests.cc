#include "controlplane/daemon/config_requests.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "common/log.h"
#include "config/differences.h"
#include "config/print.h"
#include "controlplane/daemon/save_file.h"

namespace director::daemon {

using nlohmann::json;
using server::Reply;

namespace {

constexpr LogArea kLog{"config"};

constexpr const char* kTextExpected = "expected text: string, a whole configuration";

std::optional<std::string> text_of(const json& params) {
    const json text = params.value("text", json());
    return text.is_string() ? std::optional(text.get<std::string>()) : std::nullopt;
}

std::vector<server::ConfigMistakeView> mistakes_of(const config::Diagnostics& diagnostics) {
    std::vector<server::ConfigMistakeView> mistakes;
    for (const config::Diagnostic& each : diagnostics) {
        mistakes.push_back({each.file, each.line, each.path, each.message});
    }
    return mistakes;
}

std::string all_of(const config::Diagnostics& diagnostics) {
    std::string text;
    for (const config::Diagnostic& each : diagnostics) {
        text += (text.empty() ? "" : "\n") + to_string(each);
    }
    return text;
}

config::ParseResult parse(const std::string& text, const config::Vocabulary& vocabulary) {
    return config::parse_text(text, "text", vocabulary);
}

server::LogLevelsView log_levels() {
    server::LogLevelsView view;
    view.level = std::string(to_string(log_level()));
    for (const auto& [area, level] : log_area_levels()) {
        view.areas.push_back({area, std::string(to_string(level))});
    }
    return view;
}

}  // namespace

void ConfigRequests::add_to(server::RequestTable& table) {
    table.add({server::kConfigShow,
               [this](const json& params, const Reply& reply) { show(params, reply); }});
    table.add({server::kConfigDiff, [this](const json&, const Reply& reply) { diff(reply); }});
    table.add({server::kConfigCheck,
               [this](const json& params, const Reply& reply) { check(params, reply); }});
    table.add({server::kConfigApply,
               [this](const json& params, const Reply& reply) { apply(params, reply); }});
    table.add({server::kConfigSave, [this](const json&, const Reply& reply) { save(reply); }});
    table.add(
        {server::kLogLevels, [](const json&, const Reply& reply) { reply(json(log_levels())); }});
    table.add({server::kLogLevel,
               [this](const json& params, const Reply& reply) { set_log_level(params, reply); }});
}

bool ConfigRequests::may_see_secrets(const Reply& reply) {
    return reply.caller().role == server::Role::kAdmin;
}

void ConfigRequests::show(const json& params, const Reply& reply) const {
    const json defaults = params.value("defaults", json(false));
    if (!defaults.is_boolean()) {
        reply.invalid_params("expected defaults: true or false");
        return;
    }
    const config::Model model =
        may_see_secrets(reply) ? around_.model() : config::without_secrets(around_.model());
    reply(json(server::ConfigTextView{defaults.get<bool>() ? config::print(model)
                                                           : config::print_changes(model)}));
}

void ConfigRequests::diff(const Reply& reply) const {
    const auto file = config::parse_file(around_.file, around_.vocabulary);
    if (!file) {
        reply.refuse(all_of(file.error()), json{{"mistakes", mistakes_of(file.error())}});
        return;
    }
    auto differences = config::differences(*file, around_.model());
    if (!may_see_secrets(reply)) {
        config::hide_secrets(differences);
    }
    server::ConfigDiffView view;
    view.file = around_.file;
    view.is_same = differences.empty();
    for (const config::Difference& each : differences) {
        view.changes.push_back({each.path, each.after, each.before});
        view.text += each.before.empty() ? "" : fmt::format("- {} = {}\n", each.path, each.before);
        view.text += each.after.empty() ? "" : fmt::format("+ {} = {}\n", each.path, each.after);
    }
    reply(json(view));
}

void ConfigRequests::check(const json& params, const Reply& reply) const {
    const auto text = text_of(params);
    if (!text) {
        reply.invalid_params(kTextExpected);
        return;
    }
    server::ConfigCheckView view;
    const auto model = parse(*text, around_.vocabulary);
    if (!model) {
        view.mistakes = mistakes_of(model.error());
        view.message = fmt::format("{} mistakes", view.mistakes.size());
        reply(json(view));
        return;
    }
    view.is_valid = true;
    if (const auto possible = around_.try_out(*model); !possible) {
        view.message = "cannot be applied: " + possible.error().message;
    } else {
        view.message = fmt::format("{} settings would change",
                                   config::differences(around_.model(), *model).size());
    }
    reply(json(view));
}

void ConfigRequests::apply(const json& params, const Reply& reply) const {
    const auto text = text_of(params);
    if (!text) {
        reply.invalid_params(kTextExpected);
        return;
    }
    const auto model = parse(*text, around_.vocabulary);
    const Result<std::string> outcome =
        model ? around_.apply(*model) : Result<std::string>(failure(all_of(model.error())));
    around_.happenings.config({.name = "apply", .subject = "", .uid = reply.caller().uid}, outcome);
    if (!outcome) {
        kLog.error("not applied, serving on as before error=\"{}\"", outcome.error().message);
        reply.refuse(
            outcome.error().message,
            json{{"mistakes",
                  model ? std::vector<server::ConfigMistakeView>() : mistakes_of(model.error())}});
        return;
    }
    kLog.info("applied uid={} result=\"{}\"", reply.caller().uid, *outcome);
    reply(json(server::ReloadView{*outcome}));
}

void ConfigRequests::save(const Reply& reply) const {
    const std::string text =
        "# Written by directord's config_save; what is left out has its default.\n\n" +
        config::print_changes(around_.model());
    const auto saved = save_file(around_.file, text);
    around_.happenings.config(
        {.name = "save", .subject = around_.file, .uid = reply.caller().uid},
        saved ? Result<std::string>("written") : Result<std::string>(Failure(saved.error())));
    if (!saved) {
        kLog.error("not saved error=\"{}\"", saved.error().message);
        reply(Failure(saved.error()));
        return;
    }
    kLog.info("saved file={} backup={} uid={}", around_.file, *saved, reply.caller().uid);
    reply(json(server::ConfigSaveView{around_.file, *saved}));
}

void ConfigRequests::set_log_level(const json& params, const Reply& reply) const {
    const json level = params.value("level", json());
    const json area = params.value("area", json(""));
    const auto parsed =
        level.is_string() ? parse_log_level(level.get<std::string>()) : std::nullopt;
    if (!parsed || !area.is_string() || area.get_ref<const std::string&>().size() > 64) {
        reply.invalid_params(
            "expected level: \"debug\", \"info\", \"warning\" or \"error\", area: string or none");
        return;
    }
    const auto name = area.get<std::string>();
    if (name.empty()) {
        director::set_log_level(*parsed);
    } else if (!director::set_log_level(name, *parsed)) {
        reply(failure("too many areas have a log level of their own"));
        return;
    }
    around_.happenings.log_level(name, to_string(*parsed), reply.caller().uid);
    reply(json(log_levels()));
}

}  // namespace director::daemon
