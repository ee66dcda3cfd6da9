#include "diagnostics/ip/os_guess.h"

#include <array>

namespace director::diagnostics {
namespace {

// TcpHeader::option_order.
using Layout = uint64_t;

constexpr Layout kMss = 2;
constexpr Layout kScale = 3;
constexpr Layout kSackOk = 4;
constexpr Layout kTimes = 8;
constexpr Layout kNop = 1;
constexpr Layout kEnd = TcpHeader::kOrderEnd;

template <typename... Kinds>
[[nodiscard]] constexpr Layout layout(Kinds... kinds) {
    Layout result = 0;
    ((result = result << 4 | kinds), ...);
    return result;
}

enum class Window : uint8_t {
    kAny,
    kOfSegments,   // a small multiple of the MSS
    kFull,         // 65535
    kScaledTo64k,  // 64240, 65160 and their like: what Linux has since 4.20
    kSmall,        // up to 5840
};

// A row for SYNs, or for SYN-ACKs to a client that offered everything. After the signatures that
// p0f 3 (p0f.fp) lists, and the kernels' own code (Linux tcp_synack_options() and
// tcp_syn_options(): MSS, SACK permitted, timestamps, NOP, scale; BSD's tcp_addoptions()).
struct Row {
    OsGuess os;
    uint8_t ttl;
    Layout options;
    Window window;
};

constexpr std::array kRows{
    // Without timestamps the SACK option is preceded by two NOPs on most systems.
    Row{OsGuess::kLinuxOld, 64, layout(kMss, kSackOk, kTimes, kNop, kScale), Window::kSmall},
    Row{OsGuess::kLinux, 64, layout(kMss, kSackOk, kTimes, kNop, kScale), Window::kAny},
    Row{OsGuess::kLinux, 64, layout(kMss, kNop, kNop, kSackOk, kNop, kScale), Window::kOfSegments},
    Row{OsGuess::kLinux, 64, layout(kMss, kNop, kNop, kSackOk, kNop, kScale), Window::kScaledTo64k},
    Row{OsGuess::kWindows, 128, layout(kMss, kNop, kScale, kNop, kNop, kSackOk), Window::kAny},
    Row{OsGuess::kWindows, 128, layout(kMss, kNop, kScale, kSackOk, kTimes), Window::kAny},
    Row{OsGuess::kWindows,
        128,
        layout(kMss, kNop, kScale, kNop, kNop, kTimes, kNop, kNop, kSackOk),
        Window::kAny},
    Row{OsGuess::kWindowsOld, 128, layout(kMss, kNop, kNop, kSackOk), Window::kAny},
    Row{OsGuess::kWindowsOld,
        128,
        layout(kMss, kNop, kScale, kNop, kNop, kTimes, kNop, kNop, kSackOk, kNop),
        Window::kAny},
    Row{OsGuess::kMacOs,
        64,
        layout(kMss, kNop, kScale, kNop, kNop, kTimes, kSackOk, kEnd),
        Window::kFull},
    Row{OsGuess::kFreeBsd, 64, layout(kMss, kNop, kScale, kSackOk, kTimes), Window::kFull},
    Row{OsGuess::kOpenBsd,
        64,
        layout(kMss, kNop, kNop, kSackOk, kNop, kScale, kNop, kNop, kTimes),
        Window::kAny},
    Row{OsGuess::kSolaris, 64, layout(kSackOk, kTimes, kMss, kNop, kScale), Window::kAny},
    Row{OsGuess::kSolaris,
        64,
        layout(kNop, kNop, kTimes, kMss, kNop, kScale, kNop, kNop, kSackOk),
        Window::kAny},
    Row{OsGuess::kNetworkDevice, 255, layout(kMss), Window::kAny},
    // nmap's connect-less SYN scan: an MSS of 1460 and nothing else, with a window of so many
    // kilobytes; its T1 probes: scale 10 first.
    Row{OsGuess::kScanner, 64, layout(kMss), Window::kSmall},
    Row{OsGuess::kScanner, 64, layout(kScale, kNop, kMss, kTimes, kSackOk), Window::kAny},
};

[[nodiscard]] bool fits(Window window, const TcpHeader& tcp) {
    switch (window) {
        case Window::kAny:
            return true;
        case Window::kOfSegments:
            return tcp.mss > 0 && tcp.window % tcp.mss == 0 && tcp.window / tcp.mss <= 64;
        case Window::kFull:
            return tcp.window == 65535;
        case Window::kScaledTo64k:
            return tcp.window >= 62'000;
        case Window::kSmall:
            return tcp.window <= 5'840;
    }
    return false;
}

}  // namespace

uint8_t initial_ttl(uint8_t seen) {
    return seen <= 32 ? 32 : seen <= 64 ? 64 : seen <= 128 ? 128 : 255;
}

OsGuess guess_os(const Headers& headers) {
    if (!headers.is_tcp() || !headers.has(kSyn) || headers.tcp.option_count == 0) {
        return OsGuess::kUnknown;
    }
    const uint8_t ttl = initial_ttl(headers.ip.ttl);
    for (const Row& row : kRows) {
        if (row.ttl == ttl && row.options == headers.tcp.option_order &&
            fits(row.window, headers.tcp)) {
            return row.os;
        }
    }
    return OsGuess::kUnknown;
}

std::string_view to_string(OsGuess guess) {
    switch (guess) {
        case OsGuess::kUnknown:
            return "unknown";
        case OsGuess::kLinux:
            return "Linux";
        case OsGuess::kLinuxOld:
            return "Linux 2.4 or 2.6";
        case OsGuess::kWindows:
            return "Windows";
        case OsGuess::kWindowsOld:
            return "Windows XP or 2000";
        case OsGuess::kMacOs:
            return "macOS or iOS";
        case OsGuess::kFreeBsd:
            return "FreeBSD";
        case OsGuess::kOpenBsd:
            return "OpenBSD";
        case OsGuess::kSolaris:
            return "Solaris";
        case OsGuess::kNetworkDevice:
            return "network device";
        case OsGuess::kScanner:
            return "scanner";
    }
    return "unknown";
}

}  // namespace director::diagnostics
