// IPVS's TCP state table, cell by cell (Linux 6.1 net/netfilter/ipvs/ip_vs_proto_tcp.c), and which
// flags select which row.
#include "dataplane/core/stages/tcp_state.h"

#include <fmt/format.h>

#include <string_view>

#include <gtest/gtest.h>

namespace director::dataplane {
namespace {

// In ipvsadm's order; the two letters as the kernel's source abbreviates them.
constexpr std::string_view kStates = "NO ES SS SR FW TW CL CW LA LI SA";

[[nodiscard]] ConnState state_of(std::string_view letters) {
    return static_cast<ConnState>(kStates.find(letters) / 3);
}

struct Cells {
    TcpView view;
    uint8_t flag;
    std::string_view next;  // by current state, in the order of kStates
};

constexpr TcpView kIn = TcpView::kClientToServer;
constexpr TcpView kOut = TcpView::kServerToClient;
constexpr TcpView kInOnly = TcpView::kClientOnly;

constexpr Cells kTable[] = {
    //                NO ES SS SR FW TW CL CW LA LI SA
    {kIn, kTcpSyn, "SR ES ES SR SR SR SR SR SR SR SR"},
    {kIn, kTcpFin, "CL CW SS TW TW TW CL CW LA LI TW"},
    {kIn, kTcpAck, "ES ES SS ES FW TW CL CW CL LI ES"},
    {kIn, kTcpRst, "CL CL CL SR CL CL CL CL LA LI SR"},
    {kOut, kTcpSyn, "SS ES SS SR SS SS SS SS SS LI SR"},
    {kOut, kTcpFin, "TW FW SS TW FW TW CL TW LA LI TW"},
    {kOut, kTcpAck, "ES ES SS ES FW TW CL CW LA ES ES"},
    {kOut, kTcpRst, "CL CL SS CL CL TW CL CL CL CL CL"},
    {kInOnly, kTcpSyn, "SR ES ES SR SR SR SR SR SR SR SR"},
    {kInOnly, kTcpFin, "CL FW SS TW FW TW CL CW LA LI TW"},
    {kInOnly, kTcpAck, "ES ES SS ES FW TW CL CW CL LI ES"},
    {kInOnly, kTcpRst, "CL CL CL SR CL CL CL CL LA LI CL"},
};

TEST(TcpState, EveryCellIsIpvs) {
    for (const Cells& row : kTable) {
        for (size_t i = 0; i < kStates.size(); i += 3) {
            const ConnState from = state_of(kStates.substr(i, 2));
            const ConnState to = state_of(row.next.substr(i, 2));
            EXPECT_EQ(to_string(next_tcp_state(from, row.view, row.flag)), to_string(to))
                << to_string(from) << " flag " << int{row.flag} << " view "
                << static_cast<int>(row.view);
        }
    }
}

TEST(TcpState, NoFlagMeansClose) {
    for (size_t i = 0; i < kStates.size(); i += 3) {
        const ConnState from = state_of(kStates.substr(i, 2));
        for (const uint8_t flags :
             std::initializer_list<uint8_t>{0x00, 0x08, 0x20, 0x40, 0x80, 0xe8}) {
            EXPECT_EQ(next_tcp_state(from, kIn, flags), ConnState::kClose);
            EXPECT_EQ(next_tcp_state(from, kOut, flags), ConnState::kClose);
            EXPECT_EQ(next_tcp_state(from, kInOnly, flags), ConnState::kClose);
        }
    }
}

TEST(TcpState, TheFirstOfRstSynFinAckDecides) {
    for (uint32_t flags = 0; flags < 256; ++flags) {
        uint8_t deciding = 0;
        for (const uint8_t candidate : {kTcpAck, kTcpFin, kTcpSyn, kTcpRst}) {
            deciding = (flags & candidate) != 0 ? candidate : deciding;
        }
        for (size_t i = 0; i < kStates.size(); i += 3) {
            const ConnState from = state_of(kStates.substr(i, 2));
            for (const TcpView view : {kIn, kOut, kInOnly}) {
                ASSERT_EQ(next_tcp_state(from, view, static_cast<uint8_t>(flags)),
                          next_tcp_state(from, view, deciding))
                    << flags;
            }
        }
    }
}

// Linux: only masquerading sees what servers answer (ip_vs_ctl.c, __ip_vs_update_dest:
// IP_VS_CONN_F_NOOUTPUT); full NAT, which IPVS has not, sees it too.
TEST(TcpState, TheViewFollowsFromTheForwardingMethod) {
    constexpr Direction kToServer = Direction::kClientToServer;
    constexpr Direction kToClient = Direction::kServerToClient;
    for (const ForwardingMethod method : {ForwardingMethod::kNat, ForwardingMethod::kFullNat}) {
        EXPECT_EQ(tcp_view(kToServer, method), kIn);
        EXPECT_EQ(tcp_view(kToClient, method), kOut);
    }
    for (const ForwardingMethod method :
         {ForwardingMethod::kDirect, ForwardingMethod::kTunnel, ForwardingMethod::kLocal}) {
        EXPECT_EQ(tcp_view(kToServer, method), kInOnly);
    }
}

// Linux: the states that count under ActiveConn, with IPVS's default timeouts.
TEST(TcpState, ActiveStatesAndTimeouts) {
    struct Row {
        std::string_view name;
        bool is_active;
        uint32_t seconds;
    };
    constexpr Row kRows[] = {
        {"NONE", false, 2},         {"ESTABLISHED", true, 900}, {"SYN_SENT", true, 120},
        {"SYN_RECV", true, 60},     {"FIN_WAIT", false, 120},   {"TIME_WAIT", false, 120},
        {"CLOSE", false, 10},       {"CLOSE_WAIT", false, 60},  {"LAST_ACK", false, 30},
        {"LISTEN", false, 120},     {"SYNACK", true, 120},      {"UDP", false, 300},
        {"ICMP", false, 30},        {"NONE", false, 2},         {"INIT1", false, 4},
        {"INIT", false, 61},        {"C-SENT", false, 61},      {"C-REPLIED", false, 61},
        {"C-WAIT", false, 61},      {"COOKIE", false, 61},      {"C-ECHOED", false, 61},
        {"ESTABLISHED", true, 900}, {"S-SENT", false, 61},      {"S-RECEIVED", false, 61},
        {"S-ACK-SENT", false, 61},  {"REJECTED", false, 4},     {"CLOSED", false, 61}};
    ASSERT_EQ(std::size(kRows), kConnStateCount);
    for (size_t i = 0; i < kConnStateCount; ++i) {
        const ConnState state = static_cast<ConnState>(i);
        EXPECT_EQ(to_string(state), kRows[i].name);
        EXPECT_EQ(is_active(state), kRows[i].is_active) << kRows[i].name;
        EXPECT_EQ(kDefaultConnTimeouts[i], kRows[i].seconds) << kRows[i].name;
    }
}

}  // namespace
}  // namespace director::dataplane
