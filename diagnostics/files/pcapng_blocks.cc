#include "diagnostics/files/pcapng_blocks.h"

#include <algorithm>
#include <cstring>

namespace director::diagnostics {
namespace {

// Option codes: of every block, of an interface, of statistics.
constexpr uint16_t kOptionEnd = 0;
constexpr uint16_t kInterfaceName = 2;
constexpr uint16_t kInterfaceDescription = 3;
constexpr uint16_t kInterfaceResolution = 9;
constexpr uint16_t kInterfaceOffset = 14;
constexpr uint16_t kReceived = 4;
constexpr uint16_t kInterfaceDropped = 5;
constexpr uint16_t kSystemDropped = 7;

constexpr size_t kTrailerBytes = 4;
constexpr size_t kInterfaceOptionsAt = 16;
constexpr size_t kStatisticsOptionsAt = 20;
constexpr size_t kPacketDataAt = 28;
constexpr size_t kSimplePacketDataAt = 12;

[[nodiscard]] constexpr size_t padded(size_t bytes) {
    return (bytes + 3) & ~size_t{3};
}

[[nodiscard]] std::string text(std::span<const uint8_t> value) {
    return {value.begin(), std::find(value.begin(), value.end(), uint8_t{0})};
}

}  // namespace

std::optional<TickScale> TickScale::of(uint8_t resolution) {
    const uint8_t exponent = resolution & 0x7f;
    TickScale scale{1, 1, 0, 0};
    if ((resolution & 0x80) != 0) {
        scale.multiplier = 1'000'000'000;
        scale.shift = exponent;
        return exponent < 64 ? std::optional(scale) : std::nullopt;
    }
    if (exponent > 9 + 19) {
        return std::nullopt;
    }
    for (uint8_t i = exponent; i < 9; ++i) {
        scale.multiplier *= 10;
    }
    for (uint8_t i = 9; i < exponent; ++i) {
        scale.divisor *= 10;
    }
    return scale;
}

int64_t TickScale::nanoseconds(uint64_t ticks) const {
    __extension__ using Wide = __int128;
    Wide since = static_cast<Wide>(ticks) * multiplier >> shift;
    if (divisor != 1) {
        since /= divisor;
    }
    since += static_cast<Wide>(offset_s) * 1'000'000'000;
    return static_cast<int64_t>(std::clamp<Wide>(since, -kTimeMaxNs, kTimeMaxNs));
}

uint16_t BlockReader::u16(size_t at) const {
    uint16_t raw = 0;
    std::memcpy(&raw, block_.data() + at, sizeof(raw));
    return is_swapped_ ? __builtin_bswap16(raw) : raw;
}

uint32_t BlockReader::u32(size_t at) const {
    uint32_t raw = 0;
    std::memcpy(&raw, block_.data() + at, sizeof(raw));
    return is_swapped_ ? __builtin_bswap32(raw) : raw;
}

std::optional<BlockReader::Option> BlockReader::option(size_t& at) const {
    const size_t end = block_.size() - kTrailerBytes;
    if (at + 4 > end) {
        return std::nullopt;
    }
    const uint16_t code = u16(at);
    const uint16_t length = u16(at + 2);
    if (code == kOptionEnd || at + 4 + length > end) {
        return std::nullopt;
    }
    Option found{code, block_.subspan(at + 4, length)};
    at += 4 + padded(length);
    return found;
}

uint64_t BlockReader::number(const Option& option) const {
    if (option.value.size() != 8) {
        return 0;
    }
    uint64_t raw = 0;
    std::memcpy(&raw, option.value.data(), sizeof(raw));
    return is_swapped_ ? __builtin_bswap64(raw) : raw;
}

std::optional<InterfaceBlock> BlockReader::interface_block() const {
    if (block_.size() < kInterfaceOptionsAt + kTrailerBytes) {
        return std::nullopt;
    }
    InterfaceBlock found;
    found.link = u16(8);
    found.snap_length = u32(12);
    size_t at = kInterfaceOptionsAt;
    while (const auto next = option(at)) {
        if (next->code == kInterfaceName) {
            found.name = text(next->value);
        } else if (next->code == kInterfaceDescription) {
            found.description = text(next->value);
        } else if (next->code == kInterfaceResolution && next->value.size() == 1) {
            found.resolution = next->value[0];
        } else if (next->code == kInterfaceOffset) {
            found.offset_s = static_cast<int64_t>(number(*next));
        }
    }
    return found;
}

bool BlockReader::data_of(size_t at, uint32_t kept, PacketBlock& packet) const {
    if (at + uint64_t{kept} + kTrailerBytes > block_.size()) {
        return false;
    }
    packet.bytes = block_.subspan(at, kept);
    packet.wire_bytes = std::max(packet.wire_bytes, kept);
    return true;
}

std::optional<PacketBlock> BlockReader::packet() const {
    if (block_.size() < kPacketDataAt + kTrailerBytes) {
        return std::nullopt;
    }
    PacketBlock found;
    found.interface = u32(8);
    found.ticks = uint64_t{u32(12)} << 32 | u32(16);
    found.wire_bytes = u32(24);
    return data_of(kPacketDataAt, u32(20), found) ? std::optional(found) : std::nullopt;
}

// As packet(), but with 16 bits of interface and as many of drops.
std::optional<PacketBlock> BlockReader::obsolete_packet() const {
    auto found = packet();
    if (found) {
        found->interface = u16(8);
    }
    return found;
}

std::optional<PacketBlock> BlockReader::simple_packet(uint32_t snap_length) const {
    if (block_.size() < kSimplePacketDataAt + kTrailerBytes) {
        return std::nullopt;
    }
    PacketBlock found;
    found.has_time = false;
    found.wire_bytes = u32(8);
    const uint32_t kept =
        snap_length == 0 ? found.wire_bytes : std::min(found.wire_bytes, snap_length);
    return data_of(kSimplePacketDataAt, kept, found) ? std::optional(found) : std::nullopt;
}

std::optional<StatisticsBlock> BlockReader::statistics() const {
    if (block_.size() < kStatisticsOptionsAt + kTrailerBytes) {
        return std::nullopt;
    }
    StatisticsBlock found;
    found.interface = u32(8);
    size_t at = kStatisticsOptionsAt;
    while (const auto next = option(at)) {
        if (next->code == kReceived) {
            found.received = number(*next);
        } else if (next->code == kInterfaceDropped || next->code == kSystemDropped) {
            found.dropped = found.dropped.value_or(0) + number(*next);
        }
    }
    return found;
}

}  // namespace director::diagnostics
