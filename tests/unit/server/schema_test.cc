// docs/control-socket.json, an OpenRPC document, is what the request table and the answers' types
// say: arguments from MethodText, results from an answer of each type with one entry in every list.
//
// Regenerate it with DIRECTOR_REGENERATE=1 in the environment of this program. That real answers
// are as it says: tests/lab/check_answers.py.
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include <gtest/gtest.h>

#include "controlplane/server/event_stream.h"
#include "controlplane/server/protocol.h"

namespace director::server {
namespace {

// In the order in which things are written, for people read it too.
using Json = nlohmann::ordered_json;

Json schema_of(const nlohmann::json& sample);

Json object_schema(const nlohmann::json& sample) {
    Json schema{{"type", "object"}};
    if (sample.empty()) {
        return schema;
    }
    Json required = Json::array();
    for (const auto& [name, value] : sample.items()) {
        schema["properties"][name] = schema_of(value);
        required.push_back(name);
    }
    schema["required"] = required;
    return schema;
}

Json schema_of(const nlohmann::json& sample) {
    switch (sample.type()) {
        case nlohmann::json::value_t::object:
            return object_schema(sample);
        case nlohmann::json::value_t::array:
            return {{"type", "array"}, {"items", schema_of(sample.at(0))}};
        case nlohmann::json::value_t::boolean:
            return {{"type", "boolean"}};
        case nlohmann::json::value_t::number_float:
            return {{"type", "number"}};
        case nlohmann::json::value_t::number_unsigned:
            return {{"type", "integer"}, {"minimum", 0}};
        case nlohmann::json::value_t::number_integer:
            return {{"type", "integer"}};
        default:
            return {{"type", "string"}};
    }
}

// {"cursor": string, "edits": [{"action": string, ...}]}, the shape of MethodText, as a schema.
Json schema_of_shape(const nlohmann::json& shape) {
    if (shape.is_object()) {
        Json schema{{"type", "object"}};
        for (const auto& [name, value] : shape.items()) {
            schema["properties"][name] = schema_of_shape(value);
        }
        return schema;
    }
    if (shape.is_array()) {
        return {{"type", "array"}, {"items", schema_of_shape(shape.at(0))}};
    }
    const auto word = shape.get<std::string>();
    return word == "number" ? Json{{"type", "integer"}, {"minimum", 0}} : Json{{"type", word}};
}

nlohmann::json shape_of(std::string_view arguments) {
    std::string text(arguments.empty() ? "{}" : arguments);
    text = std::regex_replace(text, std::regex(R"((, )?\.\.\.)"), "");
    text = std::regex_replace(text, std::regex(": (string|number|boolean)"), ": \"$1\"");
    text = std::regex_replace(text, std::regex(R"(\[(string|number|boolean)\])"), "[\"$1\"]");
    return nlohmann::json::parse(text);
}

nlohmann::json full_services() {
    ServiceView service;
    service.servers.resize(1);
    return ServicesView{{service}};
}

nlohmann::json full_status() {
    StatusView status;
    status.ports.resize(1);
    status.service_timeouts.resize(1);
    status.pools.resize(1);
    status.drains.resize(1);
    status.under_attack.resize(1);
    status.vrrp.resize(1);
    status.virtual_addresses.resize(1);
    status.alarms.resize(1);
    return status;
}

nlohmann::json full_drops() {
    DropsView drops;
    drops.reasons.resize(1);
    drops.reasons[0].services.resize(1);
    return drops;
}

nlohmann::json full_checks() {
    ChecksView checks;
    checks.services.resize(1);
    checks.services[0].servers.resize(1);
    checks.services[0].servers[0].checks.resize(1);
    checks.probes.resize(1);
    checks.probes[0].took.resize(1);
    return checks;
}

nlohmann::json full_sync() {
    SyncView sync;
    sync.peers.resize(1);
    sync.outcomes.resize(1);
    sync.refusals.resize(1);
    sync.mismatches.resize(1);
    return sync;
}

nlohmann::json full_vrrp() {
    VrrpView vrrp;
    VrrpInstanceView& instance = vrrp.instances.emplace_back();
    instance.addresses.resize(1);
    instance.excluded_addresses.resize(1);
    instance.peers.resize(1);
    vrrp.groups.resize(1);
    vrrp.groups[0].instances.resize(1);
    vrrp.trackers.resize(1);
    vrrp.refused.resize(1);
    return vrrp;
}

nlohmann::json full_health() {
    HealthView health;
    health.verdicts.resize(1);
    health.servers.resize(1);
    return health;
}

nlohmann::json full_explanation() {
    ExplainView view;
    view.steps.resize(1);
    view.service.emplace();
    view.connection.emplace();
    view.server.emplace();
    view.candidates.resize(1);
    view.sent.emplace();
    view.services.resize(1);
    view.vrrp.emplace();
    return view;
}

std::map<std::string_view, nlohmann::json> samples() {
    const nlohmann::json message = ReloadView{};
    HelloView hello;
    hello.methods.resize(1);
    ConnectionsPage connections;
    connections.rows.resize(1);
    RoutesPage routes;
    routes.routes.resize(1);
    NeighboursPage neighbours;
    neighbours.neighbours.resize(1);
    WorkersView workers;
    workers.workers.resize(1);
    EventsView events;
    events.events.resize(1);
    ConfigDiffView diff;
    diff.changes.resize(1);
    ConfigCheckView check;
    check.mistakes.resize(1);
    LogLevelsView levels;
    levels.areas.resize(1);
    return {{kHello.name, hello},
            {kStatus.name, full_status()},
            {kServices.name, full_services()},
            {kConnections.name, connections},
            {kRoutes.name, routes},
            {kNeighbours.name, neighbours},
            {kDrops.name, full_drops()},
            {kChecks.name, full_checks()},
            {kWorkers.name, workers},
            {kSync.name, full_sync()},
            {kVrrp.name, full_vrrp()},
            {kEvents.name, events},
            {kSubscribe.name, {{"next", 1U}}},
            {kUnsubscribe.name, nlohmann::json::object()},
            {kLogLevels.name, levels},
            {kExplain.name, full_explanation()},
            {kConfigShow.name, ConfigTextView{}},
            {kConfigDiff.name, diff},
            {kHealth.name, full_health()},
            {kCapture.name, StreamView{}},
            {kFlows.name, StreamView{}},
            {kReload.name, message},
            {kEdit.name, message},
            {kZero.name, message},
            {kDrain.name, message},
            {kUndrain.name, message},
            {kLogLevel.name, levels},
            {kConfigCheck.name, check},
            {kConfigApply.name, message},
            {kConfigSave.name, ConfigSaveView{}}};
}

const std::set<std::pair<std::string_view, std::string_view>> kRequired{{"explain", "virtual"},
                                                                        {"edit", "edits"},
                                                                        {"drain", "server"},
                                                                        {"undrain", "server"},
                                                                        {"log_level", "level"},
                                                                        {"config_check", "text"},
                                                                        {"config_apply", "text"}};

Json method_schema(const MethodText& text, const nlohmann::json& sample) {
    Json method{{"name", text.name},
                {"summary", text.help},
                {"x-access", text.access == Access::kReads ? "reads" : "changes"},
                {"paramStructure", "by-name"}};
    method["params"] = Json::array();
    const nlohmann::json arguments = shape_of(text.arguments);
    for (const auto& [name, shape] : arguments.items()) {
        method["params"].push_back({{"name", name},
                                    {"required", kRequired.contains({text.name, name})},
                                    {"schema", schema_of_shape(shape)}});
    }
    Json result = schema_of(sample);
    if (text.name == kExplain.name) {  // what there may be none of
        for (const char* name : {"service", "connection", "server", "sent", "vrrp"}) {
            Json& part = result["properties"][name];
            part = Json{{"anyOf", Json::array({Json{{"type", "null"}}, part})}};
        }
    }
    method["result"] = {{"name", "result"}, {"schema", result}};
    return method;
}

std::string document() {
    Json document{{"openrpc", "1.2.6"},
                  {"info",
                   {{"title", "directord's control socket"},
                    {"description", "JSON-RPC 2.0, one message a line: docs/control-socket.md"},
                    {"version", std::to_string(kProtocolVersion)}}}};
    const auto all = samples();
    document["methods"] = Json::array();
    for (const MethodText& text : kMethods) {
        const auto sample = all.find(text.name);
        EXPECT_NE(sample, all.end()) << text.name << " has no sample here";
        if (sample != all.end()) {
            document["methods"].push_back(method_schema(text, sample->second));
        }
    }
    return document.dump(1) + "\n";
}

std::string read(const std::string& path) {
    std::ifstream stream(path);
    return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(SchemaTest, ThePublishedOneIsThatOfTheRequestTable) {
    const std::string path = std::string(DIRECTOR_SOURCE) + "/docs/control-socket.json";
    const std::string now = document();
    if (std::getenv("DIRECTOR_REGENERATE") != nullptr) {
        std::ofstream(path) << now;
    }
    EXPECT_TRUE(now == read(path)) << "run this program with DIRECTOR_REGENERATE=1";
}

TEST(SchemaTest, ThePageHasEveryMethod) {
    const std::string page = read(std::string(DIRECTOR_SOURCE) + "/docs/control-socket.md");
    for (const MethodText& text : kMethods) {
        EXPECT_NE(page.find("`" + std::string(text.name) + "`"), std::string::npos) << text.name;
    }
}

TEST(SchemaTest, WhatReadersMaySendChangesNothing) {
    std::set<std::string_view> reading;
    for (const MethodText& text : kMethods) {
        if (text.access == Access::kReads) {
            reading.insert(text.name);
        }
    }
    EXPECT_EQ(reading,
              (std::set<std::string_view>{"hello",
                                          "status",
                                          "services",
                                          "connections",
                                          "routes",
                                          "neighbours",
                                          "drops",
                                          "health",
                                          "checks",
                                          "workers",
                                          "sync",
                                          "vrrp",
                                          "events",
                                          "subscribe",
                                          "unsubscribe",
                                          "log_levels",
                                          "explain",
                                          "config_show",
                                          "config_diff"}));
}

}  // namespace
}  // namespace director::server
