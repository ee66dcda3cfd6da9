// `directorctl ipvsadm ...`: carries out what ipvsadm's command line says.
#pragma once

#include <string>
#include <vector>

#include "cli/commands.h"

namespace director::cli {

// `program` is how the user called us. Messages and exit codes are ipvsadm's; where directord
// cannot be reached, exit code 3.
[[nodiscard]] int run_ipvsadm(const Settings& settings,
                              const std::string& program,
                              const std::vector<std::string>& arguments);

}  // namespace director::cli
