// How one setting's value is written: for print.cc and differences.cc.
#pragma once

#include <fmt/format.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/setting_forms.h"

namespace director::config {

[[nodiscard]] inline std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < ' ') {
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        } else {
            out += c;
        }
    }
    return out + '"';
}

// [ a, b ] of anything that `format` turns into text.
template <typename T, typename Format>
[[nodiscard]] std::string array_text(const std::vector<T>& values, const Format& format) {
    std::string out;
    for (const T& value : values) {
        out += (out.empty() ? "" : ", ") + format(value);
    }
    return out.empty() ? "[ ]" : "[ " + out + " ]";
}

template <typename Enum, size_t kCount>
[[nodiscard]] std::string_view choice_text(Enum value,
                                           std::span<const Choice<Enum>, kCount> choices) {
    for (const auto& choice : choices) {
        if (choice.value == value) {
            return choice.name;
        }
    }
    return "";
}

}  // namespace director::config
