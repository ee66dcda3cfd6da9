// IPVS sync messages: the bytes that the layout says, both ways; what is refused and how much with
// it; and nothing that arrives makes the parser read or believe too much.
#include "controlplane/sync/ipvs_message.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/random.h"
#include "tests/support/pcap_file.h"

namespace director::sync {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Bytes hex(std::string_view text) {
    Bytes bytes;
    int digits = 0;
    for (const char c : text) {
        if (c == ' ' || c == '\n') {
            continue;
        }
        const int value = c <= '9' ? c - '0' : c - 'a' + 10;
        if (digits++ % 2 == 0) {
            bytes.push_back(static_cast<uint8_t>(value << 4));
        } else {
            bytes.back() = static_cast<uint8_t>(bytes.back() | value);
        }
    }
    return bytes;
}

Endpoint at(std::string_view text) {
    return Endpoint::parse(text).value();
}

// The samples of the layout: each field of each record has a value of its own.
const std::string_view kThree =
    "00 33 00a3 03 01 0000"
    "00 06 0024 00000103 0004 d431 0050 0050 00000000 00000078 c0a8c80a c0a8c90f 0a010102"
    "00 06 003e 00000600 0001 d432 0015 0015 00000000 00000384 c0a8c80a c0a8c90f 0a010103"
    "01 18 11223344 00000000 00000000 55667788 0000000a 00000005 0000"
    "00 11 0037 00001002 0000 0000 13c4 13c4 00000000 0000012c c0a8c800 0a000064 0a010107"
    "02 0c 63616c6c2d696440686f7374 03 03 736970";
const std::string_view kSix =
    "00 33 0050 01 01 0000 01 06 0048 00000003 0001 d431 01bb 01bb 00000000 00000384"
    "20010db8000000000000000000000099 20010db8000000000000000000000001"
    "20010db8000000000000000000000010";
const std::string_view kZero =
    "01 33 001c 00 06 d431 0050 0050 c0a8c80a c0a8c90f 0a010102 0003 0001";

std::vector<IpvsRecord> three_records() {
    IpvsRecord direct;
    direct.protocol = 6;
    direct.flags = 0x103;
    direct.state = 4;
    direct.client = at("192.168.200.10:54321");
    direct.virtual_service = at("192.168.201.15:80");
    direct.real_server = at("10.1.1.2:80");
    direct.timeout_seconds = 120;
    IpvsRecord nat = direct;
    nat.flags = 0x600;
    nat.state = 1;
    nat.client = at("192.168.200.10:54322");
    nat.virtual_service = at("192.168.201.15:21");
    nat.real_server = at("10.1.1.3:21");
    nat.timeout_seconds = 900;
    nat.sequences = {{0x11223344, 0, 0}, {0x55667788, 10, 5}};
    IpvsRecord persistent;
    persistent.protocol = 17;
    persistent.flags = 0x1002;
    persistent.client = at("192.168.200.0:0");
    persistent.virtual_service = at("10.0.0.100:5060");
    persistent.real_server = at("10.1.1.7:5060");
    persistent.timeout_seconds = 300;
    persistent.engine_data = "call-id@host";
    persistent.engine_name = "sip";
    return {direct, nat, persistent};
}

Bytes written(IpvsVersion version, const std::vector<IpvsRecord>& records) {
    IpvsMessageWriter writer(version, 0x33, 1472);
    for (const IpvsRecord& record : records) {
        EXPECT_TRUE(writer.add(record));
    }
    return writer.finish();
}

TEST(IpvsMessage, ThreeRecordsAreReadAndWrittenByteForByte) {
    const auto message = parse_ipvs_message(hex(kThree), 0x33);
    ASSERT_TRUE(message.has_value());
    EXPECT_EQ(message->version, 1);
    EXPECT_EQ(message->sync_id, 0x33);
    EXPECT_EQ(message->records, three_records());
    EXPECT_EQ(message->cut, std::nullopt);
    EXPECT_THAT(message->skipped, IsEmpty());
    EXPECT_EQ(written(IpvsVersion::kOne, three_records()), hex(kThree));
}

TEST(IpvsMessage, Ipv6IsReadAndWrittenByteForByte) {
    const auto message = parse_ipvs_message(hex(kSix), 0);
    ASSERT_TRUE(message.has_value());
    ASSERT_EQ(message->records.size(), 1U);
    const IpvsRecord& record = message->records[0];
    EXPECT_EQ(record.client, at("[2001:db8::99]:54321"));
    EXPECT_EQ(record.virtual_service, at("[2001:db8::1]:443"));
    EXPECT_EQ(record.real_server, at("[2001:db8::10]:443"));
    EXPECT_EQ(record.flags, 3U);
    EXPECT_EQ(record.timeout_seconds, 900U);
    EXPECT_EQ(written(IpvsVersion::kOne, message->records), hex(kSix));
}

TEST(IpvsMessage, VersionZeroIsReadAndWrittenByteForByte) {
    const auto message = parse_ipvs_message(hex(kZero), 0x33);
    ASSERT_TRUE(message.has_value());
    EXPECT_EQ(message->version, 0);
    ASSERT_EQ(message->records.size(), 1U);
    EXPECT_EQ(message->records[0].client, at("192.168.200.10:54321"));
    EXPECT_EQ(message->records[0].flags, 3U);
    EXPECT_EQ(message->records[0].state, 1);
    EXPECT_EQ(message->records[0].timeout_seconds, 0U);
    EXPECT_EQ(written(IpvsVersion::kZero, message->records), hex(kZero));
}

// Sequence numbers stand in version 0 as a little-endian sender has them in memory.
TEST(IpvsMessage, VersionZeroWithSequences) {
    IpvsRecord record = three_records()[1];
    record.timeout_seconds = 0;
    const Bytes bytes = written(IpvsVersion::kZero, {record});
    EXPECT_EQ(bytes.size(), 4U + 48U);
    EXPECT_THAT(std::vector(bytes.begin() + 28, bytes.begin() + 32),
                ElementsAre(0x44, 0x33, 0x22, 0x11));
    const auto message = parse_ipvs_message(bytes, 0);
    ASSERT_TRUE(message.has_value());
    EXPECT_EQ(message->records, std::vector{record});
}

TEST(IpvsMessage, WhatVersionZeroCannotSayIsNotWritten) {
    IpvsRecord record = three_records()[0];
    EXPECT_TRUE(IpvsMessageWriter::can_carry(IpvsVersion::kZero, record));
    record.mark = 7;
    EXPECT_FALSE(IpvsMessageWriter::can_carry(IpvsVersion::kZero, record));
    EXPECT_TRUE(IpvsMessageWriter::can_carry(IpvsVersion::kOne, record));
    EXPECT_FALSE(IpvsMessageWriter::can_carry(IpvsVersion::kZero, three_records()[2]));
    record.real_server = at("[2001:db8::10]:443");
    EXPECT_FALSE(IpvsMessageWriter::can_carry(IpvsVersion::kOne, record));
}

// Captures made apart from this code; the second file has a padded last record, which a receiver
// need not mind, and a NO_CPORT-free template.
TEST(IpvsMessage, CapturesMadeElsewhere) {
    size_t records = 0;
    for (const auto* name :
         {"sync/ipvs_sync_built_from_layout.pcap", "sync/made-ipvs-sync-v0-v1.pcap"}) {
        const auto frames = test::read_pcap_file(test::test_data(name));
        ASSERT_TRUE(frames.has_value());
        for (const test::CapturedFrame& frame : *frames) {
            const std::span<const uint8_t> udp_payload = std::span(frame.bytes).subspan(42);
            const auto message = parse_ipvs_message(udp_payload, 0);
            ASSERT_TRUE(message.has_value()) << to_string(message.error());
            EXPECT_EQ(message->cut, std::nullopt);
            EXPECT_THAT(message->skipped, IsEmpty());
            records += message->records.size();
        }
    }
    EXPECT_EQ(records, 5U + 6U);
}

TEST(IpvsMessage, SyncIdZeroTakesEveryId) {
    EXPECT_TRUE(parse_ipvs_message(hex(kSix), 0).has_value());
    EXPECT_TRUE(parse_ipvs_message(hex(kSix), 0x33).has_value());
    EXPECT_EQ(parse_ipvs_message(hex(kSix), 0x34).error(), Refusal::kOtherSyncId);
}

struct Change {
    const char* name;
    size_t at;
    uint8_t value;
    Refusal refusal;
};

// Which of the three kinds of refusal each mistake is, in a message of three records.
class IpvsRefusal : public ::testing::TestWithParam<Change> {};

Bytes changed(const Change& change) {
    Bytes bytes = hex(kThree);
    bytes[change.at] = change.value;
    return bytes;
}

class WholeMessage : public IpvsRefusal {};
TEST_P(WholeMessage, IsRefused) {
    const auto message = parse_ipvs_message(changed(GetParam()), 0);
    ASSERT_FALSE(message.has_value());
    EXPECT_EQ(message.error(), GetParam().refusal);
}
INSTANTIATE_TEST_SUITE_P(Rows,
                         WholeMessage,
                         ::testing::Values(Change{"size", 3, 0xa2, Refusal::kWrongSize},
                                           Change{"version", 5, 2, Refusal::kUnknownVersion},
                                           Change{"spare", 7, 1, Refusal::kUnknownVersion}),
                         [](const auto& row) { return row.param.name; });

// The first record stays, the second and all behind it are gone.
class RestOfMessage : public IpvsRefusal {};
TEST_P(RestOfMessage, IsCutOff) {
    const auto message = parse_ipvs_message(changed(GetParam()), 0);
    ASSERT_TRUE(message.has_value());
    EXPECT_EQ(message->cut, GetParam().refusal);
    EXPECT_THAT(message->records, ElementsAre(three_records()[0]));
}
constexpr size_t kSecond = 8 + 36;
INSTANTIATE_TEST_SUITE_P(
    Rows,
    RestOfMessage,
    ::testing::Values(Change{"type", kSecond, 2, Refusal::kUnknownType},
                      Change{"version", kSecond + 2, 0x10, Refusal::kRecordVersion},
                      Change{"too_long", kSecond + 3, 0xff, Refusal::kRecordCut},
                      Change{"too_short", kSecond + 3, 35, Refusal::kRecordCut},
                      Change{"empty", kSecond + 3, 0, Refusal::kRecordCut},
                      Change{"ipv6_too_short", kSecond, 1, Refusal::kRecordCut},
                      Change{"half_option", kSecond + 3, 37, Refusal::kOptionCut},
                      Change{"option_without_length", kSecond + 37, 0, Refusal::kOptionCut},
                      Change{"option_too_long", kSecond + 37, 25, Refusal::kOptionCut},
                      Change{"option_too_short", kSecond + 37, 12, Refusal::kOptionLength}),
    [](const auto& row) { return row.param.name; });

// The second record alone is gone.
class OneRecord : public IpvsRefusal {};
TEST_P(OneRecord, IsSkipped) {
    const auto message = parse_ipvs_message(changed(GetParam()), 0);
    ASSERT_TRUE(message.has_value());
    EXPECT_EQ(message->cut, std::nullopt);
    EXPECT_THAT(message->skipped, ElementsAre(GetParam().refusal));
    EXPECT_THAT(message->records, ElementsAre(three_records()[0], three_records()[2]));
}
INSTANTIATE_TEST_SUITE_P(
    Rows,
    OneRecord,
    ::testing::Values(Change{"protocol", kSecond + 1, 47, Refusal::kUnknownProtocol},
                      Change{"state", kSecond + 9, 11, Refusal::kUnknownState},
                      Change{"one_packet", kSecond + 6, 0x20, Refusal::kBadFlags},
                      Change{"template_without_port", kSecond + 6, 0x18, Refusal::kBadFlags},
                      Change{"unknown_option", kSecond + 36, 9, Refusal::kMandatoryOption}),
    [](const auto& row) { return row.param.name; });

TEST(IpvsMessage, AnOptionalOptionIsPassedOver) {
    const auto message = parse_ipvs_message(changed({"", kSecond + 36, 0x49, Refusal::kCount}), 0);
    ASSERT_TRUE(message.has_value());
    ASSERT_EQ(message->records.size(), 3U);
    EXPECT_EQ(message->records[1].sequences, std::nullopt);
}

TEST(IpvsMessage, AnOptionTwiceCutsTheRest) {
    Bytes bytes =
        hex("00 33 004c 01 01 0000"
            "00 06 0044 00000002 0001 d431 0050 0050 00000000 00000384"
            "c0a8c80a c0a8c90f 0a010102"
            "03 03 736970 03 03 736970 02 04 61626364 42 0e 6162636465666768696a6b6c6d6e");
    ASSERT_EQ(bytes.size(), 0x4cU);
    const auto message = parse_ipvs_message(bytes, 0);
    ASSERT_TRUE(message.has_value());
    EXPECT_EQ(message->cut, Refusal::kOptionTwice);
    EXPECT_THAT(message->records, IsEmpty());
}

TEST(IpvsMessage, EngineDataWithoutItsNameIsSkipped) {
    const Bytes bytes =
        hex("00 33 0034 01 01 0000"
            "00 11 002a 00001002 0000 0000 13c4 13c4 00000000 0000012c"
            "c0a8c800 0a000064 0a010107 02 04 61626364 0000");
    const auto message = parse_ipvs_message(bytes, 0);
    ASSERT_TRUE(message.has_value());
    EXPECT_THAT(message->skipped, ElementsAre(Refusal::kEngineWithoutName));
}

// Fewer records than the header claims; more bytes than the records need do no harm.
TEST(IpvsMessage, TheCountIsBelievedAsFarAsBytesGo) {
    Bytes bytes = hex(kSix);
    bytes[4] = 255;
    const auto more = parse_ipvs_message(bytes, 0);
    ASSERT_TRUE(more.has_value());
    EXPECT_EQ(more->records.size(), 1U);
    EXPECT_EQ(more->cut, Refusal::kRecordCut);
    bytes[4] = 0;
    EXPECT_THAT(parse_ipvs_message(bytes, 0)->records, IsEmpty());
}

TEST(IpvsMessage, AnIpv4AddressInIpv6ClothesIsNoAddress) {
    Bytes bytes = hex(kSix);
    std::fill(bytes.begin() + 8 + 24, bytes.begin() + 8 + 24 + 10, uint8_t{0});
    bytes[8 + 24 + 10] = bytes[8 + 24 + 11] = 0xff;
    EXPECT_THAT(parse_ipvs_message(bytes, 0)->skipped, ElementsAre(Refusal::kBadAddress));
}

TEST(IpvsMessageWriter, KeepsToItsRoom) {
    const IpvsRecord record = three_records()[1];  // 62 bytes, 64 with its padding
    IpvsMessageWriter writer(IpvsVersion::kOne, 1, 8 + 64 + 62);
    EXPECT_TRUE(writer.add(record));
    EXPECT_TRUE(writer.add(record));
    EXPECT_FALSE(writer.add(record));
    EXPECT_EQ(writer.count(), 2U);
    EXPECT_EQ(writer.finish().size(), 8U + 64U + 62U);
    EXPECT_EQ(writer.count(), 0U);
    EXPECT_TRUE(writer.add(record));
    EXPECT_EQ(parse_ipvs_message(writer.finish(), 1)->records, std::vector{record});
}

// The count is one byte: Linux lets it overflow with messages above 9,188 bytes.
TEST(IpvsMessageWriter, TakesNoMoreThan255) {
    IpvsMessageWriter writer(IpvsVersion::kOne, 1, 65535);
    for (int i = 0; i < 255; ++i) {
        ASSERT_TRUE(writer.add(three_records()[0]));
    }
    EXPECT_FALSE(writer.add(three_records()[0]));
    EXPECT_EQ(parse_ipvs_message(writer.finish(), 1)->records.size(), 255U);
}

IpvsRecord random_record(Random& random) {
    const auto bytes = [&random] { return static_cast<uint32_t>(random.next()); };
    const bool is_ipv6 = random.below(2) == 1;
    const auto end = [&] {
        IpAddress address = Ipv4Address::from_host(bytes());
        if (is_ipv6) {
            for (uint8_t& byte : address.bytes) {
                byte = static_cast<uint8_t>(random.next());
            }
            address.bytes[0] = 0x20;
        }
        return Endpoint{address, Be16::from_host(static_cast<uint16_t>(bytes()))};
    };
    IpvsRecord record;
    record.protocol = random.below(2) == 0 ? 6 : 132;
    record.flags = bytes() & 0x783;
    record.state = static_cast<uint16_t>(random.below(11));
    record.client = end();
    record.virtual_service = end();
    record.real_server = end();
    record.mark = bytes();
    record.timeout_seconds = bytes();
    if (record.has(ipvs_flag::kSequences)) {
        record.sequences = {{bytes(), bytes(), bytes()}, {bytes(), bytes(), bytes()}};
    }
    if (random.below(4) == 0) {
        record.engine_name = std::string(1 + random.below(16), 'n');
        record.engine_data = std::string(1 + random.below(255), 'd');
    }
    return record;
}

TEST(IpvsMessage, WhateverIsWrittenIsRead) {
    Random random(20260801);
    for (int round = 0; round < 300; ++round) {
        IpvsMessageWriter writer(IpvsVersion::kOne, 9, 1472);
        std::vector<IpvsRecord> records;
        for (IpvsRecord record = random_record(random); writer.add(record);
             record = random_record(random)) {
            records.push_back(record);
        }
        const Bytes bytes = writer.finish();
        ASSERT_LE(bytes.size(), 1472U);
        const auto message = parse_ipvs_message(bytes, 9);
        ASSERT_TRUE(message.has_value());
        ASSERT_EQ(message->records, records);
        ASSERT_EQ(message->cut, std::nullopt);
    }
}

// Messages cut at every byte and changed at random: never more records than claimed, and each that
// is taken can be written again.
TEST(IpvsMessage, BrokenMessagesAreBounded) {
    Random random(4711);
    const Bytes whole = hex(kThree);
    for (size_t length = 0; length < whole.size(); ++length) {
        Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length));
        EXPECT_FALSE(parse_ipvs_message(cut, 0).has_value()) << length;
        if (length > 4) {  // 4 alone: version 0 without connections
            cut[2] = 0;
            cut[3] = static_cast<uint8_t>(length);
            const auto message = parse_ipvs_message(cut, 0);
            EXPECT_TRUE(!message.has_value() || message->cut.has_value()) << length;
        }
    }
    for (int round = 0; round < 20000; ++round) {
        Bytes bytes = whole;
        for (uint64_t i = 1 + random.below(4); i > 0; --i) {
            bytes[random.below(bytes.size())] = static_cast<uint8_t>(random.next());
        }
        const auto message = parse_ipvs_message(bytes, 0);
        if (!message) {
            continue;
        }
        ASSERT_LE(message->records.size() + message->skipped.size(), bytes[0] | bytes[4]);
        for (const IpvsRecord& record : message->records) {
            ASSERT_TRUE(IpvsMessageWriter::can_carry(IpvsVersion::kOne, record) ||
                        record.engine_data.empty());
        }
    }
}

}  // namespace
}  // namespace director::sync
