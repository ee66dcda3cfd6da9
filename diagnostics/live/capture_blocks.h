// A pcapng file as a stream of bytes that is made while packets come in: interfaces with names,
// packets with a direction and a comment, and at the end how many were missed. For files put
// together at leisure there is files/pcapng_writer.h.
//
//   CaptureBlocks blocks("directord 0.1.0");
//   const uint32_t here = blocks.add_interface("d0 client side", "...", 0);
//   blocks.add_packet({.interface = here, ...});
//   send(blocks.take());
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace director::diagnostics {

// Bits 0 and 1 of epb_flags (draft-ietf-opsawg-pcapng section 4.3.1).
enum class CaptureDirection : uint8_t { kUnknown = 0, kInbound = 1, kOutbound = 2 };

struct CapturedPacket {
    uint32_t interface = 0;
    int64_t time_ns = 0;  // since 1970
    std::span<const uint8_t> bytes;
    uint32_t wire_bytes = 0;
    CaptureDirection direction = CaptureDirection::kUnknown;
    std::string_view comment;  // empty: none
};

struct CaptureStatistics {
    uint32_t interface = 0;
    int64_t begin_ns = 0;
    int64_t end_ns = 0;
    uint64_t received = 0;  // those of the file, and those missed
    uint64_t missed = 0;
    std::string_view comment;
};

class CaptureBlocks {
  public:
    // Begins with the section's header.
    explicit CaptureBlocks(std::string_view application);

    // The number that packets name. `snap_bytes` 0: no limit.
    [[nodiscard]] uint32_t add_interface(std::string_view name,
                                         std::string_view description,
                                         uint32_t snap_bytes);
    void add_packet(const CapturedPacket& packet);
    void add_statistics(const CaptureStatistics& statistics);

    // What was added since the last call.
    [[nodiscard]] std::string_view bytes() const { return bytes_; }
    void clear() { bytes_.clear(); }

  private:
    void begin(uint32_t type);
    void end();
    void add16(uint16_t value);
    void add32(uint32_t value);
    void add_time(int64_t time_ns);
    void add_padded(std::string_view bytes);
    void add_option(uint16_t code, std::string_view value);
    void add_number(uint16_t code, uint64_t value);

    std::string bytes_;
    size_t block_ = 0;  // where the block at hand begins
    uint32_t interfaces_ = 0;
};

}  // namespace director::diagnostics
