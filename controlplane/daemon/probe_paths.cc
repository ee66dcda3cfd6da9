#include "controlplane/daemon/probe_paths.h"

#include <algorithm>
#include <array>
#include <set>

#include "common/checksum.h"
#include "common/hash.h"
#include "dataplane/core/codecs/frame.h"
#include "dataplane/core/codecs/tunnel.h"

namespace director::daemon {

using namespace dataplane;  // NOLINT(google-build-using-namespace): offsets of headers

namespace {

constexpr uint8_t kIcmp = 1;
constexpr uint8_t kTcp = 6;
constexpr uint8_t kUdp = 17;
constexpr uint8_t kIcmpv6 = 58;
constexpr uint32_t kEchoIdOffset = 4;
constexpr uint32_t kIcmpChecksumOffset = 2;

// What is looked at of a packet: its ends, as far as a probe's packets have them.
struct Ends {
    IpAddress source;
    IpAddress destination;
    uint8_t protocol = 0;
    uint32_t l4_offset = 0;
    uint32_t length_bytes = 0;  // by the IP header
    uint16_t source_port = 0;   // or the echo identifier, and 0
    uint16_t destination_port = 0;
};

[[nodiscard]] bool is_echo(const Ends& ends) {
    return ends.protocol == kIcmp || ends.protocol == kIcmpv6;
}

[[nodiscard]] std::optional<Ends> ip_ends(std::span<const uint8_t> packet) {
    Ends ends;
    if (packet.size() >= kIpv4Bytes && packet[0] >> 4 == 4) {
        ends.l4_offset = 4U * (packet[0] & 0x0fU);
        ends.length_bytes = load_be16(&packet[kIpLengthOffset]);
        if (ends.l4_offset < kIpv4Bytes ||
            (load_be16(&packet[kIpFragmentOffset]) & kIpFragmentMask) != 0) {
            return std::nullopt;
        }
        ends.protocol = packet[kIpProtocolOffset];
        ends.source = load_address(&packet[kIpSourceOffset]);
        ends.destination = load_address(&packet[kIpDestinationOffset]);
        return ends;
    }
    if (packet.size() >= kIpv6Bytes && packet[0] >> 4 == 6) {
        ends.l4_offset = kIpv6Bytes;
        ends.length_bytes = kIpv6Bytes + load_be16(&packet[kIpv6LengthOffset]);
        ends.protocol = packet[kIpv6NextHeaderOffset];
        ends.source = IpAddress::load_ipv6(&packet[kIpv6SourceOffset]);
        ends.destination = IpAddress::load_ipv6(&packet[kIpv6DestinationOffset]);
        return ends;
    }
    return std::nullopt;
}

// Of whole TCP and UDP packets, and of echo requests and replies.
[[nodiscard]] std::optional<Ends> ends_of(std::span<const uint8_t> packet) {
    constexpr std::array<uint8_t, 2> kEchoTypes{8, 0};
    constexpr std::array<uint8_t, 2> kEchoTypesIpv6{128, 129};
    auto ends = ip_ends(packet);
    if (!ends || ends->length_bytes > packet.size()) {
        return std::nullopt;
    }
    const uint32_t l4_bytes = ends->length_bytes - std::min(ends->length_bytes, ends->l4_offset);
    const uint32_t at = ends->l4_offset;
    if (ends->protocol == kTcp ? l4_bytes >= kTcpBytes
                               : ends->protocol == kUdp && l4_bytes >= kUdpBytes) {
        ends->source_port = load_be16(&packet[at]);
        ends->destination_port = load_be16(&packet[at + kL4DestinationOffset]);
        return ends;
    }
    const auto& types = packet[0] >> 4 == 4 ? kEchoTypes : kEchoTypesIpv6;
    if (ends->protocol != (packet[0] >> 4 == 4 ? kIcmp : kIcmpv6) || l4_bytes < kUdpBytes ||
        std::find(types.begin(), types.end(), packet[at]) == types.end()) {
        return std::nullopt;
    }
    ends->source_port = load_be16(&packet[at + kEchoIdOffset]);
    ends->destination_port = ends->source_port;
    return ends;
}

// Both checksums of a packet, by the difference that a change makes (RFC 1624).
void mend_checksums(std::span<uint8_t> packet,
                    const Ends& ends,
                    uint16_t address_delta,
                    uint16_t port_delta) {
    const auto mend = [&packet](uint32_t at, uint32_t delta) {
        const uint16_t sum = checksum_apply(load_raw16(&packet[at]), delta);
        store_raw16(&packet[at], sum);
    };
    if (packet[0] >> 4 == 4) {
        mend(kIpChecksumOffset, address_delta);
    }
    const uint32_t both = uint32_t{address_delta} + port_delta;
    if (ends.protocol == kTcp) {
        mend(ends.l4_offset + kTcpChecksumOffset, both);
    } else if (ends.protocol == kIcmp) {
        mend(ends.l4_offset + kIcmpChecksumOffset, port_delta);
    } else if (ends.protocol == kIcmpv6) {
        mend(ends.l4_offset + kIcmpChecksumOffset, both);
    } else if (const uint32_t at = ends.l4_offset + kUdpChecksumOffset; load_raw16(&packet[at])) {
        mend(at, both);
        if (load_raw16(&packet[at]) == 0) {
            store_raw16(&packet[at], 0xffff);  // 0 is "none" (RFC 768)
        }
    }
}

// Gives the packet another address and port in one of its directions.
void translate(std::span<uint8_t> packet,
               const Ends& ends,
               bool is_source,
               const IpAddress& address,
               uint16_t port) {
    const bool is_ipv4 = packet[0] >> 4 == 4;
    const uint32_t bytes = is_ipv4 ? 4 : kIpv6AddressBytes;
    const uint32_t address_at = is_ipv4 ? (is_source ? kIpSourceOffset : kIpDestinationOffset)
                                        : (is_source ? kIpv6SourceOffset : kIpv6DestinationOffset);
    const uint32_t port_at =
        ends.l4_offset + (is_echo(ends) ? kEchoIdOffset : (is_source ? 0 : kL4DestinationOffset));
    const uint64_t address_before = checksum_add(0, &packet[address_at], bytes);
    const uint64_t port_before = checksum_add(0, &packet[port_at], 2);
    std::copy_n(address.bytes.end() - bytes, bytes, packet.begin() + address_at);
    store_raw16(&packet[port_at], Be16::from_host(port).raw);
    mend_checksums(packet,
                   ends,
                   checksum_delta(address_before, checksum_add(0, &packet[address_at], bytes)),
                   checksum_delta(port_before, checksum_add(0, &packet[port_at], 2)));
}

// The IP packet in an Ethernet frame, behind its tags.
[[nodiscard]] std::span<const uint8_t> packet_in(std::span<const uint8_t> frame) {
    size_t at = kEtherTypeOffset;
    while (
        frame.size() >= at + 2 + kVlanTagBytes &&
        (load_be16(&frame[at]) == kEtherTypeVlan || load_be16(&frame[at]) == kEtherTypeOuterVlan)) {
        at += kVlanTagBytes;
    }
    if (frame.size() < at + 2 ||
        (load_be16(&frame[at]) != kEtherTypeIpv4 && load_be16(&frame[at]) != kEtherTypeIpv6)) {
        return {};
    }
    return frame.subspan(at + 2);
}

void mix(uint64_t& hash, uint64_t value) {
    hash = keyed_hash({}, hash ^ value);
}

void mix(uint64_t& hash, const IpAddress& address) {
    for (size_t i = 0; i < address.bytes.size(); i += 8) {
        uint64_t half = 0;
        std::memcpy(&half, &address.bytes[i], sizeof(half));
        mix(hash, half + i);
    }
}

}  // namespace

uint64_t number_of(const ProbePath& path) {
    uint64_t hash = 0;
    mix(hash, path.virtual_address);
    mix(hash, path.server);
    mix(hash, static_cast<uint64_t>(path.forwarding));
    mix(hash, static_cast<uint64_t>(path.tunnel.kind));
    mix(hash, static_cast<uint64_t>(path.tunnel.checksum));
    mix(hash, path.tunnel.port.host());
    mix(hash, path.source.value_or(IpAddress()));
    return std::max<uint64_t>(hash, 1);
}

// Addresses that nobody has, so that none is a virtual one: class E, and RFC 6666's for discarding.
IpAddress ProbePaths::address_of(uint32_t slot, Family family) {
    constexpr uint32_t kClassE = 0xf0000001;
    if (family == Family::kIpv4) {
        return Ipv4Address::from_host(kClassE + slot);
    }
    IpAddress address;
    address.bytes[0] = 1;
    const Be32 number = Be32::from_host(slot + 1);
    std::memcpy(&address.bytes[12], &number.raw, sizeof(number.raw));
    return address;
}

void ProbePaths::put(const std::vector<ProbePath>& paths) {
    std::set<uint64_t> wanted;
    for (const ProbePath& path : paths) {
        wanted.insert(number_of(path));
    }
    for (auto slot = slots_.begin(); slot != slots_.end();) {
        if (wanted.contains(slot->first)) {
            ++slot;
            continue;
        }
        forget_flows_of(slot->second);
        paths_[slot->second].reset();
        slot = slots_.erase(slot);
    }
    auto free = paths_.begin();
    for (const ProbePath& path : paths) {
        if (slots_.contains(number_of(path))) {
            continue;
        }
        free = std::find(free, paths_.end(), std::nullopt);
        if (free == paths_.end()) {
            free = paths_.emplace(free);
        }
        slots_[number_of(path)] = static_cast<uint32_t>(free - paths_.begin());
        *free = path;
    }
    if (!slots_.empty()) {
        flows_.resize(kPorts);
    }
}

std::optional<IpAddress> ProbePaths::inner_address(uint64_t number) const {
    const auto slot = slots_.find(number);
    return slot == slots_.end()
               ? std::nullopt
               : std::optional(
                     address_of(slot->second, paths_[slot->second]->virtual_address.family()));
}

void ProbePaths::forget_flows_of(uint32_t slot) {
    const auto first = ports_.lower_bound({slot, 0, 0});
    const auto last = ports_.lower_bound({slot + 1, 0, 0});
    for (auto flow = first; flow != last; ++flow) {
        flows_[flow->second] = {};
    }
    ports_.erase(first, last);
}

const ProbePath* ProbePaths::path_of(std::span<const uint8_t> packet) const {
    const auto ends = ip_ends(packet);
    if (!ends) {
        return nullptr;
    }
    uint32_t number = 0;
    std::memcpy(&number, &ends->source.bytes[12], sizeof(number));
    const Family family = ends->source.family();
    const uint32_t slot = Be32{number}.host() - address_of(0, family).ipv4().host();
    const bool is_ours = slot < paths_.size() && paths_[slot] &&
                         ends->source == address_of(slot, family) &&
                         ends->destination == paths_[slot]->virtual_address;
    return is_ours ? &*paths_[slot] : nullptr;
}

// The port whose last packet is longest ago, nearly: they are taken in turn, past those in use.
uint16_t ProbePaths::port_for(const Inner& inner, TimePoint now) {
    constexpr int kTriesMax = 64;
    if (const auto known = ports_.find(inner); known != ports_.end()) {
        return known->second;
    }
    uint16_t chosen = next_port_;
    for (int i = 0; i < kTriesMax; ++i) {
        const auto candidate = static_cast<uint16_t>((next_port_ + i) % kPorts);
        if (!flows_[candidate].is_used || now - flows_[candidate].last >= kPortRest) {
            chosen = candidate;
            break;
        }
    }
    next_port_ = static_cast<uint16_t>((chosen + 1) % kPorts);
    if (flows_[chosen].is_used) {
        ports_.erase(flows_[chosen].inner);
    }
    flows_[chosen] = {.is_used = true, .inner = inner, .source = {}, .server_port = 0, .last = now};
    ports_[inner] = chosen;
    return chosen;
}

std::vector<uint8_t> ProbePaths::wrapped(const ProbePath& path,
                                         std::span<const uint8_t> packet,
                                         const ProbeWay& way,
                                         TimePoint now) {
    const auto own = [&way](Family family) {
        return family == Family::kIpv4 ? way.interface.ipv4 : way.interface.ipv6;
    };
    const auto slot = slots_.find(number_of(path));
    const auto ends = ends_of(packet);
    const bool is_tunnel = path.forwarding == ForwardingMethod::kTunnel;
    const IpAddress source = path.source.value_or(own(path.virtual_address.family()));
    const IpAddress outer_source = own(path.server.family());
    if (!ends || slot == slots_.end() || source.is_any() ||
        source.family() != ends->source.family() || (is_tunnel && outer_source.is_any())) {
        return {};
    }
    const uint16_t port = port_for({slot->second, ends->protocol, ends->source_port}, now);
    Flow& flow = flows_[port];
    flow.source = source;
    flow.server_port = ends->destination_port;
    flow.last = now;

    constexpr size_t kRoom = kEthernetBytes + kTunnelBytesMax;
    std::vector<uint8_t> frame(kRoom);
    frame.insert(frame.end(), packet.begin(), packet.begin() + ends->length_bytes);
    uint8_t* const inner = &frame[kRoom];
    translate({inner, ends->length_bytes}, *ends, true, source, kFirstPort + port);
    uint32_t growth = 0;
    if (is_tunnel) {
        Encapsulation how{
            .tunnel = path.tunnel, .source = outer_source, .destination = path.server};
        how.flow_hash = static_cast<uint32_t>(slot->first) ^ port;
        how.id = ++next_id_;
        how.is_inner_checksum_good = true;
        how.inner_protocol = is_echo(*ends) ? 0 : ends->protocol;
        how.inner_l4_offset = static_cast<uint16_t>(ends->l4_offset);
        growth = encapsulate(how, inner, ends->length_bytes);
    }
    const size_t begin = kRoom - growth - kEthernetBytes;
    const bool is_ipv4 = frame[kRoom - growth] >> 4 == 4;
    std::copy(way.interface.mac.bytes.begin(),
              way.interface.mac.bytes.end(),
              frame.begin() + static_cast<ptrdiff_t>(begin) + sizeof(MacAddress));
    store_raw16(&frame[begin + kEtherTypeOffset],
                Be16::from_host(is_ipv4 ? kEtherTypeIpv4 : kEtherTypeIpv6).raw);
    frame.erase(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(begin));
    return frame;
}

std::optional<std::vector<uint8_t>> ProbePaths::answer_in(std::span<const uint8_t> frame,
                                                          TimePoint now) {
    if (slots_.empty()) {
        return std::nullopt;
    }
    const std::span<const uint8_t> packet = packet_in(frame);
    const auto ends = ends_of(packet);
    if (!ends || ends->destination_port < kFirstPort ||
        ends->destination_port >= kFirstPort + kPorts) {
        return std::nullopt;
    }
    Flow& flow = flows_[ends->destination_port - kFirstPort];
    const auto& [slot, protocol, port] = flow.inner;
    if (!flow.is_used || protocol != ends->protocol || flow.source != ends->destination ||
        !paths_[slot] || paths_[slot]->virtual_address != ends->source ||
        (!is_echo(*ends) && flow.server_port != ends->source_port)) {
        return std::nullopt;
    }
    flow.last = now;
    std::vector<uint8_t> answer(packet.begin(), packet.begin() + ends->length_bytes);
    translate(answer, *ends, false, address_of(slot, ends->source.family()), port);
    return answer;
}

}  // namespace director::daemon
