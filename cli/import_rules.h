// ipvsadm's rules -> a Model, and what could not be carried over: the output of `ipvsadm -S`, or
// the script that calls ipvsadm line by line, with what it tells the kernel beside that (IPVS's
// sysctls, the firewall's marks).
#pragma once

#include "cli/ipvsadm_edit.h"
#include "config/import/keepalived.h"
#include "config/import/shell_lines.h"

namespace director::cli {

// Never fails: what is not understood becomes a note, and the rest is imported.
[[nodiscard]] config::Imported import_rules(const config::ShellCommands& commands,
                                            const config::Machine& machine,
                                            const Resolve& resolve);

}  // namespace director::cli
