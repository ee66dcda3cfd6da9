#include "dataplane/core/codecs/ipv6_headers.h"

#include "dataplane/core/codecs/wire.h"

namespace director::dataplane {
namespace {

[[nodiscard]] bool is_extension(uint8_t protocol) {
    return protocol == kIpv6HopByHop || protocol == kIpv6Routing || protocol == kIpv6Fragment ||
           protocol == kIpv6Authentication || protocol == kIpv6DestinationOptions;
}

// RFC 8200: units of 8 bytes without the first; RFC 4302 section 2.2: AH, of 4 without the first
// two.
[[nodiscard]] uint32_t header_bytes(uint8_t protocol, uint8_t length) {
    switch (protocol) {
        case kIpv6Fragment:
            return kIpv6FragmentHeaderBytes;
        case kIpv6Authentication:
            return (uint32_t{length} + 2) * 4;
        default:
            return (uint32_t{length} + 1) * 8;
    }
}

class Walker {
  public:
    Walker(const uint8_t* ip, uint32_t available_bytes, uint32_t ip_length)
        : ip_(ip), available_(available_bytes), length_(ip_length) {}

    Ipv6Walk walk() {
        if (wire::kIpv6HeaderBytes > length_ || length_ > wire::kIpv6HeaderBytes + 65535U) {
            return failed(Ipv6Fault::kBeyondPacket);
        }
        if (wire::kIpv6HeaderBytes > available_) {
            return failed(Ipv6Fault::kNotAvailable);
        }
        found_.protocol = ip_[wire::kIpv6NextHeader];
        found_.next_header_at = wire::kIpv6NextHeader;
        uint32_t walked = 0;
        while (is_extension(found_.protocol) && !is_inside_datagram()) {
            if (++walked > kIpv6ExtensionHeadersMax) {
                return failed(Ipv6Fault::kTooManyHeaders);
            }
            if (const Ipv6Fault fault = step(); fault != Ipv6Fault::kNone) {
                return failed(fault);
            }
        }
        found_.l4_offset = static_cast<uint16_t>(at_);
        found_.is_good = true;
        return found_;
    }

  private:
    // What follows in a fragment other than the first is not a header but data.
    [[nodiscard]] bool is_inside_datagram() const { return found_.fragment_offset_bytes != 0; }

    [[nodiscard]] Ipv6Walk failed(Ipv6Fault fault) const {
        Ipv6Walk result;
        result.fault = fault;
        return result;
    }

    // Whether the header of `bytes` here is all there.
    [[nodiscard]] Ipv6Fault check_end(uint32_t bytes) const {
        if (at_ + bytes > length_) {
            return Ipv6Fault::kBeyondPacket;
        }
        return at_ + bytes > available_ ? Ipv6Fault::kNotAvailable : Ipv6Fault::kNone;
    }

    // Over the extension header here.
    [[nodiscard]] Ipv6Fault step() {
        // Each is at least 8 bytes long, but AH's minimum by its own length field.
        if (const Ipv6Fault fault = check_end(8); fault != Ipv6Fault::kNone) {
            return fault;
        }
        const uint8_t* const header = ip_ + at_;
        const uint32_t bytes = header_bytes(found_.protocol, header[1]);
        if (const Ipv6Fault fault = check_end(bytes); fault != Ipv6Fault::kNone) {
            return fault;
        }
        const Ipv6Fault fault = look_at(header);
        found_.protocol = header[0];
        found_.next_header_at = static_cast<uint16_t>(at_);
        at_ += bytes;
        if (fault == Ipv6Fault::kNone && found_.fragment_data_offset == at_) {
            return check_fragment();
        }
        return fault;
    }

    [[nodiscard]] Ipv6Fault look_at(const uint8_t* header) {
        switch (found_.protocol) {
            case kIpv6HopByHop:
                return at_ == wire::kIpv6HeaderBytes ? Ipv6Fault::kNone : Ipv6Fault::kLateHopByHop;
            case kIpv6Routing:
                found_.has_segments_left = found_.has_segments_left || header[3] != 0;
                return header[2] == 0 && header[3] != 0 ? Ipv6Fault::kSourceRoute
                                                        : Ipv6Fault::kNone;
            case kIpv6Fragment:
                return look_at_fragment(header);
            default:
                return Ipv6Fault::kNone;
        }
    }

    [[nodiscard]] Ipv6Fault look_at_fragment(const uint8_t* header) {
        if (found_.fragment_data_offset != 0) {
            return Ipv6Fault::kRepeatedFragment;
        }
        const uint16_t field = wire::load16(header + 2);
        found_.fragment_offset_bytes = field & 0xfff8;  // already in bytes: units of 8, 3 bits up
        found_.more_fragments = (field & 1) != 0;
        found_.is_fragment = found_.fragment_offset_bytes != 0 || found_.more_fragments;
        found_.fragment_id = wire::load32(header + 4);
        found_.fragment_data_offset = static_cast<uint16_t>(at_ + kIpv6FragmentHeaderBytes);
        return Ipv6Fault::kNone;
    }

    // RFC 8200 section 4.5, with the walk right behind the fragment header.
    [[nodiscard]] Ipv6Fault check_fragment() const {
        const uint32_t data_bytes = length_ - at_;
        if (found_.more_fragments && data_bytes % 8 != 0) {
            return Ipv6Fault::kBadFragment;
        }
        // The reassembled packet's payload: the headers before the fragment header, and all data.
        const uint32_t unfragmentable_bytes =
            at_ - kIpv6FragmentHeaderBytes - wire::kIpv6HeaderBytes;
        const uint32_t payload_bytes =
            unfragmentable_bytes + found_.fragment_offset_bytes + data_bytes;
        return payload_bytes > 65535 ? Ipv6Fault::kBadFragment : Ipv6Fault::kNone;
    }

    const uint8_t* ip_;
    uint32_t available_;
    uint32_t length_;
    uint32_t at_ = wire::kIpv6HeaderBytes;
    Ipv6Walk found_;
};

}  // namespace

Ipv6Walk walk_ipv6(const uint8_t* ip, uint32_t available_bytes, uint32_t ip_length) {
    return Walker(ip, available_bytes, ip_length).walk();
}

}  // namespace director::dataplane
