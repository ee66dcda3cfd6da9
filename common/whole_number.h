// Numbers in text, by one rule: all of the text is the number.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>
#include <system_error>

namespace director {

// Nothing where the text is empty, has anything else in it (blanks, a plus, a unit), or does not
// fit. A minus is taken for signed types.
template <std::integral Integer>
[[nodiscard]] std::optional<Integer> whole_number(std::string_view text, int base = 10) {
    Integer value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, failed] = std::from_chars(text.data(), end, value, base);
    return failed == std::errc{} && stop == end ? std::optional(value) : std::nullopt;
}

}  // namespace director
