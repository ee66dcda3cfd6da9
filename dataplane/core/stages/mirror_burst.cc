// Copies of chosen packets for the diagnostics thread: what came is noted before anything changes
// it, whose it is once that is known, and both are told when the packet's way is decided.
//
// Nearly all packets are translated plainly. Of those only the departure is copied; what the
// translation changed fits into the record's head, and the diagnostics thread makes the arrival of
// it (rebuild_arrival). That is half of the bytes.
#include <algorithm>
#include <cstring>

#include "dataplane/core/codecs/frame.h"
#include "dataplane/core/stages/tcp_state.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

static_assert(kNoMirroredConnection == kNoConnection);

[[nodiscard]] uint16_t saturated(uint32_t bytes) {
    return static_cast<uint16_t>(std::min<uint32_t>(bytes, UINT16_MAX));
}

[[nodiscard]] uint32_t header_bytes(const Packet& packet) {
    if (!packet.has_l4_header) {
        return kMirroredHeaderBytes;  // ICMP quotes, fragments
    }
    switch (packet.protocol) {
        case Protocol::kTcp:
            return packet.l4_offset + (packet.data[packet.l4_offset + kTcpDataOffset] >> 4U) * 4U;
        case Protocol::kUdp:
            return packet.l4_offset + kUdpBytes;
        default:
            return kMirroredHeaderBytes;
    }
}

// So far as parsing tells. A SYN may be answered or get another segment size, with fragments
// addresses may change the length, and tags come and go.
[[nodiscard]] bool may_be_plain(const Packet& packet) {
    return packet.verdict == Verdict::kUndecided && packet.is_ipv4 && packet.has_l4_header &&
           packet.l3_offset == kEthernetBytes && (packet.tcp_flags & (kTcpSyn | kTcpRst)) == 0 &&
           (packet.protocol == Protocol::kTcp || packet.protocol == Protocol::kUdp) &&
           !packet.is_resumed && !packet.is_to_follow;
}

[[nodiscard]] bool is_plain(const Connection& connection, const Packet& packet) {
    return connection.translation == Translation::kIpv4 && !connection.has(kHasAdjustment) &&
           !packet.is_icmp_error && !packet.is_fragment;
}

void keep(Mirror& mirror, MirroredArrival& arrival, const Packet& packet) {
    const uint32_t kept_max = std::max(mirror.snap_bytes_max(), kMirroredHeaderBytes);
    const uint32_t kept = std::min(packet.contiguous_bytes, kept_max);
    arrival.kept_bytes = static_cast<uint16_t>(kept);
    arrival.form = ArrivalForm::kKept;
    copy_mirrored(mirror.kept(packet), packet.data, kept);
}

void note_arrival(Mirror& mirror, MirroredArrival& arrival, const Packet& packet) {
    arrival.form = ArrivalForm::kInFrame;
    if (mirror.snap_bytes_max() != 0 || !may_be_plain(packet)) {
        arrival.wire_bytes = saturated(packet.length_bytes);
        arrival.header_bytes = saturated(std::min(
            packet.verdict == Verdict::kUndecided ? header_bytes(packet) : kMirroredHeaderBytes,
            packet.contiguous_bytes));
        keep(mirror, arrival, packet);
    }
}

// Of a packet whose frame has the length that it came with.
void complete_from_frame(MirroredArrival& arrival, const Packet& packet) {
    arrival.wire_bytes = saturated(packet.length_bytes);
    arrival.kept_bytes = saturated(packet.contiguous_bytes);
    arrival.header_bytes = saturated(std::min(header_bytes(packet), packet.contiguous_bytes));
}

void complete_from_connection(const Worker::State& state, MirroredArrival& arrival) {
    const Connection& connection = state.connections[arrival.connection];
    arrival.server = connection.server;
    arrival.service = state.server_tallies[index(connection.server)].service;
    arrival.client = connection.ends(Side::kOutside).client.bits;
}

void note_owner(Worker::State& state, MirroredArrival& arrival, const Packet& packet) {
    arrival.connection = packet.connection;
    const bool goes_on = packet.verdict == Verdict::kUndecided;
    if (packet.connection != kNoConnection && arrival.form == ArrivalForm::kInFrame && goes_on &&
        is_plain(state.connections[packet.connection], packet)) [[likely]] {
        arrival.form = ArrivalForm::kRebuilt;
        arrival.ttl = packet.data[packet.l3_offset + kIpTtlOffset];
        std::memcpy(arrival.macs.data(), packet.data, arrival.macs.size());
        return;
    }
    arrival.service = packet.service;
    arrival.direction = packet.direction;
    arrival.server = kNoRealServer;
    arrival.client = packet.source.bits;
    if (packet.connection != kNoConnection) {
        complete_from_connection(state, arrival);
    }
    if (arrival.form == ArrivalForm::kInFrame) {
        complete_from_frame(arrival, packet);
        if (goes_on) {
            keep(state.mirror, arrival, packet);
        }
    }
}

// How a packet ended, as records have it.
struct Ending {
    MirrorOutcome outcome;
    DropReason reason;
    bool has_departure;
};

[[nodiscard]] Ending ending_of(const Packet& packet) {
    switch (packet.verdict) {
        case Verdict::kForward:
            return packet.is_answer ? Ending{MirrorOutcome::kAnswered, packet.answered_reason, true}
                                    : Ending{MirrorOutcome::kForwarded, {}, true};
        case Verdict::kForwardCut:
            return {MirrorOutcome::kCut, {}, true};
        case Verdict::kPuntForNeighbour:
            return {MirrorOutcome::kWaits, {}, true};
        case Verdict::kPunt:
            return {MirrorOutcome::kPunted, {}, false};
        case Verdict::kDrop:
        case Verdict::kHandOver:
        case Verdict::kHold:
        case Verdict::kUndecided:
            break;
    }
    return {MirrorOutcome::kDropped,
            packet.is_answer ? packet.answered_reason : packet.drop_reason,
            false};
}

[[nodiscard]] bool is_loss(MirrorOutcome outcome) {
    return outcome == MirrorOutcome::kDropped || outcome == MirrorOutcome::kAnswered ||
           outcome == MirrorOutcome::kLost;
}

// What was found out about a packet, for taps with conditions to look at.
struct Sighting {
    std::span<const uint8_t> in;
    std::span<const uint8_t> out;
    uint32_t connection = kNoConnection;
    bool is_of_service = false;
    Direction direction{};
};

[[nodiscard]] MirrorCandidate candidate_of(const Worker::State& state, const Sighting& sighting) {
    MirrorCandidate candidate;
    candidate.is_of_service = sighting.is_of_service;
    candidate.direction = sighting.direction;
    candidate.in = frame_ends(sighting.in.data(), static_cast<uint32_t>(sighting.in.size()));
    candidate.out = frame_ends(sighting.out.data(), static_cast<uint32_t>(sighting.out.size()));
    if (sighting.connection != kNoConnection && state.connections.is_used(sighting.connection)) {
        const Endpoint server = state.connections.endpoint(
            state.connections[sighting.connection], Side::kInside, Role::kServer);
        candidate.server = server.address;
        candidate.server_port = server.port;
    }
    return candidate;
}

// What the packet showed as it came, when its frame shows the other side.
void restore_ends(const Packet& packet, FrameEnds& in) {
    in.source = packet.source.ipv4();
    in.destination = packet.destination.ipv4();
    in.source_port = packet.source.port();
    in.destination_port = packet.destination.port();
}

[[nodiscard]] bool is_to_rebuild(const MirroredArrival& arrival, const Packet& packet) {
    return arrival.form == ArrivalForm::kKeptToRebuild ||
           (arrival.form == ArrivalForm::kRebuilt && packet.is_translated);
}

// The frame that the arrival's bytes are in: with or without what is to be put back.
[[nodiscard]] const uint8_t* arrival_bytes(Mirror& mirror, const Packet& packet) {
    const ArrivalForm form = mirror.arrival(packet).form;
    const bool is_kept = form == ArrivalForm::kKept || form == ArrivalForm::kKeptToRebuild;
    return is_kept ? mirror.kept(packet) : packet.data;
}

[[nodiscard]] uint8_t choose(Worker::State& state, const Packet& packet, const Ending& ending) {
    Mirror& mirror = state.mirror;
    const MirroredArrival& arrival = mirror.arrival(packet);
    Mirror::Offer offer{.candidate = nullptr,
                        .client = arrival.client,
                        .is_of_service = arrival.service != kNoService,
                        .is_drop = is_loss(ending.outcome)};
    if (!mirror.looks_at_ends()) {
        return mirror.choose(offer, state.now);
    }
    Sighting sighting{.in = {arrival_bytes(mirror, packet), arrival.kept_bytes},
                      .out = {},
                      .connection = arrival.connection,
                      .is_of_service = offer.is_of_service,
                      .direction = arrival.direction};
    if (ending.has_departure) {
        sighting.out = {packet.data, packet.contiguous_bytes};
    }
    MirrorCandidate candidate = candidate_of(state, sighting);
    if (is_to_rebuild(arrival, packet)) {
        restore_ends(packet, candidate.in);
    }
    offer.candidate = &candidate;
    return mirror.choose(offer, state.now);
}

// Of headers alone, what left has as many more or fewer as the frame grew or shrank.
[[nodiscard]] uint32_t kept_out_bytes(const MirroredArrival& arrival,
                                      const Packet& packet,
                                      uint32_t snap) {
    if (snap != 0) {
        return std::min(packet.contiguous_bytes, snap);
    }
    const uint32_t header = packet.is_answer
                                ? kMirroredHeaderBytes
                                : arrival.header_bytes + packet.length_bytes - arrival.wire_bytes;
    return std::min({packet.contiguous_bytes, header, kMirroredHeaderBytes});
}

void fill_before(const MirroredArrival& arrival, const Packet& packet, MirrorRecord& record) {
    record.flags = record.flags | kMirrorRebuild;
    record.ttl = arrival.ttl;
    record.before.macs = arrival.macs;
    record.before.source = packet.source.ipv4().bits.raw;
    record.before.destination = packet.destination.ipv4().bits.raw;
    record.before.source_port = packet.source.port().raw;
    record.before.destination_port = packet.destination.port().raw;
}

[[nodiscard]] uint8_t flags_of(bool is_of_service, Direction direction) {
    const uint8_t service = is_of_service ? kMirrorOfService : uint8_t{0};
    const uint8_t client = direction == Direction::kClientToServer ? kMirrorFromClient : uint8_t{0};
    return service | client;
}

void tell(Worker::State& state, const Packet& packet, MirrorWriter& writer) {
    if (packet.verdict == Verdict::kHandOver || packet.verdict == Verdict::kHold) {
        return;  // its owner tells, or the burst in which it goes on
    }
    Mirror& mirror = state.mirror;
    MirroredArrival& arrival = mirror.arrival(packet);
    if (arrival.form == ArrivalForm::kRebuilt) {
        arrival.direction = packet.direction;
        complete_from_frame(arrival, packet);
        complete_from_connection(state, arrival);
    }
    const Ending ending = ending_of(packet);
    const uint8_t taps = choose(state, packet, ending);
    if (taps == 0) {
        return;
    }
    const uint32_t snap = mirror.snap_bytes(taps);
    const bool is_rebuilt = is_to_rebuild(arrival, packet);
    const bool is_departure_enough =
        is_rebuilt && ending.has_departure && arrival.form == ArrivalForm::kRebuilt;
    const uint32_t in_wanted = snap == 0 ? arrival.header_bytes : snap;
    const uint32_t in = is_departure_enough ? 0 : std::min<uint32_t>(arrival.kept_bytes, in_wanted);
    const uint32_t out = ending.has_departure ? kept_out_bytes(arrival, packet, snap) : 0;
    const MirrorWriter::Place place = writer.add(taps, in, out);
    if (place.record == nullptr) {
        return;
    }
    MirrorRecord record;
    record.slots = place.record->slots;
    record.taps = taps;
    record.outcome = ending.outcome;
    record.reason = ending.reason;
    record.flags = static_cast<uint8_t>(flags_of(arrival.service != kNoService, arrival.direction) |
                                        kMirrorArrival |
                                        (ending.has_departure ? kMirrorDeparture : uint8_t{0}));
    record.in_port = static_cast<uint8_t>(index(packet.in_port));
    record.out_port = static_cast<uint8_t>(index(packet.out_port));
    record.time_ns = state.now.time_since_epoch().count();
    record.connection = arrival.connection;
    record.service = arrival.service;
    record.server = arrival.server;
    record.wire_in_bytes = arrival.wire_bytes;
    record.wire_out_bytes = ending.has_departure ? saturated(packet.length_bytes) : uint16_t{0};
    record.kept_in_bytes = static_cast<uint16_t>(in);
    record.kept_out_bytes = static_cast<uint16_t>(out);
    if (is_rebuilt) {
        fill_before(arrival, packet, record);
    }
    *place.record = record;
    copy_mirrored(place.in, arrival_bytes(mirror, packet), in);
    copy_mirrored(place.out, packet.data, out);
}

// The same of the usual packet.
void tell_plain(const Worker::State& state,
                const MirroredArrival& arrival,
                const Packet& packet,
                MirrorWriter& writer) {
    const Connection& connection = state.connections[arrival.connection];
    const uint8_t taps = state.mirror.choose_simple(connection.ends(Side::kOutside).client.bits);
    if (taps == 0) {
        return;
    }
    const uint32_t out = std::min(header_bytes(packet), packet.contiguous_bytes);
    const MirrorWriter::Place place = writer.add(taps, 0, out);
    if (place.record == nullptr) {
        return;
    }
    MirrorRecord& record = *place.record;
    record.outcome = MirrorOutcome::kForwarded;
    record.reason = {};
    record.flags = flags_of(true, packet.direction) | kMirrorArrival | kMirrorDeparture;
    record.in_port = static_cast<uint8_t>(index(packet.in_port));
    record.out_port = static_cast<uint8_t>(index(packet.out_port));
    record.time_ns = state.now.time_since_epoch().count();
    record.connection = arrival.connection;
    record.service = packet.service;
    record.server = connection.server;
    record.wire_in_bytes = record.wire_out_bytes = saturated(packet.length_bytes);
    record.kept_in_bytes = 0;
    record.kept_out_bytes = static_cast<uint16_t>(out);
    fill_before(arrival, packet, record);
    copy_mirrored(place.out, packet.data, out);
}

[[nodiscard]] bool is_usual(const MirroredArrival& arrival, const Packet& packet) {
    return arrival.form == ArrivalForm::kRebuilt && packet.verdict == Verdict::kForward &&
           !packet.is_answer;
}

// A frame that is not in this burst, or has been told of in it already: as it came, when it was
// dropped, else as it left or was to leave.
void tell_alone(Worker::State& state,
                MirrorOutcome outcome,
                DropReason reason,
                const Packet& packet) {
    MirrorRecord head;
    head.service = packet.service;
    uint64_t client = packet.source.bits;
    if (packet.connection != kNoConnection && state.connections.is_used(packet.connection)) {
        const Connection& connection = state.connections[packet.connection];
        head.connection = packet.connection;
        head.server = connection.server;
        head.service = state.server_tallies[index(connection.server)].service;
        client = connection.ends(Side::kOutside).client.bits;
    }
    const bool has_come = outcome == MirrorOutcome::kDropped;
    const bool is_of_service = head.service != kNoService;
    const std::span<const uint8_t> bytes(packet.data, packet.contiguous_bytes);
    const MirrorCandidate candidate =
        candidate_of(state,
                     {.in = has_come ? bytes : std::span<const uint8_t>(),
                      .out = has_come ? std::span<const uint8_t>() : bytes,
                      .connection = head.connection,
                      .is_of_service = is_of_service,
                      .direction = packet.direction});
    // What the worker makes is for a service's connection.
    const Mirror::Offer offer{.candidate = &candidate,
                              .client = client,
                              .is_of_service = is_of_service || outcome == MirrorOutcome::kMade,
                              .is_drop = is_loss(outcome)};
    const uint8_t taps = state.mirror.choose(offer, state.now);
    const uint32_t snap = state.mirror.snap_bytes(taps);
    const uint32_t kept =
        std::min(packet.contiguous_bytes, snap == 0 ? kMirroredHeaderBytes : snap);
    if (taps == 0) {
        return;
    }
    MirrorWriter writer(state.mirror.sink(), kRecordSlotsMax);
    const auto place = writer.add(taps, has_come ? kept : 0, has_come ? 0 : kept);
    if (place.record == nullptr) {
        return;
    }
    head.slots = place.record->slots;
    head.taps = taps;
    head.outcome = outcome;
    head.reason = reason;
    head.flags = static_cast<uint8_t>(flags_of(is_of_service, packet.direction) |
                                      (has_come ? kMirrorArrival : kMirrorDeparture));
    head.in_port = static_cast<uint8_t>(index(packet.in_port));
    head.out_port = static_cast<uint8_t>(index(packet.out_port));
    head.time_ns = state.now.time_since_epoch().count();
    (has_come ? head.wire_in_bytes : head.wire_out_bytes) = saturated(packet.length_bytes);
    (has_come ? head.kept_in_bytes : head.kept_out_bytes) = static_cast<uint16_t>(kept);
    *place.record = head;
    copy_mirrored(has_come ? place.in : place.out, packet.data, kept);
}

// Of a group, with a filler before the ring's beginning.
[[nodiscard]] uint32_t slots_for(const Mirror& mirror, Packets packets) {
    const uint32_t bytes = std::max(mirror.snap_bytes_max(), kMirroredHeaderBytes);
    const uint32_t slots = mirror_slots(sizeof(MirrorRecord)) + 2 * mirror_slots(bytes);
    return static_cast<uint32_t>(packets.size() + 1) * slots;
}

}  // namespace

void mirror_arrivals_burst(Worker::State& state, Packets packets) {
    if (!state.mirror.is_on()) {
        return;
    }
    size_t place = Mirror::place(packets.front());
    for (const Packet& packet : packets) {
        note_arrival(state.mirror, state.mirror.arrival_at(place++), packet);
    }
}

// Here, since the next stages may end the connection or forget it.
void mirror_owners_burst(Worker::State& state, Packets packets) {
    if (!state.mirror.is_on()) {
        return;
    }
    size_t place = Mirror::place(packets.front());
    for (const Packet& packet : packets) {
        note_owner(state, state.mirror.arrival_at(place++), packet);
    }
}

void mirror_departures_burst(Worker::State& state, Packets packets) {
    Mirror& mirror = state.mirror;
    if (!mirror.is_on()) {
        return;
    }
    MirrorWriter writer(mirror.sink(), slots_for(mirror, packets));
    size_t place = Mirror::place(packets.front());
    for (const Packet& packet : packets) {
        const MirroredArrival& arrival = mirror.arrival_at(place++);
        if (mirror.is_simple() && is_usual(arrival, packet)) {
            tell_plain(state, arrival, packet, writer);
        } else {
            tell(state, packet, writer);
        }
    }
}

void mirror_before_replacement(Worker::State& state, const Packet& packet) {
    if (!state.mirror.is_on()) {
        return;
    }
    MirroredArrival& arrival = state.mirror.arrival(packet);
    const ArrivalForm before = arrival.form;
    if (before == ArrivalForm::kInFrame || before == ArrivalForm::kRebuilt) {
        complete_from_frame(arrival, packet);
        if (before == ArrivalForm::kRebuilt) {
            arrival.direction = packet.direction;
            complete_from_connection(state, arrival);
        }
        const bool is_to_be_rebuilt = is_to_rebuild(arrival, packet);
        keep(state.mirror, arrival, packet);
        arrival.form = is_to_be_rebuilt ? ArrivalForm::kKeptToRebuild : ArrivalForm::kKept;
    }
}

// They are of no connection that is still known here; filters go by their addresses.
void mirror_made_frames(Worker::State& state) {
    for (uint32_t i = 0; i < state.made_frame_count; ++i) {
        MadeFrame& frame = state.made_frames[i];
        Packet packet;
        packet.data = frame.bytes.data();
        packet.length_bytes = frame.length_bytes;
        packet.contiguous_bytes = frame.length_bytes;
        packet.out_port = frame.out_port;
        packet.connection = kNoConnection;
        tell_alone(state, MirrorOutcome::kMade, {}, packet);
    }
}

// What another worker or the kernel was to get has not been told of as sent.
void mirror_loss(Worker::State& state, const Packet& packet, DropReason reason) {
    const bool was_to_leave =
        packet.verdict != Verdict::kHandOver && packet.verdict != Verdict::kPunt;
    if (packet.data != nullptr) {
        tell_alone(
            state, was_to_leave ? MirrorOutcome::kLost : MirrorOutcome::kDropped, reason, packet);
    }
}

void set_tap(Worker::State& state, const TapJob& job) {
    state.mirror.set(job.number, job.tap);
}

}  // namespace director::dataplane
