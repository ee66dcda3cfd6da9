// The settings of VRRP: part of the list in settings.h.
#pragma once

#include "config/model_vrrp.h"
#include "config/setting_forms.h"
#include "config/settings_checks.h"

namespace director::config {

extern const TextForm<std::string> kVrrpNameForm;
extern const TextForm<std::string> kVrrpInterfaceForm;
extern const TextForm<std::string> kPasswordForm;
extern const TextForm<std::string> kSourceAddressForm;
extern const TextForm<std::string> kSubjectForm;
extern const TextForm<VirtualAddress> kVirtualAddressForm;
extern const TextForm<Tracked> kTrackedForm;

inline constexpr std::array kVrrpStates{Choice<VrrpState>{"backup", VrrpState::kBackup},
                                        Choice<VrrpState>{"master", VrrpState::kMaster}};
inline constexpr std::array kVrrpAuthentications{
    Choice<VrrpAuthentication>{"none", VrrpAuthentication::kNone},
    Choice<VrrpAuthentication>{"pass", VrrpAuthentication::kPassword},
    Choice<VrrpAuthentication>{"ah", VrrpAuthentication::kHeader}};
inline constexpr std::array kVrrpChecksums{
    Choice<VrrpChecksum>{"learn", VrrpChecksum::kLearn},
    Choice<VrrpChecksum>{"pseudo-header", VrrpChecksum::kPseudoHeader},
    Choice<VrrpChecksum>{"message", VrrpChecksum::kMessageOnly},
    Choice<VrrpChecksum>{"old-unicast", VrrpChecksum::kOldUnicast}};
inline constexpr std::array kVrrpTrackerKinds{
    Choice<VrrpTrackerKind>{"script", VrrpTrackerKind::kScript},
    Choice<VrrpTrackerKind>{"interface", VrrpTrackerKind::kInterface},
    Choice<VrrpTrackerKind>{"file", VrrpTrackerKind::kFile},
    Choice<VrrpTrackerKind>{"quorum", VrrpTrackerKind::kQuorum}};

template <typename Visitor>
void visit_settings(VrrpNotify& notify, Visitor& visitor) {
    visitor.texts("master", notify.master, kCommandForm);
    visitor.texts("backup", notify.backup, kCommandForm);
    visitor.texts("fault", notify.fault, kCommandForm);
    visitor.texts("stop", notify.stop, kCommandForm);
    visitor.texts("deleted", notify.deleted, kCommandForm);
    visitor.texts("master_rx_lower_pri", notify.master_rx_lower_pri, kCommandForm);
    visitor.texts("any", notify.any, kCommandForm);
    visitor.flag("priority_changes", notify.priority_changes);
}

template <typename Visitor>
void visit_settings(VrrpAnnouncements& announcements, Visitor& visitor) {
    visitor.number("repeat", announcements.repeat, {0, 100}, Need::kOptional);
    visitor.text("delay", announcements.delay, kDurationForm, Need::kOptional);
    visitor.text("refresh", announcements.refresh, kDurationForm, Need::kOptional);
    visitor.number("refresh_repeat", announcements.refresh_repeat, {0, 100}, Need::kOptional);
}

template <typename Visitor>
void visit_settings(VrrpInstance& instance, Visitor& visitor) {
    constexpr Need kOptional = Need::kOptional;
    visitor.text("name", instance.name, kVrrpNameForm, Need::kRequired);
    visitor.text("interface", instance.interface, kVrrpInterfaceForm, Need::kRequired);
    visitor.number("version", instance.version, {2, 3}, kOptional);
    visitor.number("router_id", instance.router_id, {1, 255}, Need::kRequired);
    visitor.choice("state", instance.state, std::span(kVrrpStates));
    visitor.number("priority", instance.priority, {1, 255}, kOptional);
    visitor.text("advert_interval", instance.advert_interval, kDurationForm, kOptional);
    visitor.number("down_timer_adverts", instance.down_timer_adverts, {1, 100}, kOptional);
    visitor.flag("preempt", instance.preempt);
    visitor.text("preempt_delay", instance.preempt_delay, kDurationForm, kOptional);
    visitor.text("startup_delay", instance.startup_delay, kDurationForm, kOptional);
    visitor.flag("accept", instance.accept);
    visitor.choice("authentication", instance.authentication, std::span(kVrrpAuthentications));
    visitor.text("password", instance.password, kPasswordForm, kOptional);
    visitor.text("source", instance.source, kSourceAddressForm, kOptional);
    visitor.texts("unicast_peers", instance.unicast_peers, kAddressForm);
    visitor.flag("virtual_mac", instance.virtual_mac);
    visitor.texts("addresses", instance.addresses, kVirtualAddressForm);
    visitor.texts("excluded_addresses", instance.excluded_addresses, kVirtualAddressForm);
    visitor.choice("checksum", instance.checksum, std::span(kVrrpChecksums));
    visitor.flag("strict_addresses", instance.strict_addresses);
    visitor.flag("track_interface", instance.track_interface);
    visitor.texts("track", instance.track, kTrackedForm);
    visitor.group("announcements", instance.announcements);
    visitor.group("notify", instance.notify);
}

template <typename Visitor>
void visit_settings(VrrpGroup& group, Visitor& visitor) {
    visitor.text("name", group.name, kVrrpNameForm, Need::kRequired);
    visitor.texts("instances", group.instances, kVrrpNameForm);
    visitor.texts("track", group.track, kTrackedForm);
    visitor.flag("use_weights", group.use_weights);
    visitor.group("notify", group.notify);
}

template <typename Visitor>
void visit_settings(VrrpTracker& tracker, Visitor& visitor) {
    visitor.text("name", tracker.name, kVrrpNameForm, Need::kRequired);
    visitor.choice("kind", tracker.kind, std::span(kVrrpTrackerKinds));
    visitor.text("subject", tracker.subject, kSubjectForm, Need::kOptional);
    visitor.number("weight", tracker.weight, {-254, 254}, Need::kOptional);
    visitor.texts("command", tracker.command, kCommandForm);
    visitor.text("interval", tracker.interval, kDurationForm, Need::kOptional);
    visitor.text("timeout", tracker.timeout, kDurationForm, Need::kOptional);
    visitor.number("rise", tracker.rise, {1, 1000}, Need::kOptional);
    visitor.number("fall", tracker.fall, {1, 1000}, Need::kOptional);
    visitor.flag("starts_failed", tracker.starts_failed);
}

}  // namespace director::config
