// A virtual service as the control plane hands it to a worker.
//
// Each worker gets a ServiceTable of its own: built by the control plane, installed with
// CommandKind::kPutService, changed by that worker alone while installed (the scheduler's position,
// a weight), and handed back with EventKind::kServiceReturned when replaced or removed. The control
// plane then frees it.
#pragma once

#include <cstdint>
#include <vector>

#include "common/address.h"
#include "dataplane/api/ids.h"

namespace director::dataplane {

// How a real server is reached. Later methods (direct routing, tunnel, full NAT) join here.
enum class ForwardingMethod : uint8_t { kNat };

// What a client addresses: the key of a virtual service.
struct ServiceKey {
    Ipv4Address address;
    Be16 port;
    Protocol protocol = Protocol::kTcp;

    friend constexpr bool operator==(const ServiceKey&, const ServiceKey&) = default;
};

// One real server in a service's list.
struct RealServerSlot {
    RealServerId id = kNoRealServer;
    Endpoint endpoint;
    ForwardingMethod forwarding = ForwardingMethod::kNat;
    uint32_t weight = 0;
};

// Weights above this are refused by the configuration, so that sums fit 64 bits with room to spare
// (IPVS: 65535).
inline constexpr uint32_t kWeightMax = 65535;

// Node of the scheduler's search tree over the list: the heaviest weight and the greatest common
// divisor of the weights below it. Filled by core::build_weight_tree.
struct WeightNode {
    uint32_t weight_max = 0;
    uint32_t weight_gcd = 0;
};

// Where the scheduler stands. What each field means is the scheduler's own business.
struct SchedulerState {
    uint32_t position = 0;        // index in `servers` of the last choice
    uint32_t current_weight = 0;  // wrr: the weight that a server needs in this pass
    bool started = false;         // rr: `position` is a choice made, not where to begin
};

struct ServiceTable {
    ServiceId id = kNoService;
    ServiceKey key;
    uint8_t scheduler = 0;  // index into core::kSchedulers
    // In LVS's order: the server added last comes first.
    std::vector<RealServerSlot> servers;
    std::vector<WeightNode> weights;
    SchedulerState state;
};

}  // namespace director::dataplane
