// Numbers as a person reads them. Three significant digits, decimal units; --json has the exact
// ones.
#pragma once

#include <cstdint>
#include <string>

namespace director::cli {

// "950", "12.3 k", "4.56 M"
[[nodiscard]] std::string human_count(uint64_t value);
// Of bytes per second, as networks are sold: "9.6 kbit/s", "1.25 Gbit/s"
[[nodiscard]] std::string human_bit_rate(uint64_t bytes_per_second);
// "1.5 MB"
[[nodiscard]] std::string human_bytes(uint64_t bytes);
// "00:01:05", "2 d 03:04:05"
[[nodiscard]] std::string human_duration(uint64_t seconds);

}  // namespace director::cli
