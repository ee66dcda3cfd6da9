// Which virtual service a packet is for, where one look at the exact address, port and protocol
// does not tell: services for any port, and services by match rules.
#include "dataplane/core/tables/match.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

[[nodiscard]] IpAddress destination_of(const Packet& packet) {
    return packet.destination.is_ipv6() ? IpAddress::load_ipv6(ipv6_ends_of(packet).destination)
                                        : IpAddress(packet.destination.ipv4());
}

// An IPv6 end is found by its digest: the service's own address decides.
[[nodiscard]] ServiceId confirmed(const Worker::State& state,
                                  ServiceId found,
                                  const IpAddress& destination) {
    const bool is_it =
        found != kNoService && state.services[index(found)].key.address == destination;
    return is_it ? found : kNoService;
}

// IPVS: the port below the control connection's, or one that needs no privilege.
[[nodiscard]] bool may_be_ftp_data(Be16 port) {
    constexpr uint16_t kDataPort = 20;
    constexpr uint16_t kUnprivileged = 1024;
    return port.host() == kDataPort || port.host() >= kUnprivileged;
}

}  // namespace

// In IPVS's order: by rule (its firewall mark), by address and port, as FTP's data, by address
// alone.
ServiceId find_wide_service(const Worker::State& state, const Packet& packet, ServiceId exact) {
    const bool has_rules = state.tables != nullptr && !state.tables->match_rules.empty();
    if (!has_rules && exact != kNoService && !packet.destination.is_ipv6()) {
        return exact;  // an IPv4 end is no digest
    }
    const IpAddress destination = destination_of(packet);
    if (has_rules) {
        const MatchRule* const rule = find_match_rule(
            *state.tables, packet.destination.protocol(), {destination, packet.destination.port()});
        if (rule != nullptr && state.services[index(rule->service)].is_known) {
            return rule->service;
        }
    }
    const ServiceId by_port = confirmed(state, exact, destination);
    if (by_port != kNoService || (state.any_port_services | state.ftp_services) == 0) {
        return by_port;
    }
    const FlowEnd any_port = packet.destination.without_port();
    if (may_be_ftp_data(packet.destination.port())) {
        const ServiceId* const ftp = state.ftp_addresses.find(any_port);
        if (ftp != nullptr && confirmed(state, *ftp, destination) != kNoService) {
            return *ftp;
        }
    }
    const ServiceId* const by_address = state.service_ids.find(any_port);
    return by_address != nullptr ? confirmed(state, *by_address, destination) : kNoService;
}

}  // namespace director::dataplane
