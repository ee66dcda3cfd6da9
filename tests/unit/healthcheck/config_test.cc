// Validation says what is wrong and what was expected; timing inherits as keepalived's does.
#include "healthcheck/config.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/healthcheck/monitor_lab.h"

namespace director::healthcheck::test {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

Settings good() {
    Settings settings;
    settings.services = {service_of({tcp_server("10.0.0.1:80")})};
    return settings;
}

std::vector<std::string> texts(const Settings& settings) {
    std::vector<std::string> texts;
    for (const Finding& finding : validate(settings)) {
        texts.push_back((finding.weight == Finding::Weight::kWarning ? "warning: " : "") +
                        finding.where + ": " + finding.text);
    }
    return texts;
}

template <typename Sort>
std::vector<std::string> texts_of_check(Sort sort) {
    Settings settings = good();
    settings.services[0].servers[0].checks[0].sort = std::move(sort);
    return texts(settings);
}

constexpr const char* kCheck = "[192.0.2.1]:tcp:80 real server 10.0.0.1:80 check 1 ";

TEST(Validate, TakesWhatIsRight) {
    EXPECT_THAT(texts(good()), IsEmpty());
    EXPECT_THAT(texts_of_check(HttpCheck()), IsEmpty());
    EXPECT_THAT(texts_of_check(DnsCheck()), IsEmpty());
    EXPECT_THAT(texts_of_check(SmtpCheck()), IsEmpty());
    EXPECT_THAT(texts_of_check(UdpCheck()), IsEmpty());
    EXPECT_THAT(texts_of_check(PassiveCheck()), IsEmpty());
}

TEST(Validate, Services) {
    Settings settings = good();
    settings.services.push_back(settings.services[0]);
    settings.services[0].quorum = 5;
    settings.services[0].hysteresis = 5;
    settings.services[1].servers.push_back(settings.services[1].servers[0]);
    EXPECT_THAT(
        texts(settings),
        ElementsAre(
            "warning: [192.0.2.1]:tcp:80: quorum 5 is above the sum of all weights: 1 counts",
            "[192.0.2.1]:tcp:80: hysteresis 5: expected less than the quorum, which is 5",
            "[192.0.2.1]:tcp:80: real server 10.0.0.1:80 is there twice: expected once",
            "[192.0.2.1]:tcp:80: two services have this name: expected each to have its own"));
}

TEST(Validate, TimingAndTarget) {
    Settings settings = good();
    CheckSettings& check = settings.services[0].servers[0].checks[0];
    check.timing.interval = Duration::zero();
    check.timing.rise = 0;
    check.target.to.port = Be16();
    check.target.source = IpAddress();
    check.target.interface = "a-name-of-16-cha";
    const std::string where = std::string(kCheck) + "(tcp): ";
    EXPECT_THAT(
        texts(settings),
        ElementsAre(where + "interval is 0: expected more, the time from one probe to the next",
                    where + "rise is 0: expected 1 or more passed rounds",
                    where + "port is 0: expected 1..65535, the server's or `connect_port`",
                    where + "source address and server are of different families: expected both "
                            "IPv4 or both IPv6",
                    where + "interface \"a-name-of-16-cha\": expected a name of at most 15 "
                            "characters"));
}

TEST(Validate, Sorts) {
    HttpCheck http;
    http.urls[0].path = "x\r\nHost: y";
    http.urls[0].digest = "12";
    http.urls[0].status = {{300, 200}};
    http.urls[0].body.pattern = "(";
    const std::string where = std::string(kCheck) + "(http): ";
    EXPECT_THAT(
        texts_of_check(http),
        ElementsAre(where + "path \"x\r\nHost: y\": expected one that begins with / and has "
                            "no spaces",
                    where + "digest \"12\": expected 32 hexadecimal digits",
                    where + "status codes 300-200: expected a range within 100-999",
                    where + "regex \"(\": expected a PCRE2 pattern, but missing closing "
                            "parenthesis at character 2"));
    DnsCheck dns;
    dns.name = "a..b";
    EXPECT_THAT(
        texts_of_check(dns),
        ElementsAre(std::string(kCheck) + "(dns): name \"a..b\": expected labels of 1 to 63 "
                                          "characters between the dots"));
    ScriptCheck script;
    script.command = program("check.sh");
    EXPECT_THAT(texts_of_check(script),
                ElementsAre(std::string(kCheck) + "(script): script \"check.sh\": expected the "
                                                  "absolute path of a program"));
    PassiveCheck passive;
    passive.unanswered_percent = 0;
    passive.reset_percent = 0;
    EXPECT_THAT(texts_of_check(passive),
                ElementsAre(std::string(kCheck) + "(passive): looks at neither unanswered SYNs nor "
                                                  "resets: expected a share above 0"));
}

TEST(Validate, SlowStartOfSmallWeights) {
    Settings settings = good();
    settings.services[0].servers[0].slow_start.duration = seconds(30);
    EXPECT_THAT(
        texts(settings),
        ElementsAre("warning: [192.0.2.1]:tcp:80 real server 10.0.0.1:80: slow start has few "
                    "steps or none with weight 1: weights of 10 or more have"));
}

TEST(ResolveTiming, DefaultsAreKeepalived) {
    const Timing tcp = resolve_timing(TcpCheck(), {});
    EXPECT_EQ(tcp.interval, seconds(60));
    EXPECT_EQ(tcp.timeout, seconds(5));
    EXPECT_EQ(tcp.retries, 1U);
    EXPECT_EQ(tcp.retry_delay, seconds(1));
    EXPECT_EQ(tcp.warm_up, seconds(60));
    EXPECT_EQ(resolve_timing(HttpCheck(), {}).retry_delay, seconds(3));
    EXPECT_EQ(resolve_timing(DnsCheck(), {}).retries, 3U);
    EXPECT_EQ(resolve_timing(DnsCheck(), {}).retry_delay, seconds(60));
    EXPECT_EQ(resolve_timing(ScriptCheck(), {}).retries, 0U);
    EXPECT_EQ(resolve_timing(ScriptCheck(), {}).timeout, seconds(60));
}

TEST(ResolveTiming, TheInnerBlockWins) {
    std::array<TimingWishes, 3> wishes;  // checker, real server, virtual service
    wishes[2].interval = seconds(10);
    wishes[2].retries = 7;
    wishes[1].retries = 2;
    wishes[0].timeout = seconds(1);
    const Timing timing = resolve_timing(TcpCheck(), wishes);
    EXPECT_EQ(timing.interval, seconds(10));
    EXPECT_EQ(timing.warm_up, seconds(10)) << "by default the interval";
    EXPECT_EQ(timing.retries, 2U);
    EXPECT_EQ(timing.timeout, seconds(1));
}

}  // namespace
}  // namespace director::healthcheck::test
