#include "cli/top_command.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/ask.h"
#include "cli/screen.h"
#include "common/time.h"

namespace director::cli {
namespace {

using Json = nlohmann::json;

// Rows that "connections" shows: more than anybody reads, and a moment's work for directord.
constexpr size_t kConnectionsMax = 1024;

double seconds_of(const Clock& clock) {
    return std::chrono::duration<double>(clock.now().time_since_epoch()).count();
}

class Asker {
  public:
    Asker(Client client, const Clock& clock) : client_(std::move(client)), clock_(clock) {}

    [[nodiscard]] tl::expected<TopSample, CallError> ask(TopSubject subject) {
        TopSample sample;
        const auto status = client_.call(server::kStatus.name, Json::object());
        if (!status) {
            return tl::unexpected(status.error());
        }
        status->get_to(sample.status);
        if (subject == TopSubject::kConnections) {
            if (const auto done = ask_connections(sample); !done) {
                return tl::unexpected(done.error());
            }
        } else {
            const bool is_workers = subject == TopSubject::kWorkers;
            const auto answer = is_workers ? client_.call(server::kWorkers.name, Json::object())
                                           : client_.call_in_pages(server::kServices.name);
            if (!answer) {
                return tl::unexpected(answer.error());
            }
            if (is_workers) {
                answer->get_to(sample.workers);
            } else {
                answer->get_to(sample.services);
            }
        }
        sample.seconds = seconds_of(clock_);
        return sample;
    }

  private:
    [[nodiscard]] tl::expected<void, CallError> ask_connections(TopSample& sample) {
        Json params = Json::object();
        while (sample.connections.size() < kConnectionsMax) {
            const auto answer = client_.call(server::kConnections.name, params);
            if (!answer) {
                return tl::unexpected(answer.error());
            }
            auto page = answer->get<server::ConnectionsPage>();
            sample.connections.insert(sample.connections.end(), page.rows.begin(), page.rows.end());
            if (page.next_cursor.empty()) {
                break;
            }
            params["cursor"] = page.next_cursor;
        }
        return {};
    }

    Client client_;
    const Clock& clock_;
};

int run_once(const Settings& settings, Asker& asker, const TopState& state) {
    const auto before = asker.ask(state.subject);
    if (!before) {
        return complain(before.error());
    }
    ::poll(nullptr, 0, static_cast<int>(state.interval_ms));
    const auto now = asker.ask(state.subject);
    if (!now) {
        return complain(now.error());
    }
    TopTable table = top_table(state.subject, *before, *now);
    arrange(table, state);
    return print(settings, top_document(state.subject, *before, *now, table), [&](const Json&) {
        Table text(table.columns);
        for (const std::vector<TopCell>& cells : table.rows) {
            std::vector<Cell> row;
            row.reserve(cells.size());
            for (const TopCell& cell : cells) {
                row.push_back({cell.text, cell.style});
            }
            text.add(std::move(row));
        }
        return text.render(settings.colour);
    });
}

// The loop: asks, draws, waits for a key or for the next time.
class Live {
  public:
    Live(Screen screen, Asker& asker, const Clock& clock, TopState state, Colour colour)
        : screen_(std::move(screen)),
          asker_(asker),
          clock_(clock),
          state_(std::move(state)),
          colour_(colour) {}

    // What directord did to end it; nothing: the user did.
    [[nodiscard]] std::optional<CallError> run() {
        if (auto failed = ask_anew()) {
            return failed;
        }
        while (!screen_.is_ended()) {
            draw();
            const double left = asked_at_ + state_.interval_ms / 1000.0 - seconds_of(clock_);
            const int wait_ms =
                state_.is_paused ? -1 : static_cast<int>(std::max(left, 0.0) * 1000);
            const auto key = screen_.wait_for_key(wait_ms);
            const TopAction action =
                key ? press(state_, *key, rows_of(screen_.size()), table_.rows.size())
                    : TopAction::kRedraw;
            if (action == TopAction::kQuit) {
                return std::nullopt;
            }
            const bool is_due = seconds_of(clock_) >= asked_at_ + state_.interval_ms / 1000.0;
            auto failed = action == TopAction::kAskAnew ? ask_anew()
                          : is_due && !state_.is_paused ? ask()
                                                        : std::nullopt;
            if (failed) {
                return failed;
            }
        }
        return std::nullopt;
    }

  private:
    [[nodiscard]] std::optional<CallError> ask() {
        auto sample = asker_.ask(state_.subject);
        if (!sample) {
            return sample.error();
        }
        before_ = std::exchange(now_, std::move(*sample));
        asked_at_ = now_.seconds;
        return std::nullopt;
    }
    // Another view has nothing to compare with yet: its rates begin with the second look.
    [[nodiscard]] std::optional<CallError> ask_anew() {
        auto failed = ask();
        before_ = now_;
        return failed;
    }
    void draw() {
        table_ = top_table(state_.subject, before_, now_);
        arrange(table_, state_);
        screen_.draw(top_frame(state_, now_, table_, screen_.size(), colour_));
    }

    Screen screen_;
    Asker& asker_;
    const Clock& clock_;
    TopState state_;
    Colour colour_;
    TopSample before_;
    TopSample now_;
    TopTable table_;
    double asked_at_ = 0;
};

}  // namespace

int run_top(const Settings& settings, const TopRequest& request) {
    TopState state;
    state.subject = request.subject;
    state.filter = request.filter;
    state.interval_ms =
        static_cast<uint32_t>(std::clamp(request.interval_seconds, 0.25, 60.0) * 1000);
    const SteadyClock clock;
    auto client = Client::connect(settings.socket);
    if (!client) {
        return complain(kExitUnreachable, client.error().message);
    }
    Asker asker(std::move(*client), clock);
    if (request.is_once || settings.output == Output::kJson) {
        return run_once(settings, asker, state);
    }
    std::optional<CallError> failed;
    {
        auto screen = Screen::open();
        if (!screen) {
            return complain(kExitUsage, screen.error().message);
        }
        failed = Live(std::move(*screen), asker, clock, std::move(state), settings.colour).run();
    }
    return failed ? complain(*failed) : kExitOk;
}

}  // namespace director::cli
