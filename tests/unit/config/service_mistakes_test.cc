// Mistakes in the options of services and real servers, in match rules, pools and source NAT.
//
// Rows as in network_mistakes_test.cc.
#include "tests/unit/config/mistake_rows.h"

namespace director::config {
namespace {

const MistakeRow kRows[] = {
    {"MixedFamilies",
     kWithPort,
     R"(local_pools = ( { name = "a"; addresses = [ "10.0.0.9" ]; } );
virtual_services = ( { address = "[2001:db8::80]:80"; local_pool = "a"; real_servers = (
 { address = "10.0.0.1:80"; },
 { address = "10.0.0.2:80"; forwarding = "direct"; },
 { address = "10.0.0.3:80"; forwarding = "full-nat"; },
 { address = "10.0.0.4:80"; forwarding = "tunnel"; } ); } );)",
     {"4: virtual_services[0].real_servers[0].address: 10.0.0.1:80 serves clients of the other "
      "family: expected forwarding \"full-nat\" or \"tunnel\", found \"nat\"",
      "5: virtual_services[0].real_servers[1].address: 10.0.0.2:80 serves clients of the other "
      "family: expected forwarding \"full-nat\" or \"tunnel\", found \"direct\""}},
    {"PortsThatAreNotTranslated",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80:80"; real_servers = (
 { address = "10.0.0.1:8080"; forwarding = "direct"; },
 { address = "10.0.0.2:8080"; forwarding = "tunnel"; },
 { address = "10.0.0.3:0"; } ); },
 { address = "192.0.2.80:0"; real_servers = ( { address = "10.0.0.1:80"; },
 { address = "10.0.0.2:0"; forwarding = "direct"; },
 { address = "10.0.0.3:80"; forwarding = "local"; } ); } );)",
     {"3: virtual_services[0].real_servers[0].address: expected port 80, the service's: direct "
      "leaves ports as they are, found 10.0.0.1:8080",
      "4: virtual_services[0].real_servers[1].address: expected port 80, the service's: tunnel "
      "leaves ports as they are, found 10.0.0.2:8080",
      "5: virtual_services[0].real_servers[2].address: expected a port: only a service with port 0 "
      "or match rules has servers with port 0, found 10.0.0.3:0",
      "8: virtual_services[1].real_servers[2].address: expected port 0, the service's: local "
      "leaves "
      "ports as they are, found 10.0.0.3:80"}},
    {"Tunnels",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80:80"; real_servers = (
 { address = "10.0.0.1:80"; tunnel = { type = "gre"; }; },
 { address = "10.0.0.2:80"; forwarding = "tunnel"; tunnel = { type = "gue"; }; },
 { address = "10.0.0.3:80"; forwarding = "tunnel"; tunnel = { port = 6080; }; },
 { address = "10.0.0.4:80"; forwarding = "tunnel"; tunnel = { checksum = "full"; }; },
 { address = "10.0.0.5:80"; forwarding = "tunnel"; tunnel = { type = "gre"; checksum = "remote"; }; },
 { address = "10.0.0.6:80"; forwarding = "tunnel"; tunnel = { type = "gre"; checksum = "full"; }; },
 { address = "10.0.0.7:80"; forwarding = "tunnel"; tunnel = { type = "ipv7"; }; } ); } );)",
     {"3: virtual_services[0].real_servers[0].tunnel: is for forwarding = \"tunnel\"",
      "4: virtual_services[0].real_servers[1].tunnel.port: missing; expected the UDP port of gue",
      "5: virtual_services[0].real_servers[2].tunnel.port: is for gue, not for ipip",
      "6: virtual_services[0].real_servers[3].tunnel.checksum: ipip has no \"full\" checksum",
      "7: virtual_services[0].real_servers[4].tunnel.checksum: gre has no \"remote\" checksum",
      "9: virtual_services[0].real_servers[6].tunnel.type: expected \"ipip\" or \"gue\" or "
      "\"gre\", "
      "found \"ipv7\""}},
    {"Thresholds",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80:80"; real_servers = (
 { address = "10.0.0.1:80"; upper_threshold = 10; lower_threshold = 11; },
 { address = "10.0.0.2:80"; lower_threshold = 1; },
 { address = "10.0.0.3:80"; upper_threshold = 10; lower_threshold = 10; } ); } );)",
     {"3: virtual_services[0].real_servers[0].lower_threshold: expected at most upper_threshold, "
      "10, found 11",
      "4: virtual_services[0].real_servers[1].lower_threshold: expected at most upper_threshold, "
      "0, "
      "found 1"}},
    {"LoadBounds",
     kWithPort,
     R"(virtual_services = (
 { address = "192.0.2.80:80"; scheduler = "sh"; load_bound_percent = 100; },
 { address = "192.0.2.81:80"; scheduler = "sh"; load_bound_percent = 101; },
 { address = "192.0.2.82:80"; scheduler = "sh"; load_bound_percent = 0; },
 { address = "192.0.2.83:80"; scheduler = "sh"; load_bound_percent = 10001; } );)",
     {"3: virtual_services[0].load_bound_percent: expected more than 100, or 0 for no bound, found "
      "100",
      "6: virtual_services[3].load_bound_percent: expected a whole number from 0 to 10000, found "
      "10001"}},
    {"OptionsThatNeedTranslation",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80:21"; ftp = true; syn_proxy = "always";
 client_address = "toa"; real_servers = ( { address = "10.0.0.1:21"; },
 { address = "10.0.0.2:21"; forwarding = "direct"; } ); } );)",
     {"4: virtual_services[0].real_servers[1].forwarding: syn_proxy needs \"nat\" or \"full-nat\", "
      "found \"direct\"",
      "4: virtual_services[0].real_servers[1].forwarding: client_address needs \"nat\" or "
      "\"full-nat\", found \"direct\"",
      "4: virtual_services[0].real_servers[1].forwarding: ftp needs \"nat\" or \"full-nat\", found "
      "\"direct\""}},
    {"FloodsThatEndWhereTheyBegin",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80:80"; syn_proxy = "under-attack";
 syn_flood = { half_open_on = 10; half_open_off = 11; syns_on = 1000;
 syns_off = 1001; }; },
 { address = "192.0.2.80:81"; syn_flood = { syns_on = 0; hold = 0; }; } );)",
     {"3: virtual_services[0].syn_flood.half_open_off: expected at most half_open_on, 10, found 11",
      "4: virtual_services[0].syn_flood.syns_off: expected at most syns_on, 1000, found 1001",
      "5: virtual_services[1].syn_flood.hold: expected a whole number from 1 to 86400, found 0"}},
    {"OptionsOfOtherProtocols",
     kWithPort,
     R"(virtual_services = (
 { address = "192.0.2.80:1"; protocol = "udp"; ftp = true; clamp_mss = true;
   syn_proxy = "under-attack"; client_address = "proxy-v2"; },
 { address = "192.0.2.80:2"; one_packet = true; quic = { id_length = 2; }; },
 { mark = 1; one_packet = true;
   match = ( { addresses = "192.0.2.1"; protocol = "udp"; },
             { addresses = "192.0.2.1"; protocol = "tcp"; } ); } );)",
     {"3: virtual_services[0].ftp: is for tcp services",
      "3: virtual_services[0].clamp_mss: is for tcp services",
      "4: virtual_services[0].syn_proxy: is for tcp services",
      "4: virtual_services[0].client_address: is for tcp services",
      "5: virtual_services[1].one_packet: is for udp services",
      "5: virtual_services[1].quic: is for udp services",
      "6: virtual_services[2].one_packet: is for udp services"}},
    {"SloppyTcp",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80:53"; protocol = "udp"; sloppy_tcp = true; },
 { address = "192.0.2.80:80"; sloppy_tcp = true; syn_proxy = "always"; },
 { address = "192.0.2.80:21"; sloppy_tcp = true; ftp = true; } );)",
     {"2: virtual_services[0].sloppy_tcp: is for tcp services",
      "3: virtual_services[1].sloppy_tcp: cannot be together with ftp, syn_proxy or "
      "client_address, "
      "which follow a connection from its first packet",
      "4: virtual_services[2].sloppy_tcp: cannot be together with ftp, syn_proxy or "
      "client_address, "
      "which follow a connection from its first packet"}},
    {"FlagsOfOtherSchedulers",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80:80"; scheduler = "rr";
 flags = [ "like-ipvs",
 "hash-port", "sh-port" ]; } );)",
     {"4: virtual_services[0].flags[2]: expected \"hash-port\", \"hash-fallback\" or "
      "\"like-ipvs\", found \"sh-port\"",
      "4: virtual_services[0].flags[1]: \"hash-port\" is for sh, mh and maglev, not for rr"}},
    {"PersistencePrefixes",
     kWithPort,
     R"(virtual_services = (
 { address = "192.0.2.80:80"; persistence = { timeout = 300; prefix = 33; }; },
 { address = "[2001:db8::80]:80"; persistence = { timeout = 300; prefix = 64; }; },
 { address = "[2001:db8::81]:80"; persistence = { timeout = 2678401; prefix = 129; }; } );)",
     {"3: virtual_services[0].persistence.prefix: expected 1 to 32 bits of the client's address, "
      "or "
      "0 for all of them, found 33",
      "5: virtual_services[2].persistence.timeout: expected a whole number from 0 to 2678400, "
      "found "
      "2678401",
      "5: virtual_services[2].persistence.prefix: expected a whole number from 0 to 128, found "
      "129"}},
    {"MatchRules",
     kWithPort,
     R"(virtual_services = (
 { mark = 1; },
 { match = ( { addresses = "192.0.2.1"; } ); },
 { mark = 2; address = "192.0.2.80:80"; match = ( { addresses = "192.0.2.1"; } ); },
 { mark = 2; match = ( { addresses = "192.0.2.2"; },
 { addresses = "2001:db8::1"; } ); },
 { mark = 2; match = ( { addresses = "2001:db8::1"; } ); },
 { mark = 3; match = ( { addresses = "192.0.2.9-192.0.2.1"; },
 { addresses = "192.0.2.9-2001:db8::1"; },
 { addresses = "192.0.2.1"; ports = "90-80"; },
 { ports = "80"; } ); } );)",
     {"3: virtual_services[0].match: expected at least one match rule, found none",
      "4: virtual_services[1].mark: missing; expected a number for the service with these match "
      "rules",
      "5: virtual_services[2].address: a service has either an address or match rules",
      "6: virtual_services[3].mark: mark 2 is already given at virtual_services[2].mark",
      "7: virtual_services[3].match[1].addresses: expected addresses of the same family as "
      "192.0.2.2, found 2001:db8::1",
      "9: virtual_services[5].match[0].addresses: expected addresses such as \"192.0.2.1\", "
      "\"192.0.2.1-192.0.2.9\" or \"2001:db8::/64\", found \"192.0.2.9-192.0.2.1\"",
      "10: virtual_services[5].match[1].addresses: expected addresses such as \"192.0.2.1\", "
      "\"192.0.2.1-192.0.2.9\" or \"2001:db8::/64\", found \"192.0.2.9-2001:db8::1\"",
      "11: virtual_services[5].match[2].ports: expected a port or ports such as \"80\" or "
      "\"1024-65535\", found \"90-80\"",
      "12: virtual_services[5].match[3].addresses: missing; expected addresses such as "
      "\"192.0.2.1\", \"192.0.2.1-192.0.2.9\" or \"2001:db8::/64\""}},
    {"Pools",
     kWithPort,
     R"(local_pools = ( { name = "a"; },
 { name = "a"; addresses = [ "10.0.0.9", "224.0.0.1" ]; ports = "0-9"; },
 { name = "c"; addresses = [ "10.0.0.9" ]; ports = "1024-65536"; } );)",
     {"2: local_pools[0].addresses: expected at least one address, found none",
      "3: local_pools[1].name: \"a\" is already given at local_pools[0].name",
      "3: local_pools[1].ports: expected ports from 1 on, found port 0",
      "3: local_pools[1].addresses[1]: expected an address for one machine, found 224.0.0.1: "
      "224.0.0.0/4 is multicast",
      "4: local_pools[2].ports: expected a port or ports such as \"80\" or \"1024-65535\", found "
      "\"1024-65536\"",
      "4: local_pools[2].addresses[0]: 10.0.0.9 is already given at local_pools[1].addresses[0]"}},
    {"PoolsOfServices",
     kWithPort,
     R"(local_pools = ( { name = "a"; addresses = [ "10.0.0.9" ]; } );
virtual_services = (
 { address = "192.0.2.80:1"; real_servers = ( { address = "10.0.0.1:1"; forwarding = "full-nat"; } ); },
 { address = "192.0.2.80:2"; local_pool = "b"; real_servers = ( { address = "10.0.0.1:1"; forwarding = "full-nat"; } ); },
 { address = "192.0.2.80:3"; local_pool = "a"; real_servers = ( { address = "[2001:db8::1]:1"; forwarding = "full-nat"; } ); } );)",
     {"4: virtual_services[0].local_pool: missing; full-nat needs the name of a pool of local "
      "addresses",
      "5: virtual_services[1].local_pool: unknown pool \"b\"; known: a",
      "6: virtual_services[2].local_pool: pool \"a\" has no IPv6 address"}},
    {"SourceNat",
     kWithPort,
     R"(local_pools = ( { name = "a"; addresses = [ "10.0.0.9" ]; } );
source_nat = ( { from = "10.0.0.1/8"; pool = "a"; },
 { from = "10.0.0.0/8"; to = "2001:db8::/32"; pool = "b"; },
 { from = "2001:db8::/32"; pool = "a"; },
 { from = "10.0.0.0/8"; } );)",
     {"3: source_nat[0].from: 10.0.0.1/8 has host bits set: expected 10.0.0.0/8",
      "4: source_nat[1].to: expected a prefix of the same family as 10.0.0.0/8, found "
      "2001:db8::/32",
      "4: source_nat[1].pool: unknown pool \"b\"; known: a",
      "5: source_nat[2].pool: pool \"a\" has no IPv6 address",
      "6: source_nat[3].pool: missing; expected the name of a pool of local addresses"}},
    {"Lists",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80:80"; allow = [ "10.0.0.1/8" ];
 deny = [ "10.0.0.0/33" ];
 allow_file = "relative"; } );)",
     {"2: virtual_services[0].allow[0]: 10.0.0.1/8 has host bits set: expected 10.0.0.0/8",
      "3: virtual_services[0].deny[0]: expected a prefix such as \"198.51.100.0/24\" or "
      "\"2001:db8::/32\", found \"10.0.0.0/33\"",
      "4: virtual_services[0].allow_file: expected the absolute path of a file, or \"\" for none, "
      "found \"relative\""}},
    {"QuicIds",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80:443"; protocol = "udp";
 quic = { id_offset = 17; id_length = 4; }; } );)",
     {"3: virtual_services[0].quic: a connection id has at most 20 bytes: expected id_offset and "
      "id_length to stay within"}},
    {"QuicServerIds",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80:443"; protocol = "udp";
 quic = { id_length = 1; }; real_servers = ( { address = "10.0.0.1:443"; quic_id = 255; },
 { address = "10.0.0.2:443"; quic_id = 256; },
 { address = "10.0.0.3:443"; quic_id = 255; } ); },
 { address = "192.0.2.80:444"; protocol = "udp"; real_servers = (
 { address = "10.0.0.1:444"; quic_id = 1; }, { address = "10.0.0.2:444"; } ); } );)",
     {"4: virtual_services[0].real_servers[1].quic_id: expected a number of 1 bytes "
      "(quic.id_length), found 256",
      "5: virtual_services[0].real_servers[2].quic_id: id 255 is already given at "
      "virtual_services[0].real_servers[0].quic_id",
      "7: virtual_services[1].real_servers[0].quic_id: is for services with quic.id_length"}},
    {"ForwardingMethods",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80:80"; when_server_gone = "drop"; real_servers = (
 { address = "10.0.0.1:80"; forwarding = "dr"; } ); } );)",
     {"2: virtual_services[0].when_server_gone: expected \"expire\" or \"reset\" or \"leave\", "
      "found \"drop\"",
      "3: virtual_services[0].real_servers[0].forwarding: expected \"nat\" or \"direct\" or "
      "\"tunnel\" or \"full-nat\" or \"local\", found \"dr\""}},
};

INSTANTIATE_TEST_SUITE_P(Services, Mistake, testing::ValuesIn(kRows), row_name);

}  // namespace
}  // namespace director::config
