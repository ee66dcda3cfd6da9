// One DPDK port: configured, started, asked, stopped. Control thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <rte_ethdev.h>
#include <rte_mempool.h>

#include "common/result.h"
#include "dataplane/io/engine.h"
#include "dataplane/io/rss.h"

namespace director::dataplane::io {

class Port {
  public:
    // Brings the port up with up to `workers` queues each way, receiving into `pool`.
    [[nodiscard]] static Result<std::unique_ptr<Port>> open(const PortSettings& settings,
                                                            uint16_t workers,
                                                            rte_mempool* pool);
    ~Port();
    Port(const Port&) = delete;
    Port& operator=(const Port&) = delete;

    [[nodiscard]] uint16_t device() const { return device_; }
    [[nodiscard]] uint16_t rx_queues() const { return rx_queues_; }
    [[nodiscard]] uint16_t tx_queues() const { return tx_queues_; }
    // Adds one more unicast address to what the port receives, or takes it away. False when it can
    // neither filter by it nor receive everybody's frames.
    [[nodiscard]] bool listen_to(const MacAddress& mac, bool is_wanted);
    [[nodiscard]] PortStatus status() const;
    [[nodiscard]] PortCounters counters() const;

  private:
    explicit Port(const PortSettings& settings) : settings_(settings) {}

    [[nodiscard]] Result<void> find();
    [[nodiscard]] Result<void> configure(uint16_t workers);
    [[nodiscard]] Result<void> set_up_queues(rte_mempool* pool);
    [[nodiscard]] bool has_own_mtu() const;
    [[nodiscard]] Result<void> set_mtu();
    [[nodiscard]] Result<void> bring_up();
    [[nodiscard]] bool accepts(const RssPlan& plan);
    [[nodiscard]] Failure refused(const char* what, int error) const;

    PortSettings settings_;
    uint16_t device_ = RTE_MAX_ETHPORTS;
    rte_eth_dev_info info_{};
    uint16_t rx_queues_ = 0;
    uint16_t tx_queues_ = 0;
    bool hashes_by_client_ = false;
    bool is_started_ = false;
};

}  // namespace director::dataplane::io
