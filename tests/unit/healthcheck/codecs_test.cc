// What the checks say and read on the wire.
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "healthcheck/codecs/body_pattern.h"
#include "healthcheck/codecs/dns_message.h"
#include "healthcheck/codecs/ping_message.h"
#include "healthcheck/codecs/smtp_dialogue.h"

namespace director::healthcheck {
namespace {

using Bytes = std::vector<uint8_t>;

// An answer as a BIND 9 gives it: question repeated, one A record by pointer to the question's
// name.
Bytes dns_reply(const Bytes& query) {
    Bytes reply = query;
    reply[2] = 0x81;
    reply[3] = 0x80;
    reply[7] = 1;
    for (const int byte : {0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0x0e, 0x10, 0, 4, 192, 0, 2, 1}) {
        reply.push_back(static_cast<uint8_t>(byte));
    }
    return reply;
}

TEST(DnsMessage, QueryIsWhatRfc1035Says) {
    const Bytes expected{0x12, 0x34, 1,   0,   0, 1,   0,   0, 0, 0, 0, 0,  // header
                         3,    'w',  'w', 'w', 2, 'a', 'b', 0,              // name
                         0,    1,    0,   1};                               // A IN
    EXPECT_EQ(make_dns_query(0x1234, 1, "www.ab"), expected);
    EXPECT_EQ(make_dns_query(0x1234, 1, "www.ab."), expected);
    EXPECT_EQ(make_dns_query(1, 6, ".").size(), 17U);
}

TEST(DnsMessage, NamesHaveLimits) {
    EXPECT_FALSE(encode_dns_name(""));
    EXPECT_FALSE(encode_dns_name("a..b"));
    EXPECT_FALSE(encode_dns_name(".a"));
    EXPECT_TRUE(encode_dns_name(std::string(63, 'x') + ".y"));
    EXPECT_FALSE(encode_dns_name(std::string(64, 'x')));
    std::string name;
    for (int i = 0; i < 127; ++i) {
        name += "a.";
    }
    EXPECT_TRUE(encode_dns_name(name));
    EXPECT_FALSE(encode_dns_name(name + "a"));
}

TEST(DnsMessage, Types) {
    EXPECT_EQ(parse_dns_type("SOA"), 6);
    EXPECT_EQ(parse_dns_type("aaaa"), 28);
    EXPECT_EQ(parse_dns_type("TYPE65"), 65);
    EXPECT_FALSE(parse_dns_type("TYPE65536"));
    EXPECT_FALSE(parse_dns_type("TYPE6x"));
    EXPECT_FALSE(parse_dns_type(""));
}

TEST(DnsMessage, TakesAnAnswerToItsQuestionAlone) {
    const Bytes query = make_dns_query(0x1234, 1, "www.example.org");
    const Bytes good = dns_reply(query);
    EXPECT_EQ(judge_dns_reply(query, good).verdict, DnsVerdict::kGood);
    EXPECT_EQ(judge_dns_reply(query, query).verdict, DnsVerdict::kNotOurs) << "a query";
    Bytes other = good;
    other[1] ^= 1;
    EXPECT_EQ(judge_dns_reply(query, other).verdict, DnsVerdict::kNotOurs) << "another id";
    other = good;
    other[14] = 'W';
    EXPECT_EQ(judge_dns_reply(query, other).verdict, DnsVerdict::kGood) << "RFC 4343: in any case";
    other[14] = 'x';
    EXPECT_EQ(judge_dns_reply(query, other).verdict, DnsVerdict::kNotOurs) << "another name";
}

TEST(DnsMessage, RefusesErrorsAndBrokenRecords) {
    const Bytes query = make_dns_query(0x1234, 1, "www.example.org");
    const Bytes good = dns_reply(query);
    Bytes refused = good;
    refused[3] = 0x85;
    EXPECT_EQ(judge_dns_reply(query, refused).text, "response code 5 (refused)");
    for (size_t length = query.size(); length < good.size(); ++length) {
        const auto answer = judge_dns_reply(query, std::span(good).first(length));
        EXPECT_EQ(answer.verdict, DnsVerdict::kBad) << length;
        EXPECT_EQ(answer.text, "record 1 of 1 is cut off");
    }
    for (size_t length = 0; length < query.size(); ++length) {
        EXPECT_EQ(judge_dns_reply(query, std::span(good).first(length)).verdict,
                  DnsVerdict::kNotOurs);
    }
    Bytes many = good;
    many[6] = many[8] = many[10] = 0xff;
    EXPECT_EQ(judge_dns_reply(query, many).verdict, DnsVerdict::kBad);
}

// --- ping ---

TEST(PingMessage, RequestHasARightChecksum) {
    const auto request = make_echo_request(Family::kIpv4, {7, 9, 0x0123456789abcdef});
    ASSERT_EQ(request.size(), 136U);
    EXPECT_EQ(request[0], 8);
    uint32_t sum = 0;
    for (size_t i = 0; i < request.size(); i += 2) {
        sum += uint32_t{request[i]} << 8 | request[i + 1];
    }
    EXPECT_EQ((sum & 0xffff) + (sum >> 16), 0xffffU) << "RFC 1071";
    EXPECT_EQ(make_echo_request(Family::kIpv6, {})[0], 128);
}

TEST(PingMessage, ReplyMustBeOurs) {
    const PingNumber number{7, 9, 1234567};
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
        Bytes reply = make_echo_request(family, number);
        EXPECT_FALSE(is_echo_reply(family, reply, number, IdCheck::kOurs)) << "a request";
        reply[0] = family == Family::kIpv4 ? 0 : 129;
        EXPECT_TRUE(is_echo_reply(family, reply, number, IdCheck::kOurs));
        for (const size_t place : {size_t{1}, size_t{4}, size_t{6}, size_t{7}, size_t{50}}) {
            Bytes other = reply;
            other[place] ^= 1;
            EXPECT_FALSE(is_echo_reply(family, other, number, IdCheck::kOurs)) << place;
            EXPECT_EQ(is_echo_reply(family, other, number, IdCheck::kKernels), place == 4);
        }
        reply.pop_back();
        EXPECT_FALSE(is_echo_reply(family, reply, number, IdCheck::kOurs));
    }
}

TEST(PingMessage, IPv4HeaderIsSkippedWithinBounds) {
    Bytes packet(60, 1);
    packet[0] = 0x45;
    EXPECT_EQ(skip_ipv4_header(packet).size(), 40U);
    packet[0] = 0x4f;
    EXPECT_EQ(skip_ipv4_header(packet).size(), 0U);
    EXPECT_TRUE(skip_ipv4_header(std::span(packet).first(59)).empty());
    packet[0] = 0x44;
    EXPECT_TRUE(skip_ipv4_header(packet).empty());
    packet[0] = 0x65;
    EXPECT_TRUE(skip_ipv4_header(packet).empty());
    EXPECT_TRUE(skip_ipv4_header({}).empty());
}

// --- SMTP ---

TEST(SmtpDialogue, LinesMayComeInPieces) {
    SmtpDialogue dialogue("me.example.org");
    EXPECT_EQ(dialogue.on_bytes("220-first\r\n22").send, "");
    EXPECT_EQ(dialogue.on_bytes("0 second\r").send, "");
    EXPECT_EQ(dialogue.on_bytes("\n").send, "HELO me.example.org\r\n");
    EXPECT_EQ(dialogue.on_bytes("250-a\n").verdict, SmtpStep::Verdict::kNone);
    const SmtpStep step = dialogue.on_bytes("250 b\n");
    EXPECT_EQ(step.verdict, SmtpStep::Verdict::kPassed);
    EXPECT_EQ(step.send, "QUIT\r\n");
}

TEST(SmtpDialogue, RefusesWhatIsNoAnswer) {
    for (const char* line : {"\n", "22\n", "2200\n", "250 ok\n", "hello\n", "421 busy\n"}) {
        SmtpDialogue dialogue("me");
        EXPECT_EQ(dialogue.on_bytes(line).verdict, SmtpStep::Verdict::kFailed) << line;
    }
    SmtpDialogue endless("me");
    EXPECT_EQ(endless.on_bytes(std::string(2049, 'x')).text, "a line of more than 2048 characters");
    SmtpDialogue second("me");
    static_cast<void>(second.on_bytes("220\n"));
    EXPECT_EQ(second.on_bytes("550 no\n").text, "\"550 no\" instead of 250 to HELO");
}

// --- pages ---

struct PageRow {
    const char* pattern;
    bool must_match;
    size_t min_offset;
    size_t max_offset;
    const char* page;
    bool accepted;
};

TEST(BodyMatcher, Rows) {
    for (const PageRow& row : std::array{
             PageRow{"ok", true, 0, 0, "all ok", true},
             PageRow{"ok", true, 0, 0, "nothing", false},
             PageRow{"error", false, 0, 0, "all ok", true},
             PageRow{"error", false, 0, 0, "an error", false},
             PageRow{"ok", true, 5, 0, "all ok", false},
             PageRow{"ok", true, 4, 0, "all ok", true},
             PageRow{"ok", true, 0, 3, "all ok", false},
             PageRow{"ok", true, 0, 4, "all ok", true},
             PageRow{"ok", true, 100, 0, "all ok", false},
             PageRow{"(?i)OK$", true, 0, 0, "all ok", true},
         }) {
        BodyPattern pattern;
        pattern.pattern = row.pattern;
        pattern.must_match = row.must_match;
        pattern.min_offset = row.min_offset;
        pattern.max_offset = row.max_offset;
        const auto matcher = BodyMatcher::compile(pattern);
        ASSERT_TRUE(matcher);
        EXPECT_EQ(matcher->accepts(row.page), row.accepted) << row.pattern << " in " << row.page;
    }
}

TEST(BodyMatcher, EndlessBacktrackingEnds) {
    BodyPattern pattern;
    pattern.pattern = "(x+x+)+[yz]";
    for (const bool must_match : {true, false}) {
        pattern.must_match = must_match;
        const auto matcher = BodyMatcher::compile(pattern);
        ASSERT_TRUE(matcher);
        EXPECT_FALSE(matcher->accepts(std::string(5000, 'x'))) << "undecided is not accepted";
    }
}

TEST(BodyMatcher, SaysWhatIsWrong) {
    BodyPattern pattern;
    pattern.pattern = "a(b";
    const auto matcher = BodyMatcher::compile(pattern);
    ASSERT_FALSE(matcher);
    EXPECT_EQ(matcher.error().message, "missing closing parenthesis at character 4");
}

}  // namespace
}  // namespace director::healthcheck
