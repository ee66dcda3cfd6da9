// What one capture saw, as far as matching needs it: each packet of TCP, UDP and SCTP as a
// sighting, grouped by connection; the beginnings of TCP streams; all else counted by its kind.
//
//   PointBuilder builder("client.pcap", {});
//   for (each packet of the file) builder.add(packet, decode(packet));
//   const VantagePoint point = std::move(builder).finish();
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/address.h"
#include "diagnostics/match/hash_index.h"
#include "diagnostics/packet/headers.h"
#include "diagnostics/packet/packet.h"

namespace director::diagnostics::matching {

inline constexpr uint32_t kNoIndex = HashIndex::kNone;

// Whose packets: index into arrays of two.
inline constexpr size_t kClient = 0;
inline constexpr size_t kServer = 1;

// A packet at one point. Checksums are not here: a NIC fills them in after the capture.
struct Sighting {
    int64_t time_ns = 0;
    uint64_t digest = 0;       // of the whole payload; 0 where it is empty or was cut
    uint64_t application = 0;  // of a DNS or DHCP message: its id and what it asks; 0: neither
    uint32_t number = 0;       // within its capture, from 1
    uint32_t connection = 0;   // index into VantagePoint::connections
    uint32_t sequence = 0;
    uint32_t acknowledgement = 0;
    uint32_t payload_bytes = 0;  // on the wire, whatever was kept
    uint32_t timestamp = 0;      // TCP option
    uint32_t timestamp_echo = 0;
    uint32_t content_begin = 0;  // in VantagePoint::content
    uint32_t content_bytes = 0;
    uint16_t flags = 0;
    uint16_t ip_id = 0;  // 0 is no id: with DF set it means nothing (RFC 6864 section 4.1)
    uint16_t window = 0;
    uint8_t ttl = 0;
    bool has_timestamps = false;
    bool is_from_client = true;

    [[nodiscard]] size_t side() const { return is_from_client ? kClient : kServer; }
    [[nodiscard]] bool has(uint16_t tcp_flags) const { return (flags & tcp_flags) != 0; }
    // What of sequence space it takes.
    [[nodiscard]] uint32_t sequence_length() const {
        return payload_bytes + (has(kSyn) ? 1U : 0U) + (has(kFin) ? 1U : 0U);
    }
};

// A connection as one point saw it. The client is who sent the SYN; where none was seen, who does
// not have the well-known port, else who spoke first.
struct ConnectionSeen {
    Protocol protocol = Protocol::kTcp;
    Endpoint client;
    Endpoint server;
    bool is_client_certain = false;
    bool has_fin_or_rst = false;
    // Per side: the sequence number of its stream's first byte, if that can be known (from its
    // SYN), or of its first packet seen.
    std::array<bool, 2> has_base{};
    std::array<bool, 2> is_base_certain{};
    std::array<uint32_t, 2> base{};
    uint32_t begin = 0;  // into VantagePoint::order
    uint32_t count = 0;
};

struct VantagePoint {
    std::string name;
    std::vector<Sighting> sightings;  // in order of time
    std::vector<ConnectionSeen> connections;
    std::vector<uint32_t> order;             // sightings by connection, each in order of time
    std::vector<uint8_t> content;            // the beginnings of TCP streams
    std::map<std::string, uint64_t> others;  // kind -> packets that are no connection's
    uint64_t packets = 0;
    int64_t first_ns = 0;
    int64_t last_ns = 0;
    int64_t resolution_ns = 1;  // a power of ten that divides all times

    [[nodiscard]] std::span<const uint32_t> of(uint32_t connection) const {
        const ConnectionSeen& seen = connections[connection];
        return std::span(order).subspan(seen.begin, seen.count);
    }
};

struct PointSettings {
    // Of each direction of a TCP connection, so many first bytes are kept for matching by content.
    uint32_t content_bytes_max = 16384;
};

class PointBuilder {
  public:
    PointBuilder(std::string name, const PointSettings& settings) : settings_(settings) {
        point_.name = std::move(name);
    }

    void add(const Packet& packet, const Headers& headers);
    [[nodiscard]] VantagePoint finish() &&;

  private:
    uint32_t connection_of(const Headers& headers, uint64_t application, bool& is_from_low);
    void open(uint32_t& current, const Headers& headers, bool is_from_low);
    void keep_content(Sighting& sighting, const Headers& headers);
    void group();

    PointSettings settings_;
    VantagePoint point_;
    HashIndex index_;
    std::vector<bool> is_low_client_;  // by connection
};

}  // namespace director::diagnostics::matching
