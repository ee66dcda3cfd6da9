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
    return {endpoint(0x0a000000U + last, 80), weight, config::ForwardingMethod::kNat};
}

config::VirtualService service(uint16_t port, std::vector<config::RealServer> servers) {
    return {endpoint(0xc0000201U, port), Protocol::kTcp, "rr", std::move(servers)};
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
    const auto changes = catalogue.update({service(80, {server(1), server(2), server(3)})});
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
    ASSERT_TRUE(catalogue.update(wanted));
    const auto changes = catalogue.update(wanted);
    ASSERT_TRUE(changes);
    EXPECT_TRUE(changes->empty());
}

TEST(Catalogue, WeightAloneIsASmallChange) {
    Catalogue catalogue(8, 8);
    ASSERT_TRUE(catalogue.update({service(80, {server(1), server(2)})}));
    const auto changes = catalogue.update({service(80, {server(1, 5), server(2)})});
    ASSERT_TRUE(changes);
    ASSERT_EQ(changes->size(), 1U);
    const Change& change = (*changes)[0];
    EXPECT_EQ(change.kind, Change::Kind::kSetWeight);
    EXPECT_EQ(change.weight, 5U);
    EXPECT_EQ(change.position, 1U);
    EXPECT_EQ(catalogue.table_of(change.service).servers[1].id, change.server);
}

TEST(Catalogue, ReturningServerFindsItsSlot) {
    Catalogue catalogue(8, 8);
    const auto first = catalogue.update({service(80, {server(1), server(2)})});
    ASSERT_TRUE(first);
    const ServiceId id = (*first)[0].service;
    const RealServerId slot = catalogue.table_of(id).servers[0].id;
    ASSERT_TRUE(catalogue.update({service(80, {server(1)})}));
    EXPECT_EQ(catalogue.find(id)->servers.size(), 2U);
    EXPECT_TRUE(catalogue.find(id)->servers[1].is_retired);
    EXPECT_EQ(catalogue.table_of(id).servers.size(), 1U);
    ASSERT_TRUE(catalogue.update({service(80, {server(1), server(2)})}));
    EXPECT_EQ(catalogue.table_of(id).servers[0].id, slot);
}

TEST(Catalogue, RetiredServiceKeepsItsSlotUntilForgotten) {
    Catalogue catalogue(1, 8);
    const auto first = catalogue.update({service(80, {server(1)})});
    ASSERT_TRUE(first);
    const ServiceId id = (*first)[0].service;
    const RealServerId slot = catalogue.table_of(id).servers[0].id;
    ASSERT_TRUE(catalogue.update({}));
    EXPECT_TRUE(catalogue.find(id)->is_retired);

    const auto refused = catalogue.update({service(81, {})});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("services_max"), std::string::npos);

    catalogue.forget_real_server(id, slot);
    catalogue.forget_service(id);
    EXPECT_TRUE(catalogue.services().empty());
    EXPECT_TRUE(catalogue.update({service(81, {})}));
}

TEST(Catalogue, RefusedUpdateChangesNothing) {
    Catalogue catalogue(8, 2);
    ASSERT_TRUE(catalogue.update({service(80, {server(1)})}));
    const auto refused =
        catalogue.update({service(81, {server(2)}), service(82, {server(3), server(4)})});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("real_servers_max"), std::string::npos);
    ASSERT_EQ(catalogue.services().size(), 1U);
    EXPECT_FALSE(catalogue.services()[0]->is_retired);
    EXPECT_TRUE(catalogue.update({service(80, {server(1), server(2)})}));
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
            const auto changes = catalogue.update(wanted);
            ASSERT_TRUE(changes);
            workers.carry_out(catalogue, *changes);

            Catalogue fresh_catalogue(16, 64);
            Model fresh;
            const auto all = fresh_catalogue.update(wanted);
            ASSERT_TRUE(all);
            fresh.carry_out(fresh_catalogue, *all);
            ASSERT_EQ(workers.serving(catalogue), fresh.serving(fresh_catalogue));
        }
    }
}

}  // namespace
}  // namespace director::plan
