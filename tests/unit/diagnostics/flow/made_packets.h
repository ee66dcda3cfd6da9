// Packets made by hand, as decode() would have them, at times of the test's own.
#pragma once

#include <string_view>

#include "diagnostics/flow/analyzer.h"

namespace director::diagnostics {

struct MadeTcp {
    std::string_view from;
    std::string_view to;
    uint16_t from_port = 0;
    uint16_t to_port = 0;
    uint16_t flags = kAck;
    uint32_t sequence = 0;
    uint32_t acknowledgement = 0;
    uint32_t payload = 0;
    uint16_t window = 8192;
};

[[nodiscard]] inline Headers ip_headers(const IpAddress& from,
                                        const IpAddress& to,
                                        uint8_t protocol) {
    Headers headers;
    headers.layer3 = from.is_ipv4() ? Layer3::kIpv4 : Layer3::kIpv6;
    headers.ether_type = from.is_ipv4() ? 0x0800 : 0x86dd;
    headers.ip.source = from;
    headers.ip.destination = to;
    headers.ip.protocol = protocol;
    headers.ip.ttl = 64;
    headers.ip.header_bytes = 20;
    return headers;
}

[[nodiscard]] inline Headers tcp_headers(const MadeTcp& made) {
    Headers headers =
        ip_headers(IpAddress::parse(made.from).value(), IpAddress::parse(made.to).value(), 6);
    headers.layer4 = Layer4::kTcp;
    headers.source_port = made.from_port;
    headers.destination_port = made.to_port;
    headers.tcp.flags = made.flags;
    headers.tcp.sequence = made.sequence;
    headers.tcp.acknowledgement = made.acknowledgement;
    headers.tcp.window = made.window;
    headers.tcp.header_bytes = 20;
    headers.payload_wire_bytes = made.payload;
    return headers;
}

// Feeds packets to an Analyzer and keeps the time.
class Feed {
  public:
    explicit Feed(Analyzer& analyzer) : analyzer_(analyzer) {}

    void pass(int64_t ns) { now_ns_ += ns; }
    void see(const Headers& headers) {
        Packet packet;
        packet.number = ++number_;
        packet.time_ns = now_ns_;
        packet.wire_bytes = 54 + headers.payload_wire_bytes;
        analyzer_.see(packet, headers);
    }
    void see(const MadeTcp& made) { see(tcp_headers(made)); }
    [[nodiscard]] int64_t now_ns() const { return now_ns_; }

  private:
    Analyzer& analyzer_;
    int64_t now_ns_ = 1'700'000'000 * kSecond;
    uint64_t number_ = 0;
};

}  // namespace director::diagnostics
