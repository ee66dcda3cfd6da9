// The blocks of a pcapng file (draft-ietf-opsawg-pcapng), as far as packets and their interfaces
// go. Pure functions over a block's bytes: all of it, from its type to its second length.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace director::diagnostics {

inline constexpr uint32_t kBlockSection = 0x0a0d0d0a;  // the same in either byte order
inline constexpr uint32_t kBlockInterface = 1;
inline constexpr uint32_t kBlockPacketObsolete = 2;
inline constexpr uint32_t kBlockSimplePacket = 3;
inline constexpr uint32_t kBlockStatistics = 5;
inline constexpr uint32_t kBlockPacket = 6;

inline constexpr uint32_t kByteOrderMagic = 0x1a2b3c4d;
// A block of nothing but its frame: type, length, length.
inline constexpr uint32_t kBlockBytesMin = 12;
// A section header with its fixed fields.
inline constexpr uint32_t kSectionBytesMin = 28;

// Times lie within this, 146 years around 1970, so that their differences are numbers, too.
inline constexpr int64_t kTimeMaxNs = int64_t{1} << 62;

// How ticks of an interface become nanoseconds since 1970.
struct TickScale {
    uint64_t multiplier = 1000;
    uint64_t divisor = 1;
    uint8_t shift = 0;  // of a resolution that is a power of 2
    int64_t offset_s = 0;

    // By if_tsresol; nullopt if it is finer than 64 bits can tell.
    [[nodiscard]] static std::optional<TickScale> of(uint8_t resolution);
    // Within kTimeMaxNs, whatever the ticks.
    [[nodiscard]] int64_t nanoseconds(uint64_t ticks) const;
};

struct InterfaceBlock {
    uint16_t link = 0;
    uint32_t snap_length = 0;  // 0: no limit
    uint8_t resolution = 6;    // if_tsresol as it is
    int64_t offset_s = 0;
    std::string name;
    std::string description;
};

struct PacketBlock {
    uint32_t interface = 0;
    bool has_time = true;
    uint64_t ticks = 0;
    uint32_t wire_bytes = 0;
    std::span<const uint8_t> bytes;
};

// Counts of an interface at the end of a capture; absent: not told.
struct StatisticsBlock {
    uint32_t interface = 0;
    std::optional<uint64_t> received;
    std::optional<uint64_t> dropped;  // by the interface and by the system
};

// Reads numbers in the section's byte order.
class BlockReader {
  public:
    BlockReader(std::span<const uint8_t> block, bool is_swapped)
        : block_(block), is_swapped_(is_swapped) {}

    // All are nullopt for a block that is too short for its fields.
    [[nodiscard]] std::optional<InterfaceBlock> interface_block() const;
    [[nodiscard]] std::optional<PacketBlock> packet() const;
    [[nodiscard]] std::optional<PacketBlock> obsolete_packet() const;
    [[nodiscard]] std::optional<PacketBlock> simple_packet(uint32_t snap_length) const;
    [[nodiscard]] std::optional<StatisticsBlock> statistics() const;

    [[nodiscard]] uint16_t u16(size_t at) const;
    [[nodiscard]] uint32_t u32(size_t at) const;

  private:
    struct Option {
        uint16_t code = 0;
        std::span<const uint8_t> value;
    };
    // The option at `at`, which moves behind it; nullopt at the end.
    [[nodiscard]] std::optional<Option> option(size_t& at) const;
    [[nodiscard]] uint64_t number(const Option& option) const;
    [[nodiscard]] bool data_of(size_t at, uint32_t kept, PacketBlock& packet) const;

    std::span<const uint8_t> block_;
    bool is_swapped_;
};

}  // namespace director::diagnostics
