// Reads rtnetlink bytes: messages out of a datagram, attributes out of a message. Every access is
// checked against the span and copied, so neither a cut-off nor an unaligned buffer does harm.
// Pure functions; used by the socket (netlink.h) and by the parser of events (kernel_event.h).
//
// Integers are in host order, as netlink has them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>

namespace director::kernel {

// struct nlmsghdr, less its length.
struct MessageHeader {
    uint16_t type = 0;
    uint16_t flags = 0;
    uint32_t sequence = 0;
    uint32_t port = 0;
};

inline constexpr size_t kMessageHeaderBytes = 16;

// One attribute: its type without the flag bits, and its value.
struct Attribute {
    uint16_t type = 0;
    std::span<const uint8_t> value;
};

// Takes the first message (header included) off `datagram`. nullopt when none is left, or when what
// is left is no well-formed message.
[[nodiscard]] std::optional<std::span<const uint8_t>> take_message(
    std::span<const uint8_t>& datagram);

// The header of a message that take_message() returned.
[[nodiscard]] MessageHeader read_header(std::span<const uint8_t> message);

// What follows the header.
[[nodiscard]] std::span<const uint8_t> payload_of(std::span<const uint8_t> message);

// The bytes after the first `count`, rounded up to 4: the attributes behind a fixed structure.
[[nodiscard]] std::span<const uint8_t> after(std::span<const uint8_t> bytes, size_t count);

// Walks through attributes; stops at the first that does not fit.
class AttributeReader {
  public:
    explicit AttributeReader(std::span<const uint8_t> bytes) : rest_(bytes) {}
    [[nodiscard]] std::optional<Attribute> next();

  private:
    std::span<const uint8_t> rest_;
};

// Values of attributes; nullopt (or "" for text) when the value is too short.
[[nodiscard]] std::optional<uint16_t> read_u16(std::span<const uint8_t> value);
[[nodiscard]] std::optional<uint32_t> read_u32(std::span<const uint8_t> value);
[[nodiscard]] std::string read_text(std::span<const uint8_t> value);

}  // namespace director::kernel
