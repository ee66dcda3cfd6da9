// The words of `directorctl capture --filter` -> a worker's tap, or an expression for libpcap, or
// an error that says what was expected. Whatever is read is in bounds, and an expression chooses
// nothing of its own.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/assert.h"
#include "controlplane/daemon/tap_filter.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto filter = director::daemon::parse_tap_filter(text);
    if (!filter) {
        DIRECTOR_ASSERT(!filter.error().message.empty());
        return 0;
    }
    const auto& tap = filter->tap;
    DIRECTOR_ASSERT(tap.is_on);
    if (!filter->bpf.empty()) {
        DIRECTOR_ASSERT(filter->bpf == text && tap.port.raw == 0 && tap.hosts.length == 0);
        return 0;
    }
    for (const auto& prefix : {tap.clients, tap.virtual_addresses, tap.servers, tap.hosts}) {
        DIRECTOR_ASSERT(prefix.length <= director::IpPrefix::length_max(prefix.family()));
    }
    return 0;
}
