// TCP frames for the tests of helpers that make and resize segments, and an oracle for them that
// shares no code with these: it computes checksums byte by byte.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "common/address.h"
#include "dataplane/core/codecs/tcp_bytes.h"

namespace director::test {

struct FrameSpec {
    Endpoint source;
    Endpoint destination;
    uint32_t sequence = 0;
    uint32_t acknowledgement = 0;
    uint8_t flags = dataplane::kTcpFlagAck;
    uint16_t window = 1000;
    std::vector<uint8_t> options{};  // a multiple of four
    std::string_view payload{};
    bool has_vlan = false;
    uint32_t ip_option_bytes = 0;  // IPv4
    uint32_t padding_bytes = 0;
};

// A frame in a buffer of its own with room on both sides.
struct TestFrame {
    explicit TestFrame(const FrameSpec& spec, uint32_t headroom = 64, uint32_t tailroom = 128);

    std::vector<uint8_t> memory;
    dataplane::FrameBytes bytes;
};

// Whether lengths and checksums are right. What is wrong, or "".
[[nodiscard]] std::string_view fault_of(const dataplane::FrameBytes& frame);

[[nodiscard]] uint32_t number_at(const uint8_t* at, uint32_t bytes);
[[nodiscard]] std::string_view payload_of(const dataplane::FrameBytes& frame);

}  // namespace director::test
