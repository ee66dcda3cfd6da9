// What happens becomes one event each, in words that docs/control-socket.md promises.
#include "controlplane/daemon/happenings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/daemon/daemon_lab.h"

namespace director::daemon {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the laboratory
using testing::ElementsAre;

class HappeningsTest : public testing::Test {
  protected:
    // "topic name subject", since the last call.
    std::vector<std::string> heard() {
        std::vector<std::string> lines;
        last_ = stream_.read(next_, 1000, server::TopicSet::all());
        next_ = last_.next;
        for (const server::EventView& event : last_.events) {
            lines.push_back(event.topic + " " + event.name + " " + event.subject);
        }
        return lines;
    }

    uint64_t next_ = 1;
    server::EventsView last_;
    server::EventStream stream_{[] { return uint64_t{0}; }};
    Happenings happenings_{stream_};
};

TEST_F(HappeningsTest, VrrpTellsStatesAndWhy) {
    happenings_.vrrp({.kind = vrrp::EventKind::kState,
                      .name = "VI_1",
                      .state = vrrp::State::kMaster,
                      .before = vrrp::State::kBackup,
                      .text = "the master is silent"});
    happenings_.vrrp({.kind = vrrp::EventKind::kRefused, .name = "VI_1", .text = ""});
    EXPECT_THAT(heard(), ElementsAre("vrrp state VI_1"));
    const auto& data = last_.events.at(0).data;
    EXPECT_EQ(data.at("from"), "BACKUP");
    EXPECT_EQ(data.at("to"), "MASTER");
    EXPECT_EQ(data.at("why"), "the master is silent");
}

TEST_F(HappeningsTest, HealthTellsServersAndServices) {
    using healthcheck::EventKind;
    const dataplane::ServiceKey service{nat_lab::kVip, Be16::from_host(80), Protocol::kTcp};
    const auto tell = [&](EventKind kind, bool is_sorry = false) {
        healthcheck::Event event;
        event.kind = kind;
        event.server = machine(107).endpoint;
        event.is_sorry_server = is_sorry;
        happenings_.health(event, service);
    };
    tell(EventKind::kServerDown);
    tell(EventKind::kTable);
    tell(EventKind::kTable, true);
    tell(EventKind::kQuorumLost);
    tell(EventKind::kProbeFailed);
    EXPECT_THAT(heard(),
                ElementsAre("server down 192.168.0.107:80",
                            "server table 192.168.0.107:80",
                            "service sorry-server TCP 170.210.122.104:80",
                            "service quorum-lost TCP 170.210.122.104:80"));
    EXPECT_EQ(last_.events.at(0).data.at("service"), "TCP 170.210.122.104:80");
}

TEST_F(HappeningsTest, AChangeTellsWhatCameAndWent) {
    const config::Model before =
        model_of({service_at(80, {machine(107), machine(108)}), service_at(81, {machine(107)})});
    config::Model after = model_of({service_at(79, {}),
                                    service_at(80, {machine(108), machine(109)}),
                                    service_at(82, {machine(107)})});
    after.virtual_services[1].real_servers[0].weight = 5;  // stays, with another weight
    happenings_.changed(before, after);
    EXPECT_THAT(heard(),
                testing::UnorderedElementsAre("service added TCP 170.210.122.104:79",
                                              "server removed 192.168.0.107:80",
                                              "server added 192.168.0.109:80",
                                              "service added TCP 170.210.122.104:82",
                                              "server added 192.168.0.107:80",
                                              "service removed TCP 170.210.122.104:81"));
    happenings_.changed(after, after);
    EXPECT_THAT(heard(), ElementsAre());
}

TEST_F(HappeningsTest, ALargeChangeIsToldInShort) {
    std::vector<config::VirtualService> services;
    for (uint16_t port = 1; port <= 900; ++port) {
        services.push_back(service_at(port, {}));
    }
    happenings_.changed({}, model_of(services));
    const auto lines = heard();
    EXPECT_EQ(lines.size(), Happenings::kToldPerChange + 1);
    EXPECT_EQ(last_.events.back().data.at("count"), "400");
}

TEST_F(HappeningsTest, StatesAreToldWhenTheyChange) {
    happenings_.attacks({"TCP 192.0.2.1:80"});
    happenings_.attacks({"TCP 192.0.2.1:80"});
    happenings_.attacks({});
    happenings_.interface("outside", true);
    happenings_.interface("outside", false);
    happenings_.interface("outside", false);
    EXPECT_THAT(
        heard(),
        ElementsAre(
            "attack on TCP 192.0.2.1:80", "attack off TCP 192.0.2.1:80", "interface down outside"));
}

TEST_F(HappeningsTest, ADrainHasABeginningAndAnEnd) {
    server::DrainView drain{"TCP 192.0.2.1:80", "10.0.0.1:80", 3, -1};
    happenings_.drains_asked({drain}, 1000);
    EXPECT_THAT(heard(), ElementsAre("drain begun 10.0.0.1:80"));
    EXPECT_EQ(last_.events.at(0).data.at("uid"), "1000");
    happenings_.drains({drain});
    EXPECT_THAT(heard(), ElementsAre());
    drain.connections = 0;
    happenings_.drains({drain});
    happenings_.drains({drain});
    EXPECT_THAT(heard(), ElementsAre("drain done 10.0.0.1:80"));
    happenings_.drains({});
    EXPECT_THAT(heard(), ElementsAre("drain cancelled 10.0.0.1:80"));
}

TEST_F(HappeningsTest, ConfigurationsSayWhoAndWhatCameOfIt) {
    happenings_.config({.name = "reload", .subject = "/etc/director.conf", .uid = {}},
                       std::string("1 services set"));
    happenings_.config({.name = "apply", .subject = "", .uid = 1000}, failure("line 3: no"));
    EXPECT_THAT(heard(), ElementsAre("config reload /etc/director.conf", "config refused "));
    EXPECT_EQ(last_.events.at(0).data.at("uid"), "");
    EXPECT_EQ(last_.events.at(1).data.at("what"), "apply");
    EXPECT_EQ(last_.events.at(1).data.at("error"), "line 3: no");
    EXPECT_EQ(last_.events.at(1).data.at("uid"), "1000");
}

TEST_F(HappeningsTest, ATwinIsHeardAndSilent) {
    std::vector<server::SyncPeerView> peers(1);
    peers[0].address = "10.9.0.2";
    peers[0].heard_ms_ago = 400;
    happenings_.peers(peers);
    happenings_.peers(peers);
    peers[0].heard_ms_ago = 9000;
    happenings_.peers(peers);
    EXPECT_THAT(heard(), ElementsAre("sync peer-heard 10.9.0.2", "sync peer-silent 10.9.0.2"));
}

}  // namespace
}  // namespace director::daemon
