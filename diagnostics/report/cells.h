// Numbers as the tutorial prints them. Only the tables' own sources read this.
#pragma once

#include <fmt/compile.h>

#include <array>
#include <cstdint>
#include <iterator>

#include "common/address.h"
#include "diagnostics/flow/flow_record.h"
#include "diagnostics/report/table.h"

namespace director::diagnostics {

inline void put_number(TextBuffer& out, uint64_t value) {
    const fmt::format_int text(value);
    out.append(text.data(), text.data() + text.size());
}

inline void put_signed(TextBuffer& out, int64_t value) {
    const fmt::format_int text(value);
    out.append(text.data(), text.data() + text.size());
}

// "0x02cc": always `digits` wide.
inline void put_hex(TextBuffer& out, uint64_t value, int digits) {
    append(out, "0x");
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
        out.push_back("0123456789abcdef"[value >> shift & 0xf]);
    }
}

// Seven significant digits: 0.4190502, 45402, 1e-06.
void put_float(TextBuffer& out, double value);

// Six decimals: a point in time, or a time span of a row. Nine where there are nanoseconds.
void put_time(TextBuffer& out, int64_t nanoseconds);
void put_seconds(TextBuffer& out, double seconds);

void put_mac(TextBuffer& out, const std::array<uint8_t, 6>& mac);
void put_address(TextBuffer& out, const IpAddress& address);
void put_tos(TextBuffer& out, uint8_t tos, const TableSettings& settings);

// "eth:vlan:ipv4:tcp", and how many those are.
struct HeaderChain {
    LinkType link = LinkType::kEthernet;
    bool has_macs = false;
    uint8_t vlan_count = 0;
    uint8_t tunnel_depth = 0;
    Layer3 layer3 = Layer3::kNone;
    Layer4 layer4 = Layer4::kNone;
    uint8_t protocol = 0;
};
void put_chain(TextBuffer& out, const HeaderChain& chain);
[[nodiscard]] uint32_t chain_length(const HeaderChain& chain);

}  // namespace director::diagnostics
