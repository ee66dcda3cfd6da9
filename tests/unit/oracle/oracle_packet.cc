#include "tests/unit/oracle/oracle_packet.h"

#include <algorithm>
#include <array>

namespace director::test::oracle {
namespace {

[[nodiscard]] uint8_t random_byte(Random& random) {
    return static_cast<uint8_t>(random.below(256));
}

[[nodiscard]] uint16_t random_word(Random& random) {
    return static_cast<uint16_t>(random.below(0x10000));
}

// Lengths: none, odd and even, and values that push checksums to their edges.
[[nodiscard]] Frame random_bytes(Random& random, size_t length_bytes) {
    Frame bytes(length_bytes);
    const uint64_t kind = random.below(8);
    for (uint8_t& byte : bytes) {
        byte = kind == 0 ? uint8_t{0} : kind == 1 ? uint8_t{0xff} : random_byte(random);
    }
    return bytes;
}

// Options that no one acts upon: NOP (RFC 791, RFC 9293).
[[nodiscard]] Frame random_options(Random& random) {
    return random.below(3) == 0 ? Frame(4 * (1 + random.below(10)), 1) : Frame{};
}

[[nodiscard]] std::vector<ExtensionHeader> random_extensions(Random& random) {
    std::vector<ExtensionHeader> out;
    if (random.below(4) == 0) {
        out.push_back({0, Frame{1, 4, 0, 0, 0, 0}});  // hop by hop: PadN
    }
    if (random.below(4) == 0) {
        out.push_back({60, Frame{1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}});
    }
    if (random.below(6) == 0) {
        out.push_back({43, Frame{4, 0, 0, 0, 0, 0}});  // segment routing, no segment left
    }
    return out;
}

}  // namespace

Content random_content(
    Random& random, Protocol protocol, Family family, Moment moment, size_t payload_max) {
    Content out;
    out.protocol = protocol;
    out.ttl = static_cast<uint8_t>(2 + random.below(254));
    out.tos = random_byte(random);
    out.payload = random_bytes(random, random.below(payload_max));
    if (family == Family::kIpv4) {
        out.id = random_word(random);
        out.dont_fragment = random.below(2) == 0;
        out.ip_options = random_options(random);
    } else {
        out.flow_label = static_cast<uint32_t>(random.below(1U << 20));
        out.extensions = random_extensions(random);
    }
    constexpr std::array<uint8_t, 6> kLaterFlags{
        kTcpAck, kTcpAck | kTcpPsh, kTcpAck, kTcpAck | kTcpUrg, kTcpAck, 0xc0 | kTcpAck};
    out.tcp_flags = moment == Moment::kFirst ? kTcpSyn : kLaterFlags.at(random.below(6));
    out.seq = static_cast<uint32_t>(random.next());
    out.ack = static_cast<uint32_t>(random.next());
    out.window = random_word(random);
    out.urgent_pointer = random_word(random);
    out.tcp_options = random_options(random);
    out.has_udp_checksum = family == Family::kIpv6 || random.below(3) != 0;
    out.verification_tag = static_cast<uint32_t>(random.next());
    out.chunk_type = moment == Moment::kFirst ? 1 : 0;  // INIT, DATA (RFC 9260 section 3.2)
    return out;
}

PacketBuilder on_link(const Link& link) {
    PacketBuilder out;
    out.eth(link.source, link.destination);
    if (link.outer_vlan != 0) {
        out.outer_vlan(link.outer_vlan);
    }
    if (link.vlan != 0) {
        out.vlan(link.vlan);
    }
    return out;
}

PacketBuilder builder(const Link& link, const Ends& ends, const Content& content) {
    PacketBuilder out = on_link(link);
    out.ip(ends.source.address, ends.destination.address).ttl(content.ttl).tos(content.tos);
    if (ends.source.address.is_ipv4()) {
        out.ip_id(content.id).ip_options(content.ip_options);
        if (content.dont_fragment) {
            out.dont_fragment();
        }
    } else {
        out.flow_label(content.flow_label);
        for (const ExtensionHeader& header : content.extensions) {
            out.extension_header(header.number, header.body);
        }
    }
    const uint16_t from = ends.source.port.host();
    const uint16_t to = ends.destination.port.host();
    if (content.protocol == Protocol::kTcp) {
        out.tcp(from, to).tcp_flags(content.tcp_flags).seq(content.seq).ack(content.ack);
        out.window(content.window).urgent_pointer(content.urgent_pointer);
        out.tcp_options(content.tcp_options).payload(content.payload);
    } else if (content.protocol == Protocol::kUdp) {
        out.udp(from, to).payload(content.payload);
        if (!content.has_udp_checksum) {
            out.no_udp_checksum();
        }
    } else {
        out.sctp(from, to).verification_tag(content.verification_tag);
        out.chunk(content.chunk_type, 0, content.payload);
    }
    return out;
}

Content converted(Content content, Family to) {
    content.id = 0;
    content.dont_fragment = true;
    content.flow_label = 0;
    content.ip_options.clear();
    content.extensions.clear();
    if (to == Family::kIpv6) {
        content.has_udp_checksum = true;
    }
    return content;
}

}  // namespace director::test::oracle
