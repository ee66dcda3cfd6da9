#include "dataplane/io/port.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include <rte_errno.h>

#include "dataplane/io/eal.h"
#include "dataplane/io/linux_interface.h"

namespace director::dataplane::io {
namespace {

constexpr uint64_t kChecksumOffloads =
    RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;

// The name under which EAL registers the device: a virtual device's arguments are not part of it,
// and a PCI address gets its domain.
std::string device_name(const std::string& device) {
    std::string name = device.substr(0, device.find(','));
    if (is_pci_device(name) && std::count(name.begin(), name.end(), ':') == 1) {
        name = "0000:" + name;
    }
    return name;
}

}  // namespace

Failure Port::refused(const char* what, int error) const {
    return failure(fmt::format("port {}: driver {} refuses {}: {}",
                               settings_.name,
                               info_.driver_name != nullptr ? info_.driver_name : "?",
                               what,
                               rte_strerror(-error)));
}

Result<void> Port::find() {
    if (rte_eth_dev_get_port_by_name(device_name(settings_.device).c_str(), &device_) != 0) {
        device_ = RTE_MAX_ETHPORTS;
        return failure(
            fmt::format("port {}: DPDK finds no device \"{}\": check the driver's name, its "
                        "arguments and (PCI) that it is bound to a user-space driver",
                        settings_.name,
                        settings_.device));
    }
    if (const int error = rte_eth_dev_info_get(device_, &info_); error != 0) {
        return refused("to describe itself", error);
    }
    return {};
}

// Whether the driver takes the plan's configuration.
bool Port::accepts(const RssPlan& plan) {
    rte_eth_conf conf{};
    conf.rxmode.mtu = has_own_mtu() ? 0 : settings_.mtu_bytes;
    conf.rxmode.offloads = info_.rx_offload_capa & kChecksumOffloads;
    std::vector<uint8_t> key = plan.key;
    if (plan.hash_functions != 0) {
        conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        conf.rx_adv_conf.rss_conf.rss_hf = plan.hash_functions;
        if (!key.empty()) {
            conf.rx_adv_conf.rss_conf.rss_key = key.data();
            conf.rx_adv_conf.rss_conf.rss_key_len = static_cast<uint8_t>(key.size());
        }
    }
    return rte_eth_dev_configure(device_, rx_queues_, tx_queues_, &conf) == 0;
}

Result<void> Port::configure(uint16_t workers) {
    if (settings_.mtu_bytes < info_.min_mtu || settings_.mtu_bytes > info_.max_mtu) {
        return failure(fmt::format("port {}: MTU {} is outside what driver {} can do ({} to {})",
                                   settings_.name,
                                   settings_.mtu_bytes,
                                   info_.driver_name,
                                   info_.min_mtu,
                                   info_.max_mtu));
    }
    rx_queues_ = std::min(workers, info_.max_rx_queues);
    tx_queues_ = std::min(workers, info_.max_tx_queues);
    // Queues short of one a worker serve no worker by hash: one is as good and costs fewer polls.
    for (const RssPlan& plan : rss_plans(settings_.side, info_, rx_queues_)) {
        if (!plan.is_by_client || rx_queues_ == workers) {
            if (accepts(plan)) {
                hashes_by_client_ = plan.is_by_client;
                return {};
            }
        }
    }
    return failure(fmt::format("port {}: driver {} refuses {} receive and {} transmit queues",
                               settings_.name,
                               info_.driver_name,
                               rx_queues_,
                               tx_queues_));
}

Result<void> Port::set_up_queues(rte_mempool* pool) {
    uint16_t rx_descriptors = settings_.rx_descriptors;
    uint16_t tx_descriptors = settings_.tx_descriptors;
    if (const int error =
            rte_eth_dev_adjust_nb_rx_tx_desc(device_, &rx_descriptors, &tx_descriptors);
        error != 0) {
        return refused("its number of descriptors", error);
    }
    const auto socket = static_cast<unsigned>(rte_eth_dev_socket_id(device_));
    for (uint16_t queue = 0; queue < rx_queues_; ++queue) {
        if (const int error =
                rte_eth_rx_queue_setup(device_, queue, rx_descriptors, socket, nullptr, pool);
            error != 0) {
            return refused("a receive queue", error);
        }
    }
    for (uint16_t queue = 0; queue < tx_queues_; ++queue) {
        if (const int error =
                rte_eth_tx_queue_setup(device_, queue, tx_descriptors, socket, nullptr);
            error != 0) {
            return refused("a transmit queue", error);
        }
    }
    return {};
}

Result<void> Port::set_mtu() {
    if (has_own_mtu()) {
        const auto done = set_packet_socket_mtu(settings_.device, settings_.mtu_bytes);
        return done ? done
                    : failure(fmt::format("port {}: {}", settings_.name, done.error().message));
    }
    if (const int error = rte_eth_dev_set_mtu(device_, settings_.mtu_bytes);
        error != 0 && error != -ENOTSUP) {
        return refused("its MTU", error);
    }
    return {};
}

// net_af_packet's limit of 1518 bytes is none.
bool Port::has_own_mtu() const {
    return std::string_view(info_.driver_name) == "net_af_packet" &&
           settings_.mtu_bytes > RTE_ETHER_MTU;
}

Result<void> Port::bring_up() {
    if (auto done = set_mtu(); !done) {
        return done;
    }
    if (const int error = rte_eth_dev_start(device_); error != 0) {
        return refused("to start", error);
    }
    is_started_ = true;
    if (const int error = rte_eth_promiscuous_enable(device_); error != 0 && error != -ENOTSUP) {
        return refused("promiscuous mode", error);
    }
    hashes_by_client_ = hashes_by_client_ && set_indirection(device_, info_.reta_size, rx_queues_);
    return {};
}

Result<std::unique_ptr<Port>> Port::open(const PortSettings& settings,
                                         uint16_t workers,
                                         rte_mempool* pool) {
    std::unique_ptr<Port> port(new Port(settings));
    const auto done = port->find()
                          .and_then([&] { return port->configure(workers); })
                          .and_then([&] { return port->set_up_queues(pool); })
                          .and_then([&] { return port->bring_up(); });
    if (!done) {
        return failure(done.error().message);
    }
    return port;
}

Port::~Port() {
    if (is_started_) {
        static_cast<void>(rte_eth_dev_stop(device_));
    }
    if (device_ != RTE_MAX_ETHPORTS) {
        static_cast<void>(rte_eth_dev_close(device_));
    }
}

bool Port::listen_to(const MacAddress& mac, bool is_wanted) {
    rte_ether_addr address{};
    std::copy(mac.bytes.begin(), mac.bytes.end(), std::begin(address.addr_bytes));
    const int error = is_wanted ? rte_eth_dev_mac_addr_add(device_, &address, 0)
                                : rte_eth_dev_mac_addr_remove(device_, &address);
    return error == 0 || rte_eth_promiscuous_get(device_) == 1;
}

PortStatus Port::status() const {
    PortStatus status;
    status.name = settings_.name;
    status.driver = info_.driver_name;
    status.mtu_bytes = settings_.mtu_bytes;
    status.rx_queues = rx_queues_;
    status.tx_queues = tx_queues_;
    status.hashes_by_client = hashes_by_client_;
    rte_ether_addr mac{};
    if (rte_eth_macaddr_get(device_, &mac) == 0) {
        std::copy(std::begin(mac.addr_bytes), std::end(mac.addr_bytes), status.mac.bytes.begin());
    }
    if (!has_own_mtu()) {
        static_cast<void>(rte_eth_dev_get_mtu(device_, &status.mtu_bytes));
    }
    rte_eth_link link{};
    status.is_link_up = rte_eth_link_get_nowait(device_, &link) == 0 &&
                        link.link_status == RTE_ETH_LINK_UP && is_carried(settings_.device);
    return status;
}

PortCounters Port::counters() const {
    rte_eth_stats stats{};
    if (rte_eth_stats_get(device_, &stats) != 0) {
        return {};
    }
    return {.received = stats.ipackets,
            .received_bytes = stats.ibytes,
            .sent = stats.opackets,
            .sent_bytes = stats.obytes,
            .missed = stats.imissed,
            .rx_errors = stats.ierrors,
            .tx_errors = stats.oerrors,
            .no_buffers = stats.rx_nombuf};
}

}  // namespace director::dataplane::io
