// What `directorctl top` shows and how its keys change that. Pure: samples and keys go in, a frame
// of text comes out; the terminal is screen.h's.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/table.h"
#include "controlplane/server/protocol.h"

namespace director::cli {

enum class TopSubject { kServices, kServers, kConnections, kWorkers };
inline constexpr size_t kTopSubjects = 4;

// "services", ...: as the command line has them.
[[nodiscard]] std::string_view name_of(TopSubject subject);

// What directord said at one time. Of services, workers and connections only what is shown is
// asked.
struct TopSample {
    double seconds = 0;  // of a clock that never goes back
    server::StatusView status;
    server::ServicesView services;
    server::WorkersView workers;
    std::vector<server::ConnectionView> connections;  // the first of them
};

// A cell and what it is sorted by: the number, and the text where numbers are equal.
struct TopCell {
    std::string text;
    double value = 0;
    Style style = Style::kPlain;
};

struct TopTable {
    std::vector<Column> columns;
    std::vector<std::string> keys;  // of the same columns, in JSON
    std::vector<std::vector<TopCell>> rows;
};

// Rates are what came between the two samples, by their distance.
[[nodiscard]] TopTable top_table(TopSubject subject, const TopSample& before, const TopSample& now);

enum class Key {
    kNone,
    kCharacter,
    kEnter,
    kEscape,
    kBackspace,
    kTab,
    kUp,
    kDown,
    kLeft,
    kRight,
    kPageUp,
    kPageDown,
    kHome,
    kEnd
};
struct KeyPress {
    Key key = Key::kNone;
    char character = 0;
};

struct TopState {
    TopSubject subject = TopSubject::kServices;
    size_t sort_column = SIZE_MAX;  // SIZE_MAX: the subject's own
    bool is_ascending = false;
    std::string filter;  // rows that contain it, in any letters' case
    bool is_typing_filter = false;
    bool is_paused = false;
    bool shows_help = false;
    size_t first_row = 0;
    uint32_t interval_ms = 1000;
};

enum class TopAction { kRedraw, kAskAnew, kQuit };
// `rows` are those on the screen, `all` those there are.
[[nodiscard]] TopAction press(TopState& state, KeyPress key, size_t rows, size_t all);

// Filtered and sorted as the state says.
void arrange(TopTable& table, const TopState& state);

struct ScreenSize {
    size_t rows = 24;
    size_t columns = 80;
};
// No line is longer than the screen, and there are no more of them than it has.
[[nodiscard]] std::vector<std::string> top_frame(const TopState& state,
                                                 const TopSample& now,
                                                 const TopTable& table,
                                                 ScreenSize size,
                                                 Colour colour);
// Rows of the table that fit on the screen.
[[nodiscard]] size_t rows_of(ScreenSize size);

// {interval_seconds, view, rows: [{...}]}
[[nodiscard]] nlohmann::json top_document(TopSubject subject,
                                          const TopSample& before,
                                          const TopSample& now,
                                          const TopTable& table);

}  // namespace director::cli
