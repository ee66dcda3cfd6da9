// Mistakes in ports, addresses, routes, virtual services and real servers.
//
// Every row is a text and the exact diagnostics that it gets: line, path and message, in the order
// of the file. kWithPort puts a good port before the text, on line 1.
#include "tests/unit/config/mistake_rows.h"

namespace director::config {
namespace {

const MistakeRow kRows[] = {
    {"NoPorts",
     kAsItIs,
     R"(timeouts: { };
)",
     {"1: ports: expected at least one port, found none"}},
    {"EmptyPorts",
     kAsItIs,
     R"(
ports = ( );)",
     {"2: ports: expected at least one port, found none"}},
    {"PortWithoutNameAndDevice",
     kAsItIs,
     "ports = ( { mtu = 1500; } );",
     {"1: ports[0].name: missing; expected an interface name: at most 15 characters without "
      "blanks, '/', ':' and '%', and not \"lo\", \"all\" or \"default\"",
      "1: ports[0].device: missing; expected a PCI address such as \"0000:03:00.0\" or a DPDK "
      "virtual device such as \"net_af_xdp0,iface=eth1\""}},
    {"TwoPortsWithoutName",
     kAsItIs,
     R"(ports = ( { device = "net_null0"; },
 { device = "net_null1"; } );)",
     {"1: ports[0].name: missing; expected an interface name: at most 15 characters without "
      "blanks, '/', ':' and '%', and not \"lo\", \"all\" or \"default\"",
      "2: ports[1].name: missing; expected an interface name: at most 15 characters without "
      "blanks, '/', ':' and '%', and not \"lo\", \"all\" or \"default\""}},
    {"PortNames",
     kAsItIs,
     R"(ports = (
{ name = "sixteen-letters-"; device = "net_null0"; },
{ name = ""; device = "net_null1"; },
{ name = "a/b"; device = "net_null2"; },
{ name = "a b"; device = "net_null3"; },
{ name = "lo"; device = "net_null4"; },
{ name = "eth%d"; device = "net_null5"; },
{ name = "a:1"; device = "net_null6"; } );)",
     {"2: ports[0].name: expected an interface name: at most 15 characters without blanks, '/', "
      "':' and '%', and not \"lo\", \"all\" or \"default\", found \"sixteen-letters-\"",
      "3: ports[1].name: expected an interface name: at most 15 characters without blanks, '/', "
      "':' and '%', and not \"lo\", \"all\" or \"default\", found \"\"",
      "4: ports[2].name: expected an interface name: at most 15 characters without blanks, '/', "
      "':' and '%', and not \"lo\", \"all\" or \"default\", found \"a/b\"",
      "5: ports[3].name: expected an interface name: at most 15 characters without blanks, '/', "
      "':' and '%', and not \"lo\", \"all\" or \"default\", found \"a b\"",
      "6: ports[4].name: expected an interface name: at most 15 characters without blanks, '/', "
      "':' and '%', and not \"lo\", \"all\" or \"default\", found \"lo\"",
      "7: ports[5].name: expected an interface name: at most 15 characters without blanks, '/', "
      "':' and '%', and not \"lo\", \"all\" or \"default\", found \"eth%d\"",
      "8: ports[6].name: expected an interface name: at most 15 characters without blanks, '/', "
      "':' and '%', and not \"lo\", \"all\" or \"default\", found \"a:1\""}},
    {"DuplicatePortName",
     kAsItIs,
     R"(ports = ( { name = "p"; device = "net_null0"; },
 { name = "p"; device = "net_null1"; } );)",
     {"2: ports[1].name: \"p\" is already given at ports[0].name"}},
    {"DuplicateDevice",
     kAsItIs,
     R"(ports = ( { name = "a"; device = "net_af_xdp0,iface=d0"; },
 { name = "b"; device = "net_af_xdp0,iface=d1"; } );)",
     {"2: ports[1].device: device net_af_xdp0 is already given at ports[0].device"}},
    {"DuplicatePciDevice",
     kAsItIs,
     R"(ports = ( { name = "a"; device = "0000:03:00.0"; },
 { name = "b"; device = "03:00.0"; } );)",
     {"2: ports[1].device: device 0000:03:00.0 is already given at ports[0].device"}},
    {"DuplicateDeviceInterface",
     kAsItIs,
     R"(ports = ( { name = "a"; device = "net_af_xdp0,iface=d0"; },
 { name = "b"; device = "net_af_xdp1,start_queue=0,iface=d0,queue_count=1"; } );)",
     {"2: ports[1].device: interface d0 is already given at ports[0].device"}},
    {"KernelNameForDevice",
     kAsItIs,
     R"(ports = ( { name = "a"; device = "eth0"; } );)",
     {"1: ports[0].device: expected a PCI address such as \"0000:03:00.0\" or a DPDK virtual "
      "device such as \"net_af_xdp0,iface=eth1\", found \"eth0\""}},
    {"BlankInDevice",
     kAsItIs,
     R"(ports = ( { name = "a"; device = "net_af_xdp0, iface=d0"; } );)",
     {"1: ports[0].device: expected a PCI address such as \"0000:03:00.0\" or a DPDK virtual "
      "device such as \"net_af_xdp0,iface=eth1\", found \"net_af_xdp0, iface=d0\""}},
    {"MtuAndDescriptors",
     kAsItIs,
     R"(ports = ( { name = "a"; device = "net_null0"; mtu = 67;
 rx_descriptors = 31; tx_descriptors = 32769; } );)",
     {"1: ports[0].mtu: expected a whole number from 68 to 9216, found 67",
      "2: ports[0].rx_descriptors: expected a whole number from 32 to 32768, found 31",
      "2: ports[0].tx_descriptors: expected a whole number from 32 to 32768, found 32769"}},
    {"VlanIds",
     kAsItIs,
     R"(ports = ( { name = "a"; device = "net_null0"; vlans = (
 { id = 0; },
 { id = 4095; },
 { },
 { id = 7; },
 { id = 7; } ); } );)",
     {"2: ports[0].vlans[0].id: expected a whole number from 1 to 4094, found 0",
      "3: ports[0].vlans[1].id: expected a whole number from 1 to 4094, found 4095",
      "4: ports[0].vlans[2].id: missing; expected a whole number from 1 to 4094",
      "6: ports[0].vlans[4].id: VLAN 7 is already given at ports[0].vlans[3].id"}},
    {"VlansInsideVlans",
     kAsItIs,
     R"(ports = ( { name = "a"; device = "net_null0"; vlans = (
 { id = 7; },
 { id = 7; outer_id = 9; },
 { id = 9; outer_id = 7; },
 { id = 7; outer_id = 9; },
 { id = 8; outer_id = 4095; },
 { id = 9; mtu = 1501; },
 { id = 10; mtu = 67; },
 { id = 11; mtu = 1500; } ); } );)",
     {"5: ports[0].vlans[3].id: VLAN 7 inside VLAN 9 is already given at ports[0].vlans[1].id",
      "6: ports[0].vlans[4].outer_id: expected a whole number from 0 to 4094, found 4095",
      "7: ports[0].vlans[5].mtu: expected 0 or 68 to 1500, which is its port's, found 1501",
      "8: ports[0].vlans[6].mtu: expected 0 or 68 to 1500, which is its port's, found 67"}},
    {"QinqInterfaceNameTooLong",
     kAsItIs,
     R"(ports = ( { name = "seven-c"; device = "net_null0"; vlans = (
 { id = 100; outer_id = 100; },
 { id = 100; outer_id = 1000; } ); } );)",
     {"3: ports[0].vlans[1].id: its interface would be called \"seven-c.1000.100\": longer than 15 "
      "characters"}},
    {"VlanInterfaceNameTooLong",
     kAsItIs,
     R"(ports = ( { name = "twelve-chars"; device = "net_null0"; vlans = (
 { id = 10; },
 { id = 100; } ); } );)",
     {"3: ports[0].vlans[1].id: its interface would be called \"twelve-chars.100\": longer than 15 "
      "characters"}},
    {"VlanInterfaceNameTaken",
     kAsItIs,
     R"(ports = ( { name = "a"; device = "net_null0"; vlans = (
 { id = 10; } ); },
 { name = "a.10"; device = "net_null1"; } );)",
     {"2: ports[0].vlans[0].id: its interface would be called \"a.10\", as the one at "
      "ports[1].name"}},
    {"AddressWithoutPrefixLength",
     kAsItIs,
     R"(ports = ( { name = "a"; device = "net_null0"; addresses = [ "192.0.2.1" ]; } );)",
     {"1: ports[0].addresses[0]: expected an IP address with its prefix length, such as "
      "\"192.0.2.1/24\" or \"2001:db8::1/64\", found \"192.0.2.1\""}},
    {"AddressesOfNoForm",
     kAsItIs,
     R"(ports = ( { name = "a"; device = "net_null0"; addresses = [
 "192.0.2.1/33",
 "192.0.2.256/24",
 "192.0.2/24",
 "192.0.2.1/0",
 "2001:db8::1/129",
 "192.0.2.1/24 " ]; } );)",
     {"2: ports[0].addresses[0]: expected an IP address with its prefix length, such as "
      "\"192.0.2.1/24\" or \"2001:db8::1/64\", found \"192.0.2.1/33\"",
      "3: ports[0].addresses[1]: expected an IP address with its prefix length, such as "
      "\"192.0.2.1/24\" or \"2001:db8::1/64\", found \"192.0.2.256/24\"",
      "4: ports[0].addresses[2]: expected an IP address with its prefix length, such as "
      "\"192.0.2.1/24\" or \"2001:db8::1/64\", found \"192.0.2/24\"",
      "5: ports[0].addresses[3]: expected an IP address with its prefix length, such as "
      "\"192.0.2.1/24\" or \"2001:db8::1/64\", found \"192.0.2.1/0\"",
      "6: ports[0].addresses[4]: expected an IP address with its prefix length, such as "
      "\"192.0.2.1/24\" or \"2001:db8::1/64\", found \"2001:db8::1/129\"",
      "7: ports[0].addresses[5]: expected an IP address with its prefix length, such as "
      "\"192.0.2.1/24\" or \"2001:db8::1/64\", found \"192.0.2.1/24 \""}},
    {"NetworkAndBroadcastAddress",
     kAsItIs,
     R"(ports = ( { name = "a"; device = "net_null0"; addresses = [
 "192.0.2.0/24",
 "198.51.100.127/25",
 "203.0.113.0/31" ]; } );)",
     {"2: ports[0].addresses[0]: 192.0.2.0 is the network address of 192.0.2.0/24",
      "3: ports[0].addresses[1]: 198.51.100.127 is the broadcast address of 198.51.100.0/25"}},
    {"AddressesForNoMachine",
     kAsItIs,
     R"(ports = ( { name = "a"; device = "net_null0"; addresses = [
 "0.1.2.3/24",
 "127.0.0.1/8",
 "224.0.0.5/24",
 "240.0.0.1/24" ]; } );)",
     {"2: ports[0].addresses[0]: expected an address for one machine, found 0.1.2.3: 0.0.0.0/8 "
      "means \"this network\"",
      "3: ports[0].addresses[1]: expected an address for one machine, found 127.0.0.1: 127.0.0.0/8 "
      "is the loopback network",
      "4: ports[0].addresses[2]: expected an address for one machine, found 224.0.0.5: 224.0.0.0/4 "
      "is multicast",
      "5: ports[0].addresses[3]: expected an address for one machine, found 240.0.0.1: 240.0.0.0/4 "
      "is reserved"}},
    {"SameAddressOnTwoInterfaces",
     kAsItIs,
     R"(ports = ( { name = "a"; device = "net_null0"; addresses = [ "192.0.2.1/24" ]; },
 { name = "b"; device = "net_null1"; addresses = [ "192.0.2.1/25" ]; } );)",
     {"2: ports[1].addresses[0]: 192.0.2.1 is already given at ports[0].addresses[0]"}},
    {"SameAddressTwiceOnOneInterface",
     kAsItIs,
     R"(ports = ( { name = "a"; device = "net_null0"; addresses = [ "192.0.2.1/24",
 "192.0.2.1/24" ]; } );)",
     {"2: ports[0].addresses[1]: 192.0.2.1 is already given at ports[0].addresses[0]"}},
    {"SameSubnetOnPortAndVlan",
     kAsItIs,
     R"(ports = ( { name = "a"; device = "net_null0"; addresses = [ "192.0.2.1/24" ];
 vlans = ( { id = 5; addresses = [ "192.0.2.2/24" ]; } ); } );)",
     {"2: ports[0].vlans[0].addresses[0]: the subnet 192.0.2.0/24 is already on another interface, "
      "given at ports[0].addresses[0]"}},
    {"RouteWithoutParts",
     kWithPort,
     "routes = ( { } );",
     {"2: routes[0].to: missing; expected a prefix such as \"198.51.100.0/24\" or "
      "\"2001:db8::/32\", or \"default\" (0.0.0.0/0)",
      "2: routes[0].via: missing; expected an IP address such as \"192.0.2.1\" or "
      "\"2001:db8::1\""}},
    {"RouteWithHostBits",
     kWithPort,
     R"(routes = ( { to = "10.0.0.1/8"; via = "192.0.2.9"; } );)",
     {"2: routes[0].to: 10.0.0.1/8 has host bits set: expected 10.0.0.0/8"}},
    {"RouteOfNoForm",
     kWithPort,
     R"(routes = ( { to = "everywhere"; via = "gateway"; } );)",
     {"2: routes[0].to: expected a prefix such as \"198.51.100.0/24\" or \"2001:db8::/32\", or "
      "\"default\" (0.0.0.0/0), found \"everywhere\"",
      "2: routes[0].via: expected an IP address such as \"192.0.2.1\" or \"2001:db8::1\", found "
      "\"gateway\""}},
    {"RouteViaElsewhere",
     kWithPort,
     R"(routes = ( { to = "default"; via = "198.51.100.1"; } );)",
     {"2: routes[0].via: expected an address in a subnet of one of the ports, found 198.51.100.1"}},
    {"RouteViaOwnAddress",
     kWithPort,
     R"(routes = ( { to = "default"; via = "192.0.2.1"; } );)",
     {"2: routes[0].via: 192.0.2.1 is the director's own address, at ports[0].addresses[0]"}},
    {"RouteViaBroadcastAddress",
     kWithPort,
     R"(routes = ( { to = "default"; via = "192.0.2.255"; } );)",
     {"2: routes[0].via: 192.0.2.255 is the broadcast address of 192.0.2.0/24"}},
    {"RouteViaPrefix",
     kWithPort,
     R"(routes = ( { to = "default"; via = "192.0.2.9/24"; } );)",
     {"2: routes[0].via: expected an IP address such as \"192.0.2.1\" or \"2001:db8::1\", found "
      "\"192.0.2.9/24\""}},
    {"DuplicateRoute",
     kWithPort,
     R"(routes = ( { to = "10.0.0.0/8"; via = "192.0.2.9"; },
 { to = "10.0.0.0/8"; via = "192.0.2.8"; } );)",
     {"3: routes[1].to: the route to 10.0.0.0/8 is already given at routes[0].to"}},
    {"DuplicateDefaultRoute",
     kWithPort,
     R"(routes = ( { to = "default"; via = "192.0.2.9"; },
 { to = "0.0.0.0/0"; via = "192.0.2.8"; } );)",
     {"3: routes[1].to: the default route is already given at routes[0].to"}},
    {"NoFollowUpOfABadInterfaceAddress",
     kAsItIs,
     R"(ports = ( { name = "a"; device = "net_null0"; addresses = [ "192.0.2.1" ]; } );
routes = ( { to = "default"; via = "192.0.2.9"; } );)",
     {"1: ports[0].addresses[0]: expected an IP address with its prefix length, such as "
      "\"192.0.2.1/24\" or \"2001:db8::1/64\", found \"192.0.2.1\""}},
    {"NoFollowUpOfBadAddresses",
     kAsItIs,
     R"(ports = ( { name = "a"; device = "net_null0"; addresses = "192.0.2.1/24"; } );
routes = ( { to = "default"; via = "192.0.2.9"; } );)",
     {"1: ports[0].addresses: expected an array [ \"...\", ... ], found \"192.0.2.1/24\""}},
    {"NoFollowUpOfBadPorts",
     kAsItIs,
     R"(ports = "p";
routes = ( { to = "default"; via = "192.0.2.9"; } );)",
     {"1: ports: expected a list ( { ... }, ... ), found \"p\""}},
    {"ServiceWithoutAddress",
     kWithPort,
     R"(virtual_services = ( { scheduler = "rr"; } );)",
     {"2: virtual_services[0].address: missing; expected an IP address and port such as "
      "\"192.0.2.1:80\" or \"[2001:db8::1]:80\""}},
    {"ServiceAddressWithoutPort",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80"; } );)",
     {"2: virtual_services[0].address: expected an IP address and port such as \"192.0.2.1:80\" or "
      "\"[2001:db8::1]:80\", or \"\" with match rules, found \"192.0.2.80\""}},
    {"ServicePortTooLarge",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80:65536"; } );)",
     {"2: virtual_services[0].address: expected an IP address and port such as \"192.0.2.1:80\" or "
      "\"[2001:db8::1]:80\", or \"\" with match rules, found \"192.0.2.80:65536\""}},
    {"ServiceAddressByName",
     kWithPort,
     R"(virtual_services = ( { address = "www.example.org:80"; } );)",
     {"2: virtual_services[0].address: expected an IP address and port such as \"192.0.2.1:80\" or "
      "\"[2001:db8::1]:80\", or \"\" with match rules, found \"www.example.org:80\""}},
    {"ServiceAddressesForNoMachine",
     kWithPort,
     R"(virtual_services = (
{ address = "0.0.0.0:80"; },
{ address = "127.0.0.1:80"; },
{ address = "224.0.0.1:80"; },
{ address = "255.255.255.255:80"; },
{ address = "192.0.2.0:80"; },
{ address = "192.0.2.255:80"; } );)",
     {"3: virtual_services[0].address: expected an address for one machine, found 0.0.0.0: "
      "0.0.0.0/8 means \"this network\"",
      "4: virtual_services[1].address: expected an address for one machine, found 127.0.0.1: "
      "127.0.0.0/8 is the loopback network",
      "5: virtual_services[2].address: expected an address for one machine, found 224.0.0.1: "
      "224.0.0.0/4 is multicast",
      "6: virtual_services[3].address: expected an address for one machine, found 255.255.255.255: "
      "240.0.0.0/4 is reserved",
      "7: virtual_services[4].address: 192.0.2.0 is the network address of 192.0.2.0/24",
      "8: virtual_services[5].address: 192.0.2.255 is the broadcast address of 192.0.2.0/24"}},
    {"DuplicateService",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80:80"; },
 { address = "192.0.2.80:80"; protocol = "udp"; },
 { address = "192.0.2.80:80"; protocol = "tcp"; } );)",
     {"4: virtual_services[2].address: tcp 192.0.2.80:80 is already given at "
      "virtual_services[0].address"}},
    {"TooManyServices",
     kWithPort,
     R"(dataplane: { services_max = 1; };
virtual_services = ( { address = "192.0.2.80:80"; }, { address = "192.0.2.80:81"; } );)",
     {"3: virtual_services: expected at most 1 services (dataplane.services_max), found 2"}},
    {"TooManyRealServers",
     kWithPort,
     R"(dataplane: { real_servers_max = 1; };
virtual_services = ( { address = "192.0.2.80:80"; 
 real_servers = ( { address = "10.0.0.1:80"; }, { address = "10.0.0.2:80"; } ); } );)",
     {"3: virtual_services: expected at most 1 real servers in all (dataplane.real_servers_max), "
      "found 2"}},
    {"NoFollowUpOfABadLimit",
     kWithPort,
     R"(dataplane: { services_max = "none"; };
virtual_services = ( { address = "192.0.2.80:80"; } );)",
     {"2: dataplane.services_max: expected a whole number from 1 to 65536, found \"none\""}},
    {"RealServerWithoutAddress",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80:80"; 
 real_servers = ( { weight = 1; } ); } );)",
     {"3: virtual_services[0].real_servers[0].address: missing; expected an IP address and port "
      "such as \"192.0.2.1:80\" or \"[2001:db8::1]:80\""}},
    {"DuplicateRealServer",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80:80"; 
 real_servers = ( { address = "10.0.0.1:80"; },
 { address = "10.0.0.1:81"; },
 { address = "10.0.0.1:80"; weight = 2; } ); } );)",
     {"5: virtual_services[0].real_servers[2].address: real server 10.0.0.1:80 is already given at "
      "virtual_services[0].real_servers[0].address"}},
    {"RealServersForNoMachine",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80:80"; 
 real_servers = ( { address = "0.0.0.0:80"; },
{ address = "127.0.0.1:80"; },
{ address = "239.1.1.1:80"; },
{ address = "255.255.255.255:80"; },
{ address = "192.0.2.255:80"; } ); } );)",
     {"3: virtual_services[0].real_servers[0].address: expected an address for one machine, found "
      "0.0.0.0: 0.0.0.0/8 means \"this network\"",
      "4: virtual_services[0].real_servers[1].address: expected an address for one machine, found "
      "127.0.0.1: 127.0.0.0/8 is the loopback network",
      "5: virtual_services[0].real_servers[2].address: expected an address for one machine, found "
      "239.1.1.1: 224.0.0.0/4 is multicast",
      "6: virtual_services[0].real_servers[3].address: expected an address for one machine, found "
      "255.255.255.255: 240.0.0.0/4 is reserved",
      "7: virtual_services[0].real_servers[4].address: 192.0.2.255 is the broadcast address of "
      "192.0.2.0/24"}},
    {"RealServerIsTheDirector",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80:80"; 
 real_servers = ( { address = "192.0.2.1:8080"; } ); } );)",
     {"3: virtual_services[0].real_servers[0].address: 192.0.2.1 is the director's own address, at "
      "ports[0].addresses[0]"}},
    {"RealServerIsAVirtualAddress",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80:80"; 
 real_servers = ( { address = "192.0.2.81:80"; } ); },
 { address = "192.0.2.81:443"; } );)",
     {"3: virtual_services[0].real_servers[0].address: 192.0.2.81 is a virtual service's address, "
      "at virtual_services[1].address"}},
    {"TwoServicesWithUnreadableAddresses",
     kWithPort,
     R"(virtual_services = ( { address = "a"; },
 { address = "b"; } );)",
     {"2: virtual_services[0].address: expected an IP address and port such as \"192.0.2.1:80\" or "
      "\"[2001:db8::1]:80\", or \"\" with match rules, found \"a\"",
      "3: virtual_services[1].address: expected an IP address and port such as \"192.0.2.1:80\" or "
      "\"[2001:db8::1]:80\", or \"\" with match rules, found \"b\""}},
};

INSTANTIATE_TEST_SUITE_P(Network, Mistake, testing::ValuesIn(kRows), row_name);

}  // namespace
}  // namespace director::config
