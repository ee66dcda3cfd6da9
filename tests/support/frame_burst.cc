#include "tests/support/frame_burst.h"

#include <algorithm>

#include "common/assert.h"

namespace director::test {

dataplane::Packet& FrameBurst::add(std::span<const uint8_t> frame,
                                   dataplane::PortId in_port,
                                   uint32_t tailroom_bytes) {
    DIRECTOR_ASSERT(burst_.count < dataplane::kBurstMax);
    const size_t size = kHeadroomBytes + frame.size() + tailroom_bytes;
    Block block{std::make_unique<uint8_t[]>(size), size};
    std::copy(frame.begin(), frame.end(), block.memory.get() + kHeadroomBytes);

    dataplane::Packet& packet = burst_.packets.at(burst_.count);
    packet = dataplane::Packet{};
    packet.data = block.memory.get() + kHeadroomBytes;
    packet.length_bytes = static_cast<uint32_t>(frame.size());
    packet.contiguous_bytes = static_cast<uint32_t>(frame.size());
    packet.headroom_bytes = kHeadroomBytes;
    packet.tailroom_bytes = tailroom_bytes;
    packet.in_port = in_port;
    ++burst_.count;
    blocks_.push_back(std::move(block));
    return packet;
}

void FrameBurst::clear() {
    burst_.count = 0;
    blocks_.clear();
}

dataplane::Packet& FrameBurst::packet(size_t i) {
    DIRECTOR_ASSERT(i < burst_.count);
    return burst_.packets.at(i);
}

const dataplane::Packet& FrameBurst::packet(size_t i) const {
    DIRECTOR_ASSERT(i < burst_.count);
    return burst_.packets.at(i);
}

Frame FrameBurst::bytes(size_t i) const {
    const dataplane::Packet& packet = this->packet(i);
    const Block& block = blocks_.at(i);
    const uint8_t* const end = block.memory.get() + block.size;
    DIRECTOR_ASSERT(packet.data >= block.memory.get() && packet.data <= end);
    DIRECTOR_ASSERT(packet.length_bytes <= static_cast<size_t>(end - packet.data));
    return Frame(packet.data, packet.data + packet.length_bytes);
}

}  // namespace director::test
