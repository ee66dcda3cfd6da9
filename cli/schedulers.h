// The schedulers that directord has (dataplane/core/schedulers), for who reads configurations
// without it; a test holds the two lists together.
#pragma once

#include <string>
#include <vector>

namespace director::cli {

[[nodiscard]] inline std::vector<std::string> known_schedulers() {
    return {"rr",
            "wrr",
            "lc",
            "wlc",
            "lblc",
            "lblcr",
            "dh",
            "sh",
            "sed",
            "nq",
            "fo",
            "ovf",
            "mh",
            "twos",
            "maglev"};
}

}  // namespace director::cli
