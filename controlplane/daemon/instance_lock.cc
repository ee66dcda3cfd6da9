#include "controlplane/daemon/instance_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>
#include <system_error>

namespace director::daemon {

Result<InstanceLock> InstanceLock::take(const std::string& socket_path) {
    const std::string path = socket_path + ".lock";
    // O_NOFOLLOW: the folder may be one that others can write to.
    kernel::FileDescriptor file(
        ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
    if (!file.is_open()) {
        return failure(fmt::format("{}: {}", path, std::generic_category().message(errno)));
    }
    if (::flock(file.number(), LOCK_EX | LOCK_NB) == 0) {
        return InstanceLock(std::move(file));
    }
    if (errno == EWOULDBLOCK) {
        return failure(
            fmt::format("another directord runs with control socket {}: stop it first, or give "
                        "this one a control.socket of its own",
                        socket_path));
    }
    return failure(fmt::format("{}: {}", path, std::generic_category().message(errno)));
}

}  // namespace director::daemon
