#include "controlplane/plan/translate.h"

#include <algorithm>

namespace director::plan {
namespace {

IpAddress any_of(Family family) {
    return family == Family::kIpv4 ? IpAddress(Ipv4Address()) : IpAddress();
}

dataplane::ForwardingMethod translated(config::ForwardingMethod method) {
    using To = dataplane::ForwardingMethod;
    switch (method) {
        case config::ForwardingMethod::kNat:
            return To::kNat;
        case config::ForwardingMethod::kDirect:
            return To::kDirect;
        case config::ForwardingMethod::kTunnel:
            return To::kTunnel;
        case config::ForwardingMethod::kFullNat:
            return To::kFullNat;
        case config::ForwardingMethod::kLocal:
            return To::kLocal;
    }
    return To::kNat;
}

dataplane::Tunnel translated(const config::Tunnel& tunnel) {
    dataplane::Tunnel to;
    to.port = Be16::from_host(tunnel.port);
    switch (tunnel.type) {
        case config::TunnelType::kIpIp:
            to.kind = dataplane::TunnelKind::kIpIp;
            break;
        case config::TunnelType::kGue:
            to.kind = dataplane::TunnelKind::kGue;
            break;
        case config::TunnelType::kGre:
            to.kind = dataplane::TunnelKind::kGre;
            break;
    }
    switch (tunnel.checksum) {
        case config::TunnelChecksum::kNone:
            to.checksum = dataplane::TunnelChecksum::kNone;
            break;
        case config::TunnelChecksum::kFull:
            to.checksum = dataplane::TunnelChecksum::kFull;
            break;
        case config::TunnelChecksum::kRemote:
            to.checksum = dataplane::TunnelChecksum::kRemote;
            break;
    }
    return to;
}

dataplane::ClientAddressVia translated(config::ClientAddress via) {
    switch (via) {
        case config::ClientAddress::kNothing:
            return dataplane::ClientAddressVia::kNothing;
        case config::ClientAddress::kProxyV2:
            return dataplane::ClientAddressVia::kProxyV2;
        case config::ClientAddress::kTcpOption:
            return dataplane::ClientAddressVia::kTcpOption;
    }
    return dataplane::ClientAddressVia::kNothing;
}

dataplane::SynProxy translated(config::SynProxy when) {
    switch (when) {
        case config::SynProxy::kOff:
            return dataplane::SynProxy::kOff;
        case config::SynProxy::kUnderAttack:
            return dataplane::SynProxy::kUnderAttack;
        case config::SynProxy::kAlways:
            return dataplane::SynProxy::kAlways;
    }
    return dataplane::SynProxy::kOff;
}

dataplane::SynProxyOffer translated(const config::SynProxyOffer& offer) {
    return {.mss_ipv4 = offer.mss_ipv4,
            .mss_ipv6 = offer.mss_ipv6,
            .window_scale = offer.window_scale,
            .has_sack = offer.sack,
            .has_timestamps = offer.timestamps};
}

dataplane::AttackThresholds translated(const config::SynFlood& flood) {
    return {.half_open_on_percent = flood.half_open_on,
            .half_open_off_percent = flood.half_open_off,
            .syns_on_per_second = flood.syns_on,
            .syns_off_per_second = flood.syns_off,
            .hold_seconds = flood.hold};
}

// Those that a service may have of its own too.
template <typename Timeouts>
void take_timeouts(const Timeouts& timeouts, dataplane::ConnTimeouts& seconds) {
    using dataplane::ConnState;
    const auto set = [&seconds](ConnState state, uint32_t value) {
        seconds[static_cast<size_t>(state)] = value;
    };
    set(ConnState::kEstablished, timeouts.tcp_established);
    set(ConnState::kSynSent, timeouts.tcp_syn_sent);
    set(ConnState::kFinWait, timeouts.tcp_fin_wait);
    set(ConnState::kTimeWait, timeouts.tcp_time_wait);
    set(ConnState::kClose, timeouts.tcp_close);
    set(ConnState::kCloseWait, timeouts.tcp_close_wait);
    set(ConnState::kLastAck, timeouts.tcp_last_ack);
    set(ConnState::kListen, timeouts.tcp_listen);
    set(ConnState::kUdp, timeouts.udp);
    set(ConnState::kSctpInit1, timeouts.sctp_init1);
    set(ConnState::kSctpInit, timeouts.sctp_init);
    set(ConnState::kSctpCookieSent, timeouts.sctp_cookie_sent);
    set(ConnState::kSctpCookieReplied, timeouts.sctp_cookie_replied);
    set(ConnState::kSctpCookieWait, timeouts.sctp_cookie_wait);
    set(ConnState::kSctpCookie, timeouts.sctp_cookie);
    set(ConnState::kSctpCookieEchoed, timeouts.sctp_cookie_echoed);
    set(ConnState::kSctpEstablished, timeouts.sctp_established);
    set(ConnState::kSctpShutdownSent, timeouts.sctp_shutdown_sent);
    set(ConnState::kSctpShutdownReceived, timeouts.sctp_shutdown_received);
    set(ConnState::kSctpShutdownAckSent, timeouts.sctp_shutdown_ack_sent);
    set(ConnState::kSctpRejected, timeouts.sctp_rejected);
    set(ConnState::kSctpClosed, timeouts.sctp_closed);
}

}  // namespace

dataplane::ConnTimeouts timeouts_of(const config::Timeouts& timeouts) {
    using dataplane::ConnState;
    dataplane::ConnTimeouts seconds = dataplane::kDefaultConnTimeouts;
    take_timeouts(timeouts, seconds);
    seconds[static_cast<size_t>(ConnState::kSynRecv)] = timeouts.tcp_syn_recv;
    seconds[static_cast<size_t>(ConnState::kSynAck)] = timeouts.tcp_syn_ack;
    seconds[static_cast<size_t>(ConnState::kIcmp)] = timeouts.icmp;
    return seconds;
}

dataplane::ServiceKey key_of(const config::VirtualService& service) {
    if (service.mark != 0) {
        return {any_of(service.family()), Be16{}, Protocol::kAny, service.mark};
    }
    return {service.endpoint.address, service.endpoint.port, service.protocol, 0};
}

dataplane::SchedulerFlags flags_of(const config::VirtualService& service) {
    const auto has = [&service](config::SchedulerFlag flag) {
        return std::find(service.flags.begin(), service.flags.end(), flag) != service.flags.end();
    };
    return {has(config::SchedulerFlag::kHashPort),
            has(config::SchedulerFlag::kHashFallback),
            has(config::SchedulerFlag::kLikeIpvs),
            service.load_bound_percent};
}

dataplane::WhenServerGone when_gone(const config::VirtualService& service) {
    switch (service.when_server_gone) {
        case config::WhenServerGone::kExpire:
            return dataplane::WhenServerGone::kExpire;
        case config::WhenServerGone::kReset:
            return dataplane::WhenServerGone::kReset;
        case config::WhenServerGone::kLeave:
            return dataplane::WhenServerGone::kLeave;
    }
    return dataplane::WhenServerGone::kExpire;
}

dataplane::ServiceOptions options_of(const config::VirtualService& service) {
    dataplane::ServiceOptions to;
    to.persistence_seconds = service.persistence.timeout;
    to.persistence_prefix = service.persistence.prefix != 0
                                ? service.persistence.prefix
                                : IpPrefix::length_max(service.family());
    to.is_one_packet = service.one_packet;
    to.is_sloppy = service.sloppy_tcp;
    to.has_ftp_helper = service.ftp;
    to.clamp_mss = service.clamp_mss;
    to.drop_template_when_quiesced = service.persistence.drop_when_quiesced;
    to.is_stateless_when_full = service.stateless_when_full;
    to.client_address = translated(service.client_address);
    to.syn_proxy = translated(service.syn_proxy);
    to.syn_proxy_offer = translated(service.syn_proxy_offer);
    to.attack = translated(service.syn_flood);
    to.when_server_gone = when_gone(service);
    to.quic_id_offset = service.quic.id_offset;
    to.quic_id_bytes = service.quic.id_length;
    to.connections_per_second = service.limits.connections_per_second;
    to.connections_max = service.limits.connections_max;
    to.client_prefix_ipv4 = service.limits.client_prefix_ipv4;
    to.client_prefix_ipv6 = service.limits.client_prefix_ipv6;
    to.client_connections_per_second = service.limits.client_connections_per_second;
    to.client_connections_max = service.limits.client_connections_max;
    take_timeouts(service.timeouts, to.timeouts);
    return to;
}

dataplane::RealServerSlot slot_of(const config::RealServer& server) {
    dataplane::RealServerSlot slot;
    slot.endpoint = server.endpoint;
    slot.forwarding = translated(server.forwarding);
    slot.tunnel = translated(server.tunnel);
    slot.weight = server.weight;
    slot.connections_upper = server.upper_threshold;
    slot.connections_lower = server.lower_threshold;
    slot.quic_id = server.quic_id;
    return slot;
}

dataplane::MatchRule rule_of(const config::Match& match, dataplane::ServiceId service) {
    return {match.addresses.first,
            match.addresses.last,
            match.ports.first,
            match.ports.last,
            match.protocol,
            service};
}

dataplane::SourceNatRule rule_of(const config::SourceNat& rule) {
    dataplane::SourceNatRule to;
    to.source = rule.from;
    // "Everywhere" is everywhere in the clients' family.
    to.destination = rule.to.length == 0 ? IpPrefix{any_of(rule.from.family()), 0} : rule.to;
    return to;
}

}  // namespace director::plan
