// virtual_server, virtual_server_group and what stands in them, but for checkers.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <numeric>

#include "config/import/keepalived_checks.h"
#include "config/import/keepalived_words.h"

namespace director::config {
namespace {

constexpr uint32_t kWeightMax = 65535;
constexpr uint32_t kPersistenceDefault = 360;  // keepalived's, and IPVS's
constexpr size_t kGroupAddressesMax = 4096;    // of one range

// One address of a group, or the mark that stands instead of it.
struct ServicePlace {
    Endpoint endpoint;
    uint32_t mark = 0;
};

// What a block says before it is clear which services it makes.
struct ServiceBlock {
    VirtualService service;
    bool has_protocol = false;
    bool has_scheduler = false;
    ForwardingMethod forwarding = ForwardingMethod::kNat;
    Tunnel tunnel;
    uint32_t weight = 1;
    bool inhibit_on_failure = false;
    CheckDefaults checks;
    bool has_sorry_method = false;
    std::vector<const Statement*> servers;
};

struct ServerBlock {
    RealServer server;
    CheckDefaults checks;
    std::vector<const Statement*> checkers;
};

// --- forwarding ---

// "NAT", "DR", "TUN [type ipip | gue port N [csum] | gre [csum]]" from the second word on.
void read_method(const Statement& statement,
                 ForwardingMethod& method,
                 Tunnel& tunnel,
                 ImportState& state) {
    const std::string_view kind = statement.word(1);
    if (kind == "NAT" || kind == "DR") {
        method = kind == "NAT" ? ForwardingMethod::kNat : ForwardingMethod::kDirect;
        tunnel = Tunnel();
        return;
    }
    if (kind != "TUN") {
        state.lost(statement, fmt::format("expected NAT, DR or TUN, found \"{}\"", kind));
        return;
    }
    method = ForwardingMethod::kTunnel;
    tunnel = Tunnel();
    for (size_t i = 2; i < statement.words.size(); ++i) {
        const std::string_view word = statement.word(i);
        if (word == "ipip") {
            tunnel.type = TunnelType::kIpIp;
        } else if (word == "gue" || word == "gre") {
            tunnel.type = word == "gue" ? TunnelType::kGue : TunnelType::kGre;
        } else if (word == "port") {
            tunnel.port = static_cast<uint16_t>(
                read_number(statement, ++i, 1, 65535, state).value_or(tunnel.port));
        } else if (word == "csum" || word == "remcsum" || word == "nocsum") {
            tunnel.checksum = word == "csum"      ? TunnelChecksum::kFull
                              : word == "remcsum" ? TunnelChecksum::kRemote
                                                  : TunnelChecksum::kNone;
        } else if (word != "type") {
            state.lost(statement, fmt::format("unknown word \"{}\"", word));
        }
    }
}

std::optional<uint32_t> read_weight(const Statement& statement, ImportState& state) {
    const auto weight = read_number(statement, 1, 0, std::numeric_limits<int32_t>::max(), state);
    if (weight && *weight > kWeightMax) {
        state.lost(
            statement,
            fmt::format("weight {}: {} is the largest; divide all of them", *weight, kWeightMax));
        return kWeightMax;
    }
    return weight ? std::optional(static_cast<uint32_t>(*weight)) : std::nullopt;
}

// --- real_server ---

void take_server_weight(const Statement& statement, ServerBlock& to, ImportState& state) {
    to.server.weight = read_weight(statement, state).value_or(to.server.weight);
}
void take_server_method(const Statement& statement, ServerBlock& to, ImportState& state) {
    read_method(statement, to.server.forwarding, to.server.tunnel, state);
}
template <uint32_t RealServer::*kMember>
void take_threshold(const Statement& statement, ServerBlock& to, ImportState& state) {
    if (const auto count =
            read_number(statement, 1, 0, std::numeric_limits<int32_t>::max(), state)) {
        to.server.*kMember = static_cast<uint32_t>(*count);
    }
}
void take_server_inhibit(const Statement& statement, ServerBlock& to, ImportState& state) {
    to.server.health.inhibit_on_failure = read_flag(statement, state).value_or(false);
}
template <std::vector<std::string> ServerHealth::*kMember>
void take_server_notify(const Statement& statement, ServerBlock& to, ImportState& state) {
    to.server.health.*kMember = read_command(statement, state);
}
void take_server_check_default(const Statement& statement, ServerBlock& to, ImportState& state) {
    take_check_default(statement, to.checks, state);
}
void take_checker(const Statement& statement, ServerBlock& to, ImportState& /*state*/) {
    to.checkers.push_back(&statement);
}

constexpr std::array kServerWords{
    Keyword<ServerBlock>{"weight", take_server_weight},
    Keyword<ServerBlock>{"lvs_method", take_server_method},
    Keyword<ServerBlock>{"lb_kind", take_server_method},
    Keyword<ServerBlock>{"uthreshold", take_threshold<&RealServer::upper_threshold>},
    Keyword<ServerBlock>{"lthreshold", take_threshold<&RealServer::lower_threshold>},
    Keyword<ServerBlock>{"inhibit_on_failure", take_server_inhibit},
    Keyword<ServerBlock>{"notify_up", take_server_notify<&ServerHealth::notify_up>},
    Keyword<ServerBlock>{"notify_down", take_server_notify<&ServerHealth::notify_down>},
    Keyword<ServerBlock>{
        "alpha", nullptr, "alpha is the whole service's; write it in virtual_server"},
    Keyword<ServerBlock>{"retry", take_server_check_default},
    Keyword<ServerBlock>{"nb_get_retry", take_server_check_default},
    Keyword<ServerBlock>{"delay_before_retry", take_server_check_default},
    Keyword<ServerBlock>{"warmup", take_server_check_default},
    Keyword<ServerBlock>{"delay_loop", take_server_check_default},
    Keyword<ServerBlock>{"connect_timeout", take_server_check_default},
    Keyword<ServerBlock>{"virtualhost", take_server_check_default},
    Keyword<ServerBlock>{"smtp_alert", nullptr, kNoMail, Gravity::kRemark},
    Keyword<ServerBlock>{"snmp_name",
                         nullptr,
                         "there is no SNMP; metrics name a server by its address",
                         Gravity::kRemark},
    Keyword<ServerBlock>{"TCP_CHECK", take_checker},
    Keyword<ServerBlock>{"HTTP_GET", take_checker},
    Keyword<ServerBlock>{"SSL_GET", take_checker},
    Keyword<ServerBlock>{"SMTP_CHECK", take_checker},
    Keyword<ServerBlock>{"DNS_CHECK", take_checker},
    Keyword<ServerBlock>{"UDP_CHECK", take_checker},
    Keyword<ServerBlock>{"PING_CHECK", take_checker},
    Keyword<ServerBlock>{"MISC_CHECK", take_checker},
    Keyword<ServerBlock>{"FILE_CHECK",
                         nullptr,
                         "write a check of type \"script\" that reads the file, such as [ "
                         "\"/usr/bin/test\", \"-e\", FILE ]"},
    Keyword<ServerBlock>{
        "BFD_CHECK",
        nullptr,
        "BFD is not spoken; a check of type \"ping\" with a short interval comes nearest"},
};

// keepalived gives servers of such a method the service's port, whatever the file says.
bool keeps_ports(ForwardingMethod method) {
    return method == ForwardingMethod::kDirect || method == ForwardingMethod::kTunnel;
}

// The server of one block, its port by the service's where it says none.
void add_server(const Statement& statement,
                const ServiceBlock& block,
                VirtualService& service,
                ImportState& state) {
    const auto endpoint = read_endpoint(statement, 1, state);
    if (!endpoint) {
        return;
    }
    ServerBlock to;
    to.server.endpoint = *endpoint;
    to.server.weight = block.weight;
    to.server.forwarding = block.forwarding;
    to.server.tunnel = block.tunnel;
    to.server.health.inhibit_on_failure = block.inhibit_on_failure;
    to.checks = block.checks;
    take_block<ServerBlock>(statement.block, kServerWords, to, state);
    if (statement.word(2).empty() || keeps_ports(to.server.forwarding)) {
        to.server.endpoint.port = service.endpoint.port;
    }
    for (const RealServer& other : service.real_servers) {
        if (other.endpoint == to.server.endpoint) {
            state.lost(statement,
                       fmt::format("real_server {} is there twice; the first counts",
                                   to_string(other.endpoint)));
            return;
        }
    }
    for (const Statement* checker : to.checkers) {
        if (auto check = read_checker(*checker, to.checks, state)) {
            to.server.health.checks.push_back(std::move(*check));
        }
    }
    service.real_servers.push_back(std::move(to.server));
}

// --- virtual_server ---

void take_scheduler(const Statement& statement, ServiceBlock& to, ImportState& /*state*/) {
    to.service.scheduler = statement.word(1);
    to.has_scheduler = true;
}
void take_method(const Statement& statement, ServiceBlock& to, ImportState& state) {
    read_method(statement, to.forwarding, to.tunnel, state);
}
template <SchedulerFlag kFlag>
void take_scheduler_flag(const Statement& /*statement*/, ServiceBlock& to, ImportState& /*state*/) {
    auto& flags = to.service.flags;
    if (std::find(flags.begin(), flags.end(), kFlag) == flags.end()) {
        flags.push_back(kFlag);
    }
}
void take_one_packet(const Statement& /*statement*/, ServiceBlock& to, ImportState& /*state*/) {
    to.service.one_packet = true;
}
void take_persistence(const Statement& statement, ServiceBlock& to, ImportState& state) {
    constexpr int64_t kTimeoutMax = 2678400;
    const auto timeout = statement.words.size() > 1
                             ? read_number(statement, 1, 0, kTimeoutMax, state)
                             : kPersistenceDefault;
    if (timeout) {
        to.service.persistence.timeout = static_cast<uint32_t>(*timeout);
    }
}
// "255.255.255.0", or bits.
void take_granularity(const Statement& statement, ServiceBlock& to, ImportState& state) {
    if (const auto mask = Ipv4Address::parse(statement.word(1))) {
        const uint32_t bits = mask->host();
        if (std::countl_one(bits) + std::countr_zero(bits) != 32 && bits != 0xffffffffU) {
            state.lost(statement, "persistence_granularity: expected a mask without holes");
            return;
        }
        to.service.persistence.prefix = static_cast<uint8_t>(std::countl_one(bits));
        return;
    }
    if (const auto bits = read_number(statement, 1, 1, 128, state)) {
        to.service.persistence.prefix = static_cast<uint8_t>(*bits);
    }
}
void take_protocol(const Statement& statement, ServiceBlock& to, ImportState& state) {
    const std::string_view word = statement.word(1);
    to.has_protocol = word == "TCP" || word == "UDP" || word == "SCTP";
    if (!to.has_protocol) {
        state.lost(statement,
                   fmt::format("protocol: expected TCP, UDP or SCTP, found \"{}\"", word));
        return;
    }
    to.service.protocol = word == "TCP"   ? Protocol::kTcp
                          : word == "UDP" ? Protocol::kUdp
                                          : Protocol::kSctp;
}
void take_service_check_default(const Statement& statement, ServiceBlock& to, ImportState& state) {
    take_check_default(statement, to.checks, state);
}
void take_service_inhibit(const Statement& statement, ServiceBlock& to, ImportState& state) {
    to.inhibit_on_failure = read_flag(statement, state).value_or(false);
}
void take_service_weight(const Statement& statement, ServiceBlock& to, ImportState& state) {
    to.weight = read_weight(statement, state).value_or(to.weight);
}
template <bool ServiceHealth::*kMember>
void take_health_flag(const Statement& statement, ServiceBlock& to, ImportState& state) {
    to.service.health.*kMember = read_flag(statement, state).value_or(false);
}
template <uint32_t ServiceHealth::*kMember>
void take_health_number(const Statement& statement, ServiceBlock& to, ImportState& state) {
    if (const auto number =
            read_number(statement, 1, 0, std::numeric_limits<int32_t>::max(), state)) {
        to.service.health.*kMember = static_cast<uint32_t>(*number);
    }
}
template <std::vector<std::string> ServiceHealth::*kMember>
void take_quorum_notify(const Statement& statement, ServiceBlock& to, ImportState& state) {
    to.service.health.*kMember = read_command(statement, state);
}
void take_sorry_server(const Statement& statement, ServiceBlock& to, ImportState& state) {
    if (const auto endpoint = read_endpoint(statement, 1, state)) {
        to.service.sorry_server.endpoint = *endpoint;
    }
}
void take_sorry_inhibit(const Statement& statement, ServiceBlock& to, ImportState& state) {
    to.service.sorry_server.inhibit = read_flag(statement, state).value_or(false);
}
void take_sorry_method(const Statement& statement, ServiceBlock& to, ImportState& state) {
    read_method(
        statement, to.service.sorry_server.forwarding, to.service.sorry_server.tunnel, state);
    to.has_sorry_method = true;
}
void take_server(const Statement& statement, ServiceBlock& to, ImportState& /*state*/) {
    to.servers.push_back(&statement);
}

constexpr std::array kServiceWords{
    Keyword<ServiceBlock>{"ip_family", nullptr, "the addresses say the family", Gravity::kRemark},
    Keyword<ServiceBlock>{"delay_loop", take_service_check_default},
    Keyword<ServiceBlock>{"lb_algo", take_scheduler},
    Keyword<ServiceBlock>{"lvs_sched", take_scheduler},
    Keyword<ServiceBlock>{"lb_kind", take_method},
    Keyword<ServiceBlock>{"lvs_method", take_method},
    Keyword<ServiceBlock>{"sh-port", take_scheduler_flag<SchedulerFlag::kHashPort>},
    Keyword<ServiceBlock>{"mh-port", take_scheduler_flag<SchedulerFlag::kHashPort>},
    Keyword<ServiceBlock>{"flag-2", take_scheduler_flag<SchedulerFlag::kHashPort>},
    Keyword<ServiceBlock>{"sh-fallback", take_scheduler_flag<SchedulerFlag::kHashFallback>},
    Keyword<ServiceBlock>{"mh-fallback", take_scheduler_flag<SchedulerFlag::kHashFallback>},
    Keyword<ServiceBlock>{"flag-1", take_scheduler_flag<SchedulerFlag::kHashFallback>},
    Keyword<ServiceBlock>{"flag-3", nullptr, "no scheduler knows a third flag"},
    Keyword<ServiceBlock>{"hashed", nullptr, "always so", Gravity::kRemark},
    Keyword<ServiceBlock>{"ops", take_one_packet},
    Keyword<ServiceBlock>{"persistence_timeout", take_persistence},
    Keyword<ServiceBlock>{"persistence_granularity", take_granularity},
    Keyword<ServiceBlock>{"persistence_engine",
                          nullptr,
                          "SIP call ids are not looked at; clients persist by their address"},
    Keyword<ServiceBlock>{"protocol", take_protocol},
    Keyword<ServiceBlock>{"retry", take_service_check_default},
    Keyword<ServiceBlock>{"nb_get_retry", take_service_check_default},
    Keyword<ServiceBlock>{"delay_before_retry", take_service_check_default},
    Keyword<ServiceBlock>{"warmup", take_service_check_default},
    Keyword<ServiceBlock>{"connect_timeout", take_service_check_default},
    Keyword<ServiceBlock>{"virtualhost", take_service_check_default},
    Keyword<ServiceBlock>{"inhibit_on_failure", take_service_inhibit},
    Keyword<ServiceBlock>{"weight", take_service_weight},
    Keyword<ServiceBlock>{"alpha", take_health_flag<&ServiceHealth::alpha>},
    Keyword<ServiceBlock>{"omega", take_health_flag<&ServiceHealth::omega>},
    Keyword<ServiceBlock>{"quorum", take_health_number<&ServiceHealth::quorum>},
    Keyword<ServiceBlock>{"hysteresis", take_health_number<&ServiceHealth::quorum_hysteresis>},
    Keyword<ServiceBlock>{"quorum_up", take_quorum_notify<&ServiceHealth::quorum_up>},
    Keyword<ServiceBlock>{"quorum_down", take_quorum_notify<&ServiceHealth::quorum_down>},
    Keyword<ServiceBlock>{"sorry_server", take_sorry_server},
    Keyword<ServiceBlock>{"sorry_server_inhibit", take_sorry_inhibit},
    Keyword<ServiceBlock>{"sorry_server_lvs_method", take_sorry_method},
    Keyword<ServiceBlock>{
        "ha_suspend",
        nullptr,
        "servers are checked on both directors, so that the BACKUP's table is warm"},
    Keyword<ServiceBlock>{"snmp_name",
                          nullptr,
                          "there is no SNMP; metrics name a service by its address",
                          Gravity::kRemark},
    Keyword<ServiceBlock>{"smtp_alert", nullptr, kNoMail, Gravity::kRemark},
    Keyword<ServiceBlock>{"real_server", take_server},
};

// --- which services a block makes ---

// "A.B.C.D-E" (last part), "A-B", "A/len" or one address.
std::vector<IpAddress> addresses_of(const Statement& line, ImportState& state) {
    const std::string_view text = line.word(0);
    AddressRange range;
    const size_t dash = text.find('-');
    const auto first = IpAddress::parse(text.substr(0, dash));
    if (dash != std::string_view::npos && first) {
        const std::string_view rest = text.substr(dash + 1);
        const size_t dot = text.substr(0, dash).rfind('.');
        const auto last = rest.find_first_of(".:") == std::string_view::npos && first->is_ipv4()
                              ? IpAddress::parse(fmt::format("{}{}", text.substr(0, dot + 1), rest))
                              : IpAddress::parse(rest);
        if (last && last->is_ipv4() && first->is_ipv4() && *first <= *last) {
            range = {*first, *last};
        } else {
            state.lost(line,
                       fmt::format("expected addresses such as 192.0.2.1-9, found \"{}\"", text));
            return {};
        }
    } else if (const auto prefix = IpPrefix::parse(text)) {
        if (!prefix->address.is_ipv4()) {
            if (prefix->length != 128) {
                state.lost(line, "a range of IPv6 addresses: write a service with `match` rules");
                return {};
            }
            return {prefix->address};
        }
        const uint32_t hosts = prefix->length == 32 ? 0 : 0xffffffffU >> prefix->length;
        const uint32_t network = prefix->network().ipv4().host();
        range = {
            prefix->length == 32 ? prefix->address : IpAddress(Ipv4Address::from_host(network)),
            Ipv4Address::from_host(network | hosts)};
    } else {
        state.lost(line, fmt::format("expected an address or addresses, found \"{}\"", text));
        return {};
    }
    const uint32_t from = range.first.ipv4().host();
    const uint32_t to = range.last.ipv4().host();
    if (to - from >= kGroupAddressesMax) {
        state.lost(line,
                   fmt::format("{} addresses: write one service with `match` rules",
                               uint64_t{to} - from + 1));
        return {};
    }
    std::vector<IpAddress> addresses;
    for (uint32_t i = 0; i <= to - from; ++i) {
        addresses.emplace_back(Ipv4Address::from_host(from + i));
    }
    return addresses;
}

std::vector<ServicePlace> places_of_group(const Statement& statement, ImportState& state) {
    const auto found = state.server_groups.find(std::string(statement.word(2)));
    if (found == state.server_groups.end()) {
        state.lost(statement,
                   fmt::format("virtual_server_group \"{}\" is nowhere", statement.word(2)));
        return {};
    }
    std::vector<ServicePlace> places;
    for (const Statement& line : found->second->block) {
        if (line.keyword() == "fwmark") {
            if (const auto mark =
                    read_number(line, 1, 1, std::numeric_limits<uint32_t>::max(), state)) {
                places.push_back({{}, static_cast<uint32_t>(*mark)});
            }
            continue;
        }
        const int64_t port =
            line.words.size() > 1 ? read_number(line, 1, 0, 65535, state).value_or(-1) : 0;
        for (const IpAddress& address :
             port < 0 ? std::vector<IpAddress>() : addresses_of(line, state)) {
            places.push_back({{address, Be16::from_host(static_cast<uint16_t>(port))}, 0});
        }
    }
    return places;
}

std::vector<ServicePlace> places_of(const Statement& statement, ImportState& state) {
    if (statement.word(1) == "group") {
        return places_of_group(statement, state);
    }
    if (statement.word(1) == "fwmark") {
        const auto mark = read_number(statement, 2, 1, std::numeric_limits<uint32_t>::max(), state);
        return mark ? std::vector<ServicePlace>{{{}, static_cast<uint32_t>(*mark)}}
                    : std::vector<ServicePlace>();
    }
    const auto endpoint = read_endpoint(statement, 1, state);
    return endpoint ? std::vector<ServicePlace>{{*endpoint, 0}} : std::vector<ServicePlace>();
}

// What keepalived mends after reading a block.
void mend(const Statement& statement, VirtualService& service, ImportState& state) {
    if (service.mark == 0 && service.endpoint.port == Be16::from_host(0) &&
        service.persistence.timeout == 0) {
        service.persistence.timeout = kPersistenceDefault;
        state.remark(statement, "port 0 means persistence: 360 s, as in keepalived");
    }
    if (service.one_packet && service.protocol != Protocol::kUdp) {
        service.one_packet = false;
        state.lost(statement, "ops: for UDP alone");
    }
    const uint64_t weights =
        std::accumulate(service.real_servers.begin(),
                        service.real_servers.end(),
                        uint64_t{0},
                        [](uint64_t sum, const RealServer& server) { return sum + server.weight; });
    ServiceHealth& health = service.health;
    if (health.quorum > weights && weights > 0) {
        state.remark(statement, fmt::format("quorum: {} is all the weight there is", weights));
        health.quorum = static_cast<uint32_t>(weights);
    }
    if (health.quorum_hysteresis >= health.quorum && health.quorum_hysteresis > 0) {
        health.quorum_hysteresis = health.quorum > 0 ? health.quorum - 1 : 0;
        state.remark(
            statement,
            fmt::format("hysteresis: less than the quorum, so {}", health.quorum_hysteresis));
    }
}

// Checks that all servers have in common are written once, at the service.
void share_checks(VirtualService& service) {
    auto& servers = service.real_servers;
    if (servers.empty() || servers.front().health.checks.empty() ||
        !std::all_of(servers.begin(), servers.end(), [&](const RealServer& server) {
            return server.health.checks == servers.front().health.checks;
        })) {
        return;
    }
    service.health.checks = servers.front().health.checks;
    for (RealServer& server : servers) {
        server.health.checks.clear();
    }
}

void add_service(const Statement& statement,
                 const ServiceBlock& block,
                 const ServicePlace& place,
                 ImportState& state) {
    VirtualService service = block.service;
    service.endpoint = place.endpoint;
    service.mark = place.mark;
    for (const Statement* server : block.servers) {
        add_server(*server, block, service, state);
    }
    if (service.real_servers.empty()) {
        state.lost(statement,
                   "virtual_server without a real_server: keepalived leaves it out, too");
        return;
    }
    SorryServer& sorry = service.sorry_server;
    if (sorry.is_set()) {
        if (!block.has_sorry_method) {
            sorry.forwarding = block.forwarding;
            sorry.tunnel = block.tunnel;
        }
        if (sorry.endpoint.port == Be16::from_host(0) || keeps_ports(sorry.forwarding)) {
            sorry.endpoint.port = service.endpoint.port;
        }
    }
    mend(statement, service, state);
    share_checks(service);
    if (place.mark == 0) {
        state.out.model.virtual_services.push_back(std::move(service));
        return;
    }
    state.lost(
        statement,
        fmt::format("fwmark {}: which packets have this mark stands in the firewall's rules; "
                    "write them as `match` of the service that is commented out below",
                    place.mark));
    state.out.drafts.push_back(std::move(service));
}

}  // namespace

void take_virtual_server(const Statement& statement, ImportState& state) {
    ServiceBlock block;
    block.service.scheduler = "wlc";  // keepalived's default
    take_block<ServiceBlock>(statement.block, kServiceWords, block, state);
    const std::vector<ServicePlace> places = places_of(statement, state);
    if (!block.has_protocol) {
        // Not so for marks, which have all protocols.
        block.service.protocol = Protocol::kUdp;
        if (!places.empty() && places.front().mark == 0) {
            state.lost(statement,
                       "without protocol keepalived takes UDP, and so does this; was TCP meant?");
        }
    }
    for (const ServicePlace& place : places) {
        add_service(statement, block, place, state);
    }
}

}  // namespace director::config
