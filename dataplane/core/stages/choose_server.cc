#include "dataplane/core/stages/choose_server.h"

#include <algorithm>

#include "dataplane/core/codecs/quic.h"
#include "dataplane/core/schedulers/schedulers.h"
#include "dataplane/core/stages/new_connection.h"
#include "dataplane/core/stages/tcp_state.h"

namespace director::dataplane {
namespace {

// Where a template's server stands in the table, if it may have the client's next connection: a
// persistent client is served even above a threshold (IPVS), and at weight 0 only if so configured.
[[nodiscard]] uint32_t usable_position(const Worker::State& state,
                                       const ServiceTable& table,
                                       RealServerId server) {
    const ServerTally& tally = state.server_tallies[index(server)];
    if (tally.service != table.id || tally.position >= table.servers.size()) {
        return kNoPosition;
    }
    const bool is_quiesced = table.servers[tally.position].weight == 0;
    return is_quiesced && table.options.drop_template_when_quiesced ? kNoPosition : tally.position;
}

[[nodiscard]] ScheduleInput input_of(const Worker::State& state,
                                     const Packet& packet,
                                     bool is_stateless) {
    const EndpointPair ends = endpoints_of(packet);
    return {address_fold(ends.client.address),
            address_fold(ends.server.address),
            ends.client.port.host(),
            to_seconds(state.tick),
            is_stateless};
}

[[nodiscard]] uint32_t schedule(const Worker::State& state,
                                ServiceTable& table,
                                const Packet& packet,
                                bool is_stateless) {
    return schedulers()[table.scheduler].pick(table, input_of(state, packet, is_stateless));
}

[[nodiscard]] ServerChoice choose_persistently(Worker::State& state,
                                               ServiceTable& table,
                                               const Packet& packet,
                                               bool is_stateless) {
    TemplateTable& templates = *state.settings.templates;
    const TemplateKey key = template_key(table, endpoints_of(packet).client.address);
    const uint32_t timeout = to_ticks(table.options.persistence_seconds);
    const TemplateUse known = templates.find(key, state.tick, timeout);
    if (known.server != kNoRealServer) {
        const uint32_t position = usable_position(state, table, known.server);
        if (position != kNoPosition) {
            return {position, known.ref};
        }
    }
    const uint32_t position = schedule(state, table, packet, is_stateless);
    if (position == kNoServer) {
        templates.release(known.ref, state.tick);
        return {};
    }
    const RealServerId server = table.servers[position].id;
    TemplateUse use{server, known.ref};
    if (known.ref != kNoTemplate) {
        use.server = templates.replace(known.ref, known.server, server);
    } else {
        use = templates.insert(key, server, state.tick, timeout);
    }
    // Another worker may have been first, and its table may be newer than ours.
    const uint32_t agreed = usable_position(state, table, use.server);
    return {agreed != kNoPosition ? agreed : position, use.ref};
}

[[nodiscard]] std::span<const uint8_t> udp_payload(const Packet& packet) {
    const uint32_t begin = packet.l4_offset + kUdpBytes;
    const uint32_t end =
        std::min(uint32_t{packet.l3_offset} + packet.ip_length, packet.contiguous_bytes);
    return {packet.data + begin, end > begin ? end - begin : 0};
}

// The server that a QUIC packet's connection id names: its connection goes on although the client
// has another address now. kNoPosition: no QUIC, or a client's first packet.
[[nodiscard]] uint32_t server_of_quic_id(const ServiceTable& table, const Packet& packet) {
    const ServiceOptions& options = table.options;
    if (options.quic_id_bytes == 0 || packet.protocol != Protocol::kUdp || !packet.has_l4_header) {
        return kNoPosition;
    }
    const auto id =
        quic_server_id(udp_payload(packet), options.quic_id_offset, options.quic_id_bytes);
    if (!id || is_quic_long_header(udp_payload(packet))) {
        return kNoPosition;
    }
    const uint32_t position = server_with_quic_id(table, *id);
    return position == kNoServer ? kNoPosition : position;
}

}  // namespace

TemplateKey template_key(const ServiceTable& table, const IpAddress& client) {
    const bool is_for_one_port =
        table.key.port.raw != 0 && table.key.mark == 0 && !table.options.has_ftp_helper;
    return {table.id,
            IpPrefix::masked(client, table.options.persistence_prefix),
            is_for_one_port ? table.key.port.host() : uint16_t{0}};
}

bool goes_stateless(const Worker::State& state, const ServiceTable& table) {
    return state.connections.is_full(false) && table.options.is_stateless_when_full &&
           schedulers()[table.scheduler].is_hash && !state.services[index(table.id)].sees_answers &&
           (state.settings.when_full != WhenFull::kEvictHalfOpen ||
            state.connections.timers().oldest_half_open() == TimerLists::kNone);
}

ForeseenServer foresee_server(const Worker::State& state,
                              ServiceTable& table,
                              const Packet& packet,
                              bool is_stateless) {
    ForeseenServer answer;
    if (table.options.persistence_seconds != 0 && state.settings.templates != nullptr) {
        answer.template_server = state.settings.templates->foresee(
            template_key(table, endpoints_of(packet).client.address), state.tick);
        if (answer.template_server != kNoRealServer) {
            answer.position = usable_position(state, table, answer.template_server);
            answer.is_by_template = answer.position != kNoPosition;
        }
    }
    if (answer.position == kNoPosition) {
        const uint32_t picked = foresee_pick(table, input_of(state, packet, is_stateless));
        answer.position = picked == kNoServer ? kNoPosition : picked;
    }
    return answer;
}

ServerChoice choose_server(Worker::State& state,
                           ServiceTable& table,
                           const Packet& packet,
                           bool is_stateless) {
    const uint32_t named = server_of_quic_id(table, packet);
    if (named != kNoPosition) {
        return {named, kNoTemplate};
    }
    if (table.options.persistence_seconds != 0 && state.settings.templates != nullptr) {
        return choose_persistently(state, table, packet, is_stateless);
    }
    const uint32_t position = schedule(state, table, packet, is_stateless);
    return {position == kNoServer ? kNoPosition : position, kNoTemplate};
}

}  // namespace director::dataplane
