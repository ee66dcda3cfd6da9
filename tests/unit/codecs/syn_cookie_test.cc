// SYN cookies: what a client proves and what not, and whole handshakes from frame to frame over
// both families, with every checksum computed anew.
#include "dataplane/core/codecs/syn_cookie.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "common/random.h"
#include "dataplane/core/codecs/siphash.h"
#include "tests/support/tcp_frame.h"

namespace director::dataplane {
namespace {

using test::fault_of;
using test::FrameSpec;
using test::number_at;
using test::TestFrame;

constexpr SynCookieKey kKey{{1, 2}, {3, 4}};
constexpr TimePoint kNow{std::chrono::hours(100)};

[[nodiscard]] Endpoint endpoint(const char* text) {
    return Endpoint::parse(text).value();
}

// The reference implementation's test vectors (vectors_sip64: key 00 01 .. 0f, input 00 01 ..).
TEST(SipHash, EqualsTheReferenceVectors) {
    constexpr HashKey kVectorKey{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
    constexpr std::array<uint64_t, 2> kInput{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
    EXPECT_EQ(siphash24(kVectorKey, {}), 0x726fdb47dd0e0e31U);
    EXPECT_EQ(siphash24(kVectorKey, std::span(kInput).first(1)), 0x93f5f5799a932462U);
    EXPECT_EQ(siphash24(kVectorKey, kInput), 0x3f2acc7f57c29bdbU);
}

TEST(SynCookie, ProvesWhatTheClientAskedForForOneToTwoMinutes) {
    Random random(1);
    const SynProxyOffer offer;
    for (int i = 0; i < 2000; ++i) {
        const bool is_ipv4 = random.below(2) == 0;
        SynCookieFlow flow{endpoint(is_ipv4 ? "192.0.2.1:4000" : "[2001:db8::1]:4000"),
                           endpoint(is_ipv4 ? "10.0.0.1:80" : "[2001:db8::2]:80")};
        flow.client.port = Be16::from_host(static_cast<uint16_t>(random.next()));
        TcpOptions client;
        client.mss = static_cast<uint16_t>(random.below(10000));
        client.has_timestamps = random.below(2) == 0;
        client.has_sack = random.below(2) == 0;
        client.has_window_scale = random.below(2) == 0;
        client.window_scale = static_cast<uint8_t>(client.has_window_scale ? random.below(15) : 0);
        const auto sequence = static_cast<uint32_t>(random.next());
        const TimePoint made = kNow + Duration(random.below(120'000'000'000));
        const SynCookie cookie = make_syn_cookie(kKey, flow, sequence, client, offer, made);
        const auto check =
            [&](uint32_t from, uint32_t to, const SynCookieFlow& whose, Duration age) {
                TcpOptions ack;
                ack.has_timestamps = client.has_timestamps;
                ack.timestamp_echo = cookie.timestamp;
                return check_syn_cookie(kKey, whose, {from, to, 0, ack}, offer, made + age);
            };
        const auto good = check(sequence + 1, cookie.sequence + 1, flow, Duration(60'000'000'000));
        ASSERT_TRUE(good);
        EXPECT_EQ(good->initial_sequence, sequence);
        EXPECT_EQ(good->cookie, cookie.sequence);
        const uint16_t least = is_ipv4 ? 216 : 536;
        EXPECT_GE(good->options.mss, least);
        if (client.mss >= least) {
            EXPECT_LE(good->options.mss, client.mss);
        }
        EXPECT_EQ(good->options.has_sack, client.has_sack && client.has_timestamps);
        EXPECT_EQ(good->options.has_window_scale, client.has_window_scale && client.has_timestamps);
        if (good->options.has_window_scale) {
            EXPECT_EQ(good->options.window_scale, client.window_scale);
        }
        EXPECT_FALSE(check(sequence + 1, cookie.sequence + 1, flow, Duration(120'000'000'001)));
        EXPECT_FALSE(check(sequence + 1, cookie.sequence + (1U << 23), flow, {}));
        EXPECT_FALSE(check(sequence + 12345678, cookie.sequence + 1, flow, {}));
        SynCookieFlow other = flow;
        other.virtual_service.port = Be16::from_host(81);
        EXPECT_FALSE(check(sequence + 1, cookie.sequence + 1, other, {}));
    }
}

TEST(SynCookie, AGuessIsHardlyEverRight) {
    Random random(2);
    const SynCookieFlow flow{endpoint("192.0.2.1:4000"), endpoint("10.0.0.1:80")};
    int accepted = 0;
    for (int i = 0; i < 1000000; ++i) {
        const auto guess = static_cast<uint32_t>(random.next());
        accepted += check_syn_cookie(kKey, flow, {1, guess, 0, {}}, {}, kNow) ? 1 : 0;
    }
    // Two minutes of eight sizes among 2^32: 0.004 of a million.
    EXPECT_LE(accepted, 1);
}

TEST(SynCookie, TheTimestampIsNeverFromTheFuture) {
    const SynCookieFlow flow{endpoint("192.0.2.1:4000"), endpoint("10.0.0.1:80")};
    TcpOptions client;
    client.has_sack = true;
    for (int64_t ms = 1'000'000; ms < 1'000'200; ++ms) {
        const TimePoint now{std::chrono::milliseconds(ms)};
        const auto timestamp = make_syn_cookie(kKey, flow, 1, client, {}, now).timestamp;
        EXPECT_LE(timestamp, ms);
        EXPECT_GT(timestamp, ms - 128);
    }
}

TEST(TcpOptions, SurviveWritingAndReading) {
    Random random(3);
    for (int i = 0; i < 500; ++i) {
        TcpOptions options;
        options.mss = static_cast<uint16_t>(random.next());
        options.has_sack = random.below(2) == 0;
        options.has_timestamps = random.below(2) == 0;
        options.timestamp = options.has_timestamps ? static_cast<uint32_t>(random.next()) : 0;
        options.timestamp_echo = options.has_timestamps ? static_cast<uint32_t>(random.next()) : 0;
        options.has_window_scale = random.below(2) == 0;
        options.window_scale = options.has_window_scale ? 9 : 0;
        std::array<uint8_t, kTcpOptionBytesMax> out{};
        const uint32_t length = write_tcp_options(options, out);
        ASSERT_EQ(length % 4, 0U);
        EXPECT_EQ(parse_tcp_options({out.data(), length}), options);
    }
}

TEST(TcpOptions, AreReadAsFarAsTheyAreWellFormed) {
    const std::vector<uint8_t> broken{2, 4, 5, 0xb4, 3, 1, 4, 2};
    EXPECT_EQ(parse_tcp_options(broken).mss, 0x5b4);
    EXPECT_FALSE(parse_tcp_options(broken).has_sack);
    EXPECT_EQ(parse_tcp_options(std::vector<uint8_t>{2, 5, 1}), TcpOptions{});
    EXPECT_EQ(parse_tcp_options(std::vector<uint8_t>{8}), TcpOptions{});
    EXPECT_EQ(parse_tcp_options(std::vector<uint8_t>{0, 4, 2, 0}), TcpOptions{});
    EXPECT_EQ(parse_tcp_options(std::vector<uint8_t>{3, 3, 200}).window_scale, 14);
}

// Linux's SYN: MSS 1460, SACK permitted, timestamps, window scale 7.
[[nodiscard]] std::vector<uint8_t> linux_syn_options(uint32_t timestamp) {
    TcpOptions options;
    options.mss = 1460;
    options.has_sack = options.has_timestamps = options.has_window_scale = true;
    options.timestamp = timestamp;
    options.window_scale = 7;
    std::array<uint8_t, kTcpOptionBytesMax> out{};
    return {out.begin(), out.begin() + write_tcp_options(options, out)};
}

[[nodiscard]] std::vector<uint8_t> timestamps(uint32_t value, uint32_t echo) {
    TcpOptions options;
    options.has_timestamps = true;
    options.timestamp = value;
    options.timestamp_echo = echo;
    std::array<uint8_t, kTcpOptionBytesMax> out{};
    return {out.begin(), out.begin() + write_tcp_options(options, out)};
}

[[nodiscard]] TcpOptions options_of(const FrameBytes& frame) {
    return parse_tcp_options({frame.l4() + 20, frame.tcp_header_bytes() - 20});
}

class SynProxyHandshake : public testing::TestWithParam<bool> {};

TEST_P(SynProxyHandshake, EndsWithTwoEndsThatUnderstandEachOther) {
    const bool is_ipv4 = GetParam();
    const Endpoint client = endpoint(is_ipv4 ? "192.0.2.1:4000" : "[2001:db8::1]:4000");
    const Endpoint service = endpoint(is_ipv4 ? "10.0.0.1:80" : "[2001:db8::2]:80");
    const SynProxyOffer offer;

    FrameSpec syn{client, service, 1000, 0, kTcpFlagSyn, 64240, linux_syn_options(77)};
    syn.has_vlan = true;
    syn.ip_option_bytes = is_ipv4 ? 8 : 0;
    TestFrame frame(syn);
    ASSERT_TRUE(build_syn_ack(frame.bytes, kKey, offer, kNow));
    ASSERT_EQ(fault_of(frame.bytes), "");
    EXPECT_EQ(frame.bytes.data[0], 0xbb) << "back where it came from";
    EXPECT_EQ(number_at(frame.bytes.data + 12, 4), 0x81000007U);
    EXPECT_EQ(frame.bytes.source(), service);
    EXPECT_EQ(frame.bytes.destination(), client);
    EXPECT_EQ(frame.bytes.l4()[13], kTcpFlagSyn | kTcpFlagAck);
    EXPECT_EQ(number_at(frame.bytes.l4() + 8, 4), 1001U);
    EXPECT_EQ(number_at(frame.bytes.l4() + 14, 2), 0U);
    const TcpOptions offered = options_of(frame.bytes);
    EXPECT_EQ(offered.mss, is_ipv4 ? 1460 : 1440);
    EXPECT_TRUE(offered.has_sack && offered.has_timestamps && offered.has_window_scale);
    EXPECT_EQ(offered.timestamp_echo, 77U);
    const uint32_t cookie = number_at(frame.bytes.l4() + 4, 4);

    FrameSpec ack{client,
                  service,
                  1001,
                  cookie + 1,
                  kTcpFlagAck,
                  502,
                  timestamps(78, offered.timestamp),
                  "GET /"};
    TestFrame ack_frame(ack);
    const auto proven = check_syn_cookie(ack_frame.bytes, kKey, offer, kNow);
    ASSERT_TRUE(proven);
    ASSERT_TRUE(build_syn_to_server(ack_frame.bytes, *proven));
    ASSERT_EQ(fault_of(ack_frame.bytes), "");
    EXPECT_EQ(number_at(ack_frame.bytes.l4() + 4, 4), 1000U);
    EXPECT_EQ(ack_frame.bytes.l4()[13], kTcpFlagSyn);
    EXPECT_EQ(number_at(ack_frame.bytes.l4() + 14, 2), 502U << 7);
    EXPECT_EQ(ack_frame.bytes.source(), client);
    const TcpOptions asked = options_of(ack_frame.bytes);
    EXPECT_EQ(asked.mss, is_ipv4 ? 1460 : 1440);
    EXPECT_EQ(asked.window_scale, 7);
    EXPECT_EQ(asked.timestamp, 78U);
    EXPECT_EQ(asked.timestamp_echo, 0U);

    // The server: another window scale, numbers and clock of its own.
    TcpOptions server_options;
    server_options.mss = 1400;
    server_options.has_sack = server_options.has_timestamps = true;
    server_options.has_window_scale = true;
    server_options.window_scale = 9;
    server_options.timestamp = 5'000'000;
    server_options.timestamp_echo = 78;
    std::array<uint8_t, kTcpOptionBytesMax> option_bytes{};
    const uint32_t option_length = write_tcp_options(server_options, option_bytes);
    const FrameSpec syn_ack{service,
                            client,
                            900'000,
                            1001,
                            kTcpFlagSyn | kTcpFlagAck,
                            51200,
                            {option_bytes.begin(), option_bytes.begin() + option_length}};
    TestFrame from_server(syn_ack);
    TestFrame copy(syn_ack);
    auto adjustment = splice(from_server.bytes, *proven, offer.window_scale);
    ASSERT_TRUE(adjustment);
    ASSERT_TRUE(build_ack_to_server(from_server.bytes, *proven));
    ASSERT_EQ(fault_of(from_server.bytes), "");
    EXPECT_EQ(from_server.bytes.source(), client);
    EXPECT_EQ(number_at(from_server.bytes.l4() + 4, 4), 1001U);
    EXPECT_EQ(number_at(from_server.bytes.l4() + 8, 4), 900'001U);
    EXPECT_EQ(number_at(from_server.bytes.l4() + 14, 2), 502U);
    EXPECT_EQ(options_of(from_server.bytes).timestamp, 78U);
    EXPECT_EQ(options_of(from_server.bytes).timestamp_echo, 5'000'000U);

    ASSERT_TRUE(build_window_update(copy.bytes));
    adjust_tcp(copy.bytes.l4(), copy.bytes.tcp_header_bytes(), TcpSender::kServer, *adjustment);
    ASSERT_EQ(fault_of(copy.bytes), "");
    EXPECT_EQ(number_at(copy.bytes.l4() + 4, 4), cookie + 1);
    EXPECT_EQ(number_at(copy.bytes.l4() + 8, 4), 1001U);
    EXPECT_EQ(number_at(copy.bytes.l4() + 14, 2) << 7, 51200U) << "as the client scales it";
    EXPECT_EQ(options_of(copy.bytes).timestamp, offered.timestamp);

    TestFrame request({client,
                       service,
                       1001,
                       cookie + 1,
                       kTcpFlagAck,
                       502,
                       timestamps(80, offered.timestamp),
                       "GET /"});
    adjust_tcp(
        request.bytes.l4(), request.bytes.tcp_header_bytes(), TcpSender::kClient, *adjustment);
    ASSERT_EQ(fault_of(request.bytes), "");
    EXPECT_EQ(number_at(request.bytes.l4() + 4, 4), 1001U);
    EXPECT_EQ(number_at(request.bytes.l4() + 8, 4), 900'001U);
    EXPECT_EQ(options_of(request.bytes).timestamp_echo, 5'000'000U);
}

INSTANTIATE_TEST_SUITE_P(Families, SynProxyHandshake, testing::Bool());

TEST(SynCookie, AServerThatCannotKeepThePromiseIsToldApart) {
    SynCookieClient client;
    client.options.has_timestamps = true;
    const Endpoint a = endpoint("10.0.0.1:80");
    const TestFrame without({a, a, 5, 6, kTcpFlagSyn | kTcpFlagAck, 100});
    EXPECT_FALSE(splice(without.bytes, client, 7));
    const TestFrame with({a, a, 5, 6, kTcpFlagSyn | kTcpFlagAck, 100, timestamps(1, 2)});
    EXPECT_TRUE(splice(with.bytes, client, 7));
}

TEST(SynCookie, OnlyAnAckCanProveAnything) {
    const Endpoint a = endpoint("10.0.0.1:80");
    const SynCookie cookie = make_syn_cookie(kKey, {a, a}, 5, {}, {}, kNow);
    for (const int flags : {0x02, 0x12, 0x14, 0x04, 0x00, 0x10, 0x18, 0x11}) {
        const TestFrame frame({a, a, 6, cookie.sequence + 1, static_cast<uint8_t>(flags)});
        const bool is_ack = (flags & 0x16) == 0x10;
        EXPECT_EQ(check_syn_cookie(frame.bytes, kKey, {}, kNow).has_value(), is_ack) << flags;
    }
}

TEST(SynCookie, AFrameWithoutRoomIsRefused) {
    const Endpoint a = endpoint("10.0.0.1:80");
    TestFrame tight({a, a, 5, 0, kTcpFlagSyn, 100}, 0, 3);
    EXPECT_FALSE(build_syn_ack(tight.bytes, kKey, {}, kNow));
    TestFrame enough({a, a, 5, 0, kTcpFlagSyn, 100}, 0, 4);
    EXPECT_TRUE(build_syn_ack(enough.bytes, kKey, {}, kNow));
    EXPECT_EQ(fault_of(enough.bytes), "");
}

}  // namespace
}  // namespace director::dataplane
