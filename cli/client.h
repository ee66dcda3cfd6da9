// directorctl's side of the control socket: one call at a time, waiting for the answer.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

#include "common/result.h"

namespace director::cli {

enum class CallFailure {
    kUnreachable,  // nobody answered
    kRefused,      // directord answered with an error
};

struct CallError {
    CallFailure kind = CallFailure::kUnreachable;
    std::string message;
    nlohmann::json data = nullptr;  // of a refusal, where it has details
};

// Says on standard error what went wrong, and gives the exit code of it.
int complain(const CallError& error);

// An answer as one JSON document, bytes that are no UTF-8 replaced.
[[nodiscard]] std::string document(const nlohmann::json& result);

class Client {
  public:
    // Failure says what to do about it: not running, no permission, another path.
    [[nodiscard]] static Result<Client> connect(const std::string& path);
    Client(Client&& other) noexcept;
    Client(const Client&) = delete;
    Client& operator=(Client&&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client();

    // The "result" of the answer.
    [[nodiscard]] tl::expected<nlohmann::json, CallError> call(std::string_view method,
                                                               const nlohmann::json& params);

    // The same of a request that can be asked page by page ("services", "checks"), as one answer: a
    // hundred thousand servers do not keep directord from all else meanwhile.
    [[nodiscard]] tl::expected<nlohmann::json, CallError> call_in_pages(
        std::string_view method, nlohmann::json params = nlohmann::json::object());

    // After "subscribe": the next message that is no answer. Waits for as long as it takes; failure
    // says that there will be none.
    [[nodiscard]] tl::expected<nlohmann::json, CallError> next_notification();

    // The next answers may take so much more time than usual.
    void wait_longer(uint64_t seconds);

    // A descriptor that came with the last answer, which is the caller's now; -1: none did.
    [[nodiscard]] int take_descriptor() { return std::exchange(descriptor_, -1); }

  private:
    explicit Client(int socket) : socket_(socket) {}
    [[nodiscard]] Result<std::string> receive_line();
    [[nodiscard]] ssize_t receive(std::span<char> chunk);

    int socket_;
    int descriptor_ = -1;
    std::string received_;
    std::deque<nlohmann::json> notifications_;  // that came while an answer was waited for
    int last_id_ = 0;
};

}  // namespace director::cli
