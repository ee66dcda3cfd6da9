#include "controlplane/daemon/notify_fifo.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <system_error>
#include <utility>

#include "common/log.h"

namespace director::daemon {

namespace {

constexpr LogArea kLog{"notify"};

// Numbers of the programs' runs. Trackers' scripts count from 1.
constexpr uint64_t kRunOfAll = UINT64_MAX;
constexpr uint64_t kRunOfVrrp = UINT64_MAX - 1;
constexpr uint64_t kRunOfHealth = UINT64_MAX - 2;

Failure errno_failure(const std::string& path) {
    return failure(fmt::format("{}: {}", path, std::generic_category().message(errno)));
}

}  // namespace

// Open for reading too, a FIFO can be opened, written and kept without a reader (fifo(7)).
Result<NotifyFifo> NotifyFifo::open(const std::string& path) {
    NotifyFifo fifo;
    const bool is_made_here = ::mkfifo(path.c_str(), S_IRUSR | S_IWUSR) == 0;
    if (!is_made_here && errno != EEXIST) {
        return errno_failure(path);
    }
    fifo.path_ = path;
    fifo.is_made_here_ = is_made_here;
    fifo.fd_ = ::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    struct stat status {};
    if (fifo.fd_ < 0 || ::fstat(fifo.fd_, &status) != 0) {
        return errno_failure(path);
    }
    if (!S_ISFIFO(status.st_mode)) {
        return failure(path + ": a file that is no FIFO is in the way");
    }
    return fifo;
}

NotifyFifo::NotifyFifo(NotifyFifo&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      is_made_here_(std::exchange(other.is_made_here_, false)) {}

NotifyFifo& NotifyFifo::operator=(NotifyFifo&& other) noexcept {
    if (this != &other) {
        close();
        path_ = std::move(other.path_);
        fd_ = std::exchange(other.fd_, -1);
        is_made_here_ = std::exchange(other.is_made_here_, false);
    }
    return *this;
}

NotifyFifo::~NotifyFifo() {
    close();
}

void NotifyFifo::close() {
    struct stat ours {};
    struct stat there {};
    const bool is_same = fd_ >= 0 && ::fstat(fd_, &ours) == 0 &&
                         ::lstat(path_.c_str(), &there) == 0 && ours.st_ino == there.st_ino &&
                         ours.st_dev == there.st_dev;
    if (is_made_here_ && is_same) {
        ::unlink(path_.c_str());
    }
    if (fd_ >= 0) {
        ::close(fd_);
    }
    fd_ = -1;
}

// Lines are shorter than what a pipe takes whole or not at all (pipe(7)).
bool NotifyFifo::write(std::string_view line) {
    return line.size() <= PIPE_BUF &&
           ::write(fd_, line.data(), line.size()) == static_cast<ssize_t>(line.size());
}

void NotifyFifos::configure(const config::Control& control) {
    configure(all_, kRunOfAll, control.notify_fifo);
    configure(vrrp_, kRunOfVrrp, control.vrrp_notify_fifo);
    configure(health_, kRunOfHealth, control.lvs_notify_fifo);
}

void NotifyFifos::configure(Pipe& pipe, uint64_t run, const config::NotifyFifo& settings) {
    if (pipe.settings == settings) {
        return;
    }
    if (!pipe.settings.program.empty()) {
        programs_.end(run);
    }
    if (pipe.settings.path != settings.path) {
        pipe.fifo.reset();
    }
    pipe.settings = settings;
    if (settings.path.empty()) {
        return;
    }
    if (!pipe.fifo) {
        auto opened = NotifyFifo::open(settings.path);
        if (!opened) {
            kLog.error("no notify FIFO error=\"{}\"", opened.error().message);
            pipe.settings = {};  // the next reload tries again
            return;
        }
        pipe.fifo = std::move(*opened);
    }
    if (!settings.program.empty()) {
        std::vector<std::string> command = settings.program;
        command.push_back(settings.path);
        programs_.start(run, command, [path = settings.path](bool succeeded) {
            kLog.warning("the reader of a FIFO has ended fifo={} failed={}", path, !succeeded);
        });
    }
}

void NotifyFifos::tell_vrrp(std::string_view line) {
    tell(all_, line);
    tell(vrrp_, line);
}

void NotifyFifos::tell_health(std::string_view line) {
    tell(all_, line);
    tell(health_, line);
}

void NotifyFifos::tell(Pipe& pipe, std::string_view line) {
    if (!pipe.fifo) {
        return;
    }
    const bool is_full = !pipe.fifo->write(line);
    if (is_full && !pipe.is_full) {
        kLog.warning("nobody reads the notify FIFO: lines are lost fifo={}", pipe.settings.path);
    }
    pipe.is_full = is_full;
}

}  // namespace director::daemon
