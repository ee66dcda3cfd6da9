#include "controlplane/server/config_protocol.h"

#include "controlplane/server/json_fields.h"

namespace director::server {

DIRECTOR_DEFINE_JSON(ConfigTextView, text)
DIRECTOR_DEFINE_JSON(ConfigChangeView, path, running, file)
DIRECTOR_DEFINE_JSON(ConfigDiffView, is_same, file, changes, text)
DIRECTOR_DEFINE_JSON(ConfigMistakeView, file, line, path, message)
DIRECTOR_DEFINE_JSON(ConfigCheckView, is_valid, mistakes, message)
DIRECTOR_DEFINE_JSON(ConfigSaveView, file, backup)
DIRECTOR_DEFINE_JSON(LogAreaView, area, level)
DIRECTOR_DEFINE_JSON(LogLevelsView, level, areas)

}  // namespace director::server
