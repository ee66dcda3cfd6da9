#include "cli/units.h"

#include <fmt/format.h>

#include <array>

namespace director::cli {
namespace {

// `unit` follows the prefix: "k", "M" ...
std::string scaled(uint64_t value, const char* unit) {
    constexpr std::array<const char*, 7> kPrefixes{"", "k", "M", "G", "T", "P", "E"};
    auto rest = static_cast<double>(value);
    size_t prefix = 0;
    // 999.5 would be printed as "1000".
    while (rest >= (prefix == 0 ? 1000.0 : 999.5) && prefix + 1 < kPrefixes.size()) {
        rest /= 1000;
        ++prefix;
    }
    const int digits = prefix == 0 || rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2;
    const bool is_bare = prefix == 0 && *unit == '\0';
    return fmt::format("{:.{}f}{}{}{}", rest, digits, is_bare ? "" : " ", kPrefixes[prefix], unit);
}

}  // namespace

std::string human_count(uint64_t value) {
    return scaled(value, "");
}

std::string human_bit_rate(uint64_t bytes_per_second) {
    constexpr uint64_t kMax = UINT64_MAX / 8;
    return scaled(bytes_per_second > kMax ? UINT64_MAX : bytes_per_second * 8, "bit/s");
}

std::string human_bytes(uint64_t bytes) {
    return scaled(bytes, "B");
}

std::string human_duration(uint64_t seconds) {
    const uint64_t days = seconds / 86400;
    const std::string clock =
        fmt::format("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    return days == 0 ? clock : fmt::format("{} d {}", days, clock);
}

}  // namespace director::cli
