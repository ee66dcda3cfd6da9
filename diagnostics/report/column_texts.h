// What each column of the flow and packet tables tells, in a line. docs/diagnostics.md prints it.
#pragma once

#include <string>
#include <string_view>

namespace director::diagnostics {

// Empty for an unknown column. Columns of both tables with one name mean the same.
[[nodiscard]] std::string_view column_text(std::string_view name);

// A line a column: its number, name, and what it tells; of both tables.
[[nodiscard]] std::string show_columns();

// The same as a table of Markdown, for docs/diagnostics.md.
[[nodiscard]] std::string columns_as_markdown();

}  // namespace director::diagnostics
