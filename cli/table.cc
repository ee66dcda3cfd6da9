#include "cli/table.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/assert.h"

namespace director::cli {

std::string styled(std::string_view text, Style style, Colour colour) {
    if (colour == Colour::kNever || style == Style::kPlain) {
        return std::string(text);
    }
    // ECMA-48 SGR: bold, green, yellow, red.
    const std::string_view code = style == Style::kBold      ? "1"
                                  : style == Style::kGood    ? "32"
                                  : style == Style::kWarning ? "33"
                                                             : "31";
    return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

void Table::add(std::vector<Cell> row) {
    DIRECTOR_ASSERT(row.size() == columns_.size());
    rows_.push_back(std::move(row));
}

std::vector<size_t> Table::widths() const {
    std::vector<size_t> widths;
    for (size_t i = 0; i < columns_.size(); ++i) {
        size_t width = std::max(columns_[i].title.size(),
                                i < least_widths_.size() ? least_widths_[i] : size_t{0});
        for (const auto& row : rows_) {
            width = std::max(width, row[i].text.size());
        }
        widths.push_back(width);
    }
    return widths;
}

std::string Table::render(Colour colour) const {
    const std::vector<size_t> widths = this->widths();
    std::string out;
    const auto put = [&](size_t i, const std::string& text, Style style) {
        const std::string blanks(widths[i] - text.size(), ' ');
        const bool is_last = i + 1 == columns_.size();
        if (columns_[i].align == Align::kRight) {
            out += blanks;
        }
        out += styled(text, style, colour);
        if (!is_last) {
            out += columns_[i].align == Align::kLeft ? blanks + "  " : "  ";
        }
    };
    for (size_t i = 0; i < columns_.size(); ++i) {
        put(i, columns_[i].title, Style::kBold);
    }
    out += '\n';
    for (const auto& row : rows_) {
        for (size_t i = 0; i < row.size(); ++i) {
            put(i, row[i].text, row[i].style);
        }
        out += '\n';
    }
    return out;
}

}  // namespace director::cli
