#include "dataplane/core/stages/sctp_state.h"

#include <algorithm>

#include "dataplane/core/codecs/frame.h"

namespace director::dataplane {
namespace {

constexpr uint32_t kChunkHeaderBytes = 4;

// RFC 9260 section 3.2: chunk types.
constexpr std::array<SctpEvent, 15> kEventOfChunk{
    SctpEvent::kData,              // 0 DATA
    SctpEvent::kInit,              // 1
    SctpEvent::kInitAck,           // 2
    SctpEvent::kData,              // 3 SACK
    SctpEvent::kData,              // 4 HEARTBEAT
    SctpEvent::kData,              // 5 HEARTBEAT ACK
    SctpEvent::kAbort,             // 6
    SctpEvent::kShutdown,          // 7
    SctpEvent::kShutdownAck,       // 8
    SctpEvent::kError,             // 9
    SctpEvent::kCookieEcho,        // 10
    SctpEvent::kCookieAck,         // 11
    SctpEvent::kData,              // 12 ECNE
    SctpEvent::kData,              // 13 CWR
    SctpEvent::kShutdownComplete,  // 14
};

[[nodiscard]] SctpEvent event_of(uint8_t chunk_type) {
    return chunk_type < kEventOfChunk.size() ? kEventOfChunk[chunk_type] : SctpEvent::kData;
}

}  // namespace

SctpEvent sctp_event_of(const Packet& packet) {
    const uint32_t end =
        std::min(uint32_t{packet.l3_offset} + packet.ip_length, packet.contiguous_bytes);
    const uint32_t first = packet.l4_offset + kSctpBytes;
    if (first + kChunkHeaderBytes > end) {
        return SctpEvent::kData;
    }
    const SctpEvent event = event_of(packet.data[first]);
    if (event != SctpEvent::kCookieEcho && event != SctpEvent::kCookieAck) {
        return event;
    }
    const uint32_t length = load_be16(packet.data + first + 2);
    const uint32_t second = first + (length + 3) / 4 * 4;  // chunks are padded to 4 bytes
    const bool is_followed = length >= kChunkHeaderBytes && second + kChunkHeaderBytes <= end;
    return is_followed && event_of(packet.data[second]) == SctpEvent::kAbort ? SctpEvent::kAbort
                                                                             : event;
}

}  // namespace director::dataplane
