// keepalived.conf as plain lines: comments cut off, conditional lines decided, definitions put in,
// sequences repeated, included files in their place. The grammar is that of keepalived 2.2
// (keepalived.conf(5), "CONFIGURATION FILE"; lib/parser.c).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/import/notes.h"

namespace director::config {

struct KeepalivedLine {
    Place place;
    std::string text;  // trimmed, not empty

    friend bool operator==(const KeepalivedLine&, const KeepalivedLine&) = default;
};

struct KeepalivedLines {
    std::vector<KeepalivedLine> lines;
    Notes notes;  // kError: a file or a line could not be read
};

// Reads a file with what it includes (glob patterns relative to the including file's folder).
// `config_id` decides lines that begin with "@name " or "@^name " and stands for ${_INSTANCE};
// keepalived's is the first label of the host's name. Bounded: 32 files deep, 1,000,000 lines,
// 65,536 characters in a line; beyond that a note of kError and an end.
[[nodiscard]] KeepalivedLines read_keepalived_file(const std::string& path,
                                                   std::string_view config_id);

// The same of a text, which may not include files. `name` stands for the file in notes.
[[nodiscard]] KeepalivedLines read_keepalived_text(std::string_view text,
                                                   const std::string& name,
                                                   std::string_view config_id);

}  // namespace director::config
