// What peers of health checks may say: DNS replies, SMTP lines, ICMP messages, UDP replies, what a
// script prints. The first byte chooses. Nothing may be read out of bounds, pieces must not matter
// for SMTP, and whatever passes for a good answer must at least carry what was asked for.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "common/assert.h"
#include "healthcheck/codecs/dns_message.h"
#include "healthcheck/codecs/ping_message.h"
#include "healthcheck/codecs/script_verdict.h"
#include "healthcheck/codecs/smtp_dialogue.h"

namespace {

using namespace director;
using namespace director::healthcheck;

std::string_view text_of(std::span<const uint8_t> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void try_dns(std::span<const uint8_t> reply) {
    const auto query = make_dns_query(0x3132, 1, "www.example.org");
    if (judge_dns_reply(query, reply).verdict == DnsVerdict::kGood) {
        DIRECTOR_ASSERT(reply.size() >= query.size());
        DIRECTOR_ASSERT(reply[0] == 0x31 && reply[1] == 0x32 && (reply[2] & 0x80) != 0);
    }
}

void try_dns_name(std::span<const uint8_t> name) {
    const auto encoded = encode_dns_name(text_of(name));
    DIRECTOR_ASSERT(!encoded || (encoded->size() <= 255 && encoded->back() == 0));
}

// All at once, or byte by byte as long as nothing is to be said: the same verdict.
void try_smtp(std::span<const uint8_t> bytes) {
    SmtpDialogue whole("me");
    SmtpDialogue pieces("me");
    const SmtpStep at_once = whole.on_bytes(text_of(bytes));
    SmtpStep last;
    for (size_t i = 0;
         i < bytes.size() && last.send.empty() && last.verdict == SmtpStep::Verdict::kNone;
         ++i) {
        last = pieces.on_bytes(text_of(bytes.subspan(i, 1)));
    }
    DIRECTOR_ASSERT(at_once.verdict == last.verdict && at_once.send == last.send);
    static_cast<void>(whole.on_bytes(text_of(bytes)));
}

void try_ping(std::span<const uint8_t> packet) {
    const PingNumber number{1, 2, 3};
    const auto message = skip_ipv4_header(packet);
    DIRECTOR_ASSERT(message.size() <= packet.size());
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
        const bool is_ours = is_echo_reply(family, message, number, IdCheck::kOurs);
        DIRECTOR_ASSERT(!is_ours || message.size() == 8 + kPingPayloadBytes);
    }
}

void try_script(std::span<const uint8_t> output) {
    const auto verdict = judge_script(ScriptWeight::kPrinted, Exit{}, text_of(output));
    DIRECTOR_ASSERT((verdict.outcome == Outcome::kPassed) == verdict.weight.has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::span<const uint8_t> rest(data + 1, size - 1);
    switch (data[0] % 5) {
        case 0:
            try_dns(rest);
            break;
        case 1:
            try_dns_name(rest);
            break;
        case 2:
            try_smtp(rest);
            break;
        case 3:
            try_ping(rest);
            break;
        default:
            try_script(rest);
            break;
    }
    return 0;
}
