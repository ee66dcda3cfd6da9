#include "dataplane/io/runtime_directory.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>

#include "common/whole_number.h"

namespace director::dataplane::io {

namespace fs = std::filesystem;

namespace {

// The PID in "PROGRAM-PID".
std::optional<pid_t> owner_of(std::string_view name, std::string_view program) {
    if (!name.starts_with(program) || !name.substr(program.size()).starts_with('-')) {
        return std::nullopt;
    }
    const auto process = whole_number<pid_t>(name.substr(program.size() + 1));
    return process && *process > 0 ? process : std::nullopt;
}

bool is_running(pid_t process) {
    return ::kill(process, 0) == 0 || errno != ESRCH;
}

bool is_listened_on(const fs::path& socket) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket.native().size() >= sizeof(address.sun_path)) {
        return true;
    }
    std::memcpy(address.sun_path, socket.c_str(), socket.native().size());
    const int descriptor = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) {
        return true;
    }
    const bool is_refused =
        ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 &&
        (errno == ECONNREFUSED || errno == ENOENT);
    ::close(descriptor);
    return !is_refused;
}

}  // namespace

std::string own_file_prefix(std::string_view program) {
    return fmt::format("{}-{}", program, ::getpid());
}

size_t remove_left_directories(const fs::path& root, std::string_view program) {
    size_t removed = 0;
    std::error_code error;
    for (auto entry = fs::directory_iterator(root, error);
         !error && entry != fs::directory_iterator();
         entry.increment(error)) {
        const auto owner = owner_of(entry->path().filename().native(), program);
        if (!owner || is_running(*owner) || is_listened_on(entry->path() / "dpdk_telemetry.v2")) {
            continue;
        }
        std::error_code failed;
        fs::remove_all(entry->path(), failed);
        removed += failed ? 0U : 1U;
    }
    return removed;
}

}  // namespace director::dataplane::io
