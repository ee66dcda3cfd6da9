#include "vrrp/peers.h"

#include <algorithm>

namespace director::vrrp {

Peer& Peers::entry(const IpAddress& address) {
    const auto found = std::find_if(
        peers_.begin(), peers_.end(), [&](const Peer& peer) { return peer.address == address; });
    if (found != peers_.end()) {
        return *found;
    }
    if (peers_.size() == kPeersMax) {
        peers_.erase(
            std::min_element(peers_.begin(), peers_.end(), [](const Peer& a, const Peer& b) {
                return a.heard_at < b.heard_at;
            }));
    }
    Peer& peer = peers_.emplace_back();
    peer.address = address;
    return peer;
}

const Peer* Peers::find(const IpAddress& address) const {
    const auto found = std::find_if(
        peers_.begin(), peers_.end(), [&](const Peer& peer) { return peer.address == address; });
    return found == peers_.end() ? nullptr : &*found;
}

ChecksumForm Peers::common_form() const {
    const bool all_new = std::all_of(peers_.begin(), peers_.end(), [](const Peer& peer) {
        return peer.form == ChecksumForm::kMessageOnly;
    });
    return !peers_.empty() && all_new ? ChecksumForm::kMessageOnly : ChecksumForm::kPseudoHeader;
}

}  // namespace director::vrrp
