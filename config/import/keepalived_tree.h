// keepalived.conf as statements: words, and the block that follows them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/import/keepalived_lines.h"
#include "config/import/notes.h"

namespace director::config {

struct Statement {
    Place place;
    std::vector<std::string> words;  // at least one; without their quotation marks
    bool has_block = false;
    std::vector<Statement> block;

    [[nodiscard]] const std::string& keyword() const { return words.front(); }
    // The word at `index` (0: the keyword), empty if there are not so many.
    [[nodiscard]] std::string_view word(size_t index) const {
        return index < words.size() ? std::string_view(words[index]) : std::string_view();
    }
};

struct KeepalivedTree {
    std::vector<Statement> statements;
    Notes notes;  // kError: braces that do not match
};

// Braces may stand at a line's end, glued to its last word, on a line of their own, or around words
// in one line. At most 32 blocks deep.
[[nodiscard]] KeepalivedTree parse_keepalived(const std::vector<KeepalivedLine>& lines);

// A command line as keepalived splits it: by blanks, with ', " and \ as in a shell and nothing else
// of a shell's.
[[nodiscard]] std::vector<std::string> split_command(std::string_view text);

}  // namespace director::config
