// Changes of a running configuration: each does what ipvsadm's command does to the kernel's table,
// and a batch is applied whole or not at all.
#include "config/edits.h"

#include <gtest/gtest.h>

#include "common/random.h"
#include "config/print.h"
#include "tests/unit/config/config_support.h"

namespace director::config {
namespace {

Endpoint at(std::string_view text) {
    return *Endpoint::parse(text);
}

ServiceKey tcp(std::string_view text) {
    return {at(text), Protocol::kTcp, 0, Family::kIpv4};
}

ServiceRule rule(std::string_view text, std::string scheduler = "rr") {
    ServiceRule out;
    out.key = tcp(text);
    out.scheduler = std::move(scheduler);
    return out;
}

ServerRule server(std::string_view service, std::string_view text, uint32_t weight = 1) {
    ServerRule out;
    out.key = tcp(service);
    out.endpoint = at(text);
    out.forwarding = ForwardingMethod::kNat;
    out.weight = weight;
    return out;
}

Model start() {
    const auto model =
        parse(std::string(kOnePort) +
              "virtual_services = ( { address = \"192.0.2.80:80\"; scheduler = \"rr\";"
              " clamp_mss = true; real_servers = ( { address = \"192.0.2.10:80\"; } ); } );");
    DIRECTOR_ASSERT(model);
    return *model;
}

Model applied(const Model& model, const std::vector<Edit>& edits) {
    const auto next = edited(model, edits, test_vocabulary());
    EXPECT_TRUE(next) << next.error().message;
    return next.value_or(Model());
}

EditError refused(const std::vector<Edit>& edits) {
    const auto next = edited(start(), edits, test_vocabulary());
    EXPECT_FALSE(next);
    return next ? EditError{} : next.error();
}

TEST(Edits, AddsAServiceWithItsServers) {
    const Model model = applied(start(),
                                {AddService{rule("192.0.2.81:80", "wrr")},
                                 AddServer{server("192.0.2.81:80", "192.0.2.11:8080", 3)}});
    ASSERT_EQ(model.virtual_services.size(), 2U);
    const VirtualService& added = model.virtual_services[1];
    EXPECT_EQ(added.scheduler, "wrr");
    ASSERT_EQ(added.real_servers.size(), 1U);
    EXPECT_EQ(added.real_servers[0].weight, 3U);
    EXPECT_EQ(added.real_servers[0].forwarding, ForwardingMethod::kNat);
    EXPECT_EQ(model.virtual_services[0], start().virtual_services[0]);
}

TEST(Edits, EditingLeavesWhatIpvsadmDoesNotKnow) {
    ServiceRule changed = rule("192.0.2.80:80", "sh");
    changed.persistence_timeout = 300;
    const Model model = applied(
        start(), {EditService{changed}, EditServer{server("192.0.2.80:80", "192.0.2.10:80", 0)}});
    const VirtualService& service = model.virtual_services.at(0);
    EXPECT_EQ(service.scheduler, "sh");
    EXPECT_EQ(service.persistence.timeout, 300U);
    EXPECT_TRUE(service.clamp_mss);
    EXPECT_EQ(service.real_servers.at(0).weight, 0U);
}

TEST(Edits, TakesAwayServersAndServices) {
    EXPECT_TRUE(applied(start(), {DeleteServer{tcp("192.0.2.80:80"), at("192.0.2.10:80")}})
                    .virtual_services.at(0)
                    .real_servers.empty());
    EXPECT_TRUE(applied(start(), {DeleteService{tcp("192.0.2.80:80")}}).virtual_services.empty());
    EXPECT_TRUE(applied(start(), {Clear{}}).virtual_services.empty());
}

TEST(Edits, TimeoutsOfZeroStayAsTheyAre) {
    const Model model = applied(start(), {SetTimeouts{100, 0, 30}});
    EXPECT_EQ(model.timeouts.tcp_established, 100U);
    EXPECT_EQ(model.timeouts.tcp_fin_wait, Timeouts().tcp_fin_wait);
    EXPECT_EQ(model.timeouts.udp, 30U);
}

TEST(Edits, SyncDaemonsComeAndGoOneByOne) {
    StartDaemon master;
    master.interface = "p";
    master.id = 7;
    StartDaemon backup = master;
    backup.role = SyncRole::kBackup;
    Model model = applied(start(), {master});
    EXPECT_EQ(model.sync.role, SyncRole::kMaster);
    EXPECT_EQ(model.sync.id, 7);
    model = applied(model, {backup});
    EXPECT_EQ(model.sync.role, SyncRole::kBoth);
    model = applied(model, {StopDaemon{SyncRole::kMaster}});
    EXPECT_EQ(model.sync.role, SyncRole::kBackup);
    EXPECT_EQ(edited(model, {backup}, test_vocabulary()).error().refusal, EditRefusal::kDaemonRuns);
    EXPECT_EQ(edited(model, {StopDaemon{}}, test_vocabulary()).error().refusal,
              EditRefusal::kNoDaemon);
}

TEST(Edits, RefusalsSayWhichEditAndWhy) {
    EXPECT_EQ(refused({AddService{rule("192.0.2.80:80")}}).refusal, EditRefusal::kServiceExists);
    EXPECT_EQ(refused({AddService{rule("192.0.2.81:80", "none")}}).refusal,
              EditRefusal::kNoScheduler);
    EXPECT_EQ(refused({EditService{rule("192.0.2.81:80")}}).refusal, EditRefusal::kNoService);
    EXPECT_EQ(refused({DeleteService{tcp("192.0.2.81:80")}}).refusal, EditRefusal::kNoService);
    EXPECT_EQ(refused({AddServer{server("192.0.2.80:80", "192.0.2.10:80")}}).refusal,
              EditRefusal::kServerExists);
    EXPECT_EQ(refused({AddServer{server("192.0.2.81:80", "192.0.2.10:80")}}).refusal,
              EditRefusal::kNoService);
    EXPECT_EQ(refused({EditServer{server("192.0.2.80:80", "192.0.2.11:80")}}).refusal,
              EditRefusal::kNoServer);
    EXPECT_EQ(refused({DeleteServer{tcp("192.0.2.80:80"), at("192.0.2.11:80")}}).refusal,
              EditRefusal::kNoServer);
    ServerRule upside_down = server("192.0.2.80:80", "192.0.2.11:80");
    upside_down.upper_threshold = 1;
    upside_down.lower_threshold = 2;
    EXPECT_EQ(refused({AddServer{upside_down}}).refusal, EditRefusal::kLowerAboveUpper);
    const EditError second = refused({Clear{}, DeleteService{tcp("192.0.2.80:80")}});
    EXPECT_EQ(second.index, 1U);
}

TEST(Edits, WhatTheConfigurationMayNotSayIsRefused) {
    ServiceRule one_packet = rule("192.0.2.81:80");
    one_packet.one_packet = true;
    const EditError error = refused({AddService{one_packet}});
    EXPECT_EQ(error.refusal, EditRefusal::kInvalid);
    EXPECT_NE(error.message.find("one_packet"), std::string::npos) << error.message;
    ServiceRule mark;
    mark.key.mark = 3;
    mark.scheduler = "rr";
    EXPECT_EQ(refused({AddService{mark}}).refusal, EditRefusal::kInvalid);
}

// Whatever edits come, what serves is what a start from the saved configuration would serve.
TEST(Edits, AnyEditsLeaveAConfigurationThatPrintsAndParses) {
    for (uint64_t seed = 0; seed < 200; ++seed) {
        Random random(seed);
        Model model = start();
        for (int i = 0; i < 30; ++i) {
            const std::string service = "192.0.2." + std::to_string(80 + random.below(4)) + ":80";
            const std::string real = "192.0.2." + std::to_string(10 + random.below(4)) + ":80";
            const std::vector<Edit> kinds{
                AddService{rule(service, random.below(2) == 0 ? "rr" : "sh")},
                EditService{rule(service, "wrr")},
                DeleteService{tcp(service)},
                AddServer{server(service, real, static_cast<uint32_t>(random.below(9)))},
                AddServer{server(service, real)},
                EditServer{server(service, real, static_cast<uint32_t>(random.below(9)))},
                DeleteServer{tcp(service), at(real)},
                SetTimeouts{static_cast<uint32_t>(random.below(99)), 0, 0}};
            const Model before = model;
            const auto next = edited(model, {kinds[random.below(kinds.size())]}, test_vocabulary());
            model = next.value_or(before);
        }
        const auto again = parse(print_changes(model));
        ASSERT_TRUE(again) << "seed " << seed;
        ASSERT_EQ(*again, model) << "seed " << seed;
    }
}

}  // namespace
}  // namespace director::config
