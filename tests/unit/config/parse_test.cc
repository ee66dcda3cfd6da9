// Good configurations: what is written reaches the Model, what is not written is the default.
#include "config/parse.h"

#include "tests/unit/config/config_support.h"

namespace director::config {
namespace {

TEST(Parse, LeavesDefaultsWhereNothingIsWritten) {
    const auto model = parse(kOnePort);
    ASSERT_THAT(lines_of(model), testing::IsEmpty());
    Port port;
    port.name = "p";
    port.device = "net_null0";
    port.addresses = {{Ipv4Address::of(192, 0, 2, 1), 24}};
    Model expected;
    expected.ports = {port};
    EXPECT_EQ(*model, expected);
}

TEST(Parse, ReadsEverySingleSetting) {
    const auto model = parse(std::string(kOnePort) + R"(
        control: { socket = "/tmp/d.sock"; metrics_address = "0.0.0.0:9142"; log_level = "debug"; };
        dataplane: {
            eal_arguments = [ "--a", "-b" ]; main_cpu = 3; worker_cpus = [ 1, 1, 2 ];
            idle = "adaptive"; pool_frames = 600; ring_entries = 32; connections_max = 192;
            services_max = 2; real_servers_max = 3; neighbours_max = 4; punts_per_second = 5;
            when_full = "refuse"; decrement_ttl = false;
        };
        timeouts: {
            tcp_established = 1; tcp_syn_sent = 2; tcp_syn_recv = 3; tcp_fin_wait = 4;
            tcp_time_wait = 5; tcp_close = 6; tcp_close_wait = 7; tcp_last_ack = 8; udp = 2678400;
        };)");
    ASSERT_THAT(lines_of(model), testing::IsEmpty());
    EXPECT_EQ(model->control, (Control{"/tmp/d.sock", "0.0.0.0:9142", LogLevel::kDebug}));
    EXPECT_EQ(model->dataplane,
              (Dataplane{{"--a", "-b"},
                         3,
                         {1, 1, 2},
                         IdleMode::kAdaptive,
                         600,
                         32,
                         192,
                         2,
                         3,
                         4,
                         5,
                         WhenFull::kRefuse,
                         false}));
    EXPECT_EQ(model->timeouts, (Timeouts{1, 2, 3, 4, 5, 6, 7, 8, 2678400}));
}

TEST(Parse, ReadsEveryListEntry) {
    const auto model = parse(R"(
        ports = ( {
            name = "outside"; device = "0000:03:00.1"; side = "servers"; mtu = 9000;
            rx_descriptors = 64; tx_descriptors = 128; addresses = [ "192.0.2.1/24" ];
            vlans = ( { id = 4094; addresses = [ "198.51.100.1/31" ]; }, { id = 1; } );
        } );
        routes = ( { to = "default"; via = "192.0.2.254"; },
                   { to = "203.0.113.0/24"; via = "198.51.100.0"; } );
        virtual_services = (
            { address = "192.0.2.80:80"; protocol = "udp"; scheduler = "rr";
              real_servers = ( { address = "10.0.0.1:65535"; weight = 0; forwarding = "nat"; },
                               { address = "10.0.0.2:1"; } ); },
            { address = "192.0.2.80:80"; } );)");
    ASSERT_THAT(lines_of(model), testing::IsEmpty());
    const std::vector<Vlan> vlans{{4094, {{Ipv4Address::of(198, 51, 100, 1), 31}}}, {1, {}}};
    EXPECT_EQ(model->ports,
              (std::vector<Port>{{"outside",
                                  "0000:03:00.1",
                                  PortSide::kServers,
                                  9000,
                                  64,
                                  128,
                                  {{Ipv4Address::of(192, 0, 2, 1), 24}},
                                  vlans}}));
    EXPECT_EQ(model->routes,
              (std::vector<Route>{
                  {{Ipv4Address{}, 0}, Ipv4Address::of(192, 0, 2, 254)},
                  {{Ipv4Address::of(203, 0, 113, 0), 24}, Ipv4Address::of(198, 51, 100, 0)}}));
    const Endpoint vip{Ipv4Address::of(192, 0, 2, 80), Be16::from_host(80)};
    const RealServer first{{Ipv4Address::of(10, 0, 0, 1), Be16::from_host(65535)}, 0};
    const RealServer second{{Ipv4Address::of(10, 0, 0, 2), Be16::from_host(1)}};
    EXPECT_EQ(model->virtual_services,
              (std::vector<VirtualService>{{vip, Protocol::kUdp, "rr", {first, second}},
                                           {vip, Protocol::kTcp, "wrr", {}}}));
}

TEST(Parse, TakesListsAndArraysAlikeWhereBothMakeSense) {
    const auto model = parse(std::string(kOnePort) + R"(
        dataplane: { eal_arguments = ( "--a", "--b" ); worker_cpus = ( 1, 2 ); };
        virtual_services = [ ];
        routes = ( );)");
    ASSERT_THAT(lines_of(model), testing::IsEmpty());
    EXPECT_THAT(model->dataplane.eal_arguments, testing::ElementsAre("--a", "--b"));
    EXPECT_THAT(model->dataplane.worker_cpus, testing::ElementsAre(1, 2));
}

TEST(Parse, TakesWhatLibconfigTakes) {
    const auto model = parse(std::string(kOnePort) +
                             "// one comment\n/* another\n comment */ # and one\n"
                             "dataplane { };\n");
    // The equals sign is not optional, even before a group.
    EXPECT_THAT(lines_of(model),
                testing::ElementsAre("t.conf:5: syntax error at or before \"dataplane { };\""));
    EXPECT_TRUE(parse(std::string(kOnePort) + "dataplane = { main_cpu : 0x10L }\ntimeouts: {}"));
}

TEST(Parse, AllowsWhatOnlyLooksWrong) {
    EXPECT_THAT(lines_of(parse(R"(
        ports = (
            { name = "a"; device = "net_null0"; addresses = [ "192.0.2.1/24", "192.0.2.2/24" ]; },
            { name = "b"; device = "net_null1"; addresses = [ "192.0.2.129/25" ]; },
            { name = "fifteen-letters"; device = "net_null2"; addresses = [ "198.51.100.7/32" ]; }
        );
        routes = ( { to = "10.0.0.0/8"; via = "192.0.2.9"; },
                   { to = "10.0.0.0/9"; via = "192.0.2.9"; } );
        virtual_services = (
            # A VIP may be an interface's address, or on no interface; servers may be none, or in
            # two services.
            { address = "192.0.2.1:80"; real_servers = ( { address = "10.0.0.1:80"; } ); },
            { address = "203.0.113.1:80"; real_servers = ( { address = "10.0.0.1:80"; } ); },
            { address = "203.0.113.1:80"; protocol = "udp"; }
        );)")),
                testing::IsEmpty());
}

TEST(Parse, HandlesAHundredThousandRealServers) {
    std::string text(kOnePort);
    text += "dataplane: { real_servers_max = 100000; };\n";
    text += "virtual_services = ( { address = \"192.0.2.80:80\"; real_servers = (";
    for (unsigned i = 0; i < 100000; ++i) {
        const auto address = Ipv4Address::from_host((10U << 24) + i);
        text += (i == 0 ? "\n{ address = \"" : ",\n{ address = \"") + to_string(address) +
                ":80\"; weight = 1; }";
    }
    text += "); } );\n";
    const auto model = parse(text);
    ASSERT_THAT(lines_of(model), testing::IsEmpty());
    EXPECT_EQ(model->virtual_services[0].real_servers.size(), 100000U);
}

TEST(ParseFile, SaysWhatIsWrongWithTheFileItself) {
    const TemporaryDirectory directory;
    EXPECT_THAT(lines_of(parse_file(directory.file("absent.conf"), test_vocabulary())),
                testing::ElementsAre(directory.file("absent.conf") + ": no such file"));
    EXPECT_THAT(lines_of(parse_file(directory.file(""), test_vocabulary())),
                testing::ElementsAre(directory.file("") + ": expected a file, found a directory"));
    EXPECT_THAT(lines_of(parse_file("/dev/zero", test_vocabulary())),
                testing::ElementsAre("/dev/zero: longer than 64 MiB, which no configuration is"));
    EXPECT_THAT(lines_of(parse_file("", test_vocabulary())),
                testing::ElementsAre(": no such file"));
}

TEST(Diagnostic, PrintsTheKnownParts) {
    EXPECT_EQ(to_string(Diagnostic{"f", 3, "a.b", "wrong"}), "f:3: a.b: wrong");
    EXPECT_EQ(to_string(Diagnostic{"f", 3, "", "wrong"}), "f:3: wrong");
    EXPECT_EQ(to_string(Diagnostic{"f", 0, "", "wrong"}), "f: wrong");
}

}  // namespace
}  // namespace director::config
