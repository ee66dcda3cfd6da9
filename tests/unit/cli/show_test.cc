// What an administrator reads: `directorctl status`, `drops`, `workers`, and the table beneath.
#include "cli/show.h"

#include <gtest/gtest.h>

namespace director::cli {
namespace {

TEST(TableTest, AlignsAndLeavesNoBlanksAtLineEnds) {
    Table table({{"NAME"}, {"COUNT", Align::kRight}, {"WHY"}});
    table.add({{"a"}, {"12345678"}, {"long reason"}});
    table.add({{"longer"}, {"1"}, {"x"}});
    EXPECT_EQ(table.render(Colour::kNever),
              "NAME       COUNT  WHY\n"
              "a       12345678  long reason\n"
              "longer         1  x\n");
}

TEST(TableTest, ColourDoesNotMoveColumns) {
    Table table({{"A"}, {"B"}});
    table.add({{"xx", Style::kBad}, {"y"}});
    EXPECT_EQ(table.render(Colour::kAlways),
              "\x1b[1mA\x1b[0m   \x1b[1mB\x1b[0m\n\x1b[31mxx\x1b[0m  y\n");
}

TEST(ShowTest, Status) {
    server::StatusView status;
    status.version = "0.1.0";
    status.pid = 77;
    status.uptime_seconds = 2 * 86400 + 3 * 3600 + 4 * 60 + 5;
    status.workers = 2;
    status.memory_kind = "plain memory";
    status.services = 1;
    status.real_servers = 2;
    status.connections = 3;
    status.connections_max = 1024;
    status.packets = {100, 90, 4, 6};
    status.config_file = "/etc/director.conf";
    status.ports = {
        {"outside", "net_af_packet", "02:00:00:00:00:01", 1500, true, 1, 2, 60, 50, 0, 9}};
    status.services_up = 1;
    status.servers_up = 1;
    status.rates = {1234, 2000, 1000, 125'000, 1'250'000'000};
    status.virtual_addresses = {{"192.0.2.1", "ALONE"}, {"192.0.2.2", "ALONE"}};
    status.virtual_addresses_all = 9;
    EXPECT_EQ(
        show_status(status, Colour::kNever),
        "directord 0.1.0  ALONE  up 2 d 03:04:05, process 77\n"
        "alarms        none\n"
        "addresses     192.0.2.1, 192.0.2.2 and 7 more\n"
        "services      1 of 1 up\n"
        "real servers  1 of 2 take new connections\n"
        "traffic       1.23 k connections/s, 2.00 k packets/s in, 1.00 k out, 1.00 Mbit/s in, 10.0 "
        "Gbit/s out\n"
        "connections   3 of 1024\n"
        "packets       100 received, 90 forwarded, 4 to the kernel, 6 dropped\n"
        "configuration /etc/director.conf, last reload: none\n"
        "workers       2, plain memory\n"
        "\n"
        "PORT     LINK  DRIVER         MAC                 MTU  RX/TX QUEUES  RECEIVED  SENT  "
        "MISSED  NO BUFFERS\n"
        "outside  up    net_af_packet  02:00:00:00:00:01  1500  1/2                 60    50  "
        "     0           9\n");
}

TEST(ShowTest, StatusBeginsWithWhatNeedsAPerson) {
    server::StatusView status;
    status.role = "MASTER";
    status.alarms = {{"critical", "port inside has no link", "look at the cable"},
                     {"notice", "2 real servers are at their upper threshold", "add servers"}};
    status.virtual_addresses = {{"192.168.10.100/24", "MASTER"}};
    status.virtual_addresses_all = 1;
    EXPECT_EQ(show_status(status, Colour::kNever)
                  .find("directord   MASTER  up 00:00:00, process 0\n"
                        "critical      port inside has no link\n"
                        "              -> look at the cable\n"
                        "notice        2 real servers are at their upper threshold\n"
                        "              -> add servers\n"
                        "addresses     192.168.10.100/24 MASTER\n"),
              0U)
        << show_status(status, Colour::kNever);
}

TEST(ShowTest, StatusOfVrrpIsOneLine) {
    server::StatusView status;
    EXPECT_EQ(show_status(status, Colour::kNever).find("vrrp"), std::string::npos);
    status.vrrp = {{"VG_1", "MASTER", ""}};
    EXPECT_NE(show_status(status, Colour::kNever).find("\nvrrp          VG_1 MASTER\n"),
              std::string::npos);
    status.vrrp.push_back({"VI_3", "FAULT", "interface inside is down"});
    const std::string text = show_status(status, Colour::kNever);
    EXPECT_NE(text.find("\nvrrp          VG_1 MASTER, VI_3 FAULT (interface inside is down)\n"),
              std::string::npos)
        << text;
}

TEST(ShowTest, StatusOfPoolsAndDrains) {
    server::StatusView status;
    status.overloaded = 2;
    status.under_attack = {"TCP 192.0.2.1:80"};
    status.service_timeouts = {{"TCP 192.0.2.1:80", "tcp_established", 7200}};
    status.drains = {{"TCP 192.0.2.1:80", "10.0.0.1:80", 17, 599},
                     {"TCP 192.0.2.1:81", "10.0.0.1:81", 0, -1}};
    status.pools = {{"outside", 2, "1024-65535", 2064384, 12, 3}};
    const std::string text = show_status(status, Colour::kNever);
    EXPECT_NE(text.find("timeout       TCP 192.0.2.1:80: tcp_established 7200 s\n"
                        "overloaded    2 real servers\n"
                        "under attack  TCP 192.0.2.1:80: SYN flood, its SYN proxy is on\n"
                        "\n"
                        "DRAINING     IN SERVICE        CONNECTIONS  ENDS IN\n"
                        "10.0.0.1:80  TCP 192.0.2.1:80           17  00:09:59\n"
                        "10.0.0.1:81  TCP 192.0.2.1:81            0  -\n"
                        "\n"
                        "POOL     ADDRESSES  PORTS       IN USE       OF  EXHAUSTED\n"
                        "outside          2  1024-65535      12  2064384          3\n"),
              std::string::npos)
        << text;
}

TEST(ShowTest, StatusOfFullTablesNamesWhatHappened) {
    server::StatusView status;
    EXPECT_EQ(show_status(status, Colour::kNever).find("full tables"), std::string::npos);
    status.full_tables = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const std::string text = show_status(status, Colour::kNever);
    EXPECT_NE(text.find("full tables   1 packets refused, 2 half-open connections evicted, "
                        "3 packets forwarded without remembering, 4 connections without a local "
                        "port, 5 FTP connections refused, 6 fragments refused, 7 persistent "
                        "clients not remembered, 9 persistent clients forgotten early, "
                        "8 connections past client limits\n"),
              std::string::npos)
        << text;
}

server::DropsView drops() {
    server::DropsView view;
    view.received = 10;
    view.forwarded = 5;
    view.punted = 1;
    view.dropped = 4;
    view.held = 3;
    view.resumed = 2;
    view.stateless = 1;
    view.reasons = {{"truncated", "too short", 0, {}},
                    {"no_route", "no route", 4, {{"TCP 10.0.0.1:80", 3}, {"UDP 10.0.0.1:53", 0}}}};
    return view;
}

TEST(ShowTest, DropsHideWhatNeverHappened) {
    EXPECT_EQ(show_drops(drops(), ZeroRows::kHide, Colour::kNever),
              "10 received + 0 handed in + 0 answered + 2 resumed + 0 cut = 5 forwarded + 1 to the "
              "kernel + 4 dropped + 0 handed out + 3 held\n"
              "1 of the forwarded without remembering them, in a full table\n"
              "\n"
              "REASON             PACKETS  WHAT HAPPENED\n"
              "no_route                 4  no route\n"
              "  TCP 10.0.0.1:80        3  \n");
    const std::string all = show_drops(drops(), ZeroRows::kShow, Colour::kNever);
    EXPECT_NE(all.find("truncated                0  too short\n"), std::string::npos) << all;
}

TEST(ShowTest, NoDropsIsSaid) {
    const std::string text = show_drops({}, ZeroRows::kHide, Colour::kNever);
    EXPECT_NE(text.find("\nno packet was dropped\n"), std::string::npos);
}

TEST(ShowTest, Checks) {
    server::CheckView tcp;
    tcp.type = "tcp";
    tcp.state = "down";
    tcp.state_seconds = 65;
    tcp.last_failure = "connect: Connection refused";
    server::CheckView ping;
    ping.type = "ping";
    ping.state = "up";
    server::CheckedServerView out;
    out.address = "10.0.0.1";
    out.port = 80;
    out.is_up = false;
    out.checks = {tcp, ping};
    server::CheckedServerView unchecked;
    unchecked.address = "2001:db8::2";
    unchecked.port = 80;
    unchecked.weight = 3;
    server::CheckedServiceView service;
    service.protocol = "TCP";
    service.address = "192.0.2.1";
    service.port = 80;
    service.sorry_server = "10.0.0.9:80";
    service.sorry_server_is_used = true;
    service.servers = {out, unchecked};
    server::ChecksView view;
    view.services = {service};
    EXPECT_EQ(
        show_checks(view, Colour::kNever),
        "SERVICE           SERVER            WEIGHT  CHECK  STATE     SINCE  LAST FAILURE\n"
        "TCP 192.0.2.1:80  10.0.0.1:80          out  tcp    down   00:01:05  connect: Connection "
        "refused\n"
        "TCP 192.0.2.1:80  10.0.0.1:80          out  ping   up     00:00:00  -\n"
        "TCP 192.0.2.1:80  [2001:db8::2]:80       3  -      up     00:00:00  -\n"
        "TCP 192.0.2.1:80  10.0.0.9:80            -  -      sorry         -  -\n");
    EXPECT_EQ(show_checks({}, Colour::kNever), "no health checks are configured\n");
}

TEST(ShowTest, Workers) {
    server::WorkerView worker;
    worker.id = 1;
    worker.cpu = 3;
    worker.busy_share = 0.1234;
    worker.packets = 1000;
    worker.bursts = 100;
    worker.ns_per_packet = 51.25;
    worker.packets_per_burst = 10;
    worker.dropped = 7;
    worker.sleeps = 9;
    const std::string text = show_workers({{worker}}, Colour::kNever);
    EXPECT_NE(text.find("WORKER  CPU   BUSY  PACKETS  BURSTS  NS/PACKET  PACKETS/BURST"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("     1    3  12.3%     1000     100       51.2           10.0"),
              std::string::npos)
        << text;
}

}  // namespace
}  // namespace director::cli
