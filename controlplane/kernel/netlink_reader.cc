#include "controlplane/kernel/netlink_reader.h"

#include <linux/netlink.h>

#include <algorithm>

namespace director::kernel {
namespace {

static_assert(sizeof(nlmsghdr) == kMessageHeaderBytes);

size_t align4(size_t length) {
    return (length + 3) & ~size_t{3};
}

}  // namespace

std::span<const uint8_t> after(std::span<const uint8_t> bytes, size_t count) {
    return bytes.subspan(std::min(align4(count), bytes.size()));
}

std::optional<std::span<const uint8_t>> take_message(std::span<const uint8_t>& datagram) {
    if (datagram.size() < kMessageHeaderBytes) {
        return std::nullopt;
    }
    uint32_t length = 0;
    std::memcpy(&length, datagram.data(), sizeof(length));
    if (length < kMessageHeaderBytes || length > datagram.size()) {
        return std::nullopt;
    }
    const auto message = datagram.first(length);
    datagram = after(datagram, length);
    return message;
}

MessageHeader read_header(std::span<const uint8_t> message) {
    nlmsghdr raw{};
    std::memcpy(&raw, message.data(), std::min(sizeof(raw), message.size()));
    return {raw.nlmsg_type, raw.nlmsg_flags, raw.nlmsg_seq, raw.nlmsg_pid};
}

std::span<const uint8_t> payload_of(std::span<const uint8_t> message) {
    return after(message, kMessageHeaderBytes);
}

std::optional<Attribute> AttributeReader::next() {
    nlattr raw{};
    if (rest_.size() < sizeof(raw)) {
        return std::nullopt;
    }
    std::memcpy(&raw, rest_.data(), sizeof(raw));
    if (raw.nla_len < sizeof(raw) || raw.nla_len > rest_.size()) {
        return std::nullopt;
    }
    const Attribute attribute{static_cast<uint16_t>(raw.nla_type & NLA_TYPE_MASK),
                              rest_.subspan(sizeof(raw), raw.nla_len - sizeof(raw))};
    rest_ = after(rest_, raw.nla_len);
    return attribute;
}

std::optional<uint16_t> read_u16(std::span<const uint8_t> value) {
    uint16_t number = 0;
    if (value.size() < sizeof(number)) {
        return std::nullopt;
    }
    std::memcpy(&number, value.data(), sizeof(number));
    return number;
}

std::optional<uint32_t> read_u32(std::span<const uint8_t> value) {
    uint32_t number = 0;
    if (value.size() < sizeof(number)) {
        return std::nullopt;
    }
    std::memcpy(&number, value.data(), sizeof(number));
    return number;
}

std::string read_text(std::span<const uint8_t> value) {
    const auto end = std::find(value.begin(), value.end(), uint8_t{0});
    return {value.begin(), end};
}

}  // namespace director::kernel
