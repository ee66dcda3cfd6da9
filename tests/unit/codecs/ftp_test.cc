// The FTP helper: which commands and replies name a data connection, what a reply becomes, and that
// it makes no difference how a control connection is cut into segments.
#include "dataplane/core/codecs/ftp.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/random.h"
#include "tests/support/tcp_frame.h"

namespace director::dataplane {
namespace {

using test::fault_of;
using test::number_at;
using test::payload_of;
using test::TestFrame;

[[nodiscard]] Endpoint endpoint(const char* text) {
    return Endpoint::parse(text).value();
}

const FtpEnds kIpv4{
    endpoint("198.51.100.7:40000"), endpoint("203.0.113.10:21"), endpoint("10.0.0.2:2021")};
const FtpEnds kIpv6{
    endpoint("[2001:db8:c::7]:40000"), endpoint("[2001:db8::10]:21"), endpoint("[fd00::2]:21")};

[[nodiscard]] std::span<const uint8_t> bytes_of(std::string_view text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// One side of a conversation after the other, each segment following on the last.
class Conversation {
  public:
    explicit Conversation(const FtpEnds& ends, uint32_t first_sequence = 0xfffffff0U)
        : ends_(ends), client_(first_sequence), server_(first_sequence) {}

    std::optional<FtpExpectation> command(std::string_view text) {
        const auto found = ftp_from_client(control, ends_, client_, bytes_of(text));
        client_ += static_cast<uint32_t>(text.size());
        return found;
    }
    std::optional<FtpExpectation> reply(std::string_view text, uint32_t headroom = 64) {
        const auto found = reply_at(server_, text, headroom);
        server_ += static_cast<uint32_t>(text.size());
        return found;
    }
    std::optional<FtpExpectation> reply_at(uint32_t sequence,
                                           std::string_view text,
                                           uint32_t headroom = 64) {
        TestFrame frame({ends_.real_server,
                         ends_.client,
                         sequence,
                         1,
                         kTcpFlagAck | kTcpFlagPush,
                         100,
                         {},
                         text,
                         true},
                        headroom);
        const FtpReply found = ftp_from_server(control, ends_, frame.bytes, adjustment);
        EXPECT_EQ(fault_of(frame.bytes), "");
        EXPECT_EQ(number_at(frame.bytes.data + 12, 4), 0x81000007U);
        is_spoiled = found.is_spoiled;
        is_answer = found.action == FtpAction::kAnswer;
        if (is_answer) {
            EXPECT_EQ(frame.bytes.data[0], 0xbb) << "back where it came from";
            EXPECT_EQ(frame.bytes.source(), ends_.client);
            EXPECT_EQ(frame.bytes.destination(), ends_.real_server);
            EXPECT_EQ(number_at(frame.bytes.l4() + 4, 4), 1U);
            acknowledged = number_at(frame.bytes.l4() + 8, 4);
            return found.expectation;
        }
        EXPECT_EQ(frame.bytes.source(), ends_.real_server);
        sent = payload_of(frame.bytes);
        adjust_tcp(frame.bytes.l4(), 20, TcpSender::kServer, adjustment);
        EXPECT_EQ(fault_of(frame.bytes), "");
        sent_sequence = number_at(frame.bytes.l4() + 4, 4);
        return found.expectation;
    }
    [[nodiscard]] uint32_t server_sequence() const { return server_; }

    FtpControl control;
    TcpAdjustment adjustment;
    std::string sent;  // of the last reply, as the client sees it
    uint32_t sent_sequence = 0;
    bool is_answer = false;
    uint32_t acknowledged = 0;
    bool is_spoiled = false;

  private:
    FtpEnds ends_;
    uint32_t client_;
    uint32_t server_;
};

struct CommandRow {
    const char* text;
    const char* client;  // of the data connection; "" for none
};

TEST(Ftp, CommandsThatNameAPort) {
    const CommandRow rows[]{
        {"PORT 198,51,100,7,19,137\r\n", "198.51.100.7:5001"},
        {"port 198,51,100,7,0,1\n", "198.51.100.7:1"},
        {"EPRT |1|198.51.100.7|5001|\r\n", "198.51.100.7:5001"},
        {"eprt !1!198.51.100.7!65535!\r\n", "198.51.100.7:65535"},
        {"USER x\r\nPORT 198,51,100,7,19,137\r\n", "198.51.100.7:5001"},
        {"PORT 198,51,100,7,19,137", ""},         // not ended yet
        {"PORT 198,51,100,8,19,137\r\n", ""},     // another machine
        {"PORT 198,51,100,7,256,1\r\n", ""},      // no byte
        {"PORT 198,51,100,7,0,0\r\n", ""},        // no port
        {"PORT 198,51,100,7,19\r\n", ""},         // too few
        {"XPORT 198,51,100,7,19,137\r\n", ""},    // another command
        {"EPRT |2|198.51.100.7|5001|\r\n", ""},   // another family
        {"EPRT |1|198.51.100.7|65536|\r\n", ""},  // no port
        {"EPRT |1|198.51.100.7|5001\r\n", ""},    // no end
        {"EPRT |1|198.51.100|5001|\r\n", ""},     // no address
        {"EPRT |1|2001:db8::1|5001|\r\n", ""},
        {"PORT\r\n", ""},
        {"\r\n", ""},
    };
    for (const CommandRow& row : rows) {
        Conversation talk(kIpv4);
        const auto found = talk.command(row.text);
        ASSERT_EQ(found.has_value(), *row.client != '\0') << row.text;
        if (found) {
            EXPECT_EQ(to_string(found->client), row.client) << row.text;
            EXPECT_EQ(to_string(found->virtual_end), "203.0.113.10:20");
            EXPECT_EQ(to_string(found->real_end), "10.0.0.2:2020");
        }
    }
    Conversation talk(kIpv6);
    const auto found = talk.command("EPRT |2|2001:db8:c::7|5001|\r\n");
    ASSERT_TRUE(found);
    EXPECT_EQ(to_string(found->client), "[2001:db8:c::7]:5001");
    EXPECT_EQ(to_string(found->virtual_end), "[2001:db8::10]:20");
}

struct ReplyRow {
    const char* command;
    const char* reply;
    const char* sent;
    uint32_t port;  // 0: none
};

TEST(Ftp, RepliesThatNameAPort) {
    const ReplyRow rows[]{
        {"PASV\r\n",
         "227 Entering Passive Mode (10,0,0,2,19,137).\r\n",
         "227 Entering Passive Mode (203,0,113,10,19,137).\r\n",
         5001},
        {"pasv\n", "227 =10,0,0,2,19,137\r\n", "227 =203,0,113,10,19,137\r\n", 5001},
        {"PASV\r\n", "227 ok (203,0,113,10,19,137)\r\n", "227 ok (203,0,113,10,19,137)\r\n", 5001},
        {"PASV\r\n",
         "125 x\r\n227 (10,0,0,2,1,0)\r\n226 y\r\n",
         "125 x\r\n227 (203,0,113,10,1,0)\r\n226 y\r\n",
         256},
        {"EPSV\r\n", "229 Extended (|||5001|)\r\n", "229 Extended (|||5001|)\r\n", 5001},
        {"epsv 1\r\n", "229 (!!!5001!)\r\n", "229 (|||5001|)\r\n", 5001},
        {"EPSV\r\n", "229 (|1|10.0.0.2|5001|)\r\n", "229 (|||5001|)\r\n", 5001},
        // Unasked, asked for the other, a third machine, no numbers, preliminary line.
        {"NOOP\r\n", "227 (10,0,0,2,19,137)\r\n", "227 (10,0,0,2,19,137)\r\n", 0},
        {"EPSV ALL\r\n", "229 (|||5001|)\r\n", "229 (|||5001|)\r\n", 0},
        {"PASV\r\n", "229 (|||5001|)\r\n", "229 (|||5001|)\r\n", 0},
        {"EPSV\r\n", "227 (10,0,0,2,19,137)\r\n", "227 (10,0,0,2,19,137)\r\n", 0},
        {"PASV\r\n", "227 (10,0,0,3,19,137)\r\n", "227 (10,0,0,3,19,137)\r\n", 0},
        {"PASV\r\n", "227 (10,0,0,2,19)\r\n", "227 (10,0,0,2,19)\r\n", 0},
        {"PASV\r\n", "227-(10,0,0,2,19,137)\r\n", "227-(10,0,0,2,19,137)\r\n", 0},
        {"PASV\r\n", "227\r\n", "227\r\n", 0},
        {"EPSV\r\n", "229 (|2|::1|5001|)\r\n", "229 (|2|::1|5001|)\r\n", 0},
    };
    for (const ReplyRow& row : rows) {
        Conversation talk(kIpv4);
        EXPECT_FALSE(talk.command(row.command));
        const auto found = talk.reply(row.reply);
        EXPECT_EQ(talk.sent, row.sent);
        EXPECT_FALSE(talk.is_spoiled);
        ASSERT_EQ(found.has_value(), row.port != 0) << row.reply;
        if (found) {
            EXPECT_EQ(to_string(found->client), "198.51.100.7:0");
            EXPECT_EQ(to_string(found->virtual_end), "203.0.113.10:" + std::to_string(row.port));
            EXPECT_EQ(to_string(found->real_end), "10.0.0.2:" + std::to_string(row.port));
            EXPECT_FALSE(talk.reply("227 (10,0,0,2,19,138)\r\n229 (|||9|)\r\n")) << "one a request";
        }
    }
    Conversation talk(kIpv6);
    EXPECT_FALSE(talk.command("EPSV 2\r\n"));
    const auto found = talk.reply("229 ok (|||5001|)\r\n");
    ASSERT_TRUE(found);
    EXPECT_EQ(to_string(found->virtual_end), "[2001:db8::10]:5001");
    EXPECT_EQ(to_string(found->real_end), "[fd00::2]:5001");
}

TEST(Ftp, AReplySentAgainIsRewrittenAgainAndCountedOnce) {
    Conversation talk(kIpv4);
    const uint32_t begin = talk.server_sequence();
    const std::string_view first = "200 ok\r\n";
    const std::string_view second = "227 (10,0,0,2,19,137)\r\n";
    EXPECT_FALSE(talk.command("PASV\r\n"));
    EXPECT_FALSE(talk.reply(first));
    const auto expectation = talk.reply(second);
    ASSERT_TRUE(expectation);
    const SeqAdjust once = talk.adjustment.sent[1];
    EXPECT_EQ(once.delta, 4);
    EXPECT_EQ(once.previous_delta, 0);
    EXPECT_EQ(once.init_sequence, begin + first.size());
    EXPECT_EQ(talk.reply_at(begin + static_cast<uint32_t>(first.size()), second), expectation);
    EXPECT_EQ(talk.sent, "227 (203,0,113,10,19,137)\r\n");
    // Both in one segment.
    EXPECT_EQ(talk.reply_at(begin, std::string(first) + std::string(second)), expectation);
    EXPECT_EQ(talk.sent, "200 ok\r\n227 (203,0,113,10,19,137)\r\n");
    EXPECT_EQ(talk.adjustment.sent[1], once);
    EXPECT_FALSE(talk.reply("226 done\r\n"));
}

TEST(Ftp, WhatCannotBeRewrittenIsTold) {
    Conversation tight(kIpv4);
    EXPECT_FALSE(tight.command("PASV\r\n"));
    EXPECT_TRUE(tight.reply("227 (10,0,0,2,19,137)\r\n", 3));
    EXPECT_TRUE(tight.is_spoiled);
    EXPECT_EQ(tight.sent, "227 (10,0,0,2,19,137)\r\n");
    Conversation split(kIpv4);
    EXPECT_FALSE(split.command("PASV\r\n"));
    EXPECT_FALSE(split.reply("227 (10,0,"));
    EXPECT_FALSE(split.reply("0,2,19,137)\r\n", 9));
    EXPECT_TRUE(split.is_spoiled);
    Conversation extended(kIpv4);
    EXPECT_FALSE(extended.command("EPSV\r\n"));
    EXPECT_FALSE(extended.reply("229 (|||50"));
    EXPECT_TRUE(extended.reply("01|)\r\n"));
    EXPECT_FALSE(extended.is_spoiled) << "nothing to rewrite";
}

TEST(Ftp, ALongLineIsForgottenAndTheNextOneSeen) {
    Conversation talk(kIpv4);
    const std::string much(1000, 'x');
    EXPECT_FALSE(talk.command("RETR " + much));
    EXPECT_FALSE(talk.command(much + "PORT 198,51,100,7,19,137\r\n"));
    EXPECT_TRUE(talk.command("PORT 198,51,100,7,19,137\r\n"));
}

TEST(Ftp, AfterALossALineBeginsWithTheSegment) {
    FtpControl control;
    (void)ftp_from_client(control, kIpv4, 100, bytes_of("USER a\r\nPO"));
    EXPECT_TRUE(ftp_from_client(control, kIpv4, 500, bytes_of("PORT 198,51,100,7,19,137\r\n")));
    EXPECT_TRUE(ftp_from_client(control, kIpv4, 300, bytes_of("PORT 198,51,100,7,19,138\r\n")))
        << "late, but it comes";
    EXPECT_EQ(control.from_client.next_sequence, 526U);
}

// A server that sends in pieces over a path that loses some. As TCPs do, it sends a piece again as
// it was, without what is acknowledged, or together with the next, and sometimes needlessly. In the
// end the client has read the rewritten reply and nothing else, whole and in order.
TEST(Ftp, AReplyInPiecesIsHeldUntilItIsWhole) {
    const std::string said = "200 hello\r\n227 Passive (10,0,0,2,19,137).\r\n226 bye\r\n";
    const std::string read = "200 hello\r\n227 Passive (203,0,113,10,19,137).\r\n226 bye\r\n";
    int answers = 0;
    for (uint64_t seed = 1; seed <= 5000; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        const auto begin = static_cast<uint32_t>(random.next());
        Conversation talk(kIpv4, begin);
        std::set<size_t> cuts{0, said.size()};
        for (uint64_t count = random.below(6); count > 0; --count) {
            cuts.insert(random.below(said.size()));
        }
        EXPECT_FALSE(talk.command("PASV\r\n"));
        std::string client;  // what it has read
        std::set<std::string> ports;
        size_t acknowledged = 0;  // of what the server has said
        for (int step = 0; acknowledged < said.size(); ++step) {
            ASSERT_LT(step, 1000);
            const auto piece_end = cuts.upper_bound(acknowledged);
            auto end = piece_end;
            for (auto next = std::next(end); next != cuts.end() && random.below(3) == 0; ++next) {
                end = next;
            }
            cuts.erase(piece_end, end);
            const size_t from = random.below(4) == 0 ? *std::prev(end) : acknowledged;
            const std::string piece = said.substr(from, *end - from);
            const auto found = talk.reply_at(begin + static_cast<uint32_t>(from), piece);
            ASSERT_FALSE(talk.is_spoiled);
            if (found) {
                ports.insert(to_string(found->virtual_end));
            }
            if (random.below(4) == 0) {
                continue;  // lost, whichever way it went
            }
            uint32_t acknowledgement = talk.acknowledged;
            if (talk.is_answer) {
                ++answers;
            } else {
                const auto at = static_cast<int32_t>(talk.sent_sequence - begin);
                ASSERT_GE(at, 0);
                const auto offset = static_cast<size_t>(at);
                if (offset <= client.size() && offset + talk.sent.size() > client.size()) {
                    client += talk.sent.substr(client.size() - offset);
                }
                ASSERT_EQ(client, read.substr(0, client.size()));
                TestFrame ack({kIpv4.client,
                               kIpv4.real_server,
                               1,
                               begin + static_cast<uint32_t>(client.size())});
                adjust_tcp(ack.bytes.l4(), 20, TcpSender::kClient, talk.adjustment);
                acknowledgement = number_at(ack.bytes.l4() + 8, 4);
            }
            const auto up_to = static_cast<int32_t>(acknowledgement - begin);
            if (up_to > static_cast<int32_t>(acknowledged)) {
                acknowledged = static_cast<size_t>(up_to);
            }
            ASSERT_LE(acknowledged, said.size());
        }
        EXPECT_EQ(client, read);
        EXPECT_EQ(ports, std::set<std::string>{"203.0.113.10:5001"});
    }
    EXPECT_GT(answers, 1000);
}

// Whatever the segments, the same ports are named in the same order.
TEST(Ftp, SegmentsMakeNoDifference) {
    const std::string commands =
        "USER me\r\nPORT 198,51,100,7,1,1\r\nRETR a\r\nEPRT |1|198.51.100.7|300|\r\n"
        "STOR PORT 198,51,100,7,9,9\r\nPORT 198,51,100,7,1,2\r\nQUIT\r\n";
    for (uint64_t seed = 1; seed <= 500; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        Conversation talk(kIpv4, static_cast<uint32_t>(random.next()));
        std::vector<std::string> clients;
        for (size_t at = 0; at < commands.size();) {
            // Short enough that no segment ends two commands that name a port.
            const size_t length = 1 + random.below(seed % 2 == 0 ? 3 : 24);
            if (const auto found = talk.command(std::string_view(commands).substr(at, length))) {
                clients.push_back(to_string(found->client));
            }
            at += length;
        }
        EXPECT_EQ(
            clients,
            (std::vector<std::string>{"198.51.100.7:257", "198.51.100.7:300", "198.51.100.7:258"}));
    }
}

}  // namespace
}  // namespace director::dataplane
