#include "tests/unit/oracle/oracle_lab.h"

#include <array>

namespace director::test::oracle {

using namespace dataplane;  // NOLINT(google-build-using-namespace): a test's helper

namespace {

constexpr std::array<uint16_t, kLinks> kVlans{0, 10, 20};
constexpr std::array<uint16_t, kLinks> kOuterVlans{0, 0, 200};
constexpr std::array kFamilies{Family::kIpv4, Family::kIpv6};
constexpr std::array kProtocols{Protocol::kTcp, Protocol::kUdp, Protocol::kSctp};

[[nodiscard]] uint8_t byte(uint64_t value) {
    return static_cast<uint8_t>(value);
}

// 198.51.l.0/24 or 2001:db8:c:l::/64: clients. 10.2.l.0/24 or 2001:db8:5:l::/64: servers.
[[nodiscard]] IpAddress address(Family family, uint8_t net, uint16_t link, uint16_t host) {
    if (family == Family::kIpv4) {
        return net == 0xc ? Ipv4Address::of(198, 51, byte(link), byte(host))
                          : Ipv4Address::of(10, net, byte(link), byte(host));
    }
    IpAddress out;
    out.bytes = {0x20, 1, 0x0d, 0xb8, 0, net, 0, byte(link), 0, 0, 0, 0, 0, 0, 0, byte(host)};
    return out;
}

[[nodiscard]] IpPrefix subnet(Family family, uint8_t net, uint16_t link) {
    const uint8_t length = family == Family::kIpv4 ? 24 : 64;
    return {IpPrefix::masked(address(family, net, link, 0), length), length};
}

constexpr uint8_t kClientNet = 0xc;
constexpr uint8_t kServerNet = 5;
constexpr uint8_t kRouterNet = 7;
constexpr uint8_t kLocalNet = 9;

[[nodiscard]] MacAddress peer_mac(PortId side, uint16_t link) {
    return {{0x02, 0, 0, 1, byte(index(side)), byte(link)}};
}

[[nodiscard]] FleetSettings fleet_settings(const LabSettings& lab) {
    FleetSettings settings{.workers = lab.workers,
                           .worker = lab.worker,
                           .tailroom_bytes = lab.tailroom_bytes,
                           .templates_max = lab.templates_max};
    settings.worker.decrement_ttl = lab.decrements_ttl;
    settings.worker.punts_per_second = 1000000;
    settings.worker.hash_key = {0x1234567890abcdefU, 0xfedcba9876543211U};
    return settings;
}

[[nodiscard]] std::vector<Tunnel> tunnels() {
    return {{TunnelKind::kIpIp, TunnelChecksum::kNone, {}},
            {TunnelKind::kGre, TunnelChecksum::kNone, {}},
            {TunnelKind::kGre, TunnelChecksum::kFull, {}},
            {TunnelKind::kGue, TunnelChecksum::kNone, Be16::from_host(kGuePort)},
            {TunnelKind::kGue, TunnelChecksum::kFull, Be16::from_host(kGuePort)}};
}

}  // namespace

OracleLab::OracleLab(const LabSettings& settings) : fleet_(fleet_settings(settings)) {
    add_links();
    fleet_.put_local_pool(1,
                          {address(Family::kIpv4, kLocalNet, 0, 1),
                           address(Family::kIpv4, kLocalNet, 0, 2),
                           address(Family::kIpv6, kLocalNet, 0, 1),
                           address(Family::kIpv6, kLocalNet, 0, 2)},
                          1024,
                          settings.local_port_last);
    add_stories();
}

// Outside, a router on each link; inside, a server.
void OracleLab::add_links() {
    std::vector<StaticRoute> routes;
    for (uint16_t link = 0; link < kLinks; ++link) {
        for (const PortId side : {kOutside, kInside}) {
            interfaces_.push_back({.port = side,
                                   .vlan = kVlans.at(link),
                                   .outer_vlan = kOuterVlans.at(link),
                                   .mtu_bytes = 9000,
                                   .is_up = true,
                                   .mac = kDirectorMac,
                                   .ipv4 = own_address(link, Family::kIpv4),
                                   .ipv6 = own_address(link, Family::kIpv6)});
            const InterfaceId id = fleet_.add_interface(interfaces_.back());
            for (const Family family : kFamilies) {
                const bool is_outside = side == kOutside;
                const IpAddress peer =
                    address(family, is_outside ? kRouterNet : kServerNet, link, 1);
                fleet_.put_neighbour(id, peer, peer_mac(side, link));
                if (is_outside) {
                    routes.push_back(
                        {subnet(family, kClientNet, link), {RouteKind::kGateway, id, peer}});
                } else {
                    routes.push_back(
                        {subnet(family, kServerNet, link), {RouteKind::kOnLink, id, {}}});
                }
            }
        }
    }
    fleet_.put_routes(std::move(routes));
}

void OracleLab::add_story(Story story) {
    const auto number = static_cast<uint16_t>(stories_.size());
    const bool keeps_port = story.method == ForwardingMethod::kDirect ||
                            story.method == ForwardingMethod::kTunnel ||
                            story.method == ForwardingMethod::kLocal || number % 4 == 0;
    story.server_link = number % kLinks;
    story.service = {
        story.outside == Family::kIpv4 ? IpAddress(ip("203.0.113.1")) : ip6("2001:db8:f::1"),
        Be16::from_host(static_cast<uint16_t>(1000 + number))};
    story.server = {address(story.inside, kServerNet, story.server_link, 1),
                    keeps_port ? story.service.port
                               : Be16::from_host(static_cast<uint16_t>(40000 + 7 * number))};
    ServiceOptions options;
    options.local_pool = 1;
    fleet_.put_service(
        {story.service.address, story.service.port, story.protocol},
        "rr",
        {{.endpoint = story.server, .forwarding = story.method, .tunnel = story.tunnel}},
        options);
    stories_.push_back(story);
}

void OracleLab::add_story(Story story, const ServiceOptions& options, uint16_t port) {
    story.server_link = port % kLinks;
    story.service = {
        story.outside == Family::kIpv4 ? IpAddress(ip("203.0.113.1")) : ip6("2001:db8:f::1"),
        Be16::from_host(port)};
    story.server = {address(story.inside, kServerNet, story.server_link, 1), story.service.port};
    ServiceOptions with_pool = options;
    with_pool.local_pool = 1;
    fleet_.put_service({story.service.address, story.service.port, story.protocol},
                       "rr",
                       {{.endpoint = story.server, .forwarding = story.method}},
                       with_pool);
    stories_.push_back(story);
}

void OracleLab::add_source_nat() {
    const Endpoint any{Ipv4Address(), {}};
    const auto service =
        fleet_.put_service({Ipv4Address(), {}, Protocol::kAny, 1}, "rr", {{any, 0}});
    Tables tables;
    for (const auto& [source, destination] :
         {std::pair("10.5.0.0/16", "0.0.0.0/0"), std::pair("2001:db8:5::/48", "::/0")}) {
        tables.source_nat.push_back({.source = IpPrefix::parse(source).value(),
                                     .destination = IpPrefix::parse(destination).value(),
                                     .local_pool = 1,
                                     .service = service,
                                     .server = fleet_.server_id(service, any)});
    }
    fleet_.put_tables(tables);
}

IpAddress OracleLab::server(Family family, uint16_t link) {
    return address(family, kServerNet, link, 1);
}

void OracleLab::change_mtu(InterfaceId interface, uint16_t mtu_bytes) {
    Interface& facts = interfaces_.at(index(interface));
    facts.mtu_bytes = mtu_bytes;
    fleet_.change_interface(interface, facts);
}

void OracleLab::add_stories() {
    for (const Protocol protocol : kProtocols) {
        for (const Family family : kFamilies) {
            for (const ForwardingMethod method : {ForwardingMethod::kNat,
                                                  ForwardingMethod::kFullNat,
                                                  ForwardingMethod::kDirect,
                                                  ForwardingMethod::kLocal}) {
                for (uint16_t link = 0; link < kLinks; ++link) {
                    add_story({method, family, family, protocol, {}, 0, {}, {}});
                }
            }
            for (const Family inside : kFamilies) {
                for (const Tunnel& tunnel : tunnels()) {
                    add_story(
                        {ForwardingMethod::kTunnel, family, inside, protocol, tunnel, 0, {}, {}});
                }
            }
        }
        for (uint16_t link = 0; link < kLinks; ++link) {
            add_story({ForwardingMethod::kFullNat,
                       Family::kIpv6,
                       Family::kIpv4,
                       protocol,
                       {},
                       0,
                       {},
                       {}});
        }
    }
}

Endpoint OracleLab::client(Random& random, Family family, uint16_t link) {
    IpAddress out = address(family, kClientNet, link, static_cast<uint16_t>(random.below(256)));
    if (family == Family::kIpv6) {
        for (size_t i = 8; i < 15; ++i) {
            out.bytes.at(i) = byte(random.below(256));
        }
    }
    return {out, Be16::from_host(static_cast<uint16_t>(1 + random.below(65535)))};
}

Link OracleLab::to_director(PortId side, uint16_t link) {
    return {peer_mac(side, link), kDirectorMac, kVlans.at(link), kOuterVlans.at(link)};
}

Link OracleLab::from_director(PortId side, uint16_t link) {
    return {kDirectorMac, peer_mac(side, link), kVlans.at(link), kOuterVlans.at(link)};
}

IpAddress OracleLab::own_address(uint16_t link, Family family) {
    return address(family, kServerNet, link, 254);
}

bool OracleLab::is_local_address(const IpAddress& address_seen) {
    for (const Family family : kFamilies) {
        for (const uint16_t host : {uint16_t{1}, uint16_t{2}}) {
            if (address_seen == address(family, kLocalNet, 0, host)) {
                return true;
            }
        }
    }
    return false;
}

}  // namespace director::test::oracle
