// From the configuration's health checks to the library's settings, and from what the library finds
// wrong to a line of the file.
#include "controlplane/daemon/health_settings.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "config/parse.h"

namespace director::daemon {
namespace {

config::Vocabulary vocabulary() {
    config::Vocabulary words;
    words.schedulers = {"rr", "wrr", "sh", "maglev"};
    words.further = find_health_mistakes;
    return words;
}

using namespace std::chrono_literals;

constexpr std::string_view kPort =
    "ports = ( { name = \"p\"; device = \"net_null0\"; addresses = [ \"192.0.2.1/24\" ]; } );\n";

config::ParseResult parse(const std::string& text) {
    return config::parse_text(std::string(kPort) + text, "t.conf", vocabulary());
}

healthcheck::Settings settings_of(const std::string& services) {
    const auto model = parse("virtual_services = ( " + services + " );");
    if (!model) {
        ADD_FAILURE() << to_string(model.error().front());
        return {};
    }
    return health_settings(*model);
}

std::vector<std::string> mistakes_in(const std::string& services) {
    std::vector<std::string> lines;
    if (const auto model = parse("virtual_services = ( " + services + " );"); !model) {
        for (const config::Diagnostic& diagnostic : model.error()) {
            lines.push_back(to_string(diagnostic));
        }
    }
    return lines;
}

TEST(HealthSettings, AServiceWithoutAnythingIsLeftAlone) {
    EXPECT_TRUE(settings_of(R"({ address = "192.0.2.80:80";
                                 real_servers = ( { address = "10.0.0.1:80"; } ); })")
                    .services.empty());
}

TEST(HealthSettings, ServersHaveTheServicesChecksOrTheirOwn) {
    const auto settings = settings_of(R"({ address = "192.0.2.80:80"; alpha = true;
        checks = ( { type = "tcp"; interval = "2s"; timeout = "1s"; retries = 3; },
                   { type = "ping"; } );
        real_servers = (
            { address = "10.0.0.1:8080"; weight = 7; inhibit_on_failure = true; },
            { address = "10.0.0.2:80"; checks = ( { type = "smtp"; address = "10.9.9.9"; port = 25; } );
              notify_down = [ "/bin/mail", "root" ];
              slow_start = { duration = "10s"; first_percent = 50; }; } ); })");
    ASSERT_EQ(settings.services.size(), 1U);
    const auto& service = settings.services[0];
    EXPECT_EQ(service.name, "[192.0.2.80]:tcp:80");
    ASSERT_EQ(service.servers.size(), 2U);
    const auto& first = service.servers[0];
    EXPECT_TRUE(first.alpha && first.inhibit_on_failure);
    EXPECT_EQ(first.weight, 7U);
    ASSERT_EQ(first.checks.size(), 2U);
    EXPECT_EQ(to_string(first.checks[0].target.to), "10.0.0.1:8080");
    EXPECT_EQ(first.checks[0].timing.interval, 2s);
    EXPECT_EQ(first.checks[0].timing.timeout, 1s);
    EXPECT_EQ(first.checks[0].timing.retries, 3U);
    EXPECT_EQ(first.checks[0].timing.warm_up, 2s) << "the interval";
    EXPECT_EQ(to_string(first.checks[1].target.to), "10.0.0.1:0") << "one ping for all ports";
    const auto& second = service.servers[1];
    ASSERT_EQ(second.checks.size(), 1U);
    EXPECT_EQ(to_string(second.checks[0].sort), "smtp");
    EXPECT_EQ(to_string(second.checks[0].target.to), "10.9.9.9:25");
    EXPECT_EQ(second.notify_down.arguments, (std::vector<std::string>{"/bin/mail", "root"}));
    EXPECT_EQ(second.slow_start.duration, 10s);
}

// keepalived's retry and delay_before_retry differ by checker.
TEST(HealthSettings, WhatIsLeftOutIsKeepalivedsByType) {
    const auto timing = [](const std::string& check) {
        const auto settings =
            settings_of(R"({ address = "192.0.2.80:53"; checks = ( { )" + check +
                        R"( } ); real_servers = ( { address = "10.0.0.1:53"; } ); })");
        return settings.services.at(0).servers.at(0).checks.at(0).timing;
    };
    EXPECT_EQ(timing("type = \"tcp\";").retries, 1U);
    EXPECT_EQ(timing("type = \"tcp\";").interval, 60s);
    EXPECT_EQ(timing("type = \"http\";").retry_delay, 3s);
    EXPECT_EQ(timing("type = \"dns\"; interval = \"7s\";").retries, 3U);
    EXPECT_EQ(timing("type = \"dns\"; interval = \"7s\";").retry_delay, 7s);
    EXPECT_EQ(timing("type = \"dns\"; retries = 0;").retries, 0U);
    const std::string script = "type = \"script\"; script = { command = [ \"/bin/true\" ]; };";
    EXPECT_EQ(timing(script).retries, 0U);
    EXPECT_EQ(timing(script).timeout, 60s);
    EXPECT_EQ(timing("type = \"tcp\"; timeout = \"250ms\"; rise = 2; fall = 4;").fall, 4U);
}

TEST(HealthSettings, EveryTypeReachesTheLibrary) {
    const auto settings = settings_of(R"({ address = "192.0.2.80:80"; checks = (
        { type = "http"; http = { host = "a.example"; version = "1.1"; urls = (
            { path = "/x"; status = [ "200", "301-302" ]; digest = "b2c30edb78a4e2888e0b9408961001b1"; },
            { pattern = "^ok"; pattern_options = [ "caseless", "multiline" ];
              pattern_must_match = false; pattern_min_offset = 3; pattern_max_offset = 9; } ); }; },
        { type = "https"; tls = { send_sni = true; sni = "b.example"; verify = true; }; },
        { type = "tls"; tls = { sni = "c.example"; verify = true; }; },
        { type = "udp"; udp = { payload = "00ff"; require_reply = true; reply = "1234"; }; },
        { type = "dns"; dns = { type = "AAAA"; name = "d.example"; }; },
        { type = "script"; script = { command = [ "/bin/x", "y" ]; user = "nobody"; weight = "printed"; }; },
        { type = "passive"; passive = { connections_min = 5; unanswered_percent = 60; hold = "9s"; }; }
        ); real_servers = ( { address = "10.0.0.1:80"; } ); })");
    const auto& checks = settings.services.at(0).servers.at(0).checks;
    ASSERT_EQ(checks.size(), 7U);
    const auto& http = std::get<healthcheck::HttpCheck>(checks[0].sort);
    EXPECT_EQ(http.host, "a.example");
    EXPECT_EQ(http.version, healthcheck::HttpVersion::k11);
    EXPECT_FALSE(http.tls);
    ASSERT_EQ(http.urls.size(), 2U);
    EXPECT_EQ(http.urls[0].status.at(1), (healthcheck::StatusRange{301, 302}));
    EXPECT_EQ(http.urls[1].path, "/");
    EXPECT_FALSE(http.urls[1].body.must_match);
    EXPECT_NE(http.urls[1].body.options, 0U);
    EXPECT_EQ(http.urls[1].body.max_offset, 9U);
    const auto& https = std::get<healthcheck::HttpCheck>(checks[1].sort);
    EXPECT_TRUE(https.tls && https.send_sni && https.verify);
    EXPECT_EQ(https.urls.size(), 1U) << "without urls: / alone";
    EXPECT_EQ(std::get<healthcheck::TlsCheck>(checks[2].sort).sni, "c.example");
    const auto& udp = std::get<healthcheck::UdpCheck>(checks[3].sort);
    EXPECT_EQ(udp.payload, (std::vector<uint8_t>{0, 255}));
    EXPECT_EQ(udp.reply_mask, (std::vector<uint8_t>{255, 255})) << "left out: every bit";
    EXPECT_EQ(std::get<healthcheck::DnsCheck>(checks[4].sort).type, 28);
    const auto& script = std::get<healthcheck::ScriptCheck>(checks[5].sort);
    EXPECT_EQ(script.command.user, "nobody");
    EXPECT_EQ(script.weight, healthcheck::ScriptWeight::kPrinted);
    EXPECT_EQ(std::get<healthcheck::PassiveCheck>(checks[6].sort).hold, 9s);
}

TEST(HealthSettings, ServiceItself) {
    const auto settings = settings_of(R"({ mark = 3;
        match = ( { addresses = "2001:db8::1"; ports = "80"; } ); omega = true;
        quorum = 4; quorum_hysteresis = 2; quorum_up = [ "/bin/up" ]; quorum_down = [ "/bin/down" ];
        passive_share_max_percent = 20;
        sorry_server = { address = "[2001:db8::9]:0"; weight = 5; inhibit = true; };
        real_servers = ( { address = "[2001:db8::2]:0"; weight = 9; } ); })");
    ASSERT_EQ(settings.services.size(), 1U);
    const auto& service = settings.services[0];
    EXPECT_EQ(service.name, "FWM 3 IPv6");
    EXPECT_TRUE(service.omega);
    EXPECT_EQ(service.quorum, 4U);
    EXPECT_EQ(service.hysteresis, 2U);
    EXPECT_EQ(service.quorum_up.arguments, std::vector<std::string>{"/bin/up"});
    EXPECT_EQ(service.passive_share_max_percent, 20U);
    ASSERT_TRUE(service.sorry_server);
    EXPECT_TRUE(service.sorry_server->inhibit);
    EXPECT_EQ(service.sorry_server->weight, 5U);
}

TEST(HealthSettings, ChecksThroughTheForwardingMethodGoToTheVirtualAddress) {
    const std::string services = R"({ address = "192.0.2.80:80";
        checks = ( { type = "tcp"; through_forwarding = true; },
                   { type = "ping"; through_forwarding = true; source = "192.0.2.7"; },
                   { type = "tcp"; } );
        real_servers = (
            { address = "10.0.0.1:80"; forwarding = "direct"; },
            { address = "10.0.0.2:80"; forwarding = "tunnel"; tunnel = { type = "gre"; }; },
            { address = "10.0.0.3:8080"; } ); })";
    const auto settings = settings_of(services);
    const auto& servers = settings.services.at(0).servers;
    const auto target = [&servers](size_t server, size_t check) {
        return servers.at(server).checks.at(check).target;
    };
    EXPECT_EQ(to_string(target(0, 0).to), "192.0.2.80:80");
    EXPECT_EQ(to_string(target(0, 1).to), "192.0.2.80:0");
    EXPECT_FALSE(target(0, 1).source) << "the path has it";
    EXPECT_EQ(to_string(target(0, 2).to), "10.0.0.1:80");
    EXPECT_EQ(target(0, 2).path, 0U);
    EXPECT_EQ(to_string(target(2, 0).to), "10.0.0.3:8080") << "NAT: just a plain one";
    EXPECT_EQ(target(2, 0).path, 0U);

    const auto paths = health_paths(*parse("virtual_services = ( " + services + " );"));
    ASSERT_EQ(paths.size(), 4U) << "two checks, by two servers";
    EXPECT_EQ(number_of(paths[0]), target(0, 0).path);
    EXPECT_EQ(number_of(paths[1]), target(0, 1).path);
    EXPECT_EQ(number_of(paths[2]), target(1, 0).path);
    EXPECT_EQ(to_string(paths[0].virtual_address), "192.0.2.80");
    EXPECT_EQ(to_string(paths[0].server), "10.0.0.1");
    EXPECT_EQ(paths[0].forwarding, dataplane::ForwardingMethod::kDirect);
    EXPECT_EQ(paths[1].source, IpAddress::parse("192.0.2.7"));
    EXPECT_EQ(paths[2].tunnel.kind, dataplane::TunnelKind::kGre);
}

TEST(HealthMistakes, ThroughTheForwardingMethodWantsAnAnswer) {
    const auto lines = mistakes_in(R"({ mark = 3; match = ( { addresses = "192.0.2.80"; } );
 checks = ( { type = "udp"; through_forwarding = true; mark = 2; port = 53; address = "192.0.2.80"; },
  { type = "script"; through_forwarding = true; script = { command = [ "/bin/true" ]; }; },
  { type = "tcp"; port = 80; through_forwarding = true; } );
 real_servers = ( { address = "10.0.0.1:0"; forwarding = "direct"; } ); })");
    ASSERT_EQ(lines.size(), 4U) << testing::PrintToString(lines);
    const std::string at = "virtual_services[0].checks[";
    EXPECT_EQ(lines[0],
              "t.conf:3: " + at +
                  "0].through_forwarding: no answer tells nothing: expected "
                  "udp.require_reply = true");
    EXPECT_NE(lines[1].find("expected no interface, mark, source_port"), std::string::npos);
    EXPECT_NE(lines[2].find("expected another type"), std::string::npos) << lines[2];
    EXPECT_EQ(lines[3],
              "t.conf:5: " + at + "2]: no address to probe: expected the server's or `connect_ip`")
        << "a service by match rules has no address of its own";
}

TEST(HealthMistakes, HaveTheLineOfTheirCheck) {
    EXPECT_EQ(mistakes_in(R"({ address = "192.0.2.80:80";
 checks = ( { type = "tcp"; },
  { type = "http"; http = { urls = ( { digest = "12"; } ); }; } );
 real_servers = ( { address = "10.0.0.1:80"; },
  { address = "10.0.0.2:80"; },
  { address = "10.0.0.3:80"; notify_up = [ "mail" ]; checks = (
   { type = "script"; } ); } ); })"),
              (std::vector<std::string>{
                  "t.conf:4: virtual_services[0].checks[1]: digest \"12\": expected 32 hexadecimal "
                  "digits",
                  "t.conf:7: virtual_services[0].real_servers[2]: notify_up \"mail\": expected the "
                  "absolute path of a program",
                  "t.conf:8: virtual_services[0].real_servers[2].checks[0]: no script: expected a "
                  "program's path"}));
}

TEST(HealthMistakes, PatternsAndTimesAreLookedAt) {
    const auto lines = mistakes_in(R"({ address = "192.0.2.80:80"; quorum_down = [ "x" ];
 checks = ( { type = "http"; interval = "0s"; http = { urls = ( { pattern = "("; } ); }; } );
 real_servers = ( { address = "10.0.0.1:80"; } ); })");
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_TRUE(lines[0].starts_with("t.conf:2: virtual_services[0]: quorum_down \"x\""))
        << lines[0];
    EXPECT_NE(lines[1].find("interval is 0"), std::string::npos) << lines[1];
    EXPECT_NE(lines[2].find("expected a PCRE2 pattern"), std::string::npos) << lines[2];
}

TEST(HealthMistakes, PassiveChecksWantWhatTheWorkersCount) {
    EXPECT_EQ(
        mistakes_in(R"({ address = "192.0.2.80:53"; protocol = "udp";
 checks = ( { type = "passive"; passive = { reset_percent = 5; }; } );
 real_servers = ( { address = "10.0.0.1:53"; }, { address = "10.0.0.2:53"; },
  { address = "10.0.0.3:53"; forwarding = "direct"; } ); })"),
        (std::vector<std::string>{
            "t.conf:3: virtual_services[0].checks[0]: a passive check needs a service of TCP: "
            "it goes by handshakes",
            "t.conf:3: virtual_services[0].checks[0]: a passive check needs forwarding "
            "\"nat\" or \"full-nat\": other servers' answers go past the director"}));
}

TEST(HealthWarnings, TellOfAQuorumThatCannotBe) {
    const auto warnings = health_warnings(settings_of(R"({ address = "192.0.2.80:80"; quorum = 5;
        real_servers = ( { address = "10.0.0.1:80"; } ); })"));
    ASSERT_EQ(warnings.size(), 1U);
    EXPECT_TRUE(warnings[0].starts_with("[192.0.2.80]:tcp:80: quorum 5")) << warnings[0];
}

// The parser of the daemon judges the examples as the daemon would.
TEST(HealthMistakes, ExamplesHaveNone) {
    const auto examples = std::filesystem::path(DIRECTOR_SOURCE) / "config/examples";
    for (const auto& entry : std::filesystem::directory_iterator(examples)) {
        const auto model = config::parse_file(entry.path().string(), vocabulary());
        EXPECT_TRUE(model) << entry.path() << ": "
                           << (model ? "" : to_string(model.error().front()));
    }
}

}  // namespace
}  // namespace director::daemon
