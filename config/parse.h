// libconfig text -> a validated Model, or every mistake in it. Called by directord at start and on
// reload, and by `directorctl check`; touches nothing but the files it reads and never throws.
//
//   const auto model = config::parse_file("/etc/director.conf", vocabulary);
//   if (!model) {
//       for (const auto& diagnostic : model.error()) { ... to_string(diagnostic) ... }
//   }
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "config/model.h"
#include "config/validate.h"

namespace director::config {

// One mistake: where it stands, what was expected there and what was found.
struct Diagnostic {
    std::string file;
    int line = 0;         // 1 is the first; 0 when the file as a whole is meant
    std::string path;     // "virtual_services[0].address"; empty when no setting is meant
    std::string message;  // "expected ..., found ..."

    friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

// "file:line: path: message", without the parts that are not known.
[[nodiscard]] std::string to_string(const Diagnostic& diagnostic);

using Diagnostics = std::vector<Diagnostic>;
using ParseResult = tl::expected<Model, Diagnostics>;

// Reads a file. `@include "other"` lines are followed, relative to the file they stand in, and
// mistakes are attributed to the file and line that they are in.
[[nodiscard]] ParseResult parse_file(const std::string& path, const Vocabulary& vocabulary);

// The same, and what is risky in a file without mistakes (lint.h), in the order of its lines.
struct Inspected {
    Model model;
    Diagnostics risks;
};
[[nodiscard]] tl::expected<Inspected, Diagnostics> inspect_file(const std::string& path,
                                                                const Vocabulary& vocabulary);

// Reads text; `name` stands for the file in diagnostics. There is no place that an `@include` could
// be relative to, so it is a mistake here.
[[nodiscard]] ParseResult parse_text(std::string_view text,
                                     std::string_view name,
                                     const Vocabulary& vocabulary);

}  // namespace director::config
