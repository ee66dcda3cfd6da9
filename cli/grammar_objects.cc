// The commands of services and real servers.
#include <cstdint>
#include <memory>

#include "cli/grammar.h"
#include "cli/object_commands.h"
#include "cli/schedulers.h"

namespace director::cli {
namespace {

constexpr const char* kGroup = "Services";
constexpr const char* kServiceHelp =
    "ADDRESS:PORT, udp/ADDRESS:PORT (tcp, udp, sctp) or mark/NUMBER (mark6/NUMBER)";

constexpr const char* kServiceExamples = R"(Examples:
  directorctl service list
  directorctl service show 192.0.2.1:80
  directorctl service add udp/192.0.2.1:53 --scheduler mh --flags hash-port
  directorctl service set 192.0.2.1:80 --persistence 10m
  directorctl service set 192.0.2.1:80 --flags none --persistence 0
  directorctl service del mark/7

Changes last until the next reload or start, which read the configuration file;
`directorctl config diff` shows them. What is not said stays as it is.)";

constexpr const char* kServerExamples = R"(Examples:
  directorctl server list 192.0.2.1:80
  directorctl server show 10.0.0.1                      in every service, with its checks
  directorctl server add 192.0.2.1:80 10.0.0.3:8080 --weight 2
  directorctl server set 192.0.2.1:80 10.0.0.3:8080 --weight 5 --upper-threshold 1000
  directorctl server del 192.0.2.1:80 10.0.0.3:8080
  directorctl server drain 10.0.0.3 --deadline 10m
  directorctl server undrain 10.0.0.3

Changes last until the next reload or start, which read the configuration file. What is not said
stays as it is.)";

CLI::Option* add_service_name(Grammar& grammar, CLI::App* command, std::string& to) {
    return grammar.offer(command->add_option("SERVICE", to, kServiceHelp), Words::kService);
}

struct ServiceOptions {
    ServiceChange change;
    std::vector<std::string> flags;
    std::string persistence;
    bool one_packet = false;

    CLI::Option* has_flags = nullptr;
    CLI::Option* has_persistence = nullptr;
    CLI::Option* has_one_packet = nullptr;

    [[nodiscard]] ServiceChange read() const {
        ServiceChange result = change;
        if (*has_flags) {
            result.flags = flags;
            std::erase(*result.flags, "none");
        }
        if (*has_persistence) {
            result.persistence_seconds =
                static_cast<uint32_t>(parse_duration(persistence).value_or(0));
        }
        if (*has_one_packet) {
            result.one_packet = one_packet;
        }
        return result;
    }
};

void add_service_options(Grammar& grammar, CLI::App* command, ServiceOptions& options) {
    add_service_name(grammar, command, options.change.service)->required();
    grammar.offer(
        command->add_option("--scheduler", options.change.scheduler, "how a server is chosen"),
        known_schedulers());
    options.has_flags = grammar.offer(
        command->add_option("--flags", options.flags, "of the scheduler, by commas; none: no flag")
            ->delimiter(','),
        {"hash-port", "hash-fallback", "like-ipvs", "none"});
    options.has_persistence = check_duration(command->add_option(
        "--persistence", options.persistence, "a client keeps its server so long; 0: not at all"));
    command
        ->add_option("--persistence-prefix",
                     options.change.persistence_prefix,
                     "bits of a client's address that count; 0: all")
        ->type_name("BITS");
    options.has_one_packet = command->add_flag("--one-packet,!--no-one-packet",
                                               options.one_packet,
                                               "each datagram is a connection of its own (UDP)");
}

void add_services(Grammar& grammar) {
    CLI::App* noun =
        grammar.add_top(kGroup, "service", "Virtual services", run_service_list, kServiceExamples);
    noun->alias("services");
    grammar.add(noun, "list", "All services with rates and states", run_service_list);
    const auto add = [&](const char* name, const char* help, auto run) {
        auto service = std::make_shared<std::string>();
        CLI::App* verb = grammar.add(noun, name, help, [service, run](const Settings& settings) {
            return run(settings, *service);
        });
        return add_service_name(grammar, verb, *service);
    };
    add("show", "One service with its counters and real servers", run_service_show)->required();
    const auto change = [&](const char* name, const char* help, auto run) {
        auto options = std::make_shared<ServiceOptions>();
        CLI::App* verb = grammar.add(noun, name, help, [options, run](const Settings& settings) {
            return run(settings, options->read());
        });
        verb->footer(kServiceExamples);
        add_service_options(grammar, verb, *options);
    };
    change("add", "A new service, without real servers yet", run_service_add);
    change("set", "Change a service; what is not said stays as it is", run_service_set);
    add("del", "Remove a service; its connections end", run_service_del)->required();
    add("zero", "Let listings count from now on: one service, or all", run_service_zero);
}

void add_server_options(Grammar& grammar, CLI::App* command, ServerChange& change) {
    grammar.offer(command->add_option("--forwarding", change.forwarding, "how packets get there"),
                  {"nat", "direct", "tunnel", "full-nat", "local"});
    command->add_option("--weight", change.weight, "its share; 0: no new connections")
        ->check(CLI::Range(0, 65535));
    command->add_option("--upper-threshold",
                        change.upper_threshold,
                        "connections above which it gets no new ones; 0: none");
    command->add_option("--lower-threshold",
                        change.lower_threshold,
                        "connections below which it gets new ones again; 0: three quarters");
    grammar.offer(command->add_option("--tunnel", change.tunnel, "with --forwarding tunnel"),
                  {"ipip", "gue", "gre"});
    command->add_option("--tunnel-port", change.tunnel_port, "of gue")->check(CLI::Range(1, 65535));
    grammar.offer(
        command->add_option("--tunnel-checksum", change.tunnel_checksum, "of gue and gre"),
        {"none", "full", "remote"});
}

void add_server_list(Grammar& grammar, CLI::App* noun) {
    auto service = std::make_shared<std::string>();
    CLI::App* list = grammar.add(
        noun, "list", "Real servers of a service, or of all", [service](const Settings& settings) {
            return run_server_list(settings, *service);
        });
    add_service_name(grammar, list, *service);
    auto server = std::make_shared<std::string>();
    CLI::App* show = grammar.add(
        noun,
        "show",
        "One real server in every service, with its checks",
        [server](const Settings& settings) { return run_server_show(settings, *server); });
    grammar
        .offer(show->add_option("SERVER", *server, "ADDRESS:PORT, or ADDRESS for all ports"),
               Words::kServer)
        ->required();
}

void add_drain(Grammar& grammar, CLI::App* parent, const char* name, bool is_over) {
    struct Options {
        DrainRequest request;
        std::string deadline;
    };
    auto options = std::make_shared<Options>();
    options->request.is_over = is_over;
    CLI::App* command = grammar.add(
        parent,
        name,
        is_over ? "Give a drained real server new connections again"
                : "Give a real server no new connections, until the next reload or undrain",
        [options](const Settings& settings) {
            DrainRequest request = options->request;
            if (!options->deadline.empty()) {
                request.deadline_seconds = parse_duration(options->deadline);
            }
            return run_drain(settings, request);
        },
        kServerExamples);
    if (parent == &grammar.app()) {
        command->group("");  // the older spelling
    }
    grammar
        .offer(command->add_option(
                   "SERVER", options->request.server, "ADDRESS:PORT, or ADDRESS for all ports"),
               Words::kServer)
        ->required();
    grammar.offer(command->add_option("--service", options->request.service, "in this one alone"),
                  Words::kService);
    if (!is_over) {
        check_duration(command->add_option(
            "--deadline", options->deadline, "end what is left then: 90, 90s, 10m, 2h"));
    }
}

void add_servers(Grammar& grammar) {
    CLI::App* noun = grammar.add_top(
        kGroup,
        "server",
        "Real servers",
        [](const Settings& settings) { return run_server_list(settings, ""); },
        kServerExamples);
    noun->alias("servers");
    add_server_list(grammar, noun);
    const auto change = [&](const char* name, const char* help, auto run) {
        auto options = std::make_shared<ServerChange>();
        CLI::App* verb = grammar.add(
            noun,
            name,
            help,
            [options, run](const Settings& settings) { return run(settings, *options); },
            kServerExamples);
        add_service_name(grammar, verb, options->service)->required();
        grammar
            .offer(
                verb->add_option(
                    "SERVER", options->server, "ADDRESS:PORT, or ADDRESS for the service's port"),
                Words::kServer)
            ->required();
        return std::pair(verb, options);
    };
    for (const auto& [verb, options] :
         {change("add", "A new real server of a service", run_server_add),
          change("set", "Change one; what is not said stays as it is", run_server_set)}) {
        add_server_options(grammar, verb, *options);
    }
    change("del", "Take a real server out of a service", run_server_del);
    add_drain(grammar, noun, "drain", false);
    add_drain(grammar, noun, "undrain", true);
    add_drain(grammar, &grammar.app(), "drain", false);
    add_drain(grammar, &grammar.app(), "undrain", true);
}

}  // namespace

void add_object_commands(Grammar& grammar) {
    add_services(grammar);
    add_servers(grammar);
}

}  // namespace director::cli
