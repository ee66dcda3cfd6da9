// Connection thresholds of real servers, counted over all workers.
#include <catch2/catch.hpp>

#include "tests/support/sim_net.h"

namespace director::test {
namespace {

using namespace nat_lab;    // NOLINT(google-build-using-namespace): the laboratory's addresses
using namespace dataplane;  // NOLINT(google-build-using-namespace): the unit under test
using State = SimClient::State;

class Queue {
  public:
    Queue(uint16_t workers, uint32_t upper, uint32_t lower)
        : fleet({.workers = workers, .tailroom_bytes = 100}), net(fleet) {
        configure(fleet);
        service = fleet.put_service(kHttp,
                                    "rr",
                                    {{.endpoint = at(kServer107, 80),
                                      .connections_upper = upper,
                                      .connections_lower = lower}});
        net.add_server(at(kServer107, 80));
    }

    // One after the other, each worker hearing of what others have meanwhile.
    bool gets_in(uint16_t i) {
        fleet.poll();
        SimClient& visitor = net.connect(client(i), at(kVip, 80));
        net.settle();
        return visitor.state == State::kEstablished;
    }
    void leaves(uint16_t i) {
        net.client(client(i)).abort();
        net.settle();
        fleet.run_for(std::chrono::seconds(11));
    }
    static Endpoint client(uint16_t i) {
        return at(Ipv4Address::of(198, 51, 100, static_cast<uint8_t>(1 + i)), 500);
    }

    WorkerFleet fleet;
    SimNet net;
    ServiceId service{};
};

SCENARIO("a real server at its upper threshold gets no new connection", "[thresholds]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 2, 4);
    CAPTURE(workers);
    GIVEN("a server for eight connections, and no lower threshold") {
        Queue queue(workers, 8, 0);
        uint16_t inside = 0;
        while (inside < 8) {
            REQUIRE(queue.gets_in(inside));
            ++inside;
        }
        THEN("the ninth is refused until less than three quarters are left") {
            REQUIRE_FALSE(queue.gets_in(20));
            REQUIRE(queue.fleet.dropped(DropReason::kNoServerAvailable) == 1);
            queue.leaves(0);
            queue.leaves(1);
            REQUIRE_FALSE(queue.gets_in(21));  // six are left
            queue.leaves(2);
            REQUIRE(queue.gets_in(22));
            queue.net.client(Queue::client(5)).say("still here");
            queue.net.settle();
            REQUIRE(queue.net.client(Queue::client(5)).heard.ends_with("still here|"));
            queue.fleet.check_gauges();
        }
    }
    GIVEN("a server for four connections, and two as the lower threshold") {
        Queue queue(workers, 4, 2);
        for (uint16_t i = 0; i < 4; ++i) {
            REQUIRE(queue.gets_in(i));
        }
        THEN("it takes no more until there are fewer than two") {
            REQUIRE_FALSE(queue.gets_in(20));
            queue.leaves(0);
            queue.leaves(1);
            REQUIRE_FALSE(queue.gets_in(21));
            queue.leaves(2);
            REQUIRE(queue.gets_in(22));
            queue.fleet.check_gauges();
        }
    }
}

}  // namespace
}  // namespace director::test
