// Messages that a real kernel sent (Linux 6.18, read from a netlink socket in a network namespace
// while the `ip` command above each ran) become the right events; messages for what that kernel
// could not do (802.1Q) are built here. Then all of them, cut and damaged, do no harm.
#include "controlplane/kernel/kernel_event.h"

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "common/random.h"

namespace director::kernel {
namespace {

std::vector<uint8_t> from_hex(std::string_view text) {
    std::vector<uint8_t> bytes;
    for (size_t i = 0; i + 1 < text.size(); i += 2) {
        bytes.push_back(
            static_cast<uint8_t>(std::stoul(std::string(text.substr(i, 2)), nullptr, 16)));
    }
    return bytes;
}

// `ip addr add 192.168.0.104/25 dev out`
constexpr std::string_view kNewAddress =
    "4c000000140000008f79016b83290000021980000200000008000100c0a8006808000200c0a80068080003006f7574"
    "00080008008000000014000600ffffffffffffffffa65f0300a65f0300";
constexpr std::string_view kLocalRoute =
    "3c00000018000006000000000000000002200000ff02fe020000000008000f00ff00000008000100c0a80068080007"
    "00c0a800680800040002000000";
constexpr std::string_view kConnectedRoute =
    "3c00000018000006000000000000000002190000fe02fd010000000008000f00fe00000008000100c0a80000080007"
    "00c0a800680800040002000000";
constexpr std::string_view kBroadcastRoute =
    "3c00000018000006000000000000000002200000ff02fd030000000008000f00ff00000008000100c0a8007f080007"
    "00c0a800680800040002000000";
// `ip neigh replace 192.168.0.108 lladdr 02:00:00:00:00:08 dev out`, and its deletion
constexpr std::string_view kPermanentNeighbour =
    "4c0000001c000000000000008729000002000000020000008000000108000100c0a8006c0a00020002000000000800"
    "0008000400000000001400030000000000000000000000000001000000";
constexpr std::string_view kDeletedNeighbour =
    "400000001d000000000000000000000002000000020000002000000108000100c0a8006c0800040000000000140003"
    "0000020000000200000002000000000000";
// `ip neigh add 192.168.0.107 dev out use`, three seconds later
constexpr std::string_view kFailedNeighbour =
    "400000001c000000000000000000000002000000020000002000000108000100c0a8006b0800040006000000140003"
    "00a2180000320100000000000001000000";
// `ip route add 10.0.0.0/8 via 192.168.0.1`
constexpr std::string_view kGatewayRoute =
    "3c000000180000069079016b8929000002080000fe0300010000000008000f00fe000000080001000a000000080005"
    "00c0a800010800040002000000";
// `ip route replace 10.0.0.0/8 via 192.168.0.2`
constexpr std::string_view kReplacedRoute =
    "3c000000180000019179016b8d29000002080000fe0300010000000008000f00fe000000080001000a000000080005"
    "00c0a800020800040002000000";
// `ip route del 10.0.0.0/8`
constexpr std::string_view kDeletedRoute =
    "3c000000190000009179016b9129000002080000fe0300010000000008000f00fe000000080001000a000000080005"
    "00c0a800020800040002000000";
// `ip route add 10.1.0.0/16 nexthop via 192.168.0.1 nexthop via 192.168.0.2`
constexpr std::string_view kMultipathRoute =
    "50000000180000069079016b8b29000002100000fe0300010000000008000f00fe000000080001000a010000240009"
    "00100000000200000008000500c0a80001100000000200000008000500c0a80002";
// `ip route add blackhole 10.2.0.0/16`
constexpr std::string_view kBlackholeRoute =
    "2c000000180000069179016b8f29000002100000fe0300060000000008000f00fe000000080001000a020000";

const std::vector<std::string_view> kAll{kNewAddress,
                                         kLocalRoute,
                                         kConnectedRoute,
                                         kBroadcastRoute,
                                         kPermanentNeighbour,
                                         kDeletedNeighbour,
                                         kFailedNeighbour,
                                         kGatewayRoute,
                                         kReplacedRoute,
                                         kDeletedRoute,
                                         kMultipathRoute,
                                         kBlackholeRoute};

template <typename Event>
Event parse_as(const std::vector<uint8_t>& message) {
    const auto event = parse_kernel_event(message);
    if (!event || !std::holds_alternative<Event>(*event)) {
        ADD_FAILURE() << "not the expected event";
        return {};
    }
    return std::get<Event>(*event);
}

template <typename Event>
Event parse_as(std::string_view hex) {
    return parse_as<Event>(from_hex(hex));
}

// Builds a message as the kernel does: fixed structures and attributes, padded to 4.
class Builder {
  public:
    template <typename Fixed>
    Builder(uint16_t type, uint16_t flags, const Fixed& fixed) {
        nlmsghdr header{};
        header.nlmsg_type = type;
        header.nlmsg_flags = flags;
        put(header);
        put(fixed);
    }
    template <typename Value>
    Builder& add(uint16_t type, const Value& value) {
        put(nlattr{static_cast<uint16_t>(sizeof(nlattr) + sizeof(value)), type});
        put(value);
        return *this;
    }
    Builder& add_text(uint16_t type, const std::string& text) {
        put(nlattr{static_cast<uint16_t>(sizeof(nlattr) + text.size() + 1), type});
        bytes_.insert(bytes_.end(), text.begin(), text.end());
        bytes_.push_back(0);
        bytes_.resize((bytes_.size() + 3) & ~size_t{3});
        return *this;
    }
    Builder& begin(uint16_t type) {
        nests_.push_back(bytes_.size());
        put(nlattr{sizeof(nlattr), type});
        return *this;
    }
    Builder& end() {
        const auto length = static_cast<uint16_t>(bytes_.size() - nests_.back());
        std::memcpy(&bytes_[nests_.back()], &length, sizeof(length));
        nests_.pop_back();
        return *this;
    }
    std::vector<uint8_t> bytes() {
        const auto length = static_cast<uint32_t>(bytes_.size());
        std::memcpy(bytes_.data(), &length, sizeof(length));
        return bytes_;
    }

  private:
    template <typename Value>
    void put(const Value& value) {
        const size_t place = bytes_.size();
        bytes_.resize(place + ((sizeof(value) + 3) & ~size_t{3}));
        std::memcpy(&bytes_[place], &value, sizeof(value));
    }

    std::vector<uint8_t> bytes_;
    std::vector<size_t> nests_;
};

ifinfomsg link_info(unsigned flags) {
    ifinfomsg fixed{};
    fixed.ifi_index = 7;
    fixed.ifi_flags = flags;
    return fixed;
}

Builder vlan_link(uint16_t protocol) {
    return Builder(RTM_NEWLINK, 0, link_info(IFF_UP | IFF_LOWER_UP))
        .add_text(IFLA_IFNAME, "out.100")
        .add(IFLA_MTU, uint32_t{1400})
        .add(IFLA_LINK, uint32_t{2})
        .begin(IFLA_LINKINFO)
        .add_text(IFLA_INFO_KIND, "vlan")
        .begin(IFLA_INFO_DATA)
        .add(IFLA_VLAN_PROTOCOL, Be16::from_host(protocol).raw)
        .add(IFLA_VLAN_ID, uint16_t{100})
        .end()
        .end();
}

TEST(KernelEvent, ReadsALink) {
    const auto event =
        parse_as<LinkEvent>(Builder(RTM_NEWLINK, 0, link_info(IFF_UP | IFF_LOWER_UP))
                                .add_text(IFLA_IFNAME, "out")
                                .add(IFLA_MTU, uint32_t{1400})
                                .add(IFLA_ADDRESS, MacAddress{{2, 0, 0, 0, 0, 1}}.bytes)
                                .bytes());
    EXPECT_FALSE(event.is_removed);
    EXPECT_EQ(event.ifindex, 7U);
    EXPECT_EQ(event.name, "out");
    EXPECT_TRUE(event.is_up);
    EXPECT_TRUE(event.has_carrier);
    EXPECT_EQ(event.mtu_bytes, 1400U);
    EXPECT_EQ(event.mac, (MacAddress{{2, 0, 0, 0, 0, 1}}));
    EXPECT_FALSE(event.vlan);
}

TEST(KernelEvent, TellsAdministrativeStateFromCarrier) {
    const auto no_carrier = parse_as<LinkEvent>(Builder(RTM_NEWLINK, 0, link_info(IFF_UP)).bytes());
    EXPECT_TRUE(no_carrier.is_up);
    EXPECT_FALSE(no_carrier.has_carrier);
    EXPECT_TRUE(parse_as<LinkEvent>(Builder(RTM_DELLINK, 0, link_info(0)).bytes()).is_removed);
}

TEST(KernelEvent, ReadsAVlanSubInterface) {
    const auto event = parse_as<LinkEvent>(vlan_link(0x8100).bytes());
    ASSERT_TRUE(event.vlan);
    EXPECT_EQ(*event.vlan, (VlanLink{2, 100}));
}

TEST(KernelEvent, DoesNotTakeAProviderVlanForAnOrdinaryOne) {
    EXPECT_FALSE(parse_as<LinkEvent>(vlan_link(0x88a8).bytes()).vlan);
}

TEST(KernelEvent, DoesNotTakeAParentInAnotherNamespaceForOurs) {
    EXPECT_FALSE(
        parse_as<LinkEvent>(vlan_link(0x8100).add(IFLA_LINK_NETNSID, uint32_t{0}).bytes()).vlan);
}

TEST(KernelEvent, IgnoresBridgePortMessages) {
    ifinfomsg fixed = link_info(IFF_UP);
    fixed.ifi_family = AF_BRIDGE;
    EXPECT_FALSE(parse_kernel_event(Builder(RTM_DELLINK, 0, fixed).bytes()));
}

TEST(KernelEvent, ReadsAnAddress) {
    const auto event = parse_as<AddressEvent>(kNewAddress);
    EXPECT_FALSE(event.is_removed);
    EXPECT_EQ(event.ifindex, 2U);
    EXPECT_EQ(event.address, *IpPrefix::parse("192.168.0.104/25"));
}

TEST(KernelEvent, ReadsLocalAndBroadcastRoutes) {
    const auto local = parse_as<RouteEvent>(kLocalRoute);
    EXPECT_EQ(local.table, uint32_t{RT_TABLE_LOCAL});
    EXPECT_EQ(local.action, RouteAction::kLocal);
    EXPECT_EQ(local.to, *IpPrefix::parse("192.168.0.104"));
    const auto broadcast = parse_as<RouteEvent>(kBroadcastRoute);
    EXPECT_EQ(broadcast.action, RouteAction::kLocal);
    EXPECT_EQ(broadcast.to, *IpPrefix::parse("192.168.0.127"));
}

TEST(KernelEvent, ReadsUnicastRoutes) {
    const auto connected = parse_as<RouteEvent>(kConnectedRoute);
    EXPECT_EQ(connected.table, uint32_t{RT_TABLE_MAIN});
    EXPECT_EQ(connected.to, *IpPrefix::parse("192.168.0.0/25"));
    EXPECT_EQ(connected.next_hops, (std::vector<NextHop>{{2, {}, true}}));

    const auto gateway = parse_as<RouteEvent>(kGatewayRoute);
    EXPECT_EQ(gateway.to, *IpPrefix::parse("10.0.0.0/8"));
    EXPECT_EQ(gateway.place, RoutePlace::kFirst);
    EXPECT_EQ(gateway.next_hops,
              (std::vector<NextHop>{{2, Ipv4Address::of(192, 168, 0, 1), true}}));
}

TEST(KernelEvent, TellsReplacementAndRemoval) {
    EXPECT_EQ(parse_as<RouteEvent>(kReplacedRoute).place, RoutePlace::kInsteadOfFirst);
    EXPECT_TRUE(parse_as<RouteEvent>(kDeletedRoute).is_removed);
}

TEST(KernelEvent, ReadsEveryNextHopOfAMultipathRoute) {
    EXPECT_EQ(parse_as<RouteEvent>(kMultipathRoute).next_hops,
              (std::vector<NextHop>{{2, Ipv4Address::of(192, 168, 0, 1), true},
                                    {2, Ipv4Address::of(192, 168, 0, 2), true}}));
}

TEST(KernelEvent, ReadsADiscardingRoute) {
    const auto event = parse_as<RouteEvent>(kBlackholeRoute);
    EXPECT_EQ(event.action, RouteAction::kDiscard);
    EXPECT_TRUE(event.next_hops.empty());
}

TEST(KernelEvent, MarksNextHopsThatTheKernelDoesNotUse) {
    rtmsg fixed{};
    fixed.rtm_family = AF_INET;
    fixed.rtm_type = RTN_UNICAST;
    fixed.rtm_flags = RTNH_F_DEAD;
    const auto dead =
        parse_as<RouteEvent>(Builder(RTM_NEWROUTE, 0, fixed).add(RTA_OIF, uint32_t{2}).bytes());
    EXPECT_EQ(dead.next_hops, (std::vector<NextHop>{{2, {}, false}}));

    fixed.rtm_flags = 0;  // `ip route add 10.0.0.0/8 via inet6 fe80::1 dev out`
    constexpr std::array<uint8_t, 18> kVia{
        AF_INET6, 0, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    const auto ipv6_gateway = parse_as<RouteEvent>(
        Builder(RTM_NEWROUTE, 0, fixed).add(RTA_OIF, uint32_t{2}).add(RTA_VIA, kVia).bytes());
    EXPECT_EQ(ipv6_gateway.next_hops,
              (std::vector<NextHop>{{2, *IpAddress::parse("fe80::1"), true}}));
    const auto no_gateway = parse_as<RouteEvent>(Builder(RTM_NEWROUTE, 0, fixed)
                                                     .add(RTA_OIF, uint32_t{2})
                                                     .add(RTA_VIA, std::array<uint8_t, 18>{})
                                                     .bytes());
    EXPECT_EQ(no_gateway.next_hops, (std::vector<NextHop>{{2, {}, false}}));
}

TEST(KernelEvent, IgnoresPathMtuExceptions) {
    rtmsg fixed{};
    fixed.rtm_family = AF_INET;
    fixed.rtm_type = RTN_UNICAST;
    fixed.rtm_flags = RTM_F_CLONED;
    EXPECT_FALSE(parse_kernel_event(Builder(RTM_NEWROUTE, 0, fixed).bytes()));
}

TEST(KernelEvent, ReadsNeighbours) {
    const auto known = parse_as<NeighbourEvent>(kPermanentNeighbour);
    EXPECT_EQ(known.ifindex, 2U);
    EXPECT_EQ(known.address, Ipv4Address::of(192, 168, 0, 108));
    EXPECT_EQ(known.knowledge, NeighbourKnowledge::kKnown);
    EXPECT_EQ(known.mac, (MacAddress{{2, 0, 0, 0, 0, 8}}));
    EXPECT_EQ(parse_as<NeighbourEvent>(kFailedNeighbour).knowledge, NeighbourKnowledge::kFailed);
    EXPECT_TRUE(parse_as<NeighbourEvent>(kDeletedNeighbour).is_removed);
}

std::vector<uint8_t> neighbour_in(uint16_t state, uint8_t type, Ipv4Address address) {
    ndmsg fixed{};
    fixed.ndm_family = AF_INET;
    fixed.ndm_ifindex = 2;
    fixed.ndm_state = state;
    fixed.ndm_type = type;
    return Builder(RTM_NEWNEIGH, 0, fixed)
        .add(NDA_DST, address.bits.raw)
        .add(NDA_LLADDR, MacAddress{{2, 0, 0, 0, 0, 8}}.bytes)
        .bytes();
}

TEST(KernelEvent, TellsWhatEachNeighbourStateMeans) {
    const Ipv4Address host = Ipv4Address::of(192, 168, 0, 108);
    for (const int state :
         {NUD_REACHABLE, NUD_STALE, NUD_DELAY, NUD_PROBE, NUD_PERMANENT, NUD_NOARP}) {
        EXPECT_EQ(
            parse_as<NeighbourEvent>(neighbour_in(static_cast<uint16_t>(state), RTN_UNICAST, host))
                .knowledge,
            NeighbourKnowledge::kKnown)
            << state;
    }
    EXPECT_EQ(parse_as<NeighbourEvent>(neighbour_in(NUD_INCOMPLETE, RTN_UNICAST, host)).knowledge,
              NeighbourKnowledge::kUnknown);
    EXPECT_EQ(parse_as<NeighbourEvent>(neighbour_in(NUD_NONE, RTN_UNICAST, host)).knowledge,
              NeighbourKnowledge::kUnknown);
}

TEST(KernelEvent, IgnoresGroupAddressesAmongNeighbours) {
    EXPECT_FALSE(
        parse_kernel_event(neighbour_in(NUD_NOARP, RTN_MULTICAST, Ipv4Address::of(224, 0, 0, 18))));
    EXPECT_FALSE(parse_kernel_event(
        neighbour_in(NUD_NOARP, RTN_BROADCAST, Ipv4Address::of(192, 168, 0, 127))));
}

TEST(KernelEvent, ReadsIpv6) {
    const IpAddress host = *IpAddress::parse("2001:db8::2");
    ndmsg neighbour{};
    neighbour.ndm_family = AF_INET6;
    neighbour.ndm_ifindex = 2;
    neighbour.ndm_state = NUD_REACHABLE;
    const auto known = parse_as<NeighbourEvent>(Builder(RTM_NEWNEIGH, 0, neighbour)
                                                    .add(NDA_DST, host.bytes)
                                                    .add(NDA_LLADDR, std::array<uint8_t, 6>{2})
                                                    .bytes());
    EXPECT_EQ(known.address, host);
    EXPECT_EQ(known.knowledge, NeighbourKnowledge::kKnown);

    ifaddrmsg own{};
    own.ifa_family = AF_INET6;
    own.ifa_prefixlen = 64;
    own.ifa_index = 2;
    const auto address =
        parse_as<AddressEvent>(Builder(RTM_NEWADDR, 0, own).add(IFA_ADDRESS, host.bytes).bytes());
    EXPECT_EQ(address.address, (IpPrefix{host, 64}));

    rtmsg fixed{};
    fixed.rtm_family = AF_INET6;
    fixed.rtm_table = RT_TABLE_MAIN;
    fixed.rtm_type = RTN_UNICAST;
    const auto everywhere = parse_as<RouteEvent>(Builder(RTM_NEWROUTE, 0, fixed)
                                                     .add(RTA_OIF, uint32_t{2})
                                                     .add(RTA_GATEWAY, host.bytes)
                                                     .bytes());
    EXPECT_EQ(everywhere.to, (IpPrefix{IpAddress(), 0}));
    EXPECT_EQ(everywhere.next_hops, (std::vector<NextHop>{{2, host, true}}));
    fixed.rtm_type = RTN_ANYCAST;
    fixed.rtm_dst_len = 128;
    const auto anycast =
        parse_as<RouteEvent>(Builder(RTM_NEWROUTE, 0, fixed).add(RTA_DST, host.bytes).bytes());
    EXPECT_EQ(anycast.action, RouteAction::kLocal);
}

TEST(KernelEvent, RefusesAddressesOfTheWrongFamily) {
    ndmsg neighbour{};
    neighbour.ndm_family = AF_INET6;
    neighbour.ndm_ifindex = 2;
    EXPECT_FALSE(
        parse_kernel_event(Builder(RTM_NEWNEIGH, 0, neighbour).add(NDA_DST, uint32_t{1}).bytes()));
    const IpAddress mapped = Ipv4Address::of(10, 0, 0, 1);
    EXPECT_FALSE(
        parse_kernel_event(Builder(RTM_NEWNEIGH, 0, neighbour).add(NDA_DST, mapped.bytes).bytes()));
    neighbour.ndm_family = AF_BRIDGE;
    EXPECT_FALSE(
        parse_kernel_event(Builder(RTM_NEWNEIGH, 0, neighbour).add(NDA_DST, uint32_t{1}).bytes()));
}

// The copy ends exactly where the message does, so that AddressSanitizer sees a step too far.
TEST(KernelEvent, SurvivesBeingCutAtEveryByte) {
    std::vector<std::vector<uint8_t>> messages{vlan_link(0x8100).bytes()};
    for (const std::string_view hex : kAll) {
        messages.push_back(from_hex(hex));
    }
    for (const auto& message : messages) {
        for (size_t length = 0; length < message.size(); ++length) {
            const std::vector<uint8_t> cut(message.begin(),
                                           message.begin() + static_cast<ptrdiff_t>(length));
            static_cast<void>(parse_kernel_event(cut));
        }
    }
}

TEST(KernelEvent, SurvivesRandomDamage) {
    constexpr uint64_t kSeed = 20240611;
    SCOPED_TRACE("seed " + std::to_string(kSeed));
    Random random(kSeed);
    std::vector<std::vector<uint8_t>> messages{vlan_link(0x8100).bytes()};
    for (const std::string_view hex : kAll) {
        messages.push_back(from_hex(hex));
    }
    for (int round = 0; round < 20000; ++round) {
        std::vector<uint8_t> message = messages[random.below(messages.size())];
        for (uint64_t damage = 1 + random.below(4); damage > 0; --damage) {
            message[random.below(message.size())] = static_cast<uint8_t>(random.next());
        }
        const auto event = parse_kernel_event(message);
        if (const auto* const route = event ? std::get_if<RouteEvent>(&*event) : nullptr) {
            ASSERT_LE(route->to.length, IpPrefix::length_max(route->to.family()));
            ASSERT_EQ(route->to.address, route->to.network());
        }
    }
}

}  // namespace
}  // namespace director::kernel
