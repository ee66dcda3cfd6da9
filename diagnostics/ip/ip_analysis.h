// What the IP headers of one direction of a flow tell, packet by packet: the facts behind the
// tutorial's ip* columns. Plain state, to lie within a flow's own; sans-IO.
//
// Identifications (IPv4): the difference is the plain one between a packet's number and that of the
// packet before it in the same direction. Where it falls, this is either a packet that was
// overtaken or the counter's way from 65535 to 0. Tranalyzer 0.8 calls every fall a rollover
// (0x0004); here a fall by no more than kIdFallMax is "out of order" (0x0002), as its later
// versions have a threshold for it, and only a larger one a rollover.
#pragma once

#include <cstdint>
#include <string_view>

#include "diagnostics/ip/fragment_follower.h"
#include "diagnostics/ip/ip_facts.h"
#include "diagnostics/packet/headers.h"

namespace director::diagnostics {

// The rollover threshold of Tranalyzer 0.9.3.
inline constexpr int32_t kIdFallMax = 0x2000;

// What one packet was found to be.
struct IpFinding {
    int32_t id_difference = 0;  // "ipIDDiff"
    uint16_t flags = 0;         // IpFlagBit
};

// "constant", "counter", "random"; "" where it is not known.
[[nodiscard]] std::string_view to_string(IdBehaviour behaviour);

class IpAnalysis {
  public:
    // `headers` are of an IP packet of this direction; `fragment` is what FragmentFollower says of
    // it, nothing for a whole packet. Of spans those of IP's options are looked at, no others.
    IpFinding update(const Headers& headers, int64_t time_ns, const FragmentFinding& fragment = {});
    // A datagram of this direction was given up before all its fragments came.
    void see_unfinished() { facts_.flags |= kIpFragmentSequence; }
    [[nodiscard]] const IpFacts& facts() const { return facts_; }

  private:
    [[nodiscard]] uint16_t see_gap(int64_t time_ns, bool was_held);
    void see_ttl(uint8_t ttl);
    void see_identification(uint16_t identification, IpFinding& finding);
    void see_id_step(int32_t difference, IpFinding& finding);
    void see_options(const IpHeaders& ip);

    int64_t last_ns_ = 0;
    // Steps of the identification that look like a counter's, like none, and all.
    uint32_t steps_ = 0;
    uint32_t still_steps_ = 0;
    uint32_t counter_steps_ = 0;
    uint16_t last_id_ = 0;
    uint8_t last_ttl_ = 0;
    bool has_any_ : 1 = false;
    bool has_id_ : 1 = false;
    // Last, as of it only the first part is changed by each packet.
    IpFacts facts_;
};

}  // namespace director::diagnostics
