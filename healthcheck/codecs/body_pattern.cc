#include "healthcheck/codecs/body_pattern.h"

#include <fmt/format.h>

#include <array>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace director::healthcheck {
namespace {

// Backtracking that would hold up the control plane ends here: about 10 ms.
constexpr uint32_t kStepsMax = 100'000;

struct FreeMatch {
    void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
struct FreeContext {
    void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};

}  // namespace

void BodyMatcher::FreeCode::operator()(pcre2_real_code_8* code) const {
    pcre2_code_free(code);
}

Result<BodyMatcher> BodyMatcher::compile(const BodyPattern& pattern) {
    int error = 0;
    PCRE2_SIZE place = 0;
    BodyMatcher matcher;
    matcher.pattern_ = pattern;
    // PCRE2_USE_OFFSET_LIMIT: needed for max_offset, costs nothing else.
    matcher.code_.reset(pcre2_compile(
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): PCRE2's characters
        reinterpret_cast<PCRE2_SPTR>(pattern.pattern.data()),
        pattern.pattern.size(),
        pattern.options | PCRE2_USE_OFFSET_LIMIT,
        &error,
        &place,
        nullptr));
    if (!matcher.code_) {
        std::array<PCRE2_UCHAR, 160> text{};
        pcre2_get_error_message(error, text.data(), text.size());
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): PCRE2's characters
        const auto* words = reinterpret_cast<const char*>(text.data());
        return failure(fmt::format("{} at character {}", words, place + 1));
    }
    return matcher;
}

bool BodyMatcher::accepts(std::string_view page) const {
    const std::unique_ptr<pcre2_match_data, FreeMatch> data(pcre2_match_data_create(1, nullptr));
    const std::unique_ptr<pcre2_match_context, FreeContext> context(
        pcre2_match_context_create(nullptr));
    if (!data || !context || pattern_.min_offset > page.size()) {
        return !pattern_.must_match;
    }
    pcre2_set_match_limit(context.get(), kStepsMax);
    if (pattern_.max_offset != 0) {
        pcre2_set_offset_limit(context.get(), pattern_.max_offset);
    }
    const int found = pcre2_match(code_.get(),
                                  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
                                  reinterpret_cast<PCRE2_SPTR>(page.data()),
                                  page.size(),
                                  pattern_.min_offset,
                                  0,
                                  data.get(),
                                  context.get());
    if (found < 0 && found != PCRE2_ERROR_NOMATCH) {
        return false;
    }
    return (found >= 0) == pattern_.must_match;
}

}  // namespace director::healthcheck
