#include "tests/support/sim_network.h"

#include <utility>

namespace director::test {

void SimNetwork::partition(Segment segment, const std::set<Node>& side) {
    for (const Node inside : side) {
        for (const Node other : members_[segment]) {
            if (!side.contains(other)) {
                cut(segment, inside, other);
                cut(segment, other, inside);
            }
        }
    }
}

void SimNetwork::send(
    TimePoint now, Segment segment, Node from, std::optional<Node> to, std::vector<uint8_t> bytes) {
    const auto shared = std::make_shared<const std::vector<uint8_t>>(std::move(bytes));
    if (to) {
        send_one(now, segment, from, *to, shared);
        return;
    }
    for (const Node node : members_[segment]) {
        if (node != from) {
            send_one(now, segment, from, node, shared);
        }
    }
}

void SimNetwork::send_one(TimePoint now, Segment segment, Node from, Node to, const Bytes& bytes) {
    ++sent;
    const Way way{segment, from, to};
    if ((!cuts_.empty() && cuts_.contains(way)) || is_lost(way)) {
        ++lost;
        return;
    }
    add(now, segment, from, to, bytes);
    if (link_.duplicate_per_mille > 0 && random_.below(1000) < link_.duplicate_per_mille) {
        add(now, segment, from, to, bytes);
    }
}

bool SimNetwork::is_lost(const Way& way) {
    if (link_.loss_per_mille == 0) {
        return false;
    }
    uint32_t& in_a_row = losses_in_a_row_[way];
    if (random_.below(1000) < link_.loss_per_mille && in_a_row < link_.losses_in_a_row_max) {
        ++in_a_row;
        return true;
    }
    in_a_row = 0;
    return false;
}

void SimNetwork::add(TimePoint now, Segment segment, Node from, Node to, const Bytes& bytes) {
    const Duration spread = link_.delay_max - link_.delay_min;
    const auto extra =
        spread > Duration::zero()
            ? Duration(static_cast<int64_t>(random_.below(static_cast<uint64_t>(spread.count()))))
            : Duration::zero();
    pending_.push(
        Pending{Delivery{now + link_.delay_min + extra, segment, from, to, bytes}, ++serial_});
}

TimePoint SimNetwork::next_delivery() const {
    return pending_.empty() ? TimePoint::max() : pending_.top().delivery.at;
}

std::optional<SimNetwork::Delivery> SimNetwork::take() {
    if (pending_.empty()) {
        return std::nullopt;
    }
    Delivery delivery = pending_.top().delivery;
    pending_.pop();
    return delivery;
}

}  // namespace director::test
