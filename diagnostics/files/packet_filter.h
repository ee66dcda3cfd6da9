// Filters as tcpdump has them ("host 192.0.2.1 and tcp port 80", pcap-filter(7)), compiled by
// libpcap for each link type a file holds.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/result.h"
#include "diagnostics/packet/packet.h"

namespace director::diagnostics {

class PacketFilter {
  public:
    // "" lets everything through.
    explicit PacketFilter(std::string expression);
    ~PacketFilter();
    PacketFilter(PacketFilter&&) noexcept;
    PacketFilter& operator=(PacketFilter&&) noexcept;
    PacketFilter(const PacketFilter&) = delete;
    PacketFilter& operator=(const PacketFilter&) = delete;

    // To be called before packets of this link type are asked about. Fails for an expression that
    // libpcap does not understand, or cannot ask of such a link.
    [[nodiscard]] Result<void> prepare(LinkType link);
    [[nodiscard]] bool lets_through(const Packet& packet) const {
        return programs_.empty() || matches(packet);
    }

  private:
    struct Program;
    [[nodiscard]] bool matches(const Packet& packet) const;

    std::string expression_;
    std::vector<std::unique_ptr<Program>> programs_;
};

}  // namespace director::diagnostics
