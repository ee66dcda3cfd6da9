// What observation has found, by the names that the catalogue has: who leaves it leaves the book.
#include "controlplane/daemon/health_book.h"

#include <algorithm>

#include <gmock/gmock.h>

#include "tests/unit/daemon/daemon_lab.h"

namespace director::daemon {
namespace {

using test::machine;
using test::model_of;
using test::service_at;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class HealthBookTest : public testing::Test {
  protected:
    HealthBookTest() {
        lab.apply(
            model_of({service_at(80, {machine(1), machine(2)}), service_at(81, {machine(1)})}));
    }
    [[nodiscard]] dataplane::ServiceId service(uint16_t port) const {
        for (const plan::ServiceEntry* const entry : lab.services.catalogue().services()) {
            if (entry->settings.endpoint.port.host() == port) {
                return entry->id;
            }
        }
        return dataplane::kNoService;
    }
    // `opened` connections of a server, and their packets.
    [[nodiscard]] ServerHealth seen(uint16_t port, uint8_t server, uint64_t opened) const {
        ServerHealth health{service(port), lab.id_of(server, port), {}};
        health.facts.opened = opened;
        health.facts.client.packets = 10 * opened;
        health.facts.client.trips.add(opened, 0.03, 0.04);
        return health;
    }
    void add(const std::vector<ServerHealth>& servers) {
        book.add(servers, lab.services.catalogue());
    }
    // "80 192.168.0.1 3": port, server, opened.
    [[nodiscard]] std::vector<std::string> rows(size_t rows_max = 100) const {
        std::vector<std::string> texts;
        for (const metrics::ObservedRow& row : book.rows(rows_max)) {
            texts.push_back((row.protocol.empty() ? "all" : std::to_string(row.port)) + " " +
                            row.server_address + " " + std::to_string(row.opened));
        }
        return texts;
    }

    test::DaemonLab lab;
    HealthBook book;
};

TEST_F(HealthBookTest, AddsUp) {
    EXPECT_THAT(rows(), IsEmpty());
    add({seen(80, 1, 3), seen(80, 2, 4), seen(81, 1, 5)});
    add({seen(80, 1, 10)});
    EXPECT_THAT(rows(),
                UnorderedElementsAre("80 192.168.0.1 13", "80 192.168.0.2 4", "81 192.168.0.1 5"));
    const auto all = book.rows(100);
    const auto found =
        std::find_if(all.begin(), all.end(), [](const auto& each) { return each.opened == 13; });
    ASSERT_NE(found, all.end());
    const metrics::ObservedRow& row = *found;
    EXPECT_EQ(row.protocol, "tcp");
    EXPECT_EQ(row.address, "170.210.122.104");
    EXPECT_EQ(row.server_port, 80);
    EXPECT_EQ(row.client.packets, 130U);
    EXPECT_EQ(row.client.trips.size(), diagnostics::kTripBounds.size() + 1);
    EXPECT_EQ(row.client.trips[6], 13U);  // up to 50 ms
    EXPECT_NEAR(row.client.trip_seconds, 13 * 0.03, 1e-9);
    EXPECT_EQ(row.server.packets, 0U);
}

TEST_F(HealthBookTest, ManyServersAreSummedUpAndThenManyServices) {
    add({seen(80, 1, 3), seen(80, 2, 4), seen(81, 1, 5)});
    EXPECT_THAT(rows(3), SizeIs(3));
    EXPECT_THAT(rows(2), ElementsAre("80  7", "81  5"));
    EXPECT_THAT(rows(1), ElementsAre("all  12"));
    EXPECT_THAT(rows(0), ElementsAre("all  12"));
}

TEST_F(HealthBookTest, SeriesOfWhoHasGoneGoAndSumsStay) {
    add({seen(80, 1, 3), seen(80, 2, 4), seen(81, 1, 5)});
    const ServerHealth late = seen(80, 2, 1);
    lab.apply(model_of({service_at(80, {machine(1), machine(3)})}));
    book.forget_gone(lab.services.catalogue());
    EXPECT_THAT(rows(), ElementsAre("80 192.168.0.1 3"));
    EXPECT_EQ(book.servers(), 1U);
    // What ends later was the service's all the same.
    add({late});
    EXPECT_THAT(rows(), ElementsAre("80 192.168.0.1 3"));
    add({seen(80, 3, 2)});
    EXPECT_THAT(rows(1), ElementsAre("80  10"));
    lab.apply(model_of({}));
    book.forget_gone(lab.services.catalogue());
    EXPECT_THAT(rows(), IsEmpty());
    add({late});
    EXPECT_THAT(rows(), IsEmpty());
}

// Another server in the slot of one that has gone begins at nothing.
TEST_F(HealthBookTest, ASlotUsedAgainIsAnother) {
    add({seen(80, 2, 4)});
    const auto slot = lab.id_of(2);
    lab.apply(model_of({service_at(80, {machine(1)}), service_at(81, {machine(1)})}));
    lab.settle();
    const uint64_t version = lab.services.version();
    lab.services.clear_retired(lab.report(), version, lab.census);
    lab.apply(model_of({service_at(80, {machine(1), machine(9)}), service_at(81, {machine(1)})}));
    ASSERT_EQ(lab.id_of(9), slot);
    book.forget_gone(lab.services.catalogue());
    EXPECT_THAT(rows(), IsEmpty());
    add({seen(80, 9, 1)});
    EXPECT_THAT(rows(), ElementsAre("80 192.168.0.9 1"));
}

TEST_F(HealthBookTest, ForgetsAll) {
    add({seen(80, 1, 3)});
    book.clear();
    EXPECT_THAT(rows(), IsEmpty());
    EXPECT_THAT(rows(0), IsEmpty());
    EXPECT_EQ(book.servers(), 0U);
}

}  // namespace
}  // namespace director::daemon
