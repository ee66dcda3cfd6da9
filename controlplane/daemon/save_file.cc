#include "controlplane/daemon/save_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>

#include "controlplane/kernel/file_descriptor.h"

namespace director::daemon {
namespace {

Failure errno_failure(const std::string& what) {
    return failure(fmt::format("{}: {}", what, std::generic_category().message(errno)));
}

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno != EINTR) {
            return false;
        }
        text.remove_prefix(written > 0 ? static_cast<size_t>(written) : 0);
    }
    return true;
}

// Writes beside `path` and puts that in its place; `like`: whose mode and owner it gets.
Result<void> replace(const std::string& path,
                     std::string_view text,
                     const std::optional<struct stat>& like) {
    const std::string fresh = path + ".new";
    ::unlink(fresh.c_str());
    const int raw =
        ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (raw < 0) {
        return errno_failure(fresh);
    }
    const kernel::FileDescriptor file(raw);
    const bool is_owned = !like || ::fchown(raw, like->st_uid, like->st_gid) == 0;
    const mode_t mode = like ? like->st_mode & 07777 : 0640;
    if (!is_owned || ::fchmod(raw, mode) != 0 || !write_all(raw, text) || ::fsync(raw) != 0 ||
        ::rename(fresh.c_str(), path.c_str()) != 0) {
        const Failure why = errno_failure(path);
        ::unlink(fresh.c_str());
        return why;
    }
    const std::string folder = std::filesystem::path(path).parent_path().string();
    const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        const kernel::FileDescriptor closes(directory);
        ::fsync(directory);  // the rename, too; without, the file is the old one or the new one
    }
    return {};
}

}  // namespace

Result<std::string> save_file(const std::string& path, std::string_view text) {
    std::error_code error;
    std::filesystem::path target = std::filesystem::weakly_canonical(path, error);
    if (error) {
        return failure(fmt::format("{}: {}", path, error.message()));
    }
    struct stat status {};
    if (::stat(target.c_str(), &status) != 0) {
        if (errno != ENOENT) {
            return errno_failure(path);
        }
        const auto done = replace(target.string(), text, std::nullopt);
        return done ? Result<std::string>("") : Failure(done.error());
    }
    if (!S_ISREG(status.st_mode)) {
        return failure(path + ": is not a plain file");
    }
    std::ifstream stream(target, std::ios::binary);
    const std::string before((std::istreambuf_iterator<char>(stream)), {});
    if (!stream) {
        return failure(path + ": cannot be read, so that it would be lost");
    }
    const std::string backup = target.string() + ".backup";
    if (auto kept = replace(backup, before, status); !kept) {
        return Failure(kept.error());
    }
    if (auto done = replace(target.string(), text, status); !done) {
        return Failure(done.error());
    }
    return backup;
}

}  // namespace director::daemon
