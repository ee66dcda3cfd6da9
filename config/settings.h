// The one list of all settings: name, place in the Model, and what a value may be. parse.cc reads
// by it, print.cc writes by it, and the test of docs/configuration.md holds the page to it. A new
// setting is a member in model.h, a line here and a row on that page.
//
// A template, because the visitors (a reader, a printer, a describer) have nothing else in common.
// Visitors have these members; each `name` is unique within its group:
//
//   text(name, T&, const TextForm<T>&, Need)      "..."
//   texts(name, std::vector<T>&, const TextForm<T>&)  [ "...", ... ]
//   number(name, Integer&, Range, Need)           1
//   numbers(name, std::vector<uint16_t>&, Range)  [ 1, ... ]
//   choice(name, Enum&, std::span<const Choice<Enum>>)
//   flag(name, bool&)                             true
//   group(name, Struct&)                          { ... }
//   list(name, std::vector<Struct>&)              ( { ... }, ... )
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "config/model.h"
#include "config/setting_forms.h"
#include "config/settings_checks.h"
#include "config/settings_vrrp.h"

namespace director::config {

extern const TextForm<std::string> kInterfaceNameForm;
extern const TextForm<std::string> kDeviceForm;
extern const TextForm<std::string> kSocketPathForm;
extern const TextForm<std::string> kOptionalPathForm;
extern const TextForm<std::string> kListenAddressForm;
extern const TextForm<std::string> kGroupForm;
extern const TextForm<std::string> kSchedulerForm;
extern const TextForm<std::string> kArgumentForm;
extern const TextForm<IpPrefix> kInterfaceAddressForm;
extern const TextForm<IpPrefix> kDestinationForm;
extern const TextForm<Endpoint> kEndpointForm;
extern const TextForm<Endpoint> kServiceAddressForm;
extern const TextForm<IpPrefix> kPrefixForm;
extern const TextForm<AddressRange> kAddressRangeForm;
extern const TextForm<PortRange> kPortRangeForm;
extern const TextForm<std::string> kSyncInterfaceForm;
extern const TextForm<std::string> kSyncKeyForm;
extern const TextForm<SchedulerFlag> kSchedulerFlagForm;
extern const TextForm<std::string> kPoolNameForm;
extern const TextForm<std::string> kPoolReferenceForm;
extern const TextForm<std::string> kPrefixFileForm;

inline constexpr std::array kIdleModes{Choice<IdleMode>{"poll", IdleMode::kPoll},
                                       Choice<IdleMode>{"adaptive", IdleMode::kAdaptive}};
inline constexpr std::array kWhenFull{
    Choice<WhenFull>{"refuse", WhenFull::kRefuse},
    Choice<WhenFull>{"evict-half-open", WhenFull::kEvictHalfOpen}};
inline constexpr std::array kPortSides{Choice<PortSide>{"both", PortSide::kBoth},
                                       Choice<PortSide>{"clients", PortSide::kClients},
                                       Choice<PortSide>{"servers", PortSide::kServers}};
inline constexpr std::array kForwardingMethods{
    Choice<ForwardingMethod>{"nat", ForwardingMethod::kNat},
    Choice<ForwardingMethod>{"direct", ForwardingMethod::kDirect},
    Choice<ForwardingMethod>{"tunnel", ForwardingMethod::kTunnel},
    Choice<ForwardingMethod>{"full-nat", ForwardingMethod::kFullNat},
    Choice<ForwardingMethod>{"local", ForwardingMethod::kLocal}};
inline constexpr std::array kTunnelTypes{Choice<TunnelType>{"ipip", TunnelType::kIpIp},
                                         Choice<TunnelType>{"gue", TunnelType::kGue},
                                         Choice<TunnelType>{"gre", TunnelType::kGre}};
inline constexpr std::array kTunnelChecksums{
    Choice<TunnelChecksum>{"none", TunnelChecksum::kNone},
    Choice<TunnelChecksum>{"full", TunnelChecksum::kFull},
    Choice<TunnelChecksum>{"remote", TunnelChecksum::kRemote}};
inline constexpr std::array kSchedulerFlags{
    Choice<SchedulerFlag>{"hash-port", SchedulerFlag::kHashPort},
    Choice<SchedulerFlag>{"hash-fallback", SchedulerFlag::kHashFallback},
    Choice<SchedulerFlag>{"like-ipvs", SchedulerFlag::kLikeIpvs}};
inline constexpr std::array kClientAddresses{
    Choice<ClientAddress>{"nothing", ClientAddress::kNothing},
    Choice<ClientAddress>{"proxy-v2", ClientAddress::kProxyV2},
    Choice<ClientAddress>{"toa", ClientAddress::kTcpOption}};
inline constexpr std::array kSynProxies{Choice<SynProxy>{"off", SynProxy::kOff},
                                        Choice<SynProxy>{"under-attack", SynProxy::kUnderAttack},
                                        Choice<SynProxy>{"always", SynProxy::kAlways}};
inline constexpr std::array kWhenServerGone{
    Choice<WhenServerGone>{"expire", WhenServerGone::kExpire},
    Choice<WhenServerGone>{"reset", WhenServerGone::kReset},
    Choice<WhenServerGone>{"leave", WhenServerGone::kLeave}};
inline constexpr std::array kProtocols{Choice<Protocol>{"tcp", Protocol::kTcp},
                                       Choice<Protocol>{"udp", Protocol::kUdp},
                                       Choice<Protocol>{"sctp", Protocol::kSctp}};
inline constexpr std::array kMatchProtocols{Choice<Protocol>{"tcp", Protocol::kTcp},
                                            Choice<Protocol>{"udp", Protocol::kUdp},
                                            Choice<Protocol>{"sctp", Protocol::kSctp},
                                            Choice<Protocol>{"any", Protocol::kAny}};
inline constexpr std::array kSyncRoles{Choice<SyncRole>{"off", SyncRole::kOff},
                                       Choice<SyncRole>{"master", SyncRole::kMaster},
                                       Choice<SyncRole>{"backup", SyncRole::kBackup},
                                       Choice<SyncRole>{"both", SyncRole::kBoth}};
inline constexpr std::array kSyncProtocols{
    Choice<SyncProtocol>{"both", SyncProtocol::kBoth},
    Choice<SyncProtocol>{"ipvs", SyncProtocol::kIpvs},
    Choice<SyncProtocol>{"director", SyncProtocol::kDirector}};
inline constexpr std::array kLogLevels{Choice<LogLevel>{"debug", LogLevel::kDebug},
                                       Choice<LogLevel>{"info", LogLevel::kInfo},
                                       Choice<LogLevel>{"warning", LogLevel::kWarning},
                                       Choice<LogLevel>{"error", LogLevel::kError}};

inline constexpr Range kCpuRange{0, 1023};          // CPU_SETSIZE of the C library
inline constexpr Range kTimeoutRange{1, 2678400};   // 31 days, as ipvsadm has it
inline constexpr Range kCountRange{0, 2147483647};  // 0 = no limit
inline constexpr size_t kWorkersMax = 64;
inline constexpr uint32_t kConnectionsPerWorkerMin = 64;
inline constexpr size_t kInterfaceNameLengthMax = 15;  // IFNAMSIZ without the final NUL

template <typename Visitor>
void visit_settings(NotifyFifo& fifo, Visitor& visitor) {
    visitor.text("path", fifo.path, kOptionalPathForm, Need::kOptional);
    visitor.texts("program", fifo.program, kCommandForm);
}

template <typename Visitor>
void visit_settings(Control& control, Visitor& visitor) {
    visitor.text("socket", control.socket, kSocketPathForm, Need::kOptional);
    visitor.text("metrics_address", control.metrics_address, kListenAddressForm, Need::kOptional);
    visitor.number(
        "metrics_servers_max", control.metrics_servers_max, {0, 1000000}, Need::kOptional);
    visitor.text("admin_group", control.admin_group, kGroupForm, Need::kOptional);
    visitor.text("reader_group", control.reader_group, kGroupForm, Need::kOptional);
    visitor.choice("log_level", control.log_level, std::span(kLogLevels));
    visitor.text("log_file", control.log_file, kOptionalPathForm, Need::kOptional);
    visitor.group("notify_fifo", control.notify_fifo);
    visitor.group("vrrp_notify_fifo", control.vrrp_notify_fifo);
    visitor.group("lvs_notify_fifo", control.lvs_notify_fifo);
}

template <typename Visitor>
void visit_settings(Dataplane& dataplane, Visitor& visitor) {
    constexpr Need kOptional = Need::kOptional;
    visitor.texts("eal_arguments", dataplane.eal_arguments, kArgumentForm);
    visitor.number("main_cpu", dataplane.main_cpu, kCpuRange, kOptional);
    visitor.numbers("worker_cpus", dataplane.worker_cpus, kCpuRange);
    visitor.choice("idle", dataplane.idle, std::span(kIdleModes));
    visitor.number("realtime_priority", dataplane.realtime_priority, {0, 98}, kOptional);
    visitor.number("pool_frames", dataplane.pool_frames, {512, 1 << 24}, kOptional);
    visitor.number(
        "ring_entries", dataplane.ring_entries, {16, 65536, Shape::kPowerOfTwo}, kOptional);
    visitor.number("connections_max",
                   dataplane.connections_max,
                   {kConnectionsPerWorkerMin, 1 << 30},
                   kOptional);
    visitor.number(
        "detailed_connections_max", dataplane.detailed_connections_max, {0, 1 << 30}, kOptional);
    visitor.number("templates_max", dataplane.templates_max, {8, 1 << 26}, kOptional);
    visitor.number("services_max", dataplane.services_max, {1, 65536}, kOptional);
    visitor.number("real_servers_max", dataplane.real_servers_max, {1, 1 << 20}, kOptional);
    visitor.number("neighbours_max", dataplane.neighbours_max, {1, 65535}, kOptional);
    visitor.number("punts_per_second", dataplane.punts_per_second, {1, 10'000'000}, kOptional);
    visitor.choice("when_full", dataplane.when_full, std::span(kWhenFull));
    visitor.flag("decrement_ttl", dataplane.decrement_ttl);
}

// The timeouts that a service may have of its own.
template <typename AnyTimeouts, typename Function>
void each_timeout(AnyTimeouts& timeouts, const Function& each) {
    each("tcp_established", timeouts.tcp_established);
    each("tcp_syn_sent", timeouts.tcp_syn_sent);
    each("tcp_fin_wait", timeouts.tcp_fin_wait);
    each("tcp_time_wait", timeouts.tcp_time_wait);
    each("tcp_close", timeouts.tcp_close);
    each("tcp_close_wait", timeouts.tcp_close_wait);
    each("tcp_last_ack", timeouts.tcp_last_ack);
    each("tcp_listen", timeouts.tcp_listen);
    each("udp", timeouts.udp);
    each("sctp_init1", timeouts.sctp_init1);
    each("sctp_init", timeouts.sctp_init);
    each("sctp_cookie_sent", timeouts.sctp_cookie_sent);
    each("sctp_cookie_replied", timeouts.sctp_cookie_replied);
    each("sctp_cookie_wait", timeouts.sctp_cookie_wait);
    each("sctp_cookie", timeouts.sctp_cookie);
    each("sctp_cookie_echoed", timeouts.sctp_cookie_echoed);
    each("sctp_established", timeouts.sctp_established);
    each("sctp_shutdown_sent", timeouts.sctp_shutdown_sent);
    each("sctp_shutdown_received", timeouts.sctp_shutdown_received);
    each("sctp_shutdown_ack_sent", timeouts.sctp_shutdown_ack_sent);
    each("sctp_rejected", timeouts.sctp_rejected);
    each("sctp_closed", timeouts.sctp_closed);
}

template <typename Visitor>
void visit_settings(Timeouts& timeouts, Visitor& visitor) {
    const auto seconds = [&](std::string_view name, uint32_t& value) {
        visitor.number(name, value, kTimeoutRange, Need::kOptional);
    };
    each_timeout(timeouts, seconds);
    seconds("tcp_syn_recv", timeouts.tcp_syn_recv);
    seconds("tcp_syn_ack", timeouts.tcp_syn_ack);
    seconds("icmp", timeouts.icmp);
}

template <typename Visitor>
void visit_settings(ServiceTimeouts& timeouts, Visitor& visitor) {
    each_timeout(timeouts, [&](std::string_view name, uint32_t& value) {
        visitor.number(name, value, {0, kTimeoutRange.max}, Need::kOptional);
    });
}

template <typename Visitor>
void visit_settings(Sync& sync, Visitor& visitor) {
    constexpr Need kOptional = Need::kOptional;
    visitor.choice("role", sync.role, std::span(kSyncRoles));
    visitor.text("interface", sync.interface, kSyncInterfaceForm, kOptional);
    visitor.number("id", sync.id, {0, 255}, kOptional);
    visitor.choice("protocol", sync.protocol, std::span(kSyncProtocols));
    visitor.text("group", sync.group, kAddressForm, kOptional);
    visitor.number("port", sync.port, {1, 65535}, kOptional);
    visitor.number("ttl", sync.ttl, {1, 255}, kOptional);
    visitor.number("message_bytes", sync.message_bytes, {512, 65507}, kOptional);  // RFC 768
    visitor.texts("peers", sync.peers, kAddressForm);
    visitor.texts("allow", sync.allow, kPrefixForm);
    visitor.text("key", sync.key, kSyncKeyForm, kOptional);
    visitor.flag("accept_ipvs", sync.accept_ipvs);
    visitor.flag("bulk", sync.bulk);
    visitor.text("join_wait", sync.join_wait, kDurationForm, kOptional);
    visitor.number("threshold", sync.threshold, {0, 255}, kOptional);
    visitor.number("period", sync.period, {0, 65000}, kOptional);
    visitor.number("refresh_period", sync.refresh_period, {0, kTimeoutRange.max}, kOptional);
    visitor.number("retries", sync.retries, {0, 3}, kOptional);  // as IPVS
    visitor.flag("templates_only", sync.templates_only);
    visitor.number("queue_max", sync.queue_max, {64, 1 << 24}, kOptional);
    visitor.number("messages_per_second", sync.messages_per_second, {1, 1'000'000}, kOptional);
}

template <typename Visitor>
void visit_settings(Observation& diagnostics, Visitor& visitor) {
    constexpr Need kOptional = Need::kOptional;
    visitor.flag("health", diagnostics.health);
    visitor.number("sample", diagnostics.sample, {1, 1 << 20}, kOptional);
    visitor.number(
        "packets_per_second", diagnostics.packets_per_second, {0, 100'000'000}, kOptional);
    visitor.number("flows_max", diagnostics.flows_max, {64, 1 << 24}, kOptional);
    visitor.number("servers_max", diagnostics.servers_max, {0, 100'000}, kOptional);
}

template <typename Visitor>
void visit_settings(Vlan& vlan, Visitor& visitor) {
    visitor.number("id", vlan.id, {1, 4094}, Need::kRequired);  // IEEE 802.1Q, table 9-2
    visitor.number("outer_id", vlan.outer_id, {0, 4094}, Need::kOptional);
    visitor.number("mtu", vlan.mtu_bytes, {0, 9216}, Need::kOptional);
    visitor.texts("addresses", vlan.addresses, kInterfaceAddressForm);
}

template <typename Visitor>
void visit_settings(Port& port, Visitor& visitor) {
    constexpr Range kDescriptors{32, 32768};
    visitor.text("name", port.name, kInterfaceNameForm, Need::kRequired);
    visitor.text("device", port.device, kDeviceForm, Need::kRequired);
    visitor.choice("side", port.side, std::span(kPortSides));
    visitor.number("mtu", port.mtu_bytes, {68, 9216}, Need::kOptional);  // 68: RFC 791 section 3.2
    visitor.number("rx_descriptors", port.rx_descriptors, kDescriptors, Need::kOptional);
    visitor.number("tx_descriptors", port.tx_descriptors, kDescriptors, Need::kOptional);
    visitor.texts("addresses", port.addresses, kInterfaceAddressForm);
    visitor.list("vlans", port.vlans);
}

template <typename Visitor>
void visit_settings(Route& route, Visitor& visitor) {
    visitor.text("to", route.to, kDestinationForm, Need::kRequired);
    visitor.text("via", route.via, kAddressForm, Need::kRequired);
}

template <typename Visitor>
void visit_settings(Tunnel& tunnel, Visitor& visitor) {
    visitor.choice("type", tunnel.type, std::span(kTunnelTypes));
    visitor.number("port", tunnel.port, {0, 65535}, Need::kOptional);
    visitor.choice("checksum", tunnel.checksum, std::span(kTunnelChecksums));
}

template <typename Visitor>
void visit_settings(RealServer& server, Visitor& visitor) {
    visitor.text("address", server.endpoint, kEndpointForm, Need::kRequired);
    visitor.number("weight", server.weight, {0, 65535}, Need::kOptional);  // as IPVS
    visitor.choice("forwarding", server.forwarding, std::span(kForwardingMethods));
    visitor.group("tunnel", server.tunnel);
    visitor.number("upper_threshold", server.upper_threshold, kCountRange, Need::kOptional);
    visitor.number("lower_threshold", server.lower_threshold, kCountRange, Need::kOptional);
    visitor.number("quic_id", server.quic_id, {0, INT64_MAX}, Need::kOptional);
    visit_settings(server.health, visitor);
}

template <typename Visitor>
void visit_settings(SorryServer& server, Visitor& visitor) {
    visitor.text("address", server.endpoint, kSorryAddressForm, Need::kOptional);
    visitor.number("weight", server.weight, {1, 65535}, Need::kOptional);
    visitor.choice("forwarding", server.forwarding, std::span(kForwardingMethods));
    visitor.group("tunnel", server.tunnel);
    visitor.flag("inhibit", server.inhibit);
}

template <typename Visitor>
void visit_settings(Match& match, Visitor& visitor) {
    visitor.text("addresses", match.addresses, kAddressRangeForm, Need::kRequired);
    visitor.text("ports", match.ports, kPortRangeForm, Need::kOptional);
    visitor.choice("protocol", match.protocol, std::span(kMatchProtocols));
}

template <typename Visitor>
void visit_settings(Persistence& persistence, Visitor& visitor) {
    visitor.number("timeout", persistence.timeout, {0, kTimeoutRange.max}, Need::kOptional);
    visitor.number("prefix", persistence.prefix, {0, 128}, Need::kOptional);
    visitor.flag("drop_when_quiesced", persistence.drop_when_quiesced);
}

template <typename Visitor>
void visit_settings(Quic& quic, Visitor& visitor) {
    visitor.number("id_offset", quic.id_offset, {0, 19}, Need::kOptional);  // RFC 9000 section 17.2
    visitor.number("id_length", quic.id_length, {0, 8}, Need::kOptional);
}

template <typename Visitor>
void visit_settings(Limits& limits, Visitor& visitor) {
    const auto count = [&](std::string_view name, uint32_t& value) {
        visitor.number(name, value, kCountRange, Need::kOptional);
    };
    count("connections_per_second", limits.connections_per_second);
    count("connections_max", limits.connections_max);
    visitor.number("client_prefix_ipv4", limits.client_prefix_ipv4, {1, 32}, Need::kOptional);
    visitor.number("client_prefix_ipv6", limits.client_prefix_ipv6, {1, 128}, Need::kOptional);
    count("client_connections_per_second", limits.client_connections_per_second);
    count("client_connections_max", limits.client_connections_max);
}

template <typename Visitor>
void visit_settings(SynProxyOffer& offer, Visitor& visitor) {
    constexpr Range kMss{88, 65495};  // Linux's TCP_MIN_MSS; what fits an IPv4 packet
    visitor.number("mss_ipv4", offer.mss_ipv4, kMss, Need::kOptional);
    visitor.number("mss_ipv6", offer.mss_ipv6, kMss, Need::kOptional);
    // RFC 7323 section 2.3
    visitor.number("window_scale", offer.window_scale, {0, 14}, Need::kOptional);
    visitor.flag("sack", offer.sack);
    visitor.flag("timestamps", offer.timestamps);
}

template <typename Visitor>
void visit_settings(SynFlood& flood, Visitor& visitor) {
    constexpr Range kPercent{0, 100};
    visitor.number("half_open_on", flood.half_open_on, kPercent, Need::kOptional);
    visitor.number("half_open_off", flood.half_open_off, kPercent, Need::kOptional);
    visitor.number("syns_on", flood.syns_on, kCountRange, Need::kOptional);
    visitor.number("syns_off", flood.syns_off, kCountRange, Need::kOptional);
    visitor.number("hold", flood.hold, {1, 86400}, Need::kOptional);
}

template <typename Visitor>
void visit_settings(VirtualService& service, Visitor& visitor) {
    constexpr Need kOptional = Need::kOptional;
    visitor.text("address", service.endpoint, kServiceAddressForm, kOptional);
    visitor.choice("protocol", service.protocol, std::span(kProtocols));
    visitor.number("mark", service.mark, {0, 4294967295}, kOptional);
    visitor.list("match", service.match);
    visitor.text("scheduler", service.scheduler, kSchedulerForm, kOptional);
    visitor.texts("flags", service.flags, kSchedulerFlagForm);
    visitor.number("load_bound_percent", service.load_bound_percent, {0, 10000}, kOptional);
    visitor.group("persistence", service.persistence);
    visitor.flag("one_packet", service.one_packet);
    visitor.flag("sloppy_tcp", service.sloppy_tcp);
    visitor.flag("ftp", service.ftp);
    visitor.flag("clamp_mss", service.clamp_mss);
    visitor.flag("stateless_when_full", service.stateless_when_full);
    visitor.choice("client_address", service.client_address, std::span(kClientAddresses));
    visitor.choice("syn_proxy", service.syn_proxy, std::span(kSynProxies));
    visitor.choice("when_server_gone", service.when_server_gone, std::span(kWhenServerGone));
    visitor.text("local_pool", service.local_pool, kPoolReferenceForm, kOptional);
    visitor.group("syn_proxy_offer", service.syn_proxy_offer);
    visitor.group("syn_flood", service.syn_flood);
    visitor.group("quic", service.quic);
    visitor.group("limits", service.limits);
    visitor.group("timeouts", service.timeouts);
    visitor.texts("allow", service.allow, kPrefixForm);
    visitor.text("allow_file", service.allow_file, kPrefixFileForm, kOptional);
    visitor.texts("deny", service.deny, kPrefixForm);
    visitor.text("deny_file", service.deny_file, kPrefixFileForm, kOptional);
    visit_settings(service.health, visitor);
    visitor.group("sorry_server", service.sorry_server);
    visitor.list("real_servers", service.real_servers);
}

template <typename Visitor>
void visit_settings(LocalPool& pool, Visitor& visitor) {
    visitor.text("name", pool.name, kPoolNameForm, Need::kRequired);
    visitor.texts("addresses", pool.addresses, kAddressForm);
    visitor.text("ports", pool.ports, kPortRangeForm, Need::kOptional);
}

template <typename Visitor>
void visit_settings(SourceNat& rule, Visitor& visitor) {
    visitor.text("from", rule.from, kPrefixForm, Need::kRequired);
    visitor.text("to", rule.to, kDestinationForm, Need::kOptional);
    visitor.text("pool", rule.pool, kPoolNameForm, Need::kRequired);
}

template <typename Visitor>
void visit_settings(Model& model, Visitor& visitor) {
    visitor.group("control", model.control);
    visitor.group("dataplane", model.dataplane);
    visitor.group("timeouts", model.timeouts);
    visitor.group("health_checks", model.health_checks);
    visitor.group("sync", model.sync);
    visitor.group("diagnostics", model.diagnostics);
    visitor.list("ports", model.ports);
    visitor.list("routes", model.routes);
    visitor.list("local_pools", model.local_pools);
    visitor.list("virtual_services", model.virtual_services);
    visitor.list("source_nat", model.source_nat);
    visitor.list("vrrp_instances", model.vrrp_instances);
    visitor.list("vrrp_groups", model.vrrp_groups);
    visitor.list("vrrp_trackers", model.vrrp_trackers);
}

}  // namespace director::config
