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

namespace director::config {

enum class Need { kOptional, kRequired };

enum class Shape { kAny, kPowerOfTwo };

struct Range {
    int64_t min = 0;
    int64_t max = 0;
    Shape shape = Shape::kAny;
};

// What a T looks like between quotation marks.
template <typename T>
struct TextForm {
    std::string_view expected;                   // completes "expected ..."
    bool (*read)(std::string_view text, T& to);  // false: not of this form
    std::string (*write)(const T& value);
};

extern const TextForm<std::string> kInterfaceNameForm;
extern const TextForm<std::string> kDeviceForm;
extern const TextForm<std::string> kSocketPathForm;
extern const TextForm<std::string> kListenAddressForm;
extern const TextForm<std::string> kSchedulerForm;
extern const TextForm<std::string> kArgumentForm;
extern const TextForm<IpAddress> kAddressForm;
extern const TextForm<IpPrefix> kInterfaceAddressForm;
extern const TextForm<IpPrefix> kDestinationForm;
extern const TextForm<Endpoint> kEndpointForm;

template <typename Enum>
struct Choice {
    std::string_view name;
    Enum value;
};

inline constexpr std::array kIdleModes{Choice<IdleMode>{"poll", IdleMode::kPoll},
                                       Choice<IdleMode>{"adaptive", IdleMode::kAdaptive}};
inline constexpr std::array kWhenFull{
    Choice<WhenFull>{"refuse", WhenFull::kRefuse},
    Choice<WhenFull>{"evict-half-open", WhenFull::kEvictHalfOpen}};
inline constexpr std::array kPortSides{Choice<PortSide>{"both", PortSide::kBoth},
                                       Choice<PortSide>{"clients", PortSide::kClients},
                                       Choice<PortSide>{"servers", PortSide::kServers}};
inline constexpr std::array kForwardingMethods{
    Choice<ForwardingMethod>{"nat", ForwardingMethod::kNat}};
inline constexpr std::array kProtocols{Choice<Protocol>{"tcp", Protocol::kTcp},
                                       Choice<Protocol>{"udp", Protocol::kUdp}};
inline constexpr std::array kLogLevels{Choice<LogLevel>{"debug", LogLevel::kDebug},
                                       Choice<LogLevel>{"info", LogLevel::kInfo},
                                       Choice<LogLevel>{"warning", LogLevel::kWarning},
                                       Choice<LogLevel>{"error", LogLevel::kError}};

inline constexpr Range kCpuRange{0, 1023};         // CPU_SETSIZE of the C library
inline constexpr Range kTimeoutRange{1, 2678400};  // 31 days, as ipvsadm has it
inline constexpr size_t kWorkersMax = 64;
inline constexpr uint32_t kConnectionsPerWorkerMin = 64;
inline constexpr size_t kInterfaceNameLengthMax = 15;  // IFNAMSIZ without the final NUL

template <typename Visitor>
void visit_settings(Control& control, Visitor& visitor) {
    visitor.text("socket", control.socket, kSocketPathForm, Need::kOptional);
    visitor.text("metrics_address", control.metrics_address, kListenAddressForm, Need::kOptional);
    visitor.choice("log_level", control.log_level, std::span(kLogLevels));
}

template <typename Visitor>
void visit_settings(Dataplane& dataplane, Visitor& visitor) {
    constexpr Need kOptional = Need::kOptional;
    visitor.texts("eal_arguments", dataplane.eal_arguments, kArgumentForm);
    visitor.number("main_cpu", dataplane.main_cpu, kCpuRange, kOptional);
    visitor.numbers("worker_cpus", dataplane.worker_cpus, kCpuRange);
    visitor.choice("idle", dataplane.idle, std::span(kIdleModes));
    visitor.number("pool_frames", dataplane.pool_frames, {512, 1 << 24}, kOptional);
    visitor.number(
        "ring_entries", dataplane.ring_entries, {16, 65536, Shape::kPowerOfTwo}, kOptional);
    visitor.number("connections_max",
                   dataplane.connections_max,
                   {kConnectionsPerWorkerMin, 1 << 30},
                   kOptional);
    visitor.number("services_max", dataplane.services_max, {1, 65536}, kOptional);
    visitor.number("real_servers_max", dataplane.real_servers_max, {1, 1 << 20}, kOptional);
    visitor.number("neighbours_max", dataplane.neighbours_max, {1, 65535}, kOptional);
    visitor.number("punts_per_second", dataplane.punts_per_second, {1, 10'000'000}, kOptional);
    visitor.choice("when_full", dataplane.when_full, std::span(kWhenFull));
    visitor.flag("decrement_ttl", dataplane.decrement_ttl);
}

template <typename Visitor>
void visit_settings(Timeouts& timeouts, Visitor& visitor) {
    const auto seconds = [&](std::string_view name, uint32_t& value) {
        visitor.number(name, value, kTimeoutRange, Need::kOptional);
    };
    seconds("tcp_established", timeouts.tcp_established);
    seconds("tcp_syn_sent", timeouts.tcp_syn_sent);
    seconds("tcp_syn_recv", timeouts.tcp_syn_recv);
    seconds("tcp_fin_wait", timeouts.tcp_fin_wait);
    seconds("tcp_time_wait", timeouts.tcp_time_wait);
    seconds("tcp_close", timeouts.tcp_close);
    seconds("tcp_close_wait", timeouts.tcp_close_wait);
    seconds("tcp_last_ack", timeouts.tcp_last_ack);
    seconds("udp", timeouts.udp);
}

template <typename Visitor>
void visit_settings(Vlan& vlan, Visitor& visitor) {
    visitor.number("id", vlan.id, {1, 4094}, Need::kRequired);  // IEEE 802.1Q, table 9-2
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
void visit_settings(RealServer& server, Visitor& visitor) {
    visitor.text("address", server.endpoint, kEndpointForm, Need::kRequired);
    visitor.number("weight", server.weight, {0, 65535}, Need::kOptional);  // as IPVS
    visitor.choice("forwarding", server.forwarding, std::span(kForwardingMethods));
}

template <typename Visitor>
void visit_settings(VirtualService& service, Visitor& visitor) {
    visitor.text("address", service.endpoint, kEndpointForm, Need::kRequired);
    visitor.choice("protocol", service.protocol, std::span(kProtocols));
    visitor.text("scheduler", service.scheduler, kSchedulerForm, Need::kOptional);
    visitor.list("real_servers", service.real_servers);
}

template <typename Visitor>
void visit_settings(Model& model, Visitor& visitor) {
    visitor.group("control", model.control);
    visitor.group("dataplane", model.dataplane);
    visitor.group("timeouts", model.timeouts);
    visitor.list("ports", model.ports);
    visitor.list("routes", model.routes);
    visitor.list("virtual_services", model.virtual_services);
}

}  // namespace director::config
