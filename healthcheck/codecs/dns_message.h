// The one question and the head of its answer that a DNS check needs (RFC 1035 section 4.1).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace director::healthcheck {

// "www.example.org" or "www.example.org." or "." as labels. Why it is no name, else.
[[nodiscard]] Result<std::vector<uint8_t>> encode_dns_name(std::string_view name);

// "A", "NS", ... as keepalived's DNS_CHECK knows them, in any case; or "TYPE65" (RFC 3597).
[[nodiscard]] std::optional<uint16_t> parse_dns_type(std::string_view text);

// A query for one name, recursion desired, class IN. Precondition: encode_dns_name takes the name.
[[nodiscard]] std::vector<uint8_t> make_dns_query(uint16_t id,
                                                  uint16_t type,
                                                  std::string_view name);

enum class DnsVerdict : uint8_t {
    kGood,
    kNotOurs,  // no reply, or to another question: keep waiting
    kBad,      // a reply to our question that is broken or an error
};

struct DnsAnswer {
    DnsVerdict verdict = DnsVerdict::kNotOurs;
    std::string text;  // of kBad
};

// What a datagram says to `query`. All its records are walked, so that a truncated or garbled
// message does not pass for an answer.
[[nodiscard]] DnsAnswer judge_dns_reply(std::span<const uint8_t> query,
                                        std::span<const uint8_t> reply);

}  // namespace director::healthcheck
