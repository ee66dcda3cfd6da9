// The catalogue: slots are stable, differences are small, and applying them to what workers have
// gives the same as starting afresh.
#include "controlplane/plan/catalogue.h"

#include <map>

#include <gtest/gtest.h>

#include "common/random.h"

namespace director::plan {
namespace {

using dataplane::RealServerId;
using dataplane::ServiceId;

Endpoint endpoint(uint32_t host, uint16_t port) {
    return {Ipv4Address::from_host(host), Be16::from_host(port)};
}

config::RealServer server(uint8_t last, uint32_t weight = 1) {
    config::RealServer server;
    server.endpoint = endpoint(0x0a000000U + last, 80);
    server.weight = weight;
    return server;
}

config::VirtualService service(uint16_t port, std::vector<config::RealServer> servers) {
    config::VirtualService service;
    service.endpoint = endpoint(0xc0000201U, port);
    service.scheduler = "rr";
    service.real_servers = std::move(servers);
    return service;
}

config::Model model_of(std::vector<config::VirtualService> services) {
    config::Model model;
    model.virtual_services = std::move(services);
    return model;
}

std::vector<Change::Kind> kinds_of(const std::vector<Change>& changes) {
    std::vector<Change::Kind> kinds;
    kinds.reserve(changes.size());
    for (const Change& change : changes) {
        kinds.push_back(change.kind);
    }
    return kinds;
}

// What workers would hold after carrying out changes: tables by service slot, without ids inside,
// so that two histories can be compared.
struct Model {
    struct Table {
        bool is_retired = false;
        std::string scheduler;
        std::vector<std::pair<Endpoint, uint32_t>> servers;
        friend bool operator==(const Table&, const Table&) = default;
    };
    std::map<ServiceId, Table> tables;

    void carry_out(const Catalogue& catalogue, const std::vector<Change>& changes) {
        for (const Change& change : changes) {
            if (change.service == dataplane::kNoService) {
                continue;
            }
            Table& table = tables[change.service];
            switch (change.kind) {
                case Change::Kind::kPutService:
                    table = {false, catalogue.find(change.service)->settings.scheduler, {}};
                    for (const auto& slot : catalogue.table_of(change.service).servers) {
                        table.servers.emplace_back(slot.endpoint, slot.weight);
                    }
                    break;
                case Change::Kind::kRetireService:
                    table.is_retired = true;
                    break;
                case Change::Kind::kPutPool:
                case Change::Kind::kPutTables:
                case Change::Kind::kEndConnections:
                    break;
                case Change::Kind::kSetWeight:
                    ASSERT_LT(change.position, table.servers.size());
                    table.servers[change.position].second = change.weight;
                    break;
            }
        }
    }

    // By key instead of slot, retired ones left out.
    [[nodiscard]] std::map<Endpoint, Table> serving(const Catalogue& catalogue) const {
        std::map<Endpoint, Table> by_endpoint;
        for (const auto& [id, table] : tables) {
            if (!table.is_retired) {
                by_endpoint[catalogue.find(id)->settings.endpoint] = table;
            }
        }
        return by_endpoint;
    }
};

TEST(Catalogue, ListsServersInLvsOrder) {
    Catalogue catalogue(8, 8);
    const auto changes =
        catalogue.update(model_of({service(80, {server(1), server(2), server(3)})}));
    ASSERT_TRUE(changes);
    ASSERT_EQ(changes->size(), 1U);
    const auto table = catalogue.table_of((*changes)[0].service);
    ASSERT_EQ(table.servers.size(), 3U);
    EXPECT_EQ(to_string(table.servers[0].endpoint), "10.0.0.3:80");
    EXPECT_EQ(to_string(table.servers[2].endpoint), "10.0.0.1:80");
}

TEST(Catalogue, UnchangedServicesCauseNothing) {
    Catalogue catalogue(8, 8);
    const std::vector<config::VirtualService> wanted{service(80, {server(1), server(2)})};
    ASSERT_TRUE(catalogue.update(model_of(wanted)));
    const auto changes = catalogue.update(model_of(wanted));
    ASSERT_TRUE(changes);
    EXPECT_TRUE(changes->empty());
}

TEST(Catalogue, WeightAloneIsASmallChange) {
    Catalogue catalogue(8, 8);
    ASSERT_TRUE(catalogue.update(model_of({service(80, {server(1), server(2)})})));
    const auto changes = catalogue.update(model_of({service(80, {server(1, 5), server(2)})}));
    ASSERT_TRUE(changes);
    ASSERT_EQ(changes->size(), 1U);
    const Change& change = (*changes)[0];
    EXPECT_EQ(change.kind, Change::Kind::kSetWeight);
    EXPECT_EQ(change.weight, 5U);
    EXPECT_EQ(change.position, 1U);
    EXPECT_EQ(catalogue.table_of(change.service).servers[1].id, change.server);
}

// IPVS's mh keeps a quiesced server's slots by the weight that it had before.
TEST(Catalogue, TheLastWeightAboveZeroIsRemembered) {
    Catalogue catalogue(4, 8);
    const auto last_weights = [&](std::vector<config::RealServer> servers) {
        EXPECT_TRUE(catalogue.update(model_of({service(80, std::move(servers))})).has_value());
        std::vector<std::pair<uint32_t, uint32_t>> out;
        for (const auto& slot : catalogue.table_of(ServiceId{0}).servers) {
            out.emplace_back(slot.weight, slot.last_weight);
        }
        return out;
    };
    using Weights = std::vector<std::pair<uint32_t, uint32_t>>;
    EXPECT_EQ(last_weights({server(1, 5), server(2, 0)}), (Weights{{0, 0}, {5, 5}}));
    EXPECT_EQ(last_weights({server(1, 0), server(2, 3)}), (Weights{{3, 3}, {0, 5}}));
    EXPECT_EQ(last_weights({server(1, 0), server(2, 0)}), (Weights{{0, 3}, {0, 5}}));
    EXPECT_EQ(last_weights({server(1, 7), server(2, 0)}), (Weights{{0, 3}, {7, 7}}));
}

TEST(Catalogue, ReturningServerFindsItsSlot) {
    Catalogue catalogue(8, 8);
    const auto first = catalogue.update(model_of({service(80, {server(1), server(2)})}));
    ASSERT_TRUE(first);
    const ServiceId id = (*first)[0].service;
    const RealServerId slot = catalogue.table_of(id).servers[0].id;
    ASSERT_TRUE(catalogue.update(model_of({service(80, {server(1)})})));
    EXPECT_EQ(catalogue.find(id)->servers.size(), 2U);
    EXPECT_TRUE(catalogue.find(id)->servers[1].is_retired);
    EXPECT_EQ(catalogue.table_of(id).servers.size(), 1U);
    ASSERT_TRUE(catalogue.update(model_of({service(80, {server(1), server(2)})})));
    EXPECT_EQ(catalogue.table_of(id).servers[0].id, slot);
}

TEST(Catalogue, RetiredServiceKeepsItsSlotUntilForgotten) {
    Catalogue catalogue(1, 8);
    const auto first = catalogue.update(model_of({service(80, {server(1)})}));
    ASSERT_TRUE(first);
    const ServiceId id = (*first)[0].service;
    const RealServerId slot = catalogue.table_of(id).servers[0].id;
    ASSERT_TRUE(catalogue.update(model_of({})));
    EXPECT_TRUE(catalogue.find(id)->is_retired);

    const auto refused = catalogue.update(model_of({service(81, {})}));
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("services_max"), std::string::npos);

    catalogue.forget_real_server(id, slot);
    catalogue.forget_service(id);
    EXPECT_TRUE(catalogue.services().empty());
    EXPECT_TRUE(catalogue.update(model_of({service(81, {})})));
}

TEST(Catalogue, RefusedUpdateChangesNothing) {
    Catalogue catalogue(8, 2);
    ASSERT_TRUE(catalogue.update(model_of({service(80, {server(1)})})));
    const auto refused =
        catalogue.update(model_of({service(81, {server(2)}), service(82, {server(3), server(4)})}));
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("real_servers_max"), std::string::npos);
    ASSERT_EQ(catalogue.services().size(), 1U);
    EXPECT_FALSE(catalogue.services()[0]->is_retired);
    EXPECT_TRUE(catalogue.update(model_of({service(80, {server(1), server(2)})})));
}

TEST(Catalogue, OptionsReachTheTable) {
    Catalogue catalogue(8, 8);
    config::VirtualService wanted = service(80, {server(1)});
    wanted.persistence.timeout = 300;
    wanted.flags = {config::SchedulerFlag::kHashFallback};
    wanted.load_bound_percent = 150;
    wanted.limits.connections_max = 7;
    wanted.timeouts.tcp_established = 7200;
    wanted.syn_proxy = config::SynProxy::kAlways;
    wanted.real_servers[0].upper_threshold = 9;
    wanted.real_servers[0].forwarding = config::ForwardingMethod::kFullNat;
    ASSERT_TRUE(catalogue.update(model_of({wanted})));
    const auto table = catalogue.table_of(catalogue.services()[0]->id);
    EXPECT_EQ(table.options.persistence_seconds, 300U);
    EXPECT_EQ(table.options.persistence_prefix, 32);
    EXPECT_EQ(table.options.connections_max, 7U);
    dataplane::ConnTimeouts timeouts{};
    timeouts[static_cast<size_t>(dataplane::ConnState::kEstablished)] = 7200;
    EXPECT_EQ(table.options.timeouts, timeouts);
    EXPECT_EQ(table.options.syn_proxy, dataplane::SynProxy::kAlways);
    EXPECT_TRUE(table.flags.hash_fallback && !table.flags.hash_port);
    EXPECT_EQ(table.flags.load_bound_percent, 150);
    EXPECT_EQ(table.servers[0].connections_upper, 9U);
    EXPECT_EQ(table.servers[0].forwarding, dataplane::ForwardingMethod::kFullNat);
}

TEST(Catalogue, AnythingButAWeightIsANewTable) {
    Catalogue catalogue(8, 8);
    ASSERT_TRUE(catalogue.update(model_of({service(80, {server(1)})})));
    config::VirtualService wanted = service(80, {server(1)});
    const auto expect_put = [&] {
        const auto changes = catalogue.update(model_of({wanted}));
        ASSERT_TRUE(changes);
        EXPECT_EQ(kinds_of(*changes), std::vector{Change::Kind::kPutService});
    };
    wanted.real_servers[0].upper_threshold = 5;
    expect_put();
    wanted.real_servers[0].forwarding = config::ForwardingMethod::kDirect;
    expect_put();
    wanted.one_packet = true;
    expect_put();
}

TEST(Catalogue, ServersThatLeaveHaveTheirConnectionsEnded) {
    Catalogue catalogue(8, 8);
    ASSERT_TRUE(catalogue.update(model_of({service(80, {server(1), server(2)})})));
    const ServiceId id = catalogue.services()[0]->id;
    const RealServerId second = catalogue.table_of(id).servers[0].id;
    const auto changes = catalogue.update(model_of({service(80, {server(1)})}));
    ASSERT_TRUE(changes);
    ASSERT_EQ(kinds_of(*changes),
              (std::vector{Change::Kind::kPutService, Change::Kind::kEndConnections}));
    EXPECT_EQ((*changes)[1].server, second);
    // Once.
    const auto again = catalogue.update(model_of({service(80, {server(1)})}));
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->empty());
}

config::VirtualService service_by_rules(uint32_t mark, const char* address) {
    config::VirtualService service;
    service.mark = mark;
    const IpAddress ip = *IpAddress::parse(address);
    service.match = {{{ip, ip}, {80, 80}, Protocol::kTcp}};
    return service;
}

TEST(Catalogue, ServicesByRulesAreInTheTables) {
    Catalogue catalogue(8, 8);
    const auto changes = catalogue.update(
        model_of({service_by_rules(7, "192.0.2.1"), service_by_rules(7, "2001:db8::1")}));
    ASSERT_TRUE(changes);
    ASSERT_EQ(kinds_of(*changes),
              (std::vector{
                  Change::Kind::kPutTables, Change::Kind::kPutService, Change::Kind::kPutService}));
    EXPECT_EQ((*changes)[0].tables, (ChangedTables{true, false, false}));
    const auto tables = catalogue.tables();
    ASSERT_EQ(tables.match_rules.size(), 2U);
    EXPECT_EQ(tables.match_rules[1].first, *IpAddress::parse("2001:db8::1"));
    const auto key = catalogue.table_of(tables.match_rules[1].service).key;
    EXPECT_EQ(key.mark, 7U);
    EXPECT_EQ(key.address, IpAddress());
    EXPECT_EQ(key.protocol, Protocol::kAny);
    // A change of the rules is one of the tables and of the service.
    const auto moved = catalogue.update(
        model_of({service_by_rules(7, "192.0.2.2"), service_by_rules(7, "2001:db8::1")}));
    ASSERT_TRUE(moved);
    EXPECT_EQ(kinds_of(*moved), (std::vector{Change::Kind::kPutTables, Change::Kind::kPutService}));
    EXPECT_EQ(catalogue.tables().match_rules[0].first, *IpAddress::parse("192.0.2.2"));
}

// A number is not given to another list while workers may still look the old one up.
TEST(Catalogue, PrefixListsKeepTheirNumbers) {
    Catalogue catalogue(8, 8);
    config::VirtualService first = service(80, {});
    first.deny = {*IpPrefix::parse("10.0.0.0/8")};
    config::Model model = model_of({first, service(81, {})});
    model.virtual_services[1].allow_file = "/list";
    model.prefix_files.put("/list", {*IpPrefix::parse("10.1.0.0/16")});
    ASSERT_TRUE(catalogue.update(model));
    EXPECT_FALSE(catalogue.forget_leaving_lists());
    const auto numbers = [&catalogue](size_t i) {
        const auto options = catalogue.table_of(catalogue.services()[i]->id).options;
        return std::pair(options.allow_list, options.deny_list);
    };
    EXPECT_EQ(numbers(0), std::pair(uint16_t{0}, uint16_t{1}));
    EXPECT_EQ(numbers(1), std::pair(uint16_t{2}, uint16_t{0}));
    const auto contents = catalogue.prefix_lists();

    // The same contents, read anew: nothing to do.
    model.prefix_files.put("/list", {*IpPrefix::parse("10.1.0.0/16")});
    auto changes = catalogue.update(model);
    ASSERT_TRUE(changes);
    EXPECT_TRUE(changes->empty());

    model.prefix_files.put("/list", {*IpPrefix::parse("10.2.0.0/16")});
    changes = catalogue.update(model);
    ASSERT_TRUE(changes);
    EXPECT_EQ(kinds_of(*changes), std::vector{Change::Kind::kPutTables});
    EXPECT_EQ((*changes)[0].tables, (ChangedTables{false, false, true}));
    ASSERT_EQ(catalogue.prefix_lists().size(), 2U);
    EXPECT_EQ(catalogue.prefix_lists()[0].prefixes, contents[0].prefixes);
    EXPECT_NE(catalogue.prefix_lists()[1].prefixes, contents[1].prefixes);

    model.virtual_services[0].deny.clear();
    model.virtual_services[1].deny = {*IpPrefix::parse("10.3.0.0/16")};
    changes = catalogue.update(model);
    ASSERT_TRUE(changes);
    EXPECT_EQ(numbers(0), std::pair(uint16_t{0}, uint16_t{0}));
    EXPECT_EQ(numbers(1), std::pair(uint16_t{2}, uint16_t{3}));
    EXPECT_EQ(catalogue.prefix_lists().size(), 3U);
    EXPECT_TRUE(catalogue.forget_leaving_lists());
    EXPECT_EQ(catalogue.prefix_lists().size(), 2U);
}

TEST(Catalogue, PoolsKeepTheirNumbers) {
    Catalogue catalogue(8, 8);
    config::Model model;
    model.local_pools = {{"a", {Ipv4Address::of(10, 0, 0, 1)}, {1024, 65535}},
                         {"b", {Ipv4Address::of(10, 0, 0, 2)}, {1024, 65535}}};
    auto changes = catalogue.update(model);
    ASSERT_TRUE(changes);
    ASSERT_EQ(kinds_of(*changes), (std::vector(2, Change::Kind::kPutPool)));
    EXPECT_EQ((*changes)[1].pool, 2);
    model.local_pools.erase(model.local_pools.begin());
    changes = catalogue.update(model);
    ASSERT_TRUE(changes);
    EXPECT_TRUE(changes->empty());
    EXPECT_EQ(catalogue.pools().at(2).name, "b");
    model.local_pools[0].ports.first = 2000;
    model.local_pools.push_back({"c", {Ipv4Address::of(10, 0, 0, 3)}, {1024, 65535}});
    changes = catalogue.update(model);
    ASSERT_TRUE(changes);
    ASSERT_EQ(kinds_of(*changes), (std::vector(2, Change::Kind::kPutPool)));
    EXPECT_EQ((*changes)[0].pool, 2);
    EXPECT_EQ((*changes)[1].pool, 3);
}

TEST(Catalogue, SourceNatHasSlotsOfItsOwn) {
    Catalogue catalogue(2, 2);
    config::Model model = model_of({service(80, {server(1)})});
    model.local_pools = {{"a", {Ipv4Address::of(10, 0, 0, 1)}, {1024, 65535}}};
    model.source_nat = {{*IpPrefix::parse("192.168.0.0/25"), {Ipv4Address(), 0}, "a"}};
    ASSERT_TRUE(catalogue.update(model));
    const auto rules = catalogue.tables().source_nat;
    ASSERT_EQ(rules.size(), 1U);
    EXPECT_EQ(rules[0].local_pool, 1);
    const ServiceEntry* const entry = catalogue.find(rules[0].service);
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(to_string(*entry), "source-nat 192.168.0.0/25");
    EXPECT_EQ(entry->servers.at(0).id, rules[0].server);

    model.source_nat.clear();
    auto changes = catalogue.update(model);
    ASSERT_TRUE(changes);
    EXPECT_EQ(kinds_of(*changes), std::vector{Change::Kind::kPutTables});
    EXPECT_EQ((*changes)[0].tables, (ChangedTables{false, true, false}));
    EXPECT_TRUE(catalogue.find(rules[0].service)->is_retired);
    catalogue.forget_real_server(rules[0].service, rules[0].server);
    catalogue.forget_service(rules[0].service);
    EXPECT_EQ(catalogue.find(rules[0].service), nullptr);
}

// --- What health checks leave of a table

ServingRow row(uint8_t last, uint32_t weight = 1) {
    return {endpoint(0x0a000000U + last, 80), weight};
}

// "10.0.0.3:80 1, ..." of the first service.
std::string served(const Catalogue& catalogue, ServiceId id = ServiceId{0}) {
    std::string text;
    for (const auto& slot : catalogue.table_of(id).servers) {
        text += (text.empty() ? "" : ", ") + to_string(slot.endpoint) + " " +
                std::to_string(slot.weight);
    }
    return text;
}

config::VirtualService with_sorry_server(config::VirtualService service, uint8_t last) {
    service.sorry_server.endpoint = endpoint(0x0a000000U + last, 80);
    return service;
}

TEST(Serving, TakesAServerOutAndLetsItBackIntoItsSlot) {
    Catalogue catalogue(4, 8);
    const auto wanted = service(80, {server(1), server(2), server(3)});
    ASSERT_TRUE(catalogue.update(model_of({wanted, service(81, {server(1)})})));
    const RealServerId id = catalogue.table_of(ServiceId{0}).servers[1].id;
    const auto key = catalogue.table_of(ServiceId{0}).key;

    auto changes = catalogue.set_serving(key, {row(1), row(3)});
    EXPECT_EQ(kinds_of(changes),
              (std::vector{Change::Kind::kPutService, Change::Kind::kEndConnections}));
    EXPECT_EQ(changes[0].service, ServiceId{0});
    EXPECT_EQ(changes[1].server, id);
    EXPECT_EQ(served(catalogue), "10.0.0.3:80 1, 10.0.0.1:80 1");

    EXPECT_TRUE(catalogue.set_serving(key, {row(1), row(3)}).empty()) << "said once";
    changes = catalogue.set_serving(key, {row(1), row(2), row(3)});
    EXPECT_EQ(kinds_of(changes), std::vector{Change::Kind::kPutService});
    EXPECT_EQ(served(catalogue), "10.0.0.3:80 1, 10.0.0.2:80 1, 10.0.0.1:80 1");
    EXPECT_EQ(catalogue.table_of(ServiceId{0}).servers[1].id, id);
}

// Of a server that is behind one that is out, so that its place is another than in the catalogue.
TEST(Serving, WeightIsASmallChangeAtThePlaceInTheTable) {
    Catalogue catalogue(4, 8);
    ASSERT_TRUE(catalogue.update(model_of({service(80, {server(1), server(2), server(3)})})));
    const auto key = catalogue.table_of(ServiceId{0}).key;
    static_cast<void>(catalogue.set_serving(key, {row(1), row(2)}));
    const auto changes = catalogue.set_serving(key, {row(1, 0), row(2)});
    ASSERT_EQ(kinds_of(changes), std::vector{Change::Kind::kSetWeight});
    EXPECT_EQ(changes[0].position, 1U);
    EXPECT_EQ(changes[0].weight, 0U);
    EXPECT_EQ(catalogue.table_of(ServiceId{0}).servers[1].id, changes[0].server);
}

TEST(Serving, SorryServerStandsInInOneStep) {
    Catalogue catalogue(4, 8);
    const auto model = model_of({with_sorry_server(service(80, {server(1), server(2)}), 9)});
    ASSERT_TRUE(catalogue.update(model, {ServingTable{row(1), row(2)}}));
    EXPECT_EQ(served(catalogue), "10.0.0.2:80 1, 10.0.0.1:80 1");
    const auto key = catalogue.table_of(ServiceId{0}).key;
    const auto changes = catalogue.set_serving(key, {row(9)});
    EXPECT_EQ(kinds_of(changes),
              (std::vector{Change::Kind::kPutService,
                           Change::Kind::kEndConnections,
                           Change::Kind::kEndConnections}));
    EXPECT_EQ(served(catalogue), "10.0.0.9:80 1");
    EXPECT_EQ(kinds_of(catalogue.set_serving(key, {row(1), row(9, 0)})),
              std::vector{Change::Kind::kPutService});
    EXPECT_EQ(served(catalogue), "10.0.0.1:80 1, 10.0.0.9:80 0");
}

TEST(Serving, SorryServerThatIsARealServerHasOneSlot) {
    Catalogue catalogue(4, 2);
    const auto model = model_of({with_sorry_server(service(80, {server(1), server(2)}), 2)});
    ASSERT_TRUE(catalogue.update(model, {ServingTable{row(2, 7)}}));
    EXPECT_EQ(served(catalogue), "10.0.0.2:80 7");
}

TEST(Serving, WaitsOutsideUntilHealthChecksSpeak) {
    Catalogue catalogue(4, 8);
    ASSERT_TRUE(catalogue.update(model_of({with_sorry_server(service(80, {server(1, 4)}), 9)})));
    EXPECT_EQ(served(catalogue), "10.0.0.1:80 4");
}

// A reload that changes another service, or only the checks, tells the workers nothing.
TEST(Serving, ReloadKeepsWhatIsOut) {
    Catalogue catalogue(4, 8);
    auto one = service(80, {server(1), server(2)});
    ASSERT_TRUE(catalogue.update(model_of({one}), {ServingTable{row(2)}}));
    one.health.checks.resize(1);
    one.real_servers[0].health.inhibit_on_failure = true;
    auto changes = catalogue.update(model_of({one}), {ServingTable{row(2)}});
    ASSERT_TRUE(changes);
    EXPECT_TRUE(changes->empty());
    // A server that is out and leaves is no news either: its connections were ended before.
    changes = catalogue.update(model_of({service(80, {server(2)})}), {ServingTable{row(2)}});
    ASSERT_TRUE(changes);
    EXPECT_TRUE(changes->empty());
    EXPECT_EQ(served(catalogue), "10.0.0.2:80 1");
}

TEST(Serving, DrainingHasTheLastWord) {
    Catalogue catalogue(4, 8);
    ASSERT_TRUE(catalogue.update(model_of({service(80, {server(1), server(2)})})));
    const auto key = catalogue.table_of(ServiceId{0}).key;
    static_cast<void>(catalogue.set_serving(key, {row(1)}));
    auto changes = catalogue.set_draining({endpoint(0x0a000001U, 80), {}}, Draining::kStart);
    ASSERT_TRUE(changes);
    ASSERT_EQ(kinds_of(*changes), std::vector{Change::Kind::kSetWeight});
    EXPECT_EQ((*changes)[0].position, 0U);
    EXPECT_TRUE(catalogue.set_serving(key, {row(1, 5)}).empty());
    EXPECT_EQ(served(catalogue), "10.0.0.1:80 0");
    changes = catalogue.set_draining({endpoint(0x0a000001U, 80), {}}, Draining::kStop);
    ASSERT_EQ(changes->size(), 1U);
    EXPECT_EQ(served(catalogue), "10.0.0.1:80 5");
    // One that is out is no more out by being drained.
    changes = catalogue.set_draining({endpoint(0x0a000002U, 80), {}}, Draining::kStart);
    ASSERT_TRUE(changes);
    EXPECT_TRUE(changes->empty());
}

TEST(Serving, IsNothingOfAServiceThatLeft) {
    Catalogue catalogue(4, 8);
    ASSERT_TRUE(catalogue.update(model_of({service(80, {server(1)})})));
    const auto key = catalogue.table_of(ServiceId{0}).key;
    ASSERT_TRUE(catalogue.update(model_of({})));
    EXPECT_TRUE(catalogue.set_serving(key, {}).empty());
}

TEST(Catalogue, DrainsUntilTheNextReload) {
    Catalogue catalogue(8, 8);
    const config::Model model =
        model_of({service(80, {server(1, 5), server(2)}), service(81, {server(1, 6)})});
    ASSERT_TRUE(catalogue.update(model));
    const Endpoint first = endpoint(0x0a000001U, 80);
    auto changes = catalogue.set_draining({first, std::nullopt}, Draining::kStart);
    ASSERT_TRUE(changes);
    ASSERT_EQ(kinds_of(*changes), (std::vector(2, Change::Kind::kSetWeight)));
    EXPECT_EQ((*changes)[0].weight, 0U);
    EXPECT_EQ((*changes)[0].position, 1U);
    EXPECT_EQ(catalogue.table_of((*changes)[0].service).servers[1].weight, 0U);
    changes = catalogue.set_draining({first, "192.0.2.1:81"}, Draining::kStop);
    ASSERT_TRUE(changes);
    ASSERT_EQ(changes->size(), 1U);
    EXPECT_EQ((*changes)[0].weight, 6U);
    changes = catalogue.update(model);
    ASSERT_TRUE(changes);
    ASSERT_EQ(changes->size(), 1U);
    EXPECT_EQ((*changes)[0].weight, 5U);
    const auto nowhere =
        catalogue.set_draining({endpoint(0x0a000009U, 0), "tcp 192.0.2.1:80"}, Draining::kStart);
    ASSERT_FALSE(nowhere);
    EXPECT_EQ(nowhere.error().message,
              "there is no real server 10.0.0.9 in service tcp 192.0.2.1:80");
}

std::vector<config::VirtualService> random_services(Random& random) {
    std::vector<config::VirtualService> services;
    for (uint16_t port = 80; port < 84; ++port) {
        if (random.below(3) == 0) {
            continue;
        }
        std::vector<config::RealServer> servers;
        for (uint8_t last = 1; last < 6; ++last) {
            if (random.below(2) == 0) {
                servers.push_back(server(last, static_cast<uint32_t>(random.below(3))));
            }
        }
        services.push_back(service(port, std::move(servers)));
        services.back().scheduler = random.below(4) == 0 ? "wrr" : "rr";
    }
    return services;
}

TEST(Catalogue, DifferencesLeadWhereAFreshStartLeads) {
    for (uint64_t seed = 1; seed <= 200; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        Catalogue catalogue(16, 64);
        Model workers;
        for (int step = 0; step < 10; ++step) {
            const auto wanted = random_services(random);
            const auto changes = catalogue.update(model_of(wanted));
            ASSERT_TRUE(changes);
            workers.carry_out(catalogue, *changes);

            Catalogue fresh_catalogue(16, 64);
            Model fresh;
            const auto all = fresh_catalogue.update(model_of(wanted));
            ASSERT_TRUE(all);
            fresh.carry_out(fresh_catalogue, *all);
            ASSERT_EQ(workers.serving(catalogue), fresh.serving(fresh_catalogue));
        }
    }
}

}  // namespace
}  // namespace director::plan
