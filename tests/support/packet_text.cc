// Frames in words, for messages of failed tests.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tests/support/packet_reader.h"

namespace director::test {
namespace {

using Bytes = std::span<const uint8_t>;

std::string flag_letters(uint8_t flags) {
    std::string out;
    constexpr std::array<char, 8> kLetters{'F', 'S', 'R', 'P', 'A', 'U', 'E', 'C'};
    for (size_t i = 0; i < kLetters.size(); ++i) {
        if ((flags >> i & 1) != 0) {
            out.push_back(kLetters[i]);
        }
    }
    return out;
}

// Where the IP header begins, given a frame that decoded so far.
size_t l3_offset(const DecodedFrame& decoded) {
    return 14 + 4 * decoded.ethernet->vlans.size();
}

std::string ip_summary(const DecodedFrame& decoded) {
    std::string out;
    if (decoded.tcp) {
        out = fmt::format("tcp {} > {} [{}] seq {} ack {} win {}",
                          to_string(decoded.source()),
                          to_string(decoded.destination()),
                          flag_letters(decoded.tcp->flags),
                          decoded.tcp->seq,
                          decoded.tcp->ack,
                          decoded.tcp->window);
    } else if (decoded.udp) {
        out = fmt::format(
            "udp {} > {}", to_string(decoded.source()), to_string(decoded.destination()));
    } else if (decoded.sctp) {
        out = fmt::format("sctp {} > {} tag {}",
                          to_string(decoded.source()),
                          to_string(decoded.destination()),
                          decoded.sctp->verification_tag);
    } else if (decoded.icmp) {
        out = fmt::format("icmp {} > {} type {} code {} rest {:#010x}",
                          to_string(decoded.source_address()),
                          to_string(decoded.destination_address()),
                          decoded.icmp->type,
                          decoded.icmp->code,
                          decoded.icmp->rest);
    } else {
        out = fmt::format("ip protocol {} {} > {}",
                          decoded.protocol(),
                          to_string(decoded.source_address()),
                          to_string(decoded.destination_address()));
    }
    out += fmt::format(" ttl {}", decoded.ttl());
    if (decoded.ipv4) {
        out += fmt::format(" id {}", decoded.ipv4->id);
    }
    out += fmt::format(" len {}", decoded.payload.size());
    if (decoded.has_more_fragments() || decoded.is_later_fragment()) {
        out += fmt::format(
            " fragment {}{}",
            decoded.ipv4 ? decoded.ipv4->fragment_offset : decoded.ipv6->fragment_offset,
            decoded.has_more_fragments() ? "+" : "");
    }
    return out;
}

std::string hex_dump(Bytes frame) {
    std::string out;
    for (size_t i = 0; i < frame.size(); ++i) {
        if (i % 16 == 0) {
            out += fmt::format("{}  {:04x} ", i == 0 ? "" : "\n", i);
        }
        out += fmt::format(" {:02x}", frame[i]);
    }
    return out;
}

}  // namespace

std::string summary(Bytes frame) {
    const DecodedFrame decoded = decode(frame);
    if (!decoded.ethernet) {
        return fmt::format("{} bytes: {}", frame.size(), decoded.problem);
    }
    std::string out = to_string(decoded.ethernet->source);
    out += " > " + to_string(decoded.ethernet->destination);
    for (const uint16_t vlan : decoded.ethernet->vlans) {
        out += fmt::format(" vlan {}", vlan);
    }
    if (decoded.arp) {
        out += fmt::format(" arp {} {} is {} asks {}",
                           decoded.arp->operation == 1 ? "request" : "reply",
                           to_string(decoded.arp->sender_address),
                           to_string(decoded.arp->sender),
                           to_string(decoded.arp->target_address));
    } else if (decoded.is_ip()) {
        out += " " + ip_summary(decoded);
    } else {
        out += fmt::format(" type {:#06x} len {}",
                           decoded.ethernet->ether_type,
                           frame.size() - l3_offset(decoded));
    }
    return decoded.problem.empty() ? out : out + ": " + decoded.problem;
}

std::string describe(Bytes frame) {
    return fmt::format("{} bytes: {}\n{}", frame.size(), summary(frame), hex_dump(frame));
}

std::string difference(Bytes expected, Bytes actual) {
    const auto [left, right] =
        std::mismatch(expected.begin(), expected.end(), actual.begin(), actual.end());
    if (left == expected.end() && right == actual.end()) {
        return {};
    }
    return fmt::format("frames differ from byte {} on\nexpected {}\nactual {}",
                       left - expected.begin(),
                       describe(expected),
                       describe(actual));
}

}  // namespace director::test
