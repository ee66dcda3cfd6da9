#include "cli/import_firewall.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "common/whole_number.h"
#include "config/settings.h"

namespace director::cli {
namespace {

using config::Match;
using config::PortRange;

std::string_view value_of(const std::vector<std::string>& words,
                          std::initializer_list<std::string_view> names) {
    for (size_t i = 0; i + 1 < words.size(); ++i) {
        if (std::find(names.begin(), names.end(), words[i]) != names.end()) {
            return words[i + 1];
        }
    }
    return {};
}

// "1", "0x1", "0x1/0xffffffff".
std::optional<uint32_t> mark_of(std::string_view text) {
    text = text.substr(0, text.find('/'));
    return text.starts_with("0x") || text.starts_with("0X")
               ? whole_number<uint32_t>(text.substr(2), 16)
               : whole_number<uint32_t>(text, 10);
}

// "80", "8000:8010", "80,443,8000:8010".
std::optional<std::vector<PortRange>> ports_of(std::string_view text) {
    std::vector<PortRange> out;
    while (!text.empty()) {
        const std::string_view one = text.substr(0, text.find(','));
        text.remove_prefix(std::min(one.size() + 1, text.size()));
        const size_t colon = one.find(':');
        const auto first = whole_number<uint32_t>(one.substr(0, colon), 10);
        const auto last = colon == std::string_view::npos
                              ? first
                              : whole_number<uint32_t>(one.substr(colon + 1), 10);
        if (!first || !last || *first > *last || *last > 65535) {
            return std::nullopt;
        }
        out.push_back({static_cast<uint16_t>(*first), static_cast<uint16_t>(*last)});
    }
    return out;
}

std::optional<config::AddressRange> addresses_of(std::string_view text, Family family) {
    config::AddressRange range;
    const bool is_one =
        config::kAddressRangeForm.read(text, range) && range.first.family() == family;
    return is_one ? std::optional(range) : std::nullopt;
}

std::optional<Protocol> protocol_of(std::string_view text) {
    constexpr std::array<std::pair<std::string_view, Protocol>, 8> kNames{
        {{"tcp", Protocol::kTcp},
         {"6", Protocol::kTcp},
         {"udp", Protocol::kUdp},
         {"17", Protocol::kUdp},
         {"sctp", Protocol::kSctp},
         {"132", Protocol::kSctp},
         {"all", Protocol::kAny},
         {"", Protocol::kAny}}};
    for (const auto& [name, protocol] : kNames) {
        if (name == text) {
            return protocol;
        }
    }
    return std::nullopt;
}

// An option that narrows a rule in a way that `match` has no word for.
std::optional<std::string> narrowing(const std::vector<std::string>& words) {
    constexpr std::array<std::string_view, 19> kWithValue{"-t",
                                                          "--table",
                                                          "-A",
                                                          "--append",
                                                          "-I",
                                                          "--insert",
                                                          "-d",
                                                          "--dst",
                                                          "--destination",
                                                          "-p",
                                                          "--protocol",
                                                          "--dport",
                                                          "--destination-port",
                                                          "--dports",
                                                          "-j",
                                                          "--jump",
                                                          "--set-mark",
                                                          "--set-xmark",
                                                          "-m"};
    for (size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (std::find(kWithValue.begin(), kWithValue.end(), word) != kWithValue.end()) {
            const bool is_module = word == "-m";
            ++i;
            const bool narrows = is_module && i < words.size() && words[i] != "tcp" &&
                                 words[i] != "udp" && words[i] != "sctp" &&
                                 words[i] != "multiport" && words[i] != "comment";
            if (narrows) {
                return "-m " + words[i];
            }
        } else if (word == "--comment") {
            ++i;
        } else if (word != "-w" && word != "--wait" && !whole_number<uint32_t>(word, 10)) {
            return word;
        }
    }
    return std::nullopt;
}

}  // namespace

Result<std::optional<MarkRule>> mark_rule(const std::vector<std::string>& words, Family family) {
    const std::string_view target = value_of(words, {"-j", "--jump"});
    const std::string_view adds = value_of(words, {"-A", "--append", "-I", "--insert"});
    if (target != "MARK" || adds.empty()) {
        return std::nullopt;
    }
    MarkRule rule;
    const auto mark = mark_of(value_of(words, {"--set-mark", "--set-xmark"}));
    const auto addresses = addresses_of(value_of(words, {"-d", "--dst", "--destination"}), family);
    const auto protocol = protocol_of(value_of(words, {"-p", "--protocol"}));
    const std::string_view port_words =
        value_of(words, {"--dport", "--destination-port", "--dports"});
    const auto ports = ports_of(port_words);
    if (const auto narrows = narrowing(words)) {
        return failure(fmt::format("{}: `match` has no word for it", *narrows));
    }
    if (!mark || *mark == 0 || !addresses || !protocol || !ports) {
        return failure("expected -d ADDRESS, --set-mark above 0, and -p and --dport if any");
    }
    rule.mark = *mark;
    for (const PortRange& range : ports->empty() ? std::vector<PortRange>(1) : *ports) {
        rule.match.push_back({*addresses, range, *protocol});
    }
    return rule;
}

FirewallAdvice firewall_advice(const std::vector<std::string>& words) {
    const std::string_view target = value_of(words, {"-j", "--jump"});
    const std::string_view from = value_of(words, {"-s", "--src", "--source"});
    const std::string_view to = value_of(words, {"--to-source"});
    if (target == "MASQUERADE" || target == "SNAT") {
        return {
            fmt::format("-j {}: write source_nat = ( {{ from = \"{}\"; pool = \"outside\"; }} ); "
                        "and local_pools = ( {{ name = \"outside\"; addresses = [ \"{}\" ]; }} ); "
                        "with an address that answers of the outside reach",
                        target,
                        from.empty() ? "0.0.0.0/0" : from,
                        to.empty() ? "192.0.2.10" : to),
            true};
    }
    if (target == "DROP" || target == "REJECT" || target == "DNAT" || target == "REDIRECT") {
        return {fmt::format("-j {}: packets of virtual services do not meet the kernel's firewall; "
                            "a service has allow, deny and limits",
                            target),
                true};
    }
    return {"the firewall: packets that Director forwards do not meet the kernel's", false};
}

}  // namespace director::cli
