// The commands that are not about services, servers and connections.
#include <memory>

#include "cli/ask.h"
#include "cli/doctor.h"
#include "cli/grammar.h"
#include "cli/import_command.h"
#include "cli/ipvsadm_run.h"

namespace director::cli {
namespace {

constexpr const char* kState = "What is";
constexpr const char* kPair = "High availability";
constexpr const char* kConfiguration = "Configuration";
constexpr const char* kOthers = "In others' words";

constexpr const char* kVrrpExample = R"text(Examples:
  directorctl vrrp show VI_1         one instance: timers, counters, why adverts were refused
  $ directorctl vrrp
  INSTANCE  STATE   PRIORITY  ROUTER ID  INTERFACE  MASTER        ADDRESSES
  VI_1      BACKUP  100              51  outside    192.168.10.1  192.168.10.100/24
  VI_2      BACKUP  100              52  inside     192.168.2.1   192.168.2.100/24

  GROUP  STATE   INSTANCES
  VG_1   BACKUP  VI_1, VI_2

  PEER          OF    PRIORITY  LAST HEARD  ADVERTS  ADDRESSES
  192.168.10.1  VI_1       150  413 ms ago     7120  the same
  192.168.2.1   VI_2       150  415 ms ago     7120  the same

A priority "130 (of 150)" is one that trackers have changed. Packets that were not believed follow,
by reason, if there were any. The rest is in --json: timers, counters, transitions.)text";

constexpr const char* kImportExample = R"text(Examples:
  directorctl import /etc/keepalived/keepalived.conf > director.conf
  directorctl import /etc/ipvsadm.rules > director.conf
  ipvsadm -S -n | directorctl import - > director.conf
  directorctl import rc.firewall          a script with its `$IPVSADM -A ...` lines
  directorctl import keepalived.conf --device enp0s3=0000:00:03.0 --address enp0s3=192.0.2.2/24

What these files leave to the machine (which card an interface is, the director's own addresses,
routes) is looked up on this machine; --device and --address say it instead. Each setting without a
counterpart is listed with its line on standard error, and at the head of the output.

Exit codes: 0 everything is imported, 1 something is listed to look at, 2 the file cannot be read.)text";

void add_import(Grammar& grammar) {
    auto request = std::make_shared<ImportRequest>();
    CLI::App* command = grammar.add_top(
        kOthers,
        "import",
        "Turn a keepalived.conf, or ipvsadm's rules, into a configuration file",
        [request](const Settings& /*settings*/) { return run_import(*request); },
        kImportExample);
    grammar
        .offer(command->add_option("FILE",
                                   request->file,
                                   "keepalived.conf, saved rules, a script; - for standard input"),
               Words::kFile)
        ->required();
    command->add_option("--from", request->kind, "what FILE is, if its content does not tell")
        ->check(CLI::IsMember({"keepalived", "ipvsadm"}));
    command->add_option("--device", request->devices, "the card that is an interface")
        ->type_name("INTERFACE=DEVICE");
    command->add_option("--address", request->addresses, "the director's own on an interface")
        ->type_name("INTERFACE=ADDRESS/BITS");
    command->add_option("--config-id", request->config_id, "decides lines such as \"@east ...\"")
        ->type_name("NAME");
}

void add_ipvsadm(Grammar& grammar) {
    CLI::App* command = grammar.app().add_subcommand(
        "ipvsadm", "Show and change the table as ipvsadm does: -L -n, -A -t ..., -a ..., -S, -R");
    grammar.handle(command, [&grammar, command](const Settings& /*settings*/) {
        std::vector<std::string> rest = command->remaining();
        grammar.take_json_from(rest);
        return run_ipvsadm(grammar.settings(), "directorctl ipvsadm", rest);
    });
    // Its options are ipvsadm's and none of ours, "--help" included.
    command->prefix_command();
    command->fallthrough(false);
    command->set_help_flag();
    command->group(kOthers);
}

void add_checks(Grammar& grammar) {
    auto file = std::make_shared<std::string>();
    CLI::App* noun = grammar.add_top(
        kState,
        "check",
        "Health checks; or the mistakes in a configuration file",
        [file](const Settings& settings) {
            return file->empty() ? run_checks(settings, "") : run_check(*file);
        },
        R"(Examples:
  directorctl check list
  directorctl check show 10.0.0.1           all of one server: counts, times, last failure
  directorctl check /etc/director.conf      as `directorctl config check`: exit code 2 with mistakes)");
    noun->alias("checks");
    grammar.offer(noun->add_option("FILE", *file, "a configuration file to look for mistakes in"),
                  Words::kFile);
    const auto list = [file](const Settings& settings) {
        return file->empty() ? run_checks(settings, "")
                             : complain(kExitUsage, "check list takes no arguments");
    };
    grammar.add(noun, "list", "Servers up and down, and what their checks say", list);
    auto server = std::make_shared<std::string>();
    CLI::App* show =
        grammar.add(noun, "show", "The checks of one server", [server](const Settings& settings) {
            return run_checks(settings, *server);
        });
    grammar
        .offer(show->add_option("SERVER", *server, "ADDRESS:PORT, or ADDRESS for all ports"),
               Words::kServer)
        ->required();
}

void add_state(Grammar& grammar) {
    grammar.add_top(kState,
                    "status",
                    "What matters at one look, and what needs a person",
                    run_status,
                    R"(Examples:
  directorctl status
  watch -c directorctl status
  directorctl --json status | jq .alarms)");
    CLI::App* workers =
        grammar.add_top(kState, "worker", "Load and counters of each worker", run_workers);
    workers->alias("workers");
    grammar.add(workers, "list", "The same", run_workers);
    const auto all = std::make_shared<bool>(false);
    const auto drops = [all](const Settings& settings) {
        return run_drops(settings, *all ? ZeroRows::kShow : ZeroRows::kHide);
    };
    CLI::App* drop = grammar.add_top(
        kState, "drop", "Packets that were not forwarded, by reason and virtual service", drops);
    drop->alias("drops");
    drop->add_flag("--all", *all, "Reasons that never occurred, too");
    grammar.add(drop, "list", "The same", drops);
    add_checks(grammar);
}

void add_pair(Grammar& grammar) {
    const auto list = [](const Settings& settings) { return run_vrrp(settings); };
    CLI::App* vrrp = grammar.add_top(kPair,
                                     "vrrp",
                                     "Who has the shared addresses: instances, groups, trackers",
                                     list,
                                     kVrrpExample);
    grammar.add(vrrp, "list", "All instances, groups and trackers", list);
    auto name = std::make_shared<std::string>();
    CLI::App* show =
        grammar.add(vrrp,
                    "show",
                    "One instance with its timers and counters",
                    [name](const Settings& settings) { return run_vrrp_show(settings, *name); });
    grammar.offer(show->add_option("INSTANCE", *name, "its name"), Words::kInstance)->required();
    CLI::App* sync = grammar.add_top(kPair,
                                     "sync",
                                     "Connection sync: what the twin is told, and what is missing",
                                     run_sync_status);
    grammar.add(sync, "show", "The same", run_sync_status);
    CLI::App* status = grammar.add(sync, "status", "The same", run_sync_status);
    status->group("");
}

void add_doctor(Grammar& grammar) {
    auto request = std::make_shared<DoctorRequest>();
    CLI::App* doctor = grammar.add_top(
        kState,
        "doctor",
        "Whether this machine is fit for a director, and what to do",
        [request](const Settings& settings) {
            request->is_json = settings.output == Output::kJson;
            return run_doctor(*request);
        },
        R"(Looks at huge pages, isolated CPUs, NUMA nodes, IOMMU, cards, clock, and kernel parameters, as far as
the configuration needs them; changes nothing. scripts/appliance does what it advises.
Exit codes: 0 nothing to do, 1 something, 2 the configuration cannot be read.)");
    grammar.offer(doctor->add_option("FILE", request->config, "a configuration file"),
                  Words::kFile);
    doctor->add_option("--root", request->root, "another machine's files")->capture_default_str();
}

void add_configuration(Grammar& grammar) {
    grammar.add_top(kConfiguration,
                    "reload",
                    "Read the configuration file again and apply what changed",
                    run_reload);
}

}  // namespace

void add_commands(Grammar& grammar) {
    add_state(grammar);
    add_doctor(grammar);
    add_object_commands(grammar);
    add_table_commands(grammar);
    add_pair(grammar);
    add_configuration(grammar);
    add_daemon_commands(grammar);
    add_flow_commands(grammar);
    add_match_command(grammar);
    add_import(grammar);
    add_ipvsadm(grammar);
}

}  // namespace director::cli
