// The words of "edit" (controlplane/server/edit_protocol.h) as edits of a configuration. Pure; for
// the daemon, which is asked, and for directorctl, which imports what would be asked.
#pragma once

#include "common/result.h"
#include "config/edits.h"
#include "controlplane/server/protocol.h"

namespace director::edit {

// One edit as values; failure says what was expected.
[[nodiscard]] Result<config::Edit> edit_of(const server::EditRequest& request);

[[nodiscard]] Result<config::ServiceKey> key_of(const server::EditKey& key);

}  // namespace director::edit
