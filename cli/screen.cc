#include "cli/screen.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <utility>

namespace director::cli {
namespace {

// xterm's: the alternate screen, no cursor, no wrapping; and all of it back.
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
constexpr std::string_view kLeave = "\x1b[?7h\x1b[?25h\x1b[?1049l";

// Longer than the bytes of one key take to come.
constexpr int kEscapeMs = 30;

// What signal handlers need. Written before they are there.
termios found_terminal;
volatile std::sig_atomic_t is_terminal_changed = 0;
volatile std::sig_atomic_t is_end_wanted = 0;
volatile std::sig_atomic_t is_size_changed = 0;
volatile std::sig_atomic_t is_stop_wanted = 0;

// A full terminal or none at all: there is nothing to be done about it.
void put(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return;
        }
        bytes.remove_prefix(static_cast<size_t>(count));
    }
}

void change_terminal() {
    termios raw = found_terminal;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    raw.c_iflag &= ~static_cast<tcflag_t>(IXON);
    raw.c_oflag &= ~static_cast<tcflag_t>(OPOST);  // a line feed moves down, no more
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    is_terminal_changed = 1;
    put(kEnter);
}

// Safe in a signal handler.
void restore_terminal() {
    if (is_terminal_changed != 0) {
        is_terminal_changed = 0;
        put(kLeave);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &found_terminal);
    }
}

void on_signal(int signal) {
    switch (signal) {
        case SIGWINCH:
            is_size_changed = 1;
            return;
        case SIGTSTP:
            is_stop_wanted = 1;
            return;
        case SIGINT:
        case SIGTERM:
        case SIGHUP:
            is_end_wanted = 1;
            return;
        default:
            // A fault of ours: what is said of it must be readable.
            restore_terminal();
            std::signal(signal, SIG_DFL);
            std::raise(signal);
    }
}

constexpr std::array kSignals{
    SIGWINCH, SIGTSTP, SIGINT, SIGTERM, SIGHUP, SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};

// As Ctrl-Z does to any other program, with the terminal as it was meanwhile.
void stop_until_continued() {
    is_stop_wanted = 0;
    restore_terminal();
    ::raise(SIGSTOP);
    change_terminal();
    is_size_changed = 1;
}

std::optional<KeyPress> named(std::string_view sequence) {
    constexpr std::array<std::pair<std::string_view, Key>, 14> kKeys{{{"[A", Key::kUp},
                                                                      {"[B", Key::kDown},
                                                                      {"[C", Key::kRight},
                                                                      {"[D", Key::kLeft},
                                                                      {"OA", Key::kUp},
                                                                      {"OB", Key::kDown},
                                                                      {"OC", Key::kRight},
                                                                      {"OD", Key::kLeft},
                                                                      {"[H", Key::kHome},
                                                                      {"[F", Key::kEnd},
                                                                      {"[1~", Key::kHome},
                                                                      {"[4~", Key::kEnd},
                                                                      {"[5~", Key::kPageUp},
                                                                      {"[6~", Key::kPageDown}}};
    for (const auto& [text, key] : kKeys) {
        if (text == sequence) {
            return KeyPress{key, 0};
        }
    }
    return KeyPress{};  // one that we have no use for
}

std::optional<KeyPress> take_escape(std::string& bytes, bool is_all) {
    if (bytes.size() == 1 || (bytes[1] != '[' && bytes[1] != 'O')) {
        if (bytes.size() == 1 && !is_all) {
            return std::nullopt;
        }
        bytes.erase(0, 1);
        return KeyPress{Key::kEscape, 0};
    }
    for (size_t end = 2; end < bytes.size(); ++end) {
        if (bytes[end] >= '@' && bytes[end] <= '~') {
            const auto key = named(std::string_view(bytes).substr(1, end));
            bytes.erase(0, end + 1);
            return key;
        }
    }
    if (is_all) {
        bytes.clear();
        return KeyPress{};
    }
    return std::nullopt;
}

}  // namespace

std::optional<KeyPress> take_key(std::string& bytes, bool is_all) {
    if (bytes.empty()) {
        return std::nullopt;
    }
    if (bytes.front() == '\x1b') {
        return take_escape(bytes, is_all);
    }
    const char c = bytes.front();
    bytes.erase(0, 1);
    switch (c) {
        case '\r':
        case '\n':
            return KeyPress{Key::kEnter, 0};
        case '\t':
            return KeyPress{Key::kTab, 0};
        case '\x7f':
        case '\b':
            return KeyPress{Key::kBackspace, 0};
        default:
            return c >= ' ' ? KeyPress{Key::kCharacter, c} : KeyPress{};
    }
}

Result<Screen> Screen::open() {
    if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0 ||
        tcgetattr(STDIN_FILENO, &found_terminal) != 0) {
        return failure("this is no terminal; --once prints one table");
    }
    Screen screen(true);
    for (const int signal : kSignals) {
        struct sigaction action {};
        action.sa_handler = on_signal;  // no SA_RESTART: waiting ends
        sigaction(signal, &action, nullptr);
    }
    change_terminal();
    return screen;
}

Screen::Screen(Screen&& other) noexcept
    : is_open_(std::exchange(other.is_open_, false)), received_(std::move(other.received_)) {}

Screen::~Screen() {
    if (is_open_) {
        restore_terminal();
        for (const int signal : kSignals) {
            std::signal(signal, SIG_DFL);
        }
    }
}

ScreenSize Screen::size() const {
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) {
        return {};
    }
    return {size.ws_row, size.ws_col};
}

void Screen::draw(const std::vector<std::string>& lines) const {
    std::string frame = "\x1b[H";
    for (size_t i = 0; i < lines.size(); ++i) {
        frame += lines[i] + "\x1b[0m\x1b[K" + (i + 1 < lines.size() ? "\r\n" : "");
    }
    put(frame + "\x1b[J");
}

std::optional<KeyPress> Screen::wait_for_key(int milliseconds) {
    if (auto key = take_key(received_, false)) {
        return key;
    }
    const bool is_in_escape = !received_.empty();
    pollfd keyboard{STDIN_FILENO, POLLIN, 0};
    const int count = ::poll(&keyboard, 1, is_in_escape ? kEscapeMs : milliseconds);
    if (is_stop_wanted != 0) {
        stop_until_continued();
    }
    if (is_size_changed != 0) {
        is_size_changed = 0;
        return std::nullopt;
    }
    if (count > 0) {
        std::array<char, 64> bytes{};
        const ssize_t got = ::read(STDIN_FILENO, bytes.data(), bytes.size());
        if (got > 0) {
            received_.append(bytes.data(), static_cast<size_t>(got));
        } else if (got == 0 || (keyboard.revents & (POLLHUP | POLLERR)) != 0) {
            is_end_wanted = 1;  // the terminal is gone
        }
    }
    return take_key(received_, count == 0 && is_in_escape);
}

bool Screen::is_ended() const {
    return is_end_wanted != 0;
}

}  // namespace director::cli
