// What a reload may change, and how the changes that no service control tells of are named. Pure.
#pragma once

#include <string>

#include "common/result.h"
#include "config/model.h"

namespace director::daemon {

// An error when a setting differs that only a restart can change.
[[nodiscard]] Result<void> check_unchanged(const config::Model& before, const config::Model& after);

// What a reload changes beside services and what belongs to them: empty, or ", ..." for each.
[[nodiscard]] std::string other_changes(const config::Model& before, const config::Model& after);

}  // namespace director::daemon
