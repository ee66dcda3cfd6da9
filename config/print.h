// A Model as text again, and what there is to set.
#pragma once

#include <string>
#include <vector>

#include "config/model.h"

namespace director::config {

// Every setting of a model, as libconfig text that parses back to an equal model.
[[nodiscard]] std::string print(const Model& model);

// The settings that differ from their defaults, and those that have none; parses back, too.
[[nodiscard]] std::string print_changes(const Model& model);

// What `directord --print-defaults` shows: the single groups with their defaults, then, commented
// out, an example of each list entry with its defaults.
[[nodiscard]] std::string print_defaults();

// One setting, for the reference page.
struct SettingDescription {
    std::string group;  // "dataplane", "ports[].vlans[]"
    std::string name;
    std::string type;           // "number", "list of text", ...
    std::string default_value;  // as it would be written; "required" if it must be
    std::string values;         // "1 to 4094", "`poll`, `adaptive`"
};

// Every setting that the parser knows, in the order of the table in settings.h.
[[nodiscard]] std::vector<SettingDescription> describe_settings();

}  // namespace director::config
