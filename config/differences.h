// How two configurations differ, setting by setting; and what of them is nobody else's to know.
#pragma once

#include <string>
#include <vector>

#include "config/model.h"

namespace director::config {

struct Difference {
    // "timeouts.udp", "virtual_services[TCP 192.0.2.1:80].real_servers[10.0.0.1:80].weight": an
    // entry of a list by what names it, so that one more entry does not move the others.
    std::string path;
    std::string before;  // as it would be written; empty: only the other has it
    std::string after;

    friend bool operator==(const Difference&, const Difference&) = default;
};

// In the order of the settings; of an entry that only one of the two has, what differs from the
// defaults. The order of entries does not count.
[[nodiscard]] std::vector<Difference> differences(const Model& before, const Model& after);

// Passwords and keys are "***" where there are any.
[[nodiscard]] Model without_secrets(Model model);
void hide_secrets(std::vector<Difference>& differences);

}  // namespace director::config
