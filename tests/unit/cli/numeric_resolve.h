// Names are not asked for in tests.
#pragma once

#include <optional>
#include <string>

#include "common/address.h"

namespace director::cli {

// Numbers alone; "host" without a port means port 0.
[[nodiscard]] inline std::optional<Endpoint> numeric_resolve(const std::string& text,
                                                             Protocol /*protocol*/) {
    if (const auto address = IpAddress::parse(text)) {
        return Endpoint{*address, Be16::from_host(0)};
    }
    return Endpoint::parse(text);
}

}  // namespace director::cli
