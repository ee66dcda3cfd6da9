#include "diagnostics/ip/fragment_follower.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/checksum.h"
#include "common/crc32c.h"
#include "diagnostics/ip/ip_facts.h"
#include "diagnostics/packet/transport_layer.h"

namespace director::diagnostics {
namespace {

constexpr uint32_t kDatagramBytesMax = 65535;
constexpr uint32_t kSctpHeaderBytes = 12;
constexpr uint32_t kUdpHeaderBytes = 8;

[[nodiscard]] bool has_ports(const Headers& headers) {
    switch (headers.ip.protocol) {
        case kProtocolTcp:
        case kProtocolUdp:
        case kProtocolUdpLite:
        case kProtocolSctp:
            return true;
        default:
            // A later fragment of IPv6 may name an extension header, behind which anything lies.
            return headers.layer3 == Layer3::kIpv6 && headers.layer4 == Layer4::kNone &&
                   headers.ip.protocol != kProtocolIcmpv6;
    }
}

[[nodiscard]] std::span<const uint8_t> moved(std::span<const uint8_t> span,
                                             const uint8_t* from,
                                             const uint8_t* to) {
    return span.empty() ? std::span<const uint8_t>()
                        : std::span<const uint8_t>{to + (span.data() - from), span.size()};
}

// The headers with their spans in a copy of the packet.
[[nodiscard]] Headers moved(Headers headers, const uint8_t* from, const uint8_t* to) {
    headers.payload = moved(headers.payload, from, to);
    headers.ip.options = moved(headers.ip.options, from, to);
    headers.ip.hop_by_hop = moved(headers.ip.hop_by_hop, from, to);
    headers.ip.destination_options = moved(headers.ip.destination_options, from, to);
    headers.ip.fragment = moved(headers.ip.fragment, from, to);
    headers.tcp.options = moved(headers.tcp.options, from, to);
    return headers;
}

[[nodiscard]] Headers without_spans(Headers headers) {
    headers.payload = {};
    headers.ip.options = {};
    headers.ip.hop_by_hop = {};
    headers.ip.destination_options = {};
    headers.ip.fragment = {};
    headers.tcp.options = {};
    return headers;
}

[[nodiscard]] PseudoAddresses addresses_of(const Headers& headers) {
    const bool is_ipv4 = headers.layer3 == Layer3::kIpv4;
    const size_t at = is_ipv4 ? 12 : 0;
    return {headers.ip.source.bytes.data() + at,
            headers.ip.destination.bytes.data() + at,
            is_ipv4 ? 4U : 16U};
}

}  // namespace

size_t FragmentFollower::KeyHash::operator()(const Key& value) const {
    uint64_t hash = keyed_hash(key, uint64_t{value.identification} << 32 | value.point);
    hash = keyed_hash(key, hash ^ (uint64_t{value.vlan} << 16 | value.protocol));
    for (const uint64_t word : value.addresses) {
        hash = keyed_hash(key, hash ^ word);
    }
    return hash;
}

FragmentFollower::FragmentFollower(const FragmentSettings& settings, HashKey key)
    : settings_(settings), index_(std::max<size_t>(settings.datagrams_max, 1), KeyHash{key}) {
    settings_.datagrams_max = std::max<size_t>(settings.datagrams_max, 1);
}

void FragmentFollower::follow(const Packet& packet, const Headers& headers, FragmentSink& sink) {
    expire(packet.time_ns, sink);
    const bool is_first = headers.ip.fragment_offset == 0;
    if (!is_first && has_ports(headers)) {
        make_room_to_hold(packet.bytes.size(), sink);
    }
    FragmentFinding finding;
    const uint32_t slot = find_or_begin(packet, headers, finding, sink);
    Datagram& datagram = datagrams_[slot];
    finding.flags |= place(datagram, packet, headers);
    if (is_first && !datagram.has_first) {
        see_first(datagram, packet, headers);
        release(datagram, sink);
    }
    if (!datagram.has_first && has_ports(headers)) {
        hold(datagram, packet, headers, finding);
        return;
    }
    finding.has_ports = datagram.has_first;
    finding.layer4 = datagram.has_first ? datagram.first.layer4 : Layer4::kNone;
    complete(datagram, finding);
    Headers filled = headers;
    filled.source_port = datagram.first.source_port;
    filled.destination_port = datagram.first.destination_port;
    sink.take(packet, filled, finding);
}

void FragmentFollower::finish(FragmentSink& sink) {
    while (oldest_ != kNone) {
        give_up(oldest_, sink);
    }
}

FragmentFollower::Key FragmentFollower::key_of(const Packet& packet, const Headers& headers) {
    Key key;
    std::memcpy(key.addresses.data(), headers.ip.source.bytes.data(), 16);
    std::memcpy(key.addresses.data() + 2, headers.ip.destination.bytes.data(), 16);
    key.identification = headers.ip.identification;
    key.point = packet.point;
    key.vlan = headers.vlan_count > 0 ? headers.vlans[0] : uint16_t{0};
    key.is_ipv6 = headers.layer3 == Layer3::kIpv6 ? 1 : 0;
    // RFC 791 names the protocol; RFC 8200 section 4.5 does not.
    key.protocol = key.is_ipv6 != 0 ? uint8_t{0} : headers.ip.protocol;
    return key;
}

uint32_t FragmentFollower::find_or_begin(const Packet& packet,
                                         const Headers& headers,
                                         FragmentFinding& finding,
                                         FragmentSink& sink) {
    const Key key = key_of(packet, headers);
    const uint32_t* const known = index_.find(key);
    if (known == nullptr) {
        return begin(key, packet, headers, sink);
    }
    const uint32_t slot = *known;
    const Datagram& datagram = datagrams_[slot];
    // Another first fragment: a copy of the one before, or another datagram under its number.
    const bool is_other = headers.source_port != datagram.first.source_port ||
                          headers.destination_port != datagram.first.destination_port ||
                          headers.l4_checksum.found != datagram.first.l4_checksum.found;
    if (headers.ip.fragment_offset != 0 || !datagram.has_first ||
        !(datagram.is_complete || is_other)) {
        return slot;
    }
    finding.flags |= datagram.is_complete ? 0 : kIpFragmentSequence | kIpFragmentPosition;
    give_up(slot, sink);
    return begin(key, packet, headers, sink);
}

uint32_t FragmentFollower::begin(const Key& key,
                                 const Packet& packet,
                                 const Headers& headers,
                                 FragmentSink& sink) {
    if (index_.size() == settings_.datagrams_max) {
        give_up(oldest_, sink);
    }
    uint32_t slot = static_cast<uint32_t>(datagrams_.size());
    if (free_.empty()) {
        datagrams_.emplace_back();
    } else {
        slot = free_.back();
        free_.pop_back();
    }
    Datagram& datagram = datagrams_[slot];
    datagram = Datagram{};
    datagram.key = key;
    datagram.first_ns = packet.time_ns;
    datagram.first = without_spans(headers);
    static_cast<void>(index_.put(key, slot));  // there is room: see above
    link_newest(slot);
    return slot;
}

uint16_t FragmentFollower::place(Datagram& datagram, const Packet& packet, const Headers& headers) {
    const IpHeaders& ip = headers.ip;
    const uint32_t begin = ip.fragment_offset;
    const uint32_t end = begin + ip.fragment_bytes;
    const uint32_t around = headers.layer3 == Layer3::kIpv4 ? ip.header_bytes : 0;
    uint16_t flags = 0;
    if (ip.has_more_fragments && ip.fragment_bytes < settings_.small_bytes) {
        flags |= kIpFragmentSmall;
    }
    if (ip.has_more_fragments && ip.fragment_bytes % 8 != 0) {
        flags |= kIpFragmentPosition;
        datagram.can_verify = false;
    }
    if (end + around > kDatagramBytesMax) {
        flags |= kIpFragmentOutOfRange;
    }
    const uint32_t reached =
        datagram.range_count > 0 ? datagram.ranges[datagram.range_count - 1U].end : 0;
    if (!ip.has_more_fragments) {
        flags |=
            reached > end || (datagram.has_end && datagram.end != end) ? kIpFragmentPosition : 0;
        datagram.end = datagram.has_end ? datagram.end : end;
        datagram.has_end = true;
    } else if (datagram.has_end && end > datagram.end) {
        flags |= kIpFragmentPosition;
    }
    const Fit fit = add_range(datagram, {begin, end});
    if (fit != Fit::kNew) {
        flags |= kIpFragmentPosition;
    } else {
        flags |= begin != datagram.next ? kIpFragmentSequence : 0;
        datagram.is_in_order = datagram.is_in_order && begin == datagram.next;
        add_data(datagram, packet, headers);
    }
    datagram.next = fit == Fit::kDuplicate ? datagram.next : end;
    return flags;
}

// Ranges are sorted, apart from one another, and never more than there is room for.
FragmentFollower::Fit FragmentFollower::add_range(Datagram& datagram, Range range) {
    auto* const begin = datagram.ranges.data();
    auto* const end = begin + datagram.range_count;
    // The first range that ends at or behind this one's begin.
    auto* at = std::find_if(begin, end, [&](const Range& r) { return r.end >= range.begin; });
    Fit fit = Fit::kNew;
    auto* last = at;
    Range merged = range;
    for (; last != end && last->begin <= range.end; ++last) {
        const bool is_apart = last->end == range.begin || last->begin == range.end;
        if (last->begin <= range.begin && last->end >= range.end && range.begin != range.end) {
            return Fit::kDuplicate;
        }
        fit = is_apart ? fit : Fit::kOverlap;
        merged = {std::min(merged.begin, last->begin), std::max(merged.end, last->end)};
    }
    if (last == at) {  // touches none
        if (datagram.range_count == kRangesMax) {
            datagram.can_verify = false;  // too torn to follow: what it lacks is not known
            return fit;
        }
        std::move_backward(at, end, end + 1);
        *at = merged;
        ++datagram.range_count;
        return fit;
    }
    *at = merged;
    std::move(last, end, at + 1);
    datagram.range_count = static_cast<uint8_t>(datagram.range_count - (last - at - 1));
    return fit;
}

void FragmentFollower::see_first(Datagram& datagram, const Packet& packet, const Headers& headers) {
    datagram.has_first = true;
    datagram.first = without_spans(headers);
    if (headers.layer4 == Layer4::kUdp || headers.layer4 == Layer4::kUdpLite) {
        const size_t at = headers.l4_offset + 4U;
        if (at + 2 <= packet.bytes.size()) {
            datagram.claimed = static_cast<uint16_t>(packet.bytes[at] << 8 | packet.bytes[at + 1]);
        }
    }
}

void FragmentFollower::add_data(Datagram& datagram, const Packet& packet, const Headers& headers) {
    std::span<const uint8_t> data = headers.ip.fragment;
    if (data.size() != headers.ip.fragment_bytes || (headers.faults & kFaultLengthBeyond) != 0) {
        datagram.can_verify = false;
        return;
    }
    if (headers.ip.fragment_offset == 0) {
        // Behind extension headers within the fragment, which the transport's sum leaves out.
        const auto before = static_cast<size_t>(data.data() - packet.bytes.data());
        const size_t skipped =
            std::min(headers.l4_offset - std::min<size_t>(headers.l4_offset, before), data.size());
        datagram.l4_begin = static_cast<uint32_t>(skipped);
        data = data.subspan(skipped);
    }
    if (datagram.has_first && datagram.first.layer4 == Layer4::kUdp) {
        // Behind UDP's own end lies padding.
        const uint32_t end = datagram.l4_begin + datagram.claimed;
        data = data.first(
            std::min<size_t>(data.size(), end - std::min(end, headers.ip.fragment_offset)));
    }
    datagram.summed_bytes += static_cast<uint32_t>(data.size());
    datagram.sum += checksum_fold(checksum_add(0, data.data(), data.size()));
    if (headers.layer4 == Layer4::kSctp && data.size() >= kSctpHeaderBytes) {
        const uint32_t bytes = static_cast<uint32_t>(data.size());
        datagram.crc = begin_sctp_crc({data.data(), bytes, bytes});
    } else {
        datagram.crc = crc32c_add(datagram.crc, data.data(), data.size());
    }
}

void FragmentFollower::complete(Datagram& datagram, FragmentFinding& finding) {
    const bool is_whole = datagram.has_first && datagram.has_end && datagram.range_count == 1 &&
                          datagram.ranges[0].begin == 0 && datagram.ranges[0].end == datagram.end;
    if (!is_whole || datagram.is_complete) {
        return;
    }
    datagram.is_complete = true;
    finding.is_whole = true;
    finding.datagram_bytes = datagram.end - std::min(datagram.end, datagram.l4_begin);
    const Headers& first = datagram.first;
    finding.reassembled = {first.l4_checksum.found, 0, first.l4_checksum.verdict};
    const bool is_udp = first.layer4 == Layer4::kUdp;
    const bool is_udp_lite = first.layer4 == Layer4::kUdpLite;
    uint32_t bytes = finding.datagram_bytes;
    if (is_udp && datagram.claimed != bytes) {
        finding.flags |= kIpUdpLength;
        bytes = datagram.claimed;
    }
    const bool is_covered = !is_udp_lite || datagram.claimed == 0 || datagram.claimed == bytes;
    if (!datagram.can_verify || datagram.summed_bytes != bytes || !is_covered ||
        (is_udp && first.l4_checksum.found == 0)) {
        return;
    }
    if (first.layer4 == Layer4::kSctp) {
        if (datagram.is_in_order && bytes >= kSctpHeaderBytes) {
            finding.reassembled = judge_sctp(datagram.crc, first.l4_checksum.found);
        }
        return;
    }
    if (first.layer4 == Layer4::kNone || first.layer4 == Layer4::kOther ||
        bytes < kUdpHeaderBytes) {
        return;
    }
    const PseudoAddresses addresses = addresses_of(first);
    const ChecksumInput input{
        {}, first.layer4 == Layer4::kIcmp ? nullptr : &addresses, bytes, first.ip.protocol};
    finding.reassembled =
        judge_checksum(datagram.sum, input, static_cast<uint16_t>(first.l4_checksum.found));
}

void FragmentFollower::hold(Datagram& datagram,
                            const Packet& packet,
                            const Headers& headers,
                            const FragmentFinding& finding) {
    Held& held = datagram.held.emplace_back();
    held.bytes.assign(packet.bytes.begin(), packet.bytes.end());
    held.packet = packet;
    held.packet.bytes = held.bytes;
    held.headers = moved(headers, packet.bytes.data(), held.bytes.data());
    held.finding = finding;
    held.finding.was_held = true;
    ++held_packets_;
    held_bytes_ += held.bytes.size();
}

// The datagrams that wait for longest go first.
void FragmentFollower::make_room_to_hold(size_t bytes, FragmentSink& sink) {
    while (oldest_ != kNone && held_packets_ > 0 &&
           (held_packets_ + 1 > settings_.held_packets_max ||
            held_bytes_ + bytes > settings_.held_bytes_max)) {
        give_up(oldest_, sink);
    }
}

void FragmentFollower::release(Datagram& datagram, FragmentSink& sink) {
    for (Held& held : datagram.held) {
        held.finding.has_ports = datagram.has_first;
        held.finding.layer4 = datagram.has_first ? datagram.first.layer4 : Layer4::kNone;
        if (datagram.has_first) {
            held.headers.source_port = datagram.first.source_port;
            held.headers.destination_port = datagram.first.destination_port;
        }
        sink.take(held.packet, held.headers, held.finding);
        --held_packets_;
        held_bytes_ -= held.bytes.size();
    }
    datagram.held.clear();
    datagram.held.shrink_to_fit();
}

void FragmentFollower::give_up_before(int64_t time_ns, FragmentSink& sink) {
    while (oldest_ns_ <= time_ns) {
        give_up(oldest_, sink);
    }
}

void FragmentFollower::give_up(uint32_t slot, FragmentSink& sink) {
    Datagram& datagram = datagrams_[slot];
    release(datagram, sink);
    if (!datagram.is_complete) {
        sink.see_unfinished(datagram.first);
    }
    index_.erase(datagram.key);
    unlink(slot);
    free_.push_back(slot);
}

void FragmentFollower::link_newest(uint32_t slot) {
    datagrams_[slot].older = newest_;
    if (newest_ == kNone) {
        oldest_ = slot;
        oldest_ns_ = datagrams_[slot].first_ns;
    } else {
        datagrams_[newest_].newer = slot;
    }
    newest_ = slot;
}

void FragmentFollower::unlink(uint32_t slot) {
    const uint32_t older = datagrams_[slot].older;
    const uint32_t newer = datagrams_[slot].newer;
    (older == kNone ? oldest_ : datagrams_[older].newer) = newer;
    (newer == kNone ? newest_ : datagrams_[newer].older) = older;
    oldest_ns_ = oldest_ == kNone ? kNever : datagrams_[oldest_].first_ns;
}

}  // namespace director::diagnostics
