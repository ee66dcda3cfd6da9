#include "controlplane/daemon/vrrp_side.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <span>
#include <utility>

#include "common/ethernet.h"
#include "common/log.h"
#include "controlplane/daemon/vrrp_settings.h"
#include "vrrp/neighbour_answer.h"
#include "vrrp/own_frames.h"
#include "vrrp/packet.h"

namespace director::daemon {

using dataplane::Command;
using dataplane::CommandKind;
using dataplane::Interface;
using dataplane::InterfaceId;

namespace {

constexpr LogArea kLog{"vrrp"};

// keepalived reads tracked files when inotify tells; once a second is soon enough for what people
// write there by hand or by cron.
constexpr auto kFilePeriod = std::chrono::seconds(1);

// fe80::/64 with the interface's EUI-64 (RFC 4291 appendix A), as the kernel makes its own.
IpAddress link_local_of(const MacAddress& mac) {
    const auto& b = mac.bytes;
    IpAddress address;
    address.bytes = {0xfe,
                     0x80,
                     0,
                     0,
                     0,
                     0,
                     0,
                     0,
                     static_cast<uint8_t>(b[0] ^ 2),
                     b[1],
                     b[2],
                     0xff,
                     0xfe,
                     b[3],
                     b[4],
                     b[5]};
    return address;
}

vrrp::InterfaceFacts facts_of(const Interface& interface) {
    vrrp::InterfaceFacts facts;
    facts.is_up = interface.is_up;
    facts.mac = interface.mac;
    if (!interface.ipv4.is_any()) {
        facts.ipv4 = interface.ipv4;
    }
    facts.ipv6 = interface.ipv6.is_link_local() ? interface.ipv6 : link_local_of(interface.mac);
    return facts;
}

const std::string& interface_of(const vrrp::VirtualAddress& address, const std::string& otherwise) {
    return address.interface.empty() ? otherwise : address.interface;
}

std::optional<int> read_number(const std::string& path) {
    std::ifstream file(path);
    int number = 0;
    return file >> number ? std::optional(number) : std::nullopt;
}

}  // namespace

VrrpSide::VrrpSide(asio::io_context& io, Surroundings surroundings)
    : around_(std::move(surroundings)), timer_(io), file_timer_(io) {}

void VrrpSide::configure(const config::Model& model) {
    const TimePoint now = around_.clock.now();
    vrrp::Actions actions;
    router_.configure(now, vrrp_settings(model), actions);
    files_.clear();
    tells_priority_.clear();
    for (const config::VrrpInstance& instance : model.vrrp_instances) {
        if (instance.notify.priority_changes) {
            tells_priority_.insert(instance.name);
        }
    }
    for (const config::VrrpTracker& tracker : model.vrrp_trackers) {
        if (tracker.kind == config::VrrpTrackerKind::kFile) {
            files_.push_back(tracker.subject);
        }
    }
    carry_out(actions);
    std::erase_if(own_, [&](const auto& one) { return !one.second.is_ours; });
    if (!std::exchange(is_watching_, true)) {
        around_.kernel.censor_frames(
            [this](dataplane::PortId port, VlanTags vlan, std::span<const uint8_t> frame) {
                return censor(port, vlan, frame);
            });
        around_.kernel.watch_interfaces(
            [this](InterfaceId id, const std::string& name, const Interface& interface) {
                names_[id] = name;
                ids_[name] = id;
                interface_changed(id, interface);
            });
    }
    read_files();
}

void VrrpSide::begin() {
    vrrp::Actions actions;
    router_.start(around_.clock.now(), actions);
    carry_out(actions);
}

void VrrpSide::stop() {
    timer_.cancel();
    file_timer_.cancel();
    if (router_.is_started()) {
        vrrp::Actions actions;
        router_.stop(around_.clock.now(), actions);
        carry_out(actions);
        timer_.cancel();
    }
}

bool VrrpSide::receive(const dataplane::io::PuntedFrame& frame) {
    if (frame.verdict != dataplane::Verdict::kPunt) {
        return false;
    }
    const EthernetHeader header =
        parse_ethernet(frame.bytes.data(), static_cast<uint32_t>(frame.bytes.size()));
    if (header.length_bytes == 0) {
        return false;
    }
    // What has no tag is not copied: every frame that is punted comes by here.
    std::vector<uint8_t> untagged;
    std::span<const uint8_t> bytes = frame.bytes;
    if (header.length_bytes > kEthernetBytes) {
        untagged = without_tags(frame.bytes, header);
        bytes = untagged;
    }
    const auto found = std::find_if(interfaces_.begin(), interfaces_.end(), [&](const auto& entry) {
        return entry.second.port == frame.in_port &&
               VlanTags{entry.second.vlan, entry.second.outer_vlan} == header.vlan;
    });
    if (found == interfaces_.end()) {
        return false;
    }
    const std::string& name = names_[found->first];
    if (frame.is_urgent) {
        vrrp::Actions actions;
        router_.receive(around_.clock.now(), name, bytes.subspan(kEthernetBytes), actions);
        carry_out(actions);
        return true;
    }
    const auto question = vrrp::parse_question(bytes);
    const auto own = question ? own_.find(question->target) : own_.end();
    if (own == own_.end() || !own->second.is_ours || own->second.interface != name) {
        return false;
    }
    send(name, vrrp::build_answer(*question, own->second.mac));
    return true;
}

void VrrpSide::quorum_changed(const std::string& service, bool is_up) {
    vrrp::Actions actions;
    router_.quorum_changed(around_.clock.now(), service, is_up, actions);
    carry_out(actions);
}

Result<void> VrrpSide::set_priority(const std::string& instance, std::optional<uint8_t> priority) {
    vrrp::Actions actions;
    auto done = router_.set_priority(around_.clock.now(), instance, priority, actions);
    carry_out(actions);
    return done;
}

void VrrpSide::interface_changed(InterfaceId id, const Interface& interface) {
    interfaces_[id] = interface;
    vrrp::Actions actions;
    router_.interface_changed(around_.clock.now(), names_[id], facts_of(interface), actions);
    carry_out(actions);
}

void VrrpSide::read_files() {
    vrrp::Actions actions;
    for (const std::string& file : files_) {
        router_.file_changed(around_.clock.now(), file, read_number(file), actions);
    }
    carry_out(actions);
    if (files_.empty()) {
        return;
    }
    file_timer_.expires_after(kFilePeriod);
    file_timer_.async_wait([this](const asio::error_code& error) {
        if (!error) {
            read_files();
        }
    });
}

// In order; what follows from one may be another turn of the router's, which comes after.
void VrrpSide::carry_out(const vrrp::Actions& actions) {
    for (const vrrp::Action& action : actions) {
        std::visit([this](const auto& one) { this->carry_out(one); }, action);
    }
    around_.fleet.turn();
    arm();
}

void VrrpSide::carry_out(const vrrp::SendAdvert& advert) {
    if (advert.destination_mac) {
        send(advert.interface,
             vrrp::build_frame(advert.source_mac, *advert.destination_mac, advert.packet));
    } else if (const auto id = find(advert.interface)) {
        around_.kernel.send_to_neighbour(
            *id, advert.destination, vrrp::build_frame(advert.source_mac, {}, advert.packet));
    }
}

void VrrpSide::carry_out(const vrrp::SendAnnouncement& announcement) {
    send(announcement.interface, announcement.frame);
}

void VrrpSide::carry_out(const vrrp::AddAddresses& change) {
    around_.taking_over();
    around_.fleet.turn();  // before the segment is told
    for (const vrrp::VirtualAddress& address : change.addresses) {
        const std::string& interface = interface_of(address, change.interface);
        own_[address.prefix.address] = {
            interface, change.mac.value_or(mac_of(interface)), change.mac.has_value()};
        if (change.accepts_traffic) {
            around_.kernel.add_virtual_address(interface, address.prefix);
        }
    }
}

void VrrpSide::carry_out(const vrrp::RemoveAddresses& change) {
    for (const vrrp::VirtualAddress& address : change.addresses) {
        if (const auto own = own_.find(address.prefix.address); own != own_.end()) {
            own->second.is_ours = false;
            if (!own->second.is_mac_virtual) {
                own_.erase(own);
            }
        }
        around_.kernel.remove_virtual_address(interface_of(address, change.interface),
                                              address.prefix);
    }
}

void VrrpSide::carry_out(const vrrp::AddVirtualMac& change) {
    set_virtual_mac(change.interface, change.mac, true);
}

void VrrpSide::carry_out(const vrrp::RemoveVirtualMac& change) {
    set_virtual_mac(change.interface, change.mac, false);
}

void VrrpSide::carry_out(const vrrp::RunCommand& command) {
    around_.programs.notify(command.name, command.arguments);
}

void VrrpSide::carry_out(const vrrp::StartScript& script) {
    around_.programs.start(script.run,
                           script.command,
                           [this, tracker = script.tracker, run = script.run](bool succeeded) {
                               vrrp::Actions actions;
                               router_.script_ended(
                                   around_.clock.now(), tracker, run, succeeded, actions);
                               carry_out(actions);
                           });
}

void VrrpSide::carry_out(const vrrp::EndScript& script) {
    around_.programs.end(script.run);
}

void VrrpSide::carry_out(const vrrp::Event& event) const {
    if (event.kind != vrrp::EventKind::kPriority || tells_priority_.contains(event.name)) {
        around_.tell(event);
    }
    const auto words = log_words(event);
    const auto text = fmt::format("name={} state={} priority={} event={} \"{}\"{}",
                                  event.name,
                                  to_string(event.state),
                                  event.priority,
                                  event.sequence,
                                  event.text,
                                  words ? fmt::format(" words=\"{}\"", *words) : "");
    if (event.severity == vrrp::Severity::kWarning) {
        kLog.warning("{}", text);
    } else {
        kLog.info("{}", text);
    }
}

// The kernel knows its interface's MAC address alone. Nothing leaves from a virtual one as BACKUP,
// and nothing in the name of its addresses from any other: neighbours would believe it.
std::span<const uint8_t> VrrpSide::censor(dataplane::PortId port,
                                          VlanTags vlan,
                                          std::span<const uint8_t> frame) {
    const auto speaker = own_.empty() ? std::nullopt : vrrp::speaker_of(frame);
    const auto own = speaker ? own_.find(*speaker) : own_.end();
    if (own == own_.end() || !own->second.is_mac_virtual) {
        return frame;
    }
    const auto id = find(own->second.interface);
    if (!id || interfaces_[*id].port != port ||
        VlanTags{interfaces_[*id].vlan, interfaces_[*id].outer_vlan} != vlan) {
        return frame;
    }
    if (!own->second.is_ours) {
        return {};
    }
    changed_frame_.assign(frame.begin(), frame.end());
    vrrp::show_mac(changed_frame_, own->second.mac);
    return changed_frame_;
}

void VrrpSide::send(const std::string& interface, std::span<const uint8_t> frame) {
    const auto id = find(interface);
    if (id && !around_.kernel.send(*id, frame)) {
        kLog.warning("no room for a frame interface={}", interface);
    }
}

void VrrpSide::set_virtual_mac(const std::string& interface, const MacAddress& mac, bool is_ours) {
    const auto id = find(interface);
    if (!id) {
        return;
    }
    Command command(CommandKind::kSetVirtualMac);
    command.set_virtual_mac = {
        *id, mac.bytes[4] == 1 ? Family::kIpv4 : Family::kIpv6, mac.bytes[5], is_ours};
    around_.fleet.broadcast(command);
    if (!around_.engine.listen_to(interfaces_[*id].port, mac, is_ours)) {
        kLog.warning("port cannot receive for mac={} interface={}", to_string(mac), interface);
    }
}

MacAddress VrrpSide::mac_of(const std::string& interface) const {
    const auto id = find(interface);
    return id ? interfaces_.at(*id).mac : MacAddress{};
}

std::optional<InterfaceId> VrrpSide::find(const std::string& interface) const {
    const auto found = ids_.find(interface);
    return found != ids_.end() ? std::optional(found->second) : std::nullopt;
}

void VrrpSide::arm() {
    const TimePoint deadline = router_.deadline();
    if (deadline == vrrp::kNever) {
        timer_.cancel();
        return;
    }
    timer_.expires_after(std::max(Duration(0), deadline - around_.clock.now()));
    timer_.async_wait([this](const asio::error_code& error) {
        if (error) {
            return;
        }
        around_.take_in();
        vrrp::Actions actions;
        router_.wake(around_.clock.now(), actions);
        carry_out(actions);
    });
}

}  // namespace director::daemon
