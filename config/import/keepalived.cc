#include "config/import/keepalived.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <sstream>
#include <tuple>

#include "config/import/keepalived_tree.h"
#include "config/import/keepalived_words.h"
#include "config/print.h"

namespace director::config {
namespace {

// --- global_defs ---

void take_lvs_timeouts(const Statement& statement, ImportState& state, ImportState& /*again*/) {
    Timeouts& timeouts = state.out.model.timeouts;
    for (size_t i = 1; i + 1 < statement.words.size(); i += 2) {
        const std::string_view name = statement.word(i);
        const auto seconds = read_number(statement, i + 1, 1, 2678400, state);
        if (!seconds) {
            continue;
        }
        if (name == "tcp") {
            timeouts.tcp_established = static_cast<uint32_t>(*seconds);
        } else if (name == "tcpfin") {
            timeouts.tcp_fin_wait = static_cast<uint32_t>(*seconds);
        } else if (name == "udp") {
            timeouts.udp = static_cast<uint32_t>(*seconds);
        } else {
            state.lost(statement, fmt::format("lvs_timeouts: unknown word \"{}\"", name));
        }
    }
}

// "IFACE [[inst] VRRP_INSTANCE] [id N] [maxlen N] [port N] [ttl N] [group ADDR]".
void take_sync(const Statement& statement, ImportState& state, ImportState& /*again*/) {
    Sync& sync = state.out.model.sync;
    sync.role = SyncRole::kBoth;
    sync.interface = statement.word(1);
    for (size_t i = 2; i < statement.words.size(); ++i) {
        const std::string_view word = statement.word(i);
        if (word == "id") {
            sync.id = static_cast<uint8_t>(read_number(statement, ++i, 0, 255, state).value_or(0));
        } else if (word == "maxlen") {
            sync.message_bytes = static_cast<uint16_t>(
                read_number(statement, ++i, 512, 65507, state).value_or(sync.message_bytes));
        } else if (word == "port") {
            sync.port = static_cast<uint16_t>(
                read_number(statement, ++i, 1, 65535, state).value_or(sync.port));
        } else if (word == "ttl") {
            sync.ttl =
                static_cast<uint8_t>(read_number(statement, ++i, 1, 255, state).value_or(sync.ttl));
        } else if (word == "group") {
            sync.group = read_address(statement, ++i, state).value_or(sync.group);
        } else if (word != "inst") {
            state.remark(statement,
                         fmt::format("lvs_sync_daemon: both directors tell and hear at once, "
                                     "whichever of them {} makes MASTER",
                                     word));
        }
    }
}

template <typename Number, Number VrrpInstance::*kMember, int64_t kMin, int64_t kMax>
void take_default_number(const Statement& statement, ImportState& state, ImportState& /*again*/) {
    if (const auto number = read_number(statement, 1, kMin, kMax, state)) {
        state.vrrp_defaults.*kMember = static_cast<Number>(*number);
    }
}
template <Duration VrrpAnnouncements::*kMember>
void take_default_seconds(const Statement& statement, ImportState& state, ImportState& /*again*/) {
    if (const auto seconds = read_seconds(statement, 1, state)) {
        state.vrrp_defaults.announcements.*kMember = *seconds;
    }
}
template <uint16_t VrrpAnnouncements::*kMember>
void take_default_repeat(const Statement& statement, ImportState& state, ImportState& /*again*/) {
    if (const auto number = read_number(statement, 1, 0, 100, state)) {
        state.vrrp_defaults.announcements.*kMember = static_cast<uint16_t>(*number);
    }
}
void take_startup_delay(const Statement& statement, ImportState& state, ImportState& /*again*/) {
    if (const auto seconds = read_seconds(statement, 1, state)) {
        state.vrrp_defaults.startup_delay = *seconds;
    }
}
void take_default_strict(const Statement& statement, ImportState& state, ImportState& /*again*/) {
    state.vrrp_defaults.strict_addresses = read_flag(statement, state).value_or(false);
}
void take_default_checksum(const Statement& statement, ImportState& state, ImportState& /*again*/) {
    if (read_flag(statement, state).value_or(false)) {
        state.vrrp_defaults.checksum = VrrpChecksum::kMessageOnly;
    }
}
void take_default_interface(const Statement& statement,
                            ImportState& state,
                            ImportState& /*again*/) {
    state.vrrp_defaults.interface = statement.word(1);
}
void take_first_notifies(const Statement& statement, ImportState& state, ImportState& /*again*/) {
    state.out.model.health_checks.notify_first_state = read_flag(statement, state).value_or(false);
}

using Global = Keyword<ImportState>;
constexpr std::string_view kNoProcess =
    "directord is one process; its cores are set in `dataplane`";
constexpr std::string_view kNoOtherFaces =
    "there is neither SNMP nor D-Bus; Prometheus reads control.metrics_address";
constexpr std::string_view kNoDump = "`directorctl --json` answers at any time";
constexpr std::string_view kFlush = "services live in directord alone and end with it";

constexpr std::array kGlobalWords{
    Global{"lvs_timeouts", take_lvs_timeouts},
    Global{"lvs_sync_daemon", take_sync},
    Global{"default_interface", take_default_interface},
    Global{"vrrp_version", take_default_number<uint8_t, &VrrpInstance::version, 2, 3>},
    Global{"vrrp_down_timer_adverts",
           take_default_number<uint16_t, &VrrpInstance::down_timer_adverts, 1, 100>},
    Global{"vrrp_garp_master_delay", take_default_seconds<&VrrpAnnouncements::delay>},
    Global{"vrrp_garp_master_repeat", take_default_repeat<&VrrpAnnouncements::repeat>},
    Global{"vrrp_garp_master_refresh", take_default_seconds<&VrrpAnnouncements::refresh>},
    Global{"vrrp_garp_master_refresh_repeat",
           take_default_repeat<&VrrpAnnouncements::refresh_repeat>},
    Global{"vrrp_startup_delay", take_startup_delay},
    Global{"vrrp_strict", take_default_strict},
    Global{"v3_checksum_as_v2", take_default_checksum},
    Global{"rs_init_notifies", take_first_notifies},
    Global{"router_id", nullptr, "metrics and logs name a director by its host", Gravity::kRemark},
    Global{"notification_email", nullptr, kNoMail},
    Global{"notification_email_from", nullptr, kNoMail, Gravity::kRemark},
    Global{"smtp_server", nullptr, kNoMail, Gravity::kRemark},
    Global{"smtp_helo_name", nullptr, kNoMail, Gravity::kRemark},
    Global{"smtp_connect_timeout", nullptr, kNoMail, Gravity::kRemark},
    Global{"smtp_alert", nullptr, kNoMail, Gravity::kRemark},
    Global{"smtp_alert_vrrp", nullptr, kNoMail, Gravity::kRemark},
    Global{"smtp_alert_checker", nullptr, kNoMail, Gravity::kRemark},
    Global{"no_email_faults", nullptr, kNoMail, Gravity::kRemark},
    Global{"no_checker_emails", nullptr, kNoMail, Gravity::kRemark},
    Global{"lvs_flush", nullptr, kFlush, Gravity::kRemark},
    Global{"lvs_flush_on_stop", nullptr, kFlush, Gravity::kRemark},
    Global{"lvs_flush_onstop", nullptr, kFlush, Gravity::kRemark},
    Global{"notify_fifo", nullptr, "write `notify.any` programs in each instance"},
    Global{"notify_fifo_script", nullptr, "write `notify.any` programs in each instance"},
    Global{"vrrp_notify_fifo", nullptr, "write `notify.any` programs in each instance"},
    Global{"vrrp_notify_fifo_script", nullptr, "write `notify.any` programs in each instance"},
    Global{"lvs_notify_fifo", nullptr, "write notify_up, notify_down, quorum_up and quorum_down"},
    Global{"lvs_notify_fifo_script",
           nullptr,
           "write notify_up, notify_down, quorum_up and quorum_down"},
    Global{
        "fifo_write_vrrp_states_on_reload", nullptr, "a reload changes no state", Gravity::kRemark},
    Global{"checker_log_all_failures", nullptr, "write log_all_failures in checks"},
    Global{"dynamic_interfaces", nullptr, "ports are there from the start", Gravity::kRemark},
    Global{
        "disable_local_igmp", nullptr, "adverts do not come through the kernel", Gravity::kRemark},
    Global{"vrrp_mcast_group4", nullptr, "adverts go to 224.0.0.18, or to unicast_peers"},
    Global{"vrrp_mcast_group6", nullptr, "adverts go to ff02::12, or to unicast_peers"},
    Global{"vrrp_garp_lower_prio_delay", nullptr, "as vrrp_garp_master_delay", Gravity::kRemark},
    Global{"vrrp_garp_lower_prio_repeat", nullptr, "as vrrp_garp_master_repeat", Gravity::kRemark},
    Global{"vrrp_garp_interval", nullptr, "announcements leave without pauses"},
    Global{"vrrp_gna_interval", nullptr, "announcements leave without pauses"},
    Global{"vrrp_min_garp", nullptr, "write announcements.repeat", Gravity::kRemark},
    Global{"vrrp_garp_extra_if", nullptr, "announcements leave by the addresses' interface"},
    Global{"vrrp_skip_check_adv_addr",
           nullptr,
           "addresses of an advert are looked at where strict_addresses is set",
           Gravity::kRemark},
    Global{"vrrp_check_unicast_src", nullptr, "only unicast_peers are believed", Gravity::kRemark},
    Global{"vrrp_lower_prio_no_advert", nullptr, "a MASTER answers a lower priority at once"},
    Global{"vrrp_higher_prio_send_advert",
           nullptr,
           "a MASTER that hears a higher priority sends nothing more"},
    Global{"vrrp_owner_ignore_adverts", nullptr, "an owner treats adverts as any MASTER does"},
    Global{"vrrp_notify_priority_changes", nullptr, "programs run when states change"},
    Global{"vrrp_delay_after_boot", nullptr, "write startup_delay in each instance"},
    Global{"log_unknown_vrids", nullptr, "`directorctl vrrp` counts them", Gravity::kRemark},
    Global{"nftables",
           nullptr,
           "a backup's addresses answer nobody without the kernel's help",
           Gravity::kRemark},
    Global{"nftables_ipvs", nullptr, "services by marks have `match` rules", Gravity::kRemark},
    Global{"nftables_ipvs_start_fwmark",
           nullptr,
           "services by marks have `match` rules",
           Gravity::kRemark},
    Global{"vrrp_iptables",
           nullptr,
           "a backup's addresses answer nobody without the kernel's help",
           Gravity::kRemark},
    Global{"vrrp_ipsets",
           nullptr,
           "a backup's addresses answer nobody without the kernel's help",
           Gravity::kRemark},
    Global{"enable_script_security",
           nullptr,
           "programs run without a shell, as directord's user",
           Gravity::kRemark},
    Global{"script_user", nullptr, "programs run as directord's user; checks have script.user"},
    Global{"startup_script", nullptr, "write ExecStartPre= in the systemd unit"},
    Global{"shutdown_script", nullptr, "write ExecStopPost= in the systemd unit"},
    Global{"startup_script_timeout", nullptr, "write it in the systemd unit", Gravity::kRemark},
    Global{"shutdown_script_timeout", nullptr, "write it in the systemd unit", Gravity::kRemark},
    Global{"reload_check_config", nullptr, "a reload always checks first", Gravity::kRemark},
    Global{"include_check", nullptr, "includes are always checked", Gravity::kRemark},
    Global{"state_dump_file", nullptr, kNoDump, Gravity::kRemark},
    Global{"stats_dump_file", nullptr, kNoDump, Gravity::kRemark},
    Global{"json_dump_file", nullptr, kNoDump, Gravity::kRemark},
    Global{"json_version", nullptr, kNoDump, Gravity::kRemark},
    Global{"vmac_prefix",
           nullptr,
           "there is no interface for a virtual MAC address",
           Gravity::kRemark},
    Global{"vmac_addr_prefix",
           nullptr,
           "there is no interface for a virtual MAC address",
           Gravity::kRemark},
};

// Families of words that say how keepalived's processes run, and its other faces.
bool is_about_processes(std::string_view keyword) {
    constexpr std::array<std::string_view, 12> kEndings{"_priority",
                                                        "_rt_priority",
                                                        "_cpu_affinity",
                                                        "_no_swap",
                                                        "_rlimit_rttime",
                                                        "_rlimit_rtime",
                                                        "_rcv_bufs",
                                                        "_rx_bufs_policy",
                                                        "_rx_bufs_multiplier",
                                                        "_priority_delay",
                                                        "process_names",
                                                        "process_name"};
    constexpr std::array<std::string_view, 9> kBeginnings{"enable_snmp",
                                                          "snmp_",
                                                          "enable_dbus",
                                                          "dbus_",
                                                          "reload_",
                                                          "config_save_dir",
                                                          "random_seed",
                                                          "umask",
                                                          "max_auto_priority"};
    return std::any_of(kEndings.begin(),
                       kEndings.end(),
                       [&](auto ending) { return keyword.ends_with(ending); }) ||
           std::any_of(kBeginnings.begin(), kBeginnings.end(), [&](auto beginning) {
               return keyword.starts_with(beginning);
           });
}

// --- the whole file ---

void take_root(const Statement& statement, ImportState& state) {
    const std::string& keyword = statement.keyword();
    if (keyword == "global_defs" || keyword == "virtual_server_group") {
        return;  // had their turn
    }
    if (keyword == "virtual_server") {
        take_virtual_server(statement, state);
    } else if (keyword == "vrrp_instance" || keyword == "vrrp_sync_group" ||
               keyword == "vrrp_script" || keyword == "track_file" ||
               keyword == "vrrp_track_file") {
        take_vrrp(statement, state);
    } else if (keyword == "static_ipaddress" || keyword == "static_routes" ||
               keyword == "static_rules") {
        state.lost(statement,
                   fmt::format("{}: write addresses in `ports`, routes in `routes`", keyword));
    } else if (keyword == "vrrp_track_process") {
        state.lost(
            statement,
            "vrrp_track_process: write a tracker of kind \"script\" with [ \"/usr/bin/pgrep\", "
            "\"-x\", NAME ]");
    } else if (keyword == "bfd_instance") {
        state.lost(statement, "bfd_instance: BFD is not spoken; track a script with ping");
    } else if (keyword == "SSL") {
        state.lost(statement, "SSL: checks show no certificate of their own");
    } else if (keyword == "track_group" || keyword == "garp_group") {
        state.lost(statement, fmt::format("{}: has no counterpart", keyword));
    } else if (keyword == "interface_up_down_delays" || keyword == "linkbeat_interfaces" ||
               keyword == "linkbeat_use_polling" || keyword == "instance" ||
               keyword == "net_namespace" || keyword == "net_namespace_ipvs" ||
               keyword == "namespace_with_ipsets" || keyword == "use_pid_dir" ||
               keyword == "child_wait_time") {
        state.remark(statement, fmt::format("{}: about keepalived's own processes", keyword));
    } else {
        note_unknown(statement,
                     {"global_defs",
                      "vrrp_instance",
                      "vrrp_sync_group",
                      "vrrp_script",
                      "track_file",
                      "virtual_server",
                      "virtual_server_group",
                      "static_routes",
                      "static_ipaddress"},
                     state);
    }
}

// Global definitions and groups first: what they say holds for all blocks, wherever they stand.
void take_first(const std::vector<Statement>& statements, ImportState& state) {
    for (const Statement& statement : statements) {
        if (statement.keyword() == "global_defs") {
            take_global_definitions(statement, state);
        } else if (statement.keyword() == "virtual_server_group") {
            state.server_groups[std::string(statement.word(1))] = &statement;
        }
    }
}

std::string_view word_of(Gravity gravity) {
    switch (gravity) {
        case Gravity::kRemark:
            return "note";
        case Gravity::kLoss:
            return "not imported";
        case Gravity::kError:
            break;
    }
    return "error";
}

std::string commented(const std::string& text) {
    std::istringstream stream(text);
    std::string out;
    for (std::string line; std::getline(stream, line);) {
        out += line.empty() ? "#\n" : "# " + line + "\n";
    }
    return out;
}

}  // namespace

void tidy(Notes& notes) {
    // What no line says (of the machine's interfaces) comes last.
    const auto order = [](const Note& note) {
        return std::tuple(note.place.line == 0, note.place.file, note.place.line);
    };
    std::stable_sort(notes.begin(), notes.end(), [&](const Note& a, const Note& b) {
        return order(a) < order(b);
    });
    std::set<std::tuple<std::string, int, std::string>> seen;
    std::erase_if(notes, [&](const Note& note) {
        const bool is_remark = note.gravity == Gravity::kRemark;
        const auto key = std::tuple(
            is_remark ? "" : note.place.file, is_remark ? 0 : note.place.line, note.message);
        return !seen.insert(key).second;
    });
}

void take_global_definitions(const Statement& statement, ImportState& state) {
    for (const Statement& line : statement.block) {
        if (is_about_processes(line.keyword())) {
            const bool is_face = line.keyword().find("snmp") != std::string::npos ||
                                 line.keyword().find("dbus") != std::string::npos;
            state.remark(
                line, fmt::format("{}: {}", line.keyword(), is_face ? kNoOtherFaces : kNoProcess));
            continue;
        }
        take_statement<ImportState>(line, kGlobalWords, state, state);
    }
}

Imported import_keepalived(const KeepalivedLines& lines, const Machine& machine) {
    Imported out;
    out.notes = lines.notes;
    KeepalivedTree tree = parse_keepalived(lines.lines);
    out.notes.insert(out.notes.end(), tree.notes.begin(), tree.notes.end());
    ImportState state{out, machine, {}, {}};
    take_first(tree.statements, state);
    for (const Statement& statement : tree.statements) {
        take_root(statement, state);
    }
    make_ports(state);
    tidy(out.notes);
    return out;
}

std::string to_string(const Note& note) {
    const std::string place = note.place.line > 0
                                  ? fmt::format("{}:{}", note.place.file, note.place.line)
                                  : note.place.file;
    return fmt::format("{}: {}: {}", place, word_of(note.gravity), note.message);
}

std::string print_imported(const Imported& imported, std::string_view source) {
    std::string head =
        fmt::format("Imported from {}. Settings that are not here have their defaults.", source);
    if (!imported.notes.empty()) {
        head += "\n\nTo look at:\n";
    }
    for (const Note& note : imported.notes) {
        head += to_string(note) + "\n";
    }
    std::string out = commented(head) + "\n" + print_changes(imported.model);
    if (!imported.drafts.empty()) {
        Model drafts;
        drafts.virtual_services = imported.drafts;
        out += "\n" + commented(
                          "Services by firewall marks. Write what their marks stood for, such as\n"
                          "  match = ( { addresses = \"192.0.2.80\"; ports = \"80\"; protocol = "
                          "\"tcp\"; } );\n"
                          "and put them into virtual_services above.\n\n" +
                          print_changes(drafts));
    }
    return out;
}

}  // namespace director::config
