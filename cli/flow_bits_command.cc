#include "cli/flow_bits_command.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/ask.h"
#include "diagnostics/report/bit_names.h"

namespace director::cli {
namespace {

using Json = nlohmann::json;

std::string hex_text(uint64_t value, const diagnostics::BitField& field) {
    return fmt::format("0x{:0{}x}", value, field.hex_digits);
}

Json json_of(const diagnostics::BitMeanings& meanings) {
    Json bits = Json::array();
    for (const diagnostics::BitName& name : meanings.set) {
        bits.push_back({{"value", hex_text(name.value, *meanings.field)}, {"meaning", name.text}});
    }
    return {{"field", meanings.field->name},
            {"about", meanings.field->about},
            {"value", hex_text(meanings.value, *meanings.field)},
            {"bits", bits},
            {"unnamed", hex_text(meanings.unnamed, *meanings.field)}};
}

}  // namespace

int run_flow_bits(const Settings& settings, const std::vector<std::string>& words) {
    std::string text;
    Json list = Json::array();
    for (const std::string& word : words) {
        const diagnostics::BitQuestion question = diagnostics::read_bit_question(word);
        if (!question.error.empty()) {
            return complain(kExitUsage, question.error);
        }
        for (const diagnostics::BitMeanings& meanings : question.answers) {
            text += (text.empty() ? "" : "\n") + diagnostics::show_meanings(meanings);
            list.push_back(json_of(meanings));
        }
    }
    fmt::print("{}", settings.output == Output::kJson ? list.dump(2) + "\n" : text);
    return kExitOk;
}

}  // namespace director::cli
