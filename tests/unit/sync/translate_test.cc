// Our connections in IPVS's words and back: methods, flags, states; and what has no words there.
#include "controlplane/sync/translate.h"

#include <array>

#include <gtest/gtest.h>

#include "controlplane/sync/ipvs_states.h"

namespace director::sync {
namespace {

using dataplane::ConnState;
using dataplane::ForwardingMethod;
using dataplane::SyncRecord;

Endpoint at(std::string_view text) {
    return Endpoint::parse(text).value();
}

SyncRecord established() {
    SyncRecord record;
    record.state = ConnState::kEstablished;
    record.client = record.local = at("192.168.200.10:54321");
    record.virtual_service = at("192.168.201.15:80");
    record.real_server = at("10.1.1.2:8080");
    record.timeout_seconds = 900;
    return record;
}

TEST(SyncStates, AreIpvsNumbers) {
    // include/net/ip_vs.h, by hand.
    const std::array<std::pair<ConnState, uint16_t>, 16> rows{{
        {ConnState::kNone, 0},
        {ConnState::kEstablished, 1},
        {ConnState::kSynSent, 2},
        {ConnState::kSynRecv, 3},
        {ConnState::kFinWait, 4},
        {ConnState::kTimeWait, 5},
        {ConnState::kClose, 6},
        {ConnState::kCloseWait, 7},
        {ConnState::kLastAck, 8},
        {ConnState::kListen, 9},
        {ConnState::kSynAck, 10},
        {ConnState::kUdp, 0},
        {ConnState::kSctpNone, 0},
        {ConnState::kSctpEstablished, 8},
        {ConnState::kSctpRejected, 12},
        {ConnState::kSctpClosed, 13},
    }};
    for (const auto& [state, number] : rows) {
        EXPECT_EQ(to_ipvs_state(state), number) << to_string(state);
    }
    EXPECT_EQ(to_ipvs_state(ConnState::kIcmp), std::nullopt);
}

TEST(SyncStates, BackAndForth) {
    for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp}) {
        const uint16_t count = ipvs_state_count(static_cast<uint8_t>(protocol));
        for (uint16_t number = 0; number < count; ++number) {
            const auto state = from_ipvs_state(protocol, number);
            ASSERT_TRUE(state.has_value());
            EXPECT_EQ(to_ipvs_state(*state), number);
        }
        EXPECT_EQ(from_ipvs_state(protocol, count), std::nullopt);
    }
    EXPECT_EQ(from_ipvs_state(Protocol::kGre, 0), std::nullopt);
}

TEST(SyncTranslate, MethodsAndActivity) {
    const std::array<std::pair<ForwardingMethod, uint32_t>, 4> rows{{
        {ForwardingMethod::kNat, 0x000},
        {ForwardingMethod::kLocal, 0x081},
        {ForwardingMethod::kTunnel, 0x082},
        {ForwardingMethod::kDirect, 0x083},
    }};
    for (const auto& [method, flags] : rows) {
        SyncRecord record = established();
        record.forwarding = method;
        const auto wire = to_ipvs(record);
        ASSERT_TRUE(wire.has_value());
        EXPECT_EQ(wire->flags, flags);
        EXPECT_EQ(from_ipvs(*wire), record);
        record.state = ConnState::kFinWait;
        EXPECT_EQ(to_ipvs(record)->flags, flags | ipvs_flag::kInactive);
        record.state = ConnState::kUdp;
        record.protocol = Protocol::kUdp;
        EXPECT_EQ(to_ipvs(record)->flags, flags | ipvs_flag::kInactive);
    }
}

TEST(SyncTranslate, SequencesGoBothWays) {
    SyncRecord record = established();
    record.has_adjustment = true;
    record.adjustment.server = {100, 7, -3, true};
    const auto wire = to_ipvs(record);
    ASSERT_TRUE(wire.has_value());
    EXPECT_EQ(wire->flags & ipvs_flag::kSequences, ipvs_flag::kOutSequence);
    ASSERT_TRUE(wire->sequences.has_value());
    EXPECT_EQ(wire->sequences->out, (IpvsSequence{100, 7, 0xfffffffd}));
    EXPECT_EQ(from_ipvs(*wire), record);
    record.adjustment.client = {5, 12, 12, true};
    EXPECT_EQ(from_ipvs(to_ipvs(record).value()), record);
}

TEST(SyncTranslate, Templates) {
    SyncRecord record = established();
    record.is_template = true;
    record.state = ConnState::kNone;
    record.client = record.local = at("192.168.200.0:0");
    const auto wire = to_ipvs(record);
    ASSERT_TRUE(wire.has_value());
    EXPECT_EQ(wire->flags, ipvs_flag::kTemplate | ipvs_flag::kInactive);
    EXPECT_EQ(wire->state, kIpvsTemplateAssured);
    EXPECT_EQ(wire->protocol, 6);
    EXPECT_EQ(from_ipvs(*wire), record);
    record.mark = 4;
    EXPECT_EQ(to_ipvs(record)->protocol, 0);
    EXPECT_EQ(to_ipvs(record)->mark, 4U);
}

TEST(SyncTranslate, WhatIpvsCannotSay) {
    SyncRecord full_nat = established();
    full_nat.forwarding = ForwardingMethod::kFullNat;
    EXPECT_EQ(to_ipvs(full_nat), std::nullopt);
    SyncRecord six_to_four = established();
    six_to_four.client = at("[2001:db8::99]:1");
    six_to_four.virtual_service = at("[2001:db8::1]:80");
    EXPECT_EQ(to_ipvs(six_to_four), std::nullopt);
    SyncRecord timestamps = established();
    timestamps.has_adjustment = true;
    timestamps.adjustment.timestamp_delta = 1;
    EXPECT_EQ(to_ipvs(timestamps), std::nullopt);
}

TEST(SyncTranslate, WhatDirectorCannotHave) {
    const IpvsRecord good = to_ipvs(established()).value();
    EXPECT_TRUE(from_ipvs(good).has_value());
    IpvsRecord bypass = good;
    bypass.flags |= 4;
    EXPECT_EQ(from_ipvs(bypass), std::nullopt);
    IpvsRecord announced = good;
    announced.flags |= ipvs_flag::kNoClientPort;
    EXPECT_EQ(from_ipvs(announced), std::nullopt);
    IpvsRecord esp = good;
    esp.protocol = kEspNumber;
    esp.state = 0;
    EXPECT_EQ(from_ipvs(esp), std::nullopt);
}

}  // namespace
}  // namespace director::sync
