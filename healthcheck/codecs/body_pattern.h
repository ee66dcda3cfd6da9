// A regular expression over a page, as keepalived's `regex` and its companions: PCRE2.
#pragma once

#include <memory>
#include <string_view>

#include "common/result.h"
#include "healthcheck/config.h"

struct pcre2_real_code_8;

namespace director::healthcheck {

class BodyMatcher {
  public:
    // Why the pattern is none, in PCRE2's words with the place.
    [[nodiscard]] static Result<BodyMatcher> compile(const BodyPattern& pattern);

    // Whether the page is as it should be: the pattern is found within the offsets, or is not and
    // must not be. A page that takes too many steps to decide counts as not matching.
    [[nodiscard]] bool accepts(std::string_view page) const;

  private:
    struct FreeCode {
        void operator()(pcre2_real_code_8* code) const;
    };

    BodyPattern pattern_;
    std::unique_ptr<pcre2_real_code_8, FreeCode> code_;
};

}  // namespace director::healthcheck
