// The fragment fields of one IP version as the other's (RFC 7915 sections 4.1 and 5.1.1). What a
// fragment carries is translated like any other packet's: the checksum in the first one changes by
// the addresses and ports alone, whatever the rest of the datagram is.
#pragma once

#include <cstdint>
#include <optional>

namespace director::dataplane {

// What an IPv4 header says of fragments.
struct Ipv4FragmentFields {
    uint16_t id = 0;
    uint16_t offset_bytes = 0;
    bool is_followed = false;   // more fragments
    bool is_forbidden = false;  // "don't fragment"
};
[[nodiscard]] Ipv4FragmentFields read_fragment_fields(const uint8_t* ip);

// IPv6's fragment header for the same.
void write_ipv6_fragment_header(uint8_t* to, uint8_t protocol, const Ipv4FragmentFields& fields);

// Identification, flags and offset, as the word stands in an IPv4 header, of the IPv6 fragment at
// `ip`, of which `available_bytes` lie there. nullopt for one whose data does not begin with
// `protocol`: RFC 7915 section 5.1.1 drops what has further extension headers behind its fragment
// header.
[[nodiscard]] std::optional<uint32_t> ipv4_fragment_word(const uint8_t* ip,
                                                         uint32_t available_bytes,
                                                         uint32_t ip_length,
                                                         uint8_t protocol);

}  // namespace director::dataplane
