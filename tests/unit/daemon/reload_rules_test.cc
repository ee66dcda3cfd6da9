// What a reload may change, setting by setting, and what is said of it.
#include "controlplane/daemon/reload_rules.h"

#include <gtest/gtest.h>

namespace director::daemon {
namespace {

config::Model example() {
    config::Model model;
    model.ports.resize(2);
    model.ports[0].name = "outside";
    model.ports[0].addresses = {*IpPrefix::parse("192.0.2.1/24")};
    model.ports[0].vlans = {{10, 0, 0, {*IpPrefix::parse("10.10.0.1/24")}}};
    model.ports[1].name = "inside";
    return model;
}

// The message of a refusal; empty when the change is allowed.
std::string refusal(const config::Model& after) {
    const auto same = check_unchanged(example(), after);
    return same ? "" : same.error().message;
}

TEST(ReloadRulesTest, WhatBelongsToTheRunningProcessStays) {
    config::Model model = example();
    model.dataplane.pool_frames *= 2;
    EXPECT_EQ(refusal(model),
              "a setting of group dataplane cannot change while directord runs: restart it");
    model = example();
    model.control.socket = "/other";
    EXPECT_EQ(refusal(model),
              "control.socket or control.metrics_address cannot change while directord runs: "
              "restart it");
    model = example();
    model.control.metrics_address = "[::]:9142";
    EXPECT_NE(refusal(model), "");
    model = example();
    model.ports.pop_back();
    EXPECT_EQ(refusal(model), "the list of ports cannot change while directord runs: restart it");
    model = example();
    model.ports[1].mtu_bytes = 9000;
    EXPECT_EQ(refusal(model),
              "port inside (but for its addresses) cannot change while directord runs: restart it");
    model = example();
    model.ports[0].vlans[0].id = 11;
    EXPECT_NE(refusal(model), "");
    model = example();
    model.ports[0].vlans[0].outer_id = 11;
    EXPECT_NE(refusal(model), "");
    model = example();
    model.ports[0].vlans.clear();
    EXPECT_NE(refusal(model), "");
}

TEST(ReloadRulesTest, AllElseMayChangeAndIsNamed) {
    EXPECT_EQ(refusal(example()), "");
    EXPECT_EQ(other_changes(example(), example()), "");
    config::Model model = example();
    model.ports[0].addresses.clear();
    model.ports[0].vlans[0].addresses.push_back(*IpPrefix::parse("2001:db8::1/64"));
    EXPECT_EQ(refusal(model), "");
    EXPECT_EQ(other_changes(example(), model), ", addresses changed");
    model = example();
    model.timeouts.udp = 10;
    model.routes = {{*IpPrefix::parse("0.0.0.0/0"), *IpAddress::parse("192.0.2.254")}};
    model.control.log_level = LogLevel::kDebug;
    model.diagnostics.health = true;
    model.virtual_services.resize(1);
    EXPECT_EQ(refusal(model), "");
    EXPECT_EQ(other_changes(example(), model),
              ", timeouts changed, routes changed, diagnostics changed, log level changed");
}

}  // namespace
}  // namespace director::daemon
