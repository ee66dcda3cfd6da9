// A Router on "net0" (10.9.0.1, 02:00:00:00:00:0a), a clock that the test moves, and other routers'
// adverts made by the codec.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "tests/unit/vrrp/vrrp_support.h"
#include "vrrp/packet.h"
#include "vrrp/router.h"

namespace director::vrrp {

using std::chrono::milliseconds;
using std::chrono::seconds;

class RouterTest : public testing::Test {
  protected:
    RouterTest() { config.instances = {test_instance("VI_1", 51)}; }

    InstanceConfig& one() { return config.instances.front(); }

    // With the configuration of this moment, interface up.
    void start() {
        set_interface(true);
        router.configure(now, config, actions);
        router.start(now, actions);
    }
    void start_as_master() {
        start();
        run_for(router.deadline() - now);
        ASSERT_EQ(state(), State::kMaster);
        actions.clear();
    }
    void set_interface(bool is_up) {
        InterfaceFacts facts;
        facts.is_up = is_up;
        facts.mac = *MacAddress::parse("02:00:00:00:00:0a");
        facts.ipv4 = own;
        facts.ipv6 = *IpAddress::parse("fe80::1");
        router.interface_changed(now, "net0", facts, actions);
    }
    void run_for(Duration duration) {
        const TimePoint end = now + duration;
        while (router.deadline() <= end) {
            now = router.deadline();
            router.wake(now, actions);
        }
        now = end;
    }

    // What a router at `source` would send with our own configuration and this priority.
    [[nodiscard]] Advertisement advert_of(uint8_t priority, size_t index = 0) const {
        const InstanceConfig& instance = config.instances[index];
        Advertisement advert;
        advert.version = instance.version;
        advert.vrid = instance.vrid;
        advert.priority = priority;
        advert.interval = instance.interval;
        advert.authentication = instance.authentication;
        advert.password = make_password(instance.password);
        for (const VirtualAddress& address : instance.addresses) {
            advert.addresses.push_back(address.prefix.address);
        }
        return advert;
    }
    void hear(const Advertisement& advert,
              const IpAddress& source,
              ChecksumForm form = ChecksumForm::kPseudoHeader) {
        const InstanceConfig& instance = config.instances.front();
        Envelope envelope;
        envelope.source = source;
        envelope.destination = instance.is_unicast ? own : multicast_group(source.family());
        hear_packet(build_packet(envelope,
                                 build_advertisement(advert, source, envelope.destination, form)));
    }
    void hear(uint8_t priority, const IpAddress& source) { hear(advert_of(priority), source); }
    void hear(uint8_t priority) { hear(priority, other); }
    void hear_packet(const std::vector<uint8_t>& packet) {
        router.receive(now, "net0", packet, actions);
    }

    [[nodiscard]] InstanceStatus status(size_t index = 0) const {
        return router.status().instances.at(index);
    }
    [[nodiscard]] State state(size_t index = 0) const { return status(index).state; }
    [[nodiscard]] uint64_t refused(Refusal refusal) const {
        return status().counters.refused[static_cast<size_t>(refusal)];
    }
    [[nodiscard]] Duration until_deadline() const { return router.deadline() - now; }

    // Priorities of the adverts sent since the last time.
    std::vector<int> adverts() {
        std::vector<int> priorities;
        for (const auto& advert : all_of<SendAdvert>(actions)) {
            priorities.push_back(advert.priority);
        }
        actions.clear();
        return priorities;
    }
    // Texts of the events of one kind.
    [[nodiscard]] std::vector<std::string> texts(EventKind kind) const {
        std::vector<std::string> found;
        for (const auto& event : all_of<Event>(actions)) {
            if (event.kind == kind) {
                found.push_back(event.text);
            }
        }
        return found;
    }

    const IpAddress own = *IpAddress::parse("10.9.0.1");
    const IpAddress other = *IpAddress::parse("10.9.0.2");
    const IpAddress third = *IpAddress::parse("10.9.0.3");
    TimePoint now = kStart;
    Config config;
    Router router;
    Actions actions;
};

}  // namespace director::vrrp
