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

const FtpEnds kIpv4{endpoint("198.51.100.7:40000"),
                    endpoint("203.0.113.10:21"),
                    endpoint("10.0.0.2:2021"),
                    endpoint("198.51.100.7:40000")};
const FtpEnds kIpv6{endpoint("[2001:db8:c::7]:40000"),
                    endpoint("[2001:db8::10]:21"),
                    endpoint("[fd00::2]:21"),
                    endpoint("[2001:db8:c::7]:40000")};
// Full NAT: the server sees the client under another address.
const FtpEnds kRenamed{
    kIpv4.client, kIpv4.virtual_service, kIpv4.real_server, endpoint("10.0.0.100:1025")};
const FtpEnds kRenamed6{
    kIpv6.client, kIpv6.virtual_service, kIpv6.real_server, endpoint("[fd00::100]:1025")};
const FtpEnds kSixToFour{
    kIpv6.client, kIpv6.virtual_service, kIpv4.real_server, endpoint("10.0.0.100:1025")};

// One side of a conversation after the other, each segment following on the last.
class Conversation {
  public:
    explicit Conversation(const FtpEnds& ends, uint32_t first_sequence = 0xfffffff0U)
        : ends_(ends), client_(first_sequence), server_(first_sequence) {}

    std::optional<FtpExpectation> command(std::string_view text) {
        const auto found = command_at(client_, text);
        client_ += static_cast<uint32_t>(text.size());
        return found;
    }
    // With full NAT, what is announced is always served at `local`.
    std::optional<FtpExpectation> command_at(uint32_t sequence,
                                             std::string_view text,
                                             uint32_t headroom = 64) {
        TestFrame frame({ends_.client,
                         ends_.virtual_service,
                         sequence,
                         1,
                         kTcpFlagAck | kTcpFlagPush,
                         100,
                         {},
                         text,
                         true},
                        headroom);
        const FtpRequest found = ftp_from_client(control, ends_, frame.bytes);
        is_spoiled = found.is_spoiled;
        if (found.expectation && ends_.is_client_renamed() && !is_spoiled) {
            const Endpoint local{ends_.inside_client.address, Be16::from_host(2000)};
            is_spoiled = !ftp_rename_client(control, frame.bytes, found, local, adjustment);
        }
        EXPECT_EQ(fault_of(frame.bytes), "");
        is_answer = found.action == FtpAction::kAnswer;
        if (is_answer) {
            EXPECT_EQ(frame.bytes.source(), ends_.virtual_service);
            EXPECT_EQ(frame.bytes.destination(), ends_.client);
            acknowledged = number_at(frame.bytes.l4() + 8, 4);
            return found.expectation;
        }
        sent = payload_of(frame.bytes);
        adjust_tcp(frame.bytes.l4(), 20, TcpSender::kClient, adjustment);
        EXPECT_EQ(fault_of(frame.bytes), "");
        sent_sequence = number_at(frame.bytes.l4() + 4, 4);
        return found.expectation;
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
    [[nodiscard]] uint32_t client_sequence() const { return client_; }

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
    Conversation talk(kIpv4);
    EXPECT_FALSE(talk.command_at(100, "USER a\r\nPO"));
    EXPECT_TRUE(talk.command_at(500, "PORT 198,51,100,7,19,137\r\n"));
    EXPECT_TRUE(talk.command_at(300, "PORT 198,51,100,7,19,138\r\n")) << "late, but it comes";
    EXPECT_EQ(talk.control.from_client.next_sequence, 526U);
}

struct RenameRow {
    const FtpEnds& ends;
    const char* said;
    const char* read;
};

TEST(Ftp, WithFullNatCommandsNameWhatTheServerConnectsTo) {
    const RenameRow rows[]{
        {kRenamed, "PORT 198,51,100,7,19,137\r\n", "PORT 10,0,0,100,7,208\r\n"},
        {kRenamed, "NOOP\r\nport 198,51,100,7,1,1\r\n", "NOOP\r\nPORT 10,0,0,100,7,208\r\n"},
        {kRenamed, "EPRT |1|198.51.100.7|5001|\r\n", "EPRT |1|10.0.0.100|2000|\r\n"},
        {kRenamed, "EPRT !1!198.51.100.7!5001!\r\nX", "EPRT |1|10.0.0.100|2000|\r\nX"},
        {kRenamed6, "EPRT |2|2001:db8:c::7|5001|\r\n", "EPRT |2|fd00:0:0:0:0:0:0:100|2000|\r\n"},
        {kSixToFour, "EPRT |2|2001:db8:c::7|5001|\r\n", "PORT 10,0,0,100,7,208\r\n"},
        // Another machine's, or none: as it is.
        {kRenamed, "PORT 198,51,100,8,19,137\r\n", "PORT 198,51,100,8,19,137\r\n"},
        {kSixToFour, "EPRT |1|198.51.100.7|5001|\r\n", "EPRT |1|198.51.100.7|5001|\r\n"},
        {kRenamed, "PASV\r\n", "PASV\r\n"},
    };
    for (const RenameRow& row : rows) {
        Conversation talk(row.ends);
        const uint32_t begin = talk.client_sequence();
        const std::string said = row.said;
        const std::string read = row.read;
        const auto found = talk.command(said);
        EXPECT_EQ(talk.sent, read);
        EXPECT_EQ(found.has_value(), said != read);
        EXPECT_FALSE(talk.is_spoiled);
        if (found) {
            EXPECT_EQ(found->client.address, row.ends.client.address);
        }
        // What comes next, and the same again, stand where they belong.
        EXPECT_FALSE(talk.command("NOOP\r\n"));
        EXPECT_EQ(talk.sent_sequence, begin + static_cast<uint32_t>(read.size()));
        EXPECT_EQ(talk.command_at(begin, said), found);
        EXPECT_EQ(talk.sent, read);
        EXPECT_EQ(talk.sent_sequence, begin);
        EXPECT_FALSE(talk.command("NOOP\r\n"));
        EXPECT_EQ(talk.sent_sequence, begin + static_cast<uint32_t>(read.size()) + 6);
    }
    Conversation tight(kRenamed);
    const std::string shortest =
        "PORT 198,51,100,7,1,1\r\n";  // by one shorter than what it becomes
    EXPECT_TRUE(tight.command_at(1, shortest, 0));
    EXPECT_EQ(tight.is_spoiled, std::string("PORT 10,0,0,100,7,208\r\n").size() > shortest.size());
}

// The same as below, of a client's commands: a command whose words must change comes to the server
// whole, whatever the pieces.
TEST(Ftp, ACommandInPiecesIsHeldUntilItIsWhole) {
    const std::string said = "USER me\r\nPORT 198,51,100,7,1,1\r\nRETR a\r\n PoRT 1\r\nQUIT\r\n";
    const std::string read = "USER me\r\nPORT 10,0,0,100,7,208\r\nRETR a\r\n PoRT 1\r\nQUIT\r\n";
    int answers = 0;
    for (uint64_t seed = 1; seed <= 2000; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        const auto begin = static_cast<uint32_t>(random.next());
        Conversation talk(kRenamed, begin);
        std::string server;
        for (size_t at = 0; at < said.size();) {
            const size_t length = std::min(said.size() - at, size_t{1 + random.below(12)});
            const int tries = random.below(3) == 0 ? 2 : 1;  // sent again, and both arrive
            for (int i = 0; i < tries; ++i) {
                const auto sequence = begin + static_cast<uint32_t>(at);
                (void)talk.command_at(sequence, said.substr(at, length));
                ASSERT_FALSE(talk.is_spoiled);
                if (talk.is_answer) {
                    ++answers;
                    ASSERT_EQ(talk.acknowledged, sequence + length);
                    continue;
                }
                const auto offset = static_cast<size_t>(talk.sent_sequence - begin);
                ASSERT_LE(offset, server.size());
                if (offset + talk.sent.size() > server.size()) {
                    server += talk.sent.substr(server.size() - offset);
                }
                ASSERT_EQ(server, read.substr(0, server.size()));
            }
            // What is not acknowledged comes again, as TCPs do.
            const auto shown = begin + static_cast<uint32_t>(server.size());
            const uint32_t heard = sequence_before(talk.adjustment.sent[0], shown) - begin;
            at = talk.is_answer ? at + length : std::min<size_t>(heard, at + length);
        }
        EXPECT_EQ(server, read);
    }
    EXPECT_GT(answers, 1000);
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
