#include "cli/show_vrrp.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace director::cli {
namespace {

using server::VrrpInstanceView;
using server::VrrpPeerView;
using server::VrrpTrackerView;

std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const std::string& text : texts) {
        all += (all.empty() ? "" : ", ") + text;
    }
    return all;
}

Cell state_cell(const std::string& state) {
    return {state, style_of_vrrp_state(state)};
}

std::string count(uint64_t value) {
    return fmt::to_string(value);
}

// "12 ms", "3.6 s", "0.35 ms": as many digits as somebody reads.
std::string time_text(double milliseconds) {
    constexpr double kSecond = 1000;
    return milliseconds < kSecond ? fmt::format("{:.4g} ms", milliseconds)
                                  : fmt::format("{:.4g} s", milliseconds / kSecond);
}

std::string master_of(const VrrpInstanceView& instance) {
    if (instance.state == "MASTER") {
        return "this one";
    }
    return instance.master.empty() ? "-" : instance.master;
}

std::string addresses_of(const VrrpInstanceView& instance) {
    std::vector<std::string> all = instance.addresses;
    all.insert(all.end(), instance.excluded_addresses.begin(), instance.excluded_addresses.end());
    return joined(all);
}

Cell priority_cell(const VrrpInstanceView& instance) {
    if (instance.priority == instance.configured_priority) {
        return {count(instance.priority)};
    }
    return {fmt::format("{} (of {})", instance.priority, instance.configured_priority),
            Style::kWarning};
}

std::string show_instances(const std::vector<VrrpInstanceView>& instances, Colour colour) {
    Table table({{"INSTANCE"},
                 {"STATE"},
                 {"PRIORITY"},
                 {"ROUTER ID", Align::kRight},
                 {"INTERFACE"},
                 {"MASTER"},
                 {"ADDRESSES"}});
    std::string faults;
    for (const VrrpInstanceView& instance : instances) {
        table.add({{instance.name},
                   state_cell(instance.state),
                   priority_cell(instance),
                   {count(instance.router_id)},
                   {instance.interface},
                   {master_of(instance)},
                   {addresses_of(instance)}});
        if (!instance.fault.empty()) {
            faults += fmt::format("{} {}: {}\n",
                                  instance.name,
                                  styled(instance.state, Style::kBad, colour),
                                  instance.fault);
        }
    }
    return table.render(colour) + (faults.empty() ? "" : "\n" + faults);
}

std::string show_groups(const std::vector<server::VrrpGroupView>& groups, Colour colour) {
    if (groups.empty()) {
        return "";
    }
    Table table({{"GROUP"}, {"STATE"}, {"INSTANCES"}});
    for (const server::VrrpGroupView& group : groups) {
        table.add({{group.name}, state_cell(group.state), {joined(group.instances)}});
    }
    return "\n" + table.render(colour);
}

// A BACKUP whose master has been silent for longer than that one's interval is about to take over.
std::string show_peers(const std::vector<VrrpInstanceView>& instances, Colour colour) {
    Table table({{"PEER"},
                 {"OF"},
                 {"PRIORITY", Align::kRight},
                 {"LAST HEARD", Align::kRight},
                 {"ADVERTS", Align::kRight},
                 {"ADDRESSES"}});
    bool is_empty = true;
    for (const VrrpInstanceView& instance : instances) {
        for (const VrrpPeerView& peer : instance.peers) {
            is_empty = false;
            table.add({{peer.address},
                       {instance.name},
                       {count(peer.priority)},
                       {time_text(peer.heard_ms_ago) + " ago"},
                       {count(peer.adverts)},
                       peer.has_other_addresses ? Cell{"differ from ours", Style::kBad}
                                                : Cell{"the same"}});
        }
    }
    return is_empty ? "" : "\n" + table.render(colour);
}

Cell tracker_state(const VrrpTrackerView& tracker) {
    // A file has a value, and up or down means little of it.
    if (tracker.kind == "file") {
        return {fmt::format("value {}", tracker.value)};
    }
    const Style style = tracker.state == "up"     ? Style::kGood
                        : tracker.state == "down" ? Style::kBad
                                                  : Style::kWarning;
    return {tracker.state, style};
}

std::string show_trackers(const std::vector<VrrpTrackerView>& trackers, Colour colour) {
    if (trackers.empty()) {
        return "";
    }
    Table table({{"TRACKER"},
                 {"KIND"},
                 {"STATE"},
                 {"RUNS", Align::kRight},
                 {"FAILED", Align::kRight},
                 {"TOO LONG", Align::kRight}});
    for (const VrrpTrackerView& tracker : trackers) {
        const auto runs = [&tracker](uint64_t value) {
            return Cell{tracker.kind == "script" ? count(value) : "-"};
        };
        table.add({{tracker.name},
                   {tracker.kind},
                   tracker_state(tracker),
                   runs(tracker.runs),
                   runs(tracker.failures),
                   runs(tracker.timeouts)});
    }
    return "\n" + table.render(colour);
}

// By reason, in the daemon's order; what never happened is left out.
std::string show_refusals(const server::VrrpView& vrrp, Colour colour) {
    Table table({{"REFUSED"}, {"BY"}, {"PACKETS", Align::kRight}, {"WHY"}});
    bool is_empty = true;
    const auto add =
        [&](const server::VrrpRefusalView& reason, const std::string& instance, uint64_t packets) {
            if (packets > 0) {
                is_empty = false;
                table.add(
                    {{reason.name}, {instance}, {count(packets), Style::kWarning}, {reason.help}});
            }
        };
    for (const server::VrrpRefusalView& reason : vrrp.refused) {
        add(reason, "-", reason.packets);
        for (const VrrpInstanceView& instance : vrrp.instances) {
            const auto found = instance.refused.find(reason.name);
            add(reason, instance.name, found == instance.refused.end() ? 0 : found->second);
        }
    }
    return is_empty ? "" : "\n" + table.render(colour);
}

}  // namespace

Style style_of_vrrp_state(const std::string& state) {
    if (state == "MASTER") {
        return Style::kGood;
    }
    return state == "FAULT" ? Style::kBad : Style::kPlain;
}

std::string show_vrrp(const server::VrrpView& vrrp, Colour colour) {
    if (vrrp.instances.empty()) {
        return "no VRRP instance is configured: all addresses are this director's alone\n";
    }
    return show_instances(vrrp.instances, colour) + show_groups(vrrp.groups, colour) +
           show_peers(vrrp.instances, colour) + show_trackers(vrrp.trackers, colour) +
           show_refusals(vrrp, colour);
}

std::string show_vrrp_instance(const VrrpInstanceView& instance, Colour colour) {
    std::string out =
        fmt::format("{}  {}{}\n",
                    styled(instance.name, Style::kBold, colour),
                    styled(instance.state, style_of_vrrp_state(instance.state), colour),
                    instance.fault.empty() ? "" : ": " + instance.fault);
    const auto line = [&out](const char* name, const std::string& value) {
        out += fmt::format("{:<16}{}\n", name, value);
    };
    line("interface", instance.interface);
    line("group", instance.group.empty() ? "-" : instance.group);
    line("router id",
         fmt::format("{}, version {}, {}", instance.router_id, instance.version, instance.family));
    line("priority", priority_cell(instance).text);
    line("master", master_of(instance));
    line("addresses", addresses_of(instance));
    line("adverts every", time_text(instance.advert_interval_ms));
    if (instance.state == "BACKUP") {
        line("master's every", time_text(instance.master_interval_ms));
        line("takes over after", time_text(instance.master_down_ms) + " of silence");
    }
    line("next timer in", instance.next_ms < 0 ? "-" : time_text(instance.next_ms));
    line("sent",
         fmt::format("{} adverts, {} goodbyes", instance.adverts_sent, instance.goodbyes_sent));
    line("heard",
         fmt::format("{} adverts, {} goodbyes, {} of lower priority",
                     instance.adverts_received,
                     instance.goodbyes_received,
                     instance.lower_priority_received));
    line("became master",
         fmt::format("{} times, left it {} times", instance.became_master, instance.left_master));
    if (instance.starved > 0) {
        line("slept too long", fmt::format("{} times", instance.starved));
    }
    for (const auto& [reason, packets] : instance.refused) {
        if (packets > 0) {
            line("refused", fmt::format("{} packets: {}", packets, reason));
        }
    }
    return out + show_peers({instance}, colour);
}

}  // namespace director::cli
