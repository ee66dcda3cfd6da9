#include "cli/live_commands.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>

#include "cli/ask.h"
#include "cli/client.h"
#include "cli/table.h"

namespace director::cli {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kHealthSeconds = 10;  // directord's default

volatile std::sig_atomic_t is_interrupted = 0;

void interrupt(int /*signal*/) {
    is_interrupted = 1;
}

// From now on an interrupt asks for the end, which still has something to say.
void take_interrupts() {
    struct sigaction action {};
    action.sa_handler = interrupt;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
}

bool write_all(int descriptor, const char* bytes, size_t count) {
    while (count != 0) {
        const ssize_t written = ::write(descriptor, bytes, count);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return false;
        }
        bytes += written;
        count -= static_cast<size_t>(written);
    }
    return true;
}

// Hands over what comes until the other end is done; an interrupt, or `take` that takes no more,
// asks for that. False: it took not all.
template <typename Take>
bool receive(int stream, const Take& take) {
    bool has_asked = false;
    bool is_taken = true;
    std::array<char, 65536> chunk{};
    for (;;) {
        if (!has_asked && (is_interrupted != 0 || !is_taken)) {
            ::shutdown(stream, SHUT_WR);
            has_asked = true;
        }
        const ssize_t count = ::recv(stream, chunk.data(), chunk.size(), 0);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return is_taken;
        }
        is_taken = is_taken && take(std::string_view(chunk.data(), static_cast<size_t>(count)));
    }
}

Json params_of(const LiveQuery& query) {
    Json params{{"filter", query.filter}, {"one_in", query.one_in}};
    if (query.seconds != 0) {
        params["seconds"] = query.seconds;
    }
    if (query.rate != 0) {
        params["rate"] = query.rate;
    }
    return params;
}

// Asks for a stream; its descriptor, or -1 after complaining.
int open_stream(const Settings& settings, const char* method, const Json& params, int& exit_code) {
    auto client = Client::connect(settings.socket);
    if (!client) {
        exit_code = complain(kExitUnreachable, client.error().message);
        return -1;
    }
    const auto answer = client->call(method, params);
    if (!answer) {
        exit_code = complain(answer.error());
        return -1;
    }
    const int stream = client->take_descriptor();
    if (stream < 0) {
        exit_code = complain(kExitFailed, "directord's answer came without its stream");
    }
    return stream;
}

// In the last statistics block of a capture: its comment says what was missed.
std::string missed_in(const std::string& tail) {
    const size_t end = tail.rfind(" were not read in time");
    const size_t begin = end == std::string::npos ? end : tail.rfind('\0', end);
    return begin == std::string::npos
               ? ""
               : tail.substr(begin + 1, end - begin + sizeof(" were not read in time") - 2);
}

std::string share_text(const Json& end) {
    return fmt::format("{:.2f} %", end.value("sent_again_share", 0.0) * 100);
}

std::string trip_text(const Json& end) {
    return end.value("round_trips", uint64_t{0}) == 0
               ? "-"
               : fmt::format("{:.1f} ms", end.value("round_trip_mean_seconds", 0.0) * 1000);
}

std::string count_text(const Json& of, const char* name) {
    return std::to_string(of.value(name, uint64_t{0}));
}

}  // namespace

uint64_t parse_size(const std::string& text) {
    uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, failed] = std::from_chars(text.data(), end, value);
    std::string unit(stop, end);
    if (!unit.empty() && (unit.back() == 'B' || unit.back() == 'b')) {
        unit.pop_back();
    }
    const uint64_t scale = unit.empty()                 ? 1
                           : unit == "k" || unit == "K" ? 1000
                           : unit == "M" || unit == "m" ? 1000000
                           : unit == "G" || unit == "g" ? 1000000000
                                                        : 0;
    return failed == std::errc{} && value <= UINT64_MAX / 1000000000 ? value * scale : 0;
}

int run_capture(const Settings& settings, const LiveQuery& query) {
    Json params = params_of(query);
    params["drops"] = query.drops;
    params["packets_max"] = query.count;
    if (!query.max.empty()) {
        params["bytes_max"] = parse_size(query.max);
    }
    if (query.headers || query.snap != 0) {
        params["snap"] = query.headers ? 0 : query.snap;
    }
    const bool is_standard = query.file == "-";
    const int output =
        is_standard ? STDOUT_FILENO
                    : ::open(query.file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (output < 0) {
        return complain(kExitFailed,
                        fmt::format("{}: {}", query.file, std::generic_category().message(errno)));
    }
    int exit_code = kExitOk;
    const int stream = open_stream(settings, "capture", params, exit_code);
    if (stream >= 0) {
        take_interrupts();
        constexpr size_t kTailBytes = 4096;
        uint64_t bytes = 0;
        std::string tail;
        const bool is_written = receive(stream, [&](std::string_view chunk) {
            bytes += chunk.size();
            tail.append(chunk);
            if (tail.size() > 2 * kTailBytes) {
                tail.erase(0, tail.size() - kTailBytes);
            }
            return write_all(output, chunk.data(), chunk.size());
        });
        ::close(stream);
        const std::string missed = missed_in(tail);
        fmt::print(stderr,
                   "directorctl: {} bytes captured; {}\n",
                   bytes,
                   missed.empty() ? "the end is missing" : missed);
        // Who looks at standard output may go at any time.
        exit_code = is_standard || (is_written && !missed.empty()) ? kExitOk : kExitFailed;
    }
    if (!is_standard) {
        ::close(output);
    }
    return exit_code;
}

int run_flows_live(const Settings& settings, const LiveQuery& query) {
    Json params = params_of(query);
    params["json"] = settings.output == Output::kJson;
    int exit_code = kExitOk;
    const int stream = open_stream(settings, "flows", params, exit_code);
    if (stream < 0) {
        return exit_code;
    }
    take_interrupts();
    // The last line is about the stream itself.
    std::string held;
    const bool is_written = receive(stream, [&held](std::string_view bytes) {
        held.append(bytes);
        const size_t end = held.find("{\"end\":");
        const bool is_last = end != std::string::npos && (end == 0 || held[end - 1] == '\n');
        const size_t whole = is_last ? end : held.rfind('\n') + 1;
        const bool is_good = write_all(STDOUT_FILENO, held.data(), whole);
        held.erase(0, whole);
        return is_good;
    });
    const std::string& line = held;
    ::close(stream);
    const Json end = Json::parse(line, nullptr, false);
    if (!is_written || !end.is_object() || !end.contains("end")) {
        return complain(kExitFailed, "directord ended the stream early");
    }
    fmt::print(stderr,
               "directorctl: {} packets seen, {} missed\n",
               end["end"].value("packets", uint64_t{0}),
               end["end"].value("missed", uint64_t{0}) + end["end"].value("limited", uint64_t{0}) +
                   end["end"].value("unread", uint64_t{0}));
    return kExitOk;
}

int run_health(const Settings& settings, const LiveQuery& query) {
    auto client = Client::connect(settings.socket);
    if (!client) {
        return complain(kExitUnreachable, client.error().message);
    }
    client->wait_longer(query.seconds == 0 ? kHealthSeconds : query.seconds);
    const auto answer = client->call("health", params_of(query));
    if (!answer) {
        return complain(answer.error());
    }
    if (settings.output == Output::kJson) {
        fmt::print("{}", document(*answer));
        return kExitOk;
    }
    const Json verdicts = answer->value("verdicts", Json::array());
    for (const Json& verdict : verdicts) {
        fmt::print("{}: {}\n", verdict.value("blame", ""), verdict.value("text", ""));
    }
    if (verdicts.empty()) {
        fmt::print("nothing is wrong with what was seen\n");
    }
    constexpr Align kRight = Align::kRight;
    Table table({{"service"},
                 {"server"},
                 {"connections", kRight},
                 {"clients again", kRight},
                 {"server again", kRight},
                 {"rtt clients", kRight},
                 {"rtt server", kRight},
                 {"zero windows", kRight},
                 {"resets", kRight},
                 {"unanswered", kRight},
                 {"scans", kRight}});
    for (const Json& server : answer->value("servers", Json::array())) {
        const Json clients = server.value("clients", Json::object());
        const Json itself = server.value("itself", Json::object());
        table.add({{server.value("service", "")},
                   {server.value("server", "")},
                   {count_text(server, "connections")},
                   {share_text(clients)},
                   {share_text(itself)},
                   {trip_text(clients)},
                   {trip_text(itself)},
                   {count_text(itself, "zero_windows")},
                   {count_text(itself, "resets")},
                   {count_text(server, "unanswered")},
                   {count_text(server, "scans")}});
    }
    fmt::print("\n{}", table.render(settings.colour));
    fmt::print("seen in {:.0f} s: {} packets, {} missed\n",
               answer->value("observed_seconds", 0.0),
               answer->value("packets", uint64_t{0}),
               answer->value("missed", uint64_t{0}));
    return kExitOk;
}

}  // namespace director::cli
