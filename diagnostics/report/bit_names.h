// What the bits of a column mean: one table for all bit fields of the flow and packet tables, read
// by `directorctl flows bits` and by the end report.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace director::diagnostics {

// Holds for a value v where (v & mask) == value. A plain bit has mask == value; a field within the
// value (a code point of ipToS) has a wider mask.
struct BitName {
    uint64_t mask = 0;
    uint64_t value = 0;
    std::string_view text;
};

struct BitField {
    std::string_view name;   // as the column is called
    uint8_t hex_digits = 4;  // as the column prints it
    std::string_view about;  // what the column tells
    std::span<const BitName> names;
};

// All of them, in the order of the flow table.
[[nodiscard]] std::span<const BitField> bit_fields();

// By name, in any case, and in the other spellings of Tranalyzer's documentation
// (tcpMPdssF, tcpMPdDSSF, tcpMPDSSF). Null for an unknown one.
[[nodiscard]] const BitField* find_bit_field(std::string_view name);

// One field's value, taken apart.
struct BitMeanings {
    const BitField* field = nullptr;
    uint64_t value = 0;
    std::vector<BitName> set;  // those that hold, in the order of the table
    uint64_t unnamed = 0;      // bits that no name stands for
};

[[nodiscard]] BitMeanings meanings_of(const BitField& field, uint64_t value);

// "tcpAnomaly=0x02cc"; "ipOptCpCl_Num=0x10_0x00100000" is two fields. The error says what is
// expected, and for an unknown field which there are.
struct BitQuestion {
    std::vector<BitMeanings> answers;
    std::string error;  // empty: understood
};
[[nodiscard]] BitQuestion read_bit_question(std::string_view text);

// As Tranalyzer's `tawk -V` prints it: a head and a line a bit.
[[nodiscard]] std::string show_meanings(const BitMeanings& meanings);

}  // namespace director::diagnostics
