// A capture of both sides: pcapng to a client, an interface per port and side, each packet with a
// comment on whose it is and what became of it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "controlplane/daemon/watch.h"
#include "diagnostics/files/packet_filter.h"
#include "diagnostics/live/capture_blocks.h"

namespace director::daemon {

struct CaptureSettings {
    uint64_t bytes_max = 0;    // of the file; 0: no limit
    uint64_t packets_max = 0;  // mirrored ones, each of which may be two in the file
    int64_t duration_ns = 0;
    uint32_t snap_bytes = 0;
    std::string bpf;
};

class WatchCapture final : public Watch {
  public:
    // `filter` is prepared for Ethernet.
    WatchCapture(uint8_t tap,
                 const CaptureSettings& settings,
                 diagnostics::PacketFilter filter,
                 int descriptor);

    void see(const dataplane::io::MirroredPacket& packet,
             uint16_t worker,
             int64_t time_ns) override;
    void turn(int64_t now_ns) override;
    void finish(int64_t now_ns, const TapCounts& counts) override;
    [[nodiscard]] bool is_over(int64_t now_ns) override;
    [[nodiscard]] bool is_done() override { return output_.is_empty() || output_.is_gone(); }

  private:
    enum class Seen : uint8_t { kNeither, kClientSide, kServerSide };
    using Place = std::pair<uint8_t, Seen>;  // port and side
    struct Interface {
        uint32_t number = 0;
        uint64_t packets = 0;
        uint64_t unread = 0;  // packets of the file that the client was too slow for
    };

    [[nodiscard]] Interface& interface_at(const Place& place);
    void add(const Place& place, const diagnostics::CapturedPacket& packet);
    [[nodiscard]] std::string comment_on(const dataplane::MirrorRecord& record,
                                         uint16_t worker,
                                         bool is_departure) const;
    [[nodiscard]] bool lets_through(const dataplane::io::MirroredPacket& packet) const;

    CaptureSettings settings_;
    diagnostics::PacketFilter filter_;
    WatchOutput output_;
    diagnostics::CaptureBlocks blocks_;
    std::map<Place, Interface> interfaces_;
    int64_t began_ns_ = 0;
    uint64_t packets_ = 0;
    uint64_t bytes_ = 0;
    bool is_full_ = false;
};

}  // namespace director::daemon
