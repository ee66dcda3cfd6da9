// Whatever came before (edits, reloads, servers that fail and return, drains, refused
// configurations, slots given back), the workers have been told the same tables as by a fresh start
// from the configuration that is in force. Random and seeded; the slots are few, so that they run
// out.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/random.h"
#include "controlplane/plan/catalogue.h"
#include "controlplane/plan/translate.h"

namespace director::plan {
namespace {

constexpr uint32_t kServicesMax = 5;
constexpr uint32_t kServersMax = 14;
constexpr int kSeeds = 300;
constexpr int kSteps = 60;

// What workers do with what they are told.
class Told {
  public:
    void take(const std::vector<Change>& changes, const Catalogue& catalogue) {
        for (const Change& change : changes) {
            switch (change.kind) {
                case Change::Kind::kPutService:
                    tables_[change.service] = catalogue.table_of(change.service);
                    break;
                case Change::Kind::kRetireService:
                    tables_.erase(change.service);
                    break;
                case Change::Kind::kSetWeight: {
                    auto& slot = tables_.at(change.service).servers.at(change.position);
                    EXPECT_EQ(slot.id, change.server);
                    slot.weight = change.weight;
                    break;
                }
                default:
                    break;
            }
        }
    }

    // Without the slots' numbers, which tell what was there before.
    [[nodiscard]] std::string text() const {
        std::map<std::string, std::string> lines;
        for (const auto& [id, table] : tables_) {
            std::string line;
            for (const auto& server : table.servers) {
                line += fmt::format(" {}/{}/{}/{}",
                                    to_string(server.endpoint),
                                    server.weight,
                                    static_cast<int>(server.forwarding),
                                    server.connections_upper);
            }
            lines[to_string(Endpoint{table.key.address, table.key.port})] =
                fmt::format("{} {}{}", table.options.is_one_packet, table.flags.hash_port, line);
        }
        std::string all;
        for (const auto& [name, line] : lines) {
            all += fmt::format("{} {}\n", name, line);
        }
        return all;
    }

  private:
    std::map<dataplane::ServiceId, dataplane::ServiceTable> tables_;
};

class World {
  public:
    explicit World(uint64_t seed) : random_(seed), catalogue_(kServicesMax, kServersMax) {}

    void step() {
        switch (below(8)) {
            case 0:
            case 1:
                reload();
                break;
            case 2:
            case 3:
            case 4:
                edit();
                break;
            case 5:
                fail_or_return();
                break;
            case 6:
                drain();
                break;
            default:
                forget_retired();
        }
    }

    [[nodiscard]] std::string told() const { return told_.text(); }

    [[nodiscard]] std::string told_by_a_fresh_start() const {
        Catalogue fresh(kServicesMax, kServersMax);
        Told told;
        const auto changes = fresh.update(model_, serving_);
        EXPECT_TRUE(changes.has_value());
        told.take(*changes, fresh);
        for (const ServerName& name : drained_) {
            if (const auto drained = fresh.set_draining(name, Draining::kStart)) {
                told.take(*drained, fresh);
            }
        }
        return told.text();
    }

    int refused = 0;

  private:
    uint32_t below(uint32_t bound) { return static_cast<uint32_t>(random_.below(bound)); }

    static Endpoint server_at(uint32_t number) {
        return {Ipv4Address::of(10, 0, 0, static_cast<uint8_t>(number + 1)), Be16::from_host(80)};
    }

    config::VirtualService some_service(uint32_t number) {
        config::VirtualService service;
        service.endpoint = {Ipv4Address::of(192, 0, 2, static_cast<uint8_t>(number + 1)),
                            Be16::from_host(80)};
        service.scheduler = "rr";
        service.one_packet = below(4) == 0;
        for (uint32_t i = 0; i < 6; ++i) {
            if (below(2) == 0) {
                service.real_servers.push_back(some_server(i));
            }
        }
        return service;
    }
    config::RealServer some_server(uint32_t number) {
        config::RealServer server;
        server.endpoint = server_at(number);
        server.weight = below(4);
        server.upper_threshold = below(3) == 0 ? 10 : 0;
        return server;
    }

    // A file with other services altogether.
    void reload() {
        config::Model next;
        for (uint32_t i = 0; i < 6; ++i) {
            if (below(2) == 0) {
                next.virtual_services.push_back(some_service(i));
            }
        }
        apply(next);
    }

    // A change of one thing.
    void edit() {
        config::Model next = model_;
        if (next.virtual_services.empty()) {
            return;
        }
        auto& service =
            next.virtual_services[below(static_cast<uint32_t>(next.virtual_services.size()))];
        auto& servers = service.real_servers;
        const uint32_t number = below(6);
        const auto found = std::find_if(servers.begin(), servers.end(), [&](const auto& server) {
            return server.endpoint == server_at(number);
        });
        if (found == servers.end()) {
            servers.push_back(some_server(number));
        } else if (below(3) == 0) {
            servers.erase(found);
        } else {
            found->weight = below(4);
        }
        apply(next);
    }

    // Health checks start anew with each configuration here: all is served.
    void apply(const config::Model& next) {
        const bool fits = catalogue_.try_out(next).has_value();
        const auto changes = catalogue_.update(next);
        EXPECT_EQ(fits, changes.has_value());
        if (!changes) {
            ++refused;
            return;
        }
        model_ = next;
        serving_.assign(model_.virtual_services.size(), std::nullopt);
        drained_.clear();
        told_.take(*changes, catalogue_);
    }

    void fail_or_return() {
        if (model_.virtual_services.empty()) {
            return;
        }
        const uint32_t place = below(static_cast<uint32_t>(model_.virtual_services.size()));
        const config::VirtualService& service = model_.virtual_services[place];
        ServingTable rows;
        for (const config::RealServer& server : service.real_servers) {
            if (below(3) != 0) {
                rows.push_back({server.endpoint, below(5) == 0 ? 7 : server.weight});
            }
        }
        serving_[place] = rows;
        told_.take(catalogue_.set_serving(key_of(service), rows), catalogue_);
    }

    void drain() {
        const ServerName name{server_at(below(6)), std::nullopt};
        const bool is_on = below(2) == 0;
        std::erase_if(drained_,
                      [&](const ServerName& other) { return other.server == name.server; });
        if (const auto changes =
                catalogue_.set_draining(name, is_on ? Draining::kStart : Draining::kStop)) {
            told_.take(*changes, catalogue_);
            if (is_on) {
                drained_.push_back(name);
            }
        }
    }

    // The last connections of what is retired have ended, of some.
    void forget_retired() {
        std::vector<std::pair<dataplane::ServiceId, dataplane::RealServerId>> servers;
        std::vector<dataplane::ServiceId> services;
        for (const ServiceEntry* const service : catalogue_.services()) {
            size_t left = service->servers.size();
            for (const RealServerEntry& server : service->servers) {
                if (server.is_retired && below(4) != 0) {
                    servers.emplace_back(service->id, server.id);
                    --left;
                }
            }
            if (service->is_retired && left == 0) {
                services.push_back(service->id);
            }
        }
        for (const auto& [service, server] : servers) {
            catalogue_.forget_real_server(service, server);
        }
        for (const dataplane::ServiceId service : services) {
            catalogue_.forget_service(service);
        }
    }

    Random random_;
    Catalogue catalogue_;
    config::Model model_;
    ServingTables serving_;
    std::vector<ServerName> drained_;
    Told told_;
};

TEST(CatalogueProperty, WorkersAreToldWhatAFreshStartTellsThem) {
    int refused = 0;
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        World world(seed);
        for (int step = 0; step < kSteps; ++step) {
            world.step();
            ASSERT_EQ(world.told(), world.told_by_a_fresh_start())
                << "seed " << seed << ", step " << step;
        }
        refused += world.refused;
    }
    EXPECT_GT(refused, 100) << "slots never run out: the test is too tame";
}

}  // namespace
}  // namespace director::plan
