// The answers survive the way through JSON, and tolerate older and newer programs.
#include "controlplane/server/protocol.h"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

namespace director::server {
namespace {

using Json = nlohmann::json;

TEST(ProtocolTest, ServicesRoundTrip) {
    ServiceView service;
    service.protocol = "UDP";
    service.address = "10.0.0.1";
    service.port = 53;
    service.scheduler = "wrr";
    service.is_retired = true;
    service.stats.bytes_out = 0xffffffffffffffffU;
    service.rates.packets_in = 7;
    ServerView server;
    server.address = "10.1.1.4";
    server.rates = {6, 7, 8, 9, 10};
    server.tunnel = "gue:6080:-c";
    server.is_draining = true;
    service.servers.push_back(server);
    const Json json = ServicesView{{service}};
    const auto back = Json::parse(json.dump()).get<ServicesView>();
    ASSERT_EQ(back.services.size(), 1U);
    EXPECT_EQ(Json(back), json);
    EXPECT_EQ(back.services[0].stats.bytes_out, 0xffffffffffffffffU);
    EXPECT_EQ(back.services[0].servers[0].rates.bytes_out, 10U);
}

TEST(ProtocolTest, FieldNamesAreWhatTheDocumentationSays) {
    const auto keys = [](const Json& json) {
        std::string text;
        for (const auto& item : json.items()) {
            text += item.key() + " ";
        }
        return text;
    };
    EXPECT_EQ(keys(StatusView{}),
              "alarms config_file connections connections_max drains full_tables last_reload "
              "memory_kind overloaded packets pid pools ports rates real_servers role servers_up "
              "service_timeouts services services_up timeouts under_attack uptime_seconds version "
              "virtual_addresses virtual_addresses_all vrrp workers ");
    EXPECT_EQ(keys(AlarmView{}), "advice severity what ");
    EXPECT_EQ(keys(RouteView{}), "destination gateway interface kind ");
    EXPECT_EQ(keys(NeighbourView{}), "address interface mac state ");
    EXPECT_EQ(keys(ServiceView{}),
              "address flags half_open is_retired is_under_attack mark one_packet "
              "persistence_prefix persistence_seconds "
              "port protocol rates scheduler servers stats ");
    EXPECT_EQ(keys(ServerView{}),
              "active address forwarding inactive is_draining is_out is_overloaded is_retired "
              "lower_threshold port rates resets stats tunnel unanswered upper_threshold weight ");
    EXPECT_EQ(keys(CheckedServiceView{}),
              "address has_quorum mark port protocol quorum servers sorry_server "
              "sorry_server_is_used ");
    EXPECT_EQ(keys(CheckedServerView{}),
              "address checks is_up passive_is_ignored port state_seconds weight ");
    EXPECT_EQ(keys(CheckView{}),
              "failed is_probing last_failure passed state state_seconds target transitions type "
              "unable weight ");
    EXPECT_EQ(keys(ProbesView{}),
              "checks down failed passed seconds took transitions type unable ");
    EXPECT_EQ(keys(ChecksView{}), "next_cursor probes services waiting ");
    EXPECT_EQ(keys(ConnectionView{}),
              "client_address client_port expires_seconds forwarding idle_seconds is_template "
              "local_address "
              "local_port protocol real_address real_port state virtual_address virtual_port ");
    EXPECT_EQ(keys(VrrpView{}), "groups instances refused trackers ");
    EXPECT_EQ(keys(VrrpInstanceView{}),
              "addresses advert_interval_ms adverts_received adverts_sent became_master "
              "configured_priority excluded_addresses family fault goodbyes_received goodbyes_sent "
              "group interface left_master lower_priority_received master master_down_ms "
              "master_interval_ms name next_ms peers priority refused router_id starved state "
              "transitions version ");
    EXPECT_EQ(keys(VrrpPeerView{}),
              "address advert_interval_ms adverts has_other_addresses heard_ms_ago priority ");
    EXPECT_EQ(keys(VrrpTrackerView{}), "failures kind name runs state streak timeouts value ");
    EXPECT_EQ(keys(DropsView{}),
              "answered cut dropped forwarded handed_in handed_out held punted reasons received "
              "resumed stateless ");
}

TEST(ProtocolTest, VrrpRoundTrips) {
    VrrpView vrrp;
    VrrpInstanceView& instance = vrrp.instances.emplace_back();
    instance.name = "VI_1";
    instance.state = "BACKUP";
    instance.router_id = 51;
    instance.master_down_ms = 3609.375;
    instance.addresses = {"192.168.10.100/24", "192.168.2.100/24 dev inside"};
    instance.peers = {{"192.168.10.1", 150, 413.5, 1000, 7120, true}};
    instance.transitions = {{"BACKUP", 2}, {"MASTER", 1}};
    instance.refused = {{"checksum", 0xffffffffffffffffU}};
    vrrp.groups = {{"VG_1", "BACKUP", {"VI_1", "VI_2"}}};
    vrrp.trackers = {{"upstream", "script", "down", -3, 1, 20, 4, 2}};
    vrrp.refused = {{"ttl", "TTL is not 255", 8}};
    const Json json = vrrp;
    const auto back = Json::parse(json.dump()).get<VrrpView>();
    EXPECT_EQ(Json(back), json);
    ASSERT_EQ(back.instances.size(), 1U);
    EXPECT_EQ(back.instances[0].master_down_ms, 3609.375);
    EXPECT_EQ(back.instances[0].refused.at("checksum"), 0xffffffffffffffffU);
    EXPECT_TRUE(back.instances[0].peers.at(0).has_other_addresses);
    EXPECT_EQ(back.trackers.at(0).value, -3);
}

TEST(ProtocolTest, MissingAndUnknownFieldsAreTolerated) {
    const auto status = Json::parse(R"({"pid": 4, "from_the_future": {"a": 1}})").get<StatusView>();
    EXPECT_EQ(status.pid, 4);
    EXPECT_EQ(status.connections_max, 0U);
}

TEST(ProtocolTest, WrongTypesAreToldNotGuessed) {
    EXPECT_THROW(Json::parse(R"({"pid": "four"})").get<StatusView>(), nlohmann::json::exception);
}

TEST(ProtocolTest, MethodNamesAreUnique) {
    for (size_t i = 0; i < kMethods.size(); ++i) {
        for (size_t j = i + 1; j < kMethods.size(); ++j) {
            EXPECT_NE(kMethods[i].name, kMethods[j].name);
        }
    }
}

}  // namespace
}  // namespace director::server
