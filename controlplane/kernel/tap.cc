#include "controlplane/kernel/tap.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "common/log.h"
#include "controlplane/kernel/file_descriptor.h"
#include "controlplane/kernel/kernel_setup.h"
#include "controlplane/kernel/netlink.h"

namespace director::kernel {
namespace {

namespace fs = std::filesystem;

constexpr LogArea kLog{"tap"};

constexpr const char* kTunDevice = "/dev/net/tun";
// The largest IP packet with Ethernet header and VLAN tag, whatever MTU the administrator sets.
constexpr size_t kFrameBytesMax = 65535 + 18;
// Frames read in one turn of the event loop, so that the kernel's sending leaves time for the rest.
constexpr int kFramesPerTurn = 64;

std::string error_text(int error) {
    return std::error_code(error, std::generic_category()).message();
}

std::string first_line(const fs::path& file) {
    std::ifstream stream(file);
    std::string line;
    std::getline(stream, line);
    return line;
}

// Whether the process at /proc/PID holds the TAP interface `name` (its fdinfo has "iff:<tab>NAME").
bool holds_tap(const fs::path& process, const std::string& name) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(process / "fdinfo", error)) {
        std::ifstream stream(entry.path());
        for (std::string line; std::getline(stream, line);) {
            if (line == "iff:\t" + name) {
                return true;
            }
        }
    }
    return false;
}

// "process 1234 (directord)": who holds the TAP interface `name` in our network namespace.
std::optional<std::string> holder_of(const std::string& name) {
    std::error_code error;
    const fs::path our_namespace = fs::read_symlink("/proc/self/ns/net", error);
    for (const auto& entry : fs::directory_iterator("/proc", error)) {
        const std::string pid = entry.path().filename().string();
        if (pid.find_first_not_of("0123456789") != std::string::npos) {
            continue;
        }
        std::error_code unreadable;
        if (fs::read_symlink(entry.path() / "ns/net", unreadable) == our_namespace &&
            holds_tap(entry.path(), name)) {
            return fmt::format("process {} ({})", pid, first_line(entry.path() / "comm"));
        }
    }
    return std::nullopt;
}

std::string open_error(int error) {
    switch (error) {
        case ENOENT:
            return fmt::format(
                "{0} does not exist; create it with `mkdir -p /dev/net && mknod {0} c 10 200`, and "
                "load the driver with `modprobe tun` if the kernel has it as a module",
                kTunDevice);
        case ENODEV:
        case ENXIO:
            return "the kernel has no tun driver; load it with `modprobe tun`";
        case EACCES:
        case EPERM:
            return fmt::format("no permission to open {}; run as root or with CAP_NET_ADMIN",
                               kTunDevice);
        default:
            return fmt::format("cannot open {}: {}", kTunDevice, error_text(error));
    }
}

std::string attach_error(int error, const std::string& name) {
    if (error == EPERM) {
        return "no permission to create interfaces; run as root or with CAP_NET_ADMIN";
    }
    if (if_nametoindex(name.c_str()) != 0) {
        const auto holder = holder_of(name);
        return fmt::format(
            "an interface of this name exists already{}; end that or choose another port name",
            holder ? ", held by " + *holder
                   : fmt::format(" (`ip -d link show {}` tells more)", name));
    }
    return error_text(error);
}

Result<FileDescriptor> open_tap(const std::string& name) {
    FileDescriptor fd(::open(kTunDevice, O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!fd.is_open()) {
        return failure(open_error(errno));
    }
    ifreq request{};
    std::copy(name.begin(), name.end(), std::begin(request.ifr_name));
    // Exclusive: never slip into a persistent interface that someone else set up.
    request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL);
    if (::ioctl(fd.number(), TUNSETIFF, &request) != 0) {
        return failure(attach_error(errno, name));
    }
    return fd;
}

}  // namespace

Tap::Tap(asio::io_context& io, std::string name)
    : name_(std::move(name)), descriptor_(io), buffer_(kFrameBytesMax) {}

Result<std::unique_ptr<Tap>> Tap::create(asio::io_context& io, const TapSettings& settings) {
    const std::string what = fmt::format("cannot create interface {}: ", settings.name);
    // '%' would make the kernel fill in a number.
    if (settings.name.empty() || settings.name.size() >= IFNAMSIZ || settings.name == "." ||
        settings.name == ".." || settings.name.find_first_of("/:% \t\n") != std::string::npos) {
        return failure(
            fmt::format("{}a name has 1 to {} characters, none of them '/', ':', '%' or a space",
                        what,
                        IFNAMSIZ - 1));
    }
    auto fd = open_tap(settings.name);
    if (!fd) {
        return failure(what + fd.error().message);
    }
    std::unique_ptr<Tap> tap(new Tap(io, settings.name));
    std::error_code error;
    tap->descriptor_.assign(fd->number(), error);
    if (error) {
        return failure(what + error.message());
    }
    static_cast<void>(fd->release());
    if (const auto configured = tap->configure(settings); !configured) {
        return failure(what + configured.error().message);
    }
    return tap;
}

Result<void> Tap::configure(const TapSettings& settings) {
    ifindex_ = if_nametoindex(name_.c_str());
    // Before it is up: once it is, the kernel solicits IPv6 routers.
    if (auto quiet = quiet_interface(name_); !quiet) {
        return quiet;
    }
    auto netlink = NetlinkSocket::open();
    if (!netlink) {
        return Failure(netlink.error());
    }
    return set_link(
        *netlink, name_, {.mac = settings.mac, .mtu_bytes = settings.mtu_bytes, .is_up = true});
}

void Tap::start(Receive receive) {
    receive_ = std::move(receive);
    wait();
}

void Tap::wait() {
    descriptor_.async_wait(
        asio::posix::stream_descriptor::wait_read,
        [this, alive = std::weak_ptr<bool>(alive_)](const std::error_code& error) {
            if (error || alive.expired()) {
                return;
            }
            if (receive_turn()) {
                wait();
            }
        });
}

// False when there is nothing to wait for any more.
bool Tap::receive_turn() {
    for (int i = 0; i < kFramesPerTurn; ++i) {
        const ssize_t length = ::read(descriptor_.native_handle(), buffer_.data(), buffer_.size());
        if (length < 0 && errno == EBADFD) {
            // To wait on would be to spin: the descriptor stays readable.
            kLog.error("kernel interface was deleted by someone else name={}", name_);
            return false;
        }
        if (length <= 0) {
            break;
        }
        ++counters_.from_kernel;
        receive_(std::span<const uint8_t>(buffer_).first(static_cast<size_t>(length)));
    }
    return true;
}

void Tap::set_carrier(bool is_on) {
    unsigned carrier = is_on ? 1 : 0;
    if (::ioctl(descriptor_.native_handle(), TUNSETCARRIER, &carrier) != 0) {
        kLog.debug("cannot set carrier interface={} error=\"{}\"", name_, error_text(errno));
    }
}

void Tap::write(std::span<const uint8_t> frame) {
    const ssize_t length = ::write(descriptor_.native_handle(), frame.data(), frame.size());
    ++(length < 0 ? counters_.to_kernel_dropped : counters_.to_kernel);
}

}  // namespace director::kernel
