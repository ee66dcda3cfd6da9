// Captures as test input.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "tests/support/packet_builder.h"

namespace director::test {

struct CapturedFrame {
    std::chrono::nanoseconds time;  // since 1970
    Frame bytes;
};

// Absolute path of a file under tests/data.
[[nodiscard]] std::string test_data(std::string_view name);

// All frames of an Ethernet capture. A frame that was cut while capturing is an error.
[[nodiscard]] Result<std::vector<CapturedFrame>> read_pcap_file(const std::string& path);

}  // namespace director::test
