// "keep" of an edit: what it does not say stays as the configuration has it.
#include "controlplane/daemon/kept_fields.h"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include "tests/unit/daemon/daemon_lab.h"

namespace director::daemon {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the laboratory
using nlohmann::json;

config::Model one_service() {
    config::RealServer server = machine(107, 5);
    server.forwarding = config::ForwardingMethod::kTunnel;
    server.tunnel = {config::TunnelType::kGue, 6080, config::TunnelChecksum::kFull};
    server.upper_threshold = 100;
    config::VirtualService service = service_at(80, {server});
    service.scheduler = "mh";
    service.flags = {config::SchedulerFlag::kHashPort};
    service.persistence.timeout = 300;
    return model_of({service});
}

const json kService = {{"protocol", "tcp"}, {"address", "170.210.122.104"}, {"port", 80}};

TEST(KeptFieldsTest, OfAServerAndOfAService) {
    const json server = with_kept_fields({{"action", "edit-server"},
                                          {"keep", true},
                                          {"service", kService},
                                          {"server", "192.168.0.107"},
                                          {"server_port", 80},
                                          {"weight", 9}},
                                         one_service());
    EXPECT_EQ(server["weight"], 9);
    EXPECT_EQ(server["upper_threshold"], 100);
    EXPECT_EQ(server["forwarding"], "tunnel");
    EXPECT_EQ(server["tunnel"], "gue");
    EXPECT_EQ(server["tunnel_port"], 6080);
    EXPECT_EQ(server["tunnel_checksum"], "full");
    const json service = with_kept_fields({{"action", "edit-service"},
                                           {"keep", true},
                                           {"service", kService},
                                           {"persistence_seconds", 0}},
                                          one_service());
    EXPECT_EQ(service["scheduler"], "mh");
    EXPECT_EQ(service["flags"], json::array({"hash-port"}));
    EXPECT_EQ(service["persistence_seconds"], 0);
}

TEST(KeptFieldsTest, AnythingElseComesBackAsItIs) {
    const json edits[] = {
        7,
        {{"action", "edit-service"}, {"service", kService}},
        {{"action", "edit-service"}, {"keep", true}, {"service", {{"address", "192.0.2.9"}}}},
        {{"action", "edit-service"}, {"keep", true}, {"service", {{"address", "no address"}}}},
        {{"action", "delete-service"}, {"keep", true}, {"service", kService}},
        {{"action", "edit-server"}, {"keep", true}, {"service", kService}, {"server", "1.2.3.4"}}};
    for (const json& edit : edits) {
        EXPECT_EQ(with_kept_fields(edit, one_service()), edit);
    }
}

}  // namespace
}  // namespace director::daemon
