// Replaces a file by another text in one step, so that whoever reads it finds the old one or the
// new one, also after the machine has lost its power half way.
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"

namespace director::daemon {

// What was there is in `path`.backup afterwards, with its mode and owner, which the new file has
// too; a symbolic link stays, and what it points to is replaced. Answers the backup's path, empty
// if there was no file. On error the file is as before.
[[nodiscard]] Result<std::string> save_file(const std::string& path, std::string_view text);

}  // namespace director::daemon
