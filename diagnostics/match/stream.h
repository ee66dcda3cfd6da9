// The beginning of one direction of a TCP connection, put together from its packets; and what of an
// HTTP request survives a proxy.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "diagnostics/match/vantage_point.h"

namespace director::diagnostics::matching {

// From the stream's first byte up to the first that was not captured.
[[nodiscard]] std::vector<uint8_t> stream_head(const VantagePoint& point,
                                               uint32_t connection,
                                               size_t side);

// An HTTP/1 request's head.
struct RequestHead {
    bool is_http = false;
    // The request line and all fields but those that proxies add or change; in any order.
    uint64_t fingerprint = 0;
    std::vector<IpAddress> forwarded_for;  // X-Forwarded-For's, and Forwarded's
};
[[nodiscard]] RequestHead read_request(std::span<const uint8_t> stream);

// The client's endpoint, if the stream begins with a PROXY protocol header (version 1 or 2), and
// how long the header is.
struct ProxyHeader {
    bool is_known = false;
    Endpoint client;
    size_t bytes = 0;
};
[[nodiscard]] ProxyHeader read_proxy_header(std::span<const uint8_t> stream);

}  // namespace director::diagnostics::matching
