// What a setting may look like: the words in which settings.h and the like describe each one.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/address.h"
#include "common/time.h"

namespace director::config {

enum class Need { kOptional, kRequired };

enum class Shape { kAny, kPowerOfTwo };

struct Range {
    int64_t min = 0;
    int64_t max = 0;
    Shape shape = Shape::kAny;
};

// What a T looks like between quotation marks.
template <typename T>
struct TextForm {
    std::string_view expected;                   // completes "expected ..."
    bool (*read)(std::string_view text, T& to);  // false: not of this form
    std::string (*write)(const T& value);
};

template <typename Enum>
struct Choice {
    std::string_view name;
    Enum value;
};

// How the configuration says it.
template <typename Enum, size_t kCount>
[[nodiscard]] constexpr std::string_view word_of(const std::array<Choice<Enum>, kCount>& choices,
                                                 Enum value) {
    for (const Choice<Enum>& choice : choices) {
        if (choice.value == value) {
            return choice.name;
        }
    }
    return "?";
}

extern const TextForm<Duration> kDurationForm;
extern const TextForm<IpAddress> kAddressForm;

}  // namespace director::config
