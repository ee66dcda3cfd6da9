// Packets -> a Router with instances of every kind. The first byte chooses: 0, the rest is an IP
// packet as it came; else it is a VRRP message whose checksum is put right and which gets an IP
// header, so that the fuzzer comes further than the checksum. With 8 in it all are MASTER. Whatever
// comes: what was read can be built and is read again alike, addresses are held exactly while
// MASTER, and the next deadline is not in the past.
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <vector>

#include "common/assert.h"
#include "common/checksum.h"
#include "vrrp/packet.h"
#include "vrrp/router.h"

namespace {

using namespace director;
using namespace director::vrrp;

constexpr TimePoint kStart{std::chrono::hours(1)};

InstanceConfig instance(uint8_t vrid, uint8_t priority) {
    InstanceConfig config;
    config.priority = priority;
    config.name = "VI_" + std::to_string(vrid);
    config.interface = "net0";
    config.vrid = vrid;
    config.addresses = {VirtualAddress{{Ipv4Address::of(10, 9, 1, vrid), 32}, {}, {}}};
    return config;
}

Config all_kinds(uint8_t priority) {
    Config config;
    for (uint8_t vrid = 1; vrid <= 6; ++vrid) {
        config.instances.push_back(instance(vrid, priority));
    }
    auto& all = config.instances;
    all[1].authentication = Authentication::kPassword;
    all[2].authentication = Authentication::kHeader;
    all[1].password = all[2].password = "secret";
    all[3].version = all[4].version = all[5].version = Version::kV3;
    all[4].family = Family::kIpv6;
    all[4].addresses = {VirtualAddress{{*IpAddress::parse("fe80::100"), 128}, {}, {}}};
    all[5].is_preempting = priority == 255;
    all[5].is_unicast = true;
    all[5].checks_peers = false;
    return config;
}

// A message from 10.9.0.2 or fe80::2 with a right checksum.
std::vector<uint8_t> packet_around(std::vector<uint8_t> message, bool is_ipv6, bool is_unicast) {
    Envelope envelope;
    envelope.source = is_ipv6 ? *IpAddress::parse("fe80::2") : *IpAddress::parse("10.9.0.2");
    envelope.destination = is_unicast ? IpAddress(Ipv4Address::of(10, 9, 0, 1))
                                      : multicast_group(envelope.source.family());
    if (is_unicast && is_ipv6) {
        envelope.destination = *IpAddress::parse("fe80::1");
    }
    if (message.size() >= 8) {
        message[6] = message[7] = 0;
        uint64_t sum = checksum_add(0, message.data(), message.size());
        if (is_ipv6) {
            sum = checksum_add(sum, envelope.source.bytes.data(), 16);
            sum = checksum_add(sum, envelope.destination.bytes.data(), 16);
            sum += checksum_pseudo_ipv4(0, 0, 112, static_cast<uint16_t>(message.size()));
        }
        const auto checksum = static_cast<uint16_t>(~checksum_fold(sum));
        message[6] = static_cast<uint8_t>(checksum);
        message[7] = static_cast<uint8_t>(checksum >> 8);
    }
    return build_packet(envelope, message);
}

void check_round_trip(std::span<const uint8_t> bytes) {
    const auto packet = parse_packet(bytes);
    if (!packet) {
        return;
    }
    const auto first = parse_advertisement(packet->message, packet->source, packet->destination);
    if (!first) {
        return;
    }
    Advertisement advert = first->advertisement;
    if (advert.authentication != Authentication::kPassword) {
        advert.password = Password{};  // not sent
    }
    const auto built =
        build_advertisement(advert, packet->source, packet->destination, first->form);
    const auto second = parse_advertisement(built, packet->source, packet->destination);
    DIRECTOR_ASSERT(second.has_value() && second->advertisement == advert);
}

void check_router(const Router& router, const Actions& actions, TimePoint now) {
    std::set<IpAddress> held;
    for (const Action& action : actions) {
        if (const auto* add = std::get_if<AddAddresses>(&action)) {
            DIRECTOR_ASSERT(held.insert(add->addresses.at(0).prefix.address).second);
        } else if (const auto* remove = std::get_if<RemoveAddresses>(&action)) {
            DIRECTOR_ASSERT(held.erase(remove->addresses.at(0).prefix.address) == 1);
        }
    }
    for (const InstanceStatus& one : router.status().instances) {
        const bool is_master = one.state == State::kMaster;
        DIRECTOR_ASSERT(held.contains(one.addresses.at(0).prefix.address) == is_master);
        DIRECTOR_ASSERT(one.state == State::kMaster || one.state == State::kBackup);
        DIRECTOR_ASSERT(one.master_interval > Duration::zero());
    }
    DIRECTOR_ASSERT(router.deadline() >= now);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) {
        return 0;
    }
    std::vector<uint8_t> bytes(data + 1, data + size);
    if (data[0] != 0) {
        bytes = packet_around(bytes, (data[0] & 2) != 0, (data[0] & 4) != 0);
    }
    bytes.shrink_to_fit();
    check_round_trip(bytes);

    Router router;
    Actions actions;
    InterfaceFacts facts;
    facts.is_up = true;
    facts.ipv4 = *IpAddress::parse("10.9.0.1");
    facts.ipv6 = *IpAddress::parse("fe80::1");
    router.interface_changed(kStart, "net0", facts, actions);
    router.configure(kStart, all_kinds((data[0] & 8) != 0 ? 255 : 100), actions);
    router.start(kStart, actions);
    router.receive(kStart, "net0", bytes, actions);
    check_router(router, actions, kStart);
    const TimePoint now = kStart + std::chrono::milliseconds(500);
    router.receive(now, "net0", bytes, actions);
    router.receive(now, "net0", bytes, actions);
    check_router(router, actions, now);
    return 0;
}
