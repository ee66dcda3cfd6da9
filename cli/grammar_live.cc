// The commands that look at packets while they pass: capture, flows live, health.
#include <memory>

#include "cli/grammar.h"
#include "cli/live_commands.h"

namespace director::cli {
namespace {

constexpr const char* kWhy = "Why is it slow";

constexpr const char* kFilterHelp =
    "vip, client, server or host with ADDRESS[/LENGTH][:PORT], port, proto";

void add_sampling(CLI::App* command, LiveQuery& query) {
    command->add_option("--one-in", query.one_in, "of so many clients' ends one, connections whole")
        ->type_name("NUMBER");
    command->add_option("--rate", query.rate, "packets a second that each worker tells at most")
        ->type_name("NUMBER");
}

void add_capture(Grammar& grammar) {
    auto query = std::make_shared<LiveQuery>();
    CLI::App* command = grammar.add_top(
        kWhy,
        "capture",
        "Packets on both sides of the director, as a pcapng file",
        [query](const Settings& settings) { return run_capture(settings, *query); },
        R"(Examples:
  directorctl capture -w both.pcapng --filter 'vip 192.0.2.1:80 client 198.51.100.0/24' --max 100MB
  directorctl capture -w drops.pcapng --drops --seconds 60       what is dropped, and why
  directorctl capture -w - --headers | tshark -r - -T fields -e frame.interface_name -e pkt_comment
  directorctl capture -w dns.pcapng --filter 'udp and port 53 and len > 500'     as tcpdump has it

An interface for each port and side; the comment of a packet names its connection, direction, service and
real server, and why it was dropped. Runs until interrupted, or what was asked for is there. What was
missed is said at the end and stands in the file.)");
    grammar
        .offer(command->add_option("-w,--write", query->file, "the file; - is standard output"),
               Words::kFile)
        ->required();
    command->add_option("--filter", query->filter, kFilterHelp)->type_name("TEXT");
    command->add_option("--max", query->max, "of the file, as 100MB")->type_name("SIZE");
    command->add_option("--seconds", query->seconds, "for so long")->type_name("NUMBER");
    command->add_option("--count", query->count, "so many packets")->type_name("NUMBER");
    command->add_option("--snap", query->snap, "of each packet so many bytes")
        ->type_name("BYTES")
        ->check(CLI::Range(1, 9216));
    command->add_flag("--headers", query->headers, "of each packet the headers alone");
    command->add_flag("--drops", query->drops, "dropped packets alone");
    add_sampling(command, *query);
}

void add_health(Grammar& grammar) {
    struct Options {
        LiveQuery query;
        std::string vip;
    };
    auto options = std::make_shared<Options>();
    CLI::App* command = grammar.add_top(
        kWhy,
        "health",
        "What is wrong with which service and server, as their connections tell, worst first",
        [options](const Settings& settings) {
            LiveQuery query = options->query;
            if (!options->vip.empty()) {
                query.filter =
                    "vip " + options->vip + (query.filter.empty() ? "" : " ") + query.filter;
            }
            return run_health(settings, query);
        },
        R"(Examples:
  directorctl health                          all services, for ten seconds
  directorctl health 192.0.2.1:80 --seconds 60
  directorctl --json health | jq '.verdicts[0].text'

Round trips are told apart by side: from the director to clients, and to the server.)");
    grammar.offer(command->add_option("VIP", options->vip, "ADDRESS or ADDRESS:PORT"),
                  Words::kNothing);
    command
        ->add_option("--seconds", options->query.seconds, "how long to look, 10 if nothing is said")
        ->type_name("NUMBER");
    command->add_option("--filter", options->query.filter, kFilterHelp)->type_name("TEXT");
    add_sampling(command, options->query);
}

}  // namespace

void add_live_commands(Grammar& grammar, CLI::App* flows) {
    add_capture(grammar);
    add_health(grammar);
    auto query = std::make_shared<LiveQuery>();
    CLI::App* live = grammar.add(
        flows,
        "live",
        "Records of flows as they end, of the packets that pass",
        [query](const Settings& settings) { return run_flows_live(settings, *query); },
        R"(Examples:
  directorctl flows live --filter 'vip 192.0.2.1:80'
  directorctl --json flows live --seconds 30 | jq -c '{srcIP, dstIP, tcpRTTAckTripAve}'

The columns are those of "flows"; client's packets as they come, servers' as they leave. An interrupt
ends it with the flows that go on.)");
    live->add_option("--filter", query->filter, kFilterHelp)->type_name("TEXT");
    live->add_option("--seconds", query->seconds, "for so long")->type_name("NUMBER");
    add_sampling(live, *query);
}

}  // namespace director::cli
