// "keep" of the request "edit": an edit that says one thing of a service or server and leaves the
// rest as it is. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "config/model.h"

namespace director::daemon {

// `edit` is one of {action, ...}. With "keep": true, an "edit-service" or "edit-server" gets each
// field that it lacks from the model; anything else comes back as it is. Throws
// nlohmann::json::exception where a field has the wrong type.
[[nodiscard]] nlohmann::json with_kept_fields(const nlohmann::json& edit,
                                              const config::Model& model);

}  // namespace director::daemon
