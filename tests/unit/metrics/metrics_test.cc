// The metrics page: names, labels and values against tests/data/metrics/page.txt, and the HTTP
// listener with a real scrape. Run with DIRECTOR_REGEN=1 to write the page anew.
#include "controlplane/metrics/metrics.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

namespace director::metrics {
namespace {

server::SyncView sync_example() {
    server::SyncView sync;
    sync.role = "both";
    sync.postponed = 41;
    sync.records_sent = 42;
    sync.messages_sent = 43;
    sync.send_errors = 44;
    sync.dropped_new = 45;
    sync.dropped_long_lived = 46;
    sync.unsayable = 47;
    sync.waiting = 48;
    sync.lag_ms = 49;
    server::SyncPeerView twin;
    twin.address = "192.168.2.2";
    twin.heard_ms_ago = 500;
    twin.director_messages = 51;
    twin.ipvs_messages = 52;
    twin.records = 53;
    twin.lost = 54;
    twin.ipvs_lost = 55;
    twin.late = 56;
    twin.too_late = 57;
    twin.replayed = 58;
    twin.restarts = 59;
    twin.lag_ms = 60;
    sync.peers = {twin};
    sync.outcomes = {{"installed", 61}, {"updated", 62}};
    sync.refusals = {{"ipvs_too_short", 63}, {"record_older", 64}};
    sync.not_allowed = 65;
    sync.kept_for_later = 66;
    sync.overflowed = 67;
    sync.mismatches = {"one", "two"};
    sync.tables_given = 68;
    sync.table_records_given = 69;
    sync.tables_fetched = 70;
    sync.table_records_fetched = 71;
    sync.fetches_failed = 72;
    sync.is_fetching = true;
    return sync;
}

constexpr std::array kTripBounds{0.001, 0.1};

ObservedRow observed_example() {
    ObservedRow row;
    row.protocol = "tcp";
    row.address = "170.210.122.104";
    row.port = 80;
    row.server_address = "192.168.0.107";
    row.server_port = 80;
    row.opened = 81;
    row.unanswered = 82;
    row.unfinished = 83;
    row.scans = 84;
    row.client = {85, 86, 87, 88, {1, 2, 3}, 1.25};
    row.server = {89, 90, 91, 92, {4, 0, 0}, 0.002};
    return row;
}

ObservedView observed_view() {
    ObservedView view;
    view.is_on = true;
    view.observed_seconds = 60;
    view.verdicts = {{"tcp 170.210.122.104:80",
                      "192.168.0.107:80",
                      "server",
                      3.5,
                      "server 192.168.0.107:80 advertised a zero window 12 times in 60 s"}};
    view.verdicts_in_all = 2;
    view.packets = 93;
    view.missed = 94;
    view.limited = 95;
    view.flows = 96;
    view.flows_max = 97;
    view.flows_evicted = 98;
    view.trip_bounds = kTripBounds;
    ObservedRow marked;
    marked.protocol = "fwm";
    marked.address = "0.0.0.0";
    marked.mark = 1;
    view.rows = {observed_example(), marked};
    return view;
}

Snapshot example() {
    Snapshot snapshot;
    snapshot.status.version = "0.1.0";
    snapshot.status.uptime_seconds = 60;
    snapshot.status.connections = 3;
    snapshot.status.connections_max = 1024;
    snapshot.status.ports = {{"outside",
                              "net_af_packet",
                              "02:00:00:00:00:01",
                              1500,
                              true,
                              1,
                              2,
                              60,
                              50,
                              4,
                              9,
                              6000,
                              5000,
                              2,
                              3},
                             {"inside",
                              "net_af_packet",
                              "02:00:00:00:00:02",
                              1500,
                              false,
                              1,
                              2,
                              40,
                              41,
                              0,
                              0,
                              4000,
                              4100,
                              0,
                              0}};
    server::ServiceView service;
    service.protocol = "TCP";
    service.address = "170.210.122.104";
    service.port = 80;
    service.stats = {1, 2, 3, 4, 5};
    service.half_open = 14;
    service.is_under_attack = true;
    server::ServerView busy;
    busy.address = "192.168.0.107";
    busy.port = 80;
    busy.weight = 1;
    busy.active = 7;
    busy.inactive = 8;
    busy.stats = {9, 10, 11, 12, 13};
    busy.is_overloaded = true;
    server::ServerView quiet;
    quiet.address = "192.168.0.108";
    quiet.port = 80;
    quiet.is_draining = true;
    server::ServerView gone = quiet;
    gone.is_retired = true;
    service.servers = {busy, quiet, gone};
    server::ServiceView retired = service;
    retired.is_retired = true;
    server::ServiceView first_mark;
    first_mark.protocol = "FWM";
    first_mark.address = "0.0.0.0";
    first_mark.mark = 1;
    server::ServiceView second_mark = first_mark;
    second_mark.mark = 2;
    server::ServiceView ipv6 = first_mark;
    ipv6.protocol = "SCTP";
    ipv6.address = "2001:db8::1";
    ipv6.port = 3868;
    ipv6.mark = 0;
    snapshot.services.services = {service, retired, first_mark, second_mark, ipv6};
    snapshot.status.pools = {{"outside", 2, "1024-65535", 2064384, 12, 3}};
    snapshot.status.full_tables = {21, 22, 23, 24, 25, 26, 27, 28, 29};
    snapshot.drops.reasons = {
        {"truncated", "", 0, {}},
        {"no_route",
         "",
         17,
         {{"TCP 170.210.122.104:80", 11}, {"TCP 170.210.122.104:80", 2}, {"FWM 2", 4}}}};
    server::WorkerView worker;
    worker.busy_share = 0.25;
    worker.bursts = 20;
    worker.received = 100;
    worker.forwarded = 73;
    worker.punted = 10;
    worker.dropped = 17;
    worker.handed_in = 1;
    worker.answered = 2;
    worker.cut = 3;
    worker.handed_out = 4;
    worker.connections_created = 5;
    worker.connections_expired = 1;
    worker.connections_evicted = 1;
    worker.sleeps = 2;
    worker.held = 6;
    worker.resumed = 3;
    worker.stateless = 8;
    worker.busy_seconds = 1.5;
    worker.ns_per_packet = 250;
    worker.connections = 3;
    worker.connections_max = 1024;
    snapshot.workers.workers = {worker};
    server::CheckedServerView up;
    up.address = "192.168.0.107";
    up.port = 80;
    server::CheckedServerView down = up;
    down.address = "192.168.0.108";
    down.is_up = false;
    server::CheckedServiceView checked;
    checked.protocol = "TCP";
    checked.address = "170.210.122.104";
    checked.port = 80;
    checked.has_quorum = false;
    checked.sorry_server_is_used = true;
    checked.servers = {up, down};
    snapshot.checks.services = {checked};
    server::ProbesView probes;
    probes.type = "http";
    probes.checks = 7;
    probes.down = 2;
    probes.passed = 100;
    probes.failed = 20;
    probes.unable = 3;
    probes.seconds = 1.5;
    probes.took = {10, 20, 30, 20, 10, 5, 3, 1, 1};
    probes.transitions = 6;
    snapshot.checks.probes = {probes};
    snapshot.checks.waiting = 4;
    server::VrrpInstanceView outside;
    outside.name = "VI_1";
    outside.state = "MASTER";
    outside.priority = 130;
    outside.configured_priority = 150;
    outside.adverts_sent = 31;
    outside.adverts_received = 32;
    outside.transitions = {{"BACKUP", 33}, {"FAULT", 34}, {"INIT", 0}, {"MASTER", 35}};
    outside.refused = {{"checksum", 36}, {"ttl", 37}};
    server::VrrpInstanceView inside = outside;
    inside.name = "VI_2";
    inside.state = "FAULT";
    snapshot.vrrp.instances = {outside, inside};
    snapshot.vrrp.refused = {{"checksum", "", 38}, {"ttl", "", 0}};
    snapshot.sync = sync_example();
    snapshot.rings = {{0, "commands", 1, 1024}, {0, "handed_in", 12, 4096}};
    snapshot.frames = 32768;
    snapshot.frames_used = 2050;
    snapshot.observed = observed_view();
    snapshot.process = {2.25, 1700000000.5, 123456, 1234567, 42, 1024, 5};
    return snapshot;
}

TEST(MetricsTest, PageIsAsPromised) {
    const std::string path = DIRECTOR_TEST_DATA "/metrics/page.txt";
    Metrics metrics;
    metrics.publish(example());
    if (std::getenv("DIRECTOR_REGEN") != nullptr) {
        std::ofstream(path) << metrics.text();
    }
    std::ostringstream golden;
    golden << std::ifstream(path).rdbuf();
    EXPECT_EQ(metrics.text(), golden.str());
}

// What `promtool check metrics` asks of names, as far as it can be said in a few lines.
TEST(MetricsTest, NamesFollowTheConventions) {
    Metrics metrics;
    metrics.publish(example());
    std::istringstream page(metrics.text());
    const std::regex type_line("# TYPE (\\S+) (counter|gauge|histogram)");
    const std::regex name_rule("(director|process)_[a-z_]*[a-z]");
    int count = 0;
    for (std::string line; std::getline(page, line);) {
        std::smatch match;
        if (!std::regex_match(line, match, type_line)) {
            EXPECT_NE(line.rfind("# TYPE", 0), 0U) << line;
            continue;
        }
        ++count;
        const std::string name = match[1];
        EXPECT_TRUE(std::regex_match(name, name_rule)) << name;
        EXPECT_EQ(name.ends_with("_total"), match[2] == "counter") << name;
    }
    EXPECT_GT(count, 20);
}

TEST(MetricsTest, NoTwoSamplesShareTheirLabels) {
    Metrics metrics;
    metrics.publish(example());
    std::istringstream page(metrics.text());
    std::set<std::string> seen;
    for (std::string line; std::getline(page, line);) {
        if (line.front() != '#') {
            EXPECT_TRUE(seen.insert(line.substr(0, line.rfind(' '))).second) << line;
        }
    }
}

// The real servers' series of a page, without their values.
std::set<std::string> server_series(const Snapshot& snapshot) {
    Metrics metrics;
    metrics.publish(snapshot);
    std::istringstream page(metrics.text());
    std::set<std::string> series;
    for (std::string line; std::getline(page, line);) {
        if (line.starts_with("director_real_server_")) {
            series.insert(line.substr(0, line.rfind(' ')));
        }
    }
    return series;
}

TEST(MetricsTest, ManyServersAreSummedUpByService) {
    Snapshot snapshot = example();
    const size_t each = server_series(snapshot).size();
    snapshot.servers_max = 2;
    const auto series = server_series(snapshot);
    EXPECT_GT(each, series.size());
    for (const std::string& name : series) {
        EXPECT_EQ(name.find("server_address"), std::string::npos) << name;
    }
    Metrics metrics;
    metrics.publish(snapshot);
    const std::string service = "{protocol=\"tcp\",address=\"170.210.122.104\",port=\"80\"}";
    for (const std::string& expected :
         std::vector<std::string>{"director_real_server_active_connections" + service + " 7\n",
                                  "director_real_server_up" + service + " 1\n",
                                  "director_real_server_draining" + service + " 1\n"}) {
        EXPECT_NE(metrics.text().find(expected), std::string::npos) << expected;
    }
}

TEST(MetricsTest, NothingOfVrrpWithoutAnInstance) {
    Metrics metrics;
    Snapshot snapshot = example();
    snapshot.vrrp.instances.clear();
    metrics.publish(snapshot);
    EXPECT_EQ(metrics.text().find("vrrp"), std::string::npos);
}

TEST(MetricsTest, NothingOfSyncWithoutIt) {
    Metrics metrics;
    Snapshot snapshot = example();
    snapshot.sync = {};
    metrics.publish(snapshot);
    EXPECT_EQ(metrics.text().find("sync"), std::string::npos);
}

TEST(MetricsTest, NothingOfObservedHealthWhenItIsOff) {
    Metrics metrics;
    Snapshot snapshot = example();
    snapshot.observed = {};
    metrics.publish(snapshot);
    EXPECT_EQ(metrics.text().find("director_health_"), std::string::npos);
}

// One row of everything: more services than may have series of their own.
TEST(MetricsTest, AllThatIsObservedMayBeOneSum) {
    Metrics metrics;
    Snapshot snapshot = example();
    snapshot.observed.rows.resize(1);
    snapshot.observed.rows[0].protocol.clear();
    metrics.publish(snapshot);
    for (const char* const line : {"\ndirector_health_scans_total 84\n",
                                   "\ndirector_health_packets_total{side=\"client\"} 85\n"}) {
        EXPECT_NE(metrics.text().find(line), std::string::npos) << line;
    }
}

TEST(MetricsTest, PageIsEmptyBeforeTheFirstSnapshot) {
    EXPECT_EQ(Metrics().text(), "");
}

// The loopback address of the family.
std::string scrape(int port, int family = AF_INET, const std::string& path = "/metrics") {
    const int client = socket(family, SOCK_STREAM, 0);
    sockaddr_in ipv4{};
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = htons(static_cast<uint16_t>(port));
    ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 ipv6{};
    ipv6.sin6_family = AF_INET6;
    ipv6.sin6_port = ipv4.sin_port;
    ipv6.sin6_addr = in6addr_loopback;
    const bool is_ipv4 = family == AF_INET;
    const auto* const address = is_ipv4 ? reinterpret_cast<const sockaddr*>(&ipv4)
                                        : reinterpret_cast<const sockaddr*>(&ipv6);
    std::string answer;
    if (connect(client, address, is_ipv4 ? sizeof ipv4 : sizeof ipv6) == 0) {
        const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
        EXPECT_EQ(send(client, request.data(), request.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(request.size()));
        char bytes[4096];
        ssize_t count = 0;
        while ((count = recv(client, bytes, sizeof(bytes), 0)) > 0) {
            answer.append(bytes, static_cast<size_t>(count));
        }
    }
    close(client);
    return answer;
}

TEST(MetricsTest, AnswersHttpWithTheLatestSnapshot) {
    Metrics metrics;
    ASSERT_TRUE(metrics.listen("127.0.0.1:0").has_value());
    Snapshot snapshot = example();
    metrics.publish(snapshot);
    EXPECT_NE(scrape(metrics.port()).find("\ndirector_connections 3\n"), std::string::npos);
    snapshot.status.connections = 4;
    metrics.publish(snapshot);
    EXPECT_NE(scrape(metrics.port()).find("\ndirector_connections 4\n"), std::string::npos);
}

TEST(MetricsTest, AnswersOnIpv6) {
    Metrics metrics;
    ASSERT_TRUE(metrics.listen("[::1]:0").has_value());
    metrics.publish(example());
    EXPECT_NE(scrape(metrics.port(), AF_INET6).find("\ndirector_connections 3\n"),
              std::string::npos);
    EXPECT_EQ(scrape(metrics.port(), AF_INET), "");
}

TEST(MetricsTest, AnswersBothFamiliesOnTheIpv6Wildcard) {
    Metrics metrics;
    ASSERT_TRUE(metrics.listen("[::]:0").has_value());
    metrics.publish(example());
    for (const int family : {AF_INET, AF_INET6}) {
        EXPECT_NE(scrape(metrics.port(), family).find("\ndirector_connections 3\n"),
                  std::string::npos);
    }
}

TEST(MetricsTest, SaysWhatKindOfPageItIsAndThatThereIsNoOther) {
    Metrics metrics;
    ASSERT_TRUE(metrics.listen("127.0.0.1:0").has_value());
    metrics.publish(example());
    const std::string page = scrape(metrics.port());
    EXPECT_EQ(page.find("HTTP/1.1 200 "), 0U) << page.substr(0, 40);
    EXPECT_NE(page.find("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
              std::string::npos);
    EXPECT_EQ(scrape(metrics.port(), AF_INET, "/other").find("HTTP/1.1 404 "), 0U);
}

TEST(MetricsTest, StatusPageAllowsItsOwnScriptAndNothingElse) {
    Metrics metrics;
    ASSERT_TRUE(metrics.listen("127.0.0.1:0").has_value());
    const std::string page = scrape(metrics.port(), AF_INET, "/");
    EXPECT_EQ(page.find("HTTP/1.1 200 "), 0U) << page.substr(0, 40);
    for (const char* const header :
         {"Content-Type: text/html; charset=utf-8\r\n",
          "Content-Security-Policy: default-src 'none'; script-src 'sha256-",
          "X-Content-Type-Options: nosniff\r\n",
          "X-Frame-Options: DENY\r\n"}) {
        EXPECT_NE(page.find(header), std::string::npos) << header;
    }
    const std::string body = page.substr(page.find("\r\n\r\n"));
    for (const char* const outside : {"https://", "<link", " src=", "@import", "url("}) {
        EXPECT_EQ(body.find(outside), std::string::npos) << outside;
    }
}

TEST(MetricsTest, StatusPageReadsWhatIsPublished) {
    Metrics metrics;
    ASSERT_TRUE(metrics.listen("127.0.0.1:0").has_value());
    EXPECT_NE(scrape(metrics.port(), AF_INET, "/status.json").find("\"services_total\":0"),
              std::string::npos);
    Snapshot snapshot = example();
    snapshot.events.emplace_back();
    snapshot.events.back().message = "10.0.0.2:80 is down";
    metrics.publish(snapshot);
    std::string answer = scrape(metrics.port(), AF_INET, "/status.json");
    EXPECT_NE(answer.find("Content-Type: application/json\r\n"), std::string::npos);
    for (const char* const part : {"\"services_total\":4",
                                   "\"name\":\"VI_1\"",
                                   "\"name\":\"no_route\"",
                                   "advertised a zero window 12 times in 60 s\"",
                                   "\"verdicts_in_all\":2",
                                   "\"missed\":189",
                                   "\"message\":\"10.0.0.2:80 is down\""}) {
        EXPECT_NE(answer.find(part), std::string::npos) << part;
    }
    EXPECT_EQ(answer.find("truncated"), std::string::npos) << "a reason that never occurred";
    snapshot.services.services.resize(1000, snapshot.services.services.front());
    metrics.publish(snapshot);
    EXPECT_LT(scrape(metrics.port(), AF_INET, "/status.json").size(), 400000U);
}

TEST(MetricsTest, SaysWhyItCannotListen) {
    Metrics first;
    ASSERT_TRUE(first.listen("127.0.0.1:0").has_value());
    Metrics second;
    const auto result = second.listen("127.0.0.1:" + std::to_string(first.port()));
    ASSERT_FALSE(result.has_value());
    EXPECT_NE(result.error().message.find("metrics on 127.0.0.1:"), std::string::npos);
    EXPECT_FALSE(Metrics().listen("nonsense").has_value());
}

}  // namespace
}  // namespace director::metrics
