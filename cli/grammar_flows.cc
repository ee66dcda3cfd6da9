// The commands of flow diagnostics: of captured packets, without a directord.
#include <memory>

#include "cli/flow_bits_command.h"
#include "cli/grammar.h"

namespace director::cli {
namespace {

constexpr const char* kWhy = "Why is it slow";

void add_bits(Grammar& grammar, CLI::App* noun) {
    auto words = std::make_shared<std::vector<std::string>>();
    CLI::App* bits = grammar.add(
        noun,
        "bits",
        "What the bits of a column mean",
        [words](const Settings& settings) { return run_flow_bits(settings, *words); },
        R"(Examples:
  directorctl flows bits tcpAnomaly=0x02cc
  directorctl flows bits ipFlags=0x0044 tcpFStat=0x4ff1 ipOptCpCl_Num=0x10_0x00100000
  directorctl --json flows bits tcpOptions=0x4000011e)");
    bits->add_option("FIELD=VALUE", *words, "a column of the flow or packet table, and its value")
        ->required();
}

}  // namespace

void add_flow_commands(Grammar& grammar) {
    CLI::App* noun = grammar.add_top(kWhy, "flows", "Flows of captured packets");
    add_bits(grammar, noun);
}

}  // namespace director::cli
