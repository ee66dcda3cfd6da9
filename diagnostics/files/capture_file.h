// Captures from a file or standard input: pcap (micro- and nanoseconds) and pcapng, in either byte
// order, with several interfaces of several link types. Read by ourselves, not by libpcap, which
// does not say which interface a pcapng packet came from, refuses a second link type, and costs
// more a packet than all that is done with it afterwards. Filters are libpcap's.
//
//     auto file = CaptureFile::open("trace.pcapng", "tcp port 80");
//     while (const Packet* packet = file->next()) { ... }
//     if (file->fault()) { ... what was read is valid all the same ... }
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "diagnostics/files/byte_stream.h"
#include "diagnostics/files/packet_filter.h"
#include "diagnostics/files/pcapng_blocks.h"
#include "diagnostics/packet/packet.h"

namespace director::diagnostics {

// Where packets of a file were seen: Packet::point is the place in CaptureFile::points().
struct CapturePoint {
    std::string name;  // empty where the file does not tell
    std::string description;
    LinkType link = LinkType::kEthernet;
    uint32_t snap_length = 0;  // 0: no limit told
    TickScale scale;
    uint64_t packets = 0;
    // As the capturing side says at the end, if it does.
    std::optional<uint64_t> packets_missed;
};

class CaptureFile {
  public:
    // "-" is standard input. Fails if the file cannot be read or is no capture, or the filter is
    // not understood for its first interface. "no capture" includes an empty file.
    [[nodiscard]] static Result<CaptureFile> open(const std::string& path,
                                                  const std::string& filter = "");
    // The bytes must outlive the result; `name` is for messages.
    [[nodiscard]] static Result<CaptureFile> open_memory(std::span<const uint8_t> bytes,
                                                         const std::string& name,
                                                         const std::string& filter = "");

    // The next packet that the filter lets through; it lives until the next call. Null at the end
    // and at a fault.
    [[nodiscard]] const Packet* next();
    // Why reading stopped before the end of the file: it is cut, or damaged.
    [[nodiscard]] const std::optional<Error>& fault() const { return fault_; }

    // Grows while packets are read, as pcapng names interfaces where it likes.
    [[nodiscard]] const std::vector<CapturePoint>& points() const { return points_; }
    // Packets read so far, with those that the filter held back.
    [[nodiscard]] uint64_t packets_read() const { return packet_.number; }
    [[nodiscard]] uint64_t bytes_read() const { return stream_.position(); }
    // 0: unknown (a pipe).
    [[nodiscard]] uint64_t bytes_total() const { return stream_.total(); }
    [[nodiscard]] const std::string& name() const { return name_; }

  private:
    enum class Step : uint8_t { kPacket, kOther, kEnd };

    CaptureFile(ByteStream stream, std::string name, const std::string& filter);
    [[nodiscard]] Result<void> begin();
    [[nodiscard]] Result<void> begin_pcap();
    [[nodiscard]] Step read_pcap();
    [[nodiscard]] Step read_block();
    [[nodiscard]] Step read_section();
    [[nodiscard]] Step take_block(uint32_t type, std::span<const uint8_t> block);
    [[nodiscard]] Step take_interface(const BlockReader& reader);
    [[nodiscard]] Step take_packet(uint32_t type, const BlockReader& reader);
    void take_statistics(const BlockReader& reader);
    [[nodiscard]] bool add_point(CapturePoint point);
    // Notes the fault, once; always kEnd.
    Step stop(std::string message);
    // Stops because fewer than `wanted` bytes of `what` are there.
    Step stop_cut(const char* what, uint64_t wanted);
    [[nodiscard]] uint32_t number(const uint8_t* at) const;

    ByteStream stream_;
    std::string name_;
    PacketFilter filter_;
    std::vector<CapturePoint> points_;
    std::optional<Error> fault_;
    Packet packet_;
    size_t pending_bytes_ = 0;   // of what packet_ lies in, to be stepped over next
    size_t section_points_ = 0;  // interfaces of sections before this one
    bool is_pcapng_ = false;
    bool is_swapped_ = false;
    bool has_pending_packet_ = false;  // begin() read on to the first packet
    bool is_at_end_ = false;
    uint32_t tick_ns_ = 1000;  // of pcap
};

}  // namespace director::diagnostics
