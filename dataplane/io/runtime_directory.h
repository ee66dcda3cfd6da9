// EAL's run-time directory, /var/run/dpdk/PREFIX, which holds the telemetry socket. A director's
// prefix is its program's name and its PID, so that several run beside each other; one that is
// killed leaves its directory behind for ever.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace director::dataplane::io {

inline constexpr std::string_view kRuntimeRoot = "/var/run/dpdk";

// "PROGRAM-PID" of this process.
[[nodiscard]] std::string own_file_prefix(std::string_view program);

// Removes from `root` the directories of `program` whose process is gone and whose telemetry socket
// nobody listens on: PIDs of another PID namespace cannot be seen. Returns how many; what cannot be
// removed stays.
size_t remove_left_directories(const std::filesystem::path& root, std::string_view program);

}  // namespace director::dataplane::io
