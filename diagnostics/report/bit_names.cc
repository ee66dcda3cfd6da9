#include "diagnostics/report/bit_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>

#include "common/whole_number.h"
#include "diagnostics/report/bit_tables.h"

namespace director::diagnostics {
namespace {

constexpr BitField kFields[] = {
    {"flowStat", 16, "what kind of flow it is", kFlowStatNames},
    {"tcpFStat", 4, "state of the TCP analysis", kTcpFStatNames},
    {"ipToS", 2, "DSCP (RFC 2474) and ECN (RFC 3168)", kTosNames},
    {"ipFlags", 4, "anomalies of IP and of checksums", kIpFlagsNames},
    {"ipOptCpCl", 2, "2^(copied and class) of each IPv4 option", kIpOptionClassNames},
    {"ipOptNum", 8, "2^number of each IPv4 option", kIpOptionNames},
    {"ip6OptHH", 8, "2^(type mod 32) of each hop-by-hop option", kIpv6OptionNames},
    {"ip6OptD", 8, "2^(type mod 32) of each destination option", kIpv6OptionNames},
    {"tcpFlags", 4, "flags seen, and combinations within one packet", kTcpFlagsNames},
    {"tcpAnomaly", 4, "anomalies of TCP", kTcpAnomalyNames},
    {"tcpOptions", 8, "2^kind of each TCP option", kTcpOptionNames},
    {"tcpMPTBF", 4, "2^subtype of each MPTCP option", kMptcpTypeNames},
    {"tcpMPF", 2, "flags of MP_CAPABLE and MP_JOIN (RFC 6824, RFC 8684)", kMptcpFlagNames},
    {"tcpMPdssF", 2, "flags of MPTCP's DSS", kMptcpDssNames},
    {"tcpStatesAFlags", 2, "anomalies of the TCP states", kTcpStatesNames},
};

struct Alias {
    std::string_view name;
    std::string_view field;
};
constexpr Alias kAliases[] = {
    {"tcpMPDSSF", "tcpMPdssF"},
    {"tcpMPdDSSF", "tcpMPdssF"},
    {"tcpOpts", "tcpOptions"},
};

// Columns that print two values joined by "_".
struct Pair {
    std::string_view name;
    std::string_view first;
    std::string_view second;
};
constexpr Pair kPairs[] = {
    {"ipOptCpCl_Num", "ipOptCpCl", "ipOptNum"},
    {"ip6OptHH_D", "ip6OptHH", "ip6OptD"},
};

bool is_same(std::string_view a, std::string_view b) {
    return std::ranges::equal(
        a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string known_fields() {
    std::string list;
    for (const BitField& field : kFields) {
        list += fmt::format("{}{}", list.empty() ? "" : ", ", field.name);
    }
    for (const Pair& pair : kPairs) {
        list += fmt::format(", {}", pair.name);
    }
    return list;
}

std::optional<uint64_t> read_value(std::string_view text) {
    if (text.starts_with("0x") || text.starts_with("0X")) {
        return whole_number<uint64_t>(text.substr(2), 16);
    }
    return whole_number<uint64_t>(text);
}

// Adds the answer, or says what is wrong with the value.
void answer(const BitField& field, std::string_view text, BitQuestion& question) {
    const auto value = read_value(text);
    if (!value || (field.hex_digits < 16 && *value >> (4 * field.hex_digits) != 0)) {
        question.error = fmt::format(
            "{}: \"{}\" is not a number of up to {} hexadecimal digits, such as {}=0x{:0{}x}",
            field.name,
            text,
            field.hex_digits,
            field.name,
            1,
            field.hex_digits);
        return;
    }
    question.answers.push_back(meanings_of(field, *value));
}

}  // namespace

std::span<const BitField> bit_fields() {
    return kFields;
}

const BitField* find_bit_field(std::string_view name) {
    for (const Alias& alias : kAliases) {
        if (is_same(alias.name, name)) {
            name = alias.field;
        }
    }
    const auto* const found = std::ranges::find_if(
        kFields, [name](const BitField& field) { return is_same(field.name, name); });
    return found == std::end(kFields) ? nullptr : found;
}

BitMeanings meanings_of(const BitField& field, uint64_t value) {
    BitMeanings meanings{&field, value, {}, value};
    for (const BitName& name : field.names) {
        if ((value & name.mask) == name.value) {
            meanings.set.push_back(name);
            meanings.unnamed &= ~name.mask;
        }
    }
    return meanings;
}

BitQuestion read_bit_question(std::string_view text) {
    BitQuestion question;
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) {
        question.error =
            fmt::format("\"{}\": expected FIELD=VALUE, such as tcpAnomaly=0x02cc", text);
        return question;
    }
    const std::string_view name = text.substr(0, equals);
    const std::string_view value = text.substr(equals + 1);
    for (const Pair& pair : kPairs) {
        if (!is_same(pair.name, name)) {
            continue;
        }
        const size_t middle = value.find('_');
        if (middle == std::string_view::npos) {
            question.error = fmt::format("{}: expected two values joined by \"_\"", pair.name);
            return question;
        }
        answer(*find_bit_field(pair.first), value.substr(0, middle), question);
        if (question.error.empty()) {
            answer(*find_bit_field(pair.second), value.substr(middle + 1), question);
        }
        return question;
    }
    const BitField* const field = find_bit_field(name);
    if (field == nullptr) {
        question.error =
            fmt::format("no field \"{}\" has named bits; these have: {}", name, known_fields());
        return question;
    }
    answer(*field, value, question);
    return question;
}

std::string show_meanings(const BitMeanings& meanings) {
    const BitField& field = *meanings.field;
    const int digits = field.hex_digits;
    const size_t width = std::max(field.name.size(), size_t{2} + field.hex_digits);
    std::string out =
        fmt::format("The {} column with value 0x{:0{}x} is to be interpreted as follows:\n\n",
                    field.name,
                    meanings.value,
                    digits);
    out += fmt::format("   bit | {:<{}} | Description\n", field.name, width);
    out += fmt::format("   {:=<{}}\n", "", width + 50);
    for (const BitName& name : meanings.set) {
        const std::string place =
            std::has_single_bit(name.mask) ? fmt::to_string(std::countr_zero(name.mask)) : "-";
        out += fmt::format("   {:>3} | {:<{}} | {}\n",
                           place,
                           fmt::format("0x{:0{}x}", name.value, digits),
                           width,
                           name.text);
    }
    if (meanings.unnamed != 0) {
        out += fmt::format("     - | {:<{}} | (no meaning)\n",
                           fmt::format("0x{:0{}x}", meanings.unnamed, digits),
                           width);
    }
    if (meanings.value == 0 && meanings.set.empty()) {
        out += "       no bit is set\n";
    }
    return out;
}

}  // namespace director::diagnostics
