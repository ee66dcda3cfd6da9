#include "tests/golden/golden_row.h"

#include "dataplane/core/shard.h"

namespace director::test::golden {

using dataplane::Verdict;

Step forwarded(FrameIn in, dataplane::PortId port, Frame out) {
    Step step;
    step.in = std::move(in);
    step.verdict = Verdict::kForward;
    step.out_port = port;
    step.out = std::move(out);
    return step;
}

Step punted(FrameIn in) {
    Step step;
    step.in = std::move(in);
    step.verdict = Verdict::kPunt;
    return step;
}

Step dropped(FrameIn in, dataplane::DropReason reason) {
    Step step;
    step.in = std::move(in);
    step.verdict = Verdict::kDrop;
    step.reason = reason;
    return step;
}

Step asks_for(FrameIn in,
              dataplane::InterfaceId interface,
              dataplane::PortId port,
              Ipv4Address next_hop,
              Frame out) {
    Step step = forwarded(std::move(in), port, std::move(out));
    step.verdict = Verdict::kPuntForNeighbour;
    step.out_interface = interface;
    step.next_hop = next_hop;
    return step;
}

Step then(std::function<void(WorkerFleet&)> action) {
    Step step;
    step.action = std::move(action);
    return step;
}

FrameIn outside(const PacketBuilder& frame) {
    return {nat_lab::kOutside, frame.build()};
}

FrameIn inside(const PacketBuilder& frame) {
    return {nat_lab::kInside, frame.build()};
}

uint16_t sibling_port(Ipv4Address client, uint16_t port) {
    const uint16_t bucket = dataplane::shard_bucket(nat_lab::at(client, port));
    for (uint16_t other = static_cast<uint16_t>(port + 1); other != port; ++other) {
        if (other != 0 && dataplane::shard_bucket(nat_lab::at(client, other)) == bucket) {
            return other;
        }
    }
    return port;
}

}  // namespace director::test::golden
