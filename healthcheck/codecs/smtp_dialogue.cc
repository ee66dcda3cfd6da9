#include "healthcheck/codecs/smtp_dialogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace director::healthcheck {
namespace {

constexpr size_t kLineMax = 2048;  // RFC 5321 section 4.5.3.1.5 says 512; some say more
constexpr size_t kQuotedMax = 80;

SmtpStep failed(std::string text) {
    return {SmtpStep::Verdict::kFailed, {}, std::move(text)};
}

}  // namespace

SmtpStep SmtpDialogue::on_bytes(std::string_view bytes) {
    while (!bytes.empty() && !over_) {
        const size_t end = bytes.find('\n');
        line_ += bytes.substr(0, end);
        if (line_.size() > kLineMax) {
            over_ = true;
            return failed(fmt::format("a line of more than {} characters", kLineMax));
        }
        if (end == std::string_view::npos) {
            break;
        }
        bytes.remove_prefix(end + 1);
        std::string line = std::exchange(line_, std::string());
        if (line.ends_with('\r')) {
            line.pop_back();
        }
        SmtpStep step = on_line(line);
        // What follows a step that is one belongs to no question of ours.
        if (step.verdict != SmtpStep::Verdict::kNone || !step.send.empty()) {
            return step;
        }
    }
    return {};
}

SmtpStep SmtpDialogue::on_line(std::string_view line) {
    const bool is_numbered =
        line.size() >= 3 &&
        std::all_of(line.begin(), line.begin() + 3, [](char c) { return c >= '0' && c <= '9'; }) &&
        (line.size() == 3 || line[3] == ' ' || line[3] == '-');
    const std::string_view wanted = greeted_ ? "250" : "220";
    if (!is_numbered || line.substr(0, 3) != wanted) {
        over_ = true;
        return failed(fmt::format("\"{}\" instead of {} {}",
                                  line.substr(0, kQuotedMax),
                                  wanted,
                                  greeted_ ? "to HELO" : "as greeting"));
    }
    if (line.size() > 3 && line[3] == '-') {  // section 4.2.1: more lines follow
        return {};
    }
    if (!greeted_) {
        greeted_ = true;
        return {SmtpStep::Verdict::kNone, fmt::format("HELO {}\r\n", helo_name_), {}};
    }
    over_ = true;
    return {SmtpStep::Verdict::kPassed, "QUIT\r\n", {}};
}

}  // namespace director::healthcheck
