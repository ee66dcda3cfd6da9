// Cuts an IP packet that is too long for its way out into fragments, as a router does with IPv4
// (RFC 791 section 3.2) and a packet's source with IPv6 (RFC 8200 section 4.5): says which bytes go
// where and writes the headers. The caller copies the data.
//
// DPDK's ip_frag library would do for whole packets only: it gives every IPv6 packet identification
// 0, cannot cut an IPv6 fragment further, and makes chains of indirect buffers, which not every
// driver sends.
#pragma once

#include <cstdint>
#include <optional>

namespace director::dataplane {

class Fragmenter {
  public:
    // A fragment's IP header is never longer.
    static constexpr uint32_t kHeaderBytesMax = 60;

    // Of the packet's data.
    struct Piece {
        uint32_t offset;  // from the IP header's first byte
        uint32_t bytes;
    };

    // For the packet of `ip_length` bytes at `ip`, whose header lies there and is right, and stays
    // there unchanged. It may be a fragment already, with what is left of its datagram behind it or
    // not. IPv6: a fragment header may stand behind the IPv6 header and no other extension header;
    // `id` is the identification of a packet that has none. nullopt: `mtu` has no room for data, or
    // nothing is left to cut.
    [[nodiscard]] static std::optional<Fragmenter> plan(const uint8_t* ip,
                                                        uint32_t ip_length,
                                                        uint32_t mtu,
                                                        uint32_t id);

    [[nodiscard]] uint32_t count() const { return (data_bytes_ - 1) / piece_bytes_ + 1; }
    [[nodiscard]] Piece piece(uint32_t number) const;
    // The IP header of that piece, at most kHeaderBytesMax bytes; answers how many.
    [[nodiscard]] uint32_t write_header(uint32_t number, uint8_t* to) const;

  private:
    Fragmenter() = default;

    [[nodiscard]] uint32_t write_ipv4_header(uint32_t number, uint8_t* to) const;
    [[nodiscard]] uint32_t write_ipv6_header(uint32_t number, uint8_t* to) const;
    // Of the piece's data in its datagram.
    [[nodiscard]] uint32_t offset_of(uint32_t number) const {
        return first_offset_ + number * piece_bytes_;
    }
    [[nodiscard]] bool has_more(uint32_t number) const {
        return is_followed_ || number + 1 < count();
    }

    const uint8_t* ip_ = nullptr;
    uint32_t header_bytes_ = 0;  // of the packet, a fragment header included
    uint32_t data_bytes_ = 0;
    uint32_t piece_bytes_ = 0;   // of data, in every fragment but the last
    uint32_t first_offset_ = 0;  // of the packet's data in its datagram
    bool is_followed_ = false;   // more fragments come behind the packet's data
    bool is_ipv4_ = false;
    uint8_t protocol_ = 0;  // IPv6: what the data is
    uint32_t id_ = 0;       // IPv6
};

}  // namespace director::dataplane
