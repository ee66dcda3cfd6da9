// What `directorctl status`, `drops`, `checks`, `sync status` and `workers` print. Pure functions
// from an answer to text.
#pragma once

#include <string>

#include "cli/table.h"
#include "controlplane/server/protocol.h"

namespace director::cli {

enum class ZeroRows { kHide, kShow };

[[nodiscard]] std::string show_status(const server::StatusView& status, Colour colour);
[[nodiscard]] std::string show_drops(const server::DropsView& drops,
                                     ZeroRows zero_rows,
                                     Colour colour);
[[nodiscard]] std::string show_sync(const server::SyncView& sync, Colour colour);
[[nodiscard]] std::string show_checks(const server::ChecksView& checks, Colour colour);
// With what the checks probe, how often and how it went: of a few servers.
[[nodiscard]] std::string show_checks_closely(const server::ChecksView& checks, Colour colour);
[[nodiscard]] std::string show_workers(const server::WorkersView& workers, Colour colour);

}  // namespace director::cli
