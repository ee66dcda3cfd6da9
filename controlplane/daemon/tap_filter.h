// What an operator wants to see of the traffic, in his words, as a worker's tap.
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"
#include "dataplane/api/mirror.h"

namespace director::daemon {

struct TapFilter {
    dataplane::MirrorTap tap;  // is_on
    std::string bpf;           // pcap-filter(7), for the diagnostics thread; empty: none
};

// Pairs of words, all of which have to hold:
//
//   vip ADDRESS[/LENGTH][:PORT]   client ...   server ...   host ADDRESS[/LENGTH]
//   port NUMBER   proto tcp|udp|sctp|icmp|icmp6   ("and" between them may be written)
//
// A text with any other word is an expression of pcap-filter(7), which is not looked at here.
[[nodiscard]] Result<TapFilter> parse_tap_filter(std::string_view text);

}  // namespace director::daemon
