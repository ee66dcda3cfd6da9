// The command line of `directorctl match`.
#include <memory>

#include "cli/grammar.h"
#include "cli/match_command.h"

namespace director::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  directorctl match client.pcap server.pcap
  directorctl match pc.pcap firewall.pcap balancer.pcap server.pcap --explain
  directorctl match client.pcap server.pcap --connection 3 --svg request.svg
  directorctl match client.pcap server.pcap -w both.pcapng      all packets, on the first's clock
  directorctl match both-sides.pcapng                           each interface a point
  directorctl --json match client.pcap server.pcap | jq .findings

Needs no directord, and nothing has to be known of the devices between the captures: translated
addresses and ports, shifted sequence numbers, frames cut by a network card and full proxies are
recognized, clocks may differ. Captures are given from the client's side to the server's. A table a
connection shows each packet at all points, with the time it took from point to point; what is
ambiguous is told, not guessed. docs/diagnostics-matching.md has the rules.

Exit codes: 0 done, 1 a capture is cut or a file cannot be written, 2 no captures, or wrong usage.)";

}  // namespace

void add_match_command(Grammar& grammar) {
    const auto request = std::make_shared<MatchRequest>();
    CLI::App* command = grammar.add_top(
        "Why is it slow",
        "match",
        "Captures of the same traffic at several points, packet by packet side by side",
        [request](const Settings& settings) { return run_match(settings, *request); },
        kExamples);
    grammar
        .offer(
            command->add_option(
                "FILE", request->files, "pcap or pcapng, from the client's side to the server's"),
            Words::kFile)
        ->required();
    command->add_option("--filter", request->filter, "packets that count, as tcpdump has it")
        ->type_name("BPF");
    command->add_flag("--explain", request->is_explained, "By which evidence each pair was made");
    command->add_option("--connection", request->connection, "this one alone, by its number")
        ->type_name("NUMBER")
        ->check(CLI::PositiveNumber);
    command->add_option("--limit", request->limit, "connections shown; 0: all [20]")
        ->type_name("NUMBER");
    command->add_flag("--one-clock",
                      request->is_one_clock,
                      "The captures' clocks are the same: estimate no offset");
    grammar.offer(
        command->add_option("-w,--write",
                            request->merged,
                            "a pcapng file with all packets on the first capture's clock"),
        Words::kFile);
    grammar.offer(
        command->add_option(
            "--svg", request->svg, "a picture of one connection: the first that is shown"),
        Words::kFile);
}

}  // namespace director::cli
