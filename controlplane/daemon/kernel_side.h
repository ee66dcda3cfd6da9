// The kernel's side of every port: the interface beside it, and the mirror of what the kernel
// knows.
//
// Frames that workers punt go to the interface; what the kernel sends there goes out of the port.
// Addresses, routes and neighbours that the kernel has go to the workers. Frames that wait for a
// MAC address wait here. Control-plane thread only.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/ethernet.h"
#include "common/result.h"
#include "common/time.h"
#include "config/model.h"
#include "controlplane/daemon/fleet.h"
#include "controlplane/daemon/probe_paths.h"
#include "controlplane/kernel/errands.h"
#include "controlplane/kernel/mirror.h"
#include "controlplane/kernel/neighbours.h"
#include "controlplane/kernel/netlink.h"
#include "controlplane/kernel/tap.h"
#include "dataplane/io/engine.h"

namespace director::daemon {

class KernelSide final : private kernel::MirrorSink {
  public:
    // Makes the interfaces with their addresses and routes and begins to mirror. `synced` is called
    // once, when the workers have been sent the first whole picture.
    [[nodiscard]] static Result<std::unique_ptr<KernelSide>> start(asio::io_context& io,
                                                                   const Clock& clock,
                                                                   dataplane::io::Engine& engine,
                                                                   Fleet& fleet,
                                                                   const config::Model& model,
                                                                   std::function<void()> synced);
    ~KernelSide() override = default;

    // Takes a frame that a worker gave up to us.
    void receive(const dataplane::io::PuntedFrame& frame);

    // Calls `watcher` for every interface that is known, with its name, and for every change.
    using InterfaceWatcher = std::function<void(
        dataplane::InterfaceId, const std::string&, const dataplane::Interface&)>;
    void watch_interfaces(InterfaceWatcher watcher);

    // An address that VRRP gives and takes. IPv6 ones are deprecated (RFC 4862 section 5.5.4): the
    // kernel answers at them, and speaks from its own.
    // Soon, in order, and an error is logged: VRRP does not wait for the kernel.
    void add_virtual_address(const std::string& interface, const IpPrefix& address);
    void remove_virtual_address(const std::string& interface, const IpPrefix& address);

    // Looks at each frame that the kernel sends out of a port: answers what is sent in its place,
    // which may be the frame itself, or nothing at all (empty).
    using Censor = std::function<std::span<const uint8_t>(
        dataplane::PortId port, VlanTags vlan, std::span<const uint8_t> frame)>;
    void censor_frames(Censor censor) { censor_ = std::move(censor); }

    // Sends an Ethernet frame without VLAN tag ahead of all others. False: there was no room.
    [[nodiscard]] bool send(dataplane::InterfaceId interface, std::span<const uint8_t> frame);
    // Sends an Ethernet frame without VLAN tag to a machine on the link, once its MAC address is
    // known, which is filled in.
    void send_to_neighbour(dataplane::InterfaceId interface,
                           const IpAddress& address,
                           std::span<const uint8_t> frame);

    // Where packets to `address` go; nothing: nowhere that is ours to reach.
    [[nodiscard]] std::optional<ProbeWay> way_to(const IpAddress& address) const;

    // What the workers know of the kernel, and an interface's name ("" if it is not known).
    [[nodiscard]] const kernel::MirrorModel& mirror() const { return mirror_->model(); }
    [[nodiscard]] std::string interface_name(dataplane::InterfaceId id) const;

    // Keeps the next hops towards these addresses known, so that no client waits for ARP.
    void keep_reachable(std::vector<IpAddress> destinations);

    // Adds and removes what differs between two configurations: addresses and routes. Answers the
    // first error, having done what could be done.
    [[nodiscard]] Result<void> change(const config::Model& before, const config::Model& after);

    [[nodiscard]] const kernel::NeighbourCounters& neighbour_counters() const {
        return resolver_.counters();
    }

  private:
    KernelSide(asio::io_context& io,
               const Clock& clock,
               dataplane::io::Engine& engine,
               Fleet& fleet,
               kernel::NetlinkSocket netlink,
               kernel::NeighbourKernel neighbour_kernel,
               std::unique_ptr<kernel::Errands> errands,
               std::function<void()> synced);

    // A kernel interface of ours, and what its frames have on the wire.
    struct TapOfLink {
        std::unique_ptr<kernel::Tap> tap;
        MacAddress mac;
        dataplane::PortId port{};
        VlanTags vlan;
    };

    [[nodiscard]] Result<void> make_interfaces(const config::Model& model);
    [[nodiscard]] Result<void> make_tap(dataplane::PortId port,
                                        VlanTags vlan,
                                        const std::string& name,
                                        uint16_t mtu);
    [[nodiscard]] const TapOfLink& tap_for(dataplane::PortId port, VlanTags vlan) const;

    void interface_changed(dataplane::InterfaceId id,
                           const dataplane::Interface& interface) override;
    void neighbour_changed(const dataplane::NeighbourKey& key,
                           const dataplane::Neighbour& neighbour) override;
    void neighbour_removed(const dataplane::NeighbourKey& key) override;
    void routes_changed(const std::vector<kernel::PrefixRoute>& routes) override;
    void synced() override;

    void send_from_tap(dataplane::PortId port, VlanTags vlan, std::span<const uint8_t> frame);
    void write_to_tap(const dataplane::io::PuntedFrame& frame);
    void ask_by_arp(const dataplane::NeighbourKey& key);
    void hear_arp_answer(const dataplane::io::PuntedFrame& frame);
    void watch_next_hops();
    void watch_cables();
    [[nodiscard]] std::string name_of(const dataplane::Interface& interface) const;
    void act(const kernel::NeighbourActions& actions);
    void arm_timer();

    asio::io_context& io_;
    const Clock& clock_;
    dataplane::io::Engine& engine_;
    Fleet& fleet_;
    kernel::NetlinkSocket netlink_;
    std::shared_ptr<kernel::NeighbourKernel> neighbour_kernel_;  // the errands' alone
    std::unique_ptr<kernel::Errands> errands_;
    std::function<void()> synced_;
    std::vector<TapOfLink> taps_;  // by InterfaceId: of ports, then of their VLANs
    std::unique_ptr<kernel::KernelMirror> mirror_;
    kernel::NeighbourResolver resolver_;
    asio::steady_timer timer_;
    asio::steady_timer cable_timer_;
    std::vector<bool> cables_;  // by port: whether it has its link
    std::map<dataplane::InterfaceId, dataplane::Interface> interfaces_;
    const dataplane::RouteTable* routes_ = nullptr;  // the current one; the fleet owns it
    std::vector<IpAddress> destinations_;
    std::vector<std::string> port_names_;
    std::vector<InterfaceWatcher> watchers_;
    Censor censor_;
};

}  // namespace director::daemon
