#include "diagnostics/packet/ip_layer.h"

namespace director::diagnostics {
namespace {

constexpr uint32_t kHeaderBytes = 40;

// IANA "protocol numbers": the extension headers. Mobility (135) carries a checksum of its own and
// ends a chain in practice.
constexpr uint8_t kHopByHop = 0;
constexpr uint8_t kRouting = 43;
constexpr uint8_t kFragment = 44;
constexpr uint8_t kAuthentication = 51;
constexpr uint8_t kNoNext = 59;
constexpr uint8_t kDestinationOptions = 60;

// RFC 8200 section 4.1 recommends an order with seven; nothing honest has twice as many.
constexpr int kExtensionsMax = 16;

constexpr uint8_t kOptionPad1 = 0;
constexpr uint8_t kOptionJumbo = 0xc2;        // RFC 2675
constexpr uint8_t kOptionHomeAddress = 0xc9;  // RFC 6275 section 6.3

constexpr uint8_t kSegmentRouting = 4;  // RFC 8754

[[nodiscard]] constexpr bool is_extension(uint8_t protocol) {
    return protocol == kHopByHop || protocol == kRouting || protocol == kFragment ||
           protocol == kAuthentication || protocol == kDestinationOptions;
}

struct Options {
    uint32_t jumbo_bytes = 0;
    const uint8_t* home_address = nullptr;
};

// RFC 8200 section 4.2: type, length, data.
[[nodiscard]] Options walk_options(Slice options, Headers& headers) {
    Options found;
    uint32_t at = 2;  // behind next header and length
    while (at < options.kept) {
        if (options.byte(at) == kOptionPad1) {
            ++at;
            continue;
        }
        const uint32_t length = at + 1 < options.kept ? options.byte(at + 1) : 255U;
        if (at + 2 + length > options.kept) {
            headers.faults |= kFaultIpOptions;
            break;
        }
        if (options.byte(at) == kOptionJumbo && length == 4) {
            found.jumbo_bytes = options.be32(at + 2);
        } else if (options.byte(at) == kOptionHomeAddress && length == 16) {
            found.home_address = options.data + at + 2;
        }
        at += 2 + length;
    }
    return found;
}

// The last address of a route with segments left; of segment routing it is the first in the list
// (RFC 8754 section 2: "encoded starting from the last segment").
[[nodiscard]] const uint8_t* last_of_route(Slice routing) {
    const bool is_segments = routing.byte(2) == kSegmentRouting;
    const bool is_addresses = routing.byte(2) == 0 || routing.byte(2) == 2;
    if (routing.byte(3) == 0 || routing.kept < 24 || (!is_segments && !is_addresses)) {
        return nullptr;
    }
    return is_segments ? routing.data + 8 : routing.data + 8 + (routing.kept - 8) / 16 * 16 - 16;
}

void read_fragment_header(Slice rest, Headers& headers) {
    IpHeaders& ip = headers.ip;
    const uint16_t field = rest.be16(2);
    ip.identification = rest.be32(4);
    ip.fragment_offset = field & 0xfff8U;
    ip.has_more_fragments = (field & 1) != 0;
    ip.has_reserved_bit = rest.byte(1) != 0 || (field & 6) != 0;
    // Offset 0 and nothing to follow: a whole datagram (RFC 6946).
    ip.is_fragment = (field & 0xfff9) != 0;
    const Slice data = rest.behind(8);
    ip.fragment_bytes = ip.is_fragment ? data.wire : 0;
    ip.fragment = ip.is_fragment ? data.span() : std::span<const uint8_t>();
}

class Walk {
  public:
    Walk(Slice packet, Headers& headers, PseudoAddresses& addresses)
        : packet_(packet),
          rest_(packet.behind(kHeaderBytes)),
          headers_(headers),
          addresses_(addresses) {}

    // Steps over all extension headers; false where the transport is out of reach.
    [[nodiscard]] bool run() {
        uint8_t& protocol = headers_.ip.protocol;
        for (int i = 0; is_extension(protocol); ++i) {
            if (i == kExtensionsMax) {
                headers_.faults |= kFaultExtensions;
                return false;
            }
            const uint8_t kind = protocol;
            const uint32_t bytes = extension_bytes(kind);
            if (bytes == 0) {
                return false;
            }
            look_into(kind, rest_.first(bytes));
            protocol = rest_.byte(0);
            rest_ = rest_.behind(bytes);
            headers_.ip.header_bytes = static_cast<uint16_t>(headers_.ip.header_bytes + bytes);
            if (kind == kFragment && headers_.ip.fragment_offset != 0) {
                return false;
            }
        }
        return protocol != kNoNext;
    }
    [[nodiscard]] Slice rest() const { return rest_; }

  private:
    // 0: the header is not all there.
    [[nodiscard]] uint32_t extension_bytes(uint8_t kind) {
        if (!rest_.has(8)) {
            headers_.faults |= rest_.is_cut() ? kFaultCut : kFaultExtensions;
            return 0;
        }
        const uint32_t bytes = kind == kFragment         ? 8
                               : kind == kAuthentication ? (rest_.byte(1) + 2U) * 4
                                                         : (rest_.byte(1) + 1U) * 8;
        if (bytes > rest_.kept) {
            headers_.faults |= bytes > rest_.wire ? kFaultExtensions : kFaultCut;
            return 0;
        }
        return bytes;
    }

    void look_into(uint8_t kind, Slice header) {
        IpHeaders& ip = headers_.ip;
        if (kind == kHopByHop) {
            ip.hop_by_hop = header.span();
            const Options found = walk_options(header, headers_);
            if (found.jumbo_bytes > 0 && ip.payload_bytes == 0) {
                take_jumbo_length(found.jumbo_bytes);
            }
        } else if (kind == kDestinationOptions) {
            ip.destination_options = header.span();
            const Options found = walk_options(header, headers_);
            if (found.home_address != nullptr) {
                addresses_.source = found.home_address;
            }
        } else if (kind == kRouting) {
            const uint8_t* last = last_of_route(header);
            addresses_.destination = last != nullptr ? last : addresses_.destination;
        } else if (kind == kFragment) {
            read_fragment_header(rest_, headers_);
        }
    }

    void take_jumbo_length(uint32_t bytes) {
        if (bytes > packet_.wire - kHeaderBytes) {
            headers_.faults |= kFaultLengthBeyond;
            return;
        }
        const uint32_t walked = static_cast<uint32_t>(rest_.data - packet_.data) - kHeaderBytes;
        rest_ = rest_.first(bytes - std::min(bytes, walked));
    }

    Slice packet_;
    Slice rest_;
    Headers& headers_;
    PseudoAddresses& addresses_;
};

void read_fields(Slice bytes, Headers& headers) {
    IpHeaders& ip = headers.ip;
    ip.source = IpAddress::load_ipv6(bytes.data + 8);
    ip.destination = IpAddress::load_ipv6(bytes.data + 24);
    ip.tos = static_cast<uint8_t>(bytes.be16(0) >> 4);
    ip.flow_label = bytes.be32(0) & 0xfffff;
    ip.ttl = bytes.byte(7);
    ip.protocol = bytes.byte(6);
    ip.payload_bytes = bytes.be16(4);
    ip.header_bytes = kHeaderBytes;
}

}  // namespace

Transport decode_ipv6(Slice bytes, Headers& headers) {
    Transport transport;
    headers.layer3 = Layer3::kIpv6;
    if (!bytes.has(kHeaderBytes)) {
        headers.layer3 = Layer3::kOther;
        headers.faults |= bytes.is_cut() ? kFaultCut : kFaultLengthBeyond;
        return transport;
    }
    read_fields(bytes, headers);
    transport.addresses = {bytes.data + 8, bytes.data + 24, 16};
    // Length 0: a jumbogram, or a super-frame before the NIC cut it.
    const uint32_t claimed = headers.ip.payload_bytes;
    if (claimed > bytes.wire - kHeaderBytes) {
        headers.faults |= kFaultLengthBeyond;
    }
    const Slice packet = claimed == 0 ? bytes : bytes.first(kHeaderBytes + claimed);
    Walk walk(packet, headers, transport.addresses);
    transport.is_there = walk.run();
    transport.bytes = walk.rest();
    const uint32_t extensions = headers.ip.header_bytes - kHeaderBytes;
    headers.ip.payload_bytes =
        claimed == 0 ? transport.bytes.wire : claimed - std::min(claimed, extensions);
    headers.payload = transport.bytes.span();
    headers.payload_wire_bytes = transport.bytes.wire;
    return transport;
}

}  // namespace director::diagnostics
