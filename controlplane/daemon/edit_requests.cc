#include "controlplane/daemon/edit_requests.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "common/log.h"
#include "controlplane/daemon/kept_fields.h"
#include "controlplane/edit/edit_of.h"

namespace director::daemon {

using config::Edit;
using nlohmann::json;
using server::EditRequest;

namespace {

constexpr LogArea kLog{"edit"};

std::string_view word_of(config::EditRefusal refusal) {
    switch (refusal) {
        case config::EditRefusal::kServiceExists:
            return "service-exists";
        case config::EditRefusal::kNoService:
            return "no-service";
        case config::EditRefusal::kServerExists:
            return "server-exists";
        case config::EditRefusal::kNoServer:
            return "no-server";
        case config::EditRefusal::kNoScheduler:
            return "no-scheduler";
        case config::EditRefusal::kLowerAboveUpper:
            return "lower-above-upper";
        case config::EditRefusal::kDaemonRuns:
            return "daemon-runs";
        case config::EditRefusal::kNoDaemon:
            return "no-daemon";
        case config::EditRefusal::kInvalid:
            break;
    }
    return "invalid";
}

void refuse(const server::Reply& reply,
            size_t index,
            config::EditRefusal refusal,
            const std::string& message) {
    kLog.warning("refused edit={} message=\"{}\"", index, message);
    reply.refuse(message, json(server::EditRefusalView{index, std::string(word_of(refusal))}));
}

}  // namespace

void EditRequests::answer(const json& params, const server::Reply& reply) const {
    std::vector<EditRequest> requests;
    try {
        const auto& given = params.at("edits").get_ref<const json::array_t&>();
        if (given.empty() || given.size() > server::kEditsMax) {
            reply.invalid_params(fmt::format("expected 1 to {} edits", server::kEditsMax));
            return;
        }
        for (const json& edit : given) {
            requests.push_back(with_kept_fields(edit, around_.model()).get<EditRequest>());
        }
    } catch (const json::exception& error) {
        reply.invalid_params(
            fmt::format("expected edits: [ {{\"action\": ...}}, ... ]: {}", error.what()));
        return;
    }
    std::vector<Edit> edits;
    for (const EditRequest& request : requests) {
        auto edit = edit::edit_of(request);
        if (!edit) {
            refuse(reply, edits.size(), config::EditRefusal::kInvalid, edit.error().message);
            return;
        }
        edits.push_back(std::move(*edit));
    }
    const auto next = config::edited(around_.model(), edits, around_.vocabulary);
    if (!next) {
        refuse(reply, next.error().index, next.error().refusal, next.error().message);
        return;
    }
    const auto applied = around_.apply(*next, reply.caller().uid);
    if (!applied) {
        refuse(reply, edits.size() - 1, config::EditRefusal::kInvalid, applied.error().message);
        return;
    }
    kLog.info("edited edits={} result=\"{}\"", edits.size(), *applied);
    reply(json(server::ReloadView{*applied}));
}

}  // namespace director::daemon
