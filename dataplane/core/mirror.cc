#include "dataplane/core/mirror.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/ethernet.h"
#include "common/hash.h"
#include "dataplane/core/codecs/frame.h"

namespace director::dataplane {
namespace {

// One writer: a load and a store are enough.
void count(std::array<std::atomic<uint64_t>, kTapsMax>& counters, uint8_t taps, uint64_t more) {
    constexpr auto kRelaxed = std::memory_order_relaxed;
    for (uint32_t left = taps; left != 0; left &= left - 1) {
        std::atomic<uint64_t>& counter = counters[static_cast<size_t>(std::countr_zero(left))];
        counter.store(counter.load(kRelaxed) + more, kRelaxed);
    }
}

[[nodiscard]] bool has_ends(const MirrorTap& tap) {
    return tap.protocol != Protocol{} || tap.clients.length != 0 ||
           tap.virtual_addresses.length != 0 || tap.servers.length != 0 ||
           tap.client_port.raw != 0 || tap.virtual_port.raw != 0 || tap.server_port.raw != 0 ||
           tap.hosts.length != 0 || tap.port.raw != 0;
}

[[nodiscard]] bool fits(const IpPrefix& prefix, const IpAddress& address) {
    return prefix.length == 0 || prefix.contains(address);
}

[[nodiscard]] bool fits(Be16 wanted, Be16 port) {
    return wanted.raw == 0 || wanted == port;
}

[[nodiscard]] bool shows(const FrameEnds& ends, const IpPrefix& prefix, Be16 port) {
    const bool fits_source = fits(prefix, ends.source) && fits(port, ends.source_port);
    const bool fits_destination =
        fits(prefix, ends.destination) && fits(port, ends.destination_port);
    return ends.is_known && (fits_source || fits_destination);
}

[[nodiscard]] bool shows(const MirrorCandidate& candidate, const IpPrefix& prefix, Be16 port) {
    return (prefix.length == 0 && port.raw == 0) || shows(candidate.in, prefix, port) ||
           shows(candidate.out, prefix, port);
}

// Of a service's packet: the client's side shows client and service.
[[nodiscard]] bool matches_roles(const MirrorTap& tap, const MirrorCandidate& candidate) {
    const bool is_from_client = candidate.direction == Direction::kClientToServer;
    // What a server's packet is for, only its departure shows; dropped before that, nothing does.
    const FrameEnds& ends = is_from_client ? candidate.in : candidate.out;
    const bool wants_client = tap.clients.length != 0 || tap.client_port.raw != 0;
    const bool wants_service = tap.virtual_addresses.length != 0 || tap.virtual_port.raw != 0;
    if ((wants_client || wants_service) && !ends.is_known) {
        return false;
    }
    const IpAddress& client = is_from_client ? ends.source : ends.destination;
    const IpAddress& service = is_from_client ? ends.destination : ends.source;
    return fits(tap.clients, client) && fits(tap.virtual_addresses, service) &&
           fits(tap.client_port, is_from_client ? ends.source_port : ends.destination_port) &&
           fits(tap.virtual_port, is_from_client ? ends.destination_port : ends.source_port) &&
           fits(tap.servers, candidate.server) && fits(tap.server_port, candidate.server_port);
}

// Whether what follows the IP header begins with ports, of the datagram's first fragment.
[[nodiscard]] bool has_ports(Protocol protocol) {
    return protocol == Protocol::kTcp || protocol == Protocol::kUdp || protocol == Protocol::kSctp;
}

void read_ports(FrameEnds& ends, const uint8_t* l4, uint32_t bytes) {
    if (has_ports(ends.protocol) && bytes >= 4) {
        ends.source_port = Be16{load_raw16(l4)};
        ends.destination_port = Be16{load_raw16(l4 + kL4DestinationOffset)};
    }
}

}  // namespace

// Extension headers are not followed: their packets are found by their addresses alone.
FrameEnds frame_ends(const uint8_t* frame, uint32_t bytes) {
    FrameEnds ends;
    const EthernetHeader ethernet = parse_ethernet(frame, bytes);
    if (ethernet.length_bytes == 0) {
        return ends;
    }
    const uint8_t* const ip = frame + ethernet.length_bytes;
    const uint32_t left = bytes - ethernet.length_bytes;
    if (ethernet.type == kEtherTypeIpv4 && left >= kIpv4Bytes) {
        const uint32_t header_bytes = (ip[0] & 0xfU) * 4U;
        ends.protocol = static_cast<Protocol>(ip[kIpProtocolOffset]);
        ends.source = load_address(ip + kIpSourceOffset);
        ends.destination = load_address(ip + kIpDestinationOffset);
        ends.is_known = true;
        constexpr uint16_t kOffsetMask = 0x1fff;
        const bool is_first = (load_be16(ip + kIpFragmentOffset) & kOffsetMask) == 0;
        if (is_first && header_bytes >= kIpv4Bytes && left > header_bytes) {
            read_ports(ends, ip + header_bytes, left - header_bytes);
        }
    } else if (ethernet.type == kEtherTypeIpv6 && left >= kIpv6Bytes) {
        ends.protocol = static_cast<Protocol>(ip[kIpv6NextHeaderOffset]);
        ends.source = IpAddress::load_ipv6(ip + kIpv6SourceOffset);
        ends.destination = IpAddress::load_ipv6(ip + kIpv6DestinationOffset);
        ends.is_known = true;
        read_ports(ends, ip + kIpv6Bytes, left - kIpv6Bytes);
    }
    return ends;
}

bool matches(const MirrorTap& tap, const MirrorCandidate& candidate) {
    if (tap.protocol != Protocol{} && candidate.in.protocol != tap.protocol &&
        candidate.out.protocol != tap.protocol) {
        return false;
    }
    if (!shows(candidate, tap.hosts, tap.port)) {
        return false;
    }
    if (candidate.is_of_service) {
        return matches_roles(tap, candidate);
    }
    // Of no service, "client", "service" and "server" are ends as any.
    return shows(candidate, tap.clients, tap.client_port) &&
           shows(candidate, tap.virtual_addresses, tap.virtual_port) &&
           shows(candidate, tap.servers, tap.server_port);
}

Mirror::Mirror(const MirrorSink& sink, const HashKey& key, const TableMemory& memory)
    : sink_(sink), key_(key), kept_(memory, bytes(sink)) {}

// Without a ring, an array that is there all the same.
uint64_t Mirror::bytes(const MirrorSink& sink) {
    return sink.ring == nullptr ? kMirroredHeaderBytes : uint64_t{kBurstMax} * kMirroredBytesMax;
}

void Mirror::set(uint8_t number, const MirrorTap& tap) {
    if (number >= kTapsMax || sink_.ring == nullptr) {
        return;
    }
    Tap& own = taps_[number];
    own.settings = tap;
    own.settings.snap_bytes =
        static_cast<uint16_t>(std::min<uint32_t>(tap.snap_bytes, kMirroredBytesMax));
    own.limiter = RateLimiter(tap.packets_per_second);
    own.wants_ends = has_ends(tap);
    taps_on_ = 0;
    ends_wanted_ = false;
    snap_max_ = 0;
    for (size_t i = 0; i < kTapsMax; ++i) {
        if (taps_[i].settings.is_on) {
            taps_on_ = static_cast<uint8_t>(taps_on_ | 1U << i);
            ends_wanted_ = ends_wanted_ || taps_[i].wants_ends;
            snap_max_ = std::max<uint32_t>(snap_max_, taps_[i].settings.snap_bytes);
        }
    }
    simple_tap_ = 0;
    const bool is_one = std::has_single_bit(taps_on_);
    const Tap& first = taps_[is_one ? static_cast<size_t>(std::countr_zero(taps_on_)) : 0];
    if (is_one && !first.wants_ends && !first.settings.only_drops && snap_max_ == 0 &&
        first.settings.packets_per_second == 0) {
        simple_tap_ = taps_on_;
        simple_one_in_ = first.settings.one_in;
    }
    stride_ = snap_max_ <= kMirroredHeaderBytes ? kMirroredHeaderBytes : kMirroredBytesMax;
}

bool Mirror::wants(const Tap& tap, const Offer& offer) const {
    const MirrorTap& settings = tap.settings;
    if ((settings.only_drops && !offer.is_drop) ||
        (settings.only_balanced && !offer.is_of_service)) {
        return false;
    }
    if (settings.one_in > 1 && !is_drawn(offer.client, settings.one_in)) {
        return false;
    }
    return !tap.wants_ends || matches(settings, *offer.candidate);
}

uint8_t Mirror::choose(const Offer& offer, TimePoint now) {
    uint8_t chosen = 0;
    for (uint32_t left = taps_on_; left != 0; left &= left - 1) {
        const auto number = static_cast<size_t>(std::countr_zero(left));
        Tap& tap = taps_[number];
        if (!wants(tap, offer)) {
            continue;
        }
        const auto bit = static_cast<uint8_t>(1U << number);
        if (tap.settings.packets_per_second != 0 && !tap.limiter.admits(now)) {
            count(sink_.counters->limited, bit, 1);
        } else {
            chosen = static_cast<uint8_t>(chosen | bit);
        }
    }
    return chosen;
}

uint32_t Mirror::snap_bytes(uint8_t taps) const {
    uint32_t snap = 0;
    for (uint32_t left = taps; left != 0; left &= left - 1) {
        const Tap& tap = taps_[static_cast<size_t>(std::countr_zero(left))];
        snap = std::max<uint32_t>(snap, tap.settings.snap_bytes);
    }
    return snap;
}

MirrorWriter::~MirrorWriter() {
    count_run();
    sink_.commit(sink_.ring, used_);
    // The reader had these lines last: to get them back takes longer than to fill them.
    constexpr uint32_t kSlotsPerLine = 4;
    for (uint32_t i = 0; i < std::min(used_, room_.count); i += kSlotsPerLine) {
        __builtin_prefetch(room_.at + i, 1);
    }
}

void MirrorWriter::count_run() {
    count(sink_.counters->records, run_taps_, run_);
    run_ = 0;
}

void MirrorWriter::count_missed(uint8_t taps) {
    count(sink_.counters->missed, taps, 1);
}

// A record lies in one piece: what is left before the ring's beginning becomes a filler.
bool MirrorWriter::wrap(uint32_t slots) {
    if (slots > room_.more_count) {
        return false;
    }
    if (room_.count != 0) {
        MirrorRecord filler;
        filler.slots = static_cast<uint16_t>(room_.count);
        std::memcpy(room_.at, &filler, sizeof(MirrorSlot));
        used_ += room_.count;
    }
    room_ = {room_.more, room_.more_count, nullptr, 0};
    return true;
}

}  // namespace director::dataplane
