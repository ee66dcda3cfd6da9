#include "controlplane/sync/translate.h"

#include "controlplane/sync/ipvs_states.h"

namespace director::sync {

using dataplane::ConnState;
using dataplane::ForwardingMethod;
using dataplane::SyncRecord;
using dataplane::SyncSequence;

namespace {

// IP_VS_CONN_F_MASQ and its neighbours.
constexpr uint32_t kMasquerade = 0;
constexpr uint32_t kLocalNode = 1;
constexpr uint32_t kTunnel = 2;
constexpr uint32_t kDirectRoute = 3;

[[nodiscard]] std::optional<uint32_t> method_bits(ForwardingMethod method) {
    switch (method) {
        case ForwardingMethod::kNat:
            return kMasquerade;
        case ForwardingMethod::kLocal:
            return kLocalNode;
        case ForwardingMethod::kTunnel:
            return kTunnel;
        case ForwardingMethod::kDirect:
            return kDirectRoute;
        case ForwardingMethod::kFullNat:
            return std::nullopt;
    }
    return std::nullopt;
}

[[nodiscard]] std::optional<ForwardingMethod> method_of(uint32_t flags) {
    switch (flags & ipvs_flag::kMethodMask) {
        case kMasquerade:
            return ForwardingMethod::kNat;
        case kLocalNode:
            return ForwardingMethod::kLocal;
        case kTunnel:
            return ForwardingMethod::kTunnel;
        case kDirectRoute:
            return ForwardingMethod::kDirect;
        default:
            return std::nullopt;  // bypass: a cache cluster's transparent way out
    }
}

[[nodiscard]] IpvsSequence to_wire(const SyncSequence& sequence) {
    if (!sequence.is_set) {
        return {};
    }
    return {sequence.initial,
            static_cast<uint32_t>(sequence.delta),
            static_cast<uint32_t>(sequence.previous_delta)};
}

[[nodiscard]] SyncSequence from_wire(const IpvsSequence& sequence, bool is_set) {
    if (!is_set) {
        return {};
    }
    return {sequence.initial,
            static_cast<int32_t>(sequence.delta),
            static_cast<int32_t>(sequence.previous_delta),
            true};
}

// Whether IPVS's two sequence structures say all of it: they know no timestamps.
[[nodiscard]] bool fits_sequences(const dataplane::SyncAdjustment& adjustment) {
    return adjustment.timestamp_delta == 0 && adjustment.window_shift == 0;
}

void add_adjustment(const dataplane::SyncAdjustment& adjustment, IpvsRecord& record) {
    record.flags |= adjustment.client.is_set ? ipvs_flag::kInSequence : 0;
    record.flags |= adjustment.server.is_set ? ipvs_flag::kOutSequence : 0;
    if (record.has(ipvs_flag::kSequences)) {
        record.sequences = {to_wire(adjustment.client), to_wire(adjustment.server)};
    }
}

}  // namespace

std::optional<IpvsRecord> to_ipvs(const SyncRecord& record) {
    const auto method = method_bits(record.forwarding);
    const auto state = to_ipvs_state(record.state);
    const Family family = record.client.address.family();
    const bool is_one_family = record.virtual_service.address.family() == family &&
                               record.real_server.address.family() == family;
    if (!method || !state || !is_one_family ||
        (record.has_adjustment && !fits_sequences(record.adjustment))) {
        return std::nullopt;
    }
    IpvsRecord wire;
    wire.protocol =
        record.is_template && record.mark != 0 ? uint8_t{0} : static_cast<uint8_t>(record.protocol);
    wire.flags = *method;
    // What a connection has of its destination there (__ip_vs_update_dest).
    if (*method != kMasquerade) {
        wire.flags |= ipvs_flag::kNoOutput;
    }
    if (record.is_template) {
        wire.flags |= ipvs_flag::kTemplate | ipvs_flag::kInactive;
        wire.state = kIpvsTemplateAssured;
    } else {
        wire.flags |= is_active(record.state) ? 0 : ipvs_flag::kInactive;
        wire.state = *state;
    }
    wire.client = record.client;
    wire.virtual_service = record.virtual_service;
    wire.real_server = record.real_server;
    wire.mark = record.mark;
    wire.timeout_seconds = record.timeout_seconds;
    if (record.has_adjustment) {
        add_adjustment(record.adjustment, wire);
    }
    return wire;
}

std::optional<SyncRecord> from_ipvs(const IpvsRecord& wire) {
    const auto method = method_of(wire.flags);
    const bool is_template = wire.has(ipvs_flag::kTemplate);
    if (!method || wire.has(ipvs_flag::kNoClientPort)) {
        return std::nullopt;
    }
    SyncRecord record;
    record.protocol = static_cast<Protocol>(wire.protocol);
    record.is_template = is_template;
    if (!is_template) {
        const auto state = from_ipvs_state(record.protocol, wire.state);
        if (!state) {
            return std::nullopt;
        }
        record.state = *state;
    }
    record.forwarding = *method;
    record.client = wire.client;
    record.virtual_service = wire.virtual_service;
    record.real_server = wire.real_server;
    record.local = wire.client;
    record.mark = wire.mark;
    record.timeout_seconds = wire.timeout_seconds;
    if (wire.sequences) {
        record.adjustment.client = from_wire(wire.sequences->in, wire.has(ipvs_flag::kInSequence));
        record.adjustment.server =
            from_wire(wire.sequences->out, wire.has(ipvs_flag::kOutSequence));
        record.has_adjustment = record.adjustment.client.is_set || record.adjustment.server.is_set;
    }
    return record;
}

}  // namespace director::sync
