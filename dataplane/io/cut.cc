#include "dataplane/io/cut.h"

#include <cstring>
#include <optional>

#include "common/assert.h"
#include "dataplane/core/codecs/fragmenter.h"

namespace director::dataplane::io {
namespace {

// Puts piece `number` into `to`, an empty buffer. False when it has no room.
[[nodiscard]] bool write_piece(const rte_mbuf* frame,
                               uint32_t l3_offset,
                               const Fragmenter& plan,
                               uint32_t number,
                               rte_mbuf* to) {
    const Fragmenter::Piece piece = plan.piece(number);
    const uint32_t room = rte_pktmbuf_tailroom(to);
    if (l3_offset + Fragmenter::kHeaderBytesMax > room) {
        return false;
    }
    auto* const start = rte_pktmbuf_mtod(to, uint8_t*);
    std::memcpy(start, rte_pktmbuf_mtod(frame, const uint8_t*), l3_offset);
    const uint32_t header_bytes = plan.write_header(number, start + l3_offset);
    if (l3_offset + header_bytes + piece.bytes > room) {
        return false;
    }
    uint8_t* const data = start + l3_offset + header_bytes;
    const void* const source = rte_pktmbuf_read(frame, l3_offset + piece.offset, piece.bytes, data);
    if (source == nullptr) {
        return false;
    }
    if (source != data) {
        std::memcpy(data, source, piece.bytes);
    }
    to->data_len = static_cast<uint16_t>(l3_offset + header_bytes + piece.bytes);
    to->pkt_len = to->data_len;
    return true;
}

}  // namespace

uint32_t cut_frame(const rte_mbuf* frame, const Packet& packet, std::span<rte_mbuf*> out) {
    DIRECTOR_ASSERT(out.size() >= kFragmentsMax);
    const std::optional<Fragmenter> plan = Fragmenter::plan(
        packet.data + packet.l3_offset, packet.ip_length, packet.fragment_mtu, packet.fragment_id);
    if (!plan || plan->count() > kFragmentsMax ||
        rte_pktmbuf_alloc_bulk(frame->pool, out.data(), plan->count()) != 0) {
        return 0;
    }
    for (uint32_t number = 0; number < plan->count(); ++number) {
        if (!write_piece(frame, packet.l3_offset, *plan, number, out[number])) {
            rte_pktmbuf_free_bulk(out.data(), plan->count());
            return 0;
        }
    }
    return plan->count();
}

}  // namespace director::dataplane::io
