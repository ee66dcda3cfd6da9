#include "controlplane/daemon/drain_requests.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "common/log.h"

namespace director::daemon {

using nlohmann::json;

namespace {

constexpr LogArea kLog{"drain"};

// The real servers that a request is about: {"server": "10.0.0.1:80" or "10.0.0.1", "service":
// "192.0.2.1:80" or none}.
std::optional<plan::ServerName> server_name(const json& params) {
    const json server = params.value("server", json());
    const json service = params.value("service", json());
    if (!server.is_string() || !(service.is_null() || service.is_string())) {
        return std::nullopt;
    }
    plan::ServerName name;
    const auto text = server.get<std::string>();
    if (const auto address = IpAddress::parse(text)) {
        name.server = {*address, Be16{}};
    } else if (const auto endpoint = Endpoint::parse(text)) {
        name.server = *endpoint;
    } else {
        return std::nullopt;
    }
    if (service.is_string()) {
        name.service = service.get<std::string>();
    }
    return name;
}

constexpr const char* kServerNameExpected =
    "expected server: \"address:port\" or \"address\", service: \"address:port\" or none";

void answer(const Result<std::string>& outcome, const server::Reply& reply) {
    if (outcome) {
        reply(json(server::ReloadView{*outcome}));
    } else {
        reply(Failure(outcome.error()));
    }
}

}  // namespace

void DrainRequests::drain(const json& params, const server::Reply& reply) {
    const auto name = server_name(params);
    const json seconds = params.value("deadline_seconds", json());
    constexpr uint64_t kSecondsMax = 31 * 24 * 3600;
    const bool is_deadline_good = seconds.is_null() || (seconds.is_number_unsigned() &&
                                                        seconds.get<uint64_t>() <= kSecondsMax);
    if (!name || !is_deadline_good) {
        reply.invalid_params(
            fmt::format("{}, deadline_seconds: 0 to {} or none", kServerNameExpected, kSecondsMax));
        return;
    }
    std::optional<TimePoint> deadline;
    if (!seconds.is_null()) {
        deadline = clock_.now() + std::chrono::seconds(seconds.get<uint64_t>());
    }
    const auto outcome = services_.drain(*name, deadline);
    kLog.info("drain server=\"{}\" result=\"{}\"",
              to_string(*name),
              outcome ? *outcome : outcome.error().message);
    services_.end_drains(clock_.now());
    answer(outcome, reply);
}

void DrainRequests::undrain(const json& params, const server::Reply& reply) {
    const auto name = server_name(params);
    if (!name) {
        reply.invalid_params(kServerNameExpected);
        return;
    }
    const auto outcome = services_.undrain(*name);
    kLog.info("undrain server=\"{}\" result=\"{}\"",
              to_string(*name),
              outcome ? *outcome : outcome.error().message);
    answer(outcome, reply);
}

}  // namespace director::daemon
