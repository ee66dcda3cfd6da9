// How the words of keepalived.conf are read: one table of keywords for each kind of block, and the
// forms that values have. Every reader leaves `to` alone and a note where a value is not of its
// form.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/address.h"
#include "common/time.h"
#include "config/import/keepalived.h"
#include "config/import/keepalived_tree.h"

namespace director::config {

// What several kinds of block are told of mail.
inline constexpr std::string_view kNoMail =
    "there is no mail; alert on directord's metrics or a notify program";

// What all parts of one import share.
struct ImportState {
    Imported& out;
    const Machine& machine;
    VrrpInstance vrrp_defaults;  // by global_defs
    std::map<std::string, const Statement*> server_groups;

    void note(const Statement& statement, Gravity gravity, std::string message) {
        tell(statement.place, gravity, std::move(message));
    }
    void tell(Place place, Gravity gravity, std::string message);
    void lost(const Statement& statement, std::string message) {
        note(statement, Gravity::kLoss, std::move(message));
    }
    void remark(const Statement& statement, std::string message) {
        note(statement, Gravity::kRemark, std::move(message));
    }
};

// One word of a kind of block: what takes it, or why nothing does.
template <typename T>
struct Keyword {
    std::string_view name;
    void (*take)(const Statement&, T&, ImportState&) = nullptr;
    std::string_view advice = {};  // where nothing takes it: what to do
    Gravity gravity = Gravity::kLoss;
};

// Says that nobody knows the word, and which one was probably meant.
void note_unknown(const Statement& statement,
                  const std::vector<std::string>& known,
                  ImportState& state);

// One statement of a block through the block's table.
template <typename T>
void take_statement(const Statement& statement,
                    std::span<const Keyword<T>> keywords,
                    T& to,
                    ImportState& state) {
    const auto found = std::find_if(keywords.begin(), keywords.end(), [&](const Keyword<T>& one) {
        return one.name == statement.keyword();
    });
    if (found == keywords.end()) {
        std::vector<std::string> known;
        for (const Keyword<T>& keyword : keywords) {
            known.emplace_back(keyword.name);
        }
        note_unknown(statement, known, state);
    } else if (found->take != nullptr) {
        found->take(statement, to, state);
    } else {
        state.note(
            statement, found->gravity, statement.keyword() + ": " + std::string(found->advice));
    }
}

template <typename T>
void take_block(const std::vector<Statement>& block,
                std::span<const Keyword<T>> keywords,
                T& to,
                ImportState& state) {
    for (const Statement& statement : block) {
        take_statement(statement, keywords, to, state);
    }
}

// The value at `index` (0: the keyword itself); nothing, and a note, if it is not of the form.
[[nodiscard]] std::optional<int64_t> read_number(
    const Statement& statement, size_t index, int64_t min, int64_t max, ImportState& state);
// Seconds with up to six decimals.
[[nodiscard]] std::optional<Duration> read_seconds(const Statement& statement,
                                                   size_t index,
                                                   ImportState& state);
// true, on, yes, false, off, no; no word at all means true.
[[nodiscard]] std::optional<bool> read_flag(const Statement& statement, ImportState& state);
[[nodiscard]] std::optional<IpAddress> read_address(const Statement& statement,
                                                    size_t index,
                                                    ImportState& state);
// "ADDRESS [PORT]" from `index` on.
[[nodiscard]] std::optional<Endpoint> read_endpoint(const Statement& statement,
                                                    size_t index,
                                                    ImportState& state);
// A program with its arguments, of one quoted word or of a block of words; words behind it are a
// user and a group. One without its path goes through env(1).
[[nodiscard]] std::vector<std::string> read_command(const Statement& statement, ImportState& state);
// Every word of a block that is a list of names.
[[nodiscard]] std::vector<std::string> words_of_block(const Statement& statement);

// The blocks, one file each.
void take_global_definitions(const Statement& statement, ImportState& state);
void take_vrrp(const Statement& statement, ImportState& state);  // vrrp_*, track_file
void take_virtual_server(const Statement& statement, ImportState& state);
// The ports that instances and addresses speak of, from what the machine knows.
void make_ports(ImportState& state);

}  // namespace director::config
