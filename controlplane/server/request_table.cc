#include "controlplane/server/request_table.h"

#include <exception>
#include <nlohmann/json.hpp>
#include <utility>

namespace director::server {
namespace {

using Json = nlohmann::json;

// Handlers may pass on bytes that are not UTF-8 (a file name); those become U+FFFD instead of an
// exception.
std::string text_of(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json error_object(ErrorCode code, std::string_view message, Json id) {
    return Json{{"jsonrpc", "2.0"},
                {"id", std::move(id)},
                {"error", {{"code", static_cast<int>(code)}, {"message", message}}}};
}

// Deeper nesting has no use here, while copying, comparing or printing JSON recurses into it.
constexpr size_t kNestingMax = 32;

// Looks at brackets outside of strings. Right for every valid text; for any other, the parser has
// the last word.
bool is_nested_too_deeply(std::string_view text) {
    size_t depth = 0;
    bool is_in_string = false;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (is_in_string) {
            i += c == '\\' ? 1 : 0;
            is_in_string = c != '"';
        } else if (c == '"') {
            is_in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > kNestingMax) {
                return true;
            }
        } else if (c == ']' || c == '}') {
            depth -= depth > 0 ? 1 : 0;
        }
    }
    return false;
}

bool is_valid_id(const Json& id) {
    return id.is_string() || id.is_number() || id.is_null();
}

}  // namespace

std::string error_response(ErrorCode code, std::string_view message) {
    return text_of(error_object(code, message, nullptr));
}

// Gathers the answers to one message; whoever gives the last one has it sent.
struct RequestTable::Exchange {
    Done done;
    Caller caller;
    bool is_batch = false;
    size_t waiting = 0;
    Json answers = Json::array();

    void finished_one() {
        if (--waiting > 0) {
            return;
        }
        if (answers.empty()) {
            done("");  // JSON-RPC 2.0 section 6: nothing, not even an empty array
            return;
        }
        done(text_of(is_batch ? answers : answers.front()));
    }
};

// One call of an exchange. `id` is discarded (not null) for a notification.
struct Reply::Call {
    std::function<void(Json)> answer;  // discarded value = no answer is due
    Caller caller;
    Json id{Json::value_t::discarded};
    bool is_answered = false;

    Call() = default;
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    ~Call() { fail(ErrorCode::kInternalError, "the request was dropped without an answer"); }

    void succeed(Json result) {
        if (!std::exchange(is_answered, true)) {
            answer(id.is_discarded() ? Json(Json::value_t::discarded)
                                     : Json{{"jsonrpc", "2.0"},
                                            {"id", std::move(id)},
                                            {"result", std::move(result)}});
        }
    }
    void fail(ErrorCode code, std::string_view message) {
        if (!std::exchange(is_answered, true)) {
            answer(id.is_discarded() ? Json(Json::value_t::discarded)
                                     : error_object(code, message, std::move(id)));
        }
    }
    void refuse(std::string_view message, Json data) {
        if (std::exchange(is_answered, true)) {
            return;
        }
        Json error = id.is_discarded() ? Json(Json::value_t::discarded)
                                       : error_object(ErrorCode::kFailed, message, std::move(id));
        if (!error.is_discarded()) {
            error["error"]["data"] = std::move(data);
        }
        answer(std::move(error));
    }
};

void Reply::operator()(Result<Json> result) const {
    if (result) {
        call_->succeed(std::move(*result));
    } else {
        call_->fail(ErrorCode::kFailed, result.error().message);
    }
}

void Reply::refuse(const std::string& message, Json data) const {
    call_->refuse(message, std::move(data));
}

void Reply::invalid_params(const std::string& message) const {
    call_->fail(ErrorCode::kInvalidParams, message);
}

const Caller& Reply::caller() const {
    return call_->caller;
}

void RequestTable::dispatch(std::string_view message, const Caller& caller, Done done) const {
    if (is_nested_too_deeply(message)) {
        done(error_response(ErrorCode::kInvalidRequest, "the message is nested too deeply"));
        return;
    }
    Json json = Json::parse(message, nullptr, false);
    if (json.is_discarded()) {
        done(error_response(ErrorCode::kParseError, "the message is not valid JSON"));
        return;
    }
    if (json.is_array() && json.empty()) {
        done(error_response(ErrorCode::kInvalidRequest, "the batch is empty"));
        return;
    }
    if (json.is_array() && json.size() > kBatchCallsMax) {
        done(error_response(
            ErrorCode::kInvalidRequest,
            "the batch holds more than " + std::to_string(kBatchCallsMax) + " calls"));
        return;
    }
    const auto exchange = std::make_shared<Exchange>();
    exchange->done = std::move(done);
    exchange->caller = caller;
    exchange->is_batch = json.is_array();
    exchange->waiting = json.is_array() ? json.size() : 1;
    if (!json.is_array()) {
        run(json, exchange);
        return;
    }
    for (Json& request : json) {
        run(request, exchange);
    }
}

void RequestTable::run(Json& request, const std::shared_ptr<Exchange>& exchange) const {
    const auto call = std::make_shared<Reply::Call>();
    call->caller = exchange->caller;
    call->answer = [exchange](Json answer) {
        if (!answer.is_discarded()) {
            exchange->answers.push_back(std::move(answer));
        }
        exchange->finished_one();
    };
    // Until the message is known to be a request at all, errors are answered with "id": null.
    call->id = nullptr;
    const auto refuse = [&call](std::string_view why) {
        call->fail(ErrorCode::kInvalidRequest, why);
    };
    if (!request.is_object()) {
        return refuse("a request is a JSON object");
    }
    const auto id = request.find("id");
    if (id != request.end() && !is_valid_id(*id)) {
        return refuse("\"id\" must be a string, a number or null");
    }
    if (id != request.end()) {
        call->id = *id;
    }
    const auto version = request.find("jsonrpc");
    if (version == request.end() || *version != "2.0") {
        return refuse("\"jsonrpc\" must be \"2.0\"");
    }
    const auto method = request.find("method");
    if (method == request.end() || !method->is_string()) {
        return refuse("\"method\" must be a string");
    }
    const auto params = request.find("params");
    if (params != request.end() && !params->is_structured()) {
        return refuse("\"params\" must be an object");
    }
    if (id == request.end()) {
        call->id = Json(Json::value_t::discarded);
    }

    const std::string& name = method->get_ref<const std::string&>();
    for (const Request& entry : requests_) {
        if (entry.text.name != name) {
            continue;
        }
        if (entry.text.access == Access::kChanges && call->caller.role != Role::kAdmin) {
            return call->fail(ErrorCode::kNotAllowed,
                              "\"" + name +
                                  "\" changes something, and you may only read: that takes root, "
                                  "directord's own user or group, or control.admin_group");
        }
        const Json none = Json::object();
        const Json& given = params == request.end() || params->empty() ? none : *params;
        if (!given.is_object()) {
            return call->fail(ErrorCode::kInvalidParams, "arguments are given by name");
        }
        if (entry.text.arguments.empty() && !given.empty()) {
            return call->fail(ErrorCode::kInvalidParams, name + " takes no arguments");
        }
        try {
            entry.handler(given, Reply(call));
        } catch (const std::exception& error) {
            call->fail(ErrorCode::kInternalError, error.what());
        }
        return;
    }
    call->fail(ErrorCode::kMethodNotFound, "there is no request \"" + name + "\"");
}

}  // namespace director::server
