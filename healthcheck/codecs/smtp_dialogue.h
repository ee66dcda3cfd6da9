// Our side of a short talk with a mail server (RFC 5321): greeting, HELO, QUIT. Bytes in, bytes
// out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace director::healthcheck {

struct SmtpStep {
    enum class Verdict : uint8_t { kNone, kPassed, kFailed };
    Verdict verdict = Verdict::kNone;
    std::string send;  // to be sent now
    std::string text;  // of kFailed
};

class SmtpDialogue {
  public:
    SmtpDialogue() = default;
    explicit SmtpDialogue(std::string helo_name) : helo_name_(std::move(helo_name)) {}

    // What the server said, in pieces of any size.
    [[nodiscard]] SmtpStep on_bytes(std::string_view bytes);

  private:
    [[nodiscard]] SmtpStep on_line(std::string_view line);

    std::string helo_name_;
    std::string line_;  // begun, not ended
    bool greeted_ = false;
    bool over_ = false;
};

}  // namespace director::healthcheck
