// A table as columns over a record: tab separated with a header, or JSON, a line each. Columns are
// plain functions, so that a row is written without any allocation of its own.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <span>
#include <string_view>

namespace director::diagnostics {

using TextBuffer = fmt::memory_buffer;

inline void append(TextBuffer& out, std::string_view text) {
    out.append(text.data(), text.data() + text.size());
}

// How ToS is printed: Tranalyzer's IPTOS 0, 1 and 2.
enum class TosFormat : uint8_t { kHex, kDscpEcn, kPrecedenceEcn };

struct TableSettings {
    TosFormat tos = TosFormat::kHex;
    bool has_hex_sequences = false;  // SPKTMD_SEQACKHEX
    uint32_t content_max = 60;       // characters of l7Content
};

// Whether JSON has the cell as a number or as text. Hexadecimal is text.
enum class CellKind : uint8_t { kNumber, kText };

template <typename Record>
struct Column {
    std::string_view name;
    CellKind kind = CellKind::kNumber;
    // Null: a column of Tranalyzer's that Director leaves empty; JSON has no such member.
    void (*write)(TextBuffer& out, const Record& record, const TableSettings& settings) = nullptr;
};

template <typename Record>
using Columns = std::span<const Column<Record>>;

// `text` as the inside of a JSON string (RFC 8259 section 7).
void append_json_text(TextBuffer& out, std::string_view text);

template <typename Record>
void write_header(TextBuffer& out, Columns<Record> columns) {
    for (const Column<Record>& column : columns) {
        if (&column != &columns.front()) {
            out.push_back('\t');
        }
        append(out, column.name);
    }
    out.push_back('\n');
}

template <typename Record>
void write_row(TextBuffer& out,
               Columns<Record> columns,
               const Record& record,
               const TableSettings& settings) {
    for (const Column<Record>& column : columns) {
        if (&column != &columns.front()) {
            out.push_back('\t');
        }
        if (column.write != nullptr) {
            column.write(out, record, settings);
        }
    }
    out.push_back('\n');
}

// The same as an object, without a line's end. An empty cell of a number is null.
template <typename Record>
void write_json(TextBuffer& out,
                Columns<Record> columns,
                const Record& record,
                const TableSettings& settings) {
    char before = '{';
    TextBuffer cell;
    for (const Column<Record>& column : columns) {
        if (column.write == nullptr) {
            continue;
        }
        out.push_back(before);
        before = ',';
        out.push_back('"');
        append(out, column.name);
        append(out, "\":");
        cell.clear();
        column.write(cell, record, settings);
        const std::string_view text(cell.data(), cell.size());
        if (column.kind == CellKind::kNumber && !text.starts_with("0x")) {
            append(out, text.empty() ? "null" : text);
        } else {
            out.push_back('"');
            append_json_text(out, text);
            out.push_back('"');
        }
    }
    out.push_back('}');
}

}  // namespace director::diagnostics
