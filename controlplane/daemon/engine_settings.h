// From the configuration's words to the engine's.
#pragma once

#include "config/model.h"
#include "dataplane/io/engine.h"

namespace director::daemon {

[[nodiscard]] dataplane::io::EngineSettings engine_settings(const config::Model& model);

}  // namespace director::daemon
