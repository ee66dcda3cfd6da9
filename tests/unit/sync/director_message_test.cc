// Director's own messages: what is written is read, a kernel passes over them, a key is believed
// and nothing else, and each message counts once.
#include "controlplane/sync/director_message.h"

#include <gtest/gtest.h>

#include "controlplane/sync/ipvs_message.h"
#include "tests/unit/sync/sync_samples.h"

namespace director::sync {
namespace {

const Authenticator kOpen("");
const Authenticator kKeyed("a key of both");

constexpr DirectorHeader kHeader{.kind = MessageKind::kConnections,
                                 .sync_id = 7,
                                 .incarnation = 0x1122334455667788,
                                 .sequence = 9,
                                 .ipvs_sent = 5,
                                 .age_ms = 12};

Bytes message_of(const dataplane::SyncRecord& record, const Authenticator& authenticator) {
    DirectorMessageWriter writer(MessageKind::kConnections, 1472, authenticator);
    EXPECT_TRUE(writer.add(record));
    return writer.finish(kHeader);
}

TEST(DirectorMessage, BytesAsTheHeaderSays) {
    const Bytes bytes = message_of(sample(), kOpen);
    const Bytes expected{0x00, 7,    0x00, 0x40, 1,    0xd1, 0x00, 0x01,  // header
                         0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,  // start
                         0,    0,    0,    0,    0,    0,    0,    9,     // number
                         0,    0,    0,    5,    0,    0,    0,    12,    // sent, age
                         0,    30,                                        // length
                         0,    6,    1,    0,    0,    0,    0,    0,    0, 0,  0x03, 0x84,
                         198,  51,   100,  1,    0x04, 0x01,  // client
                         192,  168,  10,   100,  0,    80,   192,  168,  2, 13, 0,    80};
    EXPECT_EQ(bytes, expected);
}

TEST(DirectorMessage, WhateverIsWrittenIsRead) {
    Random random(77);
    for (int round = 0; round < 300; ++round) {
        DirectorMessageWriter writer(MessageKind::kConnections, 1472, kKeyed);
        std::vector<dataplane::SyncRecord> records;
        for (auto record = random_record(random); writer.add(record);
             record = random_record(random)) {
            records.push_back(record);
        }
        const Bytes bytes = writer.finish(kHeader);
        ASSERT_LE(bytes.size(), 1472U);
        ASSERT_TRUE(is_director_message(bytes));
        const auto message = parse_director_message(bytes, 7, kKeyed);
        ASSERT_TRUE(message.has_value());
        ASSERT_EQ(message->header, kHeader);
        ASSERT_EQ(message->connections, records);
    }
}

TEST(DirectorMessage, Servers) {
    const ServerReport report{.protocol = Protocol::kUdp,
                              .is_up = false,
                              .virtual_service = at("[2001:db8::1]:53"),
                              .mark = 3,
                              .real_server = at("192.168.2.13:5353"),
                              .weight = 10,
                              .active = 1,
                              .inactive = 2,
                              .connections = uint64_t{1} << 40,
                              .packets_in = 4,
                              .packets_out = 5,
                              .bytes_in = 6,
                              .bytes_out = 7};
    DirectorMessageWriter writer(MessageKind::kServers, 1472, kOpen);
    ASSERT_TRUE(writer.add(report));
    const auto message = parse_director_message(writer.finish(kHeader), 0, kOpen);
    ASSERT_TRUE(message.has_value());
    EXPECT_EQ(message->servers, std::vector{report});
    EXPECT_TRUE(message->connections.empty());
}

// To Linux it is a message of version 0 without connections (ip_vs_process_message): right size,
// right sync id, nothing to do and nothing to log.
TEST(DirectorMessage, AKernelPassesOverIt) {
    const Bytes bytes = message_of(sample(), kKeyed);
    EXPECT_EQ(size_t{bytes[2]} << 8 | bytes[3], bytes.size());
    EXPECT_EQ(bytes[1], 7);
    EXPECT_EQ(bytes[0], 0) << "connections, to version 0";
    EXPECT_NE(bytes[5], 1) << "not version 1";
    EXPECT_EQ(parse_ipvs_message(bytes, 7).error(), Refusal::kUnknownVersion);
}

TEST(DirectorMessage, OnlyTheKeyIsBelieved) {
    const Bytes keyed = message_of(sample(), kKeyed);
    EXPECT_TRUE(parse_director_message(keyed, 7, kKeyed).has_value());
    // Who has no key reads it all the same.
    EXPECT_TRUE(parse_director_message(keyed, 7, kOpen).has_value());
    EXPECT_EQ(parse_director_message(keyed, 7, Authenticator("another")).error(),
              DirectorRefusal::kWrongTag);
    EXPECT_EQ(parse_director_message(message_of(sample(), kOpen), 7, kKeyed).error(),
              DirectorRefusal::kNoTag);
    for (size_t i = 0; i < keyed.size(); ++i) {
        Bytes changed = keyed;
        changed[i] ^= 1;
        EXPECT_FALSE(parse_director_message(changed, 7, kKeyed).has_value() &&
                     i != 5)  // the version is is_director_message()'s
            << i;
    }
}

// RFC 4231 test case 2, the first 128 bits.
TEST(Authenticator, IsHmacSha256) {
    const std::string_view text = "what do ya want for nothing?";
    const Tag tag =
        Authenticator("Jefe").tag_of({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    const Tag expected{0x5b,
                       0xdc,
                       0xc1,
                       0x46,
                       0xbf,
                       0x60,
                       0x75,
                       0x4e,
                       0x6a,
                       0x04,
                       0x24,
                       0x26,
                       0x08,
                       0x95,
                       0x75,
                       0xc7};
    EXPECT_EQ(tag, expected);
}

TEST(DirectorMessage, Refusals) {
    const Bytes good = message_of(sample(), kOpen);
    const auto refusal_of = [](const Bytes& bytes) {
        return parse_director_message(bytes, 7, kOpen).error();
    };
    Bytes bytes(good.begin(), good.begin() + 31);
    EXPECT_EQ(refusal_of(bytes), DirectorRefusal::kTooShort);
    bytes = good;
    bytes.push_back(0);
    EXPECT_EQ(refusal_of(bytes), DirectorRefusal::kWrongSize);
    bytes = good;
    bytes[1] = 8;
    EXPECT_EQ(refusal_of(bytes), DirectorRefusal::kOtherSyncId);
    bytes = good;
    bytes[4] = 77;
    EXPECT_EQ(refusal_of(bytes), DirectorRefusal::kUnknownKind);
    bytes = good;
    bytes[7] = 2;
    EXPECT_EQ(refusal_of(bytes), DirectorRefusal::kBadRecord) << "a record too few";
    bytes = good;
    bytes[7] = 0;
    EXPECT_EQ(refusal_of(bytes), DirectorRefusal::kBadRecord) << "a record too many";
    bytes = good;
    bytes[36] = 200;
    EXPECT_EQ(refusal_of(bytes), DirectorRefusal::kBadRecord) << "no state of ours";
    bytes = good;
    bytes[33] = 29;
    EXPECT_EQ(refusal_of(bytes), DirectorRefusal::kBadRecord) << "cut";
}

TEST(ReplayWindow, EachMessageOnce) {
    using Answer = ReplayWindow::Answer;
    ReplayWindow window;
    EXPECT_EQ(window.take(5, 100), Answer::kNew) << "what came before we listened is not lost";
    EXPECT_EQ(window.lost(), 0U);
    EXPECT_EQ(window.take(5, 100), Answer::kTwice);
    EXPECT_EQ(window.take(5, 104), Answer::kNew);
    EXPECT_EQ(window.lost(), 3U);
    EXPECT_EQ(window.take(5, 102), Answer::kLate);
    EXPECT_EQ(window.take(5, 102), Answer::kTwice);
    EXPECT_EQ(window.lost(), 2U);
    EXPECT_EQ(window.take(4, 1000), Answer::kOldIncarnation);
    EXPECT_EQ(window.take(5, 104 + ReplayWindow::kWidth), Answer::kNew);
    EXPECT_EQ(window.take(5, 104), Answer::kTwice) << "behind the window";
    EXPECT_EQ(window.take(5, 105), Answer::kLate);
    EXPECT_EQ(window.take(6, 1), Answer::kNew);
    EXPECT_EQ(window.take(5, 9999), Answer::kOldIncarnation);
}

// Against a set that forgets nothing.
TEST(ReplayWindow, AgreesWithASet) {
    Random random(5);
    ReplayWindow window;
    std::array<bool, 5000> seen{};
    uint64_t highest = 0;
    for (int i = 0; i < 20000; ++i) {
        const uint64_t sequence = 1 + random.below(std::min<uint64_t>(highest + 4, 4999));
        const bool is_new = window.take(1, sequence) != ReplayWindow::Answer::kTwice;
        const bool is_in_reach = sequence + ReplayWindow::kWidth > highest || highest == 0;
        ASSERT_EQ(is_new, is_in_reach && !seen[sequence]) << sequence << " of " << highest;
        seen[sequence] = true;
        highest = std::max(highest, sequence);
    }
}

}  // namespace
}  // namespace director::sync
