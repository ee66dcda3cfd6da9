// Text tables for a terminal: columns as wide as their widest cell, colour only where asked for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace director::cli {

enum class Colour { kNever, kAlways };
enum class Align { kLeft, kRight };
enum class Style { kPlain, kBold, kGood, kWarning, kBad };

// `text` between the escape sequences of `style`; just `text` without colour.
[[nodiscard]] std::string styled(std::string_view text, Style style, Colour colour);

struct Column {
    std::string title;
    Align align = Align::kLeft;
};

struct Cell {
    std::string text;
    Style style = Style::kPlain;
};

class Table {
  public:
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

    // One cell per column.
    void add(std::vector<Cell> row);

    // Columns are no narrower than that.
    void widen(std::vector<size_t> widths) { least_widths_ = std::move(widths); }
    [[nodiscard]] std::vector<size_t> widths() const;

    // Title line and rows, two blanks between columns, no blanks at line ends.
    [[nodiscard]] std::string render(Colour colour) const;

  private:
    std::vector<Column> columns_;
    std::vector<std::vector<Cell>> rows_;
    std::vector<size_t> least_widths_;
};

}  // namespace director::cli
