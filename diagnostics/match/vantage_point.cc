#include "diagnostics/match/vantage_point.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "diagnostics/match/application.h"

namespace director::diagnostics::matching {
namespace {

constexpr uint16_t kWellKnownPorts = 1024;

Protocol protocol_of(const Headers& headers) {
    return headers.layer4 == Layer4::kTcp    ? Protocol::kTcp
           : headers.layer4 == Layer4::kSctp ? Protocol::kSctp
                                             : Protocol::kUdp;
}

std::string kind_of_other(const Headers& headers) {
    if (headers.layer3 == Layer3::kArp) {
        return "ARP";
    }
    if (!headers.is_ip()) {
        return "not IP";
    }
    if (headers.ip.is_fragment) {
        return "fragments";
    }
    switch (headers.layer4) {
        case Layer4::kIcmp:
            return "ICMP";
        case Layer4::kIcmpv6:
            return "ICMPv6";
        default:
            return headers.layer3 == Layer3::kIpv6 ? "other IPv6" : "other IPv4";
    }
}

bool is_conversation(const Headers& headers) {
    return headers.is_ip() &&
           (headers.layer4 == Layer4::kTcp || headers.layer4 == Layer4::kUdp ||
            headers.layer4 == Layer4::kUdpLite || headers.layer4 == Layer4::kSctp);
}

// Without a SYN: the well-known port is the server's; else who speaks first is the client.
bool is_source_client(const Headers& headers) {
    if (headers.is_tcp() && headers.has(kSyn)) {
        return !headers.has(kAck);
    }
    if (is_dhcp(headers) && !headers.payload.empty()) {
        return is_dhcp_request(headers);
    }
    const bool is_source_known = headers.source_port < kWellKnownPorts;
    const bool is_destination_known = headers.destination_port < kWellKnownPorts;
    return is_source_known == is_destination_known || is_destination_known;
}

Endpoint end(const IpAddress& address, uint16_t port) {
    return {address, Be16::from_host(port)};
}

}  // namespace

void PointBuilder::open(uint32_t& current, const Headers& headers, bool is_from_low) {
    ConnectionSeen seen;
    seen.protocol = protocol_of(headers);
    seen.client = end(headers.ip.source, headers.source_port);
    seen.server = end(headers.ip.destination, headers.destination_port);
    seen.is_client_certain = headers.is_tcp() && headers.has(kSyn);
    const bool is_source = is_source_client(headers);
    if (!is_source) {
        std::swap(seen.client, seen.server);
    }
    current = static_cast<uint32_t>(point_.connections.size());
    point_.connections.push_back(seen);
    is_low_client_.push_back(is_source == is_from_low);
}

uint32_t PointBuilder::connection_of(const Headers& headers,
                                     uint64_t application,
                                     bool& is_from_low) {
    const Endpoint source = end(headers.ip.source, headers.source_port);
    const Endpoint destination = end(headers.ip.destination, headers.destination_port);
    is_from_low = source < destination;
    Key key(static_cast<uint64_t>(headers.layer4));
    if (application != 0 && is_dhcp(headers)) {
        // All clients without an address share one pair of endpoints: the transaction is what is
        // one conversation.
        key.add(dhcp_transaction(headers));
        is_from_low = is_dhcp_request(headers);
    } else {
        key.add(is_from_low ? source : destination).add(is_from_low ? destination : source);
    }
    uint32_t& current = index_.at(key.value());
    if (current == kNoIndex) {
        open(current, headers, is_from_low);
    } else if (headers.is_tcp() && headers.has(kSyn) && !headers.has(kAck)) {
        // Ports used again: a SYN with another number, unless it is the other side's (simultaneous
        // open) or the first was not seen to end.
        const ConnectionSeen& seen = point_.connections[current];
        const size_t side = is_low_client_[current] == is_from_low ? kClient : kServer;
        // A capture may have it behind the packets that followed it.
        const bool is_repeated = seen.has_base[side] && seen.base[side] == headers.tcp.sequence + 1;
        if (!is_repeated && (side == kClient || seen.has_fin_or_rst)) {
            open(current, headers, is_from_low);
        }
    }
    return current;
}

void PointBuilder::keep_content(Sighting& sighting, const Headers& headers) {
    ConnectionSeen& seen = point_.connections[sighting.connection];
    const size_t side = sighting.side();
    seen.has_fin_or_rst = seen.has_fin_or_rst || sighting.has(kFin | kRst);
    if (sighting.has(kSyn) && !seen.is_base_certain[side]) {
        seen.has_base[side] = seen.is_base_certain[side] = true;
        seen.base[side] = sighting.sequence + 1;
    } else if (!seen.has_base[side] && !sighting.has(kRst)) {
        seen.has_base[side] = true;
        seen.base[side] = sighting.sequence;
    }
    if (sighting.has(kSyn) && sighting.has(kAck) && !seen.is_base_certain[1 - side]) {
        seen.has_base[1 - side] = seen.is_base_certain[1 - side] = true;
        seen.base[1 - side] = sighting.acknowledgement;
    }
    const uint32_t place = sighting.sequence + (sighting.has(kSyn) ? 1U : 0U) - seen.base[side];
    if (!seen.has_base[side] || place >= settings_.content_bytes_max || headers.payload.empty()) {
        return;
    }
    const size_t bytes =
        std::min<size_t>(headers.payload.size(), settings_.content_bytes_max - place);
    if (point_.content.size() + bytes > 0xffffffffU) {
        return;
    }
    sighting.content_begin = static_cast<uint32_t>(point_.content.size());
    sighting.content_bytes = static_cast<uint32_t>(bytes);
    point_.content.insert(point_.content.end(),
                          headers.payload.begin(),
                          headers.payload.begin() + static_cast<std::ptrdiff_t>(bytes));
}

void PointBuilder::add(const Packet& packet, const Headers& headers) {
    point_.first_ns =
        point_.packets == 0 ? packet.time_ns : std::min(point_.first_ns, packet.time_ns);
    point_.last_ns =
        point_.packets == 0 ? packet.time_ns : std::max(point_.last_ns, packet.time_ns);
    ++point_.packets;
    if (!is_conversation(headers)) {
        ++point_.others[kind_of_other(headers)];
        return;
    }
    Sighting sighting;
    sighting.time_ns = packet.time_ns;
    sighting.number = static_cast<uint32_t>(packet.number);
    sighting.payload_bytes = headers.payload_wire_bytes;
    sighting.ttl = headers.ip.ttl;
    sighting.ip_id = headers.layer3 == Layer3::kIpv4
                         ? static_cast<uint16_t>(headers.ip.identification)
                         : uint16_t{0};
    if (headers.payload_wire_bytes > 0 && headers.payload.size() >= headers.payload_wire_bytes) {
        sighting.digest = Key(headers.payload.size()).add(headers.payload).value();
    }
    if (headers.is_tcp()) {
        sighting.sequence = headers.tcp.sequence;
        sighting.acknowledgement = headers.tcp.acknowledgement;
        sighting.flags = headers.tcp.flags;
        sighting.window = headers.tcp.window;
        sighting.has_timestamps = headers.tcp.has_timestamps;
        sighting.timestamp = headers.tcp.timestamp;
        sighting.timestamp_echo = headers.tcp.timestamp_echo;
    } else {
        sighting.application = application_key(headers);
    }
    bool is_from_low = false;
    sighting.connection = connection_of(headers, sighting.application, is_from_low);
    sighting.is_from_client = is_low_client_[sighting.connection] == is_from_low;
    if (headers.is_tcp()) {
        keep_content(sighting, headers);
    }
    point_.sightings.push_back(sighting);
}

void PointBuilder::group() {
    std::vector<Sighting>& all = point_.sightings;
    const auto is_earlier = [](const Sighting& a, const Sighting& b) {
        return a.time_ns < b.time_ns;
    };
    if (!std::is_sorted(all.begin(), all.end(), is_earlier)) {
        std::stable_sort(all.begin(), all.end(), is_earlier);
    }
    for (const Sighting& sighting : all) {
        ++point_.connections[sighting.connection].count;
    }
    uint32_t begin = 0;
    for (ConnectionSeen& seen : point_.connections) {
        seen.begin = begin;
        begin += std::exchange(seen.count, 0U);
    }
    point_.order.resize(all.size());
    for (uint32_t i = 0; i < all.size(); ++i) {
        ConnectionSeen& seen = point_.connections[all[i].connection];
        point_.order[seen.begin + seen.count++] = i;
    }
}

VantagePoint PointBuilder::finish() && {
    group();
    int64_t resolution = 1'000'000;
    for (const Sighting& sighting : point_.sightings) {
        while (resolution > 1 && sighting.time_ns % resolution != 0) {
            resolution /= 10;
        }
    }
    point_.resolution_ns = resolution;
    return std::move(point_);
}

}  // namespace director::diagnostics::matching
