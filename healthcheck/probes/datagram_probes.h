// The checks that send one datagram and look at what comes back: ping, UDP, DNS.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "healthcheck/codecs/ping_message.h"
#include "healthcheck/probes/probe.h"

namespace director::healthcheck {

// Through a datagram ICMP socket where net.ipv4.ping_group_range allows it, else through a raw one.
class PingProbe final : public Probe {
  public:
    using Probe::Probe;
    void begin(TimePoint now) override;
    void on_ready(int fd, Readiness readiness, TimePoint now) override;

  private:
    [[nodiscard]] bool open(TimePoint now);

    OwnedFd socket_;
    bool is_raw_ = false;
    PingNumber number_;
};

class UdpProbe final : public Probe {
  public:
    using Probe::Probe;
    void begin(TimePoint now) override;
    void on_ready(int fd, Readiness readiness, TimePoint now) override;
    // Silence is consent, unless a reply is required.
    void on_deadline(TimePoint now) override;

  private:
    OwnedFd socket_;
};

class DnsProbe final : public Probe {
  public:
    using Probe::Probe;
    void begin(TimePoint now) override;
    void on_ready(int fd, Readiness readiness, TimePoint now) override;

  private:
    OwnedFd socket_;
    std::vector<uint8_t> query_;
};

// Whether a datagram is what a UDP check wants for an answer.
[[nodiscard]] bool is_wanted_reply(const UdpCheck& check, std::span<const uint8_t> reply);

}  // namespace director::healthcheck
