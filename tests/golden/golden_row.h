// One row of the packet path's table: a name, a configuration, frames in, and what becomes of each.
// rows_test.cc runs every row with 1, 2 and 4 workers and in bursts of 1 and 32, so a row must not
// depend on which worker serves a client: rows with more than one real server compare no addresses.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/nat_lab.h"
#include "tests/support/worker_fleet.h"

namespace director::test::golden {

// A frame and its fate, or something that happens between two frames.
struct Step {
    std::optional<FrameIn> in;
    dataplane::Verdict verdict{};
    dataplane::DropReason reason{};          // kDrop
    dataplane::PortId out_port{};            // kForward, kPuntForNeighbour
    std::optional<Frame> out;                // kForward, kPuntForNeighbour: to the byte
    dataplane::InterfaceId out_interface{};  // kPuntForNeighbour
    Ipv4Address next_hop;                    // kPuntForNeighbour
    std::function<void(WorkerFleet&)> action = {};
};

[[nodiscard]] Step forwarded(FrameIn in, dataplane::PortId port, Frame out);
[[nodiscard]] Step punted(FrameIn in);
[[nodiscard]] Step dropped(FrameIn in, dataplane::DropReason reason);
[[nodiscard]] Step asks_for(FrameIn in,
                            dataplane::InterfaceId interface,
                            dataplane::PortId port,
                            Ipv4Address next_hop,
                            Frame out);
[[nodiscard]] Step then(std::function<void(WorkerFleet&)> action);

// Frames that arrive outside and inside.
[[nodiscard]] FrameIn outside(const PacketBuilder& frame);
[[nodiscard]] FrameIn inside(const PacketBuilder& frame);

struct Row {
    std::string name;
    std::vector<Step> steps;
    // On top of nat_lab::configure(): without it, `kHttp` on 192.168.0.108:80.
    std::function<void(WorkerFleet&)> configure = {};
    std::function<void(dataplane::WorkerSettings&)> settings = {};
};

// A client port above `port` whose connections to kVip belong to the same worker.
[[nodiscard]] uint16_t sibling_port(Ipv4Address client, uint16_t port);

[[nodiscard]] std::vector<Row> balanced_rows();
[[nodiscard]] std::vector<Row> routed_rows();
[[nodiscard]] std::vector<Row> hostile_rows();

}  // namespace director::test::golden
