// Numbers of ICMP (RFC 792) and ICMPv6 (RFC 4443) errors.
#pragma once

#include <cstdint>

namespace director::dataplane::icmp {

inline constexpr uint32_t kHeaderBytes = 8;  // before the quote, in both versions
inline constexpr uint32_t kChecksum = 2;
inline constexpr uint32_t kMtu4 = 6;      // RFC 1191: 16 bits
inline constexpr uint32_t kMtu6 = 4;      // 32 bits
inline constexpr uint32_t kPointer4 = 4;  // 8 bits
inline constexpr uint32_t kPointer6 = 4;  // 32 bits
// RFC 4884: length of the quote where extensions follow, 0 where none do.
inline constexpr uint32_t kQuoteWords4 = 5;  // of 4 bytes
inline constexpr uint32_t kQuoteWords6 = 4;  // of 8 bytes

// ICMP types.
inline constexpr uint8_t kEchoReply4 = 0;
inline constexpr uint8_t kEchoRequest4 = 8;
inline constexpr uint8_t kUnreachable4 = 3;
inline constexpr uint8_t kSourceQuench4 = 4;
inline constexpr uint8_t kRedirect4 = 5;
inline constexpr uint8_t kTimeExceeded4 = 11;
inline constexpr uint8_t kParameter4 = 12;
// Codes of kUnreachable4.
inline constexpr uint8_t kNet4 = 0;
inline constexpr uint8_t kHost4 = 1;
inline constexpr uint8_t kProtocol4 = 2;
inline constexpr uint8_t kPort4 = 3;
inline constexpr uint8_t kFragmentationNeeded4 = 4;
inline constexpr uint8_t kHostProhibited4 = 10;
inline constexpr uint8_t kProhibited4 = 13;

// ICMPv6 types. Below 128: errors.
inline constexpr uint8_t kUnreachable6 = 1;
inline constexpr uint8_t kTooBig6 = 2;
inline constexpr uint8_t kTimeExceeded6 = 3;
inline constexpr uint8_t kParameter6 = 4;
inline constexpr uint8_t kErrorMax6 = 127;
inline constexpr uint8_t kEchoRequest6 = 128;
inline constexpr uint8_t kEchoReply6 = 129;
inline constexpr uint8_t kRedirect6 = 137;
// Codes of kUnreachable6.
inline constexpr uint8_t kNoRoute6 = 0;
inline constexpr uint8_t kProhibited6 = 1;
inline constexpr uint8_t kBeyondScope6 = 2;
inline constexpr uint8_t kAddress6 = 3;
inline constexpr uint8_t kPort6 = 4;
// Codes of kParameter6.
inline constexpr uint8_t kErroneousField6 = 0;
inline constexpr uint8_t kNextHeader6 = 1;

}  // namespace director::dataplane::icmp
