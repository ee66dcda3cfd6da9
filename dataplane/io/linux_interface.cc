#include "dataplane/io/linux_interface.h"

#include <fmt/format.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>

namespace director::dataplane::io {
namespace {

// The value of one of the device's arguments; "" without it.
std::string argument_of(const std::string& device, const std::string& key) {
    const std::string wanted = "," + key + "=";
    const size_t at = device.find(wanted);
    if (at == std::string::npos) {
        return "";
    }
    const size_t begin = at + wanted.size();
    return device.substr(begin, device.find(',', begin) - begin);
}

// Asks the kernel about the device's interface, or tells it. An errno, or 0.
int ask(const std::string& device, unsigned long request, ifreq& about) {
    const std::string interface = argument_of(device, "iface");
    if (interface.empty() || interface.size() >= sizeof(about.ifr_name)) {
        return ENODEV;
    }
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket < 0) {
        return errno;
    }
    std::copy(interface.begin(), interface.end(), std::begin(about.ifr_name));
    const int error = ::ioctl(socket, request, &about) == 0 ? 0 : errno;
    ::close(socket);
    return error;
}

}  // namespace

bool is_carried(const std::string& device) {
    ifreq about{};
    // IFF_RUNNING: administratively up, and has a carrier.
    return ask(device, SIOCGIFFLAGS, about) != 0 ||
           (static_cast<unsigned>(about.ifr_flags) & IFF_RUNNING) != 0;
}

uint32_t packet_socket_frame_bytes(const std::string& device) {
    const std::string text = argument_of(device, "framesz");
    uint32_t bytes = 0;
    std::from_chars(text.data(), text.data() + text.size(), bytes);
    return bytes;
}

Result<void> set_packet_socket_mtu(const std::string& device, uint16_t mtu_bytes) {
    constexpr uint32_t kFrameDefault = 2048;  // the driver's
    // The kernel's own header before the packet (TPACKET2_HDRLEN), Ethernet with a tag, rounding.
    constexpr uint32_t kOverhead = 128;
    const uint32_t told = packet_socket_frame_bytes(device);
    const uint32_t frame_bytes = told == 0 ? kFrameDefault : told;
    if (frame_bytes < mtu_bytes + kOverhead) {
        return failure(
            fmt::format("MTU {} needs an argument framesz of at least {}, and a blocksz "
                        "of as much; the device has {}",
                        mtu_bytes,
                        mtu_bytes + kOverhead,
                        frame_bytes));
    }
    ifreq about{};
    about.ifr_mtu = mtu_bytes;
    if (const int error = ask(device, SIOCSIFMTU, about); error != 0) {
        return failure(fmt::format("the interface below refuses MTU {}: {}",
                                   mtu_bytes,
                                   std::error_code(error, std::generic_category()).message()));
    }
    return {};
}

}  // namespace director::dataplane::io
