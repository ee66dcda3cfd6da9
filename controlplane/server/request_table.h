// JSON-RPC 2.0 without a socket: a table of requests, and the function from a message's bytes to
// its answer.
//
// The daemon fills a RequestTable with one entry per request and gives it to Server. Tests and the
// fuzzer call dispatch() directly. Everything happens on the control-plane thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "controlplane/server/caller.h"
#include "controlplane/server/protocol.h"

namespace director::server {

// JSON-RPC 2.0 section 5.1, and two codes of our own.
enum class ErrorCode : int {
    kParseError = -32700,
    kInvalidRequest = -32600,
    kMethodNotFound = -32601,
    kInvalidParams = -32602,
    kInternalError = -32603,
    kFailed = -32000,      // the request was understood and failed
    kNotAllowed = -32001,  // it changes something, and a reader sent it
};

// More calls than this in one batch are refused: each costs an answer that is longer than the
// shortest call.
inline constexpr size_t kBatchCallsMax = 64;

// The way back to who asked. Copies share one answer: the first call counts, later ones do nothing,
// and if the last copy goes without a call, the client is told so. May be kept and called later,
// on the same thread, whether or not the client is still there.
class Reply {
  public:
    struct Call;

    explicit Reply(std::shared_ptr<Call> call) : call_(std::move(call)) {}
    // The result, or what went wrong (ErrorCode::kFailed).
    void operator()(Result<nlohmann::json> result) const;
    // What went wrong, with details for programs ("data" of the error).
    void refuse(const std::string& message, nlohmann::json data) const;
    // The request's arguments were at fault; says what was expected.
    void invalid_params(const std::string& message) const;
    [[nodiscard]] const Caller& caller() const;

  private:
    std::shared_ptr<Call> call_;
};

// `params` is always an object, empty if the client sent none.
using Handler = std::function<void(const nlohmann::json& params, Reply reply)>;

// One line of the request table.
struct Request {
    MethodText text;
    Handler handler;
};

class RequestTable {
  public:
    // Called exactly once for every message, from within dispatch() or later: with the answer as
    // one line of JSON without line end, or with "" if the message asks for none (notifications).
    using Done = std::function<void(std::string response)>;

    RequestTable() = default;
    explicit RequestTable(std::vector<Request> requests) : requests_(std::move(requests)) {}

    void add(Request request) { requests_.push_back(std::move(request)); }
    [[nodiscard]] const std::vector<Request>& requests() const { return requests_; }

    // Runs one message: a call, a notification or a batch of them. Never throws, whatever the
    // bytes. A handler that throws is answered with kInternalError.
    // Without a caller: for whoever may do everything.
    void dispatch(std::string_view message, Done done) const {
        dispatch(message, {}, std::move(done));
    }
    void dispatch(std::string_view message, const Caller& caller, Done done) const;

  private:
    struct Exchange;

    void run(nlohmann::json& request, const std::shared_ptr<Exchange>& exchange) const;

    std::vector<Request> requests_;
};

// An error answer that belongs to no call ("id": null), as one line without line end.
[[nodiscard]] std::string error_response(ErrorCode code, std::string_view message);

}  // namespace director::server
