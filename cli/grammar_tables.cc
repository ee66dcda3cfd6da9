// The commands of connections, routes and neighbours.
#include <memory>

#include "cli/connection_commands.h"
#include "cli/grammar.h"
#include "cli/top_command.h"

namespace director::cli {
namespace {

constexpr const char* kConnExamples = R"(Examples:
  directorctl conn list --client 198.51.100.0/24
  directorctl conn list --service 192.0.2.1:80 --server 10.0.0.1 --state ESTABLISHED --idle-more 10m
  directorctl conn count --service udp/192.0.2.1:53
  directorctl --json conn list | jq -r .client_address | sort | uniq -c    one row a line

directord looks for the rows, a few each time that a worker comes round, and sends them page by page:
ten million connections are listed without a packet noticing. Filters add up. The table changes while
it is read; a connection that lives throughout is listed once.)";

struct ConnectionOptions {
    ConnectionQuery query;
    std::string idle_more;
    std::string idle_less;

    [[nodiscard]] ConnectionQuery read() const {
        ConnectionQuery result = query;
        if (!idle_more.empty()) {
            result.idle_seconds_min = parse_duration(idle_more);
        }
        if (!idle_less.empty()) {
            result.idle_seconds_max = parse_duration(idle_less);
        }
        return result;
    }
};

void add_connection_options(Grammar& grammar, CLI::App* command, ConnectionOptions& options) {
    ConnectionQuery& query = options.query;
    command->add_option("--client", query.client, "of this address or network")
        ->type_name("ADDRESS[/BITS]");
    grammar.offer(
        command->add_option("--service", query.service, "of this one, or of a virtual address"),
        Words::kService);
    grammar.offer(
        command->add_option("--server", query.server, "ADDRESS:PORT, or ADDRESS for all ports"),
        Words::kServer);
    grammar.offer(command->add_option("--protocol", query.protocol, "of this one"),
                  {"tcp", "udp", "sctp", "icmp", "icmpv6"});
    grammar.offer(
        command->add_option("--state", query.state, "in this state, as ipvsadm calls it"),
        {"NONE",       "ESTABLISHED", "SYN_SENT",  "SYN_RECV", "FIN_WAIT", "TIME_WAIT", "CLOSE",
         "CLOSE_WAIT", "LAST_ACK",    "LISTEN",    "SYNACK",   "UDP",      "ICMP",      "INIT1",
         "INIT",       "C-SENT",      "C-REPLIED", "C-WAIT",   "COOKIE",   "C-ECHOED",  "S-SENT",
         "S-RECEIVED", "S-ACK-SENT",  "REJECTED",  "CLOSED"});
    check_duration(command->add_option(
        "--idle-more", options.idle_more, "without a packet for so long or longer: 90s, 10m"));
    check_duration(
        command->add_option("--idle-less", options.idle_less, "with a packet since then"));
}

void add_connections(Grammar& grammar) {
    auto options = std::make_shared<ConnectionOptions>();
    const auto list = [options](const Settings& settings) {
        return run_conn_list(settings, options->read());
    };
    CLI::App* noun = grammar.add_top(
        "Services", "conn", "Connections: who is connected where", list, kConnExamples);
    noun->alias("connections");
    CLI::App* verb =
        grammar.add(noun, "list", "Connections, all or those that are wanted", list, kConnExamples);
    add_connection_options(grammar, verb, *options);
    verb->add_option("--limit", options->query.rows_max, "no more than so many rows");
    auto counted = std::make_shared<ConnectionOptions>();
    CLI::App* count = grammar.add(
        noun,
        "count",
        "How many there are, by state",
        [counted](const Settings& settings) { return run_conn_count(settings, counted->read()); },
        kConnExamples);
    add_connection_options(grammar, count, *counted);
}

void add_top(Grammar& grammar) {
    auto request = std::make_shared<TopRequest>();
    auto view = std::make_shared<std::string>("services");
    CLI::App* command = grammar.add_top(
        "What is",
        "top",
        "The busiest services, servers, connections or workers, live",
        [request, view](const Settings& settings) {
            for (size_t i = 0; i < kTopSubjects; ++i) {
                if (name_of(static_cast<TopSubject>(i)) == *view) {
                    request->subject = static_cast<TopSubject>(i);
                }
            }
            return run_top(settings, *request);
        },
        R"(Examples:
  directorctl top                         live; ? shows the keys, q ends it
  directorctl top servers --filter 10.0.0.
  directorctl top workers --interval 5
  directorctl top services --once         one table, rates over one interval
  directorctl --json top servers --once | jq '.rows[0]')");
    grammar.offer(command->add_option("VIEW", *view, "what is shown first"),
                  {"services", "servers", "connections", "workers"});
    command->add_option("--interval", request->interval_seconds, "seconds between two looks")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.25, 60.0));
    command->add_option("--filter", request->filter, "rows that contain this text");
    command->add_flag("--once", request->is_once, "Print one table and end");
}

}  // namespace

void add_table_commands(Grammar& grammar) {
    add_top(grammar);
    add_connections(grammar);
    CLI::App* route =
        grammar.add_top("What the kernel says",
                        "route",
                        "Routes that the workers have of the kernel",
                        run_route_list,
                        "Example:\n  directorctl route list\n\n`ip route` changes them.");
    route->alias("routes");
    grammar.add(route, "list", "The same", run_route_list);
    CLI::App* neigh =
        grammar.add_top("What the kernel says",
                        "neigh",
                        "Machines on the links, and their MAC addresses",
                        run_neigh_list,
                        "Example:\n  directorctl neigh list\n\n`ip neigh` changes them.");
    neigh->alias("neighbours");
    grammar.add(neigh, "list", "The same", run_neigh_list);
}

}  // namespace director::cli
