// Help for who mistyped a name.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace director::config {

// "a, b, c".
[[nodiscard]] std::string joined(const std::vector<std::string>& names);

// The known name that `name` was probably meant to be, if one is near enough.
[[nodiscard]] std::optional<std::string> nearest(std::string_view name,
                                                 const std::vector<std::string>& known);

}  // namespace director::config
