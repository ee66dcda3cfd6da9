// Writes pcapng files: several interfaces with names, times in nanoseconds, comments on packets.
// For captures put together from others; tshark and Wireshark read them.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "diagnostics/packet/packet.h"

namespace director::diagnostics {

class PcapngWriter {
  public:
    // "-" is standard output. `application` is what the file says it was written by.
    [[nodiscard]] static Result<PcapngWriter> open(const std::string& path,
                                                   std::string_view application);

    // The number that write() takes. Interfaces may be added between packets. `snap_length` 0: no
    // limit.
    [[nodiscard]] uint32_t add_interface(std::string_view name,
                                         std::string_view description,
                                         LinkType link,
                                         uint32_t snap_length = 0);
    // `packet.point` and `packet.number` are not looked at. Comments longer than 65,535 bytes are
    // cut. Times before 1970 are written as 1970.
    void write(uint32_t interface, const Packet& packet, std::string_view comment = {});
    // What there is of the file is written; the first fault of all calls, if any.
    [[nodiscard]] Result<void> close();

    [[nodiscard]] uint64_t packets_written() const { return packets_; }
    [[nodiscard]] uint64_t bytes_written() const { return bytes_; }

  private:
    struct Closer {
        void operator()(std::FILE* file) const;
    };
    PcapngWriter(std::FILE* file, std::string name);
    void begin(uint32_t type);
    void add_u16(uint16_t value);
    void add_u32(uint32_t value);
    void add_padded(std::span<const uint8_t> bytes);
    void add_option(uint16_t code, std::span<const uint8_t> value);
    void add_text(uint16_t code, std::string_view text);
    void end();

    std::unique_ptr<std::FILE, Closer> file_;
    std::string name_;
    std::vector<uint8_t> block_;
    std::string fault_;
    uint32_t interfaces_ = 0;
    uint64_t packets_ = 0;
    uint64_t bytes_ = 0;
};

}  // namespace director::diagnostics
