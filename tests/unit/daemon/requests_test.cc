// Requests of the control socket, from their JSON to the answer, around real workers: "drain",
// "undrain" and "connections". JSON-RPC itself: tests/unit/server.
#include <map>
#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include "controlplane/daemon/connection_pages.h"
#include "controlplane/daemon/drain_requests.h"
#include "tests/unit/daemon/daemon_lab.h"

namespace director::daemon {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the laboratory
using Json = nlohmann::json;

class RequestsTest : public testing::Test {
  protected:
    RequestsTest() {
        table_.add({server::kDrain, [this](const Json& params, const server::Reply& reply) {
                        drains_.drain(params, reply);
                    }});
        table_.add({server::kUndrain, [this](const Json& params, const server::Reply& reply) {
                        drains_.undrain(params, reply);
                    }});
        table_.add({server::kConnections, [this](const Json& params, const server::Reply& reply) {
                        pages_.answer(params, reply);
                    }});
        config::VirtualService persistent = service_at(81, {machine(107), machine(108)});
        persistent.persistence.timeout = 300;
        lab_.apply(model_of({service_at(80, {machine(107), machine(108)}), persistent}));
    }

    // The whole answer.
    Json ask(const server::MethodText& method, const Json& params) {
        const Json call = {
            {"jsonrpc", "2.0"}, {"id", 1}, {"method", method.name}, {"params", params}};
        Json answer;
        table_.dispatch(call.dump(), [&](const std::string& text) { answer = Json::parse(text); });
        lab_.settle();
        return answer;
    }
    std::string refusal(const server::MethodText& method, const Json& params) {
        const Json answer = ask(method, params);
        return answer.contains("error") ? answer["error"]["message"].get<std::string>() : "";
    }

    DaemonLab lab_{{.workers = 3}};
    DrainRequests drains_{lab_.engine.clock, lab_.services};
    ConnectionPages pages_{lab_.engine.clock, lab_.fleet, lab_.services.catalogue()};
    server::RequestTable table_;
};

TEST_F(RequestsTest, DrainNamesServersByAddressPortAndService) {
    const auto weights_at_0 = [this] {
        size_t count = 0;
        for (const plan::ServiceEntry* const entry : lab_.services.catalogue().services()) {
            for (const plan::RealServerEntry& candidate : entry->servers) {
                count += candidate.weight() == 0 ? 1U : 0U;
            }
        }
        return count;
    };
    const Json all = ask(server::kDrain, {{"server", "192.168.0.107"}});
    EXPECT_EQ(all["result"]["message"],
              "draining in 2 services, 2 weights set to 0; see status for the connections left");
    EXPECT_EQ(weights_at_0(), 2U);
    const Json one =
        ask(server::kUndrain, {{"server", "192.168.0.107:80"}, {"service", "170.210.122.104:81"}});
    EXPECT_EQ(one["result"]["message"], "1 weights as configured");
    EXPECT_EQ(weights_at_0(), 1U);
    const Json named =
        ask(server::kUndrain, {{"server", "192.168.0.107"}, {"service", "tcp 170.210.122.104:80"}});
    EXPECT_EQ(named["result"]["message"], "1 weights as configured");
    EXPECT_EQ(weights_at_0(), 0U);
}

TEST_F(RequestsTest, ADrainsDeadlineIsFromNowOn) {
    lab_.connect(1000, 30);
    ask(server::kDrain, {{"server", "192.168.0.107"}, {"deadline_seconds", 600}});
    const auto deadline = lab_.services.drain_deadline(lab_.id_of(107));
    ASSERT_TRUE(deadline);
    EXPECT_EQ(*deadline - lab_.engine.clock.now(), std::chrono::seconds(600));
    ask(server::kDrain, {{"server", "192.168.0.107"}});
    EXPECT_FALSE(lab_.services.drain_deadline(lab_.id_of(107))) << "the last word counts";
    ask(server::kDrain, {{"server", "192.168.0.107"}, {"deadline_seconds", 0}});
    lab_.speak(1000, 30);  // and is told that it is over
    lab_.engine.clock.advance(std::chrono::seconds(11));
    lab_.settle();
    EXPECT_EQ(lab_.connections_of(107), 0U) << "0: at once";
}

TEST_F(RequestsTest, WhatDrainRefuses) {
    EXPECT_EQ(refusal(server::kDrain, {{"server", "192.168.0.200"}}),
              "there is no real server 192.168.0.200");
    EXPECT_EQ(refusal(server::kDrain, {{"server", "192.168.0.107"}, {"service", "udp 1.2.3.4:5"}}),
              "there is no real server 192.168.0.107 in service udp 1.2.3.4:5");
    const Json wrong[] = {Json::object(),
                          {{"server", 7}},
                          {{"server", "web1"}},
                          {{"server", "192.168.0.107"}, {"service", 80}},
                          {{"server", "192.168.0.107"}, {"deadline_seconds", -1}},
                          {{"server", "192.168.0.107"}, {"deadline_seconds", "10m"}},
                          {{"server", "192.168.0.107"}, {"deadline_seconds", 1.5}},
                          {{"server", "192.168.0.107"}, {"deadline_seconds", 31 * 24 * 3600 + 1}}};
    for (const Json& params : wrong) {
        EXPECT_EQ(refusal(server::kDrain, params).find("expected server: "), 0U) << params;
    }
    EXPECT_EQ(refusal(server::kUndrain, Json::object()).find("expected server: "), 0U);
    for (const plan::ServiceEntry* const entry : lab_.services.catalogue().services()) {
        for (const plan::RealServerEntry& candidate : entry->servers) {
            EXPECT_EQ(candidate.weight(), 1U);
        }
    }
}

TEST_F(RequestsTest, ConnectionsComePageByPageAndTemplatesLast) {
    lab_.connect(1000, 50, 80);
    lab_.connect(2000, 3, 81);  // one client: one template
    std::map<uint16_t, int> seen;
    int templates = 0;
    Json params = {{"limit", 7}};
    for (int page = 0; page < 100; ++page) {
        const auto answer = ask(server::kConnections, params);
        const auto rows = answer["result"].get<server::ConnectionsPage>();
        EXPECT_LE(rows.rows.size(), 7U);
        for (const server::ConnectionView& row : rows.rows) {
            EXPECT_EQ(row.virtual_address, "170.210.122.104");
            templates += row.is_template ? 1 : 0;
            seen[row.client_port] += row.is_template ? 0 : 1;
        }
        if (rows.next_cursor.empty()) {
            break;
        }
        params["cursor"] = rows.next_cursor;
    }
    EXPECT_EQ(templates, 1);
    int connections = 0;
    for (const auto& [port, times] : seen) {
        EXPECT_LE(times, 1) << port;
        connections += times;
    }
    EXPECT_EQ(connections, 53);
}

TEST_F(RequestsTest, ConnectionsThatAreWanted) {
    lab_.connect(1000, 50, 80);
    lab_.connect(2000, 3, 81);  // one client: one template
    const auto count = [this](Json params) {
        size_t rows = 0;
        for (;;) {
            const Json result = ask(server::kConnections, params)["result"];
            rows += result["rows"].size();
            if (result["next_cursor"].get<std::string>().empty()) {
                return rows;
            }
            params["cursor"] = result["next_cursor"];
        }
    };
    EXPECT_EQ(count({{"virtual", "170.210.122.104:80"}}), 50U);
    EXPECT_EQ(count({{"virtual", "170.210.122.104:81"}}), 4U) << "with its template";
    EXPECT_EQ(count({{"virtual", "170.210.122.104"}}), 54U);
    EXPECT_EQ(count({{"virtual", "170.210.122.104:80"}, {"server", "192.168.0.107:80"}}), 25U);
    EXPECT_EQ(count({{"server", "192.168.0.200"}}), 0U);
    EXPECT_EQ(count({{"protocol", "udp"}}), 0U);
    EXPECT_EQ(count({{"client", "0.0.0.0/0"}}), 54U);
    EXPECT_EQ(count({{"client", "2001:db8::/32"}}), 0U);
    EXPECT_EQ(count({{"state", "TIME_WAIT"}}), 0U);
    EXPECT_EQ(count({{"idle_seconds_min", 1000}}), 0U);
    EXPECT_EQ(count({{"idle_seconds_max", 1000}, {"virtual", "170.210.122.104:80"}}), 50U);
}

TEST_F(RequestsTest, WhatConnectionsRefuses) {
    const Json wrong[] = {{{"client", "nobody"}},
                          {{"client", 7}},
                          {{"virtual", "192.0.2.1:x"}},
                          {{"server", "web1"}},
                          {{"protocol", "http"}},
                          {{"state", "OPEN"}},
                          {{"idle_seconds_min", -1}},
                          {{"idle_seconds_max", "10m"}},
                          {{"mark", 1.5}},
                          {{"limit", 0}},
                          {{"limit", 10001}},
                          {{"limit", "7"}},
                          {{"cursor", 7}},
                          {{"cursor", "nonsense"}},
                          {{"cursor", "4:0"}},
                          {{"cursor", "0:1x"}},
                          {{"cursor", "0:"}}};
    for (const Json& params : wrong) {
        EXPECT_EQ(refusal(server::kConnections, params).find("expected "), 0U) << params;
    }
}

}  // namespace
}  // namespace director::daemon
