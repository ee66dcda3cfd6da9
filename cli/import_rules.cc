#include "cli/import_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "cli/import_firewall.h"
#include "cli/ipvsadm_command.h"
#include "cli/schedulers.h"
#include "config/edits.h"
#include "config/import/keepalived_words.h"
#include "controlplane/edit/edit_of.h"

namespace director::cli {
namespace {

using config::Gravity;
using config::Imported;
using config::Model;
using config::ShellCommand;

// What IPVS's sysctls say, and where it is said here.
struct Sysctl {
    std::string_view name;
    std::string_view advice;
    Gravity gravity = Gravity::kLoss;
};
constexpr std::array kSysctls{
    Sysctl{"vs/am_droprate", "a full table gives way by `when_full`"},
    Sysctl{"vs/cache_bypass", "has no counterpart"},
    Sysctl{"vs/conn_reuse_mode", "a new SYN is always scheduled anew", Gravity::kRemark},
    Sysctl{"vs/conntrack", "there is no second table beside the connections", Gravity::kRemark},
    Sysctl{"vs/drop_entry", "a full table gives way by `when_full`"},
    Sysctl{"vs/drop_packet", "a full table gives way by `when_full`"},
    Sysctl{"vs/expire_quiescent_template",
           "clients of a server at weight 0 go to another one unless drop_when_quiesced = false",
           Gravity::kRemark},
    Sysctl{"vs/nat_icmp_send", "servers behind NAT get their ICMP errors", Gravity::kRemark},
    Sysctl{"vs/secure_tcp", "write syn_proxy = \"under-attack\" in the services"},
    Sysctl{"vs/sync_", "write it in `sync` (docs/configuration.md)"},
    Sysctl{"ip_forward", "Director forwards without the kernel's help", Gravity::kRemark},
    Sysctl{"rp_filter", "Director's ports do not pass the kernel's filters", Gravity::kRemark},
    Sysctl{"arp_", "Director alone answers for its addresses", Gravity::kRemark},
    Sysctl{"send_redirects", "Director sends no redirects", Gravity::kRemark},
};

// Programs whose calls a configuration has no need of, and others that it has a place for.
constexpr std::array<std::string_view, 20> kNeutral{
    "echo", "printf", "exit",  "set",    "test",   "[",     "[[",  "]",    "true",  "false",
    ":",    "cd",     "sleep", "return", "logger", "shift", "cat", "wait", "unset", "trap"};
struct Program {
    std::string_view name;
    std::string_view advice;
    Gravity gravity = Gravity::kLoss;
};
constexpr std::array kPrograms{
    Program{"modprobe", "there are no kernel modules to load", Gravity::kRemark},
    Program{"insmod", "there are no kernel modules to load", Gravity::kRemark},
    Program{"ip", "write addresses and VLANs in `ports`, routes in `routes`"},
    Program{"ifconfig", "write addresses in `ports`"},
    Program{"route", "write it in `routes`"},
    Program{"vconfig", "write VLANs in `ports`"},
    Program{"arptables", "Director alone answers for its addresses", Gravity::kRemark},
    Program{"nft", "packets of virtual services do not meet the kernel's firewall"},
    Program{".", "another file is not read; import that one, too"},
    Program{"source", "another file is not read; import that one, too"},
};

std::string_view base_of(std::string_view path) {
    return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

class Importer {
  public:
    Importer(const config::Machine& machine, const Resolve& resolve)
        : state_{out_, machine, {}, {}}, resolve_(resolve) {}

    void take(const ShellCommand& command) {
        const std::string_view program = base_of(command.words.front());
        std::vector<std::string> rest(command.words.begin() + 1, command.words.end());
        if (program.starts_with('-')) {
            take_rule(command, command.words);  // a saved rule
        } else if (program == "ipvsadm") {
            take_rule(command, rest);
        } else if (program == "directorctl") {
            const auto word = std::find(rest.begin(), rest.end(), "ipvsadm");
            if (word != rest.end()) {
                take_rule(command, {word + 1, rest.end()});
            }
        } else if (program == "ipvsadm-restore") {
            take_restore(command);
        } else if (program == "iptables" || program == "ip6tables") {
            take_firewall(command, rest, program == "iptables" ? Family::kIpv4 : Family::kIpv6);
        } else if (program == "sysctl") {
            take_sysctl_words(command, rest);
        } else if (command.output.starts_with("/proc/sys/") && command.words.size() > 1) {
            take_sysctl(command, command.output.substr(10), command.words.back());
        } else {
            take_other(command, program);
        }
    }

    Imported finish() {
        take_marks();
        for (config::VirtualService& service : out_.model.virtual_services) {
            service.when_server_gone =
                expires_ ? config::WhenServerGone::kExpire : config::WhenServerGone::kLeave;
            service.sloppy_tcp = is_sloppy_;
        }
        if (out_.model.virtual_services.empty() && out_.drafts.empty()) {
            state_.tell({"the rules", 0}, Gravity::kLoss, "they leave no service");
        }
        config::make_ports(state_);
        if (out_.model.ports.empty()) {
            state_.tell({"ports", 0},
                        Gravity::kLoss,
                        "which cards the director has is not known here; import on the director "
                        "itself, or say --device eth0=0000:03:00.0 --address eth0=192.0.2.2/24");
        }
        return std::move(out_);
    }

  private:
    void note(const ShellCommand& command, Gravity gravity, std::string message) {
        state_.tell(command.place, gravity, std::move(message));
    }

    // --- ipvsadm ---

    void take_rule(const ShellCommand& command, const std::vector<std::string>& words) {
        auto parsed = parse_ipvsadm("ipvsadm", words);
        if (!parsed) {
            const std::string& message = parsed.error().message;
            note(command,
                 Gravity::kLoss,
                 fmt::format("ipvsadm refuses it: {}", message.substr(0, message.find('\n'))));
            return;
        }
        switch (parsed->action) {
            case IpvsadmAction::kRestore:
                take_restore(command);
                return;
            case IpvsadmAction::kClear:
                out_.model.virtual_services.clear();
                marked_.virtual_services.clear();
                return;
            case IpvsadmAction::kList:
            case IpvsadmAction::kListConnections:
            case IpvsadmAction::kListTimeouts:
            case IpvsadmAction::kListDaemon:
            case IpvsadmAction::kZero:
            case IpvsadmAction::kSave:
            case IpvsadmAction::kHelp:
            case IpvsadmAction::kVersion:
                return;  // change nothing
            default:
                take_change(command, *parsed);
        }
    }

    void take_change(const ShellCommand& command, IpvsadmCommand& parsed) {
        if (!parsed.service_options.engine.empty()) {
            note(
                command,
                Gravity::kLoss,
                fmt::format("--pe {}: has no counterpart; persistence goes by the client's address",
                            std::exchange(parsed.service_options.engine, "")));
        }
        const auto request = edit_request(parsed, resolve_);
        if (!request) {
            note(command, Gravity::kLoss, request.error().message);
            return;
        }
        auto edit = edit::edit_of(*request);
        if (!edit) {
            note(command, Gravity::kLoss, edit.error().message);
            return;
        }
        const bool has_mark = request->service.mark != 0;
        if (auto* add = std::get_if<config::AddService>(&*edit); add != nullptr && has_mark) {
            add_marked(command, *add);
            return;
        }
        const auto done = config::apply(*edit, vocabulary_, has_mark ? marked_ : out_.model);
        const bool is_deletion = parsed.action == IpvsadmAction::kDeleteService ||
                                 parsed.action == IpvsadmAction::kDeleteServer ||
                                 parsed.action == IpvsadmAction::kStopDaemon;
        if (!done && !is_deletion) {  // scripts clean up what may not be there
            note(command, Gravity::kLoss, done.error().message);
        }
    }

    // Director has no firewall that marks packets; what the marks stand for may come later.
    void add_marked(const ShellCommand& command, const config::AddService& add) {
        config::VirtualService service;
        service.mark = add.rule.key.mark;
        if (add.rule.key.family == Family::kIpv6) {
            service.endpoint.address = *IpAddress::parse("::");
        }
        Model next = marked_;
        next.virtual_services.push_back(std::move(service));
        const auto done = config::apply(config::EditService{add.rule}, vocabulary_, next);
        if (!done) {
            note(command, Gravity::kLoss, done.error().message);
            return;
        }
        marked_ = std::move(next);
        places_[{add.rule.key.mark, add.rule.key.family}] = command.place;
    }

    void take_restore(const ShellCommand& command) {
        if (command.lines.empty()) {
            note(command,
                 Gravity::kLoss,
                 fmt::format("rules from {} are not read here; import that file, too",
                             command.input.empty() ? "another program" : command.input));
        }
        for (const ShellCommand& line : command.lines) {
            take(line);
        }
    }

    // --- what stands around it ---

    void take_firewall(const ShellCommand& command,
                       const std::vector<std::string>& words,
                       Family family) {
        const auto rule = mark_rule(words, family);
        if (!rule) {
            note(command, Gravity::kLoss, "a mark: " + rule.error().message);
        } else if (*rule) {
            auto& all = marks_[{(*rule)->mark, family}];
            all.insert(all.end(), (*rule)->match.begin(), (*rule)->match.end());
        } else {
            const FirewallAdvice advice = firewall_advice(words);
            note(command, advice.is_loss ? Gravity::kLoss : Gravity::kRemark, advice.message);
        }
    }

    // "sysctl -w net.ipv4.vs.conntrack=1".
    void take_sysctl_words(const ShellCommand& command, const std::vector<std::string>& words) {
        for (const std::string& word : words) {
            const size_t sign = word.find('=');
            if (sign != std::string::npos) {
                std::string path = word.substr(0, sign);
                std::replace(path.begin(), path.end(), '.', '/');
                take_sysctl(command, path, word.substr(sign + 1));
            }
        }
    }

    void take_sysctl(const ShellCommand& command, const std::string& path, std::string_view value) {
        if (path.ends_with("vs/expire_nodest_conn")) {
            expires_ = value != "0";
            return;
        }
        if (path.ends_with("vs/sloppy_tcp")) {
            is_sloppy_ = value != "0";
            return;
        }
        const auto* const known =
            std::find_if(kSysctls.begin(), kSysctls.end(), [&](const Sysctl& one) {
                return path.find(one.name) != std::string::npos;
            });
        if (known != kSysctls.end()) {
            note(command, known->gravity, fmt::format("{}: {}", path, known->advice));
        } else {
            note(
                command, Gravity::kLoss, path + ": a setting of the kernel's; is it still needed?");
        }
    }

    void take_other(const ShellCommand& command, std::string_view program) {
        if (std::find(kNeutral.begin(), kNeutral.end(), program) != kNeutral.end()) {
            return;
        }
        const auto* const known =
            std::find_if(kPrograms.begin(), kPrograms.end(), [&](const Program& one) {
                return one.name == program;
            });
        if (known != kPrograms.end()) {
            note(command, known->gravity, fmt::format("{}: {}", program, known->advice));
        } else {
            note(command,
                 Gravity::kLoss,
                 fmt::format("{}: a program that is not run here; does it belong to the balancer?",
                             program));
        }
    }

    // --- marks ---

    void take_marks() {
        for (config::VirtualService& service : marked_.virtual_services) {
            const auto key = std::pair(service.mark, service.endpoint.address.family());
            const auto rules = marks_.find(key);
            if (rules != marks_.end()) {
                service.endpoint = {};
                service.match = rules->second;
                out_.model.virtual_services.push_back(std::move(service));
                continue;
            }
            state_.tell(places_[key],
                        Gravity::kLoss,
                        fmt::format("fwmark {}: which packets have this mark stands in the "
                                    "firewall's rules; write them as `match` of the service that "
                                    "is commented out below",
                                    service.mark));
            out_.drafts.push_back(std::move(service));
        }
    }

    Imported out_;
    config::ImportState state_;
    const Resolve& resolve_;
    // What ipvsadm's schedulers are called here: a name that directord does not have is found when
    // the configuration is loaded, as one in keepalived.conf is.
    config::Vocabulary vocabulary_{known_schedulers()};
    Model marked_;  // services by marks, until it is known what they are
    std::map<std::pair<uint32_t, Family>, std::vector<config::Match>> marks_;
    std::map<std::pair<uint32_t, Family>, config::Place> places_;
    bool expires_ = false;
    bool is_sloppy_ = false;
};

}  // namespace

Imported import_rules(const config::ShellCommands& commands,
                      const config::Machine& machine,
                      const Resolve& resolve) {
    Importer importer(machine, resolve);
    for (const ShellCommand& command : commands.commands) {
        importer.take(command);
    }
    Imported out = importer.finish();
    out.notes.insert(out.notes.end(), commands.notes.begin(), commands.notes.end());
    config::tidy(out.notes);
    return out;
}

}  // namespace director::cli
