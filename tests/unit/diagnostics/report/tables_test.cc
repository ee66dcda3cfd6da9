// The tables' columns and formats are the tutorial's, byte for byte; JSON has the same cells.
#include <array>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "diagnostics/report/cells.h"
#include "diagnostics/report/flow_table.h"
#include "diagnostics/report/packet_table.h"

namespace director::diagnostics {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> split(const std::string& line) {
    std::vector<std::string> cells;
    std::string cell;
    for (std::istringstream in(line); std::getline(in, cell, '\t');) {
        cells.push_back(cell);
    }
    if (line.ends_with('\t')) {
        cells.emplace_back();
    }
    return cells;
}

// A line of what the tutorial prints: 0 is the header.
std::vector<std::string> tutorial(const char* file, size_t number) {
    std::ifstream in(std::string(DIRECTOR_TEST_DATA) + "/captures/expected/" + file);
    std::string line;
    for (size_t i = 0; i <= number; ++i) {
        EXPECT_TRUE(std::getline(in, line)) << file;
    }
    return split(line);
}

template <typename Record>
std::vector<std::string> names(Columns<Record> columns) {
    std::vector<std::string> names;
    for (const Column<Record>& column : columns) {
        names.emplace_back(column.name);
    }
    return names;
}

template <typename Record>
std::vector<std::string> row_of(Columns<Record> columns, const Record& record) {
    TextBuffer out;
    write_row(out, columns, record, {});
    std::string line = fmt::to_string(out);
    EXPECT_EQ(line.back(), '\n');
    line.pop_back();
    return split(line);
}

TEST(FlowTable, BeginsWithTheTutorialsColumnsInItsOrder) {
    const auto expected = tutorial("nmap-flows-multi.tsv", 0);
    auto columns = names(flow_columns());
    ASSERT_GT(columns.size(), expected.size());
    columns.resize(expected.size());
    EXPECT_EQ(columns, expected);
    TextBuffer out;
    write_header(out, flow_columns());
    EXPECT_THAT(fmt::to_string(out), testing::StartsWith("dir\tflowInd\tflowStat\ttimeFirst\t"));
}

// The facts of flow 1036 of the tutorial's nmap example, an OS probe of four SYNs.
FlowRecord probe_of_nmap() {
    FlowRecord flow;
    flow.flow = 1036;
    flow.status = 0x0400000000004000;
    flow.first_ns = 1'416'313'207'600'509'000;
    flow.last_ns = 1'416'313'209'299'168'000;
    flow.source_mac = {0xe0, 0x3f, 0x49, 0x7e, 0x59, 0x79};
    flow.destination_mac = {0x00, 0x00, 0x5e, 0x00, 0x01, 0x11};
    flow.has_macs = true;
    flow.ether_type = 0x0800;
    flow.layer3 = Layer3::kIpv4;
    flow.layer4 = Layer4::kTcp;
    flow.key.source = Ipv4Address::of(10, 20, 6, 125);
    flow.key.destination = Ipv4Address::of(10, 20, 0, 125);
    flow.key.source_port = 56862;
    flow.key.destination_port = 41089;
    flow.key.protocol = 6;
    flow.packets = 4;
    flow.arrival_gap_s = {4, 0, 0.58213, 0.42466475, 0.1861713};
    flow.tcp.status = 0x0013;
    flow.ip.id_difference_min = 14560;
    flow.ip.id_difference_max = 41214;
    flow.ip.ttl_min = 40;
    flow.ip.ttl_max = 53;
    flow.ip.ttl_changes = 3;
    flow.ip.flags = 0x0004;
    flow.tcp.sequence.first = 2449289213;
    flow.tcp.window.initial = flow.tcp.window.min = flow.tcp.window.max = 31337;
    flow.tcp.window.mean = 31337;
    flow.tcp.flags = 0x0002;
    flow.tcp.anomaly = 0x1000;
    flow.tcp.options.packets = 4;
    flow.tcp.options.count = 20;
    flow.tcp.options.kinds = 0x11e;
    flow.tcp.options.mss = 265;
    flow.tcp.timestamps.last = 4294967295;
    flow.tcp.timestamps.tick_s = 0.01F;
    flow.tcp.timestamps.up_s = 42949671.99;
    flow.tcp.timestamps.boot_s = 1373363537.309168;
    flow.tcp.states = 0x03;
    return flow;
}

TEST(FlowTable, PrintsARowOfTheTutorialAsItDoes) {
    const auto header = tutorial("nmap-flows-multi.tsv", 0);
    auto expected = tutorial("nmap-flows-multi.tsv", 2);
    const auto row = row_of(flow_columns(), probe_of_nmap());
    ASSERT_GT(row.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
        // Countries and organisations are left empty on purpose.
        const bool is_empty = header[i].ends_with("IPCC") || header[i].ends_with("IPOrg");
        EXPECT_EQ(row[i], is_empty ? "" : expected[i]) << header[i];
    }
}

TEST(PacketTable, BeginsWithTheTutorialsColumnsInItsOrder) {
    const auto expected = tutorial("frag-packets-flow4.tsv", 0);
    auto columns = names(packet_columns());
    ASSERT_GT(columns.size(), expected.size());
    columns.resize(expected.size());
    EXPECT_EQ(columns, expected);
}

struct Example {
    std::vector<uint8_t> bytes = {'G', 'E', 'T', '\t', 0xff, '"'};
    std::vector<uint8_t> options = {2, 4, 5, 0xb4, 1, 1, 4, 2};
    Packet packet;
    Headers headers;
    PacketRecord record;

    Example() {
        packet.number = 1281;
        packet.time_ns = 1'258'594'163'487'027'000;
        packet.wire_bytes = 62;
        headers.layer3 = Layer3::kIpv4;
        headers.layer4 = Layer4::kTcp;
        headers.ip.source = Ipv4Address::of(143, 166, 11, 10);
        headers.ip.destination = Ipv4Address::of(192, 168, 1, 105);
        headers.ip.protocol = 6;
        headers.ip.flags_and_offset = 0x4000;
        headers.ip.checksum = {0x6bba, 0x6bba, ChecksumVerdict::kGood};
        headers.tcp.mss = 1460;
        headers.tcp.options = options;
        headers.tcp.mptcp_count = 2;
        headers.tcp.mptcp[0] = {2, 0x05, 0, 0};
        headers.tcp.mptcp[1] = {3, 0, 0, 3};
        headers.payload = bytes;
        headers.payload_wire_bytes = 6;
        record.packet = &packet;
        record.headers = &headers;
        record.flow = 36;
        record.direction = Direction::kB;
        record.key.source_port = 64334;
        record.has_tcp = true;
        record.sequence = 3177226489;
        record.sequence_difference = -17940;
        record.id_difference = -25929;
        record.trip_ns = 78'742'000;
        record.anomaly = 0x00c0;
        record.in_flight = 19320;
        record.unacknowledged_payload = 4140;
    }
    [[nodiscard]] std::string cell(const char* name, const TableSettings& settings = {}) const {
        for (const Column<PacketRecord>& column : packet_columns()) {
            if (column.name == name && column.write != nullptr) {
                TextBuffer out;
                column.write(out, record, settings);
                return fmt::to_string(out);
            }
        }
        ADD_FAILURE() << "no column " << name;
        return "";
    }
};

TEST(PacketTable, FormatsAreTheTutorials) {
    const Example example;
    EXPECT_EQ(example.cell("time"), "1258594163.487027");
    EXPECT_EQ(example.cell("pktTrip"), "0.078742");
    EXPECT_EQ(example.cell("ipFrag"), "0x4000");
    EXPECT_EQ(example.cell("ipIDDiff"), "-25929");
    EXPECT_EQ(example.cell("seqDiff"), "-17940");
    EXPECT_EQ(example.cell("tcpAnomaly"), "0x00c0");
    EXPECT_EQ(example.cell("tcpOpts"), "0x02;0x04;0x05;0xb4;0x01;0x01;0x04;0x02");
    EXPECT_EQ(example.cell("tcpOptLen"), "8");
    EXPECT_EQ(example.cell("ipHdrChkSum"), "0x6bba");
    EXPECT_EQ(example.cell("hdrDesc"), "eth:ipv4:tcp");
    EXPECT_EQ(example.cell("tcpMPTyp"), "2;3");
    EXPECT_EQ(example.cell("tcpMPDSSF"), "0x05");
    EXPECT_EQ(example.cell("tcpMPAID"), "3");
}

// tcpBFlgt is the distance by sequence, as tshark has it; the tutorial's sum has a name of its own.
TEST(PacketTable, BytesInFlightHaveTwoColumns) {
    const Example example;
    EXPECT_EQ(example.cell("tcpBFlgt"), "19320");
    EXPECT_EQ(example.cell("tcpUnacked"), "4140");
}

TEST(PacketTable, ContentCannotBreakTheTable) {
    const Example example;
    EXPECT_EQ(example.cell("l7Content"), "GET..\"");
    EXPECT_EQ(example.cell("l7Content", {TosFormat::kHex, false, 2}), "GE");
    TextBuffer out;
    write_row(out, packet_columns(), example.record, {});
    const std::string row = fmt::to_string(out);
    EXPECT_EQ(static_cast<size_t>(std::ranges::count(row, '\t')), packet_columns().size() - 1);
}

TEST(PacketTable, ALaterFragmentHasNoTcpCells) {
    Example example;
    example.record.has_tcp = false;
    for (const char* name : {"seq", "tcpBFlgt", "tcpFStat", "tcpWin", "tcpOpts", "tcpMPTyp"}) {
        EXPECT_EQ(example.cell(name), "") << name;
    }
    TextBuffer out;
    write_json(out, packet_columns(), example.record, {});
    EXPECT_THAT(fmt::to_string(out), HasSubstr(R"("seq":null)"));
}

TEST(PacketTable, JsonHasTheSameCellsAndIsEscaped) {
    const Example example;
    TextBuffer out;
    write_json(out, packet_columns(), example.record, {});
    const std::string json = fmt::to_string(out);
    EXPECT_THAT(json, testing::StartsWith(R"({"pktNo":1281,"flowInd":36,"flowStat":"0x)"));
    EXPECT_THAT(json, HasSubstr(R"("l7Content":"GET..\"")"));
    EXPECT_THAT(json, HasSubstr(R"("ipIDDiff":-25929)"));
    EXPECT_THAT(json, Not(HasSubstr("srcIPCC")));
    out.clear();
    write_json(out, packet_columns(), example.record, {TosFormat::kHex, true, 0});
    EXPECT_THAT(fmt::to_string(out), HasSubstr(R"("seq":"0xbd60a0f9")"));
}

std::string text_of(void (*put)(TextBuffer&, double), double value) {
    TextBuffer out;
    put(out, value);
    return fmt::to_string(out);
}

TEST(Cells, FloatsHaveSevenDigits) {
    EXPECT_EQ(text_of(put_float, 0.41906234), "0.4190623");
    EXPECT_EQ(text_of(put_float, 45402), "45402");
    EXPECT_EQ(text_of(put_float, 64982.553), "64982.55");
    EXPECT_EQ(text_of(put_float, 524219.43), "524219.4");
    EXPECT_EQ(text_of(put_float, 0.000001), "1e-06");
    EXPECT_EQ(text_of(put_float, 0.001981506), "0.001981506");
    EXPECT_EQ(text_of(put_float, -1), "-1");
    EXPECT_EQ(text_of(put_seconds, 0), "0.000000");
}

TEST(Cells, TimesKeepNanosecondsWhereThereAreSome) {
    const auto time_of = [](int64_t nanoseconds) {
        TextBuffer out;
        put_time(out, nanoseconds);
        return fmt::to_string(out);
    };
    EXPECT_EQ(time_of(38'000), "0.000038");
    EXPECT_EQ(time_of(38'001), "0.000038001");
    EXPECT_EQ(time_of(-1'500'000'000), "-1.500000");
    EXPECT_EQ(time_of(INT64_MIN), "-9223372036.854775808");
}

TEST(Cells, TosInThreeFormats) {
    const auto tos_of = [](TosFormat format) {
        TextBuffer out;
        put_tos(out, 0xbb, {format, false, 0});
        return fmt::to_string(out);
    };
    EXPECT_EQ(tos_of(TosFormat::kHex), "0xbb");
    EXPECT_EQ(tos_of(TosFormat::kDscpEcn), "46_3");
    EXPECT_EQ(tos_of(TosFormat::kPrecedenceEcn), "5_3");
}

TEST(Cells, TheChainOfHeadersNamesTags) {
    HeaderChain chain;
    chain.vlan_count = 2;
    chain.layer3 = Layer3::kIpv6;
    chain.protocol = 17;  // a later fragment of UDP
    TextBuffer out;
    put_chain(out, chain);
    EXPECT_EQ(fmt::to_string(out), "eth:vlan:vlan:ipv6:udp");
    EXPECT_EQ(chain_length(chain), 5U);
}

}  // namespace
}  // namespace director::diagnostics
