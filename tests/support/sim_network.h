// A simulated network under virtual time: segments that nodes have joined, and datagrams that are
// lost, delayed, doubled and overtaken as a seed decides. Knows nothing of what the bytes mean; the
// caller sends, asks when the next delivery is, and takes it.
//
//   SimNetwork network(seed);
//   network.join(segment, node);
//   network.send(now, segment, from, std::nullopt, bytes);   // to everybody else there
//   while (network.next_delivery() <= end) { handle(*network.take()); }
//
// The same seed and the same calls give the same deliveries in the same order.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <tuple>
#include <vector>

#include "common/random.h"
#include "common/time.h"

namespace director::test {

// How a segment treats datagrams. Overtaking follows from a spread of delays.
struct SimLink {
    Duration delay_min{0};
    Duration delay_max{0};
    uint32_t loss_per_mille = 0;
    uint32_t duplicate_per_mille = 0;
    // No more than so many in a row from one node to another are lost; cuts do not count.
    uint32_t losses_in_a_row_max = UINT32_MAX;
};

class SimNetwork {
  public:
    using Node = uint32_t;
    using Segment = uint32_t;
    using Bytes = std::shared_ptr<const std::vector<uint8_t>>;

    struct Delivery {
        TimePoint at;
        Segment segment = 0;
        Node from = 0;
        Node to = 0;
        Bytes bytes;
    };

    explicit SimNetwork(uint64_t seed) : random_(seed) {}

    void join(Segment segment, Node node) { members_[segment].insert(node); }
    void set_link(const SimLink& link) { link_ = link; }
    [[nodiscard]] const SimLink& link() const { return link_; }

    // What `from` sends on a segment does not reach `to`, until mended.
    void cut(Segment segment, Node from, Node to) { cuts_.insert({segment, from, to}); }
    void mend(Segment segment, Node from, Node to) { cuts_.erase({segment, from, to}); }
    void mend_all() { cuts_.clear(); }
    // No datagram passes between those in `side` and the others on the segment.
    void partition(Segment segment, const std::set<Node>& side);

    // To one node, or to everybody else on the segment.
    void send(TimePoint now,
              Segment segment,
              Node from,
              std::optional<Node> to,
              std::vector<uint8_t> bytes);

    // TimePoint::max() when nothing is under way.
    [[nodiscard]] TimePoint next_delivery() const;
    // The next delivery; nullopt when nothing is under way.
    [[nodiscard]] std::optional<Delivery> take();

    uint64_t sent = 0;
    uint64_t lost = 0;

  private:
    struct Pending {
        Delivery delivery;
        uint64_t serial = 0;
        // The first one at the top: earliest, then as sent.
        bool operator<(const Pending& other) const {
            return std::tie(other.delivery.at, other.serial) < std::tie(delivery.at, serial);
        }
    };
    using Way = std::tuple<Segment, Node, Node>;

    void send_one(TimePoint now, Segment segment, Node from, Node to, const Bytes& bytes);
    [[nodiscard]] bool is_lost(const Way& way);
    void add(TimePoint now, Segment segment, Node from, Node to, const Bytes& bytes);

    Random random_;
    SimLink link_;
    std::map<Segment, std::set<Node>> members_;
    std::set<Way> cuts_;
    std::map<Way, uint32_t> losses_in_a_row_;
    std::priority_queue<Pending> pending_;
    uint64_t serial_ = 0;
};

}  // namespace director::test
