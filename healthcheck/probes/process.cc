#include "healthcheck/probes/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sched.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

namespace director::healthcheck {
namespace {

constexpr size_t kOutputMax = 4096;
constexpr int kNice = 5;
constexpr Duration kTermGrace = std::chrono::seconds(2);

// posix_spawn's two opaque structures, with their clean-up.
struct SpawnPlan {
    posix_spawn_file_actions_t files{};
    posix_spawnattr_t attributes{};

    SpawnPlan() {
        posix_spawn_file_actions_init(&files);
        posix_spawnattr_init(&attributes);
    }
    ~SpawnPlan() {
        posix_spawn_file_actions_destroy(&files);
        posix_spawnattr_destroy(&attributes);
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;
};

// Another user's rights through setpriv (util-linux, in every Debian): the list of groups and the
// order of calls are easy to get wrong.
Result<std::vector<std::string>> as_user(const Command& command) {
    if (command.user.empty()) {
        return command.arguments;
    }
    std::array<char, 4096> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    if (getpwnam_r(command.user.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
        found == nullptr) {
        return failure(fmt::format("there is no user \"{}\"", command.user));
    }
    std::vector<std::string> words{"/usr/bin/setpriv",
                                   fmt::format("--reuid={}", entry.pw_uid),
                                   fmt::format("--regid={}", entry.pw_gid),
                                   "--init-groups",
                                   "--"};
    words.insert(words.end(), command.arguments.begin(), command.arguments.end());
    return words;
}

// Everything as a fresh program expects it, whatever the daemon's own signals and scheduling are.
void make_plan(SpawnPlan& plan, int output_fd) {
    posix_spawn_file_actions_addopen(&plan.files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (output_fd >= 0) {
        posix_spawn_file_actions_adddup2(&plan.files, output_fd, STDOUT_FILENO);
    } else {
        posix_spawn_file_actions_addopen(&plan.files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    }
    posix_spawn_file_actions_addopen(&plan.files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&plan.files, STDERR_FILENO + 1);
    sigset_t none{};
    sigset_t all{};
    sigemptyset(&none);
    sigfillset(&all);
    const sched_param parameters{};
    posix_spawnattr_setsigmask(&plan.attributes, &none);
    posix_spawnattr_setsigdefault(&plan.attributes, &all);
    posix_spawnattr_setpgroup(&plan.attributes, 0);
    posix_spawnattr_setschedpolicy(&plan.attributes, SCHED_OTHER);
    posix_spawnattr_setschedparam(&plan.attributes, &parameters);
    posix_spawnattr_setflags(&plan.attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                 POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSCHEDULER);
}

}  // namespace

Result<Process> Process::spawn(const Command& command, Output output) {
    auto words = as_user(command);
    if (!words) {
        return Failure(words.error());
    }
    std::vector<char*> arguments;
    for (std::string& word : *words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    Process process;
    OwnedFd write_end;
    if (output == Output::kKept) {
        std::array<int, 2> ends{};
        if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
            return failure(fmt::format("pipe: {}", std::strerror(errno)));
        }
        process.output_ = OwnedFd(ends[0]);
        write_end = OwnedFd(ends[1]);
        fcntl(write_end.get(), F_SETFL, 0);  // the program's own end may wait
    }
    SpawnPlan plan;
    make_plan(plan, write_end.get());
    const int error = posix_spawn(
        &process.pid_, arguments.front(), &plan.files, &plan.attributes, arguments.data(), environ);
    if (error != 0) {
        process.pid_ = 0;
        return failure(fmt::format("{}: {}", words->front(), std::strerror(error)));
    }
    setpriority(PRIO_PROCESS, static_cast<id_t>(process.pid_), kNice);
    // glibc 2.36 has a wrapper; its header clashes with <sys/wait.h> of some compilers.
    process.pid_fd_ = OwnedFd(static_cast<int>(syscall(SYS_pidfd_open, process.pid_, 0)));
    if (!process.pid_fd_.is_open()) {
        return failure(fmt::format("pidfd_open: {}", std::strerror(errno)));
    }
    return process;
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      pid_fd_(std::move(other.pid_fd_)),
      output_(std::move(other.output_)) {}

Process& Process::operator=(Process&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(pid_fd_, other.pid_fd_);
    std::swap(output_, other.output_);
    return *this;
}

Process::~Process() {
    if (pid_ > 0) {
        signal(SIGKILL);
        static_cast<void>(try_wait());
    }
}

bool Process::read_output(std::string& text) {
    std::array<char, 4096> bytes{};
    while (true) {
        const ssize_t count = ::read(output_.get(), bytes.data(), bytes.size());
        if (count <= 0) {
            return count < 0 && (errno == EAGAIN || errno == EINTR);
        }
        const size_t room = kOutputMax - std::min(text.size(), kOutputMax);
        text.append(bytes.data(), std::min(room, static_cast<size_t>(count)));
    }
}

std::optional<Exit> Process::try_wait() {
    siginfo_t info{};
    const int done = waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG);
    if (done != 0) {
        // Somebody else has waited for it (SIGCHLD ignored): it is over, and nobody knows how.
        pid_ = 0;
        return Exit{true, 0};
    }
    if (info.si_pid == 0) {
        return std::nullopt;
    }
    pid_ = 0;
    return Exit{info.si_code != CLD_EXITED, info.si_status};
}

// Until it has been waited for, its number is nobody else's, so this reaches no stranger.
void Process::signal(int number) const {
    ::kill(-pid_, number);
}

void Undertaker::take(Process process, TimePoint now) {
    std::erase_if(dying_, [](const Dying& one) { return one.is_gone(); });
    dying_.emplace_back(*this, std::move(process), now);
}

Undertaker::Dying::Dying(Undertaker& owner, Process process, TimePoint now)
    : owner_(owner), process_(std::move(process)), seat_(owner.poller_.join(*this)) {
    process_.signal(SIGTERM);
    owner_.poller_.forget(process_.pid_fd());  // whoever watched it before
    static_cast<void>(owner_.poller_.watch(seat_, process_.pid_fd(), Readiness::kRead));
    owner_.poller_.set_deadline(seat_, now + kTermGrace);
}

Undertaker::Dying::~Dying() {
    owner_.poller_.leave(seat_);
}

// The first of the group has ended; the others need not have heard of it.
void Undertaker::Dying::on_ready(int fd, Readiness /*readiness*/, TimePoint /*now*/) {
    process_.signal(SIGKILL);
    if (process_.try_wait()) {
        owner_.poller_.forget(fd);
        owner_.poller_.set_deadline(seat_, kNever);
    }
}

void Undertaker::Dying::on_deadline(TimePoint /*now*/) {
    process_.signal(SIGKILL);
}

}  // namespace director::healthcheck
