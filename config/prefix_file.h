// A list of prefixes in a file of its own: one a line, "#" begins a comment. Made for a million of
// them.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "common/address.h"
#include "config/source.h"

namespace director::config {

// The prefixes in the order of the file, or the first few mistakes in it.
[[nodiscard]] tl::expected<std::vector<IpPrefix>, std::vector<SourceError>> read_prefix_file(
    const std::string& path);

}  // namespace director::config
