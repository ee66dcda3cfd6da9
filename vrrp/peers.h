// The other routers that an instance has heard: what each understands, and what an administrator
// should know about it. Bounded, since sources can be made up.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "common/address.h"
#include "common/time.h"
#include "vrrp/advertisement.h"

namespace director::vrrp {

struct Peer {
    IpAddress address;
    TimePoint heard_at;
    uint64_t adverts = 0;
    uint8_t priority = 0;
    Duration interval{0};
    ChecksumForm form = ChecksumForm::kPseudoHeader;
    bool has_other_addresses = false;
    uint32_t ah_sequence = 0;
};

class Peers {
  public:
    static constexpr size_t kPeersMax = 16;

    // The peer's entry, made if need be: the one heard longest ago makes room.
    Peer& entry(const IpAddress& address);
    [[nodiscard]] const Peer* find(const IpAddress& address) const;
    [[nodiscard]] const std::vector<Peer>& all() const { return peers_; }
    // What all peers understand (kLearn): message-only if every one of them sends that.
    [[nodiscard]] ChecksumForm common_form() const;

  private:
    std::vector<Peer> peers_;
};

}  // namespace director::vrrp
