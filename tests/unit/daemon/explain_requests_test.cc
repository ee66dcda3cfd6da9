// "explain" from its JSON to the answer, around three real workers; that the answer is what happens
// to the packet: tests/unit/core/explain_test.cc.
#include "controlplane/daemon/explain_requests.h"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include "tests/unit/daemon/daemon_lab.h"

namespace director::daemon {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the laboratory
using Json = nlohmann::json;

class ExplainRequestsTest : public testing::Test {
  protected:
    ExplainRequestsTest() {
        table_.add({server::kExplain, [this](const Json& params, const server::Reply& reply) {
                        requests_.answer(params, reply);
                    }});
        config::VirtualService persistent = service_at(81, {machine(107), machine(108)});
        persistent.persistence.timeout = 300;
        config::VirtualService weights = service_at(82, {machine(107, 0), machine(108, 3)});
        weights.scheduler = "wlc";
        lab_.apply(model_of({service_at(80, {machine(107), machine(108)}), persistent, weights}));
    }

    Json ask(const Json& params) {
        const Json call = {
            {"jsonrpc", "2.0"}, {"id", 1}, {"method", "explain"}, {"params", params}};
        Json answer;
        table_.dispatch(call.dump(), [&](const std::string& text) { answer = Json::parse(text); });
        lab_.settle();
        lab_.settle();
        return answer;
    }
    server::ExplainView view(const Json& params) {
        const Json answer = ask(params);
        EXPECT_TRUE(answer.contains("result")) << answer;
        return answer.value("result", Json::object()).get<server::ExplainView>();
    }
    static std::string client(uint16_t port) { return "198.51.100.7:" + std::to_string(port); }
    static bool has_step(const server::ExplainView& view, std::string_view name, bool is_good) {
        return std::any_of(view.steps.begin(), view.steps.end(), [&](const auto& step) {
            return step.name == name && step.is_good == is_good;
        });
    }

    DaemonLab lab_{{.workers = 3}};
    std::string vrrp_state_ = "MASTER";
    ExplainRequests requests_{
        {.fleet = lab_.fleet,
         .catalogue = lab_.services.catalogue(),
         .vrrp =
             [this] {
                 server::VrrpView vrrp;
                 auto& instance = vrrp.instances.emplace_back();
                 instance.name = "VI_1";
                 instance.state = vrrp_state_;
                 instance.addresses = {"170.210.122.104/25"};
                 return vrrp;
             },
         .interface_name = [](dataplane::InterfaceId) { return std::string("outside"); },
         .is_interface_up = [](const std::string& name) -> std::optional<bool> {
             return name == "outside" ? std::optional(true) : std::nullopt;
         }}};
    server::RequestTable table_;
};

TEST_F(ExplainRequestsTest, ANewClientsServerAndWhy) {
    const auto answer = view({{"virtual", "170.210.122.104:82"}, {"client", client(5000)}});
    ASSERT_TRUE(answer.service);
    EXPECT_EQ(answer.service->name, "TCP 170.210.122.104:82");
    EXPECT_EQ(answer.service->scheduler, "wlc");
    ASSERT_TRUE(answer.server);
    EXPECT_EQ(answer.server->address, "192.168.0.108");
    EXPECT_EQ(answer.server->chosen_by, "scheduler");
    EXPECT_EQ(answer.server->forwarding, "nat");
    ASSERT_EQ(answer.candidates.size(), 2U);
    for (const auto& candidate : answer.candidates) {
        EXPECT_EQ(candidate.note, candidate.address == "192.168.0.108" ? "chosen" : "weight 0");
    }
    EXPECT_FALSE(answer.connection);
    EXPECT_TRUE(has_step(answer, "scheduler", true));
    // The laboratory's workers have no routes.
    EXPECT_EQ(answer.verdict, "drop");
    EXPECT_EQ(answer.reason, "no_route");
    EXPECT_EQ(answer.question.source, client(5000));
    EXPECT_EQ(answer.question.direction, "in");
}

TEST_F(ExplainRequestsTest, AskingIsAnsweredByTheOwnerAndMovesNothingOn) {
    std::set<uint32_t> workers;
    for (uint16_t port = 5000; port < 5020; ++port) {
        const auto first = view({{"virtual", "170.210.122.104:80"}, {"client", client(port)}});
        const auto again = view({{"virtual", "170.210.122.104:80"}, {"client", client(port)}});
        ASSERT_TRUE(first.server && again.server);
        EXPECT_EQ(first.server->address, again.server->address);
        workers.insert(first.worker);
        lab_.connect(port, 1);
        const auto now = view({{"virtual", "170.210.122.104:80"}, {"client", client(port)}});
        ASSERT_TRUE(now.connection) << port;
        ASSERT_TRUE(now.server);
        EXPECT_EQ(now.server->address, first.server->address);
        EXPECT_EQ(now.server->chosen_by, "connection");
        EXPECT_EQ(now.connection->state, "SYN_RECV");
        EXPECT_EQ(now.connection->virtual_service, "170.210.122.104:80");
    }
    EXPECT_EQ(workers.size(), 3U);
}

TEST_F(ExplainRequestsTest, ATemplateSpeaksBeforeTheScheduler) {
    lab_.connect(6000, 1, 81);
    const auto answer = view({{"virtual", "170.210.122.104:81"}, {"client", client(6001)}});
    ASSERT_TRUE(answer.server);
    EXPECT_EQ(answer.server->chosen_by, "template");
    EXPECT_TRUE(has_step(answer, "persistence", true));
}

TEST_F(ExplainRequestsTest, AnAddressAloneListsItsServices) {
    const auto answer = view({{"virtual", "170.210.122.104"}});
    EXPECT_EQ(answer.services.size(), 3U);
    EXPECT_EQ(answer.verdict, "");
    EXPECT_TRUE(view({{"virtual", "192.0.2.77"}}).services.empty());
}

TEST_F(ExplainRequestsTest, WhoIsNotMasterSaysSo) {
    vrrp_state_ = "BACKUP";
    const auto answer = view({{"virtual", "170.210.122.104:80"}});
    ASSERT_TRUE(answer.vrrp);
    EXPECT_EQ(answer.vrrp->state, "BACKUP");
    EXPECT_TRUE(has_step(answer, "vrrp", false));
    EXPECT_NE(answer.summary.find("VI_1 is BACKUP"), std::string::npos);
}

TEST_F(ExplainRequestsTest, WhatIsNoServicesSaysSo) {
    const auto answer = view({{"virtual", "170.210.122.104:99"}, {"protocol", "udp"}});
    EXPECT_FALSE(answer.service);
    EXPECT_FALSE(answer.server);
    EXPECT_TRUE(answer.candidates.empty());
}

TEST_F(ExplainRequestsTest, WrongQuestions) {
    const Json wrong[] = {Json::object(),
                          {{"virtual", 80}},
                          {{"virtual", "web"}},
                          {{"virtual", "192.0.2.1:80"}, {"client", "198.51.100.7"}},
                          {{"virtual", "192.0.2.1:80"}, {"protocol", "icmp"}},
                          {{"virtual", "192.0.2.1:80"}, {"direction", "out"}},
                          {{"virtual", "192.0.2.1:80"}, {"direction", "up"}},
                          {{"virtual", "192.0.2.1:80"}, {"client", "[2001:db8::1]:1"}},
                          {{"virtual", "192.0.2.1:80"}, {"interface", "absent"}}};
    for (const Json& params : wrong) {
        EXPECT_EQ(ask(params)["error"]["code"], -32602) << params;
    }
}

}  // namespace
}  // namespace director::daemon
