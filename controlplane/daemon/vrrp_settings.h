// The configuration's VRRP as the library vrrp/ takes it, and what that finds wrong with it.
#pragma once

#include <vector>

#include "config/model.h"
#include "config/validate.h"
#include "vrrp/config.h"

namespace director::daemon {

[[nodiscard]] vrrp::Config vrrp_settings(const config::Model& model);

// For config::Vocabulary.
[[nodiscard]] std::vector<config::Finding> validate_vrrp(const config::Model& model);

}  // namespace director::daemon
