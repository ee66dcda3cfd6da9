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
        control: { socket = "/tmp/d.sock"; metrics_address = "0.0.0.0:9142"; metrics_servers_max = 12; admin_group = "wheel"; reader_group = "adm"; log_level = "debug"; log_file = "/tmp/d.log"; notify_fifo = { path = "/run/all"; program = [ "/bin/reader", "x" ]; }; };
        dataplane: {
            eal_arguments = [ "--a", "-b" ]; main_cpu = 3; worker_cpus = [ 1, 1, 2 ];
            idle = "adaptive"; realtime_priority = 20; pool_frames = 600; ring_entries = 32; connections_max = 192;
            detailed_connections_max = 99; templates_max = 98;
            services_max = 2; real_servers_max = 3; neighbours_max = 4; punts_per_second = 5;
            when_full = "refuse"; decrement_ttl = false;
        };
        timeouts: {
            tcp_established = 1; tcp_syn_sent = 2; tcp_syn_recv = 3; tcp_fin_wait = 4;
            tcp_time_wait = 5; tcp_close = 6; tcp_close_wait = 7; tcp_last_ack = 8;
            tcp_listen = 9; tcp_syn_ack = 10; udp = 2678400; icmp = 11;
            sctp_init1 = 12; sctp_init = 13; sctp_cookie_sent = 14; sctp_cookie_replied = 15;
            sctp_cookie_wait = 16; sctp_cookie = 17; sctp_cookie_echoed = 18;
            sctp_established = 19; sctp_shutdown_sent = 20; sctp_shutdown_received = 21;
            sctp_shutdown_ack_sent = 22; sctp_rejected = 23; sctp_closed = 24;
        };
        diagnostics: { health = true; sample = 2; packets_per_second = 3; flows_max = 64; servers_max = 5; };)");
    ASSERT_THAT(lines_of(model), testing::IsEmpty());
    EXPECT_EQ(model->control,
              (Control{"/tmp/d.sock",
                       "0.0.0.0:9142",
                       12,
                       "wheel",
                       "adm",
                       LogLevel::kDebug,
                       "/tmp/d.log",
                       {"/run/all", {"/bin/reader", "x"}},
                       {},
                       {}}));
    EXPECT_EQ(model->dataplane,
              (Dataplane{{"--a", "-b"},
                         3,
                         {1, 1, 2},
                         IdleMode::kAdaptive,
                         20,
                         600,
                         32,
                         192,
                         99,
                         98,
                         2,
                         3,
                         4,
                         5,
                         WhenFull::kRefuse,
                         false}));
    EXPECT_EQ(model->diagnostics, (Observation{true, 2, 3, 64, 5}));
    EXPECT_EQ(model->timeouts, (Timeouts{1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 2678400, 11, 12,
                                         13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,      24}));
}

TEST(Parse, ReadsEveryListEntry) {
    const auto model = parse(R"(
        ports = ( {
            name = "outside"; device = "0000:03:00.1"; side = "servers"; mtu = 9000;
            rx_descriptors = 64; tx_descriptors = 128; addresses = [ "192.0.2.1/24" ];
            vlans = ( { id = 4094; outer_id = 4; mtu = 1400; addresses = [ "198.51.100.1/31" ]; }, { id = 1; } );
        } );
        routes = ( { to = "default"; via = "192.0.2.254"; },
                   { to = "203.0.113.0/24"; via = "198.51.100.0"; } );
        virtual_services = (
            { address = "192.0.2.80:80"; protocol = "udp"; scheduler = "rr";
              real_servers = ( { address = "10.0.0.1:65535"; weight = 0; forwarding = "nat"; },
                               { address = "10.0.0.2:1"; } ); },
            { address = "192.0.2.80:80"; } );)");
    ASSERT_THAT(lines_of(model), testing::IsEmpty());
    const std::vector<Vlan> vlans{{4094, 4, 1400, {{Ipv4Address::of(198, 51, 100, 1), 31}}},
                                  {1, 0, 0, {}}};
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
    RealServer first;
    first.endpoint = {Ipv4Address::of(10, 0, 0, 1), Be16::from_host(65535)};
    first.weight = 0;
    RealServer second;
    second.endpoint = {Ipv4Address::of(10, 0, 0, 2), Be16::from_host(1)};
    VirtualService udp;
    udp.endpoint = vip;
    udp.protocol = Protocol::kUdp;
    udp.scheduler = "rr";
    udp.real_servers = {first, second};
    VirtualService tcp;
    tcp.endpoint = vip;
    EXPECT_EQ(model->virtual_services, (std::vector<VirtualService>{udp, tcp}));
}

TEST(Parse, ReadsEveryOptionOfAService) {
    const auto model = parse(std::string(kOnePort) + R"(
        local_pools = ( { name = "out"; addresses = [ "192.0.2.7", "2001:db8::7" ];
                          ports = "2000-3000"; } );
        virtual_services = (
            { address = "[2001:db8::80]:80"; scheduler = "sh"; flags = [ "hash-port", "like-ipvs" ];
              load_bound_percent = 150;
              persistence = { timeout = 300; prefix = 56; drop_when_quiesced = false; };
              ftp = true; clamp_mss = true; stateless_when_full = false;
              client_address = "proxy-v2"; syn_proxy = "under-attack"; when_server_gone = "reset";
              syn_proxy_offer = { mss_ipv4 = 1400; mss_ipv6 = 1380; window_scale = 9; sack = false;
                                  timestamps = false; };
              syn_flood = { half_open_on = 5; half_open_off = 4; syns_on = 3; syns_off = 2; hold = 1; };
              local_pool = "out";
              limits = { connections_per_second = 1; connections_max = 2; client_prefix_ipv4 = 24;
                         client_prefix_ipv6 = 48; client_connections_per_second = 3;
                         client_connections_max = 4; };
              timeouts = { tcp_established = 7200; udp = 2678400; };
              allow = [ "2001:db8::/32" ]; deny = [ "2001:db8:1::/48", "2001:db8:2::1" ];
              real_servers = (
                { address = "10.0.0.1:8080"; forwarding = "full-nat"; upper_threshold = 9;
                  lower_threshold = 7; } ); },
            { mark = 4294967295; one_packet = true; quic = { id_offset = 1; id_length = 2; };
              match = ( { addresses = "192.0.2.10-192.0.2.19"; protocol = "udp"; },
                        { addresses = "192.0.2.64/30"; ports = "53"; protocol = "udp"; } );
              real_servers = (
                { address = "192.0.2.9:0"; forwarding = "tunnel";
                  tunnel = { type = "gue"; port = 6080; checksum = "remote"; }; },
                { address = "127.0.0.1:0"; forwarding = "local"; quic_id = 258; },
                { address = "192.0.2.8:0"; forwarding = "direct"; quic_id = 3; } ); } );
        source_nat = ( { from = "10.0.0.0/8"; to = "192.0.2.0/24"; pool = "out"; },
                       { from = "2001:db8:9::/48"; pool = "out"; } );)");
    ASSERT_THAT(lines_of(model), testing::IsEmpty());
    const auto ip = [](const char* text) { return *IpAddress::parse(text); };
    EXPECT_EQ(
        model->local_pools,
        (std::vector<LocalPool>{{"out", {ip("192.0.2.7"), ip("2001:db8::7")}, {2000, 3000}}}));
    const VirtualService& first = model->virtual_services.at(0);
    EXPECT_EQ(first.flags,
              (std::vector<SchedulerFlag>{SchedulerFlag::kHashPort, SchedulerFlag::kLikeIpvs}));
    EXPECT_EQ(first.load_bound_percent, 150);
    EXPECT_EQ(first.persistence, (Persistence{300, 56, false}));
    EXPECT_TRUE(first.ftp && first.clamp_mss && !first.stateless_when_full && !first.one_packet);
    EXPECT_EQ(first.client_address, ClientAddress::kProxyV2);
    EXPECT_EQ(first.syn_proxy, SynProxy::kUnderAttack);
    EXPECT_EQ(first.syn_proxy_offer, (SynProxyOffer{1400, 1380, 9, false, false}));
    EXPECT_EQ(first.syn_flood, (SynFlood{5, 4, 3, 2, 1}));
    EXPECT_EQ(first.when_server_gone, WhenServerGone::kReset);
    EXPECT_EQ(first.local_pool, "out");
    EXPECT_EQ(first.limits, (Limits{1, 2, 24, 48, 3, 4}));
    EXPECT_EQ(first.timeouts, (ServiceTimeouts{.tcp_established = 7200, .udp = 2678400}));
    EXPECT_EQ(first.allow.at(0), *IpPrefix::parse("2001:db8::/32"));
    EXPECT_EQ(first.deny.at(1), *IpPrefix::parse("2001:db8:2::1/128"));
    EXPECT_EQ(first.real_servers.at(0).forwarding, ForwardingMethod::kFullNat);
    EXPECT_EQ(first.real_servers.at(0).upper_threshold, 9U);
    EXPECT_EQ(first.real_servers.at(0).lower_threshold, 7U);
    const VirtualService& second = model->virtual_services.at(1);
    EXPECT_EQ(second.mark, 4294967295U);
    EXPECT_TRUE(second.one_packet);
    EXPECT_EQ(second.quic, (Quic{1, 2}));
    const Match range{{ip("192.0.2.10"), ip("192.0.2.19")}, {}, Protocol::kUdp};
    const Match subnet{{ip("192.0.2.64"), ip("192.0.2.67")}, {53, 53}, Protocol::kUdp};
    EXPECT_EQ(second.match, (std::vector<Match>{range, subnet}));
    EXPECT_EQ(second.real_servers.at(0).tunnel,
              (Tunnel{TunnelType::kGue, 6080, TunnelChecksum::kRemote}));
    EXPECT_EQ(second.real_servers.at(1).forwarding, ForwardingMethod::kLocal);
    EXPECT_EQ(second.real_servers.at(1).quic_id, 258U);
    EXPECT_EQ(second.real_servers.at(2).forwarding, ForwardingMethod::kDirect);
    EXPECT_EQ(model->source_nat.at(0),
              (SourceNat{*IpPrefix::parse("10.0.0.0/8"), *IpPrefix::parse("192.0.2.0/24"), "out"}));
    EXPECT_EQ(model->source_nat.at(1).to, *IpPrefix::parse("0.0.0.0/0"));
}

// Comments, blank lines and carriage returns; a change of the file's contents is a change of the
// model.
TEST(Parse, ReadsPrefixFiles) {
    const TemporaryDirectory directory;
    const std::string path = directory.file("deny");
    const std::string text = std::string(kOnePort) +
                             "virtual_services = ( { address = "
                             "\"192.0.2.80:80\"; deny_file = \"" +
                             path + "\"; } );";
    std::ofstream(path) << "# the bad ones\n\n10.0.0.0/8\r\n  2001:db8::/32 # more\n192.0.2.1";
    const auto model = parse(text);
    ASSERT_THAT(lines_of(model), testing::IsEmpty());
    ASSERT_NE(model->prefix_files.find(path), nullptr);
    EXPECT_EQ(*model->prefix_files.find(path),
              (std::vector<IpPrefix>{*IpPrefix::parse("10.0.0.0/8"),
                                     *IpPrefix::parse("2001:db8::/32"),
                                     *IpPrefix::parse("192.0.2.1/32")}));
    EXPECT_EQ(*parse(text), *model);
    std::ofstream(path) << "10.0.0.0/9\n";
    EXPECT_NE(*parse(text), *model);
}

TEST(Parse, NamesTheLineOfAPrefixFile) {
    const TemporaryDirectory directory;
    const std::string path = directory.file("deny");
    const std::string text = std::string(kOnePort) +
                             "virtual_services = ( { address = "
                             "\"192.0.2.80:80\"; allow_file = \"" +
                             path + "\"; } );";
    std::ofstream(path) << "10.0.0.0/8\n10.0.0.0/33\n";
    EXPECT_THAT(lines_of(parse(text)),
                testing::ElementsAre(path + ":2: expected a prefix such as \"198.51.100.0/24\", "
                                            "found \"10.0.0.0/33\""));
    std::filesystem::remove(path);
    EXPECT_THAT(lines_of(parse(text)),
                testing::ElementsAre(path + ": cannot read: No such file or directory"));
}

TEST(Parse, ReadsAMillionPrefixes) {
    const TemporaryDirectory directory;
    const std::string path = directory.file("deny");
    {
        std::ofstream file(path);
        for (uint32_t i = 0; i < 1'000'000; ++i) {
            file << to_string(Ipv4Address::from_host(i << 8)) << "/24\n";
        }
    }
    const auto model = parse(std::string(kOnePort) +
                             "virtual_services = ( { address = "
                             "\"192.0.2.80:80\"; deny_file = \"" +
                             path + "\"; } );");
    ASSERT_THAT(lines_of(model), testing::IsEmpty());
    EXPECT_EQ(model->prefix_files.find(path)->size(), 1'000'000U);
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
