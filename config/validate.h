// The checks that need more than one setting, or more than a range: duplicates, addresses that
// cannot be what they are used for, limits. Pure; parse.cc gives the findings their lines.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "config/model.h"

namespace director::config {

struct Finding {
    std::string path;  // the setting to blame
    std::string message;
    // Other settings that the finding rests on: pointless when one of them could not be read.
    std::vector<std::string> premises;
};

// What the other parts can do, as far as a configuration names it.
struct Vocabulary {
    std::vector<std::string> schedulers;  // known names
    size_t interfaces_max = 64;           // ports and VLANs together
    size_t local_pools_max = 63;
    // What else is wrong, by the parts that know; empty: nobody is asked.
    std::function<std::vector<Finding>(const Model&)> further = {};
};

// Everything wrong with a model whose single settings are in range.
[[nodiscard]] std::vector<Finding> validate(const Model& model, const Vocabulary& vocabulary);

}  // namespace director::config
