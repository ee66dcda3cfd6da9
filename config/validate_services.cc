// What virtual services, pools of local addresses and source NAT must be to make sense together.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>

#include "config/findings.h"
#include "config/settings.h"
#include "config/suggest.h"

namespace director::config {
namespace {

constexpr std::string_view kOneMachine = "expected an address for one machine, found {}: {}";

template <typename Enum, size_t kCount>
std::string_view name_of(Enum value, const std::array<Choice<Enum>, kCount>& choices) {
    for (const auto& choice : choices) {
        if (choice.value == value) {
            return choice.name;
        }
    }
    return "";
}

// Whether the server sees packets as the client sent them, so that nothing inside can be changed.
bool is_untranslated(ForwardingMethod method) {
    return method != ForwardingMethod::kNat && method != ForwardingMethod::kFullNat;
}

class ServiceValidation {
  public:
    ServiceValidation(const Model& model,
                      const Vocabulary& vocabulary,
                      const std::vector<OwnAddress>& own_addresses,
                      Findings& findings)
        : model_(model),
          vocabulary_(vocabulary),
          own_addresses_(own_addresses),
          findings_(findings) {}

    void run() {
        for (size_t i = 0; i < model_.virtual_services.size(); ++i) {
            virtual_addresses_.emplace(model_.virtual_services[i].endpoint.address,
                                       fmt::format("virtual_services[{}].address", i));
        }
        check_pools();
        size_t servers = model_.source_nat.size();
        for (size_t i = 0; i < model_.virtual_services.size(); ++i) {
            const std::string path = fmt::format("virtual_services[{}]", i);
            check_service(model_.virtual_services[i], path);
            validate_checks(model_.virtual_services[i], path, findings_);
            servers += model_.virtual_services[i].real_servers.size() +
                       (model_.virtual_services[i].sorry_server.is_set() ? 1U : 0U);
        }
        check_source_nat();
        check_limit("virtual_services",
                    "services",
                    model_.virtual_services.size() + model_.source_nat.size(),
                    "dataplane.services_max",
                    model_.dataplane.services_max);
        check_limit("virtual_services",
                    "real servers in all",
                    servers,
                    "dataplane.real_servers_max",
                    model_.dataplane.real_servers_max);
    }

  private:
    void check_limit(const std::string& path,
                     std::string_view what,
                     size_t count,
                     const std::string& limit_path,
                     size_t limit) {
        if (count > limit) {
            findings_.add(
                path,
                fmt::format(
                    "expected at most {} {} ({}), found {}", limit, what, limit_path, count),
                {limit_path});
        }
    }

    // --- Pools and source NAT

    void check_pools() {
        std::map<std::string, std::string> names;
        std::map<IpAddress, std::string> addresses;
        for (size_t i = 0; i < model_.local_pools.size(); ++i) {
            const LocalPool& pool = model_.local_pools[i];
            const std::string path = fmt::format("local_pools[{}]", i);
            findings_.check_unique(
                names, pool.name, path + ".name", fmt::format("\"{}\"", pool.name));
            if (pool.addresses.empty()) {
                findings_.add(path + ".addresses", "expected at least one address, found none");
            }
            if (pool.ports.first == 0) {
                findings_.add(path + ".ports", "expected ports from 1 on, found port 0");
            }
            for (size_t j = 0; j < pool.addresses.size(); ++j) {
                check_pool_address(
                    pool.addresses[j], fmt::format("{}.addresses[{}]", path, j), addresses);
            }
        }
        if (model_.local_pools.size() > vocabulary_.local_pools_max) {
            findings_.add("local_pools",
                          fmt::format("expected at most {} pools, found {}",
                                      vocabulary_.local_pools_max,
                                      model_.local_pools.size()));
        }
    }

    void check_pool_address(const IpAddress& address,
                            const std::string& path,
                            std::map<IpAddress, std::string>& seen) {
        if (const auto reason = why_not_unicast(address)) {
            findings_.add(path, fmt::format(kOneMachine, to_string(address), *reason));
            return;
        }
        findings_.check_unique(seen, address, path, to_string(address));
    }

    // The pool of this name that can serve `family`; reported under `path` if there is none.
    void check_pool_of(const std::string& name, Family family, const std::string& path) {
        const auto pool = std::find_if(model_.local_pools.begin(),
                                       model_.local_pools.end(),
                                       [&](const LocalPool& p) { return p.name == name; });
        if (pool == model_.local_pools.end()) {
            std::vector<std::string> names;
            for (const LocalPool& known : model_.local_pools) {
                names.push_back(known.name);
            }
            findings_.add(
                path,
                fmt::format(
                    "unknown pool \"{}\"; known: {}", name, names.empty() ? "none" : joined(names)),
                {"local_pools"});
            return;
        }
        const bool has_family =
            std::any_of(pool->addresses.begin(), pool->addresses.end(), [&](const auto& address) {
                return address.family() == family;
            });
        if (!has_family) {
            findings_.add(path,
                          fmt::format("pool \"{}\" has no {} address",
                                      name,
                                      family == Family::kIpv4 ? "IPv4" : "IPv6"),
                          {"local_pools"});
        }
    }

    void check_source_nat() {
        for (size_t i = 0; i < model_.source_nat.size(); ++i) {
            const SourceNat& rule = model_.source_nat[i];
            const std::string path = fmt::format("source_nat[{}]", i);
            check_no_host_bits(rule.from, path + ".from");
            check_no_host_bits(rule.to, path + ".to");
            const bool is_everywhere = rule.to.length == 0 && rule.to.family() == Family::kIpv4;
            if (!is_everywhere && rule.to.family() != rule.from.family()) {
                findings_.add(path + ".to",
                              fmt::format("expected a prefix of the same family as {}, found {}",
                                          to_string(rule.from),
                                          to_string(rule.to)),
                              {path + ".from"});
            }
            check_pool_of(rule.pool, rule.from.family(), path + ".pool");
        }
    }

    void check_no_host_bits(const IpPrefix& prefix, const std::string& path) {
        if (prefix.address != prefix.network()) {
            findings_.add(path,
                          fmt::format("{} has host bits set: expected {}",
                                      to_string(prefix),
                                      to_string(subnet_of(prefix))));
        }
    }

    // --- Services

    void check_service(const VirtualService& service, const std::string& path) {
        check_key(service, path);
        check_scheduler(service, path);
        check_persistence(service, path);
        check_transport(service, path);
        check_syn_flood(service, path);
        check_lists(service, path);
        check_real_servers(service, path);
    }

    void check_key(const VirtualService& service, const std::string& path) {
        const bool has_address = service.endpoint != Endpoint{};
        if (service.mark == 0 && service.match.empty()) {
            if (!has_address) {
                findings_.add(path + ".address",
                              fmt::format("missing; expected {}", kEndpointForm.expected));
                return;
            }
            findings_.check_unique(
                services_,
                {service.endpoint, service.protocol},
                path + ".address",
                fmt::format("{} {}", to_string(service.protocol), to_string(service.endpoint)));
            check_service_address(service.endpoint.address, path + ".address");
            return;
        }
        if (has_address) {
            findings_.add(path + ".address",
                          "a service has either an address or match rules",
                          {path + ".match", path + ".mark"});
        }
        if (service.mark == 0) {
            findings_.add(path + ".mark",
                          "missing; expected a number for the service with these match rules",
                          {path + ".match"});
            return;
        }
        if (service.match.empty()) {
            findings_.add(path + ".match", "expected at least one match rule, found none");
            return;
        }
        findings_.check_unique(marks_,
                               {service.mark, service.family()},
                               path + ".mark",
                               fmt::format("mark {}", service.mark));
        for (size_t i = 1; i < service.match.size(); ++i) {
            if (service.match[i].addresses.first.family() != service.family()) {
                findings_.add(fmt::format("{}.match[{}].addresses", path, i),
                              fmt::format("expected addresses of the same family as {}, found {}",
                                          to_string(service.match[0].addresses.first),
                                          to_string(service.match[i].addresses.first)),
                              {path + ".match[0]"});
            }
        }
    }

    void check_scheduler(const VirtualService& service, const std::string& path) {
        const auto& known = vocabulary_.schedulers;
        if (std::find(known.begin(), known.end(), service.scheduler) == known.end()) {
            findings_.add(
                path + ".scheduler",
                fmt::format(
                    "unknown scheduler \"{}\"; known: {}", service.scheduler, joined(known)));
            return;
        }
        constexpr std::array<std::string_view, 3> kHashing{"sh", "mh", "maglev"};
        const bool is_hashing =
            std::find(kHashing.begin(), kHashing.end(), service.scheduler) != kHashing.end();
        for (size_t i = 0; i < service.flags.size(); ++i) {
            if (service.flags[i] != SchedulerFlag::kLikeIpvs && !is_hashing) {
                findings_.add(fmt::format("{}.flags[{}]", path, i),
                              fmt::format("\"{}\" is for sh, mh and maglev, not for {}",
                                          name_of(service.flags[i], kSchedulerFlags),
                                          service.scheduler),
                              {path + ".scheduler"});
            }
        }
        check_load_bound(service, path + ".load_bound_percent");
    }

    // At 100 % there would be no room for one more connection while all have their share.
    void check_load_bound(const VirtualService& service, const std::string& path) {
        const uint16_t percent = service.load_bound_percent;
        if (percent != 0 && percent <= 100) {
            findings_.add(
                path, fmt::format("expected more than 100, or 0 for no bound, found {}", percent));
        }
    }

    void check_persistence(const VirtualService& service, const std::string& path) {
        const uint8_t whole = IpPrefix::length_max(service.family());
        if (service.persistence.prefix > whole) {
            findings_.add(path + ".persistence.prefix",
                          fmt::format("expected 1 to {} bits of the client's address, or 0 for all "
                                      "of them, found {}",
                                      whole,
                                      service.persistence.prefix),
                          {path + ".address", path + ".match"});
        }
    }

    // A flood that ends where it begins would turn the SYN proxy on and off.
    void check_syn_flood(const VirtualService& service, const std::string& path) {
        const auto check = [&](std::string_view name, uint32_t off, uint32_t on) {
            if (off > on) {
                findings_.add(fmt::format("{}.syn_flood.{}_off", path, name),
                              fmt::format("expected at most {}_on, {}, found {}", name, on, off),
                              {fmt::format("{}.syn_flood.{}_on", path, name)});
            }
        };
        check("half_open", service.syn_flood.half_open_off, service.syn_flood.half_open_on);
        if (service.syn_flood.syns_on != 0) {
            check("syns", service.syn_flood.syns_off, service.syn_flood.syns_on);
        }
    }

    // What only some transport protocols have.
    void check_transport(const VirtualService& service, const std::string& path) {
        const auto wants = [&](Protocol protocol, std::string_view setting, bool is_set) {
            if (is_set && !is_only(service, protocol)) {
                findings_.add(fmt::format("{}.{}", path, setting),
                              fmt::format("is for {} services", to_string(protocol)),
                              {path + ".protocol", path + ".match"});
            }
        };
        wants(Protocol::kUdp, "one_packet", service.one_packet);
        wants(Protocol::kTcp, "sloppy_tcp", service.sloppy_tcp);
        if (service.sloppy_tcp && (service.ftp || service.syn_proxy != SynProxy::kOff ||
                                   service.client_address != ClientAddress::kNothing)) {
            findings_.add(
                path + ".sloppy_tcp",
                "cannot be together with ftp, syn_proxy or client_address, which follow a "
                "connection from its first packet",
                {});
        }
        wants(Protocol::kUdp, "quic", service.quic.id_length != 0);
        wants(Protocol::kTcp, "ftp", service.ftp);
        wants(Protocol::kTcp, "clamp_mss", service.clamp_mss);
        wants(Protocol::kTcp, "syn_proxy", service.syn_proxy != SynProxy::kOff);
        wants(Protocol::kTcp, "client_address", service.client_address != ClientAddress::kNothing);
        if (service.quic.id_offset + service.quic.id_length > 20) {  // RFC 9000 section 17.2
            findings_.add(path + ".quic",
                          "a connection id has at most 20 bytes: expected id_offset and id_length "
                          "to stay within");
        }
    }

    [[nodiscard]] static bool is_only(const VirtualService& service, Protocol protocol) {
        if (service.match.empty()) {
            return service.protocol == protocol;
        }
        return std::all_of(service.match.begin(), service.match.end(), [&](const Match& match) {
            return match.protocol == protocol;
        });
    }

    void check_lists(const VirtualService& service, const std::string& path) {
        const auto check = [&](const std::vector<IpPrefix>& prefixes, std::string_view setting) {
            for (size_t i = 0; i < prefixes.size(); ++i) {
                check_no_host_bits(prefixes[i], fmt::format("{}.{}[{}]", path, setting, i));
            }
        };
        check(service.allow, "allow");
        check(service.deny, "deny");
    }

    // For a virtual service's address and a real server's alike; false if it is no good.
    bool check_service_address(const IpAddress& address, const std::string& path) {
        if (const auto reason = why_not_unicast(address)) {
            findings_.add(path, fmt::format(kOneMachine, to_string(address), *reason));
            return false;
        }
        for (const OwnAddress& own : own_addresses_) {
            if (const auto what = special_in(own.prefix, address)) {
                findings_.add(path,
                              fmt::format("{} is {} of {}",
                                          to_string(address),
                                          *what,
                                          to_string(subnet_of(own.prefix))),
                              {own.path});
                return false;
            }
        }
        return true;
    }

    // --- Real servers

    void check_real_servers(const VirtualService& service, const std::string& service_path) {
        std::map<Endpoint, std::string> seen;
        std::map<uint64_t, std::string> quic_ids;
        bool needs_pool = false;
        for (size_t i = 0; i < service.real_servers.size(); ++i) {
            const RealServer& server = service.real_servers[i];
            const std::string path = fmt::format("{}.real_servers[{}]", service_path, i);
            findings_.check_unique(seen,
                                   server.endpoint,
                                   path + ".address",
                                   fmt::format("real server {}", to_string(server.endpoint)));
            check_way(service, server, path, service_path);
            check_thresholds(server, path);
            check_quic_id(service, server, path, quic_ids);
            needs_pool = needs_pool || server.forwarding == ForwardingMethod::kFullNat;
        }
        if (service.sorry_server.is_set()) {
            check_sorry_server(service, service_path);
            needs_pool =
                needs_pool || service.sorry_server.forwarding == ForwardingMethod::kFullNat;
        }
        if (needs_pool && service.local_pool.empty()) {
            findings_.add(service_path + ".local_pool",
                          "missing; full-nat needs the name of a pool of local addresses",
                          {service_path + ".real_servers", service_path + ".sorry_server"});
        }
    }

    // How packets get to a server, and whether they can.
    void check_way(const VirtualService& service,
                   const RealServer& server,
                   const std::string& path,
                   const std::string& service_path) {
        const bool is_local = server.forwarding == ForwardingMethod::kLocal;
        if (!is_local && check_service_address(server.endpoint.address, path + ".address")) {
            check_not_own(server.endpoint.address, path + ".address");
        }
        check_port(service, server, path, service_path);
        check_family(service, server, path, service_path);
        check_tunnel(server, path);
        check_untranslated(service, server, path, service_path);
        if (server.forwarding == ForwardingMethod::kFullNat && !service.local_pool.empty()) {
            check_pool_of(
                service.local_pool, server.endpoint.address.family(), service_path + ".local_pool");
        }
    }

    void check_sorry_server(const VirtualService& service, const std::string& service_path) {
        RealServer server;
        server.endpoint = service.sorry_server.endpoint;
        server.forwarding = service.sorry_server.forwarding;
        server.tunnel = service.sorry_server.tunnel;
        check_way(service, server, service_path + ".sorry_server", service_path);
    }

    void check_port(const VirtualService& service,
                    const RealServer& server,
                    const std::string& path,
                    const std::string& service_path) {
        const std::vector<std::string> premises{
            service_path + ".address", service_path + ".match", path + ".forwarding"};
        const uint16_t wanted = service.endpoint.port.host();
        const uint16_t port = server.endpoint.port.host();
        if (is_untranslated(server.forwarding) && port != wanted && port != 0) {
            findings_.add(path + ".address",
                          fmt::format("expected port {}, the service's: {} leaves ports as they "
                                      "are, found {}",
                                      wanted,
                                      name_of(server.forwarding, kForwardingMethods),
                                      to_string(server.endpoint)),
                          premises);
        } else if (port == 0 && wanted != 0) {
            findings_.add(path + ".address",
                          fmt::format("expected a port: only a service with port 0 or match rules "
                                      "has servers with port 0, found {}",
                                      to_string(server.endpoint)),
                          premises);
        }
    }

    void check_family(const VirtualService& service,
                      const RealServer& server,
                      const std::string& path,
                      const std::string& service_path) {
        const bool may_differ = server.forwarding == ForwardingMethod::kFullNat ||
                                server.forwarding == ForwardingMethod::kTunnel;
        if (server.endpoint.address.family() != service.family() && !may_differ) {
            findings_.add(path + ".address",
                          fmt::format("{} serves clients of the other family: expected forwarding "
                                      "\"full-nat\" or \"tunnel\", found \"{}\"",
                                      to_string(server.endpoint),
                                      name_of(server.forwarding, kForwardingMethods)),
                          {service_path + ".address", service_path + ".match", path});
        }
    }

    void check_tunnel(const RealServer& server, const std::string& path) {
        const Tunnel& tunnel = server.tunnel;
        const bool is_gue = tunnel.type == TunnelType::kGue;
        if (server.forwarding != ForwardingMethod::kTunnel && tunnel != Tunnel{}) {
            findings_.add(
                path + ".tunnel", "is for forwarding = \"tunnel\"", {path + ".forwarding"});
        } else if (is_gue && tunnel.port == 0) {
            findings_.add(path + ".tunnel.port", "missing; expected the UDP port of gue");
        } else if (!is_gue && tunnel.port != 0) {
            findings_.add(path + ".tunnel.port",
                          fmt::format("is for gue, not for {}", name_of(tunnel.type, kTunnelTypes)),
                          {path + ".tunnel.type"});
        }
        const bool has_checksum =
            is_gue || (tunnel.type == TunnelType::kGre && tunnel.checksum == TunnelChecksum::kFull);
        if (tunnel.checksum != TunnelChecksum::kNone && !has_checksum) {
            findings_.add(path + ".tunnel.checksum",
                          fmt::format("{} has no \"{}\" checksum",
                                      name_of(tunnel.type, kTunnelTypes),
                                      name_of(tunnel.checksum, kTunnelChecksums)),
                          {path + ".tunnel.type"});
        }
    }

    void check_quic_id(const VirtualService& service,
                       const RealServer& server,
                       const std::string& path,
                       std::map<uint64_t, std::string>& seen) {
        const unsigned bits = 8U * service.quic.id_length;
        if (bits == 0 && server.quic_id != 0) {
            findings_.add(path + ".quic_id", "is for services with quic.id_length");
        } else if (bits != 0 && bits < 64 && server.quic_id >> bits != 0) {
            findings_.add(path + ".quic_id",
                          fmt::format("expected a number of {} bytes (quic.id_length), found {}",
                                      service.quic.id_length,
                                      server.quic_id));
        } else if (bits != 0) {
            findings_.check_unique(
                seen, server.quic_id, path + ".quic_id", fmt::format("id {}", server.quic_id));
        }
    }

    void check_thresholds(const RealServer& server, const std::string& path) {
        if (server.lower_threshold > server.upper_threshold) {
            findings_.add(path + ".lower_threshold",
                          fmt::format("expected at most upper_threshold, {}, found {}",
                                      server.upper_threshold,
                                      server.lower_threshold),
                          {path + ".upper_threshold"});
        }
    }

    // What cannot be done when packets reach the server as they came.
    void check_untranslated(const VirtualService& service,
                            const RealServer& server,
                            const std::string& path,
                            const std::string& service_path) {
        if (!is_untranslated(server.forwarding)) {
            return;
        }
        const auto refuse = [&](std::string_view setting, bool is_set) {
            if (is_set) {
                findings_.add(path + ".forwarding",
                              fmt::format("{} needs \"nat\" or \"full-nat\", found \"{}\"",
                                          setting,
                                          name_of(server.forwarding, kForwardingMethods)),
                              {fmt::format("{}.{}", service_path, setting)});
            }
        };
        refuse("syn_proxy", service.syn_proxy != SynProxy::kOff);
        refuse("client_address", service.client_address != ClientAddress::kNothing);
        refuse("ftp", service.ftp);
    }

    // Packets to such a server would come straight back to the director.
    void check_not_own(const IpAddress& address, const std::string& path) {
        for (const OwnAddress& own : own_addresses_) {
            if (own.prefix.address == address) {
                findings_.add(
                    path,
                    fmt::format(
                        "{} is the director's own address, at {}", to_string(address), own.path),
                    {own.path});
                return;
            }
        }
        const auto virtual_address = virtual_addresses_.find(address);
        if (virtual_address != virtual_addresses_.end()) {
            findings_.add(path,
                          fmt::format("{} is a virtual service's address, at {}",
                                      to_string(address),
                                      virtual_address->second),
                          {virtual_address->second});
        }
    }

    const Model& model_;
    const Vocabulary& vocabulary_;
    const std::vector<OwnAddress>& own_addresses_;
    Findings& findings_;
    std::map<IpAddress, std::string> virtual_addresses_;
    std::map<std::pair<Endpoint, Protocol>, std::string> services_;
    std::map<std::pair<uint32_t, Family>, std::string> marks_;
};

}  // namespace

void validate_services(const Model& model,
                       const Vocabulary& vocabulary,
                       const std::vector<OwnAddress>& own_addresses,
                       Findings& findings) {
    ServiceValidation(model, vocabulary, own_addresses, findings).run();
}

}  // namespace director::config
