// Which system sent a SYN or SYN-ACK: from the TTL it began with, its window, its MSS and the order
// of its options. A guess: anybody can set all of these, and a proxy or load balancer between
// answers for itself. The table with its sources is in os_guess.cc.
#pragma once

#include <string_view>

#include "diagnostics/ip/ip_facts.h"
#include "diagnostics/packet/headers.h"

namespace director::diagnostics {

// kUnknown for anything but TCP with SYN, and for what no row describes.
[[nodiscard]] OsGuess guess_os(const Headers& headers);

// "Linux", "Windows", ...; "unknown".
[[nodiscard]] std::string_view to_string(OsGuess guess);

// The TTL a packet was sent with, as far as the one seen tells: 32, 64, 128 or 255.
[[nodiscard]] uint8_t initial_ttl(uint8_t seen);

}  // namespace director::diagnostics
