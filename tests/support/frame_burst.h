// Feeds frames to a worker by hand and gives back what became of them.
//
//   FrameBurst frames;
//   frames.add(syn, PortId{0});
//   worker.process(frames.burst(), now);
//   EXPECT_EQ(frames.packet(0).verdict, Verdict::kForward);
//   EXPECT_TRUE(has_good_checksums(frames.bytes(0)));
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/core/packet.h"
#include "tests/support/packet_builder.h"

namespace director::test {

// Each frame lies at the very end of a heap block of its own, after the headroom: AddressSanitizer
// sees the first byte read or written behind it or before the headroom.
class FrameBurst {
  public:
    static constexpr size_t kHeadroomBytes = 128;

    // Copies a frame in, with this room behind it. At most kBurstMax. The packet may be changed
    // further (checksum flags, fewer contiguous bytes) before the burst is processed.
    dataplane::Packet& add(std::span<const uint8_t> frame,
                           dataplane::PortId in_port = dataplane::PortId{},
                           uint32_t tailroom_bytes = 0);

    // Forgets all frames.
    void clear();

    [[nodiscard]] size_t size() const { return burst_.count; }
    [[nodiscard]] dataplane::Burst& burst() { return burst_; }
    [[nodiscard]] dataplane::Packet& packet(size_t i);
    [[nodiscard]] const dataplane::Packet& packet(size_t i) const;

    // The frame as it is now, wherever its first byte has moved to. Aborts when the packet claims
    // bytes outside the block that it was given.
    [[nodiscard]] Frame bytes(size_t i) const;

  private:
    struct Block {
        std::unique_ptr<uint8_t[]> memory;
        size_t size = 0;
    };

    std::vector<Block> blocks_;
    dataplane::Burst burst_;
};

}  // namespace director::test
