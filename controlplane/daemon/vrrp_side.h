// VRRP put to work: adverts in and out by the workers' urgent rings, addresses on the kernel's
// interfaces, ARP and neighbour discovery for them, trackers' scripts and files, notify commands.
// What is decided is decided in vrrp::Router. Control-plane thread only.
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/time.h"
#include "config/model.h"
#include "controlplane/daemon/fleet.h"
#include "controlplane/daemon/kernel_side.h"
#include "controlplane/daemon/programs.h"
#include "dataplane/io/engine.h"
#include "vrrp/router.h"

namespace director::daemon {

class VrrpSide {
  public:
    struct Surroundings {
        const Clock& clock;
        dataplane::io::Engine& engine;
        Fleet& fleet;
        KernelSide& kernel;
        Programs& programs;
        // Events of instances and groups, in their order.
        std::function<void(const vrrp::Event&)> tell;
        // Takes in what the workers have punted: before time is told to have passed, adverts that
        // wait must be heard.
        std::function<void()> take_in;
        // Addresses have become ours, and their traffic is about to come.
        std::function<void()> taking_over;
    };

    VrrpSide(asio::io_context& io, Surroundings surroundings);

    // Precondition: validate_vrrp() found nothing. Nothing is said or heard before begin().
    void configure(const config::Model& model);
    void begin();
    [[nodiscard]] bool has_begun() const { return router_.is_started(); }
    // Says goodbye as MASTER of anything: priority 0, addresses removed. Frames leave with the
    // workers' next polls.
    void stop();

    // Takes a frame that a worker punted, if it is an advert or a question about an address of
    // ours. False: it is the kernel's.
    [[nodiscard]] bool receive(const dataplane::io::PuntedFrame& frame);

    void quorum_changed(const std::string& service, bool is_up);

    [[nodiscard]] vrrp::Status status() const { return router_.status(); }
    [[nodiscard]] Result<void> set_priority(const std::string& instance,
                                            std::optional<uint8_t> priority);

  private:
    // An address that is ours as long as we are MASTER of it. With a virtual MAC address it is
    // remembered afterwards, for what the kernel may still say in its name.
    struct OwnAddress {
        std::string interface;
        MacAddress mac;
        bool is_mac_virtual = false;
        bool is_ours = true;
    };

    void interface_changed(dataplane::InterfaceId id, const dataplane::Interface& interface);
    void read_files();
    void carry_out(const vrrp::Actions& actions);
    void carry_out(const vrrp::SendAdvert& advert);
    void carry_out(const vrrp::SendAnnouncement& announcement);
    void carry_out(const vrrp::AddAddresses& change);
    void carry_out(const vrrp::RemoveAddresses& change);
    void carry_out(const vrrp::AddVirtualMac& change);
    void carry_out(const vrrp::RemoveVirtualMac& change);
    void carry_out(const vrrp::RunCommand& command);
    void carry_out(const vrrp::StartScript& script);
    void carry_out(const vrrp::EndScript& script);
    void carry_out(const vrrp::Event& event) const;
    [[nodiscard]] std::span<const uint8_t> censor(dataplane::PortId port,
                                                  VlanTags vlan,
                                                  std::span<const uint8_t> frame);
    void send(const std::string& interface, std::span<const uint8_t> frame);
    void set_virtual_mac(const std::string& interface, const MacAddress& mac, bool is_ours);
    [[nodiscard]] MacAddress mac_of(const std::string& interface) const;
    [[nodiscard]] std::optional<dataplane::InterfaceId> find(const std::string& interface) const;
    void arm();

    Surroundings around_;
    vrrp::Router router_;
    asio::steady_timer timer_;
    asio::steady_timer file_timer_;
    bool is_watching_ = false;
    std::vector<std::string> files_;        // of trackers
    std::set<std::string> tells_priority_;  // instances that say so of themselves
    std::map<std::string, dataplane::InterfaceId> ids_;
    std::map<dataplane::InterfaceId, dataplane::Interface> interfaces_;
    std::map<dataplane::InterfaceId, std::string> names_;
    std::map<IpAddress, OwnAddress> own_;
    std::vector<uint8_t> changed_frame_;  // what censor() answers
};

}  // namespace director::daemon
