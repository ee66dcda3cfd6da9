#include "diagnostics/report/cells.h"

#include <algorithm>
#include <cmath>

namespace director::diagnostics {
namespace {

constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;

std::string_view link_name(const HeaderChain& chain) {
    switch (chain.link) {
        case LinkType::kEthernet:
            return "eth";
        case LinkType::kPpp:
        case LinkType::kPppHdlc:
            return "ppp";
        case LinkType::kLinuxCooked:
        case LinkType::kLinuxCookedV2:
            return "sll";
        case LinkType::kNull:
        case LinkType::kLoop:
            return "null";
        case LinkType::kIeee80211:
        case LinkType::kRadiotap:
            return "wlan";
        default:
            return "";
    }
}

std::string_view layer3_name(Layer3 layer3) {
    switch (layer3) {
        case Layer3::kIpv4:
            return "ipv4";
        case Layer3::kIpv6:
            return "ipv6";
        case Layer3::kArp:
            return "arp";
        default:
            return "";
    }
}

std::string_view layer4_name(Layer4 layer4) {
    switch (layer4) {
        case Layer4::kTcp:
            return "tcp";
        case Layer4::kUdp:
            return "udp";
        case Layer4::kUdpLite:
            return "udplite";
        case Layer4::kSctp:
            return "sctp";
        case Layer4::kIcmp:
            return "icmp";
        case Layer4::kIcmpv6:
            return "icmpv6";
        default:
            return "";
    }
}

// Of a later fragment, whose layer 4 is elsewhere.
std::string_view protocol_name(uint8_t protocol) {
    switch (protocol) {
        case 1:
            return "icmp";
        case 6:
            return "tcp";
        case 17:
            return "udp";
        case 58:
            return "icmpv6";
        case 132:
            return "sctp";
        case 136:
            return "udplite";
        default:
            return "";
    }
}

template <typename Each>
void for_each_header(const HeaderChain& chain, Each each) {
    each(link_name(chain));
    for (uint8_t i = 0; i < chain.vlan_count; ++i) {
        each("vlan");
    }
    for (uint8_t i = 0; i < chain.tunnel_depth; ++i) {
        each("ip");
    }
    each(layer3_name(chain.layer3));
    const std::string_view own = layer4_name(chain.layer4);
    each(own.empty() ? protocol_name(chain.protocol) : own);
}

}  // namespace

void append_json_text(TextBuffer& out, std::string_view text) {
    for (const char character : text) {
        const auto byte = static_cast<unsigned char>(character);
        if (character == '"' || character == '\\') {
            out.push_back('\\');
            out.push_back(character);
        } else if (byte < 0x20) {
            append(out, "\\u00");
            out.push_back("01"[byte >> 4]);
            out.push_back("0123456789abcdef"[byte & 0xf]);
        } else {
            out.push_back(character);
        }
    }
}

void put_float(TextBuffer& out, double value) {
    // Most are whole: 0, 1460, 65535.
    constexpr double kWholeMax = 1e7;
    if (value >= 0 && value < kWholeMax && value == std::floor(value)) {
        put_number(out, static_cast<uint64_t>(value));
        return;
    }
    fmt::format_to(std::back_inserter(out), FMT_COMPILE("{:.7g}"), value);
}

void put_time(TextBuffer& out, int64_t nanoseconds) {
    auto magnitude = static_cast<uint64_t>(nanoseconds);
    if (nanoseconds < 0) {
        out.push_back('-');
        magnitude = 0 - magnitude;
    }
    put_number(out, magnitude / kNanosecondsPerSecond);
    out.push_back('.');
    uint64_t rest = magnitude % kNanosecondsPerSecond;
    int digits = 9;
    if (rest % 1000 == 0) {
        rest /= 1000;
        digits = 6;
    }
    std::array<char, 9> text{};
    for (int i = digits - 1; i >= 0; --i) {
        text[static_cast<size_t>(i)] = static_cast<char>('0' + rest % 10);
        rest /= 10;
    }
    append(out, std::string_view(text.data(), static_cast<size_t>(digits)));
}

void put_seconds(TextBuffer& out, double seconds) {
    if (seconds == 0) {
        append(out, "0.000000");
        return;
    }
    fmt::format_to(std::back_inserter(out), FMT_COMPILE("{:.6f}"), seconds);
}

void put_mac(TextBuffer& out, const std::array<uint8_t, 6>& mac) {
    for (size_t i = 0; i < mac.size(); ++i) {
        if (i > 0) {
            out.push_back(':');
        }
        out.push_back("0123456789abcdef"[mac[i] >> 4]);
        out.push_back("0123456789abcdef"[mac[i] & 0xf]);
    }
}

void put_address(TextBuffer& out, const IpAddress& address) {
    if (!address.is_ipv4()) {
        append(out, to_string(address));
        return;
    }
    for (size_t i = 12; i < 16; ++i) {
        if (i > 12) {
            out.push_back('.');
        }
        put_number(out, address.bytes[i]);
    }
}

void put_tos(TextBuffer& out, uint8_t tos, const TableSettings& settings) {
    if (settings.tos == TosFormat::kHex) {
        put_hex(out, tos, 2);
        return;
    }
    put_number(out, settings.tos == TosFormat::kDscpEcn ? tos / 4U : tos / 32U);
    out.push_back('_');
    put_number(out, tos & 3U);
}

void put_chain(TextBuffer& out, const HeaderChain& chain) {
    bool is_first = true;
    for_each_header(chain, [&](std::string_view name) {
        if (name.empty()) {
            return;
        }
        if (!is_first) {
            out.push_back(':');
        }
        is_first = false;
        append(out, name);
    });
}

uint32_t chain_length(const HeaderChain& chain) {
    uint32_t count = 0;
    for_each_header(chain, [&count](std::string_view name) { count += name.empty() ? 0U : 1U; });
    return count;
}

}  // namespace director::diagnostics
