// SYNs as systems send them (p0f.fp's signatures and the tutorial's), and what is none.
#include "diagnostics/ip/os_guess.h"

#include <gtest/gtest.h>

#include "diagnostics/packet/decode.h"
#include "tests/support/packet_builder.h"

namespace director::diagnostics {
namespace {

using Bytes = std::vector<uint8_t>;

[[nodiscard]] OsGuess guess(uint8_t ttl, uint16_t window, const Bytes& options) {
    const auto frame = test::PacketBuilder()
                           .ipv4("10.0.0.1", "10.0.0.2")
                           .ttl(ttl)
                           .tcp(1, 2)
                           .tcp_flags(test::kTcpSyn)
                           .window(window)
                           .tcp_options(options)
                           .build();
    Packet packet;
    packet.bytes = frame;
    packet.wire_bytes = static_cast<uint32_t>(frame.size());
    return guess_os(decode(packet));
}

const Bytes kLinuxOptions = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7};

TEST(OsGuess, SystemsByTheirSyn) {
    EXPECT_EQ(guess(64, 29200, kLinuxOptions), OsGuess::kLinux);
    EXPECT_EQ(guess(52, 64240, kLinuxOptions), OsGuess::kLinux);
    EXPECT_EQ(guess(61, 5840, kLinuxOptions), OsGuess::kLinuxOld);
    EXPECT_EQ(guess(128, 8192, {2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2}), OsGuess::kWindows);
    EXPECT_EQ(guess(115, 64240, {2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2}), OsGuess::kWindows);
    EXPECT_EQ(guess(128, 65535, {2, 4, 5, 0xb4, 1, 1, 4, 2}), OsGuess::kWindowsOld);
    EXPECT_EQ(guess(64, 65535, {2, 4, 5, 0xb4, 1, 3, 3, 6, 1, 1, 8, 10,
                                0, 0, 0, 1,    0, 0, 0, 0, 4, 2, 0, 0}),
              OsGuess::kMacOs);
    EXPECT_EQ(guess(64, 65535, {2, 4, 5, 0xb4, 1, 3, 3, 6, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0}),
              OsGuess::kFreeBsd);
    EXPECT_EQ(guess(64, 1024, {2, 4, 5, 0xb4}), OsGuess::kScanner);
}

TEST(OsGuess, WhatNoRowDescribes) {
    EXPECT_EQ(guess(64, 29200, {}), OsGuess::kUnknown);
    EXPECT_EQ(guess(128, 29200, kLinuxOptions), OsGuess::kUnknown);
    EXPECT_EQ(guess(64, 1, {99, 2, 99, 2}), OsGuess::kUnknown);
    EXPECT_EQ(guess_os(Headers()), OsGuess::kUnknown);
    EXPECT_EQ(to_string(OsGuess::kUnknown), "unknown");
}

TEST(OsGuess, InitialTtls) {
    EXPECT_EQ(initial_ttl(1), 32);
    EXPECT_EQ(initial_ttl(33), 64);
    EXPECT_EQ(initial_ttl(64), 64);
    EXPECT_EQ(initial_ttl(111), 128);
    EXPECT_EQ(initial_ttl(129), 255);
}

}  // namespace
}  // namespace director::diagnostics
