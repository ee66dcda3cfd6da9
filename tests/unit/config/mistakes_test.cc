// Mistakes in syntax, names, types, ranges and in the single groups.
//
// Every row is a text and the exact diagnostics that it gets: line, path and message, in the order
// of the file. kWithPort puts a good port before the text, on line 1.
#include "tests/unit/config/mistake_rows.h"

namespace director::config {
namespace {

const MistakeRow kRows[] = {
    {"EmptyText", kAsItIs, "", {"1: ports: expected at least one port, found none"}},
    {"MissingSemicolonAndBrace",
     kWithPort,
     "dataplane: { main_cpu = 1; ",
     {"2: syntax error at or before the end"}},
    {"TrailingComma",
     kWithPort,
     R"(routes = (
  { to = "default"; via = "192.0.2.9"; },
);)",
     {"4: syntax error at or before \");\""}},
    {"DuplicateSetting",
     kWithPort,
     R"(timeouts: { udp = 1;
 udp = 2; };)",
     {"3: duplicate setting name at or before \"udp = 2; };\""}},
    {"DuplicateGroup",
     kWithPort,
     R"(timeouts: { };
timeouts: { };)",
     {"3: duplicate setting name at or before \"timeouts: { };\""}},
    {"MixedArray",
     kWithPort,
     R"(dataplane: { worker_cpus = [ 1,
 "2" ]; };)",
     {"3: mismatched element type in array at or before \"\"2\" ]; };\""}},
    {"SyncThresholdBeyondPeriod",
     kWithPort,
     "sync: { threshold = 50; };",
     {"2: sync.threshold: expected less than the period 50, or packets never reach it; found 50"}},
    {"SyncGroupOfOne",
     kWithPort,
     "sync: { group = \"192.0.2.1\"; };",
     {"2: sync.group: expected a multicast address, found 192.0.2.1; a single twin's address goes "
      "into peers"}},
    {"SyncWithoutInterface",
     kWithPort,
     "sync: { role = \"both\"; };",
     {"2: sync.interface: missing; a multicast group is reached through one interface"}},
    {"SyncPeers",
     kWithPort,
     "sync: { role = \"both\"; peers = [ \"192.0.2.1\", \"2001:db8::1\" ]; };",
     {"2: sync.peers[1]: expected another director's address, all of one family, found "
      "2001:db8::1"}},
    {"UnclosedComment",
     kWithPort,
     R"(/* one
 two
)",
     {"2: this comment is never closed: expected */"}},
    {"UnclosedString",
     kWithPort,
     R"(control: {
 socket = "/run/d.sock;
};
)",
     {"3: this string is never closed: expected \""}},
    {"ForgottenComma",
     kWithPort,
     R"(dataplane: { eal_arguments = [ "--a"
 "--b" ]; };)",
     {"3: expected a comma between two strings"}},
    {"NotAConfiguration",
     kAsItIs,
     R"(<xml version="1.0"/>)",
     {"1: syntax error at or before \"<xml version=\"1.0\"/>\""}},
    {"UnknownSettingWithSuggestion",
     kWithPort,
     R"(dataplane: {
 ring_entires = 1024;
};)",
     {"3: dataplane.ring_entires: unknown setting; did you mean \"ring_entries\"?"}},
    {"UnknownSettingWithoutSuggestion",
     kWithPort,
     R"(routes = ( { to = "default"; via = "192.0.2.9"; metric = 5; } );)",
     {"2: routes[0].metric: unknown setting; known here: to, via"}},
    {"UnknownGroup",
     kWithPort,
     "vrrp: { };",
     {"2: vrrp: unknown setting; known here: control, dataplane, timeouts, health_checks, sync, "
      "diagnostics, ports, "
      "routes, "
      "local_pools, virtual_services, source_nat, vrrp_instances, vrrp_groups, vrrp_trackers"}},
    {"WrongCase",
     kWithPort,
     "Timeouts: { };",
     {"2: Timeouts: unknown setting; did you mean \"timeouts\"?"}},
    {"SingularName",
     kWithPort,
     "virtual_service = ( );",
     {"2: virtual_service: unknown setting; did you mean \"virtual_services\"?"}},
    {"UnknownInNestedLists",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80:80"; 
 real_servers = (
 { address = "10.0.0.1:80"; wieght = 2; } ); } );)",
     {"4: virtual_services[0].real_servers[0].wieght: unknown setting; did you mean \"weight\"?"}},
    {"UnknownAndMissingTogether",
     kWithPort,
     R"(routes = ( { too = "default";
 via = "192.0.2.9"; } );)",
     {"2: routes[0].to: missing; expected a prefix such as \"198.51.100.0/24\" or "
      "\"2001:db8::/32\", or \"default\" (0.0.0.0/0)",
      "2: routes[0].too: unknown setting; did you mean \"to\"?"}},
    {"TextForNumber",
     kWithPort,
     R"(dataplane: { main_cpu = "0"; };)",
     {"2: dataplane.main_cpu: expected a whole number from 0 to 1023, found \"0\""}},
    {"FractionForNumber",
     kWithPort,
     "dataplane: { pool_frames = 1e5; };",
     {"2: dataplane.pool_frames: expected a whole number from 512 to 16777216, found the "
      "floating-point number 100000"}},
    {"FlagForNumber",
     kWithPort,
     "timeouts: { udp = true; };",
     {"2: timeouts.udp: expected a whole number from 1 to 2678400, found true"}},
    {"NumberForText",
     kWithPort,
     "control: { socket = 5; };",
     {"2: control.socket: expected an absolute path of at most 107 characters, found 5"}},
    {"GroupForText",
     kWithPort,
     "control: { socket = { }; };",
     {"2: control.socket: expected an absolute path of at most 107 characters, found a group { }"}},
    {"NumberForFlag",
     kWithPort,
     "dataplane: { decrement_ttl = 1; };",
     {"2: dataplane.decrement_ttl: expected true or false, found 1"}},
    {"TextForFlag",
     kWithPort,
     R"(dataplane: { decrement_ttl = "true"; };)",
     {"2: dataplane.decrement_ttl: expected true or false, found \"true\""}},
    {"GroupForList",
     kAsItIs,
     R"(ports = { name = "p"; };)",
     {"1: ports: expected a list ( { ... }, ... ), found a group { }"}},
    {"TextForArray",
     kWithPort,
     R"(dataplane: { eal_arguments = "--a"; };)",
     {"2: dataplane.eal_arguments: expected an array [ \"...\", ... ], found \"--a\""}},
    {"NumberForArray",
     kWithPort,
     "dataplane: { worker_cpus = 1; };",
     {"2: dataplane.worker_cpus: expected an array of numbers [ 1, ... ], found 1"}},
    {"ListForGroup",
     kWithPort,
     "dataplane = ( );",
     {"2: dataplane: expected a group { ... }, found a list ( )"}},
    {"NumberForGroup",
     kWithPort,
     "timeouts = 5;",
     {"2: timeouts: expected a group { ... }, found 5"}},
    {"TextInListOfGroups",
     kWithPort,
     R"(routes = ( "default" );)",
     {"2: routes[0]: expected a group { ... }, found \"default\""}},
    {"ListForArrayElement",
     kWithPort,
     "dataplane: { worker_cpus = ( 1, ( 2 ) ); };",
     {"2: dataplane.worker_cpus[1]: expected a whole number from 0 to 1023, found a list ( )"}},
    {"NumberInArrayOfText",
     kWithPort,
     "dataplane: { eal_arguments = [ 1, 2 ]; };",
     {"2: dataplane.eal_arguments[0]: expected an argument such as \"--in-memory\", found 1",
      "2: dataplane.eal_arguments[1]: expected an argument such as \"--in-memory\", found 2"}},
    {"NumberBelowRange",
     kWithPort,
     "timeouts: { udp = 0; tcp_close = -5; };",
     {"2: timeouts.tcp_close: expected a whole number from 1 to 2678400, found -5",
      "2: timeouts.udp: expected a whole number from 1 to 2678400, found 0"}},
    {"NumberAboveRange",
     kWithPort,
     "timeouts: { udp = 2678401; };",
     {"2: timeouts.udp: expected a whole number from 1 to 2678400, found 2678401"}},
    {"NumberBeyond32Bits",
     kWithPort,
     "dataplane: { connections_max = 4294967297; };",
     {"2: dataplane.connections_max: expected a whole number from 64 to 1073741824, found "
      "4294967297"}},
    {"NumberBeyond64Bits",
     kWithPort,
     "dataplane: { connections_max = 99999999999999999999; };",
     {"2: 99999999999999999999 does not fit in 64 bits"}},
    {"HexadecimalBeyond31Bits",
     kWithPort,
     "dataplane: { pool_frames = 0xffffffff; };",
     {"2: dataplane.pool_frames: expected a whole number from 512 to 16777216, found 4294967295"}},
    {"LongNumber",
     kWithPort,
     "dataplane: { services_max = 123456789012L; };",
     {"2: dataplane.services_max: expected a whole number from 1 to 65536, found 123456789012"}},
    {"NotAPowerOfTwo",
     kWithPort,
     "dataplane: { ring_entries = 1000; };",
     {"2: dataplane.ring_entries: expected a power of two from 16 to 65536, found 1000"}},
    {"PowerOfTwoOutOfRange",
     kWithPort,
     "dataplane: { ring_entries = 131072; };",
     {"2: dataplane.ring_entries: expected a power of two from 16 to 65536, found 131072"}},
    {"PoolTooSmall",
     kWithPort,
     "dataplane: { pool_frames = 511; };",
     {"2: dataplane.pool_frames: expected a whole number from 512 to 16777216, found 511"}},
    {"WeightOutOfRange",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80:80"; 
 real_servers = ( { address = "10.0.0.1:80"; weight = 65536; },
 { address = "10.0.0.2:80"; weight = -1; } ); } );)",
     {"3: virtual_services[0].real_servers[0].weight: expected a whole number from 0 to 65535, "
      "found 65536",
      "4: virtual_services[0].real_servers[1].weight: expected a whole number from 0 to 65535, "
      "found -1"}},
    {"ZeroLimits",
     kWithPort,
     "dataplane: { services_max = 0; real_servers_max = 0; neighbours_max = 0; punts_per_second = "
     "0; };",
     {"2: dataplane.services_max: expected a whole number from 1 to 65536, found 0",
      "2: dataplane.real_servers_max: expected a whole number from 1 to 1048576, found 0",
      "2: dataplane.neighbours_max: expected a whole number from 1 to 65535, found 0",
      "2: dataplane.punts_per_second: expected a whole number from 1 to 10000000, found 0"}},
    {"UnknownLogLevel",
     kWithPort,
     R"(control: { log_level = "verbose"; };)",
     {"2: control.log_level: expected \"debug\" or \"info\" or \"warning\" or \"error\", found "
      "\"verbose\""}},
    {"UnknownIdleMode",
     kWithPort,
     R"(dataplane: { idle = "sleep"; };)",
     {"2: dataplane.idle: expected \"poll\" or \"adaptive\", found \"sleep\""}},
    {"UnknownWhenFull",
     kWithPort,
     R"(dataplane: { when_full = "drop"; };)",
     {"2: dataplane.when_full: expected \"refuse\" or \"evict-half-open\", found \"drop\""}},
    {"NumberForChoice",
     kWithPort,
     "dataplane: { idle = 1; };",
     {"2: dataplane.idle: expected \"poll\" or \"adaptive\", found 1"}},
    {"UnknownProtocol",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80:80"; protocol = "icmp"; } );)",
     {"2: virtual_services[0].protocol: expected \"tcp\" or \"udp\" or \"sctp\", found \"icmp\""}},
    {"UnknownForwardingMethod",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80:80"; 
 real_servers = ( { address = "10.0.0.1:80"; forwarding = "dr"; } ); } );)",
     {"3: virtual_services[0].real_servers[0].forwarding: expected \"nat\" or \"direct\" or "
      "\"tunnel\" or \"full-nat\" or \"local\", found \"dr\""}},
    {"UnknownSide",
     kAsItIs,
     R"(ports = ( { name = "p"; device = "net_null0"; side = "left"; } );)",
     {"1: ports[0].side: expected \"both\" or \"clients\" or \"servers\", found \"left\""}},
    {"UnknownScheduler",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80:80"; scheduler = "lc"; } );)",
     {"2: virtual_services[0].scheduler: unknown scheduler \"lc\"; known: rr, wrr, sh"}},
    {"EmptyScheduler",
     kWithPort,
     R"(virtual_services = ( { address = "192.0.2.80:80"; scheduler = ""; } );)",
     {"2: virtual_services[0].scheduler: expected the name of a scheduler, found \"\""}},
    {"RelativeSocket",
     kWithPort,
     R"(control: { socket = "d.sock"; };)",
     {"2: control.socket: expected an absolute path of at most 107 characters, found \"d.sock\""}},
    {"SocketIsADirectory",
     kWithPort,
     R"(control: { socket = "/run/"; };)",
     {"2: control.socket: expected an absolute path of at most 107 characters, found \"/run/\""}},
    {"MetricsAddressWithoutPort",
     kWithPort,
     R"(control: { metrics_address = "127.0.0.1"; };)",
     {"2: control.metrics_address: expected an IP address and port such as \"127.0.0.1:9142\" or "
      "\"[::1]:9142\", or \"\" for none, found \"127.0.0.1\""}},
    {"MetricsAddressByName",
     kWithPort,
     R"(control: { metrics_address = "localhost:9142"; };)",
     {"2: control.metrics_address: expected an IP address and port such as \"127.0.0.1:9142\" or "
      "\"[::1]:9142\", or \"\" for none, found \"localhost:9142\""}},
    {"GroupWithABlank",
     kWithPort,
     R"(control: { reader_group = "web team"; };)",
     {"2: control.reader_group: expected the name of a group, or \"\" for none, found \"web "
      "team\""}},
    {"NoWorkers",
     kWithPort,
     "dataplane: { worker_cpus = [ ]; };",
     {"2: dataplane.worker_cpus: expected 1 to 64 CPU numbers, found 0"}},
    {"NegativeWorkerCpu",
     kWithPort,
     "dataplane: { worker_cpus = [ 1, -1 ]; };",
     {"2: dataplane.worker_cpus[1]: expected a whole number from 0 to 1023, found -1"}},
    {"TooFewConnections",
     kWithPort,
     "dataplane: { worker_cpus = [ 1, 2, 3 ]; connections_max = 191; };",
     {"2: dataplane.connections_max: expected at least 192 for 3 workers, 64 each, found 191"}},
    {"PollingWorkersShareACpu",
     kWithPort,
     R"(dataplane: { idle = "poll"; worker_cpus = [ 1, 2,
 1, 0 ]; };)",
     {"3: dataplane.worker_cpus[2]: with idle = \"poll\" a worker needs a CPU of its own: 1 is "
      "also at dataplane.worker_cpus[0]",
      "3: dataplane.worker_cpus[3]: with idle = \"poll\" a worker needs a CPU of its own: 0 is "
      "also at dataplane.main_cpu"}},
    {"EmptyEalArgument",
     kWithPort,
     R"(dataplane: { eal_arguments = [ "" ]; };)",
     {"2: dataplane.eal_arguments[0]: expected an argument such as \"--in-memory\", found \"\""}},
    {"BadWorkerCpuSpoilsNoOtherCheck",
     kWithPort,
     R"(dataplane: { worker_cpus = [ "x" ]; ring_entries = 3; };)",
     {"2: dataplane.worker_cpus[0]: expected a whole number from 0 to 1023, found \"x\"",
      "2: dataplane.ring_entries: expected a power of two from 16 to 65536, found 3"}},
    {"ControlCharactersInValues",
     kWithPort,
     R"(control: { log_level = "a\nb\t"; };)",
     {"2: control.log_level: expected \"debug\" or \"info\" or \"warning\" or \"error\", found "
      "\"a\\x0ab\\x09\""}},
    {"AllAtOnceInOrderOfLines",
     kAsItIs,
     R"(dataplane: {
    ring_entries = 1000;
    worker_cpu = [ 1 ];
};
ports = (
    { name = "outside"; device = "net_af_xdp0,iface=d0"; addresses = [ "192.0.2.1/24" ]; },
    { name = "outside"; device = "net_af_xdp1,iface=d1"; addresses = [ "198.51.100.1" ]; }
);
routes = ( { to = "default"; via = "203.0.113.1"; } );
virtual_services = (
    { address = "192.0.2.80:80"; scheduler = "round-robin";
      real_servers = (
          { address = "198.51.100.10:80"; weight = 70000; },
          { address = "198.51.100.10:80"; },
          { adress = "198.51.100.11:80"; }
      ); }
);)",
     {"2: dataplane.ring_entries: expected a power of two from 16 to 65536, found 1000",
      "3: dataplane.worker_cpu: unknown setting; did you mean \"worker_cpus\"?",
      "7: ports[1].addresses[0]: expected an IP address with its prefix length, such as "
      "\"192.0.2.1/24\" or \"2001:db8::1/64\", found \"198.51.100.1\"",
      "7: ports[1].name: \"outside\" is already given at ports[0].name",
      "11: virtual_services[0].scheduler: unknown scheduler \"round-robin\"; known: rr, wrr, sh",
      "13: virtual_services[0].real_servers[0].weight: expected a whole number from 0 to 65535, "
      "found 70000",
      "14: virtual_services[0].real_servers[1].address: real server 198.51.100.10:80 is already "
      "given at virtual_services[0].real_servers[0].address",
      "15: virtual_services[0].real_servers[2].address: missing; expected an IP address and port "
      "such as \"192.0.2.1:80\" or \"[2001:db8::1]:80\"",
      "15: virtual_services[0].real_servers[2].adress: unknown setting; did you mean "
      "\"address\"?"}},
};

INSTANTIATE_TEST_SUITE_P(Settings, Mistake, testing::ValuesIn(kRows), row_name);

// Texts too long or too odd for a row.

std::vector<std::string> after_a_port(const std::string& text) {
    return lines_of(parse(std::string(kOnePort) + text));
}

std::string repeated(std::string_view text, size_t count) {
    std::string out;
    for (; count > 0; --count) {
        out += text;
    }
    return out;
}

TEST(OddMistake, NestedTooDeeply) {
    EXPECT_THAT(lines_of(parse("a = " + repeated("(", 20000))),
                testing::ElementsAre("t.conf:1: nested too deeply at or before \"a = " +
                                     repeated("(", 56) + "...\""));
    // Deep, but not for libconfig.
    EXPECT_THAT(after_a_port("a = " + repeated("(", 2000) + repeated(")", 2000) + ";"),
                testing::ElementsAre(
                    "t.conf:2: a: unknown setting; known here: control, dataplane, "
                    "timeouts, health_checks, sync, diagnostics, ports, routes, local_pools, "
                    "virtual_services, source_nat, vrrp_instances, vrrp_groups, vrrp_trackers"));
}

TEST(OddMistake, NulBytes) {
    using std::string_literals::operator""s;
    EXPECT_THAT(after_a_port("timeouts: {\0\0};\n\0"s),
                testing::ElementsAre("t.conf:2: a NUL byte: expected text"));
    EXPECT_THAT(after_a_port("control: { socket = \"/a\\x00b\"; };"),
                testing::ElementsAre("t.conf:2: a NUL character in a string"));
}

TEST(OddMistake, LongValuesAreCut) {
    EXPECT_THAT(after_a_port("control: { socket = \"/" + repeated("a", 107) + "\"; };"),
                testing::ElementsAre("t.conf:2: control.socket: expected an absolute path of at "
                                     "most 107 characters, found \"/" +
                                     repeated("a", 59) + "...\""));
    EXPECT_THAT(after_a_port("control: { socket = \"/" + repeated("a", 106) + "\"; };"),
                testing::IsEmpty());
    EXPECT_THAT(after_a_port(repeated("a", 100000) + " = 1;"), testing::SizeIs(1));
}

TEST(OddMistake, TooManyWorkers) {
    EXPECT_THAT(after_a_port("dataplane: { worker_cpus = [ 0" + repeated(", 1", 64) + " ]; };"),
                testing::ElementsAre(
                    "t.conf:2: dataplane.worker_cpus: expected 1 to 64 CPU numbers, found 65"));
    EXPECT_THAT(after_a_port("dataplane: { worker_cpus = [ 0" + repeated(", 1", 63) + " ]; };"),
                testing::IsEmpty());
}

TEST(OddMistake, TooManyInterfaces) {
    std::string vlans;
    for (int id = 1; id <= 64; ++id) {
        vlans += (id == 1 ? "{ id = " : ", { id = ") + std::to_string(id) + "; }";
    }
    EXPECT_THAT(lines_of(parse("\nports = ( { name = \"a\"; device = \"net_null0\"; vlans = ( " +
                               vlans + " ); } );")),
                testing::ElementsAre(
                    "t.conf:2: ports: expected at most 64 ports and VLANs together, found 65"));
}

}  // namespace
}  // namespace director::config
